/*
 * Our compression of pictures, read by zlib: every kind of data comes back as it was, in pieces of
 * any size, and pictures get about as small as by zlib's own low levels.
 */
#include "ui/vnc/deflate.h"

#include <string.h>

#include "ui/vnc/encoder.h"

#define MOST (256u << 10)

struct fixture {
    struct deflater *d;
    z_stream reader;
    GByteArray *out;
    GRand *rand;
    uint8_t *data, *back;
};

static void setup(struct fixture *f, gconstpointer unused)
{
    f->d = deflater_create();
    f->reader = (z_stream){ 0 };
    g_assert_cmpint(inflateInit2(&f->reader, -MAX_WBITS), ==, Z_OK);
    f->out = g_byte_array_new();
    f->rand = g_rand_new_with_seed(5);
    f->data = g_malloc(MOST);
    f->back = g_malloc(MOST);
}

static void teardown(struct fixture *f, gconstpointer unused)
{
    deflater_destroy(f->d);
    inflateEnd(&f->reader);
    g_byte_array_unref(f->out);
    g_rand_free(f->rand);
    g_free(f->data);
    g_free(f->back);
}

/* The next n bytes of the stream; returns how many bytes they took. */
static size_t check(struct fixture *f, size_t n)
{
    size_t size = f->out->len;

    f->reader.next_in = f->out->data;
    f->reader.avail_in = (uInt)size;
    f->reader.next_out = f->back;
    f->reader.avail_out = MOST;
    g_assert_cmpint(inflate(&f->reader, Z_SYNC_FLUSH), ==, Z_OK);
    g_assert_cmpmem(f->back, MOST - f->reader.avail_out, f->data, n);
    g_assert_cmpuint(f->reader.avail_in, ==, 0);
    g_byte_array_set_size(f->out, 0);
    return size;
}

static size_t compress_once(struct fixture *f, size_t n, unsigned pixel, unsigned row)
{
    deflater_add(f->d, f->data, n, pixel, row, f->out);
    deflater_flush(f->d, f->out);
    return check(f, n);
}

static void test_small(struct fixture *f, gconstpointer unused)
{
    for (unsigned n = 0; n < 300; n++) {
        for (unsigned i = 0; i < n; i++)
            f->data[i] = (uint8_t)(n % 3 == 0 ? 7 : n % 3 == 1 ? i : i * i >> 3);
        compress_once(f, n, 1 + n % 4, n % 17);
    }
}

/* Nothing repeats, and it gets hardly longer. */
static void test_noise(struct fixture *f, gconstpointer unused)
{
    for (unsigned i = 0; i < MOST; i++)
        f->data[i] = (uint8_t)g_rand_int(f->rand);
    g_assert_cmpuint(compress_once(f, MOST, 4, 1024), <, MOST + MOST / 100);
}

static void test_solid(struct fixture *f, gconstpointer unused)
{
    memset(f->data, 0xaa, MOST);
    g_assert_cmpuint(compress_once(f, MOST, 3, 768), <, MOST / 500);
}

/* One symbol in thousands of others: a tree that is too deep for its codes. */
static void test_deep_tree(struct fixture *f, gconstpointer unused)
{
    unsigned n = 0, fibonacci[2] = { 1, 1 };

    for (unsigned symbol = 0; symbol < 20; symbol++) {
        for (unsigned i = 0; i < fibonacci[0] && n < 12000; i++)
            f->data[n++] = (uint8_t)(symbol * 11);
        unsigned next = fibonacci[0] + fibonacci[1];
        fibonacci[0] = fibonacci[1];
        fibonacci[1] = next;
    }
    for (unsigned i = n - 1; i > 0; i--) { /* shuffled: no matches to hide the literals */
        unsigned other = (unsigned)g_rand_int_range(f->rand, 0, (gint32)i);
        uint8_t swap = f->data[i];
        f->data[i] = f->data[other];
        f->data[other] = swap;
    }
    compress_once(f, n, 1, 0);
}

