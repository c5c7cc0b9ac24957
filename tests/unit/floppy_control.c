/*
 * What moves no data: reset, heads, status, the change line, and commands nobody should send.
 */
#include <string.h>

#include "base/loop.h"
#include "hw/floppy/i82078_internal.h"
#include "tests/unit/floppy_bench.h"
#include "tests/unit/hostile.h"

static struct floppy_bench *awake(unsigned kib)
{
    struct floppy_bench *t = floppy_bench_create(kib, NULL);

    fdc_wake(t, FLOPPY_500K, true);
    return t;
}

/* Power-on, and what Linux and every firmware ask first. */
static void it_wakes_up(void)
{
    struct floppy_bench *t = floppy_bench_create(1440, NULL);
    uint8_t r[16];

    g_assert_cmphex(inb(t->b, FDC_DOR), ==, 0);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, 0);
    g_assert_cmphex(inb(t->b, 0x3f0), ==, 0xff); /* PC/AT mode */
    outb(t->b, FDC_FIFO, 0x10);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, 0); /* it is not heard in reset */
    outb(t->b, FDC_DOR, 0x0c);
    g_assert_true(t->b->line[0].level);
    outb(t->b, FDC_DOR, 0x04);
    g_assert_false(t->b->line[0].level); /* DMAGATE is for the interrupt, too */
    fdc_wake(t, FLOPPY_500K, true);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_RQM);
    FDC_SEND(t, 0x08); /* a fifth time: there is none */
    g_assert_cmpuint(fdc_results(t, r), ==, 1);
    g_assert_cmphex(r[0], ==, 0x80);
    FDC_SEND(t, 0x10);
    g_assert_cmpuint(fdc_results(t, r), ==, 1);
    g_assert_cmphex(r[0], ==, 0x90);
    FDC_SEND(t, 0x18);
    g_assert_cmpuint(fdc_results(t, r), ==, 1);
    g_assert_cmphex(r[0], ==, 0x01);
    outb(t->b, FDC_MSR, 0x82); /* DSR's reset, which ends by itself */
    g_assert_true(t->b->line[0].level);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_RQM);
    outb(t->b, FDC_TDR, 0xfe);
    g_assert_cmphex(inb(t->b, FDC_TDR), ==, 0x02);
    floppy_bench_destroy(t);
}

static void dump(struct floppy_bench *t, uint8_t *r)
{
    FDC_SEND(t, 0x0e);
    g_assert_cmpuint(fdc_results(t, r), ==, 10);
}

static void settings_and_what_reset_leaves_of_them(void)
{
    struct floppy_bench *t = awake(1440);
    uint8_t r[16];

    FDC_SEND(t, 0x13, 0, 0x57, 0x21);
    FDC_SEND(t, 0x12, 0x80 | 0x08 | 0x03);
    FDC_SEND(t, 0x12, 0x3d); /* without OW the drives stay as they are */
    dump(t, r);
    g_assert_cmpmem(r, 10, ((uint8_t[]){ 0, 0, 0, 0, 0xaf, 0x02, 0, 0x09, 0x57, 0x21 }), 10);
    FDC_SEND(t, 0x94);
    g_assert_cmpuint(fdc_results(t, r), ==, 1);
    g_assert_cmphex(r[0], ==, 0x10);
    outb(t->b, FDC_DOR, 0);
    fdc_wake(t, FLOPPY_500K, true);
    dump(t, r); /* FIFO and precompensation are locked; polling, seeks, gap and gate are not */
    g_assert_cmpmem(r, 10, ((uint8_t[]){ 0, 0, 0, 0, 0xaf, 0x02, 0, 0x88, 0x07, 0x21 }), 10);
    FDC_SEND(t, 0x14);
    fdc_results(t, r);
    g_assert_cmphex(r[0], ==, 0);
    outb(t->b, FDC_DOR, 0);
    fdc_wake(t, FLOPPY_500K, true);
    dump(t, r);
    g_assert_cmpmem(r, 10, ((uint8_t[]){ 0, 0, 0, 0, 0xaf, 0x02, 0, 0x08, 0x20, 0x00 }), 10);
    floppy_bench_destroy(t);
}

