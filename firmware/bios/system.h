/*
 * INT 11h, 12h and 15h.
 */
#ifndef BIOS_SYSTEM_H
#define BIOS_SYSTEM_H

#include "regs.h"

void system_int11(struct regs *r);
void system_int12(struct regs *r);
void system_int15(struct regs *r);

#endif
