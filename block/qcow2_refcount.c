/* Refcounts: two levels, a table of blocks; allocation of clusters; deferred freeing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "block/qcow2.h"

/* A search for free clusters goes so far behind the end of the file, whatever the tables say. */
#define MAX_SEARCH (UINT64_C(1) << 20)

uint64_t q2_refcount_read(const uint8_t *block, unsigned order, uint64_t i)
{
    switch (order) {
    case 3: return block[i];
    case 4: return get_be16(block + 2 * i);
    case 5: return get_be32(block + 4 * i);
    case 6: return get_be64(block + 8 * i);
    default: break;
    }
    /* Several in a byte, the first one in the lowest bits. */
    return (block[i << order >> 3] >> (i << order & 7)) & ((1u << (1u << order)) - 1);
}

void q2_refcount_store(uint8_t *block, unsigned order, uint64_t i, uint64_t value)
{
    switch (order) {
    case 3: block[i] = (uint8_t)value; return;
    case 4: put_be16(block + 2 * i, (uint16_t)value); return;
    case 5: put_be32(block + 4 * i, (uint32_t)value); return;
    case 6: put_be64(block + 8 * i, value); return;
    default: break;
    }
    unsigned bits = 1u << (order & 3); /* 1, 2 or 4 */
    unsigned shift = (unsigned)(i << order & 7), mask = (1u << bits) - 1;
    uint8_t *byte = &block[i << order >> 3];
    *byte = (uint8_t)((*byte & ~(mask << shift)) | ((unsigned)value << shift));
}

uint64_t q2_refcount_max(const struct qcow2 *q)
{
    unsigned bits = 1u << q->header.refcount_order;

    return bits == 64 ? INT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* The slice that holds a cluster's refcount and the index in it; *slice NULL: there is no block. */
static int find_slice(struct qcow2 *q, uint64_t cluster, struct q2_slice **slice, uint64_t *index)
{
    uint64_t block = cluster >> q->refblock_bits;
    uint64_t in_block = cluster & ((UINT64_C(1) << q->refblock_bits) - 1);
    uint64_t per_slice = ((uint64_t)q->cache.slice_size * 8) >> q->header.refcount_order;

    *slice = NULL;
    *index = in_block % per_slice;
    if (block >= q->reft_size || q->reft[block] == 0)
        return 0;
    if ((q->reft[block] & (q->cluster_size - 1)) != 0 || q->reft[block] > INT64_MAX)
        return -EINVAL;
    return q2_cache_get(q, Q2_REFBLOCK, q->reft[block] + in_block / per_slice * q->cache.slice_size,
                        true, slice);
}

int q2_refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *value)
{
    struct q2_slice *slice;
    uint64_t index;
    int ret = find_slice(q, cluster, &slice, &index);

    *value = 0;
    if (ret == 0 && slice != NULL)
        *value = q2_refcount_read(slice->data, q->header.refcount_order, index);
    return ret;
}

/* ---- growing ---- */

static int new_block(struct qcow2 *q, uint64_t block, uint64_t offset)
{
    for (uint32_t i = 0; i < q->cluster_size; i += q->cache.slice_size)
        if (q2_cache_new(q, Q2_REFBLOCK, offset + i) == NULL)
            return -ENOMEM;
    q->reft[block] = offset;
    q2_mark(&q->reft_dirty, (uint32_t)block);
    q->file_end = MAX(q->file_end, offset + q->cluster_size);
    return 0;
}

/* All refcount blocks that are in memory only, so that a new refcount table may refer to them. */
static int write_blocks(struct qcow2 *q)
{
    struct q2_slice *slice;
    int ret = 0;

    /* They stay dirty: a flush under way may still write an older copy. */
    TAILQ_FOREACH(slice, &q->cache.lru, lru)
    if (slice->kind == Q2_REFBLOCK && slice->dirty && ret == 0)
        ret = file_pwrite(q->file, slice->data, q->cache.slice_size, slice->offset);
    return ret < 0 ? ret : file_flush(q->file);
}

/*
 * Writes the new table in full and switches the header to it. Once the header is written the file
 * has the new table, whether the flush after it succeeds or not.
 */
