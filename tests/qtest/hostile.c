/*
 * What guests have done to device models, one story for each published kind of bug: after each the
 * machine still runs, nothing was written where it should not be, and the mistake was counted where
 * the hardware calls it one.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/qtest/qtest.h"

#define SECOND INT64_C(1000000000)

/* Somebody answers, and time passes: the machine does not hang. */
static void expect_alive(struct qtest *q)
{
    g_autofree char *status = NULL;

    qtest_step(q, SECOND);
    qtest_expect(q, "endianness", "OK little");
    status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "running");
}

/* How often the device of this kind was used wrongly. */
static int64_t faults_of(struct qtest *q, const char *kind)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"x-guest-faults\"");
    JsonArray *list = json_object_get_array_member(reply, "return");

    for (unsigned i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        if (strcmp(json_object_get_string_member(o, "kind"), kind) == 0)
            return json_object_get_int_member(o, "faults");
    }
    g_error("there is no %s", kind);
}

/* ---- VENOM, CVE-2015-3456: a FIFO whose index runs on ---- */

#define FDC_DOR  0x3f2
#define FDC_MSR  0x3f4
#define FDC_FIFO 0x3f5

static void test_floppy_fifo(void)
{
    /* READ ID and DRIVE SPECIFICATION: the two commands of the advisory; and an invalid one. */
    static const uint8_t commands[] = { 0x0a, 0x8e, 0x1f };
    struct qtest *q = qtest_start("-device floppy");

    qtest_outb(q, FDC_DOR, 0x0c);
    for (unsigned c = 0; c < G_N_ELEMENTS(commands); c++) {
        qtest_outb(q, FDC_FIFO, commands[c]);
        for (unsigned i = 0; i < 2000; i++)
            qtest_outb(q, FDC_FIFO, 0x01);
        for (unsigned i = 0; i < 2000; i++)
            qtest_inb(q, FDC_FIFO);
        qtest_outb(q, FDC_DOR, 0x00);
        qtest_outb(q, FDC_DOR, 0x0c);
    }
    qtest_step(q, SECOND);
    g_assert_cmphex(qtest_inb(q, FDC_MSR) & 0xc0, ==, 0x80); /* it waits for a command */
    g_assert_cmpint(faults_of(q, "i82078"), >, 0);
    expect_alive(q);
    qtest_end(q);
}

/* ---- e1000: rings without an end, and descriptors that point to the card itself ---- */

#define NIC 0x18 /* slot 3 */
#define BAR 0xe0000000u

enum { CTRL = 0x0, RCTL = 0x100, TCTL = 0x400, RX = 0x2800, TX = 0x3800 };
enum { RING_LOW = 0x0, RING_LENGTH = 0x8, RING_HEAD = 0x10, RING_TAIL = 0x18 };

#define RING       0x10000
#define RING_BYTES 128         /* eight descriptors */
#define LOOPBACK   0x5a        /* RCTL: EN, UPE, MPE, LBM of the MAC */
#define LEGACY     0x09000000u /* EOP and RS */

static struct qtest *start_nic(void)
{
    struct qtest *q = qtest_start("-nodefaults -device e1000,addr=3");

    qtest_pci_write(q, NIC, 0x10, BAR, 4);
    qtest_pci_write(q, NIC, 0x04, 6, 2);
    qtest_writel(q, BAR + CTRL, 0x40);
    qtest_writel(q, BAR + TCTL, 0x02);
    return q;
}

static void set_ring(struct qtest *q, unsigned base, uint32_t length, uint32_t head, uint32_t tail)
{
    qtest_writel(q, BAR + base + RING_LOW, RING);
    qtest_writel(q, BAR + base + RING_LENGTH, length);
    qtest_writel(q, BAR + base + RING_HEAD, head);
    qtest_writel(q, BAR + base + RING_TAIL, tail);
}

/* CVE-2016-1981, CVE-2021-20257: heads and tails outside of the ring, a ring of nothing. */
static void test_endless_ring(void)
{
    static const uint32_t rings[][3] = {
        { 0, 0, 5 },
        { RING_BYTES, 8, 0 },
        { RING_BYTES, 0xffff, 3 },
        { RING_BYTES, 2, 0xffff },
        { 0xfff80, 5, 4 },
    };
    struct qtest *q = start_nic();

    for (unsigned i = 0; i < G_N_ELEMENTS(rings); i++) {
        set_ring(q, TX, rings[i][0], rings[i][1], rings[i][2]);
        expect_alive(q);
    }
    qtest_end(q);
}

