/*
 * What is there, and the choices of AH=12h.
 */
#include "info.h"

#include "mode.h"
#include "vga.h"

#define CONTROL_NO_EMULATION 0x01 /* 40:87 */
#define CONTROL_KEEP         0x80
#define OPTION_GRAY          0x02 /* 40:89 */
#define OPTION_NO_PALETTE    0x08
#define OPTION_LINES         0x90
#define MISC_RAM             0x02
#define DISPLAYS             16 /* in dcc_table */

void info_mode_service(struct regs *r)
{
    r->ax.h = (uint8_t)BDA->video_columns;
    r->ax.l = BDA->video_mode | (BDA->video_control & CONTROL_KEEP);
    r->bx.h = BDA->video_page;
}

/* ---- AH=12h ---- */

/* 200, 350 or 400 lines for the next text mode: bits 7 and 4, and EGA switches to go with it. */
static bool select_lines(uint8_t choice)
{
    static ROM uint8_t option[3] = { 0x80, 0x00, 0x10 };
    static ROM uint8_t switches[3] = { 8, 9, 9 };
    if (choice > 2)
        return false;
    BDA->video_options = (uint8_t)((BDA->video_options & ~OPTION_LINES) | option[choice]);
    BDA->video_switches = (uint8_t)((BDA->video_switches & 0xF0) | switches[choice]);
    return true;
}

static void set_bit(volatile uint8_t __seg_gs *at, uint8_t bit, bool on)
{
    *at = (uint8_t)(on ? *at | bit : *at & ~bit);
}

static void ega_info(struct regs *r)
{
    r->bx.h = BDA->video_crtc == VGA_CRTC_COLOR ? 0 : 1;
    r->bx.l = 3; /* 256 KiB */
    r->cx.h = BDA->video_switches >> 4;
    r->cx.l = BDA->video_switches & 15;
}

void info_alternate_service(struct regs *r)
{
    uint8_t misc = inb(VGA_MISC_READ);
    switch (r->bx.l) {
    case 0x10: ega_info(r); return;
    case 0x30:
        if (!select_lines(r->ax.l)) {
            r->ax.l = 0;
            return;
        }
        break;
    case 0x31: set_bit(&BDA->video_options, OPTION_NO_PALETTE, r->ax.l & 1); break;
    case 0x32: outb(VGA_MISC, r->ax.l & 1 ? misc & ~MISC_RAM : misc | MISC_RAM); break;
    case 0x33: set_bit(&BDA->video_options, OPTION_GRAY, !(r->ax.l & 1)); break;
    case 0x34: set_bit(&BDA->video_control, CONTROL_NO_EMULATION, r->ax.l & 1); break;
    case 0x36: mode_screen(!(r->ax.l & 1)); break;
    default: return; /* AL says that there is no such function: it is not 12h */
    }
    r->ax.l = 0x12;
}

/* ---- AH=1Ah ---- */

void info_display_service(struct regs *r)
{
    if (r->ax.l == 0) {
        uint8_t i = BDA->video_dcc < DISPLAYS ? BDA->video_dcc : 0;
        uint8_t first = dcc_table.pair[i][0], second = dcc_table.pair[i][1];
        r->bx.l = first ? first : second; /* the active one */
        r->bx.h = first ? second : 0;
        r->ax.l = 0x1A;
    } else if (r->ax.l == 1) {
        for (uint8_t i = 0; i < DISPLAYS; i++) {
            uint8_t first = dcc_table.pair[i][0], second = dcc_table.pair[i][1];
            if ((first == r->bx.h && second == r->bx.l) || (first == r->bx.l && second == r->bx.h))
                BDA->video_dcc = i;
        }
        r->ax.l = 0x1A;
    }
}

/* ---- AH=1Bh ---- */

/* Colours (0 for 256) and pages of each mode. */
static uint16_t mode_colors(enum mode_kind kind)
{
    switch (kind) {
    case KIND_TEXT: return BDA->video_mode == 7 ? 0 : 16;
    case KIND_CGA4: return 4;
    case KIND_CGA2: return 2;
    case KIND_PLANES: return BDA->video_mode == 0x0F || BDA->video_mode == 0x11 ? 2 : 16;
    default: return 256;
    }
}

static uint8_t mode_pages(enum mode_kind kind)
{
    uint16_t page = BDA->video_page_size;
    if (kind == KIND_TEXT)
        return (uint8_t)(0x8000 / page > 8 ? 8 : 0x8000 / page);
    return kind == KIND_PLANES && page ? (uint8_t)(0x10000 / page) : 1;
}

/* 0: 200, 1: 350, 2: 400, 3: 480 lines. */
static uint8_t scan_lines(void)
{
    unsigned lines = (BDA->video_rows + 1U) * BDA->video_height;
    return lines <= 200 ? 0 : lines <= 350 ? 1 : lines <= 400 ? 2 : 3;
}

void info_state_service(struct regs *r)
{
    enum mode_kind kind = mode_kind();
    uint16_t seg = r->es;
    uint32_t to = r->di.x;
    uint8_t font = vga_read(VGA_SEQ, SEQ_FONT), options = BDA->video_options;
    if (r->bx.x != 0)
        return;
    far_fill8(seg, to, 0, 64);
    far_put32(seg, to, ROM_FAR(functionality));
    far_copy(seg, to + 0x04, 0x40, 0x49, 30); /* mode to the colour register */
    far_put8(seg, to + 0x22, BDA->video_rows + 1);
    far_put16(seg, to + 0x23, BDA->video_height);
    far_put8(seg, to + 0x25, 8); /* VGA with a colour display, and no other */
    far_put16(seg, to + 0x27, mode_colors(kind));
    far_put8(seg, to + 0x29, mode_pages(kind));
    far_put8(seg, to + 0x2A, scan_lines());
    far_put8(seg, to + 0x2B, (uint8_t)((font & 3) | (font & 0x10) >> 2));
    far_put8(seg, to + 0x2C, (uint8_t)((font >> 2 & 3) | (font & 0x20) >> 3));
    far_put8(seg, to + 0x2D,
             (uint8_t)(0x01 | (options & 0x0A) |
                       (BDA->video_control & CONTROL_NO_EMULATION ? 0 : 0x10) |
                       (attr_read(ATTR_MODE) & 0x08) << 2));
    far_put8(seg, to + 0x31, 3);    /* 256 KiB */
    far_put8(seg, to + 0x32, 0x20); /* save pointers: display combinations */
    r->ax.l = 0x1B;
}
