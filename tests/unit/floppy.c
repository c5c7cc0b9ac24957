/*
 * Sectors: a driver reads, writes, formats, verifies and scans disks, by DMA and without.
 */
#include <string.h>
#include <glib/gstdio.h>

#include "base/loop.h"
#include "hw/floppy/i82078_internal.h"
#include "tests/unit/floppy_bench.h"
#include "tests/unit/hostile.h"

#define TO_MEMORY   0x46
#define FROM_MEMORY 0x4a

#define READ         0xc6 /* multi-track, MFM */
#define READ_DELETED 0x4c
#define WRITE        0xc5
#define FORMAT       0x4d
#define VERIFY       0xd6

static struct floppy_bench *disk_1440(bool dma)
{
    struct floppy_bench *t = floppy_bench_create(1440, NULL);

    fdc_wake(t, FLOPPY_500K, dma);
    return t;
}

/* A command with nine bytes for sectors of 512 bytes; its seven results. */
static void sectors(struct floppy_bench *t, uint8_t command, uint8_t c, uint8_t h, uint8_t r,
                    uint8_t eot, uint8_t *results)
{
    FDC_SEND(t, command, (uint8_t)(h << 2), c, h, r, 2, eot, 0x1b, 0xff);
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
}

static uint32_t number_at(struct floppy_bench *t, uint32_t address)
{
    return get_le32(t->b->ram.host + address);
}

static uint32_t number_on_disk(struct floppy_bench *t, uint32_t sector)
{
    g_autofree char *all = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(t->path, &all, &size, NULL));
    g_assert_cmpuint(size, >=, (sector + 1) * 512u);
    return get_le32(all + (size_t)sector * 512);
}

static void assert_id(const uint8_t *results, uint8_t c, uint8_t h, uint8_t r)
{
    g_assert_cmpuint(results[3], ==, c);
    g_assert_cmpuint(results[4], ==, h);
    g_assert_cmpuint(results[5], ==, r);
    g_assert_cmpuint(results[6], ==, 2);
}

static void assert_status(const uint8_t *results, uint8_t st0, uint8_t st1, uint8_t st2)
{
    g_assert_cmphex(results[0], ==, st0);
    g_assert_cmphex(results[1], ==, st1);
    g_assert_cmphex(results[2], ==, st2);
}

/* ---- Reading ---- */

static void a_sector_comes_by_dma(void)
{
    struct floppy_bench *t = disk_1440(true);
    unsigned before = t->b->line[0].rises;
    uint8_t results[16];

    fdc_go_to(t, 1, 40);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 512);
    sectors(t, READ, 40, 1, 5, 18, results);
    assert_status(results, 0x04, 0, 0);
    assert_id(results, 40, 1, 6);
    g_assert_cmpuint(number_at(t, FDC_MEMORY), ==, (40 * 2 + 1) * 18 + 4);
    g_assert_cmpuint(number_at(t, FDC_MEMORY + 508), ==, ~((40u * 2 + 1) * 18 + 4));
    g_assert_cmpuint(t->b->line[0].rises, ==, before + 2); /* for the seek, and for the result */
    g_assert_false(t->b->line[0].level);
    g_assert_cmphex(inb(t->b, 0x08) & 0x40, ==, 0); /* no request is left */
    floppy_bench_destroy(t);
}

/* 82077AA, table 5-6: where the next sector would be. */
static void a_cylinder_on_both_sides(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 36 * 512);
    sectors(t, READ, 0, 0, 1, 18, results);
    assert_status(results, 0x04, 0, 0);
    assert_id(results, 1, 0, 1);
    for (unsigned n = 0; n < 36; n++)
        g_assert_cmpuint(number_at(t, FDC_MEMORY + n * 512), ==, n);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 18 * 512);
    sectors(t, READ, 0, 0, 1, 18, results);
    assert_id(results, 0, 1, 1);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 18 * 512);
    sectors(t, READ & ~COMMAND_MT, 0, 0, 1, 18, results);
    assert_id(results, 1, 0, 1);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 700); /* TC within a sector */
    sectors(t, READ, 0, 0, 1, 18, results);
    assert_status(results, 0, 0, 0);
    assert_id(results, 0, 0, 3);
    floppy_bench_destroy(t);
}

