/*
 * VESA BIOS Extension 3.0 and VBE/DDC 1.1: INT 10h AH=4Fh.
 */
#ifndef VGABIOS_VBE_H
#define VGABIOS_VBE_H

#include <stdbool.h>
#include "../bios/regs.h"
#include "vbemodes.h"

#define VBE_OK          0x004F
#define VBE_FAILED      0x014F
#define VBE_NO_HARDWARE 0x024F
#define VBE_WRONG_MODE  0x034F /* not in this mode */
#define VBE_UNSUPPORTED 0x0100 /* AL is not 4Fh */

void vbe_service(struct regs *r);

/* vbeinfo.c: AL=00h and 01h; the result for AX. */
uint16_t vbe_info(struct regs *r);
uint16_t vbe_mode_info(struct regs *r);

/* Whether video memory has room for the mode. */
bool vbe_mode_fits(const struct vbe_mode *m);

/* entry.S: the window function for a far call. */
void vbe_window_entry(void);

#endif
