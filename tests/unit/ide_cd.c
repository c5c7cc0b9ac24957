/*
 * A CD drive as a driver finds it: packets, data by PIO and DMA, the tray and a change of media.
 */
#include <string.h>
#include <glib/gstdio.h>

#include "base/loop.h"
#include "tests/unit/hostile.h"
#include "tests/unit/ide_bench.h"

#define SECTORS 4096 /* of 512 bytes */

#define READY (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define DATA  (READY | ATA_STATUS_DRQ)
#define ERROR (READY | ATA_STATUS_ERR)

static struct ide_bench *cd(void)
{
    return ide_bench_create(&ide_cd_kind, SECTORS, &(struct block_options){ .read_only = true });
}

/* Sends a packet of up to 12 bytes; returns the status that comes of it. */
static uint8_t send_packet(struct ide_bench *t, const void *packet, size_t n, uint16_t limit,
                           bool dma)
{
    uint8_t all[12] = { 0 };

    memcpy(all, packet, n);
    outb(t->b, IDE_PORT + ATA_DEVICE, 0xa0);
    outb(t->b, IDE_PORT + ATA_FEATURES, dma);
    outb(t->b, IDE_PORT + ATA_LBA_MID, (uint8_t)limit);
    outb(t->b, IDE_PORT + ATA_LBA_HIGH, (uint8_t)(limit >> 8));
    outb(t->b, IDE_PORT + ATA_COMMAND, 0xa0);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_COUNT), ==, 1); /* a command is wanted */
    ide_write_data(t, all, sizeof(all));
    return ide_wait(t);
}

#define PACKET(t, limit, ...)                                                              \
    send_packet((t), (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), \
                (limit), false)

/* Reads a reply by PIO, whatever its blocks; returns its length. */
static unsigned receive(struct ide_bench *t, uint8_t *to)
{
    unsigned n = 0;

    while (ide_wait(t) == DATA) {
        unsigned block = inb(t->b, IDE_PORT + ATA_LBA_MID) | inb(t->b, IDE_PORT + ATA_LBA_HIGH)
                                                                 << 8;
        g_assert_cmphex(inb(t->b, IDE_PORT + ATA_COUNT), ==, 2);
        g_assert_true(t->b->line[0].level);
        inb(t->b, IDE_PORT + ATA_STATUS);
        ide_read_data(t, to + n, block);
        n += block;
    }
    g_assert_cmphex(inb(t->b, IDE_CONTROL), ==, READY);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_COUNT), ==, 3);
    g_assert_true(t->b->line[0].level);
    return n;
}

/* Sense key, code and qualifier in one number. */
static unsigned sense(struct ide_bench *t)
{
    uint8_t data[18];

    g_assert_cmphex(PACKET(t, 18, 0x03, 0, 0, 0, 18), ==, DATA);
    g_assert_cmpuint(receive(t, data), ==, 18);
    return (unsigned)data[2] << 16 | (unsigned)data[12] << 8 | data[13];
}

static unsigned test_unit_ready(struct ide_bench *t)
{
    return PACKET(t, 0, 0x00) == READY ? 0 : sense(t);
}

static uint32_t number_at(const uint8_t *p)
{
    g_assert_cmphex(get_le32(p + 508), ==, ~get_le32(p));
    return get_le32(p);
}

static void it_is_a_packet_device(void)
{
    struct ide_bench *t = cd();
    uint8_t id[512];

    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_STATUS), ==, 0);
    ide_command(t, 0xec, 0, 0); /* IDENTIFY DEVICE is refused by the signature */
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_MID), ==, 0x14);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_HIGH), ==, 0xeb);
    ide_command(t, 0xa1, 0, 0);
    g_assert_cmphex(ide_wait(t), ==, DATA);
    ide_read_data(t, id, sizeof(id));
    g_assert_cmphex(get_le16(id), ==, 0x85c0);
    g_assert_cmphex(ide_wait(t), ==, READY);
    outb(t->b, IDE_PORT + ATA_COMMAND, 0x08); /* DEVICE RESET */
    g_assert_cmphex(ide_wait(t), ==, 0);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_LBA_HIGH), ==, 0xeb);
    ide_bench_destroy(t);
}

