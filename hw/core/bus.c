#include "hw/core/bus.h"

#include <glib.h>
#include <string.h>

#include "base/bytes.h"
#include "hw/core/device.h" // guest_fault
#include "hw/core/regs.h"

/* A stretch of MMIO addresses that one region answers, after overlaps are resolved. */
struct view {
    uint64_t first, last; /* inclusive, so that the top of the space needs no 65th bit */
    const struct region *region;
};

struct bus {
    GPtrArray *regions; /* by region->index; slot 0 stays empty, so that 0 means nobody */
    struct bus_listener listener;
    GArray *views;               /* struct view, sorted, disjoint */
    const struct view *last_hit; /* NULL while the views are stale */
    bool stale; /* regions have moved since the views were made; the next access makes them anew */
    uint64_t n_mapped; /* in all its life */
    uint16_t port[BUS_PIO_SIZE];
};

struct bus *bus_create(void)
{
    struct bus *bus = g_new0(struct bus, 1);

    bus->regions = g_ptr_array_new();
    g_ptr_array_add(bus->regions, NULL);
    bus->views = g_array_new(FALSE, FALSE, sizeof(struct view));
    return bus;
}

void bus_destroy(struct bus *bus)
{
    g_ptr_array_unref(bus->regions);
    g_array_unref(bus->views);
    g_free(bus);
}

void bus_set_listener(struct bus *bus, const struct bus_listener *listener)
{
    bus->listener = *listener;
    for (unsigned i = 1; i < bus->regions->len; i++) {
        const struct region *region = bus->regions->pdata[i];
        if (region != NULL)
            listener->mapped(listener->opaque, region);
    }
}

/* ---- Mapping ---- */

static uint64_t last_of(const struct region *region)
{
    uint64_t last;

    if (__builtin_add_overflow(region->base, region->size - 1, &last))
        last = UINT64_MAX;
    if (region->space == BUS_PIO && last >= BUS_PIO_SIZE)
        last = BUS_PIO_SIZE - 1;
    return last;
}

/* The rule of enum region_priority. b may be NULL: nobody. */
static bool wins(const struct region *a, const struct region *b)
{
    if (b == NULL || a->priority != b->priority)
        return b == NULL || a->priority > b->priority;
    return a->order < b->order;
}

/* The region that answers at an MMIO address. */
static const struct region *winner(const struct bus *bus, uint64_t addr)
{
    const struct region *best = NULL;

    for (unsigned i = 1; i < bus->regions->len; i++) {
        const struct region *r = bus->regions->pdata[i];
        if (r == NULL || r->space != BUS_MMIO || addr < r->base || addr > last_of(r))
            continue;
        if (wins(r, best))
            best = r;
    }
    return best;
}

