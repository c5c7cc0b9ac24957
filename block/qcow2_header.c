#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "block/qcow2.h"

#define HEADER_SECTOR 4096u

/* One L1 entry maps a table of cluster_size / 8 clusters. */
uint64_t q2_l1_entries(uint64_t size, uint32_t cluster_bits)
{
    unsigned shift = cluster_bits + cluster_bits - 3;

    return (size >> shift) + ((size & ((UINT64_C(1) << shift) - 1)) != 0);
}

/* ---- reading ---- */

static bool is_aligned(uint64_t offset, uint32_t cluster_bits)
{
    return (offset & ((UINT64_C(1) << cluster_bits) - 1)) == 0 && offset <= INT64_MAX;
}

static int check_version(const char *name, const struct q2_header *h, uint32_t crypt, GError **err)
{
    if (h->version != 2 && h->version != 3)
        return fail(err, ENOTSUP, "%s: qcow2 version %u is not supported", name, h->version);
    if (h->cluster_bits < Q2_MIN_CLUSTER_BITS || h->cluster_bits > Q2_MAX_CLUSTER_BITS)
        return fail(err, EINVAL, "%s: cluster size 2^%u is out of range", name, h->cluster_bits);
    if (crypt != 0)
        return fail(err, ENOTSUP, "%s: encrypted images are not supported", name);
    if (h->incompatible & ~(uint64_t)Q2_INCOMPAT_KNOWN)
        return fail(err, ENOTSUP,
                    "%s: uses qcow2 features that are not supported (incompatible bits 0x%" PRIx64
                    ")",
                    name, h->incompatible & ~(uint64_t)Q2_INCOMPAT_KNOWN);
    if (h->refcount_order > 6)
        return fail(err, EINVAL, "%s: refcount width 2^%u is out of range", name,
                    h->refcount_order);
    return 0;
}

/* The places and sizes of the tables, against the limits (contract.md, section 8). */
static int check_tables(const char *name, const struct q2_header *h, GError **err)
{
    uint64_t reft_bytes = (uint64_t)h->reft_clusters << h->cluster_bits;

    if (h->size > INT64_MAX - (UINT64_C(1) << 22))
        return fail(err, EINVAL, "%s: disk size %" PRIu64 " is too large", name, h->size);
    if (h->l1_size > Q2_MAX_L1_BYTES / 8)
        return fail(err, EFBIG, "%s: the L1 table is too large", name);
    if (h->l1_size < q2_l1_entries(h->size, h->cluster_bits))
        return fail(err, EINVAL, "%s: the L1 table is too small for the disk", name);
    if (!is_aligned(h->l1_offset, h->cluster_bits))
        return fail(err, EINVAL, "%s: the L1 table's offset is invalid", name);
    if (h->reft_clusters == 0 || reft_bytes > Q2_MAX_REFT_BYTES)
        return fail(err, EINVAL, "%s: the refcount table's size is invalid", name);
    if (!is_aligned(h->reft_offset, h->cluster_bits) || h->reft_offset == 0)
        return fail(err, EINVAL, "%s: the refcount table's offset is invalid", name);
    if (h->n_snapshots > Q2_MAX_SNAPSHOTS)
        return fail(err, EFBIG, "%s: has too many snapshots", name);
    if (!is_aligned(h->snapshots_offset, h->cluster_bits))
        return fail(err, EINVAL, "%s: the snapshot table's offset is invalid", name);
    return 0;
}

/* Offsets as in docs/interop/qcow2.txt, "Header"; version 2 ends at 72 and has 16-bit refcounts. */
static void parse_fields(const uint8_t *b, struct q2_header *h)
{
    h->version = get_be32(b + 4);
    h->cluster_bits = get_be32(b + 20);
    h->size = get_be64(b + 24);
    h->l1_size = get_be32(b + 36);
    h->l1_offset = get_be64(b + 40);
    h->reft_offset = get_be64(b + 48);
    h->reft_clusters = get_be32(b + 56);
    h->n_snapshots = get_be32(b + 60);
    h->snapshots_offset = get_be64(b + 64);
    h->refcount_order = 4;
    if (h->version == 3) {
        h->incompatible = get_be64(b + 72);
        h->compatible = get_be64(b + 80);
        h->autoclear = get_be64(b + 88);
        h->refcount_order = get_be32(b + 96);
    }
}

/*
 * What we do not know stays in the image when its header is rewritten. Feature names are for people
 * and left out; bitmaps are not valid any more once we have written.
 */
