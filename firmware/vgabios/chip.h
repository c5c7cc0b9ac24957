/*
 * What a chip adds to the VGA: one file for each, of which a ROM has one.
 */
#ifndef VGABIOS_CHIP_H
#define VGABIOS_CHIP_H

#include <stdbool.h>
#include "vbemodes.h"

#define CHIP_STATE_SIZE 64 /* bytes that chip_save() may write */

extern ROM char chip_name[];

void chip_init(void);

/* Video memory in units of 64 KiB; 0: the chip does not answer, there are no VBE modes. */
uint16_t chip_memory(void);

/* Whether the chip can show the mode, apart from the memory that it needs. */
bool chip_can(const struct vbe_mode *m);

/* Where the linear frame buffer is, 0: nowhere; and memory with the monitor's EDID, 0: none. */
uint32_t chip_frame_buffer(void);
uint32_t chip_edid(void);

/* Back to a VGA. */
void chip_leave(void);

/* The VGA's registers are those of mode 12h or 13h. keep: does not clear memory. */
void chip_set_mode(const struct vbe_mode *m, bool linear, bool keep);

/* The window at A0000: 64 KiB of memory, by number. */
void chip_set_bank(uint16_t bank);
uint16_t chip_bank(void);

/* Length of a line in pixels. Setting takes the next that the chip can do; false: it can't. */
bool chip_set_line(uint16_t pixels);
uint16_t chip_line(void);

/* The pixel at the screen's upper left. */
bool chip_set_start(uint16_t x, uint16_t y);
void chip_start(uint16_t *x, uint16_t *y);

/* Bits of the DAC's colours: 6, or 8 if the chip has so many. */
extern ROM uint8_t chip_dac_most;
void chip_set_dac_bits(uint8_t bits);
uint8_t chip_dac_bits(void);

/* All of it, at seg:off. */
void chip_save(uint16_t seg, uint32_t off);
void chip_restore(uint16_t seg, uint32_t off);

/* VBE 3.0, 4.14: the protected-mode interface. Its bytes, 0: there is none. */
extern ROM uint8_t chip_pmi[];
extern ROM uint16_t chip_pmi_size;

#endif
