/*
 * From an ioreq to the device: the one way in for every core.
 *
 * Repetition, direction and values in guest memory are unrolled here once for all devices. All
 * fields are hostile: absurd sizes, counts and pointers do nothing worse than read all ones.
 */
#ifndef IOREQ_DISPATCH_H
#define IOREQ_DISPATCH_H

#include "ioreq/ioreq.h"

struct bus;
struct memmap;
struct pci_bus;

/* Sees every request after it was answered (a read's value is in it); for recording. */
struct dispatch_observer {
    void (*done)(void *opaque, const struct ioreq *req);
    void *opaque;
};

struct dispatch {
    struct bus *bus;
    struct memmap *mem;
    struct pci_bus *pci; /* NULL: no PCI */
    struct dispatch_observer observer;
    uint64_t refused; /* requests that made no sense */
};

/*
 * Performs the request and leaves a read's value in req->data. The caller hands over a private
 * copy, and holds the machine lock. INVALIDATE and TIMEOFFSET are the core's own matter and are
 * refused here.
 */
void ioreq_dispatch(struct dispatch *d, struct ioreq *req);

/*
 * The repetitions of one request are bounded: a core cuts longer ones, as Xen and KVM do by the
 * page. What is beyond is refused as a whole.
 */
#define IOREQ_MAX_COUNT (1u << 16)

#endif
