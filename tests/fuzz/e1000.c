#include "tests/fuzz/e1000.h"

#include "hw/net/e1000_internal.h"
#include "tests/unit/e1000_bench.h"

#include <string.h>

#define FRAME_MAX 20000

/* The input, taken a few bytes at a time; zeroes after its end. */
struct input {
    const uint8_t *data;
    size_t size;
};

static uint32_t any(struct input *in)
{
    uint8_t bytes[4] = { 0 };
    size_t n = MIN(in->size, sizeof(bytes));

    memcpy(bytes, in->data, n);
    in->data += n;
    in->size -= n;
    return get_le32(bytes);
}

/* 0 to n - 1, for n up to 256 from one byte. */
static uint32_t below(struct input *in, uint32_t n)
{
    if (n > 256)
        return any(in) % n;
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++ % n;
}

/* One of a few values that matter, or anything. */
static uint32_t some_value(struct input *in)
{
    static const uint32_t values[] = { 0,       1,       7,       8,          63,        64,
                                       127,     128,     255,     256,        1024,      0xffff,
                                       0x10000, TX_RING, RX_RING, 0x80000000, 0xffffffff };

    return below(in, 4) == 0 ? any(in) : values[below(in, G_N_ELEMENTS(values))];
}

static void write_register(struct e1000_bench *t, struct input *in)
{
    static const uint16_t busy[] = {
        0x0000, 0x0010, 0x0014, 0x0020, 0x00c4, 0x00c8, 0x00d0, 0x0100,
        0x0400, 0x2800, 0x2808, 0x2810, 0x2818, 0x2820, 0x282c, 0x2c00,
        0x3800, 0x3808, 0x3810, 0x3818, 0x3820, 0x3828, 0x382c, 0x5000
    };
    unsigned offset = below(in, 3) == 0 ? below(in, E1000_MMIO_SIZE)
                                        : busy[below(in, G_N_ELEMENTS(busy))];
    unsigned size = 1u << below(in, 4);

    if (below(in, 8) == 0)
        mmio_read(t->b, BAR + offset, size);
    else
        mmio_write(t->b, BAR + offset, below(in, 2) == 0 ? any(in) : some_value(in),
                   below(in, 6) == 0 ? size : 4);
}

static uint64_t some_address(struct input *in)
{
    switch (below(in, 8)) {
    case 0: return 0;
    case 1: return (uint64_t)any(in) << 32 | any(in);
    case 2: return BAR + below(in, E1000_MMIO_SIZE);
    case 3: return BENCH_RAM_SIZE - below(in, 64);
    default: return TX_DATA + below(in, 0x10000);
    }
}

static void put_random_desc(struct e1000_bench *t, struct input *in, unsigned at)
{
    static const uint32_t kinds[] = { 0, TDESC_DEXT, TDESC_DEXT | TDESC_DTYP_ONE,
                                      TDESC_DEXT | TDESC_DTYP_ONE | TDESC_TSE,
                                      TDESC_DEXT | TDESC_TSE | TUCMD_TCP | TUCMD_IP };
    uint32_t kind = kinds[below(in, G_N_ELEMENTS(kinds))];
    uint32_t length = below(in, 3) == 0 ? some_value(in) & 0xfffff : below(in, 3000);
    uint32_t command = kind | length | (any(in) & (TDESC_RS | TDESC_VLE | TDESC_IDE));
    uint8_t *desc = ram(t, TX_RING + at * DESC_SIZE);

    put_le64(desc, (kind & TDESC_DTYP_ONE) != 0 || kind == 0
                       ? some_address(in)
                       : (uint64_t)(34 | 50 << 8) << 32 | 14 | 24 << 8);
    if (below(in, 2) == 0)
        command |= TDESC_EOP;
    put_le32(desc + TDESC_COMMAND, command);
    put_le32(desc + TDESC_STATUS, below(in, 2) == 0 ? 0x05b43600 | POPTS_TXSM : any(in));
}

static void transmit(struct e1000_bench *t, struct input *in)
{
    unsigned n = 8u << below(in, 7), filled = below(in, n);

    for (unsigned i = 0; i < filled; i++)
        put_random_desc(t, in, i);
    if (below(in, 2) == 0)
        make_tcp4(ram(t, TX_DATA), 54 + below(in, 10000));
    setup_tx(t, n);
    reg_write(t, R_TDT, below(in, 16) == 0 ? some_value(in) : filled);
}

static void receive(struct e1000_bench *t, struct input *in)
{
    static uint8_t frame[FRAME_MAX];
    size_t len = below(in, 3) == 0 ? below(in, sizeof(frame)) : below(in, 2000);

    if (below(in, 4) == 0)
        setup_rx(t, 8u << below(in, 5), any(in) & 0x06dfb37c);
    make_tcp4(frame, 64 + len / 2);
    for (unsigned i = 0; i < 4; i++)
        frame[below(in, 64)] ^= (uint8_t)any(in);
    wire_deliver(t->wire, frame, MAX(len, 1));
}

static void disturb(struct e1000_bench *t, struct input *in)
{
    switch (below(in, 6)) {
    case 0: t->wire->room = below(in, 20); break;
    case 1:
        t->wire->room = UINT32_MAX;
        net_writable(&t->wire->backend);
        break;
    case 2: t->wire->backend.offloads = below(in, 8); break;
    case 3: net_set_link(&t->wire->backend, below(in, 3) != 0); break;
    case 4: phy_write(t, below(in, 32), (uint16_t)any(in)); break;
    default:
        t->dev = bench_save_load(t->b, t->dev, "netdev=wire,mac=52:54:00:aa:bb:cc,addr=3");
        break;
    }
}

void fuzz_e1000(const uint8_t *data, size_t size)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    struct input in = { data, size };

    while (in.size > 0) {
        switch (below(&in, 8)) {
        case 0:
        case 1:
        case 2: write_register(t, &in); break;
        case 3:
        case 4: transmit(t, &in); break;
        case 5: receive(t, &in); break;
        case 6: disturb(t, &in); break;
        default: bench_step(t->b, below(&in, 1000000)); break;
        }
        g_ptr_array_set_size(t->wire->frames, 0);
    }
    e1000_bench_destroy(t);
}
