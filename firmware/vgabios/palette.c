/*
 * Colours: the attribute controller's sixteen, of the DAC's 256.
 */
#include "palette.h"

#include "vga.h"

#define OPTION_GRAY 0x02 /* 40:89 */

struct color {
    uint8_t red, green, blue;
};

static void dac_put(struct color c)
{
    outb(VGA_DAC_DATA, c.red);
    outb(VGA_DAC_DATA, c.green);
    outb(VGA_DAC_DATA, c.blue);
}

static struct color dac_get(uint8_t index)
{
    struct color c;
    outb(VGA_DAC_READ, index);
    c.red = inb(VGA_DAC_DATA);
    c.green = inb(VGA_DAC_DATA);
    c.blue = inb(VGA_DAC_DATA);
    return c;
}

/* ---- The colours that modes begin with ---- */

/* The EGA's rgbRGB: two thirds by bits 2-0, one third by bits 5-3. */
static struct color ega_color(uint8_t i)
{
    return (struct color){ (uint8_t)((i & 4 ? 0x2A : 0) + (i & 32 ? 0x15 : 0)),
                           (uint8_t)((i & 2 ? 0x2A : 0) + (i & 16 ? 0x15 : 0)),
                           (uint8_t)((i & 1 ? 0x2A : 0) + (i & 8 ? 0x15 : 0)) };
}

/* The CGA's: intensity in bit 4, and dark yellow is brown. */
static struct color cga_color(uint8_t i)
{
    struct color c = ega_color((uint8_t)((i & 7) | (i & 16 ? 0x38 : 0)));
    if ((i & 0x17) == 6)
        c.green = 0x15;
    return c;
}

static struct color mono_color(uint8_t i)
{
    static ROM uint8_t level[4] = { 0x00, 0x2A, 0x00, 0x3F };
    uint8_t v = level[i >> 3 & 3];
    return (struct color){ v, v, v };
}

/*
 * One of 24 hues from blue by red and green back: each of red, green and blue is at its most for
 * a third of the circle, at its least for a third, and takes four steps between.
 */
static uint8_t hue_part(uint8_t step, uint8_t least, uint8_t most)
{
    uint8_t rising = step < 12 ? step : (uint8_t)(24 - step);
    if (rising <= 4)
        return least;
    if (rising >= 8)
        return most;
    unsigned way = (unsigned)(most - least) * (unsigned)(rising - 4);
    return (uint8_t)(least + (way + 1) / 4); /* half is rounded down */
}

/* Mode 13h: the CGA's 16 colours, 16 grays, 24 hues in 3 saturations at 3 intensities, black. */
static struct color vga_color(uint8_t i)
{
    static ROM uint8_t gray[16] = { 0x00, 0x05, 0x08, 0x0B, 0x0E, 0x11, 0x14, 0x18,
                                    0x1C, 0x20, 0x24, 0x28, 0x2D, 0x32, 0x38, 0x3F };
    static ROM uint8_t range[9][2] = { { 0x00, 0x3F }, { 0x1F, 0x3F }, { 0x2D, 0x3F },
                                       { 0x00, 0x1C }, { 0x0E, 0x1C }, { 0x14, 0x1C },
                                       { 0x00, 0x10 }, { 0x08, 0x10 }, { 0x0B, 0x10 } };
    if (i < 16)
        return cga_color((uint8_t)((i & 7) | (i & 8) << 1));
    if (i < 32)
        return (struct color){ gray[i - 16], gray[i - 16], gray[i - 16] };
    if (i >= 248)
        return (struct color){ 0, 0, 0 };
    uint8_t row = (uint8_t)((i - 32) / 24), hue = (uint8_t)((i - 32) % 24);
    uint8_t least = range[row][0], most = range[row][1];
    return (struct color){ hue_part((uint8_t)((hue + 4) % 24), least, most),
                           hue_part((uint8_t)((hue + 20) % 24), least, most),
                           hue_part((uint8_t)((hue + 12) % 24), least, most) };
}

/* 30 % red, 59 % green, 11 % blue. */
static struct color gray_of(struct color c)
{
    uint8_t v = (uint8_t)((c.red * 77U + c.green * 151U + c.blue * 28U + 128) >> 8);
    return (struct color){ v, v, v };
}

void palette_load(enum mode_palette palette)
{
    bool gray = BDA->video_options & OPTION_GRAY;
    outb(VGA_DAC_WRITE, 0);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t index = palette == PALETTE_256 ? (uint8_t)i : (uint8_t)(i & 63);
        struct color c = palette == PALETTE_256   ? vga_color(index)
                         : palette == PALETTE_EGA ? ega_color(index)
                         : palette == PALETTE_CGA ? cga_color(index)
                                                  : mono_color(index);
        dac_put(gray ? gray_of(c) : c);
    }
}

/* ---- AH=10h: the attribute controller ---- */

static void set_all(uint16_t seg, uint32_t off)
{
    for (uint8_t i = 0; i < 16; i++)
        attr_write(i, far_get8(seg, off + i));
    attr_write(ATTR_OVERSCAN, far_get8(seg, off + 16));
}

static void get_all(uint16_t seg, uint32_t off)
{
    for (uint8_t i = 0; i < 16; i++)
        far_put8(seg, off + i, attr_read(i));
    far_put8(seg, off + 16, attr_read(ATTR_OVERSCAN));
}

