/* The e1000 transmits: each kind of descriptor, offloads, back-pressure, and guests that misbehave.
 */
#include "tests/unit/e1000_bench.h"

#include <string.h>

#define LEGACY (TDESC_EOP | TDESC_RS)
#define DATA   (TDESC_DEXT | TDESC_DTYP_ONE | TDESC_RS)

static void legacy_descriptors(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    size_t len;

    setup_tx(t, RINGS);
    make_frame(ram(t, TX_DATA), 1514, "\xff\xff\xff\xff\xff\xff");
    put_desc(t, TX_DATA, TDESC_RS | 14, 0); /* one packet of two pieces */
    put_desc(t, TX_DATA + 14, LEGACY | 1500, 0);
    put_desc(t, TX_DATA, TDESC_EOP | 60, 0); /* one that wants no status */
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 2);
    g_assert_cmpmem(wire_frame(t->wire, 0, &len), 1514, ram(t, TX_DATA), 1514);
    g_assert_cmpuint(len, ==, 1514);
    wire_frame(t->wire, 1, &len);
    g_assert_cmpuint(len, ==, 60);
    g_assert_cmpuint(reg_read(t, R_TDH), ==, 3);
    g_assert_cmphex(tx_status(t, 0), ==, TDESC_DD);
    g_assert_cmphex(tx_status(t, 1), ==, TDESC_DD);
    g_assert_cmphex(tx_status(t, 2), ==, 0);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_TXDW | ICR_TXQE);
    g_assert_cmpuint(reg_read(t, 0x4080), ==, 2); /* GPTC */
    g_assert_cmpuint(reg_read(t, 0x40f4), ==, 2); /* BPTC */
    e1000_bench_destroy(t);
}

/* A packet whose end is not there yet waits for it. */
static void a_packet_in_two_kicks(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, RINGS);
    put_desc(t, TX_DATA, TDESC_RS | 30, 0);
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 0);
    put_desc(t, TX_DATA + 30, LEGACY | 30, 0);
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 1);
    e1000_bench_destroy(t);
}

static void short_packets_are_padded(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    size_t len;

    setup_tx(t, RINGS);
    reg_write(t, R_TCTL, TCTL_EN | TCTL_PSP);
    make_frame(ram(t, TX_DATA), 100, own_mac);
    put_desc(t, TX_DATA, LEGACY | 42, 0);
    kick(t);
    const uint8_t *frame = wire_frame(t->wire, 0, &len);
    g_assert_cmpuint(len, ==, 60);
    g_assert_cmphex(frame[41], ==, 41);
    g_assert_cmphex(frame[42], ==, 0);
    e1000_bench_destroy(t);
}

static void the_ring_wraps(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, 8);
    for (unsigned i = 0; i < 20; i++) {
        put_desc(t, TX_DATA, TDESC_RS | 30, 0);
        put_desc(t, TX_DATA, LEGACY | 30, 0);
        put_desc(t, TX_DATA, LEGACY | 60, 0);
        kick(t);
        g_assert_cmpuint(t->wire->frames->len, ==, 2 * (i + 1));
        g_assert_cmpuint(reg_read(t, R_TDH), ==, t->tx_next);
    }
    e1000_bench_destroy(t);
}

static void put_context(struct e1000_bench *t, uint32_t command, unsigned mss, unsigned header)
{
    uint64_t ip = 14 | 24 << 8 | 33u << 16, tcp = 34 | 50 << 8;

    put_desc(t, ip | tcp << 32, TDESC_DEXT | TDESC_RS | TUCMD_IP | TUCMD_TCP | command,
             mss << 16 | header << 8);
}

/* The driver's part: zero IP checksum, and in the TCP one the pseudo header's sum. */
static void prepare_offload(uint8_t *frame, size_t len, bool with_length)
{
    uint8_t *ip = frame + 14;
    uint64_t pseudo = net_sum(0, ip + 12, 8, false) + 6 + (with_length ? len - 34 : 0);

    put_be16(ip + 10, 0);
    put_be16(frame + 50, net_sum_fold(pseudo));
}

