/*
 * An IDE controller on the bench, a disk or CD on it, and what a driver does with its ports.
 */
#ifndef TESTS_UNIT_IDE_BENCH_H
#define TESTS_UNIT_IDE_BENCH_H

#include "block/drive.h"
#include "hw/ide/ata.h"
#include "hw/ide/piix_ide.h"
#include "tests/unit/testbench.h"

#define IDE_PORT    0x1f0
#define IDE_CONTROL 0x3f6
#define IDE_BM      0xc000 /* where the test puts the bus master registers */

#define BM_ACTIVE    0x01
#define BM_ERROR     0x02
#define BM_INTERRUPT 0x04

#define IDE_PRDS   0x1000u /* where tests keep their table */
#define IDE_MEMORY 0x10000u

struct ide_bench {
    struct bench *b;
    struct device *controller, *disk;
    struct block_drive *drive;
    char *path; /* of the image */
};

/*
 * A controller that decodes its ports, and a drive of this kind as master of the first channel
 * whose image has `sectors` of 512 bytes; each starts with its own number. 0: no medium.
 */
struct ide_bench *ide_bench_create(const struct device_kind *kind, unsigned sectors,
                                   const struct block_options *options);
void ide_bench_destroy(struct ide_bench *t);
/* Another image like that, opened; it is removed already. */
struct block_node *ide_bench_image(unsigned sectors, const struct block_options *options,
                                   char **path);

/* Lets the medium work until the drive is no longer busy, and returns its status. */
uint8_t ide_wait(struct ide_bench *t);
/* Writes the registers of an LBA28 command, then the command. */
void ide_command(struct ide_bench *t, uint8_t command, uint32_t lba, uint8_t count);
/* The same with 48-bit addresses and 16-bit counts. */
void ide_command_ext(struct ide_bench *t, uint8_t command, uint64_t lba, uint16_t count);
/* n bytes of data through the data port. */
void ide_read_data(struct ide_bench *t, void *to, unsigned n);
void ide_write_data(struct ide_bench *t, const void *from, unsigned n);

/* A sector of the image is the n-th, as it was made. */
void ide_check_number(const uint8_t *sector, uint32_t n);

/* Writes a descriptor into the table. */
void ide_prd(struct ide_bench *t, unsigned index, uint32_t addr, uint32_t count, bool last);
/* Starts the bus master on the table; reads and clears its status. */
void ide_dma_start(struct ide_bench *t, bool to_memory);
uint8_t ide_dma_status(struct ide_bench *t);
void ide_dma_stop(struct ide_bench *t);
/* What bench_save_load() does, for the drive. */
void ide_save_load(struct ide_bench *t);

#endif
