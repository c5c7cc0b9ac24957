/*
 * Characters in memory, and as dots.
 */
#include "cell.h"

#include "../bios/regs.h"
#include "mode.h"
#include "vga.h"

#define MAX_HEIGHT 32
#define XOR        0x80
#define CGA_ODD    0x2000 /* odd lines of a CGA */
#define CGA_STRIDE 80
#define BYTES_LINE 320 /* mode 13h */

/* ---- Text ---- */

static uint16_t text_offset(struct cell at)
{
    return (uint16_t)(at.page * BDA->video_page_size +
                      (at.row * BDA->video_columns + at.column) * 2);
}

/* ---- Graphics: a line of dots of a row of cells ---- */

struct line {
    enum mode_kind kind;
    uint16_t seg;
    uint8_t bytes; /* of a cell */
};

static struct line line_format(void)
{
    struct line l = { mode_kind(), mode_segment(), 1 };
    if (l.kind == KIND_CGA4)
        l.bytes = 2;
    else if (l.kind == KIND_BYTES)
        l.bytes = 8;
    return l;
}

/* Line y of the cell, by its lines from the top of the page. */
static uint32_t line_offset(const struct line *l, struct cell at, unsigned y)
{
    y += at.row * BDA->video_height;
    switch (l->kind) {
    case KIND_CGA4:
    case KIND_CGA2: return (y & 1 ? CGA_ODD : 0) + (y >> 1) * CGA_STRIDE + at.column * l->bytes;
    case KIND_BYTES: return y * BYTES_LINE + at.column * 8U;
    default: return (uint16_t)(at.page * BDA->video_page_size + y * BDA->video_columns + at.column);
    }
}

/* What a byte of memory is where all dots have the colour. */
static uint8_t solid(const struct line *l, uint8_t color)
{
    if (l->kind == KIND_CGA4)
        return (uint8_t)((color & 3) * 0x55);
    if (l->kind == KIND_CGA2)
        return color & 1 ? 0xFF : 0;
    return color;
}

void cell_move(struct cell to, uint8_t from, uint8_t n)
{
    struct line l = line_format();
    struct cell source = { from, to.column, to.page };
    if (l.kind == KIND_TEXT) {
        far_copy(l.seg, text_offset(to), l.seg, text_offset(source), n * 2U);
        return;
    }
    if (l.kind == KIND_NONE)
        return;
    if (l.kind == KIND_PLANES)
        vga_write(VGA_GFX, GFX_MODE, 1);
    for (unsigned y = 0; y < BDA->video_height; y++) {
        uint32_t d = line_offset(&l, to, y), s = line_offset(&l, source, y);
        if (l.kind == KIND_PLANES)
            far_copy_latched(l.seg, d, l.seg, s, n);
        else
            far_copy(l.seg, d, l.seg, s, (uint32_t)n * l.bytes);
    }
    if (l.kind == KIND_PLANES)
        planes_reset();
}

void cell_clear(struct cell at, uint8_t n, uint8_t attr)
{
    struct line l = line_format();
    if (l.kind == KIND_TEXT) {
        far_fill(l.seg, text_offset(at), (uint16_t)(attr << 8 | ' '), n);
        return;
    }
    if (l.kind == KIND_NONE)
        return;
    if (l.kind == KIND_PLANES) {
        vga_write(VGA_GFX, GFX_SET_RESET, attr);
        vga_write(VGA_GFX, GFX_ENABLE_SET_RESET, 0x0F);
    }
    for (unsigned y = 0; y < BDA->video_height; y++)
        far_fill8(l.seg, line_offset(&l, at, y), solid(&l, attr), (uint32_t)n * l.bytes);
    if (l.kind == KIND_PLANES)
        planes_reset();
}

/* ---- Glyphs ---- */

/* Where the dots of a character are: the CGA's modes have the upper half behind INT 1Fh. */
static void glyph_find(uint8_t c, uint16_t *seg, uint32_t *off)
{
    uint8_t mode = BDA->video_mode;
    bool upper = c >= 128 && mode >= 4 && mode <= 6;
    uint32_t vector = VECTORS[upper ? 0x1F : 0x43];
    *seg = (uint16_t)(vector >> 16);
    *off = (vector & 0xFFFF) + (upper ? c - 128U : c) * BDA->video_height;
}

/* Each dot of a byte twice: two bits a dot. */
static uint16_t widen(uint8_t bits)
{
    uint16_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint16_t)((bits >> i & 1) * 3U << (2 * i));
    return v;
}