static void check_tcp4(const uint8_t *frame, size_t len)
{
    uint64_t sum = net_sum(0, frame + 26, 8, false) + 6 + (len - 34);

    g_assert_cmphex(net_sum_fold(net_sum(0, frame + 14, 20, false)), ==, 0xffff);
    g_assert_cmphex(net_sum_fold(net_sum(sum, frame + 34, len - 34, false)), ==, 0xffff);
}

static void checksums_are_inserted(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t wanted[1001];
    size_t len;

    setup_tx(t, RINGS);
    make_tcp4(wanted, sizeof(wanted));
    memcpy(ram(t, TX_DATA), wanted, sizeof(wanted));
    prepare_offload(ram(t, TX_DATA), sizeof(wanted), true);
    put_context(t, 0, 0, 0);
    put_desc(t, TX_DATA, DATA | 20, POPTS_IXSM | POPTS_TXSM);
    put_desc(t, TX_DATA + 20, DATA | TDESC_EOP | 981, 0); /* options count in the first only */
    kick(t);
    const uint8_t *frame = wire_frame(t->wire, 0, &len);
    g_assert_cmpmem(frame, len, wanted, sizeof(wanted));
    g_assert_cmphex(tx_status(t, 0), ==, TDESC_DD); /* contexts report too */

    /* The wire may do the TCP part itself; then its field is left as the driver made it. */
    t->wire->backend.offloads = NET_CAN_CHECKSUM;
    put_desc(t, TX_DATA, DATA | TDESC_EOP | 1001, POPTS_IXSM | POPTS_TXSM);
    kick(t);
    frame = wire_frame(t->wire, 1, &len);
    g_assert_true(t->wire->undone.checksum);
    g_assert_cmpuint(t->wire->undone.l4, ==, 34);
    g_assert_cmpuint(t->wire->undone.checksum_at, ==, 50);
    g_assert_cmphex(get_be16(frame + 50), ==, get_be16(ram(t, TX_DATA) + 50));
    g_assert_cmphex(get_be16(frame + 24), ==, get_be16(wanted + 24));
    e1000_bench_destroy(t);
}

static void a_legacy_checksum(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t wanted[100];
    size_t len;

    setup_tx(t, RINGS);
    make_tcp4(wanted, sizeof(wanted));
    memcpy(ram(t, TX_DATA), wanted, sizeof(wanted));
    put_be16(ram(t, TX_DATA) + 50,
             net_sum_fold(net_sum(0, wanted + 26, 8, false) + 6 + (sizeof(wanted) - 34)));
    put_desc(t, TX_DATA, LEGACY | TDESC_IC | 50 << 16 | 100, 34 << 8);
    put_desc(t, TX_DATA, LEGACY | TDESC_IC | 99 << 16 | 100, 34 << 8); /* outside: ignored */
    kick(t);
    const uint8_t *frame = wire_frame(t->wire, 0, &len);
    g_assert_cmpmem(frame, len, wanted, sizeof(wanted));
    g_assert_cmpmem(wire_frame(t->wire, 1, &len), 100, ram(t, TX_DATA), 100);
    e1000_bench_destroy(t);
}

static void a_large_packet_is_cut(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    const unsigned total = 54 + 10000;
    size_t len;

    setup_tx(t, RINGS);
    make_tcp4(ram(t, TX_DATA), total);
    ram(t, TX_DATA)[47] = 0x19; /* ACK PSH FIN */
    prepare_offload(ram(t, TX_DATA), total, false);
    put_context(t, TDESC_TSE, 1460, 54);
    put_desc(t, TX_DATA, DATA | TDESC_TSE | 54, POPTS_IXSM | POPTS_TXSM);
    put_desc(t, TX_DATA + 54, DATA | TDESC_TSE | 4000, 0);
    put_desc(t, TX_DATA + 4054, DATA | TDESC_TSE | TDESC_EOP | 6000, 0);
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 7);
    for (unsigned i = 0, at = 54; i < 7; i++) {
        const uint8_t *frame = wire_frame(t->wire, i, &len);

        g_assert_cmpuint(len, ==, i < 6 ? 1514 : 54 + 1240);
        check_tcp4(frame, len);
        g_assert_cmpmem(frame + 54, len - 54, ram(t, TX_DATA + at), len - 54);
        g_assert_cmphex(frame[47], ==, i < 6 ? 0x10 : 0x19);
        at += 1460;
    }
    g_assert_cmpuint(reg_read(t, 0x40f8), ==, 1);              /* TSCTC */
    g_assert_cmpuint(reg_read(t, 0x40d4), ==, 7);              /* TPT */
    g_assert_cmpuint(reg_read(t, 0x40ec), ==, 7);              /* PTC1522 */
    g_assert_cmpuint(reg_read(t, 0x4090), ==, 10000 + 7 * 58); /* GOTCL */
    e1000_bench_destroy(t);
}

