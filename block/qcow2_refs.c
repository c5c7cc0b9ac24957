/* Walks over everything that an L1 table refers to: what snapshots need. */
#include <errno.h>

#include "block/qcow2.h"

int q2_read_l1(struct qcow2 *q, uint64_t offset, uint32_t n, uint64_t **l1)
{
    if (n > Q2_MAX_L1_BYTES / 8 || offset % q->cluster_size != 0 || offset > INT64_MAX)
        return -EINVAL;
    *l1 = g_try_new0(uint64_t, (size_t)n + 1);
    if (*l1 == NULL)
        return -ENOMEM;
    int ret = q2_table_read(q->file, offset, *l1, n);
    if (ret < 0) {
        g_free(*l1);
        *l1 = NULL;
    }
    return ret;
}

/* Each data cluster counts once for each L1 table that leads to it. */
static int add_for_slice(struct qcow2 *q, const struct q2_slice *slice, int delta)
{
    int ret = 0;

    for (uint32_t i = 0; i < q->cache.slice_size / 8 && ret == 0; i++) {
        uint64_t cluster, count;

        q2_entry_clusters(q, q2_entry(slice, i), &cluster, &count);
        ret = q2_refcount_add(q, cluster, count, delta);
    }
    return ret;
}

static int add_for_table(struct qcow2 *q, uint64_t table, int delta)
{
    int ret = 0;

    if (table % q->cluster_size != 0)
        return -EINVAL;
    for (uint32_t i = 0; i < q->cluster_size && ret == 0; i += q->cache.slice_size) {
        struct q2_slice *slice;

        ret = q2_cache_get(q, Q2_L2, table + i, true, &slice);
        if (ret == 0) {
            /* The slice must survive the look-ups of refcounts: a copy does. */
            g_autofree uint8_t *data = g_memdup2(slice->data, q->cache.slice_size);
            struct q2_slice copy = { .data = data };
            ret = add_for_slice(q, &copy, delta);
        }
    }
    return ret;
}

int q2_refs_add(struct qcow2 *q, const uint64_t *l1, uint32_t n, int delta)
{
    int ret = 0;

    for (uint32_t i = 0; i < n && ret == 0; i++) {
        uint64_t table = l1[i] & Q2_OFFSET_MASK, refcount;

        if (table == 0)
            continue;
        ret = add_for_table(q, table, delta);
        if (ret == 0)
            ret = q2_refcount_add(q, table >> q->header.cluster_bits, 1, delta);
        if (ret == 0)
            ret = q2_refcount_get(q, table >> q->header.cluster_bits, &refcount);
        if (ret == 0 && refcount == 0)
            q2_cache_drop(q, table); /* no longer a table */
    }
    return ret;
}

/* The entry with the COPIED flag that fits the refcount of what it refers to. */
static int with_flag(struct qcow2 *q, uint64_t entry, uint64_t *result)
{
    uint64_t offset = entry & Q2_OFFSET_MASK, refcount;

    *result = entry;
    if (offset == 0 || (entry & Q2_COMPRESSED))
        return 0;
    int ret = q2_refcount_get(q, offset >> q->header.cluster_bits, &refcount);
    *result = refcount == 1 ? entry | Q2_COPIED : entry & ~Q2_COPIED;
    return ret;
}

static int update_slice(struct qcow2 *q, uint64_t offset)
{
    for (uint32_t i = 0; i < q->cache.slice_size / 8; i++) {
        struct q2_slice *slice;
        uint64_t entry, next;
        /* Anew for each entry: the look-up of a refcount may evict the slice. */
        int ret = q2_cache_get(q, Q2_L2, offset, true, &slice);

        if (ret < 0)
            return ret;
        entry = q2_entry(slice, i);
        ret = with_flag(q, entry, &next);
        if (ret < 0)
            return ret;
        if (next == entry)
            continue;
        ret = q2_cache_get(q, Q2_L2, offset, true, &slice);
        if (ret < 0)
            return ret;
        q2_set_entry(q, slice, i, next);
    }
    return 0;
}

int q2_refs_update_copied(struct qcow2 *q)
{
    for (uint32_t i = 0; i < q->header.l1_size; i++) {
        uint64_t table = q->l1[i] & Q2_OFFSET_MASK, next;

        if (table == 0)
            continue;
        if (table % q->cluster_size != 0)
            return -EINVAL;
        for (uint32_t s = 0; s < q->cluster_size; s += q->cache.slice_size) {
            int ret = update_slice(q, table + s);
            if (ret < 0)
                return ret;
        }
        int ret = with_flag(q, q->l1[i], &next);
        if (ret < 0)
            return ret;
        if (next != q->l1[i])
            q2_mark(&q->l1_dirty, i);
        q->l1[i] = next;
    }
    return 0;
}
