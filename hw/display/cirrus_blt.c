/*
 * The BitBLT engine's registers and progress (TRM, "BitBLT Engine", GR31).
 *
 * A BLT within video memory is done when its start is written, if it is not larger than video
 * memory; what a guest asks for beyond that goes on from a timer, and the engine is busy until
 * then. One whose source or destination is the CPU goes on with each access.
 */
#include "hw/display/cirrus_core.h"

#include <string.h>

#include "base/bytes.h"

#define SLICE_BYTES (4u << 20)
#define SLICE_PAUSE (NS_PER_MS / 4)

static uint8_t *control(struct cirrus *c)
{
    return &c->vga.gr[GR_BLT_START];
}

static bool running(const struct cirrus *c)
{
    uint8_t gr31 = c->vga.gr[GR_BLT_START];

    return c->blt.busy && (gr31 & BLT_START_START) != 0 && (gr31 & BLT_START_PAUSE) == 0;
}

/* A pattern is sent once, lines one by one. */
static bool waits_for_data(const struct cirrus_blt *b)
{
    return (b->mode & BLT_MODE_SYSTEM_SRC) != 0 && b->x < cirrus_blt_unit(b);
}

static bool by_cpu(const struct cirrus_blt *b)
{
    return (b->mode & BLT_MODE_SYSTEM_DST) != 0 || waits_for_data(b);
}

bool cirrus_blt_takes(const struct cirrus *c)
{
    return running(c) && waits_for_data(&c->blt);
}

bool cirrus_blt_gives(const struct cirrus *c)
{
    return running(c) && (c->blt.mode & BLT_MODE_SYSTEM_DST) != 0;
}

uint8_t cirrus_blt_status(const struct cirrus *c)
{
    return (uint8_t)(c->vga.gr[GR_BLT_START] |
                     (c->blt.busy ? BLT_START_BUSY | BLT_START_PROGRESS : 0) |
                     (c->blt.queued ? BLT_START_QUEUED : 0));
}

/* ---- Begin and end ---- */

static uint32_t color(const struct cirrus *c, unsigned first, unsigned second)
{
    const uint8_t *gr = c->vga.gr;

    return gr[first] | (uint32_t)gr[second] << 8 | (uint32_t)gr[second + 2] << 16 |
           (uint32_t)gr[second + 4] << 24;
}

static uint32_t address(const uint8_t *gr)
{
    return gr[0] | (uint32_t)gr[1] << 8 | (uint32_t)gr[2] << 16;
}

static void latch_registers(struct cirrus *c)
{
    const uint8_t *gr = c->vga.gr;
    struct cirrus_blt *b = &c->blt;

    b->mode = gr[GR_BLT_MODE];
    b->mode_ext = gr[GR_BLT_MODE_EXT];
    b->rop = gr[GR_BLT_ROP];
    b->skip = gr[GR_BLT_SKIP];
    b->key = get_le16(gr + GR_BLT_KEY);
    b->width = get_le16(gr + GR_BLT_WIDTH) + 1u;
    b->height = get_le16(gr + GR_BLT_HEIGHT) + 1u;
    b->dst_pitch = get_le16(gr + GR_BLT_DST_PITCH);
    b->src_pitch = get_le16(gr + GR_BLT_SRC_PITCH);
    b->fg = color(c, GR_ENABLE_SET_RESET, GR_FOREGROUND_1);
    b->bg = color(c, GR_SET_RESET, GR_BACKGROUND_1);
    b->dst = address(gr + GR_BLT_DST);
    b->src = address(gr + GR_BLT_SRC);
    b->x = b->y = 0;
}

/* From the CPU to the CPU is no BLT. */
static bool makes_sense(const struct cirrus_blt *b)
{
    return (b->mode & BLT_MODE_SYSTEM_SRC) == 0 || (b->mode & BLT_MODE_SYSTEM_DST) == 0;
}

static void begin(struct cirrus *c)
{
    latch_registers(c);
    c->blt.busy = makes_sense(&c->blt);
    if (!c->blt.busy)
        guest_fault(&c->pci.dev, "blt: source and destination are both the CPU");
    if (c->blt.busy)
        *control(c) |= BLT_START_START;
    else
        *control(c) &= (uint8_t)~BLT_START_START;
}

