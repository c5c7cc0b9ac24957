/*
 * The VGA's registers (IBM PS/2 Hardware Interface Technical Reference, "Video Subsystem").
 */
#ifndef VGABIOS_VGA_H
#define VGABIOS_VGA_H

#include "../bios/bda.h"
#include "../bios/x86.h"
#include "memory.h"

#define VGA_ATTR       0x3C0
#define VGA_ATTR_READ  0x3C1
#define VGA_MISC       0x3C2
#define VGA_SEQ        0x3C4
#define VGA_DAC_MASK   0x3C6
#define VGA_DAC_READ   0x3C7
#define VGA_DAC_WRITE  0x3C8
#define VGA_DAC_DATA   0x3C9
#define VGA_MISC_READ  0x3CC
#define VGA_GFX        0x3CE
#define VGA_CRTC_COLOR 0x3D4

#define ATTR_SHOW 0x20 /* in the index: the palette is not being loaded, the screen is on */

#define SEQ_CLOCKING   1
#define SEQ_MAP_MASK   2
#define SEQ_FONT       3
#define SEQ_MEMORY     4
#define SEQ_SCREEN_OFF 0x20

#define GFX_SET_RESET        0
#define GFX_ENABLE_SET_RESET 1
#define GFX_COLOR_COMPARE    2
#define GFX_FUNCTION         3
#define GFX_READ_MAP         4
#define GFX_MODE             5
#define GFX_MISC             6
#define GFX_COLOR_CARE       7
#define GFX_BIT_MASK         8
#define GFX_FUNCTION_XOR     0x18

#define CRTC_MAX_SCAN     0x09
#define CRTC_CURSOR_START 0x0A
#define CRTC_CURSOR_END   0x0B
#define CRTC_START        0x0C
#define CRTC_CURSOR       0x0E
#define CRTC_RETRACE_END  0x11
#define CRTC_DISPLAY_END  0x12
#define CRTC_OFFSET       0x13
#define CRTC_UNDERLINE    0x14
#define CRTC_REGS         25

#define ATTR_MODE        0x10
#define ATTR_OVERSCAN    0x11
#define ATTR_COLOR_PLANE 0x12
#define ATTR_SELECT      0x14
#define ATTR_REGS        21
#define GFX_REGS         9

/* An indexed register: index and value in one word. */
static inline void vga_write(uint16_t port, uint8_t index, uint8_t value)
{
    outw(port, (uint16_t)(value << 8 | index));
}

static inline uint8_t vga_read(uint16_t port, uint8_t index)
{
    outb(port, index);
    return inb((uint16_t)(port + 1));
}

/* A register pair of the CRTC, high byte first. */
static inline void crtc_write16(uint8_t index, uint16_t value)
{
    uint16_t port = BDA->video_crtc;
    vga_write(port, index, (uint8_t)(value >> 8));
    vga_write(port, index + 1, (uint8_t)value);
}

/*
 * The attribute controller takes index and value at one port; reading the input status says that
 * the index is next.
 */
static inline uint8_t attr_read(uint8_t index)
{
    uint16_t status = (uint16_t)(BDA->video_crtc + 6);
    inb(status);
    outb(VGA_ATTR, index);
    uint8_t value = inb(VGA_ATTR_READ);
    inb(status);
    outb(VGA_ATTR, ATTR_SHOW);
    return value;
}

static inline void attr_write(uint8_t index, uint8_t value)
{
    inb((uint16_t)(BDA->video_crtc + 6));
    outb(VGA_ATTR, index);
    outb(VGA_ATTR, value);
    outb(VGA_ATTR, ATTR_SHOW);
}

/* Plane masks for drawing, and back to what every mode has. */
static inline void planes_reset(void)
{
    vga_write(VGA_SEQ, SEQ_MAP_MASK, 0x0F);
    vga_write(VGA_GFX, GFX_ENABLE_SET_RESET, 0);
    vga_write(VGA_GFX, GFX_FUNCTION, 0);
    vga_write(VGA_GFX, GFX_MODE, 0);
    vga_write(VGA_GFX, GFX_BIT_MASK, 0xFF);
}

#endif
