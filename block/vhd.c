/*
 * A dynamic disk is cut into blocks (2 MiB). The block allocation table says where in the file a
 * block is; in front of its data a bitmap has a bit per sector that was written. Sectors without
 * it come from the parent, or are zero. Bitmaps and the table are changed in memory and written by
 * a flush: data, then bitmaps and footer, then the table.
 */
#include "block/vhd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "block/iov.h"

#define MAX_BITMAPS 4096 /* in memory; they cover 8 GiB */

struct bitmap {
    uint32_t block; /* hash key */
    bool dirty, writing;
    uint8_t bits[]; /* bitmap_size bytes, the first sector in the highest bit */
};

struct vhd {
    struct block_node *node;
    struct block_file *file;
    pthread_mutex_t lock;
    pthread_cond_t flush_done;
    struct vhd_footer footer;
    struct vhd_header header;
    uint32_t *bat;        /* header.entries, host byte order; NULL: a fixed disk */
    uint32_t bitmap_size; /* bytes, a multiple of 512 */
    GHashTable *bitmaps;
    uint64_t end;                     /* where the next block goes, and the footer is */
    uint32_t dirty_first, dirty_last; /* BAT entries; none if first > last */
    bool footer_moved;
    bool flushing;
};

/* ---- bitmaps (locked) ---- */

static uint64_t block_host(const struct vhd *v, uint32_t block)
{
    return (uint64_t)v->bat[block] * BLOCK_SECTOR_SIZE;
}

static gboolean is_clean(gpointer key, gpointer value, gpointer opaque)
{
    const struct bitmap *b = value;

    return !b->dirty && !b->writing;
}

/* May throw out clean ones: pointers to others are not good after it. */
static struct bitmap *new_bitmap(struct vhd *v, uint32_t block)
{
    struct bitmap *b = g_malloc0(sizeof(*b) + v->bitmap_size);

    if (g_hash_table_size(v->bitmaps) >= MAX_BITMAPS)
        g_hash_table_foreach_remove(v->bitmaps, is_clean, NULL);
    b->block = block;
    g_hash_table_insert(v->bitmaps, &b->block, b);
    return b;
}

static int get_bitmap(struct vhd *v, uint32_t block, bool may_block, struct bitmap **out)
{
    *out = g_hash_table_lookup(v->bitmaps, &block);
    if (*out != NULL)
        return 0;
    if (!may_block)
        return -EAGAIN;
    *out = new_bitmap(v, block);
    int ret = file_pread(v->file, (*out)->bits, v->bitmap_size, block_host(v, block));
    if (ret < 0)
        g_hash_table_remove(v->bitmaps, &block);
    return ret;
}

static bool test_bit(const struct bitmap *b, uint32_t sector)
{
    return b->bits[sector / 8] & (0x80 >> (sector % 8));
}

/* Sectors from `first` on, up to `end`, whose bit is as that of the first one. */
static uint32_t run_length(const struct bitmap *b, uint32_t first, uint32_t end)
{
    bool value = test_bit(b, first);
    uint8_t whole = value ? 0xFF : 0;
    uint32_t i = first + 1;

    while (i < end) {
        if (i % 8 == 0 && i + 8 <= end && b->bits[i / 8] == whole)
            i += 8;
        else if (test_bit(b, i) == value)
            i++;
        else
            break;
    }
    return i - first;
}

static void set_bits(struct bitmap *b, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++)
        if (!test_bit(b, i)) {
            b->bits[i / 8] |= (uint8_t)(0x80 >> (i % 8));
            b->dirty = true;
        }
}

/* ---- mapping ---- */

/* Runs of sectors with equal bits, inside one block. */
static int map_locked(struct vhd *v, uint64_t offset, uint64_t len, unsigned flags,
                      struct block_extent *e)
{
    uint32_t block = (uint32_t)(offset / v->header.block_size);
    uint32_t in_block = (uint32_t)(offset % v->header.block_size);
    uint32_t sector = in_block / BLOCK_SECTOR_SIZE;
    struct bitmap *b;

