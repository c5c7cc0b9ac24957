/* What changes the mapping: allocating writes, zero-writes, discards. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block/iov.h"
#include "block/qcow2.h"

#define ZERO_CHUNK (1u << 20) /* zeroes written as data at once */

/* Clusters that are about to get data. */
struct target {
    uint64_t offset; /* guest offset of the first, a multiple of the cluster size */
    uint64_t host;
    uint64_t clusters;
    bool fresh;  /* never written before: the host's file has a hole there */
    bool reused; /* they had their place already (zero clusters with space) */
};

static bool needs_place(const struct qcow2 *q, uint64_t entry)
{
    enum extent_kind kind;

    /* In place: ours alone and not compressed. An allocated zero cluster keeps its place. */
    return q2_classify(q, entry, &kind) < 0 || kind == EXTENT_COMPRESSED || !(entry & Q2_COPIED) ||
           (entry & Q2_OFFSET_MASK) == 0;
}

/* Chooses places for up to t->clusters clusters from t->offset on (locked). */
static int choose_place(struct qcow2 *q, struct target *t)
{
    struct q2_slice *slice;
    uint32_t index, n;
    uint64_t wanted = 1;
    int ret = q2_lookup_for_change(q, t->offset, &slice, &index, &n);

    if (ret < 0)
        return ret;
    n = (uint32_t)MIN(n, t->clusters);
    uint64_t entry = q2_entry(slice, index);
    t->clusters = 1;
    t->reused = !needs_place(q, entry);
    t->fresh = false;
    t->host = entry & Q2_OFFSET_MASK;
    if (t->reused)
        return 0;
    while (wanted < n && needs_place(q, q2_entry(slice, index + (uint32_t)wanted)))
        wanted++;
    ret = q2_alloc_some(q, wanted, &t->host, &t->clusters);
    if (ret < 0)
        return ret;
    t->fresh = t->host >= q->file_end;
    if (q->file_end != UINT64_MAX)
        q->file_end = MAX(q->file_end, t->host + t->clusters * q->cluster_size);
    return 0;
}

/* Lets the L2 entries refer to the new places; what they referred to before is freed (locked). */
static int link_target(struct qcow2 *q, const struct target *t)
{
    for (uint64_t i = 0; i < t->clusters; i++) {
        struct q2_slice *slice;
        uint32_t index, n;
        int ret = q2_lookup_for_change(q, t->offset + i * q->cluster_size, &slice, &index, &n);

        if (ret < 0)
            return ret;
        uint64_t old = q2_entry(slice, index);
        q2_set_entry(q, slice, index, (t->host + i * q->cluster_size) | Q2_COPIED);
        if (!t->reused)
            q2_free_entry(q, old, q->node->discard_unmap);
    }
    return 0;
}

/*
 * The old content of a part of a cluster that is not overwritten. *buf stays NULL where nothing
 * need be written, since zeroes are there already.
 */
static int old_content(struct qcow2 *q, const struct target *t, uint64_t offset, uint64_t len,
                       uint8_t **buf)
{
    struct block_extent extent;

    if (len == 0)
        return 0;
    int ret = block_map(q->node, offset, len, 0, &extent);
    if (ret < 0 || (extent.kind == EXTENT_ZERO && extent.length == len && t->fresh))
        return ret;
    *buf = file_buffer(len);
    return *buf != NULL ? block_read_chain(q->node, offset, len, *buf) : -ENOMEM;
}

/* Writes the data, completed to whole clusters, to its new place. */
static int write_target(struct qcow2 *q, const struct target *t, uint64_t offset, uint64_t len,
                        const struct iovec *iov, int n)
{
    uint64_t head = offset - t->offset;
    uint64_t tail = t->clusters * q->cluster_size - head - len;
    g_autofree struct iovec *all = g_new(struct iovec, n + 2);
    uint8_t *before = NULL, *after = NULL;
    uint64_t host = t->host + head;
    int used = 0;

    int ret = old_content(q, t, t->offset, head, &before);
    if (ret == 0)
        ret = old_content(q, t, offset + len, tail, &after);
    if (ret < 0)
        goto out;
    if (before != NULL) {
        all[used++] = (struct iovec){ before, head };
        host -= head;
    }
    memcpy(&all[used], iov, (size_t)n * sizeof(*iov));
    used += n;
    if (after != NULL)
        all[used++] = (struct iovec){ after, tail };
    ret = file_pwritev(q->file, all, used, host,
                       len + (before != NULL ? head : 0) + (after != NULL ? tail : 0));
out:
    free(before);
    free(after);
    return ret;
}

