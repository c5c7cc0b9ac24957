/*
 * PCI setup: bus numbers, windows, interrupt lines, and what the PIIX needs.
 */
#include "fwcfg.h"
#include "pci.h"
#include "pcialloc.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define MAX_RESOURCES 192
#define MAX_BUSES     32
#define IO_FIRST      0xC000 /* below: ISA, and the PIIX4's own blocks */
#define IO_END        0x10000
#define MEM_END       0xFEC00000 /* I/O APIC */
#define PM_BASE       0x0600
#define SMB_BASE      0x0700

#define PIIX3_ISA 0x70008086
#define PIIX4_ISA 0x71108086
#define PIIX3_IDE 0x70108086
#define PIIX4_IDE 0x71118086
#define PIIX4_PM  0x71138086

#define PIRQ_ROUTE 0x60 /* PIIX3 datasheet 2.2.8: A to D */

static struct pci_resource resource[MAX_RESOURCES];
static unsigned resource_count;
static uint16_t isa_bridge;

static void add(struct pci_resource r)
{
    if (resource_count == MAX_RESOURCES) {
        debug("PCI: more than %u windows, %04x register %02x left out\n", MAX_RESOURCES, r.bdf,
              r.reg);
        return;
    }
    resource[resource_count++] = r;
}

/* Gives buses behind bridges their numbers, depth first; returns the last one. */
static uint8_t number_buses(uint8_t bus, uint8_t last)
{
    for (int bdf = bus << 8; bdf >= 0 && bdf >> 8 == bus; bdf = pci_next(bdf, bus)) {
        if ((pci_read8((uint16_t)bdf, PCI_HEADER) & 0x7F) != 1 || last + 1 == MAX_BUSES)
            continue;
        uint8_t child = last + 1;
        pci_write32((uint16_t)bdf, PCI_BUSES, 0xFF0000U | (uint32_t)child << 8 | bus);
        last = number_buses(child, child);
        pci_write8((uint16_t)bdf, PCI_BUSES + 2, last);
        for (uint8_t kind = PCI_KIND_IO; kind <= PCI_KIND_MEM; kind++) {
            add((struct pci_resource){ .bdf = (uint16_t)bdf,
                                       .reg = kind == PCI_KIND_IO ? PCI_IO_BASE : PCI_MEM_BASE,
                                       .kind = kind,
                                       .bus = bus,
                                       .behind = child });
        }
    }
    return last;
}

/* Sizes a base register by writing ones (PCI 2.1, 6.2.5.1). Returns the registers it takes. */
static unsigned size_bar(uint16_t bdf, uint8_t reg, bool rom)
{
    uint32_t old = pci_read32(bdf, reg);
    pci_write32(bdf, reg, rom ? 0xFFFFF800 : 0xFFFFFFFF);
    uint32_t v = pci_read32(bdf, reg);
    pci_write32(bdf, reg, old);
    struct pci_resource r = { .bdf = bdf, .reg = reg, .kind = PCI_KIND_MEM, .bus = bdf >> 8 };
    uint64_t mask;
    if (!rom && (v & 1)) {
        r.kind = PCI_KIND_IO;
        mask = 0xFFFF0000 | (v & 0xFFFC);
    } else {
        mask = v & (rom ? 0xFFFFF800 : 0xFFFFFFF0);
        r.is64 = !rom && (v & 6) == 4 && reg < PCI_BAR0 + 20;
    }
    if (!v || !(uint32_t)(mask & 0xFFFFFFF0 & (r.kind == PCI_KIND_IO ? 0xFFFC : 0xFFFFFFFF)))
        return 1 + r.is64;
    if (r.is64) {
        pci_write32(bdf, reg + 4, 0xFFFFFFFF);
        mask |= (uint64_t)pci_read32(bdf, reg + 4) << 32;
        pci_write32(bdf, reg + 4, 0);
    } else {
        mask |= 0xFFFFFFFF00000000;
    }
    r.size = r.align = -mask;
    add(r);
    return 1 + r.is64;
}

