/*
 * From registers to what the screen shows (IBM VGA: CRT controller, attribute controller).
 *
 * The CRTC counts addresses along a line, a row's first address moves on after the last scan line
 * of a character row, and the counter is wired to memory in one of several ways. All of it, for
 * every mode that can be set, is in struct vga_mode; nothing here knows BIOS mode numbers.
 */
#include "hw/display/vga_core.h"

#include <string.h>

#define BLANK_WIDTH  640
#define BLANK_HEIGHT 480

static unsigned bit(uint8_t value, unsigned from, unsigned to)
{
    return (unsigned)(value >> from & 1) << to;
}

/* ---- Colours ---- */

static uint32_t to_8_bits(const struct vga *v, uint8_t value)
{
    return v->dac8 ? value : (value & 0x3fu) << 2 | (value & 0x3fu) >> 4;
}

uint32_t vga_rgb(const struct vga *v, const uint8_t *entry)
{
    return to_8_bits(v, entry[0]) << 16 | to_8_bits(v, entry[1]) << 8 | to_8_bits(v, entry[2]);
}

static uint32_t dac_color(const struct vga *v, uint8_t index)
{
    return vga_rgb(v, &v->dac[(index & v->dac_mask) * 3]);
}

/* Through the attribute controller's palette, and its colour select for the DAC's upper bits. */
static uint32_t attribute_color(const struct vga *v, unsigned n)
{
    uint8_t entry = v->ar[n] & 0x3f, select = v->ar[AR_COLOR_SELECT];

    if ((v->ar[AR_MODE] & AR_MODE_COLOR_SELECT) != 0)
        entry = (entry & 0xf) | (uint8_t)((select & 3) << 4);
    return dac_color(v, entry | (uint8_t)((select & 0xc) << 4));
}

static void fill_palette(const struct vga *v, struct vga_mode *m)
{
    bool direct = m->format == VGA_256 || (m->format == VGA_LINEAR && m->bits == 8);

    if (m->format == VGA_BLANK || (m->format == VGA_LINEAR && m->bits > 8))
        return;
    for (unsigned i = 0; i < (direct ? 256 : 16); i++)
        m->palette[i] = direct ? dac_color(v, (uint8_t)i)
                               : attribute_color(v, i & v->ar[AR_PLANE_ENABLE] & 0xf);
    if (m->format == VGA_TEXT) /* plane enable is for pixels */
        for (unsigned i = 0; i < 16; i++)
            m->palette[i] = attribute_color(v, i);
}

/* ---- The CRTC's counters ---- */

static unsigned display_lines(const struct vga *v)
{
    uint8_t overflow = v->cr[CR_OVERFLOW];

    return (v->cr[CR_V_DISPLAY_END] | bit(overflow, 1, 8) | bit(overflow, 6, 9)) + 1;
}

static void fill_counters(const struct vga *v, struct vga_mode *m)
{
    const uint8_t *cr = v->cr;
    uint8_t scan = cr[CR_MAX_SCAN], mode = cr[CR_MODE];

    m->start = ((uint32_t)cr[CR_START_HIGH] << 8 | cr[CR_START_LOW]) +
               (cr[CR_PRESET_ROW] >> 5 & 3u);
    m->stride = cr[CR_OFFSET] * 2u;
    m->columns = cr[CR_H_DISPLAY_END] + 1u;
    m->height = display_lines(v);
    m->rows = (scan & 0x1fu) + 1;
    m->double_scan = (scan & CR_MAX_SCAN_DOUBLE) != 0;
    m->preset_row = cr[CR_PRESET_ROW] & 0x1f;
    m->line_compare = cr[CR_LINE_COMPARE] | bit(cr[CR_OVERFLOW], 4, 8) | bit(scan, 6, 9);
    m->address_mask = 0xffff;
    if ((v->sr[SR_MEMORY_MODE] & SR_MEMORY_CHAIN4) == 0) {
        if ((cr[CR_UNDERLINE] & CR_UNDERLINE_DOUBLEWORD) != 0)
            m->shift = 2;
        else
            m->shift = (mode & CR_MODE_BYTE) != 0 ? 0 : 1;
    }
    m->wrap_bit = (mode & CR_MODE_WRAP_15) != 0 ? 15 : 13;
    m->row0_to_13 = (mode & CR_MODE_ROW0_NOT_TO_13) == 0;
    m->row1_to_14 = (mode & CR_MODE_ROW1_NOT_TO_14) == 0;
}

