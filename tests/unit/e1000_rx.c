/* The e1000 receives: buffers, filters, VLANs, checksums, back-pressure, and bad rings. */
#include "tests/unit/e1000_bench.h"

#include <string.h>

static uint8_t status(struct e1000_bench *t, unsigned n)
{
    return rx_desc(t, n)[RDESC_STATUS];
}

static unsigned length(struct e1000_bench *t, unsigned n)
{
    return get_le16(rx_desc(t, n) + RDESC_LENGTH);
}

static void a_frame_arrives(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[1514];

    setup_rx(t, RINGS, 0);
    make_frame(frame, sizeof(frame), own_mac);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    g_assert_cmphex(status(t, 0), ==, RDESC_DD | RDESC_EOP | RDESC_IXSM);
    g_assert_cmpuint(length(t, 0), ==, 1518); /* with FCS */
    g_assert_cmpmem(ram(t, RX_DATA), 1514, frame, 1514);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 1);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_RXT0);

    reg_write(t, R_RCTL, RCTL_EN | RCTL_SECRC);
    wire_deliver(t->wire, frame, 20); /* padded to the least length */
    g_assert_cmpuint(length(t, 1), ==, 60);
    g_assert_cmphex(ram(t, RX_DATA + RX_STEP)[19], ==, 19);
    g_assert_cmphex(ram(t, RX_DATA + RX_STEP)[20], ==, 0);
    e1000_bench_destroy(t);
}

static void a_jumbo_frame_takes_several_buffers(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[9014];

    setup_rx(t, RINGS, RCTL_SECRC);
    make_frame(frame, sizeof(frame), own_mac);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 0);  /* too long without LPE: CVE-2012-6075 */
    g_assert_cmpuint(reg_read(t, 0x40ac), ==, 1); /* ROC */
    reg_write(t, R_RCTL, RCTL_EN | RCTL_SECRC | RCTL_LPE);
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 5);
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmpuint(length(t, i), ==, i < 4 ? 2048 : 9014 - 4 * 2048);
        g_assert_cmphex(status(t, i) & (RDESC_DD | RDESC_EOP), ==, i < 4 ? RDESC_DD : 3);
        g_assert_cmpmem(ram(t, RX_DATA + i * RX_STEP), length(t, i), frame + 2048 * i,
                        length(t, i));
    }
    e1000_bench_destroy(t);
}

static void buffers_of_all_sizes(void)
{
    static const struct {
        uint32_t bits;
        unsigned size;
    } sizes[] = { { 0, 2048 },
                  { 1u << 16, 1024 },
                  { 2u << 16, 512 },
                  { 3u << 16, 256 },
                  { RCTL_BSEX | 1u << 16, 16384 },
                  { RCTL_BSEX | 2u << 16, 8192 },
                  { RCTL_BSEX | 3u << 16, 4096 } };
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[9014];

    make_frame(frame, sizeof(frame), own_mac);
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        setup_rx(t, RINGS, RCTL_LPE | RCTL_SECRC | sizes[i].bits);
        g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
        g_assert_cmpuint(reg_read(t, R_RDH), ==, (9014 + sizes[i].size - 1) / sizes[i].size);
        g_assert_cmpuint(length(t, 0), ==, MIN(9014, sizes[i].size));
    }
    e1000_bench_destroy(t);
}

/* ---- Filters ---- */

static bool accepted(struct e1000_bench *t, const void *to)
{
    uint8_t frame[60];
    uint32_t before = reg_read(t, R_RDH);

    make_frame(frame, sizeof(frame), to);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    return reg_read(t, R_RDH) != before;
}

static void addresses_are_filtered(void)
{
    static const char other[] = "\x52\x54\x00\x00\x00\x99",
                      broadcast[] = "\xff\xff\xff\xff\xff\xff";
    static const char group[] = "\x01\x00\x5e\x00\x09\xbc";
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_rx(t, RINGS, 0);
    g_assert_true(accepted(t, own_mac));
    g_assert_true(accepted(t, broadcast));
    g_assert_false(accepted(t, other));
    g_assert_false(accepted(t, group));

    reg_write(t, R_RA + 15 * 8, get_le32(other)); /* the last exact filter */
    reg_write(t, R_RA + 15 * 8 + 4, RAH_AV | get_le16(other + 4));
    g_assert_true(accepted(t, other));
    reg_write(t, R_RA + 15 * 8 + 4, get_le16(other + 4)); /* not valid */
    g_assert_false(accepted(t, other));

    /* The SDM's example (13.5.1): with MO = 0, 0xBC09's bits 11:4 and on give 0xBC0. */
    reg_write(t, R_MTA + 4 * (0xbc0 / 32), 1u << (0xbc0 % 32));
    g_assert_true(accepted(t, group));
    unsigned last = (reg_read(t, R_RDH) + RINGS - 1) % RINGS;
    g_assert_cmphex(status(t, last) & RDESC_PIF, ==, RDESC_PIF); /* may be another's */
    reg_write(t, R_RCTL, RCTL_EN | 3u << RCTL_MO_SHIFT);
    g_assert_false(accepted(t, group));
    g_assert_false(accepted(t, broadcast));

    reg_write(t, R_RCTL, RCTL_EN | RCTL_MPE);
    g_assert_true(accepted(t, group));
    g_assert_false(accepted(t, other));
    reg_write(t, R_RCTL, RCTL_EN | RCTL_UPE);
    g_assert_true(accepted(t, other));
    reg_write(t, R_MTA + 4 * (0xbc0 / 32), 0);
    g_assert_false(accepted(t, group));
    e1000_bench_destroy(t);
}

