/*
 * The Cirrus' BitBLT engine: every kind of BLT at every depth with every raster operation, its
 * result compared with a model that works pixel by pixel from the manual's words; how BLTs are
 * started, paused and reset; and the ways in which guests have made other emulators write where
 * they should not.
 */
#include "tests/unit/cirrus_model.h"

#define MASK (CIRRUS_MEMORY - 1)

static void fill_memory(struct vga_bench *s, uint8_t *memory, uint32_t seed)
{
    uint64_t n = seed;

    for (uint32_t i = 0; i < CIRRUS_MEMORY; i += 4) {
        n = n * UINT64_C(6364136223846793005) + 1;
        put_le32(memory + i, (uint32_t)(n >> 32));
    }
    g_assert_cmpint(dma_write(s->b->mem, CIRRUS_LFB, memory, CIRRUS_MEMORY), ==, 0);
}

static void expect(struct vga_bench *s, const uint8_t *memory, const struct blt *b)
{
    g_autofree uint8_t *seen = g_malloc(CIRRUS_MEMORY);

    cirrus_peek(s, seen);
    for (uint32_t i = 0; i < CIRRUS_MEMORY; i++)
        if (seen[i] != memory[i]) {
            g_test_message("byte 0x%x, mode %02x ext %02x rop %02x width %u", i, b->mode,
                           b->mode_ext, b->rop, b->width);
            g_assert_cmphex(seen[i], ==, memory[i]);
        }
}

/* ---- Within video memory ---- */

/* All widths of a pixel, with bits of mode and mode_ext as given. */
static void screen_to_screen(uint8_t mode, uint8_t mode_ext)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY);
    struct vga_bench s;

    cirrus_bench_create(&s);
    for (unsigned depth = 0; depth < 4; depth++)
        for (unsigned r = 0; r < CIRRUS_N_ROPS; r++) {
            struct blt b = { .width = 37 * (depth + 1),
                             .height = 11,
                             .dst_pitch = 640,
                             .src_pitch = 320,
                             .dst = 0x80123,
                             .src = 0x10245,
                             .fg = 0x12345678,
                             .bg = 0xfedcba98,
                             .mode = (uint8_t)(mode | depth << 4),
                             .mode_ext = mode_ext,
                             .rop = cirrus_rops[r].code,
                             .skip = (uint8_t)(r % 8) };
            fill_memory(&s, memory, depth * 16 + r);
            b.key = get_le16(memory + b.src + 8);
            cirrus_model(&b, memory, memory, MASK);
            cirrus_blt_go(&s, &b);
            g_assert_false(cirrus_blt_busy(&s));
            expect(&s, memory, &b);
        }
    vga_bench_destroy(&s);
}

static void test_copy(void)
{
    screen_to_screen(0, 0);
}

static void test_transparent_copy(void)
{
    screen_to_screen(TRANSPARENT, 0);
}

static void test_expand(void)
{
    screen_to_screen(EXPAND, 0);
    screen_to_screen(EXPAND, DWORD_LINES);
}

static void test_transparent_expand(void)
{
    screen_to_screen(EXPAND | TRANSPARENT, 0);
    screen_to_screen(EXPAND | TRANSPARENT, INVERT);
}

static void test_pattern(void)
{
    screen_to_screen(PATTERN, 0);
}

static void test_expanded_pattern(void)
{
    screen_to_screen(PATTERN | EXPAND, 0);
    screen_to_screen(PATTERN | EXPAND | TRANSPARENT, INVERT);
}

static void test_solid(void)
{
    screen_to_screen(PATTERN | EXPAND, SOLID);
}

/* A picture moved down over itself: the last line and byte first. */
static void test_backwards(void)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY), *before = NULL;
    struct blt b = { .width = 200,
                     .height = 50,
                     .dst_pitch = 256,
                     .src_pitch = 256,
                     .mode = BACKWARDS,
                     .rop = 0x0d };
    uint32_t from = 0x4000, to = 0x4000 + 7 * 256 + 3, end = 49 * 256 + 199;
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s, memory, 1);
    before = g_memdup2(memory, CIRRUS_MEMORY);
    for (uint32_t y = 0; y < b.height; y++)
        memcpy(memory + to + y * 256, before + from + y * 256, b.width);
    b.src = from + end;
    b.dst = to + end;
    cirrus_blt_go(&s, &b);
    expect(&s, memory, &b);
    vga_bench_destroy(&s);
}

