#include "app/saved_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/io.h"
#include "block/iov.h"
#include "hw/machine/machine.h"

#define PAGE     4096u
#define MAX_RUN  1024u /* pages */
#define RUN_HEAD 12u
#define MAX_NAME 255u

/* ---- Writing ---- */

struct writer {
    int fd;
    uint32_t crc;
};

static int put(struct writer *w, const void *data, size_t size)
{
    w->crc = (uint32_t)crc32_z(w->crc, data, size);
    return io_write_all(w->fd, data, size);
}

static int put_run(struct writer *w, const struct machine_memory *m, uint64_t first, uint32_t n)
{
    uint8_t head[RUN_HEAD];

    put_le32(head, n);
    put_le64(head + 4, first);
    int rc = put(w, head, sizeof(head));
    return rc < 0 ? rc : put(w, m->host + first * PAGE, (size_t)n * PAGE);
}

static int put_pages(struct writer *w, const struct machine_memory *m)
{
    uint64_t pages = m->size / PAGE, first = 0;
    uint32_t n = 0;
    int rc = 0;

    for (uint64_t page = 0; page <= pages && rc == 0; page++) {
        bool kept = page < pages && !buffer_is_zero(m->host + page * PAGE, PAGE);
        if (n > 0 && (!kept || n == MAX_RUN)) {
            rc = put_run(w, m, first, n);
            n = 0;
        }
        if (kept && n++ == 0)
            first = page;
    }
    return rc;
}

static int put_stretch(struct writer *w, const struct machine_memory *m)
{
    uint8_t length = (uint8_t)strlen(m->name), size[8], end[4] = { 0 };

    put_le64(size, m->size);
    int rc = put(w, &length, 1);
    if (rc == 0)
        rc = put(w, m->name, length);
    if (rc == 0)
        rc = put(w, size, sizeof(size));
    if (rc == 0)
        rc = put_pages(w, m);
    return rc == 0 ? put(w, end, sizeof(end)) : rc;
}

int saved_memory_write(int fd, const GArray *memory)
{
    struct writer w = { .fd = fd };
    uint8_t end = 0, crc[4];
    int rc = put(&w, SAVED_MEMORY_MAGIC, SAVED_MEMORY_MAGIC_SIZE);

    for (guint i = 0; i < memory->len && rc == 0; i++)
        rc = put_stretch(&w, &g_array_index(memory, struct machine_memory, i));
    if (rc == 0)
        rc = put(&w, &end, 1);
    put_le32(crc, w.crc);
    return rc == 0 ? io_write_all(fd, crc, sizeof(crc)) : rc;
}

/* ---- Loading: one item after another, each collected until it is whole ---- */

enum item {
    ITEM_MAGIC,
    ITEM_NAME_LENGTH,
    ITEM_STRETCH,
    ITEM_RUN_LENGTH,
    ITEM_RUN,
    ITEM_PAGES,
    ITEM_CRC,
    ITEM_END
};

struct memory_loader {
    const GArray *memory;
    enum item item;
    uint8_t bytes[MAX_NAME + 8]; /* of the item */
    size_t have, wanted;         /* bytes of it; of a run's pages, have only */
    uint32_t crc;                /* of all so far */
    guint stretch;               /* the one at hand, from 1 */
    uint64_t pages;              /* of it */
    uint64_t at, left;           /* the run's first page, and how many it has */
};

static void expect(struct memory_loader *l, enum item item, size_t bytes)
{
    l->item = item;
    l->have = 0;
    l->wanted = bytes;
}

struct memory_loader *memory_loader_new(const GArray *memory)
{
    struct memory_loader *l = g_new0(struct memory_loader, 1);

    l->memory = memory;
    expect(l, ITEM_MAGIC, SAVED_MEMORY_MAGIC_SIZE);
    return l;
}

void memory_loader_free(struct memory_loader *l)
{
    g_free(l);
}

static const struct machine_memory *stretch_at_hand(const struct memory_loader *l)
{
    return l->memory != NULL ? &g_array_index(l->memory, struct machine_memory, l->stretch - 1)
                             : NULL;
}

