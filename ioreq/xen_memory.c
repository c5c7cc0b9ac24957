/*
 * The guest's memory as devices reach it: mapped by and by, in buckets of adjacent pages, in one
 * stretch of address space that bounds how much is mapped at a time.
 *
 * A page can leave the domain under a mapping (ballooning); Xen then sends INVALIDATE, and a bucket
 * is not used any more. Where a transfer is still under way it is unmapped at the transfer's end.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/log.h"
#include "ioreq/xen_internal.h"

int xen_cache_create(struct xen_core *x, GError **err)
{
    struct xen_cache *c = &x->cache;
    void *base = mmap(NULL, CACHE_BUCKETS * CACHE_BUCKET_SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return fail_errno(err, errno, "-accel xen: address space for guest memory");
    c->base = base;
    c->current = g_hash_table_new(g_int64_hash, g_int64_equal);
    return 0;
}

static uint8_t *host_of(const struct xen_cache *c, const struct xen_bucket *b)
{
    return c->base + (uint64_t)(b - c->bucket) * CACHE_BUCKET_SIZE;
}

/* Puts address space in the place of the guest's pages. It cannot fail: there is room. */
static void reserve(uint8_t *host, size_t size)
{
    if (mmap(host, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
             0) == MAP_FAILED)
        log_error("xen: guest memory could not be unmapped: %s", g_strerror(errno));
}

static void release(struct xen_cache *c, struct xen_bucket *b)
{
    reserve(host_of(c, b), CACHE_BUCKET_SIZE);
    b->mapped = false;
    b->valid = 0;
}

static void forget(struct xen_cache *c, struct xen_bucket *b)
{
    if (b->current)
        g_hash_table_remove(c->current, &b->index);
    b->current = false;
    if (b->mapped && b->users == 0)
        release(c, b);
}

void xen_cache_invalidate(struct xen_core *x)
{
    for (unsigned i = 0; i < CACHE_BUCKETS; i++)
        forget(&x->cache, &x->cache.bucket[i]);
}

void xen_cache_destroy(struct xen_core *x)
{
    if (x->cache.base == NULL)
        return;
    g_hash_table_unref(x->cache.current);
    munmap(x->cache.base, CACHE_BUCKETS * CACHE_BUCKET_SIZE);
}

/* One that nobody uses; those that were used since the hand went by last get another round. */
static struct xen_bucket *free_bucket(struct xen_cache *c)
{
    for (unsigned i = 0; i < 2 * CACHE_BUCKETS; i++) {
        struct xen_bucket *b = &c->bucket[c->hand];
        c->hand = (c->hand + 1) % CACHE_BUCKETS;
        if (b->users == 0 && !b->touched) {
            forget(c, b);
            return b;
        }
        b->touched = false;
    }
    return NULL;
}

/*
 * Maps n of a bucket's pages from `first` on and notes which of them are there. Where the library
 * can't ask for them at all it unmaps the place, which would then be anybody's.
 */
static void map_pages(struct xen_core *x, struct xen_bucket *b, unsigned first, unsigned n)
{
    xen_pfn_t gfn[CACHE_BUCKET_PAGES];
    int errors[CACHE_BUCKET_PAGES];
    uint8_t *host = host_of(&x->cache, b) + (size_t)first * XEN_PAGE;

    for (unsigned i = 0; i < n; i++)
        gfn[i] = b->index * CACHE_BUCKET_PAGES + first + i;
    if (xenforeignmemory_map2(x->fmem, x->domid, host, PROT_READ | PROT_WRITE, MAP_FIXED, n, gfn,
                              errors) == NULL) {
        reserve(host, (size_t)n * XEN_PAGE);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if (errors[i] == 0)
            b->valid |= UINT64_C(1) << (first + i);
}

static struct xen_bucket *find_bucket(struct xen_core *x, uint64_t index)
{
    struct xen_cache *c = &x->cache;
    struct xen_bucket *b = g_hash_table_lookup(c->current, &index);

    if (b != NULL)
        return b;
    b = free_bucket(c);
    if (b == NULL)
        return NULL;
    b->index = index;
    b->mapped = b->current = true;
    b->valid = 0;
    map_pages(x, b, 0, CACHE_BUCKET_PAGES);
    g_hash_table_insert(c->current, &b->index, b);
    return b;
}

void *xen_memory_map(void *core, uint64_t gpa, uint64_t *len, bool write)
{
    struct xen_core *x = core;
    struct xen_bucket *b = find_bucket(x, gpa / CACHE_BUCKET_SIZE);
    uint64_t offset = gpa % CACHE_BUCKET_SIZE, end;
    unsigned page = (unsigned)(offset / XEN_PAGE);

    if (b == NULL)
        return NULL;
    if ((b->valid >> page & 1) == 0)
        map_pages(x, b, page, 1); /* it may have come since */
    if ((b->valid >> page & 1) == 0)
        return NULL;
    for (end = page; end < CACHE_BUCKET_PAGES && (b->valid >> end & 1) != 0;)
        end++;
    *len = MIN(*len, end * XEN_PAGE - offset);
    b->users++;
    b->touched = true;
    return host_of(&x->cache, b) + offset;
}

void xen_memory_unmap(void *core, void *host, uint64_t len)
{
    struct xen_cache *c = &((struct xen_core *)core)->cache;
    uint64_t n = ((uintptr_t)host - (uintptr_t)c->base) / CACHE_BUCKET_SIZE;

    if (n >= CACHE_BUCKETS) /* a frame buffer's, whose BAR moved under the transfer */
        return;
    struct xen_bucket *b = &c->bucket[n];
    if (--b->users == 0 && !b->current)
        release(c, b);
}

void xen_memory_written(void *core, uint64_t gpa, uint64_t len)
{
    struct xen_core *x = core;
    uint64_t first = gpa / XEN_PAGE, last = (gpa + len - 1) / XEN_PAGE;

    if (x->log_dirty)
        xendevicemodel_modified_memory(x->dmod, x->domid, first, (uint32_t)(last - first + 1));
}
