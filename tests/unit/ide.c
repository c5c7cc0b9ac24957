/*
 * An IDE disk as a driver finds it: identification, PIO, bus-master DMA and its ends, resets,
 * settings.
 */
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/loop.h"
#include "tests/unit/ide_bench.h"

#define SECTORS 4096

#define READY (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define DATA  (READY | ATA_STATUS_DRQ)
#define ERROR (READY | ATA_STATUS_ERR)

#define IDNF 0x10

static uint16_t word(const uint8_t *sector, unsigned n)
{
    return get_le16(sector + 2 * (size_t)n);
}

static struct ide_bench *disk(void)
{
    return ide_bench_create(&ide_hd_kind, SECTORS, NULL);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)((seed += 0x9e3779b9u) >> 24);
}

/* What the image holds, by another way than the disk. */
static void check_image(struct ide_bench *t, uint64_t lba, const void *expected, size_t n)
{
    g_autofree uint8_t *there = g_malloc(n);
    int fd = open(t->path, O_RDONLY);

    g_assert_cmpint(pread(fd, there, n, (off_t)(lba * 512)), ==, (ssize_t)n);
    close(fd);
    g_assert_cmpmem(there, n, expected, n);
}

/* ---- Who is there ---- */

static void a_reset_shows_the_signature(void)
{
    struct ide_bench *t = disk();

    outb(t->b, IDE_CONTROL, ATA_CONTROL_SRST | ATA_CONTROL_NIEN);
    g_assert_cmphex(inb(t->b, IDE_CONTROL), ==, ATA_STATUS_BSY);
    outb(t->b, IDE_CONTROL, ATA_CONTROL_NIEN);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, 1);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_COUNT), ==, 1);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_LOW), ==, 1);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_MID), ==, 0);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_HIGH), ==, 0);
    ide_bench_destroy(t);
}

static void nobody_answers_where_nobody_is(void)
{
    struct ide_bench *t = disk();

    outb(t->b, IDE_PORT + ATA_DEVICE, 0xb0); /* there is no slave: the master says zero */
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, 0);
    outb(t->b, IDE_PORT + ATA_COMMAND, 0xec);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, 0);
    g_assert_false(t->b->line[0].level);
    g_assert_cmphex(inb(t->b, 0x177), ==, 0x7f); /* the second cable hangs in the air */
    g_assert_cmphex(inb(t->b, 0x376), ==, 0x7f);
    ide_bench_destroy(t);
}

static void the_ports_are_there_when_they_are_decoded(void)
{
    struct ide_bench *t = disk();

    cfg_write(t->b, 1, 1, 0x40, 0, 2);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, 0xff);
    g_assert_cmphex(inb(t->b, 0x177), ==, 0x7f);
    cfg_write(t->b, 1, 1, 0x40, 0x8000, 2);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, READY);
    cfg_write(t->b, 1, 1, PCI_COMMAND, 4, 2);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, 0xff);
    ide_bench_destroy(t);
}

/* A wake from S3 is a reset; Linux finds its disks again only where they are still decoded. */
static void decoding_outlives_a_reset(void)
{
    struct ide_bench *t = disk();

    device_reset(t->controller);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, 0xff); /* the command register does not */
    cfg_write(t->b, 1, 1, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, READY);
    ide_bench_destroy(t);
}

static void identify_tells_size_and_abilities(void)
{
    struct ide_bench *t = disk();
    uint8_t id[512];

    ide_command(t, 0xec, 0, 0);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    g_assert_true(t->b->line[0].level);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, DATA);
    g_assert_false(t->b->line[0].level); /* reading Status took the interrupt */
    ide_read_data(t, id, sizeof(id));
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(word(id, 0), ==, 0x0040);
    g_assert_cmpuint(word(id, 1), ==, 4); /* cylinders of 16 heads, 63 sectors */
    g_assert_cmpuint(get_le32(id + 120), ==, SECTORS);
    g_assert_cmpuint(get_le64(id + 200), ==, SECTORS);
    g_assert_cmpmem(id + 20, 4, "1S32", 4);             /* serial=S123, byte-swapped */
    g_assert_cmphex(word(id, 49) & 0x0300, ==, 0x0300); /* LBA, DMA */
    g_assert_cmphex(word(id, 63), ==, 0x0407);          /* multiword DMA 2 is selected */
    g_assert_cmphex(word(id, 83) & 0x0400, ==, 0x0400); /* 48 bits */
    ide_bench_destroy(t);
}

