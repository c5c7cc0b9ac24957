/*
 * El Torito: boot record and boot catalogue. No hardware, host-tested.
 */
#ifndef BIOS_ELTORITO_H
#define BIOS_ELTORITO_H

#include <stdbool.h>
#include <stdint.h>
#include "runtime.h"

#define ELTORITO_RECORD_SECTOR 17
#define ELTORITO_SECTOR        2048

enum { MEDIA_NONE, MEDIA_1200K, MEDIA_1440K, MEDIA_2880K, MEDIA_DISK };

struct eltorito {
    uint8_t media;
    uint16_t segment; /* where the image is loaded */
    uint16_t count;   /* 512-byte sectors to load */
    uint32_t lba;     /* of the image */
};

/* Sector of the boot catalogue, from the boot record volume descriptor; 0: not bootable. */
uint32_t eltorito_catalog(const uint8_t record[ELTORITO_SECTOR]);

/* The default entry of a catalogue. NULL, or what is wrong with it. */
const char *eltorito_entry(const uint8_t *catalog, struct eltorito *e);

/* Geometry of the emulated drive; for a disk from the first partition of its boot sector. */
struct chs eltorito_geometry(uint8_t media, const uint8_t boot_sector[512]);

#endif
