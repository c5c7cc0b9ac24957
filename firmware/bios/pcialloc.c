/*
 * Placing PCI windows: the largest first, each at its alignment, so that little is lost between.
 */
#include "pcialloc.h"
#include <stddef.h>

#define IO_GRANULE  0x1000   /* of a bridge's I/O window */
#define MEM_GRANULE 0x100000 /* of a bridge's memory window */

static uint64_t round_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static void sort_by_align(struct pci_resource *res, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct pci_resource r = res[i];
        unsigned j = i;
        for (; j && res[j - 1].align < r.align; j--)
            res[j] = res[j - 1];
        res[j] = r;
    }
}

static bool belongs(const struct pci_resource *r, uint8_t kind, uint8_t bus)
{
    return r->kind == kind && r->bus == bus && r->size;
}

/* Lays the resources of one bus out from base; returns the first address after them. */
static uint64_t lay_out(struct pci_resource *res, unsigned count, uint8_t kind, uint8_t bus,
                        uint64_t base)
{
    for (unsigned i = 0; i < count; i++) {
        if (!belongs(&res[i], kind, bus))
            continue;
        res[i].addr = round_up(base, res[i].align);
        base = res[i].addr + res[i].size;
    }
    return base;
}

/* Window of the bridge to `bus`, NULL if nothing of that kind is forwarded. */
static struct pci_resource *bridge_window(struct pci_resource *res, unsigned count, uint8_t kind,
                                          uint8_t bus)
{
    for (unsigned i = 0; i < count; i++) {
        if (res[i].kind == kind && res[i].behind == bus)
            return &res[i];
    }
    return NULL;
}

static void size_window(struct pci_resource *res, unsigned count, uint8_t kind, uint8_t bus)
{
    uint64_t granule = kind == PCI_KIND_IO ? IO_GRANULE : MEM_GRANULE;
    uint64_t align = granule;
    struct pci_resource *w = bridge_window(res, count, kind, bus);
    if (!w)
        return;
    for (unsigned i = 0; i < count; i++) {
        if (belongs(&res[i], kind, bus) && res[i].align > align)
            align = res[i].align;
    }
    w->align = align;
    w->size = round_up(lay_out(res, count, kind, bus, 0), granule);
}

bool pcialloc_place(struct pci_resource *res, unsigned count, uint8_t kind, uint8_t last_bus,
                    struct pci_window window)
{
    for (unsigned bus = last_bus; bus > 0; bus--) {
        sort_by_align(res, count); /* sizes of windows change their alignment */
        size_window(res, count, kind, (uint8_t)bus);
    }
    sort_by_align(res, count);
    if (lay_out(res, count, kind, 0, window.base) > window.end) {
        for (unsigned i = 0; i < count; i++) {
            if (res[i].kind == kind)
                res[i].addr = 0;
        }
        return false;
    }
    for (unsigned bus = 1; bus <= last_bus; bus++) {
        const struct pci_resource *w = bridge_window(res, count, kind, (uint8_t)bus);
        if (w)
            lay_out(res, count, kind, (uint8_t)bus, w->addr);
    }
    return true;
}

bool pcialloc_move_high(struct pci_resource *res, unsigned count)
{
    struct pci_resource *best = NULL;
    for (unsigned i = 0; i < count; i++) {
        struct pci_resource *r = &res[i];
        if (r->kind == PCI_KIND_MEM && r->is64 && !r->bus && !r->behind &&
            (!best || r->size > best->size))
            best = r;
    }
    if (best)
        best->kind = PCI_KIND_HIGH;
    return best != NULL;
}
