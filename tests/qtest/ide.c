/*
 * Sectors between an image and a guest's memory, through the whole program: the driver's way by
 * PIO and by bus master, and what the PIIX and ATA documents say of the edges.
 */
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "tests/qtest/qtest.h"

#define IDE      0x09 /* slot 1, function 1 */
#define BM       0xc000
#define PRDS     0x1000u
#define MEMORY   0x20000u
#define SECTORS  4096u
#define MISSING  (UINT64_C(1) << 32) /* no memory there, nor device */
#define FAR_DISK (UINT64_C(300) << 30)

enum { DATA, ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS };

#define BSY  0x80
#define DRDY 0x40
#define DRQ  0x08
#define ERR  0x01
#define IDNF 0x10
#define ABRT 0x04
#define UNC  0x40

#define ACTIVE    0x01
#define BM_ERROR  0x02
#define INTERRUPT 0x04

static char *path;

/* ---- The machine ---- */

/* Each sector begins with its number. */
static void make_image(uint64_t sectors)
{
    FILE *file = fopen(path, "wb");

    g_assert_nonnull(file);
    for (unsigned n = 0; n < MIN(sectors, SECTORS); n++) {
        uint8_t sector[512] = { 0 };
        put_le32(sector, n);
        put_le32(sector + 508, ~n);
        g_assert_cmpuint(fwrite(sector, 512, 1, file), ==, 1);
    }
    fclose(file);
    g_assert_cmpint(truncate(path, (off_t)(sectors * 512)), ==, 0);
}

/* What firmware does: the bus master's ports, both channels decoded, I/O and mastering on. */
static struct qtest *start(uint64_t sectors, const char *place)
{
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,%s", path, place);

    make_image(sectors);
    struct qtest *q = qtest_start(args);
    qtest_pci_write(q, IDE, 0x20, BM, 4);
    qtest_pci_write(q, IDE, 0x40, 0x80008000, 4);
    qtest_pci_write(q, IDE, 0x04, 5, 2);
    qtest_intercept(q);
    return q;
}

static void end(struct qtest *q)
{
    qtest_end(q);
    g_unlink(path);
}

static uint32_t number_in_image(uint64_t sector)
{
    g_autofree char *all = NULL;

    g_assert_true(g_file_get_contents(path, &all, NULL, NULL));
    return get_le32(all + sector * 512);
}

/* ---- The driver ---- */

static uint8_t wait_ready(struct qtest *q, uint16_t base)
{
    uint8_t status;

    while (((status = qtest_inb(q, base + 0x206)) & BSY) != 0)
        g_usleep(100);
    return status;
}

/* The upper bytes go first; an LBA28 command does not look at them. */
static void command(struct qtest *q, uint8_t opcode, uint64_t lba, uint16_t count)
{
    for (unsigned half = 0; half < 2; half++) {
        unsigned shift = half == 0 ? 24 : 0;
        qtest_outb(q, 0x1f0 + COUNT, (uint8_t)(count >> (half == 0 ? 8 : 0)));
        qtest_outb(q, 0x1f0 + LBA_LOW, (uint8_t)(lba >> shift));
        qtest_outb(q, 0x1f0 + LBA_MID, (uint8_t)(lba >> (shift + 8)));
        qtest_outb(q, 0x1f0 + LBA_HIGH, (uint8_t)(lba >> (shift + 16)));
    }
    qtest_outb(q, 0x1f0 + DEVICE, 0xe0);
    qtest_outb(q, 0x1f0 + STATUS, opcode);
}

static void read_data(struct qtest *q, uint16_t base, uint8_t *data, unsigned n)
{
    for (unsigned i = 0; i < n; i += 4)
        put_le32(data + i, qtest_inl(q, base));
}

static void prd(struct qtest *q, unsigned index, uint32_t addr, uint32_t count, bool last)
{
    qtest_writel(q, PRDS + 8 * index, addr);
    qtest_writel(q, PRDS + 8 * index + 4, count | (last ? 0x80000000u : 0));
}

static void start_dma(struct qtest *q, bool to_memory)
{
    qtest_outl(q, BM + 4, PRDS);
    qtest_outb(q, BM, to_memory ? 0x08 : 0x00); /* the direction before the start */
    qtest_outb(q, BM + 2, BM_ERROR | INTERRUPT);
    qtest_outb(q, BM, to_memory ? 0x09 : 0x01);
}

