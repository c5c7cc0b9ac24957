/*
 * DMA: a device's own accesses to guest memory.
 *
 * Only memory is reached. An address that is a device's register, or nothing at all, is refused
 * with -EFAULT, so no device can be made to drive itself or another one (the re-entry bugs); the
 * caller counts it by guest_fault() and goes on as after a master abort. Ranges are bounded and
 * split at block edges here. What is written is marked dirty for the display and for migration.
 *
 * A PCI function uses pci_dma_*() (hw/core/pci.h), which also obey its bus-master enable bit.
 */
#ifndef HW_CORE_DMA_H
#define HW_CORE_DMA_H

#include <stdbool.h>
#include <stdint.h>

struct memmap;

/*
 * Copies len bytes. 0, or -EFAULT: part of the range is no memory (dma_read: those bytes are 0xff;
 * dma_write: what comes before them was written).
 */
int dma_read(struct memmap *map, uint64_t gpa, void *buf, uint64_t len);
int dma_write(struct memmap *map, uint64_t gpa, const void *buf, uint64_t len);

/*
 * Direct access: the host address of guest memory at gpa, for up to *len bytes; *len is shortened
 * to what is contiguous. NULL: no memory there (or read-only, for write). Guest memory may change
 * at any time: copy a descriptor once, then check the copy. Each success is paired with one
 * dma_unmap() of the shortened length; written: whether the device wrote to it.
 */
void *dma_map(struct memmap *map, uint64_t gpa, uint64_t *len, bool write);
void dma_unmap(struct memmap *map, uint64_t gpa, void *host, uint64_t len, bool written);

#endif
