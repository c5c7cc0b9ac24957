/*
 * A bench for chips: bus, memory, PCI, virtual clock and lines that remember, with no machine and
 * no core around it. A test plugs in a chip, works its registers as the guest would, steps time
 * and looks at the lines.
 */
#ifndef TESTS_UNIT_TESTBENCH_H
#define TESTS_UNIT_TESTBENCH_H

#include "base/bytes.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/device.h"
#include "hw/core/dma.h"
#include "hw/core/memmap.h"
#include "hw/core/pci.h"
#include "hw/core/state.h"

#define BENCH_RAM_SIZE (4u << 20) /* at address 0 */

struct bench_line {
    bool level;
    unsigned rises; /* how often it went from low to high */
};

struct bench {
    struct services services;
    struct bus *bus;
    struct memmap *mem;
    struct clock *clock;
    struct pci_bus *pci;
    struct mem_block ram;
    GPtrArray *devices;
    struct bench_line line[DEVICE_MAX_LINES]; /* what bench_plug() connected outputs to */
    struct bench_line intx[4];                /* PCI pins, of all slots together */
    unsigned power[4];                        /* how often each enum power_event was asked for */
    uint64_t msi_addr;
    uint32_t msi_data;
    unsigned n_msi;
    struct cpu_registers registers; /* of the CPU that asks */
    void *host_service;             /* what a PROP_HOST property resolves to */
};

struct bench *bench_create(void);
void bench_destroy(struct bench *b);

/*
 * Makes, configures and realizes a chip. properties: "name=value,name=value" or NULL. Outputs are
 * connected to b->line. Fails the test when it cannot. The bench owns it.
 */
struct device *bench_plug(struct bench *b, const struct device_kind *kind, const char *properties);
/* Connects, realizes and takes over a chip that device_new() made. */
void bench_adopt(struct bench *b, struct device *dev);
/* Takes a chip out again and destroys it. */
void bench_unplug(struct bench *b, struct device *dev);

uint8_t inb(struct bench *b, uint16_t port);
uint16_t inw(struct bench *b, uint16_t port);
uint32_t inl(struct bench *b, uint16_t port);
void outb(struct bench *b, uint16_t port, uint8_t value);
void outw(struct bench *b, uint16_t port, uint16_t value);
void outl(struct bench *b, uint16_t port, uint32_t value);
uint64_t mmio_read(struct bench *b, uint64_t addr, unsigned size);
void mmio_write(struct bench *b, uint64_t addr, uint64_t value, unsigned size);
uint32_t cfg_read(struct bench *b, unsigned slot, unsigned function, unsigned offset,
                  unsigned size);
void cfg_write(struct bench *b, unsigned slot, unsigned function, unsigned offset, uint32_t value,
               unsigned size);

/* Moves the clock by ns and lets timers expire. */
void bench_step(struct bench *b, int64_t ns);

/*
 * Saves the chip, loads the stream into a fresh one of the same kind and properties, saves that and
 * compares the bytes. The fresh one takes the old one's place (the old one is destroyed) and is
 * returned, so that the story can go on with it.
 */
struct device *bench_save_load(struct bench *b, struct device *dev, const char *properties);

#endif
