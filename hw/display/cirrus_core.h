/*
 * Cirrus Logic CL-GD5446: a VGA with packed-pixel modes of 8 to 32 bits, a hardware cursor and a
 * BitBLT engine. Source: CL-GD5446 Technical Reference Manual (TRM), by the names there.
 *
 * The video window, its colour keys and the feature connector are not there.
 */
#ifndef HW_DISPLAY_CIRRUS_CORE_H
#define HW_DISPLAY_CIRRUS_CORE_H

#include "hw/core/clock.h"
#include "hw/core/pci.h"
#include "hw/display/vga_core.h"

/* Sequencer extensions (TRM, "Extension Sequencer Registers") */
enum {
    SR_UNLOCK = 0x06,
    SR_EXTENDED_MODE = 0x07,
    SR_DDC = 0x08,
    SR_VCLK0_NUMERATOR = 0x0b,
    SR_DRAM_CONTROL = 0x0f,
    SR_CURSOR_X = 0x10, /* index bits 7:5 are bits 2:0 of the position */
    SR_CURSOR_Y = 0x11,
    SR_CURSOR_ATTRIBUTES = 0x12,
    SR_CURSOR_PATTERN = 0x13,
    SR_CONFIGURATION = 0x17,
    SR_VCLK0_DENOMINATOR = 0x1b,
    SR_MCLK = 0x1f,
};
#define SR_EXTENDED_MODE_PACKED     0x01
#define SR_CURSOR_ATTRIBUTES_ENABLE 0x01
#define SR_CURSOR_ATTRIBUTES_COLORS 0x02 /* the DAC's ports reach the cursor's colours */
#define SR_CURSOR_ATTRIBUTES_64     0x04
#define SR_CONFIGURATION_MMIO       0x04
#define SR_CONFIGURATION_MMIO_LFB   0x40 /* at the end of the frame buffer, not at 0xB8000 */

/* Graphics controller extensions */
enum {
    GR_OFFSET_0 = 0x09,
    GR_OFFSET_1 = 0x0a,
    GR_EXTENSIONS = 0x0b,
    GR_BACKGROUND_1 = 0x10,
    GR_FOREGROUND_1 = 0x11,
    GR_BACKGROUND_2 = 0x12,
    GR_FOREGROUND_2 = 0x13,
    GR_BACKGROUND_3 = 0x14,
    GR_FOREGROUND_3 = 0x15,
    GR_BLT_WIDTH = 0x20,
    GR_BLT_HEIGHT = 0x22,
    GR_BLT_DST_PITCH = 0x24,
    GR_BLT_SRC_PITCH = 0x26,
    GR_BLT_DST = 0x28,
    GR_BLT_SRC = 0x2c,
    GR_BLT_SKIP = 0x2f,
    GR_BLT_MODE = 0x30,
    GR_BLT_START = 0x31,
    GR_BLT_ROP = 0x32,
    GR_BLT_MODE_EXT = 0x33,
    GR_BLT_KEY = 0x34,
};
#define GR_EXTENSIONS_TWO_OFFSETS 0x01
#define GR_EXTENSIONS_BY8         0x02
#define GR_EXTENSIONS_WRITE_MODES 0x04
#define GR_EXTENSIONS_8_LATCHES   0x08
#define GR_EXTENSIONS_16_BIT      0x10
#define GR_EXTENSIONS_16K         0x20 /* granularity of the offsets, else 4K */

#define BLT_MODE_BACKWARDS   0x01
#define BLT_MODE_SYSTEM_DST  0x02
#define BLT_MODE_SYSTEM_SRC  0x04
#define BLT_MODE_TRANSPARENT 0x08
#define BLT_MODE_PATTERN     0x40
#define BLT_MODE_EXPAND      0x80

#define BLT_EXT_DWORD_LINES 0x01 /* lines of monochrome sources start at doublewords */
#define BLT_EXT_INVERT      0x02 /* ones are transparent, not zeroes */
#define BLT_EXT_SOLID       0x04

#define BLT_START_BUSY      0x01
#define BLT_START_START     0x02
#define BLT_START_RESET     0x04
#define BLT_START_PROGRESS  0x08
#define BLT_START_QUEUED    0x10
#define BLT_START_PAUSE     0x20
#define BLT_START_APERTURE2 0x40 /* the CPU's side of a BLT is only in the second aperture */
#define BLT_START_AUTO      0x80