    e->length = MIN(len, v->header.block_size - in_block);
    e->kind = flags & BLOCK_MAP_WRITE ? EXTENT_ALLOCATE : EXTENT_BACKING;
    if (v->bat[block] == VHD_UNUSED)
        return 0;
    int ret = get_bitmap(v, block, !(flags & BLOCK_MAP_NO_BLOCK), &b);
    if (ret < 0)
        return ret;
    uint32_t end = sector + (uint32_t)((e->length + BLOCK_SECTOR_SIZE - 1) / BLOCK_SECTOR_SIZE);
    e->length = MIN(e->length, (uint64_t)run_length(b, sector, end) * BLOCK_SECTOR_SIZE);
    if (test_bit(b, sector)) {
        e->kind = EXTENT_DATA;
        e->host = block_host(v, block) + v->bitmap_size + in_block;
    }
    return 0;
}

static int vhd_map(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
                   struct block_extent *e)
{
    struct vhd *v = node->state;

    if (v->bat == NULL) {
        e->kind = EXTENT_DATA;
        e->length = len;
        e->host = offset;
        return 0;
    }
    if (!(flags & BLOCK_MAP_NO_BLOCK))
        pthread_mutex_lock(&v->lock);
    else if (pthread_mutex_trylock(&v->lock) != 0)
        return -EAGAIN;
    int ret = map_locked(v, offset, len, flags, e);
    pthread_mutex_unlock(&v->lock);
    return ret;
}

/* ---- allocating (locked) ---- */

/* Gives a block space at the end of the file, in front of which the footer moves on. */
static int allocate(struct vhd *v, uint32_t block)
{
    uint64_t bytes = (uint64_t)v->bitmap_size + v->header.block_size;
    int64_t length = file_size(v->file);

    if (v->end / BLOCK_SECTOR_SIZE >= VHD_UNUSED)
        return -EFBIG;
    if (v->file->is_device && v->end + bytes + VHD_FOOTER_SIZE > (uint64_t)length)
        return -ENOSPC;
    /* The old footer, or what was left by a crash, must not show up for those who ignore bitmaps.
     */
    if (length > (int64_t)v->end) {
        int ret = file_zero(v->file, v->end, MIN(bytes, (uint64_t)length - v->end), true);
        if (ret < 0)
            return ret;
    }
    new_bitmap(v, block)->dirty = true;
    v->bat[block] = (uint32_t)(v->end / BLOCK_SECTOR_SIZE);
    v->end += bytes;
    v->footer_moved = true;
    if (v->dirty_first > v->dirty_last)
        v->dirty_first = v->dirty_last = block;
    v->dirty_first = MIN(v->dirty_first, block);
    v->dirty_last = MAX(v->dirty_last, block);
    return 0;
}

/* Space for the sectors of a range inside one block; *host is where they are. */
static int prepare(struct vhd *v, uint64_t offset, uint64_t *host)
{
    uint32_t block = (uint32_t)(offset / v->header.block_size);
    int ret = 0;

    pthread_mutex_lock(&v->lock);
    if (v->bat[block] == VHD_UNUSED)
        ret = allocate(v, block);
    if (ret == 0)
        *host = block_host(v, block) + v->bitmap_size + offset % v->header.block_size;
    pthread_mutex_unlock(&v->lock);
    return ret;
}

/* The sectors have got their data: from now on they are read from here. */
static int mark(struct vhd *v, uint64_t offset, uint64_t len)
{
    uint32_t block = (uint32_t)(offset / v->header.block_size);
    uint32_t first = (uint32_t)(offset % v->header.block_size / BLOCK_SECTOR_SIZE);
    struct bitmap *b;

    pthread_mutex_lock(&v->lock);
    int ret = get_bitmap(v, block, true, &b);
    if (ret == 0)
        set_bits(b, first, (uint32_t)(len / BLOCK_SECTOR_SIZE));
    pthread_mutex_unlock(&v->lock);
    return ret;
}

static uint64_t in_one_block(const struct vhd *v, uint64_t offset, uint64_t len)
{
    return MIN(len, v->header.block_size - offset % v->header.block_size);
}

static int vhd_write(struct block_node *node, uint64_t offset, uint64_t len,
                     const struct iovec *iov, int n)
{
    struct vhd *v = node->state;
    g_autofree struct iovec *part = g_new(struct iovec, n);
    int ret = 0;

    if (v->bat == NULL)
        return file_pwritev(v->file, iov, n, offset, len);
    for (uint64_t done = 0, now; done < len && ret == 0; done += now) {
        uint64_t host;

        now = in_one_block(v, offset + done, len - done);
        int used = iov_slice(iov, n, done, now, part);
        ret = prepare(v, offset + done, &host);
        if (ret == 0)
            ret = file_pwritev(v->file, part, used, host, now);
        if (ret == 0)
            ret = mark(v, offset + done, now);
    }
    return ret;
}

