/*
 * The packet side of a CD drive: ATA-7 volume 2, 11.8 to 11.11 (the PACKET protocol), SPC-3 and
 * MMC-3 (the commands). Used by the other files of this room only.
 */
#ifndef HW_IDE_ATAPI_H
#define HW_IDE_ATAPI_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "block/drive.h"
#include "hw/core/state.h"

struct ata_drive;

#define ATAPI_PACKET_SIZE 12
#define ATAPI_SECTOR      2048u
#define ATAPI_RAW_SECTOR  2352u /* with sync, header and error correction */

/* What the host has not been told of a new medium: first that the old one is gone. */
enum atapi_change { ATAPI_SAME, ATAPI_OLD_GONE, ATAPI_NEW_THERE, ATAPI_N_CHANGES };

/* GET EVENT STATUS NOTIFICATION, media class (MMC-3, 6.6.1.4) */
enum atapi_event {
    ATAPI_NO_EVENT,
    ATAPI_EJECT_REQUEST,
    ATAPI_NEW_MEDIA,
    ATAPI_MEDIA_REMOVAL,
    ATAPI_N_EVENTS,
};

struct atapi {
    uint8_t packet[ATAPI_PACKET_SIZE];
    uint8_t sense_key, asc, ascq;
    bool by_dma;         /* the command's data */
    bool raw;            /* sectors of ATAPI_RAW_SECTOR bytes */
    uint32_t byte_limit; /* of a DRQ block; even */
    bool tray_open, locked;
    uint8_t change; /* enum atapi_change */
    uint8_t event;  /* enum atapi_event */
};

extern const struct state_field atapi_state[];
extern const struct block_tray_ops atapi_tray_ops;

/* Power-on and RESET-; the tray stays as it is. */
void atapi_reset(struct ata_drive *d);
/* The PACKET command: asks for the packet, and executes it when it has come. */
void atapi_begin(struct ata_drive *d);
void atapi_packet(struct ata_drive *d);

/* For data phases: sector sizes, registers of a DRQ block, what becomes of n sectors read. */
unsigned atapi_sector_bytes(const struct ata_drive *d);
bool atapi_by_dma(const struct ata_drive *d);
void atapi_block_registers(struct ata_drive *d);
uint32_t atapi_fetched(struct ata_drive *d, uint32_t n); /* returns bytes in the buffer */

/* Ends: well; with CHECK CONDITION; because the medium could not be read (-errno). */
void atapi_complete(struct ata_drive *d);
void atapi_check(struct ata_drive *d, uint32_t sense);
void atapi_medium_error(struct ata_drive *d, int error);

/* Sense key, additional code and qualifier in one. */
#define ATAPI_NO_MEDIUM_CLOSED 0x023a01u
#define ATAPI_NO_MEDIUM_OPEN   0x023a02u
#define ATAPI_NO_MEDIUM        0x023a00u
#define ATAPI_READ_ERROR       0x031100u
#define ATAPI_BAD_OPCODE       0x052000u
#define ATAPI_BAD_ADDRESS      0x052100u
#define ATAPI_BAD_FIELD        0x052400u
#define ATAPI_WRONG_MEDIUM     0x053002u
#define ATAPI_LOCKED           0x055302u
#define ATAPI_BAD_MODE         0x056400u
#define ATAPI_MEDIUM_CHANGED   0x062800u

/* atapi_command.c: executes d->atapi.packet. */
void atapi_execute(struct ata_drive *d);
/* Whether there is a medium in a closed tray. */
bool atapi_ready(const struct ata_drive *d);
/* The guest moves the tray. */
void atapi_move_tray(struct ata_drive *d, bool open);
/* Sends the first `size` bytes of the buffer, no more than the host has allocated. */
void atapi_reply(struct ata_drive *d, uint32_t size, uint32_t allocated);
/* A zeroed buffer for a reply of up to `size` bytes. */
uint8_t *atapi_blank(struct ata_drive *d, size_t size);
bool atapi_is_dvd(const struct ata_drive *d);

/* atapi_disc.c: the commands that tell what is on the disc. */
void atapi_read_toc(struct ata_drive *d, const uint8_t *packet);
void atapi_read_disc_information(struct ata_drive *d, const uint8_t *packet);
void atapi_read_subchannel(struct ata_drive *d, const uint8_t *packet);
void atapi_read_dvd_structure(struct ata_drive *d, const uint8_t *packet);

/* Sends sectors of the medium. */
void atapi_read_sectors(struct ata_drive *d, uint64_t lba, uint32_t count, bool raw);

#endif
