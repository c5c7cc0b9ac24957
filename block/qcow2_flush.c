/*
 * Writing the tables back. A flush first takes copies of all that changed, at one moment and under
 * the lock; then it writes them without the lock, each kind after what it depends on is on disk:
 *
 *   data, refcount blocks -> refcount table -> L2 tables -> L1 table -> free what was given up
 *
 * After a crash at any point a cluster may be counted but not used (a leak), never the reverse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/qcow2.h"

#define MAX_FREES 4096 /* ranges that may wait for a flush */

struct copy {
    struct q2_slice *slice; /* stays in the cache while `writing` */
    uint64_t offset;
    uint8_t *data;
};

struct table_copy {
    struct q2_dirty_range range;
    uint64_t offset;
    uint64_t *entries;
};

struct flush {
    GArray *refblocks, *l2; /* of struct copy */
    struct table_copy reft, l1;
    GArray *frees;
    uint32_t slice_size;
    bool refcounts;
};

/* ---- taking copies (locked) ---- */

static int copy_slices(struct qcow2 *q, struct flush *f)
{
    struct q2_slice *slice;

    TAILQ_FOREACH(slice, &q->cache.lru, lru)
    {
        if (!slice->dirty || (slice->kind == Q2_REFBLOCK && !f->refcounts))
            continue;
        struct copy c = { slice, slice->offset, file_buffer(f->slice_size) };
        if (c.data == NULL)
            return -ENOMEM;
        memcpy(c.data, slice->data, f->slice_size);
        g_array_append_val(slice->kind == Q2_REFBLOCK ? f->refblocks : f->l2, c);
        slice->writing = true;
        q2_cache_clean(&q->cache, slice);
    }
    return 0;
}

static void copy_table(struct table_copy *copy, struct q2_dirty_range *dirty, uint64_t offset,
                       const uint64_t *table)
{
    copy->range = *dirty;
    *dirty = Q2_CLEAN;
    if (copy->range.first > copy->range.last)
        return;
    uint32_t n = copy->range.last - copy->range.first + 1;
    copy->offset = offset + (uint64_t)copy->range.first * 8;
    copy->entries = g_new(uint64_t, n);
    memcpy(copy->entries, table + copy->range.first, (size_t)n * 8);
}

static int begin(struct qcow2 *q, struct flush *f)
{
    f->refblocks = g_array_new(FALSE, FALSE, sizeof(struct copy));
    f->l2 = g_array_new(FALSE, FALSE, sizeof(struct copy));
    f->slice_size = q->cache.slice_size;
    f->frees = q->frees;
    q->frees = g_array_new(FALSE, FALSE, sizeof(struct q2_free));
    f->reft.range = f->l1.range = Q2_CLEAN;
    if (f->refcounts)
        copy_table(&f->reft, &q->reft_dirty, q->header.reft_offset, q->reft);
    copy_table(&f->l1, &q->l1_dirty, q->header.l1_offset, q->l1);
    return copy_slices(q, f);
}

/* ---- writing (not locked) ---- */