/* A notebook switches the chip off and on: all of it comes back. */
static void save_and_restore(void)
{
    struct floppy_bench *t = awake(1440);
    uint8_t saved[16], r[16], restore[17] = { 0x4e };

    fdc_go_to(t, 0, 33);
    FDC_SEND(t, 0x13, 0, 0x57, 0x21);
    FDC_SEND(t, 0x33, 0x01);
    FDC_SEND(t, 0x17, 0x02);
    g_assert_cmpuint(fdc_results(t, r), ==, 1);
    FDC_SEND(t, 0x2e);
    g_assert_cmpuint(fdc_results(t, saved), ==, 16);
    g_assert_cmpuint(saved[2], ==, 33);
    device_reset(t->fdc);
    fdc_wake(t, FLOPPY_250K, true);
    memcpy(restore + 1, saved, 16);
    fdc_send(t, restore, sizeof(restore));
    FDC_SEND(t, 0x2e);
    g_assert_cmpuint(fdc_results(t, r), ==, 16);
    g_assert_cmpmem(r, 16, saved, 16);
    FDC_SEND(t, 0x8e, 0x00 | 0x15, 0x20 | 0x0a, 0x80);
    g_assert_cmpuint(fdc_results(t, r), ==, 4);
    g_assert_cmphex(get_le32(r), ==, 0x0a15);
    FDC_SEND(t, 0x8e, 0x40 | 0x03, 0xc0); /* no results wanted */
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_RQM);
    floppy_bench_destroy(t);
}

/* ---- Heads ---- */

static void sense(struct floppy_bench *t, uint8_t st0, uint8_t cylinder)
{
    uint8_t r[16];

    FDC_SEND(t, 0x08);
    g_assert_cmpuint(fdc_results(t, r), ==, 2);
    g_assert_cmphex(r[0], ==, st0);
    g_assert_cmpuint(r[1], ==, cylinder);
}

static void heads_move(void)
{
    struct floppy_bench *t = awake(1440);
    uint8_t r[16];

    fdc_go_to(t, 0, 82);
    FDC_SEND(t, 0x04, 0);
    fdc_results(t, r);
    g_assert_cmphex(r[0], ==, 0x28); /* not on track 0 */
    FDC_SEND(t, 0x07, 0);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_RQM | 0x01); /* until it is asked */
    sense(t, 0x70, 0);                                       /* 79 steps do not suffice */
    FDC_SEND(t, 0x07, 0);
    sense(t, 0x20, 0);
    FDC_SEND(t, 0xcf, 4, 12); /* in, side 1 */
    sense(t, 0x24, 12);
    FDC_SEND(t, 0x8f, 0, 2);
    sense(t, 0x20, 10);
    FDC_SEND(t, 0x13, 0, 0x40, 0); /* from now on the chip seeks by itself */
    fdc_program_dma(t, 0x46, FDC_MEMORY, 512);
    FDC_SEND(t, 0xe6, 0, 50, 0, 1, 2, 18, 0x1b, 0xff);
    g_assert_cmpuint(fdc_results(t, r), ==, 7);
    g_assert_cmphex(r[0], ==, 0);
    g_assert_cmpuint(get_le32(t->b->ram.host + FDC_MEMORY), ==, 1800);
    floppy_bench_destroy(t);
}

/* Firmware finds out what drives there are by moving their heads. */
static void drives_that_are_not_there(void)
{
    struct floppy_bench *t = awake(1440);

    for (uint8_t unit = 1; unit < 4; unit++) {
        FDC_SEND(t, 0x0f, unit, 10);
        sense(t, 0x20 | unit, 10);
        FDC_SEND(t, 0x07, unit);
        sense(t, 0x70 | unit, 0);
    }
    /* Two seeks end, and the line says so for each. */
    FDC_SEND(t, 0x0f, 1, 5);
    FDC_SEND(t, 0x0f, 0, 6);
    sense(t, 0x20, 6);
    g_assert_true(t->b->line[0].level);
    sense(t, 0x21, 5);
    g_assert_false(t->b->line[0].level);
    floppy_bench_destroy(t);
}

/* ---- Disks come and go ---- */

