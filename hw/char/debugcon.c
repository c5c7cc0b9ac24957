/*
 * The debug console: one port to which firmware writes its log, a byte at a time.
 *
 * Two habits exist. Bochs' port 0xE9 and SeaBIOS' 0x402; a read answers with a signature byte by
 * which firmware finds out that somebody listens (0xE9 at either port).
 */
#include "hw/char/debugcon.h"

#include "chardev/chardev.h"
#include "hw/core/bus.h"

#define DEBUGCON_PRESENT 0xe9

struct debugcon {
    struct device dev;
    /* host */
    struct chardev *chardev;
    struct region region;
    /* properties */
    uint16_t iobase;
};

static uint64_t debugcon_read(void *opaque, uint64_t offset, unsigned size)
{
    return DEBUGCON_PRESENT;
}

static void debugcon_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct debugcon *d = opaque;
    uint8_t byte = (uint8_t)value;

    /* There is no way to tell the guest to wait: a full host side loses the byte, and counts it. */
    if (d->chardev != NULL)
        chardev_write(d->chardev, &byte, 1);
}

static const struct region_ops debugcon_ops = { .read = debugcon_read, .write = debugcon_write };

static int debugcon_create(struct device *dev, GError **err)
{
    struct debugcon *d = (struct debugcon *)dev;

    d->region = (struct region){ .name = "debugcon",
                                 .ops = &debugcon_ops,
                                 .owner = dev,
                                 .opaque = d,
                                 .priority = REGION_FIXED };
    bus_map(dev->services->bus, &d->region, BUS_PIO, d->iobase, 1);
    return 0;
}

static void debugcon_destroy(struct device *dev)
{
    bus_unmap(dev->services->bus, &((struct debugcon *)dev)->region);
}

static const struct property debugcon_properties[] = {
    PROPERTY("iobase", PROP_UINT, struct debugcon, iobase, .initial = "0xe9",
             .help = "I/O port; SeaBIOS uses 0x402"),
    PROPERTY("chardev", PROP_HOST, struct debugcon, chardev, .host = "chardev",
             .help = "where the log goes"),
    {}
};

const struct device_kind debugcon_kind = {
    .name = "isa-debugcon",
    .desc = "debug console of firmware",
    .size = sizeof(struct debugcon),
    .user = true,
    .properties = debugcon_properties,
    .state_version = 1,
    .create = debugcon_create,
    .destroy = debugcon_destroy,
};