/* ---- By the CPU ---- */

/* As a driver does it: doublewords, to the window or to the frame buffer. */
static void send(struct vga_bench *s, uint64_t where, const uint8_t *data, uint32_t size)
{
    for (uint32_t i = 0; i < size; i += 4) {
        g_assert_true(cirrus_blt_busy(s));
        mmio_write(s->b, where + i % 64, get_le32(data + i), 4);
    }
    g_assert_false(cirrus_blt_busy(s));
}

/* What the CPU sends: lines of a picture in doublewords, of bits as they come, or a pattern. */
static uint32_t sent_size(const struct blt *b)
{
    if ((b->mode & PATTERN) != 0)
        return (b->mode & EXPAND) != 0
                   ? 8
                   : 8 * 8 * (cirrus_model_pixel_bytes(b) == 3 ? 4 : cirrus_model_pixel_bytes(b));
    if ((b->mode & EXPAND) != 0)
        return (cirrus_model_bit_line(b) * b->height + 3) & ~3u;
    return ((b->width + 3) & ~3u) * b->height;
}

static void system_to_screen(uint8_t mode, uint8_t mode_ext, uint64_t where, uint8_t gr31)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY), *data = g_malloc(CIRRUS_MEMORY);
    struct vga_bench s;

    cirrus_bench_create(&s);
    vga_gr(&s, 6, 0x05);
    for (unsigned depth = 0; depth < 4; depth++) {
        struct blt b = { .width = 21 * (depth + 1),
                         .height = 9,
                         .dst_pitch = 400,
                         .dst = 0x30007,
                         .fg = 0x12345678,
                         .bg = 0xfedcba98,
                         .mode = (uint8_t)(mode | FROM_CPU | depth << 4),
                         .mode_ext = mode_ext,
                         .rop = 0x59,
                         .skip = 2,
                         .key = 0x1234 };
        fill_memory(&s, data, 77 + depth);
        fill_memory(&s, memory, depth);
        struct blt in_model = b;
        in_model.src_pitch = (b.width + 3) & ~3u;
        cirrus_model(&in_model, memory, data, MASK);
        cirrus_blt_set(&s, &b);
        vga_gr(&s, 0x31, START | gr31);
        send(&s, where, data, sent_size(&b));
        expect(&s, memory, &b);
    }
    vga_bench_destroy(&s);
}

static void test_from_cpu(void)
{
    system_to_screen(0, 0, 0xa0000, 0);
    system_to_screen(0, 0, CIRRUS_LFB + 0x1234, 0);
    system_to_screen(0, 0, CIRRUS_LFB + 0x1000000, APERTURE2);
    system_to_screen(TRANSPARENT, 0, 0xa0000, 0);
}

static void test_text_from_cpu(void)
{
    system_to_screen(EXPAND, 0, 0xa0000, 0);
    system_to_screen(EXPAND, DWORD_LINES, CIRRUS_LFB, 0);
    system_to_screen(EXPAND | TRANSPARENT, 0, 0xa0000, 0);
}

static void test_pattern_from_cpu(void)
{
    system_to_screen(PATTERN, 0, 0xa0000, 0);
    system_to_screen(PATTERN | EXPAND, 0, 0xa0000, 0);
}

/* The second aperture takes it all, so that the first one stays memory. */
static void test_aperture2(void)
{
    struct blt b = { .width = 4, .height = 1, .dst = 0x100, .mode = FROM_CPU, .rop = 0x0d };
    struct vga_bench s;
    uint8_t byte = 0x5a;

    cirrus_bench_create(&s);
    cirrus_blt_set(&s, &b);
    vga_gr(&s, 0x31, START | APERTURE2);
    g_assert_cmpint(dma_write(s.b->mem, CIRRUS_LFB, &byte, 1), ==, 0);
    mmio_write(s.b, CIRRUS_LFB + 1, 0xa5, 1);
    g_assert_true(cirrus_blt_busy(&s));
    mmio_write(s.b, CIRRUS_LFB + 0x1000000, 0x04030201, 4);
    g_assert_false(cirrus_blt_busy(&s));
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB, 2), ==, 0xa55a);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x100, 4), ==, 0x04030201);
    cirrus_blt_set(&s, &b); /* without it memory is not mapped meanwhile */
    vga_gr(&s, 0x31, START);
    g_assert_cmpint(dma_write(s.b->mem, CIRRUS_LFB, &byte, 1), ==, -EFAULT);
    vga_bench_destroy(&s);
}