static void the_change_line(void)
{
    struct floppy_bench *t = awake(1440);

    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, DIR_CHANGE);
    FDC_SEND(t, 0x07, 0); /* no step is needed, so none is made */
    sense(t, 0x20, 0);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, DIR_CHANGE);
    fdc_go_to(t, 0, 1);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, 0);
    floppy_bench_save_load(t);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, 0);
    g_assert_cmpint(block_drive_eject(t->drive, false, NULL), ==, 0);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, DIR_CHANGE);
    fdc_go_to(t, 0, 2);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, DIR_CHANGE);
    g_assert_cmpint(block_drive_insert_medium(t->drive, floppy_bench_disk(720, false), NULL), ==,
                    0);
    g_assert_cmpint(block_drive_close_tray(t->drive, NULL), ==, 0);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, DIR_CHANGE);
    fdc_go_to(t, 0, 1);
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, 0);
    outb(t->b, FDC_DOR, 0x1d); /* nobody is at the other end of B:'s cable */
    g_assert_cmphex(inb(t->b, FDC_DIR) & DIR_CHANGE, ==, 0);
    floppy_bench_destroy(t);
}

/* Without a disk, or without its motor, the chip waits for the index hole until it is reset. */
static void a_command_waits_for_a_disk(void)
{
    struct floppy_bench *t = awake(0);
    uint8_t r[16];

    FDC_SEND(t, 0x4a, 0);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_CMD_BUSY);
    outb(t->b, FDC_DOR, 0);
    fdc_wake(t, FLOPPY_250K, true);
    outb(t->b, FDC_DOR, 0x0c);
    FDC_SEND(t, 0x4a, 0);
    floppy_bench_save_load(t);
    g_assert_cmpint(block_drive_change_medium(t->drive, floppy_bench_disk(720, false), false, NULL),
                    ==, 0);
    g_assert_cmphex(inb(t->b, FDC_MSR), ==, MSR_CMD_BUSY);
    outb(t->b, FDC_DOR, 0x1c);
    g_assert_cmpuint(fdc_results(t, r), ==, 7);
    g_assert_cmphex(r[0], ==, 0);
    floppy_bench_destroy(t);
}

/* Half a track is read when the disk is pulled out; with the next one the read goes on. */
static void a_disk_is_pulled_out(void)
{
    struct floppy_bench *t = floppy_bench_create(1440, NULL);
    uint8_t r[16];

    fdc_wake(t, FLOPPY_500K, false);
    FDC_SEND(t, 0x46, 0, 0, 0, 1, 2, 3, 0x1b, 0xff);
    fdc_wait(t);
    g_assert_cmpint(block_drive_eject(t->drive, false, NULL), ==, 0);
    for (unsigned i = 0; i < 512; i++)
        inb(t->b, FDC_FIFO);
    g_assert_cmphex(inb(t->b, FDC_MSR) & MSR_RQM, ==, 0);
    g_assert_cmpint(block_drive_insert_medium(t->drive, floppy_bench_disk(2, false), NULL), ==, 0);
    g_assert_cmpint(block_drive_close_tray(t->drive, NULL), ==, 0);
    g_assert_cmpuint(fdc_results(t, r), ==, 7); /* of no format that there is */
    g_assert_cmphex(r[0], ==, 0x40);
    g_assert_cmphex(r[1], ==, ST1_MISSING_MARK);
    floppy_bench_destroy(t);
}

/* ---- What nobody should do ---- */

/*
 * CVE-2015-3456: commands that leave the FIFO's index running. Whatever is sent in whatever phase,
 * the chip takes no byte beyond its buffers and can be reset to work again.
 */
static void the_fifo_does_not_run_over(void)
{
    static const uint8_t first[] = { 0x8e, 0x0a, 0x4a, 0x33, 0x4e, 0x2e, 0x46, 0xc5, 0x4d, 0xed };
    struct floppy_bench *t = awake(1440);
    uint8_t r[16];

    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        outb(t->b, FDC_FIFO, first[i]);
        for (unsigned n = 0; n < 3000; n++) {
            outb(t->b, FDC_FIFO, 0x01);
            if (n % 64 == 63)
                g_main_context_iteration(NULL, FALSE);
        }
        for (unsigned n = 0; n < 3000; n++)
            inb(t->b, FDC_FIFO);
        outb(t->b, FDC_DOR, 0);
        fdc_wake(t, FLOPPY_500K, i % 2 == 0);
        FDC_SEND(t, 0x10);
        g_assert_cmpuint(fdc_results(t, r), ==, 1);
    }
    g_assert_cmpuint(t->fdc->guest_faults, >, 0);
    floppy_bench_destroy(t);
}

