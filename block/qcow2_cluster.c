/* From guest offsets to clusters: the L1 and L2 tables. */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "block/qcow2.h"

uint64_t q2_entry(const struct q2_slice *slice, uint32_t index)
{
    return get_be64(slice->data + (size_t)index * 8);
}

void q2_set_entry(struct qcow2 *q, struct q2_slice *slice, uint32_t index, uint64_t value)
{
    put_be64(slice->data + (size_t)index * 8, value);
    q2_cache_dirty(&q->cache, slice);
}

static bool valid_table(const struct qcow2 *q, uint64_t offset)
{
    return (offset & (q->cluster_size - 1)) == 0;
}

/* Splits a guest offset: L1 index, offset of the slice in the L2 table, index in the slice. */
static uint64_t split(const struct qcow2 *q, uint64_t offset, uint64_t *slice_offset,
                      uint32_t *index, uint32_t *n)
{
    uint64_t cluster = offset >> q->header.cluster_bits;
    uint64_t in_table = cluster & ((UINT64_C(1) << q->l2_bits) - 1);
    uint32_t per_slice = q->cache.slice_size / 8;

    *slice_offset = in_table / per_slice * q->cache.slice_size;
    *index = (uint32_t)(in_table % per_slice);
    *n = per_slice - *index;
    return cluster >> q->l2_bits;
}

int q2_lookup(struct qcow2 *q, uint64_t offset, bool may_block, struct q2_slice **slice,
              uint32_t *index, uint32_t *n)
{
    uint64_t slice_offset, l1_index = split(q, offset, &slice_offset, index, n);

    *slice = NULL;
    if (l1_index >= q->header.l1_size)
        return 0;
    uint64_t table = q->l1[l1_index] & Q2_OFFSET_MASK;
    if (table == 0)
        return 0;
    if (!valid_table(q, table))
        return -EINVAL;
    return q2_cache_get(q, Q2_L2, table + slice_offset, may_block, slice);
}

/* A table of ours has refcount 1, hence COPIED. */
static void set_l1(struct qcow2 *q, uint64_t index, uint64_t table)
{
    q->l1[index] = table | Q2_COPIED;
    q2_mark(&q->l1_dirty, (uint32_t)index);
    q->file_end = MAX(q->file_end, table + q->cluster_size);
}

/* Fills a new L2 table: empty, or as the one at `from`. */
static int fill_table(struct qcow2 *q, uint64_t table, uint64_t from)
{
    int ret = 0;

    for (uint32_t i = 0; i < q->cluster_size && ret == 0; i += q->cache.slice_size) {
        struct q2_slice *old = NULL;
        struct q2_slice *copy = q2_cache_new(q, Q2_L2, table + i);

        if (copy == NULL)
            return -ENOMEM;
        if (from != 0)
            ret = q2_cache_get(q, Q2_L2, from + i, true, &old);
        if (old != NULL)
            memcpy(copy->data, old->data, q->cache.slice_size);
    }
    return ret;
}

/* A new, empty L2 table, or a private copy of the one at `from` that a snapshot uses too. */
static int make_table(struct qcow2 *q, uint64_t l1_index, uint64_t from)
{
    uint64_t table;
    int ret = q2_alloc(q, 1, &table);

    if (ret < 0)
        return ret;
    ret = fill_table(q, table, from);
    if (ret < 0) {
        q2_cache_drop(q, table);
        q2_free_later(q, table, 1, false);
        return ret;
    }
    set_l1(q, l1_index, table);
    if (from != 0)
        q2_free_later(q, from, 1, false);
    return 0;
}

int q2_lookup_for_change(struct qcow2 *q, uint64_t offset, struct q2_slice **slice, uint32_t *index,
                         uint32_t *n)
{
    uint64_t slice_offset, l1_index = split(q, offset, &slice_offset, index, n);

    if (l1_index >= q->header.l1_size)
        return -EINVAL;
    uint64_t entry = q->l1[l1_index], table = entry & Q2_OFFSET_MASK;
    if (!valid_table(q, table))
        return -EINVAL;
    if (table == 0 || !(entry & Q2_COPIED)) {
        int ret = make_table(q, l1_index, table);
        if (ret < 0)
            return ret;
        table = q->l1[l1_index] & Q2_OFFSET_MASK;
    }
    return q2_cache_get(q, Q2_L2, table + slice_offset, true, slice);
}

