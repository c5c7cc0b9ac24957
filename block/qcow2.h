/*
 * qcow2 images, versions 2 and 3 (QEMU docs/interop/qcow2.txt), inside the block room.
 *
 * Tables are changed in memory and written by q2_flush() in an order that leaves at worst unused
 * clusters after a crash: refcounts, the refcount table, L2 tables, the L1 table, with the data
 * before all of them; what is no longer referenced is freed only after that. `lock` protects
 * everything in memory and is never held during data I/O or while flushing, only for the read of a
 * table that is not in the cache. Functions marked (locked) are called with it.
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "block/format.h"
#include "block/image.h"

#define Q2_MAGIC            0x514649FBu
#define Q2_MIN_CLUSTER_BITS 9
#define Q2_MAX_CLUSTER_BITS 21
#define Q2_HEADER_V2        72
#define Q2_HEADER_V3        104
#define Q2_MAX_L1_BYTES     (32u << 20)
#define Q2_MAX_REFT_BYTES   (8u << 20)
#define Q2_MAX_SNAPSHOTS    65536u
#define Q2_MAX_BACKING_NAME 1023

/* Bits of L1 and L2 entries. */
#define Q2_OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define Q2_COPIED      (UINT64_C(1) << 63) /* refcount is exactly one: may be written in place */
#define Q2_COMPRESSED  (UINT64_C(1) << 62)
#define Q2_ZERO        UINT64_C(1)

/* Header bits 72.., 80.., 88.. */
#define Q2_INCOMPAT_DIRTY    1u
#define Q2_INCOMPAT_CORRUPT  2u
#define Q2_INCOMPAT_KNOWN    (Q2_INCOMPAT_DIRTY | Q2_INCOMPAT_CORRUPT)
#define Q2_COMPAT_LAZY       1u
#define Q2_AUTOCLEAR_BITMAPS 1u

#define Q2_EXT_END            0u
#define Q2_EXT_BACKING_FORMAT 0xE2792ACAu
#define Q2_EXT_FEATURE_NAMES  0x6803F857u
#define Q2_EXT_BITMAPS        0x23852875u

struct q2_header {
    uint32_t version;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t l1_size; /* entries */
    uint64_t l1_offset;
    uint64_t reft_offset;
    uint32_t reft_clusters;
    uint32_t n_snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order;
    char *backing_name, *backing_format; /* NULL: none */
    GByteArray *other_extensions;        /* kept as they are; NULL: none */
};

enum q2_kind { Q2_L2, Q2_REFBLOCK };

/* A slice of an L2 table or refcount block. */
struct q2_slice {
    uint64_t offset; /* in the file, the hash key */
    uint8_t *data;   /* slice_size bytes, as in the file */
    enum q2_kind kind;
    bool dirty;
    bool writing; /* a flush has a copy of it that is not on disk yet */
    TAILQ_ENTRY(q2_slice) lru;
};

struct q2_cache {
    GHashTable *slices;
    TAILQ_HEAD(q2_lru, q2_slice) lru; /* least recently used first */
    uint32_t slice_size;
    unsigned n, max, n_dirty;
};

struct q2_snapshot {
    uint64_t l1_offset;
    uint32_t l1_size;
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock_ns;
    uint64_t vm_state_size;
    uint64_t disk_size;
    char *id, *name;
    uint8_t *extra; /* beyond the two fields above, kept */
    uint32_t extra_size;
};

/* Clusters whose last reference went away in memory, but maybe not on disk yet. */
struct q2_free {
    uint64_t cluster, count;
    bool punch; /* give the space back to the host */
};

/* The entries [first, last] of a table in memory that differ from the disk; none if first > last.
 */
struct q2_dirty_range {
    uint32_t first, last;
};

struct qcow2 {
    struct block_node *node;
    struct block_file *file;
    pthread_mutex_t lock;
    pthread_cond_t flush_done;

    struct q2_header header;
    uint32_t cluster_size;
    uint32_t l2_bits;       /* an L2 table has 2^l2_bits entries */
    uint32_t refblock_bits; /* a refcount block has 2^refblock_bits entries */
    uint64_t *l1;           /* header.l1_size entries, host byte order */
    uint64_t *reft;         /* refcount table, reft_size entries, host byte order */
    uint32_t reft_size;
    struct q2_dirty_range l1_dirty, reft_dirty;
    struct q2_cache cache;
    GArray *frees;           /* of struct q2_free */
    uint64_t free_hint;      /* no free cluster below this one */
    uint64_t file_end;       /* nothing was ever written from here on; UINT64_MAX: not known */
    uint64_t compressed_end; /* where the next compressed cluster may go, 0: in a new cluster */
    GArray *snapshots;       /* of struct q2_snapshot */
    bool flushing;
    bool lazy; /* refcounts are written only on close */

