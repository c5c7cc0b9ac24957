/*
 * The board's chips as firmware meets them: shadow memory, fw_cfg, clocks, power, reset, serial.
 */
#include <string.h>

#include "tests/qtest/qtest.h"

#define S       INT64_C(1000000000)
#define PM      0x0b /* slot 1, function 3 */
#define PM_BASE 0x600
#define PM_STS  PM_BASE
#define PM_EN   (PM_BASE + 2)
#define PM_CNT  (PM_BASE + 4)
#define PM_TMR  (PM_BASE + 8)
#define HPET    UINT64_C(0xfed00000)

/* ---- Memory below 1 MiB ---- */

/* PAM of the segment at 0xC8000: PAM2 (0x5B), low nibble. */
static void test_pam(void)
{
    struct qtest *q = qtest_start("");

    qtest_pci_write(q, 0, 0x5b, 0x00, 1);
    qtest_writeb(q, 0xc8000, 0x11);
    g_assert_cmphex(qtest_readb(q, 0xc8000), ==, 0xff); /* PCI: nobody */
    qtest_pci_write(q, 0, 0x5b, 0x03, 1);
    qtest_writeb(q, 0xc8000, 0x22);
    g_assert_cmphex(qtest_readb(q, 0xc8000), ==, 0x22);
    qtest_pci_write(q, 0, 0x5b, 0x01, 1); /* shadow, write-protected */
    qtest_writeb(q, 0xc8000, 0x33);
    g_assert_cmphex(qtest_readb(q, 0xc8000), ==, 0x22);
    qtest_pci_write(q, 0, 0x5b, 0x03, 1);
    g_assert_cmphex(qtest_readb(q, 0xc8000), ==, 0x22);
    qtest_end(q);
}

/* D_LCK shuts the window until reset. */
static void test_smram(void)
{
    struct qtest *q = qtest_start("");

    qtest_pci_write(q, 0, 0x72, 0x4a, 1);
    g_assert_cmphex(qtest_pci_read(q, 0, 0x72, 1), ==, 0x4a);
    qtest_pci_write(q, 0, 0x72, 0x5a, 1);
    g_assert_cmphex(qtest_pci_read(q, 0, 0x72, 1) & 0x50, ==, 0x10);
    qtest_pci_write(q, 0, 0x72, 0x4a, 1);
    g_assert_cmphex(qtest_pci_read(q, 0, 0x72, 1) & 0x50, ==, 0x10);
    qtest_qmp_do(q, "system_reset");
    g_assert_cmphex(qtest_pci_read(q, 0, 0x72, 1), ==, 0x02);
    qtest_end(q);
}

/* ---- fw_cfg ---- */

static void put_be(uint8_t *p, uint64_t v, unsigned n)
{
    while (n-- > 0) {
        p[n] = (uint8_t)v;
        v >>= 8;
    }
}

/* A command {control, length, address} at 0x1000; returns its control word afterwards. */
static uint32_t fw_cfg_dma(struct qtest *q, uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t command[16];

    put_be(command, control, 4);
    put_be(command + 4, length, 4);
    put_be(command + 8, address, 8);
    qtest_memwrite(q, 0x1000, command, sizeof(command));
    qtest_outl(q, 0x514, 0);
    qtest_outl(q, 0x518, __builtin_bswap32(0x1000));
    qtest_memread(q, 0x1000, command, 4);
    return (uint32_t)command[0] << 24 | (uint32_t)command[1] << 16 | (uint32_t)command[2] << 8 |
           command[3];
}

static void test_fw_cfg(void)
{
    struct qtest *q = qtest_start("");
    char text[5] = "";

    qtest_outw(q, 0x510, 0);
    for (unsigned i = 0; i < 4; i++)
        text[i] = (char)qtest_inb(q, 0x511);
    g_assert_cmpstr(text, ==, "QEMU");
    g_assert_cmphex(fw_cfg_dma(q, 0x0000000a, 4, 0x2000), ==, 0); /* select 0, read */
    qtest_memread(q, 0x2000, text, 4);
    g_assert_cmpstr(text, ==, "QEMU");
    qtest_end(q);
}

