/*
 * Broken images: hand-made ones that must be refused in one line, and good ones with random bytes
 * changed in header and tables, which must never do harm.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "base/loop.h"
#include "block/image.h"
#include "block/node.h"
#include "tests/fuzz/image.h"

struct image {
    uint8_t *bytes;
    gsize size;
};

static struct image make(struct image_create_options o)
{
    struct image image = { 0 };
    g_autoptr(GError) err = NULL;
    g_autofree char *dir = g_dir_make_tmp("hvm-hostile-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "image", NULL);
    struct block_options open = { .path = path, .format = o.format };
    struct block_node *node;
    uint8_t data[8192];

    o.path = path;
    o.size = 1 << 20;
    g_assert_cmpint(image_create(&o, &err), ==, 0);
    g_assert_cmpint(block_open(&open, &node, &err), ==, 0);
    struct block_user *user = block_attach(node, "test", NULL, NULL);
    memset(data, 1, sizeof(data));
    g_assert_cmpint(block_write_sync(user, 0, data, sizeof(data)), ==, 0);
    g_assert_cmpint(block_write_sync(user, 65536 * 3, data, sizeof(data)), ==, 0);
    if (strcmp(o.format, "qcow2") == 0) {
        g_assert_cmpint(image_snapshot_create(node, "s", &err), ==, 0);
        g_assert_cmpint(block_write_sync(user, 65536, data, sizeof(data)), ==, 0);
    }
    block_detach(user);
    block_unref(node);
    g_assert_true(g_file_get_contents(path, (char **)&image.bytes, &image.size, NULL));
    g_unlink(path);
    g_rmdir(dir);
    return image;
}

/* ---- hand-made ---- */

struct patch {
    const char *what;
    unsigned offset, bytes;
    uint64_t value;
    int error;
};

static const struct patch qcow2_patches[] = {
    { "magic", 0, 4, 0x514649FA, -EINVAL },
    { "version 1", 4, 4, 1, -ENOTSUP },
    { "version 4", 4, 4, 4, -ENOTSUP },
    { "tiny clusters", 20, 4, 8, -EINVAL },
    { "giant clusters", 20, 4, 22, -EINVAL },
    { "absurd clusters", 20, 4, 0xFFFFFFFF, -EINVAL },
    { "disk of 8 EiB", 24, 8, UINT64_MAX, -EINVAL },
    { "disk larger than its L1 table", 24, 8, UINT64_C(1) << 45, -EINVAL },
    { "encrypted", 32, 4, 1, -ENOTSUP },
    { "L1 table of 32 GiB", 36, 4, 0xFFFFFFFF, -EFBIG },
    { "L1 table at an odd place", 40, 8, 0x10001, -EINVAL },
    { "L1 table at a negative place", 40, 8, UINT64_C(0xFFFFFFFFFFFF0000), -EINVAL },
    { "refcount table at 0", 48, 8, 0, -EINVAL },
    { "refcount table of nothing", 56, 4, 0, -EINVAL },
    { "refcount table of 256 TiB", 56, 4, 0xFFFFFFFF, -EINVAL },
    { "four billion snapshots", 60, 4, 0xFFFFFFFF, -EFBIG },
    { "snapshots at an odd place", 64, 8, 0x123, -EINVAL },
    { "external data file", 72, 8, 4, -ENOTSUP },
    { "unknown feature", 72, 8, UINT64_C(1) << 63, -ENOTSUP },
    { "refcounts of 128 bits", 96, 4, 7, -EINVAL },
    { "header length 0", 100, 4, 0, -EINVAL },
    { "header length 4 GiB", 100, 4, 0xFFFFFFFF, -EINVAL },
    { "backing name outside", 8, 8, UINT64_C(1) << 40, -EINVAL },
    { "header extension too long", 108, 4, 0xFFFFFFF0, -EINVAL },
};

static const struct patch vpc_patches[] = {
    { "no footer at all", 0, 8, 0, 0 }, /* the one at the end is used */
    { "dynamic header away", 512, 8, 0, -EINVAL },
    { "dynamic header's checksum", 512 + 36, 4, 1, -EINVAL },
};

