/*
 * INT 10h AH=10h: the attribute controller's palette and the DAC.
 */
#ifndef VGABIOS_PALETTE_H
#define VGABIOS_PALETTE_H

#include "../bios/regs.h"
#include "mode.h"

/* Loads the DAC's colours of a kind of mode, in shades of gray if that is chosen. */
void palette_load(enum mode_palette palette);

/* The DAC's first n colours from index first: three bytes each. */
void palette_read(uint8_t first, uint16_t n, uint16_t seg, uint32_t off);
void palette_write(uint8_t first, uint16_t n, uint16_t seg, uint32_t off);

/* AH=10h and AH=0Bh. */
void palette_service(struct regs *r);
void palette_cga_service(struct regs *r);

#endif
