/* New qcow2 images. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "block/create.h"
#include "block/qcow2.h"

/* -1 for what is not a power of two. */
static int log2_exact(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0 ? __builtin_ctz(value) : -1;
}

/* Defaults and limits; everything but the places of the tables. */
static int choose(const struct image_create_options *o, struct q2_header *h, GError **err)
{
    uint32_t cluster_size = o->cluster_size != 0 ? o->cluster_size : 65536;
    unsigned refcount_bits = o->refcount_bits != 0 ? o->refcount_bits : 16;
    int cluster_bits = log2_exact(cluster_size), order = log2_exact(refcount_bits);

    *h = (struct q2_header){ .version = o->version != 0 ? o->version : 3, .size = o->size };
    if (h->version != 2 && h->version != 3)
        return fail(err, EINVAL, "%s: compat must be 0.10 or 1.1", o->path);
    if (cluster_bits < Q2_MIN_CLUSTER_BITS || cluster_bits > Q2_MAX_CLUSTER_BITS)
        return fail(err, EINVAL, "%s: cluster_size must be a power of two from 512 to 2M", o->path);
    if (order < 0 || order > 6)
        return fail(err, EINVAL, "%s: refcount_bits must be a power of two up to 64", o->path);
    if (h->version == 2 && (order != 4 || o->lazy_refcounts))
        return fail(err, EINVAL, "%s: refcount_bits and lazy_refcounts need compat=1.1", o->path);
    if (o->backing == NULL && o->backing_format != NULL)
        return fail(err, EINVAL, "%s: a backing format needs a backing file", o->path);
    h->cluster_bits = (uint32_t)cluster_bits;
    h->refcount_order = (uint32_t)order;
    h->compatible = o->lazy_refcounts ? Q2_COMPAT_LAZY : 0;
    uint64_t entries = q2_l1_entries(o->size, h->cluster_bits);
    if (entries > Q2_MAX_L1_BYTES / 8)
        return fail(err, EFBIG, "%s: the disk is too large for this cluster size", o->path);
    h->l1_size = (uint32_t)entries;
    return 0;
}

/* Cluster 0 is the header, then the L1 table (all zero: a hole), then the refcounts. */
int q2_create(struct block_file *file, const struct image_create_options *o, GError **err)
{
    struct q2_header h;
    int ret = choose(o, &h, err);

    if (ret < 0)
        return ret;
    h.backing_name = g_strdup(o->backing);
    h.backing_format = g_strdup(o->backing_format);
    uint64_t l1_clusters = q2_div_up((uint64_t)h.l1_size * 8, UINT64_C(1) << h.cluster_bits);
    uint64_t used = 1 + MAX(l1_clusters, 1);
    g_autofree uint16_t *counts = g_new(uint16_t, used);
    h.l1_offset = UINT64_C(1) << h.cluster_bits;
    for (uint64_t i = 0; i < used; i++)
        counts[i] = 1;
    ret = file_zero(file, h.l1_offset, (used - 1) << h.cluster_bits, true);
    if (ret == 0)
        ret = q2_refcount_build(file, &h, counts, used, &h.reft_offset, &h.reft_clusters);
    if (ret < 0)
        fail_errno(err, -ret, "%s: creating the image", o->path);
    else
        ret = q2_header_write(file, &h, err);
    q2_header_free(&h);
    return ret;
}

/*
 * The mapping is complete, and the file reaches to its end: a cluster behind the end of the file
 * would look like corruption to others.
 */
int q2_create_prealloc(struct block_node *node, enum image_preallocation mode, GError **err)
{
    struct qcow2 *q = node->state;
    int ret = q2_preallocate(q, 0, node->size);

    if (ret == 0)
        ret = q2_flush_all(q);
    if (ret == 0 && file_size(q->file) < (int64_t)q->file_end)
        ret = file_truncate(q->file, q->file_end);
    if (ret == 0 && mode != IMAGE_PREALLOCATION_METADATA)
        ret = create_reserve(q->file, 0, q->file_end, mode == IMAGE_PREALLOCATION_FULL);
    return ret < 0 ? fail_errno(err, -ret, "%s: preallocation", node->path) : 0;
}