static void size_function(uint16_t bdf)
{
    bool bridge = (pci_read8(bdf, PCI_HEADER) & 0x7F) == 1;
    uint16_t command = pci_read16(bdf, PCI_COMMAND);
    pci_write16(bdf, PCI_COMMAND, command & ~(PCI_CMD_IO | PCI_CMD_MEM));
    /* IDE in compatibility mode has no base registers to speak of except the bus master's. */
    bool legacy_ide = pci_read16(bdf, PCI_CLASS) == 0x0101 && !(pci_read8(bdf, 9) & 5);
    unsigned n = bridge ? 2 : 6;
    for (unsigned i = legacy_ide ? 4 : 0; i < n;)
        i += size_bar(bdf, PCI_BAR0 + 4 * i, false);
    size_bar(bdf, bridge ? PCI_BRIDGE_ROM : PCI_ROM, true);
    pci_write16(bdf, PCI_COMMAND, command);
}

/* The memory window: from where RAM may not be, larger only if the devices need it. */
static void place_memory(void)
{
    static const uint32_t starts[] = { 0xE0000000, 0xC0000000, 0x80000000 };
    do {
        for (unsigned i = 0; i < 3; i++) {
            if (starts[i] < rt.low_memory_end)
                break;
            struct pci_window window = { starts[i], MEM_END };
            if (pcialloc_place(resource, resource_count, PCI_KIND_MEM, rt.pci_last_bus, window))
                return;
        }
    } while (pcialloc_move_high(resource, resource_count));
    debug("PCI: memory windows do not fit below 4 GiB\n");
}

static void place_high(void)
{
    uint64_t base = UINT64_C(4) << 30;
    for (uint32_t i = 0; i < rt.e820_count; i++) {
        uint64_t end = rt.e820[i].addr + rt.e820[i].size;
        base = end > base ? end : base;
    }
    struct pci_window window = { base, UINT64_C(1) << 40 };
    pcialloc_place(resource, resource_count, PCI_KIND_HIGH, rt.pci_last_bus, window);
}

static void program_bridge(const struct pci_resource *r)
{
    uint32_t base = (uint32_t)r->addr, end = base + (uint32_t)r->size - 1;
    bool open = r->addr && r->size;
    if (r->kind == PCI_KIND_IO) {
        pci_write16(r->bdf, PCI_IO_BASE, open ? (base >> 8 & 0xF0) | (end & 0xF000) : 0x00F0);
        pci_write32(r->bdf, 0x30, 0);
    } else {
        pci_write32(r->bdf, PCI_MEM_BASE, open ? base >> 16 | (end & 0xFFF00000) : 0x0000FFF0);
        pci_write32(r->bdf, PCI_PREF_BASE, 0x0000FFF0);
        pci_write32(r->bdf, 0x28, 0);
        pci_write32(r->bdf, 0x2C, 0);
    }
}

static void program(void)
{
    for (unsigned i = 0; i < resource_count; i++) {
        const struct pci_resource *r = &resource[i];
        if (r->behind) {
            program_bridge(r);
            continue;
        }
        pci_write32(r->bdf, r->reg, (uint32_t)r->addr);
        if (r->is64)
            pci_write32(r->bdf, r->reg + 4, (uint32_t)(r->addr >> 32));
        if (!r->addr)
            debug("PCI: %04x register %02x: no room\n", r->bdf, r->reg);
    }
}

/* Links A-D go to IRQ 10, 10, 11, 11, level-triggered. */
static void setup_isa_bridge(uint16_t bdf)
{
    static const uint8_t irq[4] = { 10, 10, 11, 11 };
    isa_bridge = bdf;
    for (unsigned i = 0; i < 4; i++)
        pci_write8(bdf, PIRQ_ROUTE + i, irq[i]);
    outb(0x4D0, 0x00);
    outb(0x4D1, 1 << (10 - 8) | 1 << (11 - 8)); /* ELCR, PIIX3 datasheet 2.5.4 */
}

/* PIIX4 datasheet 7.1: power management and SMBus blocks. */
static void setup_pm(uint16_t bdf)
{
    if (!(pci_read8(bdf, 0x80) & 1)) {
        pci_write32(bdf, 0x40, PM_BASE | 1);
        pci_write8(bdf, 0x80, 1);
    }
    pci_write32(bdf, 0x90, SMB_BASE | 1);
    pci_write8(bdf, 0xD2, 0x09); /* SMBus host on, by IRQ 9 */
    pci_write8(bdf, PCI_IRQ_LINE, 9);
    rt.pm_base = pci_read16(bdf, 0x40) & 0xFFC0;
    rt.pm_timer = rt.pm_base + 8;
}

