/*
 * The DSDT of the machine: an i440FX host bridge, a PIIX3 south bridge with the PC's fixed devices
 * and the PIIX4 power-management function.
 *
 * What differs between two machines is not here but in the SSDT that hw/machine/acpi.c writes: the
 * integers declared External below, PCI0's resource windows (_CRS) and the processors.
 *
 * Sources: ACPI specification 3.0; 82371SB (PIIX3) and 82371AB (PIIX4) datasheets.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 2, "HVMDM ", "HVMDMPC ", 1)
{
    External (\DEVS, IntObj)    // which optional devices there are: bits of enum acpi_device
    External (\PMIO, IntObj)    // I/O base of the power-management registers, 64 ports
    External (\GPIO, IntObj)    // I/O base of the general-purpose event block, 4 ports

    // PIIX4 datasheet, PMCNTRL.SUS_TYP: 0 is soft off and suspend to disk, 1 suspend to RAM.
    Name (\_S3, Package () { 1, 1, 0, 0 })
    Name (\_S4, Package () { 0, 0, 0, 0 })
    Name (\_S5, Package () { 0, 0, 0, 0 })

    Scope (\_GPE)
    {
        Name (_HID, "ACPI0006")     // no event is wired to the block: nothing to handle
    }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, Zero)
            Name (_BBN, Zero)

            // INTA#..INTD# of a slot go to PIRQA..PIRQD, turned by one link for each slot. The
            // power-management function (1.3, INTA#) has the SCI, which no link can move.
            Name (_PRT, Package ()
            {
                Package () { 0x0000FFFF, 0, LNKD, 0 }, Package () { 0x0000FFFF, 1, LNKA, 0 },
                Package () { 0x0000FFFF, 2, LNKB, 0 }, Package () { 0x0000FFFF, 3, LNKC, 0 },
                Package () { 0x0001FFFF, 0, LNKS, 0 }, Package () { 0x0001FFFF, 1, LNKB, 0 },
                Package () { 0x0001FFFF, 2, LNKC, 0 }, Package () { 0x0001FFFF, 3, LNKD, 0 },
                Package () { 0x0002FFFF, 0, LNKB, 0 }, Package () { 0x0002FFFF, 1, LNKC, 0 },
                Package () { 0x0002FFFF, 2, LNKD, 0 }, Package () { 0x0002FFFF, 3, LNKA, 0 },
                Package () { 0x0003FFFF, 0, LNKC, 0 }, Package () { 0x0003FFFF, 1, LNKD, 0 },
                Package () { 0x0003FFFF, 2, LNKA, 0 }, Package () { 0x0003FFFF, 3, LNKB, 0 },
                Package () { 0x0004FFFF, 0, LNKD, 0 }, Package () { 0x0004FFFF, 1, LNKA, 0 },
                Package () { 0x0004FFFF, 2, LNKB, 0 }, Package () { 0x0004FFFF, 3, LNKC, 0 },
                Package () { 0x0005FFFF, 0, LNKA, 0 }, Package () { 0x0005FFFF, 1, LNKB, 0 },
                Package () { 0x0005FFFF, 2, LNKC, 0 }, Package () { 0x0005FFFF, 3, LNKD, 0 },
                Package () { 0x0006FFFF, 0, LNKB, 0 }, Package () { 0x0006FFFF, 1, LNKC, 0 },
                Package () { 0x0006FFFF, 2, LNKD, 0 }, Package () { 0x0006FFFF, 3, LNKA, 0 },
                Package () { 0x0007FFFF, 0, LNKC, 0 }, Package () { 0x0007FFFF, 1, LNKD, 0 },
                Package () { 0x0007FFFF, 2, LNKA, 0 }, Package () { 0x0007FFFF, 3, LNKB, 0 },
                Package () { 0x0008FFFF, 0, LNKD, 0 }, Package () { 0x0008FFFF, 1, LNKA, 0 },
                Package () { 0x0008FFFF, 2, LNKB, 0 }, Package () { 0x0008FFFF, 3, LNKC, 0 },
                Package () { 0x0009FFFF, 0, LNKA, 0 }, Package () { 0x0009FFFF, 1, LNKB, 0 },
                Package () { 0x0009FFFF, 2, LNKC, 0 }, Package () { 0x0009FFFF, 3, LNKD, 0 },
                Package () { 0x000AFFFF, 0, LNKB, 0 }, Package () { 0x000AFFFF, 1, LNKC, 0 },
                Package () { 0x000AFFFF, 2, LNKD, 0 }, Package () { 0x000AFFFF, 3, LNKA, 0 },
                Package () { 0x000BFFFF, 0, LNKC, 0 }, Package () { 0x000BFFFF, 1, LNKD, 0 },
                Package () { 0x000BFFFF, 2, LNKA, 0 }, Package () { 0x000BFFFF, 3, LNKB, 0 },
                Package () { 0x000CFFFF, 0, LNKD, 0 }, Package () { 0x000CFFFF, 1, LNKA, 0 },
                Package () { 0x000CFFFF, 2, LNKB, 0 }, Package () { 0x000CFFFF, 3, LNKC, 0 },
                Package () { 0x000DFFFF, 0, LNKA, 0 }, Package () { 0x000DFFFF, 1, LNKB, 0 },
                Package () { 0x000DFFFF, 2, LNKC, 0 }, Package () { 0x000DFFFF, 3, LNKD, 0 },
                Package () { 0x000EFFFF, 0, LNKB, 0 }, Package () { 0x000EFFFF, 1, LNKC, 0 },
                Package () { 0x000EFFFF, 2, LNKD, 0 }, Package () { 0x000EFFFF, 3, LNKA, 0 },
                Package () { 0x000FFFFF, 0, LNKC, 0 }, Package () { 0x000FFFFF, 1, LNKD, 0 },
                Package () { 0x000FFFFF, 2, LNKA, 0 }, Package () { 0x000FFFFF, 3, LNKB, 0 },
                Package () { 0x0010FFFF, 0, LNKD, 0 }, Package () { 0x0010FFFF, 1, LNKA, 0 },
                Package () { 0x0010FFFF, 2, LNKB, 0 }, Package () { 0x0010FFFF, 3, LNKC, 0 },
                Package () { 0x0011FFFF, 0, LNKA, 0 }, Package () { 0x0011FFFF, 1, LNKB, 0 },
                Package () { 0x0011FFFF, 2, LNKC, 0 }, Package () { 0x0011FFFF, 3, LNKD, 0 },
                Package () { 0x0012FFFF, 0, LNKB, 0 }, Package () { 0x0012FFFF, 1, LNKC, 0 },
                Package () { 0x0012FFFF, 2, LNKD, 0 }, Package () { 0x0012FFFF, 3, LNKA, 0 },
                Package () { 0x0013FFFF, 0, LNKC, 0 }, Package () { 0x0013FFFF, 1, LNKD, 0 },
                Package () { 0x0013FFFF, 2, LNKA, 0 }, Package () { 0x0013FFFF, 3, LNKB, 0 },
                Package () { 0x0014FFFF, 0, LNKD, 0 }, Package () { 0x0014FFFF, 1, LNKA, 0 },
                Package () { 0x0014FFFF, 2, LNKB, 0 }, Package () { 0x0014FFFF, 3, LNKC, 0 },
                Package () { 0x0015FFFF, 0, LNKA, 0 }, Package () { 0x0015FFFF, 1, LNKB, 0 },
                Package () { 0x0015FFFF, 2, LNKC, 0 }, Package () { 0x0015FFFF, 3, LNKD, 0 },
                Package () { 0x0016FFFF, 0, LNKB, 0 }, Package () { 0x0016FFFF, 1, LNKC, 0 },
                Package () { 0x0016FFFF, 2, LNKD, 0 }, Package () { 0x0016FFFF, 3, LNKA, 0 },
                Package () { 0x0017FFFF, 0, LNKC, 0 }, Package () { 0x0017FFFF, 1, LNKD, 0 },
                Package () { 0x0017FFFF, 2, LNKA, 0 }, Package () { 0x0017FFFF, 3, LNKB, 0 },
                Package () { 0x0018FFFF, 0, LNKD, 0 }, Package () { 0x0018FFFF, 1, LNKA, 0 },
                Package () { 0x0018FFFF, 2, LNKB, 0 }, Package () { 0x0018FFFF, 3, LNKC, 0 },
                Package () { 0x0019FFFF, 0, LNKA, 0 }, Package () { 0x0019FFFF, 1, LNKB, 0 },
                Package () { 0x0019FFFF, 2, LNKC, 0 }, Package () { 0x0019FFFF, 3, LNKD, 0 },
                Package () { 0x001AFFFF, 0, LNKB, 0 }, Package () { 0x001AFFFF, 1, LNKC, 0 },
                Package () { 0x001AFFFF, 2, LNKD, 0 }, Package () { 0x001AFFFF, 3, LNKA, 0 },
                Package () { 0x001BFFFF, 0, LNKC, 0 }, Package () { 0x001BFFFF, 1, LNKD, 0 },
                Package () { 0x001BFFFF, 2, LNKA, 0 }, Package () { 0x001BFFFF, 3, LNKB, 0 },
                Package () { 0x001CFFFF, 0, LNKD, 0 }, Package () { 0x001CFFFF, 1, LNKA, 0 },
                Package () { 0x001CFFFF, 2, LNKB, 0 }, Package () { 0x001CFFFF, 3, LNKC, 0 },
                Package () { 0x001DFFFF, 0, LNKA, 0 }, Package () { 0x001DFFFF, 1, LNKB, 0 },
                Package () { 0x001DFFFF, 2, LNKC, 0 }, Package () { 0x001DFFFF, 3, LNKD, 0 },
                Package () { 0x001EFFFF, 0, LNKB, 0 }, Package () { 0x001EFFFF, 1, LNKC, 0 },
                Package () { 0x001EFFFF, 2, LNKD, 0 }, Package () { 0x001EFFFF, 3, LNKA, 0 },
                Package () { 0x001FFFFF, 0, LNKC, 0 }, Package () { 0x001FFFFF, 1, LNKD, 0 },
                Package () { 0x001FFFFF, 2, LNKA, 0 }, Package () { 0x001FFFFF, 3, LNKB, 0 }
            })

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (PIRQ, PCI_Config, 0x60, 0x04)  // PIIX3 PIRQRC[A:D]
            }
        }

        // PIRQ route control registers: bit 7 set = not routed, bits 3:0 = the ISA interrupt.
        Field (\_SB.PCI0.ISA.PIRQ, ByteAcc, NoLock, Preserve)
        {
            PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8
        }

        Method (LSTA, 1)
        {
            If (Arg0 & 0x80)
            {
                Return (0x09)
            }
            Return (0x0B)
        }

        Name (RBUF, ResourceTemplate ()
        {
            Interrupt (, Level, ActiveHigh, Shared, , , RINT) { 0 }
        })
        Method (LCRS, 1, Serialized)
        {
            CreateDWordField (RBUF, ^RINT._INT, IRQN)
            IRQN = Zero
            If (!(Arg0 & 0x80))
            {
                IRQN = Arg0 & 0x0F
            }
            Return (RBUF)
        }

        // The interrupt number in the resource buffer that an OS hands to _SRS.
        Method (LSRS, 1, Serialized)
        {
            CreateDWordField (Arg0, 0x05, IRQN)
            Return (IRQN & 0x0F)
        }

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 1)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (LSTA (PRQA)) }
            Method (_DIS) { PRQA |= 0x80 }
            Method (_CRS) { Return (LCRS (PRQA)) }
            Method (_SRS, 1) { PRQA = LSRS (Arg0) }
        }

        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 2)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (LSTA (PRQB)) }
            Method (_DIS) { PRQB |= 0x80 }
            Method (_CRS) { Return (LCRS (PRQB)) }
            Method (_SRS, 1) { PRQB = LSRS (Arg0) }
        }

        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 3)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (LSTA (PRQC)) }
            Method (_DIS) { PRQC |= 0x80 }
            Method (_CRS) { Return (LCRS (PRQC)) }
            Method (_SRS, 1) { PRQC = LSRS (Arg0) }
        }

        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (LSTA (PRQD)) }
            Method (_DIS) { PRQD |= 0x80 }
            Method (_CRS) { Return (LCRS (PRQD)) }
            Method (_SRS, 1) { PRQD = LSRS (Arg0) }
        }

        Device (LNKS)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 5)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (, Level, ActiveHigh, Shared) { 9 }
            })
            Name (_CRS, ResourceTemplate ()
            {
                Interrupt (, Level, ActiveHigh, Shared) { 9 }
            })
            Method (_STA) { Return (0x0B) }
            Method (_DIS) { }
            Method (_SRS, 1) { }
        }
    }

    Scope (\_SB.PCI0)
    {
        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, Zero)
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFED00000, 0x00000400)
            })
            Method (_STA) { Return (DSTA (0x01)) }
        }

        // Ports that no PCI device may be given: power management and its event block.
        Device (PMRS)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, 1)
            Name (RBUF, ResourceTemplate ()
            {
                IO (Decode16, 0, 0, 1, 64, PMR0)
                IO (Decode16, 0, 0, 1, 4, PMR1)
            })
            Method (_CRS, 0, Serialized)
            {
                CreateWordField (RBUF, ^PMR0._MIN, MIN0)
                CreateWordField (RBUF, ^PMR0._MAX, MAX0)
                CreateWordField (RBUF, ^PMR1._MIN, MIN1)
                CreateWordField (RBUF, ^PMR1._MAX, MAX1)
                MIN0 = \PMIO
                MAX0 = \PMIO
                MIN1 = \GPIO
                MAX1 = \GPIO
                Return (RBUF)
            }
        }

        // _STA of an optional device: Arg0 is its bit in DEVS.
        Method (DSTA, 1)
        {
            If (\DEVS & Arg0)
            {
                Return (0x0F)
            }
            Return (Zero)
        }
    }

    Scope (\_SB.PCI0.ISA)
    {
        Device (PIC)
        {
            Name (_HID, EisaId ("PNP0000"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0020, 0x0020, 1, 2)
                IO (Decode16, 0x00A0, 0x00A0, 1, 2)
                IO (Decode16, 0x04D0, 0x04D0, 1, 2)
                IRQNoFlags () { 2 }
            })
        }

        Device (DMAC)
        {
            Name (_HID, EisaId ("PNP0200"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0000, 0x0000, 1, 16)
                IO (Decode16, 0x0081, 0x0081, 1, 3)
                IO (Decode16, 0x0087, 0x0087, 1, 1)
                IO (Decode16, 0x0089, 0x0089, 1, 3)
                IO (Decode16, 0x008F, 0x008F, 1, 1)
                IO (Decode16, 0x00C0, 0x00C0, 1, 32)
                DMA (Compatibility, NotBusMaster, Transfer8) { 4 }
            })
        }

        Device (TMR)
        {
            Name (_HID, EisaId ("PNP0100"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0040, 0x0040, 1, 4)
                IRQNoFlags () { 0 }
            })
        }

        Device (RTC)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0070, 0x0070, 1, 2)
                IRQNoFlags () { 8 }
            })
        }

        Device (SPKR)
        {
            Name (_HID, EisaId ("PNP0800"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0061, 0x0061, 1, 1)
            })
        }

        // Chipset ports of no other device: POST code, port 92h, APM control and status.
        Device (MBRD)
        {
            Name (_HID, EisaId ("PNP0C02"))
            Name (_UID, 2)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0080, 0x0080, 1, 1)
                IO (Decode16, 0x0092, 0x0092, 1, 1)
                IO (Decode16, 0x00B2, 0x00B2, 1, 2)
            })
        }

        Device (KBD)
        {
            Name (_HID, EisaId ("PNP0303"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0060, 0x0060, 1, 1)
                IO (Decode16, 0x0064, 0x0064, 1, 1)
                IRQNoFlags () { 1 }
            })
            Method (_STA) { Return (DSTA (0x02)) }
        }

        Device (MOU)
        {
            Name (_HID, EisaId ("PNP0F13"))
            Name (_CRS, ResourceTemplate ()
            {
                IRQNoFlags () { 12 }
            })
            Method (_STA) { Return (DSTA (0x02)) }
        }

        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F8, 0x03F8, 1, 8)
                IRQNoFlags () { 4 }
            })
            Method (_STA) { Return (DSTA (0x04)) }
        }

        Device (COM2)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 2)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x02F8, 0x02F8, 1, 8)
                IRQNoFlags () { 3 }
            })
            Method (_STA) { Return (DSTA (0x08)) }
        }

        Device (LPT1)
        {
            Name (_HID, EisaId ("PNP0400"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0378, 0x0378, 1, 8)
                IRQNoFlags () { 7 }
            })
            Method (_STA) { Return (DSTA (0x10)) }
        }

        Device (FDC)
        {
            Name (_HID, EisaId ("PNP0700"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F2, 0x03F2, 1, 4)
                IO (Decode16, 0x03F7, 0x03F7, 1, 1)
                IRQNoFlags () { 6 }
                DMA (Compatibility, NotBusMaster, Transfer8) { 2 }
            })
            Method (_STA) { Return (DSTA (0x20)) }
        }

        // The firmware configuration ports; the OS binds to them by this name (fw_cfg interface).
        Device (FWCF)
        {
            Name (_HID, "QEMU0002")
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0510, 0x0510, 1, 12)
            })
            Method (_STA)
            {
                If (\DEVS & 0x40)
                {
                    Return (0x0B)   // hidden: no driver is to be asked for
                }
                Return (Zero)
            }
        }
    }
}
