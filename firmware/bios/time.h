/*
 * INT 08h, 1Ah, 70h and the waits of INT 15h.
 */
#ifndef BIOS_TIME_H
#define BIOS_TIME_H

#include "regs.h"

void time_int08(struct regs *r);
void time_int1a(struct regs *r);
void time_int70(struct regs *r);

/* INT 15h AH=83h: sets bit 7 of a byte after CX:DX microseconds. */
void time_event_wait(struct regs *r);
/* INT 15h AH=86h: returns after CX:DX microseconds. */
void time_wait(struct regs *r);

#endif
