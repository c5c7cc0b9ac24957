/*
 * qcow2 images as a machine meets them: overlays, chains that must not be followed, images that
 * were not closed, and snapshots. (Content is proved by tests/block/property.)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "block/format.h"
#include "block/image.h"
#include "block/node.h"

#define MIB (1024 * 1024)

struct dir {
    char *path, *image, *base;
};

static void set_up(struct dir *d, gconstpointer unused)
{
    d->path = g_dir_make_tmp("hvm-qcow2-XXXXXX", NULL);
    d->image = g_build_filename(d->path, "image", NULL);
    d->base = g_build_filename(d->path, "base", NULL);
}

static void tear_down(struct dir *d, gconstpointer unused)
{
    g_unlink(d->image);
    g_unlink(d->base);
    g_rmdir(d->path);
    g_free(d->path);
    g_free(d->image);
    g_free(d->base);
}

static void create(struct image_create_options o)
{
    g_autoptr(GError) err = NULL;

    o.format = o.format != NULL ? o.format : "qcow2";
    o.size = o.size != 0 ? o.size : MIB;
    image_create(&o, &err);
    g_assert_no_error(err);
}

static struct block_user *open_ok(struct block_options o)
{
    struct block_node *node = NULL;
    g_autoptr(GError) err = NULL;

    o.format = o.format != NULL ? o.format : "qcow2";
    block_open(&o, &node, &err);
    g_assert_no_error(err);
    struct block_user *user = block_attach(node, "test", NULL, NULL);
    block_unref(node);
    return user;
}

/* It must not open, and say why in words that contain `why`. */
static void open_fails(struct block_options o, int error, const char *why)
{
    struct block_node *node = NULL;
    g_autoptr(GError) err = NULL;

    o.format = "qcow2";
    g_assert_cmpint(block_open(&o, &node, &err), ==, error);
    g_assert_nonnull(strstr(err->message, why));
}

static uint8_t read_byte(struct block_user *user, uint64_t offset)
{
    uint8_t sector[512];

    g_assert_cmpint(block_read_sync(user, offset, sector, 512), ==, 0);
    return sector[0];
}

static void write_byte(struct block_user *user, uint64_t offset, uint8_t value)
{
    uint8_t sector[512];

    memset(sector, value, sizeof(sector));
    g_assert_cmpint(block_write_sync(user, offset, sector, 512), ==, 0);
}

/* snapshot=on: the guest writes and reads back, the image stays as it was. */
static void test_temporary_overlay(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){ .path = d->image });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    write_byte(user, 4096, 1);
    block_detach(user);

    user = open_ok((struct block_options){ .path = d->image, .snapshot = true });
    g_assert_cmpuint(read_byte(user, 4096), ==, 1);
    write_byte(user, 4096, 2);
    write_byte(user, 65536, 3);
    g_assert_cmpuint(read_byte(user, 4096), ==, 2);
    block_detach(user);

    user = open_ok((struct block_options){ .path = d->image });
    g_assert_cmpuint(read_byte(user, 4096), ==, 1);
    g_assert_cmpuint(read_byte(user, 65536), ==, 0);
    block_detach(user);
}

/* Nor is anything left behind where it cannot be had. */
static void test_no_temporary_overlay(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){
        .path = d->image, .backing = "missing", .backing_format = "raw" });
    open_fails((struct block_options){ .path = d->image, .snapshot = true }, -ENOENT, "missing");
}

static void test_relative_backing(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){ .path = d->base, .format = "raw" });
    create((struct image_create_options){
        .path = d->image, .backing = "base", .backing_format = "raw" });
    struct block_user *user = open_ok((struct block_options){ .path = d->base, .format = "raw" });
    write_byte(user, 512, 7);
    block_detach(user);
    user = open_ok((struct block_options){ .path = d->image });
    g_assert_cmpuint(read_byte(user, 512), ==, 7);
    g_assert_cmpstr(block_format_name(block_backing(block_user_node(user))), ==, "raw");
    block_detach(user);
}

