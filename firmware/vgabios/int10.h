#ifndef VGABIOS_INT10_H
#define VGABIOS_INT10_H

#include "../bios/regs.h"

/* INT 10h with the caller's registers (entry.S): struct regs up to its flags. */
void int10_service(struct regs *r);

#endif
