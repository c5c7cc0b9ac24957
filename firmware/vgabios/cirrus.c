/*
 * Cirrus Logic CL-GD5446 (CL-GD5446 Technical Reference Manual): packed pixels by the VGA's own CRT
 * controller with wider counters. Clocks are not set: this is for emulated chips, which need none.
 */
#include "../bios/pci.h"
#include "chip.h"
#include "init.h"
#include "vga.h"

#define SR_UNLOCK     0x06
#define UNLOCK        0x12
#define SR_EXTENDED   0x07 /* bit 0: packed pixels, bits 3-1: how many bytes */
#define SR_DRAM       0x0F
#define SR_CURSOR     0x12
#define GR_OFFSET     0x09 /* of the window, in units of 16 KiB by GR_EXTENSIONS */
#define GR_EXTENSIONS 0x0B
#define OFFSETS_16K   0x20
#define CR_EXTENDED   0x1B /* bits 0, 2, 3: start's bits 16-18; 4: offset's bit 8 */
#define ALL_MEMORY    0x02 /* the counter does not wrap */
#define CR_OVERLAY    0x1D /* bit 7: start's bit 19 */

/* The BitBLT engine: sizes less one, and addresses, are little-endian in two or three registers. */
#define BLT_WIDTH     0x20
#define BLT_HEIGHT    0x22
#define BLT_PITCH     0x24
#define BLT_TO        0x28
#define BLT_MODE      0x30
#define BLT_CONTROL   0x31
#define BLT_OPERATION 0x32
#define BLT_EXTENSION 0x33
#define BLT_PATTERN   0xC0 /* expanded from one bit */
#define BLT_SOLID     0x04 /* of ones */
#define BLT_ZERO      0x00 /* the operation that writes zeroes */
#define BLT_START     0x02
#define BLT_BUSY      0x01
#define BLT_WAITS     1000000

#define DRAM_2_BANKS 0x80
#define DRAM_WIDTH   0x18
#define DRAM_64_BITS 0x18

#define MAX_LINE     (0x1FF * 8) /* bytes: the offset has 9 bits, of 8 bytes */
#define MAX_HEIGHT   1024
#define BANK_OFFSETS 4 /* of a window of 64 KiB */

ROM char chip_name[] = "hvm-dm VGA BIOS, GD5446";
ROM uint8_t chip_dac_most = 6;
ROM uint8_t chip_pmi[1] = { 0 };
ROM uint16_t chip_pmi_size = 0;

static uint8_t crtc_read(uint8_t index)
{
    return vga_read(BDA->video_crtc, index);
}

static void crtc_write(uint8_t index, uint8_t v)
{
    vga_write(BDA->video_crtc, index, v);
}

/* The hidden register is behind the DAC's mask, after four reads of it. */
static void hidden_dac_select(void)
{
    inb(VGA_DAC_WRITE);
    for (unsigned i = 0; i < 4; i++)
        inb(VGA_DAC_MASK);
}

void chip_init(void)
{
    vga_write(VGA_SEQ, SR_UNLOCK, UNLOCK);
    chip_leave();
}

uint16_t chip_memory(void)
{
    uint8_t dram = vga_read(VGA_SEQ, SR_DRAM);
    if (vga_read(VGA_SEQ, SR_UNLOCK) != UNLOCK)
        return 0;
    if ((dram & DRAM_WIDTH) != DRAM_64_BITS)
        return 16;
    return dram & DRAM_2_BANKS ? 64 : 32;
}

bool chip_can(const struct vbe_mode *m)
{
    return m->height <= MAX_HEIGHT && vbe_bytes(m->bits, m->width) <= MAX_LINE;
}

uint32_t chip_frame_buffer(void)
{
    return card_bar(PCI_BAR0);
}

uint32_t chip_edid(void)
{
    return 0;
}

void chip_leave(void)
{
    vga_write(VGA_SEQ, SR_EXTENDED, 0);
    vga_write(VGA_SEQ, SR_CURSOR, 0);
    vga_write(VGA_GFX, GR_OFFSET, 0);
    vga_write(VGA_GFX, GR_EXTENSIONS, 0);
    crtc_write(CR_EXTENDED, 0);
    crtc_write(CR_OVERLAY, 0);
    hidden_dac_select();
    outb(VGA_DAC_MASK, 0);
    outb(VGA_DAC_MASK, 0xFF);
}

