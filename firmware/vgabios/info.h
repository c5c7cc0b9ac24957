/*
 * INT 10h: what mode and what hardware is there.
 */
#ifndef VGABIOS_INFO_H
#define VGABIOS_INFO_H

#include "../bios/regs.h"

void info_mode_service(struct regs *r);      /* AH=0Fh */
void info_alternate_service(struct regs *r); /* AH=12h */
void info_display_service(struct regs *r);   /* AH=1Ah */
void info_state_service(struct regs *r);     /* AH=1Bh */

#endif
