/*
 * The 82093AA I/O APIC: 24 pins, each with a redirection table entry that says which message goes
 * to which local APIC.
 *
 * Source: Intel 82093AA datasheet (290566-001); for version 0x20 the EOI register of the ICH2
 * datasheet (290687), 8.5.
 *
 * A message arrives as soon as it is sent, so the delivery status is always idle. Lines here are
 * asserted or not whatever their polarity on the board, so that bit is kept and means nothing.
 */
#include "hw/intc/ioapic.h"

#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/state.h"

#include <errno.h>

#define IOAPIC_SIZE 0x1000

/* Memory offsets. */
#define IOREGSEL 0x00
#define IOWIN    0x10
#define EOI      0x40

/* Indexes by IOREGSEL. */
#define IOAPICID  0x00
#define IOAPICVER 0x01
#define IOAPICARB 0x02
#define IOREDTBL  0x10

#define ID_MASK         0x0f000000
#define VERSION_82093AA 0x11
#define VERSION_EOI     0x20

#define RTE_VECTOR       UINT64_C(0xff)
#define RTE_MODE(rte)    ((rte) >> 8 & 7)
#define RTE_LOGICAL(rte) ((rte) >> 11 & 1)
#define RTE_REMOTE_IRR   (UINT64_C(1) << 14)
#define RTE_LEVEL        (UINT64_C(1) << 15)
#define RTE_MASKED       (UINT64_C(1) << 16)
#define RTE_DEST(rte)    ((rte) >> 56)
#define RTE_WRITE        UINT64_C(0xff0000000001afff)

enum { MODE_FIXED = 0, MODE_LOWEST_PRIORITY = 1 };

#define MSI_ADDRESS     UINT64_C(0xfee00000)
#define MSI_REDIRECTION (1 << 3) /* to the one with the lowest priority */
#define MSI_DATA_ASSERT (1 << 14)
#define MSI_DATA_LEVEL  (1 << 15)

struct ioapic {
    struct device dev;
    uint8_t ioregsel;
    uint32_t ioapicid, ioapicarb;
    uint64_t ioredtbl[IOAPIC_PINS];
    uint32_t levels; /* of the pins */

    struct region region;
    /* properties */
    uint64_t base;
    uint8_t version;
};

/* ---- Messages ---- */

/* Only these two modes know levels; NMI, SMI, INIT and ExtINT are edges whatever the entry says. */
static bool is_level(uint64_t rte)
{
    return (rte & RTE_LEVEL) != 0 && RTE_MODE(rte) <= MODE_LOWEST_PRIORITY;
}

static void send(struct ioapic *s, uint64_t rte)
{
    const struct services *services = s->dev.services;
    uint64_t addr = MSI_ADDRESS | RTE_DEST(rte) << 12 | RTE_LOGICAL(rte) << 2;
    uint32_t data = (uint32_t)(rte & RTE_VECTOR) | (uint32_t)RTE_MODE(rte) << 8 | MSI_DATA_ASSERT;

    if (RTE_MODE(rte) == MODE_LOWEST_PRIORITY)
        addr |= MSI_REDIRECTION;
    if (is_level(rte))
        data |= MSI_DATA_LEVEL;
    if (services->msi != NULL)
        services->msi(services->opaque, addr, data);
}

/* A level goes out once, and again when its EOI finds it still there. */
static void send_level(struct ioapic *s, unsigned pin)
{
    uint64_t *rte = &s->ioredtbl[pin];

    if ((s->levels & 1u << pin) == 0 || !is_level(*rte) ||
        (*rte & (RTE_MASKED | RTE_REMOTE_IRR)) != 0)
        return;
    *rte |= RTE_REMOTE_IRR;
    send(s, *rte);
}

void ioapic_set_irq(struct device *dev, unsigned pin, bool level)
{
    struct ioapic *s = (struct ioapic *)dev;

    if (pin >= IOAPIC_PINS)
        return;
    bool rises = level && (s->levels & 1u << pin) == 0;
    s->levels = level ? s->levels | 1u << pin : s->levels & ~(1u << pin);
    uint64_t rte = s->ioredtbl[pin];
    if (is_level(rte))
        send_level(s, pin);
    else if (rises && (rte & RTE_MASKED) == 0) /* a masked edge is lost */
        send(s, rte);
}

void ioapic_eoi(struct device *dev, uint8_t vector)
{
    struct ioapic *s = (struct ioapic *)dev;

    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t *rte = &s->ioredtbl[pin];
        if ((*rte & RTE_VECTOR) != vector || (*rte & RTE_REMOTE_IRR) == 0)
            continue;
        *rte &= ~RTE_REMOTE_IRR;
        send_level(s, pin);
    }
}

/* ---- Registers ---- */

/* The redirection table entry that IOREGSEL selects; IOAPIC_PINS or above: none. */
static unsigned selected_entry(const struct ioapic *s)
{
    return s->ioregsel / 2u - IOREDTBL / 2u;
}

