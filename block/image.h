/*
 * What tools do with images beyond I/O: create, inspect, check, snapshots. Synchronous; the node
 * must not be in use by anybody else.
 */
#ifndef BLOCK_IMAGE_H
#define BLOCK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

struct block_node;

enum image_preallocation {
    IMAGE_PREALLOCATION_OFF,
    IMAGE_PREALLOCATION_METADATA,
    IMAGE_PREALLOCATION_FALLOC,
    IMAGE_PREALLOCATION_FULL,
};

/* Options of image_create(); zero or NULL is the default of the format. */
struct image_create_options {
    const char *path;
    const char *format;
    uint64_t size; /* bytes; rounded up to 512 */
    const char *backing, *backing_format;
    enum image_preallocation preallocation;
    /* qcow2 */
    uint32_t cluster_size;  /* 512 to 2 MiB, default 65536 */
    unsigned version;       /* 2 or 3, default 3 */
    unsigned refcount_bits; /* 1 to 64, default 16 */
    bool lazy_refcounts;
    /* vpc */
    bool fixed;      /* else dynamic */
    bool force_size; /* the size is not what the geometry says */
};

/* Creates (or truncates) the file. 0 or -errno and a sentence. */
int image_create(const struct image_create_options *options, GError **err);

/* A node on a nameless temporary qcow2 file that is backed by `base` (snapshot=on). */
int image_create_overlay(struct block_node *base, struct block_node **out, GError **err);

struct image_info {
    uint64_t virtual_size;
    uint64_t file_length;
    uint64_t disk_size;    /* allocated on the host */
    uint32_t cluster_size; /* 0: none */
    bool dirty;
    const char *backing, *backing_format; /* as recorded; NULL: none; borrowed from the node */
    /* qcow2 */
    unsigned version;
    unsigned refcount_bits;
    bool lazy_refcounts, corrupt;
    /* vpc */
    const char *subformat;
};

void image_get_info(struct block_node *node, struct image_info *info);

#define IMAGE_FIX_LEAKS  1u
#define IMAGE_FIX_ERRORS 2u

struct image_check {
    uint64_t corruptions, leaks, check_errors;
    uint64_t corruptions_fixed, leaks_fixed;
    uint64_t total_clusters, allocated_clusters, fragmented_clusters, compressed_clusters;
    uint64_t image_end_offset;
    /* Called for each finding; may be NULL. */
    void (*report)(void *opaque, const char *text);
    void *opaque;
};

/* -ENOTSUP for formats without metadata to check. */
int image_check(struct block_node *node, unsigned fix, struct image_check *result, GError **err);

struct image_snapshot {
    const char *id, *name;
    uint64_t vm_state_size, disk_size;
    uint32_t date_sec, date_nsec;
    uint64_t vm_clock_ns;
};

unsigned image_snapshot_count(struct block_node *node);
void image_snapshot_get(struct block_node *node, unsigned index, struct image_snapshot *out);

/* name_or_id: an id has precedence. -ENOENT, -ENOTSUP (format), -EEXIST, ... and a sentence. */
int image_snapshot_create(struct block_node *node, const char *name, GError **err);
int image_snapshot_apply(struct block_node *node, const char *name_or_id, GError **err);
int image_snapshot_delete(struct block_node *node, const char *name_or_id, GError **err);

/* Shows a read-only node's snapshot instead of its current content. */
int image_snapshot_load(struct block_node *node, const char *name_or_id, GError **err);

/* Gives up all own content: everything is read from the backing file again. qcow2 only. */
int image_make_empty(struct block_node *node, GError **err);

/* A name that starts at another image's directory, unless it is absolute; to be freed. */
char *image_path_beside(const char *image, const char *name);

/* The backing file that the image names as a path, to be freed; NULL and a sentence if none. */
char *image_backing_path(struct block_node *node, GError **err);

/* Records another backing file (NULL: none); the content is not touched. */
int image_set_backing(struct block_node *node, const char *backing, const char *format,
                      GError **err);

/* Writes one whole cluster compressed if that makes it smaller. qcow2 only. */
int image_write_compressed(struct block_node *node, uint64_t offset, const uint8_t *buf,
                           uint64_t len);

#endif