/* Nobody says TC to a driver without DMA: it learns of the end by an error, as it expects. */
static void sectors_come_byte_by_byte(void)
{
    struct floppy_bench *t = disk_1440(false);
    uint8_t data[512], results[16];

    FDC_SEND(t, READ, 0, 0, 0, 17, 2, 18, 0x1b, 0xff);
    for (unsigned n = 16; n < 36; n++) {
        fdc_wait(t);
        g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_RQM | MSR_DIO | MSR_NON_DMA | MSR_CMD_BUSY);
        g_assert_true(t->b->line[0].level);
        for (unsigned i = 0; i < 512; i++) {
            data[i] = inb(t->b, FDC_FIFO);
            if (n == 20 && i == 99)
                floppy_bench_save_load(t);
        }
        g_assert_cmpuint(get_le32(data), ==, n);
        g_assert_cmpuint(get_le32(data + 508), ==, ~n);
    }
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
    assert_status(results, 0x44, ST1_END_OF_CYLINDER, 0);
    floppy_bench_destroy(t);
}

/* The DMA channel is opened late, or DMAGATE keeps the request from it. */
static void the_disk_waits_for_dma(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    outb(t->b, 0x0a, 0x06);
    FDC_SEND(t, READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    for (unsigned n = 0; n < 100; n++)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_CMD_BUSY);
    floppy_bench_save_load(t);
    outb(t->b, FDC_DOR, 0x14);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 512);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_CMD_BUSY);
    outb(t->b, FDC_DOR, 0x1c);
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
    assert_status(results, 0, 0, 0);
    floppy_bench_destroy(t);
}

static void what_cannot_be_read(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t r[16];

    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 512);
    sectors(t, READ, 0, 0, 19, 18, r);
    assert_status(r, 0x40, ST1_NO_DATA, 0);
    sectors(t, READ, 0, 0, 0, 18, r);
    assert_status(r, 0x40, ST1_NO_DATA, 0);
    sectors(t, READ, 7, 0, 1, 18, r);
    assert_status(r, 0x40, ST1_NO_DATA, ST2_WRONG_CYLINDER);
    sectors(t, READ, 0xff, 0, 1, 18, r);
    assert_status(r, 0x40, ST1_NO_DATA, ST2_BAD_CYLINDER);
    FDC_SEND(t, READ, 4, 0, 0, 1, 2, 18, 0x1b, 0xff); /* the ID says side 1 */
    fdc_results(t, r);
    assert_status(r, 0x44, ST1_NO_DATA, 0);
    FDC_SEND(t, READ, 0, 0, 0, 1, 3, 18, 0x1b, 0xff); /* sectors of 1024 bytes */
    fdc_results(t, r);
    assert_status(r, 0x40, ST1_NO_DATA, 0);
    sectors(t, READ & ~COMMAND_MFM, 0, 0, 1, 18, r);
    assert_status(r, 0x40, ST1_MISSING_MARK, 0);
    outb(t->b, FDC_DIR, FLOPPY_250K);
    sectors(t, READ, 0, 0, 1, 18, r);
    assert_status(r, 0x40, ST1_MISSING_MARK, 0);
    outb(t->b, FDC_MSR, FLOPPY_500K); /* DSR and CCR are two ways to the same bits */
    fdc_go_to(t, 0, 82);
    sectors(t, READ, 82, 0, 1, 18, r);
    assert_status(r, 0x40, ST1_MISSING_MARK, 0);
    floppy_bench_destroy(t);
}

/* All sectors of an image have the normal data mark. */
static void deleted_data(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 1024);
    sectors(t, READ_DELETED, 0, 0, 3, 18, results); /* reads one, and stops there */
    assert_status(results, 0, 0, ST2_CONTROL_MARK);
    assert_id(results, 0, 0, 3);
    g_assert_cmpuint(number_at(t, FDC_MEMORY), ==, 2);
    sectors(t, READ_DELETED | COMMAND_SK, 0, 0, 3, 18, results); /* skips them all */
    assert_status(results, 0x40, ST1_END_OF_CYLINDER, ST2_CONTROL_MARK);
    floppy_bench_destroy(t);
}