static int switch_table(struct qcow2 *q, uint64_t offset, uint32_t clusters)
{
    struct q2_header next = q->header;
    uint64_t old_offset = q->header.reft_offset;
    uint32_t old_clusters = q->header.reft_clusters;

    int ret = write_blocks(q);
    if (ret == 0)
        ret = q2_table_write(q->file, offset, q->reft, q->reft_size);
    if (ret == 0)
        ret = file_flush(q->file);
    next.reft_offset = offset;
    next.reft_clusters = clusters;
    if (ret == 0)
        ret = q2_header_write(q->file, &next, NULL);
    if (ret < 0)
        return ret;
    q->header = next;
    q->reft_dirty = Q2_CLEAN;
    ret = file_flush(q->file);
    if (ret == 0)
        q2_free_later(q, old_offset, old_clusters, false);
    return ret;
}

/*
 * Growing failed. The file's table ends at `size`: entries beyond it would be written over whatever
 * is behind it, and its blocks over what will be there.
 */
static void shrink_table(struct qcow2 *q, uint32_t size, struct q2_dirty_range dirty,
                         uint64_t blocks)
{
    uint64_t first = (uint64_t)size << q->refblock_bits;

    for (uint64_t i = 0; i < blocks; i++)
        q2_cache_drop(q, (first + i) << q->header.cluster_bits);
    q->reft_size = size;
    q->reft_dirty = dirty;
}

/*
 * A larger refcount table, for `cluster` and half as many more. It is placed at the start of the
 * area that no block covers yet: first the blocks that cover it, then the table itself.
 */
static int grow_table(struct qcow2 *q, uint64_t cluster)
{
    uint64_t entries_per_cluster = q->cluster_size / 8;
    uint64_t needed = (cluster >> q->refblock_bits) + 2;
    uint64_t clusters = q2_div_up(needed + needed / 2, entries_per_cluster);
    uint64_t first_block = q->reft_size;
    uint64_t first = first_block << q->refblock_bits;
    uint64_t per_block = UINT64_C(1) << q->refblock_bits;
    uint32_t old_size = q->reft_size;

    clusters = MIN(MAX(clusters, needed / entries_per_cluster + 1),
                   Q2_MAX_REFT_BYTES / q->cluster_size);
    if (needed > clusters * entries_per_cluster)
        return -EFBIG;
    uint64_t blocks = 1;
    while (blocks + clusters > blocks * per_block)
        blocks++;
    if (first_block + blocks > clusters * entries_per_cluster)
        return -EFBIG;

    const struct q2_dirty_range dirty = q->reft_dirty;
    const uint64_t table = (first + blocks) << q->header.cluster_bits;
    q->reft_size = (uint32_t)(clusters * entries_per_cluster);
    q->reft = g_renew(uint64_t, q->reft, q->reft_size);
    memset(q->reft + old_size, 0, (q->reft_size - old_size) * sizeof(uint64_t));
    int ret = 0;
    for (uint64_t i = 0; i < blocks && ret == 0; i++)
        ret = new_block(q, first_block + i, (first + i) << q->header.cluster_bits);
    if (ret == 0)
        ret = q2_refcount_add(q, first, blocks + clusters, 1);
    if (ret == 0)
        ret = switch_table(q, table, (uint32_t)clusters);
    if (ret < 0 && q->header.reft_offset != table)
        shrink_table(q, old_size, dirty, blocks);
    return ret;
}

/* ---- changing ---- */

int q2_refcount_set(struct qcow2 *q, uint64_t cluster, uint64_t value)
{
    struct q2_slice *slice;
    uint64_t index;
    int ret = find_slice(q, cluster, &slice, &index);

    if (ret < 0)
        return ret;
    if (slice == NULL || value > q2_refcount_max(q))
        return -ERANGE;
    q2_refcount_store(slice->data, q->header.refcount_order, index, value);
    q2_cache_dirty(&q->cache, slice);
    return 0;
}

static int add_one(struct qcow2 *q, uint64_t cluster, int delta)
{
    uint64_t value;
    int ret = q2_refcount_get(q, cluster, &value);

    if (ret < 0)
        return ret;
    if (delta < 0 ? value == 0 : value >= q2_refcount_max(q))
        return -ERANGE;
    if (delta < 0 && value == 1)
        q->free_hint = MIN(q->free_hint, cluster);
    return q2_refcount_set(q, cluster, delta < 0 ? value - 1 : value + 1);
}

int q2_refcount_add(struct qcow2 *q, uint64_t cluster, uint64_t count, int delta)
{
    for (uint64_t i = 0; i < count; i++) {
        int ret = add_one(q, cluster + i, delta);
        if (ret < 0) {
            while (i-- > 0) /* as it was before */
                add_one(q, cluster + i, -delta);
            return ret;
        }
    }
    return 0;
}

/* ---- allocating ---- */

