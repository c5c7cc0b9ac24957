/*
 * Packets as they travel between a NIC and its back end: slices of memory that is not copied.
 *
 * A packet is an Ethernet frame without preamble and FCS. It may come with work left undone, which
 * is what `struct net_offload` says: a checksum still to be filled in, or one large packet still to
 * be cut into frames. A side that cannot do the work never sees such a packet (backend.h).
 */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The longest frame that any back end carries: 64 KiB of IP packet and ample headers. */
#define NET_FRAME_MAX (65536 + 4096)

/* The longest headers (Ethernet to TCP) of a packet that is to be cut or patched. */
#define NET_HEADER_MAX 320

/* The most slices of one packet. */
#define NET_SLICES_MAX 256

enum net_gso { NET_GSO_NONE, NET_GSO_TCP4, NET_GSO_TCP6, NET_GSO_UDP4, NET_GSO_UDP6 };

/*
 * Work left undone; all zeroes: none. Offsets count from the frame's first byte. The checksum field
 * holds the folded, not complemented, sum of the pseudo header with the length of the whole packet;
 * where a packet is to be cut, its IP length fields may hold anything.
 */
struct net_offload {
    bool verified; /* the sender knows that all checksums are right */
    bool checksum; /* the sum from l4 to the end is still to be stored at checksum_at */
    uint8_t gso;   /* enum net_gso: if not NONE, to be cut; checksum is true */
    uint16_t l3;   /* IP header; needed for gso only */
    uint16_t l4;   /* TCP or UDP header */
    uint16_t checksum_at;
    uint16_t header; /* gso: length of all headers, which each frame repeats */
    uint16_t mss;    /* gso: payload of each frame but the last */
};

struct net_packet {
    const struct iovec *slices;
    unsigned n_slices; /* 1 to NET_SLICES_MAX; with work left undone, less than that */
    size_t len;        /* of all slices together */
    struct net_offload offload;
};

/* Copies up to len bytes that start at offset to `to`; returns how many there were. */
size_t net_packet_read(const struct net_packet *packet, size_t offset, void *to, size_t len);

/*
 * Makes in out[] the slices for the bytes from offset on, at most len of them, in at most n slices.
 * Returns the number of slices and stores the number of bytes they hold in *got.
 */
unsigned net_packet_slice(const struct net_packet *packet, size_t offset, size_t len,
                          struct iovec *out, unsigned n, size_t *got);

/*
 * The Internet checksum (RFC 1071) in pieces: net_sum() adds len bytes to a running sum, whose
 * first byte stands at an odd place if `odd`; net_sum_fold() makes 16 bits of it, in host order of
 * the big-endian words, not complemented.
 */
uint64_t net_sum(uint64_t sum, const void *data, size_t len, bool odd);
uint16_t net_sum_fold(uint64_t sum);

/* The folded sum of a packet's bytes from offset to its end. */
uint16_t net_packet_sum(const struct net_packet *packet, size_t offset);

#endif
