/*
 * A floppy controller and a DMA controller on the bench, a drive with a disk, and what a driver
 * does with their ports.
 */
#ifndef TESTS_UNIT_FLOPPY_BENCH_H
#define TESTS_UNIT_FLOPPY_BENCH_H

#include "block/drive.h"
#include "hw/floppy/i82078.h"
#include "tests/unit/testbench.h"

#define FDC_DOR  0x3f2
#define FDC_TDR  0x3f3
#define FDC_MSR  0x3f4 /* written: DSR */
#define FDC_FIFO 0x3f5
#define FDC_DIR  0x3f7 /* written: CCR */

#define FDC_MEMORY 0x8000u /* where DMA goes, unless a test says otherwise */

struct floppy_bench {
    struct bench *b;
    struct device *dma, *fdc, *floppy;
    struct block_drive *drive;
    char *path; /* of the image */
    char *properties;
};

/*
 * The chips, and drive A: with a disk of so many KiB whose sectors start with their numbers; 0: no
 * disk. properties: of the drive; NULL: none.
 */
struct floppy_bench *floppy_bench_create(unsigned kib, const char *properties);
void floppy_bench_destroy(struct floppy_bench *t);
/* Another disk, opened; its file is removed already. */
struct block_node *floppy_bench_disk(unsigned kib, bool read_only);

/* Out of reset with A:'s motor on, the four drives asked for their status, rate set, DMA or not. */
void fdc_wake(struct floppy_bench *t, uint8_t rate, bool dma);
/* Writes a command's bytes, as the driver does: after looking at MSR. */
void fdc_send(struct floppy_bench *t, const uint8_t *bytes, unsigned n);
#define FDC_SEND(t, ...) \
    fdc_send(t, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
/* Lets the image work until MSR says that the chip wants something of the host. */
void fdc_wait(struct floppy_bench *t);
/* Waits, and reads all results there are; returns how many (at most 16). */
unsigned fdc_results(struct floppy_bench *t, uint8_t *results);
/* SEEK and its SENSE INTERRUPT STATUS. */
void fdc_go_to(struct floppy_bench *t, uint8_t head, uint8_t cylinder);
/* DMA channel 2: mode 0x46 to memory, 0x4a from it, 0x42 verify. */
void fdc_program_dma(struct floppy_bench *t, uint8_t mode, uint32_t address, unsigned bytes);

/* Saves controller and drive and loads them into fresh ones, which take their place. */
void floppy_bench_save_load(struct floppy_bench *t);

#endif