/* What the image itself says about its backing file is not trusted beyond a file and its format. */
static void test_backing_refused(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){ .path = d->image, .backing = "base" });
    open_fails((struct block_options){ .path = d->image }, -EINVAL, "format");
    create((struct image_create_options){
        .path = d->image, .backing = "nbd://host/x", .backing_format = "raw" });
    open_fails((struct block_options){ .path = d->image }, -EINVAL, "plain file name");
    create((struct image_create_options){
        .path = d->image, .backing = "json:{}", .backing_format = "raw" });
    open_fails((struct block_options){ .path = d->image }, -EINVAL, "plain file name");
    create((struct image_create_options){
        .path = d->image, .backing = "base", .backing_format = "raw" });
    open_fails((struct block_options){ .path = d->image }, -ENOENT, "base");
}

/* An image that is its own backing file ends in an error, not in a loop. */
static void test_backing_loop(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){
        .path = d->image, .backing = "base", .backing_format = "qcow2" });
    g_assert_cmpint(symlink("image", d->base), ==, 0);
    open_fails((struct block_options){ .path = d->image, .read_only = true }, -ELOOP, "longer");
    open_fails((struct block_options){ .path = d->image }, -EAGAIN, "in use");
}

static void create_fails(struct image_create_options o, const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_cmpint(image_create(&o, &err), <, 0);
    g_assert_nonnull(strstr(err->message, message));
}

/* What cannot be made does not cost what is there. */
static void test_create_over(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){ .path = d->image });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    write_byte(user, 4096, 1);
    block_detach(user);
    g_assert_cmpint(symlink("image", d->base), ==, 0);

    create_fails((struct image_create_options){ .path = d->image,
                                                .format = "qcow2",
                                                .backing = "image",
                                                .backing_format = "qcow2",
                                                .size = MIB },
                 "its own backing file");
    create_fails((struct image_create_options){ .path = d->image,
                                                .format = "qcow2",
                                                .backing = d->base,
                                                .backing_format = "qcow2",
                                                .size = MIB },
                 "its own backing file");
    create_fails((struct image_create_options){ .path = d->image,
                                                .format = "raw",
                                                .backing = "other",
                                                .backing_format = "raw",
                                                .size = MIB },
                 "no backing file");
    user = open_ok((struct block_options){ .path = d->image });
    g_assert_cmpuint(read_byte(user, 4096), ==, 1);
    block_detach(user);
}

static void set_incompatible(const char *path, uint8_t bits)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    g_assert_cmpint(pwrite(fd, &bits, 1, 79), ==, 1);
    close(fd);
}

static void test_marked_corrupt(struct dir *d, gconstpointer unused)
{
    create((struct image_create_options){ .path = d->image });
    set_incompatible(d->image, 2);
    open_fails((struct block_options){ .path = d->image }, -EINVAL, "corrupt");
    block_detach(open_ok((struct block_options){ .path = d->image, .read_only = true }));
}

/* An image with lazy refcounts that was not closed is repaired when it is opened. */
static void test_marked_dirty(struct dir *d, gconstpointer unused)
{
    struct image_info info;

    create((struct image_create_options){ .path = d->image, .lazy_refcounts = true });
    set_incompatible(d->image, 1);
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    image_get_info(block_user_node(user), &info);
    g_assert_false(info.dirty);
    block_detach(user);
}

static void test_snapshot(struct dir *d, gconstpointer unused)
{
    g_autoptr(GError) err = NULL;

    create((struct image_create_options){ .path = d->image });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    struct block_node *node = block_user_node(user);
    write_byte(user, 0, 1);
    g_assert_cmpint(image_snapshot_create(node, "before", &err), ==, 0);
    g_assert_cmpint(image_snapshot_create(node, "before", &err), ==, -EEXIST);
    g_clear_error(&err);
    write_byte(user, 0, 2);
    write_byte(user, 131072, 2);
    g_assert_cmpint(image_snapshot_apply(node, "before", &err), ==, 0);
    g_assert_cmpuint(read_byte(user, 0), ==, 1);
    g_assert_cmpuint(read_byte(user, 131072), ==, 0);
    g_assert_cmpint(image_snapshot_delete(node, "before", &err), ==, 0);
    g_assert_cmpint(image_snapshot_delete(node, "before", &err), ==, -ENOENT);
    block_detach(user);
}

static void on_resized(void *opaque)
{
    ++*(unsigned *)opaque;
}

