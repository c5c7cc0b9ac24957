/*
 * The IBM VGA inside a video chip: registers, the window at 0xA0000, and what is on the screen.
 *
 * A chip embeds a struct vga, puts its own handlers on the ports and the window, and passes on
 * what is plain VGA. Sources: IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem"
 * (1991), for registers and memory; VESA's VBE for linear modes.
 *
 * Memory: one VGA address is four bytes side by side, a byte of each plane; so chain-4 modes and
 * SVGA modes see a linear frame buffer, as all SVGA chips have it.
 */
#ifndef HW_DISPLAY_VGA_CORE_H
#define HW_DISPLAY_VGA_CORE_H

#include <pixman.h>

#include "base/journal.h"
#include "hw/core/bus.h"
#include "hw/core/memmap.h"
#include "hw/core/state.h"
#include "ui/console.h"

#define VGA_PORTS_BASE  0x3b0
#define VGA_PORTS_SIZE  0x30
#define VGA_WINDOW_BASE 0xa0000
#define VGA_WINDOW_SIZE 0x20000

/* Room for what SVGA chips add to each file. */
#define VGA_N_SR 0x20
#define VGA_N_GR 0x40
#define VGA_N_CR 0x40
#define VGA_N_AR 0x20

/* Sequencer */
enum { SR_RESET, SR_CLOCKING, SR_MAP_MASK, SR_CHARACTER_MAP, SR_MEMORY_MODE };
#define SR_CLOCKING_8_DOTS     0x01
#define SR_CLOCKING_HALF_RATE  0x08
#define SR_CLOCKING_SCREEN_OFF 0x20
#define SR_MEMORY_SEQUENTIAL   0x04
#define SR_MEMORY_CHAIN4       0x08

/* Graphics controller */
enum {
    GR_SET_RESET,
    GR_ENABLE_SET_RESET,
    GR_COLOR_COMPARE,
    GR_DATA_ROTATE,
    GR_READ_MAP,
    GR_MODE,
    GR_MISC,
    GR_COLOR_DONT_CARE,
    GR_BIT_MASK,
};
#define GR_MODE_WRITE         0x03
#define GR_MODE_READ_COMPARE  0x08
#define GR_MODE_ODD_EVEN      0x10
#define GR_MODE_SHIFT_CGA     0x20
#define GR_MODE_SHIFT_256     0x40
#define GR_MISC_GRAPHICS      0x01
#define GR_MISC_CHAIN_ODDEVEN 0x02

/* CRT controller */
enum {
    CR_H_DISPLAY_END = 0x01,
    CR_OVERFLOW = 0x07,
    CR_PRESET_ROW = 0x08,
    CR_MAX_SCAN = 0x09,
    CR_CURSOR_START = 0x0a,
    CR_CURSOR_END = 0x0b,
    CR_START_HIGH = 0x0c,
    CR_START_LOW = 0x0d,
    CR_CURSOR_HIGH = 0x0e,
    CR_CURSOR_LOW = 0x0f,
    CR_V_RETRACE_END = 0x11,
    CR_V_DISPLAY_END = 0x12,
    CR_OFFSET = 0x13,
    CR_UNDERLINE = 0x14,
    CR_MODE = 0x17,
    CR_LINE_COMPARE = 0x18,
};
#define CR_OVERFLOW_LINE_COMPARE8 0x10
#define CR_MAX_SCAN_DOUBLE        0x80
#define CR_MAX_SCAN_LINE_COMPARE9 0x40
#define CR_CURSOR_OFF             0x20
#define CR_V_RETRACE_END_PROTECT  0x80
#define CR_UNDERLINE_DOUBLEWORD   0x40
#define CR_MODE_ROW0_NOT_TO_13    0x01
#define CR_MODE_ROW1_NOT_TO_14    0x02
#define CR_MODE_WRAP_15           0x20
#define CR_MODE_BYTE              0x40