static uint8_t dma_status(struct qtest *q)
{
    return qtest_inb(q, BM + 2) & (ACTIVE | BM_ERROR | INTERRUPT);
}

/* ---- PIO ---- */

/* ATA-7, 11.5: an interrupt before each block, and reading Status takes it back. */
static void pio_read(void)
{
    struct qtest *q = start(SECTORS, "if=ide");
    uint8_t data[512];

    command(q, 0x20, 1000, 3);
    for (unsigned n = 0; n < 3; n++) {
        g_assert_cmphex(wait_ready(q, 0x1f0) & (DRQ | ERR), ==, DRQ);
        g_assert_true(qtest_irq(q, 14));
        qtest_inb(q, 0x1f0 + STATUS);
        g_assert_false(qtest_irq(q, 14));
        read_data(q, 0x1f0, data, 512);
        g_assert_cmpuint(get_le32(data), ==, 1000 + n);
        g_assert_cmpuint(get_le32(data + 508), ==, ~(1000 + n));
    }
    g_assert_cmphex(wait_ready(q, 0x1f0) & (DRQ | DRDY), ==, DRDY);
    g_assert_false(qtest_irq(q, 14)); /* none after the last */
    g_assert_cmpuint(qtest_irq_rises(q, 14), ==, 3);
    qtest_outb(q, 0x3f6, 0x02); /* nIEN */
    command(q, 0x20, 0, 1);
    wait_ready(q, 0x1f0);
    g_assert_false(qtest_irq(q, 14));
    qtest_outb(q, 0x3f6, 0x00);
    g_assert_true(qtest_irq(q, 14)); /* it was kept back, not lost */
    end(q);
}

/* No interrupt before the first block of a write, one after each. */
static void pio_write(void)
{
    struct qtest *q = start(SECTORS, "if=ide");

    command(q, 0x30, 7, 2);
    for (unsigned n = 0; n < 2; n++) {
        g_assert_cmphex(wait_ready(q, 0x1f0) & (DRQ | ERR), ==, DRQ);
        g_assert_cmpuint(qtest_irq_rises(q, 14), ==, n);
        qtest_inb(q, 0x1f0 + STATUS);
        for (unsigned i = 0; i < 256; i++)
            qtest_outw(q, 0x1f0, (uint16_t)(0xa500 + n));
    }
    wait_ready(q, 0x1f0);
    g_assert_cmpuint(qtest_irq_rises(q, 14), ==, 2);
    command(q, 0xe7, 0, 0);
    g_assert_cmphex(wait_ready(q, 0x1f0) & ERR, ==, 0);
    g_assert_cmphex(number_in_image(7), ==, 0xa500a500);
    g_assert_cmphex(number_in_image(8), ==, 0xa501a501);
    g_assert_cmphex(number_in_image(9), ==, 9);
    end(q);
}

/* In blocks of four; the last one has what is left. */
static void pio_multiple(void)
{
    struct qtest *q = start(SECTORS, "if=ide");
    uint8_t data[2048];

    command(q, 0xc6, 0, 4);
    wait_ready(q, 0x1f0);
    qtest_inb(q, 0x1f0 + STATUS);
    unsigned before = qtest_irq_rises(q, 14);
    command(q, 0xc4, 64, 6);
    for (unsigned block = 0; block < 2; block++) {
        wait_ready(q, 0x1f0);
        qtest_inb(q, 0x1f0 + STATUS);
        read_data(q, 0x1f0, data, block == 0 ? 2048 : 1024);
        g_assert_cmpuint(get_le32(data + 512), ==, 65 + 4 * block);
    }
    g_assert_cmphex(wait_ready(q, 0x1f0) & DRQ, ==, 0);
    g_assert_cmpuint(qtest_irq_rises(q, 14), ==, before + 2);
    end(q);
}

/* A reset in the middle of a block: the signature of a disk, and it works again. */
static void pio_reset(void)
{
    struct qtest *q = start(SECTORS, "if=ide");
    uint8_t data[512];

    command(q, 0x20, 5, 2);
    wait_ready(q, 0x1f0);
    read_data(q, 0x1f0, data, 100);
    qtest_outb(q, 0x3f6, 0x04);
    g_assert_cmphex(qtest_inb(q, 0x3f6) & BSY, ==, BSY);
    qtest_outb(q, 0x3f6, 0x00);
    g_assert_cmphex(wait_ready(q, 0x1f0) & (DRQ | ERR), ==, 0);
    g_assert_cmphex(qtest_inl(q, 0x1f0 + COUNT) & 0xffff, ==, 0x0101);
    g_assert_cmphex(qtest_inw(q, 0x1f0 + LBA_MID), ==, 0x0000);
    command(q, 0x20, 6, 1);
    wait_ready(q, 0x1f0);
    read_data(q, 0x1f0, data, 512);
    g_assert_cmpuint(get_le32(data), ==, 6);
    end(q);
}

