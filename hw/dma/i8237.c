/*
 * DMA: two Intel 8237A in cascade with page registers, as in the PC/AT and the PIIX3 (Intel,
 * "8237A High Performance Programmable DMA Controller"; 82371SB datasheet, 2.5.1).
 *
 * Timing is not modelled: a device's request is served in one go, so that single, demand and block
 * mode differ in nothing, nor do fixed and rotating priority.
 */
#include "hw/dma/i8237.h"

#include <string.h>

#include "hw/core/bus.h"
#include "hw/core/dma.h"
#include "hw/core/state.h"

/* Registers of one controller, after the four pairs of address and count. */
enum {
    STATUS_COMMAND = 8,
    REQUEST = 9,
    SINGLE_MASK = 10,
    MODE = 11,
    CLEAR_FLIP_FLOP = 12,
    TEMPORARY_MASTER_CLEAR = 13,
    CLEAR_MASK = 14,
    ALL_MASK = 15,
};

#define COMMAND_MEM_TO_MEM 0x01
#define COMMAND_HOLD       0x02 /* memory to memory: the source address stays */
#define COMMAND_DISABLE    0x04

#define MODE_TRANSFER  0x0c
#define MODE_VERIFY    0x00
#define MODE_WRITE     0x04 /* to memory */
#define MODE_READ      0x08 /* from memory */
#define MODE_AUTO_INIT 0x10
#define MODE_DECREMENT 0x20
#define MODE_SELECT    0xc0
#define MODE_CASCADE   0xc0

#define SELECT_SET 0x04 /* in the request and single mask registers; bits 1..0: the channel */

struct channel {
    uint16_t base_address, base_count;
    uint16_t address, count; /* current */
    uint8_t mode;            /* without the channel number */
};

struct controller {
    struct channel channel[4];
    uint8_t command, mask, request; /* request: by software */
    uint8_t tc;                     /* the low half of the status register */
    uint8_t dreq;                   /* the lines, a bit for each */
    uint8_t temporary;
    bool flip_flop; /* the high byte is next */
    /* not saved */
    struct i8237 *owner;
    unsigned first; /* channel number: 0 or 4 */
    struct region region;
};

struct i8237 {
    struct device dev;
    struct controller controller[2];
    uint8_t page[16];
    /* host */
    struct region pages;
    struct {
        void (*ready)(void *opaque);
        void *opaque;
    } client[I8237_N_CHANNELS];
};

/* ---- Transfers ---- */

/* Offsets of the channels' page registers. The others are scratch. */
static const uint8_t page_of[I8237_N_CHANNELS] = { 7, 3, 1, 2, 15, 11, 9, 10 };

/* Word channels count words: address bits 16..1 come from the controller, page bit 0 is not used.
 */
static uint64_t bus_address(const struct i8237 *d, unsigned n)
{
    const struct channel *ch = &d->controller[n / 4].channel[n % 4];
    uint8_t page = d->page[page_of[n]];

    return n < 4 ? (uint64_t)page << 16 | ch->address
                 : (uint64_t)(page & 0xfe) << 16 | (uint64_t)ch->address << 1;
}

static bool channel_enabled(const struct controller *c, unsigned n)
{
    return (c->command & COMMAND_DISABLE) == 0 && (c->mask & 1 << n) == 0;
}

/* Whether a request on the channel gets the bus; the first controller's go through channel 4. */
static bool serves(const struct i8237 *d, unsigned n)
{
    const struct controller *c = &d->controller[n / 4], *second = &d->controller[1];

    if (!channel_enabled(c, n % 4) || (c->channel[n % 4].mode & MODE_SELECT) == MODE_CASCADE)
        return false;
    return n >= 4 ||
           (channel_enabled(second, 0) && (second->channel[0].mode & MODE_SELECT) == MODE_CASCADE);
}