/* A wire that can cut gets the large packet whole, with headers as Linux wants them. */
static void a_large_packet_passes_uncut(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    const unsigned total = 54 + 60000;
    size_t len;

    setup_tx(t, RINGS);
    t->wire->backend.offloads = NET_CAN_CHECKSUM | NET_CAN_TCP4;
    make_tcp4(ram(t, TX_DATA), total);
    prepare_offload(ram(t, TX_DATA), total, false);
    put_be16(ram(t, TX_DATA) + 16, 0);
    put_context(t, TDESC_TSE, 1460, 54);
    put_desc(t, TX_DATA, DATA | TDESC_TSE | TDESC_EOP | total, POPTS_IXSM | POPTS_TXSM);
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 1);
    const uint8_t *frame = wire_frame(t->wire, 0, &len);
    g_assert_cmpuint(len, ==, total);
    g_assert_cmpuint(t->wire->undone.gso, ==, NET_GSO_TCP4);
    g_assert_cmpuint(t->wire->undone.mss, ==, 1460);
    g_assert_cmpuint(t->wire->undone.header, ==, 54);
    g_assert_cmpuint(get_be16(frame + 16), ==, total - 14);
    g_assert_cmphex(net_sum_fold(net_sum(0, frame + 14, 20, false)), ==, 0xffff);
    g_assert_cmphex(get_be16(frame + 50), ==,
                    net_sum_fold(net_sum(0, frame + 26, 8, false) + 6 + (total - 34)));
    g_assert_cmpuint(reg_read(t, 0x40d4), ==, 42); /* TPT counts frames all the same */
    e1000_bench_destroy(t);
}

static void a_vlan_tag_is_inserted(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t wanted[100];
    size_t len;

    setup_tx(t, RINGS);
    make_tcp4(wanted, sizeof(wanted));
    memcpy(ram(t, TX_DATA), wanted, sizeof(wanted));
    prepare_offload(ram(t, TX_DATA), sizeof(wanted), true);
    put_desc(t, TX_DATA, LEGACY | TDESC_VLE | 100, 0x2005u << 16); /* not without CTRL.VME */
    kick(t);
    wire_frame(t->wire, 0, &len);
    g_assert_cmpuint(len, ==, 100);
    reg_write(t, R_CTRL, reg_read(t, R_CTRL) | CTRL_VME);
    put_context(t, 0, 0, 0);
    put_desc(t, TX_DATA, DATA | TDESC_EOP | TDESC_VLE | 100,
             0x2005u << 16 | POPTS_IXSM | POPTS_TXSM);
    kick(t);
    const uint8_t *frame = wire_frame(t->wire, 1, &len);
    g_assert_cmpuint(len, ==, 104);
    g_assert_cmpmem(frame, 12, wanted, 12);
    g_assert_cmphex(get_be32(frame + 12), ==, 0x81002005);
    g_assert_cmpmem(frame + 16, 88, wanted + 12, 88);
    e1000_bench_destroy(t);
}

/* ---- Back-pressure and budgets ---- */

