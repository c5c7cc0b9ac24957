/*
 * Random operations on an image against a flat copy in memory: writes in many sizes and scattered
 * over memory, several at once, zero-writes, discards, flushes, snapshots, resizes, reopening with
 * other cache modes. After each round qemu-img must find the image consistent and equal.
 *
 * property [-s SEED] [-n STEPS] [CASE...]    the seed is printed; same seed, same steps
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "base/loop.h"
#include "block/image.h"
#include "block/node.h"

#define SECTOR     512u
#define MAX_SIZE   (12u << 20)
#define START_SIZE (6u << 20)
#define ROUND      100 /* steps between two looks by qemu-img */
#define AT_ONCE    8

struct test_case {
    const char *name, *format;
    uint32_t cluster_size;
    unsigned version, refcount_bits;
    bool lazy, backed, fixed;
    bool snapshots, resize;
};

static const struct test_case cases[] = {
    { "raw", "raw", .resize = true },
    { "qcow2", "qcow2", .snapshots = true, .resize = true },
    { "qcow2-512", "qcow2", 512, .snapshots = true, .resize = true },
    { "qcow2-4k-lazy", "qcow2", 4096, .lazy = true, .snapshots = true, .resize = true },
    { "qcow2-2m", "qcow2", 2u << 20, .resize = true, .snapshots = true },
    { "qcow2-v2", "qcow2", 4096, .version = 2, .snapshots = true },
    { "qcow2-v2-backed", "qcow2", 4096, .version = 2, .backed = true },
    { "qcow2-backed", "qcow2", 4096, .backed = true, .snapshots = true, .resize = true },
    { "qcow2-refcount1", "qcow2", 4096, .refcount_bits = 1, .resize = true },
    { "qcow2-refcount64", "qcow2", 4096, .refcount_bits = 64, .snapshots = true, .resize = true },
    { "vhd-fixed", "vpc", .fixed = true },
    { "vhd-dynamic", "vpc" },
};

struct snapshot {
    char name[16];
    uint8_t *content;
    uint64_t size;
};

struct world {
    const struct test_case *c;
    char *dir, *image, *flat, *base;
    struct block_node *node;
    struct block_user *user;
    uint8_t *model;
    uint64_t size;
    struct snapshot snapshots[4];
    unsigned n_snapshots, next_name;
    GRand *rand;
    unsigned step;
};

static _Noreturn void give_up(const struct world *w, const char *what, const char *detail)
{
    fprintf(stderr, "Bail out! case %s step %u: %s %s\n(left in %s)\n", w->c->name, w->step, what,
            detail, w->dir);
    exit(1);
}

static uint32_t upto(struct world *w, uint32_t n)
{
    return (uint32_t)g_rand_int_range(w->rand, 0, (gint32)n);
}

/* ---- the image ---- */

static void open_image(struct world *w)
{
    static const enum block_cache caches[] = { BLOCK_CACHE_WRITEBACK, BLOCK_CACHE_WRITETHROUGH,
                                               BLOCK_CACHE_NONE, BLOCK_CACHE_UNSAFE };
    g_autoptr(GError) err = NULL;
    struct block_options o = { .path = w->image, .format = w->c->format, .discard_unmap = true };

    o.cache = w->c->cluster_size == 512 ? BLOCK_CACHE_WRITEBACK : caches[upto(w, 4)];
    o.aio = o.cache == BLOCK_CACHE_NONE && upto(w, 2) ? BLOCK_AIO_NATIVE : BLOCK_AIO_THREADS;
    o.detect_zeroes = (enum block_detect_zeroes)upto(w, 3);
    if (block_open(&o, &w->node, &err) < 0) {
        g_clear_error(&err);
        o.cache = BLOCK_CACHE_WRITEBACK; /* no O_DIRECT here */
        o.aio = BLOCK_AIO_THREADS;
        if (block_open(&o, &w->node, &err) < 0)
            give_up(w, "open:", err->message);
    }
    if (block_size(w->node) != w->size)
        give_up(w, "open:", "the size changed");
    w->user = block_attach(w->node, "property", NULL, NULL);
}

static void close_image(struct world *w)
{
    block_detach(w->user);
    block_unref(w->node);
    w->node = NULL;
}

static void run(struct world *w, const char *fmt, const char *a, const char *b)
{
    g_autofree char *command = g_strdup_printf(fmt, a, b);
    g_autofree char *out = NULL, *errors = NULL;
    int status = 0;

    if (!g_spawn_command_line_sync(command, &out, &errors, &status, NULL) || status != 0) {
        g_autofree char *text = g_strdup_printf("%s: %s%s", command, out, errors);
        give_up(w, "qemu-img says:", text);
    }
}