static void inquiry_and_capacity(void)
{
    struct ide_bench *t = cd();
    uint8_t data[64];

    g_assert_cmphex(PACKET(t, 36, 0x12, 0, 0, 0, 36), ==, DATA);
    g_assert_cmpuint(receive(t, data), ==, 36);
    g_assert_cmphex(get_be16(data), ==, 0x0580);
    g_assert_cmphex(PACKET(t, 8, 0x25), ==, DATA);
    g_assert_cmpuint(receive(t, data), ==, 8);
    g_assert_cmpuint(get_be32(data), ==, SECTORS / 4 - 1);
    g_assert_cmpuint(get_be32(data + 4), ==, 2048);
    g_assert_cmphex(PACKET(t, 64, 0x43, 0, 0, 0, 0, 0, 0, 0, 64), ==, DATA); /* READ TOC */
    g_assert_cmpuint(receive(t, data), ==, 20);
    g_assert_cmpuint(data[14], ==, 0xaa);
    g_assert_cmpuint(get_be32(data + 16), ==, SECTORS / 4);
    ide_bench_destroy(t);
}

static void sectors_by_pio_in_blocks_of_the_hosts_size(void)
{
    static const uint16_t limits[] = { 2048, 512, 4096, 0xffff, 2046 };
    struct ide_bench *t = cd();
    g_autofree uint8_t *data = g_malloc(40 * 2048 + 4096);

    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_assert_cmphex(PACKET(t, limits[i], 0x28, 0, 0, 0, 0, 100, 0, 0, 40), ==, DATA);
        g_assert_cmpuint(receive(t, data), ==, 40 * 2048);
        for (uint32_t n = 0; n < 160; n++)
            g_assert_cmpuint(number_at(data + 512 * (size_t)n), ==, 400 + n);
    }
    ide_bench_destroy(t);
}

static void sectors_by_dma(void)
{
    static const uint8_t read10[] = { 0x28, 0, 0, 0, 0, 7, 0, 0, 4 };
    static const uint8_t inquiry[] = { 0x12, 0, 0, 0, 36 };
    struct ide_bench *t = cd();

    ide_prd(t, 0, IDE_MEMORY, 3 * 512, false);
    ide_prd(t, 1, IDE_MEMORY + 3 * 512, 4 * 2048 - 3 * 512, true);
    ide_dma_start(t, true); /* before the command: it waits for DMARQ */
    g_assert_cmphex(send_packet(t, read10, sizeof(read10), 0, true), ==, READY);
    g_assert_cmphex(ide_dma_status(t), ==, BM_INTERRUPT);
    g_assert_cmpuint(number_at(t->b->ram.host + IDE_MEMORY + 15 * 512), ==, 28 + 15);
    ide_dma_stop(t);
    ide_prd(t, 0, IDE_MEMORY, 36, true);
    ide_dma_start(t, true);
    g_assert_cmphex(send_packet(t, inquiry, sizeof(inquiry), 0, true), ==, READY);
    g_assert_cmphex(t->b->ram.host[IDE_MEMORY], ==, 0x05);
    ide_bench_destroy(t);
}

static void raw_sectors(void)
{
    struct ide_bench *t = cd();
    g_autofree uint8_t *data = g_malloc(30 * 2352);

    g_assert_cmphex(PACKET(t, 2352, 0xbe, 0, 0, 0, 0, 16, 0, 0, 30, 0xf8), ==, DATA);
    g_assert_cmpuint(receive(t, data), ==, 30 * 2352);
    for (uint32_t n = 0; n < 30; n++) {
        const uint8_t *raw = data + 2352 * (size_t)n;
        g_assert_cmphex(get_be32(raw), ==, 0x00ffffff);
        g_assert_cmphex(raw[15], ==, 1);
        g_assert_cmpuint(number_at(raw + 16), ==, (16 + n) * 4);
    }
    g_assert_cmphex(data[14], ==, 0x16); /* second 2, frame 16, in BCD */
    ide_bench_destroy(t);
}

