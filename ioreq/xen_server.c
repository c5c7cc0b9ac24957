/*
 * The ioreq server: two pages shared with Xen, an event channel for each vCPU and one for the ring,
 * and the thread that answers.
 *
 * A request in the page goes through four states: Xen makes it READY, we make it INPROCESS and,
 * with the answer in it, IORESP_READY; Xen takes it and makes it NONE. All that is in the pages is
 * copied once and then checked. Writes that Xen buffered come before every request that waits for
 * an answer: the guest made them earlier.
 *
 * An event that finds the thread asleep costs two switches of the scheduler. So where events follow
 * one another at once the thread looks at the page for a while before it sleeps.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "ioreq/xen_internal.h"

#include <xen/memory.h>

enum { STATE_NONE, STATE_READY, STATE_INPROCESS, STATE_RESPONSE };

#define RING_REST_MS 10    /* events for the ring come at most so often */
#define TIME_REST_MS 500   /* so does the news that the guest moved its clock */
#define SPIN_NS      20000 /* how long to look for the next request before sleeping */
#define SPIN_AFTER   8 /* wake-ups within that time, one after the other, that make it worthwhile */

/* ---- The guest's clock ---- */

void xen_server_tell_time(struct xen_core *x)
{
    int64_t seconds = (int64_t)x->time_moved;

    x->time_moved = 0;
    if (seconds != 0 && x->config.time_offset != NULL)
        x->config.time_offset(x->config.opaque, seconds);
}

static gboolean tell_the_rest(gpointer opaque)
{
    struct xen_core *x = opaque;

    x->time_rest = 0;
    xen_server_tell_time(x);
    return G_SOURCE_REMOVE;
}

/* A guest may move its clock in a loop. Each is a difference to what was before: none is lost. */
static void time_moved(struct xen_core *x, uint64_t seconds)
{
    x->time_moved += seconds;
    if (x->time_rest != 0 || x->time_moved == 0)
        return;
    xen_server_tell_time(x);
    x->time_rest = g_timeout_add(TIME_REST_MS, tell_the_rest, x);
}

/* ---- Requests ---- */

static void perform(struct xen_core *x, struct ioreq *req)
{
    switch (req->type) {
    case IOREQ_TYPE_INVALIDATE: xen_cache_invalidate(x); break;
    case IOREQ_TYPE_TIMEOFFSET: time_moved(x, req->data); break;
    default: ioreq_dispatch(x->core.dispatch, req); break;
    }
}

/* At most what the ring holds now: a guest that fills it meanwhile waits for its turn. */
void xen_server_drain(struct xen_core *x)
{
    struct ioreq req;

    for (unsigned i = 0; i < XEN_RING_SLOTS && xen_ring_take(x->ring, &req); i++)
        perform(x, &req);
}

static bool ready(const struct xen_core *x, unsigned vcpu)
{
    uint8_t flags = __atomic_load_n(&x->request[vcpu].flags, __ATOMIC_ACQUIRE);

    return (flags & IOREQ_STATE_MASK) == STATE_READY;
}

static void set_state(struct ioreq *slot, uint8_t flags, uint8_t state)
{
    flags = (uint8_t)((flags & ~IOREQ_STATE_MASK) | state);
    __atomic_store_n(&slot->flags, flags, __ATOMIC_RELEASE);
}

static void answer(struct xen_core *x, unsigned vcpu)
{
    struct ioreq *slot = &x->request[vcpu], req = *slot;
    uint8_t flags = req.flags;

    set_state(slot, flags, STATE_INPROCESS);
    req.flags &= (uint8_t)~IOREQ_STATE_MASK;
    xen_server_drain(x);
    perform(x, &req);
    slot->data = req.data;
    set_state(slot, flags, STATE_RESPONSE);
    xenevtchn_notify(x->evtchn, x->port[vcpu]);
}

static void serve(struct xen_core *x)
{
    for (unsigned vcpu = 0; vcpu < x->n_vcpus; vcpu++)
        if (ready(x, vcpu))
            answer(x, vcpu);
    xen_server_drain(x);
}

/* ---- Waiting ---- */

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool any_ready(const struct xen_core *x)
{
    for (unsigned vcpu = 0; vcpu < x->n_vcpus; vcpu++)
        if (ready(x, vcpu))
            return true;
    return false;
}

static bool spin(struct xen_core *x)
{
    if (x->spin_ns == 0)
        return any_ready(x);
    for (int64_t end = now_ns() + x->spin_ns; now_ns() < end;)
        if (any_ready(x))
            return true;
    x->spin_ns = 0; /* in vain: the guest has better to do, or it has no CPU while we have it */
    x->quick_wakes = 0;
    return false;
}

static void woken(struct xen_core *x)
{
    x->quick_wakes = now_ns() - x->slept_at < SPIN_NS ? x->quick_wakes + 1 : 0;
    if (x->quick_wakes >= SPIN_AFTER)
        x->spin_ns = SPIN_NS;
}

/*
 * The event is unmasked before the request is read, so that one that comes in between is not lost.
 * The ring's stays masked for a while: its writes come in great numbers and nobody waits for them.
 */
