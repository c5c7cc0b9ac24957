/*
 * A guest that does anything: random registers, rings and frames, from fixed seeds. It knows where
 * rings and buffers are, so that most of what it does is nearly right. Worth running under the
 * sanitizers; `test-e1000_random -m slow` goes on for longer.
 */
#include "tests/unit/e1000_bench.h"

#include "hw/net/e1000_internal.h"

#include <string.h>

static uint32_t below(GRand *r, uint32_t n)
{
    return (uint32_t)g_rand_int_range(r, 0, (gint32)n);
}

/* One of a few values that matter, or anything. */
static uint32_t some_value(GRand *r)
{
    static const uint32_t values[] = { 0,       1,       7,       8,          63,        64,
                                       127,     128,     255,     256,        1024,      0xffff,
                                       0x10000, TX_RING, RX_RING, 0x80000000, 0xffffffff };

    return below(r, 4) == 0 ? g_rand_int(r) : values[below(r, G_N_ELEMENTS(values))];
}

static void write_register(struct e1000_bench *t, GRand *r)
{
    static const uint16_t busy[] = {
        0x0000, 0x0010, 0x0014, 0x0020, 0x00c4, 0x00c8, 0x00d0, 0x0100,
        0x0400, 0x2800, 0x2808, 0x2810, 0x2818, 0x2820, 0x282c, 0x2c00,
        0x3800, 0x3808, 0x3810, 0x3818, 0x3820, 0x3828, 0x382c, 0x5000
    };
    unsigned offset = below(r, 3) == 0 ? below(r, E1000_MMIO_SIZE)
                                       : busy[below(r, G_N_ELEMENTS(busy))];
    unsigned size = 1u << below(r, 4);

    if (below(r, 8) == 0)
        mmio_read(t->b, BAR + offset, size);
    else
        mmio_write(t->b, BAR + offset, below(r, 2) == 0 ? g_rand_int(r) : some_value(r),
                   below(r, 6) == 0 ? size : 4);
}

static uint64_t some_address(GRand *r)
{
    switch (below(r, 8)) {
    case 0: return 0;
    case 1: return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
    case 2: return BAR + below(r, E1000_MMIO_SIZE);
    case 3: return BENCH_RAM_SIZE - below(r, 64);
    default: return TX_DATA + below(r, 0x10000);
    }
}

static void put_random_desc(struct e1000_bench *t, GRand *r, unsigned at)
{
    static const uint32_t kinds[] = { 0, TDESC_DEXT, TDESC_DEXT | TDESC_DTYP_ONE,
                                      TDESC_DEXT | TDESC_DTYP_ONE | TDESC_TSE,
                                      TDESC_DEXT | TDESC_TSE | TUCMD_TCP | TUCMD_IP };
    uint32_t kind = kinds[below(r, G_N_ELEMENTS(kinds))];
    uint32_t length = below(r, 3) == 0 ? some_value(r) & 0xfffff : below(r, 3000);
    uint32_t command = kind | length | (g_rand_int(r) & (TDESC_RS | TDESC_VLE | TDESC_IDE));
    uint8_t *desc = ram(t, TX_RING + at * DESC_SIZE);

    put_le64(desc, (kind & TDESC_DTYP_ONE) != 0 || kind == 0
                       ? some_address(r)
                       : (uint64_t)(34 | 50 << 8) << 32 | 14 | 24 << 8);
    if (below(r, 2) == 0)
        command |= TDESC_EOP;
    put_le32(desc + TDESC_COMMAND, command);
    put_le32(desc + TDESC_STATUS, below(r, 2) == 0 ? 0x05b43600 | POPTS_TXSM : g_rand_int(r));
}

static void transmit(struct e1000_bench *t, GRand *r)
{
    unsigned n = 8u << below(r, 7), filled = below(r, n);

    for (unsigned i = 0; i < filled; i++)
        put_random_desc(t, r, i);
    if (below(r, 2) == 0)
        make_tcp4(ram(t, TX_DATA), 54 + below(r, 10000));
    setup_tx(t, n);
    reg_write(t, R_TDT, below(r, 16) == 0 ? some_value(r) : filled);
}

static void receive(struct e1000_bench *t, GRand *r)
{
    static uint8_t frame[20000];
    size_t len = below(r, 3) == 0 ? below(r, sizeof(frame)) : below(r, 2000);

    if (below(r, 4) == 0)
        setup_rx(t, 8u << below(r, 5), g_rand_int(r) & 0x06dfb33c);
    make_tcp4(frame, 64 + len / 2);
    for (unsigned i = 0; i < 4; i++)
        frame[below(r, 64)] ^= (uint8_t)g_rand_int(r);
    wire_deliver(t->wire, frame, MAX(len, 1));
}

static void disturb(struct e1000_bench *t, GRand *r)
{
    switch (below(r, 6)) {
    case 0: t->wire->room = below(r, 20); break;
    case 1:
        t->wire->room = UINT32_MAX;
        net_writable(&t->wire->backend);
        break;
    case 2: t->wire->backend.offloads = below(r, 8); break;
    case 3: net_set_link(&t->wire->backend, below(r, 3) != 0); break;
    case 4: phy_write(t, below(r, 32), (uint16_t)g_rand_int(r)); break;
    default:
        t->dev = bench_save_load(t->b, t->dev, "netdev=wire,mac=52:54:00:aa:bb:cc,addr=3");
        break;
    }
}

static void one_guest(uint32_t seed)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    GRand *r = g_rand_new_with_seed(seed);

    for (unsigned i = 0; i < 200; i++) {
        switch (below(r, 8)) {
        case 0:
        case 1:
        case 2: write_register(t, r); break;
        case 3:
        case 4: transmit(t, r); break;
        case 5: receive(t, r); break;
        case 6: disturb(t, r); break;
        default: bench_step(t->b, below(r, 1000000)); break;
        }
        g_ptr_array_set_size(t->wire->frames, 0);
    }
    g_rand_free(r);
    e1000_bench_destroy(t);
}

static void guests_that_do_anything(void)
{
    for (uint32_t seed = 0; seed < (g_test_slow() ? 100000 : 100); seed++)
        one_guest(seed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/e1000/random", guests_that_do_anything);
    return g_test_run();
}