/* A write that needs new clusters; *done is how many bytes of it were handled. */
static int write_new(struct qcow2 *q, uint64_t offset, uint64_t len, const struct iovec *iov, int n,
                     uint64_t *done)
{
    uint64_t in_cluster = offset & (q->cluster_size - 1);
    struct target t = { .offset = offset - in_cluster,
                        .clusters = q2_div_up(in_cluster + len, q->cluster_size) };
    g_autofree struct iovec *part = g_new(struct iovec, n);

    pthread_mutex_lock(&q->lock);
    int ret = choose_place(q, &t);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        return ret;

    *done = MIN(len, t.clusters * q->cluster_size - in_cluster);
    int used = iov_slice(iov, n, 0, *done, part);
    ret = write_target(q, &t, offset, *done, part, used);

    pthread_mutex_lock(&q->lock);
    if (ret == 0)
        ret = link_target(q, &t);
    else if (!t.reused)
        q2_refcount_add(q, t.host >> q->header.cluster_bits, t.clusters, -1);
    pthread_mutex_unlock(&q->lock);
    return ret;
}

int q2_write(struct block_node *node, uint64_t offset, uint64_t len, const struct iovec *iov, int n)
{
    struct qcow2 *q = node->state;
    g_autofree struct iovec *rest = g_new(struct iovec, n);

    for (uint64_t done = 0, now; done < len; done += now) {
        struct block_extent extent = { .node = node };
        int ret = q2_map(node, offset + done, len - done, BLOCK_MAP_WRITE, &extent);

        if (ret < 0)
            return ret;
        int used = iov_slice(iov, n, done, len - done, rest);
        now = extent.length;
        if (extent.kind == EXTENT_DATA) {
            used = iov_slice(iov, n, done, now, rest);
            ret = file_pwritev(q->file, rest, used, extent.host, now);
        } else {
            ret = write_new(q, offset + done, len - done, rest, used, &now);
        }
        if (ret < 0)
            return ret;
    }
    return q2_relieve_cache(q);
}

int q2_preallocate(struct qcow2 *q, uint64_t offset, uint64_t len)
{
    int ret = 0;

    pthread_mutex_lock(&q->lock);
    while (len > 0 && ret == 0) {
        struct target t = { .offset = offset, .clusters = q2_div_up(len, q->cluster_size) };

        ret = choose_place(q, &t);
        if (ret == 0)
            ret = link_target(q, &t);
        uint64_t now = MIN(t.clusters * q->cluster_size, len);
        offset += now;
        len -= now;
    }
    pthread_mutex_unlock(&q->lock);
    return ret;
}

/* ---- zeroes and discards ---- */

enum clearing { CLEAR_ZERO, CLEAR_ZERO_UNMAP, CLEAR_DISCARD };

/* The entry that makes a cluster read as zeroes, or for a discard frees it if that is possible. */
static uint64_t cleared_entry(const struct qcow2 *q, uint64_t entry, enum extent_kind kind,
                              enum clearing how)
{
    bool backed = q->node->backing != NULL;
    bool has_place = kind == EXTENT_COMPRESSED || (entry & Q2_OFFSET_MASK) != 0;

    if (how == CLEAR_DISCARD && (!has_place || (backed && q->header.version < 3)))
        return entry;
    if (kind == EXTENT_BACKING && !backed)
        return entry; /* reads as zeroes already */
    if (q->header.version < 3)
        return 0;
    if (how == CLEAR_ZERO && kind != EXTENT_COMPRESSED && (entry & Q2_COPIED) && has_place)
        return entry | Q2_ZERO;
    return Q2_ZERO;
}