/* From the index hole on, whatever the IDs say. */
static void a_whole_track(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    fdc_go_to(t, 0, 2);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 64 * 512);
    sectors(t, 0x42, 2, 0, 1, 18, results);
    assert_status(results, 0, 0, 0);
    g_assert_cmpuint(number_at(t, FDC_MEMORY), ==, 72);
    g_assert_cmpuint(number_at(t, FDC_MEMORY + 17 * 512), ==, 72 + 17);
    sectors(t, 0x42, 9, 0, 1, 2, results);
    assert_status(results, 0, ST1_NO_DATA, 0);
    floppy_bench_destroy(t);
}

static void ids_go_round(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    fdc_go_to(t, 1, 3);
    for (unsigned n = 0; n < 40; n++) {
        FDC_SEND(t, 0x4a, 4);
        g_assert_cmpuint(fdc_results(t, results), ==, 7);
        assert_status(results, 0x04, 0, 0);
        assert_id(results, 3, 1, (uint8_t)(n % 18 + 1));
    }
    outb(t->b, FDC_DIR, FLOPPY_300K);
    FDC_SEND(t, 0x4a, 0);
    fdc_results(t, results);
    assert_status(results, 0x40, ST1_MISSING_MARK, 0);
    floppy_bench_destroy(t);
}

/* ---- Formats ---- */

static const struct {
    unsigned kib, rate, type;
    uint8_t cylinders, heads, sectors;
} formats[] = {
    { 160, FLOPPY_250K, 1, 40, 1, 8 },   { 360, FLOPPY_250K, 1, 40, 2, 9 },
    { 720, FLOPPY_250K, 3, 80, 2, 9 },   { 1200, FLOPPY_500K, 2, 80, 2, 15 },
    { 1440, FLOPPY_500K, 4, 80, 2, 18 }, { 1680, FLOPPY_500K, 4, 80, 2, 21 },
    { 1722, FLOPPY_500K, 4, 82, 2, 21 }, { 2880, FLOPPY_1M, 5, 80, 2, 36 },
};

static void every_format(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        struct floppy_bench *t = floppy_bench_create(formats[i].kib, NULL);
        uint8_t last = formats[i].cylinders - 1, head = formats[i].heads - 1, results[16];
        g_assert_cmpuint(i82078_drive_type(t->fdc, 0), ==, formats[i].type);
        g_assert_cmpuint(i82078_drive_type(t->fdc, 1), ==, 0);
        fdc_wake(t, (uint8_t)formats[i].rate, true);
        fdc_go_to(t, head, last);
        fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 512);
        sectors(t, READ & ~COMMAND_MT, last, head, formats[i].sectors, formats[i].sectors, results);
        assert_status(results, (uint8_t)(head << 2), 0, 0);
        g_assert_cmpuint(number_at(t, FDC_MEMORY), ==, formats[i].kib * 2 - 1);
        floppy_bench_destroy(t);
    }
}

/* A 360 KB disk in a 1.2 MB drive: the drive turns faster, and has two steps for each cylinder. */
static void a_small_disk_in_a_large_drive(void)
{
    struct floppy_bench *t = floppy_bench_create(360, "drive-type=120");
    uint8_t results[16];

    fdc_wake(t, FLOPPY_300K, true);
    fdc_go_to(t, 0, 20);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 512);
    sectors(t, READ, 10, 0, 1, 9, results);
    assert_status(results, 0, 0, 0);
    g_assert_cmpuint(number_at(t, FDC_MEMORY), ==, 180);
    floppy_bench_destroy(t);
}

/* ---- Writing ---- */

static void what_is_written_is_in_the_image(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    fdc_go_to(t, 0, 79);
    put_le32(t->b->ram.host + FDC_MEMORY, 0x12345678);
    put_le32(t->b->ram.host + FDC_MEMORY + 512, 0x9abcdef0);
    fdc_program_dma(t, FROM_MEMORY, FDC_MEMORY, 516); /* the rest of the second one is zeroes */
    sectors(t, WRITE, 79, 0, 17, 18, results);
    assert_status(results, 0x04, 0, 0);
    assert_id(results, 79, 1, 1);
    g_assert_cmphex(number_on_disk(t, 79 * 36 + 16), ==, 0x12345678);
    g_assert_cmphex(number_on_disk(t, 79 * 36 + 17), ==, 0x9abcdef0);
    memset(t->b->ram.host + FDC_MEMORY, 0xee, 1024);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 1024);
    sectors(t, READ, 79, 0, 17, 18, results);
    g_assert_cmphex(number_at(t, FDC_MEMORY + 512), ==, 0x9abcdef0);
    g_assert_cmphex(number_at(t, FDC_MEMORY + 1020), ==, 0);
    floppy_bench_destroy(t);
}

