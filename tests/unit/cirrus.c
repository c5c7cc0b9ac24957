/*
 * The Cirrus GD5446 without its engine: the lock, packed-pixel modes dot by dot, start and offset,
 * offset registers, write modes 4 and 5, byte-swapping apertures, the cursor, its place on PCI.
 */
#include "hw/display/cirrus.h"
#include "tests/unit/cirrus_bench.h"
#include "tests/unit/hostile.h"

static void put(struct vga_bench *s, uint64_t addr, uint8_t value)
{
    mmio_write(s->b, addr, value, 1);
}

/* ---- Registers ---- */

static void test_lock(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    vga_sr(&s, 6, 0);
    g_assert_cmphex(cirrus_sr(&s, 6), ==, 0x0f);
    vga_sr(&s, 7, 0x01);
    g_assert_cmphex(cirrus_sr(&s, 7), ==, 0x00);
    vga_gr(&s, 0x20, 0x55);
    g_assert_cmphex(cirrus_gr(&s, 0x20), ==, 0x00);
    g_assert_cmphex(cirrus_cr(&s, 0x27), !=, 0xb8);
    vga_sr(&s, 6, 0x92); /* other bits do not count */
    g_assert_cmphex(cirrus_sr(&s, 6), ==, 0x12);
    vga_sr(&s, 7, 0x01);
    g_assert_cmphex(cirrus_sr(&s, 7), ==, 0x01);
    g_assert_cmphex(cirrus_cr(&s, 0x27), ==, 0xb8);
    vga_bench_destroy(&s);
}

static void test_registers(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    g_assert_cmphex(cirrus_sr(&s, 0x0f) & 0x98, ==, 0x10); /* 1 MiB */
    g_assert_cmphex(cirrus_sr(&s, 0x17) & 0x38, ==, 0x20); /* PCI */
    vga_sr(&s, 0x0e, 0xff);
    g_assert_cmphex(cirrus_sr(&s, 0x0e), ==, 0x7f);
    vga_sr(&s, 8, 0x42); /* clock low, data high: nobody else drives the monitor's lines */
    g_assert_cmphex(cirrus_sr(&s, 8), ==, 0xc2);
    vga_gr(&s, 0x23, 0xff);
    g_assert_cmphex(cirrus_gr(&s, 0x23), ==, 0x07);
    vga_gr(&s, 0, 0xa5);
    g_assert_cmphex(cirrus_gr(&s, 0), ==, 0xa5);

    inb(s.b, 0x3da); /* the attribute controller: the next write is the index */
    g_assert_cmphex(cirrus_cr(&s, 0x24), ==, 0x00);
    outb(s.b, 0x3c0, 0x31);
    g_assert_cmphex(cirrus_cr(&s, 0x24), ==, 0x80);
    g_assert_cmphex(cirrus_cr(&s, 0x26), ==, 0x31);

    cirrus_hidden_dac(&s, 0xc5);
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmphex(inb(s.b, 0x3c6), ==, 0xff);
    g_assert_cmphex(inb(s.b, 0x3c6), ==, 0xc5);
    g_assert_cmphex(inb(s.b, 0x3c6), ==, 0xff);
    vga_bench_destroy(&s);
}

static void test_pci(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    g_assert_cmphex(cfg_read(s.b, 0, 0, 0, 4), ==, 0x00b81013);
    g_assert_cmphex(cfg_read(s.b, 0, 0, 8, 4), ==, 0x03000000);
    g_assert_cmphex(cfg_read(s.b, 0, 0, 0x2c, 4), ==, 0x11001af4);
    cfg_write(s.b, 0, 0, PCI_BAR0, 0xffffffff, 4);
    g_assert_cmphex(cfg_read(s.b, 0, 0, PCI_BAR0, 4), ==, 0xfe000008);
    cfg_write(s.b, 0, 0, PCI_BAR0, (uint32_t)CIRRUS_LFB, 4);
    /* BAR1 has the VGA's ports, and the engine's registers */
    mmio_write(s.b, CIRRUS_MMIO + 0x4, 0x1407, 2);
    g_assert_cmphex(cirrus_sr(&s, 7), ==, 0x14);
    mmio_write(s.b, CIRRUS_BLT + 0x08, 0x123, 2);
    g_assert_cmphex(cirrus_gr(&s, 0x20), ==, 0x23);
    g_assert_cmphex(cirrus_gr(&s, 0x21), ==, 0x01);
    mmio_write(s.b, CIRRUS_BLT, 0x44332211, 4);
    g_assert_cmphex(cirrus_gr(&s, 0x14), ==, 0x44);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_BLT + 0x00, 4), ==, 0x44332211);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_MMIO + 0x800, 1), ==, 0xff);
    vga_bench_destroy(&s);
}