/*
 * Whether a cluster is free. Where there is no refcount block yet, the cluster itself becomes the
 * block that covers it, and *is_block says that it is now taken.
 */
static int probe(struct qcow2 *q, uint64_t cluster, bool *is_free, bool *is_block)
{
    uint64_t block = cluster >> q->refblock_bits, value;
    int ret = 0;

    *is_block = false;
    *is_free = false;
    if (cluster > (uint64_t)INT64_MAX >> q->header.cluster_bits)
        return -EFBIG;
    if (block >= q->reft_size) {
        *is_block = true; /* growing the table takes it */
        return grow_table(q, cluster);
    }
    if (q->reft[block] == 0) {
        *is_block = true;
        ret = new_block(q, block, cluster << q->header.cluster_bits);
        return ret < 0 ? ret : q2_refcount_set(q, cluster, 1);
    }
    ret = q2_refcount_get(q, cluster, &value);
    *is_free = ret == 0 && value == 0;
    return ret;
}

/* In a sound image there are free clusters soon behind the end of the file at the latest. */
static int check_search(const struct qcow2 *q, uint64_t cluster)
{
    int64_t length = file_size(q->file);

    return length < 0 || cluster > ((uint64_t)length >> q->header.cluster_bits) + MAX_SEARCH ? -EIO
                                                                                             : 0;
}

/* Finds `wanted` adjoining free clusters, or after at least one as many as there are. */
static int find_run(struct qcow2 *q, uint64_t wanted, bool all, uint64_t *first, uint64_t *got)
{
    uint64_t start = MAX(q->free_hint, 1), lowest_free = UINT64_MAX, run = 0;
    uint64_t cluster = start;

    while (run < wanted) {
        bool is_free, is_block;
        int ret = probe(q, cluster, &is_free, &is_block);

        if (ret == 0 && (cluster - start) % MAX_SEARCH == MAX_SEARCH - 1)
            ret = check_search(q, cluster);
        if (ret < 0)
            return ret;
        cluster++;
        if (is_free) {
            run++;
            lowest_free = MIN(lowest_free, cluster - 1);
        } else if (run > 0 && !all) {
            break;
        } else {
            run = 0;
        }
    }
    if (!all && run < wanted)
        cluster--; /* the one that ended the run */
    *first = cluster - run;
    *got = run;
    /* Lower free clusters that were too few stay to be found. */
    q->free_hint = lowest_free < *first ? lowest_free : *first + run;
    return 0;
}

static int allocate(struct qcow2 *q, uint64_t wanted, bool all, uint64_t *offset, uint64_t *got)
{
    uint64_t first;
    int ret = find_run(q, wanted, all, &first, got);

    if (ret < 0)
        return ret;
    *offset = first << q->header.cluster_bits;
    return q2_refcount_add(q, first, *got, 1);
}

static uint64_t first_unused_block(const struct qcow2 *q)
{
    uint32_t i = q->reft_size;

    while (i > 0 && q->reft[i - 1] == 0)
        i--;
    return i;
}

/*
 * More adjoining clusters than one refcount block covers, or nearly: behind everything, first all
 * the blocks that it takes, then the clusters.
 */
static int alloc_large(struct qcow2 *q, uint64_t count, uint64_t *offset)
{
    uint64_t blocks = 1, first_block = first_unused_block(q);
    int ret = 0;

    while (blocks + count > blocks << q->refblock_bits)
        blocks++;
    if (first_block + blocks > q->reft_size) {
        ret = grow_table(q, (first_block + blocks) << q->refblock_bits);
        first_block = first_unused_block(q); /* the table took some */
    }
    if (ret == 0 && first_block + blocks > q->reft_size)
        ret = -EFBIG;
    uint64_t first = first_block << q->refblock_bits;
    for (uint64_t i = 0; i < blocks && ret == 0; i++)
        ret = new_block(q, first_block + i, (first + i) << q->header.cluster_bits);
    *offset = (first + blocks) << q->header.cluster_bits;
    return ret == 0 ? q2_refcount_add(q, first, blocks + count, 1) : ret;
}

int q2_alloc(struct qcow2 *q, uint64_t count, uint64_t *offset)
{
    uint64_t got;

    /* Each fresh refcount block takes a cluster of the area it covers: no longer runs there. */
    if (count >= UINT64_C(1) << (q->refblock_bits - 1))
        return alloc_large(q, count, offset);
    return allocate(q, count, true, offset, &got);
}

