#include "ioreq/xen_ring.h"

#define SLOT_READ    (1u << 9)
#define SLOT_SIZE(s) (1u << ((s) >> 10 & 3))
#define SLOT_ADDR(s) ((s) >> 12 & 0xfffff)

/*
 * Both pointers as they were at one moment: Xen brings them down together when they have gone
 * round the ring, which shows as a read pointer that changed under us.
 */
static uint32_t filled(const struct xen_ring *ring, uint32_t *read)
{
    uint32_t write;

    do {
        *read = __atomic_load_n(&ring->read_pointer, __ATOMIC_ACQUIRE);
        write = __atomic_load_n(&ring->write_pointer, __ATOMIC_ACQUIRE);
    } while (*read != __atomic_load_n(&ring->read_pointer, __ATOMIC_ACQUIRE));
    return write - *read;
}

bool xen_ring_empty(const struct xen_ring *ring)
{
    uint32_t read;

    return filled(ring, &read) == 0;
}

static uint64_t slot_at(const struct xen_ring *ring, uint32_t pointer)
{
    return __atomic_load_n(&ring->slot[pointer % XEN_RING_SLOTS], __ATOMIC_RELAXED);
}

bool xen_ring_take(struct xen_ring *ring, struct ioreq *req)
{
    uint32_t read, used = 1, n = filled(ring, &read);

    if (n == 0 || n > XEN_RING_SLOTS)
        return false;
    uint64_t slot = slot_at(ring, read);
    *req = (struct ioreq){
        .addr = SLOT_ADDR(slot),
        .data = slot >> 32,
        .count = 1,
        .size = SLOT_SIZE(slot),
        .flags = (slot & SLOT_READ) != 0 ? IOREQ_READ : 0,
        .type = (uint8_t)slot,
    };
    if (req->size == 8) {
        if (n < 2)
            return false;
        req->data |= slot_at(ring, read + 1) >> 32 << 32;
        used = 2;
    }
    __atomic_fetch_add(&ring->read_pointer, used,
                       __ATOMIC_ACQ_REL); /* Xen may rebase it meanwhile */
    return true;
}