uint8_t pci_irq(uint8_t device, uint8_t pin)
{
    if (!isa_bridge || !pin)
        return 0;
    uint8_t irq = pci_read8(isa_bridge, PIRQ_ROUTE + ((device - 1 + pin - 1) & 3));
    return irq & 0x80 ? 0 : irq & 15;
}

static bool leads_to(uint16_t bridge, uint8_t bus)
{
    return (pci_read8(bridge, PCI_HEADER) & 0x7F) == 1 && pci_read8(bridge, PCI_BUSES + 1) == bus;
}

/* Interrupt pins behind bridges are swizzled (PCI-to-PCI bridge 1.0, 9.1). */
static uint8_t interrupt_line(uint16_t bdf)
{
    uint8_t pin = pci_read8(bdf, PCI_IRQ_PIN);
    while (pin && bdf >> 8) {
        pin = (uint8_t)(((pin - 1 + (bdf >> 3 & 31)) & 3) + 1);
        unsigned i = 0;
        while (i < rt.pci_count && !leads_to(rt.pci_function[i], bdf >> 8))
            i++;
        if (i == rt.pci_count)
            return 0;
        bdf = rt.pci_function[i];
    }
    return pci_irq(bdf >> 3 & 31, pin);
}

static void enable_function(uint16_t bdf)
{
    uint16_t command = pci_read16(bdf, PCI_COMMAND) | PCI_CMD_IO | PCI_CMD_MEM;
    uint16_t class = pci_read16(bdf, PCI_CLASS);
    uint32_t id = pci_read32(bdf, PCI_VENDOR);
    if ((pci_read8(bdf, PCI_HEADER) & 0x7F) == 1 || class == 0x0101)
        command |= PCI_CMD_MASTER;
    pci_write16(bdf, PCI_COMMAND, command);
    if (id != PIIX4_PM && pci_read8(bdf, PCI_IRQ_PIN))
        pci_write8(bdf, PCI_IRQ_LINE, interrupt_line(bdf));
}

void pci_list(void)
{
    uint8_t last = 0;
    rt.pci_count = 0;
    for (int next = -1; (next = pci_next(next, last)) >= 0 && rt.pci_count < MAX_FUNCTIONS;) {
        uint16_t bdf = (uint16_t)next;
        rt.pci_function[rt.pci_count++] = bdf;
        if ((pci_read8(bdf, PCI_HEADER) & 0x7F) == 1 && pci_read8(bdf, PCI_BUSES + 2) > last)
            last = pci_read8(bdf, PCI_BUSES + 2);
    }
    rt.pci_last_bus = last;
    rt.has_pci = rt.pci_count;
}

static void setup_ide(uint16_t bdf)
{
    pci_write16(bdf, 0x40, 0x8000); /* PIIX3 datasheet 2.3.11: decode both channels */
    pci_write16(bdf, 0x42, 0x8000);
}

/* What the BIOS sets at every start, S3's included: systems do not know these registers. */
static void setup_chip(uint16_t bdf)
{
    uint32_t id = pci_read32(bdf, PCI_VENDOR);
    if (id == PIIX3_ISA || id == PIIX4_ISA)
        setup_isa_bridge(bdf);
    else if (id == PIIX4_PM)
        setup_pm(bdf);
    else if (id == PIIX3_IDE || id == PIIX4_IDE)
        setup_ide(bdf);
}

void pci_setup(void)
{
    uint32_t host = pci_read32(0, PCI_VENDOR);
    if (host == 0xFFFFFFFF || host == 0)
        return;
    number_buses(0, 0);
    pci_list();
    for (unsigned i = 0; i < rt.pci_count; i++) {
        size_function(rt.pci_function[i]);
        setup_chip(rt.pci_function[i]);
    }
    struct pci_window io = { IO_FIRST, IO_END };
    if (!pcialloc_place(resource, resource_count, PCI_KIND_IO, rt.pci_last_bus, io))
        debug("PCI: I/O windows do not fit\n");
    place_memory();
    place_high();
    program();
    for (unsigned i = 0; i < rt.pci_count; i++)
        enable_function(rt.pci_function[i]);
}

void pci_resume(void)
{
    for (unsigned i = 0; i < rt.pci_count; i++)
        setup_chip(rt.pci_function[i]);
}
