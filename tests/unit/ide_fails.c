/*
 * An IDE disk when things go wrong: addresses and commands that are none, media that fail or go
 * away, a machine that is saved in the middle, and a guest that tries everything.
 */
#include "base/loop.h"
#include "tests/unit/hostile.h"
#include "tests/unit/ide_bench.h"

#define SECTORS 4096

#define READY (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define DATA  (READY | ATA_STATUS_DRQ)
#define ERROR (READY | ATA_STATUS_ERR)

#define ABRT 0x04
#define IDNF 0x10

static struct ide_bench *disk(void)
{
    return ide_bench_create(&ide_hd_kind, SECTORS, NULL);
}

/* ---- What fails ---- */

static void addresses_beyond_the_end(void)
{
    struct ide_bench *t = disk();

    ide_command(t, 0x20, SECTORS - 1, 2);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, IDNF);
    ide_command_ext(t, 0x25, UINT64_C(0xffffffffffff), 0);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_command(t, 0x40, 0, 0); /* VERIFY of 256 sectors that are there */
    g_assert_cmphex(ide_wait(t), ==, READY);
    ide_bench_destroy(t);
}

static void unknown_commands_are_aborted(void)
{
    static const uint8_t unknown[] = { 0x00, 0x01, 0xa0, 0xa1, 0xff, 0x5c, 0xf1 };
    struct ide_bench *t = disk();

    for (unsigned i = 0; i < G_N_ELEMENTS(unknown); i++) {
        ide_command(t, unknown[i], 0, 1);
        g_assert_cmphex(ide_wait(t), ==, ERROR);
        g_assert_true(t->b->line[0].level);
        g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, ABRT);
    }
    ide_bench_destroy(t);
}

static void a_read_only_disk_can_be_read(void)
{
    struct block_options o = { .read_only = true };
    struct ide_bench *t = ide_bench_create(&ide_hd_kind, SECTORS, &o);
    uint8_t sector[512];

    ide_command(t, 0x30, 0, 1);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_command(t, 0x20, 3, 1);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    ide_read_data(t, sector, 512);
    ide_check_number(sector, 3);
    ide_bench_destroy(t);
}

static void machine_stops(void *opaque)
{
    ++*(unsigned *)((struct bench *)opaque)->host_service;
}

/* Somebody else takes the disk's image away for a while, so that requests fail. */
static struct block_user *take_away(struct ide_bench *t)
{
    struct block_user *other = block_attach(t->drive->node, "other", NULL, NULL);

    g_assert_cmpint(block_hand_over(other), ==, 0);
    return other;
}

/* The disk attaches anew when it is loaded: the first to attach may do I/O. */
static void rerror_stop_retries(void)
{
    struct block_options o = { .rerror = BLOCK_ON_ERROR_STOP };
    struct ide_bench *t = ide_bench_create(&ide_hd_kind, SECTORS, &o);
    unsigned stops = 0;

    t->b->services.io_error = machine_stops;
    t->b->host_service = &stops;
    struct block_user *other = take_away(t);
    ide_prd(t, 0, IDE_MEMORY, 512 * 4, true);
    ide_command(t, 0xc8, 200, 4);
    ide_dma_start(t, true);
    while (stops == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmphex(ide_dma_status(t), ==, BM_ACTIVE);
    block_detach(other);
    t->b->host_service = t->drive;
    ide_save_load(t); /* a machine that is stopped by an error can be saved, too */
    bench_step(t->b, 1);
    g_assert_cmphex(ide_wait(t), ==, READY);
    g_assert_cmphex(ide_dma_status(t), ==, BM_INTERRUPT);
    ide_check_number(t->b->ram.host + IDE_MEMORY + 3 * 512, 203);
    ide_bench_destroy(t);
}

static void rerror_report_says_where(void)
{
    struct ide_bench *t = disk();
    struct block_user *other = take_away(t);

    ide_command(t, 0x20, 200, 4);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, 0x40);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_LOW), ==, 200);
    block_detach(other);
    ide_bench_destroy(t);
}

