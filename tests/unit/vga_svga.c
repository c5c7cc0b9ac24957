/*
 * The Bochs VBE extension on PCI: linear modes of every depth with virtual sizes and panning,
 * banks, capabilities, registers in memory, the monitor's EDID; and guests that lie about sizes.
 */
#include "hw/core/dma.h"
#include "tests/unit/hostile.h"
#include "tests/unit/vga_bench.h"

enum { ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, MEMORY_64K };

#define ON       0x41
#define NO_CLEAR 0x80
#define DAC8     0x20
#define MEMORY   (1u << 20)

static void set_mode(struct vga_bench *s, unsigned width, unsigned height, unsigned bits)
{
    vga_dispi(s, ENABLE, 0);
    vga_dispi(s, XRES, (uint16_t)width);
    vga_dispi(s, YRES, (uint16_t)height);
    vga_dispi(s, BPP, (uint16_t)bits);
    vga_dispi(s, ENABLE, ON);
}

static void start(struct vga_bench *s)
{
    vga_bench_create(s);
    vga_bench_map(s);
    vga_set(s, &vga_mode_13);
}

/* ---- Linear modes ---- */

struct linear {
    unsigned bits, x_offset, y_offset;
    bool big_endian;
};

static uint32_t pixel_value(unsigned bits, unsigned x, unsigned y)
{
    uint32_t v = x * 2654435761u + y * 40503u * 977u;

    return bits == 8 ? v >> 9 & 0xff : bits == 24 || bits == 32 ? v >> 3 & 0xffffff : v & 0xffff;
}

static uint32_t grow(unsigned value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t linear_dot(const void *opaque, unsigned x, unsigned y)
{
    const struct linear *l = opaque;
    uint32_t v = pixel_value(l->bits, x + l->x_offset, y + l->y_offset);

    switch (l->bits) {
    case 8: return vga_dac_color((uint8_t)v);
    case 15: return grow(v >> 10 & 31, 5) << 16 | grow(v >> 5 & 31, 5) << 8 | grow(v & 31, 5);
    case 16: return grow(v >> 11, 5) << 16 | grow(v >> 5 & 63, 6) << 8 | grow(v & 31, 5);
    default: return v;
    }
}

static void fill(struct vga_bench *s, unsigned bits, unsigned width, unsigned height)
{
    unsigned bytes = (bits + 7) / 8;
    g_autofree uint8_t *line = g_malloc((size_t)width * bytes);

    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++)
            for (unsigned i = 0; i < bytes; i++)
                line[x * bytes + i] = (uint8_t)(pixel_value(bits, x, y) >> (8 * i));
        g_assert_cmpint(dma_write(s->b->mem, VGA_BENCH_LFB + (uint64_t)y * width * bytes, line,
                                  (uint64_t)width * bytes),
                        ==, 0);
    }
}

static void test_depth(gconstpointer data)
{
    struct linear l = { .bits = GPOINTER_TO_UINT(data) };
    struct vga_bench s;

    start(&s);
    set_mode(&s, 320, 200, l.bits);
    vga_dispi(&s, VIRT_WIDTH, 400);
    fill(&s, l.bits, 400, 300);
    vga_expect(&s, 320, 200, linear_dot, &l);
    vga_dispi(&s, X_OFFSET, 13);
    vga_dispi(&s, Y_OFFSET, 57);
    l.x_offset = 13;
    l.y_offset = 57;
    vga_expect(&s, 320, 200, linear_dot, &l);
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    vga_expect(&s, 320, 200, linear_dot, &l);
    vga_bench_destroy(&s);
}

/* 32 bits are shown from video memory itself: a write is on the surface without an update. */
static void test_no_copy(void)
{
    static const uint8_t red[4] = { 0x00, 0x00, 0xff, 0x00 };
    struct vga_bench s;

    start(&s);
    set_mode(&s, 320, 200, 32);
    console_update_now(s.con);
    dma_write(s.b->mem, VGA_BENCH_LFB, red, 4);
    uint32_t seen = *pixman_image_get_data(console_surface(s.con));
    g_assert_cmphex(seen & 0xffffff, ==, 0xff0000);
    vga_bench_destroy(&s); /* and the console does not look at memory that is gone */
}

