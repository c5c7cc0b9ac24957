#include "hw/display/bochs_dispi.h"

#include <string.h>

#define DISPI_ID0 0xb0c0
#define DISPI_ID5 0xb0c5

#define ENABLE_ON       0x01
#define ENABLE_GETCAPS  0x02 /* sizes read as the largest possible */
#define ENABLE_DAC8     0x20
#define ENABLE_LFB      0x40
#define ENABLE_NO_CLEAR 0x80
#define ENABLE_ALL      0xe3

#define MAX_XRES 16000
#define MAX_YRES 12000
#define MAX_BPP  32
#define BANK     0x10000u

void dispi_init(struct dispi *d, struct vga *vga)
{
    d->vga = vga;
}

void dispi_reset(struct dispi *d)
{
    d->index = 0;
    memset(d->reg, 0, sizeof(d->reg));
    d->reg[DISPI_ID] = DISPI_ID5;
    d->reg[DISPI_BPP] = 8;
    d->reg[DISPI_VIDEO_MEMORY_64K] = (uint16_t)(d->vga->memory_size / BANK);
    vga_touch(d->vga);
}

bool dispi_enabled(const struct dispi *d)
{
    return (d->reg[DISPI_ENABLE] & ENABLE_ON) != 0;
}

bool dispi_linear(const struct dispi *d)
{
    return dispi_enabled(d) && d->reg[DISPI_BPP] > 4;
}

uint32_t dispi_bank_start(const struct dispi *d)
{
    return d->reg[DISPI_BANK] * BANK;
}

/* ---- Bounds ---- */

/* Bytes of video memory for a line of this many pixels, a multiple of 8. */
static uint32_t line_bytes(const struct dispi *d, uint32_t pixels)
{
    return d->reg[DISPI_BPP] == 4 ? pixels / 2 : pixels * ((d->reg[DISPI_BPP] + 7u) / 8);
}

static bool known_depth(uint16_t bits)
{
    return bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32;
}

static uint16_t clamp(uint16_t value, uint32_t min, uint32_t max)
{
    return (uint16_t)CLAMP(value, min, max);
}

/*
 * Sizes first, then what depends on them. A line always fits: the smallest memory is larger than
 * the longest line. Lines that don't fit are cut off below.
 */
static void fix(struct dispi *d)
{
    uint16_t *r = d->reg;
    uint32_t memory = d->vga->memory_size;
    uint32_t bank_bytes = r[DISPI_BPP] == 4 ? BANK * 4 : BANK;

    r[DISPI_XRES] = clamp(r[DISPI_XRES] & 0xfff8, 8, MAX_XRES);
    r[DISPI_VIRT_WIDTH] = clamp(r[DISPI_VIRT_WIDTH] & 0xfff8, r[DISPI_XRES], MAX_XRES);
    uint32_t lines = memory / line_bytes(d, r[DISPI_VIRT_WIDTH]);
    r[DISPI_VIRT_HEIGHT] = (uint16_t)MIN(lines, UINT16_MAX);
    r[DISPI_YRES] = clamp(r[DISPI_YRES], 1, MIN(lines, MAX_YRES));
    r[DISPI_X_OFFSET] = clamp(r[DISPI_X_OFFSET], 0, r[DISPI_VIRT_WIDTH] - r[DISPI_XRES]);
    r[DISPI_Y_OFFSET] = clamp(r[DISPI_Y_OFFSET], 0, r[DISPI_VIRT_HEIGHT] - r[DISPI_YRES]);
    r[DISPI_BANK] = clamp(r[DISPI_BANK], 0, memory / bank_bytes - 1);
}

/* ---- Registers ---- */

