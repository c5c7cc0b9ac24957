/*
 * A whole machine in the process, with no CPU, and a guest that is a row of bytes: accesses, DMA
 * patterns, clock steps, absurd requests. For fuzzers, for the tests of all devices and for
 * benchmarks.
 */
#ifndef TESTS_FUZZ_BOARD_H
#define TESTS_FUZZ_BOARD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <glib.h>

#include "hw/core/bus.h"
#include "hw/machine/machine.h"
#include "tests/fuzz/host.h"

/* One step of the guest, as it is in an input. All integers little-endian. */
#define FUZZ_RECORD 12
enum fuzz_op {
    FUZZ_READ,     /* u8 op | log2(width) << 3; u8 region; u16 offset; u64 -, or registers */
    FUZZ_WRITE,    /* the same with a value */
    FUZZ_CONFIG,   /* u8 PCI function (index of those there are); u16 offset; u64 value */
    FUZZ_MEMORY,   /* the u64 is written to memory at offset: descriptors, commands */
    FUZZ_CLOCK,    /* 1 << (offset % 24) ns pass */
    FUZZ_REQUEST,  /* a raw ioreq: flags in the second byte; repetitions in the last two */
    FUZZ_ABSOLUTE, /* a write of offset to the address that the u64 is */
    FUZZ_POINTER,  /* as FUZZ_WRITE; the value is made an address within the memory of patterns */
    FUZZ_OPS
};

/*
 * With exactly this in bits 5 to 7 of op: READ, WRITE and POINTER as `rep ins` and `rep outs` do
 * them. A write's value is written in pieces of the width, a read's says how many: 1 << value % 8.
 */
#define FUZZ_STRING 0x20u
/* In op, CLOCK is an event instead: which, in the second byte, and its value. */
#define FUZZ_HOST   0x20u

/* Events beside those of the host: what CPUs and people do without an access. */
enum fuzz_board_event {
    FUZZ_ACKNOWLEDGE = FUZZ_HOST_EVENTS, /* the CPU takes an interrupt from the 8259 pair */
    FUZZ_EOI,                            /* a local APIC ends the one with this vector */
    FUZZ_LINE,                           /* bits 0 to 4: a line of the board; bit 8: its level */
    FUZZ_POWER,                          /* of 4: power button, wake-up, else an NMI */
    FUZZ_STATE,                          /* a device is loaded with one field as in the record */
    FUZZ_EVENTS
};

/* A row of registers, where it was mapped when the guest began. */
struct fuzz_region {
    const struct region *region;
    enum bus_space space;
    uint64_t base, size;
};

struct fuzz_board {
    struct machine *machine;
    struct fuzz_host *host;
    GArray *regions;    /* struct fuzz_region: of the kind that was asked for, or all */
    GPtrArray *configs; /* struct pci_device: the same */
    GPtrArray *devices; /* struct device: the same, and those that go with them */
};

/* kind: whose registers are accessed; NULL: everybody's. Every kind of device is there anyway. */
struct fuzz_board *fuzz_board_create(const char *kind);
/* The same with no devices but the board's own and those that go with this kind: quicker to reset.
 */
struct fuzz_board *fuzz_board_create_small(const char *kind);
void fuzz_board_destroy(struct fuzz_board *b);

/* Back to power-on with PCI configured, as firmware leaves it. */
void fuzz_board_reset(struct fuzz_board *b);

/* Runs an input. script: what it did, as lines of the qtest protocol; NULL: nowhere. */
void fuzz_board_run(struct fuzz_board *b, const uint8_t *data, size_t size, FILE *script);

/*
 * The command line of the same machine with its qtest core; only: of the small one with this kind;
 * NULL: of the whole. The caller owns it.
 */
char *fuzz_board_command_line(const char *only);

#endif