/* ---- Banks, planes ---- */

static uint32_t bank_dot(const void *opaque, unsigned x, unsigned y)
{
    return vga_dac_color((uint8_t)(y * 640 + x >= 0x10000 ? 0x77 : 0x11));
}

static void test_banks(void)
{
    struct vga_bench s;

    start(&s);
    set_mode(&s, 640, 400, 8);
    vga_gr(&s, 6, 0x05);
    for (uint16_t bank = 0; bank < 4; bank++) {
        vga_dispi(&s, BANK, bank);
        for (uint32_t i = 0; i < 0x10000; i += 8)
            mmio_write(s.b, 0xa0000 + i,
                       bank != 0 ? UINT64_C(0x7777777777777777) : UINT64_C(0x1111111111111111), 8);
    }
    vga_expect(&s, 640, 400, bank_dot, NULL);
    vga_dispi(&s, BANK, 0);
    g_assert_cmphex(mmio_read(s.b, 0xa1234, 2), ==, 0x1111);
    vga_bench_destroy(&s);
}

static uint32_t stripes(const void *opaque, unsigned x, unsigned y)
{
    return vga_color(&vga_mode_12, x % 8 < 4 ? 5 : 0);
}

static void test_16_colors(void)
{
    struct vga_bench s;

    start(&s);
    vga_set(&s, &vga_mode_12);
    set_mode(&s, 800, 600, 4);
    vga_sr(&s, 2, 0x5);
    for (uint32_t i = 0; i < 100 * 600; i++)
        mmio_write(s.b, 0xa0000 + i, 0xf0, 1);
    vga_expect(&s, 800, 600, stripes, NULL);
    vga_bench_destroy(&s);
}

static uint32_t grey(const void *opaque, unsigned x, unsigned y)
{
    return 0x818181;
}

static void test_8_bit_dac(void)
{
    struct vga_bench s;

    start(&s);
    set_mode(&s, 320, 200, 8);
    vga_dispi(&s, ENABLE, ON | DAC8);
    outb(s.b, 0x3c8, 0);
    for (unsigned i = 0; i < 3; i++)
        outb(s.b, 0x3c9, 0x81);
    vga_expect(&s, 320, 200, grey, NULL);
    vga_bench_destroy(&s);
}

/* ---- Registers ---- */

static void test_registers(void)
{
    struct vga_bench s;

    start(&s);
    g_assert_cmphex(vga_dispi_read(&s, ID), ==, 0xb0c5);
    vga_dispi(&s, ID, 0xb0c2);
    g_assert_cmphex(vga_dispi_read(&s, ID), ==, 0xb0c2);
    vga_dispi(&s, ID, 0x1234);
    g_assert_cmphex(vga_dispi_read(&s, ID), ==, 0xb0c2);
    g_assert_cmpuint(vga_dispi_read(&s, MEMORY_64K), ==, MEMORY / 0x10000);
    vga_dispi(&s, ENABLE, 2);
    g_assert_cmpuint(vga_dispi_read(&s, BPP), ==, 32);
    g_assert_cmpuint(vga_dispi_read(&s, XRES), >=, 2560);
    outw(s.b, 0x1ce, ID); /* the data port's other address */
    g_assert_cmphex(inw(s.b, 0x1d0), ==, 0xb0c2);
    vga_bench_destroy(&s);
}

