/*
 * Inside the block room: the node's struct and what an image format implements.
 *
 * A format only answers "where is this byte" (map) and does the rest synchronously; request.c turns
 * guest requests into one or the other. Whatever map can answer from memory goes straight to the
 * file's engine without a thread: reads of mapped, zero or unallocated ranges, and writes to
 * clusters that are already allocated and ours alone. Everything else (allocation, compressed
 * clusters, tables that are not in the cache) runs on a pool thread with plain synchronous code.
 */
#ifndef BLOCK_FORMAT_H
#define BLOCK_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <glib.h>

#include "base/journal.h"
#include "block/file.h"
#include "block/node.h"
#include "block/throttle.h"

enum extent_kind {
    EXTENT_DATA,       /* in node->file at `host`; for BLOCK_MAP_WRITE: may be written in place */
    EXTENT_ZERO,       /* reads as zeroes */
    EXTENT_BACKING,    /* as the backing node says, zero without one */
    EXTENT_COMPRESSED, /* by format->read */
    EXTENT_ALLOCATE,   /* only for BLOCK_MAP_WRITE: by format->write */
};

struct block_extent {
    enum extent_kind kind;
    bool allocated_zero;     /* EXTENT_ZERO: has space allocated at `host` (for tools) */
    uint64_t length;         /* bytes from the asked offset, at least 1, at most what was asked */
    uint64_t host;           /* EXTENT_DATA: offset in the file */
    struct block_node *node; /* whose extent it is; set by block_map() */
};

#define BLOCK_MAP_WRITE    1u /* ask for a write in place */
#define BLOCK_MAP_NO_BLOCK 2u /* -EAGAIN rather than sleep */

struct image_info;
struct image_check;

/*
 * The methods but open, close and map run on pool threads (or in a tool), without the machine lock
 * and several at once; the format has a lock of its own. request.c guarantees that write, zero and
 * discard of one granule (node->granularity) never run beside any other request on it.
 */
struct block_format {
    const char *name;

    /*
     * node->file is open. Sets node->size, node->granularity, node->state and asks for a backing
     * node by node->backing_name (and backing_format_name), which the caller opens.
     */
    int (*open)(struct block_node *node, const struct block_options *options, GError **err);
    /* The backing node is there: is it the right one? May be NULL. */
    int (*check_backing)(struct block_node *node, GError **err);
    void (*close)(struct block_node *node); /* flushes metadata; node->file is still open */

    int (*map)(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
               struct block_extent *extent);
    int (*read)(struct block_node *node, uint64_t offset, uint64_t len, uint8_t *buf);
    int (*write)(struct block_node *node, uint64_t offset, uint64_t len, const struct iovec *iov,
                 int n);
    int (*zero)(struct block_node *node, uint64_t offset, uint64_t len, bool unmap);
    int (*discard)(struct block_node *node, uint64_t offset, uint64_t len);
    int (*flush)(struct block_node *node); /* metadata and data durable */

    /* The node is drained. NULL where the format cannot. See image.h. */
    int (*resize)(struct block_node *node, uint64_t size, GError **err);
    void (*info)(struct block_node *node, struct image_info *info);
    int (*check)(struct block_node *node, unsigned fix, struct image_check *result, GError **err);
    int (*set_backing)(struct block_node *node, const char *backing, const char *format,
                       GError **err);
};

struct block_user {
    struct block_node *node;
    char *name;
    const struct block_user_ops *ops;
    void *opaque;
    TAILQ_ENTRY(block_user) link;
};

struct block_request;
TAILQ_HEAD(request_list, block_request);

struct block_node {
    unsigned refs;
    char *id, *path;
    const struct block_format *format;
    void *state; /* the format's */
    struct block_file *file;
    struct block_node *backing;
    char *backing_name, *backing_format_name; /* what the image records, NULL: none */
    uint64_t size;                            /* bytes, multiple of 512 */
    uint64_t granularity; /* allocating writes exclude each other within it; power of two */

    bool opened;   /* by the format */
    bool inactive; /* another process has the image: no request; read_only too, for the format */
    bool read_only, discard_unmap, writethrough, no_lock;
    enum block_cache cache;
    enum block_aio aio;
    enum block_detect_zeroes detect_zeroes;
    enum block_on_error rerror, werror;
    void (*error_listener)(void *opaque, struct block_node *node, bool is_read, int error,
                           enum block_error_action action);
    void *error_opaque;

    TAILQ_HEAD(, block_user) users;
    struct block_user *active;

    struct request_list tracked;   /* in flight */
    struct request_list waiting;   /* for an overlapping request, in order */
    struct request_list throttled; /* for the limits, in order */
    unsigned n_exclusive;          /* of tracked */
    unsigned in_flight;            /* all that were submitted and are not done */
    bool draining;
    uint64_t writes_done, writes_flushed; /* a flush with nothing new to flush costs nothing */
    struct throttle throttle;
    guint throttle_timer;

    struct block_stats stats;

    struct journal_source journal;
    uint64_t n_requests; /* that were ever submitted: their numbers in the journal */
    bool replayed;       /* there is no image: requests end when the recording says so */
};

extern const struct block_format format_raw, format_qcow2, format_vpc;

/* The format of that name, NULL if there is none. */
const struct block_format *format_by_name(const char *name);

/*
 * Where the bytes at offset are, in this node or further down its backing chain: never returns
 * EXTENT_BACKING. With BLOCK_MAP_NO_BLOCK -EAGAIN if that is not known from memory.
 */
int block_map(struct block_node *node, uint64_t offset, uint64_t len, unsigned flags,
              struct block_extent *extent);

/* Reads through the backing chain, from a pool thread or a tool; ranges beyond the end are zero. */
int block_read_chain(struct block_node *node, uint64_t offset, uint64_t len, uint8_t *buf);
int block_read_chain_iov(struct block_node *node, uint64_t offset, uint64_t len,
                         const struct iovec *iov, int n);

/* The users learn of a new size. */
void node_tell_resized(struct block_node *node);

/* ---- Recording (base/journal.h) ---- */

/* The values are the recording's. */
enum disk_fact {
    DISK_SIZE = 1,
    DISK_PHYSICAL_SECTOR,
    DISK_READ_ONLY,
    DISK_DISCARD,
    DISK_WRITE_CACHE,
};

journal_play request_play, node_play;
/* Ends all requests of a node that is replayed: as recorded as long as there is something. */
void request_replay_all(struct block_node *node);

/* Starts the throttled requests that may start, all of them while the node drains. */
void request_run_throttled(struct block_node *node);

#endif
