/*
 * What a GD5446 shows (TRM, "Extended Display Controls", "Hardware Cursor"): packed pixels with
 * SR7, colours by the hidden DAC register, start and offset beyond the VGA's 16 bits, and a cursor
 * of two planes at the end of video memory.
 */
#include "hw/display/cirrus_core.h"

#define HIDDEN_DAC_FORMAT 0x0f
#define HIDDEN_DAC_565    0x01

#define MISC_INTERLACED       0x01
#define DISPLAY_START_16      0x01
#define DISPLAY_ADDRESS_WRAP  0x02 /* the CRTC counts through all of memory */
#define DISPLAY_START_17_18   0x0c
#define DISPLAY_OFFSET_8      0x10
#define OVERLAY_START_19      0x80
#define CURSOR_PATTERNS_BYTES (16u << 10)
#define CURSOR_PATTERN_BYTES  256u

/* SR7 bits 3:1; 1 and 3 differ in clocks. */
static unsigned pixel_bits(const struct cirrus *c)
{
    switch (c->vga.sr[SR_EXTENDED_MODE] >> 1 & 7) {
    case 0: return 8;
    case 2: return 24;
    case 4: return 32;
    default: return (c->hidden_dac & HIDDEN_DAC_FORMAT) == HIDDEN_DAC_565 ? 16 : 15;
    }
}

static void extend_counters(const struct cirrus *c, struct vga_mode *m)
{
    const uint8_t *cr = c->vga.cr;
    uint8_t extended = cr[CR_EXTENDED_DISPLAY];

    m->start |= (uint32_t)(extended & DISPLAY_START_16) << 16 |
                (uint32_t)(extended & DISPLAY_START_17_18) << 15 |
                (uint32_t)(cr[CR_OVERLAY] & OVERLAY_START_19) << 12;
    m->stride |= (extended & DISPLAY_OFFSET_8) << 5;
    if ((extended & DISPLAY_ADDRESS_WRAP) != 0)
        m->address_mask = c->vga.memory_size / 4 - 1;
    if ((cr[CR_MISC_CONTROL] & MISC_INTERLACED) != 0)
        m->height *= 2; /* lines of both fields */
}

/* The counter's addresses are four bytes each, its offset is one of eight. */
static void make_packed(const struct cirrus *c, struct vga_mode *m)
{
    vga_make_linear(m, pixel_bits(c));
    m->width = m->columns * 8;
    m->start *= 4;
    m->stride *= 4;
}

/* ---- Cursor ---- */

/* Patterns are at the end of memory: 64 of 32x32, or 16 of 64x64. */
static void place_cursor(const struct cirrus *c, struct vga_mode *m)
{
    const struct vga *v = &c->vga;
    bool large = (v->sr[SR_CURSOR_ATTRIBUTES] & SR_CURSOR_ATTRIBUTES_64) != 0;
    unsigned number = v->sr[SR_CURSOR_PATTERN] & (large ? 0x3cu : 0x3fu);

    m->has_sprite = true;
    m->sprite = (struct vga_sprite){
        .x = c->cursor_x,
        .y = c->cursor_y,
        .size = large ? 64 : 32,
        .pattern = v->memory_size - CURSOR_PATTERNS_BYTES + number * CURSOR_PATTERN_BYTES,
        .pattern_size = large ? 4 * CURSOR_PATTERN_BYTES : CURSOR_PATTERN_BYTES,
        .color = { vga_rgb(v, c->cursor_color), vga_rgb(v, c->cursor_color + 15 * 3) },
    };
}

/* A small one's planes follow each other; a large one's lines have both side by side. */
static void cursor_planes(const struct vga *v, const struct vga_sprite *s, unsigned row,
                          const uint8_t *plane[2])
{
    const uint8_t *pattern = v->memory + s->pattern;

    plane[0] = pattern + (s->size == 64 ? row * 16 : row * 4);
    plane[1] = plane[0] + (s->size == 64 ? 8 : 128);
}

/* Both planes clear: what is below; plane 0 alone inverts that; plane 1 has a colour. */
static void draw_cursor(void *chip, const struct vga_sprite *s, unsigned row, uint32_t *dots,
                        unsigned width)
{
    const struct cirrus *c = chip;
    const uint8_t *plane[2];

    cursor_planes(&c->vga, s, row, plane);
    for (unsigned i = 0; i < s->size && s->x + i < width; i++) {
        bool zero = (plane[0][i / 8] & 0x80 >> i % 8) != 0;
        if ((plane[1][i / 8] & 0x80 >> i % 8) != 0)
            dots[s->x + i] = s->color[zero];
        else if (zero)
            dots[s->x + i] ^= 0xffffff;
    }
}

static void fill_mode(void *chip, struct vga_mode *m)
{
    const struct cirrus *c = chip;
    const struct vga *v = &c->vga;

    extend_counters(c, m);
    if ((v->sr[SR_EXTENDED_MODE] & SR_EXTENDED_MODE_PACKED) != 0)
        make_packed(c, m);
    if ((v->sr[SR_CURSOR_ATTRIBUTES] & SR_CURSOR_ATTRIBUTES_ENABLE) != 0)
        place_cursor(c, m);
}

const struct vga_chip_ops cirrus_chip_ops = {
    .mode = fill_mode,
    .draw_sprite = draw_cursor,
    .plain_window = cirrus_plain_window,
};
