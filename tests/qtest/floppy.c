/*
 * A floppy in the whole machine: ports, IRQ6, DMA channel 2, CMOS, and media changed by QMP.
 */
#include <stdio.h>
#include <string.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "tests/qtest/qtest.h"

#define DOR  0x3f2
#define MSR  0x3f4
#define FIFO 0x3f5
#define DIR  0x3f7

#define MEMORY 0x8000u

static char *dir;

/* A raw disk of so many KiB whose sectors start with their numbers. The caller owns the path. */
static char *make_disk(const char *name, unsigned kib)
{
    char *path = g_build_filename(dir, name, NULL);
    FILE *file = fopen(path, "wb");

    g_assert_nonnull(file);
    for (unsigned n = 0; n < kib * 2; n++) {
        uint8_t sector[512] = { 0 };
        put_le32(sector, n);
        g_assert_cmpuint(fwrite(sector, 512, 1, file), ==, 1);
    }
    fclose(file);
    return path;
}

static struct qtest *start(const char *path)
{
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,if=floppy", path);

    return qtest_start(args);
}

static uint8_t cmos(struct qtest *q, uint8_t index)
{
    qtest_outb(q, 0x70, index);
    return qtest_inb(q, 0x71);
}

static void send(struct qtest *q, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(qtest_inb(q, MSR) & 0xc0, ==, 0x80);
        qtest_outb(q, FIFO, bytes[i]);
    }
}
#define SEND(q, ...) \
    send(q, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static unsigned results(struct qtest *q, uint8_t *into)
{
    unsigned n = 0;

    while ((qtest_inb(q, MSR) & 0x80) == 0)
        g_usleep(100);
    while ((qtest_inb(q, MSR) & 0x50) == 0x50 && n < 16)
        into[n++] = qtest_inb(q, FIFO);
    return n;
}

/* Out of reset, motor on, 500 kb/s, DMA. */
static void wake(struct qtest *q)
{
    uint8_t r[16];

    qtest_outb(q, DOR, 0);
    qtest_outb(q, DOR, 0x1c);
    for (unsigned i = 0; i < 4; i++) {
        SEND(q, 0x08);
        g_assert_cmpuint(results(q, r), ==, 2);
    }
    qtest_outb(q, DIR, 0);
    SEND(q, 0x03, 0xaf, 0x02);
    qtest_outb(q, 0xd6, 0xc0);
    qtest_outb(q, 0xd4, 0);
}

static void program_dma(struct qtest *q, uint8_t mode, unsigned bytes)
{
    qtest_outb(q, 0x0a, 0x06);
    qtest_outb(q, 0x0c, 0);
    qtest_outb(q, 0x0b, mode);
    qtest_outb(q, 0x04, MEMORY & 0xff);
    qtest_outb(q, 0x04, MEMORY >> 8);
    qtest_outb(q, 0x81, 0);
    qtest_outb(q, 0x05, (uint8_t)(bytes - 1));
    qtest_outb(q, 0x05, (uint8_t)((bytes - 1) >> 8));
    qtest_outb(q, 0x0a, 0x02);
}

/* ---- Stories ---- */

static void test_not_asked_for(void)
{
    struct qtest *q = qtest_start("");

    g_assert_cmphex(qtest_inb(q, DOR), ==, 0xff);
    g_assert_cmphex(qtest_inb(q, MSR), ==, 0xff);
    g_assert_cmphex(cmos(q, 0x10), ==, 0);
    g_assert_cmphex(cmos(q, 0x14) & 0xc1, ==, 0);
    qtest_end(q);
}

/* What firmware learns of the drives. */
static void test_cmos(void)
{
    g_autofree char *a = make_disk("a", 1440), *b = make_disk("b", 2880);
    g_autofree char *args = g_strdup_printf("-fda %s -fdb %s", a, b);
    struct qtest *q = qtest_start(args);

    g_assert_cmphex(cmos(q, 0x10), ==, 0x45);
    g_assert_cmphex(cmos(q, 0x14) & 0xc1, ==, 0x41);
    qtest_end(q);
    q = qtest_start("-device floppy");
    g_assert_cmphex(cmos(q, 0x10), ==, 0x40);
    qtest_end(q);
    g_unlink(a);
    g_unlink(b);
}

static void test_read_and_write(void)
{
    g_autofree char *path = make_disk("a", 1440), *all = NULL;
    struct qtest *q = start(path);
    uint8_t r[16];

    qtest_intercept(q);
    wake(q);
    unsigned before = qtest_irq_rises(q, 6);
    SEND(q, 0x0f, 0, 10);
    g_assert_true(qtest_irq(q, 6));
    SEND(q, 0x08);
    g_assert_cmpuint(results(q, r), ==, 2);
    g_assert_false(qtest_irq(q, 6));
    program_dma(q, 0x46, 36 * 512);
    SEND(q, 0xe6, 0, 10, 0, 1, 2, 18, 0x1b, 0xff);
    g_assert_cmpuint(results(q, r), ==, 7);
    g_assert_cmphex(get_le32(r) & 0xffffff, ==, 0x000004);
    g_assert_cmpuint(qtest_irq_rises(q, 6), ==, before + 2);
    for (unsigned n = 0; n < 36; n++)
        g_assert_cmpuint(qtest_readl(q, MEMORY + n * 512), ==, 360 + n);
    qtest_writel(q, MEMORY, 0x600df00d);
    program_dma(q, 0x4a, 512);
    SEND(q, 0xc5, 0, 10, 0, 3, 2, 18, 0x1b, 0xff);
    g_assert_cmpuint(results(q, r), ==, 7);
    g_assert_cmphex(r[0], ==, 0);
    g_assert_true(g_file_get_contents(path, &all, NULL, NULL)); /* nobody had to flush */
    g_assert_cmphex(get_le32(all + 362 * 512), ==, 0x600df00d);
    qtest_end(q);
    g_unlink(path);
}

static void qmp_ok(JsonObject *reply)
{
    g_assert_true(json_object_has_member(reply, "return"));
    json_object_unref(reply);
}

/* The driver sees the change line, steps, and reads the other disk. */
static void test_media_change(void)
{
    g_autofree char *one = make_disk("one", 1440), *other = make_disk("other", 1440);
    struct qtest *q = start(one);
    uint8_t r[16];

    wake(q);
    SEND(q, 0x0f, 0, 1);
    SEND(q, 0x08);
    results(q, r);
    g_assert_cmphex(qtest_inb(q, DIR) & 0x80, ==, 0);
    qmp_ok(qtest_qmp(q, "\"execute\": \"eject\", \"arguments\": {\"device\": \"floppy0\"}"));
    g_assert_cmphex(qtest_inb(q, DIR) & 0x80, ==, 0x80);
    qmp_ok(qtest_qmp(q,
                     "\"execute\": \"blockdev-change-medium\", \"arguments\":"
                     " {\"device\": \"floppy0\", \"filename\": \"%s\", \"format\": \"raw\"}",
                     other));
    g_assert_cmphex(qtest_inb(q, DIR) & 0x80, ==, 0x80);
    SEND(q, 0x0f, 0, 0);
    SEND(q, 0x08);
    results(q, r);
    g_assert_cmphex(qtest_inb(q, DIR) & 0x80, ==, 0);
    program_dma(q, 0x46, 512);
    SEND(q, 0xe6, 0, 0, 0, 9, 2, 18, 0x1b, 0xff);
    g_assert_cmpuint(results(q, r), ==, 7);
    g_assert_cmpuint(qtest_readl(q, MEMORY), ==, 8);
    qtest_end(q);
    g_unlink(one);
    g_unlink(other);
}

static void test_wrong_size(void)
{
    g_autofree char *path = make_disk("odd", 1000), *errors = NULL, *output = NULL;
    g_autofree char *args = g_strdup_printf("-accel qtest -drive file=%s,format=raw,if=floppy",
                                            path);

    g_assert_cmpint(qtest_run(args, &output, &errors), ==, 1);
    g_assert_nonnull(strstr(errors, "is no floppy's size"));
    g_assert_nonnull(strstr(errors, path));
    g_unlink(path);
}

/* Half a track is in memory when the machine is saved; the other half comes after it was loaded. */
static void test_saved(void)
{
    g_autofree char *path = make_disk("a", 1440), *state = g_build_filename(dir, "state", NULL);
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,if=floppy -incoming file:%s",
                                            path, state);
    struct qtest *q = start(path);
    uint8_t r[16];

    wake(q);
    program_dma(q, 0x46, 9 * 512);
    SEND(q, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    results(q, r);
    qtest_outb(q, 0x0a, 0x06); /* the channel is masked: the disk waits */
    SEND(q, 0xe6, 0, 0, 0, 10, 2, 18, 0x1b, 0xff);
    qtest_qmp_do(q, "stop");
    qmp_ok(qtest_qmp(
        q, "\"execute\": \"xen-save-devices-state\", \"arguments\": {\"filename\": \"%s\"}",
        state));
    qtest_end(q);
    q = qtest_start(args);
    g_autofree char *status = NULL;
    while (status = qtest_qmp_status(q), strcmp(status, "running") != 0) {
        g_free(status);
        g_usleep(1000);
    }
    g_assert_cmphex(qtest_inb(q, MSR), ==, 0x10);
    program_dma(q, 0x46, 9 * 512);
    g_assert_cmpuint(results(q, r), ==, 7);
    g_assert_cmpuint(qtest_readl(q, MEMORY), ==, 9);
    g_assert_cmpuint(qtest_readl(q, MEMORY + 8 * 512), ==, 17);
    qtest_end(q);
    g_unlink(path);
    g_unlink(state);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("hvm-dm-floppy-XXXXXX", NULL);
    g_test_add_func("/floppy/not-asked-for", test_not_asked_for);
    g_test_add_func("/floppy/cmos", test_cmos);
    g_test_add_func("/floppy/read-and-write", test_read_and_write);
    g_test_add_func("/floppy/media-change", test_media_change);
    g_test_add_func("/floppy/wrong-size", test_wrong_size);
    g_test_add_func("/floppy/saved", test_saved);
    int failed = g_test_run();
    g_rmdir(dir);
    g_free(dir);
    return failed;
}
