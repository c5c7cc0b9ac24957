/*
 * INT 18h and 19h: the boot menu and the attempts in order (BIOS Boot Specification 1.01).
 */
#ifndef BIOS_BOOT_H
#define BIOS_BOOT_H

#include "regs.h"

void boot_int18(struct regs *r);
void boot_int19(struct regs *r);

#endif