/* Attribute controller */
enum {
    AR_MODE = 0x10,
    AR_OVERSCAN = 0x11,
    AR_PLANE_ENABLE = 0x12,
    AR_PANNING = 0x13,
    AR_COLOR_SELECT = 0x14,
};
#define AR_INDEX_PALETTE_SOURCE 0x20 /* 0: the screen is blank while the palette is loaded */
#define AR_MODE_LINE_GRAPHICS   0x04
#define AR_MODE_BLINK           0x08
#define AR_MODE_PAN_TOP_ONLY    0x20
#define AR_MODE_COLOR_SELECT    0x80

#define MISC_COLOR_PORTS 0x01 /* the CRTC is at 0x3D4, else at 0x3B4 */
#define MISC_ENABLE_RAM  0x02

enum vga_format {
    VGA_BLANK,
    VGA_TEXT,
    VGA_PLANAR, /* 16 colours from four planes */
    VGA_CGA,    /* 4 colours: two bits side by side */
    VGA_256,    /* 256 colours, two dots wide each */
    VGA_LINEAR, /* SVGA: `bits` per pixel, `start` and `stride` in bytes */
};

/* A picture that an SVGA chip puts over the screen, as a mouse pointer. */
struct vga_sprite {
    int x, y;                       /* of its upper left dot */
    unsigned size;                  /* width and height; 0: there is none */
    uint32_t pattern, pattern_size; /* the bytes of video memory it is made of */
    uint32_t color[2];              /* x8r8g8b8 */
};

/*
 * What the screen shows, worked out from registers. Two of equal bytes show the same picture of the
 * same memory: so it is made by memset and plain assignments.
 */
struct vga_mode {
    enum vga_format format;
    unsigned width, height; /* dots and scan lines */
    unsigned bits;          /* VGA_LINEAR: 8, 15, 16, 24 or 32 */
    bool big_endian;
    uint32_t start, stride; /* bytes for VGA_LINEAR, else addresses of the CRTC's counter */

    /* How the CRTC counts lines. */
    unsigned rows;       /* scan lines of one character row */
    unsigned preset_row; /* of the first one */
    unsigned line_compare;
    bool double_scan;

    /* All but VGA_LINEAR: how it counts along a line. */
    unsigned columns;  /* character clocks */
    unsigned dots;     /* per character clock: 8 or 9 */
    unsigned repeat;   /* dots are 1 or 2 wide */
    unsigned pan;      /* dots cut off at the left */
    unsigned shift;    /* of the counter: 0 byte, 1 word, 2 doubleword addresses */
    unsigned wrap_bit; /* that shows up as bit 0 of word addresses */
    uint32_t address_mask;
    bool row0_to_13, row1_to_14; /* scan lines are interleaved in memory */
    bool pan_top_only;

    /* Text */
    unsigned underline;
    uint16_t font[2]; /* VGA address of the font for attribute bit 3 clear, set */
    bool blink, line_graphics;

    uint32_t palette[256]; /* x8r8g8b8, with all the VGA's indirections resolved */
    bool has_sprite;

    /* Text's cursor and the sprite: last, since they move without changing the rest. */
    bool cursor;
    unsigned cursor_address, cursor_first, cursor_last;
    struct vga_sprite sprite;
};

/* How a chip differs from a VGA where the VGA asks. */
struct vga_chip_ops {
    /* Makes of what the VGA's registers say what the chip's own say. */
    void (*mode)(void *chip, struct vga_mode *mode);
    /* Puts row `row` of the sprite over a line of width dots; NULL: the chip has no sprite. */
    void (*draw_sprite)(void *chip, const struct vga_sprite *sprite, unsigned row, uint32_t *dots,
                        unsigned width);
    /* Whether the window is plain memory just now, and from which byte of video memory on. */
    bool (*plain_window)(const void *chip, uint32_t *start);
    /* May be NULL: a viewer would like this size. */
    void (*ui_info)(void *chip, unsigned width, unsigned height);
    /* May be NULL: the picture was brought up to date. */
    void (*updated)(void *chip);
};

