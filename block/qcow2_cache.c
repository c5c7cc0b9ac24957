#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"

/*
 * Slices of L2 tables and refcount blocks share one cache, found by their place in the file. A
 * slice, not a whole table, is the unit: with clusters of 2 MiB a table would cost 2 MiB for one
 * entry.
 */
static void free_slice(gpointer opaque)
{
    struct q2_slice *slice = opaque;

    free(slice->data);
    g_free(slice);
}

void q2_cache_init(struct q2_cache *cache, uint32_t slice_size, unsigned max)
{
    cache->slices = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_slice);
    TAILQ_INIT(&cache->lru);
    cache->slice_size = slice_size;
    cache->max = max;
}

void q2_cache_free(struct q2_cache *cache)
{
    if (cache->slices != NULL)
        g_hash_table_destroy(cache->slices);
    cache->slices = NULL;
}

static void drop(struct q2_cache *cache, struct q2_slice *slice)
{
    q2_cache_clean(cache, slice);
    TAILQ_REMOVE(&cache->lru, slice, lru);
    cache->n--;
    g_hash_table_remove(cache->slices, &slice->offset);
}

/* Makes room by forgetting the oldest clean slice. If all are dirty the cache grows for a while. */
static void evict(struct q2_cache *cache)
{
    struct q2_slice *slice;

    if (cache->n < cache->max)
        return;
    TAILQ_FOREACH(slice, &cache->lru, lru)
    if (!slice->dirty && !slice->writing) {
        drop(cache, slice);
        return;
    }
}

static struct q2_slice *insert(struct q2_cache *cache, enum q2_kind kind, uint64_t offset)
{
    uint8_t *data;

    evict(cache);
    data = file_buffer(cache->slice_size);
    if (data == NULL)
        return NULL;
    struct q2_slice *slice = g_new0(struct q2_slice, 1);
    slice->offset = offset;
    slice->kind = kind;
    slice->data = data;
    g_hash_table_insert(cache->slices, &slice->offset, slice);
    TAILQ_INSERT_TAIL(&cache->lru, slice, lru);
    cache->n++;
    return slice;
}

/* Moves what it finds to the end of the list: used last, thrown out last. */
static struct q2_slice *find(struct q2_cache *cache, uint64_t offset)
{
    struct q2_slice *slice = g_hash_table_lookup(cache->slices, &offset);

    if (slice != NULL && TAILQ_NEXT(slice, lru) != NULL) {
        TAILQ_REMOVE(&cache->lru, slice, lru);
        TAILQ_INSERT_TAIL(&cache->lru, slice, lru);
    }
    return slice;
}

int q2_cache_get(struct qcow2 *q, enum q2_kind kind, uint64_t offset, bool may_block,
                 struct q2_slice **out)
{
    struct q2_slice *slice = find(&q->cache, offset);

    if (slice != NULL) {
        /* A broken image may use one cluster as a table of both kinds. */
        *out = slice;
        return slice->kind == kind ? 0 : -EINVAL;
    }
    if (!may_block)
        return -EAGAIN;
    slice = insert(&q->cache, kind, offset);
    if (slice == NULL)
        return -ENOMEM;
    int ret = file_pread(q->file, slice->data, q->cache.slice_size, offset);
    if (ret < 0) {
        drop(&q->cache, slice);
        return ret;
    }
    *out = slice;
    return 0;
}

struct q2_slice *q2_cache_new(struct qcow2 *q, enum q2_kind kind, uint64_t offset)
{
    struct q2_slice *slice = find(&q->cache, offset);

    if (slice == NULL)
        slice = insert(&q->cache, kind, offset);
    if (slice == NULL)
        return NULL;
    slice->kind = kind;
    memset(slice->data, 0, q->cache.slice_size);
    q2_cache_dirty(&q->cache, slice);
    return slice;
}

void q2_cache_dirty(struct q2_cache *cache, struct q2_slice *slice)
{
    cache->n_dirty += !slice->dirty;
    slice->dirty = true;
}

void q2_cache_clean(struct q2_cache *cache, struct q2_slice *slice)
{
    cache->n_dirty -= slice->dirty;
    slice->dirty = false;
}

/*
 * Without this a freed table that is still dirty here would later be written over whatever its
 * cluster is used for by then. What a flush is writing at the moment stays, as the flush refers to
 * it: in a broken image a cluster may be a table and free at once.
 */
void q2_cache_drop(struct qcow2 *q, uint64_t offset)
{
    for (uint32_t i = 0; i < q->cluster_size; i += q->cache.slice_size) {
        uint64_t key = offset + i;
        struct q2_slice *slice = g_hash_table_lookup(q->cache.slices, &key);

        if (slice != NULL && slice->writing)
            q2_cache_clean(&q->cache, slice);
        else if (slice != NULL)
            drop(&q->cache, slice);
    }
}

void q2_cache_drop_all(struct qcow2 *q)
{
    while (!TAILQ_EMPTY(&q->cache.lru))
        drop(&q->cache, TAILQ_FIRST(&q->cache.lru));
}