static void test_to_cpu(void)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY);
    struct blt b = {
        .width = 13, .height = 5, .src_pitch = 320, .src = 0xffff0, .mode = TO_CPU, .rop = 0x0d
    };
    struct vga_bench s;

    cirrus_bench_create(&s);
    vga_gr(&s, 6, 0x05);
    fill_memory(&s, memory, 5);
    cirrus_blt_go(&s, &b);
    for (uint32_t y = 0; y < b.height; y++)
        for (uint32_t x = 0; x < 16; x += 4) {
            uint8_t bytes[4];
            g_assert_true(cirrus_blt_busy(&s));
            put_le32(bytes, (uint32_t)mmio_read(s.b, 0xa0000, 4));
            for (uint32_t i = 0; i < 4; i++)
                g_assert_cmphex(bytes[i], ==,
                                x + i < b.width ? memory[(b.src + y * 320 + x + i) & MASK] : 0);
        }
    g_assert_false(cirrus_blt_busy(&s));
    expect(&s, memory, &b);
    vga_bench_destroy(&s);
}

/* ---- Control ---- */

static void test_autostart(void)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY);
    struct blt b = { .width = 64,
                     .height = 4,
                     .dst_pitch = 64,
                     .src_pitch = 64,
                     .dst = 0x2000,
                     .src = 0x1000,
                     .rop = 0x0d };
    struct vga_bench s;

    cirrus_bench_create(&s);
    fill_memory(&s, memory, 9);
    vga_gr(&s, 0x31, AUTOSTART);
    cirrus_blt_set(&s, &b); /* the last byte of the destination is its last register */
    cirrus_model(&b, memory, memory, MASK);
    expect(&s, memory, &b);
    g_assert_cmphex(cirrus_gr(&s, 0x31), ==, AUTOSTART);
    /* in memory, as drivers do it: size, pitches, then the addresses */
    mmio_write(s.b, CIRRUS_BLT + 0x14, 0x1100, 4);
    mmio_write(s.b, CIRRUS_BLT + 0x10, 0x3000, 4);
    b.src = 0x1100;
    b.dst = 0x3000;
    cirrus_model(&b, memory, memory, MASK);
    expect(&s, memory, &b);
    vga_bench_destroy(&s);
}

static void test_pause_and_reset(void)
{
    struct blt b = { .width = 4, .height = 2, .dst_pitch = 4, .mode = FROM_CPU, .rop = 0x0d };
    struct vga_bench s;

    cirrus_bench_create(&s);
    vga_gr(&s, 6, 0x05);
    cirrus_mode(&s, 0x01, 0);
    cirrus_blt_go(&s, &b);
    mmio_write(s.b, 0xa0000, 0x11111111, 4);
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    vga_gr(&s, 0x31, START | PAUSE); /* then memory is memory */
    g_assert_true(cirrus_blt_busy(&s));
    mmio_write(s.b, 0xa0010, 0x22222222, 4);
    vga_gr(&s, 0x31, 0); /* suspended */
    mmio_write(s.b, 0xa0014, 0x33333333, 4);
    g_assert_true(cirrus_blt_busy(&s));
    vga_gr(&s, 0x31, START);
    mmio_write(s.b, 0xa0018, 0x44444444, 4);
    g_assert_false(cirrus_blt_busy(&s));
    g_assert_cmphex(mmio_read(s.b, 0xa0000, 8), ==, UINT64_C(0x4444444411111111));
    g_assert_cmphex(mmio_read(s.b, 0xa0010, 8), ==, UINT64_C(0x3333333322222222));
    g_assert_cmphex(mmio_read(s.b, 0xa0018, 4), ==, 0);
    cirrus_blt_go(&s, &b);
    vga_gr(&s, 0x31, RESET);
    vga_gr(&s, 0x31, 0);
    g_assert_false(cirrus_blt_busy(&s));
    mmio_write(s.b, 0xa0000, 0x55, 1);
    g_assert_cmphex(mmio_read(s.b, 0xa0000, 2), ==, 0x1155);
    vga_bench_destroy(&s);
}

