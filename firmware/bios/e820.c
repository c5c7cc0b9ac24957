/*
 * The memory map.
 */
#include "e820.h"
#ifdef BIOS32
#include "x86.h"
#else
#include <string.h>
#endif

static void insert(struct e820_map *map, uint32_t at, struct e820_entry e)
{
    for (uint32_t i = map->count++; i > at; i--)
        map->entry[i] = map->entry[i - 1];
    map->entry[at] = e;
}

static void drop(struct e820_map *map, uint32_t at)
{
    map->count--;
    for (uint32_t i = at; i < map->count; i++)
        map->entry[i] = map->entry[i + 1];
}

/* Takes [addr, end) out of every range; needs one free entry for a split. */
static void cut(struct e820_map *map, uint64_t addr, uint64_t end)
{
    for (uint32_t i = 0; i < map->count; i++) {
        struct e820_entry *e = &map->entry[i];
        uint64_t e_end = e->addr + e->size;
        if (e_end <= addr || e->addr >= end)
            continue;
        if (e->addr < addr && e_end > end) {
            struct e820_entry tail = { end, e_end - end, e->type };
            e->size = addr - e->addr;
            insert(map, i + 1, tail);
            return;
        }
        if (e->addr < addr) {
            e->size = addr - e->addr;
        } else if (e_end > end) {
            e->addr = end;
            e->size = e_end - end;
        } else {
            drop(map, i--);
        }
    }
}

static void join(struct e820_map *map)
{
    for (uint32_t i = 1; i < map->count; i++) {
        struct e820_entry *a = &map->entry[i - 1], *b = &map->entry[i];
        if (a->type == b->type && a->addr + a->size == b->addr) {
            a->size += b->size;
            drop(map, i--);
        }
    }
}

bool e820_set(struct e820_map *map, uint64_t addr, uint64_t size, uint32_t type)
{
    uint64_t end;
    if (!size || __builtin_add_overflow(addr, size, &end))
        return true;
    if (map->capacity - map->count < 2)
        return false;
    cut(map, addr, end);
    uint32_t at = 0;
    while (at < map->count && map->entry[at].addr < addr)
        at++;
    insert(map, at, (struct e820_entry){ addr, size, type });
    join(map);
    return true;
}

bool e820_clear(struct e820_map *map, uint64_t addr, uint64_t size)
{
    if (map->count == map->capacity)
        return false;
    cut(map, addr, addr + size);
    return true;
}

uint64_t e820_ram_end(const struct e820_map *map, uint64_t addr)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct e820_entry *e = &map->entry[i];
        if (e->type == E820_RAM && addr >= e->addr && addr - e->addr < e->size)
            return e->addr + e->size;
    }
    return 0;
}
