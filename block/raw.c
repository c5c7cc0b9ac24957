/* The raw format: the image is the disk. */
#include <errno.h>

#include "base/error.h"
#include "block/format.h"

static int raw_open(struct block_node *node, const struct block_options *options, GError **err)
{
    int64_t size = file_size(node->file);

    if (size < 0)
        return fail_errno(err, (int)-size, "%s", node->path);
    /* A guest sees whole sectors; reading beyond the end of the file gives zeroes. */
    node->size = ((uint64_t)size + BLOCK_SECTOR_SIZE - 1) / BLOCK_SECTOR_SIZE * BLOCK_SECTOR_SIZE;
    node->granularity = node->file->align > 1 ? node->file->align : BLOCK_SECTOR_SIZE;
    return 0;
}

static void raw_close(struct block_node *node)
{
}

static int raw_map(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
                   struct block_extent *extent)
{
    extent->kind = EXTENT_DATA;
    extent->length = len;
    extent->host = offset;
    return 0;
}

static int raw_write(struct block_node *node, uint64_t offset, uint64_t len,
                     const struct iovec *iov, int n)
{
    return file_pwritev(node->file, iov, n, offset, len);
}

static int raw_zero(struct block_node *node, uint64_t offset, uint64_t len, bool unmap)
{
    return file_zero(node->file, offset, len, unmap);
}

static int raw_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    int ret = file_discard(node->file, offset, len);

    return ret == -ENOTSUP ? 0 : ret; /* a discard is a hint */
}

static int raw_flush(struct block_node *node)
{
    return file_flush(node->file);
}

static int raw_resize(struct block_node *node, uint64_t size, GError **err)
{
    int ret = file_truncate(node->file, size);

    return ret < 0 ? fail_errno(err, -ret, "%s: cannot be resized", node->path) : 0;
}

const struct block_format format_raw = {
    .name = "raw",
    .open = raw_open,
    .close = raw_close,
    .map = raw_map,
    .write = raw_write,
    .zero = raw_zero,
    .discard = raw_discard,
    .flush = raw_flush,
    .resize = raw_resize,
};
