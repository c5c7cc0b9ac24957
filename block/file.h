/*
 * The image file or block device under a node: opening, alignment, and I/O by one of two engines,
 * libaio (O_DIRECT) or the thread pool. Knows nothing of formats.
 */
#ifndef BLOCK_FILE_H
#define BLOCK_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <libaio.h>
#include <glib.h>

#include "block/node.h"
#include "block/pool.h"

#define FILE_MAX_ALIGN 4096

struct block_file {
    char *name; /* for messages */
    int fd;
    bool writable;
    bool direct;        /* O_DIRECT */
    bool native;        /* libaio */
    bool is_device;     /* a block device */
    bool unsafe;        /* no fdatasync */
    bool lockable;      /* the options ask for locks */
    uint32_t align;     /* of offsets and lengths; 1 for buffered files */
    uint32_t mem_align; /* of buffers; 1 for buffered files */
};

/*
 * Opens path (or duplicates fd if path is NULL) with the modes that the options ask for; `writable`
 * counts instead of options->read_only. 0 or -errno and a sentence.
 */
int file_open(const struct block_options *options, bool writable, struct block_file **out,
              GError **err);

/* Takes over an open, writable fd (a temporary file) as a buffered file. Never fails. */
struct block_file *file_from_fd(int fd, const char *name);

void file_close(struct block_file *file); /* NULL is ignored */

/* The image's lock, where the options asked for one; as lock_image(). file_open() takes it. */
int file_lock(struct block_file *file, GError **err);
void file_unlock(struct block_file *file);

/* The current length in bytes, or -errno. */
int64_t file_size(const struct block_file *file);

/* ---- asynchronous: with the machine lock ---- */

struct file_io {
    struct pool_work work; /* first */
    struct iocb iocb;
    struct block_file *file;
    bool write;
    uint64_t offset, len;
    const struct iovec *iov;
    int n;
    int ret; /* 0 or -errno, when done */
    void (*done)(struct file_io *io);
    struct file_io *next; /* the libaio engine's backlog */
};

/*
 * Starts the transfer that io describes (file, write, offset, len, iov, n, done). A write's offset
 * and length are multiples of file->align. Reading beyond the end of the file gives zeroes.
 */
void file_submit(struct file_io *io);

/* Runs the completions of every engine; false when there were none. */
bool file_run_completions(void);

/* Sleeps until a completion may be there. */
void file_wait(void);

/* ---- synchronous: for threads of the pool, tools and opening ---- */

/* All of len bytes, any alignment; 0 or -errno. Reading beyond the end gives zeroes. */
int file_pread(struct block_file *file, void *buf, size_t len, uint64_t offset);
int file_pwrite(struct block_file *file, const void *buf, size_t len, uint64_t offset);
int file_preadv(struct block_file *file, const struct iovec *iov, int n, uint64_t offset,
                uint64_t len);
int file_pwritev(struct block_file *file, const struct iovec *iov, int n, uint64_t offset,
                 uint64_t len);

/* Makes everything durable that was written (nothing with cache=unsafe). */
int file_flush(struct block_file *file);

/* Frees space; the range then reads as zeroes or as before. -ENOTSUP where that is impossible. */
int file_discard(struct block_file *file, uint64_t offset, uint64_t len);

/* The range reads as zeroes afterwards; frees space if `unmap` and possible. */
int file_zero(struct block_file *file, uint64_t offset, uint64_t len, bool unmap);

int file_truncate(struct block_file *file, uint64_t size);

/* A buffer fit for O_DIRECT, to be freed with free(); NULL when there is no memory. */
void *file_buffer(size_t size);

#endif
