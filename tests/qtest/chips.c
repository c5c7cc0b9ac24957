/*
 * A driver's life with each of the small chips, through the whole program: from the first look at
 * it to its interrupt on the board's line. Each chip's every mode is in tests/unit; the larger ones
 * have files of their own here.
 */
#include <unistd.h>
#include <glib/gstdio.h>

#include "tests/qtest/qtest.h"

#define S  INT64_C(1000000000)
#define MS INT64_C(1000000)

/* What a chip has given to the host in a file, in which nothing else is. */
static void expect_file(const char *path, const char *wanted)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, wanted);
    g_unlink(path);
}

/* ---- 8254: counter 2 and its gate at port 0x61 ---- */

static void test_speaker(void)
{
    struct qtest *q = qtest_start("");

    qtest_outb(q, 0x61, 0x00);
    qtest_outb(q, 0x43, 0xb0); /* mode 0: the output rises at the end */
    qtest_outb(q, 0x42, 1193 & 0xff);
    qtest_outb(q, 0x42, 1193 >> 8);
    qtest_step(q, 2 * MS);
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x20, ==, 0); /* the gate is shut */
    qtest_outb(q, 0x61, 0x01);
    qtest_step(q, MS / 2);
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x20, ==, 0);
    qtest_step(q, MS);
    g_assert_cmphex(qtest_inb(q, 0x61) & 0x20, ==, 0x20);
    qtest_end(q);
}

/* ---- MC146818 ---- */

static uint8_t rtc_read(struct qtest *q, uint8_t index)
{
    qtest_outb(q, 0x70, index);
    return qtest_inb(q, 0x71);
}

static void rtc_write(struct qtest *q, uint8_t index, uint8_t value)
{
    qtest_outb(q, 0x70, index);
    qtest_outb(q, 0x71, value);
}

static void test_alarm(void)
{
    struct qtest *q = qtest_start("-rtc base=2024-01-01T06:59:58");

    qtest_intercept(q);
    rtc_write(q, 1, 0x00);
    rtc_write(q, 3, 0x00);
    rtc_write(q, 5, 0x07);
    rtc_write(q, 0x0b, 0x22); /* alarm interrupt, 24 hours */
    qtest_step(q, 2 * S - 1);
    g_assert_false(qtest_irq(q, 8));
    qtest_step(q, 1);
    g_assert_true(qtest_irq(q, 8));
    g_assert_cmphex(rtc_read(q, 0x0c) & 0xa0, ==, 0xa0);
    g_assert_false(qtest_irq(q, 8));
    qtest_end(q);
}

/* 1024 a second, each of which must be acknowledged. */
static void test_periodic(void)
{
    struct qtest *q = qtest_start("");

    qtest_intercept(q);
    rtc_write(q, 0x0a, 0x26);
    rtc_write(q, 0x0b, 0x42);
    for (unsigned i = 0; i < 16; i++) {
        qtest_step(q, S / 1024 + 1);
        g_assert_true(qtest_irq(q, 8));
        g_assert_cmphex(rtc_read(q, 0x0c) & 0xc0, ==, 0xc0);
    }
    g_assert_cmpuint(qtest_irq_rises(q, 8), ==, 16);
    qtest_end(q);
}

/* ---- HPET: it takes the timer's interrupt over ---- */

#define HPET UINT64_C(0xfed00000)

static void test_hpet_legacy(void)
{
    struct qtest *q = qtest_start("");
    uint64_t tick = qtest_readl(q, HPET + 4); /* fs */

    qtest_intercept(q);
    qtest_outb(q, 0x43, 0x34); /* the 8254 ticks every ms */
    qtest_outb(q, 0x40, 1193 & 0xff);
    qtest_outb(q, 0x40, 1193 >> 8);
    qtest_step(q, 10 * MS);
    unsigned before = qtest_irq_rises(q, 0);
    g_assert_cmpuint(before, >=, 9);

    qtest_writeq(q, HPET + 0x100, 0x4c); /* periodic, with interrupts; first the comparator */
    qtest_writeq(q, HPET + 0x108, UINT64_C(4000000000000) / tick);
    qtest_writeq(q, HPET + 0x108, UINT64_C(4000000000000) / tick); /* then the period: 4 ms */
    qtest_writeq(q, HPET + 0x10, 0x03);                            /* run; legacy replacement */
    qtest_step(q, 41 * MS);
    unsigned rises = qtest_irq_rises(q, 0) - before;
    g_assert_cmpuint(rises, >=, 10);
    g_assert_cmpuint(rises, <=, 11);
    qtest_end(q);
}

