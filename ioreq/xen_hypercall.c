/*
 * Hypercalls by number. Both belong to the ABI that Xen keeps stable for guests (public/memory.h,
 * public/hvm/hvm_op.h), so this needs no libxenctrl.
 */
#include <errno.h>

#include "ioreq/xen_internal.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define CHUNK_PAGES 512u

static int populate_chunk(struct xen_core *x, xen_pfn_t *frames, struct xen_memory_reservation *r,
                          uint64_t first, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        frames[i] = first + i;
    *r = (struct xen_memory_reservation){ .nr_extents = pages, .domid = x->domid };
    set_xen_guest_handle(r->extent_start, frames);
    long done = xencall2L(x->call, __HYPERVISOR_memory_op, XENMEM_populate_physmap, (uintptr_t)r);
    if (done < 0)
        return -errno;
    return done == (long)pages ? 0 : -ENOMEM; /* more than the toolstack allows the domain */
}

int xen_populate(struct xen_core *x, uint64_t gpa, uint64_t size)
{
    xen_pfn_t *frames = xencall_alloc_buffer(x->call, CHUNK_PAGES * sizeof(*frames));
    struct xen_memory_reservation *r = xencall_alloc_buffer(x->call, sizeof(*r));
    int rc = frames != NULL && r != NULL ? 0 : -ENOMEM;

    for (uint64_t page = 0; page < size / XEN_PAGE && rc == 0; page += CHUNK_PAGES)
        rc = populate_chunk(x, frames, r, gpa / XEN_PAGE + page,
                            (unsigned)MIN(CHUNK_PAGES, size / XEN_PAGE - page));
    xencall_free_buffer(x->call, r);
    xencall_free_buffer(x->call, frames);
    return rc;
}

int xen_set_sleep_state(struct xen_core *x, unsigned state)
{
    struct xen_hvm_param *param = xencall_alloc_buffer(x->call, sizeof(*param));

    if (param == NULL)
        return -ENOMEM;
    *param = (struct xen_hvm_param){ .domid = x->domid,
                                     .index = HVM_PARAM_ACPI_S_STATE,
                                     .value = state };
    int rc = xencall2(x->call, __HYPERVISOR_hvm_op, HVMOP_set_param, (uintptr_t)param);
    rc = rc < 0 ? -errno : 0;
    xencall_free_buffer(x->call, param);
    return rc;
}
