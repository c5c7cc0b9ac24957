/*
 * CD-ROM: INT 13h, and El Torito (Bootable CD-ROM format specification 1.0).
 */
#ifndef BIOS_CDROM_H
#define BIOS_CDROM_H

#include <stdbool.h>
#include "eltorito.h"
#include "regs.h"
#include "runtime.h"

/* Reads 2048-byte sectors to linear memory. */
uint8_t cdrom_read(struct drive *d, uint64_t lba, uint32_t count, uint32_t memory, uint32_t *done);

/* Asks the drive for its medium's size; sets d->sectors. A status of INT 13h. */
uint8_t cdrom_capacity(struct drive *d);

void cdrom_int13(struct regs *r, struct drive *d);

/*
 * Finds and loads the disc's boot image, and sets the emulation up. 0 and *drive (for DL) and
 * *segment, or a text that says why not.
 */
const char *cdrom_boot(uint8_t cd, uint8_t *drive, uint16_t *segment);

/* The drives are again what they were before a CD's boot image was one of them. */
void cdrom_end_emulation(void);

/* Takes a call for the emulated drive, AH=4Ah-4Dh, or a drive that emulation renumbers. */
bool cdrom_emulation_int13(struct regs *r);

#endif
