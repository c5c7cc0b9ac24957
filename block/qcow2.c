/* Opening and closing qcow2 images; the format's method table. */
#include "block/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

#define MAX_SLICE_SIZE  16384u
#define MAX_CACHE_BYTES (16u << 20) /* covers 128 GiB with clusters of 64 KiB */
#define MIN_SLICES      64u

static int read_l1(struct qcow2 *q, GError **err)
{
    q->l1 = g_try_new0(uint64_t, q->header.l1_size + 1);
    if (q->l1 == NULL)
        return fail_errno(err, ENOMEM, "%s: L1 table", q->file->name);
    int ret = q2_table_read(q->file, q->header.l1_offset, q->l1, q->header.l1_size);
    return ret < 0 ? fail_errno(err, -ret, "%s: reading the L1 table", q->file->name) : 0;
}

static int read_reft(struct qcow2 *q, GError **err)
{
    q->reft_size = (uint32_t)(((uint64_t)q->header.reft_clusters * q->cluster_size) / 8);
    q->reft = g_try_new0(uint64_t, q->reft_size);
    if (q->reft == NULL)
        return fail_errno(err, ENOMEM, "%s: refcount table", q->file->name);
    int ret = q2_table_read(q->file, q->header.reft_offset, q->reft, q->reft_size);
    return ret < 0 ? fail_errno(err, -ret, "%s: reading the refcount table", q->file->name) : 0;
}

/* What follows from the header and does not change; and the cache, sized for the cluster size. */
static void set_geometry(struct qcow2 *q)
{
    const struct q2_header *h = &q->header;
    int64_t length = file_size(q->file);
    uint32_t slice_size;

    q->cluster_size = 1u << h->cluster_bits;
    q->l2_bits = h->cluster_bits - 3;
    q->refblock_bits = h->cluster_bits + 3 - h->refcount_order;
    slice_size = MIN(q->cluster_size, MAX_SLICE_SIZE);
    q2_cache_init(&q->cache, slice_size, MAX(MAX_CACHE_BYTES / slice_size, MIN_SLICES));
    q->l1_dirty = q->reft_dirty = Q2_CLEAN;
    q->frees = g_array_new(FALSE, FALSE, sizeof(struct q2_free));
    q->free_hint = 1;
    /* What a device holds behind our clusters is not known to be zeroes. */
    q->file_end = q->file->is_device || length < 0 ? UINT64_MAX : (uint64_t)length;
    q->lazy = (h->compatible & Q2_COMPAT_LAZY) != 0;
}

static void free_state(struct qcow2 *q)
{
    q2_cache_free(&q->cache);
    if (q->frees != NULL)
        g_array_free(q->frees, TRUE);
    q2_snapshots_free(q->snapshots);
    q2_header_free(&q->header);
    pthread_mutex_destroy(&q->lock);
    pthread_mutex_destroy(&q->inflate_lock);
    pthread_cond_destroy(&q->flush_done);
    free(q->inflated);
    g_free(q->l1);
    g_free(q->reft);
    g_free(q);
}

/* Bits that say "this extra data is up to date" go away before the image is changed without it. */
static int clear_autoclear(struct qcow2 *q, GError **err)
{
    if (q->header.version < 3 || q->header.autoclear == 0)
        return 0;
    q->header.autoclear = 0;
    int ret = q2_header_write_features(q->file, &q->header);
    return ret < 0 ? fail_errno(err, -ret, "%s: writing the header", q->file->name) : 0;
}

/* An image that was not closed with lazy refcounts has them counted anew. */
static int repair_dirty(struct qcow2 *q, GError **err)
{
    struct image_check result = { 0 };

    if (!(q->header.incompatible & Q2_INCOMPAT_DIRTY))
        return 0;
    log_warn("%s: was not closed cleanly, its refcounts are repaired", q->file->name);
    return q2_check(q->node, IMAGE_FIX_LEAKS | IMAGE_FIX_ERRORS, &result, err);
}

