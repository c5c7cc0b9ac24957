/*
 * Character sets.
 */
#include "charset.h"

#include "font.h"
#include "text.h"
#include "vga.h"

#define FONT_SEG 0xA000

/* The set of that height: its offset in the ROM. */
static uint16_t rom_set(uint8_t height)
{
    return height == 8 ? ROM_OFF(font8) : height == 14 ? ROM_OFF(font14) : ROM_OFF(font16);
}

/* ---- Plane 2 ---- */

/* Plane 2 is seen alone, byte by byte, at A000; and what text modes have is put back. */
static void open_plane(void)
{
    vga_write(VGA_SEQ, SEQ_MAP_MASK, 0x04);
    vga_write(VGA_SEQ, SEQ_MEMORY, 0x07);
    vga_write(VGA_GFX, GFX_READ_MAP, 2);
    vga_write(VGA_GFX, GFX_MODE, 0);
    vga_write(VGA_GFX, GFX_MISC, 0x04);
}

static void close_plane(void)
{
    vga_write(VGA_SEQ, SEQ_MAP_MASK, 0x03);
    vga_write(VGA_SEQ, SEQ_MEMORY, 0x03);
    vga_write(VGA_GFX, GFX_READ_MAP, 0);
    vga_write(VGA_GFX, GFX_MODE, 0x10);
    vga_write(VGA_GFX, GFX_MISC, mode_segment() == 0xB000 ? 0x0A : 0x0E);
}

struct set {
    uint16_t seg;
    uint32_t off;
    uint16_t first, count;
    uint8_t height;
};

/* Blocks are 16 KiB apart, 4 to 7 in between; 32 bytes a character. */
static void load(const struct set *set, uint8_t block)
{
    uint32_t to = (block & 3U) << 14 | (block & 4U) << 11;
    open_plane();
    for (unsigned i = 0; i < set->count && set->first + i < 256; i++)
        far_copy(FONT_SEG, to + (set->first + i) * 32, set->seg, set->off + i * set->height,
                 set->height);
    close_plane();
}

void charset_load_rom(uint8_t height, uint8_t block)
{
    struct set set = { ROM_SEG, rom_set(height), 0, 256, height };
    load(&set, block);
}

/*
 * As many rows as the mode has lines for, and a cursor for them. Text modes have 350 or 400 lines,
 * or 200 doubled; rows of an earlier set may not have used them all.
 */
static void new_height(uint8_t height)
{
    uint16_t crtc = BDA->video_crtc;
    uint8_t overflow = vga_read(crtc, 7);
    unsigned lines = vga_read(crtc, CRTC_DISPLAY_END) + 1U + (overflow & 2U) * 128 > 350 ? 400
                                                                                         : 350;
    uint8_t scan = vga_read(crtc, CRTC_MAX_SCAN);
    uint8_t rows = (uint8_t)((scan & 0x80 ? 200 : lines) / height);

    vga_write(crtc, CRTC_MAX_SCAN, (uint8_t)((scan & 0xE0) | (height - 1)));
    lines = rows * height * (scan & 0x80 ? 2U : 1U) - 1;
    vga_write(crtc, CRTC_DISPLAY_END, (uint8_t)lines);
    vga_write(crtc, 7, (uint8_t)((overflow & ~0x42) | (lines >> 7 & 2) | (lines >> 3 & 0x40)));
    if (BDA->video_mode == 7)
        vga_write(crtc, CRTC_UNDERLINE, height - 1);
    BDA->video_height = height;
    BDA->video_rows = rows - 1;
    BDA->video_page_size = (uint16_t)((rows * BDA->video_columns * 2U + 0xFF) & ~0xFFU);
    text_set_shape(height > 8 ? 0x0607 : BDA->video_shape);
}

/* AL=00h to 04h; 10h to 14h set the screen's geometry too. */
static void load_text(struct regs *r)
{
    static ROM uint8_t heights[5] = { 0, 14, 8, 0, 16 };
    uint8_t what = r->ax.l & 0x0F, block = r->bx.l;
    struct set set = { r->es, r->bp.x, r->dx.x, r->cx.x, r->bx.h };
    if (what)
        set = (struct set){ ROM_SEG, rom_set(heights[what]), 0, 256, heights[what] };
    if (set.height == 0 || set.height > 32)
        return;
    load(&set, block);
    if (r->ax.l & 0x10)
        new_height(set.height);
}

/* ---- Graphics ---- */

static void set_graphics(uint32_t vector, uint8_t height, uint8_t rows)
{
    VECTORS[0x43] = vector;
    BDA->video_height = height;
    BDA->video_rows = rows - 1;
}

void charset_rom_graphics(uint8_t height)
{
    VECTORS[0x43] = (uint32_t)ROM_SEG << 16 | rom_set(height);
}

static void load_graphics(struct regs *r)
{
    static ROM uint8_t rows[4] = { 0, 14, 25, 43 };
    static ROM uint8_t heights[3] = { 14, 8, 16 };
    uint8_t n = r->bx.l < 4 ? rows[r->bx.l] : 25;
    if (r->bx.l == 0)
        n = r->dx.l;
    if (r->ax.l == 0x20)
        VECTORS[0x1F] = (uint32_t)r->es << 16 | r->bp.x;
    else if (r->ax.l == 0x21)
        set_graphics((uint32_t)r->es << 16 | r->bp.x, r->cx.l, n);
    else
        set_graphics((uint32_t)ROM_SEG << 16 | rom_set(heights[r->ax.l - 0x22]),
                     heights[r->ax.l - 0x22], n);
}

/* ---- AL=30h ---- */

static void get_info(struct regs *r)
{
    /* No characters differ in modes 9 dots wide: both sets of substitutes are empty. */
    static ROM uint8_t no_substitutes[1] = { 0 };
    uint32_t vector;
    switch (r->bx.h) {
    case 0: vector = VECTORS[0x1F]; break;
    case 1: vector = VECTORS[0x43]; break;
    case 2: vector = ROM_FAR(font14); break;
    case 3: vector = ROM_FAR(font8); break;
    case 4: vector = ROM_FAR(font8[128]); break;
    case 5:
    case 7: vector = ROM_FAR(no_substitutes); break;
    case 6: vector = ROM_FAR(font16); break;
    default: return;
    }
    r->es = (uint16_t)(vector >> 16);
    r->bp.x = (uint16_t)vector;
    r->cx.x = BDA->video_height;
    r->dx.l = BDA->video_rows;
}

void charset_service(struct regs *r)
{
    switch (r->ax.l) {
    case 0x00:
    case 0x01:
    case 0x02:
    case 0x04:
    case 0x10:
    case 0x11:
    case 0x12:
    case 0x14: load_text(r); break;
    case 0x03: vga_write(VGA_SEQ, SEQ_FONT, r->bx.l); break;
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x24: load_graphics(r); break;
    case 0x30: get_info(r); break;
    default: break;
    }
}
