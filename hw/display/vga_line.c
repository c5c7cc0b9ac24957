#include "hw/display/vga_line.h"

#include <string.h>

#include "base/bytes.h"

/* ---- The CRTC's counters ---- */

/* How the counter is wired to memory (CR14, CR17). */
static uint32_t memory_address(const struct vga_mode *m, uint32_t counter, unsigned row)
{
    uint32_t a = counter;

    if (m->shift == 1)
        a = counter << 1 | (counter >> m->wrap_bit & 1);
    else if (m->shift == 2)
        a = counter << 2 | (counter >> 14 & 3);
    if (m->row0_to_13)
        a = (a & ~0x2000u) | (row & 1) << 13;
    if (m->row1_to_14)
        a = (a & ~0x4000u) | (row & 2) << 13;
    return a & m->address_mask;
}

struct vga_scan vga_scan_first(const struct vga_mode *m)
{
    return (struct vga_scan){ .address = m->start,
                              .row = m->preset_row < m->rows ? m->preset_row : 0,
                              .pan = m->pan };
}

void vga_scan_next(const struct vga_mode *m, struct vga_scan *scan, unsigned y)
{
    if (y == m->line_compare) { /* the lower part of a split screen shows address 0 */
        *scan = (struct vga_scan){ .split = true, .pan = m->pan_top_only ? 0 : m->pan };
    } else if (m->double_scan && !scan->repeated) {
        scan->repeated = true;
    } else {
        scan->repeated = false;
        if (++scan->row >= m->rows) {
            scan->row = 0;
            scan->address += m->stride;
        }
    }
}

void vga_scan_bytes(const struct vga_mode *m, const struct vga_scan *scan, uint32_t *first,
                    uint32_t *last)
{
    if (m->format == VGA_LINEAR) {
        *first = scan->address;
        *last = scan->address + m->width * ((m->bits + 7) / 8) - 1;
        return;
    }
    *first = memory_address(m, scan->address, scan->row) * 4;
    *last = memory_address(m, scan->address + m->columns, scan->row) * 4 + 3;
    if (*last < *first) { /* wrapped */
        *first = 0;
        *last = m->address_mask * 4 + 3;
    }
}

static unsigned row_that_counts(const struct vga_mode *m, unsigned row)
{
    if (m->format == VGA_TEXT)
        return row;
    return row & ((m->row0_to_13 ? 1u : 0) | (m->row1_to_14 ? 2u : 0));
}

bool vga_scan_same(const struct vga_mode *m, const struct vga_scan *a, const struct vga_scan *b)
{
    return a->address == b->address && a->pan == b->pan &&
           row_that_counts(m, a->row) == row_that_counts(m, b->row);
}

/* ---- Dots ---- */

static uint32_t *put(uint32_t *out, uint32_t color, unsigned repeat)
{
    *out++ = color;
    if (repeat == 2)
        *out++ = color;
    return out;
}

struct line {
    const struct vga_mode *m;
    const struct vga_scan *scan;
    const uint8_t *memory;
    uint32_t mask;
};

const uint8_t *vga_cell(const struct vga_mode *m, const struct vga_scan *scan, unsigned n,
                        const uint8_t *memory, uint32_t mask)
{
    return memory + (memory_address(m, scan->address + n, scan->row) * 4 & mask);
}

static const uint8_t *planes(const struct line *l, unsigned n)
{
    return vga_cell(l->m, l->scan, n, l->memory, l->mask);
}

/* ---- Text ---- */

static bool is_cursor(const struct line *l, unsigned n)
{
    const struct vga_mode *m = l->m;

    return m->cursor && ((l->scan->address + n) & 0xffff) == (m->cursor_address & 0xffff) &&
           l->scan->row >= m->cursor_first && l->scan->row <= m->cursor_last;
}

/* Nine dots, leftmost in bit 8. */
static unsigned glyph(const struct line *l, uint8_t character, uint8_t attribute)
{
    const struct vga_mode *m = l->m;
    uint32_t at = m->font[attribute >> 3 & 1] + character * 32u + l->scan->row;
    unsigned dots = l->memory[(at * 4 + 2) & l->mask] * 2u;

    if (m->line_graphics && character >= 0xc0 && character <= 0xdf)
        dots |= dots >> 1 & 1; /* box drawing joins its right neighbour */
    if ((attribute & 7) == 1 && l->scan->row == m->underline)
        dots = 0x1ff;
    return dots;
}