/* After the last transfer of the count: TC, and auto-initialization or the mask. */
static void terminal_count(struct controller *c, unsigned n)
{
    struct channel *ch = &c->channel[n];

    c->tc |= (uint8_t)(1 << n);
    c->request &= (uint8_t) ~(1 << n);
    if ((ch->mode & MODE_AUTO_INIT) != 0) {
        ch->address = ch->base_address;
        ch->count = ch->base_count;
    } else {
        c->mask |= (uint8_t)(1 << n);
    }
}

/* To the next address, which wraps within its page. True: the count has run out. */
static bool advance(struct channel *ch)
{
    ch->address += (ch->mode & MODE_DECREMENT) != 0 ? UINT16_MAX : 1;
    return ch->count-- == 0;
}

/* One transfer is done. True: it was the last one. */
static bool step(struct controller *c, unsigned n)
{
    bool last = advance(&c->channel[n]);

    if (last)
        terminal_count(c, n);
    return last;
}

static void check_memory(struct i8237 *d, unsigned n, int rc)
{
    if (rc < 0)
        guest_fault(&d->dev, "channel=%u address=0x%" PRIx64 ": no memory", n, bus_address(d, n));
}

/* One byte or word. */
static void move(struct i8237 *d, unsigned n, enum i8237_direction direction, uint8_t *buf)
{
    uint8_t transfer = d->controller[n / 4].channel[n % 4].mode & MODE_TRANSFER;
    unsigned width = n < 4 ? 1 : 2;

    if (direction == I8237_TO_MEMORY && transfer == MODE_WRITE)
        check_memory(d, n, dma_write(d->dev.services->mem, bus_address(d, n), buf, width));
    else if (direction == I8237_FROM_MEMORY && transfer == MODE_READ)
        check_memory(d, n, dma_read(d->dev.services->mem, bus_address(d, n), buf, width));
    else if (direction == I8237_FROM_MEMORY)
        memset(buf, 0xff, width);
}

size_t i8237_transfer(struct device *dev, unsigned channel, enum i8237_direction direction,
                      uint8_t *buf, size_t len, bool *tc)
{
    struct i8237 *d = (struct i8237 *)dev;
    unsigned width = channel < 4 ? 1 : 2;
    size_t done = 0;

    *tc = false;
    if (channel >= I8237_N_CHANNELS || !serves(d, channel))
        return 0;
    while (!*tc && len - done >= width) {
        move(d, channel, direction, buf + done);
        done += width;
        *tc = step(&d->controller[channel / 4], channel % 4);
    }
    return done;
}

/* Channel 0 reads through the temporary register, channel 1 writes, until its terminal count. */
static void memory_to_memory(struct i8237 *d, struct controller *c)
{
    struct memmap *mem = d->dev.services->mem;
    uint16_t hold = c->channel[0].address;
    bool last;

    do { /* 65536 times at most: channel 1's count */
        check_memory(d, c->first, dma_read(mem, bus_address(d, c->first), &c->temporary, 1));
        check_memory(d, c->first + 1,
                     dma_write(mem, bus_address(d, c->first + 1), &c->temporary, 1));
        advance(&c->channel[0]); /* its count ends nothing */
        if ((c->command & COMMAND_HOLD) != 0)
            c->channel[0].address = hold;
        last = step(c, 1);
    } while (!last);
    c->request &= (uint8_t)~1;
}

/* A software request finds no device that would answer: the channel counts to its end. */
static void serve_software_requests(struct i8237 *d, struct controller *c)
{
    for (unsigned n = 0; n < 4; n++) {
        if ((c->request & 1 << n) == 0 || !serves(d, c->first + n))
            continue;
        if (n == 0 && (c->command & COMMAND_MEM_TO_MEM) != 0 && c->first == 0) {
            memory_to_memory(d, c);
            continue;
        }
        while (!step(c, n))
            ;
    }
}