/* Clears up to n entries of one slice (locked). */
static int clear_slice(struct qcow2 *q, uint64_t offset, uint64_t clusters, enum clearing how,
                       uint32_t *n)
{
    struct q2_slice *slice;
    uint32_t index;
    int ret = q2_lookup(q, offset, true, &slice, &index, n);

    if (ret < 0)
        return ret;
    *n = (uint32_t)MIN(*n, clusters);
    if (slice == NULL && (q->node->backing == NULL || how == CLEAR_DISCARD))
        return 0;
    uint32_t unused;
    ret = q2_lookup_for_change(q, offset, &slice, &index, &unused);
    for (uint32_t i = 0; i < *n && ret == 0; i++) {
        uint64_t old = q2_entry(slice, index + i);
        enum extent_kind kind;

        ret = q2_classify(q, old, &kind);
        if (ret < 0)
            break;
        uint64_t next = cleared_entry(q, old, kind, how);
        if (next == old)
            continue;
        q2_set_entry(q, slice, index + i, next);
        if (kind == EXTENT_COMPRESSED || ((old ^ next) & Q2_OFFSET_MASK) != 0)
            q2_free_entry(q, old, q->node->discard_unmap);
    }
    return ret;
}

/* offset and len are whole clusters, len maybe up to the end of the disk. */
static int clear_clusters(struct qcow2 *q, uint64_t offset, uint64_t len, enum clearing how)
{
    uint64_t clusters = q2_div_up(len, q->cluster_size);
    int ret = 0;

    while (clusters > 0 && ret == 0) {
        uint32_t n = 0;

        /* The lock is given up after each slice: long ranges must not hold up the others. */
        pthread_mutex_lock(&q->lock);
        ret = clear_slice(q, offset, clusters, how, &n);
        pthread_mutex_unlock(&q->lock);
        clusters -= n;
        offset += (uint64_t)n * q->cluster_size;
        if (ret == 0)
            ret = q2_relieve_cache(q);
    }
    return ret;
}

/* Zeroes as data, where they are not zeroes already. */
static int write_zero_data(struct block_node *node, uint64_t offset, uint64_t len)
{
    uint8_t *buf = NULL;
    int ret = 0;

    while (len > 0 && ret == 0) {
        struct block_extent extent;
        uint64_t now = MIN(len, ZERO_CHUNK);

        ret = block_map(node, offset, now, 0, &extent);
        now = extent.length;
        if (ret == 0 && extent.kind != EXTENT_ZERO) {
            if (buf == NULL && (buf = file_buffer(ZERO_CHUNK)) != NULL)
                memset(buf, 0, ZERO_CHUNK);
            struct iovec iov = { buf, now };
            ret = buf != NULL ? q2_write(node, offset, now, &iov, 1) : -ENOMEM;
        }
        offset += now;
        len -= now;
    }
    free(buf);
    return ret;
}

/* The whole clusters in a range; the last one of the disk counts as whole at the disk's end. */
static void whole_clusters(const struct block_node *node, uint64_t offset, uint64_t len,
                           uint64_t *start, uint64_t *end)
{
    const struct qcow2 *q = node->state;

    *start = q2_div_up(offset, q->cluster_size) * q->cluster_size;
    *end = offset + len;
    if (*end != node->size)
        *end -= *end % q->cluster_size;
}

int q2_zero(struct block_node *node, uint64_t offset, uint64_t len, bool unmap)
{
    struct qcow2 *q = node->state;
    uint64_t start, end;

    whole_clusters(node, offset, len, &start, &end);
    if (start >= end || (q->header.version < 3 && node->backing != NULL))
        return write_zero_data(node, offset, len);
    int ret = write_zero_data(node, offset, start - offset);
    if (ret == 0)
        ret = clear_clusters(q, start, end - start, unmap ? CLEAR_ZERO_UNMAP : CLEAR_ZERO);
    if (ret == 0)
        ret = write_zero_data(node, end, offset + len - end);
    return ret;
}

int q2_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    uint64_t start, end;

    whole_clusters(node, offset, len, &start, &end);
    return start < end ? clear_clusters(node->state, start, end - start, CLEAR_DISCARD) : 0;
}