/* Gives the ports of a range to the regions that reach into it. */
static void rebuild_ports(struct bus *bus, uint64_t first, uint64_t last)
{
    memset(bus->port + first, 0, (last - first + 1) * sizeof(bus->port[0]));
    for (unsigned i = 1; i < bus->regions->len; i++) {
        const struct region *r = bus->regions->pdata[i];
        if (r == NULL || r->space != BUS_PIO || r->base > last || last_of(r) < first)
            continue;
        for (uint64_t p = MAX(first, r->base); p <= MIN(last, last_of(r)); p++) {
            if (wins(r, bus->regions->pdata[bus->port[p]]))
                bus->port[p] = r->index;
        }
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Cuts the space at every edge of a region and lets the winner of each piece have it. */
static void rebuild_views(struct bus *bus)
{
    g_autoptr(GArray) edges = g_array_new(FALSE, FALSE, sizeof(uint64_t));

    for (unsigned i = 1; i < bus->regions->len; i++) {
        const struct region *r = bus->regions->pdata[i];
        if (r == NULL || r->space != BUS_MMIO)
            continue;
        uint64_t last = last_of(r);
        g_array_append_val(edges, r->base);
        if (last != UINT64_MAX) {
            uint64_t after = last + 1;
            g_array_append_val(edges, after);
        }
    }
    g_array_sort(edges, compare_u64);
    g_array_set_size(bus->views, 0);
    bus->stale = false;
    for (unsigned i = 0; i < edges->len; i++) {
        uint64_t first = g_array_index(edges, uint64_t, i);
        if (i + 1 < edges->len && g_array_index(edges, uint64_t, i + 1) == first)
            continue;
        struct view v = { .first = first, .region = winner(bus, first) };
        v.last = i + 1 < edges->len ? g_array_index(edges, uint64_t, i + 1) - 1 : UINT64_MAX;
        if (v.region != NULL)
            g_array_append_val(bus->views, v);
    }
}

static void rebuild(struct bus *bus, enum bus_space space, uint64_t first, uint64_t last)
{
    if (space == BUS_PIO) {
        rebuild_ports(bus, first, last);
    } else {
        bus->stale = true;
        bus->last_hit = NULL;
    }
}

static uint16_t free_index(struct bus *bus)
{
    for (unsigned i = 1; i < bus->regions->len; i++)
        if (bus->regions->pdata[i] == NULL)
            return (uint16_t)i;
    g_ptr_array_add(bus->regions, NULL);
    return (uint16_t)(bus->regions->len - 1);
}

void bus_map(struct bus *bus, struct region *region, enum bus_space space, uint64_t base,
             uint64_t size)
{
    if (region->mapped)
        bus_unmap(bus, region);
    if (size == 0 || (space == BUS_PIO && base >= BUS_PIO_SIZE))
        return;
    region->space = space;
    region->base = base;
    region->size = size;
    region->size = last_of(region) - base + 1; /* cut at the end of the space */
    region->mapped = true;
    region->index = free_index(bus);
    region->order = bus->n_mapped++;
    bus->regions->pdata[region->index] = region;
    rebuild(bus, space, base, last_of(region));
    if (bus->listener.mapped != NULL)
        bus->listener.mapped(bus->listener.opaque, region);
}

void bus_unmap(struct bus *bus, struct region *region)
{
    if (!region->mapped)
        return;
    if (bus->listener.unmapped != NULL)
        bus->listener.unmapped(bus->listener.opaque, region);
    bus->regions->pdata[region->index] = NULL;
    region->mapped = false;
    rebuild(bus, region->space, region->base, last_of(region));
}

void bus_for_each(struct bus *bus, void (*fn)(const struct region *region, void *opaque),
                  void *opaque)
{
    for (unsigned i = 1; i < bus->regions->len; i++)
        if (bus->regions->pdata[i] != NULL)
            fn(bus->regions->pdata[i], opaque);
}

/* ---- One access to one region ---- */

static bool width_refused(const struct region *r, unsigned size)
{
    unsigned valid = r->ops->valid != 0 ? r->ops->valid : r->space == BUS_PIO ? 1 | 2 | 4 : 15;
    return (size & valid) == 0;
}

/* The widest piece of at most `size` bytes that the handlers take at this alignment; 0: none. */
static unsigned piece(unsigned impl, uint64_t offset, unsigned size)
{
    for (unsigned w = 8; w != 0; w >>= 1)
        if (w <= size && (w & impl) != 0 && (offset & (w - 1)) == 0)
            return w;
    return 0;
}

static uint64_t read_narrow(const struct region *r, unsigned impl, uint64_t offset, unsigned size)
{
    unsigned w = impl & -impl; /* the narrowest handler */
    uint64_t value = r->ops->read(r->opaque, offset & ~(uint64_t)(w - 1), w);

    return value >> (8 * (offset & (w - 1))) & size_mask(size);
}

static uint64_t read_pieces(const struct region *r, unsigned impl, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned done = 0; done < size;) {
        unsigned w = piece(impl, offset + done, size - done);
        uint64_t part;
        if (w == 0) {
            w = 1;
            part = read_narrow(r, impl, offset + done, 1);
        } else {
            part = r->ops->read(r->opaque, offset + done, w);
        }
        value |= (part & size_mask(w)) << (8 * done);
        done += w;
    }
    return value;
}

uint64_t region_read(const struct region *r, uint64_t offset, unsigned size)
{
    const struct region_ops *ops = r->ops;
    unsigned impl = ops->impl != 0 ? ops->impl : 1;

    if (G_UNLIKELY(width_refused(r, size))) {
        guest_fault(r->owner, "%s: %u-byte read at offset 0x%" PRIx64 " refused", r->name, size,
                    offset);
        return size_mask(size);
    }
    if (ops->regs != NULL)
        return regs_read(ops->regs, ops->n_regs, r->opaque, offset, size);
    if (G_LIKELY((size & impl) != 0 && (offset & (size - 1)) == 0))
        return ops->read(r->opaque, offset, size) & size_mask(size);
    return read_pieces(r, impl, offset, size);
}

static void write_pieces(const struct region *r, unsigned impl, uint64_t offset, uint64_t value,
                         unsigned size)
{
    for (unsigned done = 0; done < size;) {
        unsigned w = piece(impl, offset + done, size - done);
        if (w == 0) {
            guest_fault(r->owner, "%s: %u-byte write at offset 0x%" PRIx64 " is too narrow",
                        r->name, size, offset);
            return;
        }
        r->ops->write(r->opaque, offset + done, value >> (8 * done) & size_mask(w), w);
        done += w;
    }
}

void region_write(const struct region *r, uint64_t offset, uint64_t value, unsigned size)
{
    const struct region_ops *ops = r->ops;
    unsigned impl = ops->impl != 0 ? ops->impl : 1;

    value &= size_mask(size);
    if (G_UNLIKELY(width_refused(r, size))) {
        guest_fault(r->owner, "%s: %u-byte write at offset 0x%" PRIx64 " refused", r->name, size,
                    offset);
        return;
    }
    if (ops->regs != NULL)
        regs_write(ops->regs, ops->n_regs, r->opaque, offset, value, size);
    else if (G_LIKELY((size & impl) != 0 && (offset & (size - 1)) == 0))
        ops->write(r->opaque, offset, value, size);
    else
        write_pieces(r, impl, offset, value, size);
}

/* ---- Routing ---- */

static const struct view *find_view(struct bus *bus, uint64_t addr)
{
    const struct view *v = bus->last_hit;

    if (v != NULL && addr >= v->first && addr <= v->last)
        return v;
    if (bus->stale)
        rebuild_views(bus);
    const struct view *views = (const struct view *)(const void *)bus->views->data;
    unsigned lo = 0, hi = bus->views->len;
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (addr > views[mid].last)
            lo = mid + 1;
        else if (addr < views[mid].first)
            hi = mid;
        else
            return bus->last_hit = &views[mid];
    }
    return NULL;
}