static void put_cga(const struct line *l, uint32_t off, uint8_t bits, uint8_t color)
{
    uint16_t dots = l->bytes == 2 ? widen(bits) : (uint16_t)(bits << 8);
    uint16_t fill = (uint16_t)(solid(l, color) * 0x101U);
    for (unsigned i = 0; i < l->bytes; i++, dots = (uint16_t)(dots << 8)) {
        uint8_t v = (uint8_t)((dots & fill) >> 8);
        far_put8(l->seg, off + i, color & XOR ? far_get8(l->seg, off + i) ^ v : v);
    }
}

static void put_bytes(const struct line *l, uint32_t off, uint8_t bits, uint8_t color)
{
    for (unsigned i = 0; i < 8; i++, bits = (uint8_t)(bits << 1))
        far_put8(l->seg, off + i, bits & 0x80 ? color : 0);
}

/*
 * Planes: set/reset gives the colour where the bit mask lets it through; without XOR, black first.
 * Reading fills the latches for what the mask keeps.
 */
static void put_planes(const struct line *l, uint32_t off, uint8_t bits, uint8_t color)
{
    if (!(color & XOR)) {
        vga_write(VGA_GFX, GFX_BIT_MASK, 0xFF);
        vga_write(VGA_GFX, GFX_SET_RESET, 0);
        far_put8(l->seg, off, 0);
    }
    vga_write(VGA_GFX, GFX_SET_RESET, color & 0x0F);
    vga_write(VGA_GFX, GFX_BIT_MASK, bits);
    far_get8(l->seg, off);
    far_put8(l->seg, off, 0xFF);
}

static void draw(const struct line *l, struct cell at, uint8_t c, uint8_t color)
{
    uint16_t seg;
    uint32_t off;
    glyph_find(c, &seg, &off);
    if (l->kind == KIND_PLANES) {
        vga_write(VGA_GFX, GFX_ENABLE_SET_RESET, 0x0F);
        vga_write(VGA_GFX, GFX_FUNCTION, color & XOR ? GFX_FUNCTION_XOR : 0);
    }
    for (unsigned y = 0; y < BDA->video_height; y++) {
        uint8_t bits = far_get8(seg, off + y);
        uint32_t to = line_offset(l, at, y);
        if (l->kind == KIND_PLANES)
            put_planes(l, to, bits, color);
        else if (l->kind == KIND_BYTES)
            put_bytes(l, to, bits, color);
        else
            put_cga(l, to, bits, color);
    }
    if (l->kind == KIND_PLANES)
        planes_reset();
}

static bool outside(struct cell at)
{
    return at.row > BDA->video_rows || at.column >= BDA->video_columns;
}

void cell_write(struct cell at, uint8_t c, uint8_t attr, bool with_attr)
{
    struct line l = line_format();
    if (l.kind == KIND_NONE || outside(at))
        return;
    if (l.kind != KIND_TEXT)
        draw(&l, at, c, attr);
    else if (with_attr)
        far_put16(l.seg, text_offset(at), (uint16_t)(attr << 8 | c));
    else
        far_put8(l.seg, text_offset(at), c);
}

/* ---- Reading ---- */

/* A line of a cell as one bit a dot: what is not black. */
static uint8_t get_dots(const struct line *l, uint32_t off)
{
    uint8_t bits = 0;
    if (l->kind == KIND_PLANES)
        return (uint8_t)~far_get8(l->seg, off); /* read mode 1: bits where the colour is 0 */
    if (l->kind == KIND_CGA2)
        return far_get8(l->seg, off);
    if (l->kind == KIND_BYTES) {
        for (unsigned i = 0; i < 8; i++)
            bits = (uint8_t)(bits << 1 | (far_get8(l->seg, off + i) != 0));
        return bits;
    }
    uint16_t v = (uint16_t)(far_get8(l->seg, off) << 8 | far_get8(l->seg, off + 1));
    for (int i = 14; i >= 0; i -= 2)
        bits = (uint8_t)(bits << 1 | ((v >> i & 3) != 0));
    return bits;
}

static bool is_glyph(uint8_t c, const uint8_t *dots, unsigned height)
{
    uint16_t seg;
    uint32_t off;
    glyph_find(c, &seg, &off);
    for (unsigned y = 0; y < height; y++) {
        if (far_get8(seg, off + y) != dots[y])
            return false;
    }
    return true;
}

