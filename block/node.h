/*
 * A block node: what a disk device (or the image tool) sees of an image file or block device.
 *
 * A node is opened from an image in an explicit format, is counted by references and serves one or
 * more users. All calls are made with the machine lock held (base/loop.h). Reads, writes, flushes,
 * discards and zero-writes are asynchronous: each ends in exactly one call of its `done`, on the
 * main loop (or inside block_drain()), with the lock held, and never inside the submitting call.
 * Requests that overlap while both are in flight have no order among each other, as on a real disk
 * with a queue; every other order is by completion.
 *
 * Scatter lists point straight into the caller's memory (guest RAM). With O_DIRECT a list whose
 * addresses and lengths are not aligned is bounced; else there is no copy.
 */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <glib.h>

struct block_node;
struct block_user;

#define BLOCK_SECTOR_SIZE 512 /* offsets and lengths of all requests are multiples of it */

/* Requests longer than this are refused with EINVAL (contract of every caller, also for scatter
 * lists: at most IOV_MAX elements). */
#define BLOCK_MAX_TRANSFER (64u << 20)

/* ---- opening ------------------------------------------------------------------------------- */

/* cache=, in QEMU's words: what reaches the disk when. */
enum block_cache {
    BLOCK_CACHE_WRITEBACK,    /* host page cache; durable after a flush */
    BLOCK_CACHE_WRITETHROUGH, /* host page cache; every write is flushed before it completes */
    BLOCK_CACHE_NONE,         /* O_DIRECT; durable after a flush */
    BLOCK_CACHE_DIRECTSYNC,   /* O_DIRECT; every write is flushed */
    BLOCK_CACHE_UNSAFE,       /* host page cache; flushes are not passed on */
};

enum block_aio {
    BLOCK_AIO_THREADS, /* a pool of threads with preadv/pwritev */
    BLOCK_AIO_NATIVE,  /* libaio; only with BLOCK_CACHE_NONE or BLOCK_CACHE_DIRECTSYNC */
};

enum block_detect_zeroes {
    BLOCK_DETECT_ZEROES_OFF,
    BLOCK_DETECT_ZEROES_ON,    /* a written run of zeroes becomes a zero-write */
    BLOCK_DETECT_ZEROES_UNMAP, /* ... that may free space */
};

/* rerror=, werror= */
enum block_on_error {
    BLOCK_ON_ERROR_DEFAULT, /* report for reads, enospc for writes */
    BLOCK_ON_ERROR_REPORT,  /* the guest sees the error */
    BLOCK_ON_ERROR_IGNORE,  /* the guest sees success */
    BLOCK_ON_ERROR_STOP,    /* the machine stops; the request is retried when it continues */
    BLOCK_ON_ERROR_ENOSPC,  /* stop when the host's disk is full, else report */
};

/*
 * How to open an image. A zeroed struct with path and format set is the common case. Strings are
 * copied; they may be freed after block_open().
 */
struct block_options {
    const char *id;     /* the drive's name in messages and QMP; NULL: none */
    const char *path;   /* file, block device or /dev/fdset/N; NULL: use fd */
    int fd;             /* with path NULL: an open file; the node dup()s it */
    const char *format; /* "raw", "qcow2", "vpc"; never guessed, so never NULL */
    enum block_cache cache;
    enum block_aio aio;
    bool read_only;
    bool snapshot;      /* writes go to a temporary overlay that is gone with the node */
    bool discard_unmap; /* discards free space; else they are ignored */
    enum block_detect_zeroes detect_zeroes;
    enum block_on_error rerror, werror;
    const char *backing;        /* replaces the image's backing file name; "": open without one */
    const char *backing_format; /* replaces the format the image records for it */
    bool no_lock;               /* locking=off */
    bool inactive;              /* another process has the image until block_activate() */
    bool force_share;           /* read-only beside a writer (hvm-img -U): no lock is asked for */
    bool repair;                /* opens what is marked dirty or corrupt as it is (hvm-img check) */
};

/*
 * Opens the image and its backing chain and takes the image locks that QEMU and qemu-img see.
 * Returns 0 and a node with one reference in *out. On error a negative errno and in *err one
 * sentence that names the file: EAGAIN when another process holds the lock, ENOTSUP for a format
 * feature that is not supported, EINVAL for a broken image, else what the system said.
 * Blocks for some reads of metadata.
 */
int block_open(const struct block_options *options, struct block_node **out, GError **err);