/* The wire takes five packets, then none: the head waits before the sixth, contexts included. */
static void a_full_wire(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    size_t len;

    setup_tx(t, RINGS);
    make_tcp4(ram(t, TX_DATA), 100);
    prepare_offload(ram(t, TX_DATA), 100, true);
    t->wire->room = 5;
    for (unsigned i = 0; i < 10; i++) {
        put_context(t, 0, 0, 0);
        put_desc(t, TX_DATA, DATA | TDESC_EOP | 100, POPTS_TXSM);
        put_context(t, 0, 0, 0);
        /* A context that is for the next packet only. */
        put_le32(ram(t, TX_RING + (t->tx_next - 1) * DESC_SIZE + 4), 34 | 60 << 8);
        put_desc(t, TX_DATA, DATA | TDESC_EOP | (90 + i), 0);
    }
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 5);
    g_assert_cmpuint(reg_read(t, R_TDH), ==, 11);
    g_assert_cmphex(tx_status(t, 9), ==, TDESC_DD);
    g_assert_cmphex(tx_status(t, 11), ==, 0);
    t->wire->room = 1;
    net_writable(&t->wire->backend);
    g_assert_cmpuint(t->wire->frames->len, ==, 6);
    t->wire->room = UINT32_MAX;
    net_writable(&t->wire->backend);
    g_assert_cmpuint(t->wire->frames->len, ==, 20);
    for (unsigned i = 0; i < 20; i++) {
        const uint8_t *frame = wire_frame(t->wire, i, &len);

        g_assert_cmpuint(len, ==, i % 2 == 0 ? 100 : 90 + i / 2);
        if (i % 2 == 0)
            g_assert_cmphex(net_sum_fold(net_sum(net_sum(0, frame + 26, 8, false) + 6 + 66,
                                                 frame + 34, 66, false)),
                            ==, 0xffff);
    }
    g_assert_cmpuint(reg_read(t, 0x4080), ==, 20);
    e1000_bench_destroy(t);
}

/* The wire fills up inside of a large packet; each of its frames goes out once. */
static void a_full_wire_inside_a_large_packet(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    const unsigned total = 54 + 10000;
    size_t len;

    setup_tx(t, RINGS);
    make_tcp4(ram(t, TX_DATA), total);
    prepare_offload(ram(t, TX_DATA), total, false);
    put_context(t, TDESC_TSE, 1000, 54);
    put_desc(t, TX_DATA, DATA | TDESC_TSE | TDESC_EOP | total, POPTS_IXSM | POPTS_TXSM);
    t->wire->room = 4;
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 4);
    g_assert_cmphex(tx_status(t, 1), ==, 0);
    t->wire->room = UINT32_MAX;
    net_writable(&t->wire->backend);
    g_assert_cmpuint(t->wire->frames->len, ==, 10);
    for (unsigned i = 0; i < 10; i++) {
        const uint8_t *frame = wire_frame(t->wire, i, &len);
        g_assert_cmpmem(frame + 54, len - 54, ram(t, TX_DATA + 54 + i * 1000), 1000);
    }
    g_assert_cmphex(tx_status(t, 1), ==, TDESC_DD);
    e1000_bench_destroy(t);
}

/* A long ring is worked off in several goes, with the machine running in between. */
static void a_long_ring_has_a_budget(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, 2048);
    for (unsigned i = 0; i < 2047; i++)
        put_desc(t, TX_DATA, TDESC_EOP | 60, 0);
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, >, 0);
    g_assert_cmpuint(t->wire->frames->len, <, 2047);
    for (unsigned i = 0; i < 16; i++)
        bench_step(t->b, NS_PER_US);
    g_assert_cmpuint(t->wire->frames->len, ==, 2047);
    e1000_bench_destroy(t);
}

static void transmit_interrupts_are_delayed(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, RINGS);
    reg_write(t, R_IMC, ICR_TXQE);
    reg_write(t, R_TIDV, 20);
    reg_write(t, R_TADV, 30);
    put_desc(t, TX_DATA, LEGACY | TDESC_IDE | 60, 0);
    kick(t);
    g_assert_cmphex(tx_status(t, 0), ==, TDESC_DD); /* only the interrupt is delayed */
    g_assert_false(t->b->intx[0].level);
    bench_step(t->b, 19 * NS_PER_US);
    put_desc(t, TX_DATA, LEGACY | TDESC_IDE | 60, 0);
    kick(t);
    bench_step(t->b, 11 * NS_PER_US);
    g_assert_false(t->b->intx[0].level);
    bench_step(t->b, 1 * NS_PER_US); /* 31 us after the first: the absolute timer */
    g_assert_true(t->b->intx[0].level);
    e1000_bench_destroy(t);
}

