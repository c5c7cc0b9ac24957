/*
 * The video parameter table (IBM PS/2 BIOS Interface Technical Reference, "Video parameter table"):
 * the registers of each mode. Programs find it by the save pointer table at 40:A8.
 */
#ifndef VGABIOS_PARAMS_H
#define VGABIOS_PARAMS_H

#include "memory.h"

struct video_params {
    uint8_t columns;
    uint8_t rows;   /* less one */
    uint8_t height; /* of a character */
    uint16_t page_size;
    uint8_t seq[4]; /* from index 1 */
    uint8_t misc;
    uint8_t crtc[25];
    uint8_t attr[20];
    uint8_t gfx[9];
} __attribute__((packed));

_Static_assert(sizeof(struct video_params) == 64, "IBM's layout");

#define PARAMS_COUNT 30

/* In IBM's order: 00-07 and 0D-10 the modes of that number, then those below. */
enum {
    PARAMS_0F = 0x11, /* with 256 KiB of memory, as 10h */
    PARAMS_10 = 0x12,
    PARAMS_00_350 = 0x13,
    PARAMS_02_350 = 0x15,
    PARAMS_00_400 = 0x17,
    PARAMS_02_400 = 0x18,
    PARAMS_07_400 = 0x19,
    PARAMS_11 = 0x1A,
    PARAMS_12 = 0x1B,
    PARAMS_13 = 0x1C,
    PARAMS_6A, /* VESA's, behind IBM's */
};

extern ROM struct video_params video_params[PARAMS_COUNT];

/* The 6845's parameters of a CGA and a monochrome adapter: INT 1Dh. */
extern ROM uint8_t crtc_params[0x58];

/* pointers.c: what 40:A8 points to, the parameter table, and by a second table the next one. */
extern ROM uint32_t save_pointers[7];

struct dcc_table {
    uint8_t entries, version, largest, reserved;
    uint8_t pair[16][2];
};
extern ROM struct dcc_table dcc_table;

/* What the chip can do, for INT 10h AH=1Bh. */
extern ROM uint8_t functionality[16];

#endif
