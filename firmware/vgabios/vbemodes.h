/*
 * The list of VBE modes. Knows no hardware.
 */
#ifndef VGABIOS_VBEMODES_H
#define VGABIOS_VBEMODES_H

#include <stdbool.h>
#include "memory.h"

#define VBE_PLANAR    0x102 /* not the chip's: 800x600 as INT 10h mode 6Ah, on any VGA */
#define VBE_MODES_MAX 110   /* what the reserved bytes of the VBE information have room for */

struct vbe_mode {
    uint16_t number;
    uint16_t width, height;
    uint8_t bits; /* 8, 15, 16, 24 or 32 a pixel; 4: VBE_PLANAR, in four planes */
};

/* The mode at a place in the list, from 0 on. False: the list ends before. */
bool vbe_mode_at(unsigned place, struct vbe_mode *m);

/* The mode of that number. False: there is none. */
bool vbe_mode_find(uint16_t number, struct vbe_mode *m);

/* Bytes of n pixels of that many bits; of a plane for 4. */
uint32_t vbe_bytes(uint8_t bits, uint32_t n);

/* Bytes of video memory that the mode's screen needs. */
uint32_t vbe_mode_size(const struct vbe_mode *m);

#endif