/* DMA reaches memory only: registers, holes and the end of memory are an error, not an access. */
static void test_fw_cfg_dma_targets(void)
{
    static const uint64_t targets[] = { 0xfec00000, 0xfed00000, 0xfffffffffffffffe, 0x7fffffe,
                                        UINT64_C(1) << 40 };
    struct qtest *q = qtest_start("");

    for (unsigned i = 0; i < G_N_ELEMENTS(targets); i++)
        g_assert_cmphex(fw_cfg_dma(q, 0x0000000a, 4, targets[i]), ==, 1);
    g_assert_cmphex(fw_cfg_dma(q, 0x0000000a, 0xffffffff, 0x2000), !=, 0xffffffff);
    qtest_end(q);
}

/* ---- Time ---- */

static uint8_t cmos(struct qtest *q, uint8_t index)
{
    qtest_outb(q, 0x70, index);
    return qtest_inb(q, 0x71);
}

static void test_rtc(void)
{
    struct qtest *q = qtest_start("-rtc base=2024-02-28T23:59:58");

    g_assert_cmphex(cmos(q, 0x00), ==, 0x58);
    qtest_step(q, 3 * S);
    g_assert_cmphex(cmos(q, 0x00), ==, 0x01);
    g_assert_cmphex(cmos(q, 0x04), ==, 0x00);
    g_assert_cmphex(cmos(q, 0x07), ==, 0x29); /* a leap year */
    g_assert_cmphex(cmos(q, 0x0d), ==, 0x80);
    qtest_end(q);
}

static void test_hpet(void)
{
    struct qtest *q = qtest_start("");

    g_assert_cmphex(qtest_readl(q, HPET) >> 16, ==, 0x8086);
    uint64_t period = qtest_readl(q, HPET + 4); /* fs */
    qtest_writel(q, HPET + 0x10, 1);
    qtest_step(q, 1000000);
    g_assert_cmpuint(qtest_readq(q, HPET + 0xf0), ==, UINT64_C(1000000000000) / period);
    qtest_end(q);
}

/* ---- Power ---- */

static void enable_pm(struct qtest *q)
{
    qtest_pci_write(q, PM, 0x40, PM_BASE | 1, 4);
    qtest_pci_write(q, PM, 0x80, 1, 1);
    qtest_outb(q, 0xb2, 0xf1); /* ACPI enable */
    g_assert_cmphex(qtest_inw(q, PM_CNT) & 1, ==, 1);
}

static void test_pm_timer(void)
{
    struct qtest *q = qtest_start("");

    enable_pm(q);
    uint32_t before = qtest_inl(q, PM_TMR);
    qtest_step(q, S);
    uint32_t ticks = (qtest_inl(q, PM_TMR) - before) & 0xffffff;
    g_assert_cmpuint(ticks, >=, 3579544);
    g_assert_cmpuint(ticks, <=, 3579546);
    qtest_end(q);
}

static void test_power_button(void)
{
    struct qtest *q = qtest_start("");

    enable_pm(q);
    qtest_intercept(q);
    qtest_outw(q, PM_EN, 0x0100);
    qtest_qmp_do(q, "system_powerdown");
    g_assert_true(qtest_irq(q, 9));
    g_assert_cmphex(qtest_inw(q, PM_STS) & 0x0100, ==, 0x0100);
    qtest_outw(q, PM_STS, 0x0100);
    g_assert_false(qtest_irq(q, 9));
    qtest_qmp_wait_event(q, "POWERDOWN");
    qtest_end(q);
}

static void test_soft_off(void)
{
    struct qtest *q = qtest_start("-no-shutdown");

    enable_pm(q);
    qtest_outw(q, PM_CNT, 0x2000); /* S5: SUS_TYP 0, SUS_EN */
    qtest_qmp_wait_event(q, "SHUTDOWN");
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "shutdown");
    qtest_end(q);
}