static void keep_extension(struct q2_header *h, const uint8_t *ext, uint32_t size)
{
    if (h->other_extensions == NULL)
        h->other_extensions = g_byte_array_new();
    g_byte_array_append(h->other_extensions, ext, size);
}

/* b: the first cluster up to `end`, from which on other things (the backing name) come. */
static int parse_extensions(const char *name, const uint8_t *b, uint32_t pos, uint32_t end,
                            struct q2_header *h, GError **err)
{
    while (end - pos >= 8) {
        uint32_t type = get_be32(b + pos), len = get_be32(b + pos + 4);
        uint32_t padded;

        if (type == Q2_EXT_END)
            return 0;
        if (len > end - pos - 8)
            return fail(err, EINVAL, "%s: header extension 0x%08x is too long", name, type);
        padded = MIN((len + 7) & ~7u, end - pos - 8);
        if (type == Q2_EXT_BACKING_FORMAT) {
            g_free(h->backing_format);
            h->backing_format = g_strndup((const char *)b + pos + 8, len);
        } else if (type != Q2_EXT_FEATURE_NAMES && type != Q2_EXT_BITMAPS) {
            keep_extension(h, b + pos, 8 + padded);
        }
        pos += 8 + padded;
    }
    return 0;
}

/* The backing file's name lies in the first cluster, behind the extensions. */
static int parse_names(const char *name, const uint8_t *b, uint32_t header_length,
                       struct q2_header *h, GError **err)
{
    uint64_t backing_offset = get_be64(b + 8);
    uint32_t backing_length = get_be32(b + 16);
    uint32_t end = 1u << h->cluster_bits;

    if (backing_offset != 0) {
        if (backing_length > Q2_MAX_BACKING_NAME || backing_offset < header_length ||
            backing_offset > end || backing_length > end - backing_offset)
            return fail(err, EINVAL, "%s: the backing file's name is invalid", name);
        h->backing_name = g_strndup((const char *)b + backing_offset, backing_length);
        end = (uint32_t)backing_offset;
    }
    return parse_extensions(name, b, header_length, end, h, err);
}

static int parse_rest(struct block_file *file, const uint8_t *fixed, struct q2_header *h,
                      GError **err)
{
    uint32_t header_length = h->version == 3 ? get_be32(fixed + 100) : Q2_HEADER_V2;
    uint32_t cluster_size = 1u << h->cluster_bits;

    if (header_length < (h->version == 3 ? Q2_HEADER_V3 : Q2_HEADER_V2) ||
        header_length > cluster_size || header_length % 8 != 0)
        return fail(err, EINVAL, "%s: header length %u is invalid", file->name, header_length);
    uint8_t *cluster = file_buffer(cluster_size);
    if (cluster == NULL)
        return fail_errno(err, ENOMEM, "%s", file->name);
    int ret = file_pread(file, cluster, cluster_size, 0);
    if (ret < 0)
        fail_errno(err, -ret, "%s: reading the header", file->name);
    else
        ret = parse_names(file->name, cluster, header_length, h, err);
    free(cluster);
    return ret;
}

int q2_header_read(struct block_file *file, struct q2_header *h, GError **err)
{
    uint8_t fixed[Q2_HEADER_V3];

    *h = (struct q2_header){ 0 };
    int ret = file_pread(file, fixed, sizeof(fixed), 0);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: reading the header", file->name);
    if (get_be32(fixed) != Q2_MAGIC)
        return fail(err, EINVAL, "%s: is not a qcow2 image", file->name);
    parse_fields(fixed, h);
    ret = check_version(file->name, h, get_be32(fixed + 32), err);
    if (ret == 0)
        ret = check_tables(file->name, h, err);
    if (ret == 0)
        ret = parse_rest(file, fixed, h, err);
    if (ret < 0)
        q2_header_free(h);
    return ret;
}

void q2_header_free(struct q2_header *h)
{
    g_free(h->backing_name);
    g_free(h->backing_format);
    if (h->other_extensions != NULL)
        g_byte_array_free(h->other_extensions, TRUE);
    h->backing_name = h->backing_format = NULL;
    h->other_extensions = NULL;
}

/* ---- writing ---- */

static void append_extension(GByteArray *out, uint32_t type, const void *data, uint32_t len)
{
    static const uint8_t zeroes[8];
    uint8_t head[8];

    put_be32(head, type);
    put_be32(head + 4, len);
    g_byte_array_append(out, head, 8);
    if (len > 0)
        g_byte_array_append(out, data, len);
    g_byte_array_append(out, zeroes, (8 - len % 8) % 8);
}