/* The guest may have opened the way for a request that waits. */
static void serve_requests(struct i8237 *d)
{
    serve_software_requests(d, &d->controller[0]);
    serve_software_requests(d, &d->controller[1]);
    for (unsigned n = 0; n < I8237_N_CHANNELS; n++)
        if ((d->controller[n / 4].dreq & 1 << n % 4) != 0 && serves(d, n) &&
            d->client[n].ready != NULL)
            d->client[n].ready(d->client[n].opaque);
}

void i8237_attach(struct device *dev, unsigned channel, void (*ready)(void *opaque), void *opaque)
{
    struct i8237 *d = (struct i8237 *)dev;

    if (channel >= I8237_N_CHANNELS)
        return;
    d->client[channel].ready = ready;
    d->client[channel].opaque = opaque;
}

void i8237_set_dreq(struct device *dev, unsigned channel, bool level)
{
    struct i8237 *d = (struct i8237 *)dev;

    if (channel >= I8237_N_CHANNELS)
        return;
    struct controller *c = &d->controller[channel / 4];
    uint8_t bit = (uint8_t)(1 << channel % 4);
    c->dreq = level ? c->dreq | bit : c->dreq & (uint8_t)~bit;
}

/* ---- Registers ---- */

/* Master clear, which is also what the reset pin does. */
static void master_clear(struct controller *c)
{
    c->command = c->tc = c->request = c->temporary = 0;
    c->flip_flop = false;
    c->mask = 0x0f;
}

static uint8_t high_or_low(struct controller *c, uint16_t value)
{
    c->flip_flop = !c->flip_flop;
    return c->flip_flop ? value & 0xff : value >> 8;
}

static void set_high_or_low(struct controller *c, uint16_t *base, uint16_t *current, uint8_t value)
{
    c->flip_flop = !c->flip_flop;
    *base = c->flip_flop ? (uint16_t)((*base & 0xff00) | value)
                         : (uint16_t)((*base & 0x00ff) | value << 8);
    *current = *base;
}

static uint64_t read_register(struct controller *c, unsigned index)
{
    const struct channel *ch = &c->channel[index / 2 % 4];
    uint8_t status;

    switch (index) {
    case STATUS_COMMAND:
        status = (uint8_t)(c->tc | (c->dreq | c->request) << 4);
        c->tc = 0;
        return status;
    case TEMPORARY_MASTER_CLEAR: return c->temporary;
    case ALL_MASK: return c->mask;
    default: break;
    }
    if (index >= 8)
        return 0;
    return high_or_low(c, index % 2 == 0 ? ch->address : ch->count);
}

static uint8_t set_or_clear(uint8_t bits, uint8_t value)
{
    uint8_t bit = (uint8_t)(1 << (value & 3));

    return (value & SELECT_SET) != 0 ? bits | bit : bits & (uint8_t)~bit;
}

static void write_channel(struct controller *c, unsigned index, uint8_t value)
{
    struct channel *ch = &c->channel[index / 2];

    if (index % 2 == 0)
        set_high_or_low(c, &ch->base_address, &ch->address, value);
    else
        set_high_or_low(c, &ch->base_count, &ch->count, value);
}

static void write_register(struct controller *c, unsigned index, uint8_t value)
{
    switch (index) {
    case STATUS_COMMAND: c->command = value; break;
    case REQUEST: c->request = set_or_clear(c->request, value); break;
    case SINGLE_MASK: c->mask = set_or_clear(c->mask, value); break;
    case MODE: c->channel[value & 3].mode = value & 0xfc; break;
    case CLEAR_FLIP_FLOP: c->flip_flop = false; break;
    case TEMPORARY_MASTER_CLEAR: master_clear(c); break;
    case CLEAR_MASK: c->mask = 0; break;
    case ALL_MASK: c->mask = value & 0x0f; break;
    default: write_channel(c, index, value); return;
    }
    serve_requests(c->owner);
}