/* ---- Loopback ---- */

static void frames_come_back_from_the_phy(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, RINGS);
    setup_rx(t, RINGS, 0);
    phy_write(t, PHY_PCTRL, 0x4140);
    make_frame(ram(t, TX_DATA), 1024, own_mac);
    for (unsigned i = 0; i < 60; i++)
        put_desc(t, TX_DATA, LEGACY | 1024, 0);
    kick(t);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 0); /* not inside of the transmission */
    bench_step(t->b, NS_PER_US);
    g_assert_cmpuint(reg_read(t, R_RDH), ==, 60);
    g_assert_cmpuint(t->wire->frames->len, ==, 0);
    for (unsigned i = 0; i < 60; i++)
        g_assert_cmpmem(ram(t, RX_DATA + i * RX_STEP), 1024, ram(t, TX_DATA), 1024);
    phy_write(t, PHY_PCTRL, 0x1140);
    put_desc(t, TX_DATA, LEGACY | 1024, 0);
    kick(t);
    g_assert_cmpuint(t->wire->frames->len, ==, 1);
    e1000_bench_destroy(t);
}

/* A transmitter whose frames nobody takes stops; what it sent is bounded. */
static void loopback_without_buffers(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, 2048);
    setup_rx(t, RINGS, RCTL_UPE | RCTL_LBM);
    reg_write(t, R_RDT, 0);
    for (unsigned i = 0; i < 2000; i++)
        put_desc(t, TX_DATA, LEGACY | 1514, 0);
    kick(t);
    bench_step(t->b, NS_PER_MS);
    g_assert_cmpuint(reg_read(t, R_TDH), <, 400);
    e1000_bench_destroy(t);
}

/* ---- Guests that misbehave ---- */

/* CVE-2016-1981, CVE-2021-20257: rings from which a naive walk never comes back. */
static void rings_without_an_end(void)
{
    static const struct {
        uint32_t len, head, tail;
    } bad[] = {
        { 0, 0, 5 },
        { 8 * 16, 0, 8 },
        { 8 * 16, 8, 0 },
        { 8 * 16, 0xffff, 3 },
        { 8 * 16, 3, 0xffff },
        { 0xfff80, 0xffff, 0 },
        { 8 * 16, 0xffff, 0xffff },
    };
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        setup_tx(t, 8);
        memset(ram(t, TX_RING), 0, 128);
        reg_write(t, R_TDLEN, bad[i].len);
        reg_write(t, R_TDH, bad[i].head);
        reg_write(t, R_TDT, bad[i].tail);
        bench_step(t->b, NS_PER_MS);
        g_assert_cmpuint(reg_read(t, R_TDH), ==, bad[i].head);
    }
    /* A ring of nothing but context descriptors, and one of descriptors without any data. */
    setup_tx(t, 8);
    for (unsigned i = 0; i < 7; i++)
        put_desc(t, 0, TDESC_DEXT | TDESC_TSE, 0);
    kick(t);
    g_assert_cmpuint(reg_read(t, R_TDH), ==, 7);
    for (unsigned i = 0; i < 7; i++)
        put_desc(t, 0, LEGACY, 0);
    kick(t);
    g_assert_cmpuint(reg_read(t, R_TDH), ==, 6);
    g_assert_cmpuint(t->wire->frames->len, ==, 0);
    e1000_bench_destroy(t);
}