/* Users hear of the new size; shrinking and growing again shows zeroes. */
static void test_resize(struct dir *d, gconstpointer unused)
{
    static const struct block_user_ops ops = { .resized = on_resized };
    g_autoptr(GError) err = NULL;
    unsigned calls = 0;

    create((struct image_create_options){ .path = d->image });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    struct block_node *node = block_user_node(user);
    struct block_user *display = block_attach(node, "second", &ops, &calls);
    write_byte(user, MIB - 512, 9);
    g_assert_cmpint(block_resize(node, MIB - 512, &err), ==, 0);
    g_assert_cmpint(block_resize(node, MIB, &err), ==, 0);
    g_assert_cmpuint(read_byte(user, MIB - 512), ==, 0);
    g_assert_cmpuint(calls, ==, 2);
    g_assert_cmpint(block_resize(node, MIB + 1, &err), ==, -EINVAL);
    block_detach(display);
    block_detach(user);
}

/* Tables longer than what one refcount block covers: an L1 table of 98304 entries in 512 bytes. */
static void test_long_tables(struct dir *d, gconstpointer unused)
{
    struct image_check check = { 0 };
    g_autoptr(GError) err = NULL;

    create((struct image_create_options){ .path = d->image, .cluster_size = 512 });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    struct block_node *node = block_user_node(user);
    write_byte(user, 0, 1);
    g_assert_cmpint(block_resize(node, (uint64_t)3 << 30, &err), ==, 0);
    g_assert_cmpint(image_snapshot_create(node, "s", &err), ==, 0);
    write_byte(user, (uint64_t)2 << 30, 2);
    g_assert_cmpint(image_check(node, 0, &check, &err), ==, 0);
    g_assert_cmpuint(check.corruptions + check.leaks, ==, 0);
    block_detach(user);
}

/* A compressed cluster is read, and becomes an ordinary one when it is written. */
static void test_compressed(struct dir *d, gconstpointer unused)
{
    g_autofree uint8_t *cluster = g_malloc(65536);

    create((struct image_create_options){ .path = d->image });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    memset(cluster, 'x', 65536);
    g_assert_cmpint(image_write_compressed(block_user_node(user), 65536, cluster, 65536), ==, 0);
    g_assert_cmpuint(read_byte(user, 65536 + 1024), ==, 'x');
    write_byte(user, 65536, 'y');
    g_assert_cmpuint(read_byte(user, 65536), ==, 'y');
    g_assert_cmpuint(read_byte(user, 65536 + 1024), ==, 'x');
    block_detach(user);
}

/*
 * A machine migrates: the receiver has opened the image while the sender still wrote to it, took it
 * over, and gave it back when it failed.
 */
static void test_hand_over(struct dir *d, gconstpointer unused)
{
    g_autoptr(GError) err = NULL;
    uint8_t sector[512];

    create((struct image_create_options){ .path = d->image });
    struct block_user *sender = open_ok((struct block_options){ .path = d->image });
    struct block_user *receiver = open_ok(
        (struct block_options){ .path = d->image, .inactive = true });
    struct block_node *from = block_user_node(sender), *to = block_user_node(receiver);

    write_byte(sender, 0, 1);
    g_assert_false(block_read_only(to)); /* it is the disk that it will be */
    g_assert_cmpint(block_read_sync(receiver, 0, sector, 512), ==, -EBUSY);
    g_assert_cmpint(block_write_sync(receiver, 0, sector, 512), ==, -EBUSY);
    g_assert_cmpint(block_activate(to, &err), ==, -EAGAIN); /* the sender has the lock */
    g_clear_error(&err);

    write_byte(sender, 131072, 2);
    g_assert_cmpint(block_inactivate(from, &err), ==, 0);
    g_assert_cmpint(block_inactivate(from, &err), ==, 0);
    g_assert_cmpint(block_write_sync(sender, 0, sector, 512), ==, -EBUSY);
    g_assert_cmpint(block_flush_sync(sender), ==, -EBUSY);
    g_assert_cmpint(block_activate(to, &err), ==, 0);
    g_assert_cmpint(read_byte(receiver, 0), ==, 1);
    g_assert_cmpint(read_byte(receiver, 131072), ==, 2);
    write_byte(receiver, 262144, 3);
    g_assert_cmpint(block_activate(from, &err), ==, -EAGAIN);
    g_clear_error(&err);

    g_assert_cmpint(block_inactivate(to, &err), ==, 0);
    g_assert_cmpint(block_activate(from, &err), ==, 0);
    block_detach(receiver);
    g_assert_cmpint(read_byte(sender, 262144), ==, 3);
    write_byte(sender, 393216, 4);
    block_detach(sender);
    sender = open_ok((struct block_options){ .path = d->image });
    g_assert_cmpint(read_byte(sender, 393216), ==, 4);
    block_detach(sender);
}

