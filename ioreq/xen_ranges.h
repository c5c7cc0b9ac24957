/*
 * What of the bus is claimed from the hypervisor. Regions may overlap, while a hypervisor takes
 * each address once: it is told of the pieces that nobody claimed before, or claims any more.
 */
#ifndef IOREQ_XEN_RANGES_H
#define IOREQ_XEN_RANGES_H

#include <glib.h>

#include "hw/core/bus.h"

struct xen_ranges {
    GPtrArray *regions; /* const struct region *, mapped */
    /* A piece, last address included, is claimed from now on, or no longer. */
    void (*changed)(void *opaque, enum bus_space space, uint64_t first, uint64_t last,
                    bool claimed);
    void *opaque;
};

void xen_ranges_init(struct xen_ranges *ranges,
                     void (*changed)(void *opaque, enum bus_space space, uint64_t first,
                                     uint64_t last, bool claimed),
                     void *opaque);
void xen_ranges_clear(struct xen_ranges *ranges); /* tells nobody */

void xen_ranges_add(struct xen_ranges *ranges, const struct region *region);
void xen_ranges_remove(struct xen_ranges *ranges, const struct region *region);

#endif
