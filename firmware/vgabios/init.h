/*
 * The start of the ROM, and what it notes in itself while it can be written.
 */
#ifndef VGABIOS_INIT_H
#define VGABIOS_INIT_H

#include "../bios/regs.h"
#include "memory.h"

#define EDID_BLOCK      128
#define EDID_MAX_BLOCKS 2
#define NO_FUNCTION     0xFFFF

struct rom_state {
    uint16_t bdf; /* the card's PCI function, NO_FUNCTION: none */
    uint8_t edid_blocks;
    uint8_t edid[EDID_MAX_BLOCKS][EDID_BLOCK];
} __attribute__((packed));

/* entry.S. Volatile, since it is written at the start after all. */
extern IN_ROM volatile struct rom_state rom_state;
extern IN_ROM volatile uint8_t rom_checksum;

/* A memory base address register of the card; 0: there is none, or it is not enabled. */
uint32_t card_bar(uint8_t reg);

/* entry.S */
void flat_to_rom(uint32_t from, uint16_t to, uint32_t n);
void int10_entry(void);

/* The option ROM's entry: AX is the card's PCI function. */
void init_service(struct regs *r);

#endif