/* CRT controller extensions */
enum {
    CR_INTERLACE_END = 0x19,
    CR_MISC_CONTROL = 0x1a,
    CR_EXTENDED_DISPLAY = 0x1b,
    CR_OVERLAY = 0x1d,
    CR_LATCH_READBACK = 0x22,
    CR_AR_TOGGLE = 0x24,
    CR_AR_READBACK = 0x26,
    CR_ID = 0x27,
};

/* A line of the engine: 13 bits of width; and lines of the largest pixel more. */
#define CIRRUS_LINE_MAX 8192
#define CIRRUS_LINE_PAD 8

/* A BLT in progress: what its registers said when it began, and where it is. */
struct cirrus_blt {
    bool busy;
    bool queued; /* the next one starts when this one has ended */
    uint8_t mode, mode_ext, rop, skip;
    uint16_t key;
    uint32_t width, height; /* bytes, lines */
    uint32_t dst_pitch, src_pitch;
    uint32_t fg, bg;
    uint32_t dst, src; /* of line y */
    uint32_t y;
    uint32_t x; /* bytes of the line, or of the pattern, that the CPU has sent or fetched */
    uint8_t sent[CIRRUS_LINE_MAX];
};

struct cirrus {
    struct pci_device pci;
    struct vga vga;
    uint16_t cursor_x, cursor_y;
    uint8_t cursor_color[16 * 3]; /* of which 0 and 15 are shown */
    uint8_t hidden_dac, hidden_dac_reads;
    uint8_t latch[8];
    struct cirrus_blt blt;
    struct timer timer; /* a long BLT goes on */
    /* properties */
    uint32_t memory_mib;
    struct console *console;
    /* host */
    struct region linear, mmio;
    uint8_t source[CIRRUS_LINE_MAX], row[CIRRUS_LINE_MAX + CIRRUS_LINE_PAD];
    uint8_t shown[CIRRUS_LINE_MAX + CIRRUS_LINE_PAD]; /* 0xff: this byte of row is written */
    uint8_t under[CIRRUS_LINE_MAX];
};

/* ---- cirrus_regs.c: one byte at one of the VGA's ports ---- */

void cirrus_regs_reset(struct cirrus *c);
void cirrus_regs_loaded(struct cirrus *c); /* for post_load() */
uint8_t cirrus_port_read(struct cirrus *c, uint16_t port);
void cirrus_port_write(struct cirrus *c, uint16_t port, uint8_t value);
/* BLT registers in memory, offsets 0 to 0xff (TRM, "Memory-Mapped I/O"). */
uint8_t cirrus_blt_mmio_read(struct cirrus *c, unsigned offset);
void cirrus_blt_mmio_write(struct cirrus *c, unsigned offset, uint8_t value);

/* ---- cirrus_blt.c ---- */

void cirrus_blt_init(struct cirrus *c);
void cirrus_blt_reset(struct cirrus *c);
void cirrus_blt_loaded(struct cirrus *c);
/* GR31 was written, and what it reads as. */
void cirrus_blt_control(struct cirrus *c, uint8_t value);
uint8_t cirrus_blt_status(const struct cirrus *c);
/* The last byte of the destination's address was written: with autostart that begins. */
void cirrus_blt_autostart(struct cirrus *c);
/* Whether the engine waits for the CPU to send, or fetch, data. */
bool cirrus_blt_takes(const struct cirrus *c);
bool cirrus_blt_gives(const struct cirrus *c);
void cirrus_blt_send(struct cirrus *c, uint8_t value);
uint8_t cirrus_blt_fetch(struct cirrus *c);

/* ---- cirrus_blt_line.c: line y of the BLT, from its source to video memory ---- */

/* Bytes of a pixel. */
unsigned cirrus_blt_pixel(const struct cirrus_blt *b);
/* Bytes that the CPU sends at a time: a line, or the pattern. */
uint32_t cirrus_blt_unit(const struct cirrus_blt *b);
void cirrus_blt_line(struct cirrus *c);
/* Bytes of video memory, which wraps; len is at most CIRRUS_LINE_MAX. */
void cirrus_gather(const struct cirrus *c, uint32_t at, uint8_t *to, uint32_t len);

/* ---- cirrus_mem.c ---- */

extern const struct region_ops cirrus_window_ops, cirrus_linear_ops;

/* Registers changed: the frame buffer's BAR and the window are plain memory, or are not. */
void cirrus_update_mapping(struct cirrus *c);
bool cirrus_plain_window(const void *chip, uint32_t *start);

/* ---- cirrus_mode.c ---- */

extern const struct vga_chip_ops cirrus_chip_ops;

#endif
