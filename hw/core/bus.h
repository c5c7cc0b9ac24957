/*
 * Routing of guest accesses to devices: port I/O and memory-mapped I/O.
 *
 * A device owns `struct region`s and maps them; the bus finds the region of an access in O(1) for
 * ports and, for MMIO, by a last-hit cache before a binary search. It checks the widths a region
 * declares, splits what its handlers don't take, and answers what nobody claims: reads are all
 * ones, writes vanish.
 */
#ifndef HW_CORE_BUS_H
#define HW_CORE_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct device;
struct reg;

enum bus_space { BUS_PIO, BUS_MMIO };
#define BUS_PIO_SIZE 0x10000

/*
 * What a kind of region does. A table, const, shared by all instances.
 *
 * Widths are sets: the OR of the sizes 1, 2, 4 and 8 in bytes. `valid` is what the guest may use
 * (0: 1|2|4 for ports, all for MMIO); any other width is refused as a guest fault. `impl` is what
 * the handlers take (0: 1): wider accesses are split into naturally aligned pieces, lowest address
 * first, the way a chipset cuts a cycle for a narrower chip. A read narrower than every handler
 * is cut out of an aligned wider one; such a write is refused.
 *
 * A region with a register table (hw/core/regs.h) needs no handlers; its `impl` is not used.
 */
struct region_ops {
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
    uint8_t valid, impl;
    const struct reg *regs; /* sorted by offset */
    unsigned n_regs;
};

/* Where two mapped regions overlap, the higher one answers; among equals the one mapped first. */
enum region_priority {
    REGION_BACKGROUND = -1, /* answers where nothing else does */
    REGION_PCI_BAR = 0,
    REGION_FIXED = 1, /* decoded positively by the chipset */
};

struct region {
    /* Set by the owner before bus_map(). */
    const char *name;
    const struct region_ops *ops;
    struct device *owner; /* whose guest faults are counted */
    void *opaque;         /* what the handlers get */
    enum region_priority priority;

    /* Kept by the bus. */
    enum bus_space space;
    uint64_t base, size; /* bytes */
    bool mapped;
    uint16_t index;
    uint64_t order; /* of being mapped */
};

/* Told of every change of what is claimed: a Xen core registers the ranges with the hypervisor. */
struct bus_listener {
    void (*mapped)(void *opaque, const struct region *region);
    void (*unmapped)(void *opaque, const struct region *region);
    void *opaque;
};

struct bus *bus_create(void);
void bus_destroy(struct bus *bus);

/* One listener; it is told at once of what is mapped already. */
void bus_set_listener(struct bus *bus, const struct bus_listener *listener);

/*
 * Maps a region at [base, base + size). What lies beyond the end of the space is not decoded.
 * A mapped region is moved. Mapping from within one of the region's own handlers is allowed.
 */
void bus_map(struct bus *bus, struct region *region, enum bus_space space, uint64_t base,
             uint64_t size);
void bus_unmap(struct bus *bus, struct region *region);

/*
 * One access of 1, 2, 4 or 8 bytes (8: MMIO only) at any address; other sizes are unclaimed.
 * A result fits the size; a value's bits above the size are ignored.
 */
uint64_t bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size);
void bus_write(struct bus *bus, enum bus_space space, uint64_t addr, uint64_t value, unsigned size);

/* One access to a region, by offset: for a window onto another device's registers. */
uint64_t region_read(const struct region *region, uint64_t offset, unsigned size);
void region_write(const struct region *region, uint64_t offset, uint64_t value, unsigned size);

/* Whether some region answers at addr. */
bool bus_claimed(struct bus *bus, enum bus_space space, uint64_t addr);

/* Calls fn for every mapped region, in no particular order. */
void bus_for_each(struct bus *bus, void (*fn)(const struct region *region, void *opaque),
                  void *opaque);

#endif