int q2_alloc_some(struct qcow2 *q, uint64_t wanted, uint64_t *offset, uint64_t *got)
{
    return allocate(q, wanted, false, offset, got);
}

/* ---- freeing ---- */

void q2_free_later(struct qcow2 *q, uint64_t offset, uint64_t count, bool punch)
{
    uint64_t cluster = offset >> q->header.cluster_bits;

    if (count == 0)
        return;
    if (q->frees->len > 0) {
        struct q2_free *last = &g_array_index(q->frees, struct q2_free, q->frees->len - 1);

        if (last->cluster + last->count == cluster && last->punch == punch) {
            last->count += count;
            return;
        }
    }
    struct q2_free f = { cluster, count, punch };
    g_array_append_val(q->frees, f);
}

void q2_compressed_place(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *bytes)
{
    unsigned x = 62 - (q->header.cluster_bits - 8);
    uint64_t sectors = ((entry & (Q2_COMPRESSED - 1)) >> x) + 1;

    *offset = entry & ((UINT64_C(1) << x) - 1);
    *bytes = sectors * 512 - (*offset & 511);
}

void q2_entry_clusters(const struct qcow2 *q, uint64_t entry, uint64_t *cluster, uint64_t *count)
{
    uint64_t offset = entry & Q2_OFFSET_MASK, bytes = offset != 0 ? q->cluster_size : 0;

    if (entry & Q2_COMPRESSED)
        q2_compressed_place(q, entry, &offset, &bytes);
    *cluster = offset >> q->header.cluster_bits;
    *count = bytes == 0 ? 0 : ((offset + bytes - 1) >> q->header.cluster_bits) - *cluster + 1;
}

void q2_free_entry(struct qcow2 *q, uint64_t entry, bool punch)
{
    uint64_t cluster, count;

    q2_entry_clusters(q, entry, &cluster, &count);
    q2_free_later(q, cluster << q->header.cluster_bits, count, punch && !(entry & Q2_COMPRESSED));
}

/* ---- building anew ---- */

struct build {
    uint64_t blocks, table_clusters,
        first; /* the blocks start at cluster `first`, then the table */
};

/* How many blocks and table clusters cover n clusters and themselves. */
static struct build plan(const struct q2_header *h, uint64_t n)
{
    uint64_t per_block = ((uint64_t)8 << h->cluster_bits) >> h->refcount_order;
    uint64_t per_table = (UINT64_C(1) << h->cluster_bits) / 8;
    struct build b = { 1, 1, n };

    for (;;) {
        uint64_t blocks = q2_div_up(n + b.blocks + b.table_clusters, per_block);
        uint64_t tables = q2_div_up(blocks, per_table);

        if (blocks <= b.blocks && tables <= b.table_clusters)
            return b;
        b.blocks = MAX(blocks, b.blocks);
        b.table_clusters = MAX(tables, b.table_clusters);
    }
}

int q2_refcount_build(struct block_file *file, const struct q2_header *h, const uint16_t *counts,
                      uint64_t n, uint64_t *reft_offset, uint32_t *reft_clusters)
{
    uint32_t cluster_size = 1u << h->cluster_bits;
    uint64_t per_block = ((uint64_t)8 * cluster_size) >> h->refcount_order;
    struct build b = plan(h, n);
    uint64_t used = n + b.blocks + b.table_clusters;
    uint64_t reft_entries = b.table_clusters * (cluster_size / 8);
    int ret = 0;

    if (b.table_clusters * cluster_size > Q2_MAX_REFT_BYTES)
        return -EFBIG;
    uint64_t *reft = g_new0(uint64_t, reft_entries);
    uint8_t *block = file_buffer(cluster_size);
    if (block == NULL)
        ret = -ENOMEM;
    for (uint64_t i = 0; i < b.blocks && ret == 0; i++) {
        uint64_t end = MIN((i + 1) * per_block, used);

        memset(block, 0, cluster_size);
        for (uint64_t c = i * per_block; c < end; c++)
            q2_refcount_store(block, h->refcount_order, c % per_block, c < n ? counts[c] : 1);
        reft[i] = (b.first + i) << h->cluster_bits;
        ret = file_pwrite(file, block, cluster_size, reft[i]);
    }
    *reft_offset = (b.first + b.blocks) << h->cluster_bits;
    *reft_clusters = (uint32_t)b.table_clusters;
    if (ret == 0)
        ret = q2_table_write(file, *reft_offset, reft, (uint32_t)reft_entries);
    free(block);
    g_free(reft);
    return ret;
}