static void bytes_are_written_one_by_one(void)
{
    struct floppy_bench *t = disk_1440(false);
    uint8_t results[16];

    FDC_SEND(t, 0x49, 0, 0, 0, 18, 2, 18, 0x1b, 0xff); /* WRITE DELETED DATA is as good */
    for (unsigned i = 0; i < 512; i++) {
        g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_RQM | MSR_NON_DMA | MSR_CMD_BUSY);
        outb(t->b, FDC_FIFO, (uint8_t)i);
    }
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
    assert_status(results, 0x40, ST1_END_OF_CYLINDER, 0);
    g_assert_cmphex(number_on_disk(t, 17), ==, 0x03020100);
    floppy_bench_destroy(t);
}

static void a_protected_disk(void)
{
    struct floppy_bench *t = floppy_bench_create(0, NULL);
    uint8_t results[16];

    g_assert_cmpint(block_drive_change_medium(t->drive, floppy_bench_disk(1440, true), false, NULL),
                    ==, 0);
    fdc_wake(t, FLOPPY_500K, true);
    sectors(t, WRITE, 0, 0, 1, 18, results);
    assert_status(results, 0x40, ST1_WRITE_PROTECTED, 0);
    FDC_SEND(t, FORMAT, 0, 2, 18, 0x6c, 0xf6);
    fdc_results(t, results);
    assert_status(results, 0x40, ST1_WRITE_PROTECTED, 0);
    FDC_SEND(t, 0x04, 0);
    fdc_results(t, results);
    g_assert_cmphex(results[0], ==, 0x78); /* protected, track 0 */
    floppy_bench_destroy(t);
}

/* The reset button in the middle of a write; the next command waits for the image, and works. */
static void reset_while_the_image_is_busy(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    put_le32(t->b->ram.host + FDC_MEMORY, 0xabcd);
    fdc_program_dma(t, FROM_MEMORY, FDC_MEMORY, 512);
    FDC_SEND(t, WRITE, 0, 0, 0, 9, 2, 18, 0x1b, 0xff);
    outb(t->b, FDC_DOR, 0);
    fdc_wake(t, FLOPPY_500K, true);
    fdc_program_dma(t, TO_MEMORY, FDC_MEMORY, 512);
    sectors(t, READ, 0, 0, 2, 18, results);
    assert_status(results, 0, 0, 0);
    g_assert_cmpuint(number_at(t, FDC_MEMORY), ==, 1);
    g_assert_cmphex(number_on_disk(t, 8), ==, 0xabcd);
    floppy_bench_destroy(t);
}

/* ---- Formatting ---- */

static void a_track_is_formatted(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t *ids = t->b->ram.host + FDC_MEMORY, results[16];

    fdc_go_to(t, 1, 5);
    for (uint8_t n = 0; n < 18; n++)
        memcpy(ids + n * (size_t)4, (uint8_t[]){ 5, 1, (uint8_t)(n + 1), 2 }, 4);
    ids[4 * 4 + 2] = 99; /* no place in the image for this one */
    fdc_program_dma(t, FROM_MEMORY, FDC_MEMORY, 18 * 4);
    FDC_SEND(t, FORMAT, 4, 2, 18, 0x6c, 0xf6);
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
    assert_status(results, 0x04, 0, 0);
    g_assert_cmphex(number_on_disk(t, 5 * 36 + 18), ==, 0xf6f6f6f6);
    g_assert_cmphex(number_on_disk(t, 5 * 36 + 35), ==, 0xf6f6f6f6);
    g_assert_cmpuint(number_on_disk(t, 5 * 36 + 22), ==, 5 * 36 + 22);
    g_assert_cmpuint(number_on_disk(t, 5 * 36 + 17), ==, 5 * 36 + 17);
    floppy_bench_destroy(t);
}

