/*
 * ATA and ATAPI drives, as their controllers see them.
 *
 * From the ATA/ATAPI-7 standard (INCITS 397-2005, volumes 1 and 2), called ATA-7 in this room, and
 * MMC-3/SPC-3 for the packet commands of CD drives. A drive knows its registers, its commands and
 * its medium; the controller it is plugged into (hw/ide/ide_channel.h; an AHCI port would do the
 * same) owns the bus: which drive is selected, the interrupt, and the way to guest memory.
 *
 * Kinds "ide-hd" and "ide-cd"; properties drive=, bus=, unit=, serial=, ver=, model=,
 * rerror=, werror=, write-cache=, bootindex=.
 */
#ifndef HW_IDE_ATA_H
#define HW_IDE_ATA_H

#include <sys/uio.h>

#include "hw/core/device.h"

struct ata_drive;

extern const struct device_kind ide_hd_kind, ide_cd_kind;

/* Command block registers by their place (ATA-7 volume 2, clause 6). */
enum ata_register {
    ATA_DATA = 0,
    ATA_ERROR = 1, /* read; written: Features */
    ATA_FEATURES = 1,
    ATA_COUNT = 2,
    ATA_LBA_LOW = 3,
    ATA_LBA_MID = 4,
    ATA_LBA_HIGH = 5,
    ATA_DEVICE = 6,
    ATA_STATUS = 7, /* read; written: Command */
    ATA_COMMAND = 7,
};

#define ATA_STATUS_ERR  0x01
#define ATA_STATUS_DRQ  0x08
#define ATA_STATUS_DSC  0x10 /* seek complete; SERV for packet devices */
#define ATA_STATUS_DF   0x20
#define ATA_STATUS_DRDY 0x40
#define ATA_STATUS_BSY  0x80

#define ATA_DEVICE_DEV 0x10 /* the slave is selected */
#define ATA_DEVICE_LBA 0x40

#define ATA_CONTROL_NIEN 0x02
#define ATA_CONTROL_SRST 0x04
#define ATA_CONTROL_HOB  0x80

#define ATA_EXECUTE_DEVICE_DIAGNOSTIC 0x90

/* What a drive tells its controller. Never called from within ata_dma_start(). */
struct ata_port_ops {
    /* ata_intrq() may have changed. */
    void (*intrq)(void *port);
    /* The same by a saved state: what it says is not news to the guest. */
    void (*intrq_loaded)(void *port);
    /* DMARQ: ata_dma_left() bytes wait to be moved. */
    void (*dma_ready)(void *port);
    /*
     * The memory of ata_dma_start() is the controller's again. moved: its bytes are; else they are
     * not, and the same ones come again when dma_ready() is called next, if ever.
     */
    void (*dma_done)(void *port, bool moved);
};

/* For the controller: who hears of the drive from now on; NULL ops: nobody. */
void ata_set_port(struct ata_drive *d, const struct ata_port_ops *ops, void *port);

/* Command block registers 1 to 7. Reading Status clears INTRQ, ata_alternate_status() does not. */
uint8_t ata_read(struct ata_drive *d, unsigned reg);
uint8_t ata_alternate_status(const struct ata_drive *d);
/* Both drives of a cable hear each write, but only the selected one executes a command. */
void ata_write(struct ata_drive *d, unsigned reg, uint8_t value);
void ata_command(struct ata_drive *d, uint8_t command);
/* The Device Control register: HOB and SRST; nIEN is the controller's. */
void ata_control(struct ata_drive *d, uint8_t value);
/* EXECUTE DEVICE DIAGNOSTIC, which all drives of a cable execute; interrupt: the first reports. */
void ata_diagnostic(struct ata_drive *d, bool interrupt);

/* The data port, 2 or 4 bytes at a time. No data is wanted: reads are all ones. */
uint32_t ata_data_read(struct ata_drive *d, unsigned size);
void ata_data_write(struct ata_drive *d, uint32_t value, unsigned size);

bool ata_intrq(const struct ata_drive *d);

/* ---- DMA: valid while the drive asserts DMARQ ---- */

/* Bytes that are still to be moved; 0: the drive does not assert DMARQ. */
uint64_t ata_dma_left(const struct ata_drive *d);
bool ata_dma_to_memory(const struct ata_drive *d);
/* The number of bytes of one ata_dma_start() is a multiple of this, or all that is left. */
unsigned ata_dma_unit(const struct ata_drive *d);
/*
 * Moves bytes between the medium and memory. The list is copied nowhere: it and its memory stay
 * untouched until ops->dma_done(). At most ATA_DMA_MAX_BYTES and IOV_MAX elements.
 */
void ata_dma_start(struct ata_drive *d, const struct iovec *iov, int n, uint64_t bytes);

#define ATA_DMA_MAX_BYTES (32u << 20) /* what 65536 sectors are: never a limit for a disk */

/* ---- For the board ---- */

/* The geometry a disk reports; false: it is no disk. */
struct ata_geometry {
    unsigned cylinders, heads, sectors;
};
bool ata_get_geometry(const struct device *drive, struct ata_geometry *geometry);

/*
 * Takes a disk off its cable, flushed and with nothing in flight, so that a PV driver can have its
 * image; or plugs it in again and takes the image back. No-op for CD drives. Blocks.
 */
void ata_hide(struct device *drive, bool hidden);

/* The place of a drive and its bootindex= (UINT32_MAX: none). */
struct ata_place {
    unsigned bus, unit;
    uint32_t bootindex;
};
bool ata_get_place(const struct device *dev, struct ata_place *place); /* false: not a drive */

#endif
