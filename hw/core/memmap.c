#include "hw/core/memmap.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "hw/core/dma.h"

struct memmap {
    GPtrArray *blocks; /* mapped ones, sorted by gpa */
    struct mem_block *last_hit;
    const struct mem_ops *ops;
    void *core;
};

static const struct mem_ops no_ops;

struct memmap *memmap_create(void)
{
    struct memmap *map = g_new0(struct memmap, 1);

    map->blocks = g_ptr_array_new();
    map->ops = &no_ops;
    return map;
}

void memmap_destroy(struct memmap *map)
{
    while (map->blocks->len > 0)
        memmap_unmap(map, map->blocks->pdata[map->blocks->len - 1]);
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

int memmap_map(struct memmap *map, struct mem_block *block, uint64_t gpa)
{
    uint64_t end;

    memmap_unmap(map, block);
    if (gpa % MEM_PAGE != 0 || block->size % MEM_PAGE != 0 || block->size == 0)
        return -EINVAL;
    if (__builtin_add_overflow(gpa, block->size, &end))
        return -EEXIST;
    unsigned i = position(map, gpa);
    if (i < map->blocks->len && ((struct mem_block *)map->blocks->pdata[i])->gpa < end)
        return -EEXIST;
    if ((block->flags & MEM_LOG_DIRTY) != 0 && block->dirty == NULL)
        block->dirty = g_malloc0(block->size / MEM_PAGE / 8 + 1);
    block->gpa = gpa;
    if (map->ops->block_map != NULL) {
        int rc = map->ops->block_map(map->core, block);
        if (rc < 0)
            return rc;
    }
    block->mapped = true;
    g_ptr_array_insert(map->blocks, (int)i, block);
    map->last_hit = NULL;
    return 0;
}

void memmap_unmap(struct memmap *map, struct mem_block *block)
{
    if (!block->mapped)
        return;
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
    if (!block->mapped || map->ops->block_dirty == NULL)
        return;
    if (map->ops->block_dirty(map->core, block, bitmap) < 0)
        memset(bitmap, 0xff, bytes);
}

void mem_block_written(struct mem_block *block, uint64_t offset, uint64_t size)
{
    if (block->dirty == NULL || size == 0)
        return;
    for (uint64_t page = offset / MEM_PAGE; page <= (offset + size - 1) / MEM_PAGE; page++)
        block->dirty[page / 8] |= (uint8_t)(1u << (page % 8));
}

/* Without a file: the size of files may be limited, as libxl does for a restricted device model. */
uint8_t *mem_alloc(const char *name, uint64_t size, GError **err)
{
    void *host = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (host == MAP_FAILED) {
        fail_errno(err, errno, "%s: %" PRIu64 " MiB of memory", name, size >> 20);
        return NULL;
    }
    madvise(host, size, MADV_DONTDUMP);
    return host;
}

void mem_free(uint8_t *host, uint64_t size)
{
    if (host != NULL)
        munmap(host, size);
}

/* ---- DMA ---- */

void *dma_map(struct memmap *map, uint64_t gpa, uint64_t *len, bool write)
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

void dma_unmap(struct memmap *map, uint64_t gpa, void *host, uint64_t len, bool written)
{
    struct mem_block *b = memmap_find(map, gpa);

    if (written && len > 0) {
        if (b != NULL && gpa - b->gpa + len <= b->size)
            mem_block_written(b, gpa - b->gpa, len);
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
        void *host = dma_map(map, gpa, &n, write);
        if (host == NULL)
            return -EFAULT;
        if (write)
            memcpy(host, p, n);
        else
            memcpy(p, host, n);
        dma_unmap(map, gpa, host, n, write);
        p += n;
        len -= n;
        if (__builtin_add_overflow(gpa, n, &gpa) && len > 0)
            return -EFAULT;
    }
    return 0;
}

int dma_read(struct memmap *map, uint64_t gpa, void *buf, uint64_t len)
{
    memset(buf, 0xff, len); /* what a bus master reads where nothing answers */
    return copy(map, gpa, buf, len, false);
}

int dma_write(struct memmap *map, uint64_t gpa, const void *buf, uint64_t len)
{
    /* copy() only reads from buf when it writes to the guest */
    return copy(map, gpa, (void *)(uintptr_t)buf, len, true);
}
