/*
 * The host's end of a NIC's cable: what a NIC sees of it, and what each kind of back end provides.
 *
 * Both ends push and both may refuse. net_send() says how many packets the back end took and the
 * NIC keeps the others until its writable() is called; receive() says how many the NIC took, and
 * the back end keeps the others, and does not read on, until net_receive_ready(). Nothing is queued
 * in between and nothing is copied. Receiving always starts from the main loop, never inside
 * net_send(): a NIC's transmit path cannot be re-entered by its receive path.
 *
 * Everything here runs with the machine lock held.
 */
#ifndef NET_BACKEND_H
#define NET_BACKEND_H

#include "base/journal.h"
#include "net/packet.h"

#include <glib.h>

/* What an end can do itself; a set of them is in net_backend.offloads and net_nic_ops.offloads. */
#define NET_CAN_CHECKSUM (1u << 0)
#define NET_CAN_TCP4     (1u << 1)
#define NET_CAN_TCP6     (1u << 2)

struct net_backend;

#define NET_VLANS       4096
#define NET_FILTER_MACS 32

/* The filter of a NIC as `query-rx-filter` shows it. */
struct net_rx_filter {
    bool promiscuous, broadcast, all_multicast, vlan_filter;
    uint8_t main_mac[6];
    uint8_t macs[NET_FILTER_MACS][6]; /* others that match exactly */
    unsigned n_macs;
    uint8_t vlans[NET_VLANS / 8]; /* a bit for each that is let in, if vlan_filter */
};

struct net_nic_ops {
    unsigned offloads; /* of received packets; all else is done before receive() sees them */

    /* Whether receive() would take a packet now; while it would not, the back end is not read. */
    bool (*can_receive)(void *nic);

    /*
     * Offers n >= 1 packets, valid during the call; returns how many were taken, which includes
     * those that the NIC's own filter then threw away. After less than n it owes a
     * net_receive_ready(). The call is one burst: interrupts and write-backs once, at its end.
     */
    unsigned (*receive)(void *nic, const struct net_packet *packets, unsigned n);

    /* After a net_send() that took less than it was offered: try again now. */
    void (*writable)(void *nic);

    /* The cable's state changed; net_link_up() tells. */
    void (*link_changed)(void *nic);

    /* The back end goes away (netdev_del): forget the pointer. */
    void (*unplugged)(void *nic);

    /* Fills *filter. NULL: not known. */
    void (*rx_filter)(void *nic, struct net_rx_filter *filter);
};

/* ---- For the NIC. A NIC without a cable has NULL for a back end, which every function takes. ----
 */

/* Connects the NIC; name (its device id) is borrowed. -EBUSY if there is one already. */
int net_attach(struct net_backend *backend, const struct net_nic_ops *ops, void *nic,
               const char *name, GError **err);
void net_detach(struct net_backend *backend);

/*
 * Sends packets in order; returns how many were taken (and need not be kept). After less than n,
 * writable() will be called, and the NIC has to offer the first packet not taken again, since some
 * of its frames may be out already; or it calls net_send_cancel() to give that packet up (reset).
 * Work left undone (`offload`) that the back end cannot do is done on the way.
 */
unsigned net_send(struct net_backend *backend, const struct net_packet *packets, unsigned n);
void net_send_cancel(struct net_backend *backend);

/* The NIC has room for packets again. Returns at once; packets arrive from the main loop. */
void net_receive_ready(struct net_backend *backend);

/* The NIC's address, VLAN or promiscuous filter changed. */
void net_rx_filter_changed(struct net_backend *backend);

/* Whether there is a cable, connected at the other end, that set_link has not unplugged. */
bool net_link_up(const struct net_backend *backend);

/* ---- For management. ---- */

/* Counted at the cable: frames for tx and rx as the guest sees the direction. */
struct net_stats {
    uint64_t tx_packets, tx_bytes, tx_dropped;
    uint64_t rx_packets, rx_bytes, rx_dropped;
};

/* set_link: unplugs the cable or plugs it in. */
void net_set_link(struct net_backend *backend, bool up);
/* false if there is no NIC or it does not tell. */
bool net_query_rx_filter(const struct net_backend *backend, struct net_rx_filter *filter);
/* fn is called on each net_rx_filter_changed(); NULL: nobody. */
void net_on_rx_filter_changed(struct net_backend *backend,
                              void (*fn)(void *opaque, struct net_backend *backend), void *opaque);
void net_destroy(struct net_backend *backend);

/* ---- For the kinds of back end. ---- */

struct net_backend_ops {
    const char *kind; /* "tap" */

    /* As net_send(); only packets whose work left undone is within `offloads`. */
    unsigned (*send)(struct net_backend *backend, const struct net_packet *packets, unsigned n);

    /* The NIC can receive (again): read, from the main loop. */
    void (*resume)(struct net_backend *backend);

    /* The cable was unplugged or plugged in by set_link; NULL: nothing to tell. */
    void (*link_set)(struct net_backend *backend);

    /* Frees everything including the struct's memory; net_release() was called before. */
    void (*destroy)(struct net_backend *backend);
};

struct pcap;

/* Embedded as first member in each back end's own struct. */
struct net_backend {
    const struct net_backend_ops *ops;
    char *id;
    char *info;        /* one line for a person: "ifname=tap0" */
    unsigned offloads; /* of sent packets */
    bool connected;    /* the other end is there */
    bool unplugged;    /* by set_link */
    const struct net_nic_ops *nic_ops;
    void *nic;
    const char *nic_name;
    GSList *captures; /* struct pcap, of pcap.h; not owned */
    struct net_stats stats;
    struct journal_source journal;
    unsigned tx_segment, rx_segment; /* frames of the packet at the front that went already */
    guint retry;                     /* source that calls writable(), or 0 */
    void (*rx_filter_changed)(void *opaque, struct net_backend *backend);
    void *rx_filter_opaque;
};

/* The back end of a replay (base/journal.h): what comes from the host, the recording has. */
struct net_backend *net_replay_create(const char *id);

/* Sets up the common part; id is copied. */
void net_backend_init(struct net_backend *backend, const struct net_backend_ops *ops,
                      const char *id);

/* Whether the NIC wants packets. While the cable is unplugged packets are wanted, and vanish. */
bool net_can_deliver(const struct net_backend *backend);

/*
 * Hands packets to the NIC, from the main loop only; returns how many are done with. The others, of
 * which some frames may have been delivered, must be offered again after ops->resume().
 */
unsigned net_deliver(struct net_backend *backend, const struct net_packet *packets, unsigned n);

/* After a refusing ops->send(): there is room again. */
void net_writable(struct net_backend *backend);

/* The other end came or went. */
void net_set_connected(struct net_backend *backend, bool connected);

#endif
