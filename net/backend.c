#include "net/backend.h"

#include "base/error.h"
#include "net/journal.h"
#include "net/pcap.h"
#include "net/segment.h"

#include <errno.h>
#include <string.h>

/*
 * Frames that one net_send() makes of packets it has to cut. A guest may ask for tens of thousands
 * (64 KiB with an MSS of 1); the rest goes from the main loop.
 */
#define FRAMES_BUDGET 512

void net_backend_init(struct net_backend *backend, const struct net_backend_ops *ops,
                      const char *id)
{
    *backend = (struct net_backend){ .ops = ops, .id = g_strdup(id) };
    journal_join(&backend->journal, "netdev", id, net_journal_play, backend);
}

void net_destroy(struct net_backend *backend)
{
    if (backend->nic_ops != NULL && net_journal_begin(backend, NET_EVENT_UNPLUGGED)) {
        backend->nic_ops->unplugged(backend->nic);
        journal_end(&backend->journal);
    }
    journal_leave(&backend->journal);
    net_detach(backend);
    g_slist_foreach(backend->captures, pcap_backend_gone, NULL);
    g_slist_free(backend->captures);
    g_free(backend->id);
    g_free(backend->info);
    backend->ops->destroy(backend);
}

int net_attach(struct net_backend *backend, const struct net_nic_ops *ops, void *nic,
               const char *name, GError **err)
{
    if (backend == NULL)
        return 0;
    if (backend->nic_ops != NULL)
        return fail(err, EBUSY, "netdev '%s' is in use by %s", backend->id, backend->nic_name);
    backend->nic_ops = ops;
    backend->nic = nic;
    backend->nic_name = name;
    net_receive_ready(backend);
    return 0;
}

void net_detach(struct net_backend *backend)
{
    if (backend == NULL)
        return;
    backend->nic_ops = NULL;
    net_send_cancel(backend);
    backend->rx_segment = 0;
}

/* ---- Sending ---- */

static bool can_do(unsigned offloads, const struct net_packet *packet)
{
    static const unsigned needs[] = {
        [NET_GSO_NONE] = NET_CAN_CHECKSUM,
        [NET_GSO_TCP4] = NET_CAN_TCP4,
        [NET_GSO_TCP6] = NET_CAN_TCP6,
    };

    if (!packet->offload.checksum)
        return true;
    return packet->offload.gso < G_N_ELEMENTS(needs) && packet->len <= UINT16_MAX &&
           (needs[packet->offload.gso] & offloads) != 0;
}

/* The packets at the front that an end with these abilities takes as they are. */
static unsigned plain_run(unsigned offloads, const struct net_packet *packets, unsigned n)
{
    unsigned run = 0;

    while (run < n && can_do(offloads, &packets[run]))
        run++;
    return run;
}

static unsigned send_plain(struct net_backend *backend, const struct net_packet *packets,
                           unsigned n)
{
    unsigned sent = backend->ops->send(backend, packets, n);

    for (unsigned i = 0; i < sent; i++) {
        backend->stats.tx_packets++;
        backend->stats.tx_bytes += packets[i].len;
    }
    if (backend->captures != NULL)
        pcap_packets(backend->captures, packets, sent);
    return sent;
}

static gboolean retry(gpointer opaque)
{
    struct net_backend *backend = opaque;

    backend->retry = 0;
    net_writable(backend);
    return G_SOURCE_REMOVE;
}

/* Cuts one packet; true when its last frame is out (or it was nonsense). */
static bool send_cut(struct net_backend *backend, const struct net_packet *packet, unsigned *budget)
{
    unsigned count = net_segment_count(packet);
    struct net_segments frames;

    if (count == 0)
        backend->stats.tx_dropped++;
    while (backend->tx_segment < count) {
        if (*budget == 0) {
            if (backend->retry == 0)
                backend->retry = g_idle_add_full(G_PRIORITY_DEFAULT, retry, backend, NULL);
            return false;
        }
        net_segment(packet, backend->tx_segment, &frames);
        unsigned n = MIN(frames.n, *budget);
        unsigned sent = send_plain(backend, frames.packets, n);
        backend->tx_segment += sent;
        *budget -= sent;
        if (sent < n)
            return false;
    }
    backend->tx_segment = 0;
    return true;
}

static bool link_up(const struct net_backend *backend)
{
    return backend->connected && !backend->unplugged;
}

static unsigned send_all(struct net_backend *backend, const struct net_packet *packets, unsigned n)
{
    unsigned done = 0;
    unsigned budget = FRAMES_BUDGET;

    if (!link_up(backend)) {
        backend->stats.tx_dropped += n;
        return n;
    }
    while (done < n) {
        unsigned run = plain_run(backend->offloads, packets + done, n - done);

        if (run > 0) {
            unsigned sent = send_plain(backend, packets + done, run);
            done += sent;
            if (sent < run)
                break;
        } else {
            if (!send_cut(backend, &packets[done], &budget))
                break;
            done++;
        }
    }
    return done;
}

