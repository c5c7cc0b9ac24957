/*
 * Tables for systems without ACPI: MP configuration (MP specification 1.4, chapter 4) and PCI
 * interrupt routing ($PIR 1.0).
 */
#include "fwcfg.h"
#include "pci.h"
#include "post.h"
#include "x86.h"

#define IOAPIC     0xFEC00000
#define LOCAL_APIC 0xFEE00000
#define BUS_PCI    0
#define BUS_ISA    1
#define INT_NORMAL 0
#define INT_NMI    1
#define INT_EXTINT 3
#define LEVEL_HIGH 0x000D
#define MAX_CPUS   32
#define MAX_SIZE   0x680
#define PIR_SLOTS  31
#define PIR_IRQS   0x0C20 /* 5, 10, 11 */

/* Header, processors, two buses and an I/O APIC, pins of PCI and ISA, the local interrupts. */
_Static_assert(44 + MAX_CPUS * 20 + 3 * 8 + (MAX_FUNCTIONS + 15 + 2) * 8 <= MAX_SIZE, "MP table");

struct writer {
    uint8_t *at;
    uint16_t entries;
};

static void put(struct writer *w, const void *entry, uint32_t size)
{
    memcpy(w->at, entry, size);
    w->at += size;
    w->entries++;
}

static void put_processors(struct writer *w)
{
    uint32_t id[4];
    cpuid(1, id);
    for (unsigned apic = 0; apic < 255; apic++) {
        if (!smp_has_apic(apic))
            continue;
        uint8_t e[20] = { 0, (uint8_t)apic, 0x14, (uint8_t)(1 | (apic == 0) << 1) };
        memcpy(e + 4, &id[0], 4);
        memcpy(e + 8, &id[3], 4);
        put(w, e, sizeof(e));
    }
}

static void put_interrupt(struct writer *w, uint8_t type, uint16_t flags, uint8_t bus, uint8_t irq,
                          uint8_t pin)
{
    const uint8_t e[8] = { 3, type, (uint8_t)flags, (uint8_t)(flags >> 8), bus, irq, 0, pin };
    put(w, e, sizeof(e));
}

/* Each interrupt pin of a device on bus 0, and each ISA interrupt that no PCI device took. */
static void put_interrupts(struct writer *w)
{
    uint16_t taken = 1 << 2; /* IRQ 2 is the cascade; its input has the timer */
    for (unsigned i = 0; i < rt.pci_count; i++) {
        uint16_t bdf = rt.pci_function[i];
        uint8_t pin = pci_read8(bdf, PCI_IRQ_PIN), irq = pci_irq(bdf >> 3 & 31, pin);
        if (bdf >> 8 || !pin || pin > 4 || !irq)
            continue;
        taken |= (uint16_t)(1 << irq);
        put_interrupt(w, INT_NORMAL, LEVEL_HIGH, BUS_PCI, (uint8_t)((bdf >> 3) << 2 | (pin - 1)),
                      irq);
    }
    for (uint8_t irq = 0; irq < 16; irq++) {
        if (!(taken & 1 << irq))
            put_interrupt(w, INT_NORMAL, 0, BUS_ISA, irq, irq ? irq : 2);
    }
}

static void put_local(struct writer *w, uint8_t type, uint8_t target, uint8_t pin)
{
    const uint8_t e[8] = { 4, type, 0, 0, BUS_ISA, 0, target, pin };
    put(w, e, sizeof(e));
}

static uint32_t ioapic_version(void)
{
    *(volatile uint32_t *)IOAPIC = 1;
    return *(volatile uint32_t *)(IOAPIC + 0x10);
}

void mptable_setup(void)
{
    static const uint8_t pci[8] = "\1\0PCI   ", isa[8] = "\1\1ISA   ";
    uint32_t version = ioapic_version();
    uint8_t *floating = version == 0xFFFFFFFF || !version ? NULL : memory_table(16, 16);
    uint8_t *table = floating ? memory_table(MAX_SIZE, 16) : NULL;
    if (!table || rt.cpu_count > MAX_CPUS)
        return;
    struct writer w = { table + 44, 0 };
    put_processors(&w);
    put(&w, pci, sizeof(pci));
    put(&w, isa, sizeof(isa));
    uint8_t io[8] = { 2, 0, (uint8_t)version, 1, 0x00, 0x00, 0xC0, 0xFE };
    put(&w, io, sizeof(io));
    put_interrupts(&w);
    put_local(&w, INT_EXTINT, 0x00, 0);
    put_local(&w, INT_NMI, 0xFF, 1);

    uint16_t length = (uint16_t)(w.at - table);
    uint32_t apic = LOCAL_APIC, where = (uint32_t)table;
    memcpy(table, "PCMP", 4);
    memcpy(table + 4, &length, 2);
    table[6] = 4; /* specification 1.4 */
    memcpy(table + 8, "HVM-DM  Machine     ", 20);
    memcpy(table + 34, &w.entries, 2);
    memcpy(table + 36, &apic, 4);
    fix_checksum(table, length, table + 7);
    memcpy(floating, "_MP_", 4);
    memcpy(floating + 4, &where, 4);
    floating[8] = 1;
    floating[9] = 4;
    fix_checksum(floating, 16, floating + 10);
}

void pirtable_setup(void)
{
    uint16_t size = 32 + 16 * PIR_SLOTS;
    uint8_t *t = memory_table(size, 16);
    if (!t)
        return;
    memcpy(t, "$PIR\0\1", 6);
    memcpy(t + 6, &size, 2);
    t[9] = 1 << 3;                         /* the router is 00:01.0 */
    memcpy(t + 12, "\x86\x80\x00\x70", 4); /* PIIX3 */
    for (uint8_t slot = 1; slot <= PIR_SLOTS; slot++) {
        uint8_t *e = t + 32 + 16 * (slot - 1);
        e[1] = (uint8_t)(slot << 3);
        for (unsigned pin = 0; pin < 4; pin++) {
            e[2 + 3 * pin] = 0x60 + ((slot - 1 + pin) & 3);
            e[3 + 3 * pin] = PIR_IRQS & 0xFF;
            e[4 + 3 * pin] = PIR_IRQS >> 8;
        }
        e[14] = slot;
    }
    fix_checksum(t, size, t + 31);
}
