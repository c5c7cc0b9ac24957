/*
 * PS/2 mouse: INT 15h AH=C2h and INT 74h (PS/2 BIOS Interface Technical Reference).
 */
#ifndef BIOS_MOUSE_H
#define BIOS_MOUSE_H

#include "regs.h"

void mouse_init(void);
void mouse_int15(struct regs *r);
void mouse_int74(struct regs *r);

#endif
