#include "hw/core/memmap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/journal.h"
#include "hw/core/dma.h"

struct memmap {
    GPtrArray *blocks; /* mapped ones, sorted by gpa */
    struct mem_block *last_hit;
    const struct mem_ops *ops;
    void *core;
    struct journal_source journal;
};

static const struct mem_ops no_ops;

struct memmap *memmap_create(void)
{
    struct memmap *map = g_new0(struct memmap, 1);

    map->blocks = g_ptr_array_new();
    map->ops = &no_ops;
    journal_join(&map->journal, "memory", NULL, NULL, NULL);
    return map;
}

void memmap_destroy(struct memmap *map)
{
    while (map->blocks->len > 0)
        memmap_unmap(map, map->blocks->pdata[map->blocks->len - 1]);
    journal_leave(&map->journal);
    g_ptr_array_unref(map->blocks);
    g_free(map);
}

int memmap_set_core(struct memmap *map, const struct mem_ops *ops, void *core)
{
    map->ops = ops;
    map->core = core;
    for (unsigned i = 0; i < map->blocks->len && ops->block_map != NULL; i++) {
        int rc = ops->block_map(core, map->blocks->pdata[i]);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The position of the first block that ends after gpa. */
static unsigned position(const struct memmap *map, uint64_t gpa)
{
    unsigned lo = 0, hi = map->blocks->len;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        const struct mem_block *b = map->blocks->pdata[mid];
        if (b->gpa + (b->size - 1) < gpa)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct mem_block *memmap_find(struct memmap *map, uint64_t gpa)
{
    struct mem_block *b = map->last_hit;

    if (b != NULL && gpa - b->gpa < b->size)
        return b;
    unsigned i = position(map, gpa);
    if (i == map->blocks->len)
        return NULL;
    b = map->blocks->pdata[i];
    if (gpa < b->gpa)
        return NULL;
    return map->last_hit = b;
}

/* The position for a block of [gpa, end), where others that yield to it have done so. */
static int make_room(struct memmap *map, bool yields, uint64_t gpa, uint64_t end, unsigned *at)
{
    for (;;) {
        *at = position(map, gpa);
        struct mem_block *next = *at < map->blocks->len ? map->blocks->pdata[*at] : NULL;
        if (next == NULL || next->gpa >= end)
            return 0;
        if (yields || (next->flags & MEM_YIELDS) == 0)
            return -EEXIST;
        memmap_unmap(map, next);
    }
}

int memmap_map(struct memmap *map, struct mem_block *block, uint64_t gpa)
{
    uint64_t end;
    unsigned i;

    memmap_unmap(map, block);
    if (gpa % MEM_PAGE != 0 || block->size % MEM_PAGE != 0 || block->size == 0)
        return -EINVAL;
    if (__builtin_add_overflow(gpa, block->size, &end))
        return -EEXIST;
    int rc = make_room(map, (block->flags & MEM_YIELDS) != 0, gpa, end, &i);
    if (rc < 0)
        return rc;
    if ((block->flags & MEM_LOG_DIRTY) != 0 && block->dirty == NULL)
        block->dirty = g_malloc0(block->size / MEM_PAGE / 8 + 1);
    block->gpa = gpa;
    if (map->ops->block_map != NULL) {
        rc = map->ops->block_map(map->core, block);
        if (rc < 0)
            return rc;
    }
    block->mapped = true;
    g_ptr_array_insert(map->blocks, (int)i, block);
    map->last_hit = NULL;
    return 0;
}

static void take_log(struct memmap *map, struct mem_block *block, uint8_t *bitmap)
{
    if (map->ops->block_dirty != NULL && map->ops->block_dirty(map->core, block, bitmap) < 0)
        memset(bitmap, 0xff, (block->size / MEM_PAGE + 7) / 8);
}

void memmap_unmap(struct memmap *map, struct mem_block *block)
{
    if (!block->mapped)
        return;
    /* What the guest has written must not be forgotten with the core's log. */
    if (block->dirty != NULL)
        take_log(map, block, block->dirty);
    if (map->ops->block_unmap != NULL)
        map->ops->block_unmap(map->core, block);
    g_ptr_array_remove(map->blocks, block);
    block->mapped = false;
    map->last_hit = NULL;
}

void memmap_take_dirty(struct memmap *map, struct mem_block *block, uint8_t *bitmap)
{
    size_t bytes = (block->size / MEM_PAGE + 7) / 8;

    if (block->dirty != NULL) {
        for (size_t i = 0; i < bytes; i++)
            bitmap[i] |= block->dirty[i];
        memset(block->dirty, 0, bytes);
    }
    if (block->mapped)
        take_log(map, block, bitmap);
}

void memmap_wrote(struct memmap *map, struct mem_block *block, uint64_t offset, uint64_t size)
{
    if (map->ops->block_written != NULL)
        map->ops->block_written(map->core, block, offset, size);
}

#define HUGE_PAGE (2u << 20)

/*
 * Begins at a huge page, if it has one: then the processor needs few translations, and the host's
 * disk few segments. Without a file: the size of files may be limited, as libxl does for a
 * restricted device model.
 */
uint8_t *mem_alloc(const char *name, uint64_t size, GError **err)
{
    uint64_t more = size >= HUGE_PAGE ? HUGE_PAGE : 0;
    uint8_t *all = mmap(NULL, size + more, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (all == MAP_FAILED) {
        fail_errno(err, errno, "%s: %" PRIu64 " MiB of memory", name, size >> 20);
        return NULL;
    }
    uint64_t before = more != 0 ? -(uintptr_t)all % HUGE_PAGE : 0;
    uint8_t *host = all + before;
    if (before > 0)
        munmap(all, before);
    if (more > before)
        munmap(host + size, more - before);
    madvise(host, size, MADV_DONTDUMP);
    madvise(host, size, MADV_HUGEPAGE);
    return host;
}

void mem_free(uint8_t *host, uint64_t size)
{
    if (host != NULL)
        munmap(host, size);
}

/* ---- DMA ---- */

static void *reach(struct memmap *map, uint64_t gpa, uint64_t *len, bool write)
{
    struct mem_block *b = memmap_find(map, gpa);

    if (b == NULL)
        return map->ops->map != NULL ? map->ops->map(map->core, gpa, len, write) : NULL;
    if (write && (b->flags & MEM_READONLY) != 0)
        return NULL;
    uint64_t offset = gpa - b->gpa;
    if (*len > b->size - offset)
        *len = b->size - offset;
    return b->host + offset;
}

static void mark_dirty(struct mem_block *block, uint64_t offset, uint64_t size)
{
    if (block->dirty == NULL)
        return;
    for (uint64_t page = offset / MEM_PAGE; page <= (offset + size - 1) / MEM_PAGE; page++)
        block->dirty[page / 8] |= (uint8_t)(1u << (page % 8));
}

static void release(struct memmap *map, uint64_t gpa, void *host, uint64_t len, bool written)
{
    struct mem_block *b = memmap_find(map, gpa);

    if (written && len > 0) {
        if (b != NULL && gpa - b->gpa + len <= b->size)
            mark_dirty(b, gpa - b->gpa, len);
        if (map->ops->written != NULL)
            map->ops->written(map->core, gpa, len);
    }
    if ((b == NULL || host != b->host + (gpa - b->gpa)) && map->ops->unmap != NULL)
        map->ops->unmap(map->core, host, len);
}

static int copy(struct memmap *map, uint64_t gpa, void *buf, uint64_t len, bool write)
{
    uint8_t *p = buf;

    while (len > 0) {
        uint64_t n = len;
        void *host = reach(map, gpa, &n, write);
        if (host == NULL)
            return -EFAULT;
        if (write)
            memcpy(host, p, n);
        else
            memcpy(p, host, n);
        release(map, gpa, host, n, write);
        p += n;
        len -= n;
        if (__builtin_add_overflow(gpa, n, &gpa) && len > 0)
            return -EFAULT;
    }
    return 0;
}

/*
 * What a device reads is kept whole, since a replay has no guest that wrote it; there it is put
 * into the memory too, as a device may look at the same place again.
 */
static int journal_read(struct memmap *map, uint64_t gpa, void *buf, uint64_t len, int rc)
{
    struct journal_entry entry = { .kind = JOURNAL_DMA_READ,
                                   .n = { gpa, len, (uint64_t)rc },
                                   .iov = &(struct iovec){ buf, len },
                                   .n_iov = 1 };

    journal_input(&map->journal, &entry);
    if (journal_replaying())
        copy(map, gpa, buf, len, true);
    return (int)entry.n[2];
}

static void journal_write(struct memmap *map, uint64_t gpa, const void *buf, uint64_t len)
{
    const struct iovec iov = { (void *)(uintptr_t)buf, len }; /* only read */

    journal_effect(&map->journal, &(const struct journal_entry){
                                      .kind = JOURNAL_DMA_WRITE,
                                      .n = { gpa },
                                      .iov = &iov,
                                      .n_iov = 1,
                                  });
}

/* As a read; a mapping to write to has nothing yet that matters. */
static void *journal_map(struct memmap *map, uint64_t gpa, uint64_t asked, uint64_t *len,
                         bool write, void *host)
{
    uint64_t had = host != NULL ? *len : 0;
    struct journal_entry entry = { .kind = JOURNAL_DMA_MAP,
                                   .n = { gpa, asked, write, had },
                                   .iov = &(struct iovec){ host, write ? 0 : had },
                                   .n_iov = 1 };

    journal_input(&map->journal, &entry);
    *len = MIN(entry.n[3], had);
    if (*len > 0 || host == NULL)
        return host;
    release(map, gpa, host, had, false);
    return NULL;
}

void *dma_map(struct memmap *map, uint64_t gpa, uint64_t *len, bool write)
{
    uint64_t asked = *len;
    void *host = reach(map, gpa, len, write);

    return G_LIKELY(!journal_on()) ? host : journal_map(map, gpa, asked, len, write, host);
}

void dma_unmap(struct memmap *map, uint64_t gpa, void *host, uint64_t len, bool written)
{
    if (written && journal_on())
        journal_write(map, gpa, host, len);
    release(map, gpa, host, len, written);
}

int dma_read(struct memmap *map, uint64_t gpa, void *buf, uint64_t len)
{
    memset(buf, 0xff, len); /* what a bus master reads where nothing answers */
    int rc = copy(map, gpa, buf, len, false);
    return G_LIKELY(!journal_on()) ? rc : journal_read(map, gpa, buf, len, rc);
}

int dma_write(struct memmap *map, uint64_t gpa, const void *buf, uint64_t len)
{
    if (journal_on())
        journal_write(map, gpa, buf, len);
    /* copy() only reads from buf when it writes to the guest */
    return copy(map, gpa, (void *)(uintptr_t)buf, len, true);
}
