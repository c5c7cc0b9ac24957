/*
 * A raw image behind a block node: what a disk device does with it, by both engines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "base/loop.h"
#include "block/fdset.h"
#include "block/node.h"

#define MIB (1024 * 1024)

struct disk {
    char *path;
    struct block_node *node;
    struct block_user *user;
};

static char *make_file(size_t size)
{
    char *path = NULL;
    int fd = g_file_open_tmp("hvm-block-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    close(fd);
    return path;
}

static struct disk open_disk(struct block_options o)
{
    struct disk disk = { .path = make_file(MIB) };
    g_autoptr(GError) err = NULL;

    o.path = disk.path;
    o.format = "raw";
    int ret = block_open(&o, &disk.node, &err);
    if (ret == -EINVAL && o.cache == BLOCK_CACHE_NONE)
        return disk; /* no O_DIRECT in this directory */
    g_assert_no_error(err);
    disk.user = block_attach(disk.node, "test", NULL, NULL);
    return disk;
}

static void close_disk(struct disk *disk)
{
    block_detach(disk->user);
    block_unref(disk->node);
    g_unlink(disk->path);
    g_free(disk->path);
}

static void fill(uint8_t *buf, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)((seed += 0x9E3779B9u) >> 24);
}

static void check_read_back(struct block_options o)
{
    struct disk disk = open_disk(o);
    uint8_t *out = g_malloc(MIB), *in = g_malloc(MIB);

    if (disk.user == NULL) {
        g_test_skip("no O_DIRECT here");
    } else {
        g_assert_cmpuint(block_size(disk.node), ==, MIB);
        fill(out, MIB, 1);
        g_assert_cmpint(block_write_sync(disk.user, 0, out, MIB), ==, 0);
        /* one sector at an odd place, from memory that is not aligned: read, changed, written */
        fill(out + 512 * 3, 512, 2);
        g_assert_cmpint(block_write_sync(disk.user, 512 * 3, out + 512 * 3, 512), ==, 0);
        g_assert_cmpint(block_flush_sync(disk.user), ==, 0);
        g_assert_cmpint(block_read_sync(disk.user, 0, in, MIB), ==, 0);
        g_assert_cmpmem(in, MIB, out, MIB);
        g_assert_cmpint(block_read_sync(disk.user, 512, in + 1, 512 * 7), ==, 0);
        g_assert_cmpmem(in + 1, 512 * 7, out + 512, 512 * 7);
    }
    close_disk(&disk);
    g_free(out);
    g_free(in);
}

static void test_buffered(void)
{
    check_read_back((struct block_options){ .cache = BLOCK_CACHE_WRITEBACK });
    check_read_back((struct block_options){ .cache = BLOCK_CACHE_WRITETHROUGH });
}

static void test_direct_threads(void)
{
    check_read_back((struct block_options){ .cache = BLOCK_CACHE_NONE });
}

static void test_direct_native(void)
{
    check_read_back((struct block_options){ .cache = BLOCK_CACHE_NONE, .aio = BLOCK_AIO_NATIVE });
}

struct async {
    unsigned calls;
    int ret;
};

static void on_done(void *opaque, int ret)
{
    struct async *a = opaque;

    g_assert_true(machine_lock_held());
    a->calls++;
    a->ret = ret;
}

/* Done is never called inside the submission, not even for what is refused at once. */
static void test_errors_come_later(void)
{
    struct disk disk = open_disk((struct block_options){ 0 });
    struct async a = { 0 };
    uint8_t sector[512] = { 0 };
    struct iovec iov = { sector, sizeof(sector) };
    struct block_stats stats;

    block_read(disk.user, MIB, 512, &iov, 1, on_done, &a); /* beyond the end */
    g_assert_cmpuint(a.calls, ==, 0);
    block_drain(disk.node);
    g_assert_cmpint(a.ret, ==, -EIO);
    block_read(disk.user, 100, 512, &iov, 1, on_done, &a); /* not on a sector */
    block_drain(disk.node);
    g_assert_cmpint(a.ret, ==, -EINVAL);
    block_read(disk.user, UINT64_MAX - 511, 512, &iov, 1, on_done, &a);
    block_drain(disk.node);
    g_assert_cmpint(a.ret, ==, -EIO);
    block_read(disk.user, 0, 1024, &iov, 1, on_done, &a); /* the list is too short */
    block_drain(disk.node);
    g_assert_cmpint(a.ret, ==, -EINVAL);
    g_assert_cmpuint(a.calls, ==, 4);
    block_get_stats(disk.node, &stats);
    g_assert_cmpuint(stats.op[BLOCK_OP_READ].invalid, ==, 4);
    close_disk(&disk);
}