static void diagnostic_is_for_both_drives(void)
{
    struct ide_bench *t = disk();

    outb(t->b, IDE_PORT + ATA_DEVICE, 0xb0);
    outb(t->b, IDE_PORT + ATA_COMMAND, ATA_EXECUTE_DEVICE_DIAGNOSTIC);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, 1);
    g_assert_true(t->b->line[0].level);
    ide_bench_destroy(t);
}

/* ---- PIO ---- */

static void pio_reads_sector_after_sector(void)
{
    struct ide_bench *t = disk();
    uint8_t sector[512];

    ide_command(t, 0x20, 100, 200); /* more than the drive's buffer holds */
    for (unsigned n = 0; n < 200; n++) {
        g_assert_cmphex(ide_wait(t), ==, DATA);
        g_assert_true(t->b->line[0].level);
        inb(t->b, IDE_PORT + ATA_STATUS);
        ide_read_data(t, sector, sizeof(sector));
        ide_check_number(sector, 100 + n);
    }
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_false(t->b->line[0].level); /* none after the last block */
    g_assert_cmpuint(t->b->line[0].rises, ==, 200);
    ide_bench_destroy(t);
}

static void multiple_mode_has_an_interrupt_a_block(void)
{
    struct ide_bench *t = disk();
    uint8_t data[8 * 512];

    ide_command(t, 0xc6, 0, 3); /* no power of two */
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_command(t, 0xc4, 0, 1); /* and that disabled it */
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_command(t, 0xc6, 0, 8);
    g_assert_cmphex(ide_wait(t), ==, READY);
    inb(t->b, IDE_PORT + ATA_STATUS);
    t->b->line[0].rises = 0;
    ide_command_ext(t, 0x29, 1000, 20);
    for (unsigned n = 0; n < 20; n += 8) {
        unsigned size = MIN(8, 20 - n) * 512;
        g_assert_cmphex(ide_wait(t), ==, DATA);
        inb(t->b, IDE_PORT + ATA_STATUS);
        ide_read_data(t, data, size);
        ide_check_number(data, 1000 + n);
    }
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmpuint(t->b->line[0].rises, ==, 3);
    ide_bench_destroy(t);
}

static void pio_writes_and_flushes(void)
{
    struct ide_bench *t = disk();
    g_autofree uint8_t *data = g_malloc(200 * 512);

    fill(data, 200 * 512, 1);
    ide_command_ext(t, 0x34, 50, 200);
    g_assert_false(t->b->line[0].level); /* the first block is asked for without one */
    for (unsigned n = 0; n < 200; n++) {
        g_assert_cmphex(ide_wait(t), ==, DATA);
        inb(t->b, IDE_PORT + ATA_STATUS);
        ide_write_data(t, data + 512 * n, 512);
    }
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmpuint(t->b->line[0].rises, ==, 200);
    ide_command(t, 0xe7, 0, 0);
    g_assert_cmphex(ide_wait(t), ==, READY);
    check_image(t, 50, data, 200 * 512);
    ide_bench_destroy(t);
}

static void dwords_and_words_mix(void)
{
    struct ide_bench *t = disk();

    ide_command(t, 0x20, 7, 1);
    ide_wait(t);
    g_assert_cmphex(inw(t->b, IDE_PORT), ==, 7);
    for (unsigned i = 2; i < 506; i += 4)
        inl(t->b, IDE_PORT);
    inw(t->b, IDE_PORT);
    g_assert_cmphex(inl(t->b, IDE_PORT), ==, ~7u);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(inl(t->b, IDE_PORT), ==, 0xffffffff); /* nothing more is there */
    ide_bench_destroy(t);
}

