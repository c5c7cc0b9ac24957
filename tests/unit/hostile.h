/*
 * A guest that writes and reads anything anywhere, every width and misalignment around a chip's
 * registers; and a saved state that somebody has written by hand. All from a seed: the same one
 * does the same.
 */
#ifndef TESTS_UNIT_HOSTILE_H
#define TESTS_UNIT_HOSTILE_H

#include "tests/unit/testbench.h"

static inline uint64_t hostile_value(GRand *rand)
{
    static const uint64_t edge[] = { 0, UINT64_MAX, UINT64_C(0x8000000080000000), 1, INT64_MAX };
    uint64_t value = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    return g_rand_int_range(rand, 0, 4) == 0 ? edge[value % G_N_ELEMENTS(edge)] : value;
}

static inline void hostile_accesses(struct bench *b, enum bus_space space, uint64_t base,
                                    unsigned size, uint32_t seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (unsigned n = 0; n < 64; n++) {
        uint64_t addr = base + (uint64_t)g_rand_int_range(rand, 0, (gint32)size);
        unsigned width = 1u << g_rand_int_range(rand, 0, 4);
        if (g_rand_boolean(rand))
            bus_write(b->bus, space, addr, hostile_value(rand), width);
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

/* Replaces some of the values in a payload (its format is described in hw/core/state.c). */
static inline void hostile_payload(uint8_t *p, size_t length, GRand *rand)
{
    for (size_t at = 0; at < length;) {
        at += 1u + p[at]; /* the name */
        unsigned element = p[at];
        uint32_t bytes = get_le32(p + at + 1);
        at += 5;
        if (bytes > 0 && g_rand_int_range(rand, 0, 16) == 0) {
            uint32_t which = (uint32_t)g_rand_int(rand) % (bytes / element);
            put_le(p + at + which * element, hostile_value(rand), element);
        }
        at += bytes;
    }
}

struct hostile_value {
    const char *field; /* with its path */
    unsigned index;    /* of the element */
    uint64_t value;
};

static inline void hostile_put(uint8_t *p, size_t length, const struct hostile_value *v)
{
    for (size_t at = 0; at < length;) {
        bool found = p[at] == strlen(v->field) && memcmp(p + at + 1, v->field, p[at]) == 0;
        at += 1u + p[at];
        if (found)
            put_le(p + at + 5 + v->index * p[at], v->value, p[at]);
        at += 5 + get_le32(p + at + 1);
    }
}

/*
 * Loads the chip's own state with n other values in it. Whether it was taken; where it was not,
 * the chip must be reset before it is used.
 */
static inline bool hostile_load(struct device *dev, const struct hostile_value *values, unsigned n)
{
    g_autoptr(GByteArray) saved = state_begin();
    g_autoptr(GError) err = NULL;

    state_save_device(saved, dev);
    state_end(saved);
    g_autoptr(GArray) sections = state_parse(saved->data, saved->len, &err);
    g_assert_no_error(err);
    struct state_section *section = &g_array_index(sections, struct state_section, 0);
    g_autofree uint8_t *payload = g_memdup2(section->payload, section->length);
    for (unsigned i = 0; i < n; i++)
        hostile_put(payload, section->length, &values[i]);
    section->payload = payload;
    device_reset(dev);
    return state_load_device(dev, section, &err) == 0;
}

/*
 * Loads a damaged copy of the chip's own state. Where that is refused a fresh chip takes its place;
 * the one in place is returned.
 */
static inline struct device *hostile_state(struct bench *b, struct device *dev,
                                           const char *properties, uint32_t seed)
{
    const struct device_kind *kind = dev->kind;
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(GByteArray) saved = state_begin();
    g_autoptr(GError) err = NULL;

    state_save_device(saved, dev);
    state_end(saved);
    g_autoptr(GArray) sections = state_parse(saved->data, saved->len, &err);
    g_assert_no_error(err);
    struct state_section *section = &g_array_index(sections, struct state_section, 0);
    g_autofree uint8_t *payload = g_memdup2(section->payload, section->length);
    hostile_payload(payload, section->length, rand);
    section->payload = payload;
    device_reset(dev);
    if (state_load_device(dev, section, &err) == 0)
        return dev;
    g_assert_nonnull(err);
    bench_unplug(b, dev);
    return bench_plug(b, kind, properties);
}

#endif
