#include "ioreq/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

#define MAGIC         "HVMDMREC"
#define MAGIC_LEN     8
#define VERSION       1
#define CHUNK_HEAD    8
#define CHUNK_SIZE    (256u << 10) /* is written out when it has grown to this */
#define CHUNK_MAX     (128u << 20) /* the longest entry is a disk request of 64 MiB */
#define ENTRY_NUMBERS (2 + 10 * (3 + JOURNAL_NUMBERS))

/* ---- Writing ---- */

struct trace_writer {
    int fd; /* -1: it failed */
    char *path;
    uint8_t *buf; /* begins with the chunk's head */
    size_t len, room;
};

static void *grow(struct trace_writer *w, size_t more)
{
    if (w->len + more > w->room) {
        w->room = (w->len + more) * 2;
        w->buf = g_realloc(w->buf, w->room);
    }
    return w->buf + w->len;
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)v | 0x80;
    *p++ = (uint8_t)v;
    return p;
}

static void put_bytes(struct trace_writer *w, const void *data, size_t len)
{
    if (len > 0)
        memcpy(grow(w, len), data, len);
    w->len += len;
}

void trace_flush(struct trace_writer *w)
{
    if (w->len == CHUNK_HEAD)
        return;
    put_le32(w->buf, (uint32_t)(w->len - CHUNK_HEAD));
    put_le32(w->buf + 4, (uint32_t)crc32(0, w->buf + CHUNK_HEAD, (uInt)(w->len - CHUNK_HEAD)));
    int rc = w->fd >= 0 ? io_write_all(w->fd, w->buf, w->len) : 0;
    w->len = CHUNK_HEAD;
    if (rc == 0)
        return;
    log_error("-record %s: %s; the recording ends here", w->path, g_strerror(-rc));
    close(w->fd);
    w->fd = -1;
}

static void entry_done(struct trace_writer *w)
{
    if (w->len >= CHUNK_SIZE)
        trace_flush(w);
}