/* Looks for the character whose dots they are. */
static uint8_t recognize(const struct line *l, struct cell at)
{
    uint8_t dots[MAX_HEIGHT];
    unsigned height = BDA->video_height < MAX_HEIGHT ? BDA->video_height : MAX_HEIGHT;
    uint8_t care = vga_read(VGA_GFX, GFX_COLOR_CARE);
    if (l->kind == KIND_PLANES) {
        vga_write(VGA_GFX, GFX_COLOR_COMPARE, 0);
        vga_write(VGA_GFX, GFX_COLOR_CARE, 0x0F);
        vga_write(VGA_GFX, GFX_MODE, 0x08);
    }
    for (unsigned y = 0; y < height; y++)
        dots[y] = get_dots(l, line_offset(l, at, y));
    if (l->kind == KIND_PLANES) {
        vga_write(VGA_GFX, GFX_COLOR_CARE, care);
        planes_reset();
    }
    for (unsigned c = 1; c < 256; c++) {
        if (is_glyph((uint8_t)c, dots, height))
            return (uint8_t)c;
    }
    return 0;
}

uint16_t cell_read(struct cell at)
{
    struct line l = line_format();
    if (l.kind == KIND_NONE || outside(at))
        return 0;
    if (l.kind == KIND_TEXT)
        return far_get16(l.seg, text_offset(at));
    return recognize(&l, at);
}

/* ---- Dots ---- */

struct dot {
    uint16_t seg;
    uint32_t off;
    uint8_t shift, mask; /* of the dot in its byte; mask after the shift */
};

/* CX, DX: column and line; BH: page. False: there are no dots. */
static bool dot_find(const struct regs *r, struct dot *d)
{
    enum mode_kind kind = mode_kind();
    unsigned x = r->cx.x, y = r->dx.x;
    *d = (struct dot){ mode_segment(), 0, (uint8_t)(7 - x % 8), 1 };
    switch (kind) {
    case KIND_CGA4:
        d->shift = (uint8_t)(6 - x % 4 * 2);
        d->mask = 3;
        d->off = (y & 1 ? CGA_ODD : 0) + (y >> 1) * CGA_STRIDE + x / 4;
        break;
    case KIND_CGA2: d->off = (y & 1 ? CGA_ODD : 0) + (y >> 1) * CGA_STRIDE + x / 8; break;
    case KIND_BYTES:
        d->shift = 0;
        d->mask = 0xFF;
        d->off = y * BYTES_LINE + x;
        break;
    case KIND_PLANES:
        d->off = (r->bx.h & 7U) * BDA->video_page_size + y * BDA->video_columns + x / 8;
        break;
    default: return false;
    }
    d->off &= 0xFFFF;
    return true;
}

void dot_write_service(struct regs *r)
{
    struct dot d;
    uint8_t color = r->ax.l;
    if (!dot_find(r, &d))
        return;
    if (mode_kind() == KIND_PLANES) {
        vga_write(VGA_GFX, GFX_SET_RESET, color & 0x0F);
        vga_write(VGA_GFX, GFX_ENABLE_SET_RESET, 0x0F);
        vga_write(VGA_GFX, GFX_FUNCTION, color & XOR ? GFX_FUNCTION_XOR : 0);
        vga_write(VGA_GFX, GFX_BIT_MASK, (uint8_t)(1 << d.shift));
        far_get8(d.seg, d.off);
        far_put8(d.seg, d.off, 0xFF);
        planes_reset();
        return;
    }
    uint8_t old = far_get8(d.seg, d.off);
    uint8_t bits = (uint8_t)((color & d.mask) << d.shift);
    bool xor = color & XOR && d.mask != 0xFF;
    far_put8(d.seg, d.off,
             xor? (uint8_t)(old ^ bits) : (uint8_t)((old & ~(d.mask << d.shift)) | bits));
}

void dot_read_service(struct regs *r)
{
    struct dot d;
    if (!dot_find(r, &d))
        return;
    if (mode_kind() != KIND_PLANES) {
        r->ax.l = far_get8(d.seg, d.off) >> d.shift & d.mask;
        return;
    }
    r->ax.l = 0;
    for (uint8_t plane = 0; plane < 4; plane++) {
        vga_write(VGA_GFX, GFX_READ_MAP, plane);
        r->ax.l |= (uint8_t)((far_get8(d.seg, d.off) >> d.shift & 1) << plane);
    }
    vga_write(VGA_GFX, GFX_READ_MAP, 0);
}
