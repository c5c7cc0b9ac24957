/*
 * Serial and parallel ports: INT 14h and INT 17h.
 */
#ifndef BIOS_PORTS_H
#define BIOS_PORTS_H

#include "regs.h"

/* Finds the ports at their usual addresses. */
void ports_init(void);

void serial_int14(struct regs *r);
void printer_int17(struct regs *r);

#endif
