#include "tests/unit/ide_bench.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define COMMAND_IO_AND_MASTER 5
#define IDETIM                0x40
#define BAR4                  0x20

struct block_node *ide_bench_image(unsigned sectors, const struct block_options *options,
                                   char **path)
{
    struct block_options o = options != NULL ? *options : (struct block_options){ 0 };
    g_autoptr(GError) err = NULL;
    struct block_node *node;
    int fd = g_file_open_tmp("hvm-ide-XXXXXX", path, NULL);

    g_assert_cmpint(fd, >=, 0);
    for (unsigned n = 0; n < sectors; n++) {
        uint8_t sector[512] = { 0 };
        put_le32(sector, n);
        put_le32(sector + 508, ~n);
        g_assert_cmpint(write(fd, sector, sizeof(sector)), ==, sizeof(sector));
    }
    close(fd);
    o.path = *path;
    o.format = "raw";
    block_open(&o, &node, &err);
    g_assert_no_error(err);
    return node;
}

struct ide_bench *ide_bench_create(const struct device_kind *kind, unsigned sectors,
                                   const struct block_options *options)
{
    struct ide_bench *t = g_new0(struct ide_bench, 1);
    struct block_node *node = sectors > 0 ? ide_bench_image(sectors, options, &t->path) : NULL;

    t->b = bench_create();
    t->drive = block_drive_new("disk", NULL, node);
    t->b->host_service = t->drive;
    t->controller = bench_plug(t->b, &piix3_ide_kind, "addr=1.1");
    t->disk = bench_plug(t->b, kind, "drive=disk,serial=S123");
    cfg_write(t->b, 1, 1, BAR4, IDE_BM, 4);
    cfg_write(t->b, 1, 1, IDETIM, 0x80008000, 4);
    cfg_write(t->b, 1, 1, PCI_COMMAND, COMMAND_IO_AND_MASTER, 2);
    return t;
}

void ide_bench_destroy(struct ide_bench *t)
{
    bench_destroy(t->b);
    block_drive_free(t->drive);
    if (t->path != NULL)
        g_unlink(t->path);
    g_free(t->path);
    g_free(t);
}

uint8_t ide_wait(struct ide_bench *t)
{
    while ((inb(t->b, IDE_CONTROL) & ATA_STATUS_BSY) != 0)
        g_main_context_iteration(NULL, TRUE);
    return inb(t->b, IDE_CONTROL);
}

void ide_command(struct ide_bench *t, uint8_t command, uint32_t lba, uint8_t count)
{
    outb(t->b, IDE_PORT + ATA_COUNT, count);
    outb(t->b, IDE_PORT + ATA_LBA_LOW, (uint8_t)lba);
    outb(t->b, IDE_PORT + ATA_LBA_MID, (uint8_t)(lba >> 8));
    outb(t->b, IDE_PORT + ATA_LBA_HIGH, (uint8_t)(lba >> 16));
    outb(t->b, IDE_PORT + ATA_DEVICE, (uint8_t)(0xe0 | (lba >> 24 & 0x0f)));
    outb(t->b, IDE_PORT + ATA_COMMAND, command);
}

void ide_command_ext(struct ide_bench *t, uint8_t command, uint64_t lba, uint16_t count)
{
    for (unsigned half = 0; half < 2; half++) { /* the upper bytes first */
        unsigned shift = half == 0 ? 24 : 0;
        outb(t->b, IDE_PORT + ATA_COUNT, (uint8_t)(count >> (half == 0 ? 8 : 0)));
        outb(t->b, IDE_PORT + ATA_LBA_LOW, (uint8_t)(lba >> shift));
        outb(t->b, IDE_PORT + ATA_LBA_MID, (uint8_t)(lba >> (shift + 8)));
        outb(t->b, IDE_PORT + ATA_LBA_HIGH, (uint8_t)(lba >> (shift + 16)));
    }
    outb(t->b, IDE_PORT + ATA_DEVICE, 0xe0);
    outb(t->b, IDE_PORT + ATA_COMMAND, command);
}

void ide_read_data(struct ide_bench *t, void *to, unsigned n)
{
    uint8_t *p = to;

    for (unsigned i = 0; i < n; i += 2)
        put_le16(p + i, inw(t->b, IDE_PORT));
}

void ide_write_data(struct ide_bench *t, const void *from, unsigned n)
{
    const uint8_t *p = from;

    for (unsigned i = 0; i < n; i += 2)
        outw(t->b, IDE_PORT, get_le16(p + i));
}

void ide_check_number(const uint8_t *sector, uint32_t n)
{
    g_assert_cmphex(get_le32(sector), ==, n);
    g_assert_cmphex(get_le32(sector + 508), ==, ~n);
}

void ide_prd(struct ide_bench *t, unsigned index, uint32_t addr, uint32_t count, bool last)
{
    uint8_t *prd = t->b->ram.host + IDE_PRDS + 8 * (size_t)index;

    put_le32(prd, addr);
    put_le32(prd + 4, count | (last ? 0x80000000u : 0));
}

void ide_dma_start(struct ide_bench *t, bool to_memory)
{
    outl(t->b, IDE_BM + 4, IDE_PRDS);
    outb(t->b, IDE_BM + 2, BM_ERROR | BM_INTERRUPT);
    outb(t->b, IDE_BM, to_memory ? 0x09 : 0x01);
}

uint8_t ide_dma_status(struct ide_bench *t)
{
    return inb(t->b, IDE_BM + 2) & (BM_ACTIVE | BM_ERROR | BM_INTERRUPT);
}

void ide_dma_stop(struct ide_bench *t)
{
    outb(t->b, IDE_BM, 0);
}

void ide_save_load(struct ide_bench *t)
{
    t->disk = bench_save_load(t->b, t->disk, "drive=disk,serial=S123");
}