unsigned net_send(struct net_backend *backend, const struct net_packet *packets, unsigned n)
{
    if (backend == NULL)
        return n;
    if (G_LIKELY(!journal_on()))
        return send_all(backend, packets, n);
    net_journal_sent(backend, packets, n);
    return (unsigned)journal_ask(&backend->journal, JOURNAL_NET_TAKEN,
                                 send_all(backend, packets, n));
}

void net_send_cancel(struct net_backend *backend)
{
    if (backend == NULL)
        return;
    backend->tx_segment = 0;
    if (backend->retry != 0)
        g_source_remove(backend->retry);
    backend->retry = 0;
}

void net_writable(struct net_backend *backend)
{
    if (backend->nic_ops == NULL || !net_journal_begin(backend, NET_EVENT_WRITABLE))
        return;
    backend->nic_ops->writable(backend->nic);
    journal_end(&backend->journal);
}

/* ---- Receiving ---- */

void net_receive_ready(struct net_backend *backend)
{
    if (backend != NULL)
        backend->ops->resume(backend);
}

bool net_can_deliver(const struct net_backend *backend)
{
    if (backend->unplugged)
        return true;
    return backend->nic_ops != NULL && backend->nic_ops->can_receive(backend->nic);
}

static unsigned deliver_plain(struct net_backend *backend, const struct net_packet *packets,
                              unsigned n)
{
    unsigned taken = net_journal_receive(backend, packets, n);

    for (unsigned i = 0; i < taken; i++) {
        backend->stats.rx_packets++;
        backend->stats.rx_bytes += packets[i].len;
    }
    if (backend->captures != NULL)
        pcap_packets(backend->captures, packets, taken);
    return taken;
}

static bool deliver_cut(struct net_backend *backend, const struct net_packet *packet)
{
    unsigned count = net_segment_count(packet);
    struct net_segments frames;

    if (count == 0)
        backend->stats.rx_dropped++;
    while (backend->rx_segment < count) {
        net_segment(packet, backend->rx_segment, &frames);
        unsigned taken = deliver_plain(backend, frames.packets, frames.n);
        backend->rx_segment += taken;
        if (taken < frames.n)
            return false;
    }
    backend->rx_segment = 0;
    return true;
}

unsigned net_deliver(struct net_backend *backend, const struct net_packet *packets, unsigned n)
{
    unsigned done = 0;

    if (backend->unplugged) {
        backend->rx_segment = 0;
        backend->stats.rx_dropped += n;
        return n;
    }
    while (done < n && net_can_deliver(backend)) {
        unsigned run = plain_run(backend->nic_ops->offloads, packets + done, n - done);

        if (run > 0) {
            unsigned taken = deliver_plain(backend, packets + done, run);
            done += taken;
            if (taken < run)
                break;
        } else {
            if (!deliver_cut(backend, &packets[done]))
                break;
            done++;
        }
    }
    return done;
}

/* ---- Link and filter ---- */

bool net_link_up(const struct net_backend *backend)
{
    return backend != NULL && journal_ask(&backend->journal, JOURNAL_NET_UP, link_up(backend)) != 0;
}

static void link_changed(struct net_backend *backend)
{
    if (backend->nic_ops != NULL && net_journal_begin(backend, NET_EVENT_LINK)) {
        backend->nic_ops->link_changed(backend->nic);
        journal_end(&backend->journal);
    }
    net_receive_ready(backend);
    net_writable(backend);
}

void net_set_link(struct net_backend *backend, bool up)
{
    if (backend->unplugged == !up)
        return;
    backend->unplugged = !up;
    if (backend->ops->link_set != NULL)
        backend->ops->link_set(backend);
    link_changed(backend);
}

void net_set_connected(struct net_backend *backend, bool connected)
{
    if (backend->connected == connected)
        return;
    backend->connected = connected;
    link_changed(backend);
}

void net_rx_filter_changed(struct net_backend *backend)
{
    if (backend != NULL && backend->rx_filter_changed != NULL)
        backend->rx_filter_changed(backend->rx_filter_opaque, backend);
}

void net_on_rx_filter_changed(struct net_backend *backend,
                              void (*fn)(void *opaque, struct net_backend *backend), void *opaque)
{
    backend->rx_filter_changed = fn;
    backend->rx_filter_opaque = opaque;
}

bool net_query_rx_filter(const struct net_backend *backend, struct net_rx_filter *filter)
{
    if (backend->nic_ops == NULL || backend->nic_ops->rx_filter == NULL)
        return false;
    backend->nic_ops->rx_filter(backend->nic, filter);
    return true;
}
