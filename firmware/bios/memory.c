/*
 * How much memory there is, and the little that POST keeps of it.
 */
#include "bda.h"
#include "e820.h"
#include "fwcfg.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define CMOS_ABOVE_16M 0x34 /* 64 KiB units, low byte; high byte at 35h */
#define PMM_HIGH_SIZE  0x1000000
#define CMOS_ABOVE_4G  0x5B /* 64 KiB units, three bytes */

extern uint8_t tables_free[]; /* linker script: what the static tables leave of the area */

static struct e820_map map = { .entry = rt.e820, .capacity = MAX_E820 };
static uint32_t high_next; /* allocations go downwards from the end of low memory */
static uint32_t table_next;
static bool map_full; /* something was left out: to be told when there is a screen */

void memory_add(uint64_t addr, uint64_t size, uint32_t type)
{
    if (!e820_set(&map, addr, size, type))
        map_full = true;
    rt.e820_count = map.count;
}

/* Memory sizes where the machine's own BIOS interface puts them. */
static void from_cmos(void)
{
    uint32_t low = (cmos_read(CMOS_ABOVE_16M) | cmos_read(CMOS_ABOVE_16M + 1) << 8) << 16;
    low = low ? low + (16 << 20) : (cmos_read(0x30) | cmos_read(0x31) << 8) * 1024U + (1 << 20);
    uint64_t high = cmos_read(CMOS_ABOVE_4G) | cmos_read(CMOS_ABOVE_4G + 1) << 8 |
                    (uint32_t)cmos_read(CMOS_ABOVE_4G + 2) << 16;
    memory_add(0, low, E820_RAM);
    memory_add(UINT64_C(1) << 32, high << 16, E820_RAM);
}

static void from_fwcfg(void)
{
    const struct fwcfg_file *file = fwcfg_find("etc/e820");
    if (!file)
        return;
    for (uint32_t at = 0; at + sizeof(struct e820_entry) <= file->size;
         at += sizeof(map.entry[0])) {
        struct e820_entry e;
        fwcfg_read(file->key, at, &e, sizeof(e));
        map_full = map.count >= MAX_E820 - 12; /* room for what POST itself reserves */
        if (map_full)
            return;
        memory_add(e.addr, e.size, e.type);
    }
}

void memory_init(void)
{
    table_next = ((uint32_t)tables_free + 15) & ~15U;
    if (rt.on_xen) {
        xen_setup();
    } else {
        from_cmos();
        from_fwcfg();
    }
    uint64_t end = e820_ram_end(&map, 0x100000);
    rt.low_memory_end = end > 0xFFFFF000 ? 0xFFFFF000 : (uint32_t)end & ~0xFFFU;
    high_next = rt.low_memory_end;
}

void *memory_high(uint32_t size, uint32_t align)
{
    uint32_t at = (high_next - size) & ~(align - 1);
    if (size > high_next || at < 0x200000)
        return NULL;
    high_next = at;
    return memset((void *)at, 0, size);
}

void *memory_table(uint32_t size, uint32_t align)
{
    uint32_t at = (table_next + align - 1) & ~(align - 1);
    if (at + size > TABLES_END)
        return NULL;
    table_next = at + size;
    return memset((void *)at, 0, size);
}

/* The zones of the POST memory manager: some of conventional memory, and what is next below ours.
 */
void memory_open_pmm(void)
{
    high_next &= ~0xFFFU;
    rt.pmm_low_base = 0x40000;
    rt.pmm_low_end = 0x80000;
    rt.pmm_high_end = high_next;
    rt.pmm_high_base = high_next > 0x300000 + PMM_HIGH_SIZE ? high_next - PMM_HIGH_SIZE : 0x300000;
    rt.pmm_open = rt.pmm_high_base < rt.pmm_high_end;
}

void memory_finish(void)
{
    if (rt.pmm_open)
        high_next = rt.pmm_high_end; /* lowered by permanent blocks */
    rt.pmm_open = false;
    uint32_t ebda = (uint32_t)BDA->ebda << 4;
    high_next &= ~0xFFFU;
    memory_add(high_next, rt.low_memory_end - high_next, E820_RESERVED);
    memory_add(ebda, 0xA0000 - ebda, E820_RESERVED);
    /* A0000-DFFFF is not mentioned: display and option ROMs, which the system finds itself. */
    e820_clear(&map, 0xA0000, 0x60000);
    memory_add(IMAGE_BASE, IMAGE_SIZE, E820_RESERVED);
    if (!rt.on_xen)
        memory_add(0xFFFC0000, 0x40000, E820_RESERVED);
    rt.e820_count = map.count;
    if (map_full)
        screen("Memory map: more than %u ranges, the rest is not used\n", MAX_E820);
    for (uint32_t i = 0; i < map.count; i++) {
        const struct e820_entry *e = &map.entry[i];
        debug("e820: %08x%08x + %08x%08x type %u\n", (uint32_t)(e->addr >> 32), (uint32_t)e->addr,
              (uint32_t)(e->size >> 32), (uint32_t)e->size, e->type);
    }
}