static void test_soft_off_ends(void)
{
    struct qtest *q = qtest_start("");

    enable_pm(q);
    qtest_outw(q, PM_CNT, 0x2000);
    g_assert_cmpint(qtest_wait(q), ==, 0);
}

/* S3 keeps memory and says to the firmware, by the CMOS, that this is a resume. */
static void test_suspend(void)
{
    struct qtest *q = qtest_start("");

    enable_pm(q);
    qtest_writel(q, 0x5000, 0xcafe);
    qtest_outw(q, PM_CNT, 0x2400);
    qtest_qmp_wait_event(q, "SUSPEND");
    g_autofree char *asleep = qtest_qmp_status(q);
    g_assert_cmpstr(asleep, ==, "suspended");
    qtest_qmp_do(q, "system_wakeup");
    qtest_qmp_wait_event(q, "WAKEUP");
    g_autofree char *awake = qtest_qmp_status(q);
    g_assert_cmpstr(awake, ==, "running");
    g_assert_cmphex(cmos(q, 0x0f), ==, 0xfe);
    g_assert_cmphex(qtest_readl(q, 0x5000), ==, 0xcafe);
    qtest_end(q);
}

static void test_reset_control(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } ways[] = { { 0xcf9, 0x06 }, { 0x92, 0x01 }, { 0x64, 0xfe } };

    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        struct qtest *q = qtest_start("");
        qtest_pci_write(q, 0, 0x5b, 0x03, 1);
        if (ways[i].port == 0xcf9)
            qtest_outb(q, 0xcf9, 0x02);
        qtest_outb(q, ways[i].port, ways[i].value);
        qtest_qmp_wait_event(q, "RESET");
        g_assert_cmphex(qtest_pci_read(q, 0, 0x5b, 1), ==, 0x00);
        qtest_end(q);
    }
}

/* A reset or the end that the guest asked for while it was being stopped is as good as any. */
static void test_reset_while_stopped(void)
{
    struct qtest *q = qtest_start("-no-shutdown");

    enable_pm(q);
    qtest_pci_write(q, 0, 0x5b, 0x03, 1);
    qtest_qmp_do(q, "stop");
    qtest_outb(q, 0xcf9, 0x02);
    qtest_outb(q, 0xcf9, 0x06);
    qtest_qmp_wait_event(q, "RESET");
    g_autofree char *stopped = qtest_qmp_status(q);
    g_assert_cmpstr(stopped, ==, "paused");
    g_assert_cmphex(qtest_pci_read(q, 0, 0x5b, 1), ==, 0x00);
    enable_pm(q);
    qtest_outw(q, PM_CNT, 0x2000);
    qtest_qmp_wait_event(q, "SHUTDOWN");
    g_autofree char *off = qtest_qmp_status(q);
    g_assert_cmpstr(off, ==, "shutdown");
    qtest_end(q);
}

/* It falls asleep when it goes on, not before: going on is what would wake it. */
static void test_suspend_while_stopped(void)
{
    struct qtest *q = qtest_start("");

    enable_pm(q);
    qtest_qmp_do(q, "stop");
    qtest_outw(q, PM_CNT, 0x2400);
    g_autofree char *stopped = qtest_qmp_status(q);
    g_assert_cmpstr(stopped, ==, "paused");
    qtest_qmp_do(q, "cont");
    qtest_qmp_wait_event(q, "RESUME");
    qtest_qmp_wait_event(q, "SUSPEND");
    g_autofree char *asleep = qtest_qmp_status(q);
    g_assert_cmpstr(asleep, ==, "suspended");
    qtest_qmp_do(q, "cont");
    qtest_qmp_wait_event(q, "WAKEUP");
    qtest_qmp_do(q, "stop");
    qtest_qmp_do(q, "cont"); /* once is enough */
    g_autofree char *awake = qtest_qmp_status(q);
    g_assert_cmpstr(awake, ==, "running");
    qtest_end(q);
}

