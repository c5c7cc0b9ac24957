/*
 * The Xen core: an ioreq server for one HVM domain. Xen runs the guest and emulates its interrupt
 * controllers, PIT, RTC, HPET and PM timer; the toolstack builds its memory and loads the firmware.
 *
 * It stands on Xen's stable libraries (libxendevicemodel, libxenforeignmemory, libxenevtchn,
 * libxencall); nothing here depends on the hypervisor's version. Sources: the comments in Xen's
 * public headers (hvm/dm_op.h, hvm/ioreq.h, memory.h) and in those of the libraries.
 */
#ifndef IOREQ_XEN_H
#define IOREQ_XEN_H

#include "ioreq/core.h"

struct xen_config {
    unsigned domid;
    unsigned max_cpus; /* where Xen cannot be asked */
    uint64_t ram_size; /* bytes, without video memory */
    uint64_t low_ram;  /* how much of it may be below 4 GiB; 0: the usual */
    bool incoming;     /* a state will be loaded: video memory is in the domain already */
    /*
     * The guest moved Xen's RTC by so many seconds since the last call; a few times a second at
     * most. May be NULL.
     */
    void (*time_offset)(void *opaque, int64_t seconds);
    void *opaque;
};

/* Opens the interfaces and makes an ioreq server. NULL and a sentence where that fails. */
struct core *xen_core_create(const struct xen_config *config, GError **err);

/*
 * From now on this process can do nothing to any domain but its own. After the machine was created;
 * what needs more (memory for another frame buffer, S3) fails then. 0 or -errno and a sentence.
 */
int xen_core_restrict(struct core *core, GError **err);

/* Whether Xen is told of the memory that devices write: for live migration. */
void xen_core_log_dirty(struct core *core, bool on);

#endif
