/*
 * INT 10h AH=1Ch and VBE function 04h: all of the video state in memory of the caller.
 */
#ifndef VGABIOS_STATE_H
#define VGABIOS_STATE_H

#include "../bios/regs.h"

#define STATE_HARDWARE 0x01
#define STATE_BDA      0x02
#define STATE_DAC      0x04
#define STATE_SVGA     0x08

/* Bytes that what is in the mask takes. */
uint32_t state_size(uint8_t what);
void state_save(uint8_t what, uint16_t seg, uint32_t off);
void state_restore(uint8_t what, uint16_t seg, uint32_t off);

void state_service(struct regs *r); /* AH=1Ch */

#endif
