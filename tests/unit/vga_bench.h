/*
 * A VGA on the bench with a console on it, and modes as a video BIOS sets them.
 */
#ifndef TESTS_UNIT_VGA_BENCH_H
#define TESTS_UNIT_VGA_BENCH_H

#include "tests/unit/testbench.h"
#include "tests/unit/vga_setup.h"
#include "ui/console.h"

#define VGA_BENCH_LFB  UINT64_C(0xe0000000)
#define VGA_BENCH_MMIO UINT64_C(0xe8000000)

struct vga_bench {
    struct bench *b;
    struct input *input;
    struct console *con;
    struct device *dev;
    const char *properties;
};

/* A standard VGA with 1 MiB of video memory; or another card. */
void vga_bench_create(struct vga_bench *s);
void vga_bench_create_card(struct vga_bench *s, const struct device_kind *kind,
                           const char *properties);
void vga_bench_destroy(struct vga_bench *s);
/* Puts BAR0 and BAR2 where the bench has them, as firmware does. */
void vga_bench_map(struct vga_bench *s);

/* Sets all registers, and the DAC. */
void vga_set(struct vga_bench *s, const struct vga_setup *setup);
void vga_sr(struct vga_bench *s, uint8_t index, uint8_t value);
void vga_gr(struct vga_bench *s, uint8_t index, uint8_t value);
void vga_cr(struct vga_bench *s, uint8_t index, uint8_t value);
void vga_ar(struct vga_bench *s, uint8_t index, uint8_t value);
void vga_dispi(struct vga_bench *s, uint16_t index, uint16_t value);
uint16_t vga_dispi_read(struct vga_bench *s, uint16_t index);

/* The screen, brought up to date: x8r8g8b8 with zeroes above, row by row. Free with g_free(). */
uint32_t *vga_screen(struct vga_bench *s, unsigned *width, unsigned *height);
/* Compares a whole screen with what expected() says of each dot. */
void vga_expect(struct vga_bench *s, unsigned width, unsigned height,
                uint32_t (*expected)(const void *opaque, unsigned x, unsigned y),
                const void *opaque);

#endif
