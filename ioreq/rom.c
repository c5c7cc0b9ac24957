#include "ioreq/rom.h"

#include "base/bytes.h"

static uint64_t rom_read(void *opaque, uint64_t offset, unsigned size)
{
    return get_le(((struct mem_block *)opaque)->host + offset, size);
}

static void rom_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops rom_ops = { .read = rom_read,
                                           .write = rom_write,
                                           .impl = 1 | 2 | 4 | 8 };

GHashTable *rom_table_new(void)
{
    return g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
}

void rom_map(GHashTable *roms, struct bus *bus, struct mem_block *block)
{
    struct region *region = g_new0(struct region, 1);

    *region = (struct region){ .name = block->name, .ops = &rom_ops, .opaque = block };
    g_hash_table_insert(roms, block, region);
    bus_map(bus, region, BUS_MMIO, block->gpa, block->size);
}

void rom_unmap(GHashTable *roms, struct bus *bus, struct mem_block *block)
{
    struct region *region = g_hash_table_lookup(roms, block);

    if (region != NULL)
        bus_unmap(bus, region);
    g_hash_table_remove(roms, block);
}
