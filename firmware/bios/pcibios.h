/*
 * PCI BIOS 2.1: INT 1Ah AH=B1h, and the same from 32-bit code by the BIOS32 directory.
 */
#ifndef BIOS_PCIBIOS_H
#define BIOS_PCIBIOS_H

#include "regs.h"

/* Buses 0 to last_bus exist. */
void pcibios_call(struct regs *r, uint8_t last_bus);

#endif
