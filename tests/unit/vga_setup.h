/*
 * Modes as a video BIOS sets them, for tests.
 */
#ifndef TESTS_UNIT_VGA_SETUP_H
#define TESTS_UNIT_VGA_SETUP_H

#include <stdint.h>

/* Register values of the IBM VGA BIOS (IBM VGA, "Register values by mode"). */
struct vga_setup {
    uint8_t misc, sr[5], cr[25], gr[9], ar[21];
};
extern const struct vga_setup vga_text, vga_mode_4, vga_mode_12, vga_mode_13;

/* What is written to port 3C9h, from entry 0 on: every DAC entry gets a colour of its own. */
uint8_t vga_dac_byte(unsigned n);
/* That colour, x8r8g8b8. */
uint32_t vga_dac_color(uint8_t entry);
/* And the one that a setup's attribute controller makes of 4 bits. */
uint32_t vga_color(const struct vga_setup *setup, unsigned n);

#endif
