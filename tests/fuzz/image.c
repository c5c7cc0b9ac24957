#include "tests/fuzz/image.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <glib.h>

#include "base/log.h"
#include "block/image.h"
#include "block/node.h"

#define LEN 8192

static void ignore(void *opaque, int ret)
{
}

/* Places that are interesting in any disk: its start and end, and what tables map there. */
static void touch(struct block_user *user, uint64_t offset)
{
    struct block_node *node = block_user_node(user);
    static uint8_t buf[LEN];

    if (offset > block_size(node))
        return;
    uint64_t len = MIN(LEN, block_size(node) - offset);
    block_read_sync(user, offset, buf, len);
    memset(buf, 0x5A, sizeof(buf));
    block_write_sync(user, offset, buf, len);
    block_write_zeroes(user, offset, len, BLOCK_REQ_UNMAP, ignore, NULL);
    block_discard(user, offset, len, ignore, NULL);
    block_drain(node);
}

static void touch_all(struct block_user *user)
{
    uint64_t size = block_size(block_user_node(user));

    touch(user, 0);
    touch(user, 65536);
    touch(user, size / 2 & ~UINT64_C(511));
    touch(user, size > LEN ? size - LEN : 0);
    block_flush_sync(user);
}

static void snapshots(struct block_node *node)
{
    if (image_snapshot_count(node) > 0) {
        struct image_snapshot s;

        image_snapshot_get(node, 0, &s);
        g_autofree char *id = g_strdup(s.id);
        image_snapshot_apply(node, id, NULL);
        image_snapshot_delete(node, id, NULL);
    }
    image_snapshot_create(node, "fuzz", NULL);
}

static int open_and(int fd, const char *format, bool read_only, bool repair,
                    void (*use)(struct block_user *user))
{
    struct block_options o = { .fd = fd,
                               .format = format,
                               .read_only = read_only,
                               .repair = repair,
                               .backing = "",
                               .discard_unmap = true };
    struct block_node *node;
    g_autoptr(GError) err = NULL;
    int ret = block_open(&o, &node, &err);

    if (ret < 0) {
        if (err == NULL || strchr(err->message, '\n') != NULL)
            abort(); /* one clear line */
        return ret;
    }
    struct block_user *user = block_attach(node, "fuzz", NULL, NULL);
    block_unref(node);
    use(user);
    block_detach(user);
    return 0;
}

static void use_read_only(struct block_user *user)
{
    struct image_info info;
    struct image_check check = { 0 };

    image_get_info(block_user_node(user), &info);
    image_check(block_user_node(user), 0, &check, NULL);
    touch_all(user);
}

static void use_writable(struct block_user *user)
{
    touch_all(user);
    snapshots(block_user_node(user));
    touch_all(user);
}

static void use_repair(struct block_user *user)
{
    struct image_check check = { 0 };

    image_check(block_user_node(user), IMAGE_FIX_LEAKS | IMAGE_FIX_ERRORS, &check, NULL);
    touch_all(user);
}

static int fill(const uint8_t *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

int fuzz_image(const char *format, const uint8_t *data, size_t size)
{
    int fd = fill(data, size);

    log_set_level(LOG_ERROR);
    int ret = open_and(fd, format, true, false, use_read_only);
    open_and(fd, format, false, true, use_repair);
    close(fd);
    fd = fill(data, size);
    open_and(fd, format, false, false, use_writable);
    close(fd);
    return ret;
}
