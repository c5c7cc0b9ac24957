#include "block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h> // BLKDISCARD, BLKSSZGET
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/error.h"
#include "block/aio_linux.h"
#include "block/fdset.h"
#include "block/lock.h"

/* ---- opening ---- */

static bool cache_is_direct(enum block_cache cache)
{
    return cache == BLOCK_CACHE_NONE || cache == BLOCK_CACHE_DIRECTSYNC;
}

void *file_buffer(size_t size)
{
    void *buf = NULL;

    return posix_memalign(&buf, FILE_MAX_ALIGN, size) == 0 ? buf : NULL;
}

static bool direct_read_works(int fd, uint8_t *buf, size_t len)
{
    return pread(fd, buf, len, 0) >= 0;
}

/* Neither the kernel's statx nor every file system tells O_DIRECT's rules: try them out. */
static int probe_alignment(struct block_file *file, GError **err)
{
    uint8_t *buf = file_buffer((size_t)2 * FILE_MAX_ALIGN);

    if (buf == NULL)
        return fail_errno(err, ENOMEM, "%s", file->name);
    file->align = 0;
    for (uint32_t align = 512; align <= FILE_MAX_ALIGN && file->align == 0; align *= 2)
        if (direct_read_works(file->fd, buf, align))
            file->align = align;
    file->mem_align = file->align > 0 && direct_read_works(file->fd, buf + 512, file->align) ? 512
                                                                                             : 4096;
    free(buf);
    if (file->align == 0)
        return fail_errno(err, errno, "%s: cannot be read with cache=none", file->name);
    if (file_size(file) == 0)
        file->align = file->mem_align = FILE_MAX_ALIGN; /* an empty file proves nothing */
    return 0;
}

/* As QEMU: an fd from outside is duplicated, so that its owner may close it. */
static int open_fd(const struct block_options *o, bool writable, GError **err)
{
    /* O_NONBLOCK: a FIFO in the place of an image must not hang us. */
    int flags = (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC;

    if (cache_is_direct(o->cache))
        flags |= O_DIRECT;
    if (o->path != NULL)
        return fdset_open(o->path, flags, err);

    int fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return fail_errno(err, errno, "fd:%d", o->fd);
    if (cache_is_direct(o->cache) && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT) < 0) {
        int error = errno;
        close(fd);
        return fail_errno(err, error, "fd:%d: O_DIRECT", o->fd);
    }
    return fd;
}

/* Reading a terminal or a pipe as a disk would hang or lie. */
static int check_kind(struct block_file *file, GError **err)
{
    struct stat st;

    if (fstat(file->fd, &st) < 0)
        return fail_errno(err, errno, "%s", file->name);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return fail(err, EINVAL, "%s: is neither a regular file nor a block device", file->name);
    file->is_device = S_ISBLK(st.st_mode);
    return 0;
}

/* The lock comes last: until then nothing was read or written that matters. */
static int set_up(struct block_file *file, const struct block_options *o, GError **err)
{
    int ret = check_kind(file, err);

    if (ret < 0)
        return ret;
    file->direct = cache_is_direct(o->cache);
    file->native = file->direct && o->aio == BLOCK_AIO_NATIVE;
    file->unsafe = o->cache == BLOCK_CACHE_UNSAFE;
    if (o->aio == BLOCK_AIO_NATIVE && !file->direct)
        return fail(err, EINVAL, "%s: aio=native needs cache=none or cache=directsync", file->name);
    if (file->direct && (ret = probe_alignment(file, err)) < 0)
        return ret;
    if (file->native && (ret = aio_start(err)) < 0)
        return ret;
    file->lockable = !o->no_lock && !o->force_share;
    return o->inactive ? 0 : file_lock(file, err);
}

int file_lock(struct block_file *file, GError **err)
{
    return file->lockable ? lock_image(file->fd, file->writable, file->name, err) : 0;
}

void file_unlock(struct block_file *file)
{
    if (file->lockable)
        unlock_image(file->fd);
}

