/*
 * IDE drives: finding them, and moving sectors by bus-master DMA or, where that does not work, by
 * PIO (ATA/ATAPI-7; SFF-8038i; PIIX3 datasheet 2.7). Every wait has a time-out.
 */
#ifndef BIOS_ATA_H
#define BIOS_ATA_H

#include <stdint.h>
#include "runtime.h"

/* Status of INT 13h that these functions return. */
enum {
    DISK_OK = 0x00,
    DISK_BAD_COMMAND = 0x01,
    DISK_BAD_ADDRESS = 0x02,
    DISK_WRITE_PROTECTED = 0x03,
    DISK_NOT_FOUND = 0x04,
    DISK_DMA_BOUNDARY = 0x09,
    DISK_BAD_MEDIA = 0x0C,
    DISK_ECC = 0x10,
    DISK_CONTROLLER = 0x20,
    DISK_NO_MEDIA = 0x31,
    DISK_TIMEOUT = 0x80,
    DISK_NOT_READY = 0xAA,
    DISK_LOCKED = 0xB1,
    DISK_NOT_REMOVABLE = 0xB2,
};

enum disk_op { OP_READ, OP_WRITE, OP_VERIFY };

/* Looks at every IDE controller and appends what answers to rt.drive. */
void ata_init(void);

/* Moves count sectors from lba to or from linear memory; *done tells how many went well. */
uint8_t ata_transfer(struct drive *d, enum disk_op op, uint64_t lba, uint32_t count,
                     uint32_t memory, uint32_t *done);

/* Sends a 12-byte packet that returns `bytes` to linear memory. */
uint8_t atapi_command(struct drive *d, const uint8_t packet[12], uint32_t memory, uint32_t bytes);

/* Software reset of the cable the drive is on. */
uint8_t ata_reset(struct drive *d);

#endif