/* ---- Packed pixels ---- */

struct packed {
    unsigned bits, start; /* bytes of video memory */
};

static uint8_t pattern_byte(uint32_t at)
{
    return (uint8_t)((at * 2654435761u) >> 13);
}

static uint32_t grow(unsigned value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t packed_dot(const void *opaque, unsigned x, unsigned y)
{
    const struct packed *p = opaque;
    unsigned bytes = (p->bits + 7) / 8;
    uint32_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        uint32_t at = (p->start + (y * 640 + x) * bytes + i) & (CIRRUS_MEMORY - 1);
        v |= (uint32_t)pattern_byte(at) << (8 * i);
    }
    switch (p->bits) {
    case 8: return vga_dac_color((uint8_t)v);
    case 15: return grow(v >> 10 & 31, 5) << 16 | grow(v >> 5 & 31, 5) << 8 | grow(v & 31, 5);
    case 16: return grow(v >> 11, 5) << 16 | grow(v >> 5 & 63, 6) << 8 | grow(v & 31, 5);
    default: return v & 0xffffff;
    }
}

static void fill_memory(struct vga_bench *s)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY);

    for (uint32_t i = 0; i < CIRRUS_MEMORY; i++)
        memory[i] = pattern_byte(i);
    g_assert_cmpint(dma_write(s->b->mem, CIRRUS_LFB, memory, CIRRUS_MEMORY), ==, 0);
}

/* 24 and 32 bits wrap at the end of this card's memory. */
static void test_depth(gconstpointer data)
{
    static const struct {
        uint8_t sr7, hidden_dac;
    } how[] = {
        [1] = { 0x01, 0 }, [2] = { 0x07, 0xc1 }, [3] = { 0x05, 0xc5 }, [4] = { 0x09, 0xc5 }
    };
    struct packed p = { .bits = GPOINTER_TO_UINT(data) };
    unsigned n = (p.bits + 7) / 8;
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    cirrus_mode(&s, how[n].sr7, p.bits == 15 ? 0xc0 : how[n].hidden_dac);
    vga_expect(&s, 640, 480, packed_dot, &p);
    vga_cr(&s, 0x0c, 0x12);
    vga_cr(&s, 0x0d, 0x34);
    p.start = 0x1234 * 4;
    vga_expect(&s, 640, 480, packed_dot, &p);
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    vga_expect(&s, 640, 480, packed_dot, &p);
    vga_bench_destroy(&s);
}

/* Bits 16 to 19 of the start are in CR1B and CR1D; addresses are four bytes. */
static void test_far_start(void)
{
    struct packed p = { .bits = 8 };
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    cirrus_mode(&s, 0x01, 0);
    vga_cr(&s, 0x1b, 0x01);
    p.start = 0x10000 * 4;
    vga_expect(&s, 640, 480, packed_dot, &p);
    vga_cr(&s, 0x1b, 0x04);
    p.start = 0x20000 * 4;
    vga_expect(&s, 640, 480, packed_dot, &p);
    vga_bench_destroy(&s);
}

static uint32_t doubled_dot(const void *opaque, unsigned x, unsigned y)
{
    return packed_dot(opaque, x, y / 2);
}

static void test_double_scan(void)
{
    struct packed p = { .bits = 8 };
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    cirrus_mode(&s, 0x01, 0);
    vga_cr(&s, 9, 0xc0);
    vga_expect(&s, 640, 480, doubled_dot, &p);
    vga_bench_destroy(&s);
}

/* ---- Ways to memory ---- */

static void test_apertures(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    for (uint32_t i = 0; i < 8; i++) {
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + i, 1), ==, pattern_byte(i));
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x400000 + i, 1), ==, pattern_byte(i ^ 1));
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x800000 + i, 1), ==, pattern_byte(i ^ 3));
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0xc00000 + i, 1), ==, 0xff);
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x1000000 + i, 1), ==, 0xff);
    }
    mmio_write(s.b, CIRRUS_LFB + 0x400000, 0x1122, 2);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB, 2), ==, 0x2211);
    mmio_write(s.b, CIRRUS_LFB + 0x800000, 0x11223344, 4);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB, 4), ==, 0x44332211);
    mmio_write(s.b, CIRRUS_LFB + 0xc00000, 0, 4);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB, 4), ==, 0x44332211);
    vga_bench_destroy(&s);
}