/*
 * Zeroes are written even where the bitmap could say it: other programs do not look at the bitmaps
 * of dynamic disks.
 */
static int zero_in_block(struct vhd *v, uint64_t offset, uint64_t len, bool unmap)
{
    uint64_t host;

    pthread_mutex_lock(&v->lock);
    bool unused = v->bat[offset / v->header.block_size] == VHD_UNUSED;
    pthread_mutex_unlock(&v->lock);
    if (unused && v->node->backing == NULL)
        return 0;
    int ret = prepare(v, offset, &host);
    if (ret == 0)
        ret = file_zero(v->file, host, len, unmap);
    return ret == 0 ? mark(v, offset, len) : ret;
}

static int vhd_zero(struct block_node *node, uint64_t offset, uint64_t len, bool unmap)
{
    struct vhd *v = node->state;
    int ret = 0;

    if (v->bat == NULL)
        return file_zero(v->file, offset, len, unmap);
    while (len > 0 && ret == 0) {
        uint64_t now = in_one_block(v, offset, len);

        ret = zero_in_block(v, offset, now, unmap);
        offset += now;
        len -= now;
    }
    return ret;
}

/* Without a parent a discarded range becomes a hole of zeroes; with one it stays as it is. */
static int vhd_discard(struct block_node *node, uint64_t offset, uint64_t len)
{
    return node->backing == NULL ? vhd_zero(node, offset, len, true) : 0;
}

/* ---- flushing ---- */

struct flush {
    GPtrArray *bitmaps; /* copies, in front of each its offset in the file */
    uint32_t first, n;  /* of the BAT entries */
    uint8_t *bat;
    uint64_t footer_at; /* 0: it has not moved */
};

struct bitmap_copy {
    uint64_t offset;
    struct bitmap *original;
    uint8_t bits[];
};

/* Takes copies of what changed (locked). BAT entries are taken by whole sectors. */
static void begin(struct vhd *v, struct flush *f)
{
    GHashTableIter it;
    gpointer value;

    f->bitmaps = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_iter_init(&it, v->bitmaps);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        struct bitmap *b = value;

        if (!b->dirty)
            continue;
        struct bitmap_copy *copy = g_malloc(sizeof(*copy) + v->bitmap_size);
        copy->offset = block_host(v, b->block);
        copy->original = b;
        memcpy(copy->bits, b->bits, v->bitmap_size);
        g_ptr_array_add(f->bitmaps, copy);
        b->dirty = false;
        b->writing = true;
    }
    f->footer_at = v->footer_moved ? v->end : 0;
    v->footer_moved = false;
    if (v->dirty_first > v->dirty_last)
        return;
    f->first = v->dirty_first;
    f->n = v->dirty_last - v->dirty_first + 1;
    f->bat = g_malloc((size_t)f->n * 4);
    for (uint32_t i = 0; i < f->n; i++)
        put_be32(f->bat + (size_t)i * 4, v->bat[f->first + i]);
    v->dirty_first = 1;
    v->dirty_last = 0;
}

static int write_footer(struct vhd *v, uint64_t offset)
{
    uint8_t b[VHD_FOOTER_SIZE];

    if (v->file->is_device) /* there it stays at the device's end */
        return 0;
    vhd_footer_build(b, &v->footer);
    return file_pwrite(v->file, b, sizeof(b), offset);
}

/* Bitmaps only after their data, table entries only after their blocks' bitmaps. */
static int write_all(struct vhd *v, const struct flush *f)
{
    int ret = f->bitmaps->len > 0 ? file_flush(v->file) : 0;

    for (guint i = 0; i < f->bitmaps->len && ret == 0; i++) {
        const struct bitmap_copy *copy = g_ptr_array_index(f->bitmaps, i);

        ret = file_pwrite(v->file, copy->bits, v->bitmap_size, copy->offset);
    }
    if (ret == 0 && f->footer_at != 0)
        ret = write_footer(v, f->footer_at);
    if (ret == 0 && f->n > 0)
        ret = file_flush(v->file);
    if (ret == 0 && f->n > 0)
        ret = file_pwrite(v->file, f->bat, (size_t)f->n * 4,
                          v->header.bat_offset + (uint64_t)f->first * 4);
    return ret < 0 ? ret : file_flush(v->file);
}