/*
 * 8192 by 2048 bytes are four times the largest memory: they take time, in which the machine does
 * other things, and the next BLT waits for them.
 */
static void test_budget(void)
{
    struct blt b = { .width = 8192,
                     .height = 2048,
                     .dst_pitch = 8191,
                     .fg = 0x77,
                     .mode = PATTERN | EXPAND,
                     .mode_ext = SOLID,
                     .rop = 0x0d };
    struct vga_bench s;

    cirrus_bench_create(&s);
    cirrus_blt_go(&s, &b);
    g_assert_true(cirrus_blt_busy(&s));
    vga_gr(&s, 0x31, START | AUTOSTART);
    struct blt next = b;
    next.width = next.height = 4;
    next.fg = 0x99;
    next.dst = 0x500;
    cirrus_blt_set(&s, &next);
    g_assert_cmphex(cirrus_gr(&s, 0x31) & 0x11, ==, 0x11);
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    bench_step(s.b, NS_PER_S);
    g_assert_false(cirrus_blt_busy(&s));
    g_assert_cmphex(cirrus_gr(&s, 0x31), ==, AUTOSTART);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x500, 4), ==, 0x99999999 & 0xffffffff);
    g_assert_cmphex(mmio_read(s.b, CIRRUS_LFB + 0x400, 4), ==, 0x77777777);
    vga_bench_destroy(&s);
}

/* ---- What has gone wrong elsewhere ---- */

/* The model is right where addresses wrap; a sanitizer says whether the engine went beyond. */
static void go_and_compare(struct vga_bench *s, const struct blt *b)
{
    g_autofree uint8_t *memory = g_malloc(CIRRUS_MEMORY);

    fill_memory(s, memory, b->dst);
    cirrus_blt_go(s, b);
    cirrus_model(b, memory, memory, MASK);
    expect(s, memory, b);
}

/* CVE-2014-8106, CVE-2017-7980: a region whose end is beyond video memory. */
static void test_beyond_the_end(void)
{
    static const struct blt b = { .width = 4096,
                                  .height = 20,
                                  .dst_pitch = 4096,
                                  .src_pitch = 4096,
                                  .dst = 0x3fe000,
                                  .src = 0x7f000,
                                  .rop = 0x0d };
    struct vga_bench s;

    cirrus_bench_create(&s);
    go_and_compare(&s, &b);
    vga_bench_destroy(&s);
}

/* CVE-2017-2615, CVE-2007-1320: backwards from an address near zero, with a pitch below it. */
static void test_before_the_start(void)
{
    struct blt b = { .width = 8192,
                     .height = 2048,
                     .dst_pitch = 0x1fff,
                     .src_pitch = 0x1fff,
                     .dst = 0,
                     .src = 5,
                     .mode = BACKWARDS,
                     .rop = 0x59 };
    struct vga_bench s;

    cirrus_bench_create(&s);
    for (b.dst = 0; b.dst < 0x2000; b.dst += 0x7ff) {
        cirrus_blt_go(&s, &b);
        bench_step(s.b, NS_PER_S);
        g_assert_false(cirrus_blt_busy(&s));
    }
    vga_bench_destroy(&s);
}

/* CVE-2017-2620: lines of the CPU wider than a buffer that was made for the screen's. */
static void test_wide_lines_from_cpu(void)
{
    struct blt b = { .width = 8192,
                     .height = 2,
                     .dst_pitch = 0x1fff,
                     .dst = 0x3fffff,
                     .mode = FROM_CPU,
                     .rop = 0x0d };
    struct vga_bench s;

    cirrus_bench_create(&s);
    vga_gr(&s, 6, 0x05);
    cirrus_blt_go(&s, &b);
    for (uint32_t i = 0; i < 2 * 8192 / 4; i++)
        mmio_write(s.b, 0xa0000, i, 4);
    g_assert_false(cirrus_blt_busy(&s));
    b.mode = FROM_CPU | TO_CPU; /* nonsense is not begun */
    cirrus_blt_go(&s, &b);
    g_assert_false(cirrus_blt_busy(&s));
    g_assert_cmpuint(s.dev->guest_faults, >, 0);
    vga_bench_destroy(&s);
}

