/* Where the bytes of a backing chain are, and reading them from a thread or a tool. */
#include <errno.h>
#include <stdlib.h>

#include "block/format.h"
#include "block/iov.h"

/*
 * A loop, not a recursion: the length of the chain is the image's choice. Each step down narrows
 * the range to what that image leaves open; a shorter backing file reads as zeroes behind its end.
 */
int block_map(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
              struct block_extent *extent)
{
    for (;;) {
        *extent = (struct block_extent){ .kind = EXTENT_ZERO, .length = len, .node = node };
        if (offset >= node->size)
            return 0;
        len = MIN(len, node->size - offset);
        int ret = node->format->map(node, offset, len, flags, extent);
        extent->node = node;
        if (ret < 0 || extent->kind != EXTENT_BACKING)
            return ret;
        if (node->backing == NULL) {
            extent->kind = EXTENT_ZERO;
            return 0;
        }
        len = extent->length;
        node = node->backing;
    }
}

/* iov, n: exactly the extent. */
static int read_extent(const struct block_extent *extent, uint64_t offset, const struct iovec *iov,
                       int n)
{
    if (extent->kind == EXTENT_DATA)
        return file_preadv(extent->node->file, iov, n, extent->host, extent->length);
    if (extent->kind == EXTENT_ZERO) {
        iov_zero(iov, n, 0, extent->length);
        return 0;
    }
    uint8_t *buf = file_buffer(extent->length);
    if (buf == NULL)
        return -ENOMEM;
    int ret = extent->node->format->read(extent->node, offset, extent->length, buf);
    if (ret == 0)
        iov_from_buf(iov, n, 0, buf, extent->length);
    free(buf);
    return ret;
}

int block_read_chain_iov(struct block_node *node, uint64_t offset, uint64_t len,
                         const struct iovec *iov, int n)
{
    g_autofree struct iovec *slice = g_new(struct iovec, n);
    uint64_t done = 0;
    int ret = 0;

    while (done < len && ret == 0) {
        struct block_extent extent;

        ret = block_map(node, offset + done, len - done, 0, &extent);
        if (ret < 0)
            break;
        int used = iov_slice(iov, n, done, extent.length, slice);
        ret = read_extent(&extent, offset + done, slice, used);
        done += extent.length;
    }
    return ret;
}

int block_read_chain(struct block_node *node, uint64_t offset, uint64_t len, uint8_t *buf)
{
    struct iovec iov = { buf, len };

    return block_read_chain_iov(node, offset, len, &iov, 1);
}
