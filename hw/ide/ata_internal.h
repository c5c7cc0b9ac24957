/* The insides of a drive, shared by the ata*.c files only. */
#ifndef HW_IDE_ATA_INTERNAL_H
#define HW_IDE_ATA_INTERNAL_H

#include "block/drive.h"
#include "hw/core/clock.h"
#include "hw/ide/ata.h"
#include "hw/ide/atapi.h"

#define ATA_SECTOR       512u
#define ATA_BUFFER_SIZE  (64u << 10) /* the drive's sector buffer */
#define ATA_MAX_MULTIPLE 16

#define ATA_DEFAULT_HEADS   16
#define ATA_DEFAULT_SECTORS 63 /* of a track */

/* SET FEATURES 03h: the first number of a kind of mode. */
#define ATA_MODE_MWDMA 0x20
#define ATA_MODE_UDMA  0x40

/* CHECK POWER MODE */
#define ATA_POWER_STANDBY 0x00
#define ATA_POWER_IDLE    0x80
#define ATA_POWER_ACTIVE  0xff

/* Error register. ABRT alone is what a command that is not supported gets. */
#define ATA_ERROR_ABRT 0x04
#define ATA_ERROR_IDNF 0x10
#define ATA_ERROR_UNC  0x40

/* Interrupt reason, in the Count register of packet devices (ATA-7 volume 2, 7.8). */
#define ATA_REASON_COD 0x01 /* a command packet is wanted */
#define ATA_REASON_IO  0x02 /* data goes to the host */

/* What the drive waits for its medium to do, so that it can be done again after a pause. */
enum ata_op {
    ATA_OP_NONE,
    ATA_OP_FETCH, /* medium to sector buffer */
    ATA_OP_STORE, /* sector buffer to medium */
    ATA_OP_DMA,   /* medium to memory or back */
    ATA_OP_FLUSH,
    ATA_OP_TRIM,
    ATA_OP_RESET, /* nothing: a reset waits until the medium has let go of memory */
    ATA_N_OPS,
};

/* What the buffer's bytes are, when the host moves them. */
enum ata_phase {
    ATA_PHASE_NONE,
    ATA_PHASE_IN,     /* the host reads blocks of data */
    ATA_PHASE_OUT,    /* the host writes blocks of data */
    ATA_PHASE_PACKET, /* the host writes a command packet */
    ATA_PHASE_DMA,    /* DMARQ */
    ATA_N_PHASES,
};

/* A register and what it held before the last write: the two halves of 48-bit commands. */
struct ata_pair {
    uint8_t now, previous;
};

struct ata_drive {
    struct device dev;

    /* Registers, ATA-7 volume 2 clause 6. */
    struct ata_pair features, count, lba_low, lba_mid, lba_high;
    uint8_t error, device, status, control;
    uint8_t command; /* the last one that was accepted */

    /* What SET FEATURES and the like have set. */
    uint8_t transfer_mode; /* as in SET FEATURES 03h */
    uint8_t multiple;      /* sectors of a block of READ MULTIPLE; 0: disabled */
    uint8_t heads, sectors_per_track;
    uint16_t cylinders; /* by INITIALIZE DEVICE PARAMETERS */
    bool write_cache, look_ahead;
    bool smart_enabled, smart_autosave;
    bool security_frozen;
    uint8_t power_mode; /* as CHECK POWER MODE says it */

    /* The command in progress. */
    bool intrq;
    uint8_t op, phase;  /* enum ata_op, enum ata_phase */
    uint64_t lba;       /* next sector to be moved, in units of sector_size */
    uint32_t left;      /* sectors that the medium still has to move */
    uint32_t block;     /* bytes of a DRQ block */
    uint32_t at, end;   /* in buffer: the next byte, and the end of the DRQ block */
    uint32_t length;    /* bytes of buffer that are in use */
    uint8_t *buffer;    /* ATA_BUFFER_SIZE bytes */
    struct timer retry; /* armed while the machine is stopped by an I/O error: time is, too */

    struct atapi atapi; /* packet devices */