/* ---- Bus master ---- */

/* Pieces of 512 bytes and of 2, in any order of addresses. */
static void dma_read(void)
{
    struct qtest *q = start(SECTORS, "if=ide");

    prd(q, 0, MEMORY + 0x1ffe, 2, false); /* a piece that ends at a page's end */
    prd(q, 1, MEMORY + 0x100, 1022, false);
    prd(q, 2, MEMORY, 0x100 + 0x100, true);
    command(q, 0xc8, 2000, 3);
    start_dma(q, true);
    wait_ready(q, 0x1f0);
    g_assert_cmphex(dma_status(q), ==, INTERRUPT); /* exactly as long as the command */
    g_assert_true(qtest_irq(q, 14));
    qtest_outb(q, BM, 0);
    qtest_inb(q, 0x1f0 + STATUS);
    g_assert_false(qtest_irq(q, 14));
    g_assert_cmphex(qtest_readl(q, MEMORY + 0x1ffe) & 0xffff, ==, 2000);
    g_assert_cmpuint(qtest_readl(q, MEMORY + 0x100 + 510), ==, 2001);
    g_assert_cmpuint(qtest_readl(q, MEMORY), ==, 2002);
    end(q);
}

/* A count of 0 is 64 KiB. */
static void dma_write(void)
{
    struct qtest *q = start(SECTORS, "if=ide");
    g_autofree uint8_t *data = g_malloc(0x10000);

    for (unsigned i = 0; i < 0x10000; i += 4)
        put_le32(data + i, i * 2654435761u);
    qtest_memwrite(q, MEMORY, data, 0x10000);
    prd(q, 0, MEMORY, 0, true);
    command(q, 0xca, 512, 128);
    start_dma(q, false);
    g_assert_cmphex(wait_ready(q, 0x1f0) & ERR, ==, 0);
    g_assert_cmphex(dma_status(q), ==, INTERRUPT);
    command(q, 0xe7, 0, 0);
    wait_ready(q, 0x1f0);
    g_autofree char *all = NULL;
    g_assert_true(g_file_get_contents(path, &all, NULL, NULL));
    g_assert_cmpmem(all + 512 * 512, 0x10000, data, 0x10000);
    g_assert_cmpuint(number_in_image(640), ==, 640);
    end(q);
}

/* 82371SB, 2.7.5, table of the Interrupt and Active bits: memory for more than the command. */
static void dma_table_too_long(void)
{
    struct qtest *q = start(SECTORS, "if=ide");

    prd(q, 0, MEMORY, 1024, true);
    command(q, 0xc8, 9, 1);
    start_dma(q, true);
    wait_ready(q, 0x1f0);
    g_assert_cmphex(dma_status(q), ==, INTERRUPT | ACTIVE);
    g_assert_cmpuint(qtest_readl(q, MEMORY), ==, 9);
    qtest_outb(q, BM, 0);
    g_assert_cmphex(dma_status(q) & ACTIVE, ==, 0);
    end(q);
}

/* And for less: it stops without an interrupt, until the driver gives up. */
static void dma_table_too_short(void)
{
    struct qtest *q = start(SECTORS, "if=ide");

    prd(q, 0, MEMORY, 512, true);
    command(q, 0xc8, 9, 2);
    start_dma(q, true);
    while ((dma_status(q) & ACTIVE) != 0)
        g_usleep(100);
    g_assert_cmphex(dma_status(q), ==, 0);
    g_assert_false(qtest_irq(q, 14));
    qtest_outb(q, BM, 0);
    qtest_outb(q, 0x3f6, 0x04);
    qtest_outb(q, 0x3f6, 0x00);
    g_assert_cmphex(wait_ready(q, 0x1f0) & (DRDY | ERR), ==, DRDY);
    end(q);
}

