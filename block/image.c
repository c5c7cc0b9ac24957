#include "block/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/error.h"
#include "block/create.h"
#include "block/qcow2.h"

#define COPY_CHUNK (1u << 20)

/* ---- creating ---- */

/* Writes zeroes into the holes of a range, so that no write to it can run out of space. */
static int fill_holes(struct block_file *file, uint64_t offset, uint64_t end)
{
    g_autofree uint8_t *zeroes = g_malloc0(COPY_CHUNK);

    while (offset < end) {
        off_t hole = lseek(file->fd, (off_t)offset, SEEK_HOLE);

        if (hole < 0 || (uint64_t)hole >= end)
            return 0;
        off_t data = lseek(file->fd, hole, SEEK_DATA);
        uint64_t hole_end = data < 0 ? end : MIN((uint64_t)data, end);
        for (offset = (uint64_t)hole; offset < hole_end;) {
            uint64_t now = MIN(hole_end - offset, COPY_CHUNK);
            int ret = file_pwrite(file, zeroes, now, offset);

            if (ret < 0)
                return ret;
            offset += now;
        }
    }
    return 0;
}

int create_reserve(struct block_file *file, uint64_t offset, uint64_t len, bool full)
{
    if (file == NULL || len == 0 || file->is_device)
        return 0;
    if (full)
        return fill_holes(file, offset, offset + len);
    return -posix_fallocate(file->fd, (off_t)offset, (off_t)len);
}

/* A sparse file, unless space is to be reserved. */
static int raw_create(struct block_file *file, const struct image_create_options *o, GError **err)
{
    if (o->preallocation == IMAGE_PREALLOCATION_METADATA)
        return fail(err, EINVAL, "%s: raw images have no metadata to preallocate", o->path);
    int ret = file_truncate(file, o->size);
    if (ret == 0 && o->preallocation != IMAGE_PREALLOCATION_OFF)
        ret = create_reserve(file, 0, o->size, o->preallocation == IMAGE_PREALLOCATION_FULL);
    return ret < 0 ? fail_errno(err, -ret, "%s", o->path) : 0;
}

static int (*creator(const char *format))(struct block_file *file,
                                          const struct image_create_options *o, GError **err)
{
    const struct block_format *f = format_by_name(format);

    return f == &format_raw ? raw_create : f == &format_qcow2 ? q2_create : vhd_create;
}

static int open_new(const char *path, struct block_file **file, GError **err)
{
    struct block_options o = { .path = path };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return fail_errno(err, errno, "%s", path);
    close(fd);
    /* Locked before it is cut: somebody may be using the file that is there. */
    int ret = file_open(&o, true, file, err);
    if (ret == 0 && !(*file)->is_device && ftruncate((*file)->fd, 0) < 0) {
        ret = fail_errno(err, errno, "%s", path);
        file_close(*file);
    }
    return ret;
}

static int preallocate(const struct image_create_options *o, GError **err)
{
    struct block_options open = { .path = o->path, .format = o->format, .backing = "" };
    struct block_node *node;

    if (o->preallocation == IMAGE_PREALLOCATION_OFF || format_by_name(o->format) != &format_qcow2)
        return 0;
    int ret = block_open(&open, &node, err);
    if (ret < 0)
        return ret;
    ret = q2_create_prealloc(node, o->preallocation, err);
    block_unref(node);
    return ret;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;

    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* Before the file that may be there loses its content. */
static int check_backing(const struct image_create_options *o, GError **err)
{
    if (o->backing == NULL)
        return 0;
    if (format_by_name(o->format) == &format_raw)
        return fail(err, EINVAL, "%s: raw images have no backing file", o->path);
    if (o->preallocation != IMAGE_PREALLOCATION_OFF)
        return fail(err, EINVAL, "%s: a backing file excludes preallocation", o->path);
    g_autofree char *path = image_path_beside(o->path, o->backing);
    if (is_same_file(path, o->path))
        return fail(err, EINVAL, "%s: cannot be its own backing file", o->path);
    return 0;
}

int image_create(const struct image_create_options *options, GError **err)
{
    struct image_create_options o = *options;
    struct block_file *file = NULL;

    if (format_by_name(o.format) == NULL)
        return fail(err, EINVAL, "%s: image format \"%s\" is not known", o.path,
                    o.format != NULL ? o.format : "");
    if (o.size > INT64_MAX - (UINT64_C(1) << 30))
        return fail(err, EFBIG, "%s: the size is too large", o.path);
    o.size = q2_div_up(o.size, BLOCK_SECTOR_SIZE) * BLOCK_SECTOR_SIZE;
    int ret = check_backing(&o, err);
    if (ret == 0)
        ret = open_new(o.path, &file, err);
    if (ret < 0)
        return ret;
    ret = creator(o.format)(file, &o, err);
    file_close(file);
    return ret < 0 ? ret : preallocate(&o, err);
}

/* The name is gone at once: whatever happens, no file is left behind. */
int image_create_overlay(struct block_node *base, struct block_node **out, GError **err)
{
    struct image_create_options create = { .path = "temporary overlay", .size = base->size };
    g_autofree char *path = g_strdup_printf("%s/hvm-dm-XXXXXX", g_get_tmp_dir());
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return fail_errno(err, errno, "%s: temporary overlay", path);
    unlink(path);
    struct block_file *file = file_from_fd(fd, path);
    int ret = q2_create(file, &create, err);
    if (ret == 0) {
        struct block_options o = {
            .fd = file->fd,
            .format = "qcow2",
            .id = base->id,
            .cache = BLOCK_CACHE_UNSAFE, /* it is gone after a crash in any case */
            .discard_unmap = true,
            .detect_zeroes = base->detect_zeroes,
            .rerror = base->rerror,
            .werror = base->werror,
            .no_lock = true,
        };
        ret = block_open(&o, out, err);
    }
    file_close(file);
    if (ret == 0)
        (*out)->backing = block_ref(base);
    return ret;
}

/* ---- information ---- */

void image_get_info(struct block_node *node, struct image_info *info)
{
    struct stat st;

    *info = (struct image_info){ .virtual_size = node->size };
    int64_t length = file_size(node->file);
    info->file_length = length < 0 ? 0 : (uint64_t)length;
    if (fstat(node->file->fd, &st) == 0)
        info->disk_size = (uint64_t)st.st_blocks * 512;
    info->backing = node->backing_name;
    info->backing_format = node->backing_format_name;
    if (node->opened && node->format->info != NULL)
        node->format->info(node, info);
}

int image_check(struct block_node *node, unsigned fix, struct image_check *result, GError **err)
{
    if (node->format->check == NULL)
        return fail(err, ENOTSUP, "%s: format %s has nothing to check", node->path,
                    node->format->name);
    if (fix != 0 && node->read_only)
        return fail(err, EROFS, "%s: is read-only", node->path);
    block_drain(node);
    return node->format->check(node, fix, result, err);
}

int image_set_backing(struct block_node *node, const char *backing, const char *format,
                      GError **err)
{
    if (node->format->set_backing == NULL)
        return fail(err, ENOTSUP, "%s: format %s cannot change its backing file", node->path,
                    node->format->name);
    block_drain(node);
    return node->format->set_backing(node, backing, format, err);
}