/* ---- 8237: a block of memory is copied ---- */

static void program_dma(struct qtest *q, unsigned channel, uint8_t mode, uint16_t address,
                        uint16_t count)
{
    static const uint16_t page[] = { 0x87, 0x83 };

    qtest_outb(q, 0x0c, 0); /* low byte first */
    qtest_outb(q, (uint16_t)(2 * channel), address & 0xff);
    qtest_outb(q, (uint16_t)(2 * channel), address >> 8);
    qtest_outb(q, (uint16_t)(2 * channel + 1), count & 0xff);
    qtest_outb(q, (uint16_t)(2 * channel + 1), count >> 8);
    qtest_outb(q, page[channel], 0x01); /* 0x10000 and up */
    qtest_outb(q, 0x0b, mode | (uint8_t)channel);
    qtest_outb(q, 0x0a, (uint8_t)channel); /* not masked */
}

static void test_dma_copy(void)
{
    struct qtest *q = qtest_start("");
    char copy[6] = "";

    qtest_outb(q, 0xd6, 0xc0); /* channel 4: the cascade of the first controller */
    qtest_outb(q, 0xd4, 0x00);
    qtest_memwrite(q, 0x12000, "hello", 5);
    program_dma(q, 0, 0x88, 0x2000, 4); /* block, read */
    program_dma(q, 1, 0x84, 0x3000, 4); /* block, write */
    qtest_outb(q, 0x08, 0x01);          /* memory to memory */
    qtest_outb(q, 0x09, 0x04);          /* request channel 0 */
    qtest_memread(q, 0x13000, copy, 5);
    g_assert_cmpstr(copy, ==, "hello");
    g_assert_cmphex(qtest_inb(q, 0x08) & 0x02, ==, 0x02); /* channel 1 is at its end */
    qtest_end(q);
}

/* ---- Parallel port: a page is printed by interrupt ---- */

static void test_printer(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-chips-XXXXXX", NULL);
    g_autofree char *page = g_build_filename(dir, "page", NULL);
    g_autofree char *args = g_strdup_printf("-parallel file:%s", page);
    struct qtest *q = qtest_start(args);

    qtest_intercept(q);
    g_assert_cmphex(qtest_inb(q, 0x379) & 0x80, ==, 0x80); /* not busy */
    for (const char *p = "hello"; *p != '\0'; p++) {
        qtest_outb(q, 0x378, (uint8_t)*p);
        qtest_outb(q, 0x37a, 0x1d); /* selected, not reset, interrupts; strobe */
        qtest_outb(q, 0x37a, 0x1c);
    }
    g_assert_cmpuint(qtest_irq_rises(q, 7), ==, 5);
    qtest_end(q);
    expect_file(page, "hello");
    g_rmdir(dir);
}

/* ---- Debug console ---- */

static void test_debug_console(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-chips-XXXXXX", NULL);
    g_autofree char *log = g_build_filename(dir, "log", NULL);
    g_autofree char *args = g_strdup_printf("-debugcon file:%s", log);
    struct qtest *q = qtest_start(args);

    g_assert_cmphex(qtest_inb(q, 0xe9), ==, 0xe9);
    for (const char *p = "booting\n"; *p != '\0'; p++)
        qtest_outb(q, 0xe9, (uint8_t)*p);
    qtest_end(q);
    expect_file(log, "booting\n");
    g_rmdir(dir);
}

/* ---- i8042: firmware's tests, and a key by interrupt ---- */