static void test_offsets(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    cirrus_mode(&s, 0x01, 0);
    vga_gr(&s, 6, 0x05);
    vga_gr(&s, 9, 0x10); /* in 4K: 64K */
    g_assert_cmphex(mmio_read(s.b, 0xa0123, 1), ==, pattern_byte(0x10123));
    g_assert_cmphex(mmio_read(s.b, 0xaf123, 1), ==, pattern_byte(0x1f123));
    vga_gr(&s, 0xb, 0x21); /* 16K, and each half its own */
    vga_gr(&s, 0xa, 0x03);
    g_assert_cmphex(mmio_read(s.b, 0xa0123, 1), ==, pattern_byte(0x40123));
    g_assert_cmphex(mmio_read(s.b, 0xa8123, 1), ==, pattern_byte(0x0c123));
    put(&s, 0xa8000, 0x5a);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0xc000, 1), ==, 0x5a);
    vga_bench_destroy(&s);
}

/* A byte of the CPU is eight pixels: ones in GR1's colour, zeroes in GR0's, where SR2 lets them. */
static void test_write_modes(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    cirrus_mode(&s, 0x01, 0);
    vga_gr(&s, 6, 0x05);
    vga_gr(&s, 0, 0xb0);
    vga_gr(&s, 1, 0xf1);
    vga_gr(&s, 0xb, 0x06); /* extended write modes, BY8 */
    vga_sr(&s, 2, 0xfe);
    vga_gr(&s, 5, 0x05);
    put(&s, 0xa0002, 0xa5);
    vga_gr(&s, 5, 0x04);
    vga_sr(&s, 2, 0xff);
    put(&s, 0xa0003, 0x81);
    vga_gr(&s, 0xb, 0x00);
    static const uint8_t opaque[8] = { 0xf1, 0xb0, 0xf1, 0xb0, 0xb0, 0xf1, 0xb0, 0x00 };
    static const uint8_t ones[8] = { 0xf1, 0, 0, 0, 0, 0, 0, 0xf1 };
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 16 + i, 1), ==, opaque[i]);
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 24 + i, 1), ==, ones[i]);
    }
    vga_bench_destroy(&s);
}

static void test_write_modes_16(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    cirrus_mode(&s, 0x07, 0xc1);
    vga_gr(&s, 6, 0x05);
    vga_gr(&s, 0, 0x34);
    vga_gr(&s, 0x10, 0x12);
    vga_gr(&s, 1, 0x78);
    vga_gr(&s, 0x11, 0x56);
    vga_gr(&s, 0xb, 0x16);
    vga_sr(&s, 2, 0xff);
    vga_gr(&s, 5, 0x05);
    put(&s, 0xa0001, 0x40);
    vga_gr(&s, 0xb, 0x00);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 16, 4), ==, 0x56781234);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 28, 4), ==, 0x12341234);
    vga_bench_destroy(&s);
}

/* Write mode 1 copies eight pixels that a read has latched. */
static void test_wide_latches(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    cirrus_mode(&s, 0x01, 0);
    vga_gr(&s, 6, 0x05);
    vga_gr(&s, 0xb, 0x0a);
    vga_gr(&s, 5, 0x01);
    mmio_read(s.b, 0xa0002, 1);
    put(&s, 0xa0100, 0);
    vga_gr(&s, 0xb, 0x00);
    for (unsigned i = 0; i < 8; i++)
        g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x800 + i, 1), ==, pattern_byte(16 + i));
    vga_bench_destroy(&s);
}

