/*
 * The BIOS data area at 0040:0000 (IBM PC/AT Technical Reference, BIOS data area) and the start of
 * our extended BIOS data area.
 */
#ifndef BIOS_BDA_H
#define BIOS_BDA_H

#include <stddef.h>
#include <stdint.h>
#include "layout.h"

struct bda {
    uint16_t com[4];             /* 00 port addresses */
    uint16_t lpt[3];             /* 08 */
    uint16_t ebda;               /* 0E segment */
    uint16_t equipment;          /* 10 INT 11h */
    uint8_t post;                /* 12 */
    uint16_t memory_kib;         /* 13 INT 12h */
    uint16_t reserved15;         /* 15 */
    uint8_t shift[2];            /* 17 keyboard flags */
    uint8_t alt_digits;          /* 19 */
    uint16_t key_head;           /* 1A */
    uint16_t key_tail;           /* 1C */
    uint16_t key_buffer[16];     /* 1E */
    uint8_t floppy_recal;        /* 3E bit 7: interrupt came */
    uint8_t floppy_motor;        /* 3F */
    uint8_t floppy_timeout;      /* 40 ticks until the motor stops */
    uint8_t floppy_status;       /* 41 */
    uint8_t floppy_result[7];    /* 42 */
    uint8_t video_mode;          /* 49 */
    uint16_t video_columns;      /* 4A */
    uint16_t video_page_size;    /* 4C */
    uint16_t video_start;        /* 4E of the active page */
    uint16_t video_cursor[8];    /* 50 row and column on each page */
    uint16_t video_shape;        /* 60 first and last line of the cursor */
    uint8_t video_page;          /* 62 active */
    uint16_t video_crtc;         /* 63 port */
    uint8_t video_cga_mode;      /* 65 as a CGA's mode control register would be */
    uint8_t video_cga_color;     /* 66 and its colour register */
    uint16_t reset_ip, reset_cs; /* 67 return address of a reset into real mode */
    uint8_t spurious_irq;        /* 6B */
    uint32_t ticks;              /* 6C since midnight */
    uint8_t midnight;            /* 70 */
    uint8_t break_flag;          /* 71 bit 7: Ctrl-Break */
    uint16_t reset_flag;         /* 72 */
    uint8_t disk_status;         /* 74 */
    uint8_t disk_count;          /* 75 */
    uint8_t disk_control[2];     /* 76 */
    uint8_t lpt_timeout[4];      /* 78 */
    uint8_t com_timeout[4];      /* 7C */
    uint16_t key_start;          /* 80 */
    uint16_t key_end;            /* 82 */
    uint8_t video_rows;          /* 84 less one */
    uint16_t video_height;       /* 85 of a character */
    uint8_t video_control;       /* 87 */
    uint8_t video_switches;      /* 88 */
    uint8_t video_options;       /* 89 */
    uint8_t video_dcc;           /* 8A index of the display combination */
    uint8_t floppy_rate;         /* 8B */
    uint8_t disk_ata[2];         /* 8C */
    uint8_t disk_irq;            /* 8E FFh: IRQ 14 came */
    uint8_t floppy_types;        /* 8F */
    uint8_t floppy_media[4];     /* 90 */
    uint8_t floppy_track[2];     /* 94 */
    uint8_t shift_ext[2];        /* 96 */
    uint32_t wait_flag;          /* 98 far pointer of INT 15h AH=83h */
    uint32_t wait_count;         /* 9C microseconds */
    uint8_t wait_active;         /* A0 */
    uint8_t network[7];          /* A1 */
    uint32_t video_save;         /* A8 far pointer to the save pointer table */
    uint8_t reservedAC[14];      /* AC */
    uint16_t vbe_mode;           /* BA the VGA BIOS': as set by AX=4F02h, 0 in a VGA mode */
} __attribute__((packed));

_Static_assert(offsetof(struct bda, memory_kib) == 0x13, "BDA");
_Static_assert(offsetof(struct bda, video_mode) == 0x49, "BDA");
_Static_assert(offsetof(struct bda, reset_ip) == 0x67, "BDA");
_Static_assert(offsetof(struct bda, disk_irq) == 0x8E, "BDA");
_Static_assert(offsetof(struct bda, wait_active) == 0xA0, "BDA");
_Static_assert(offsetof(struct bda, vbe_mode) == 0xBA, "BDA");

#define SHIFT_EXT_101KEY 0x10 /* shift_ext[0] */

/* EBDA offsets. 00-3F follow the PS/2 (size, mouse); the rest is ours, for DMA: RAM on every
 * machine, also where the shadow memory of the BIOS is invisible to devices. */
#define EBDA_SIZE        0x00
#define EBDA_MOUSE_IP    0x22
#define EBDA_MOUSE_CS    0x24
#define EBDA_MOUSE_FLAG1 0x26
#define EBDA_MOUSE_FLAG2 0x27
#define EBDA_MOUSE_DATA  0x28
#define EBDA_FDPT0       0x3D /* INT 41h */
#define EBDA_FDPT1       0x4D /* INT 46h */
#define EBDA_PRD         0x80 /* two PRD tables' worth of entries */
#define EBDA_DPTE        0xC0 /* EDD device parameter table extension, 16 bytes */

#if defined(BIOS16) || defined(VGABIOS)
#define BDA ((volatile struct bda __seg_gs *)0x400)
#else
#define BDA ((volatile struct bda *)0x400)
#endif

#endif
