/*
 * Floppy drives: INT 13h for drives below 80h, INT 0Eh (82077AA datasheet; 8237A for the data).
 */
#ifndef BIOS_FLOPPY_H
#define BIOS_FLOPPY_H

#include "regs.h"

void floppy_init(void);
void floppy_int13(struct regs *r);
void floppy_int0e(struct regs *r);

/* Timer tick: switches the motors off two seconds after the last access. */
void floppy_tick(void);

#endif