static void fill_fixed(uint8_t *b, const struct q2_header *h)
{
    put_be32(b, Q2_MAGIC);
    put_be32(b + 4, h->version);
    put_be32(b + 20, h->cluster_bits);
    put_be64(b + 24, h->size);
    put_be32(b + 36, h->l1_size);
    put_be64(b + 40, h->l1_offset);
    put_be64(b + 48, h->reft_offset);
    put_be32(b + 56, h->reft_clusters);
    put_be32(b + 60, h->n_snapshots);
    put_be64(b + 64, h->snapshots_offset);
    if (h->version == 3) {
        put_be64(b + 72, h->incompatible);
        put_be64(b + 80, h->compatible);
        put_be64(b + 88, h->autoclear);
        put_be32(b + 96, h->refcount_order);
        put_be32(b + 100, Q2_HEADER_V3);
    }
}

/* The names come last, so that extensions may grow without a second pass. */
static GByteArray *build_header(const struct q2_header *h)
{
    uint8_t fixed[Q2_HEADER_V3] = { 0 };
    GByteArray *out = g_byte_array_new();

    fill_fixed(fixed, h);
    g_byte_array_append(out, fixed, h->version == 3 ? Q2_HEADER_V3 : Q2_HEADER_V2);
    if (h->backing_format != NULL)
        append_extension(out, Q2_EXT_BACKING_FORMAT, h->backing_format,
                         (uint32_t)strlen(h->backing_format));
    if (h->other_extensions != NULL)
        g_byte_array_append(out, h->other_extensions->data, h->other_extensions->len);
    append_extension(out, Q2_EXT_END, NULL, 0);
    if (h->backing_name != NULL) {
        uint32_t len = (uint32_t)strlen(h->backing_name);

        put_be64(out->data + 8, out->len);
        put_be32(out->data + 16, len);
        g_byte_array_append(out, (const uint8_t *)h->backing_name, len);
    }
    return out;
}

int q2_header_write(struct block_file *file, const struct q2_header *h, GError **err)
{
    uint32_t cluster_size = 1u << h->cluster_bits;
    GByteArray *bytes = build_header(h);
    uint8_t *buf = NULL;
    int ret;

    if (bytes->len > cluster_size ||
        (h->backing_name != NULL && strlen(h->backing_name) > Q2_MAX_BACKING_NAME)) {
        ret = fail(err, EINVAL, "%s: the backing file's name is too long", file->name);
        goto out;
    }
    /* One sector of any disk, if the names fit: it is then written as a whole or not at all. */
    size_t size = bytes->len <= HEADER_SECTOR ? MIN(cluster_size, HEADER_SECTOR) : cluster_size;
    buf = file_buffer(cluster_size);
    if (buf == NULL) {
        ret = fail_errno(err, ENOMEM, "%s", file->name);
        goto out;
    }
    memset(buf, 0, cluster_size);
    memcpy(buf, bytes->data, bytes->len);
    ret = file_pwrite(file, buf, size, 0);
    if (ret < 0)
        fail_errno(err, -ret, "%s: writing the header", file->name);
out:
    free(buf);
    g_byte_array_free(bytes, TRUE);
    return ret;
}

int q2_header_write_features(struct block_file *file, const struct q2_header *h)
{
    uint8_t bits[24];

    put_be64(bits, h->incompatible);
    put_be64(bits + 8, h->compatible);
    put_be64(bits + 16, h->autoclear);
    int ret = file_pwrite(file, bits, sizeof(bits), 72);
    return ret < 0 ? ret : file_flush(file);
}

/* ---- tables ---- */

int q2_table_read(struct block_file *file, uint64_t offset, uint64_t *table, uint32_t n)
{
    int ret = file_pread(file, table, (size_t)n * 8, offset);

    for (uint32_t i = 0; i < n && ret == 0; i++)
        table[i] = get_be64(&table[i]);
    return ret;
}

int q2_table_write(struct block_file *file, uint64_t offset, const uint64_t *table, uint32_t n)
{
    g_autofree uint64_t *copy = g_new(uint64_t, n);

    for (uint32_t i = 0; i < n; i++)
        put_be64(&copy[i], table[i]);
    return file_pwrite(file, copy, (size_t)n * 8, offset);
}
