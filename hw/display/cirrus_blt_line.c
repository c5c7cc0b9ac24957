/*
 * One line of a BLT (TRM, "BitBLT Engine"): its source, of video memory or the CPU, is a picture,
 * an 8x8 pattern, or bits that choose between two colours; a raster operation joins it with what
 * is there. A whole line is read before it is written.
 *
 * All addresses wrap at the end of video memory, whatever pitch and direction make of them.
 */
#include "hw/display/cirrus_core.h"

#include <string.h>

unsigned cirrus_blt_pixel(const struct cirrus_blt *b)
{
    return 1 + (b->mode >> 4 & 3);
}

static unsigned pixels(const struct cirrus_blt *b)
{
    return (b->width + cirrus_blt_pixel(b) - 1) / cirrus_blt_pixel(b);
}

/* ---- Video memory ---- */

void cirrus_gather(const struct cirrus *c, uint32_t at, uint8_t *to, uint32_t len)
{
    uint32_t size = c->vga.memory_size, first = MIN(len, size - (at & (size - 1)));

    memcpy(to, c->vga.memory + (at & (size - 1)), first);
    memcpy(to + first, c->vga.memory, len - first);
}

static void scatter(struct cirrus *c, uint32_t at, const uint8_t *from, uint32_t len)
{
    uint32_t size = c->vga.memory_size, first = MIN(len, size - (at & (size - 1)));

    memcpy(c->vga.memory + (at & (size - 1)), from, first);
    memcpy(c->vga.memory, from + first, len - first);
    vga_wrote(&c->vga, at, len);
}

/* ---- Raster operations ---- */

/* Bit 2 * s + d of the result says what a bit s of the source makes of a bit d (TRM, GR32). */
static unsigned truth_table(uint8_t rop)
{
    switch (rop) {
    case 0x00: return 0x0; /* black */
    case 0x90: return 0x1; /* not (s or d) */
    case 0x50: return 0x2; /* not s and d */
    case 0xd0: return 0x3; /* not s */
    case 0x09: return 0x4; /* s and not d */
    case 0x0b: return 0x5; /* not d */
    case 0x59: return 0x6; /* s xor d */
    case 0xda: return 0x7; /* not (s and d) */
    case 0x05: return 0x8; /* s and d */
    case 0x95: return 0x9; /* not (s xor d) */
    case 0xd6: return 0xb; /* not s or d */
    case 0x0d: return 0xc; /* s */
    case 0xad: return 0xd; /* s or not d */
    case 0x6d: return 0xe; /* s or d */
    case 0x0e: return 0xf; /* white */
    default: return 0xa;   /* 0x06 and what is not defined: d */
    }
}

static void combine(uint8_t rop, const uint8_t *row, const uint8_t *shown, uint8_t *d, uint32_t len)
{
    unsigned table = truth_table(rop);
    uint8_t neither = (table & 1) != 0 ? 0xff : 0, only_d = (table & 2) != 0 ? 0xff : 0;
    uint8_t only_s = (table & 4) != 0 ? 0xff : 0, both = (table & 8) != 0 ? 0xff : 0;

    for (uint32_t i = 0; i < len; i++) {
        uint8_t s = row[i];
        uint8_t made = (uint8_t)((s & d[i] & both) | (s & ~d[i] & only_s) | (~s & d[i] & only_d) |
                                 (~s & ~d[i] & neither));
        d[i] = (uint8_t)((made & shown[i]) | (d[i] & ~shown[i]));
    }
}

/* ---- Sources ---- */

static bool is_solid(const struct cirrus_blt *b)
{
    return (b->mode_ext & BLT_EXT_SOLID) != 0 &&
           (b->mode & (BLT_MODE_EXPAND | BLT_MODE_PATTERN)) == (BLT_MODE_EXPAND | BLT_MODE_PATTERN);
}

/* Patterns have eight lines of eight pixels; three bytes of colour take the room of four. */
static uint32_t pattern_pitch(const struct cirrus_blt *b)
{
    unsigned pixel = cirrus_blt_pixel(b);

    if ((b->mode & BLT_MODE_EXPAND) != 0)
        return 1;
    return pixel == 3 ? 32 : 8 * pixel;
}

static uint32_t source_line_bytes(const struct cirrus_blt *b)
{
    if ((b->mode & BLT_MODE_EXPAND) == 0)
        return b->width;
    if ((b->mode_ext & BLT_EXT_DWORD_LINES) != 0)
        return (pixels(b) + 31) / 32 * 4;
    return (pixels(b) + 7) / 8;
}

/* The CPU sends each line of a picture in whole doublewords. */
uint32_t cirrus_blt_unit(const struct cirrus_blt *b)
{
    if ((b->mode & BLT_MODE_PATTERN) != 0)
        return 8 * pattern_pitch(b);
    if ((b->mode & BLT_MODE_EXPAND) != 0)
        return source_line_bytes(b);
    return (b->width + 3) & ~3u;
}

static bool backwards(const struct cirrus_blt *b)
{
    return (b->mode & BLT_MODE_BACKWARDS) != 0 &&
           (b->mode & (BLT_MODE_EXPAND | BLT_MODE_PATTERN | BLT_MODE_SYSTEM_SRC)) == 0;
}