/* Plain memory is mapped for the guest; what needs to be looked at is not. */
static void test_mapped(void)
{
    struct vga_bench s;
    uint8_t byte;

    cirrus_bench_create(&s);
    g_assert_cmpint(dma_read(s.b->mem, CIRRUS_LFB, &byte, 1), ==, 0);
    vga_gr(&s, 0xb, 0x02); /* BY8 */
    g_assert_cmpint(dma_read(s.b->mem, CIRRUS_LFB, &byte, 1), ==, -EFAULT);
    vga_gr(&s, 0xb, 0x00);
    g_assert_cmpint(dma_read(s.b->mem, CIRRUS_LFB, &byte, 1), ==, 0);
    vga_sr(&s, 0x17, 0x44); /* the engine's registers at the end of the frame buffer */
    g_assert_cmpint(dma_read(s.b->mem, CIRRUS_LFB, &byte, 1), ==, -EFAULT);
    mmio_write(s.b, CIRRUS_LFB + CIRRUS_MEMORY - 0x100 + 0x0a, 0x77, 1);
    g_assert_cmphex(cirrus_gr(&s, 0x22), ==, 0x77);
    vga_sr(&s, 0x17, 0x04); /* and at 0xB8000 */
    mmio_write(s.b, 0xb800a, 0x66, 1);
    g_assert_cmphex(cirrus_gr(&s, 0x22), ==, 0x66);
    g_assert_cmpint(dma_read(s.b->mem, CIRRUS_LFB, &byte, 1), ==, 0);
    vga_gr(&s, 0xb, 0x02);
    cfg_write(s.b, 0, 0, PCI_BAR0, 0xe2000000, 4); /* a BAR that moves stays as it was */
    g_assert_cmpint(dma_read(s.b->mem, 0xe2000000, &byte, 1), ==, -EFAULT);
    vga_gr(&s, 0xb, 0x00);
    g_assert_cmpint(dma_read(s.b->mem, 0xe2000000, &byte, 1), ==, 0);
    vga_bench_destroy(&s);
}

/* ---- The cursor ---- */

struct cursor {
    struct packed below;
    unsigned x, y, size;
};

/* Rows take turns: transparent, inverted, background, foreground; each only in even columns. */
static uint32_t cursor_dot(const void *opaque, unsigned x, unsigned y)
{
    const struct cursor *c = opaque;
    uint32_t below = packed_dot(&c->below, x, y);

    if (x < c->x || y < c->y || x >= c->x + c->size || y >= c->y + c->size || (x - c->x) % 2 != 0)
        return below;
    switch ((y - c->y) % 4) {
    case 1: return below ^ 0xffffff;
    case 2: return 0xff0000;
    case 3: return 0x00ff00;
    default: return below;
    }
}

static void load_cursor(struct vga_bench *s, uint32_t at, unsigned size)
{
    unsigned line = size / 8;

    for (unsigned y = 0; y < size; y++)
        for (unsigned i = 0; i < line; i++) {
            uint32_t zero = size == 64 ? y * 16 + i : y * 4 + i,
                     one = zero + (size == 64 ? 8 : 128);
            put(s, CIRRUS_LFB + at + zero, y % 4 == 1 || y % 4 == 3 ? 0xaa : 0);
            put(s, CIRRUS_LFB + at + one, y % 4 >= 2 ? 0xaa : 0);
        }
}

static void set_cursor_colors(struct vga_bench *s)
{
    static const uint8_t red[] = { 63, 0, 0 }, green[] = { 0, 63, 0 };

    vga_sr(s, 0x12, 0x02);
    outb(s->b, 0x3c8, 0);
    for (unsigned i = 0; i < 3; i++)
        outb(s->b, 0x3c9, red[i]);
    outb(s->b, 0x3c8, 15);
    for (unsigned i = 0; i < 3; i++)
        outb(s->b, 0x3c9, green[i]);
    outb(s->b, 0x3c7, 15);
    g_assert_cmphex(inb(s->b, 0x3c9), ==, 0);
    g_assert_cmphex(inb(s->b, 0x3c9), ==, 63);
    vga_sr(s, 0x12, 0x00);
    outb(s->b, 0x3c7, 0);
    g_assert_cmphex(inb(s->b, 0x3c9), ==, 0); /* the palette is another table */
}

static void move_cursor(struct vga_bench *s, const struct cursor *c)
{
    vga_sr(s, (uint8_t)(0x10 | c->x << 5), (uint8_t)(c->x >> 3));
    vga_sr(s, (uint8_t)(0x11 | c->y << 5), (uint8_t)(c->y >> 3));
}