    /* Host. */
    const struct ata_port_ops *port_ops;
    void *port;
    struct ide_channel *channel;
    bool hidden;               /* off the cable: unplugged under Xen */
    bool packet;               /* a CD drive */
    struct block_user *medium; /* NULL: none */
    uint64_t sectors;          /* of the medium, of sector_size */
    unsigned sector_size;
    bool in_flight;   /* op was handed to the medium */
    bool reset_later; /* as soon as it is not */
    uint32_t in_flight_bytes;
    unsigned deferred; /* GLib source of a completion that needs no medium; 0: none */
    struct iovec iov;  /* of the buffer */
    const struct iovec *dma_iov;
    int dma_n;
    unsigned default_cylinders;

    /* Properties. */
    struct block_drive *drive;
    char *bus, *serial, *version, *model, *rerror, *werror, *cache;
    uint32_t unit, bootindex;
    char *translation;
    struct ata_place place; /* what came of them */
};

/* ---- ata.c ---- */

void ata_set_intrq(struct ata_drive *d, bool level);
/* Ends the command: well, or with these bits in the error register. */
void ata_complete(struct ata_drive *d);
void ata_fail(struct ata_drive *d, uint8_t error);
void ata_abort(struct ata_drive *d); /* ata_fail() with ABRT */
/* Puts the signature of ATA-7 volume 2, 5.15, into the registers. */
void ata_signature(struct ata_drive *d);
/* What SRST, DEVICE RESET and the bus's RESET- have in common; nothing is in flight. */
void ata_soft_reset(struct ata_drive *d);
/* Lets go of everything that is in flight; the drive's state is then complete. Blocks. */
void ata_drain(struct ata_drive *d);

/* ---- ata_drive.c ---- */

/* Attaches the drive to the medium of its block_drive, or with NULL to none. */
void ata_set_medium(struct ata_drive *d, struct block_node *node);

/* ---- ata_command.c ---- */

#define ATA_PACKET              0xa0
#define ATA_DATA_SET_MANAGEMENT 0x06
#define ATA_TRIM_ENTRY          8 /* bytes: 48 bits of address, 16 of length */
#define ATA_TRIM_MAX_BLOCKS     8 /* of entries, in one command */

/* Executes d->command. */
void ata_execute(struct ata_drive *d);
/* The address that the registers hold; UINT64_MAX: it is none (CHS outside of the geometry). */
uint64_t ata_get_lba(const struct ata_drive *d, bool ext);
void ata_put_lba(struct ata_drive *d, uint64_t lba, bool ext);
bool ata_command_is_ext(uint8_t command);
bool ata_command_writes(uint8_t command);
/* Hands the next entry of DATA SET MANAGEMENT's list to the medium, or completes the command. */
void ata_trim_next(struct ata_drive *d);

/* ---- ata_transfer.c ---- */

enum ata_transfer { ATA_PIO_IN, ATA_PIO_OUT, ATA_DMA_IN, ATA_DMA_OUT };

/* Moves count sectors from lba on, in DRQ blocks of so many bytes where it is PIO. */
void ata_start_transfer(struct ata_drive *d, enum ata_transfer way, uint64_t lba, uint32_t count,
                        uint32_t block);
/* Hands the first `bytes` of the buffer to the host by PIO, in DRQ blocks of `block` bytes. */
void ata_send_buffer(struct ata_drive *d, uint32_t bytes, uint32_t block);
/* The same by DMA; of DATA SET MANAGEMENT the other way, and then the list is carried out. */
void ata_exchange_by_dma(struct ata_drive *d, uint32_t bytes);
void ata_start_flush(struct ata_drive *d);
/* Hands d->op to the medium, again after a pause. */
void ata_start_op(struct ata_drive *d);
/* PIO: a DRQ block begins; the host has moved one. */
void ata_next_block(struct ata_drive *d, bool interrupt);
void ata_block_moved(struct ata_drive *d);
/* Ends the medium's work on d->op; ret as in block_done. */
void ata_op_done(void *opaque, int ret);

/* ---- ata_identify.c, ata_smart.c ---- */

void ata_fill_identify(struct ata_drive *d);        /* the first 512 bytes of the buffer */
void ata_fill_identify_packet(struct ata_drive *d); /* the same for packet devices */
void ata_smart(struct ata_drive *d);

#endif