/* CVE-2017-7718, CVE-2016-9921, CVE-2016-9922: pitches and widths of nothing, patterns at the end.
 */
static void test_odd_sizes(void)
{
    struct blt b = { .width = 1, .height = 2048, .dst = 0x3fffff, .src = 0x3fffff, .rop = 0x59 };
    struct vga_bench s;

    cirrus_bench_create(&s);
    for (unsigned depth = 0; depth < 4; depth++)
        for (unsigned kind = 0; kind < 4; kind++) {
            b.mode = (uint8_t)(kind << 6 | depth << 4);
            b.skip = 0x1f;
            cirrus_blt_go(&s, &b);
            g_assert_false(cirrus_blt_busy(&s));
        }
    b.mode = PATTERN | 0x30;
    b.width = 8192;
    b.height = 3;
    b.src = 0xfffff;
    b.dst = 0x40000;
    b.skip = 0;
    b.dst_pitch = 0x1ff0;
    go_and_compare(&s, &b);
    vga_bench_destroy(&s);
}

static void test_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5446);
    struct vga_bench s;

    cirrus_bench_create(&s);
    for (unsigned n = 0; n < 300; n++) {
        struct blt b = { .width = 1 + g_rand_int(rand) % 8192,
                         .height = 1 + g_rand_int(rand) % 2048,
                         .dst_pitch = g_rand_int(rand) % 8192,
                         .src_pitch = g_rand_int(rand) % 8192,
                         .dst = g_rand_int(rand) % 0x400000,
                         .src = g_rand_int(rand) % 0x400000,
                         .fg = g_rand_int(rand),
                         .mode = (uint8_t)g_rand_int(rand),
                         .mode_ext = (uint8_t)g_rand_int(rand),
                         .rop = cirrus_rops[g_rand_int(rand) % CIRRUS_N_ROPS].code,
                         .skip = (uint8_t)g_rand_int(rand) };
        if (n % 3 != 0)
            b.height = 1 + b.height % 64;
        cirrus_blt_go(&s, &b);
        for (unsigned i = 0; i < 100; i++) {
            mmio_write(s.b, CIRRUS_LFB + g_rand_int(rand) % 0x2000000, g_rand_int(rand), 4);
            mmio_read(s.b, CIRRUS_LFB + g_rand_int(rand) % 0x2000000, 4);
        }
        bench_step(s.b, NS_PER_S);
        if (n % 10 == 0)
            vga_gr(&s, 0x31, RESET);
    }
    vga_bench_destroy(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cirrus-blt/copy", test_copy);
    g_test_add_func("/cirrus-blt/transparent-copy", test_transparent_copy);
    g_test_add_func("/cirrus-blt/expand", test_expand);
    g_test_add_func("/cirrus-blt/transparent-expand", test_transparent_expand);
    g_test_add_func("/cirrus-blt/pattern", test_pattern);
    g_test_add_func("/cirrus-blt/expanded-pattern", test_expanded_pattern);
    g_test_add_func("/cirrus-blt/solid", test_solid);
    g_test_add_func("/cirrus-blt/backwards", test_backwards);
    g_test_add_func("/cirrus-blt/from-cpu", test_from_cpu);
    g_test_add_func("/cirrus-blt/text-from-cpu", test_text_from_cpu);
    g_test_add_func("/cirrus-blt/pattern-from-cpu", test_pattern_from_cpu);
    g_test_add_func("/cirrus-blt/aperture2", test_aperture2);
    g_test_add_func("/cirrus-blt/to-cpu", test_to_cpu);
    g_test_add_func("/cirrus-blt/autostart", test_autostart);
    g_test_add_func("/cirrus-blt/pause-and-reset", test_pause_and_reset);
    g_test_add_func("/cirrus-blt/budget", test_budget);
    g_test_add_func("/cirrus-blt/beyond-the-end", test_beyond_the_end);
    g_test_add_func("/cirrus-blt/before-the-start", test_before_the_start);
    g_test_add_func("/cirrus-blt/wide-lines-from-cpu", test_wide_lines_from_cpu);
    g_test_add_func("/cirrus-blt/odd-sizes", test_odd_sizes);
    g_test_add_func("/cirrus-blt/random", test_random);
    return g_test_run();
}
