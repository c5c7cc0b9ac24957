/*
 * INT 13h for fixed disks, and who gets the call for other drives.
 */
#ifndef BIOS_DISK_H
#define BIOS_DISK_H

#include "regs.h"
#include "runtime.h"

void disk_int13(struct regs *r);

/* The drive behind an INT 13h number, NULL if it is not one of our fixed disks. */
struct drive *disk_find(uint8_t number);

/* Ends a call with a status, which AH=01h gives again. */
void disk_finish(struct regs *r, uint8_t status);

/* AH=01h: how the last call ended. */
void disk_last_status(struct regs *r);

#endif