/* ---- A mode ---- */

/* Modes of few lines show each of them twice. */
static void set_timing(const struct vbe_mode *m)
{
    bool twice = m->height < 400;
    uint8_t chars = (uint8_t)(m->width / 8);
    uint16_t last = (twice ? 2 * m->height : m->height) - 1, total = last < 1000 ? last + 20 : 1023;
    uint8_t overflow = (uint8_t)((total >> 8 & 1) | (last >> 7 & 2) | (last >> 6 & 4) |
                                 (last >> 5 & 8) | 0x10 | (total >> 4 & 0x20) | (last >> 3 & 0x40) |
                                 (last >> 2 & 0x80));
    crtc_write(CRTC_RETRACE_END, 0);
    crtc_write(0x00, (uint8_t)(chars + chars / 4));
    crtc_write(0x01, chars - 1);
    crtc_write(0x02, chars);
    crtc_write(0x04, (uint8_t)(chars + chars / 16));
    crtc_write(0x06, (uint8_t)total);
    crtc_write(0x07, overflow);
    crtc_write(CRTC_MAX_SCAN, (uint8_t)(0x40 | (last >> 4 & 0x20) | (twice ? 0x80 : 0)));
    crtc_write(0x10, (uint8_t)last);
    crtc_write(CRTC_DISPLAY_END, (uint8_t)last);
    crtc_write(0x15, (uint8_t)last);
    crtc_write(CRTC_UNDERLINE, 0x40);
}

/* Bytes a pixel, by bits 3-1 of the register. */
static uint8_t pixel_bytes(void)
{
    switch (vga_read(VGA_SEQ, SR_EXTENDED) >> 1 & 7) {
    case 0: return 1;
    case 2: return 3;
    case 4: return 4;
    default: return 2;
    }
}

static void set_format(uint8_t bits)
{
    uint8_t extended = bits == 8 ? 0x01 : bits == 24 ? 0x05 : bits == 32 ? 0x09 : 0x07;
    uint8_t dac = bits == 8 ? 0x00 : bits == 15 ? 0xF0 : bits == 16 ? 0xC1 : 0xC5;
    vga_write(VGA_SEQ, SR_EXTENDED, extended);
    hidden_dac_select();
    outb(VGA_DAC_MASK, dac);
}

static void blt_write16(uint8_t index, uint16_t v)
{
    vga_write(VGA_GFX, index, (uint8_t)v);
    vga_write(VGA_GFX, index + 1, (uint8_t)(v >> 8));
}

/* By the engine: through the window it would be a million accesses and more. */
static void clear_memory(const struct vbe_mode *m)
{
    uint16_t line = (uint16_t)vbe_bytes(m->bits, m->width);
    blt_write16(BLT_WIDTH, line - 1);
    blt_write16(BLT_HEIGHT, m->height - 1);
    blt_write16(BLT_PITCH, line);
    blt_write16(BLT_TO, 0);
    vga_write(VGA_GFX, BLT_TO + 2, 0);
    vga_write(VGA_GFX, BLT_MODE, BLT_PATTERN);
    vga_write(VGA_GFX, BLT_EXTENSION, BLT_SOLID);
    vga_write(VGA_GFX, BLT_OPERATION, BLT_ZERO);
    vga_write(VGA_GFX, BLT_CONTROL, BLT_START);
    for (uint32_t i = 0; i < BLT_WAITS && vga_read(VGA_GFX, BLT_CONTROL) & BLT_BUSY; i++)
        ;
    vga_write(VGA_GFX, BLT_MODE, 0);
    vga_write(VGA_GFX, BLT_EXTENSION, 0);
}

void chip_set_mode(const struct vbe_mode *m, bool linear, bool keep)
{
    set_timing(m);
    set_format(m->bits);
    vga_write(VGA_GFX, GR_EXTENSIONS, OFFSETS_16K);
    chip_set_bank(0);
    crtc_write(CR_EXTENDED, ALL_MEMORY);
    crtc_write(CR_OVERLAY, 0);
    chip_set_line(m->width);
    chip_set_start(0, 0);
    if (!keep)
        clear_memory(m);
}