int file_open(const struct block_options *o, bool writable, struct block_file **out, GError **err)
{
    int fd = open_fd(o, writable, err);

    if (fd < 0)
        return fd;
    struct block_file *file = file_from_fd(fd, o->path);
    if (o->path == NULL)
        file->name = g_strdup_printf("fd:%d", o->fd);
    file->writable = writable;
    int ret = set_up(file, o, err);
    if (ret < 0) {
        file_close(file);
        return ret;
    }
    *out = file;
    return 0;
}

struct block_file *file_from_fd(int fd, const char *name)
{
    struct block_file *file = g_new0(struct block_file, 1);

    file->fd = fd;
    file->name = g_strdup(name);
    file->writable = true;
    file->align = file->mem_align = 1;
    return file;
}

void file_close(struct block_file *file)
{
    if (file == NULL)
        return;
    close(file->fd);
    g_free(file->name);
    g_free(file);
}

int64_t file_size(const struct block_file *file)
{
    off_t end = lseek(file->fd, 0, SEEK_END);

    return end < 0 ? -errno : end;
}

/* ---- synchronous transfers ---- */

static uint64_t round_up(uint64_t value, uint32_t align)
{
    return (value + align - 1) / align * align;
}

/* One contiguous, aligned piece. A read that ends early is at the end of the file. */
static int transfer(struct block_file *file, bool write, uint8_t *buf, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = write ? pwrite(file->fd, buf, len, (off_t)offset)
                          : pread(file->fd, buf, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0 && write)
            return -ENOSPC;
        if (n == 0) {
            memset(buf, 0, len);
            return 0;
        }
        if (!write && (size_t)n < len && n % file->align != 0) {
            memset(buf + n, 0, len - (size_t)n); /* O_DIRECT at an unaligned end */
            return 0;
        }
        buf += n;
        len -= (size_t)n;
        offset += (size_t)n;
    }
    return 0;
}

/* Whether the kernel takes the request with O_DIRECT as it is. */
static bool aligned(const struct block_file *file, uint64_t offset, uint64_t len,
                    const struct iovec *iov, int n)
{
    if (file->align == 1)
        return true;
    if (offset % file->align != 0 || len % file->align != 0)
        return false;
    for (int i = 0; i < n; i++)
        if ((uintptr_t)iov[i].iov_base % file->mem_align != 0 || iov[i].iov_len % file->align != 0)
            return false;
    return true;
}

static void copy_iov(const struct iovec *iov, int n, uint8_t *buf, bool to_iov)
{
    for (int i = 0; i < n; i++) {
        if (to_iov)
            memcpy(iov[i].iov_base, buf, iov[i].iov_len);
        else
            memcpy(buf, iov[i].iov_base, iov[i].iov_len);
        buf += iov[i].iov_len;
    }
}

/* Through an aligned buffer; a write reads the sectors at its ends first. */
static int bounce(struct block_file *file, bool write, const struct iovec *iov, int n,
                  uint64_t offset, uint64_t len)
{
    uint64_t start = offset / file->align * file->align;
    uint64_t size = round_up(offset + len, file->align) - start;
    uint8_t *buf = file_buffer(size);
    int ret = 0;

    if (buf == NULL)
        return -ENOMEM;
    if (!write || start != offset)
        ret = transfer(file, false, buf, write ? file->align : size, start);
    if (ret == 0 && write && (offset + len) % file->align != 0)
        ret = transfer(file, false, buf + size - file->align, file->align,
                       start + size - file->align);
    if (ret == 0 && write) {
        copy_iov(iov, n, buf + (offset - start), false);
        ret = transfer(file, true, buf, size, start);
    } else if (ret == 0) {
        copy_iov(iov, n, buf + (offset - start), true);
    }
    free(buf);
    return ret;
}

/*
 * The common case is one system call. Where that stops half-way (end of file, signal, full disk) it
 * is done again element by element, which is simple and finds the exact error.
 */
static int transfer_iov(struct block_file *file, bool write, const struct iovec *iov, int n,
                        uint64_t offset, uint64_t len)
{
    if (!aligned(file, offset, len, iov, n))
        return bounce(file, write, iov, n, offset, len);
    if (n > 1) {
        ssize_t got = write ? pwritev(file->fd, iov, n, (off_t)offset)
                            : preadv(file->fd, iov, n, (off_t)offset);
        if (got >= 0 && (uint64_t)got == len)
            return 0;
    }
    /* One element, or an error or the end of the file somewhere: element by element. */
    for (int i = 0; i < n; i++) {
        int ret = transfer(file, write, iov[i].iov_base, iov[i].iov_len, offset);
        if (ret < 0)
            return ret;
        offset += iov[i].iov_len;
    }
    return 0;
}

