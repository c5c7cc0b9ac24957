/*
 * Advanced power management (APM BIOS 1.2): real mode, enough to switch the machine off.
 */
#ifndef BIOS_APM_H
#define BIOS_APM_H

#include "regs.h"

void apm_int15(struct regs *r);

#endif
