#include "net/segment.h"

#include "base/bytes.h"

#include <glib.h>

#define IP4_LENGTH   2
#define IP4_ID       4
#define IP4_CHECKSUM 10
#define IP6_LENGTH   4
#define IP6_HEADER   40
#define TCP_SEQUENCE 4
#define TCP_FLAGS    13
#define TCP_FIN_PSH  0x09
#define UDP_LENGTH   4

/* The bytes at the packet's start that are copied and patched. */
static size_t header_length(const struct net_offload *offload)
{
    return offload->gso != NET_GSO_NONE ? offload->header : offload->checksum_at + 2u;
}

static bool is_ip4(const struct net_offload *offload)
{
    return offload->gso == NET_GSO_TCP4 || offload->gso == NET_GSO_UDP4;
}

static bool is_tcp(const struct net_offload *offload)
{
    return offload->gso == NET_GSO_TCP4 || offload->gso == NET_GSO_TCP6;
}

static bool headers_fit(const struct net_packet *packet)
{
    const struct net_offload *offload = &packet->offload;
    unsigned header = header_length(offload);

    if (packet->n_slices >= NET_SLICES_MAX || header > NET_HEADER_MAX || header > packet->len ||
        offload->l4 > offload->checksum_at || offload->checksum_at + 2u > header)
        return false;
    if (offload->gso == NET_GSO_NONE)
        return true;
    return offload->mss > 0 && offload->l3 + (is_ip4(offload) ? 20u : IP6_HEADER) <= offload->l4 &&
           offload->l4 + (is_tcp(offload) ? 20u : 8u) <= header;
}

unsigned net_segment_count(const struct net_packet *packet)
{
    const struct net_offload *offload = &packet->offload;

    if (!offload->checksum)
        return offload->gso == NET_GSO_NONE ? 1 : 0;
    if (!headers_fit(packet))
        return 0;
    if (offload->gso == NET_GSO_NONE)
        return 1;
    size_t payload = packet->len - offload->header;
    return payload == 0 ? 1 : (unsigned)((payload + offload->mss - 1) / offload->mss);
}

static void patch_ip(uint8_t *header, const struct net_offload *offload, unsigned number,
                     size_t frame_len)
{
    uint8_t *ip = header + offload->l3;

    if (!is_ip4(offload)) {
        put_be16(ip + IP6_LENGTH, (uint16_t)(frame_len - offload->l3 - IP6_HEADER));
        return;
    }
    put_be16(ip + IP4_LENGTH, (uint16_t)(frame_len - offload->l3));
    put_be16(ip + IP4_ID, (uint16_t)(get_be16(ip + IP4_ID) + number));
    put_be16(ip + IP4_CHECKSUM, 0);
    uint16_t sum = net_sum_fold(net_sum(0, ip, offload->l4 - offload->l3, false));
    put_be16(ip + IP4_CHECKSUM, (uint16_t)~sum);
}

/* Sequence number, flags or length, and the pseudo header's sum of this frame. */
static void patch_l4(uint8_t *header, const struct net_packet *packet, unsigned number,
                     size_t frame_len, bool last)
{
    const struct net_offload *offload = &packet->offload;
    uint8_t *l4 = header + offload->l4;
    size_t frame_l4 = frame_len - offload->l4;

    if (is_tcp(offload)) {
        put_be32(l4 + TCP_SEQUENCE, get_be32(l4 + TCP_SEQUENCE) + number * offload->mss);
        if (!last)
            l4[TCP_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
    } else {
        put_be16(l4 + UDP_LENGTH, (uint16_t)frame_l4);
    }
    /* Ones' complement: the whole packet's length goes out of the sum, this frame's comes in. */
    uint8_t *at = header + offload->checksum_at;
    uint16_t whole = net_sum_fold(packet->len - offload->l4);
    uint64_t pseudo = (uint64_t)get_be16(at) + (uint16_t)~whole + frame_l4;
    put_be16(at, net_sum_fold(pseudo));
}

/* Stores the sum of frame->offload, whose header is the private copy in the first slice. */
static void fill_checksum(struct net_packet *frame, uint8_t *header)
{
    uint16_t sum = (uint16_t)~net_packet_sum(frame, frame->offload.l4);

    /* For UDP a sum of 0 would mean "none"; for TCP both zeroes of ones' complement are equal. */
    put_be16(header + frame->offload.checksum_at, sum == 0 ? 0xffff : sum);
    frame->offload = (struct net_offload){ .verified = true };
}

/* Makes one frame in the slices given; false if they are too few. */
static bool make_frame(const struct net_packet *packet, unsigned number, unsigned count,
                       struct net_packet *frame, uint8_t *header, struct iovec *slices, unsigned n)
{
    const struct net_offload *offload = &packet->offload;
    bool cut = offload->gso != NET_GSO_NONE;
    size_t header_len = header_length(offload);
    size_t step = cut ? offload->mss : packet->len;
    size_t start = header_len + (size_t)number * step;
    size_t want = MIN(packet->len - start, step);
    size_t got;

    if (n < 1)
        return false;
    slices[0] = (struct iovec){ header, net_packet_read(packet, 0, header, header_len) };
    unsigned used = net_packet_slice(packet, start, want, slices + 1, n - 1, &got);
    if (got < want)
        return false;
    *frame = (struct net_packet){ slices, used + 1, header_len + got, *offload };
    if (cut) {
        patch_ip(header, offload, number, frame->len);
        patch_l4(header, packet, number, frame->len, number + 1 == count);
    }
    fill_checksum(frame, header);
    return true;
}

void net_segment(const struct net_packet *packet, unsigned first, struct net_segments *out)
{
    unsigned count = net_segment_count(packet);
    unsigned used = 0;

    out->n = 0;
    if (!packet->offload.checksum) {
        out->packets[out->n++] = *packet;
        return;
    }
    for (unsigned number = first; number < count && out->n < NET_SEGMENTS; number++) {
        struct net_packet *frame = &out->packets[out->n];

        if (!make_frame(packet, number, count, frame, out->headers[out->n], out->slices + used,
                        (unsigned)G_N_ELEMENTS(out->slices) - used))
            break;
        used += frame->n_slices;
        out->n++;
    }
}
