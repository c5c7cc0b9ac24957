/*
 * A Cirrus GD5446 on the bench, unlocked, with its BARs in place and 1 MiB of video memory.
 */
#ifndef TESTS_UNIT_CIRRUS_BENCH_H
#define TESTS_UNIT_CIRRUS_BENCH_H

#include "tests/unit/vga_bench.h"

#define CIRRUS_MEMORY 0x100000u
#define CIRRUS_LFB    VGA_BENCH_LFB
#define CIRRUS_MMIO   VGA_BENCH_MMIO
#define CIRRUS_BLT    (CIRRUS_MMIO + 0x100) /* the engine's registers in BAR1 */

/* GR30, GR31, GR33 */
enum {
    BACKWARDS = 0x01,
    TO_CPU = 0x02,
    FROM_CPU = 0x04,
    TRANSPARENT = 0x08,
    PATTERN = 0x40,
    EXPAND = 0x80
};
enum { START = 0x02, RESET = 0x04, PAUSE = 0x20, APERTURE2 = 0x40, AUTOSTART = 0x80 };
enum { DWORD_LINES = 0x01, INVERT = 0x02, SOLID = 0x04 };

void cirrus_bench_create(struct vga_bench *s);
uint8_t cirrus_sr(struct vga_bench *s, uint8_t index);
uint8_t cirrus_gr(struct vga_bench *s, uint8_t index);
uint8_t cirrus_cr(struct vga_bench *s, uint8_t index);
/* The register behind the DAC's pixel mask. */
void cirrus_hidden_dac(struct vga_bench *s, uint8_t value);
/* 640x480 packed pixels: SR7 bits 3:1 and the hidden DAC's format. */
void cirrus_mode(struct vga_bench *s, uint8_t sr7, uint8_t hidden_dac);

/* All of video memory, where the guest has it mapped. */
void cirrus_peek(struct vga_bench *s, uint8_t *memory);

struct blt {
    uint32_t width, height, dst_pitch, src_pitch, dst, src;
    uint32_t fg, bg;
    uint16_t key;
    uint8_t mode, mode_ext, rop, skip;
};

/* Writes the engine's registers, all but GR31. */
void cirrus_blt_set(struct vga_bench *s, const struct blt *b);
void cirrus_blt_go(struct vga_bench *s, const struct blt *b);
bool cirrus_blt_busy(struct vga_bench *s);

#endif
