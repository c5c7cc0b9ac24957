/*
 * VBE functions 02h to 15h.
 */
#include "vbe.h"

#include "charset.h"
#include "chip.h"
#include "init.h"
#include "mode.h"
#include "palette.h"
#include "state.h"
#include "vga.h"

#define MODE_NUMBER 0x01FF
#define MODE_LINEAR 0x4000
#define MODE_KEEP   0x8000
#define LINE_MAX    0xFFF8 /* bytes: what BX can say */

/* ---- 02h, 03h: the mode ---- */

static void fill_bda(const struct vbe_mode *m, uint16_t number)
{
    uint8_t height = m->height < 400 ? 8 : 16;
    BDA->video_mode = MODE_VBE;
    BDA->vbe_mode = number;
    BDA->video_columns = m->width / 8;
    BDA->video_rows = (uint8_t)(m->height / height - 1);
    BDA->video_height = height;
    BDA->video_page_size = 0; /* there is one page */
    BDA->video_start = 0;
    BDA->video_page = 0;
    for (unsigned page = 0; page < 8; page++)
        BDA->video_cursor[page] = 0;
    charset_rom_graphics(height);
}

static uint16_t set_mode(struct regs *r)
{
    struct vbe_mode m;
    uint16_t number = r->bx.x & (MODE_NUMBER | MODE_LINEAR | MODE_KEEP);
    bool linear = number & MODE_LINEAR, keep = number & MODE_KEEP;
    if ((number & MODE_NUMBER) < 0x100)
        return mode_set(number & 0x7F, keep) ? VBE_OK : VBE_FAILED;
    if (!vbe_mode_find(number & MODE_NUMBER, &m) || !vbe_mode_fits(&m) ||
        (linear && (m.bits == 4 || !chip_frame_buffer())))
        return VBE_FAILED;
    if (m.bits == 4) {
        mode_set(MODE_6A, keep);
        BDA->vbe_mode = number;
        return VBE_OK;
    }
    chip_leave();
    mode_registers(&video_params[PARAMS_13]);
    palette_load(PALETTE_256);
    chip_set_mode(&m, linear, keep);
    fill_bda(&m, number);
    mode_screen(true);
    return VBE_OK;
}

static uint16_t get_mode(struct regs *r)
{
    r->bx.x = BDA->vbe_mode ? BDA->vbe_mode : BDA->video_mode;
    return VBE_OK;
}

/*
 * For functions that need a VBE mode: VBE_OK, and which is set. VBE_PLANAR is not the chip's.
 */
static uint16_t current(struct vbe_mode *m)
{
    if (!BDA->vbe_mode || !vbe_mode_find(BDA->vbe_mode & MODE_NUMBER, m))
        return VBE_WRONG_MODE;
    return m->bits == 4 ? VBE_NO_HARDWARE : VBE_OK;
}

/* ---- 04h: state ---- */

static uint16_t state(struct regs *r)
{
    uint8_t what = r->cx.l & 0x0F;
    switch (r->dx.l) {
    case 0: r->bx.x = (uint16_t)((state_size(what) + 63) / 64); return VBE_OK;
    case 1: state_save(what, r->es, r->bx.x); return VBE_OK;
    case 2: state_restore(what, r->es, r->bx.x); return VBE_OK;
    default: return VBE_FAILED;
    }
}

/* ---- 05h to 07h: memory on the screen ---- */

static uint16_t window(struct regs *r)
{
    struct vbe_mode m;
    uint16_t status = current(&m);
    if (status != VBE_OK)
        return status;
    if (r->bx.l != 0 || r->bx.h > 1)
        return VBE_FAILED;
    if (r->bx.h == 1) {
        r->dx.x = chip_bank();
        return VBE_OK;
    }
    chip_set_bank(r->dx.x);
    return chip_bank() == r->dx.x ? VBE_OK : VBE_FAILED;
}

/* CX pixels a line, if the screen fits its memory so. */
static uint16_t set_line(const struct vbe_mode *m, uint32_t pixels, uint32_t most)
{
    uint16_t before = chip_line();
    if (pixels < m->width || pixels > most)
        return VBE_NO_HARDWARE;
    if (chip_set_line((uint16_t)pixels))
        return VBE_OK;
    chip_set_line(before);
    return VBE_NO_HARDWARE;
}

/* BL=0: set, in pixels; 1: get; 2: set, in bytes; 3: get the longest. */
static uint16_t line_length(struct regs *r)
{
    struct vbe_mode m;
    uint16_t status = current(&m);
    if (status != VBE_OK)
        return status;
    uint32_t memory = chip_memory() * 0x10000U, bytes = vbe_bytes(m.bits, 1);
    uint32_t most = memory / m.height / bytes & ~7U, line;
    if (most * bytes > LINE_MAX)
        most = LINE_MAX / bytes & ~7U;
    if (r->bx.l == 0)
        status = set_line(&m, r->cx.x, most);
    else if (r->bx.l == 2)
        status = set_line(&m, (r->cx.x + bytes - 1) / bytes, most);
    else if (r->bx.l > 3)
        status = VBE_FAILED;
    if (status != VBE_OK)
        return status;
    line = r->bx.l == 3 ? most : chip_line();
    r->cx.x = (uint16_t)line;
    r->bx.x = (uint16_t)(line * bytes);
    r->dx.x = (uint16_t)(memory / r->bx.x > 0xFFFF ? 0xFFFF : memory / r->bx.x);
    return VBE_OK;
}