static void draw_text(const struct line *l, struct vga_phase *phase, uint32_t *out)
{
    const struct vga_mode *m = l->m;

    for (unsigned n = 0; n <= m->columns; n++) {
        const uint8_t *cell = planes(l, n);
        uint8_t attribute = cell[1];
        unsigned dots = glyph(l, cell[0], attribute), back = attribute >> 4;
        if (m->blink) {
            bool blinks = (back & 8) != 0;
            back &= 7;
            phase->has_blink |= blinks;
            if (blinks && phase->dark)
                dots = 0;
        }
        if (phase->cursor && is_cursor(l, n))
            dots = 0x1ff;
        for (unsigned i = 0; i < m->dots; i++)
            out = put(out, m->palette[(dots & 0x100 >> i) != 0 ? attribute & 15u : back],
                      m->repeat);
    }
}

/* ---- Graphics of the VGA ---- */

static void draw_planar(const struct line *l, uint32_t *out)
{
    for (unsigned n = 0; n <= l->m->columns; n++) {
        const uint8_t *p = planes(l, n);
        for (unsigned i = 8; i-- > 0;) {
            unsigned color = (p[0] >> i & 1u) | (p[1] >> i & 1u) << 1 | (p[2] >> i & 1u) << 2 |
                             (p[3] >> i & 1u) << 3;
            out = put(out, l->m->palette[color], l->m->repeat);
        }
    }
}

/* Pairs of bits: four pixels from the even planes, then four from the odd ones. */
static void draw_cga(const struct line *l, uint32_t *out)
{
    for (unsigned n = 0; n <= l->m->columns; n++) {
        const uint8_t *p = planes(l, n);
        for (unsigned i = 0; i < 8; i++) {
            unsigned odd = i / 4, at = 6 - i % 4 * 2;
            unsigned color = (p[odd] >> at & 3u) | (p[odd + 2] >> at & 3u) << 2;
            out = put(out, l->m->palette[color], l->m->repeat);
        }
    }
}

static void draw_256(const struct line *l, uint32_t *out)
{
    for (unsigned n = 0; n <= l->m->columns; n++) {
        const uint8_t *p = planes(l, n);
        for (unsigned i = 0; i < 8; i++)
            out = put(out, l->m->palette[p[i / 2]], l->m->repeat);
    }
}

/* ---- Linear modes ---- */

static uint32_t widen(unsigned value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t from_15(uint16_t p)
{
    return widen(p >> 10 & 31, 5) << 16 | widen(p >> 5 & 31, 5) << 8 | widen(p & 31, 5);
}

static uint32_t from_16(uint16_t p)
{
    return widen(p >> 11, 5) << 16 | widen(p >> 5 & 63, 6) << 8 | widen(p & 31, 5);
}

static uint32_t linear_pixel(const struct vga_mode *m, const uint8_t *line, unsigned x)
{
    bool big = m->big_endian;

    switch (m->bits) {
    case 8: return m->palette[line[x]];
    case 15: return from_15(big ? get_be16(line + 2u * x) : get_le16(line + 2u * x));
    case 16: return from_16(big ? get_be16(line + 2u * x) : get_le16(line + 2u * x));
    case 24: {
        const uint8_t *p = line + 3u * x;
        return big ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]
                   : (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
    }
    default: return (big ? get_be32(line + 4u * x) : get_le32(line + 4u * x)) & 0xffffff;
    }
}

static void draw_linear(const struct line *l, uint8_t *bounce, uint32_t *out)
{
    const struct vga_mode *m = l->m;
    uint32_t at = l->scan->address & l->mask, bytes = m->width * ((m->bits + 7) / 8);
    const uint8_t *line = l->memory + at;

    if (bytes > l->mask - at + 1) {
        for (uint32_t i = 0; i < bytes; i++)
            bounce[i] = l->memory[(at + i) & l->mask];
        line = bounce;
    }
    for (unsigned x = 0; x < m->width; x++)
        out[x] = linear_pixel(m, line, x);
}

const uint32_t *vga_draw_line(const struct vga_mode *m, const struct vga_scan *scan,
                              const uint8_t *memory, uint32_t mask, struct vga_phase *phase,
                              uint8_t *bounce, uint32_t *out)
{
    const struct line l = { m, scan, memory, mask };

    switch (m->format) {
    case VGA_BLANK: memset(out, 0, m->width * sizeof(*out)); break;
    case VGA_TEXT: draw_text(&l, phase, out); break;
    case VGA_PLANAR: draw_planar(&l, out); break;
    case VGA_CGA: draw_cga(&l, out); break;
    case VGA_256: draw_256(&l, out); break;
    case VGA_LINEAR: draw_linear(&l, bounce, out); break;
    }
    return out + (size_t)scan->pan * m->repeat;
}