static void test_read_only(void)
{
    struct disk disk = open_disk((struct block_options){ .read_only = true });
    uint8_t sector[512] = { 1 };

    g_assert_cmpint(block_write_sync(disk.user, 0, sector, 512), ==, -EROFS);
    g_assert_cmpint(block_read_sync(disk.user, 0, sector, 512), ==, 0);
    g_assert_cmpuint(sector[0], ==, 0);
    close_disk(&disk);
}

/* Zero-writes and discards: zeroes appear, the rest stays, and the host gets its space back. */
static void test_zero_and_discard(void)
{
    struct disk disk = open_disk((struct block_options){ .discard_unmap = true });
    uint8_t *buf = g_malloc(MIB);
    struct async a = { 0 };

    fill(buf, MIB, 3);
    g_assert_cmpint(block_write_sync(disk.user, 0, buf, MIB), ==, 0);
    block_write_zeroes(disk.user, 512, 1024, 0, on_done, &a);
    block_drain(disk.node);
    g_assert_cmpint(a.ret, ==, 0);
    memset(buf + 512, 0, 1024);
    uint8_t *in = g_malloc(MIB);
    g_assert_cmpint(block_read_sync(disk.user, 0, in, MIB), ==, 0);
    g_assert_cmpmem(in, MIB, buf, MIB);
    block_discard(disk.user, 0, MIB, on_done, &a);
    block_drain(disk.node);
    g_assert_cmpint(a.ret, ==, 0);
    g_free(buf);
    g_free(in);
    close_disk(&disk);
}

/* Unplug: the emulated disk's user loses the node to the paravirtual one, nothing is lost. */
static void test_hand_over(void)
{
    struct disk disk = open_disk((struct block_options){ 0 });
    struct block_user *pv = block_attach(disk.node, "pv", NULL, NULL);
    uint8_t sector[512] = { 42 };

    g_assert_cmpint(block_read_sync(pv, 0, sector, 512), ==, -EBUSY);
    g_assert_cmpint(block_write_sync(disk.user, 0, sector, 512), ==, 0);
    g_assert_cmpint(block_hand_over(pv), ==, 0);
    g_assert_cmpint(block_write_sync(disk.user, 0, sector, 512), ==, -EBUSY);
    sector[0] = 0;
    g_assert_cmpint(block_read_sync(pv, 0, sector, 512), ==, 0);
    g_assert_cmpuint(sector[0], ==, 42);
    block_detach(pv);
    close_disk(&disk);
}

/* Two writers of one image are refused, in one process or in two; so is a writer beside a reader.
 */
static void test_lock(void)
{
    struct disk disk = open_disk((struct block_options){ 0 });
    struct block_options o = { .path = disk.path, .format = "raw" };
    struct block_node *second = NULL;
    g_autoptr(GError) err = NULL;

    g_assert_cmpint(block_open(&o, &second, &err), ==, -EAGAIN);
    g_assert_nonnull(strstr(err->message, disk.path));
    g_clear_error(&err);
    o.read_only = true;
    g_assert_cmpint(block_open(&o, &second, &err), ==, -EAGAIN);
    g_clear_error(&err);
    o.force_share = true;
    g_assert_cmpint(block_open(&o, &second, &err), ==, 0);
    block_unref(second);
    close_disk(&disk);
}