/*
 * Hands a writable image over to another process (a migrated machine's), which opened it with
 * .inactive, and takes one over. Between the two the image is not written, its lock is free, and
 * every request is refused with EBUSY. Both do nothing where there is nothing to do.
 * 0, or -errno and a sentence: it could not be flushed, or not be opened or locked; it is active,
 * or inactive, as before then. Both block.
 */
int block_inactivate(struct block_node *node, GError **err);
int block_activate(struct block_node *node, GError **err);

struct block_node *block_ref(struct block_node *node); /* returns node */

/* Gives a reference back (NULL is ignored). The last one drains, flushes and closes; it blocks. */
void block_unref(struct block_node *node);

/* ---- what a node is ------------------------------------------------------------------------ */

uint64_t block_size(const struct block_node *node);                 /* bytes, a multiple of 512 */
uint32_t block_sector_size(const struct block_node *node);          /* logical, bytes; 512 */
uint32_t block_physical_sector_size(const struct block_node *node); /* best alignment, bytes */
bool block_read_only(const struct block_node *node);
bool block_discard_enabled(const struct block_node *node); /* a device may then offer TRIM */
bool block_write_cache(const struct block_node *node);     /* false with writethrough, directsync */
const char *block_id(const struct block_node *node);       /* "" when there is none */
const char *block_path(const struct block_node *node);     /* as given; "fd:N" for an fd */
const char *block_format_name(const struct block_node *node);
const char *block_cache_name(enum block_cache cache);
/* How it was opened: all but the members that name images, which are zero. */
void block_get_options(const struct block_node *node, struct block_options *options);
/* The node under this one ("backing file"), NULL if none. Borrowed. */
struct block_node *block_backing(const struct block_node *node);

/*
 * Changes the size (a multiple of 512; formats that cannot shrink refuse). Drains first and tells
 * every user by its resized(). 0 or -errno and a sentence.
 */
int block_resize(struct block_node *node, uint64_t size, GError **err);

/* ---- users and hand-over ------------------------------------------------------------------- */

/*
 * A user is one party that does I/O on a node: an emulated disk, a PV backend, a tool. One node may
 * have several; at most one of them, the active one, may do I/O. The first to attach is active;
 * the others wait for block_hand_over() and until then get EBUSY for every request. When the active
 * one detaches, nobody is active until somebody attaches or is handed over to.
 */
struct block_user_ops {
    void (*resized)(void *opaque); /* the node's size changed; may be NULL */
};

/*
 * Attaches a user; it holds a reference on the node. `name` is copied. ops may be NULL. Never
 * fails. Writing to a read-only node fails request by request with EROFS.
 */
struct block_user *block_attach(struct block_node *node, const char *name,
                                const struct block_user_ops *ops, void *opaque);

/* Drains the user's requests, detaches it and drops its reference. NULL is ignored. Blocks. */
void block_detach(struct block_user *user);

struct block_node *block_user_node(const struct block_user *user);
bool block_user_active(const struct block_user *user);

/*
 * Makes `to` the active user of its node, instead of who is now: what Xen's disk unplug does.
 * Drains and flushes first, so that `to` sees everything that was written. Returns 0, or the
 * -errno of the flush (the hand-over has then still happened). Blocks.
 */
int block_hand_over(struct block_user *to);

/* ---- requests ------------------------------------------------------------------------------ */

/* ret: 0 or a negative errno. */
typedef void block_done(void *opaque, int ret);

#define BLOCK_REQ_FUA   1u /* write, write_zeroes: durable before done (device's cache is off) */
#define BLOCK_REQ_UNMAP 2u /* write_zeroes: may free the space */

/*
 * Reads or writes len bytes at offset from/to a scatter list whose elements sum up to len exactly.
 * The iov array and the memory stay the caller's and must stay valid until done. offset and len are
 * multiples of 512 within the node's size; len 0 is allowed.
 * Errors: EINVAL (not aligned, too long), EIO (beyond the end, or as the host says), EROFS, EBUSY
 * (not the active user), ENOSPC.
 */
void block_read(struct block_user *user, uint64_t offset, uint64_t len, const struct iovec *iov,
                int n, block_done *done, void *opaque);
void block_write(struct block_user *user, uint64_t offset, uint64_t len, const struct iovec *iov,
                 int n, unsigned flags, block_done *done, void *opaque);