static void chs_is_translated(void)
{
    struct ide_bench *t = disk();
    uint8_t sector[512];

    outb(t->b, IDE_PORT + ATA_COUNT, 1);
    outb(t->b, IDE_PORT + ATA_LBA_LOW, 5); /* cylinder 1, head 2, sector 5 */
    outb(t->b, IDE_PORT + ATA_LBA_MID, 1);
    outb(t->b, IDE_PORT + ATA_LBA_HIGH, 0);
    outb(t->b, IDE_PORT + ATA_DEVICE, 0xa2);
    outb(t->b, IDE_PORT + ATA_COMMAND, 0x20);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    ide_read_data(t, sector, sizeof(sector));
    ide_check_number(sector, (1 * 16 + 2) * 63 + 4);
    outb(t->b, IDE_PORT + ATA_LBA_LOW, 0); /* sectors count from 1 */
    outb(t->b, IDE_PORT + ATA_COMMAND, 0x20);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, IDNF);
    ide_bench_destroy(t);
}

static void high_bytes_are_read_with_hob(void)
{
    struct ide_bench *t = disk();

    ide_command_ext(t, 0x27, 0, 0); /* READ NATIVE MAX ADDRESS EXT */
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_LOW), ==, (SECTORS - 1) & 0xff);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_MID), ==, (SECTORS - 1) >> 8);
    outb(t->b, IDE_CONTROL, ATA_CONTROL_HOB);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_LOW), ==, 0);
    outb(t->b, IDE_PORT + ATA_COUNT, 0); /* any write brings the low ones back */
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_LOW), ==, (SECTORS - 1) & 0xff);
    ide_bench_destroy(t);
}

/* ---- DMA ---- */

static void one_sector_by_dma_and_its_interrupt(void)
{
    struct ide_bench *t = disk();

    ide_prd(t, 0, IDE_MEMORY, 512, true);
    ide_command(t, 0xc8, 42, 1);
    g_assert_cmphex(inb(t->b, IDE_CONTROL) & ATA_STATUS_BSY, ==, ATA_STATUS_BSY);
    ide_dma_start(t, true);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_true(t->b->line[0].level);
    g_assert_cmphex(ide_dma_status(t), ==, BM_INTERRUPT);
    ide_check_number(t->b->ram.host + IDE_MEMORY, 42);
    outb(t->b, IDE_BM + 2, BM_INTERRUPT);
    g_assert_cmphex(ide_dma_status(t), ==, 0);
    ide_bench_destroy(t);
}

