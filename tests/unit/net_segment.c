/* Large packets are cut as a NIC would, and checksums are those that RFC 1071 asks for. */
#include "base/bytes.h"
#include "net/segment.h"

#include <glib.h>

#define MSS     1000
#define PAYLOAD 2500
#define HEADERS (14 + 20 + 20)

/* A TCP/IPv4 packet of PAYLOAD bytes in slices whose lengths are odd, as a guest's may be. */
struct large {
    uint8_t bytes[HEADERS + PAYLOAD];
    struct iovec slices[4];
    struct net_packet packet;
};

static void make_large(struct large *large)
{
    uint8_t *ip = large->bytes + 14, *tcp = ip + 20;

    for (unsigned i = 0; i < sizeof(large->bytes); i++)
        large->bytes[i] = (uint8_t)(i * 7);
    put_be16(large->bytes + 12, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 4, 0xfffe); /* the identification wraps */
    ip[9] = 6;
    put_be32(tcp + 4, 0xfffffc00); /* so does the sequence number */
    tcp[12] = 0x50;
    tcp[13] = 0x19; /* ACK PSH FIN */
    uint64_t pseudo = net_sum(0, ip + 12, 8, false) + 6 + 20 + PAYLOAD;
    put_be16(tcp + 16, net_sum_fold(pseudo));
    large->slices[0] = (struct iovec){ large->bytes, 33 };
    large->slices[1] = (struct iovec){ large->bytes + 33, 28 };
    large->slices[2] = (struct iovec){ large->bytes + 61, 1001 };
    large->slices[3] = (struct iovec){ large->bytes + 1062, sizeof(large->bytes) - 1062 };
    large->packet = (struct net_packet){
        .slices = large->slices,
        .n_slices = 4,
        .len = sizeof(large->bytes),
        .offload = { .checksum = true,
                     .gso = NET_GSO_TCP4,
                     .l3 = 14,
                     .l4 = 34,
                     .checksum_at = 50,
                     .header = HEADERS,
                     .mss = MSS },
    };
}

static void check_frame(const struct net_packet *frame, unsigned number, size_t payload, bool last)
{
    uint8_t bytes[HEADERS + MSS];
    uint8_t *ip = bytes + 14, *tcp = ip + 20;

    g_assert_cmpuint(frame->len, ==, HEADERS + payload);
    net_packet_read(frame, 0, bytes, sizeof(bytes));
    g_assert_cmphex(get_be16(ip + 2), ==, 40 + payload);
    g_assert_cmphex(get_be16(ip + 4), ==, (uint16_t)(0xfffe + number));
    g_assert_cmphex(net_sum_fold(net_sum(0, ip, 20, false)), ==, 0xffff);
    g_assert_cmphex(get_be32(tcp + 4), ==, 0xfffffc00 + number * MSS);
    g_assert_cmphex(tcp[13], ==, last ? 0x19 : 0x10);
    uint64_t sum = net_sum(0, ip + 12, 8, false) + 6 + 20 + payload;
    g_assert_cmphex(net_sum_fold(net_sum(sum, tcp, 20 + payload, false)), ==, 0xffff);
    for (size_t i = 0; i < payload; i++)
        g_assert_cmphex(bytes[HEADERS + i], ==, (uint8_t)((HEADERS + number * MSS + i) * 7));
}

static void test_tcp4(void)
{
    struct large large = { .packet = { 0 } };
    struct net_segments frames;

    make_large(&large);
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 3);
    net_segment(&large.packet, 0, &frames);
    g_assert_cmpuint(frames.n, ==, 3);
    for (unsigned i = 0; i < 3; i++)
        check_frame(&frames.packets[i], i, i < 2 ? MSS : 500, i == 2);
    net_segment(&large.packet, 2, &frames); /* to go on after a receiver took two */
    g_assert_cmpuint(frames.n, ==, 1);
    check_frame(&frames.packets[0], 2, 500, true);
}

static void test_many_small(void)
{
    struct large large = { .packet = { 0 } };
    struct net_segments frames;

    make_large(&large);
    large.packet.offload.mss = 7;
    unsigned count = net_segment_count(&large.packet);
    g_assert_cmpuint(count, ==, 358);
    size_t payload = 0;
    for (unsigned i = 0; i < count; i += frames.n) {
        net_segment(&large.packet, i, &frames);
        g_assert_cmpuint(frames.n, >, 0);
        for (unsigned k = 0; k < frames.n; k++)
            payload += frames.packets[k].len - HEADERS;
    }
    g_assert_cmpuint(payload, ==, PAYLOAD);
}

static void test_checksum_only(void)
{
    struct large large = { .packet = { 0 } };
    struct net_segments frames;
    uint8_t bytes[HEADERS + PAYLOAD];

    make_large(&large);
    large.packet.offload.gso = NET_GSO_NONE;
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 1);
    net_segment(&large.packet, 0, &frames);
    g_assert_cmpuint(frames.packets[0].len, ==, sizeof(bytes));
    net_packet_read(&frames.packets[0], 0, bytes, sizeof(bytes));
    uint64_t sum = net_sum(0, bytes + 26, 8, false) + 6 + 20 + PAYLOAD;
    g_assert_cmphex(net_sum_fold(net_sum(sum, bytes + 34, 20 + PAYLOAD, false)), ==, 0xffff);
}

/* Offsets that lead outside the headers or the packet are refused, not followed. */
static void test_nonsense(void)
{
    struct large large = { .packet = { 0 } };
    struct net_offload good;

    make_large(&large);
    good = large.packet.offload;
    large.packet.offload.mss = 0;
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 0);
    large.packet.offload = good;
    large.packet.offload.checksum_at = HEADERS - 1;
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 0);
    large.packet.offload = good;
    large.packet.offload.header = NET_HEADER_MAX + 1;
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 0);
    large.packet.offload = good;
    large.packet.offload.l3 = 20;
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 0);
    large.packet.offload = good;
    large.packet.len = HEADERS - 1;
    g_assert_cmpuint(net_segment_count(&large.packet), ==, 0);
}

static void test_sum_odd(void)
{
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    uint16_t whole = net_sum_fold(net_sum(0, bytes, 9, false));

    g_assert_cmphex(whole, ==, 0x0102 + 0x0304 + 0x0506 + 0x0708 + 0x0900);
    for (unsigned cut = 0; cut <= 9; cut++) {
        uint64_t sum = net_sum(0, bytes, cut, false);
        sum = net_sum(sum, bytes + cut, 9 - cut, cut % 2 != 0);
        g_assert_cmphex(net_sum_fold(sum), ==, whole);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/segment/tcp4", test_tcp4);
    g_test_add_func("/net/segment/many-small", test_many_small);
    g_test_add_func("/net/segment/checksum-only", test_checksum_only);
    g_test_add_func("/net/segment/nonsense", test_nonsense);
    g_test_add_func("/net/segment/sum-odd", test_sum_odd);
    return g_test_run();
}
