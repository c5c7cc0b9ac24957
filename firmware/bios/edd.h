/*
 * INT 13h extensions (EDD 3.0, T13 1386D).
 */
#ifndef BIOS_EDD_H
#define BIOS_EDD_H

#include <stdbool.h>
#include "regs.h"
#include "runtime.h"

/* Functions 41h-48h and 4Eh for a fixed disk or a CD-ROM; false: no such function. */
bool edd_int13(struct regs *r, struct drive *d);

#define EDD_MAX 0x42 /* the largest result of function 48h */

/*
 * The result buffer of function 48h for a drive, as much as fits in `size` bytes (1Ah at least);
 * returns the bytes used. dpte: far pointer to the drive's parameter table extension, or
 * FFFFFFFFh. No hardware, host-tested.
 */
uint16_t edd_parameters(uint8_t *out, uint16_t size, const struct drive *d, uint32_t dpte);

/* The 16 bytes of the parameter table extension (EDD 3.0, table 10). */
void edd_dpte(uint8_t out[16], const struct drive *d);

/* Adds up to the checksum that makes len bytes at p sum to zero. */
uint8_t edd_checksum(const uint8_t *p, uint16_t len);

#endif