/* "Interrupt/Activity Status Combinations" of the datasheet, and the table's three lengths. */
static void the_rule_of_completion(void)
{
    static const struct {
        uint32_t prd_bytes;
        uint8_t status; /* of the bus master */
        bool done;
    } cases[] = {
        { 4 * 512, BM_INTERRUPT, true },
        { 5 * 512, BM_INTERRUPT | BM_ACTIVE, true },
        { 3 * 512, 0, false },
        { 3 * 512 + 256, 0, false },
        { 256, 0, false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct ide_bench *t = disk();
        ide_prd(t, 0, IDE_MEMORY, cases[i].prd_bytes, true);
        ide_command(t, 0xc8, 10, 4);
        ide_dma_start(t, true);
        for (unsigned n = 0; n < 100; n++) {
            g_usleep(100);
            g_main_context_iteration(NULL, FALSE);
        }
        g_assert_cmphex(ide_dma_status(t), ==, cases[i].status);
        g_assert_true(t->b->line[0].level == cases[i].done);
        g_assert_true(((inb(t->b, IDE_CONTROL) & ATA_STATUS_BSY) == 0) == cases[i].done);
        ide_bench_destroy(t);
    }
}

/* The engine stopped early, and goes on with another table: the drive has waited. */
static void a_second_table_goes_on(void)
{
    struct ide_bench *t = disk();

    ide_prd(t, 0, IDE_MEMORY, 2 * 512, true);
    ide_command(t, 0xc8, 10, 4);
    ide_dma_start(t, true);
    while ((ide_dma_status(t) & BM_ACTIVE) != 0)
        g_main_context_iteration(NULL, TRUE);
    ide_dma_stop(t);
    ide_save_load(t);
    ide_prd(t, 0, IDE_MEMORY + 2 * 512, 2 * 512, true);
    ide_dma_start(t, true);
    g_assert_cmphex(ide_wait(t), ==, READY);
    for (uint32_t n = 0; n < 4; n++)
        ide_check_number(t->b->ram.host + IDE_MEMORY + 512 * (size_t)n, 10 + n);
    ide_bench_destroy(t);
}

/* Descriptors of odd sizes, in more pieces than the engine takes at once. */
static void scattered_writes(void)
{
    struct ide_bench *t = disk();
    unsigned bytes = 256 * 512, n = 0;
    g_autofree uint8_t *data = g_malloc(bytes);

    fill(data, bytes, 3);
    for (unsigned at = 0, size; at < bytes; at += size, n++) {
        size = MIN(2 + (n * 38) % 300 / 2 * 2, bytes - at);
        uint32_t addr = IDE_MEMORY + 2 * at + (n % 3) * 2;
        memcpy(t->b->ram.host + addr, data + at, size);
        ide_prd(t, n, addr, size, at + size == bytes);
    }
    g_assert_cmpuint(n, >, 600);
    ide_command_ext(t, 0x35, 300, 256);
    ide_dma_start(t, false);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(ide_dma_status(t), ==, BM_INTERRUPT);
    check_image(t, 300, data, bytes);
    ide_bench_destroy(t);
}

static void hostile_tables(void)
{
    static const struct {
        uint32_t table, addr;
        uint16_t command;
    } cases[] = {
        { IDE_PRDS, 0xfee00000, 5 },   /* a descriptor for what is no memory */
        { IDE_PRDS, 0xfffffffe, 5 },   /* the end of the address space */
        { 0xf0000000, IDE_MEMORY, 5 }, /* no table */
        { 0xfffffffc, IDE_MEMORY, 5 },
        { IDE_PRDS, IDE_MEMORY, 1 }, /* the bus master is not enabled */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct ide_bench *t = disk();
        cfg_write(t->b, 1, 1, PCI_COMMAND, cases[i].command, 2);
        ide_prd(t, 0, cases[i].addr, 512, true);
        ide_command(t, 0xc8, 0, 1);
        outl(t->b, IDE_BM + 4, cases[i].table);
        outb(t->b, IDE_BM, 0x09);
        g_assert_cmphex(ide_dma_status(t), ==, BM_ERROR);
        g_assert_cmpuint(t->controller->guest_faults, ==, 1);
        g_assert_false(t->b->line[0].level);
        outb(t->b, IDE_CONTROL, ATA_CONTROL_SRST); /* the way out */
        outb(t->b, IDE_CONTROL, 0);
        g_assert_cmphex(ide_wait(t), ==, READY);
        ide_bench_destroy(t);
    }
}

/* 8192 descriptors of two bytes, none of them the last: the engine gives up at 64 KiB of table. */
static void a_table_without_an_end(void)
{
    struct ide_bench *t = disk();

    for (unsigned n = 0; n < 8192; n++)
        ide_prd(t, n, IDE_MEMORY + 0x10000 + 2 * n, 2, false);
    ide_command(t, 0xc8, 0, 0);
    ide_dma_start(t, true);
    while ((ide_dma_status(t) & BM_ACTIVE) != 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmphex(ide_dma_status(t), ==, BM_ERROR);
    ide_check_number(t->b->ram.host + IDE_MEMORY + 0x10000 + 512 * 31, 31);
    ide_bench_destroy(t);
}

static void reset_in_the_middle_of_dma(void)
{
    struct ide_bench *t = disk();

    ide_prd(t, 0, IDE_MEMORY, 512 * 64, true);
    ide_command(t, 0xc8, 0, 64);
    ide_dma_start(t, true);
    outb(t->b, IDE_CONTROL, ATA_CONTROL_SRST);
    outb(t->b, IDE_CONTROL, 0);
    g_assert_cmphex(ide_wait(t), ==, READY); /* once memory is the guest's again */
    g_assert_false(t->b->line[0].level);
    ide_command(t, 0xc8, 9, 1);
    ide_dma_stop(t);
    ide_dma_start(t, true);
    g_assert_cmphex(ide_wait(t), ==, READY);
    ide_check_number(t->b->ram.host + IDE_MEMORY, 9);
    ide_prd(t, 0, IDE_MEMORY, 512 * 64, true);
    ide_command(t, 0xc8, 0, 64);
    ide_dma_stop(t);
    ide_dma_start(t, true);
    device_reset(t->controller); /* the whole machine's */
    device_reset(t->disk);
    g_assert_false(t->b->line[0].level);
    ide_bench_destroy(t);
}

/*
 * A reset selects drive 0, which is ready at once, while drive 1 has not let go of memory yet: the
 * channel moves what the one has as soon as it is done with the other's.
 */
static void reset_and_dma_of_the_other_drive(void)
{
    struct ide_bench *t = disk();
    char *path;
    struct block_drive *second = block_drive_new("second", NULL,
                                                 ide_bench_image(SECTORS, NULL, &path));

    t->b->host_service = second;
    bench_plug(t->b, &ide_hd_kind, "drive=second,unit=1");
    ide_prd(t, 0, IDE_MEMORY, 512 * 64, true);
    outb(t->b, IDE_PORT + ATA_DEVICE, 0xf0);
    outb(t->b, IDE_PORT + ATA_COUNT, 64);
    outb(t->b, IDE_PORT + ATA_COMMAND, 0xc8);
    ide_dma_start(t, true);
    outb(t->b, IDE_CONTROL, ATA_CONTROL_SRST);
    outb(t->b, IDE_CONTROL, 0);
    g_assert_cmphex(inb(t->b, IDE_CONTROL), ==, READY);
    ide_prd(t, 0, IDE_MEMORY + 0x10000, 512, true);
    ide_command(t, 0xc8, 9, 1);
    ide_dma_stop(t);
    ide_dma_start(t, true);
    g_assert_cmphex(ide_wait(t), ==, READY);
    ide_check_number(t->b->ram.host + IDE_MEMORY + 0x10000, 9);
    g_assert_cmphex(ide_dma_status(t), ==, BM_INTERRUPT);
    ide_bench_destroy(t);
    block_drive_free(second);
    unlink(path);
    g_free(path);
}

/* ---- Settings ---- */

static void settings_are_seen_in_identify(void)
{
    struct ide_bench *t = disk();
    uint8_t id[512];

    outb(t->b, IDE_PORT + ATA_FEATURES, 0x03);
    ide_command(t, 0xef, 0, 0x45);
    g_assert_cmphex(ide_wait(t), ==, READY);
    outb(t->b, IDE_PORT + ATA_FEATURES, 0x82);
    ide_command(t, 0xef, 0, 0);
    g_assert_cmphex(ide_wait(t), ==, READY);
    outb(t->b, IDE_PORT + ATA_FEATURES, 0x03);
    ide_command(t, 0xef, 0, 0x47); /* UDMA 7 is none */
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_save_load(t);
    ide_command(t, 0xec, 0, 0);
    ide_wait(t);
    ide_read_data(t, id, sizeof(id));
    g_assert_cmphex(word(id, 88), ==, 0x203f);
    g_assert_cmphex(word(id, 63), ==, 0x0007);
    g_assert_cmphex(word(id, 85) & 0x20, ==, 0); /* no write cache now */
    ide_bench_destroy(t);
}

static uint8_t power_mode(struct ide_bench *t)
{
    ide_command(t, 0xe5, 0, 0); /* CHECK POWER MODE */
    g_assert_cmphex(ide_wait(t), ==, READY);
    return inb(t->b, IDE_PORT + ATA_COUNT);
}

/* Linux wakes a disk by a VERIFY, and asks whether it is awake. */
static void what_needs_the_medium_ends_standby(void)
{
    struct ide_bench *t = disk();

    g_assert_cmphex(power_mode(t), ==, 0xff);
    ide_command(t, 0xe0, 0, 0); /* STANDBY IMMEDIATE */
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(power_mode(t), ==, 0x00);
    ide_command(t, 0x40, 0, 1); /* READ VERIFY */
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(power_mode(t), ==, 0xff);
    ide_bench_destroy(t);
}

static void smart_is_well(void)
{
    struct ide_bench *t = disk();
    uint8_t data[512], sum = 0;

    outb(t->b, IDE_PORT + ATA_FEATURES, 0xd0);
    ide_command(t, 0xb0, 0xc24f00, 1);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    ide_read_data(t, data, sizeof(data));
    for (unsigned i = 0; i < 512; i++)
        sum = (uint8_t)(sum + data[i]);
    g_assert_cmphex(sum, ==, 0);
    outb(t->b, IDE_PORT + ATA_FEATURES, 0xda);
    ide_command(t, 0xb0, 0xc24f00, 1);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_MID), ==, 0x4f);
    outb(t->b, IDE_PORT + ATA_FEATURES, 0xd9); /* disable */
    ide_command(t, 0xb0, 0xc24f00, 1);
    outb(t->b, IDE_PORT + ATA_FEATURES, 0xda);
    ide_command(t, 0xb0, 0xc24f00, 1);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_bench_destroy(t);
}