struct vga {
    uint8_t misc, feature;
    uint8_t sr_index, sr[VGA_N_SR];
    uint8_t gr_index, gr[VGA_N_GR];
    uint8_t cr_index, cr[VGA_N_CR];
    uint8_t ar_index, ar[VGA_N_AR];
    bool ar_data; /* the next write to 0x3C0 is data */
    uint8_t dac_mask, dac_read_index, dac_write_index, dac_component;
    bool dac_reading;
    uint8_t dac_latch[3]; /* red and green wait for blue */
    uint8_t dac[256 * 3];
    uint8_t latch[4]; /* what the last read of memory left, a byte of each plane */
    bool dac8;        /* colours have 8 bits, else 6 */

    /* host */
    struct device *dev;
    const struct vga_chip_ops *ops;
    void *chip;
    struct console *con; /* set before vga_create(); NULL: nobody looks */
    struct region ports, window;
    struct mem_block vram;
    struct mem_block mapped_window; /* a part of vram, where the window is plain memory */
    unsigned window_accesses;       /* since that has changed */
    uint8_t *memory;                /* vram.host, for the state table */
    uint32_t memory_size;
    struct vga_screen *screen;
    struct journal_source journal;
};

extern const struct state_field vga_state[];

/*
 * For a chip's create(): allocates size bytes of video memory (a power of two from 256 KiB) and
 * puts the chip's handlers, which get `chip`, on the VGA's ports and window. Offsets of the ports
 * are from VGA_PORTS_BASE. con was set before, or is NULL.
 */
int vga_create(struct vga *v, struct device *dev, const struct vga_chip_ops *ops,
               const struct region_ops *ports, const struct region_ops *window, uint32_t size,
               GError **err);
void vga_destroy(struct vga *v);
void vga_reset(struct vga *v);
/* For a chip's post_load(). */
void vga_loaded(struct vga *v);

/* ---- vga_regs.c: one byte at one of the VGA's ports ---- */

uint8_t vga_port_read(struct vga *v, uint16_t port);
void vga_port_write(struct vga *v, uint16_t port, uint8_t value);
/* Whether the CRTC answers at this port: the colour or the monochrome address is on. */
bool vga_crtc_port(const struct vga *v, uint16_t port);
void vga_dac_write(struct vga *v, uint8_t value);

/* ---- vga_mem.c ---- */

/* What of the window answers, by GR6: offset and size in bytes. */
void vga_window_range(const struct vga *v, uint32_t *start, uint32_t *size);
/* An offset in the window to an address of memory, by GR6. False: nobody answers there. */
bool vga_window_address(const struct vga *v, uint32_t offset, uint32_t *address);
/* A byte that the guest reads as it is; offset wraps at the end of memory. */
uint8_t vga_mem_byte(struct vga *v, uint32_t offset);
/* Through the planes, with all read and write modes. address wraps at the end of memory. */
uint8_t vga_mem_read(struct vga *v, uint32_t address);
void vga_mem_write(struct vga *v, uint32_t address, uint8_t value);

/* ---- vga_window.c: the window as mapped memory ---- */

/* Registers that decide about it were written. */
void vga_window_changed(struct vga *v);
/* The guest used it, by a handler: where that goes on it is mapped, if it can be. */
void vga_window_used(struct vga *v);
/* For chips' plain_window(): an IBM VGA in its 256 colour mode, as the BIOS sets it. */
bool vga_chain4_is_plain(const struct vga *v);
/* Marks what the guest wrote by it. */
void vga_window_collect(struct vga *v);

/* ---- vga_screen.c ---- */

/* Registers were written: the picture may be another one. */
void vga_touch(struct vga *v);
/* These bytes of video memory were written, not by the guest where it is mapped; they may wrap. */
void vga_wrote(struct vga *v, uint32_t offset, uint32_t size);
/* The text font may have changed. */
void vga_font_changed(struct vga *v);
/* Three bytes of a DAC as a colour, x8r8g8b8. */
uint32_t vga_rgb(const struct vga *v, const uint8_t *entry);
/* For ops->mode(): a linear mode of the size and lines that the CRTC counts. */
void vga_make_linear(struct vga_mode *mode, unsigned bits);
/* What the screen shows now. */
void vga_get_mode(const struct vga *v, struct vga_mode *mode);

#endif