/*
 * The region that answers at addr, if all `size` bytes are its; NULL: nobody's, or not only its.
 * A smaller region inside does not cut an access that starts before it: 0xCF8 is a dword register
 * although the byte at 0xCF9 is another chip's.
 */
static const struct region *route(struct bus *bus, enum bus_space space, uint64_t addr,
                                  unsigned size)
{
    const struct region *r = NULL;

    if (space == BUS_PIO) {
        if (addr < BUS_PIO_SIZE)
            r = bus->regions->pdata[bus->port[addr]];
    } else {
        const struct view *v = find_view(bus, addr);
        if (v != NULL)
            r = v->region;
    }
    return r != NULL && addr - r->base + size <= r->size ? r : NULL;
}

bool bus_claimed(struct bus *bus, enum bus_space space, uint64_t addr)
{
    return route(bus, space, addr, 1) != NULL;
}

static bool size_ok(enum bus_space space, unsigned size)
{
    return size == 1 || size == 2 || size == 4 || (size == 8 && space == BUS_MMIO);
}

/*
 * Nobody, or more than one region: byte cycles, as an ISA bridge makes of an access that its
 * target does not take whole. Addresses beyond the end of the space are nobody's.
 */
static uint64_t read_bytes(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        const struct region *r = route(bus, space, addr + i, 1);
        uint64_t byte = r != NULL ? region_read(r, addr + i - r->base, 1) : 0xff;
        value |= byte << (8 * i);
    }
    return value;
}

uint64_t bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size)
{
    if (!size_ok(space, size))
        return UINT64_MAX;
    const struct region *r = route(bus, space, addr, size);
    if (G_LIKELY(r != NULL))
        return region_read(r, addr - r->base, size);
    return read_bytes(bus, space, addr, size);
}

void bus_write(struct bus *bus, enum bus_space space, uint64_t addr, uint64_t value, unsigned size)
{
    if (!size_ok(space, size))
        return;
    const struct region *r = route(bus, space, addr, size);
    if (G_LIKELY(r != NULL)) {
        region_write(r, addr - r->base, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        r = route(bus, space, addr + i, 1);
        if (r != NULL)
            region_write(r, addr + i - r->base, value >> (8 * i) & 0xff, 1);
    }
}
