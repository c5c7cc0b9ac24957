/*
 * One channel of a bus-master IDE controller (Programming Interface for Bus Master IDE Controller,
 * revision 1.0; Intel 82371SB datasheet, 2.4): it walks a table of Physical Region Descriptors and
 * moves what the drive has between its medium and guest memory.
 */
#ifndef HW_IDE_BMDMA_H
#define HW_IDE_BMDMA_H

#include <sys/uio.h>

#include "hw/core/pci.h"
#include "hw/core/state.h"
#include "hw/ide/ata.h"

#define BMDMA_PORTS 8 /* of one channel */

/* BMICX and BMISX */
#define BMDMA_START     0x01
#define BMDMA_TO_MEMORY 0x08
#define BMDMA_ACTIVE    0x01
#define BMDMA_ERROR     0x02
#define BMDMA_INTERRUPT 0x04
#define BMDMA_CAPABLE   0x60 /* drives 0 and 1: set by software, for software */

#define BMDMA_MAX_SEGMENTS 512 /* of memory, handed to a drive at once */

/* A place in the table. */
struct bmdma_cursor {
    uint32_t next; /* address of the next descriptor */
    uint32_t addr; /* rest of the current one */
    uint32_t left;
    bool last;      /* it had the end-of-table bit */
    uint32_t count; /* descriptors read: a table is at most 64 KiB */
};

struct bmdma {
    /* Registers. */
    uint8_t bmicx, bmisx;
    uint32_t bmidtpx;
    struct bmdma_cursor cursor;

    /* The part that the drive works on now. */
    struct bmdma_cursor after; /* where the table then is */
    struct iovec iov[BMDMA_MAX_SEGMENTS];
    struct bmdma_cursor before[BMDMA_MAX_SEGMENTS]; /* where each element was found */
    unsigned n;
    uint64_t bytes;
    bool to_memory;
    const struct ata_drive *drive; /* that works on it; NULL: none */
    bool superseded;               /* the engine was started anew meanwhile: `after` is of no use */

    struct pci_device *pci;
};

extern const struct state_field bmdma_state[];

void bmdma_reset(struct bmdma *bm);

uint8_t bmdma_read(const struct bmdma *bm, unsigned reg);
/* drive: the selected one, which may assert DMARQ; NULL: none. */
void bmdma_write(struct bmdma *bm, unsigned reg, uint8_t value, struct ata_drive *drive);

/* The drive asserts DMARQ: moves as much as the table has room for. */
void bmdma_run(struct bmdma *bm, struct ata_drive *drive);
/* As ata_port_ops.dma_done. */
void bmdma_done(struct bmdma *bm, bool moved);

#endif