static void set_blinking(uint8_t on)
{
    uint8_t mode = attr_read(ATTR_MODE);
    attr_write(ATTR_MODE, on ? mode | 0x08 : mode & ~0x08);
    BDA->video_cga_mode = (uint8_t)(on ? BDA->video_cga_mode | 0x20 : BDA->video_cga_mode & ~0x20);
}

/* BL=0: pages of 64 or 16 colours; BL=1: which page. */
static void select_page(struct regs *r)
{
    uint8_t mode = attr_read(ATTR_MODE);
    if (r->bx.l == 0)
        attr_write(ATTR_MODE, (uint8_t)((mode & 0x7F) | (r->bx.h & 1) << 7));
    else
        attr_write(ATTR_SELECT, (uint8_t)(mode & 0x80 ? r->bx.h & 15 : r->bx.h << 2 & 12));
}

static void get_page(struct regs *r)
{
    uint8_t select = attr_read(ATTR_SELECT);
    r->bx.l = attr_read(ATTR_MODE) >> 7;
    r->bx.h = r->bx.l ? select & 15 : select >> 2 & 3;
}

/* ---- AH=10h: the DAC ---- */

void palette_read(uint8_t first, uint16_t n, uint16_t seg, uint32_t off)
{
    outb(VGA_DAC_READ, first);
    for (uint32_t i = 0; i < n * 3U; i++)
        far_put8(seg, off + i, inb(VGA_DAC_DATA));
}

void palette_write(uint8_t first, uint16_t n, uint16_t seg, uint32_t off)
{
    outb(VGA_DAC_WRITE, first);
    for (uint32_t i = 0; i < n * 3U; i++)
        outb(VGA_DAC_DATA, far_get8(seg, off + i));
}

static void set_color(struct regs *r)
{
    struct color c = { r->dx.h, r->cx.h, r->cx.l };
    outb(VGA_DAC_WRITE, r->bx.l);
    dac_put(BDA->video_options & OPTION_GRAY ? gray_of(c) : c);
}

static void get_color(struct regs *r)
{
    struct color c = dac_get(r->bx.l);
    r->dx.h = c.red;
    r->cx.h = c.green;
    r->cx.l = c.blue;
}

static void to_gray(uint8_t first, uint16_t n)
{
    for (unsigned i = first; i < 256 && n; i++, n--) {
        struct color c = gray_of(dac_get((uint8_t)i));
        outb(VGA_DAC_WRITE, (uint8_t)i);
        dac_put(c);
    }
}

/* How many of count colours there are from first on. */
static uint16_t at_most(uint8_t first, uint16_t count)
{
    return count > 256U - first ? (uint16_t)(256U - first) : count;
}

void palette_service(struct regs *r)
{
    uint16_t count = at_most(r->bx.l, r->cx.x);
    switch (r->ax.l) {
    case 0x00:
        if (r->bx.l < ATTR_SELECT)
            attr_write(r->bx.l, r->bx.h);
        break;
    case 0x01: attr_write(ATTR_OVERSCAN, r->bx.h); break;
    case 0x02: set_all(r->es, r->dx.x); break;
    case 0x03: set_blinking(r->bx.l); break;
    case 0x07:
        if (r->bx.l < ATTR_REGS)
            r->bx.h = attr_read(r->bx.l);
        break;
    case 0x08: r->bx.h = attr_read(ATTR_OVERSCAN); break;
    case 0x09: get_all(r->es, r->dx.x); break;
    case 0x10: set_color(r); break;
    case 0x12:
        palette_write(r->bx.l, count, r->es, r->dx.x);
        if (BDA->video_options & OPTION_GRAY)
            to_gray(r->bx.l, count);
        break;
    case 0x13: select_page(r); break;
    case 0x15: get_color(r); break;
    case 0x17: palette_read(r->bx.l, count, r->es, r->dx.x); break;
    case 0x18: outb(VGA_DAC_MASK, r->bx.l); break;
    case 0x19: r->bx.l = inb(VGA_DAC_MASK); break;
    case 0x1A: get_page(r); break;
    case 0x1B: to_gray(r->bx.l, count); break;
    default: break;
    }
}

/* ---- AH=0Bh: as on a CGA ---- */

/* BH=0: border, and background in graphics modes. BH=1: one of two sets of three colours. */
void palette_cga_service(struct regs *r)
{
    uint8_t color = BDA->video_cga_color;
    if (r->bx.h == 0) {
        color = (uint8_t)((color & 0xE0) | (r->bx.l & 0x1F));
        uint8_t value = (uint8_t)((r->bx.l & 7) | (r->bx.l & 8) << 1);
        attr_write(ATTR_OVERSCAN, value);
        if (mode_kind() != KIND_TEXT)
            attr_write(0, value);
    } else if (r->bx.h == 1) {
        color = (uint8_t)((color & 0xDF) | (r->bx.l & 1) << 5);
    }
    BDA->video_cga_color = color;
    if (mode_kind() != KIND_CGA4)
        return;
    for (uint8_t i = 1; i < 4; i++)
        attr_write(i, (uint8_t)(i * 2 | (color >> 5 & 1) | (color & 0x10)));
}
