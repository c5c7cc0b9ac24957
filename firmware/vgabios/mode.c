/*
 * INT 10h AH=00h.
 */
#include "mode.h"

#include "chip.h"
#include "charset.h"
#include "font.h"
#include "palette.h"
#include "text.h"
#include "vga.h"

#define OPTION_LINES_MASK 0x90 /* 40:89 */
#define OPTION_LINES_200  0x80
#define OPTION_LINES_400  0x10
#define OPTION_NO_PALETTE 0x08
#define CONTROL_KEEP      0x80 /* 40:87 */

static ROM struct mode modes[] = {
    { 0x00, KIND_TEXT, PALETTE_EGA, PARAMS_00_400, 0xB800 },
    { 0x01, KIND_TEXT, PALETTE_EGA, PARAMS_00_400, 0xB800 },
    { 0x02, KIND_TEXT, PALETTE_EGA, PARAMS_02_400, 0xB800 },
    { 0x03, KIND_TEXT, PALETTE_EGA, PARAMS_02_400, 0xB800 },
    { 0x04, KIND_CGA4, PALETTE_CGA, 0x04, 0xB800 },
    { 0x05, KIND_CGA4, PALETTE_CGA, 0x05, 0xB800 },
    { 0x06, KIND_CGA2, PALETTE_CGA, 0x06, 0xB800 },
    { 0x07, KIND_TEXT, PALETTE_MONO, PARAMS_07_400, 0xB000 },
    { 0x0D, KIND_PLANES, PALETTE_CGA, 0x0D, 0xA000 },
    { 0x0E, KIND_PLANES, PALETTE_CGA, 0x0E, 0xA000 },
    { 0x0F, KIND_PLANES, PALETTE_MONO, PARAMS_0F, 0xA000 },
    { 0x10, KIND_PLANES, PALETTE_EGA, PARAMS_10, 0xA000 },
    { 0x11, KIND_PLANES, PALETTE_EGA, PARAMS_11, 0xA000 },
    { 0x12, KIND_PLANES, PALETTE_EGA, PARAMS_12, 0xA000 },
    { 0x13, KIND_BYTES, PALETTE_256, PARAMS_13, 0xA000 },
    { MODE_6A, KIND_PLANES, PALETTE_EGA, PARAMS_6A, 0xA000 },
};

/* As a CGA's mode control and colour select registers for modes 00-07; software looks at these. */
static ROM uint8_t cga_mode[8] = { 0x2C, 0x28, 0x2D, 0x29, 0x2A, 0x2E, 0x1E, 0x29 };

IN_ROM struct mode *mode_find(uint8_t number)
{
    for (IN_ROM struct mode *m = modes; m < modes + sizeof(modes) / sizeof(modes[0]); m++) {
        if (m->number == number)
            return m;
    }
    return 0;
}

enum mode_kind mode_kind(void)
{
    IN_ROM struct mode *m = mode_find(BDA->video_mode);
    return m ? m->kind : KIND_NONE;
}

uint16_t mode_segment(void)
{
    IN_ROM struct mode *m = mode_find(BDA->video_mode);
    return m ? m->segment : 0xA000;
}

/* Text modes come with 200, 350 or 400 lines, as AX=12xxh BL=30h chose. */
static uint8_t params_of(IN_ROM struct mode *m)
{
    uint8_t lines = BDA->video_options & OPTION_LINES_MASK;
    if (m->kind != KIND_TEXT || lines == OPTION_LINES_400)
        return m->params;
    if (m->number == 7)
        return lines == OPTION_LINES_200 ? PARAMS_07_400 : 7;
    if (lines == OPTION_LINES_200)
        return m->number;
    return (uint8_t)(PARAMS_00_350 + m->number);
}

void mode_screen(bool on)
{
    uint8_t clocking = vga_read(VGA_SEQ, SEQ_CLOCKING) & ~SEQ_SCREEN_OFF;
    vga_write(VGA_SEQ, SEQ_CLOCKING, on ? clocking : clocking | SEQ_SCREEN_OFF);
}