static void test_fdset(void)
{
    g_autofree char *path = make_file(MIB);
    g_autofree char *name = NULL;
    struct block_node *node = NULL;
    g_autoptr(GError) err = NULL;
    int64_t id = -1;

    g_assert_cmpint(fdset_add(&id, open(path, O_RDONLY | O_CLOEXEC), "cd", &err), ==, 0);
    name = g_strdup_printf("/dev/fdset/%d", (int)id);
    struct block_options o = { .path = name, .format = "raw" };
    g_assert_cmpint(block_open(&o, &node, &err), ==, -ENOENT); /* it cannot be written */
    g_clear_error(&err);
    o.read_only = true;
    g_assert_cmpint(block_open(&o, &node, &err), ==, 0);
    g_assert_cmpint(fdset_remove(id, -1, &err), ==, 0);
    g_assert_cmpuint(block_size(node), ==, MIB); /* the node has its own descriptor */
    block_unref(node);
    g_assert_cmpint(fdset_remove(id, -1, &err), ==, -ENOENT);
    g_unlink(path);
}

static void test_throttle(void)
{
    struct disk disk = open_disk((struct block_options){ 0 });
    struct block_throttle_config config = { 0 };
    g_autoptr(GError) err = NULL;
    struct async a = { 0 };
    uint8_t sector[512];
    struct iovec iov = { sector, 512 };

    config.limit[BLOCK_LIMIT_IOPS_TOTAL].average = 10;
    config.limit[BLOCK_LIMIT_IOPS_READ].average = 10;
    g_assert_cmpint(block_set_throttle(disk.node, &config, &err), ==, -EINVAL);
    g_clear_error(&err);
    config.limit[BLOCK_LIMIT_IOPS_READ].average = 0;
    g_assert_cmpint(block_set_throttle(disk.node, &config, &err), ==, 0);
    for (int i = 0; i < 20; i++)
        block_read(disk.user, 0, 512, &iov, 1, on_done, &a);
    while (a.calls < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(a.calls, <, 20); /* the rest waits; a drain lets it through */
    g_assert_true(block_busy(disk.node));
    block_drain(disk.node);
    g_assert_cmpuint(a.calls, ==, 20);
    close_disk(&disk);
}

static void test_error_policy(void)
{
    struct disk disk = open_disk((struct block_options){ .rerror = BLOCK_ON_ERROR_STOP });

    g_assert_cmpint(block_error_policy(disk.node, true, -EIO), ==, BLOCK_ERROR_STOP);
    g_assert_cmpint(block_error_policy(disk.node, false, -EIO), ==, BLOCK_ERROR_REPORT);
    g_assert_cmpint(block_error_policy(disk.node, false, -ENOSPC), ==, BLOCK_ERROR_STOP);
    close_disk(&disk);
}

static void test_clear_refusals(void)
{
    struct block_options o = { .path = "/nonexistent/x.img", .format = "raw" };
    struct block_node *node = NULL;
    g_autoptr(GError) err = NULL;

    g_assert_cmpint(block_open(&o, &node, &err), ==, -ENOENT);
    g_assert_nonnull(strstr(err->message, "/nonexistent/x.img"));
    g_clear_error(&err);
    o.path = "/dev/null";
    g_assert_cmpint(block_open(&o, &node, &err), ==, -EINVAL);
    g_clear_error(&err);
    o.format = NULL;
    g_assert_cmpint(block_open(&o, &node, &err), ==, -EINVAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    g_test_add_func("/block/raw/buffered", test_buffered);
    g_test_add_func("/block/raw/direct-threads", test_direct_threads);
    g_test_add_func("/block/raw/direct-native", test_direct_native);
    g_test_add_func("/block/raw/errors-come-later", test_errors_come_later);
    g_test_add_func("/block/raw/read-only", test_read_only);
    g_test_add_func("/block/raw/zero-and-discard", test_zero_and_discard);
    g_test_add_func("/block/raw/hand-over", test_hand_over);
    g_test_add_func("/block/raw/lock", test_lock);
    g_test_add_func("/block/raw/fdset", test_fdset);
    g_test_add_func("/block/raw/throttle", test_throttle);
    g_test_add_func("/block/raw/error-policy", test_error_policy);
    g_test_add_func("/block/raw/refusals", test_clear_refusals);
    return g_test_run();
}