/* Headers that lead outside of the packet: CVE-2011-1521's kind. The packet is refused. */
static void segmentation_that_makes_no_sense(void)
{
    static const struct {
        unsigned mss, header, len;
    } bad[] = { { 0, 54, 3000 },
                { 1460, 255, 200 },
                { 1460, 0, 3000 },
                { 1460, 30, 3000 },
                { 0xffff, 53, 3000 } };
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, RINGS);
    make_tcp4(ram(t, TX_DATA), 3000);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        put_context(t, TDESC_TSE, bad[i].mss, bad[i].header);
        put_desc(t, TX_DATA, DATA | TDESC_TSE | TDESC_EOP | bad[i].len, POPTS_TXSM);
        kick(t);
        g_assert_cmphex(tx_status(t, t->tx_next - 1), ==, TDESC_DD);
    }
    g_assert_cmpuint(t->wire->frames->len, ==, 0);
    g_assert_cmpuint(t->dev->guest_faults, ==, G_N_ELEMENTS(bad));
    g_assert_cmpuint(reg_read(t, 0x40fc), ==, G_N_ELEMENTS(bad)); /* TSCTFC */
    e1000_bench_destroy(t);
}

static void packets_that_are_too_much(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, 1024);
    put_desc(t, TX_DATA, LEGACY | 16289, 0);             /* one byte too long */
    put_desc(t, TX_DATA, DATA | TDESC_EOP | 0xfffff, 0); /* 1 MiB */
    put_desc(t, 0x7ffffffffff0, LEGACY | 60, 0);         /* no memory there */
    put_desc(t, UINT64_MAX - 10, LEGACY | 60, 0);        /* nor around the end */
    put_desc(t, BAR, LEGACY | 60, 0);                    /* the chip's own registers */
    put_desc(t, TX_DATA, LEGACY | 13, 0);                /* no header */
    for (unsigned i = 0; i < 300; i++)
        put_desc(t, TX_DATA, TDESC_RS | 1, 0); /* more pieces than a packet has */
    put_desc(t, TX_DATA, LEGACY | 60, 0);
    put_desc(t, TX_DATA, LEGACY | 60, 0);
    kick(t);
    bench_step(t->b, NS_PER_US);
    g_assert_cmpuint(reg_read(t, R_TDH), ==, t->tx_next);
    g_assert_cmpuint(t->wire->frames->len, <=, 2);
    g_assert_cmpuint(t->dev->guest_faults, >=, 7);
    e1000_bench_destroy(t);
}

/* With bus mastering off nothing moves. */
static void no_bus_master(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, RINGS);
    cfg_write(t->b, 3, 0, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    put_desc(t, TX_DATA, LEGACY | 60, 0);
    kick(t);
    g_assert_cmpuint(reg_read(t, R_TDH), ==, 0);
    g_assert_cmpuint(t->wire->frames->len, ==, 0);
    e1000_bench_destroy(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/e1000/tx/legacy", legacy_descriptors);
    g_test_add_func("/e1000/tx/two-kicks", a_packet_in_two_kicks);
    g_test_add_func("/e1000/tx/padding", short_packets_are_padded);
    g_test_add_func("/e1000/tx/wrap", the_ring_wraps);
    g_test_add_func("/e1000/tx/checksums", checksums_are_inserted);
    g_test_add_func("/e1000/tx/legacy-checksum", a_legacy_checksum);
    g_test_add_func("/e1000/tx/segmentation", a_large_packet_is_cut);
    g_test_add_func("/e1000/tx/segmentation-passed-on", a_large_packet_passes_uncut);
    g_test_add_func("/e1000/tx/vlan", a_vlan_tag_is_inserted);
    g_test_add_func("/e1000/tx/full-wire", a_full_wire);
    g_test_add_func("/e1000/tx/full-wire-inside", a_full_wire_inside_a_large_packet);
    g_test_add_func("/e1000/tx/budget", a_long_ring_has_a_budget);
    g_test_add_func("/e1000/tx/delay", transmit_interrupts_are_delayed);
    g_test_add_func("/e1000/tx/loopback", frames_come_back_from_the_phy);
    g_test_add_func("/e1000/tx/loopback-without-buffers", loopback_without_buffers);
    g_test_add_func("/e1000/tx/rings-without-an-end", rings_without_an_end);
    g_test_add_func("/e1000/tx/bad-segmentation", segmentation_that_makes_no_sense);
    g_test_add_func("/e1000/tx/too-much", packets_that_are_too_much);
    g_test_add_func("/e1000/tx/no-bus-master", no_bus_master);
    return g_test_run();
}