static int by_offset(gconstpointer a, gconstpointer b)
{
    const struct copy *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int write_slices(struct qcow2 *q, const struct flush *f, GArray *copies)
{
    int ret = 0;

    g_array_sort(copies, by_offset);
    for (guint i = 0; i < copies->len && ret == 0; i++) {
        const struct copy *c = &g_array_index(copies, struct copy, i);

        ret = file_pwrite(q->file, c->data, f->slice_size, c->offset);
    }
    return ret;
}

static int write_table(struct qcow2 *q, const struct table_copy *t)
{
    if (t->entries == NULL)
        return 0;
    return q2_table_write(q->file, t->offset, t->entries, t->range.last - t->range.first + 1);
}

/* With lazy refcounts the image says so before the first table refers to an uncounted cluster. */
static int mark_dirty(struct qcow2 *q)
{
    if (q->header.incompatible & Q2_INCOMPAT_DIRTY)
        return 0;
    q->header.incompatible |= Q2_INCOMPAT_DIRTY;
    return q2_header_write_features(q->file, &q->header);
}

static int write_all(struct qcow2 *q, const struct flush *f)
{
    bool refers = f->l2->len > 0 || f->l1.entries != NULL;
    int ret = refers && q->lazy ? mark_dirty(q) : 0;

    if (ret == 0)
        ret = write_slices(q, f, f->refblocks);
    if (ret == 0 && f->reft.entries != NULL) {
        ret = file_flush(q->file);
        if (ret == 0)
            ret = write_table(q, &f->reft);
    }
    if (ret == 0 && refers)
        ret = file_flush(q->file);
    if (ret == 0)
        ret = write_slices(q, f, f->l2);
    if (ret == 0 && f->l1.entries != NULL) {
        ret = f->l2->len > 0 ? file_flush(q->file) : 0;
        if (ret == 0)
            ret = write_table(q, &f->l1);
    }
    return ret < 0 ? ret : file_flush(q->file);
}

/* Gives the space of a freed range back to the host, where nothing else uses it. */
static void punch(struct qcow2 *q, const struct q2_free *range)
{
    for (uint64_t i = 0, run; i < range->count; i += MAX(run, 1)) {
        uint64_t refcount = 1;

        for (run = 0; i + run < range->count && refcount == 1; run += refcount == 1) {
            pthread_mutex_lock(&q->lock);
            int ret = q2_refcount_get(q, range->cluster + i + run, &refcount);
            pthread_mutex_unlock(&q->lock);
            if (ret < 0)
                return;
        }
        if (run > 0)
            file_discard(q->file, (range->cluster + i) << q->header.cluster_bits,
                         run << q->header.cluster_bits);
    }
}

/* ---- afterwards (locked) ---- */

static void end_slices(struct qcow2 *q, GArray *copies, bool failed)
{
    for (guint i = 0; i < copies->len; i++) {
        struct copy *c = &g_array_index(copies, struct copy, i);

        c->slice->writing = false;
        if (failed)
            q2_cache_dirty(&q->cache, c->slice);
        free(c->data);
    }
    g_array_free(copies, TRUE);
}

static void end_table(struct table_copy *t, struct q2_dirty_range *dirty, bool failed)
{
    if (failed && t->entries != NULL) {
        q2_mark(dirty, t->range.first);
        q2_mark(dirty, t->range.last);
    }
    g_free(t->entries);
}

static void end_frees(struct qcow2 *q, GArray *frees, bool failed)
{
    for (guint i = 0; i < frees->len; i++) {
        const struct q2_free *range = &g_array_index(frees, struct q2_free, i);

        if (failed)
            g_array_append_val(q->frees, *range);
        else /* one by one: a broken image may have counted one of them wrongly */
            for (uint64_t c = 0; c < range->count; c++)
                q2_refcount_add(q, range->cluster + c, 1, -1);
    }
    if (frees->len > 0)
        q->compressed_end = 0; /* its cluster may be among them */
    g_array_free(frees, TRUE);
}

static int flush(struct qcow2 *q, bool refcounts)
{
    struct flush f = { .refcounts = refcounts };

    pthread_mutex_lock(&q->lock);
    while (q->flushing)
        pthread_cond_wait(&q->flush_done, &q->lock);
    q->flushing = true;
    int ret = begin(q, &f);
    pthread_mutex_unlock(&q->lock);

    if (ret == 0)
        ret = write_all(q, &f);
    for (guint i = 0; i < f.frees->len && ret == 0; i++) {
        const struct q2_free *range = &g_array_index(f.frees, struct q2_free, i);

        if (range->punch)
            punch(q, range);
    }

    pthread_mutex_lock(&q->lock);
    end_slices(q, f.refblocks, ret < 0);
    end_slices(q, f.l2, ret < 0);
    end_table(&f.reft, &q->reft_dirty, ret < 0);
    end_table(&f.l1, &q->l1_dirty, ret < 0);
    end_frees(q, f.frees, ret < 0);
    q->flushing = false;
    pthread_cond_broadcast(&q->flush_done);
    pthread_mutex_unlock(&q->lock);
    return ret;
}

int q2_flush(struct qcow2 *q)
{
    return flush(q, !q->lazy);
}

int q2_flush_all(struct qcow2 *q)
{
    int ret = flush(q, true);

    /* What the first flush freed has changed refcounts. */
    if (ret == 0 && q->cache.n_dirty > 0)
        ret = flush(q, true);
    return ret;
}

int q2_relieve_cache(struct qcow2 *q)
{
    pthread_mutex_lock(&q->lock);
    bool full = q->cache.n_dirty > q->cache.max / 2 || q->frees->len > MAX_FREES;
    pthread_mutex_unlock(&q->lock);
    return full ? flush(q, true) : 0;
}