/* Any contents, pieces, pixels and rows, one after the other in one stream. */
static void test_anything(struct fixture *f, gconstpointer unused)
{
    for (unsigned round = 0; round < 400; round++) {
        unsigned n = (unsigned)g_rand_int_range(f->rand, 1, round % 20 == 0 ? MOST : 4000), at = 0;
        unsigned colours = 1u << g_rand_int_range(f->rand, 0, 9);

        for (unsigned i = 0; i < n; i++)
            f->data[i] = (uint8_t)(g_rand_int(f->rand) % colours * (i % 5 != 0));
        while (at < n) {
            unsigned part = (unsigned)g_rand_int_range(f->rand, 1, (gint32)(n - at + 1));
            deflater_add(f->d, f->data + at, part, (unsigned)g_rand_int_range(f->rand, 1, 5),
                         (unsigned)g_rand_int_range(f->rand, 0, 3000), f->out);
            at += part;
        }
        deflater_flush(f->d, f->out);
        check(f, n);
    }
}

static size_t by_zlib(struct fixture *f, size_t n, int level)
{
    z_stream zs = { 0 };

    deflateInit(&zs, level);
    zs.next_in = f->data;
    zs.avail_in = (uInt)n;
    zs.next_out = f->back;
    zs.avail_out = MOST;
    g_assert_cmpint(deflate(&zs, Z_SYNC_FLUSH), ==, Z_OK);
    deflateEnd(&zs);
    return zs.total_out;
}

/* Glyphs of a font, ink on paper, a gradient below it. */
static void test_picture(struct fixture *f, gconstpointer unused)
{
    uint8_t font[64][16];

    for (unsigned i = 0; i < sizeof(font); i++)
        font[i / 16][i % 16] = (uint8_t)g_rand_int(f->rand);
    for (unsigned i = 0; i < MOST / 4; i++) {
        unsigned x = i % 256, y = i / 256, glyph = (x / 8 * 7 + y / 16 * 13) % 64;
        bool ink = (font[glyph][y % 16] >> x % 8 & 1) != 0;
        uint32_t pixel = y >= 128 ? 0x010101 * (y / 4) : ink ? 0x202020 : 0xffffff;
        memcpy(f->data + (size_t)i * 4, &pixel, sizeof(pixel));
    }
    size_t theirs = by_zlib(f, MOST, 2);
    g_assert_cmpuint(compress_once(f, MOST, 4, 1024), <, theirs + theirs / 20);
}

/* Another compressor wrote in between: what was before is not referred to. */
static void test_forget(struct fixture *f, gconstpointer unused)
{
    for (unsigned i = 0; i < 5000; i++)
        f->data[i] = (uint8_t)g_rand_int(f->rand);
    size_t first = compress_once(f, 5000, 1, 0), again = compress_once(f, 5000, 1, 0);
    g_assert_cmpuint(again, <, first / 10);
    deflater_forget(f->d);
    g_assert_cmpuint(inflateReset(&f->reader), ==, Z_OK);
    g_assert_cmpuint(compress_once(f, 5000, 1, 0), >, first / 2);
}

/* A viewer that changes its mind about the level: one stream, two compressors. */
static void test_levels_take_turns(struct fixture *f, gconstpointer unused)
{
    static const int levels[] = { 2, 6, 1, 9, 9, 3, 0, 2, 4, 6, 1 };
    struct zlib_stream stream = { 0 };

    inflateEnd(&f->reader);
    g_assert_cmpint(inflateInit(&f->reader), ==, Z_OK);
    for (unsigned i = 0; i < 3000; i++)
        f->data[i] = (uint8_t)(i * i >> 4);
    for (unsigned round = 0; round < G_N_ELEMENTS(levels); round++) {
        f->data[round] ^= 0x55;
        zlib_stream_add(&stream, levels[round], f->data, 2000, 4, 100, f->out);
        zlib_stream_add(&stream, levels[round], f->data + 2000, 1000, 1, 0, f->out);
        zlib_stream_flush(&stream, f->out);
        check(f, 3000);
    }
    zlib_stream_close(&stream);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define DEFLATE_TEST(name, fn) \
    g_test_add("/vnc/deflate/" name, struct fixture, NULL, setup, fn, teardown)
    DEFLATE_TEST("small", test_small);
    DEFLATE_TEST("noise", test_noise);
    DEFLATE_TEST("solid", test_solid);
    DEFLATE_TEST("deep-tree", test_deep_tree);
    DEFLATE_TEST("anything", test_anything);
    DEFLATE_TEST("picture", test_picture);
    DEFLATE_TEST("forget", test_forget);
    DEFLATE_TEST("levels-take-turns", test_levels_take_turns);
    return g_test_run();
}
