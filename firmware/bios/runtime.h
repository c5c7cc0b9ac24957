/*
 * What POST leaves for the run-time services: one struct at the start of the writable segment,
 * which both modes name `rt` (the linker script gives 32-bit code its linear address).
 */
#ifndef BIOS_RUNTIME_H
#define BIOS_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#define RT_MAGIC      0x74736F70 /* "post": checked by entry.S on a resume */
#define MAX_DRIVES    8          /* IDE devices and floppies */
#define MAX_FUNCTIONS 96
#define MAX_E820      128
#define MAX_BOOT      16
#define MAX_PMM       24
#define NO_PRIORITY   0x7FFF

struct e820_entry {
    uint64_t addr;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_UNUSABLE 5

enum drive_type { DRIVE_NONE, DRIVE_ATA, DRIVE_ATAPI, DRIVE_FLOPPY };

struct chs {
    uint16_t cylinders, heads, sectors;
};

struct drive {
    uint8_t type;
    uint8_t unit;    /* 0 or 1 on its cable; floppy number */
    uint8_t channel; /* 0 primary, 1 secondary */
    bool lba48;
    bool dma; /* bus-master DMA works; cleared for good by the first failure */
    bool removable;
    uint16_t bdf; /* PCI function of the controller */
    uint16_t io, control, bus_master;
    uint16_t sector_size;
    uint64_t sectors;
    struct chs physical, logical;
    int16_t priority; /* from bootorder: lower boots first */
    char model[41];
};

enum boot_type { BOOT_FLOPPY, BOOT_DISK, BOOT_CD, BOOT_ROM, BOOT_HALT };

/* One line of the boot menu, in the order of attempts. */
struct boot_entry {
    uint8_t type;
    uint8_t drive;     /* index in rt.drive (floppy, CD) or INT 13h number (disk) */
    uint16_t seg, off; /* BOOT_ROM: the bootstrap entry vector */
    int16_t priority;
    char name[44];
};

/* A block given by the POST memory manager; size 0: free slot. */
struct pmm_block {
    uint32_t addr, size, handle;
};

/* CD emulation (El Torito 1.0, figure 6: the specification packet). */
struct cd_emulation {
    bool active;
    uint8_t media;      /* 0 none, 1-3 floppy, 4 disk */
    uint8_t drive;      /* INT 13h number of the emulated drive */
    uint8_t cd;         /* index in rt.drive */
    uint32_t image_lba; /* in 2048-byte sectors */
    uint16_t load_segment, sector_count;
    uint32_t sectors; /* of 512 bytes, by geometry */
    struct chs geometry;
    uint8_t spec_index;
};

struct runtime {
    uint32_t magic;
    uint8_t pci_last_bus;
    uint8_t pci_count;
    uint16_t pci_function[MAX_FUNCTIONS]; /* every PCI function, found once */
    bool has_pci;
    bool on_xen;
    uint8_t debug_port_kind; /* 0 none, 1 at 0x402, 2 at 0xE9 */
    uint16_t pm_timer;       /* I/O port, 0: none */
    uint16_t pm_base;
    uint32_t pm_timer_last;
    uint32_t low_memory_end; /* first address above the usable RAM below 4 GiB */
    uint32_t e820_count;
    struct e820_entry e820[MAX_E820];
    uint8_t drive_count;
    struct drive drive[MAX_DRIVES];
    uint8_t disk_count;       /* our INT 13h disks from 80h on */
    uint8_t disk[MAX_DRIVES]; /* index in drive[] of 80h + i */
    uint8_t cd_count;
    uint8_t cd[MAX_DRIVES]; /* the same of CD_FIRST + i */
    uint8_t floppy_count;
    uint8_t floppy[2];
    uint8_t disk_shift; /* how far option ROMs or emulation moved our first disk from 80h */
    uint8_t boot_count;
    uint8_t boot_next;
    struct boot_entry boot[MAX_BOOT];
    uint16_t menu_wait_ms; /* how long to offer the boot menu, 0: only if a key waits */
    bool menu_enabled;
    struct cd_emulation emulation;
    struct pmm_block pmm[MAX_PMM];
    uint32_t pmm_low_base, pmm_low_end, pmm_high_base, pmm_high_end;
    bool pmm_open;
    bool mouse_present;
    uint32_t acpi_rsdp; /* linear address, 0: none */
    uint32_t facs;      /* its linear address, 0: none */
    uint16_t cpu_count;
    bool boot_started;
};

#ifdef BIOS16
extern struct runtime rt;
#else
extern struct runtime rt __asm__("rt_linear");
#endif

#define CD_FIRST 0xE0 /* INT 13h number of the first CD-ROM */

#endif
