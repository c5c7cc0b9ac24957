/* Descriptor rings: fetched in batches, updated in place in batches. */
#include "hw/net/e1000_internal.h"

#include <string.h>

/* The part of n descriptors, from number `first` on, that lies before the ring's end. */
static uint32_t before_wrap(const struct e1000_ring *ring, uint32_t first, uint32_t n)
{
    return MIN(n, ring->size - first);
}

bool e1000_ring_fetch(struct e1000 *d, const struct e1000_ring *ring, void *to, uint32_t n)
{
    uint32_t part = before_wrap(ring, ring->head, n);
    uint8_t *p = to;

    if (pci_dma_read(&d->pci, ring->base + (uint64_t)ring->head * DESC_SIZE, p,
                     (uint64_t)part * DESC_SIZE) < 0)
        return false;
    return n == part || pci_dma_read(&d->pci, ring->base, p + (size_t)part * DESC_SIZE,
                                     (uint64_t)(n - part) * DESC_SIZE) == 0;
}

void e1000_ring_update(struct e1000 *d, const struct e1000_ring *ring, uint32_t n,
                       void (*write)(uint8_t *desc, const void *from, uint32_t i), const void *from)
{
    for (uint32_t done = 0; done < n;) {
        uint32_t at = (ring->head + done) % ring->size;
        uint64_t gpa = ring->base + (uint64_t)at * DESC_SIZE;
        uint64_t len = (uint64_t)before_wrap(ring, at, n - done) * DESC_SIZE;
        uint8_t *host = pci_dma_map(&d->pci, gpa, &len, true);

        /* Memory that ends within a descriptor is no place for a ring. */
        if (host == NULL || len < DESC_SIZE) {
            guest_fault(&d->pci.dev, "descriptor at 0x%" PRIx64 " cannot be written", gpa);
            if (host != NULL)
                pci_dma_unmap(&d->pci, gpa, host, len, false);
            return;
        }
        uint32_t part = (uint32_t)(len / DESC_SIZE);
        for (uint32_t i = 0; i < part; i++)
            write(host + (size_t)i * DESC_SIZE, from, done + i);
        pci_dma_unmap(&d->pci, gpa, host, len, true);
        done += part;
    }
}