/* Who is reset meanwhile does not want to sleep any more. */
static void test_reset_instead_of_suspend(void)
{
    struct qtest *q = qtest_start("");

    enable_pm(q);
    qtest_qmp_do(q, "stop");
    qtest_outw(q, PM_CNT, 0x2400);
    qtest_qmp_do(q, "system_reset");
    qtest_qmp_do(q, "cont");
    g_autofree char *awake = qtest_qmp_status(q);
    g_assert_cmpstr(awake, ==, "running");
    qtest_end(q);
}

/* ---- Serial ---- */

/* In loop mode what is sent comes back, with its interrupt, and nothing leaves the machine. */
static void test_serial_loop(void)
{
    struct qtest *q = qtest_start("-serial null");

    qtest_intercept(q);
    qtest_outb(q, 0x3f8 + 3, 0x03); /* LCR: 8 bits */
    qtest_outb(q, 0x3f8 + 4, 0x18); /* MCR: loop, OUT2 */
    qtest_outb(q, 0x3f8 + 1, 0x01); /* IER: received data */
    qtest_outb(q, 0x3f8, 'x');
    qtest_step(q, S / 10);
    g_assert_cmphex(qtest_inb(q, 0x3f8 + 5) & 1, ==, 1);
    g_assert_cmphex(qtest_inb(q, 0x3f8), ==, 'x');
    g_assert_cmphex(qtest_inb(q, 0x3f8 + 5) & 1, ==, 0);
    qtest_end(q);
}

/* ---- Cards ---- */

/* xl's default card, as libxl asks for it: in the slot where stock xl guests have it. */
static void test_cirrus_of_libxl(void)
{
    struct qtest *q = qtest_start("-nodefaults -no-user-config -device cirrus-vga,vgamem_mb=8 "
                                  "-machine xenfv,suppress-vmdesc=on");
    uint8_t devfn = 3 << 3;

    g_assert_cmphex(qtest_pci_read(q, devfn, 0, 4), ==, 0x00b81013);
    qtest_pci_write(q, devfn, 0x10, 0xffffffff, 4);
    g_assert_cmphex(qtest_pci_read(q, devfn, 0x10, 4), ==, 0xfe000008);
    qtest_pci_write(q, devfn, 0x10, 0xe0000000, 4);
    qtest_pci_write(q, devfn, 4, 3, 2);
    qtest_writeb(q, 0xe03fffff, 0x5a); /* the last byte of 4 MiB */
    g_assert_cmphex(qtest_readb(q, 0xe03fffff), ==, 0x5a);
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/board/pam", test_pam);
    g_test_add_func("/board/smram", test_smram);
    g_test_add_func("/board/fw-cfg", test_fw_cfg);
    g_test_add_func("/board/fw-cfg-dma-targets", test_fw_cfg_dma_targets);
    g_test_add_func("/board/rtc", test_rtc);
    g_test_add_func("/board/hpet", test_hpet);
    g_test_add_func("/board/pm-timer", test_pm_timer);
    g_test_add_func("/board/power-button", test_power_button);
    g_test_add_func("/board/soft-off", test_soft_off);
    g_test_add_func("/board/soft-off-ends", test_soft_off_ends);
    g_test_add_func("/board/suspend", test_suspend);
    g_test_add_func("/board/reset-while-stopped", test_reset_while_stopped);
    g_test_add_func("/board/suspend-while-stopped", test_suspend_while_stopped);
    g_test_add_func("/board/reset-instead-of-suspend", test_reset_instead_of_suspend);
    g_test_add_func("/board/reset-control", test_reset_control);
    g_test_add_func("/board/serial-loop", test_serial_loop);
    g_test_add_func("/board/cirrus-of-libxl", test_cirrus_of_libxl);
    return g_test_run();
}
