/*
 * PCI configuration space by mechanism 1 (PCI 2.1, 3.6.4.1). For both modes.
 * A function is named by its bdf: bus << 8 | device << 3 | function.
 */
#ifndef BIOS_PCI_H
#define BIOS_PCI_H

#include <stdint.h>
#include "x86.h"

#define PCI_VENDOR     0x00
#define PCI_COMMAND    0x04
#define PCI_CMD_IO     0x01
#define PCI_CMD_MEM    0x02
#define PCI_CMD_MASTER 0x04
#define PCI_REVISION   0x08 /* class << 8 | revision */
#define PCI_CLASS      0x0A
#define PCI_HEADER     0x0E
#define PCI_BAR0       0x10
#define PCI_BUSES      0x18 /* bridge: primary, secondary, subordinate */
#define PCI_IO_BASE    0x1C
#define PCI_MEM_BASE   0x20
#define PCI_PREF_BASE  0x24
#define PCI_SUBSYSTEM  0x2C
#define PCI_ROM        0x30
#define PCI_BRIDGE_ROM 0x38
#define PCI_IRQ_LINE   0x3C
#define PCI_IRQ_PIN    0x3D
#define PCI_BRIDGE_CTL 0x3E

static inline void pci_select(uint16_t bdf, uint8_t reg)
{
    outl(0xCF8, 0x80000000U | (uint32_t)bdf << 8 | (reg & 0xFC));
}

static inline uint32_t pci_read32(uint16_t bdf, uint8_t reg)
{
    pci_select(bdf, reg);
    return inl(0xCFC);
}

static inline uint16_t pci_read16(uint16_t bdf, uint8_t reg)
{
    pci_select(bdf, reg);
    return inw(0xCFC + (reg & 2));
}

static inline uint8_t pci_read8(uint16_t bdf, uint8_t reg)
{
    pci_select(bdf, reg);
    return inb(0xCFC + (reg & 3));
}

static inline void pci_write32(uint16_t bdf, uint8_t reg, uint32_t v)
{
    pci_select(bdf, reg);
    outl(0xCFC, v);
}

static inline void pci_write16(uint16_t bdf, uint8_t reg, uint16_t v)
{
    pci_select(bdf, reg);
    outw(0xCFC + (reg & 2), v);
}

static inline void pci_write8(uint16_t bdf, uint8_t reg, uint8_t v)
{
    pci_select(bdf, reg);
    outb(0xCFC + (reg & 3), v);
}

/*
 * The next function that exists after bdf (start with -1), up to bus `last_bus`; -1 after the
 * last. Functions 1-7 are looked at only where function 0 says there are some.
 */
static inline int pci_next(int bdf, uint8_t last_bus)
{
    for (;;) {
        if (bdf >= 0 && !(bdf & 7) && !(pci_read8((uint16_t)bdf, PCI_HEADER) & 0x80))
            bdf += 8;
        else
            bdf++;
        for (;; bdf += bdf & 7 ? 1 : 8) {
            if (bdf >> 8 > last_bus)
                return -1;
            uint16_t vendor = pci_read16((uint16_t)bdf, PCI_VENDOR);
            if (vendor != 0xFFFF && vendor != 0)
                return bdf;
        }
    }
}

#endif
