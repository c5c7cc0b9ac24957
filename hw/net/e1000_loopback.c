/*
 * Loopback, in the MAC (RCTL.LBM) or in the PHY: what is sent comes back in. The frames wait in a
 * queue and come in from a timer, so that receiving never runs inside of transmitting.
 */
#include "hw/net/e1000_internal.h"

#include "net/segment.h"

#define QUEUE_BYTES (256u << 10) /* then the transmitter waits; the drivers' tests send 64 KiB */

bool e1000_loopback_on(const struct e1000 *d)
{
    return (d->rctl & RCTL_LBM) != 0 || (d->phy[PHY_PCTRL] & PCTRL_LOOPBACK) != 0;
}

static void queue_frame(struct e1000 *d, const struct net_packet *frame)
{
    guint8 *copy = g_malloc(frame->len);

    net_packet_read(frame, 0, copy, frame->len);
    g_queue_push_tail(&d->loopback, g_bytes_new_take(copy, frame->len));
    d->loopback_bytes += frame->len;
}

/* A packet to be cut is queued whole: it is too rare here to be worth resuming in its middle. */
static void queue_packet(struct e1000 *d, const struct net_packet *packet)
{
    unsigned count = net_segment_count(packet);
    struct net_segments frames;

    for (unsigned i = 0; i < count && d->loopback_bytes < 2 * QUEUE_BYTES; i += frames.n) {
        net_segment(packet, i, &frames);
        for (unsigned k = 0; k < frames.n; k++)
            queue_frame(d, &frames.packets[k]);
    }
}

unsigned e1000_loopback_send(struct e1000 *d, const struct net_packet *packets, unsigned n)
{
    unsigned done = 0;

    while (done < n && d->loopback_bytes < QUEUE_BYTES)
        queue_packet(d, &packets[done++]);
    e1000_loopback_resume(d);
    return done;
}

static bool receive_first(struct e1000 *d)
{
    gsize len;
    GBytes *frame = g_queue_peek_head(&d->loopback);
    const void *bytes = g_bytes_get_data(frame, &len);
    struct iovec slice = { (void *)(uintptr_t)bytes, len };
    struct net_packet packet = { &slice, 1, len, { 0 } };

    if (e1000_store(d, &packet, 1) == 0)
        return false;
    d->loopback_bytes -= len;
    g_bytes_unref(g_queue_pop_head(&d->loopback));
    return true;
}

static void deliver(void *opaque)
{
    struct e1000 *d = opaque;

    while (!g_queue_is_empty(&d->loopback) && e1000_loopback_on(d) && (d->rctl & RCTL_EN) != 0 &&
           receive_first(d))
        ;
    if (!e1000_loopback_on(d))
        e1000_loopback_clear(d); /* the wire's end was moved while they travelled */
    if (d->loopback_bytes < QUEUE_BYTES)
        e1000_transmit(d);
}

/* Frames may go on, or loopback was switched on or off. */
void e1000_loopback_resume(struct e1000 *d)
{
    if (!g_queue_is_empty(&d->loopback) && !timer_armed(&d->loopback_timer))
        timer_set(&d->loopback_timer, clock_now(d->pci.dev.services->clock));
}

void e1000_loopback_clear(struct e1000 *d)
{
    timer_cancel(&d->loopback_timer);
    g_queue_clear_full(&d->loopback, (GDestroyNotify)g_bytes_unref);
    d->loopback_bytes = 0;
}

void e1000_loopback_init(struct e1000 *d)
{
    g_queue_init(&d->loopback);
    timer_init(&d->loopback_timer, d->pci.dev.services->clock, deliver, d);
}