static void invalid_commands(void)
{
    struct floppy_bench *t = awake(1440);
    uint8_t r[16];

    for (unsigned first = 0; first < 256; first++)
        if (fdc_decode((uint8_t)first)->mask == 0) {
            FDC_SEND(t, (uint8_t)first);
            g_assert_cmpuint(fdc_results(t, r), ==, 1);
            g_assert_cmphex(r[0], ==, 0x80);
        }
    floppy_bench_destroy(t);
}

static void a_hostile_guest(void)
{
    struct floppy_bench *t = awake(1440);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (uint32_t seed = 0; seed < 3000; seed++) {
        fdc_program_dma(t, seed & 1 ? 0x46 : 0x5a, FDC_MEMORY, (unsigned)g_rand_int(rand) & 0xffff);
        outb(t->b, FDC_DOR, 0x1c);
        for (unsigned n = 0; n < 20; n++)
            outb(t->b, FDC_FIFO, (uint8_t)(g_rand_int(rand) & g_rand_int(rand)));
        g_main_context_iteration(NULL, FALSE);
        hostile_ports(t->b, 0x3f0, 8, seed);
        bench_step(t->b, 1);
        if (seed % 16 == 0)
            floppy_bench_save_load(t);
        if (seed % 5 == 0)
            outb(t->b, FDC_DOR, 0);
        if (seed % 101 == 0)
            g_assert_cmpint(
                block_drive_change_medium(t->drive, floppy_bench_disk(360, seed & 1), false, NULL),
                ==, 0);
    }
    floppy_bench_destroy(t);
}

/* The image is to be read for a command that nobody has given. */
static void a_state_that_works_on_nothing(void)
{
    static const struct hostile_value fetches = { "step", 0, 3 };
    struct floppy_bench *t = awake(1440);

    g_assert_false(hostile_load(t->fdc, &fetches, 1));
    floppy_bench_destroy(t);
}

/* A saved state that somebody has made up. */
static void a_hostile_state(void)
{
    struct floppy_bench *t = awake(1440);

    for (uint32_t seed = 0; seed < 2000; seed++) {
        bench_unplug(t->b, t->floppy);
        t->fdc = hostile_state(t->b, t->fdc, NULL, seed);
        t->floppy = hostile_state(t->b, bench_plug(t->b, &floppy_kind, t->properties),
                                  t->properties, seed);
        bench_step(t->b, 1);
        outb(t->b, FDC_DOR, 0x1c);
        outb(t->b, FDC_FIFO, 0x46); /* whatever that is to it */
        hostile_ports(t->b, 0x3f0, 8, seed);
        i82078_drain((struct i82078 *)t->fdc);
    }
    floppy_bench_destroy(t);
}

int main(int argc, char **argv)
{
    loop_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/floppy-control/reset", it_wakes_up);
    g_test_add_func("/floppy-control/settings", settings_and_what_reset_leaves_of_them);
    g_test_add_func("/floppy-control/save-restore", save_and_restore);
    g_test_add_func("/floppy-control/heads", heads_move);
    g_test_add_func("/floppy-control/no-drive", drives_that_are_not_there);
    g_test_add_func("/floppy-control/change-line", the_change_line);
    g_test_add_func("/floppy-control/no-disk", a_command_waits_for_a_disk);
    g_test_add_func("/floppy-control/pulled-out", a_disk_is_pulled_out);
    g_test_add_func("/floppy-control/fifo", the_fifo_does_not_run_over);
    g_test_add_func("/floppy-control/invalid", invalid_commands);
    g_test_add_func("/floppy-control/hostile", a_hostile_guest);
    g_test_add_func("/floppy-control/saved-work", a_state_that_works_on_nothing);
    g_test_add_func("/floppy-control/hostile-state", a_hostile_state);
    return g_test_run();
}