/* The 82078's way to copy disks: ID and content of each sector. */
static void a_track_is_formatted_and_written(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t *p = t->b->ram.host + FDC_MEMORY, results[16];

    for (uint8_t n = 0; n < 2; n++) {
        memcpy(p + n * (size_t)516, (uint8_t[]){ 0, 0, (uint8_t)(n + 7), 2 }, 4);
        memset(p + n * (size_t)516 + 4, 0x40 + n, 512);
    }
    fdc_program_dma(t, FROM_MEMORY, FDC_MEMORY, 2 * 516);
    FDC_SEND(t, 0xed, 0, 2, 2, 0x6c, 0xf6);
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
    assert_status(results, 0, 0, 0);
    g_assert_cmphex(number_on_disk(t, 6), ==, 0x40404040);
    g_assert_cmphex(number_on_disk(t, 7), ==, 0x41414141);
    FDC_SEND(t, 0xed, 0, 7, 2, 0x6c, 0xf6); /* 16 KiB a sector */
    fdc_results(t, results);
    assert_status(results, 0x40, ST1_NO_DATA, 0);
    floppy_bench_destroy(t);
}

/* ---- Verifying and scanning ---- */

static void sectors_are_verified(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t results[16];

    sectors(t, VERIFY, 0, 0, 1, 18, results); /* to the end of the cylinder */
    assert_status(results, 0x04, 0, 0);
    assert_id(results, 1, 0, 1);
    FDC_SEND(t, VERIFY, 0x80, 0, 0, 4, 2, 18, 0x1b, 3); /* EC: three sectors */
    fdc_results(t, results);
    assert_status(results, 0, 0, 0);
    assert_id(results, 0, 0, 7);
    sectors(t, VERIFY, 0, 0, 1, 20, results); /* there are no sectors 19 and 20 */
    assert_status(results, 0x40, ST1_NO_DATA, 0);
    floppy_bench_destroy(t);
}

static void scan(struct floppy_bench *t, uint8_t command, uint8_t step, uint8_t *results)
{
    fdc_program_dma(t, FROM_MEMORY, FDC_MEMORY, 18 * 512);
    FDC_SEND(t, command, 0, 0, 0, 1, 2, 18, 0x1b, step);
    g_assert_cmpuint(fdc_results(t, results), ==, 7);
}

/* Bytes of 0xFF match anything, so that only the sector's number is compared. */
static void sectors_are_scanned(void)
{
    struct floppy_bench *t = disk_1440(true);
    uint8_t *p = t->b->ram.host + FDC_MEMORY, results[16];

    memset(p, 0xff, (size_t)18 * 512);
    for (unsigned n = 0; n < 18; n++)
        p[n * 512] = 6;
    scan(t, 0x51, 1, results);
    assert_status(results, 0, 0, ST2_SCAN_EQUAL);
    assert_id(results, 0, 0, 7);
    scan(t, 0x5d, 2, results); /* high or equal, every other: 0, 2, 4, 6 */
    assert_id(results, 0, 0, 7);
    for (unsigned n = 0; n < 18; n++)
        p[n * 512] = 0x40;
    scan(t, 0x59, 1, results); /* the first is lower */
    assert_status(results, 0, 0, 0);
    assert_id(results, 0, 0, 1);
    scan(t, 0x51, 1, results);
    assert_status(results, 0, 0, ST2_SCAN_FAILED);
    floppy_bench_destroy(t);
}

int main(int argc, char **argv)
{
    loop_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/floppy/dma", a_sector_comes_by_dma);
    g_test_add_func("/floppy/multi-track", a_cylinder_on_both_sides);
    g_test_add_func("/floppy/pio", sectors_come_byte_by_byte);
    g_test_add_func("/floppy/dma-waits", the_disk_waits_for_dma);
    g_test_add_func("/floppy/errors", what_cannot_be_read);
    g_test_add_func("/floppy/deleted", deleted_data);
    g_test_add_func("/floppy/read-track", a_whole_track);
    g_test_add_func("/floppy/read-id", ids_go_round);
    g_test_add_func("/floppy/formats", every_format);
    g_test_add_func("/floppy/two-steps", a_small_disk_in_a_large_drive);
    g_test_add_func("/floppy/write", what_is_written_is_in_the_image);
    g_test_add_func("/floppy/write-pio", bytes_are_written_one_by_one);
    g_test_add_func("/floppy/write-protected", a_protected_disk);
    g_test_add_func("/floppy/reset", reset_while_the_image_is_busy);
    g_test_add_func("/floppy/format", a_track_is_formatted);
    g_test_add_func("/floppy/format-and-write", a_track_is_formatted_and_written);
    g_test_add_func("/floppy/verify", sectors_are_verified);
    g_test_add_func("/floppy/scan", sectors_are_scanned);
    return g_test_run();
}
