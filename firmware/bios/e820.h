/*
 * The memory map (ACPI 15): a sorted list of ranges that do not overlap. No hardware, host-tested.
 */
#ifndef BIOS_E820_H
#define BIOS_E820_H

#include <stdbool.h>
#include <stdint.h>
#include "runtime.h"

struct e820_map {
    struct e820_entry *entry;
    uint32_t count, capacity;
};

/*
 * Gives [addr, addr + size) the type; what it covered before is cut, neighbours of the same type
 * are joined. Size 0 or an end beyond 2^64 change nothing. False: no room, nothing changed.
 */
bool e820_set(struct e820_map *map, uint64_t addr, uint64_t size, uint32_t type);

/* Takes [addr, addr + size) off the map: nothing is said about it. False: no room for a split. */
bool e820_clear(struct e820_map *map, uint64_t addr, uint64_t size);

/* End of the RAM range that contains addr, 0 if addr is not RAM. */
uint64_t e820_ram_end(const struct e820_map *map, uint64_t addr);

#endif