static void what_cannot_be(void)
{
    struct ide_bench *t = cd();

    g_assert_cmphex(PACKET(t, 2048, 0x28, 0, 0, 0, 4, 0, 0, 0, 1), ==, ERROR);
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR) >> 4, ==, 5);
    g_assert_cmphex(sense(t), ==, 0x052100);
    g_assert_cmphex(sense(t), ==, 0); /* it is told once */
    g_assert_cmphex(PACKET(t, 2048, 0xf0), ==, ERROR);
    g_assert_cmphex(sense(t), ==, 0x052000);
    g_assert_cmphex(PACKET(t, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), ==, ERROR); /* no room for data */
    g_assert_cmphex(inb(t->b, IDE_PORT + ATA_ERROR), ==, 0x04);
    ide_bench_destroy(t);
}

static void an_empty_drive_gets_a_disc(void)
{
    struct ide_bench *t = ide_bench_create(&ide_cd_kind, 0, NULL);
    g_autoptr(GError) err = NULL;
    char *path;

    g_assert_cmphex(test_unit_ready(t), ==, 0x023a01);
    g_assert_cmpint(block_drive_open_tray(t->drive, false, &err), ==, 0);
    g_assert_cmphex(test_unit_ready(t), ==, 0x023a02);
    struct block_node *node = ide_bench_image(64, &(struct block_options){ .read_only = true },
                                              &path);
    g_assert_cmpint(block_drive_insert_medium(t->drive, node, &err), ==, 0);
    g_assert_cmpint(block_drive_close_tray(t->drive, &err), ==, 0);
    g_assert_cmphex(test_unit_ready(t), ==, 0x023a00);
    g_assert_cmphex(test_unit_ready(t), ==, 0x062800);
    g_assert_cmphex(test_unit_ready(t), ==, 0);
    g_unlink(path);
    g_free(path);
    ide_bench_destroy(t);
}

/* By PIO the buffer holds 32 of the sectors: for the others the disc would be needed. */
static void a_disc_that_is_taken_out_while_it_is_read(void)
{
    struct ide_bench *t = cd();
    uint8_t data[2048];

    g_assert_cmphex(PACKET(t, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 40), ==, DATA);
    g_assert_cmpint(block_drive_eject(t->drive, true, NULL), ==, 0);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    g_assert_true(t->b->line[0].level);
    g_assert_cmphex(sense(t), ==, 0x023a02);
    ide_bench_destroy(t);
    t = cd();
    g_assert_cmphex(PACKET(t, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), ==, DATA);
    g_assert_cmpint(block_drive_eject(t->drive, true, NULL), ==, 0);
    g_assert_cmpuint(receive(t, data), ==, 2048); /* this one was read already */
    ide_bench_destroy(t);
}

/* The bus master has not been started: the drive holds DMARQ, and nothing is in flight. */
static void a_disc_that_is_taken_out_before_its_transfer(void)
{
    static const uint8_t read[12] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 4 };
    struct ide_bench *t = cd();

    outb(t->b, IDE_PORT + ATA_FEATURES, 1);
    outb(t->b, IDE_PORT + ATA_COMMAND, 0xa0);
    ide_write_data(t, read, sizeof(read));
    g_assert_cmphex(inb(t->b, IDE_CONTROL), ==, ATA_STATUS_BSY);
    g_assert_cmpint(block_drive_eject(t->drive, true, NULL), ==, 0);
    ide_prd(t, 0, IDE_MEMORY, 4 * 2048, true);
    ide_dma_start(t, true);
    g_assert_cmphex(ide_wait(t), ==, ERROR);
    ide_bench_destroy(t);
}

/* An empty drive that is said to work on a disc. */
static void a_state_without_its_disc(void)
{
    static const struct hostile_value flushes = { "op", 0, 4 }, wants_more = { "left", 0, 9 };
    struct ide_bench *t = ide_bench_create(&ide_cd_kind, 0, NULL);

    g_assert_cmphex(PACKET(t, 36, 0x12, 0, 0, 0, 36), ==, DATA);
    g_assert_false(hostile_load(t->disk, &flushes, 1));
    device_reset(t->disk);
    g_assert_cmphex(PACKET(t, 36, 0x12, 0, 0, 0, 36), ==, DATA);
    g_assert_false(hostile_load(t->disk, &wants_more, 1));
    ide_bench_destroy(t);
}

static unsigned media_event(struct ide_bench *t)
{
    uint8_t data[8];

    PACKET(t, 8, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8);
    g_assert_cmpuint(receive(t, data), ==, 8);
    return (unsigned)data[4] << 8 | data[5];
}

