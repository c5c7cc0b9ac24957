/*
 * Consistency check and repair: counts every reference to every cluster and compares the sums with
 * the refcounts in the image. Broken refcount structures are built anew behind the image's end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "block/qcow2.h"

#define MAX_CLUSTERS (UINT64_C(1) << 30) /* 64 TiB with clusters of 64 KiB: 2 GiB of counters */

struct check {
    struct qcow2 *q;
    struct image_check *result;
    unsigned fix;
    uint64_t n;       /* clusters in the file */
    uint16_t *counts; /* references found, saturating */
    uint64_t highest; /* the last cluster in use, + 1 */
    bool rebuild;     /* the refcount structures cannot be repaired in place */
    bool silent;      /* counting once more, everything was reported already */
};

static void report(struct check *c, uint64_t *counter, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

static void report(struct check *c, uint64_t *counter, const char *fmt, ...)
{
    va_list ap;

    if (c->silent)
        return;
    ++*counter;
    if (c->result->report == NULL)
        return;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    c->result->report(c->result->opaque, text);
}

/* ---- counting ---- */

/* Counts clusters; false (and reported) if they are not all in the file. */
static bool count(struct check *c, uint64_t cluster, uint64_t n, const char *what)
{
    if (cluster >= c->n || n > c->n - cluster) {
        report(c, &c->result->corruptions, "ERROR %s at 0x%" PRIx64 " is beyond the end", what,
               cluster << c->q->header.cluster_bits);
        return false;
    }
    for (uint64_t i = cluster; i < cluster + n; i++)
        c->counts[i] += c->counts[i] < UINT16_MAX;
    c->highest = MAX(c->highest, cluster + n);
    return true;
}

static bool count_bytes(struct check *c, uint64_t offset, uint64_t bytes, const char *what)
{
    uint32_t cluster_size = c->q->cluster_size;

    if (offset % cluster_size != 0) {
        report(c, &c->result->corruptions, "ERROR %s at 0x%" PRIx64 " is not aligned", what,
               offset);
        return false;
    }
    return count(c, offset / cluster_size, q2_div_up(bytes, cluster_size), what);
}

/* The state of the walk through one L1 table. */
struct walk {
    bool active;        /* the active table: its flags are checked, its entries repaired */
    uint64_t next_host; /* where the next cluster would be if the file were not fragmented */
    GHashTable *seen;   /* L2 tables of this L1 table */
};

static void count_statistics(struct check *c, struct walk *w, uint64_t entry, enum extent_kind kind)
{
    uint64_t host = entry & Q2_OFFSET_MASK;

    if (!w->active || c->silent)
        return;
    c->result->allocated_clusters++;
    if (kind == EXTENT_COMPRESSED) {
        c->result->compressed_clusters++;
        c->result->fragmented_clusters++;
        return;
    }
    c->result->fragmented_clusters += w->next_host != 0 && host != w->next_host;
    w->next_host = host + c->q->cluster_size;
}

static bool count_entry(struct check *c, struct walk *w, uint64_t entry)
{
    enum extent_kind kind;
    uint64_t cluster, n;

    if (q2_classify(c->q, entry, &kind) < 0) {
        report(c, &c->result->corruptions, "ERROR L2 entry 0x%" PRIx64 " is not aligned", entry);
        return false;
    }
    q2_entry_clusters(c->q, entry, &cluster, &n);
    if (n == 0)
        return true;
    /* The last sector of compressed data may lie behind the end of the file. */
    if (kind == EXTENT_COMPRESSED && cluster < c->n)
        n = MIN(n, c->n - cluster);
    count_statistics(c, w, entry, kind);
    return count(c, cluster, n, "data cluster");
}

/* Locked. The slice is looked up for each change, since reading others may evict it. */
static int count_slice(struct check *c, struct walk *w, uint64_t offset)
{
    struct qcow2 *q = c->q;
    struct q2_slice *slice;
    int ret = q2_cache_get(q, Q2_L2, offset, true, &slice);

    for (uint32_t i = 0; i < q->cache.slice_size / 8 && ret == 0; i++) {
        if (count_entry(c, w, q2_entry(slice, i)) || !(c->fix & IMAGE_FIX_ERRORS) || !w->active)
            continue;
        q2_set_entry(q, slice, i, 0);
        c->result->corruptions_fixed++;
    }
    return ret;
}

/* Reads of tables fail only by I/O; that ends the check. */
static int count_table(struct check *c, struct walk *w, uint64_t table)
{
    int ret = 0;

    for (uint32_t i = 0; i < c->q->cluster_size && ret == 0; i += c->q->cache.slice_size)
        ret = count_slice(c, w, table + i);
    return ret;
}

static int count_l1(struct check *c, uint64_t *l1, uint32_t n, bool active)
{
    struct walk w = { .active = active, .seen = g_hash_table_new(g_int64_hash, g_int64_equal) };
    uint64_t *tables = g_new(uint64_t, (size_t)n + 1); /* keys of `seen` */
    int ret = 0;

    for (uint32_t i = 0; i < n && ret == 0; i++) {
        tables[i] = l1[i] & Q2_OFFSET_MASK;
        if (tables[i] == 0)
            continue;
        bool good = count_bytes(c, tables[i], c->q->cluster_size, "L2 table");
        if (good && !g_hash_table_add(w.seen, &tables[i])) {
            report(c, &c->result->corruptions, "ERROR L2 table 0x%" PRIx64 " is used twice",
                   tables[i]);
            continue; /* its clusters are counted already; a loop over them all would be long */
        }
        if (good) {
            ret = count_table(c, &w, tables[i]);
        } else if (active && (c->fix & IMAGE_FIX_ERRORS)) {
            l1[i] = 0;
            q2_mark(&c->q->l1_dirty, i);
            c->result->corruptions_fixed++;
        }
    }
    g_hash_table_destroy(w.seen);
    g_free(tables);
    return ret;
}

static int count_snapshots(struct check *c)
{
    struct qcow2 *q = c->q;
    int ret = 0;

    count_bytes(c, q->header.snapshots_offset, q2_snapshots_bytes(q->snapshots), "snapshot table");
    for (guint i = 0; i < q->snapshots->len && ret == 0; i++) {
        const struct q2_snapshot *s = &g_array_index(q->snapshots, struct q2_snapshot, i);
        g_autofree uint64_t *l1 = NULL;

        if (!count_bytes(c, s->l1_offset, (uint64_t)s->l1_size * 8, "snapshot's L1 table"))
            continue;
        ret = q2_read_l1(q, s->l1_offset, s->l1_size, &l1);
        if (ret == 0)
            ret = count_l1(c, l1, s->l1_size, false);
    }
    return ret;
}

/* Everything but the refcount structures. */
static int count_contents(struct check *c)
{
    const struct q2_header *h = &c->q->header;
    int ret;

    count(c, 0, 1, "header");
    if (h->l1_size > 0)
        count_bytes(c, h->l1_offset, (uint64_t)h->l1_size * 8, "L1 table");
    ret = count_l1(c, c->q->l1, h->l1_size, true);
    return ret < 0 ? ret : count_snapshots(c);
}

static void count_refcounts(struct check *c)
{
    const struct q2_header *h = &c->q->header;

    if (!count_bytes(c, h->reft_offset, (uint64_t)h->reft_clusters << h->cluster_bits,
                     "refcount table"))
        c->rebuild = true;
    for (uint32_t i = 0; i < c->q->reft_size; i++) {
        uint64_t block = c->q->reft[i];

        if (block == 0)
            continue;
        if (!count_bytes(c, block, c->q->cluster_size, "refcount block")) {
            c->rebuild = true;
        } else if (c->counts[block >> h->cluster_bits] > 1) {
            report(c, &c->result->corruptions,
                   "ERROR refcount block 0x%" PRIx64 " is used for other things too", block);
            c->rebuild = true;
        }
    }
}

/* ---- comparing ---- */

static int compare_one(struct check *c, uint64_t cluster)
{
    uint64_t recorded, found = cluster < c->n ? c->counts[cluster] : 0;
    int ret = q2_refcount_get(c->q, cluster, &recorded);

    if (ret < 0 || recorded == found)
        return ret;
    bool leak = recorded > found;
    if (leak && (c->q->header.autoclear & Q2_AUTOCLEAR_BITMAPS))
        return 0; /* it may belong to a bitmap; we do not look at those */
    report(c, leak ? &c->result->leaks : &c->result->corruptions,
           "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
           leak ? "Leaked" : "ERROR", cluster, recorded, found);
    if (!(c->fix & (leak ? IMAGE_FIX_LEAKS : IMAGE_FIX_ERRORS)))
        return 0;
    ret = q2_refcount_set(c->q, cluster, found);
    if (ret == -ERANGE) {
        c->rebuild = true; /* no block, or refcounts that are too narrow */
        return 0;
    }
    if (ret == 0)
        ++*(leak ? &c->result->leaks_fixed : &c->result->corruptions_fixed);
    return ret;
}

/* Also clusters behind the end of the file, as far as there are refcount blocks for them. */
static int compare_refcounts(struct check *c)
{
    uint64_t per_block = UINT64_C(1) << c->q->refblock_bits;
    uint64_t blocks = MAX(c->q->reft_size, q2_div_up(c->n, per_block));
    int ret = 0;

    for (uint64_t b = 0; b < blocks && ret == 0; b++) {
        uint64_t first = b * per_block, end = first + per_block;

        if (b >= c->q->reft_size || c->q->reft[b] == 0)
            end = MIN(end, c->n);
        for (uint64_t i = first; i < end && ret == 0; i++)
            ret = compare_one(c, i);
    }
    return ret;
}

/* ---- flags ---- */

static void check_flag(struct check *c, uint64_t entry, const char *what)
{
    uint64_t offset = entry & Q2_OFFSET_MASK, refcount;

    if (offset == 0 || (entry & Q2_COMPRESSED) ||
        q2_refcount_get(c->q, offset >> c->q->header.cluster_bits, &refcount) < 0)
        return;
    if ((refcount == 1) != ((entry & Q2_COPIED) != 0))
        report(c, &c->result->corruptions,
               "ERROR COPIED flag of %s 0x%" PRIx64 " does not fit its refcount %" PRIu64, what,
               entry, refcount);
}

static int check_table_flags(struct check *c, uint64_t table)
{
    struct qcow2 *q = c->q;
    uint32_t per_slice = q->cache.slice_size / 8;
    int ret = 0;

    for (uint32_t s = 0; s < q->cluster_size && ret == 0; s += q->cache.slice_size)
        for (uint32_t i = 0; i < per_slice && ret == 0; i++) {
            struct q2_slice *slice;

            ret = q2_cache_get(q, Q2_L2, table + s, true, &slice);
            if (ret == 0)
                check_flag(c, q2_entry(slice, i), "L2 entry");
        }
    return ret;
}

static int check_flags(struct check *c)
{
    struct qcow2 *q = c->q;
    uint64_t before = c->result->corruptions;
    int ret = 0;

    for (uint32_t i = 0; i < q->header.l1_size && ret == 0; i++) {
        uint64_t table = q->l1[i] & Q2_OFFSET_MASK;

        if (table == 0 || table % q->cluster_size != 0)
            continue;
        check_flag(c, q->l1[i], "L1 entry");
        ret = check_table_flags(c, table);
    }
    if (ret == 0 && c->result->corruptions > before && (c->fix & IMAGE_FIX_ERRORS)) {
        ret = q2_refs_update_copied(q);
        if (ret == 0)
            c->result->corruptions_fixed += c->result->corruptions - before;
    }
    return ret;
}

/* ---- rebuilding ---- */

static int reload_refcounts(struct qcow2 *q)
{
    q->reft_size = (uint32_t)(((uint64_t)q->header.reft_clusters * q->cluster_size) / 8);
    q->reft = g_renew(uint64_t, q->reft, q->reft_size);
    q->reft_dirty = Q2_CLEAN;
    q->free_hint = 1;
    q->compressed_end = 0;
    return q2_table_read(q->file, q->header.reft_offset, q->reft, q->reft_size);
}

/* Changed L2 slices and L1 entries to disk, as they are (locked). */
static int write_tables(struct qcow2 *q)
{
    struct q2_slice *slice;
    int ret = 0;

    TAILQ_FOREACH(slice, &q->cache.lru, lru)
    if (slice->dirty && slice->kind == Q2_L2 && ret == 0)
        ret = file_pwrite(q->file, slice->data, q->cache.slice_size, slice->offset);
    if (ret == 0 && q->l1_dirty.first <= q->l1_dirty.last)
        ret = q2_table_write(q->file, q->header.l1_offset, q->l1, q->header.l1_size);
    q->l1_dirty = Q2_CLEAN;
    return ret;
}

/* Counts anew without the old refcount structures and writes new ones behind the file's end. */
static int rebuild(struct check *c, GError **err)
{
    struct qcow2 *q = c->q;
    struct q2_header next = q->header;
    int ret = write_tables(q);

    next.autoclear = 0; /* bitmaps are not counted and so not valid any more */

    q2_cache_drop_all(q);
    memset(c->counts, 0, c->n * sizeof(*c->counts));
    c->silent = true;
    if (ret == 0)
        ret = count_contents(c);
    for (uint64_t i = 0; i < c->n; i++)
        c->counts[i] = (uint16_t)MIN(c->counts[i], q2_refcount_max(q));
    if (ret == 0)
        ret = q2_refcount_build(q->file, &q->header, c->counts, c->n, &next.reft_offset,
                                &next.reft_clusters);
    if (ret == 0)
        ret = file_flush(q->file);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: building new refcounts", q->file->name);
    ret = q2_header_write(q->file, &next, err);
    if (ret < 0)
        return ret;
    q->header = next;
    ret = reload_refcounts(q);
    if (ret == 0)
        ret = q2_refs_update_copied(q);
    c->result->corruptions_fixed = c->result->corruptions;
    c->result->leaks_fixed = c->result->leaks;
    return ret < 0 ? fail_errno(err, -ret, "%s: building new refcounts", q->file->name) : 0;
}

/* ---- all of it ---- */

static int run(struct check *c, GError **err)
{
    struct qcow2 *q = c->q;
    int ret = count_contents(c);

    count_refcounts(c);
    c->result->image_end_offset = c->highest << q->header.cluster_bits;
    c->result->total_clusters = q2_div_up(q->header.size, q->cluster_size);
    if (ret == 0 && !c->rebuild)
        ret = compare_refcounts(c);
    if (ret == 0 && !c->rebuild)
        ret = check_flags(c);
    if (ret < 0) {
        c->result->check_errors++;
        return fail_errno(err, -ret, "%s: the check could not be completed", q->file->name);
    }
    return c->rebuild && (c->fix & IMAGE_FIX_ERRORS) ? rebuild(c, err) : 0;
}

/* Nothing is wrong any more: the marks that said so go away. */
static int clear_marks(struct qcow2 *q, const struct image_check *result, GError **err)
{
    uint64_t marks = Q2_INCOMPAT_DIRTY | Q2_INCOMPAT_CORRUPT;

    if (!(q->header.incompatible & marks) || result->corruptions_fixed < result->corruptions)
        return 0;
    q->header.incompatible &= ~marks;
    int ret = q2_header_write_features(q->file, &q->header);
    return ret < 0 ? fail_errno(err, -ret, "%s: writing the header", q->file->name) : 0;
}

int q2_check(struct block_node *node, unsigned fix, struct image_check *result, GError **err)
{
    struct qcow2 *q = node->state;
    struct check c = { .q = q, .result = result, .fix = fix };
    int64_t length = file_size(q->file);

    if (length < 0)
        return fail_errno(err, (int)-length, "%s", node->path);
    c.n = q2_div_up((uint64_t)length, q->cluster_size);
    if (c.n > MAX_CLUSTERS || (c.counts = g_try_new0(uint16_t, c.n + 1)) == NULL)
        return fail(err, EFBIG, "%s: has too many clusters to be checked", node->path);
    pthread_mutex_lock(&q->lock);
    int ret = run(&c, err);
    pthread_mutex_unlock(&q->lock);
    g_free(c.counts);
    if (ret == 0 && fix != 0) {
        ret = q2_flush_all(q);
        if (ret < 0)
            fail_errno(err, -ret, "%s: writing the repaired image", node->path);
        else if (fix & IMAGE_FIX_ERRORS)
            ret = clear_marks(q, result, err);
    }
    return ret;
}