/* The one that waited begins; without progress yet, so that this never nests. */
static void end(struct cirrus *c)
{
    c->blt.busy = false;
    *control(c) &= (uint8_t)~BLT_START_START;
    if (c->blt.queued) {
        c->blt.queued = false;
        begin(c);
        if (running(c) && !by_cpu(&c->blt))
            timer_set(&c->timer, clock_now(c->timer.clock));
    }
    cirrus_update_mapping(c);
}

/* ---- Progress ---- */

static void run(struct cirrus *c)
{
    struct cirrus_blt *b = &c->blt;
    uint32_t budget = SLICE_BYTES;

    timer_cancel(&c->timer);
    while (b->y < b->height && budget >= b->width) {
        cirrus_blt_line(c);
        budget -= b->width;
    }
    if (b->y >= b->height)
        end(c);
    else
        timer_set(&c->timer, clock_now(c->timer.clock) + SLICE_PAUSE);
}

static void go_on(struct cirrus *c)
{
    if (running(c) && !by_cpu(&c->blt))
        run(c);
    cirrus_update_mapping(c);
}

void cirrus_blt_send(struct cirrus *c, uint8_t value)
{
    struct cirrus_blt *b = &c->blt;

    if (!cirrus_blt_takes(c)) /* ended within this access: lines end before doublewords do */
        return;
    b->sent[b->x++] = value;
    if (waits_for_data(b))
        return;
    if ((b->mode & BLT_MODE_PATTERN) != 0) {
        run(c);
        return;
    }
    b->x = 0;
    cirrus_blt_line(c);
    if (b->y >= b->height)
        end(c);
}

/* A line ends with a doubleword; what is beyond the picture reads as 0. */
uint8_t cirrus_blt_fetch(struct cirrus *c)
{
    struct cirrus_blt *b = &c->blt;
    uint8_t value = 0;

    if (!cirrus_blt_gives(c))
        return 0;
    if (b->x < b->width)
        value = vga_mem_byte(&c->vga, b->src + b->x);
    if (++b->x < ((b->width + 3) & ~3u))
        return value;
    b->x = 0;
    b->src += b->src_pitch;
    if (++b->y >= b->height)
        end(c);
    return value;
}

/* ---- Control ---- */

static void stop(struct cirrus *c)
{
    timer_cancel(&c->timer);
    c->blt.busy = c->blt.queued = false;
    *control(c) &= (uint8_t)~BLT_START_START;
}

void cirrus_blt_control(struct cirrus *c, uint8_t value)
{
    bool start = (value & ~*control(c) & BLT_START_START) != 0;

    *control(c) = value & (BLT_START_START | BLT_START_RESET | BLT_START_PAUSE |
                           BLT_START_APERTURE2 | BLT_START_AUTO);
    if ((value & BLT_START_RESET) != 0)
        stop(c);
    else if (start && !c->blt.busy)
        begin(c);
    go_on(c);
}

void cirrus_blt_autostart(struct cirrus *c)
{
    if ((*control(c) & (BLT_START_AUTO | BLT_START_RESET)) != BLT_START_AUTO)
        return;
    if (c->blt.busy) {
        c->blt.queued = true;
        return;
    }
    begin(c);
    go_on(c);
}

/* ---- Life ---- */

static void expired(void *opaque)
{
    go_on(opaque);
}

void cirrus_blt_init(struct cirrus *c)
{
    timer_init(&c->timer, c->pci.dev.services->clock, expired, c);
}

void cirrus_blt_reset(struct cirrus *c)
{
    timer_cancel(&c->timer);
    memset(&c->blt, 0, sizeof(c->blt));
}

/* A BLT that no registers could have begun is none. */
void cirrus_blt_loaded(struct cirrus *c)
{
    struct cirrus_blt *b = &c->blt;
    bool fits = b->width >= 1 && b->width <= CIRRUS_LINE_MAX && b->y < b->height && makes_sense(b);

    if (!b->busy || !fits || ((b->mode & BLT_MODE_SYSTEM_SRC) != 0 && b->x > cirrus_blt_unit(b)))
        stop(c);
}