/* The first controller's registers are bytes, the second's are at every other port. */
static uint64_t controller_read(void *opaque, uint64_t offset, unsigned size)
{
    struct controller *c = opaque;

    return read_register(c, (unsigned)offset >> (c->first != 0));
}

static void controller_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct controller *c = opaque;

    write_register(c, (unsigned)offset >> (c->first != 0), (uint8_t)value);
}

/* Port 0x80 belongs to no channel: firmware shows its progress there, drivers use it to wait. */
static uint64_t page_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((const struct i8237 *)opaque)->page[offset];
}

static void page_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8237 *d = opaque;

    d->page[offset] = (uint8_t)value;
    if (offset == 0)
        log_trace(&d->dev.trace, "post code=0x%02x", (unsigned)(uint8_t)value);
}

static const struct region_ops controller_ops = { .read = controller_read,
                                                  .write = controller_write };
static const struct region_ops page_ops = { .read = page_read, .write = page_write };

/* ---- Life ---- */

static void map(struct i8237 *d, struct region *region, const char *name,
                const struct region_ops *ops, void *opaque, uint64_t base, uint64_t size)
{
    *region = (struct region){
        .name = name, .ops = ops, .owner = &d->dev, .opaque = opaque, .priority = REGION_FIXED
    };
    bus_map(d->dev.services->bus, region, BUS_PIO, base, size);
}

static int i8237_create(struct device *dev, GError **err)
{
    struct i8237 *d = (struct i8237 *)dev;
    struct controller *first = &d->controller[0], *second = &d->controller[1];

    first->owner = second->owner = d;
    second->first = 4;
    map(d, &first->region, "i8237-1", &controller_ops, first, 0x00, 0x10);
    map(d, &second->region, "i8237-2", &controller_ops, second, 0xc0, 0x20);
    map(d, &d->pages, "dma-pages", &page_ops, d, 0x80, 0x10);
    return 0;
}

static void i8237_destroy(struct device *dev)
{
    struct i8237 *d = (struct i8237 *)dev;

    bus_unmap(dev->services->bus, &d->pages);
    bus_unmap(dev->services->bus, &d->controller[1].region);
    bus_unmap(dev->services->bus, &d->controller[0].region);
}

static void i8237_reset(struct device *dev)
{
    struct i8237 *d = (struct i8237 *)dev;

    for (unsigned i = 0; i < 2; i++) {
        struct controller *c = &d->controller[i];
        master_clear(c);
        c->dreq = 0; /* the devices are reset too */
        memset(c->channel, 0, sizeof(c->channel));
    }
    memset(d->page, 0, sizeof(d->page));
}

static const struct state_field channel_state[] = {
    STATE_FIELD(struct channel, base_address), STATE_FIELD(struct channel, base_count),
    STATE_FIELD(struct channel, address),      STATE_FIELD(struct channel, count),
    STATE_FIELD(struct channel, mode),         {}
};

static const struct state_field controller_state[] = {
    STATE_SUB_ARRAY(struct controller, channel, channel_state),
    STATE_FIELD(struct controller, command),
    STATE_FIELD(struct controller, mask, .max = 0x0f),
    STATE_FIELD(struct controller, request, .max = 0x0f),
    STATE_FIELD(struct controller, tc, .max = 0x0f),
    STATE_FIELD(struct controller, dreq, .max = 0x0f),
    STATE_FIELD(struct controller, temporary),
    STATE_FIELD(struct controller, flip_flop),
    {}
};

static const struct state_field i8237_state[] = {
    STATE_SUB_ARRAY(struct i8237, controller, controller_state), STATE_ARRAY(struct i8237, page), {}
};

const struct device_kind i8237_kind = {
    .name = "i8237",
    .desc = "DMA controllers",
    .size = sizeof(struct i8237),
    .state = i8237_state,
    .state_version = 1,
    .create = i8237_create,
    .reset = i8237_reset,
    .destroy = i8237_destroy,
};
