/*
 * The parallel port of the PC (IBM, "Personal Computer Technical Reference", printer adapter),
 * with a printer that is online and has paper. IEEE 1284 calls it compatibility mode; there is no
 * EPP and no ECP.
 *
 * The printer takes the data at the strobe's leading edge and is busy until the strobe has ended
 * and the host has taken the byte; then it acknowledges.
 */
#include "hw/char/parallel.h"

#include "chardev/chardev.h"
#include "hw/core/bus.h"
#include "hw/core/state.h"

enum { DATA = 0, STATUS = 1, CONTROL = 2 };

/* Levels at the connector: the names of active-low lines begin with N. */
#define STATUS_RESERVED 0x07 /* read as ones */
#define STATUS_NERROR   0x08
#define STATUS_SELECT   0x10
#define STATUS_NACK     0x40
#define STATUS_NBUSY    0x80

#define CONTROL_STROBE   0x01
#define CONTROL_NINIT    0x04
#define CONTROL_IRQ      0x10
#define CONTROL_MASK     0x1f
#define CONTROL_RESERVED 0xe0 /* read as ones */

struct parallel {
    struct device dev;
    uint8_t data, control;
    /* the printer */
    uint8_t latch;
    bool busy; /* the latch holds a byte */
    bool ack;  /* its pulse has not been seen yet */
    /* host */
    struct chardev *chardev;
    struct region region;
    /* properties */
    uint16_t iobase;
    uint8_t irq;
};

static void acknowledge(struct parallel *p)
{
    p->busy = false;
    p->ack = true;
    if ((p->control & CONTROL_IRQ) != 0)
        irq_pulse(&p->dev.line[0]);
}

static void print(struct parallel *p)
{
    if (!p->busy || (p->control & CONTROL_STROBE) != 0)
        return;
    if (p->chardev == NULL || chardev_write(p->chardev, &p->latch, 1) == 1)
        acknowledge(p);
}

static void write_control(struct parallel *p, uint8_t value)
{
    bool leading = (value & ~p->control & CONTROL_STROBE) != 0;

    p->control = value & CONTROL_MASK;
    if ((value & CONTROL_NINIT) == 0) {
        p->busy = false; /* the printer is reset and forgets what it has */
    } else if (leading && !p->busy) {
        p->latch = p->data;
        p->busy = true;
    }
    print(p);
}

static uint8_t read_status(struct parallel *p)
{
    uint8_t value = STATUS_RESERVED | STATUS_NERROR | STATUS_SELECT;

    if (!p->busy)
        value |= STATUS_NBUSY;
    if (!p->ack)
        value |= STATUS_NACK;
    p->ack = false;
    return value;
}

static uint64_t parallel_read(void *opaque, uint64_t offset, unsigned size)
{
    struct parallel *p = opaque;

    switch (offset) {
    case DATA: return p->data;
    case STATUS: return read_status(p);
    default: return p->control | CONTROL_RESERVED;
    }
}

static void parallel_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct parallel *p = opaque;

    if (offset == DATA)
        p->data = (uint8_t)value;
    else if (offset == CONTROL)
        write_control(p, (uint8_t)value);
}

static const struct region_ops parallel_ops = { .read = parallel_read, .write = parallel_write };

/* ---- The host's side: a printer that never speaks ---- */

static void parallel_writable(void *opaque)
{
    print(opaque);
}

static const struct chardev_frontend parallel_frontend = { .writable = parallel_writable };

/* ---- Life ---- */

static int parallel_create(struct device *dev, GError **err)
{
    struct parallel *p = (struct parallel *)dev;

    p->region = (struct region){ .name = "parallel",
                                 .ops = &parallel_ops,
                                 .owner = dev,
                                 .opaque = p,
                                 .priority = REGION_FIXED };
    bus_map(dev->services->bus, &p->region, BUS_PIO, p->iobase, 3);
    if (p->chardev != NULL)
        chardev_attach(p->chardev, &parallel_frontend, p);
    return 0;
}

static void parallel_destroy(struct device *dev)
{
    struct parallel *p = (struct parallel *)dev;

    if (p->chardev != NULL)
        chardev_attach(p->chardev, NULL, NULL);
    bus_unmap(dev->services->bus, &p->region);
}

/* The adapter's latches are cleared, which resets the printer too. */
static void parallel_reset(struct device *dev)
{
    struct parallel *p = (struct parallel *)dev;

    p->data = p->control = p->latch = 0;
    p->busy = p->ack = false;
    irq_set(&dev->line[0], false);
}

static int parallel_post_load(struct device *dev, GError **err)
{
    print((struct parallel *)dev); /* nobody else asks the host again */
    return 0;
}

static const struct state_field parallel_state[] = {
    STATE_FIELD(struct parallel, data),  STATE_FIELD(struct parallel, control, .max = CONTROL_MASK),
    STATE_FIELD(struct parallel, latch), STATE_FIELD(struct parallel, busy),
    STATE_FIELD(struct parallel, ack),   {}
};

static const struct property parallel_properties[] = {
    PROPERTY("iobase", PROP_UINT, struct parallel, iobase, .initial = "0x378", .max = 0xfffd,
             .help = "first I/O port"),
    PROPERTY("irq", PROP_UINT, struct parallel, irq, .max = 15,
             .help = "interrupt; 0: as is the custom for iobase"),
    PROPERTY("chardev", PROP_HOST, struct parallel, chardev, .host = "chardev",
             .help = "where what is printed goes"),
    {}
};

/* LPT2 has IRQ5; whatever else there is shares IRQ7. */
static unsigned parallel_isa_irq(const struct device *dev, unsigned output)
{
    const struct parallel *p = (const struct parallel *)dev;

    if (p->irq != 0)
        return p->irq;
    return p->iobase == 0x278 ? 5 : 7;
}

const struct device_kind parallel_kind = {
    .name = "isa-parallel",
    .desc = "parallel port",
    .size = sizeof(struct parallel),
    .user = true,
    .properties = parallel_properties,
    .state = parallel_state,
    .state_version = 1,
    .n_lines = 1,
    .isa_irq = parallel_isa_irq,
    .create = parallel_create,
    .reset = parallel_reset,
    .post_load = parallel_post_load,
    .destroy = parallel_destroy,
};
