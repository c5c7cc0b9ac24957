/*
 * From an ioreq to the device: the one way in for every core.
 *
 * Repetition, direction and values in guest memory are unrolled here once for all devices. All
 * fields are hostile: absurd sizes, counts and pointers do nothing worse than read all ones.
 */
#ifndef IOREQ_DISPATCH_H
#define IOREQ_DISPATCH_H

#include "base/journal.h"
#include "ioreq/ioreq.h"

struct bus;
struct memmap;
struct pci_bus;

struct dispatch {
    struct bus *bus;
    struct memmap *mem;
    struct pci_bus *pci; /* NULL: no PCI */
    struct journal_source journal;
    uint64_t refused; /* requests that made no sense */
};

/*
 * Performs the request and leaves a read's value in req->data. The caller hands over a private
 * copy, and holds the machine lock. INVALIDATE and TIMEOFFSET are the core's own matter and are
 * refused here.
 */
void ioreq_dispatch(struct dispatch *d, struct ioreq *req);

/* Joins the journal, where there is one, as the place where accesses come from; and leaves it. */
void dispatch_join(struct dispatch *d);
void dispatch_leave(struct dispatch *d);

/*
 * The repetitions of one request are bounded: a core cuts longer ones, as Xen and KVM do by the
 * page. What is beyond is refused as a whole.
 */
#define IOREQ_MAX_COUNT (1u << 16)

#endif