static void trim_frees_what_the_list_names(void)
{
    struct block_options o = { .discard_unmap = true };
    struct ide_bench *t = ide_bench_create(&ide_hd_kind, SECTORS, &o);
    uint8_t *list = t->b->ram.host + IDE_MEMORY, zeroes[512] = { 0 };

    memset(list, 0, 512);
    put_le64(list, UINT64_C(8) << 48 | 1024);
    put_le64(list + 16, UINT64_C(16) << 48 | 2048);
    ide_prd(t, 0, IDE_MEMORY, 512, true);
    outb(t->b, IDE_PORT + ATA_FEATURES, 0);
    outb(t->b, IDE_PORT + ATA_FEATURES, 1);
    ide_command_ext(t, 0x06, 0, 1);
    ide_dma_start(t, false);
    g_assert_cmphex(ide_wait(t), ==, READY);
    check_image(t, 1024, zeroes, 512);
    check_image(t, 2063, zeroes, 512);
    put_le64(list, UINT64_C(8) << 48 | (SECTORS - 1));
    ide_command_ext(t, 0x06, 0, 1);
    ide_dma_stop(t);
    ide_dma_start(t, false);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_bench_destroy(t);
}

int main(int argc, char **argv)
{
    loop_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/reset-signature", a_reset_shows_the_signature);
    g_test_add_func("/ide/nobody", nobody_answers_where_nobody_is);
    g_test_add_func("/ide/decode", the_ports_are_there_when_they_are_decoded);
    g_test_add_func("/ide/decode-after-reset", decoding_outlives_a_reset);
    g_test_add_func("/ide/identify", identify_tells_size_and_abilities);
    g_test_add_func("/ide/diagnostic", diagnostic_is_for_both_drives);
    g_test_add_func("/ide/pio/read", pio_reads_sector_after_sector);
    g_test_add_func("/ide/pio/multiple", multiple_mode_has_an_interrupt_a_block);
    g_test_add_func("/ide/pio/write", pio_writes_and_flushes);
    g_test_add_func("/ide/pio/widths", dwords_and_words_mix);
    g_test_add_func("/ide/chs", chs_is_translated);
    g_test_add_func("/ide/hob", high_bytes_are_read_with_hob);
    g_test_add_func("/ide/dma/sector", one_sector_by_dma_and_its_interrupt);
    g_test_add_func("/ide/dma/completion", the_rule_of_completion);
    g_test_add_func("/ide/dma/second-table", a_second_table_goes_on);
    g_test_add_func("/ide/dma/scattered", scattered_writes);
    g_test_add_func("/ide/dma/hostile", hostile_tables);
    g_test_add_func("/ide/dma/endless", a_table_without_an_end);
    g_test_add_func("/ide/dma/reset", reset_in_the_middle_of_dma);
    g_test_add_func("/ide/dma/reset-other-drive", reset_and_dma_of_the_other_drive);
    g_test_add_func("/ide/settings", settings_are_seen_in_identify);
    g_test_add_func("/ide/standby", what_needs_the_medium_ends_standby);
    g_test_add_func("/ide/smart", smart_is_well);
    g_test_add_func("/ide/trim", trim_frees_what_the_list_names);
    return g_test_run();
}
