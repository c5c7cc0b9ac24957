/*
 * Saving and restoring. Each part is a multiple of 64 bytes, in the order of the mask's bits:
 *
 *   hardware   CRTC port (2), miscellaneous (1), sequencer 0-4, CRTC 0-18h, attributes 0-14h,
 *              graphics 0-8, DAC mask: 64 bytes
 *   BIOS data  0049-0066, 0084-008A, 00A8-00AB, 00BA-00BB, INT 1Fh, INT 43h: 64 bytes
 *   DAC        768 colours' parts
 *   SVGA       the chip's
 */
#include "state.h"

#include "chip.h"
#include "palette.h"
#include "vga.h"

#define HARDWARE_SIZE 64
#define BDA_SIZE      64
#define DAC_SIZE      768
#define SEQ_REGS      5

uint32_t state_size(uint8_t what)
{
    return (what & STATE_HARDWARE ? HARDWARE_SIZE : 0U) + (what & STATE_BDA ? BDA_SIZE : 0U) +
           (what & STATE_DAC ? DAC_SIZE : 0U) + (what & STATE_SVGA ? CHIP_STATE_SIZE : 0U);
}

/* ---- Registers ---- */

static uint32_t save_indexed(uint16_t port, uint8_t n, uint16_t seg, uint32_t off)
{
    for (uint8_t i = 0; i < n; i++)
        far_put8(seg, off++, vga_read(port, i));
    return off;
}

static uint32_t restore_indexed(uint16_t port, uint8_t n, uint16_t seg, uint32_t off)
{
    for (uint8_t i = 0; i < n; i++)
        vga_write(port, i, far_get8(seg, off++));
    return off;
}

static void save_hardware(uint16_t seg, uint32_t off)
{
    uint16_t crtc = BDA->video_crtc;
    far_put16(seg, off, crtc);
    far_put8(seg, off + 2, inb(VGA_MISC_READ));
    off = save_indexed(VGA_SEQ, SEQ_REGS, seg, off + 3);
    off = save_indexed(crtc, CRTC_REGS, seg, off);
    for (uint8_t i = 0; i < ATTR_REGS; i++)
        far_put8(seg, off++, attr_read(i));
    off = save_indexed(VGA_GFX, GFX_REGS, seg, off);
    far_put8(seg, off, inb(VGA_DAC_MASK));
}

static void restore_hardware(uint16_t seg, uint32_t off)
{
    uint16_t crtc = far_get16(seg, off);
    if (crtc != VGA_CRTC_COLOR && crtc != VGA_CRTC_COLOR - 0x20)
        return;
    BDA->video_crtc = crtc;
    outb(VGA_MISC, far_get8(seg, off + 2));
    off = restore_indexed(VGA_SEQ, SEQ_REGS, seg, off + 3);
    vga_write(crtc, CRTC_RETRACE_END, 0); /* 00-07 are write-protected by its bit 7 */
    off = restore_indexed(crtc, CRTC_REGS, seg, off);
    for (uint8_t i = 0; i < ATTR_REGS; i++)
        attr_write(i, far_get8(seg, off++));
    off = restore_indexed(VGA_GFX, GFX_REGS, seg, off);
    outb(VGA_DAC_MASK, far_get8(seg, off));
}

/* ---- BIOS data ---- */

struct piece {
    uint16_t at; /* linear, below 64 KiB */
    uint8_t n;
};

static ROM struct piece pieces[] = { { 0x449, 0x1E }, { 0x484, 7 },    { 0x4A8, 4 },
                                     { 0x4BA, 2 },    { 0x1F * 4, 4 }, { 0x43 * 4, 4 } };

static void copy_bda(uint16_t seg, uint32_t off, bool save)
{
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        uint8_t n = pieces[i].n;
        if (save)
            far_copy(seg, off, 0, pieces[i].at, n);
        else
            far_copy(0, pieces[i].at, seg, off, n);
        off += n;
    }
}

/* ---- All ---- */

void state_save(uint8_t what, uint16_t seg, uint32_t off)
{
    if (what & STATE_HARDWARE)
        save_hardware(seg, off);
    off += state_size(what & STATE_HARDWARE);
    if (what & STATE_BDA)
        copy_bda(seg, off, true);
    off += state_size(what & STATE_BDA);
    if (what & STATE_DAC)
        palette_read(0, 256, seg, off);
    off += state_size(what & STATE_DAC);
    if (what & STATE_SVGA)
        chip_save(seg, off);
}

/* The chip first: its mode changes registers of the VGA, which follow. */
void state_restore(uint8_t what, uint16_t seg, uint32_t off)
{
    if (what & STATE_SVGA)
        chip_restore(seg, off + state_size(what & ~STATE_SVGA & 0x0F));
    if (what & STATE_HARDWARE)
        restore_hardware(seg, off);
    off += state_size(what & STATE_HARDWARE);
    if (what & STATE_BDA)
        copy_bda(seg, off, false);
    off += state_size(what & STATE_BDA);
    if (what & STATE_DAC)
        palette_write(0, 256, seg, off);
}

void state_service(struct regs *r)
{
    uint8_t what = r->cx.l & 7;
    if (r->ax.l == 0)
        r->bx.x = (uint16_t)((state_size(what) + 63) / 64);
    else if (r->ax.l == 1)
        state_save(what, r->es, r->bx.x);
    else if (r->ax.l == 2)
        state_restore(what, r->es, r->bx.x);
    else
        return;
    r->ax.l = 0x1C;
}
