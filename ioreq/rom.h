/*
 * ROMs of PCI cards for cores that cannot put a block of the device model's before the guest: they
 * are answered like registers. They are read but once.
 */
#ifndef IOREQ_ROM_H
#define IOREQ_ROM_H

#include <glib.h>

#include "hw/core/bus.h"
#include "hw/core/memmap.h"

/* What is mapped: a region for each block. Free with g_hash_table_unref(). */
GHashTable *rom_table_new(void);

void rom_map(GHashTable *roms, struct bus *bus, struct mem_block *block);
void rom_unmap(GHashTable *roms, struct bus *bus, struct mem_block *block);

#endif
