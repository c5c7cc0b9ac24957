/*
 * The work of `struct net_offload` in software: cutting a large packet into frames and filling in
 * checksums, for a receiver that cannot do it. Payload is never copied: a frame is a private copy
 * of the headers followed by slices of the packet.
 *
 * The rules of cutting are those of Intel's 8254x (SDM rev 4.0, 3.5) and of Linux alike: each frame
 * repeats the headers, with its own IP length, an IPv4 identification that counts up, its own
 * sequence number, and FIN and PSH on the last frame only.
 */
#ifndef NET_SEGMENT_H
#define NET_SEGMENT_H

#include "net/packet.h"

#define NET_SEGMENTS 16 /* frames made at once */

struct net_segments {
    unsigned n;
    struct net_packet packets[NET_SEGMENTS];
    uint8_t headers[NET_SEGMENTS][NET_HEADER_MAX];
    struct iovec slices[NET_SLICES_MAX + 2 * NET_SEGMENTS];
};

/*
 * The number of frames that the packet makes: 1 if it is not to be cut, 0 if its offload is
 * nonsense (an offset outside the packet or the header, no MSS) and it has to be dropped.
 */
unsigned net_segment_count(const struct net_packet *packet);

/*
 * Makes the frames number `first` (below net_segment_count()) and following, as many as fit. They
 * point into *out and into the packet.
 */
void net_segment(const struct net_packet *packet, unsigned first, struct net_segments *out);

#endif
