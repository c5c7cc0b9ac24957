/*
 * The ROM's character sets: code page 437, and the substitutes of the 9-dot modes.
 */
#ifndef VGABIOS_FONT_H
#define VGABIOS_FONT_H

#include "memory.h"

extern ROM uint8_t font8[256][8], font14[256][14], font16[256][16];

#endif
