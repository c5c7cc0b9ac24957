#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "block/qcow2.h"

/*
 * The new table is on disk with its refcounts before the header refers to it; the header is one
 * sector, so after a crash either the old or the new table is there. If the last flush fails nobody
 * knows which of them: both stay allocated.
 */
int q2_replace_l1(struct qcow2 *q, const uint64_t *l1, uint32_t n, uint64_t size, GError **err)
{
    struct q2_header next = q->header;
    uint64_t clusters = MAX(q2_div_up((uint64_t)n * 8, q->cluster_size), 1);
    uint64_t old_clusters = q2_div_up((uint64_t)q->header.l1_size * 8, q->cluster_size);
    uint32_t padded = (uint32_t)(clusters * (q->cluster_size / 8));
    g_autofree uint64_t *table = g_new0(uint64_t, padded);

    memcpy(table, l1, (size_t)n * 8);
    pthread_mutex_lock(&q->lock);
    int ret = q2_alloc(q, clusters, &next.l1_offset);
    pthread_mutex_unlock(&q->lock);
    if (ret == 0)
        ret = q2_table_write(q->file, next.l1_offset, table, padded);
    if (ret == 0)
        ret = q2_flush_all(q);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: writing a new L1 table", q->file->name);

    /* Flushing may have moved the refcount table. */
    next.reft_offset = q->header.reft_offset;
    next.reft_clusters = q->header.reft_clusters;
    next.l1_size = n;
    next.size = size;
    ret = q2_header_write(q->file, &next, err);
    if (ret < 0)
        return ret;
    ret = file_flush(q->file);

    pthread_mutex_lock(&q->lock);
    if (ret == 0)
        q2_free_later(q, q->header.l1_offset, old_clusters, false);
    q->file_end = MAX(q->file_end, next.l1_offset + clusters * q->cluster_size);
    q->header = next;
    g_free(q->l1);
    q->l1 = g_new0(uint64_t, (size_t)n + 1);
    memcpy(q->l1, l1, (size_t)n * 8);
    q->l1_dirty = Q2_CLEAN;
    pthread_mutex_unlock(&q->lock);
    return ret < 0 ? fail_errno(err, -ret, "%s: writing a new L1 table", q->file->name) : 0;
}

/* No table has to move: the header alone changes. */
static int set_size(struct qcow2 *q, uint64_t size, GError **err)
{
    struct q2_header next = q->header;

    next.size = size;
    int ret = q2_header_write(q->file, &next, err);
    if (ret < 0)
        return ret;
    q->header = next;
    ret = file_flush(q->file);
    return ret < 0 ? fail_errno(err, -ret, "%s: writing the header", q->file->name) : 0;
}

static int grow(struct qcow2 *q, uint64_t size, GError **err)
{
    uint64_t entries = q2_l1_entries(size, q->header.cluster_bits);

    if (entries > Q2_MAX_L1_BYTES / 8)
        return fail(err, EFBIG, "%s: the disk would be too large for its cluster size",
                    q->file->name);
    if (entries <= q->header.l1_size)
        return set_size(q, size, err);
    g_autofree uint64_t *l1 = g_new0(uint64_t, entries);
    memcpy(l1, q->l1, (size_t)q->header.l1_size * 8);
    return q2_replace_l1(q, l1, (uint32_t)entries, size, err);
}

/* Where a longer backing file would show through in the new part, zeroes do. */
static int hide_backing(struct block_node *node, uint64_t old_size, uint64_t size)
{
    if (node->backing == NULL || node->backing->size <= old_size)
        return 0;
    return q2_zero(node, old_size, MIN(size, node->backing->size) - old_size, true);
}

/* What is cut off is freed first, and zeroed up to the cluster's end: growing shows zeroes. */
static int cut(struct block_node *node, uint64_t size)
{
    struct qcow2 *q = node->state;
    uint64_t cluster_end = q2_div_up(size, q->cluster_size) * q->cluster_size;
    uint64_t middle = MIN(cluster_end, node->size);
    int ret = q2_zero(node, size, middle - size, true);

    if (ret == 0 && middle < node->size)
        ret = q2_discard(node, middle, node->size - middle);
    return ret;
}

int q2_resize(struct block_node *node, uint64_t size, GError **err)
{
    struct qcow2 *q = node->state;
    uint64_t old_size = node->size;
    int ret;

    if (q->header.version < 3 && q->snapshots->len > 0)
        return fail(err, ENOTSUP, "%s: version 2 images with snapshots cannot be resized",
                    node->path);
    if (size < old_size) {
        ret = cut(node, size);
        if (ret == 0)
            ret = q2_flush_all(q);
        return ret < 0 ? fail_errno(err, -ret, "%s: cannot be shrunk", node->path)
                       : set_size(q, size, err);
    }
    ret = grow(q, size, err);
    if (ret < 0)
        return ret;
    node->size = size;
    ret = hide_backing(node, old_size, size);
    if (ret == 0)
        ret = q2_flush_all(q);
    return ret < 0 ? fail_errno(err, -ret, "%s: cannot be resized", node->path) : 0;
}