/* The bus master reaches memory, and only that, and only while the guest lets it. */
static void dma_to_nowhere(void)
{
    static const uint32_t nowhere[] = { 0xfec00000, 0xfed00000, 0xf0000000 };
    struct qtest *q = start(SECTORS, "if=ide");

    for (unsigned i = 0; i < G_N_ELEMENTS(nowhere); i++) {
        prd(q, 0, nowhere[i], 512, true);
        command(q, 0xc8, 1, 1);
        start_dma(q, true);
        while ((dma_status(q) & (ACTIVE | BM_ERROR)) == ACTIVE)
            g_usleep(100);
        g_assert_cmphex(dma_status(q) & BM_ERROR, ==, BM_ERROR);
        qtest_outb(q, BM, 0);
        qtest_outb(q, 0x3f6, 0x04);
        qtest_outb(q, 0x3f6, 0x00);
        wait_ready(q, 0x1f0);
    }
    prd(q, 0, MEMORY, 512, true);
    qtest_pci_write(q, IDE, 0x04, 1, 2); /* no longer a bus master */
    command(q, 0xc8, 1, 1);
    start_dma(q, true);
    g_usleep(10000);
    g_assert_cmpuint(qtest_readl(q, MEMORY), ==, 0);
    end(q);
}

/* ---- Addresses ---- */

static void lba48(void)
{
    uint64_t last = FAR_DISK / 512 - 1;
    struct qtest *q = start(FAR_DISK / 512, "if=ide");

    qtest_writel(q, MEMORY, 0xfeedface);
    prd(q, 0, MEMORY, 512, true);
    command(q, 0x35, last, 1);
    start_dma(q, false);
    g_assert_cmphex(wait_ready(q, 0x1f0) & ERR, ==, 0);
    qtest_outb(q, BM, 0);
    qtest_writel(q, MEMORY, 0);
    command(q, 0x25, last, 1);
    start_dma(q, true);
    wait_ready(q, 0x1f0);
    g_assert_cmphex(qtest_readl(q, MEMORY), ==, 0xfeedface);
    qtest_outb(q, BM, 0);
    command(q, 0x24, last, 2); /* the second one is not there */
    g_assert_cmphex(wait_ready(q, 0x1f0) & (ERR | DRQ), ==, ERR);
    g_assert_cmphex(qtest_inb(q, 0x1f0 + ERROR) & IDNF, ==, IDNF);
    end(q);
}

static void read_only(void)
{
    struct qtest *q = start(SECTORS, "if=ide,readonly=on");
    uint8_t data[512];

    command(q, 0x20, 77, 1);
    wait_ready(q, 0x1f0);
    read_data(q, 0x1f0, data, 512);
    g_assert_cmpuint(get_le32(data), ==, 77);
    prd(q, 0, MEMORY, 512, true);
    command(q, 0xca, 77, 1);
    start_dma(q, false);
    g_assert_cmphex(wait_ready(q, 0x1f0) & ERR, ==, ERR);
    end(q);
    make_image(1);
}

/* ---- ATAPI: on the second channel, as its slave ---- */

static void packet(struct qtest *q, uint8_t features, uint16_t limit, const uint8_t *bytes)
{
    qtest_outb(q, 0x170 + DEVICE, 0x10);
    qtest_outb(q, 0x170 + ERROR, features);
    qtest_outw(q, 0x170 + LBA_MID, limit);
    qtest_outb(q, 0x170 + STATUS, 0xa0);
    g_assert_cmphex(wait_ready(q, 0x170) & (DRQ | ERR), ==, DRQ);
    for (unsigned i = 0; i < 12; i += 2)
        qtest_outw(q, 0x170, get_le16(bytes + i));
}

/* READ(10) of three sectors in blocks of what the host allows: 4096, then 2048. */
static void cd_pio(void)
{
    static const uint8_t read10[12] = { 0x28, 0, 0, 0, 0, 10, 0, 0, 3 }, ready[12] = { 0 };
    struct qtest *q = start(SECTORS, "media=cdrom,index=3");
    uint8_t data[4096];

    packet(q, 0, 0, ready); /* a new disc is told of, once */
    wait_ready(q, 0x170);
    qtest_inb(q, 0x170 + STATUS);
    unsigned before = qtest_irq_rises(q, 15);
    packet(q, 0, 4096, read10);
    for (unsigned block = 0; block < 2; block++) {
        unsigned n = block == 0 ? 4096 : 2048;
        g_assert_cmphex(wait_ready(q, 0x170) & (DRQ | ERR), ==, DRQ);
        g_assert_cmphex(qtest_inb(q, 0x170 + COUNT) & 3, ==, 2); /* data, to the host */
        g_assert_cmpuint(qtest_inw(q, 0x170 + LBA_MID), ==, n);
        qtest_inb(q, 0x170 + STATUS);
        read_data(q, 0x170, data, n);
        g_assert_cmpuint(get_le32(data), ==, 40 + 8 * block);
    }
    g_assert_cmphex(wait_ready(q, 0x170) & (DRQ | ERR), ==, 0);
    g_assert_cmphex(qtest_inb(q, 0x170 + COUNT) & 3, ==, 3); /* status */
    g_assert_cmpuint(qtest_irq_rises(q, 15), ==, before + 3);
    end(q);
}