static void test_cursor(gconstpointer data)
{
    struct cursor c = { { .bits = 32 }, 101, 37, GPOINTER_TO_UINT(data) };
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s);
    cirrus_mode(&s, 0x09, 0xc5);
    set_cursor_colors(&s);
    /* start after the patterns, which would be on the screen otherwise */
    vga_sr(&s, 0x13, c.size == 64 ? 0x07 : 0x05);
    load_cursor(&s, CIRRUS_MEMORY - 0x4000 + (c.size == 64 ? 0x400 : 0x500), c.size);
    vga_cr(&s, 0x11, 0x0c); /* unlocks CR7: 100 lines */
    vga_cr(&s, 0x12, 99);
    vga_cr(&s, 0x07, 0x01);
    move_cursor(&s, &c);
    vga_sr(&s, 0x12, c.size == 64 ? 0x05 : 0x01);
    vga_expect(&s, 640, 100, cursor_dot, &c);
    c.x = 7;
    c.y = 90; /* over the edge */
    move_cursor(&s, &c);
    vga_expect(&s, 640, 100, cursor_dot, &c);
    c.x = 630;
    c.y = 0;
    move_cursor(&s, &c);
    vga_expect(&s, 640, 100, cursor_dot, &c);
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    vga_expect(&s, 640, 100, cursor_dot, &c);
    vga_sr(&s, 0x12, 0x00);
    vga_expect(&s, 640, 100, packed_dot, &c.below);
    vga_bench_destroy(&s);
}

/* ---- A hostile guest ---- */

static void test_hostile(void)
{
    struct vga_bench s;

    cirrus_bench_create(&s);
    for (uint32_t seed = 0; seed < 400; seed++) {
        vga_sr(&s, 6, 0x12);
        hostile_mmio(s.b, CIRRUS_MMIO, 0x200, seed);
        hostile_mmio(s.b, 0xa0000, 0x20000, seed);
        hostile_mmio(s.b, CIRRUS_LFB, 0x2000000, seed);
        hostile_ports(s.b, 0x3b0, 0x30, seed);
        inb(s.b, 0x3da);
        outb(s.b, 0x3c0, 0x20);
        console_update_now(s.con);
        bench_step(s.b, NS_PER_MS);
    }
    for (uint32_t seed = 0; seed < 10; seed++) {
        s.dev = hostile_state(s.b, s.dev, s.properties, seed);
        console_update_now(s.con);
        bench_step(s.b, NS_PER_MS);
    }
    vga_bench_destroy(&s);
}

/* Registers with bits that there are none of: the engine's lines would be as wide as they say. */
static void test_hostile_registers(void)
{
    static const struct hostile_value wide[] = { { "vga.gr", 0x20, 0xff },
                                                 { "vga.gr", 0x21, 0xff } };
    struct vga_bench s;

    cirrus_bench_create(&s);
    g_assert_true(hostile_load(s.dev, wide, G_N_ELEMENTS(wide)));
    g_assert_cmphex(cirrus_gr(&s, 0x20), ==, 0xff);
    g_assert_cmphex(cirrus_gr(&s, 0x21), ==, 0x1f);
    vga_gr(&s, 0x31, 0x02);
    bench_step(s.b, NS_PER_MS);
    vga_bench_destroy(&s);
}

int main(int argc, char **argv)
{
    static const unsigned depths[] = { 8, 15, 16, 24, 32 };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cirrus/hostile-registers", test_hostile_registers);
    g_test_add_func("/cirrus/lock", test_lock);
    g_test_add_func("/cirrus/registers", test_registers);
    g_test_add_func("/cirrus/pci", test_pci);
    for (unsigned i = 0; i < G_N_ELEMENTS(depths); i++) {
        g_autofree char *name = g_strdup_printf("/cirrus/depth-%u", depths[i]);
        g_test_add_data_func(name, GUINT_TO_POINTER(depths[i]), test_depth);
    }
    g_test_add_func("/cirrus/far-start", test_far_start);
    g_test_add_func("/cirrus/double-scan", test_double_scan);
    g_test_add_func("/cirrus/apertures", test_apertures);
    g_test_add_func("/cirrus/offsets", test_offsets);
    g_test_add_func("/cirrus/write-modes", test_write_modes);
    g_test_add_func("/cirrus/write-modes-16", test_write_modes_16);
    g_test_add_func("/cirrus/wide-latches", test_wide_latches);
    g_test_add_func("/cirrus/mapped", test_mapped);
    g_test_add_data_func("/cirrus/cursor-32", GUINT_TO_POINTER(32), test_cursor);
    g_test_add_data_func("/cirrus/cursor-64", GUINT_TO_POINTER(64), test_cursor);
    g_test_add_func("/cirrus/hostile", test_hostile);
    return g_test_run();
}