static void test_mmio(void)
{
    struct vga_bench s;
    struct linear l = { .bits = 16 };

    start(&s);
    g_assert_cmphex(mmio_read(s.b, VGA_BENCH_MMIO + 0x500, 2), ==, 0xb0c5);
    mmio_write(s.b, VGA_BENCH_MMIO + 0x500 + 2 * XRES, 320, 2);
    mmio_write(s.b, VGA_BENCH_MMIO + 0x500 + 2 * YRES, 200, 2);
    mmio_write(s.b, VGA_BENCH_MMIO + 0x500 + 2 * BPP, 16, 2);
    mmio_write(s.b, VGA_BENCH_MMIO + 0x500 + 2 * ENABLE, ON, 2);
    mmio_read(s.b, VGA_BENCH_MMIO + 0x41a, 1); /* port 0x3DA: then 0x3C0 takes an index */
    mmio_write(s.b, VGA_BENCH_MMIO + 0x400, 0x20, 1);
    fill(&s, 16, 320, 200);
    vga_expect(&s, 320, 200, linear_dot, &l);
    mmio_write(s.b, VGA_BENCH_MMIO + 0x404, 0x0f02, 2); /* 0x3C4: index, then data */
    g_assert_cmphex(mmio_read(s.b, VGA_BENCH_MMIO + 0x405, 1), ==, 0x0f);
    g_assert_cmpuint(mmio_read(s.b, VGA_BENCH_MMIO + 0x600, 4), ==, 8);
    g_assert_cmphex(mmio_read(s.b, VGA_BENCH_MMIO + 0x604, 4), ==, 0x1e1e1e1e);
    vga_bench_destroy(&s);
}

static uint32_t swapped(const void *opaque, unsigned x, unsigned y)
{
    uint32_t v = pixel_value(32, x, y);

    return __builtin_bswap32(v) & 0xffffff;
}

static void test_big_endian(void)
{
    struct vga_bench s;

    start(&s);
    set_mode(&s, 320, 200, 32);
    fill(&s, 32, 320, 200);
    mmio_write(s.b, VGA_BENCH_MMIO + 0x604, 0xbebebebe, 4);
    vga_expect(&s, 320, 200, swapped, NULL);
    vga_bench_destroy(&s);
}

/* ---- EDID ---- */

static void read_edid(struct vga_bench *s, uint8_t *edid)
{
    for (unsigned i = 0; i < 256; i++)
        edid[i] = (uint8_t)mmio_read(s->b, VGA_BENCH_MMIO + i, 1);
}

static unsigned detailed_width(const uint8_t *p)
{
    return p[2] | (p[4] & 0xf0u) << 4;
}

static unsigned detailed_height(const uint8_t *p)
{
    return p[5] | (p[7] & 0xf0u) << 4;
}

static void test_edid(void)
{
    struct vga_bench s;
    uint8_t edid[256], sum[2] = { 0 };

    start(&s);
    read_edid(&s, edid);
    for (unsigned i = 0; i < 256; i++)
        sum[i / 128] += edid[i];
    g_assert_cmpuint(sum[0], ==, 0);
    g_assert_cmpuint(sum[1], ==, 0);
    g_assert_cmpuint(detailed_width(edid + 54), ==, 1024);
    g_assert_cmpuint(detailed_height(edid + 54), ==, 768);
    g_assert_cmpuint(detailed_width(edid + 128 + 4), ==, 2560);
    g_assert_cmpuint(detailed_height(edid + 128 + 4), ==, 1600);
    /* CVT with reduced blanking: 268.5 MHz, 46 lines of blanking */
    g_assert_cmpuint(get_le16(edid + 128 + 4), >=, 26800);
    g_assert_cmpuint(get_le16(edid + 128 + 4), <=, 26900);
    g_assert_cmpuint(edid[128 + 4 + 6], ==, 46);

    console_set_ui_info(s.con, 1400, 1050); /* a viewer's window changes its size */
    read_edid(&s, edid);
    g_assert_cmpuint(detailed_width(edid + 54), ==, 1400);
    g_assert_cmpuint(detailed_height(edid + 54), ==, 1050);
    vga_bench_destroy(&s);
}

/* ---- Sizes that don't fit ---- */

