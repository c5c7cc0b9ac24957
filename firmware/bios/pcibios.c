/*
 * PCI BIOS 2.1.
 */
#include "pcibios.h"
#include "pci.h"
#include "runtime.h"

#define PCI_OK           0x00
#define PCI_UNSUPPORTED  0x81
#define PCI_BAD_VENDOR   0x83
#define PCI_NOT_FOUND    0x86
#define PCI_BAD_REGISTER 0x87

static void installation_check(struct regs *r)
{
    r->ax.l = 0x01; /* mechanism 1 */
    r->bx.x = 0x0210;
    r->cx.l = rt.pci_last_bus;
    r->dx.e = 0x20494350; /* "PCI " */
    set_status(r, PCI_OK);
}

/* The SI-th function for which register `reg`, shifted right, is `wanted`. */
static void find(struct regs *r, uint8_t reg, unsigned shift, uint32_t wanted)
{
    unsigned left = r->si.x;
    for (int bdf = -1; (bdf = pci_next(bdf, rt.pci_last_bus)) >= 0;) {
        if (pci_read32((uint16_t)bdf, reg) >> shift == wanted && !left--) {
            r->bx.x = (uint16_t)bdf;
            set_status(r, PCI_OK);
            return;
        }
    }
    set_status(r, PCI_NOT_FOUND);
}

static void find_device(struct regs *r)
{
    if (r->dx.x == 0xFFFF)
        set_status(r, PCI_BAD_VENDOR);
    else
        find(r, PCI_VENDOR, 0, (uint32_t)r->cx.x << 16 | r->dx.x);
}

/* AL=08h-0Dh: read and write a byte, word or double word. */
static void config_access(struct regs *r)
{
    unsigned size = (r->ax.l - 0x08) % 3;
    uint16_t bdf = r->bx.x, reg = r->di.x;
    if (reg > 0xFF || (size && reg & ((1U << size) - 1))) {
        set_status(r, PCI_BAD_REGISTER);
        return;
    }
    switch (r->ax.l) {
    case 0x08: r->cx.l = pci_read8(bdf, (uint8_t)reg); break;
    case 0x09: r->cx.x = pci_read16(bdf, (uint8_t)reg); break;
    case 0x0A: r->cx.e = pci_read32(bdf, (uint8_t)reg); break;
    case 0x0B: pci_write8(bdf, (uint8_t)reg, r->cx.l); break;
    case 0x0C: pci_write16(bdf, (uint8_t)reg, r->cx.x); break;
    default: pci_write32(bdf, (uint8_t)reg, r->cx.e); break;
    }
    set_status(r, PCI_OK);
}

void pcibios_int1a(struct regs *r)
{
    uint8_t function = r->ax.l;
    if (!rt.has_pci) {
        set_status(r, PCI_UNSUPPORTED);
        return;
    }
    switch (function) {
    case 0x01: installation_check(r); break;
    case 0x02: find_device(r); break;
    case 0x03: find(r, PCI_REVISION, 8, r->cx.e & 0xFFFFFF); break;
    case 0x08:
    case 0x09:
    case 0x0A:
    case 0x0B:
    case 0x0C:
    case 0x0D: config_access(r); break;
    default: set_status(r, PCI_UNSUPPORTED); break;
    }
}