static void make_image(struct world *w)
{
    g_autoptr(GError) err = NULL;
    struct image_create_options o = {
        .path = w->image,
        .format = w->c->format,
        .size = START_SIZE,
        .cluster_size = w->c->cluster_size,
        .version = w->c->version,
        .refcount_bits = w->c->refcount_bits,
        .lazy_refcounts = w->c->lazy,
        .fixed = w->c->fixed,
    };

    memset(w->model, 0, MAX_SIZE);
    w->size = START_SIZE;
    if (w->c->backed) {
        uint64_t base_size = START_SIZE - 37 * SECTOR;

        for (uint64_t i = 0; i < base_size; i++)
            w->model[i] = (uint8_t)(i / 4096 % 3 == 0 ? 0 : i * 7 + i / 512);
        g_file_set_contents(w->base, (char *)w->model, (gssize)base_size, NULL);
        o.backing = w->base;
        o.backing_format = "raw";
    }
    if (image_create(&o, &err) < 0)
        give_up(w, "create:", err->message);
}

/* ---- steps ---- */

static void on_done(void *opaque, int ret)
{
    if (ret < 0) {
        fprintf(stderr, "Bail out! request failed: %s\n", g_strerror(-ret));
        exit(1);
    }
    --*(unsigned *)opaque;
}

static void random_range(struct world *w, uint64_t *offset, uint64_t *len)
{
    uint32_t sectors = (uint32_t)(w->size / SECTOR), max;

    switch (upto(w, 4)) {
    case 0: max = 1; break;
    case 1: max = 16; break;
    case 2: max = 256; break;
    default: max = 2048; break;
    }
    uint32_t n = 1 + upto(w, MIN(max, sectors)), first = upto(w, sectors - n + 1);
    if (upto(w, 3) == 0) { /* often whole pages */
        first &= ~7u;
        n = MAX(MIN((n + 7) & ~7u, sectors - first), 1);
    }
    *offset = (uint64_t)first * SECTOR;
    *len = (uint64_t)n * SECTOR;
}

static void fill(struct world *w, uint8_t *buf, uint64_t len)
{
    uint8_t seed = (uint8_t)upto(w, 256);

    if (upto(w, 6) == 0)
        memset(buf, 0, len);
    else
        for (uint64_t i = 0; i < len; i++)
            buf[i] = (uint8_t)(seed + i / 3 + (i >> 9));
}

/* Up to AT_ONCE writes in flight in one neighbourhood, none overlapping another. */
static void step_writes(struct world *w)
{
    static uint8_t data[AT_ONCE][2048 * SECTOR];
    struct iovec iov[AT_ONCE][2];
    unsigned pending = 0, n = upto(w, 3) == 0 ? AT_ONCE : 1;
    uint64_t offset, len;

    random_range(w, &offset, &len);
    for (unsigned i = 0; i < n && offset + len <= w->size; i++) {
        uint64_t cut = upto(w, (uint32_t)(len / SECTOR)) * SECTOR;

        fill(w, data[i], len);
        memcpy(w->model + offset, data[i], len);
        iov[i][0] = (struct iovec){ data[i], cut };
        iov[i][1] = (struct iovec){ data[i] + cut, len - cut };
        pending++;
        block_write(w->user, offset, len, iov[i], 2, upto(w, 10) == 0 ? BLOCK_REQ_FUA : 0, on_done,
                    &pending);
        offset += len + upto(w, 3) * SECTOR;
    }
    block_drain(w->node);
    if (pending != 0)
        give_up(w, "drain:", "requests are left");
}

static void step_zeroes(struct world *w)
{
    uint64_t offset, len;
    unsigned pending = 1;

    random_range(w, &offset, &len);
    memset(w->model + offset, 0, len);
    block_write_zeroes(w->user, offset, len, upto(w, 2) ? BLOCK_REQ_UNMAP : 0, on_done, &pending);
    block_drain(w->node);
}

/* Discarded sectors keep their content or become zeroes; without a parent nothing else can be. */
static void step_discard(struct world *w)
{
    static uint8_t now[2048 * SECTOR];
    uint64_t offset, len;
    unsigned pending = 1;

    random_range(w, &offset, &len);
    block_discard(w->user, offset, len, on_done, &pending);
    block_drain(w->node);
    if (block_read_sync(w->user, offset, now, len) < 0)
        give_up(w, "discard:", "read back");
    for (uint64_t i = 0; i < len; i++)
        if (now[i] != 0 && now[i] != w->model[offset + i])
            give_up(w, "discard:", "strange content");
    memcpy(w->model + offset, now, len);
}

static void step_read(struct world *w)
{
    static uint8_t data[2048 * SECTOR + 16];
    uint64_t offset, len;
    unsigned shift = upto(w, 2) ? 0 : 3; /* memory that O_DIRECT cannot use */

    random_range(w, &offset, &len);
    if (block_read_sync(w->user, offset, data + shift, len) < 0)
        give_up(w, "read:", "failed");
    if (memcmp(data + shift, w->model + offset, len) != 0)
        give_up(w, "read:", "wrong content");
}

