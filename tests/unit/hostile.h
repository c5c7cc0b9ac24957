/*
 * A guest that writes and reads anything anywhere: every width and misalignment around a chip's
 * registers with values from a seed. The same seed gives the same accesses.
 */
#ifndef TESTS_UNIT_HOSTILE_H
#define TESTS_UNIT_HOSTILE_H

#include "tests/unit/testbench.h"

static inline void hostile_accesses(struct bench *b, enum bus_space space, uint64_t base,
                                    unsigned size, uint32_t seed)
{
    static const uint64_t edge[] = { 0, UINT64_MAX, UINT64_C(0x8000000080000000), 1 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (unsigned n = 0; n < 64; n++) {
        uint64_t addr = base + (uint64_t)g_rand_int_range(rand, 0, (gint32)size);
        unsigned width = 1u << g_rand_int_range(rand, 0, 4);
        uint64_t value = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
        if (g_rand_int_range(rand, 0, 4) == 0)
            value = edge[value % G_N_ELEMENTS(edge)];
        if (g_rand_boolean(rand))
            bus_write(b->bus, space, addr, value, width);
        else
            bus_read(b->bus, space, addr, width);
    }
}

static inline void hostile_ports(struct bench *b, uint16_t base, unsigned size, uint32_t seed)
{
    hostile_accesses(b, BUS_PIO, base, size, seed);
}

static inline void hostile_mmio(struct bench *b, uint64_t base, unsigned size, uint32_t seed)
{
    hostile_accesses(b, BUS_MMIO, base, size, seed);
}

#endif