static void put_descriptor(struct qtest *q, unsigned n, uint64_t address, uint32_t command)
{
    uint8_t desc[16] = { 0 };

    put_le64(desc, address);
    put_le32(desc + 8, command);
    qtest_memwrite(q, RING + n * 16, desc, sizeof(desc));
}

/*
 * CVE-2021-3416's kind: a frame sent from the card's own registers, and one that comes back by the
 * loop into them, where it would move the tail and send the next. Registers are no memory for DMA.
 */
static void test_reentry(void)
{
    struct qtest *q = start_nic();

    put_descriptor(q, 0, BAR + TX, LEGACY | 64);
    set_ring(q, TX, RING_BYTES, 0, 1);
    expect_alive(q);
    int64_t faults = faults_of(q, "e1000");
    g_assert_cmpint(faults, >, 0);

    put_descriptor(q, 0, 0x20000, LEGACY | 64);
    for (unsigned n = 1; n < 8; n++)
        put_descriptor(q, n, BAR + TX + RING_TAIL, 0);
    qtest_memwrite(q, 0x20000, "\xff\xff\xff\xff\xff\xff", 6);
    set_ring(q, RX, RING_BYTES, 1, 0);
    qtest_writel(q, BAR + RCTL, LOOPBACK);
    set_ring(q, TX, RING_BYTES, 0, 1);
    expect_alive(q);
    g_assert_cmpint(faults_of(q, "e1000"), >, faults);
    g_assert_cmphex(qtest_readl(q, BAR + TX + RING_TAIL), ==, 1);
    qtest_end(q);
}

/* ---- IDE: a descriptor table without an end, and one that leads to a card's registers ---- */

#define IDE      0x09 /* 00:01.1 */
#define IDE_BM   0xc000
#define IDE_PORT 0x1f0
#define PRDS     0x30000u

static uint8_t read_by_dma(struct qtest *q, unsigned count)
{
    qtest_outb(q, IDE_PORT + 2, (uint8_t)count);
    for (unsigned i = 3; i < 6; i++)
        qtest_outb(q, IDE_PORT + i, 0);
    qtest_outb(q, IDE_PORT + 6, 0xe0);
    qtest_outb(q, IDE_PORT + 7, 0xc8); /* READ DMA */
    qtest_outl(q, IDE_BM + 4, PRDS);
    qtest_outb(q, IDE_BM + 2, 0x06);
    qtest_outb(q, IDE_BM, 0x09);
    for (unsigned i = 0; (qtest_inb(q, IDE_PORT + 7) & 0x80) != 0 && i < 1000; i++)
        g_usleep(1000);
    uint8_t status = qtest_inb(q, IDE_BM + 2);
    qtest_outb(q, IDE_BM, 0);
    return status;
}

/* CVE-2014-9718: 65536 descriptors, none the last. Two of them are enough for a command. */
static void test_endless_table(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-hostile-XXXXXX", NULL);
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    g_autofree char *args = g_strdup_printf("-nodefaults -drive file=%s,format=raw "
                                            "-device e1000,addr=3",
                                            disk);
    uint8_t zeroes[65536] = { 0 };

    g_assert_true(g_file_set_contents(disk, (char *)zeroes, sizeof(zeroes), NULL));
    struct qtest *q = qtest_start(args);
    qtest_pci_write(q, NIC, 0x10, BAR, 4);
    qtest_pci_write(q, NIC, 0x04, 6, 2);
    qtest_pci_write(q, IDE, 0x20, IDE_BM, 4);
    qtest_pci_write(q, IDE, 0x40, 0x8000, 2);
    qtest_pci_write(q, IDE, 0x04, 5, 2);
    for (unsigned i = 0; i < sizeof(zeroes); i += 8)
        put_le64(zeroes + i, UINT64_C(2) << 32 | 0x40000); /* two bytes each */
    qtest_memwrite(q, PRDS, zeroes, sizeof(zeroes));
    read_by_dma(q, 128);
    expect_alive(q);

    qtest_writeq(q, PRDS, UINT64_C(0x80000200) << 32 | (BAR + TX)); /* registers are no memory */
    read_by_dma(q, 1);
    g_assert_cmphex(qtest_readl(q, BAR + TX + RING_LENGTH), ==, 0);
    g_assert_cmpint(faults_of(q, "piix3-ide"), >, 0);
    expect_alive(q);
    qtest_end(q);
    g_assert_cmpint(remove(disk), ==, 0);
    g_assert_cmpint(remove(dir), ==, 0);
}