static void take_event(struct xen_core *x)
{
    xenevtchn_port_or_error_t port = xenevtchn_pending(x->evtchn);

    if (port < 0)
        return;
    if ((evtchn_port_t)port == x->ring_port)
        x->ring_masked = true;
    else
        xenevtchn_unmask(x->evtchn, (evtchn_port_t)port);
}

static void wait_for_work(struct xen_core *x)
{
    struct pollfd fds[] = { { xenevtchn_fd(x->evtchn), POLLIN, 0 }, { x->wake_fd, POLLIN, 0 } };
    eventfd_t ignored;

    if (spin(x))
        return;
    x->slept_at = now_ns();
    int n = poll(fds, G_N_ELEMENTS(fds), x->ring_masked ? RING_REST_MS : -1);
    if (n == 0 && x->ring_masked) {
        x->ring_masked = false;
        xenevtchn_unmask(x->evtchn, x->ring_port);
    }
    if (n > 0 && fds[0].revents != 0) {
        woken(x);
        take_event(x);
    }
    if (n > 0 && fds[1].revents != 0)
        eventfd_read(x->wake_fd, &ignored);
}

static void *event_thread(void *opaque)
{
    struct xen_core *x = opaque;

    machine_lock();
    while (!x->quit) {
        machine_unlock();
        wait_for_work(x);
        machine_lock();
        while (x->paused && !x->quit)
            machine_wait(&x->resumed);
        if (!x->quit)
            serve(x);
    }
    machine_unlock();
    return NULL;
}

void xen_server_wake(struct xen_core *x)
{
    pthread_cond_broadcast(&x->resumed);
    eventfd_write(x->wake_fd, 1);
}

/* ---- Life ---- */

static int map_pages(struct xen_core *x, GError **err)
{
    void *addr = NULL;

    x->pages = xenforeignmemory_map_resource(x->fmem, x->domid, XENMEM_resource_ioreq_server,
                                             x->server, 0, 2, &addr, PROT_READ | PROT_WRITE, 0);
    if (x->pages == NULL)
        return fail_errno(err, errno, "-accel xen: the ioreq server's pages");
    x->ring = addr;
    x->request = (struct ioreq *)((uint8_t *)addr + XEN_PAGE);
    return 0;
}

int xen_server_create(struct xen_core *x, GError **err)
{
    if (xendevicemodel_create_ioreq_server(x->dmod, x->domid, HVM_IOREQSRV_BUFIOREQ_ATOMIC,
                                           &x->server) < 0)
        return fail_errno(err, errno, "-accel xen: an ioreq server for domain %u", x->domid);
    x->created = true;
    if (xendevicemodel_nr_vcpus(x->dmod, x->domid, &x->n_vcpus) < 0)
        x->n_vcpus = x->config.max_cpus;
    if (x->n_vcpus < 1 || x->n_vcpus > XEN_MAX_CPUS)
        return fail(err, ERANGE, "-accel xen: domain %u has %u vCPUs, not 1 to %u", x->domid,
                    x->n_vcpus, XEN_MAX_CPUS);
    x->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (x->wake_fd < 0)
        return fail_errno(err, errno, "-accel xen: eventfd");
    return map_pages(x, err);
}

static int bind_port(struct xen_core *x, evtchn_port_t remote, evtchn_port_t *local, GError **err)
{
    xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(x->evtchn, x->domid, remote);

    if (port < 0)
        return fail_errno(err, errno, "-accel xen: event channel %u of domain %u", remote,
                          x->domid);
    *local = (evtchn_port_t)port;
    return 0;
}

/* The channels are there only when the server is enabled. */
int xen_server_start(struct xen_core *x, GError **err)
{
    evtchn_port_t remote;

    if (xendevicemodel_get_ioreq_server_info(x->dmod, x->domid, x->server, NULL, NULL, &remote) < 0)
        return fail_errno(err, errno, "-accel xen: the ioreq server's ring");
    if (xendevicemodel_set_ioreq_server_state(x->dmod, x->domid, x->server, 1) < 0)
        return fail_errno(err, errno, "-accel xen: enabling the ioreq server");
    int rc = bind_port(x, remote, &x->ring_port, err);
    for (unsigned vcpu = 0; vcpu < x->n_vcpus && rc == 0; vcpu++)
        rc = bind_port(x, x->request[vcpu].vp_eport, &x->port[vcpu], err);
    if (rc < 0)
        return rc;
    rc = pthread_create(&x->thread, NULL, event_thread, x);
    if (rc != 0)
        return fail_errno(err, rc, "-accel xen: a thread");
    pthread_setname_np(x->thread, "ioreq");
    x->started = true;
    return 0;
}

void xen_server_stop(struct xen_core *x)
{
    if (x->started) {
        x->quit = true;
        xen_server_wake(x);
        machine_unlock();
        pthread_join(x->thread, NULL);
        machine_lock();
    }
    if (x->time_rest != 0)
        g_source_remove(x->time_rest);
    xen_server_tell_time(x);
    if (x->pages != NULL)
        xenforeignmemory_unmap_resource(x->fmem, x->pages);
    if (x->created)
        xendevicemodel_destroy_ioreq_server(x->dmod, x->domid, x->server);
    if (x->wake_fd >= 0)
        close(x->wake_fd);
}