void mode_registers(IN_ROM struct video_params *p)
{
    uint16_t crtc = p->misc & 1 ? VGA_CRTC_COLOR : VGA_CRTC_COLOR - 0x20;
    vga_write(VGA_SEQ, 0, 1); /* reset while the clock changes */
    outb(VGA_MISC, p->misc);
    for (uint8_t i = 0; i < 4; i++)
        vga_write(VGA_SEQ, i + 1, i ? p->seq[i] : p->seq[i] | SEQ_SCREEN_OFF);
    vga_write(VGA_SEQ, 0, 3);
    BDA->video_crtc = crtc;
    vga_write(crtc, CRTC_RETRACE_END, 0); /* 00-07 are write-protected by its bit 7 */
    for (uint8_t i = 0; i < CRTC_REGS; i++)
        vga_write(crtc, i, p->crtc[i]);
    for (uint8_t i = 0; i < GFX_REGS; i++)
        vga_write(VGA_GFX, i, p->gfx[i]);
    inb((uint16_t)(crtc + 6));
    for (uint8_t i = 0; i < ATTR_REGS - 1; i++) {
        outb(VGA_ATTR, i);
        outb(VGA_ATTR, p->attr[i]);
    }
    outb(VGA_ATTR, ATTR_SELECT);
    outb(VGA_ATTR, 0);
    outb(VGA_ATTR, ATTR_SHOW);
    outb(VGA_DAC_MASK, 0xFF);
}

static void clear_memory(IN_ROM struct mode *m)
{
    if (m->kind == KIND_TEXT)
        far_fill(m->segment, 0, 0x0720, 0x4000);
    else if (m->segment == 0xB800)
        far_fill(m->segment, 0, 0, 0x2000);
    else
        far_fill(m->segment, 0, 0, 0x8000);
}

static void fill_bda(IN_ROM struct mode *m, IN_ROM struct video_params *p, bool keep)
{
    BDA->video_mode = m->number;
    BDA->vbe_mode = 0;
    BDA->video_columns = p->columns;
    BDA->video_rows = p->rows;
    BDA->video_height = p->height;
    BDA->video_page_size = p->page_size;
    BDA->video_start = 0;
    BDA->video_page = 0;
    BDA->video_shape = m->number == 7 ? 0x0B0C : 0x0607;
    BDA->video_cga_mode = m->number < 8 ? cga_mode[m->number] : 0x29;
    BDA->video_cga_color = m->number == 6 ? 0x3F : 0x30;
    BDA->video_control = (uint8_t)((BDA->video_control & ~CONTROL_KEEP) |
                                   (keep ? CONTROL_KEEP : 0));
    for (unsigned page = 0; page < 8; page++)
        BDA->video_cursor[page] = 0;
}

/* Graphics characters: INT 43h, and the CGA's upper half by INT 1Fh. */
static void set_vectors(IN_ROM struct mode *m, uint8_t height)
{
    VECTORS[0x1F] = ROM_FAR(font8[128]);
    if (m->kind == KIND_TEXT)
        return;
    charset_rom_graphics(height);
}

static uint8_t palette_of(IN_ROM struct mode *m, IN_ROM struct video_params *p)
{
    return m->palette == PALETTE_EGA && p->attr[15] == 0x17 ? PALETTE_CGA : m->palette;
}

bool mode_set(uint8_t number, bool keep)
{
    IN_ROM struct mode *m = mode_find(number);
    if (!m)
        return false;
    IN_ROM struct video_params *p = &video_params[params_of(m)];
    chip_leave();
    mode_registers(p);
    if (!(BDA->video_options & OPTION_NO_PALETTE))
        palette_load((enum mode_palette)palette_of(m, p));
    fill_bda(m, p, keep);
    if (!keep)
        clear_memory(m);
    if (m->kind == KIND_TEXT)
        charset_load_rom(p->height, 0);
    set_vectors(m, p->height);
    mode_screen(true);
    return true;
}