/* ---- PIT: CVE-2015-3214, a read of the control port taken for a fourth counter ---- */

static void test_pit_latch(void)
{
    struct qtest *q = qtest_start("");

    for (unsigned control = 0; control < 256; control++) {
        qtest_outb(q, 0x43, (uint8_t)control);
        qtest_outb(q, 0x43, (uint8_t)control); /* a latch that is latched already */
        for (unsigned port = 0x40; port <= 0x43; port++)
            for (unsigned n = 0; n < 4; n++) /* more reads than there is latched */
                qtest_inb(q, (uint16_t)port);
    }
    g_assert_cmphex(qtest_inb(q, 0x43), ==, 0xff); /* 82C54: no operation, the bus floats */
    qtest_outb(q, 0x43, 0x34);                     /* counter 0 works as before */
    qtest_outb(q, 0x40, 0x10);
    qtest_outb(q, 0x40, 0x00);
    qtest_step(q, SECOND / 1000);
    qtest_outb(q, 0x43, 0x00);
    unsigned count = qtest_inb(q, 0x40);
    count |= (unsigned)qtest_inb(q, 0x40) << 8;
    g_assert_cmpuint(count, <=, 0x10);
    expect_alive(q);
    qtest_end(q);
}

/* ---- HPET: comparators that overflow, and periods that never let the host rest ---- */

#define HPET UINT64_C(0xfed00000)

static void test_hpet_comparator(void)
{
    static const uint64_t values[] = { 0, 1, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX };
    struct qtest *q = qtest_start("");

    for (unsigned timer = 0; timer < 32; timer++) { /* three are there */
        uint64_t base = HPET + 0x100 + 0x20 * timer;
        for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
            qtest_writeq(q, HPET + 0x10, 0);
            qtest_writeq(q, HPET + 0xf0, UINT64_MAX - 10);
            qtest_writeq(q, base, 0x4e); /* periodic, its accumulator is set, level */
            qtest_writeq(q, base + 8, values[i]);
            qtest_writeq(q, base + 8, values[G_N_ELEMENTS(values) - 1 - i]);
            qtest_writeq(q, HPET + 0x10, 1);
            qtest_step(q, SECOND / 100);
        }
    }
    g_assert_cmpuint(qtest_readq(q, HPET + 0xf0), <, 100000000); /* over the end, and on */
    expect_alive(q);
    qtest_end(q);
}

/* ---- Serial port: CVE-2016-8669, a divisor of 0 ---- */

static void test_serial_divisor(void)
{
    struct qtest *q = qtest_start("-serial null");

    for (unsigned divisor = 0; divisor < 3; divisor++) {
        qtest_outb(q, 0x3fb, 0x83);
        qtest_outb(q, 0x3f8, (uint8_t)divisor);
        qtest_outb(q, 0x3f9, divisor == 2 ? 0xff : 0);
        qtest_outb(q, 0x3fb, 0x03);
        qtest_outb(q, 0x3f8, 'x');
        expect_alive(q);
    }
    qtest_end(q);
}

/* ---- The dispatcher: XSA-199, ports that are none ---- */

static void test_wide_ports(void)
{
    struct qtest *q = qtest_start("");

    g_assert_cmphex(qtest_inl(q, 0xffff), ==, 0xffffffff);
    qtest_outl(q, 0xfffe, 0x12345678);
    qtest_expect(q, "inb 0x1000000ff", "OK 0x00ff"); /* as libqtest's 16 bits: nobody's */
    expect_alive(q);
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostile/floppy-fifo", test_floppy_fifo);
    g_test_add_func("/hostile/endless-ring", test_endless_ring);
    g_test_add_func("/hostile/reentry", test_reentry);
    g_test_add_func("/hostile/endless-table", test_endless_table);
    g_test_add_func("/hostile/pit-latch", test_pit_latch);
    g_test_add_func("/hostile/hpet-comparator", test_hpet_comparator);
    g_test_add_func("/hostile/serial-divisor", test_serial_divisor);
    g_test_add_func("/hostile/wide-ports", test_wide_ports);
    return g_test_run();
}