static void end(struct vhd *v, struct flush *f, bool failed)
{
    for (guint i = 0; i < f->bitmaps->len; i++) {
        const struct bitmap_copy *copy = g_ptr_array_index(f->bitmaps, i);

        copy->original->writing = false;
        copy->original->dirty |= failed;
    }
    if (failed && f->n > 0) {
        bool none = v->dirty_first > v->dirty_last;

        v->dirty_first = none ? f->first : MIN(v->dirty_first, f->first);
        v->dirty_last = none ? f->first + f->n - 1 : MAX(v->dirty_last, f->first + f->n - 1);
    }
    v->footer_moved |= failed && f->footer_at != 0;
    g_ptr_array_free(f->bitmaps, TRUE);
    g_free(f->bat);
}

static int vhd_flush(struct block_node *node)
{
    struct vhd *v = node->state;
    struct flush f = { 0 };

    if (v->bat == NULL)
        return file_flush(v->file);
    pthread_mutex_lock(&v->lock);
    while (v->flushing)
        pthread_cond_wait(&v->flush_done, &v->lock);
    v->flushing = true;
    begin(v, &f);
    pthread_mutex_unlock(&v->lock);
    int ret = write_all(v, &f);
    pthread_mutex_lock(&v->lock);
    end(v, &f, ret < 0);
    v->flushing = false;
    pthread_cond_broadcast(&v->flush_done);
    pthread_mutex_unlock(&v->lock);
    return ret;
}

/* ---- opening ---- */

/* The table's entries to host order; where the blocks end. */
static int read_bat(struct vhd *v, GError **err)
{
    uint64_t bytes = (uint64_t)v->header.entries * 4;

    v->bat = g_try_malloc(bytes);
    if (v->bat == NULL)
        return fail_errno(err, ENOMEM, "%s: block allocation table", v->file->name);
    int ret = file_pread(v->file, v->bat, bytes, v->header.bat_offset);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: reading the block allocation table", v->file->name);
    v->end = v->header.bat_offset + (bytes + 511) / 512 * 512;
    v->end = MAX(v->end, v->footer.header_offset + VHD_HEADER_SIZE);
    for (uint32_t i = 0; i < VHD_LOCATORS; i++)
        if (v->header.locator[i].offset < INT64_MAX / 2)
            v->end = MAX(v->end, (v->header.locator[i].offset + v->header.locator[i].space + 511) /
                                     512 * 512);
    for (uint32_t i = 0; i < v->header.entries; i++) {
        v->bat[i] = get_be32(&v->bat[i]);
        if (v->bat[i] != VHD_UNUSED)
            v->end = MAX(v->end, block_host(v, i) + v->bitmap_size + v->header.block_size);
    }
    return 0;
}

static int check_header(const struct vhd *v, GError **err)
{
    const struct vhd_header *h = &v->header;
    const char *name = v->file->name;

    if (h->block_size < 4096 || h->block_size > (256u << 20) ||
        (h->block_size & (h->block_size - 1)) != 0)
        return fail(err, EINVAL, "%s: block size %u is invalid", name, h->block_size);
    if (h->entries > VHD_MAX_ENTRIES)
        return fail(err, EFBIG, "%s: the block allocation table is too large", name);
    if ((uint64_t)h->entries * h->block_size < v->node->size)
        return fail(err, EINVAL, "%s: the block allocation table is too small", name);
    if (h->bat_offset % 512 != 0 || h->bat_offset > INT64_MAX / 2)
        return fail(err, EINVAL, "%s: the block allocation table's offset is invalid", name);
    return 0;
}

