/*
 * The window at 0xA0000 as mapped memory: only while an access does just what memory does, only
 * for guests that use it much, and with every written byte on the screen.
 */
#include "tests/unit/cirrus_bench.h"

#define WINDOW UINT64_C(0xa0000)
#define MEMORY (1u << 20)

enum { XRES = 1, YRES, BPP, ENABLE, BANK };

/* The bench has RAM all over the first megabyte; a PC has not. */
static void start(struct vga_bench *s, void (*create)(struct vga_bench *s))
{
    create(s);
    memmap_unmap(s->b->mem, &s->b->ram);
}

static bool mapped(struct vga_bench *s)
{
    uint8_t byte;

    return dma_read(s->b->mem, WINDOW, &byte, 1) == 0;
}

/* As a guest that draws something; what was there stays. */
static void use(struct vga_bench *s)
{
    for (unsigned i = 0; i < 64; i++)
        mmio_read(s->b, WINDOW + i, 1);
}

static void poke(struct vga_bench *s, uint64_t at, uint8_t value)
{
    g_assert_cmpint(dma_write(s->b->mem, at, &value, 1), ==, 0);
}

static uint32_t dot(struct vga_bench *s, unsigned x, unsigned y)
{
    unsigned width, height;
    g_autofree uint32_t *pixels = vga_screen(s, &width, &height);

    return pixels[y * width + x];
}

static void test_mode_13(void)
{
    struct vga_bench s;

    start(&s, vga_bench_create);
    vga_set(&s, &vga_mode_13);
    for (unsigned i = 0; i < 63; i++)
        mmio_write(s.b, WINDOW + i, i, 1);
    g_assert_false(mapped(&s)); /* a few accesses are not worth it */
    mmio_write(s.b, WINDOW + 63, 63, 1);
    g_assert_true(mapped(&s));
    g_assert_cmphex(dot(&s, 20, 0), ==, vga_dac_color(10));
    poke(&s, WINDOW + 320 * 7 + 5, 0x99); /* the second is where the handlers see it too */
    g_assert_cmphex(mmio_read(s.b, WINDOW + 320 * 7 + 5, 1), ==, 0x99);
    g_assert_cmphex(dot(&s, 10, 14), ==, vga_dac_color(0x99));
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    g_assert_false(mapped(&s));
    g_assert_cmphex(dot(&s, 10, 14), ==, vga_dac_color(0x99));
    vga_bench_destroy(&s);
}

/* Each of these makes the graphics controller do something with the bytes. */
static void test_not_plain(void)
{
    static const struct {
        char file;
        uint8_t index, value, usual;
    } registers[] = {
        { 's', 2, 0x07, 0x0f }, { 's', 4, 0x06, 0x0e }, { 'g', 1, 0x01, 0x00 },
        { 'g', 3, 0x08, 0x00 }, { 'g', 3, 0x01, 0x00 }, { 'g', 5, 0x41, 0x40 },
        { 'g', 5, 0x48, 0x40 }, { 'g', 8, 0xf0, 0xff },
    };
    struct vga_bench s;

    start(&s, vga_bench_create);
    vga_set(&s, &vga_mode_13);
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        void (*set)(struct vga_bench *, uint8_t, uint8_t) = registers[i].file == 's' ? vga_sr
                                                                                     : vga_gr;
        use(&s);
        g_assert_true(mapped(&s));
        set(&s, registers[i].index, registers[i].value);
        g_assert_false(mapped(&s));
        use(&s);
        g_assert_false(mapped(&s));
        set(&s, registers[i].index, registers[i].usual);
    }
    use(&s);
    g_assert_true(mapped(&s));
    vga_gr(&s, 0, 0x0f); /* set/reset that is not enabled does nothing */
    g_assert_true(mapped(&s));
    outb(s.b, 0x3c2, 0x61); /* memory off */
    g_assert_false(mapped(&s));
    vga_bench_destroy(&s);
}