static void management_sees_the_filter(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    struct net_rx_filter filter;

    reg_write(t, R_RA + 8, get_le32("\x01\x00\x5e\x00"));
    reg_write(t, R_RA + 12, RAH_AV | 0x0100);
    reg_write(t, R_RCTL, RCTL_EN | RCTL_UPE | RCTL_VFE);
    reg_write(t, R_VFTA + 4 * 3, 1u << 4); /* VLAN 100 */
    g_assert_true(net_query_rx_filter(&t->wire->backend, &filter));
    g_assert_true(filter.promiscuous);
    g_assert_false(filter.broadcast);
    g_assert_cmpmem(filter.main_mac, 6, own_mac, 6);
    g_assert_cmpuint(filter.n_macs, ==, 1);
    g_assert_cmpmem(filter.macs[0], 6, "\x01\x00\x5e\x00\x00\x01", 6);
    g_assert_true(filter.vlan_filter);
    g_assert_cmphex(filter.vlans[12], ==, 1u << 4);
    e1000_bench_destroy(t);
}

static void vlans_are_filtered_and_stripped(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[100];

    make_frame(frame, sizeof(frame), own_mac);
    put_be32(frame + 12, 0x8100a064); /* priority 5, VLAN 100 */
    setup_rx(t, RINGS, RCTL_VFE | RCTL_SECRC);
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 0);
    reg_write(t, R_VFTA + 4 * 3, 1u << 4);
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 1);
    g_assert_cmphex(status(t, 0) & RDESC_VP, ==, 0);
    g_assert_cmpmem(ram(t, RX_DATA), 100, frame, 100);

    reg_write(t, R_CTRL, reg_read(t, R_CTRL) | CTRL_VME);
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(status(t, 1) & RDESC_VP, ==, RDESC_VP);
    g_assert_cmpuint(length(t, 1), ==, 96);
    g_assert_cmphex(get_le16(rx_desc(t, 1) + RDESC_SPECIAL), ==, 0xa064);
    g_assert_cmpmem(ram(t, RX_DATA + RX_STEP), 12, frame, 12);
    g_assert_cmpmem(ram(t, RX_DATA + RX_STEP + 12), 84, frame + 16, 84);
    e1000_bench_destroy(t);
}

/* ---- Checksums ---- */

static void checksums_are_verified(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[301];

    setup_rx(t, RINGS, 0);
    make_tcp4(frame, sizeof(frame));
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(status(t, 0), ==, RDESC_DD | RDESC_EOP | RDESC_IXSM); /* nobody asked */
    reg_write(t, R_RXCSUM, RXCSUM_IPOFLD | RXCSUM_TUOFLD);
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(status(t, 1), ==, RDESC_DD | RDESC_EOP | RDESC_IPCS | RDESC_TCPCS);
    g_assert_cmphex(rx_desc(t, 1)[RDESC_ERRORS], ==, 0);
    frame[200] ^= 1;
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(rx_desc(t, 2)[RDESC_ERRORS], ==, RDESC_TCPE);
    frame[200] ^= 1;
    frame[22] ^= 1; /* time to live */
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(rx_desc(t, 3)[RDESC_ERRORS], ==, RDESC_IPE);
    make_frame(frame, sizeof(frame), own_mac); /* no IP */
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(status(t, 4), ==, RDESC_DD | RDESC_EOP | RDESC_IXSM);
    make_tcp4(frame, sizeof(frame));
    put_be16(frame + 16, 2000); /* IP says that there is more than there is */
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(status(t, 5) & RDESC_TCPCS, ==, 0);
    e1000_bench_destroy(t);
}

/* ---- Back-pressure ---- */

static void no_descriptors_no_frames(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[60];

    setup_rx(t, 8, 0);
    make_frame(frame, sizeof(frame), own_mac);
    for (unsigned i = 0; i < 7; i++)
        g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    g_assert_true((reg_read(t, R_ICR) & ICR_RXDMT0) != 0);
    g_assert_false(net_can_deliver(&t->wire->backend));
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 0);
    unsigned resumed = t->wire->resumed;
    reg_write(t, R_RDT, 3);
    g_assert_cmpuint(t->wire->resumed, >, resumed);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    reg_write(t, R_RCTL, 0);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 0);
    e1000_bench_destroy(t);
}

