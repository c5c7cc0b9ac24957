/* Shared by the files of the Xen core only. */
#ifndef IOREQ_XEN_INTERNAL_H
#define IOREQ_XEN_INTERNAL_H

#include <pthread.h>
#include <xencall.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include "base/log.h"
#include "ioreq/xen.h"
#include "ioreq/xen_ranges.h"
#include "ioreq/xen_ring.h"

#define XEN_MAX_CPUS 128 /* so many ioreqs fit in the page */
#define XEN_PAGE     4096u

/* ---- Guest memory for DMA (xen_memory.c) ---- */

#define CACHE_BUCKET_PAGES 64u /* mapped together */
#define CACHE_BUCKETS      2048u
#define CACHE_BUCKET_SIZE  ((uint64_t)CACHE_BUCKET_PAGES * XEN_PAGE)

struct xen_bucket {
    uint64_t index; /* guest-physical address / CACHE_BUCKET_SIZE */
    uint64_t valid; /* a bit per page that could be mapped */
    unsigned users; /* mappings handed out */
    bool mapped;
    bool current; /* found by its index; not after Xen said that the guest's memory changed */
    bool touched; /* since the clock hand went by */
};

struct xen_cache {
    uint8_t *base;       /* CACHE_BUCKETS * CACHE_BUCKET_SIZE of address space */
    GHashTable *current; /* index -> bucket */
    unsigned hand;       /* where the search for a bucket to reuse goes on */
    struct xen_bucket bucket[CACHE_BUCKETS];
};

/* ---- Frame buffers and ROMs (xen_blocks.c) ---- */

/* A block of the guest's own pages. While the guest does not see it, it is parked above its RAM. */
struct xen_vram {
    struct mem_block *block;
    uint64_t parking; /* guest-physical */
    uint64_t at;      /* where the pages are now */
    bool present;     /* block->host shows them */
    uint8_t *written; /* a bit per page that its device wrote, and Xen's log does not know */
};

/* ---- The whole ---- */

struct xen_core {
    struct core core;
    struct xen_config config;
    domid_t domid;
    unsigned n_vcpus; /* of the domain, online or not */

    xendevicemodel_handle *dmod;
    xenforeignmemory_handle *fmem;
    xenevtchn_handle *evtchn;
    xencall_handle *call;

    bool created; /* the server is there */
    ioservid_t server;
    xenforeignmemory_resource_handle *pages;
    struct xen_ring *ring;
    struct ioreq *request; /* by vCPU */
    evtchn_port_t port[XEN_MAX_CPUS], ring_port;

    pthread_t thread;
    bool started, quit;
    bool paused;      /* no request is served */
    bool ending;      /* the domain was told to shut down: its last requests are still served */
    bool asleep;      /* S3 */
    bool ring_masked; /* no event for the ring until it was looked at again */
    int wake_fd;      /* the thread leaves poll() */
    pthread_cond_t resumed;
    int64_t spin_ns, slept_at; /* see xen_server.c */
    unsigned quick_wakes;
    uint64_t time_moved; /* seconds, signed and wrapping: not told yet */
    guint time_rest;     /* GLib source; 0: news of the clock may be told at once */

    struct xen_ranges ranges;
    struct xen_cache cache;
    GArray *vram;     /* struct xen_vram */
    GHashTable *roms; /* see ioreq/rom.h */
    bool loading;     /* config.incoming, until the first resume */
    bool log_dirty;
    struct log_limit limit;
    struct log_topic trace;
};

/* xen_server.c: 0 or -errno and a sentence; stop undoes what was done. */
int xen_server_create(struct xen_core *x, GError **err);
int xen_server_start(struct xen_core *x, GError **err);
void xen_server_stop(struct xen_core *x);
void xen_server_drain(struct xen_core *x);
void xen_server_wake(struct xen_core *x);
/* What is left of config.time_offset's news, at once: the domain may not live much longer. */
void xen_server_tell_time(struct xen_core *x);

/* xen_memory.c */
int xen_cache_create(struct xen_core *x, GError **err);
void xen_cache_destroy(struct xen_core *x);
void xen_cache_invalidate(struct xen_core *x);
void *xen_memory_map(void *core, uint64_t gpa, uint64_t *len, bool write);
void xen_memory_unmap(void *core, void *host, uint64_t len);
void xen_memory_written(void *core, uint64_t gpa, uint64_t len);

/* xen_blocks.c: as struct mem_ops has it. */
int xen_blocks_adopt(struct xen_core *x, GError **err);
void xen_blocks_loaded(struct xen_core *x);
void xen_blocks_destroy(struct xen_core *x);
int xen_block_map(void *core, struct mem_block *block);
void xen_block_unmap(void *core, struct mem_block *block);
int xen_block_dirty(void *core, struct mem_block *block, uint8_t *bitmap);
void xen_block_written(void *core, struct mem_block *block, uint64_t offset, uint64_t len);
void xen_blocks_log(struct xen_core *x);

/* xen_hypercall.c: what no library offers by itself. 0 or -errno. */
int xen_populate(struct xen_core *x, uint64_t gpa, uint64_t size);
int xen_set_sleep_state(struct xen_core *x, unsigned state);

#endif
