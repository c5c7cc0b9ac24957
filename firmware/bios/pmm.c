/*
 * POST memory manager.
 */
#include "pmm.h"
#include "runtime.h"
#include "x86.h"

#define FLAG_LOW       0x01
#define FLAG_HIGH      0x02
#define FLAG_ALIGNED   0x04 /* to the lowest bit set in the length */
#define FLAG_PERMANENT 0x08
#define ANONYMOUS      0xFFFFFFFF
#define UNSUPPORTED    0xFFFFFFFF

static struct pmm_block *find_overlap(uint32_t addr, uint32_t size)
{
    for (unsigned i = 0; i < MAX_PMM; i++) {
        struct pmm_block *b = &rt.pmm[i];
        if (b->size && addr < b->addr + b->size && b->addr < addr + size)
            return b;
    }
    return NULL;
}

/* First fit from base upwards; 0: no room. */
static uint32_t place(uint32_t base, uint32_t end, uint32_t size, uint32_t align)
{
    for (;;) {
        base = (base + align - 1) & ~(align - 1);
        if (base >= end || size > end - base)
            return 0;
        const struct pmm_block *b = find_overlap(base, size);
        if (!b)
            return base;
        base = b->addr + b->size;
    }
}

/* Largest free block of a zone, for length 0. */
static uint32_t largest(uint32_t base, uint32_t end)
{
    uint32_t size = end - base;
    while (size >= 4096 && !place(base, end, size, 16))
        size -= 4096;
    return size >= 4096 ? size >> 4 : 0;
}

/* Permanent blocks come off the end of the zone, which memory.c reserves. */
static uint32_t place_permanent(uint32_t size, uint32_t align)
{
    uint32_t at = (rt.pmm_high_end - size) & ~(align - 1);
    if (size > rt.pmm_high_end - rt.pmm_high_base || at < rt.pmm_high_base ||
        find_overlap(at, size))
        return 0;
    rt.pmm_high_end = at;
    return at;
}

static struct pmm_block *find_handle(uint32_t handle)
{
    for (unsigned i = 0; i < MAX_PMM; i++) {
        if (rt.pmm[i].size && rt.pmm[i].handle == handle)
            return &rt.pmm[i];
    }
    return NULL;
}

static uint32_t allocate(uint32_t paragraphs, uint32_t handle, uint16_t flags)
{
    bool low = flags & FLAG_LOW, high = flags & FLAG_HIGH;
    if (!paragraphs && high)
        return largest(rt.pmm_high_base, rt.pmm_high_end);
    if (!paragraphs)
        return largest(rt.pmm_low_base, rt.pmm_low_end);
    if (paragraphs >> 28 || (handle != ANONYMOUS && find_handle(handle)))
        return 0;
    uint32_t size = paragraphs << 4, align = flags & FLAG_ALIGNED ? size & -size : 16, addr = 0;
    unsigned slot = 0;
    while (slot < MAX_PMM && rt.pmm[slot].size)
        slot++;
    if (slot == MAX_PMM)
        return 0;
    if (low && !(flags & FLAG_PERMANENT)) /* conventional memory is all the system's */
        addr = place(rt.pmm_low_base, rt.pmm_low_end, size, align);
    if (!addr && high)
        addr = flags & FLAG_PERMANENT ? place_permanent(size, align)
                                      : place(rt.pmm_high_base, rt.pmm_high_end, size, align);
    if (addr)
        rt.pmm[slot] = (struct pmm_block){ addr, size, handle };
    return addr;
}

static uint32_t find(uint32_t handle)
{
    const struct pmm_block *b = handle == ANONYMOUS ? NULL : find_handle(handle);
    return b ? b->addr : 0;
}

static uint32_t release(uint32_t addr)
{
    for (unsigned i = 0; i < MAX_PMM; i++) {
        if (rt.pmm[i].size && rt.pmm[i].addr == addr) {
            rt.pmm[i].size = 0;
            return 0;
        }
    }
    return 1;
}

void pmm_service(struct regs *r)
{
    uint16_t args = (uint16_t)r->sp + 4; /* behind the return address of the far call */
    uint32_t first = far_get32(r->ss, args + 2U), result = UNSUPPORTED;
    if (rt.pmm_open) {
        switch (far_get16(r->ss, args)) {
        case 0:
            result = allocate(first, far_get32(r->ss, args + 6U), far_get16(r->ss, args + 10U));
            break;
        case 1: result = find(first); break;
        case 2: result = release(first); break;
        default: break;
        }
    }
    r->ax.x = (uint16_t)result;
    r->dx.x = (uint16_t)(result >> 16);
}
