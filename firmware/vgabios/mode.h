/*
 * Video modes: what they are, and AH=00h that sets them.
 */
#ifndef VGABIOS_MODE_H
#define VGABIOS_MODE_H

#include <stdbool.h>
#include "params.h"

enum mode_kind {
    KIND_NONE, /* VBE modes without text */
    KIND_TEXT,
    KIND_CGA4,   /* two bits a dot, odd lines 8 KiB behind */
    KIND_CGA2,   /* one bit a dot, the same */
    KIND_PLANES, /* four planes of one bit */
    KIND_BYTES,  /* mode 13h: a byte a dot */
};

enum mode_palette { PALETTE_CGA, PALETTE_EGA, PALETTE_MONO, PALETTE_256 };

struct mode {
    uint8_t number, kind, palette, params;
    uint16_t segment;
};

#define MODE_6A  0x6A /* VBE mode 102h, which any VGA does */
#define MODE_VBE 0x7E /* at 40:49 in the other VBE modes */

/* The mode of that number; NULL: there is none. */
IN_ROM struct mode *mode_find(uint8_t number);

/* Of the mode that is set. */
enum mode_kind mode_kind(void);
uint16_t mode_segment(void);

/*
 * Programs the VGA for the mode. keep: does not clear memory. False: there is no such mode, and
 * nothing was done.
 */
bool mode_set(uint8_t number, bool keep);

/* Writes all registers of a parameter table; the screen stays off. */
void mode_registers(IN_ROM struct video_params *p);
void mode_screen(bool on);

#endif
