/*
 * A batch of packets being made of transmit descriptors, for e1000_tx.c (the ring and the wire) and
 * e1000_packet.c (what is in a packet).
 */
#ifndef HW_NET_E1000_TX_H
#define HW_NET_E1000_TX_H

#include "hw/net/e1000_internal.h"

#define TX_DESCRIPTORS 256 /* fetched at once, and at most in one packet */
#define TX_PACKETS     64
#define TX_SLICES      512 /* of all packets together */

struct tx_packet {
    uint32_t first;                  /* its first descriptor in the batch */
    struct e1000_context context[2]; /* as they were when it began */
    bool segmented;
    unsigned frames;
    size_t frame_len, last_len; /* of all frames but the last, and of the last */
};

/* A piece of guest memory that is mapped while the packets exist. */
struct tx_map {
    uint64_t gpa, len;
    void *host;
};

struct tx_batch {
    struct e1000_ring ring;
    uint32_t n_desc;
    unsigned n, n_maps, n_slices;
    bool full; /* the last packet did not fit in */
    uint8_t desc[TX_DESCRIPTORS][DESC_SIZE];
    struct net_packet packets[TX_PACKETS];
    struct tx_packet info[TX_PACKETS];
    struct tx_map maps[TX_SLICES];
    struct iovec slices[TX_SLICES];
    uint8_t headers[TX_PACKETS][NET_HEADER_MAX];
};

void e1000_tx_start(struct tx_batch *b, uint32_t n_desc);
bool e1000_tx_room(const struct tx_batch *b); /* for one more packet */

/*
 * Makes the packet of descriptors first to end-1. false: it is refused (a guest's mistake, which is
 * counted), or does not fit in (b->full) and has to wait for the next batch.
 */
bool e1000_tx_add(struct e1000 *d, struct tx_batch *b, uint32_t first, uint32_t end);

/* Lets go of the guest's memory. */
void e1000_tx_end(struct e1000 *d, struct tx_batch *b);

#endif
