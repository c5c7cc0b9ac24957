/*
 * INT 10h AH=11h: character sets, in plane 2 for text modes and behind INT 43h for graphics.
 */
#ifndef VGABIOS_CHARSET_H
#define VGABIOS_CHARSET_H

#include "../bios/regs.h"
#include "mode.h"

/* Loads a set of the ROM of 8, 14 or 16 lines into a block (0 to 7) of plane 2. */
void charset_load_rom(uint8_t height, uint8_t block);

/* Graphics modes draw from the ROM's set of that height. */
void charset_rom_graphics(uint8_t height);

void charset_service(struct regs *r);

#endif