/* Xen's unplug: the disk is off the cable, and its image is another's for a while. */
static void an_unplugged_disk_is_not_there(void)
{
    struct ide_bench *t = disk();
    uint8_t sector[512];

    ide_command(t, 0x20, 1, 1); /* even in the middle of a command */
    ata_hide(t->disk, true);
    g_assert_cmphex(inb(t->b, IDE_CONTROL), ==, 0x7f);
    g_assert_false(t->b->line[0].level);
    struct block_user *other = take_away(t);
    ata_hide(t->disk, false);
    ide_command(t, 0x20, 77, 1);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    ide_read_data(t, sector, sizeof(sector));
    ide_check_number(sector, 77);
    block_detach(other);
    ata_hide(t->disk, true); /* and so it can be destroyed, too */
    ide_bench_destroy(t);
}

/* ---- Saved state, and anything at all ---- */

static void saved_in_the_middle_of_a_block(void)
{
    struct ide_bench *t = disk();
    uint8_t data[512];

    ide_command(t, 0x20, 5, 2);
    ide_wait(t);
    ide_read_data(t, data, 100);
    ide_save_load(t);
    ide_read_data(t, data + 100, 412);
    ide_check_number(data, 5);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    ide_read_data(t, data, 512);
    ide_check_number(data, 6);
    ide_bench_destroy(t);
}

/* The guest has cleared the bus master's bit, but not read Status yet: it stays clear. */
static void saved_with_an_interrupt_pending(void)
{
    struct ide_bench *t = disk();

    ide_command(t, 0x20, 5, 1);
    ide_wait(t);
    g_assert_cmphex(ide_dma_status(t) & BM_INTERRUPT, ==, BM_INTERRUPT);
    outb(t->b, IDE_BM + 2, BM_INTERRUPT);
    ide_save_load(t);
    g_assert_cmphex(ide_dma_status(t) & BM_INTERRUPT, ==, 0);
    ide_bench_destroy(t);
}

/* In the middle of a block, the medium works as well, and the next byte lies behind the block. */
static void a_state_that_would_leave_the_buffer(void)
{
    static const struct hostile_value values[] = { { "op", 0, 1 },
                                                   { "at", 0, 100 },
                                                   { "end", 0, 50 } };
    struct ide_bench *t = disk();

    ide_command(t, 0x20, 5, 2);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    g_assert_false(hostile_load(t->disk, values, G_N_ELEMENTS(values)));
    ide_bench_destroy(t);
}

static void a_hostile_guest(void)
{
    struct ide_bench *t = disk();

    for (uint32_t seed = 0; seed < 1000; seed++) {
        memset(t->b->ram.host, (int)seed, 0x2000);
        for (unsigned n = 0; n < 4; n++) {
            hostile_ports(t->b, IDE_PORT, 8, seed * 8 + n);
            hostile_ports(t->b, IDE_BM, 16, seed);
            g_main_context_iteration(NULL, FALSE);
        }
        device_reset(t->disk);
        ide_command(t, 0x20, seed, 2);
        ide_wait(t);
        t->disk = hostile_state(t->b, t->disk, "drive=disk,serial=S123", seed);
        bench_step(t->b, 1);
        hostile_ports(t->b, IDE_PORT, 8, seed);
        device_reset(t->controller);
        device_reset(t->disk);
        cfg_write(t->b, 1, 1, 0x20, IDE_BM, 4);
        cfg_write(t->b, 1, 1, 0x40, 0x80008000, 4);
        cfg_write(t->b, 1, 1, PCI_COMMAND, 5, 2);
    }
    ide_bench_destroy(t);
}

int main(int argc, char **argv)
{
    loop_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/fails/range", addresses_beyond_the_end);
    g_test_add_func("/ide/fails/unknown", unknown_commands_are_aborted);
    g_test_add_func("/ide/fails/read-only", a_read_only_disk_can_be_read);
    g_test_add_func("/ide/fails/stop", rerror_stop_retries);
    g_test_add_func("/ide/fails/report", rerror_report_says_where);
    g_test_add_func("/ide/unplug", an_unplugged_disk_is_not_there);
    g_test_add_func("/ide/saved", saved_in_the_middle_of_a_block);
    g_test_add_func("/ide/saved-interrupt", saved_with_an_interrupt_pending);
    g_test_add_func("/ide/saved-outside", a_state_that_would_leave_the_buffer);
    g_test_add_func("/ide/hostile", a_hostile_guest);
    return g_test_run();
}