/* The machine must have just this stretch next; its memory is zero from here on. */
static int begin_stretch(struct memory_loader *l, GError **err)
{
    size_t length = l->wanted - 8;
    uint64_t size = get_le64(l->bytes + length);
    g_autofree char *name = g_strndup((const char *)l->bytes, length);

    l->pages = size / PAGE;
    if (l->memory == NULL)
        return 0;
    if (l->stretch++ == l->memory->len)
        return fail(err, EINVAL, "saved memory: this machine has no %s", name);
    const struct machine_memory *m = stretch_at_hand(l);
    if (strcmp(name, m->name) != 0 || size != m->size)
        return fail(err, EINVAL, "saved memory: %s of %" PRIu64 " bytes, here %s of %" PRIu64, name,
                    size, m->name, m->size);
    return madvise(m->host, m->size, MADV_DONTNEED) < 0 ? fail_errno(err, errno, "saved memory")
                                                        : 0;
}

static int begin_run(struct memory_loader *l, GError **err)
{
    l->at = get_le64(l->bytes);
    if (l->at >= l->pages || l->left > l->pages - l->at)
        return fail(err, EINVAL, "saved memory: page %" PRIu64 " of %" PRIu64, l->at, l->pages);
    return 0;
}

static int end_item(struct memory_loader *l, GError **err)
{
    int rc = 0;

    switch (l->item) {
    case ITEM_MAGIC:
        if (memcmp(l->bytes, SAVED_MEMORY_MAGIC, SAVED_MEMORY_MAGIC_SIZE) != 0)
            return fail(err, EINVAL, "saved memory: of a format that this hvm-dm does not know");
        expect(l, ITEM_NAME_LENGTH, 1);
        break;
    case ITEM_NAME_LENGTH:
        if (l->bytes[0] == 0)
            expect(l, ITEM_CRC, 4);
        else
            expect(l, ITEM_STRETCH, l->bytes[0] + 8u);
        break;
    case ITEM_STRETCH:
        rc = begin_stretch(l, err);
        expect(l, ITEM_RUN_LENGTH, 4);
        break;
    case ITEM_RUN_LENGTH:
        l->left = get_le32(l->bytes);
        expect(l, l->left > 0 ? ITEM_RUN : ITEM_NAME_LENGTH, l->left > 0 ? 8 : 1);
        break;
    case ITEM_RUN:
        rc = begin_run(l, err);
        expect(l, ITEM_PAGES, 0);
        break;
    case ITEM_CRC:
        if (get_le32(l->bytes) != l->crc)
            return fail(err, EINVAL, "saved memory: checksum error");
        if (l->memory != NULL && l->stretch != l->memory->len)
            return fail(err, EINVAL, "saved memory: parts of this machine's are missing");
        expect(l, ITEM_END, 0);
        break;
    default: break;
    }
    return rc;
}

/* Bytes of pages go straight to where they belong. */
static size_t take_pages(struct memory_loader *l, const uint8_t *data, size_t size)
{
    uint64_t bytes = l->left * PAGE - l->have;
    size_t n = (size_t)MIN(bytes, size);

    if (l->memory != NULL)
        memcpy(stretch_at_hand(l)->host + l->at * PAGE + l->have, data, n);
    l->have += n;
    if (n == bytes)
        expect(l, ITEM_RUN_LENGTH, 4);
    return n;
}

static size_t take_bytes(struct memory_loader *l, const uint8_t *data, size_t size)
{
    size_t n = MIN(l->wanted - l->have, size);

    memcpy(l->bytes + l->have, data, n);
    l->have += n;
    return n;
}

int memory_loader_feed(struct memory_loader *l, const uint8_t *data, size_t size, size_t *taken,
                       GError **err)
{
    int rc = 0;

    *taken = 0;
    while (*taken < size && l->item != ITEM_END && rc == 0) {
        enum item item = l->item;
        const uint8_t *from = data + *taken;
        size_t n = item == ITEM_PAGES ? take_pages(l, from, size - *taken)
                                      : take_bytes(l, from, size - *taken);

        *taken += n;
        if (item != ITEM_CRC)
            l->crc = (uint32_t)crc32_z(l->crc, from, n);
        if (item != ITEM_PAGES && l->have == l->wanted)
            rc = end_item(l, err);
    }
    return rc < 0 ? rc : l->item == ITEM_END;
}