    pthread_mutex_t inflate_lock; /* protects the last decompressed cluster */
    uint64_t inflated_entry;      /* its L2 entry, 0: none */
    uint8_t *inflated;
};

/* A fresh q2_dirty_range. */
#define Q2_CLEAN ((struct q2_dirty_range){ 1, 0 })

static inline void q2_mark(struct q2_dirty_range *range, uint32_t index)
{
    if (range->first > range->last)
        *range = (struct q2_dirty_range){ index, index };
    range->first = MIN(range->first, index);
    range->last = MAX(range->last, index);
}

static inline uint64_t q2_div_up(uint64_t value, uint64_t unit)
{
    return value / unit + (value % unit != 0);
}

/* ---- qcow2_header.c ---- */

/* Reads and checks the header. The strings and arrays in it are freed by q2_header_free(). */
int q2_header_read(struct block_file *file, struct q2_header *header, GError **err);
void q2_header_free(struct q2_header *header);

/* Writes the header with its extensions and names into the first cluster. */
int q2_header_write(struct block_file *file, const struct q2_header *header, GError **err);

/* Only the feature bits (version 3), and makes them durable. */
int q2_header_write_features(struct block_file *file, const struct q2_header *header);

/* Entries of the L1 table that a disk of this size needs. */
uint64_t q2_l1_entries(uint64_t size, uint32_t cluster_bits);

/* A table of big-endian 64-bit integers to and from host order. */
int q2_table_read(struct block_file *file, uint64_t offset, uint64_t *table, uint32_t n);
int q2_table_write(struct block_file *file, uint64_t offset, const uint64_t *table, uint32_t n);

/* ---- qcow2_cache.c (locked) ---- */

void q2_cache_init(struct q2_cache *cache, uint32_t slice_size, unsigned max);
void q2_cache_free(struct q2_cache *cache);

/*
 * The slice at a file offset that is a multiple of the slice size. -EAGAIN if it would have to be
 * read and may_block is false. It stays valid until the lock is dropped.
 */
int q2_cache_get(struct qcow2 *q, enum q2_kind kind, uint64_t offset, bool may_block,
                 struct q2_slice **slice);

/* A new, zeroed and dirty slice; what the cache may have had there is overwritten. */
struct q2_slice *q2_cache_new(struct qcow2 *q, enum q2_kind kind, uint64_t offset);

void q2_cache_dirty(struct q2_cache *cache, struct q2_slice *slice);
void q2_cache_clean(struct q2_cache *cache, struct q2_slice *slice);

/* Forgets the slices of a cluster that is no longer a table, dirty or not. */
void q2_cache_drop(struct qcow2 *q, uint64_t offset);
void q2_cache_drop_all(struct qcow2 *q);

/* ---- qcow2_refcount.c (locked) ---- */

/* -EINVAL for a broken refcount table. A cluster without a refcount block has refcount 0. */
int q2_refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *value);

/* Adds delta (1 or -1) to count refcounts. -ERANGE if one would leave its range. */
int q2_refcount_add(struct qcow2 *q, uint64_t cluster, uint64_t count, int delta);
int q2_refcount_set(struct qcow2 *q, uint64_t cluster, uint64_t value);
uint64_t q2_refcount_max(const struct qcow2 *q);

/* Allocates count adjoining clusters, refcount 1. *offset is their place in the file. */
int q2_alloc(struct qcow2 *q, uint64_t count, uint64_t *offset);

/* As q2_alloc(), at most `wanted` and at least one; *got says how many. */
int q2_alloc_some(struct qcow2 *q, uint64_t wanted, uint64_t *offset, uint64_t *got);

/* Gives up one reference of each cluster, effective after the next flush. */
void q2_free_later(struct qcow2 *q, uint64_t offset, uint64_t count, bool punch);

/* Frees what an L2 entry refers to (nothing for an empty one). */
void q2_free_entry(struct qcow2 *q, uint64_t entry, bool punch);