static void set_enable(struct dispi *d, uint16_t value)
{
    uint16_t *r = d->reg;
    bool was = dispi_enabled(d);

    r[DISPI_ENABLE] = value & ENABLE_ALL;
    d->vga->dac8 = (value & ENABLE_DAC8) != 0;
    if (dispi_enabled(d) && !was) {
        r[DISPI_VIRT_WIDTH] = r[DISPI_X_OFFSET] = r[DISPI_Y_OFFSET] = 0;
        fix(d);
        if ((value & ENABLE_NO_CLEAR) == 0) {
            uint32_t size = line_bytes(d, r[DISPI_VIRT_WIDTH]) * r[DISPI_YRES];
            memset(d->vga->memory, 0, size);
            vga_wrote(d->vga, 0, size);
        }
    }
    if (!dispi_enabled(d))
        r[DISPI_BANK] = 0;
}

static uint16_t largest(const struct dispi *d, unsigned index)
{
    switch (index) {
    case DISPI_XRES: return MAX_XRES;
    case DISPI_YRES: return MAX_YRES;
    default: return MAX_BPP;
    }
}

uint16_t dispi_read(const struct dispi *d, unsigned index)
{
    if (index >= DISPI_N_REGS)
        return 0;
    if ((d->reg[DISPI_ENABLE] & ENABLE_GETCAPS) != 0 && index >= DISPI_XRES && index <= DISPI_BPP)
        return largest(d, index);
    return d->reg[index];
}

void dispi_write(struct dispi *d, unsigned index, uint16_t value)
{
    switch (index) {
    case DISPI_ID: /* a guest asks which interface is there by writing the one it knows */
        if (value >= DISPI_ID0 && value <= DISPI_ID5)
            d->reg[index] = value;
        return;
    case DISPI_BPP:
        value = value == 0 ? 8 : value;
        if (!known_depth(value))
            return;
        d->reg[index] = value;
        break;
    case DISPI_XRES:
    case DISPI_YRES:
    case DISPI_BANK:
    case DISPI_VIRT_WIDTH:
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET: d->reg[index] = value; break;
    case DISPI_ENABLE: set_enable(d, value); break;
    default: return;
    }
    if (dispi_enabled(d))
        fix(d);
    vga_touch(d->vga);
    vga_window_changed(d->vga);
}

void dispi_loaded(struct dispi *d)
{
    if (!known_depth(d->reg[DISPI_BPP]))
        d->reg[DISPI_BPP] = 8;
    d->reg[DISPI_VIDEO_MEMORY_64K] = (uint16_t)(d->vga->memory_size / BANK);
    if (dispi_enabled(d))
        fix(d);
}

/* ---- What is shown ---- */

/* Sixteen colours: the VGA's counters, eight pixels an address. */
static void planar_mode(const struct dispi *d, struct vga_mode *m)
{
    const uint16_t *r = d->reg;

    m->format = VGA_PLANAR;
    m->columns = r[DISPI_XRES] / 8u;
    m->stride = r[DISPI_VIRT_WIDTH] / 8u;
    m->start = r[DISPI_Y_OFFSET] * m->stride + r[DISPI_X_OFFSET] / 8u;
    m->pan = r[DISPI_X_OFFSET] & 7;
    m->dots = 8;
    m->repeat = 1;
    m->preset_row = m->shift = 0;
    m->row0_to_13 = m->row1_to_14 = false;
    m->address_mask = d->vga->memory_size / 4 - 1;
}

void dispi_mode(const struct dispi *d, struct vga_mode *m)
{
    const uint16_t *r = d->reg;

    m->width = r[DISPI_XRES];
    m->height = r[DISPI_YRES];
    m->rows = 1;
    m->double_scan = false;
    m->line_compare = UINT32_MAX;
    if (r[DISPI_BPP] == 4) {
        planar_mode(d, m);
        return;
    }
    vga_make_linear(m, r[DISPI_BPP]);
    m->stride = line_bytes(d, r[DISPI_VIRT_WIDTH]);
    m->start = r[DISPI_Y_OFFSET] * m->stride + line_bytes(d, r[DISPI_X_OFFSET]);
}

const struct state_field dispi_state[] = { STATE_FIELD(struct dispi, index),
                                           STATE_ARRAY(struct dispi, reg),
                                           {} };