static uint32_t read_register(const struct ioapic *s)
{
    unsigned entry = selected_entry(s);

    switch (s->ioregsel) {
    case IOAPICID: return s->ioapicid;
    case IOAPICVER: return (IOAPIC_PINS - 1) << 16 | s->version;
    case IOAPICARB: return s->ioapicarb;
    default: break;
    }
    if (entry >= IOAPIC_PINS)
        return 0;
    return (uint32_t)(s->ioredtbl[entry] >> (s->ioregsel % 2 != 0 ? 32 : 0));
}

static void write_entry(struct ioapic *s, unsigned pin, bool high, uint32_t value)
{
    uint64_t half = high ? UINT64_C(0xffffffff) << 32 : UINT64_C(0xffffffff);
    uint64_t written = (high ? (uint64_t)value << 32 : value) & RTE_WRITE & half;
    uint64_t *rte = &s->ioredtbl[pin];

    *rte = written | (*rte & ~(RTE_WRITE & half));
    /* By making an entry edge-triggered for a moment systems end an interrupt without an EOI. */
    if (!is_level(*rte))
        *rte &= ~RTE_REMOTE_IRR;
    send_level(s, pin);
}

static void write_register(struct ioapic *s, uint32_t value)
{
    unsigned entry = selected_entry(s);

    if (s->ioregsel == IOAPICID)
        s->ioapicid = s->ioapicarb = value & ID_MASK;
    else if (entry < IOAPIC_PINS)
        write_entry(s, entry, s->ioregsel % 2 != 0, value);
}

/* 32-bit registers; bytes of them can be read, and IOREGSEL is one byte anyway. */
static uint64_t ioapic_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct ioapic *s = opaque;
    unsigned shift = 8 * (offset & 3);

    switch (offset & ~UINT64_C(3)) {
    case IOREGSEL: return (uint32_t)s->ioregsel >> shift;
    case IOWIN: return read_register(s) >> shift;
    default: return 0;
    }
}

static void ioapic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ioapic *s = opaque;

    if (offset == IOREGSEL)
        s->ioregsel = (uint8_t)value;
    else if (offset == IOWIN && size == 4)
        write_register(s, (uint32_t)value);
    else if (offset == EOI && size == 4 && s->version >= VERSION_EOI)
        ioapic_eoi(&s->dev, (uint8_t)value);
    else
        guest_fault(&s->dev, "%u-byte write at offset 0x%" PRIx64, size, offset);
}

static const struct region_ops ioapic_ops = { .read = ioapic_read,
                                              .write = ioapic_write,
                                              .impl = 1 | 4 };

/* ---- Life ---- */

static int ioapic_create(struct device *dev, GError **err)
{
    struct ioapic *s = (struct ioapic *)dev;

    if (s->version != VERSION_82093AA && s->version != VERSION_EOI)
        return fail(err, EINVAL, "-device %s: version=%u: not 0x11 or 0x20", dev->kind->name,
                    s->version);
    s->region = (struct region){
        .name = "ioapic", .ops = &ioapic_ops, .owner = dev, .opaque = s, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &s->region, BUS_MMIO, s->base, IOAPIC_SIZE);
    return 0;
}

static void ioapic_reset(struct device *dev)
{
    struct ioapic *s = (struct ioapic *)dev;

    s->ioregsel = 0;
    s->ioapicid = s->ioapicarb = 0;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        s->ioredtbl[pin] = RTE_MASKED;
}

static int ioapic_post_load(struct device *dev, GError **err)
{
    struct ioapic *s = (struct ioapic *)dev;

    s->ioapicid &= ID_MASK;
    s->ioapicarb &= ID_MASK;
    s->levels &= (1u << IOAPIC_PINS) - 1;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        s->ioredtbl[pin] &= RTE_WRITE | RTE_REMOTE_IRR;
    return 0;
}

static void ioapic_destroy(struct device *dev)
{
    bus_unmap(dev->services->bus, &((struct ioapic *)dev)->region);
}

static const struct property ioapic_properties[] = {
    PROPERTY("base", PROP_UINT, struct ioapic, base, .initial = "0xfec00000",
             .help = "address of the registers"),
    PROPERTY("version", PROP_UINT, struct ioapic, version, .initial = "0x11",
             .help = "0x11 or 0x20, which has the EOI register"),
    {},
};

static const struct state_field ioapic_state[] = {
    STATE_FIELD(struct ioapic, ioregsel),  STATE_FIELD(struct ioapic, ioapicid),
    STATE_FIELD(struct ioapic, ioapicarb), STATE_ARRAY(struct ioapic, ioredtbl),
    STATE_FIELD(struct ioapic, levels),    {},
};

const struct device_kind ioapic_kind = {
    .name = "ioapic",
    .desc = "82093AA I/O APIC",
    .size = sizeof(struct ioapic),
    .properties = ioapic_properties,
    .state = ioapic_state,
    .state_version = 1,
    .create = ioapic_create,
    .reset = ioapic_reset,
    .post_load = ioapic_post_load,
    .destroy = ioapic_destroy,
};