static int prepare_writing(struct qcow2 *q, GError **err)
{
    if (q->header.incompatible & Q2_INCOMPAT_CORRUPT)
        return fail(err, EINVAL,
                    "%s: is marked as corrupt; it can be opened read-only or repaired by "
                    "hvm-img check -r all",
                    q->file->name);
    int ret = clear_autoclear(q, err);
    return ret < 0 ? ret : repair_dirty(q, err);
}

static int q2_open(struct block_node *node, const struct block_options *options, GError **err)
{
    struct qcow2 *q = g_new0(struct qcow2, 1);

    q->node = node;
    q->file = node->file;
    pthread_mutex_init(&q->lock, NULL);
    pthread_mutex_init(&q->inflate_lock, NULL);
    pthread_cond_init(&q->flush_done, NULL);
    int ret = q2_header_read(node->file, &q->header, err);
    if (ret < 0)
        goto out_free;
    set_geometry(q);
    if (node->file->align > q->cluster_size) {
        ret = fail(err, ENOTSUP, "%s: cache=none needs clusters of at least %u bytes here",
                   node->path, node->file->align);
        goto out_free;
    }
    ret = read_l1(q, err);
    if (ret == 0)
        ret = read_reft(q, err);
    if (ret == 0)
        ret = q2_snapshots_read(q, err);
    if (ret < 0)
        goto out_free;
    node->state = q;
    node->size = q->header.size & ~(uint64_t)(BLOCK_SECTOR_SIZE - 1);
    node->granularity = q->cluster_size;
    node->backing_name = g_strdup(q->header.backing_name);
    node->backing_format_name = g_strdup(q->header.backing_format);
    if (!node->read_only && !options->repair)
        ret = prepare_writing(q, err);
    if (ret == 0)
        return 0;
    node->state = NULL;

out_free:
    free_state(q);
    return ret;
}

/*
 * The node is drained. If the last flush fails the image stays marked as dirty (with lazy
 * refcounts), or has leaks at worst.
 */
static void q2_close(struct block_node *node)
{
    struct qcow2 *q = node->state;

    if (!node->read_only) {
        int ret = q2_flush_all(q);
        if (ret == 0 && q->lazy && (q->header.incompatible & Q2_INCOMPAT_DIRTY)) {
            q->header.incompatible &= ~(uint64_t)Q2_INCOMPAT_DIRTY;
            ret = q2_header_write_features(q->file, &q->header);
        }
        if (ret < 0)
            log_error("%s: closing the image: %s", node->path, g_strerror(-ret));
    }
    free_state(q);
}

static int q2_flush_node(struct block_node *node)
{
    return node->read_only ? 0 : q2_flush(node->state);
}

static void q2_info(struct block_node *node, struct image_info *info)
{
    const struct qcow2 *q = node->state;

    info->cluster_size = q->cluster_size;
    info->version = q->header.version;
    info->refcount_bits = 1u << q->header.refcount_order;
    info->lazy_refcounts = q->lazy;
    info->dirty = (q->header.incompatible & Q2_INCOMPAT_DIRTY) != 0;
    info->corrupt = (q->header.incompatible & Q2_INCOMPAT_CORRUPT) != 0;
}

static int q2_set_backing(struct block_node *node, const char *backing, const char *format,
                          GError **err)
{
    struct qcow2 *q = node->state;
    struct q2_header next = q->header;

    next.backing_name = g_strdup(backing);
    next.backing_format = g_strdup(backing != NULL ? format : NULL);
    int ret = q2_header_write(q->file, &next, err);
    if (ret == 0) {
        g_free(q->header.backing_name);
        g_free(q->header.backing_format);
        q->header = next;
        ret = file_flush(q->file);
        return ret < 0 ? fail_errno(err, -ret, "%s", node->path) : 0;
    }
    g_free(next.backing_name);
    g_free(next.backing_format);
    return ret;
}

const struct block_format format_qcow2 = {
    .name = "qcow2",
    .open = q2_open,
    .close = q2_close,
    .map = q2_map,
    .read = q2_read_compressed,
    .write = q2_write,
    .zero = q2_zero,
    .discard = q2_discard,
    .flush = q2_flush_node,
    .resize = q2_resize,
    .info = q2_info,
    .check = q2_check,
    .set_backing = q2_set_backing,
};
