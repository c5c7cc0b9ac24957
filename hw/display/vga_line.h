/*
 * One scan line of the screen: from video memory to pixels.
 */
#ifndef HW_DISPLAY_VGA_LINE_H
#define HW_DISPLAY_VGA_LINE_H

#include "hw/display/vga_core.h"

/* The widest line with what panning cuts off: two characters more. */
#define VGA_MAX_WIDTH 16000
#define VGA_LINE_ROOM (VGA_MAX_WIDTH + 64)
#define VGA_MAX_BYTES (VGA_MAX_WIDTH * 4)

/* Where the CRTC is at the start of a line. */
struct vga_scan {
    uint32_t address; /* VGA_LINEAR: bytes, else the counter */
    unsigned row;     /* scan line of the character row */
    bool repeated;    /* double scan: the second time */
    bool split;       /* below the line compare */
    unsigned pan;
};

struct vga_scan vga_scan_first(const struct vga_mode *m);
/* To the line after line y. */
void vga_scan_next(const struct vga_mode *m, struct vga_scan *scan, unsigned y);

/* The bytes of video memory a line is made of: *first to *last, inclusive. */
void vga_scan_bytes(const struct vga_mode *m, const struct vga_scan *scan, uint32_t *first,
                    uint32_t *last);
/* Both show the same pixels of the same memory. */
bool vga_scan_same(const struct vga_mode *m, const struct vga_scan *a, const struct vga_scan *b);

/* The four planes' bytes of character clock n of a line; not for VGA_LINEAR. */
const uint8_t *vga_cell(const struct vga_mode *m, const struct vga_scan *scan, unsigned n,
                        const uint8_t *memory, uint32_t mask);

/* What time does to a text screen. */
struct vga_phase {
    bool cursor;    /* is shown */
    bool dark;      /* blinking characters are not shown */
    bool has_blink; /* set when a line had one */
};

/*
 * The line's dots, x8r8g8b8, into out, which has VGA_LINE_ROOM; the first to show is returned.
 * memory has mask + 1 bytes, a power of two. bounce: VGA_MAX_BYTES for a line that wraps.
 */
const uint32_t *vga_draw_line(const struct vga_mode *m, const struct vga_scan *scan,
                              const uint8_t *memory, uint32_t mask, struct vga_phase *phase,
                              uint8_t *bounce, uint32_t *out);

#endif