static void patch(uint8_t *bytes, const struct patch *p)
{
    if (p->bytes == 4)
        put_be32(bytes + p->offset, (uint32_t)p->value);
    else
        put_be64(bytes + p->offset, p->value);
}

static void try_patches(const char *format, const struct patch *patches, size_t n)
{
    struct image image = make((struct image_create_options){ .format = format });

    for (size_t i = 0; i < n; i++) {
        g_autofree uint8_t *copy = g_memdup2(image.bytes, image.size);

        g_test_message("%s: %s", format, patches[i].what);
        patch(copy, &patches[i]);
        if (patches[i].offset == 108) /* the first extension */
            put_be32(copy + 104, 0x12345678);
        g_assert_cmpint(fuzz_image(format, copy, image.size), ==, patches[i].error);
    }
    g_free(image.bytes);
}

static void test_qcow2_headers(void)
{
    try_patches("qcow2", qcow2_patches, G_N_ELEMENTS(qcow2_patches));
}

static void test_vpc_headers(void)
{
    try_patches("vpc", vpc_patches, G_N_ELEMENTS(vpc_patches));
}

/* Cut off anywhere. */
static void test_truncated(void)
{
    static const char *const formats[] = { "raw", "qcow2", "vpc" };

    for (size_t f = 0; f < G_N_ELEMENTS(formats); f++) {
        struct image image = make((struct image_create_options){ .format = formats[f] });

        for (gsize size = 0; size < image.size; size += size < 2048 ? 97 : image.size / 13)
            fuzz_image(formats[f], image.bytes, size);
        g_free(image.bytes);
    }
}

/* ---- random ---- */

static const uint64_t nasty[] = {
    0,
    1,
    2,
    511,
    512,
    0xFFFF,
    0x10000,
    0x10001,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    INT64_MAX,
    UINT64_MAX,
    UINT64_C(1) << 62,
    UINT64_C(1) << 63,
    UINT64_C(0x8000000000010000),
    UINT64_C(0x4000000000000000),
    UINT64_C(0x00FFFFFFFFFFFE00),
    UINT64_C(0x8000000000000001),
};

/* Mostly where something is: not in the zeroes of unused table entries. */
static gsize choose_place(const struct image *image, gsize end)
{
    gsize at = 0;

    for (int tries = 0; tries < 2000; tries++) {
        at = (gsize)g_test_rand_int_range(0, (gint32)end) & ~(gsize)7;
        if (get_be64(image->bytes + at) != 0)
            break;
    }
    return at;
}

static void mutate_many(struct image_create_options o, gsize tables, unsigned rounds)
{
    struct image image = make(o);

    for (unsigned round = 0; round < rounds; round++) {
        g_autofree uint8_t *copy = g_memdup2(image.bytes, image.size);

        for (int n = g_test_rand_int_range(1, 4); n > 0; n--) {
            gsize end = MIN(image.size, n % 2 ? 112 : tables);
            uint64_t value = nasty[g_test_rand_int_range(0, G_N_ELEMENTS(nasty))];

            if (g_test_rand_bit())
                put_be64(copy + choose_place(&image, end), value);
            else
                copy[choose_place(&image, end)] ^= (uint8_t)(1 << g_test_rand_int_range(0, 8));
        }
        fuzz_image(o.format, copy, image.size);
    }
    g_free(image.bytes);
}

static void test_mutated(void)
{
    unsigned rounds = g_test_thorough() ? 20000 : 150;

    mutate_many((struct image_create_options){ .format = "qcow2", .cluster_size = 4096 }, 1 << 20,
                rounds);
    mutate_many((struct image_create_options){ .format = "qcow2", .cluster_size = 512 }, 1 << 20,
                rounds);
    mutate_many((struct image_create_options){ .format = "vpc" }, 4096, rounds / 4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    g_test_add_func("/block/hostile/qcow2-headers", test_qcow2_headers);
    g_test_add_func("/block/hostile/vpc-headers", test_vpc_headers);
    g_test_add_func("/block/hostile/truncated", test_truncated);
    g_test_add_func("/block/hostile/mutated", test_mutated);
    return g_test_run();
}