/*
 * Version 3 has the zero flag; in version 2 the bit is reserved. Offset 0 is the header's cluster
 * and so can mean "none": no L2 entry ever leads to the header.
 */
int q2_classify(const struct qcow2 *q, uint64_t entry, enum extent_kind *kind)
{
    uint64_t offset = entry & Q2_OFFSET_MASK;

    if (entry & Q2_COMPRESSED) {
        *kind = EXTENT_COMPRESSED;
        return 0;
    }
    if ((offset & (q->cluster_size - 1)) != 0)
        return -EINVAL;
    if ((entry & Q2_ZERO) && q->header.version >= 3)
        *kind = EXTENT_ZERO;
    else
        *kind = offset == 0 ? EXTENT_BACKING : EXTENT_DATA;
    return 0;
}

/* Whether an entry continues an extent of the given kind at `host`. */
static bool continues(const struct qcow2 *q, uint64_t entry, const struct block_extent *extent,
                      unsigned flags, uint64_t host)
{
    enum extent_kind kind;

    if (q2_classify(q, entry, &kind) < 0 || kind != extent->kind)
        return false;
    if ((flags & BLOCK_MAP_WRITE) && !(entry & Q2_COPIED))
        return false;
    if (kind == EXTENT_DATA || extent->allocated_zero)
        return (entry & Q2_OFFSET_MASK) == host;
    return kind != EXTENT_COMPRESSED && (entry & Q2_OFFSET_MASK) == 0;
}

/* The extent that starts with entry `index` of a slice, in clusters. */
static int map_slice(const struct qcow2 *q, const struct q2_slice *slice, uint32_t index,
                     uint32_t n, unsigned flags, struct block_extent *extent, uint32_t *clusters)
{
    uint64_t entry = q2_entry(slice, index);
    int ret = q2_classify(q, entry, &extent->kind);

    *clusters = 1;
    if (ret < 0)
        return ret;
    if ((flags & BLOCK_MAP_WRITE) && (extent->kind != EXTENT_DATA || !(entry & Q2_COPIED))) {
        extent->kind = EXTENT_ALLOCATE;
        return 0;
    }
    extent->host = extent->kind == EXTENT_COMPRESSED ? 0 : entry & Q2_OFFSET_MASK;
    extent->allocated_zero = extent->kind == EXTENT_ZERO && extent->host != 0;
    while (*clusters < n && continues(q, q2_entry(slice, index + *clusters), extent, flags,
                                      extent->host + (uint64_t)*clusters * q->cluster_size))
        ++*clusters;
    return 0;
}

/* An extent ends at the end of a slice at the latest; the caller asks again. */
static int map_locked(struct qcow2 *q, uint64_t offset, uint64_t len, unsigned flags,
                      struct block_extent *extent)
{
    uint64_t in_cluster = offset & (q->cluster_size - 1);
    struct q2_slice *slice;
    uint32_t index, n, clusters;
    int ret = q2_lookup(q, offset, !(flags & BLOCK_MAP_NO_BLOCK), &slice, &index, &n);

    if (ret < 0)
        return ret;
    n = (uint32_t)MIN(n, q2_div_up(in_cluster + len, q->cluster_size));
    if (slice == NULL) {
        extent->kind = flags & BLOCK_MAP_WRITE ? EXTENT_ALLOCATE : EXTENT_BACKING;
        clusters = n;
    } else {
        ret = map_slice(q, slice, index, n, flags, extent, &clusters);
        if (ret < 0)
            return ret;
    }
    extent->length = MIN((uint64_t)clusters * q->cluster_size - in_cluster, len);
    if (extent->kind == EXTENT_DATA || extent->allocated_zero)
        extent->host += in_cluster;
    return 0;
}

/*
 * The main loop never waits for the lock: a thread may hold it while it reads a table. It then
 * takes the slow way, like for a table that is not in memory.
 */
int q2_map(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
           struct block_extent *extent)
{
    struct qcow2 *q = node->state;

    if (!(flags & BLOCK_MAP_NO_BLOCK))
        pthread_mutex_lock(&q->lock);
    else if (pthread_mutex_trylock(&q->lock) != 0)
        return -EAGAIN;
    int ret = map_locked(q, offset, len, flags, extent);
    pthread_mutex_unlock(&q->lock);
    return ret;
}
