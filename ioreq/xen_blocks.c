/*
 * Memory of devices that the guest sees: frame buffers are pages of the domain, so that the guest
 * writes to them at full speed; ROMs are answered like registers, as they are read but once.
 *
 * A frame buffer's pages are parked above the guest's RAM while its BAR is off. There they are kept
 * with the guest's memory when the domain is saved, and there or at the BAR they are found again
 * after it was restored.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "hw/core/pci.h"
#include "ioreq/rom.h"
#include "ioreq/xen_internal.h"

/* Here the PCI hole begins (Xen public headers, hvm/e820.h) where the toolstack says nothing else.
 */
#define LOW_RAM_MAX UINT64_C(0xf0000000)
#define FOUR_GIB    (UINT64_C(1) << 32)

/* ---- Frame buffers ---- */

static struct xen_vram *find_vram(struct xen_core *x, const struct mem_block *block)
{
    for (unsigned i = 0; i < x->vram->len; i++) {
        struct xen_vram *v = &g_array_index(x->vram, struct xen_vram, i);
        if (v->block == block)
            return v;
    }
    return NULL;
}

/* The library unmaps what it can't map all of, and the device draws on: in memory of its own. */
static void draw_elsewhere(const struct mem_block *block)
{
    if (mmap(block->host, block->size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        log_error("%s: video memory: %s", block->name, g_strerror(errno));
}

/* Shows the domain's pages at v->at where the device has its memory. */
static int show(struct xen_core *x, struct xen_vram *v)
{
    size_t pages = v->block->size / XEN_PAGE;
    g_autofree xen_pfn_t *gfn = g_new(xen_pfn_t, pages);

    for (size_t i = 0; i < pages; i++)
        gfn[i] = v->at / XEN_PAGE + i;
    if (xenforeignmemory_map2(x->fmem, x->domid, v->block->host, PROT_READ | PROT_WRITE, MAP_FIXED,
                              pages, gfn, NULL) == NULL) {
        int rc = -errno;
        draw_elsewhere(v->block);
        return rc;
    }
    v->present = true;
    return 0;
}

static uint64_t parking_place(const struct xen_core *x)
{
    uint64_t ram = x->config.ram_size;
    uint64_t low = x->config.low_ram != 0 ? x->config.low_ram : LOW_RAM_MAX;
    uint64_t at = ram > low ? FOUR_GIB + ram : ram;

    for (unsigned i = 0; i < x->vram->len; i++)
        at += g_array_index(x->vram, struct xen_vram, i).block->size;
    return at;
}

static int adopt(void *opaque, struct mem_block *block, GError **err)
{
    struct xen_core *x = opaque;
    struct xen_vram v = { .block = block, .parking = parking_place(x) };
    int rc = 0;

    if ((block->flags & MEM_READONLY) != 0)
        return 0; /* a ROM keeps its content, and is answered like registers */
    v.at = v.parking;
    if (!x->loading) {
        rc = xen_populate(x, v.parking, block->size);
        if (rc == 0)
            rc = show(x, &v);
    }
    if (rc < 0)
        return fail_errno(err, -rc, "%s: %" PRIu64 " MiB of video memory in domain %u", block->name,
                          block->size >> 20, x->domid);
    block->saved = 0;
    v.written = g_malloc0(block->size / XEN_PAGE / 8 + 1);
    g_array_append_val(x->vram, v);
    // cppcheck-suppress memleak // the array owns it
    return 0;
}

int xen_blocks_adopt(struct xen_core *x, GError **err)
{
    const struct pci_bus *pci = x->core.dispatch->pci;

    return pci != NULL ? pci_bus_each_block(pci, adopt, x, err) : 0;
}

void xen_blocks_loaded(struct xen_core *x)
{
    x->loading = false;
    for (unsigned i = 0; i < x->vram->len; i++) {
        struct xen_vram *v = &g_array_index(x->vram, struct xen_vram, i);
        int rc = v->present ? 0 : show(x, v);
        if (rc < 0)
            log_error("%s: video memory is not where it was: %s", v->block->name, g_strerror(-rc));
    }
}

void xen_blocks_destroy(struct xen_core *x)
{
    for (unsigned i = 0; i < x->vram->len; i++)
        g_free(g_array_index(x->vram, struct xen_vram, i).written);
    g_array_unref(x->vram);
    g_hash_table_unref(x->roms);
}

/*
 * Moves the pages. The guest may have said by its MTRRs that the range is uncached, as it would be
 * for a real card; this is memory, so it is pinned as such where it is shown.
 */
static int move(struct xen_core *x, struct xen_vram *v, uint64_t to)
{
    uint64_t pages = v->block->size / XEN_PAGE, first = v->at / XEN_PAGE;

    if (v->at == to)
        return 0;
    xendevicemodel_pin_memory_cacheattr(x->dmod, x->domid, first, first + pages - 1,
                                        XEN_DMOP_DELETE_MEM_CACHEATTR);
    if (xendevicemodel_relocate_memory(x->dmod, x->domid, (uint32_t)pages, first, to / XEN_PAGE) <
        0)
        return -errno;
    v->at = to;
    return 0;
}

/* ---- The memory map's calls ---- */

int xen_block_map(void *core, struct mem_block *block)
{
    struct xen_core *x = core;

    if ((block->flags & MEM_READONLY) != 0) {
        rom_map(x->roms, x->core.dispatch->bus, block);
        return 0;
    }
    struct xen_vram *v = find_vram(x, block);
    if (v == NULL)
        return -ENOTSUP; /* it came after the machine was made */
    int rc = 0;
    if (!v->present) {
        v->at = block->gpa; /* the saved domain has it there */
        rc = show(x, v);
    } else {
        rc = move(x, v, block->gpa);
    }
    if (rc == 0)
        xendevicemodel_pin_memory_cacheattr(x->dmod, x->domid, v->at / XEN_PAGE,
                                            (v->at + block->size - 1) / XEN_PAGE,
                                            XEN_DMOP_MEM_CACHEATTR_WB);
    return rc;
}

void xen_block_unmap(void *core, struct mem_block *block)
{
    struct xen_core *x = core;
    struct xen_vram *v = find_vram(x, block);

    if ((block->flags & MEM_READONLY) != 0)
        rom_unmap(x->roms, x->core.dispatch->bus, block);
    else if (v != NULL && v->present && move(x, v, v->parking) < 0)
        log_warn("%s: video memory stays at 0x%" PRIx64, block->name, v->at);
}

/* Xen tracks one range a domain; the first call for another one says that all was written. */
int xen_block_dirty(void *core, struct mem_block *block, uint8_t *bitmap)
{
    struct xen_core *x = core;
    size_t pages = block->size / XEN_PAGE, bytes = (pages + 7) / 8;

    if (find_vram(x, block) == NULL)
        return 0;
    unsigned long *log = g_new0(unsigned long, bytes / sizeof(unsigned long) + 1);
    int rc = xendevicemodel_track_dirty_vram(x->dmod, x->domid, block->gpa / XEN_PAGE,
                                             (uint32_t)pages, log) < 0
                 ? -errno
                 : 0;
    for (size_t i = 0; i < bytes && rc == 0; i++)
        bitmap[i] |= ((const uint8_t *)log)[i];
    g_free(log);
    return rc;
}

/* ---- The log of a live migration ---- */

/*
 * Of what a device draws nobody is told at once: that would cost a hypercall a pixel. It is
 * enough that Xen knows of it when the machine has stopped, as the last pages are sent after that.
 */
void xen_block_written(void *core, struct mem_block *block, uint64_t offset, uint64_t len)
{
    struct xen_core *x = core;
    struct xen_vram *v = x->log_dirty ? find_vram(x, block) : NULL;

    if (v == NULL || len == 0)
        return;
    for (uint64_t page = offset / XEN_PAGE; page <= (offset + len - 1) / XEN_PAGE; page++)
        v->written[page / 8] |= (uint8_t)(1u << page % 8);
}

static bool is_written(const struct xen_vram *v, uint64_t page)
{
    return (v->written[page / 8] >> page % 8 & 1) != 0;
}

static void log_block(struct xen_core *x, struct xen_vram *v)
{
    uint64_t pages = v->block->size / XEN_PAGE, end;

    for (uint64_t page = 0; page < pages; page = end + 1) {
        for (end = page; end < pages && is_written(v, end);)
            end++;
        if (end > page)
            xendevicemodel_modified_memory(x->dmod, x->domid, v->at / XEN_PAGE + page,
                                           (uint32_t)(end - page));
    }
    memset(v->written, 0, pages / 8 + 1);
}

void xen_blocks_log(struct xen_core *x)
{
    for (unsigned i = 0; i < x->vram->len && x->log_dirty; i++)
        log_block(x, &g_array_index(x->vram, struct xen_vram, i));
}
