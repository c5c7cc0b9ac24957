/*
 * The guest's memory as the device model knows it: blocks of host memory at guest-physical
 * addresses. RAM, ROM, the shadow segments of the PAM registers, a frame buffer.
 *
 * A core is told of each change and puts the blocks before the guest (KVM: memory slots). Memory
 * that the core has and the device model has not (Xen: the domain's RAM) is reached through the
 * core's map() instead. DMA (hw/core/dma.h) goes through here; MMIO is not memory.
 */
#ifndef HW_CORE_MEMMAP_H
#define HW_CORE_MEMMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#define MEM_PAGE 4096

enum mem_flags {
    MEM_READONLY = 1 << 0,  /* guest writes do not change it: they reach the bus as MMIO */
    MEM_LOG_DIRTY = 1 << 1, /* written pages are tracked: a frame buffer */
    MEM_YIELDS = 1 << 2,    /* another block that comes there unmaps this one */
};

/*
 * One block. Embedded in its owner's struct or allocated by it; zeroed before first use.
 * gpa and size are multiples of MEM_PAGE. Blocks that are mapped never overlap: the owner sees
 * to it (a block that would overlap is not mapped, if the other one does not yield).
 */
struct mem_block {
    const char *name;
    uint8_t *host; /* size bytes, page-aligned; owned by the block's owner */
    uint64_t size;
    unsigned flags;
    /* Kept by the map. */
    uint64_t gpa;
    bool mapped;
    uint8_t *dirty; /* a bit per page written by DMA, or by the guest before the block was last
                       unmapped; MEM_LOG_DIRTY only */
    int slot;       /* for the core */
    /*
     * How much of it a saved state holds, as its owner says: all, or nothing. A core whose guest's
     * memory the block is part of makes it nothing, as it is saved with that.
     */
    uint32_t saved;
};

/* What a core does with memory. Every function may be NULL. */
struct mem_ops {
    /* The block was mapped, or is about to be unmapped. 0 or -errno: then it is not mapped. */
    int (*block_map)(void *core, struct mem_block *block);
    void (*block_unmap)(void *core, struct mem_block *block);
    /* Sets a bit for each page of the block that the guest wrote since the last call. */
    int (*block_dirty)(void *core, struct mem_block *block, uint8_t *bitmap);
    /*
     * Host address of guest memory outside all blocks; *len is shortened to what is contiguous.
     * NULL: no memory there. Each success is paired with an unmap of the same length. An address
     * that unmap() does not know is that of a block, which has gone from there since it was mapped
     * for DMA: it is not the core's.
     */
    void *(*map)(void *core, uint64_t gpa, uint64_t *len, bool write);
    void (*unmap)(void *core, void *host, uint64_t len);
    /* The device model wrote here: for a live migration's log. */
    void (*written)(void *core, uint64_t gpa, uint64_t len);
    /* It wrote to a block, mapped or not, by itself: for the same log. */
    void (*block_written)(void *core, struct mem_block *block, uint64_t offset, uint64_t len);
};

struct memmap;

struct memmap *memmap_create(void);
void memmap_destroy(struct memmap *map);

/* Called once, before the guest runs; blocks that are mapped already are handed to the core. */
int memmap_set_core(struct memmap *map, const struct mem_ops *ops, void *core);

/*
 * Maps a block at gpa, or moves it there. 0 or -errno: -EINVAL misaligned, -EEXIST it would
 * overlap another block or the end of the address space, or the core's error. It is then unmapped.
 */
int memmap_map(struct memmap *map, struct mem_block *block, uint64_t gpa);
void memmap_unmap(struct memmap *map, struct mem_block *block);

/* The block that holds gpa; NULL: none. */
struct mem_block *memmap_find(struct memmap *map, uint64_t gpa);

/*
 * ORs into bitmap (a bit per page of the block) what the guest or the device model wrote since
 * the last call. A core that can't tell sets every bit.
 */
void memmap_take_dirty(struct memmap *map, struct mem_block *block, uint8_t *bitmap);
/*
 * The block's owner wrote to it by itself, not through DMA: the core is told. What
 * memmap_take_dirty() gives is not changed, as the owner knows what it wrote.
 */
void memmap_wrote(struct memmap *map, struct mem_block *block, uint64_t offset, uint64_t size);

/* Anonymous memory, zeroed and never in a core dump. NULL and a sentence naming it: there is none.
 */
uint8_t *mem_alloc(const char *name, uint64_t size, GError **err);
void mem_free(uint8_t *host, uint64_t size);

#endif