/* ---- Formats ---- */

static enum vga_format pixel_format(const struct vga *v)
{
    if ((v->gr[GR_MISC] & GR_MISC_GRAPHICS) == 0)
        return VGA_TEXT;
    if ((v->gr[GR_MODE] & GR_MODE_SHIFT_256) != 0)
        return VGA_256;
    return (v->gr[GR_MODE] & GR_MODE_SHIFT_CGA) != 0 ? VGA_CGA : VGA_PLANAR;
}

static unsigned panning(const struct vga *v, const struct vga_mode *m)
{
    unsigned pan = v->ar[AR_PANNING] & 0xf;

    if (m->dots == 9) /* 8 is no panning, 0 to 7 are 1 to 8 dots */
        return pan >= 8 ? 0 : pan + 1;
    return m->format == VGA_256 ? pan & 6 : pan & 7;
}

/* SR3: bits 4, 1:0 for characters whose attribute bit 3 is clear, bits 5, 3:2 for the others. */
static uint16_t font_address(unsigned low, unsigned high)
{
    return (uint16_t)(low << 14 | high << 13);
}

static void fill_text(const struct vga *v, struct vga_mode *m)
{
    uint8_t map = v->sr[SR_CHARACTER_MAP], mode = v->ar[AR_MODE];
    uint8_t start = v->cr[CR_CURSOR_START], end = v->cr[CR_CURSOR_END];

    m->font[0] = font_address(map & 3, map >> 4 & 1);
    m->font[1] = font_address(map >> 2 & 3, map >> 5 & 1);
    m->blink = (mode & AR_MODE_BLINK) != 0;
    m->line_graphics = (mode & AR_MODE_LINE_GRAPHICS) != 0;
    m->underline = v->cr[CR_UNDERLINE] & 0x1f;
    m->cursor_first = start & 0x1f;
    m->cursor_last = end & 0x1f;
    m->cursor = (start & CR_CURSOR_OFF) == 0 && m->cursor_first <= m->cursor_last &&
                m->cursor_first < m->rows;
    m->cursor_address = ((unsigned)v->cr[CR_CURSOR_HIGH] << 8 | v->cr[CR_CURSOR_LOW]) +
                        (end >> 5 & 3u);
}

static void fill_vga(const struct vga *v, struct vga_mode *m)
{
    fill_counters(v, m);
    m->format = pixel_format(v);
    m->dots = m->format == VGA_TEXT && (v->sr[SR_CLOCKING] & SR_CLOCKING_8_DOTS) == 0 ? 9 : 8;
    m->repeat = (v->sr[SR_CLOCKING] & SR_CLOCKING_HALF_RATE) != 0 ? 2 : 1;
    m->pan = panning(v, m);
    m->pan_top_only = (v->ar[AR_MODE] & AR_MODE_PAN_TOP_ONLY) != 0;
    m->width = m->columns * m->dots * m->repeat;
    if (m->format == VGA_TEXT)
        fill_text(v, m);
}

/* The size stays where one is set, so that viewers need not resize while a palette is loaded. */
static void make_blank(struct vga_mode *m)
{
    unsigned width = m->width, height = m->height;
    bool sized = width >= 320 && height >= 200;

    memset(m, 0, sizeof(*m));
    m->format = VGA_BLANK;
    m->width = sized ? width : BLANK_WIDTH;
    m->height = sized ? height : BLANK_HEIGHT;
}

void vga_make_linear(struct vga_mode *m, unsigned bits)
{
    m->format = VGA_LINEAR;
    m->bits = bits;
    m->pan = m->preset_row = 0;
    m->row0_to_13 = m->row1_to_14 = m->cursor = false;
}

void vga_get_mode(const struct vga *v, struct vga_mode *m)
{
    memset(m, 0, sizeof(*m));
    fill_vga(v, m);
    v->ops->mode(v->chip, m);
    if ((v->ar_index & AR_INDEX_PALETTE_SOURCE) == 0 ||
        (v->sr[SR_CLOCKING] & SR_CLOCKING_SCREEN_OFF) != 0)
        make_blank(m);
    fill_palette(v, m);
}