struct trace_writer *trace_create(const char *path, const char *const *strings, GError **err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    uint8_t head[MAGIC_LEN + 4] = MAGIC;

    put_le32(head + MAGIC_LEN, VERSION);
    if (fd < 0 || io_write_all(fd, head, sizeof(head)) < 0) {
        fail_errno(err, errno, "-record %s", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct trace_writer *w = g_new0(struct trace_writer, 1);
    *w = (struct trace_writer){ .fd = fd,
                                .path = g_strdup(path),
                                .buf = g_malloc(CHUNK_SIZE * 2),
                                .len = CHUNK_HEAD,
                                .room = CHUNK_SIZE * 2 };
    for (; *strings != NULL; strings++)
        put_bytes(w, *strings, strlen(*strings) + 1);
    trace_flush(w);
    return w;
}

/* Signed, so that small ones of both signs are short. */
static uint64_t zigzag(int64_t v)
{
    return v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
}

static size_t iov_length(const struct journal_entry *entry)
{
    size_t len = 0;

    for (int i = 0; i < entry->n_iov; i++)
        len += entry->iov[i].iov_len;
    return len;
}

static void put_data(struct trace_writer *w, const struct journal_entry *entry, bool digest)
{
    uint8_t bytes[8];
    uint64_t h = 0;

    for (int i = 0; i < entry->n_iov; i++) {
        if (digest)
            h = journal_digest(h, entry->iov[i].iov_base, entry->iov[i].iov_len);
        else
            put_bytes(w, entry->iov[i].iov_base, entry->iov[i].iov_len);
    }
    put_le64(bytes, h);
    if (digest)
        put_bytes(w, bytes, sizeof(bytes));
}

/* All but the data; len: of it, before it became a digest. */
static void put_numbers(struct trace_writer *w, unsigned kind, unsigned source, int64_t time_added,
                        const uint64_t *n, uint64_t len)
{
    const struct journal_kind_info *info = journal_kind_info(kind);
    uint8_t *p = grow(w, ENTRY_NUMBERS);

    *p++ = (uint8_t)kind;
    p = put_varint(p, source);
    if (info->class == JOURNAL_EVENT)
        p = put_varint(p, zigzag(time_added));
    for (unsigned i = 0; info->numbers[i] != NULL; i++)
        p = put_varint(p, n[i]);
    if (info->has_data)
        p = put_varint(p, len);
    w->len = (size_t)(p - w->buf);
}

void trace_put(struct trace_writer *w, unsigned source, int64_t time_added,
               const struct journal_entry *entry)
{
    const struct journal_kind_info *info = journal_kind_info(entry->kind);
    size_t len = iov_length(entry);

    put_numbers(w, entry->kind, source, time_added, entry->n, len);
    if (info->has_data)
        put_data(w, entry, info->class == JOURNAL_EFFECT && len > JOURNAL_EFFECT_DATA);
    entry_done(w);
}

void trace_copy(struct trace_writer *w, const struct trace_entry *entry)
{
    if (entry->kind == TRACE_END) {
        trace_put_end(w);
        return;
    }
    if (entry->kind == TRACE_SOURCE) {
        uint8_t *p = grow(w, ENTRY_NUMBERS);
        *p++ = TRACE_SOURCE;
        p = put_varint(p, entry->source);
        w->len = (size_t)(put_varint(p, entry->len) - w->buf);
    } else if (entry->kind != TRACE_STOP) {
        put_numbers(w, entry->kind, entry->source, entry->time_added, entry->n, entry->len);
    }
    put_bytes(w, entry->data, entry->data_len);
    entry_done(w);
}

void trace_put_source(struct trace_writer *w, unsigned id, const char *name)
{
    size_t len = strlen(name);

    trace_copy(w, &(const struct trace_entry){ .kind = TRACE_SOURCE,
                                               .source = id,
                                               .data = (const uint8_t *)name,
                                               .data_len = len,
                                               .len = len });
}

void trace_put_end(struct trace_writer *w)
{
    *(uint8_t *)grow(w, 1) = TRACE_END;
    w->len++;
    entry_done(w);
}

void trace_close(struct trace_writer *w)
{
    *(uint8_t *)grow(w, 1) = TRACE_STOP;
    w->len++;
    trace_flush(w);
    if (w->fd >= 0 && close(w->fd) < 0)
        log_error("-record %s: %s", w->path, g_strerror(errno));
    g_free(w->path);
    g_free(w->buf);
    g_free(w);
}

/* ---- Reading ---- */

struct trace_reader {
    int fd;
    char *path;
    uint64_t offset; /* of the next chunk */
    uint8_t *chunk;
    size_t len, at;
    GPtrArray *old; /* chunks with data of entries that are still in use */
    GPtrArray *strings;
};

static int damaged(const struct trace_reader *r, const char *how, GError **err)
{
    return fail(err, EINVAL, "replay %s: %s at byte %" PRIu64, r->path, how,
                r->offset - r->len + r->at);
}

/* Reads exactly len bytes. 1; 0: the file ended before the first; -errno and a sentence. */
static int read_all(struct trace_reader *r, uint8_t *to, size_t len, GError **err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = read(r->fd, to + done, len - done);
        if (n < 0 && errno != EINTR)
            return fail_errno(err, errno, "replay %s", r->path);
        if (n == 0)
            return done == 0 ? 0 : fail(err, EINVAL, "replay %s: is cut off", r->path);
        if (n > 0)
            done += (size_t)n;
    }
    return 1;
}

static int next_chunk(struct trace_reader *r, GError **err)
{
    uint8_t head[CHUNK_HEAD];
    int rc = read_all(r, head, sizeof(head), err);

    if (rc <= 0)
        return rc;
    uint32_t len = get_le32(head);
    r->at = r->len = 0;
    if (len == 0 || len > CHUNK_MAX)
        return damaged(r, "a chunk's length is wrong", err);
    if (r->chunk != NULL)
        g_ptr_array_add(r->old, r->chunk);
    r->chunk = g_try_malloc(len);
    if (r->chunk == NULL)
        return fail(err, ENOMEM, "replay %s: %u bytes of memory", r->path, len);
    rc = read_all(r, r->chunk, len, err);
    if (rc <= 0)
        return rc < 0 ? rc : fail(err, EINVAL, "replay %s: is cut off", r->path);
    if ((uint32_t)crc32(0, r->chunk, len) != get_le32(head + 4))
        return damaged(r, "a chunk's checksum is wrong", err);
    r->offset += CHUNK_HEAD + len;
    r->len = len;
    return 1;
}

static int read_head(struct trace_reader *r, GError **err)
{
    uint8_t head[MAGIC_LEN + 4];

    if (read_all(r, head, sizeof(head), NULL) <= 0 || memcmp(head, MAGIC, MAGIC_LEN) != 0)
        return fail(err, EINVAL, "replay %s: is no recording of hvm-dm", r->path);
    if (get_le32(head + MAGIC_LEN) != VERSION)
        return fail(err, ENOTSUP, "replay %s: has format %u, not %u", r->path,
                    get_le32(head + MAGIC_LEN), VERSION);
    r->offset = sizeof(head);
    int rc = next_chunk(r, err);
    if (rc <= 0)
        return rc < 0 ? rc : fail(err, EINVAL, "replay %s: is cut off", r->path);
    while (r->at < r->len) {
        const uint8_t *end = memchr(r->chunk + r->at, 0, r->len - r->at);
        if (end == NULL)
            return damaged(r, "an option does not end", err);
        g_ptr_array_add(r->strings, g_strdup((const char *)r->chunk + r->at));
        r->at = (size_t)(end - r->chunk) + 1;
    }
    if (r->strings->len == 0)
        return damaged(r, "there is no version", err);
    g_ptr_array_add(r->strings, NULL);
    return 0;
}

struct trace_reader *trace_open(const char *path, GError **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        fail_errno(err, errno, "replay %s", path);
        return NULL;
    }
    struct trace_reader *r = g_new0(struct trace_reader, 1);
    r->fd = fd;
    r->path = g_strdup(path);
    r->old = g_ptr_array_new_with_free_func(g_free);
    r->strings = g_ptr_array_new_with_free_func(g_free);
    if (read_head(r, err) < 0) {
        trace_reader_free(r);
        return NULL;
    }
    return r;
}