static void test_planes_and_text(void)
{
    struct vga_bench s;

    start(&s, vga_bench_create);
    vga_set(&s, &vga_mode_12);
    use(&s);
    g_assert_false(mapped(&s));
    vga_set(&s, &vga_text);
    for (unsigned i = 0; i < 200; i++)
        mmio_write(s.b, 0xb8000 + i, i, 1);
    uint8_t byte;
    g_assert_cmpint(dma_read(s.b->mem, 0xb8000, &byte, 1), ==, -EFAULT);
    vga_bench_destroy(&s);
}

static void test_banks(void)
{
    struct vga_bench s;

    start(&s, vga_bench_create);
    vga_set(&s, &vga_mode_13);
    vga_dispi(&s, XRES, 640);
    vga_dispi(&s, YRES, 480);
    vga_dispi(&s, BPP, 8);
    vga_dispi(&s, ENABLE, 1);
    dot(&s, 0, 0);
    for (uint16_t bank = 0; bank < 4; bank++) {
        vga_dispi(&s, BANK, bank);
        g_assert_false(mapped(&s));
        use(&s);
        poke(&s, WINDOW + 0x1234, (uint8_t)(0x40 + bank)); /* seen though another bank comes next */
    }
    for (uint32_t bank = 0; bank < 4; bank++) {
        uint32_t at = bank * 0x10000 + 0x1234;
        g_assert_cmphex(dot(&s, at % 640, at / 640), ==, vga_dac_color((uint8_t)(0x40 + bank)));
    }
    vga_dispi(&s, ENABLE, 0);
    g_assert_false(mapped(&s));
    vga_bench_destroy(&s);
}

/* The Cirrus has offsets, and an engine that may want what is written there. */
static void test_cirrus(void)
{
    struct blt b = { .width = 4, .height = 1, .dst = 0x100, .mode = FROM_CPU, .rop = 0x0d };
    struct vga_bench s;

    start(&s, cirrus_bench_create);
    cirrus_mode(&s, 0x01, 0);
    vga_gr(&s, 6, 0x05);
    vga_gr(&s, 9, 0x10);
    use(&s);
    poke(&s, WINDOW + 1, 0x5a);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x10001, 1), ==, 0x5a);
    g_assert_cmphex(dot(&s, 0x10001 % 640, 0x10001 / 640), ==, vga_dac_color(0x5a));
    vga_gr(&s, 0xb, 0x01); /* two offsets */
    g_assert_false(mapped(&s));
    vga_gr(&s, 0xb, 0x00);
    use(&s);
    g_assert_true(mapped(&s));
    cirrus_blt_go(&s, &b);
    g_assert_false(mapped(&s));
    mmio_write(s.b, WINDOW, 0, 4);
    use(&s);
    g_assert_true(mapped(&s));
    vga_gr(&s, 9, 0xff); /* the window's end is beyond memory */
    use(&s);
    g_assert_false(mapped(&s));
    vga_bench_destroy(&s);
}

/* A chipset that opens SMRAM there has its way. */
static void test_yields(void)
{
    struct vga_bench s;
    struct mem_block dram = { .name = "smram", .size = 0x20000 };

    start(&s, vga_bench_create);
    dram.host = mem_alloc("smram", dram.size, NULL);
    vga_set(&s, &vga_mode_13);
    use(&s);
    poke(&s, WINDOW, 0x77);
    g_assert_cmpint(memmap_map(s.b->mem, &dram, WINDOW), ==, 0);
    poke(&s, WINDOW, 0x11);
    vga_sr(&s, 2, 0x07);
    vga_sr(&s, 2, 0x0f);
    use(&s); /* and keeps it */
    g_assert_cmphex(dram.host[0], ==, 0x11);
    g_assert_true(dram.mapped);
    memmap_unmap(s.b->mem, &dram);
    g_assert_cmphex(dot(&s, 0, 0), ==, vga_dac_color(0x77));
    mem_free(dram.host, dram.size);
    vga_bench_destroy(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vga-window/mode-13", test_mode_13);
    g_test_add_func("/vga-window/not-plain", test_not_plain);
    g_test_add_func("/vga-window/planes-and-text", test_planes_and_text);
    g_test_add_func("/vga-window/banks", test_banks);
    g_test_add_func("/vga-window/cirrus", test_cirrus);
    g_test_add_func("/vga-window/yields", test_yields);
    return g_test_run();
}
