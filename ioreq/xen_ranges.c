#include "ioreq/xen_ranges.h"

void xen_ranges_init(struct xen_ranges *ranges,
                     void (*changed)(void *opaque, enum bus_space space, uint64_t first,
                                     uint64_t last, bool claimed),
                     void *opaque)
{
    *ranges = (struct xen_ranges){ g_ptr_array_new(), changed, opaque };
}

void xen_ranges_clear(struct xen_ranges *ranges)
{
    g_ptr_array_unref(ranges->regions);
}

static uint64_t last_of(const struct region *region)
{
    uint64_t last;

    return __builtin_add_overflow(region->base, region->size - 1, &last) ? UINT64_MAX : last;
}

/*
 * From `at`, which is at most `last`: whether others cover it, and the last address for which that
 * holds without a break of any region's edge.
 */
static bool covered(const struct xen_ranges *ranges, enum bus_space space, uint64_t at,
                    uint64_t *last)
{
    bool found = false;

    for (unsigned i = 0; i < ranges->regions->len; i++) {
        const struct region *r = ranges->regions->pdata[i];
        if (r->space != space || last_of(r) < at)
            continue;
        if (r->base > at) {
            *last = MIN(*last, r->base - 1);
        } else {
            found = true;
            *last = MIN(*last, last_of(r));
        }
    }
    return found;
}

/* The pieces of a region that none of the others covers. */
static void tell_pieces(struct xen_ranges *ranges, const struct region *region, bool claimed)
{
    uint64_t end = last_of(region);

    for (uint64_t at = region->base, last;; at = last + 1) {
        last = end;
        if (!covered(ranges, region->space, at, &last))
            ranges->changed(ranges->opaque, region->space, at, last, claimed);
        if (last == end)
            break;
    }
}

void xen_ranges_add(struct xen_ranges *ranges, const struct region *region)
{
    tell_pieces(ranges, region, true);
    g_ptr_array_add(ranges->regions, (void *)(uintptr_t)region);
}

void xen_ranges_remove(struct xen_ranges *ranges, const struct region *region)
{
    if (g_ptr_array_remove(ranges->regions, (void *)(uintptr_t)region))
        tell_pieces(ranges, region, false);
}
