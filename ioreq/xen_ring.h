/*
 * The ring of buffered ioreqs: writes for which Xen does not make the guest wait (Xen public
 * headers, hvm/ioreq.h, struct buffered_iopage).
 */
#ifndef IOREQ_XEN_RING_H
#define IOREQ_XEN_RING_H

#include <stdbool.h>

#include "ioreq/ioreq.h"

#define XEN_RING_SLOTS 511

/* The page shared with Xen. The pointers run free; a slot's index is the pointer modulo 511. */
struct xen_ring {
    uint32_t read_pointer, write_pointer;
    /* bits 0-7 type, 9 read, 10-11 log2 of the size, 12-31 address, 32-63 data */
    uint64_t slot[XEN_RING_SLOTS];
};

static_assert(sizeof(struct xen_ring) == 4096, "a page");

bool xen_ring_empty(const struct xen_ring *ring);

/*
 * Takes the oldest request and frees its slots. False: there is none, or the page holds nonsense,
 * which is left alone.
 */
bool xen_ring_take(struct xen_ring *ring, struct ioreq *req);

#endif
