/*
 * What a BLT must do, pixel by pixel from the words of the GD5446's manual.
 */
#ifndef TESTS_UNIT_CIRRUS_MODEL_H
#define TESTS_UNIT_CIRRUS_MODEL_H

#include "tests/unit/cirrus_bench.h"

/* All raster operations there are. */
#define CIRRUS_N_ROPS 16
struct cirrus_rop {
    uint8_t code;
    const char *name;
};
extern const struct cirrus_rop cirrus_rops[CIRRUS_N_ROPS];

/*
 * A BLT whose source and destination do not touch each other, done to the CIRRUS_MEMORY bytes of
 * memory. src: memory as well, or what the CPU sends; mask: the last address in it.
 */
void cirrus_model(const struct blt *b, uint8_t *memory, const uint8_t *src, uint32_t mask);
unsigned cirrus_model_pixel_bytes(const struct blt *b);
/* Bytes of one line of bits. */
uint32_t cirrus_model_bit_line(const struct blt *b);

#endif