/* Bit 7 of BL asks to wait for the retrace: each picture here is shown as a whole. */
static uint16_t start(struct regs *r)
{
    struct vbe_mode m;
    uint16_t status = current(&m);
    if (status != VBE_OK)
        return status;
    if (r->bx.l == 1) {
        uint16_t x, y;
        chip_start(&x, &y);
        r->bx.h = 0;
        r->cx.x = x;
        r->dx.x = y;
        return VBE_OK;
    }
    if ((r->bx.l & 0x7F) != 0)
        return VBE_FAILED;
    return chip_set_start(r->cx.x, r->dx.x) ? VBE_OK : VBE_FAILED;
}

/* ---- 08h, 09h: colours ---- */

static uint16_t dac_format(struct regs *r)
{
    struct vbe_mode m;
    if (current(&m) != VBE_OK || m.bits > 8)
        return VBE_WRONG_MODE;
    if (r->bx.l > 1)
        return VBE_FAILED;
    if (r->bx.l == 0)
        chip_set_dac_bits(r->bx.h >= 8 ? chip_dac_most : 6);
    r->bx.h = chip_dac_bits();
    return VBE_OK;
}

/* Blue, green, red and a byte to fill, in memory. */
static uint16_t palette(struct regs *r)
{
    uint32_t at = r->di.x;
    bool get = r->bx.l == 1;
    if (r->cx.x > 256 || r->dx.x > 255 || r->cx.x + r->dx.x > 256)
        return VBE_FAILED;
    if (!get && r->bx.l != 0 && r->bx.l != 0x80)
        return r->bx.l == 2 || r->bx.l == 3 ? VBE_NO_HARDWARE : VBE_FAILED; /* no second palette */
    outb(get ? VGA_DAC_READ : VGA_DAC_WRITE, r->dx.l);
    for (unsigned n = r->cx.x; n; n--, at += 4) {
        for (int part = 2; part >= 0; part--) {
            if (get)
                far_put8(r->es, at + (unsigned)part, inb(VGA_DAC_DATA));
            else
                outb(VGA_DAC_DATA, far_get8(r->es, at + (unsigned)part));
        }
    }
    return VBE_OK;
}

/* ---- 0Ah, 0Bh, 10h, 15h ---- */

static uint16_t protected_mode(struct regs *r)
{
    if (r->bx.l != 0 || !chip_pmi_size)
        return VBE_FAILED;
    r->es = ROM_SEG;
    r->di.x = ROM_OFF(chip_pmi);
    r->cx.x = chip_pmi_size;
    return VBE_OK;
}

/* Any clock will do: nothing here depends on it. */
static uint16_t pixel_clock(struct regs *r)
{
    struct vbe_mode m;
    return r->bx.l == 0 && vbe_mode_find(r->dx.x & MODE_NUMBER, &m) ? VBE_OK : VBE_FAILED;
}

/* VBE/PM 1.0: standby, suspend and off are a dark screen. */
static uint16_t power(struct regs *r)
{
    switch (r->bx.l) {
    case 0: r->bx.x = 0x0710; return VBE_OK;
    case 1: mode_screen(r->bx.h == 0); return VBE_OK;
    case 2: r->bx.h = vga_read(VGA_SEQ, SEQ_CLOCKING) & SEQ_SCREEN_OFF ? 4 : 0; return VBE_OK;
    default: return VBE_FAILED;
    }
}

/* VBE/DDC 1.1: what the monitor said when the ROM started. */
static uint16_t ddc(struct regs *r)
{
    uint8_t blocks = rom_state.edid_blocks;
    if (!blocks)
        return VBE_FAILED;
    if (r->bx.l == 0) {
        r->bx.x = 0x0102; /* a second for a block at most; DDC2 */
        return VBE_OK;
    }
    if (r->bx.l != 1 || r->dx.x >= blocks)
        return VBE_FAILED;
    far_copy(r->es, r->di.x, ROM_SEG, ROM_OFF(rom_state.edid[r->dx.x]), EDID_BLOCK);
    return VBE_OK;
}

static uint16_t function(struct regs *r)
{
    switch (r->ax.l) {
    case 0x00: return vbe_info(r);
    case 0x01: return vbe_mode_info(r);
    case 0x02: return set_mode(r);
    case 0x03: return get_mode(r);
    case 0x04: return state(r);
    case 0x05: return window(r);
    case 0x06: return line_length(r);
    case 0x07: return start(r);
    case 0x08: return dac_format(r);
    case 0x09: return palette(r);
    case 0x0A: return protected_mode(r);
    case 0x0B: return pixel_clock(r);
    case 0x10: return power(r);
    case 0x15: return ddc(r);
    default: return VBE_UNSUPPORTED;
    }
}

void vbe_service(struct regs *r)
{
    r->ax.x = chip_memory() ? function(r) : VBE_UNSUPPORTED;
}