/* The low bits of a pattern's address say with which line of it the BLT begins. */
static const uint8_t *pattern_line(struct cirrus *c)
{
    const struct cirrus_blt *b = &c->blt;
    uint32_t pitch = pattern_pitch(b), line = (b->src + b->y) & 7;

    if ((b->mode & BLT_MODE_SYSTEM_SRC) != 0)
        return b->sent + line * pitch;
    cirrus_gather(c, (b->src & ~7u) + line * pitch, c->source, pitch);
    return c->source;
}

static const uint8_t *source_line(struct cirrus *c)
{
    const struct cirrus_blt *b = &c->blt;

    if ((b->mode & BLT_MODE_PATTERN) != 0)
        return pattern_line(c);
    if ((b->mode & BLT_MODE_SYSTEM_SRC) != 0)
        return b->sent;
    cirrus_gather(c, backwards(b) ? b->src - (b->width - 1) : b->src, c->source,
                  source_line_bytes(b));
    return c->source;
}

/* ---- Pixels ---- */

static void put_pixel(struct cirrus *c, unsigned x, uint32_t color, bool shown)
{
    unsigned pixel = cirrus_blt_pixel(&c->blt);

    for (unsigned i = 0; i < pixel; i++) {
        c->row[x * pixel + i] = (uint8_t)(color >> (8 * i));
        c->shown[x * pixel + i] = shown ? 0xff : 0;
    }
}

static void fill_solid(struct cirrus *c)
{
    for (unsigned x = 0; x < pixels(&c->blt); x++)
        put_pixel(c, x, c->blt.fg, true);
}

/* Bits, from the left the highest first: ones are the foreground. */
static void fill_expanded(struct cirrus *c, const uint8_t *bits)
{
    const struct cirrus_blt *b = &c->blt;
    bool pattern = (b->mode & BLT_MODE_PATTERN) != 0;
    bool transparent = (b->mode & BLT_MODE_TRANSPARENT) != 0;
    bool hidden = (b->mode_ext & BLT_EXT_INVERT) != 0;

    for (unsigned x = 0; x < pixels(b); x++) {
        bool bit = (bits[pattern ? 0 : x / 8] >> (7 - x % 8) & 1) != 0;
        put_pixel(c, x, bit ? b->fg : b->bg, !transparent || bit != hidden);
    }
}

static void fill_pattern(struct cirrus *c, const uint8_t *line)
{
    unsigned pixel = cirrus_blt_pixel(&c->blt);

    for (unsigned x = 0; x < pixels(&c->blt); x++) {
        memcpy(c->row + x * pixel, line + x % 8 * pixel, pixel);
        memset(c->shown + x * pixel, 0xff, pixel);
    }
}

/* Pixels of the key's colour stay away; only 8 and 16 bits are compared. */
static void hide_key(struct cirrus *c)
{
    const struct cirrus_blt *b = &c->blt;
    unsigned pixel = cirrus_blt_pixel(b);

    if ((b->mode & BLT_MODE_TRANSPARENT) == 0 || pixel > 2)
        return;
    for (uint32_t i = 0; i + pixel <= b->width; i += pixel)
        if (c->row[i] == (b->key & 0xff) && (pixel == 1 || c->row[i + 1] == b->key >> 8))
            memset(c->shown + i, 0, pixel);
}

/* GR2F: pixels at the left that are not written; bytes where a pixel has three. */
static void clip_left(struct cirrus *c)
{
    const struct cirrus_blt *b = &c->blt;
    unsigned pixel = cirrus_blt_pixel(b);
    uint32_t skip = pixel == 3 ? b->skip & 0x1fu : (b->skip & 7u) * pixel;

    memset(c->shown, 0, MIN(skip, b->width));
}

static void make_row(struct cirrus *c)
{
    const struct cirrus_blt *b = &c->blt;

    if (is_solid(b)) {
        fill_solid(c);
        return;
    }
    const uint8_t *source = source_line(c);
    if ((b->mode & BLT_MODE_EXPAND) != 0) {
        fill_expanded(c, source);
    } else if ((b->mode & BLT_MODE_PATTERN) != 0) {
        fill_pattern(c, source);
        hide_key(c);
    } else {
        memcpy(c->row, source, b->width);
        memset(c->shown, 0xff, b->width);
        hide_key(c);
        return;
    }
    clip_left(c);
}

/* Lines of bits follow each other without a pitch; a pattern stays where it is. */
static void advance(struct cirrus_blt *b)
{
    bool back = backwards(b);

    b->y++;
    b->dst += back ? -b->dst_pitch : b->dst_pitch;
    if ((b->mode & BLT_MODE_PATTERN) != 0)
        return;
    if ((b->mode & BLT_MODE_EXPAND) != 0)
        b->src += source_line_bytes(b);
    else
        b->src += back ? -b->src_pitch : b->src_pitch;
}

void cirrus_blt_line(struct cirrus *c)
{
    struct cirrus_blt *b = &c->blt;
    uint32_t at = backwards(b) ? b->dst - (b->width - 1) : b->dst;

    make_row(c);
    cirrus_gather(c, at, c->under, b->width);
    combine(b->rop, c->row, c->shown, c->under, b->width);
    scatter(c, at, c->under, b->width);
    advance(b);
}
