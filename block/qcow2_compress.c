/* Compressed clusters: raw deflate with a 4 KiB window, at any byte of the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST // the input is const
#include <zlib.h>

#include "block/iov.h"
#include "block/qcow2.h"

#define WINDOW_BITS (-12) /* negative: without zlib's header */

/* The output must be one whole cluster; what the input holds behind it is ignored. */
static int inflate_cluster(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    z_stream z = {
        .next_in = in, .avail_in = (uInt)in_len, .next_out = out, .avail_out = (uInt)out_len
    };

    if (inflateInit2(&z, WINDOW_BITS) != Z_OK)
        return -ENOMEM;
    int ret = inflate(&z, Z_FINISH);
    bool complete = z.avail_out == 0 && (ret == Z_STREAM_END || ret == Z_BUF_ERROR);
    inflateEnd(&z);
    return complete ? 0 : -EIO;
}

/* Reads and inflates the cluster of an entry into q->inflated (with inflate_lock). */
static int load(struct qcow2 *q, uint64_t entry)
{
    uint64_t offset, bytes;

    if (q->inflated_entry == entry)
        return 0;
    q2_compressed_place(q, entry, &offset, &bytes);
    if (q->inflated == NULL)
        q->inflated = file_buffer(q->cluster_size);
    uint8_t *in = file_buffer(bytes);
    int ret = q->inflated != NULL && in != NULL ? 0 : -ENOMEM;
    q->inflated_entry = 0;
    if (ret == 0)
        ret = file_pread(q->file, in, bytes, offset);
    if (ret == 0)
        ret = inflate_cluster(in, bytes, q->inflated, q->cluster_size);
    if (ret == 0)
        q->inflated_entry = entry;
    free(in);
    return ret;
}

static int find_entry(struct qcow2 *q, uint64_t offset, uint64_t *entry)
{
    struct q2_slice *slice;
    uint32_t index, n;

    pthread_mutex_lock(&q->lock);
    int ret = q2_lookup(q, offset, true, &slice, &index, &n);
    *entry = ret == 0 && slice != NULL ? q2_entry(slice, index) : 0;
    pthread_mutex_unlock(&q->lock);
    return ret < 0 ? ret : *entry & Q2_COMPRESSED ? 0 : -EIO;
}

int q2_read_compressed(struct block_node *node, uint64_t offset, uint64_t len, uint8_t *buf)
{
    struct qcow2 *q = node->state;
    uint64_t entry;
    int ret = find_entry(q, offset, &entry);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&q->inflate_lock);
    ret = load(q, entry);
    if (ret == 0)
        memcpy(buf, q->inflated + (offset & (q->cluster_size - 1)), len);
    pthread_mutex_unlock(&q->inflate_lock);
    return ret;
}

/* ---- writing ---- */

/* The compressed bytes in *out (to be freed), or NULL if that saves no space. */
static int deflate_cluster(const uint8_t *in, size_t len, uint8_t **out, size_t *out_len)
{
    z_stream z = { 0 };

    *out = NULL;
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return -ENOMEM;
    uint8_t *buf = malloc(len);
    z.next_in = in;
    z.avail_in = (uInt)len;
    z.next_out = buf;
    z.avail_out = (uInt)len - 1;
    int ret = buf != NULL ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    *out_len = len - 1 - z.avail_out;
    deflateEnd(&z);
    if (ret == Z_STREAM_END) {
        *out = buf;
        return 0;
    }
    free(buf);
    return ret == Z_MEM_ERROR ? -ENOMEM : 0;
}

/*
 * A place for `bytes` behind the last compressed cluster, running over into a new cluster if that
 * adjoins, else at the start of a new one. Each host cluster counts one reference for each
 * compressed cluster that touches it (locked).
 */
static int alloc_bytes(struct qcow2 *q, uint64_t bytes, uint64_t *offset)
{
    uint64_t place = q->compressed_end;
    uint64_t room = place != 0 ? q->cluster_size - place % q->cluster_size : 0;
    uint64_t last = place >> q->header.cluster_bits, fresh;
    int ret;

    if (room >= bytes && q2_refcount_add(q, last, 1, 1) == 0) {
        *offset = place;
    } else {
        ret = q2_alloc(q, 1, &fresh);
        if (ret < 0)
            return ret;
        bool adjoins = room > 0 && room < bytes && fresh == place + room;
        *offset = adjoins && q2_refcount_add(q, last, 1, 1) == 0 ? place : fresh;
        if (q->file_end != UINT64_MAX)
            q->file_end = MAX(q->file_end, fresh + q->cluster_size);
    }
    q->compressed_end = *offset + bytes;
    if (q->compressed_end % q->cluster_size == 0)
        q->compressed_end = 0;
    return 0;
}

static int link_compressed(struct qcow2 *q, uint64_t guest, uint64_t host, uint64_t bytes)
{
    unsigned x = 62 - (q->header.cluster_bits - 8);
    uint64_t sectors = ((host + bytes - 1) >> 9) - (host >> 9);
    struct q2_slice *slice;
    uint32_t index, n;
    int ret = q2_lookup_for_change(q, guest, &slice, &index, &n);

    if (ret < 0)
        return ret;
    uint64_t old = q2_entry(slice, index);
    q2_set_entry(q, slice, index, Q2_COMPRESSED | sectors << x | host);
    q2_free_entry(q, old, false);
    return 0;
}

static int write_compressed(struct qcow2 *q, uint64_t offset, const uint8_t *data, size_t len)
{
    uint64_t host;

    pthread_mutex_lock(&q->lock);
    int ret = alloc_bytes(q, len, &host);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        return ret;
    ret = file_pwrite(q->file, data, len, host);
    if (ret < 0)
        return ret;
    pthread_mutex_lock(&q->lock);
    ret = link_compressed(q, offset, host, len);
    pthread_mutex_unlock(&q->lock);
    pthread_mutex_lock(&q->inflate_lock);
    q->inflated_entry = 0; /* an equal entry may have been there before */
    pthread_mutex_unlock(&q->inflate_lock);
    return ret < 0 ? ret : q2_relieve_cache(q);
}

int image_write_compressed(struct block_node *node, uint64_t offset, const uint8_t *buf,
                           uint64_t len)
{
    struct qcow2 *q = node->state;
    uint8_t *packed;
    size_t packed_len;

    if (node->format != &format_qcow2)
        return -ENOTSUP;
    if (node->read_only)
        return -EROFS;
    if (offset % q->cluster_size != 0 || len != q->cluster_size)
        return -EINVAL;
    int ret = deflate_cluster(buf, len, &packed, &packed_len);
    if (ret < 0)
        return ret;
    if (packed != NULL) {
        ret = write_compressed(q, offset, packed, packed_len);
    } else {
        union {
            const void *in;
            void *out;
        } data = { buf }; /* iovec has no const; a write only reads */
        struct iovec iov = { data.out, len };
        ret = q2_write(node, offset, len, &iov, 1);
    }
    free(packed);
    return ret;
}
