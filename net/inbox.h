/*
 * Packets that a back end has read and the NIC has not taken yet, in one buffer that is read into
 * until it is full and delivered from without a copy.
 */
#ifndef NET_INBOX_H
#define NET_INBOX_H

#include "net/backend.h"

#define INBOX_PACKETS 64
#define INBOX_SIZE    (2 * NET_FRAME_MAX)

struct inbox {
    uint8_t *bytes; /* INBOX_SIZE; pages that no packet has touched cost nothing */
    size_t used;
    unsigned n, delivered;
    struct iovec slices[INBOX_PACKETS];
    struct net_packet packets[INBOX_PACKETS];
};

void inbox_init(struct inbox *inbox);
void inbox_release(struct inbox *inbox);

/* Where the next packet of up to NET_FRAME_MAX bytes may be read to, or NULL: deliver first. */
uint8_t *inbox_room(struct inbox *inbox);

/* What was read there is a packet of len (<= NET_FRAME_MAX) bytes. */
void inbox_add(struct inbox *inbox, size_t len, const struct net_offload *offload);

/* Delivers; true when nothing is left and the inbox is empty again. */
bool inbox_deliver(struct inbox *inbox, struct net_backend *backend);

#endif