static void the_guest_locks_the_tray(void)
{
    struct ide_bench *t = cd();
    g_autoptr(GError) err = NULL;

    g_assert_cmphex(PACKET(t, 0, 0x1e, 0, 0, 0, 1), ==, READY); /* PREVENT */
    g_assert_cmpint(block_drive_eject(t->drive, false, &err), ==, -EBUSY);
    g_assert_nonnull(err);
    g_assert_cmphex(media_event(t), ==, 0x0102); /* somebody wants it; it is there */
    g_assert_cmphex(media_event(t), ==, 0x0002);
    g_assert_cmphex(PACKET(t, 0, 0x1b, 0, 0, 0, 2), ==, ERROR); /* nor can the guest */
    g_assert_cmphex(sense(t), ==, 0x055302);
    ide_save_load(t);
    g_assert_cmphex(PACKET(t, 0, 0x1b, 0, 0, 0, 2), ==, ERROR);
    PACKET(t, 0, 0x1e);
    g_assert_cmphex(PACKET(t, 0, 0x1b, 0, 0, 0, 2), ==, READY); /* the tray opens */
    g_assert_cmphex(media_event(t), ==, 0x0303);
    g_assert_cmphex(test_unit_ready(t), ==, 0x023a02);
    g_assert_cmphex(PACKET(t, 0, 0x1b, 0, 0, 0, 3), ==, READY); /* and closes */
    g_assert_cmphex(media_event(t), ==, 0x0202);
    g_assert_cmpint(block_drive_eject(t->drive, true, NULL), ==, 0);
    g_assert_null(t->drive->node);
    ide_bench_destroy(t);
}

static void a_hostile_guest(void)
{
    struct ide_bench *t = cd();
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (uint32_t seed = 0; seed < 2000; seed++) {
        uint8_t packet[12], data[2];
        for (unsigned i = 0; i < 12; i++)
            packet[i] = (uint8_t)(g_rand_int(rand) & g_rand_int(rand));
        packet[0] = (uint8_t)g_rand_int(rand);
        outb(t->b, IDE_PORT + ATA_FEATURES, seed & 1);
        outb(t->b, IDE_PORT + ATA_LBA_HIGH, (uint8_t)g_rand_int(rand));
        outb(t->b, IDE_PORT + ATA_COMMAND, 0xa0);
        ide_write_data(t, packet, sizeof(packet));
        g_main_context_iteration(NULL, FALSE);
        for (unsigned n = 0; n < seed % 3000; n++)
            ide_read_data(t, data, 2);
        if (seed % 7 == 0)
            t->disk = hostile_state(t->b, t->disk, "drive=disk,serial=S123", seed);
        hostile_ports(t->b, IDE_PORT, 8, seed);
        bench_step(t->b, 1);
        device_reset(t->disk);
        device_reset(t->controller);
        cfg_write(t->b, 1, 1, 0x40, 0x80008000, 4);
        cfg_write(t->b, 1, 1, PCI_COMMAND, 5, 2);
    }
    ide_bench_destroy(t);
}

int main(int argc, char **argv)
{
    loop_init();
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide-cd/signature", it_is_a_packet_device);
    g_test_add_func("/ide-cd/inquiry", inquiry_and_capacity);
    g_test_add_func("/ide-cd/pio", sectors_by_pio_in_blocks_of_the_hosts_size);
    g_test_add_func("/ide-cd/dma", sectors_by_dma);
    g_test_add_func("/ide-cd/raw", raw_sectors);
    g_test_add_func("/ide-cd/errors", what_cannot_be);
    g_test_add_func("/ide-cd/insert", an_empty_drive_gets_a_disc);
    g_test_add_func("/ide-cd/taken", a_disc_that_is_taken_out_while_it_is_read);
    g_test_add_func("/ide-cd/taken-before", a_disc_that_is_taken_out_before_its_transfer);
    g_test_add_func("/ide-cd/saved-without", a_state_without_its_disc);
    g_test_add_func("/ide-cd/tray", the_guest_locks_the_tray);
    g_test_add_func("/ide-cd/hostile", a_hostile_guest);
    return g_test_run();
}