/* ---- Memory on the screen ---- */

void chip_set_bank(uint16_t bank)
{
    if (bank < chip_memory())
        vga_write(VGA_GFX, GR_OFFSET, (uint8_t)(bank * BANK_OFFSETS));
}

uint16_t chip_bank(void)
{
    return vga_read(VGA_GFX, GR_OFFSET) / BANK_OFFSETS;
}

static uint32_t line_bytes(void)
{
    return (crtc_read(CRTC_OFFSET) | (crtc_read(CR_EXTENDED) & 0x10U) << 4) * 8;
}

bool chip_set_line(uint16_t pixels)
{
    uint32_t offset = ((uint32_t)pixels * pixel_bytes() + 7) / 8;
    if (offset > MAX_LINE / 8)
        return false;
    crtc_write(CRTC_OFFSET, (uint8_t)offset);
    crtc_write(CR_EXTENDED, (uint8_t)((crtc_read(CR_EXTENDED) & ~0x10) | (offset >> 4 & 0x10)));
    return true;
}

uint16_t chip_line(void)
{
    return (uint16_t)(line_bytes() / pixel_bytes());
}

/* In units of four bytes. */
bool chip_set_start(uint16_t x, uint16_t y)
{
    uint32_t at = (y * line_bytes() + (uint32_t)x * pixel_bytes()) / 4;
    if (y > 0x7FFF || at >= chip_memory() * 0x4000U)
        return false;
    crtc_write16(CRTC_START, (uint16_t)at);
    crtc_write(CR_EXTENDED,
               (uint8_t)((crtc_read(CR_EXTENDED) & ~0x0D) | (at >> 16 & 1) | (at >> 15 & 0x0C)));
    crtc_write(CR_OVERLAY, (uint8_t)((crtc_read(CR_OVERLAY) & 0x7F) | (at >> 12 & 0x80)));
    return true;
}

void chip_start(uint16_t *x, uint16_t *y)
{
    uint32_t extended = crtc_read(CR_EXTENDED), line = line_bytes();
    uint32_t at = (uint32_t)crtc_read(CRTC_START) << 8 | crtc_read(CRTC_START + 1) |
                  (extended & 1) << 16 | (extended & 0x0C) << 15 |
                  (crtc_read(CR_OVERLAY) & 0x80U) << 12;
    *y = (uint16_t)(line ? at * 4 / line : 0);
    *x = (uint16_t)(line ? at * 4 % line / pixel_bytes() : 0);
}

/* ---- DAC and state ---- */

void chip_set_dac_bits(uint8_t bits)
{
}

uint8_t chip_dac_bits(void)
{
    return 6;
}

struct saved {
    uint16_t port; /* 0: of the CRTC */
    uint8_t index;
};

static ROM struct saved saved[] = { { VGA_SEQ, SR_EXTENDED }, { VGA_SEQ, SR_CURSOR },
                                    { VGA_GFX, GR_OFFSET },   { VGA_GFX, GR_EXTENSIONS },
                                    { 0, CR_EXTENDED },       { 0, CR_OVERLAY } };

#define SAVED (sizeof(saved) / sizeof(saved[0]))

static uint16_t saved_port(unsigned i)
{
    uint16_t port = saved[i].port;
    return port ? port : BDA->video_crtc;
}

void chip_save(uint16_t seg, uint32_t off)
{
    for (unsigned i = 0; i < SAVED; i++)
        far_put8(seg, off + i, vga_read(saved_port(i), saved[i].index));
    hidden_dac_select();
    far_put8(seg, off + SAVED, inb(VGA_DAC_MASK));
}

void chip_restore(uint16_t seg, uint32_t off)
{
    for (unsigned i = 0; i < SAVED; i++)
        vga_write(saved_port(i), saved[i].index, far_get8(seg, off + i));
    hidden_dac_select();
    outb(VGA_DAC_MASK, far_get8(seg, off + SAVED));
}
