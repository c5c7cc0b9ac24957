#include "tests/unit/floppy_bench.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "hw/dma/i8237.h"
#include "hw/floppy/i82078_internal.h"

static struct block_node *open_disk(unsigned kib, bool read_only, char **path)
{
    struct block_options o = { .format = "raw",
                               .read_only = read_only,
                               .cache = BLOCK_CACHE_UNSAFE };
    g_autoptr(GError) err = NULL;
    struct block_node *node;
    int fd = g_file_open_tmp("hvm-floppy-XXXXXX", path, NULL);

    g_assert_cmpint(fd, >=, 0);
    for (unsigned n = 0; n < kib * 2; n++) {
        uint8_t sector[512] = { 0 };
        put_le32(sector, n);
        put_le32(sector + 508, ~n);
        g_assert_cmpint(write(fd, sector, sizeof(sector)), ==, sizeof(sector));
    }
    close(fd);
    o.path = *path;
    block_open(&o, &node, &err);
    g_assert_no_error(err);
    return node;
}

struct block_node *floppy_bench_disk(unsigned kib, bool read_only)
{
    g_autofree char *path = NULL;
    struct block_node *node = open_disk(kib, read_only, &path);

    g_unlink(path);
    return node;
}

static void plug(struct floppy_bench *t)
{
    t->fdc = device_new(&i82078_kind, "fdc", &t->b->services);
    i82078_set_dma(t->fdc, t->dma, 2);
    bench_adopt(t->b, t->fdc);
    t->floppy = bench_plug(t->b, &floppy_kind, t->properties);
}

struct floppy_bench *floppy_bench_create(unsigned kib, const char *properties)
{
    struct floppy_bench *t = g_new0(struct floppy_bench, 1);

    t->properties = g_strconcat("drive=a", properties != NULL ? "," : NULL, properties, NULL);
    t->b = bench_create();
    t->drive = block_drive_new("a", NULL, kib > 0 ? open_disk(kib, false, &t->path) : NULL);
    t->b->host_service = t->drive;
    t->dma = bench_plug(t->b, &i8237_kind, NULL);
    plug(t);
    outb(t->b, 0xd6, 0xc0); /* firmware opens the cascade once */
    outb(t->b, 0xd4, 0x00);
    return t;
}

void floppy_bench_destroy(struct floppy_bench *t)
{
    bench_destroy(t->b);
    block_drive_free(t->drive);
    if (t->path != NULL)
        g_unlink(t->path);
    g_free(t->path);
    g_free(t->properties);
    g_free(t);
}

static GByteArray *save(struct floppy_bench *t)
{
    GByteArray *out = state_begin();

    i82078_drain((struct i82078 *)t->fdc);
    state_save_device(out, t->fdc);
    state_save_device(out, t->floppy);
    state_end(out);
    return out;
}

void floppy_bench_save_load(struct floppy_bench *t)
{
    g_autoptr(GByteArray) first = save(t);
    g_autoptr(GError) err = NULL;

    bench_unplug(t->b, t->floppy);
    bench_unplug(t->b, t->fdc);
    plug(t);
    g_autoptr(GArray) sections = state_parse(first->data, first->len, &err);
    g_assert_no_error(err);
    state_load_device(t->fdc, &g_array_index(sections, struct state_section, 0), &err);
    g_assert_no_error(err);
    state_load_device(t->floppy, &g_array_index(sections, struct state_section, 1), &err);
    g_assert_no_error(err);
    g_autoptr(GByteArray) second = save(t);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
}

void fdc_wait(struct floppy_bench *t)
{
    while ((inb(t->b, FDC_MSR) & MSR_RQM) == 0)
        g_main_context_iteration(NULL, TRUE);
}

void fdc_send(struct floppy_bench *t, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(inb(t->b, FDC_MSR) & (MSR_RQM | MSR_DIO), ==, MSR_RQM);
        outb(t->b, FDC_FIFO, bytes[i]);
    }
}

unsigned fdc_results(struct floppy_bench *t, uint8_t *results)
{
    unsigned n = 0;

    fdc_wait(t);
    while ((inb(t->b, FDC_MSR) & (MSR_DIO | MSR_CMD_BUSY)) == (MSR_DIO | MSR_CMD_BUSY)) {
        g_assert_cmpuint(n, <, RESULT_MAX);
        results[n++] = inb(t->b, FDC_FIFO);
    }
    return n;
}

void fdc_wake(struct floppy_bench *t, uint8_t rate, bool dma)
{
    uint8_t results[16];

    outb(t->b, FDC_DOR, 0x1c);
    for (unsigned unit = 0; unit < 4; unit++) {
        FDC_SEND(t, 0x08);
        g_assert_cmpuint(fdc_results(t, results), ==, 2);
        g_assert_cmphex(results[0], ==, 0xc0 | unit);
    }
    outb(t->b, FDC_DIR, rate);
    FDC_SEND(t, 0x03, 0xaf, dma ? 0x02 : 0x03);
}

void fdc_go_to(struct floppy_bench *t, uint8_t head, uint8_t cylinder)
{
    uint8_t results[16];

    FDC_SEND(t, 0x0f, (uint8_t)(head << 2), cylinder);
    FDC_SEND(t, 0x08);
    g_assert_cmpuint(fdc_results(t, results), ==, 2);
    g_assert_cmphex(results[0], ==, 0x20 | head << 2);
    g_assert_cmpuint(results[1], ==, cylinder);
}

void fdc_program_dma(struct floppy_bench *t, uint8_t mode, uint32_t address, unsigned bytes)
{
    outb(t->b, 0x0a, 0x06);
    outb(t->b, 0x0c, 0);
    outb(t->b, 0x0b, mode);
    outb(t->b, 0x04, (uint8_t)address);
    outb(t->b, 0x04, (uint8_t)(address >> 8));
    outb(t->b, 0x81, (uint8_t)(address >> 16));
    outb(t->b, 0x05, (uint8_t)(bytes - 1));
    outb(t->b, 0x05, (uint8_t)((bytes - 1) >> 8));
    outb(t->b, 0x0a, 0x02);
}