static uint8_t kbd_read(struct qtest *q)
{
    for (unsigned i = 0; i < 10 && (qtest_inb(q, 0x64) & 1) == 0; i++)
        qtest_step(q, MS);
    g_assert_cmphex(qtest_inb(q, 0x64) & 1, ==, 1);
    return qtest_inb(q, 0x60);
}

static void test_keyboard(void)
{
    struct qtest *q = qtest_start("");

    qtest_intercept(q);
    qtest_outb(q, 0x64, 0xaa);
    g_assert_cmphex(kbd_read(q), ==, 0x55);
    qtest_outb(q, 0x64, 0xab);
    g_assert_cmphex(kbd_read(q), ==, 0x00);
    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x40); /* translated, no interrupts yet */
    qtest_outb(q, 0x60, 0xff);
    g_assert_cmphex(kbd_read(q), ==, 0xfa);
    g_assert_cmphex(kbd_read(q), ==, 0xaa);
    g_assert_cmpuint(qtest_irq_rises(q, 1), ==, 0);
    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x41);
    g_autoptr(JsonObject) sent = qtest_qmp(
        q, "\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"key\", "
           "\"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"a\"}}}]}");
    g_assert_true(json_object_has_member(sent, "return"));
    qtest_step(q, 10 * MS);
    g_assert_true(qtest_irq(q, 1));
    g_assert_cmphex(kbd_read(q), ==, 0x1e);
    g_assert_false(qtest_irq(q, 1));
    g_assert_cmpuint(qtest_irq_rises(q, 1), ==, 1);
    qtest_end(q);
}

/* ---- Xen's platform device: PV drivers take over, and after a reset the cards are back ---- */

#define IDE 0x09 /* 00:01.1 */
#define NIC 0x28 /* slot 5 */

static uint8_t disk_status(struct qtest *q)
{
    qtest_pci_write(q, IDE, 0x40, 0x8000, 2); /* the first channel's ports */
    qtest_pci_write(q, IDE, 0x04, 1, 2);
    return qtest_inb(q, 0x1f7);
}

static void test_unplug(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-chips-XXXXXX", NULL);
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    g_autofree char *args = g_strdup_printf("-machine xenfv -nodefaults -device e1000,addr=5 "
                                            "-drive file=%s,format=raw",
                                            disk);

    g_assert_true(g_file_set_contents(disk, "", 0, NULL));
    g_assert_cmpint(truncate(disk, 1 << 20), ==, 0);
    struct qtest *q = qtest_start(args);
    g_assert_cmphex(qtest_inw(q, 0x10), ==, 0x49d2);
    g_assert_cmphex(qtest_inb(q, 0x12), ==, 1);
    qtest_outw(q, 0x12, 3); /* Linux */
    qtest_outl(q, 0x10, 0xff);
    g_assert_cmphex(qtest_inw(q, 0x10), ==, 0x49d2); /* nothing against it */
    g_assert_cmphex(disk_status(q), ==, 0x50);
    qtest_outw(q, 0x10, 0x03); /* disks and network cards */
    g_assert_cmphex(disk_status(q), ==, 0x7f);
    g_assert_cmphex(qtest_pci_read(q, NIC, 0, 4), ==, 0xffffffff);
    qtest_qmp_do(q, "system_reset");
    g_assert_cmphex(disk_status(q), ==, 0x50);
    g_assert_cmphex(qtest_pci_read(q, NIC, 0, 4), ==, 0x100e8086);
    qtest_end(q);
    g_unlink(disk);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chips/speaker", test_speaker);
    g_test_add_func("/chips/alarm", test_alarm);
    g_test_add_func("/chips/periodic", test_periodic);
    g_test_add_func("/chips/hpet-legacy", test_hpet_legacy);
    g_test_add_func("/chips/dma-copy", test_dma_copy);
    g_test_add_func("/chips/printer", test_printer);
    g_test_add_func("/chips/debug-console", test_debug_console);
    g_test_add_func("/chips/keyboard", test_keyboard);
    g_test_add_func("/chips/unplug", test_unplug);
    return g_test_run();
}