int file_preadv(struct block_file *file, const struct iovec *iov, int n, uint64_t offset,
                uint64_t len)
{
    return transfer_iov(file, false, iov, n, offset, len);
}

int file_pwritev(struct block_file *file, const struct iovec *iov, int n, uint64_t offset,
                 uint64_t len)
{
    return transfer_iov(file, true, iov, n, offset, len);
}

int file_pread(struct block_file *file, void *buf, size_t len, uint64_t offset)
{
    struct iovec iov = { buf, len };

    return transfer_iov(file, false, &iov, 1, offset, len);
}

int file_pwrite(struct block_file *file, const void *buf, size_t len, uint64_t offset)
{
    union {
        const void *in;
        void *out;
    } data = { buf }; /* iovec has no const; a write only reads */
    struct iovec iov = { data.out, len };

    return transfer_iov(file, true, &iov, 1, offset, len);
}

int file_flush(struct block_file *file)
{
    return file->unsafe || fdatasync(file->fd) == 0 ? 0 : -errno;
}

int file_discard(struct block_file *file, uint64_t offset, uint64_t len)
{
    uint64_t range[2] = { offset, len };
    int ret = file->is_device ? ioctl(file->fd, BLKDISCARD, range)
                              : fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                          (off_t)offset, (off_t)len);

    if (ret == 0)
        return 0;
    return errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS ? -ENOTSUP : -errno;
}

/* The last resort of file_zero(). */
static int write_zeroes(struct block_file *file, uint64_t offset, uint64_t len)
{
    size_t chunk = len < (1 << 20) ? round_up(len, FILE_MAX_ALIGN) : 1 << 20;
    uint8_t *buf = file_buffer(chunk);
    int ret = 0;

    if (buf == NULL)
        return -ENOMEM;
    memset(buf, 0, chunk);
    while (len > 0 && ret == 0) {
        size_t now = len < chunk ? len : chunk;

        ret = file_pwrite(file, buf, now, offset);
        offset += now;
        len -= now;
    }
    free(buf);
    return ret;
}

int file_zero(struct block_file *file, uint64_t offset, uint64_t len, bool unmap)
{
    int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

    /* Also on devices a punched hole reads as zeroes (the kernel's blkdev_fallocate). */
    if (unmap && fallocate(file->fd, hole, (off_t)offset, (off_t)len) == 0)
        return 0;
    if (fallocate(file->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                  (off_t)len) == 0)
        return 0;
    return write_zeroes(file, offset, len);
}

int file_truncate(struct block_file *file, uint64_t size)
{
    if (file->is_device)
        return file_size(file) >= (int64_t)size ? 0 : -ENOSPC;
    return ftruncate(file->fd, (off_t)size) == 0 ? 0 : -errno;
}

/* ---- asynchronous transfers ---- */

static void run_io(struct pool_work *work)
{
    struct file_io *io = (struct file_io *)work;

    io->ret = transfer_iov(io->file, io->write, io->iov, io->n, io->offset, io->len);
}

static void io_done(struct pool_work *work)
{
    struct file_io *io = (struct file_io *)work;

    io->done(io);
}

/* Unaligned requests of a native file are bounced, and so need a thread. */
void file_submit(struct file_io *io)
{
    io->work.run = run_io;
    io->work.done = io_done;
    if (io->file->native && aligned(io->file, io->offset, io->len, io->iov, io->n))
        aio_submit(io);
    else
        pool_submit(&io->work);
}

bool file_run_completions(void)
{
    bool pool = pool_run_completions();

    return aio_run_completions() || pool;
}

void file_wait(void)
{
    struct pollfd fds[2] = { { .fd = pool_event_fd(), .events = POLLIN },
                             { .fd = aio_event_fd(), .events = POLLIN } };

    poll(fds, 2, -1);
}
