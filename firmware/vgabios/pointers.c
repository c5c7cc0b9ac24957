/*
 * The save pointer tables, far pointers to the tables of params.c (IBM PS/2 BIOS Interface
 * Technical Reference, "Save pointer table"). No parameters, fonts or palettes of others are looked
 * for there.
 */
#include "params.h"

struct secondary_pointers {
    uint16_t length;
    uint32_t dcc, alpha, palette, reserved[3];
} __attribute__((packed));

static ROM struct secondary_pointers secondary = {
    sizeof(secondary), ROM_FAR(dcc_table), 0, 0, { 0, 0, 0 }
};

ROM uint32_t save_pointers[7] = { ROM_FAR(video_params), 0, 0, 0, ROM_FAR(secondary), 0, 0 };
