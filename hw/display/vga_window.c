/*
 * The window at 0xA0000 as mapped memory, for modes in which an access does no more than memory
 * does: 256 colours in a row, and SVGA banks. Planes and text need the graphics controller.
 *
 * What a mapped read would have left in the latches is not there later; nobody who goes on with
 * planes uses latches that he has not loaded there.
 */
#include "hw/core/device.h"
#include "hw/display/vga_core.h"

/* Mapping costs a core about as much as so many accesses. */
#define ACCESSES_TO_MAP 64

#define MAX_PAGES (VGA_WINDOW_SIZE / MEM_PAGE)

bool vga_chain4_is_plain(const struct vga *v)
{
    return (v->sr[SR_MEMORY_MODE] & SR_MEMORY_CHAIN4) != 0 && (v->sr[SR_MAP_MASK] & 0xf) == 0xf &&
           (v->gr[GR_ENABLE_SET_RESET] & 0xf) == 0 && v->gr[GR_DATA_ROTATE] == 0 &&
           (v->gr[GR_MODE] & (GR_MODE_WRITE | GR_MODE_READ_COMPARE)) == 0 &&
           v->gr[GR_BIT_MASK] == 0xff;
}

struct window {
    uint64_t gpa;
    uint32_t start, size; /* of video memory */
};

static bool find_window(const struct vga *v, struct window *w)
{
    uint32_t offset;

    vga_window_range(v, &offset, &w->size);
    w->gpa = VGA_WINDOW_BASE + offset;
    return (v->misc & MISC_ENABLE_RAM) != 0 && v->ops->plain_window(v->chip, &w->start) &&
           w->start % MEM_PAGE == 0 && w->start < v->memory_size &&
           w->size <= v->memory_size - w->start;
}

static bool shows(const struct mem_block *block, const struct vga *v, const struct window *w)
{
    return block->gpa == w->gpa && block->size == w->size && block->host == v->memory + w->start;
}

void vga_window_changed(struct vga *v)
{
    struct mem_block *block = &v->mapped_window;
    struct window w;

    if (block->mapped && find_window(v, &w) && shows(block, v, &w))
        return;
    v->window_accesses = 0;
    memmap_unmap(v->dev->services->mem, block);
}

void vga_window_used(struct vga *v)
{
    struct mem_block *block = &v->mapped_window;
    struct window w;

    /* A recording has each access. */
    if (++v->window_accesses != ACCESSES_TO_MAP || journal_on() || !find_window(v, &w))
        return;
    vga_window_collect(v);
    block->host = v->memory + w.start;
    block->size = w.size;
    /* Where something else is, or the core has no way, the handlers go on. */
    if (memmap_map(v->dev->services->mem, block, w.gpa) == 0)
        vga_touch(v);
}

void vga_window_collect(struct vga *v)
{
    const struct mem_block *block = &v->mapped_window;
    uint8_t dirty[MAX_PAGES / 8] = { 0 };

    if (block->host == NULL)
        return;
    memmap_take_dirty(v->dev->services->mem, &v->mapped_window, dirty);
    for (uint32_t i = 0; i < block->size / MEM_PAGE; i++)
        if ((dirty[i / 8] >> i % 8 & 1) != 0)
            vga_wrote(v, (uint32_t)(block->host - v->memory) + i * MEM_PAGE, MEM_PAGE);
}