static void step_snapshot(struct world *w)
{
    g_autoptr(GError) err = NULL;
    unsigned action = upto(w, 3);
    int ret = 0;

    if (!w->c->snapshots)
        return;
    if (action == 0 && w->n_snapshots < G_N_ELEMENTS(w->snapshots)) {
        struct snapshot *s = &w->snapshots[w->n_snapshots++];

        snprintf(s->name, sizeof(s->name), "snap%u", w->next_name++);
        s->content = g_memdup2(w->model, MAX_SIZE);
        s->size = w->size;
        ret = image_snapshot_create(w->node, s->name, &err);
    } else if (action == 1 && w->n_snapshots > 0) {
        const struct snapshot *s = &w->snapshots[upto(w, w->n_snapshots)];

        memcpy(w->model, s->content, MAX_SIZE);
        w->size = s->size;
        ret = image_snapshot_apply(w->node, s->name, &err);
    } else if (action == 2 && w->n_snapshots > 0) {
        struct snapshot *s = &w->snapshots[upto(w, w->n_snapshots)];

        ret = image_snapshot_delete(w->node, s->name, &err);
        g_free(s->content);
        *s = w->snapshots[--w->n_snapshots];
    }
    if (ret < 0)
        give_up(w, "snapshot:", err->message);
}

static void step_resize(struct world *w)
{
    g_autoptr(GError) err = NULL;
    uint64_t size = (uint64_t)(1 + upto(w, MAX_SIZE / SECTOR)) * SECTOR;

    if (!w->c->resize)
        return;
    if (block_resize(w->node, size, &err) < 0)
        give_up(w, "resize:", err->message);
    if (size < w->size)
        memset(w->model + size, 0, MAX_SIZE - size);
    w->size = size;
}

static void step(struct world *w)
{
    uint32_t dice = upto(w, 100);

    if (dice < 50)
        step_writes(w);
    else if (dice < 65)
        step_read(w);
    else if (dice < 75)
        step_zeroes(w);
    else if (dice < 85)
        step_discard(w);
    else if (dice < 90)
        block_flush_sync(w->user);
    else if (dice < 95)
        step_snapshot(w);
    else if (dice < 97)
        step_resize(w);
    else {
        close_image(w);
        open_image(w);
    }
}

/* ---- rounds ---- */

static void look(struct world *w)
{
    g_autoptr(GError) err = NULL;

    close_image(w);
    if (!g_file_set_contents(w->flat, (char *)w->model, (gssize)w->size, &err))
        give_up(w, "flat copy:", err->message);
    if (strcmp(w->c->format, "qcow2") == 0)
        run(w, "qemu-img check -q -f qcow2 %s", w->image, NULL);
    g_autofree char *format = g_strdup_printf("qemu-img compare -q -f %s -F raw", w->c->format);
    g_autofree char *command = g_strconcat(format, " %s %s", NULL);
    run(w, command, w->image, w->flat);
    open_image(w);
}

static void run_case(const struct test_case *c, uint32_t seed, unsigned steps)
{
    struct world w = { .c = c, .rand = g_rand_new_with_seed(seed) };

    w.dir = g_dir_make_tmp("hvm-property-XXXXXX", NULL);
    w.image = g_build_filename(w.dir, "image", NULL);
    w.flat = g_build_filename(w.dir, "flat", NULL);
    w.base = g_build_filename(w.dir, "base", NULL);
    w.model = g_malloc(MAX_SIZE);
    make_image(&w);
    open_image(&w);
    for (w.step = 0; w.step < steps; w.step++) {
        step(&w);
        if (w.step % ROUND == ROUND - 1)
            look(&w);
    }
    look(&w);
    close_image(&w);
    for (unsigned i = 0; i < w.n_snapshots; i++)
        g_free(w.snapshots[i].content);
    g_unlink(w.image);
    g_unlink(w.flat);
    g_unlink(w.base);
    g_rmdir(w.dir);
    g_free(w.dir);
    g_free(w.image);
    g_free(w.flat);
    g_free(w.base);
    g_free(w.model);
    g_rand_free(w.rand);
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return optind == argc;
}

int main(int argc, char **argv)
{
    uint32_t seed = (uint32_t)g_get_real_time();
    unsigned steps = 300;
    int option;

    while ((option = getopt(argc, argv, "s:n:")) != -1) {
        if (option == 's')
            seed = (uint32_t)strtoul(optarg, NULL, 0);
        else if (option == 'n')
            steps = (unsigned)strtoul(optarg, NULL, 0);
        else
            return 2;
    }
    loop_init();
    g_autofree char *qemu_img = g_find_program_in_path("qemu-img");
    if (qemu_img == NULL) {
        printf("1..0 # SKIP no qemu-img to compare with\n");
        return 0;
    }
    printf("# seed %u, %u steps\n1..%zu\n", seed, steps, G_N_ELEMENTS(cases));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (wanted(cases[i].name, argc, argv))
            run_case(&cases[i], seed, steps);
        printf("ok %zu %s\n", i + 1, cases[i].name);
        fflush(stdout);
    }
    return 0;
}