static int open_dynamic(struct vhd *v, GError **err)
{
    uint8_t b[VHD_HEADER_SIZE];

    if (v->footer.header_offset > INT64_MAX / 2)
        return fail(err, EINVAL, "%s: the dynamic header's offset is invalid", v->file->name);
    int ret = file_pread(v->file, b, sizeof(b), v->footer.header_offset);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: reading the dynamic header", v->file->name);
    if (vhd_header_parse(b, &v->header) < 0)
        return fail(err, EINVAL, "%s: the dynamic header is broken", v->file->name);
    ret = check_header(v, err);
    if (ret < 0)
        return ret;
    v->bitmap_size = (v->header.block_size / BLOCK_SECTOR_SIZE / 8 + 511) / 512 * 512;
    v->bitmaps = g_hash_table_new_full(g_int_hash, g_int_equal, NULL, g_free);
    v->dirty_first = 1;
    v->node->granularity = v->header.block_size;
    ret = read_bat(v, err);
    if (ret < 0 || v->footer.type != VHD_DIFFERENCING)
        return ret;
    v->node->backing_name = vhd_parent_path(v->file, &v->header);
    v->node->backing_format_name = g_strdup("vpc");
    return v->node->backing_name != NULL
               ? 0
               : fail(err, EINVAL, "%s: the parent is not named", v->file->name);
}

static void free_state(struct vhd *v)
{
    if (v->bitmaps != NULL)
        g_hash_table_destroy(v->bitmaps);
    pthread_mutex_destroy(&v->lock);
    pthread_cond_destroy(&v->flush_done);
    g_free(v->header.parent_name);
    g_free(v->bat);
    g_free(v);
}

static int open_footer(struct vhd *v, GError **err)
{
    const char *name = v->file->name;
    int ret = vhd_footer_read(v->file, &v->footer, err);

    if (ret < 0)
        return ret;
    v->node->size = vhd_footer_size(&v->footer);
    v->node->granularity = MAX(v->file->align, BLOCK_SECTOR_SIZE);
    if (v->node->size > (UINT64_C(1) << 50))
        return fail(err, EFBIG, "%s: disk size %" PRIu64 " is too large", name, v->node->size);
    if (v->footer.type == VHD_FIXED)
        return 0;
    if (v->footer.type != VHD_DYNAMIC && v->footer.type != VHD_DIFFERENCING)
        return fail(err, ENOTSUP, "%s: VHD disk type %u is not supported", name, v->footer.type);
    if (v->file->align > BLOCK_SECTOR_SIZE)
        return fail(err, ENOTSUP, "%s: cache=none needs a host disk with sectors of 512 bytes",
                    name);
    return open_dynamic(v, err);
}

static int vhd_open(struct block_node *node, const struct block_options *options, GError **err)
{
    struct vhd *v = g_new0(struct vhd, 1);

    v->node = node;
    v->file = node->file;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->flush_done, NULL);
    int ret = open_footer(v, err);
    if (ret < 0)
        free_state(v);
    else
        node->state = v;
    return ret;
}

/* A child only fits the very image that it was made for. */
static int vhd_check_backing(struct block_node *node, GError **err)
{
    const struct vhd *v = node->state, *parent = node->backing->state;

    if (node->backing->format != &format_vpc)
        return 0; /* asked for by options: whoever asks knows */
    if (memcmp(v->header.parent_uuid, parent->footer.uuid, sizeof(parent->footer.uuid)) != 0)
        return fail(err, EINVAL, "%s: %s is not its parent, the identifiers differ", node->path,
                    node->backing->path);
    return 0;
}

static void vhd_close(struct block_node *node)
{
    int ret = node->read_only ? 0 : vhd_flush(node);

    if (ret < 0)
        log_error("%s: closing the image: %s", node->path, g_strerror(-ret));
    free_state(node->state);
}

static int vhd_flush_node(struct block_node *node)
{
    return node->read_only ? 0 : vhd_flush(node);
}

static void vhd_info(struct block_node *node, struct image_info *info)
{
    const struct vhd *v = node->state;

    info->cluster_size = v->bat != NULL ? v->header.block_size : 0;
    info->subformat = v->footer.type == VHD_FIXED     ? "fixed"
                      : v->footer.type == VHD_DYNAMIC ? "dynamic"
                                                      : "differencing";
}

const struct block_format format_vpc = {
    .name = "vpc",
    .open = vhd_open,
    .check_backing = vhd_check_backing,
    .close = vhd_close,
    .map = vhd_map,
    .write = vhd_write,
    .zero = vhd_zero,
    .discard = vhd_discard,
    .flush = vhd_flush_node,
    .info = vhd_info,
};