static void add(const char *name, void (*test)(struct dir *d, gconstpointer unused))
{
    g_test_add(name, struct dir, NULL, set_up, test, tear_down);
}

/* ---- a host that refuses ---- */

/* The size that a file may have; -1: any. SIGXFSZ is off, so what is beyond is EFBIG. */
static void limit_files(int64_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void check_clean(const char *path)
{
    struct block_user *user = open_ok((struct block_options){ .path = path });
    struct image_check result = { 0 };

    g_assert_cmpint(image_check(block_user_node(user), 0, &result, NULL), ==, 0);
    g_assert_cmpuint(result.corruptions, ==, 0);
    block_detach(user);
}

/*
 * Clusters of 512 bytes with refcounts of 64 bits: the refcount table covers 2 MiB of the file, and
 * beyond that there is no room for a larger one. What is there stays as it is, and when there is
 * room again the disk goes on.
 */
static void test_no_room_for_refcounts(struct dir *d, gconstpointer unused)
{
    static uint8_t data[4096];
    uint64_t full = 0;

    create((struct image_create_options){
        .path = d->image, .size = 4 * MIB, .cluster_size = 512, .refcount_bits = 64 });
    struct block_user *user = open_ok((struct block_options){ .path = d->image });
    limit_files(2 * MIB);
    for (int ret = 0; ret == 0; full += ret == 0 ? sizeof(data) : 0) {
        memset(data, (int)(full / sizeof(data) % 255 + 1), sizeof(data));
        ret = block_write_sync(user, full, data, sizeof(data));
    }
    g_assert_cmpuint(full, >, MIB);
    g_assert_cmpint(block_flush_sync(user), ==, 0);
    limit_files(-1);
    block_detach(user);
    check_clean(d->image);

    user = open_ok((struct block_options){ .path = d->image });
    for (uint64_t at = 0; at < full; at += sizeof(data))
        g_assert_cmpuint(read_byte(user, at), ==, at / sizeof(data) % 255 + 1);
    for (uint64_t at = full; at < 3 * MIB; at += sizeof(data))
        g_assert_cmpint(block_write_sync(user, at, data, sizeof(data)), ==, 0);
    block_detach(user);
    check_clean(d->image);
}

/* The new size is in the file, but nobody knows whether it will stay there: that must be said. */
static void test_resize_not_durable(struct dir *d, gconstpointer unused)
{
    const uint64_t sizes[] = { MIB + 512, UINT64_C(1) << 30 }; /* the second has a new L1 table */

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GError) err = NULL;
        create((struct image_create_options){ .path = d->image, .size = MIB });
        struct block_user *user = open_ok((struct block_options){ .path = d->image });
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC); /* takes all, and cannot be flushed */
        dup2(fd, block_user_node(user)->file->fd);
        close(fd);
        g_assert_cmpint(block_resize(block_user_node(user), sizes[i], &err), <, 0);
        g_assert_nonnull(err);
        block_detach(user);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    log_set_level(LOG_ERROR);
    add("/block/qcow2/temporary-overlay", test_temporary_overlay);
    add("/block/qcow2/no-temporary-overlay", test_no_temporary_overlay);
    add("/block/qcow2/relative-backing", test_relative_backing);
    add("/block/qcow2/backing-refused", test_backing_refused);
    add("/block/qcow2/backing-loop", test_backing_loop);
    add("/block/qcow2/create-over", test_create_over);
    add("/block/qcow2/marked-corrupt", test_marked_corrupt);
    add("/block/qcow2/marked-dirty", test_marked_dirty);
    add("/block/qcow2/snapshot", test_snapshot);
    add("/block/qcow2/resize", test_resize);
    add("/block/qcow2/long-tables", test_long_tables);
    add("/block/qcow2/compressed", test_compressed);
    add("/block/qcow2/hand-over", test_hand_over);
    add("/block/qcow2/no-room-for-refcounts", test_no_room_for_refcounts);
    add("/block/qcow2/resize-not-durable", test_resize_not_durable);
    return g_test_run();
}