/* The clusters [*cluster, + *count) that a compressed entry touches, and its bytes. */
void q2_compressed_place(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint64_t *bytes);
void q2_entry_clusters(const struct qcow2 *q, uint64_t entry, uint64_t *cluster, uint64_t *count);

/*
 * Writes a complete new set of refcount structures for counts[0..n) behind cluster n: for creating
 * images and for repair. Fills in where it is; makes nothing durable. refcount values are capped
 * by the caller.
 */
int q2_refcount_build(struct block_file *file, const struct q2_header *header,
                      const uint16_t *counts, uint64_t n, uint64_t *reft_offset,
                      uint32_t *reft_clusters);

/* Reads and writes element i of a refcount block of entries of 2^order bits. */
uint64_t q2_refcount_read(const uint8_t *block, unsigned order, uint64_t i);
void q2_refcount_store(uint8_t *block, unsigned order, uint64_t i, uint64_t value);

/* ---- qcow2_cluster.c (locked) ---- */

/*
 * The slice with the L2 entry of a guest offset, and the entry's index in it. *slice is NULL if
 * there is no L2 table. *n: entries from there to the end of the slice.
 */
int q2_lookup(struct qcow2 *q, uint64_t offset, bool may_block, struct q2_slice **slice,
              uint32_t *index, uint32_t *n);

/* The same for changing entries: an L2 table is allocated, or copied if a snapshot shares it. */
int q2_lookup_for_change(struct qcow2 *q, uint64_t offset, struct q2_slice **slice, uint32_t *index,
                         uint32_t *n);

uint64_t q2_entry(const struct q2_slice *slice, uint32_t index);
void q2_set_entry(struct qcow2 *q, struct q2_slice *slice, uint32_t index, uint64_t value);

/* What an L2 entry means; -EINVAL for an impossible one. */
int q2_classify(const struct qcow2 *q, uint64_t entry, enum extent_kind *kind);

/* block_format.map */
int q2_map(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
           struct block_extent *extent);

/* ---- qcow2_write.c: on pool threads, without the lock ---- */

int q2_write(struct block_node *node, uint64_t offset, uint64_t len, const struct iovec *iov,
             int n);
int q2_zero(struct block_node *node, uint64_t offset, uint64_t len, bool unmap);
int q2_discard(struct block_node *node, uint64_t offset, uint64_t len);

/* Gives all clusters of the range a place in the file without writing data (preallocation). */
int q2_preallocate(struct qcow2 *q, uint64_t offset, uint64_t len);

/* ---- qcow2_flush.c ---- */

/* Writes all changed tables in order and makes them and the data durable. Without the lock. */
int q2_flush(struct qcow2 *q);

/* Also everything that was freed, and lazy refcounts; the image is then clean. */
int q2_flush_all(struct qcow2 *q);

/* After an operation: writes tables back when too many are dirty. Without the lock. */
int q2_relieve_cache(struct qcow2 *q);

/* ---- qcow2_compress.c ---- */

int q2_read_compressed(struct block_node *node, uint64_t offset, uint64_t len, uint8_t *buf);

/* ---- qcow2_snapshot.c ---- */

int q2_snapshots_read(struct qcow2 *q, GError **err);
void q2_snapshots_free(GArray *snapshots);
uint64_t q2_snapshots_bytes(const GArray *snapshots);

/* ---- qcow2_refs.c (locked) ---- */

/* A snapshot's L1 table, in host byte order, to be freed with g_free(); checked against limits. */
int q2_read_l1(struct qcow2 *q, uint64_t offset, uint32_t n, uint64_t **l1);

/* Adds delta to the refcounts of everything that an L1 table refers to. */
int q2_refs_add(struct qcow2 *q, const uint64_t *l1, uint32_t n, int delta);

/* Sets the COPIED flags of the active tables to what the refcounts say. */
int q2_refs_update_copied(struct qcow2 *q);

/* ---- qcow2_check.c ---- */

int q2_check(struct block_node *node, unsigned fix, struct image_check *result, GError **err);

/* ---- qcow2_resize.c ---- */

int q2_resize(struct block_node *node, uint64_t size, GError **err);

/* Replaces the active L1 table by `l1` (n entries) in a new place; the old place is freed later. */
int q2_replace_l1(struct qcow2 *q, const uint64_t *l1, uint32_t n, uint64_t size, GError **err);

#endif