static void cd_dma(void)
{
    static const uint8_t read10[12] = { 0x28, 0, 0, 0, 1, 0, 0, 0, 4 }, ready[12] = { 0 };
    static const uint8_t beyond[12] = { 0x28, 0, 0, 0, 4, 0, 0, 0, 1 };
    struct qtest *q = start(SECTORS, "media=cdrom,index=3");

    packet(q, 0, 0, ready);
    wait_ready(q, 0x170);
    prd(q, 0, MEMORY, 4 * 2048, true);
    packet(q, 1, 0, read10);
    qtest_outl(q, BM + 8 + 4, PRDS);
    qtest_outb(q, BM + 8 + 2, BM_ERROR | INTERRUPT);
    qtest_outb(q, BM + 8, 0x09);
    g_assert_cmphex(wait_ready(q, 0x170) & (DRQ | ERR), ==, 0);
    g_assert_cmphex(qtest_inb(q, BM + 8 + 2) & 7, ==, INTERRUPT);
    g_assert_cmpuint(qtest_readl(q, MEMORY), ==, 1024);
    g_assert_cmpuint(qtest_readl(q, MEMORY + 4 * 2048 - 512), ==, 1024 + 15);
    qtest_outb(q, BM + 8, 0);
    packet(q, 0, 2048, beyond);
    g_assert_cmphex(wait_ready(q, 0x170) & ERR, ==, ERR);
    g_assert_cmphex(qtest_inb(q, 0x170 + ERROR) >> 4, ==, 5); /* illegal request */
    end(q);
}

/* IDENTIFY DEVICE, word 85: bit 5, the write cache; the driver may turn it on until the reset. */
static void write_cache_off(void)
{
    struct qtest *q = start(SECTORS, "if=none,id=d -device ide-hd,drive=d,write-cache=off");
    uint8_t data[512];

    for (unsigned on = 0; on <= 1; on++) {
        command(q, 0xec, 0, 0);
        g_assert_cmphex(wait_ready(q, 0x1f0) & DRQ, ==, DRQ);
        read_data(q, 0x1f0, data, sizeof(data));
        g_assert_cmphex(get_le16(data + 85 * 2) & 1 << 5, ==, on << 5);
        g_assert_cmphex(get_le16(data + 82 * 2) & 1 << 5, ==, 1 << 5); /* it has one */
        qtest_outb(q, 0x1f0 + ERROR, 0x02);
        command(q, 0xef, 0, 0); /* SET FEATURES: on */
        g_assert_cmphex(wait_ready(q, 0x1f0) & ERR, ==, 0);
    }
    end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-ide-XXXXXX", NULL);
    path = g_build_filename(dir, "image", NULL);
    g_test_add_func("/ide/pio-read", pio_read);
    g_test_add_func("/ide/pio-write", pio_write);
    g_test_add_func("/ide/pio-multiple", pio_multiple);
    g_test_add_func("/ide/pio-reset", pio_reset);
    g_test_add_func("/ide/dma-read", dma_read);
    g_test_add_func("/ide/dma-write", dma_write);
    g_test_add_func("/ide/dma-table-too-long", dma_table_too_long);
    g_test_add_func("/ide/dma-table-too-short", dma_table_too_short);
    g_test_add_func("/ide/dma-to-nowhere", dma_to_nowhere);
    g_test_add_func("/ide/lba48", lba48);
    g_test_add_func("/ide/read-only", read_only);
    g_test_add_func("/ide/write-cache-off", write_cache_off);
    g_test_add_func("/ide/cd-pio", cd_pio);
    g_test_add_func("/ide/cd-dma", cd_dma);
    int failed = g_test_run();
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    return failed;
}