void trace_reader_free(struct trace_reader *r)
{
    if (r == NULL)
        return;
    close(r->fd);
    g_free(r->path);
    g_free(r->chunk);
    g_ptr_array_unref(r->old);
    g_ptr_array_unref(r->strings);
    g_free(r);
}

const char *const *trace_strings(const struct trace_reader *r)
{
    return (const char *const *)r->strings->pdata;
}

void trace_forget(struct trace_reader *r)
{
    if (r->old->len > 0)
        g_ptr_array_set_size(r->old, 0);
}

/* False: it does not end within the chunk, or is too large. */
static bool get_varint(struct trace_reader *r, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && r->at < r->len; shift += 7) {
        uint8_t byte = r->chunk[r->at++];
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return shift < 63 || byte <= 1;
    }
    return false;
}

static bool get_data(struct trace_reader *r, struct trace_entry *entry, bool may_be_digest)
{
    if (!get_varint(r, &entry->len))
        return false;
    uint64_t here = may_be_digest && entry->len > JOURNAL_EFFECT_DATA ? 8 : entry->len;
    if (here > r->len - r->at)
        return false;
    entry->data = r->chunk + r->at;
    entry->data_len = (size_t)here;
    r->at += entry->data_len;
    return true;
}

static bool get_body(struct trace_reader *r, struct trace_entry *entry)
{
    const struct journal_kind_info *info = journal_kind_info(entry->kind);
    uint64_t v;

    if (entry->kind == TRACE_END || entry->kind == TRACE_STOP)
        return true;
    if ((info == NULL && entry->kind != TRACE_SOURCE) || !get_varint(r, &v) || v > UINT16_MAX)
        return false;
    entry->source = (unsigned)v;
    if (entry->kind == TRACE_SOURCE)
        return get_data(r, entry, false);
    if (info->class == JOURNAL_EVENT) {
        if (!get_varint(r, &v))
            return false;
        entry->time_added = (int64_t)(v >> 1 ^ -(v & 1));
    }
    for (unsigned i = 0; info->numbers[i] != NULL; i++)
        if (!get_varint(r, &entry->n[i]))
            return false;
    return !info->has_data || get_data(r, entry, info->class == JOURNAL_EFFECT);
}

int trace_next(struct trace_reader *r, struct trace_entry *entry, GError **err)
{
    *entry = (struct trace_entry){ 0 };
    if (r->at == r->len) {
        int rc = next_chunk(r, err);
        if (rc <= 0)
            return rc;
    }
    entry->kind = r->chunk[r->at++];
    return get_body(r, entry) ? 1 : damaged(r, "an entry makes no sense", err);
}