/* A frame that needs more buffers than are there waits for them as a whole. */
static void a_frame_waits_for_all_its_buffers(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[9014];

    setup_rx(t, 8, RCTL_LPE);
    reg_write(t, R_RDT, 3);
    make_frame(frame, sizeof(frame), own_mac);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 0);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 0);
    g_assert_cmpuint(reg_read(t, 0x40a0), ==, 1); /* RNBC */
    reg_write(t, R_RDT, 7);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 5);
    setup_rx(t, 8, RCTL_LPE | 3u << RCTL_BSIZE_SHIFT);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1); /* never: dropped */
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 0);
    e1000_bench_destroy(t);
}

/* Large packets of the host are cut for a guest that cannot take them, and none is lost. */
static void a_large_packet_from_the_host(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t large[54 + 14600];
    struct iovec slice = { large, sizeof(large) };
    struct net_packet packet = { &slice, 1, sizeof(large), { 0 } };

    make_tcp4(large, sizeof(large));
    put_be16(large + 50, net_sum_fold(net_sum(0, large + 26, 8, false) + 6 + 14620));
    packet.offload = (struct net_offload){ .checksum = true,
                                           .gso = NET_GSO_TCP4,
                                           .l3 = 14,
                                           .l4 = 34,
                                           .checksum_at = 50,
                                           .header = 54,
                                           .mss = 1460 };
    setup_rx(t, 8, RCTL_SECRC);
    reg_write(t, R_RXCSUM, RXCSUM_IPOFLD | RXCSUM_TUOFLD);
    g_assert_cmpuint(net_deliver(&t->wire->backend, &packet, 1), ==, 0);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 7);
    reg_write(t, R_RDT, 4);
    g_assert_cmpuint(net_deliver(&t->wire->backend, &packet, 1), ==, 1);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 2);
    for (unsigned i = 0; i < 10; i++) {
        g_assert_cmphex(status(t, i % 8) & RDESC_TCPCS, ==, RDESC_TCPCS);
        if (i >= 2)
            g_assert_cmpmem(ram(t, RX_DATA + i % 8 * RX_STEP + 54), 1460, large + 54 + i * 1460,
                            1460);
    }
    e1000_bench_destroy(t);
}

/* ---- Guests that misbehave ---- */

static void rings_without_an_end(void)
{
    static const struct {
        uint32_t len, head, tail;
    } bad[] = {
        { 0, 0, 5 }, { 8 * 16, 0, 8 }, { 8 * 16, 8, 0 }, { 8 * 16, 0xffff, 3 }, { 8 * 16, 2, 2 },
    };
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[60];

    make_frame(frame, sizeof(frame), own_mac);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        setup_rx(t, 8, 0);
        reg_write(t, R_RDLEN, bad[i].len);
        reg_write(t, R_RDH, bad[i].head);
        reg_write(t, R_RDT, bad[i].tail);
        g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 0);
        g_assert_cmpuint(reg_read(t, R_RDH), ==, bad[i].head);
    }
    e1000_bench_destroy(t);
}

/* Null buffers swallow their share; buffers that are no memory are counted. */
static void buffers_that_are_none(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[5000];

    make_frame(frame, sizeof(frame), own_mac);
    setup_rx(t, 8, RCTL_LPE | RCTL_SECRC);
    put_le64(ram(t, RX_RING), 0);
    put_le64(ram(t, RX_RING + 16), BAR);
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 3);
    g_assert_cmpuint(t->dev->guest_faults, ==, 1);
    g_assert_cmpmem(ram(t, RX_DATA + 2 * RX_STEP), 904, frame + 4096, 904);
    reg_write(t, R_RDBAL, 0xfffff000); /* and a ring that is no memory */
    g_assert_cmpuint(wire_deliver(t->wire, frame, 60), ==, 0);
    e1000_bench_destroy(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/e1000/rx/frame", a_frame_arrives);
    g_test_add_func("/e1000/rx/jumbo", a_jumbo_frame_takes_several_buffers);
    g_test_add_func("/e1000/rx/buffer-sizes", buffers_of_all_sizes);
    g_test_add_func("/e1000/rx/addresses", addresses_are_filtered);
    g_test_add_func("/e1000/rx/query-rx-filter", management_sees_the_filter);
    g_test_add_func("/e1000/rx/vlans", vlans_are_filtered_and_stripped);
    g_test_add_func("/e1000/rx/checksums", checksums_are_verified);
    g_test_add_func("/e1000/rx/no-descriptors", no_descriptors_no_frames);
    g_test_add_func("/e1000/rx/waits-for-all-buffers", a_frame_waits_for_all_its_buffers);
    g_test_add_func("/e1000/rx/large-from-the-host", a_large_packet_from_the_host);
    g_test_add_func("/e1000/rx/rings-without-an-end", rings_without_an_end);
    g_test_add_func("/e1000/rx/buffers-that-are-none", buffers_that_are_none);
    return g_test_run();
}