/* What registers say is inside memory, whatever was written in whatever order. */
static void assert_inside(struct vga_bench *s)
{
    unsigned bits = vga_dispi_read(s, BPP), line = vga_dispi_read(s, VIRT_WIDTH);
    uint64_t bytes = bits == 4 ? line / 2 : line * ((bits + 7u) / 8);

    if ((vga_dispi_read(s, ENABLE) & 3) != 1)
        return;
    g_assert_cmpuint(bytes * (vga_dispi_read(s, Y_OFFSET) + vga_dispi_read(s, YRES)), <=, MEMORY);
    g_assert_cmpuint(vga_dispi_read(s, X_OFFSET) + vga_dispi_read(s, XRES), <=, line);
    g_assert_cmpuint((vga_dispi_read(s, BANK) + 1u) * (bits == 4 ? 0x40000 : 0x10000), <=, MEMORY);
}

/* CVE-2014-3615, CVE-2016-3710, CVE-2016-3712: sizes, banks and depths in the wrong order. */
static void test_wrong_order(void)
{
    struct vga_bench s;

    start(&s);
    set_mode(&s, 1024, 768, 32); /* 3 MiB do not fit */
    assert_inside(&s);
    g_assert_cmpuint(vga_dispi_read(&s, YRES), ==, 256);
    set_mode(&s, 640, 400, 8);
    vga_dispi(&s, Y_OFFSET, 1200);
    vga_dispi(&s, BANK, 15);
    vga_dispi(&s, BPP, 32);
    assert_inside(&s);
    vga_dispi(&s, BPP, 4);
    assert_inside(&s);
    vga_dispi(&s, VIRT_WIDTH, 0xffff);
    vga_dispi(&s, X_OFFSET, 0xffff);
    vga_dispi(&s, XRES, 0xffff);
    assert_inside(&s);
    vga_dispi(&s, XRES, 0);
    vga_dispi(&s, YRES, 0);
    assert_inside(&s);
    console_update_now(s.con);
    vga_bench_destroy(&s);
}

static void test_hostile(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4711);
    struct vga_bench s;

    start(&s);
    for (uint32_t seed = 0; seed < 300; seed++) {
        for (unsigned n = 0; n < 8; n++) {
            vga_dispi(&s, (uint16_t)g_rand_int_range(rand, 0, 12), (uint16_t)g_rand_int(rand));
            assert_inside(&s);
        }
        vga_dispi(&s, ENABLE, ON | NO_CLEAR);
        hostile_mmio(s.b, VGA_BENCH_MMIO, 0x700, seed);
        hostile_mmio(s.b, 0xa0000, 0x20000, seed);
        hostile_ports(s.b, 0x1c0, 0x20, seed);
        inb(s.b, 0x3da);
        outb(s.b, 0x3c0, 0x20);
        console_update_now(s.con);
    }
    for (uint32_t seed = 0; seed < 10; seed++) {
        s.dev = hostile_state(s.b, s.dev, s.properties, seed);
        console_update_now(s.con);
    }
    vga_bench_destroy(&s);
}

int main(int argc, char **argv)
{
    static const unsigned depths[] = { 8, 15, 16, 24, 32 };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(depths); i++) {
        g_autofree char *name = g_strdup_printf("/vga-svga/depth-%u", depths[i]);
        g_test_add_data_func(name, GUINT_TO_POINTER(depths[i]), test_depth);
    }
    g_test_add_func("/vga-svga/no-copy", test_no_copy);
    g_test_add_func("/vga-svga/banks", test_banks);
    g_test_add_func("/vga-svga/16-colors", test_16_colors);
    g_test_add_func("/vga-svga/8-bit-dac", test_8_bit_dac);
    g_test_add_func("/vga-svga/registers", test_registers);
    g_test_add_func("/vga-svga/mmio", test_mmio);
    g_test_add_func("/vga-svga/big-endian", test_big_endian);
    g_test_add_func("/vga-svga/edid", test_edid);
    g_test_add_func("/vga-svga/wrong-order", test_wrong_order);
    g_test_add_func("/vga-svga/hostile", test_hostile);
    return g_test_run();
}