/* Writes zeroes without data; any length inside the node. */
void block_write_zeroes(struct block_user *user, uint64_t offset, uint64_t len, unsigned flags,
                        block_done *done, void *opaque);

/* The content of the range no longer matters. Succeeds without effect if discards are ignored. */
void block_discard(struct block_user *user, uint64_t offset, uint64_t len, block_done *done,
                   void *opaque);

/* Everything that completed before is durable when this completes. */
void block_flush(struct block_user *user, block_done *done, void *opaque);

/*
 * Waits until no request is in flight on the node, throttled ones included; their done callbacks,
 * and possibly those of other nodes, run inside this call. The machine lock stays held: for reset,
 * unplug, save, shutdown. There is no cancel: a device that must forget a request drains.
 */
void block_drain(struct block_node *node);

/* True when any request is in flight. */
bool block_busy(const struct block_node *node);

/*
 * Synchronous variants for tools, tests and start-up code: they submit, then run completions (as
 * block_drain() does) until this request is done. 0 or -errno.
 */
int block_read_sync(struct block_user *user, uint64_t offset, void *buf, size_t len);
int block_write_sync(struct block_user *user, uint64_t offset, const void *buf, size_t len);
int block_flush_sync(struct block_user *user);

/* ---- errors -------------------------------------------------------------------------------- */

enum block_error_action {
    BLOCK_ERROR_REPORT, /* complete the command with an error */
    BLOCK_ERROR_IGNORE, /* complete the command as if it had worked */
    BLOCK_ERROR_STOP, /* keep the command, stop the machine, retry it when the machine continues */
};

/*
 * What a device does about the failed request of the given kind: applies the node's rerror= or
 * werror= to `error` (a negative errno) and tells the node's error listener (QMP's BLOCK_IO_ERROR).
 */
enum block_error_action block_error_policy(struct block_node *node, bool is_read, int error);

/* Changes rerror= and werror=; BLOCK_ON_ERROR_DEFAULT leaves it as it is. */
void block_set_on_error(struct block_node *node, enum block_on_error rerror,
                        enum block_on_error werror);

/* What a word of rerror= (is_read) or werror= means; -EINVAL: nothing. */
int block_parse_on_error(const char *word, bool is_read, enum block_on_error *value);

/* One listener per node; NULL removes it. */
void block_set_error_listener(struct block_node *node,
                              void (*listener)(void *opaque, struct block_node *node, bool is_read,
                                               int error, enum block_error_action action),
                              void *opaque);

/* ---- statistics and limits ----------------------------------------------------------------- */

enum block_op {
    BLOCK_OP_READ,
    BLOCK_OP_WRITE, /* zero-writes too */
    BLOCK_OP_DISCARD,
    BLOCK_OP_FLUSH,
    BLOCK_OPS,
};

/* Counters since the node was opened, for query-blockstats. */
struct block_stats {
    struct {
        uint64_t operations; /* that succeeded */
        uint64_t bytes;
        uint64_t failed;
        uint64_t invalid; /* refused before they reached the image */
        uint64_t time_ns; /* sum of the times from submission to completion */
    } op[BLOCK_OPS];
    uint64_t highest_write; /* end of the highest write, bytes */
};

void block_get_stats(const struct block_node *node, struct block_stats *stats);

enum block_limit {
    BLOCK_LIMIT_BPS_TOTAL,
    BLOCK_LIMIT_BPS_READ,
    BLOCK_LIMIT_BPS_WRITE,
    BLOCK_LIMIT_IOPS_TOTAL,
    BLOCK_LIMIT_IOPS_READ,
    BLOCK_LIMIT_IOPS_WRITE,
    BLOCK_LIMITS,
};

/* The throttling.* options. All zero: no limits. */
struct block_throttle_config {
    struct {
        uint64_t average; /* units a second, 0: unlimited */
        uint64_t max;     /* units a second during a burst, 0: average / 10 may be saved up */
        unsigned burst_s; /* how long a burst at `max` may last, seconds; 0 means 1 */
    } limit[BLOCK_LIMITS];
    uint64_t iops_size; /* a request counts as one for each so many bytes; 0: always as one */
};

/*
 * Sets the limits; requests that wait are judged anew. EINVAL and a sentence when total and
 * read/write limits are combined, max is below average, or a value is out of range (2^50).
 */
int block_set_throttle(struct block_node *node, const struct block_throttle_config *config,
                       GError **err);
void block_get_throttle(const struct block_node *node, struct block_throttle_config *config);

#endif
