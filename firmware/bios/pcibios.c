/*
 * PCI BIOS 2.1. For both modes; the 32-bit one runs wherever the system mapped it, so there is no
 * data in this file.
 */
#include "pcibios.h"
#include "pci.h"

#define PCI_OK           0x00
#define PCI_UNSUPPORTED  0x81
#define PCI_BAD_VENDOR   0x83
#define PCI_NOT_FOUND    0x86
#define PCI_BAD_REGISTER 0x87

static void installation_check(struct regs *r, uint8_t last_bus)
{
    r->ax.l = 0x01; /* mechanism 1 */
    r->bx.x = 0x0210;
    r->cx.l = last_bus;
    r->dx.e = 0x20494350; /* "PCI " */
    set_status(r, PCI_OK);
}

/* The SI-th function for which register `reg`, shifted right, is `wanted`. */
static void find(struct regs *r, uint8_t last_bus, uint8_t reg, unsigned shift, uint32_t wanted)
{
    unsigned left = r->si.x;
    for (int bdf = -1; (bdf = pci_next(bdf, last_bus)) >= 0;) {
        if (pci_read32((uint16_t)bdf, reg) >> shift == wanted && !left--) {
            r->bx.x = (uint16_t)bdf;
            set_status(r, PCI_OK);
            return;
        }
    }
    set_status(r, PCI_NOT_FOUND);
}

static void find_device(struct regs *r, uint8_t last_bus)
{
    if (r->dx.x == 0xFFFF)
        set_status(r, PCI_BAD_VENDOR);
    else
        find(r, last_bus, PCI_VENDOR, 0, (uint32_t)r->cx.x << 16 | r->dx.x);
}

/* AL=08h-0Dh: read and write a byte, word or double word. */
static void config_access(struct regs *r)
{
    unsigned function = r->ax.l & 0x7F, size = (function - 0x08) % 3;
    uint16_t bdf = r->bx.x, reg = r->di.x;
    if (reg > 0xFF || (size && reg & ((1U << size) - 1))) {
        set_status(r, PCI_BAD_REGISTER);
        return;
    }
    switch (function) {
    case 0x08: r->cx.l = pci_read8(bdf, (uint8_t)reg); break;
    case 0x09: r->cx.x = pci_read16(bdf, (uint8_t)reg); break;
    case 0x0A: r->cx.e = pci_read32(bdf, (uint8_t)reg); break;
    case 0x0B: pci_write8(bdf, (uint8_t)reg, r->cx.l); break;
    case 0x0C: pci_write16(bdf, (uint8_t)reg, r->cx.x); break;
    default: pci_write32(bdf, (uint8_t)reg, r->cx.e); break;
    }
    set_status(r, PCI_OK);
}

void pcibios_call(struct regs *r, uint8_t last_bus)
{
    switch (r->ax.l &
            0x7F) { /* bit 7 tells the protected-mode caller; the functions are the same */
    case 0x01: installation_check(r, last_bus); break;
    case 0x02: find_device(r, last_bus); break;
    case 0x03: find(r, last_bus, PCI_REVISION, 8, r->cx.e & 0xFFFFFF); break;
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x0B:
    case 0x0C:
    case 0x0D: config_access(r); break;
    default: set_status(r, PCI_UNSUPPORTED); break;
    }
}
