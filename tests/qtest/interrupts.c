/*
 * From a chip's output to the CPU's interrupt controllers, over the whole board.
 */
#include "tests/qtest/qtest.h"

#define PIIX3       0x08
#define MASTER      0x20
#define SLAVE       0xa0
#define IOAPIC      UINT64_C(0xfec00000)
#define PIRQA_ROUTE 0x60

/* Vectors 0x20 and 0x28, slave on input 2, nothing masked. */
static void init_pics(struct qtest *q)
{
    qtest_outb(q, MASTER, 0x11);
    qtest_outb(q, MASTER + 1, 0x20);
    qtest_outb(q, MASTER + 1, 0x04);
    qtest_outb(q, MASTER + 1, 0x01);
    qtest_outb(q, SLAVE, 0x11);
    qtest_outb(q, SLAVE + 1, 0x28);
    qtest_outb(q, SLAVE + 1, 0x02);
    qtest_outb(q, SLAVE + 1, 0x01);
    qtest_outb(q, MASTER + 1, 0);
    qtest_outb(q, SLAVE + 1, 0);
}

static uint8_t requests(struct qtest *q, uint16_t pic)
{
    qtest_outb(q, pic, 0x0a); /* OCW3: read IRR */
    return qtest_inb(q, pic);
}

/* The poll command is an acknowledge without a CPU: bit 7 and the level. */
static uint8_t poll_pic(struct qtest *q, uint16_t pic)
{
    qtest_outb(q, pic, 0x0c);
    return qtest_inb(q, pic);
}

/* The timer's counter 0 at 1 ms raises IRQ0, which the 8259 offers and, after an EOI, again. */
static void test_timer_to_pic(void)
{
    struct qtest *q = qtest_start("");

    init_pics(q);
    qtest_intercept(q);
    qtest_outb(q, 0x43, 0x34);
    qtest_outb(q, 0x40, 1193 & 0xff);
    qtest_outb(q, 0x40, 1193 >> 8);
    qtest_step(q, 1500000);
    g_assert_cmpuint(qtest_irq_rises(q, 0), >=, 1);
    g_assert_cmphex(requests(q, MASTER), ==, 0x01);
    g_assert_cmphex(poll_pic(q, MASTER), ==, 0x80);
    g_assert_cmphex(requests(q, MASTER), ==, 0);
    qtest_outb(q, MASTER, 0x20); /* EOI */
    qtest_step(q, 1000000);
    g_assert_cmphex(poll_pic(q, MASTER), ==, 0x80);
    qtest_end(q);
}

/* IRQ12 comes by the slave and its cascade. */
static void test_cascade(void)
{
    struct qtest *q = qtest_start("");

    init_pics(q);
    qtest_expect(q, "set_irq_in pic anonymous 12 1", "OK");
    g_assert_cmphex(requests(q, SLAVE), ==, 0x10);
    g_assert_cmphex(requests(q, MASTER), ==, 0x04);
    g_assert_cmphex(poll_pic(q, MASTER), ==, 0x82);
    g_assert_cmphex(poll_pic(q, SLAVE), ==, 0x84);
    qtest_end(q);
}

/* A masked interrupt waits. */
static void test_mask(void)
{
    struct qtest *q = qtest_start("");

    init_pics(q);
    qtest_outb(q, MASTER + 1, 0x10);
    qtest_expect(q, "set_irq_in pic anonymous 4 1", "OK");
    g_assert_cmphex(poll_pic(q, MASTER) & 0x80, ==, 0);
    qtest_outb(q, MASTER + 1, 0);
    g_assert_cmphex(poll_pic(q, MASTER), ==, 0x84);
    qtest_end(q);
}

static uint32_t ioapic_read(struct qtest *q, uint8_t index)
{
    qtest_writel(q, IOAPIC, index);
    return qtest_readl(q, IOAPIC + 0x10);
}

static void ioapic_write(struct qtest *q, uint8_t index, uint32_t value)
{
    qtest_writel(q, IOAPIC, index);
    qtest_writel(q, IOAPIC + 0x10, value);
}

/* A level-triggered entry keeps its remote IRR until an EOI, which has no CPU to come from here. */
static void test_ioapic(void)
{
    struct qtest *q = qtest_start("");

    g_assert_cmphex(ioapic_read(q, 1) >> 16 & 0xff, ==, 23); /* 24 entries */
    g_assert_cmphex(ioapic_read(q, 0x10) & 0x10000, ==, 0x10000);
    ioapic_write(q, 0x10 + 2 * 5, 0x8041); /* vector 0x41, level, not masked */
    qtest_expect(q, "set_irq_in ioapic anonymous 5 1", "OK");
    g_assert_cmphex(ioapic_read(q, 0x10 + 2 * 5), ==, 0xc041);
    qtest_end(q);
}

/* The network card in slot 4: INTA# of that slot is PIRQ A..D by (slot + pin) & 3. */
static void test_pci_routing(void)
{
    struct qtest *q = qtest_start("-device e1000,addr=4");
    const uint8_t nic = 4 << 3;
    const uint64_t bar = 0xe0000000;

    qtest_intercept(q);
    for (unsigned i = 0; i < 4; i++)
        qtest_pci_write(q, PIIX3, PIRQA_ROUTE + i, 0x80, 1);
    qtest_pci_write(q, nic, 0x10, (uint32_t)bar, 4);
    qtest_pci_write(q, nic, 4, 0x0002, 2);
    qtest_writel(q, bar + 0xd0, 0x4); /* IMS: link status change */
    qtest_writel(q, bar + 0xc8, 0x4); /* ICS: as if it had happened */
    g_assert_cmphex(qtest_pci_read(q, nic, 6, 2) & 8, ==, 8);
    g_assert_false(qtest_irq(q, 10) || qtest_irq(q, 11));

    unsigned link = 0;
    for (; link < 4 && !qtest_irq(q, 10); link++)
        qtest_pci_write(q, PIIX3, PIRQA_ROUTE + link, 10, 1);
    g_assert_true(qtest_irq(q, 10));
    qtest_pci_write(q, PIIX3, PIRQA_ROUTE + link - 1, 11, 1); /* moved while it is asserted */
    g_assert_false(qtest_irq(q, 10));
    g_assert_true(qtest_irq(q, 11));
    qtest_readl(q, bar + 0xc0); /* ICR: reading clears */
    g_assert_false(qtest_irq(q, 11));
    qtest_end(q);
}

/* A card's interrupt and the board's own on one line: it stays up until both have let go. */
static void test_shared_line(void)
{
    struct qtest *q = qtest_start("");

    qtest_intercept(q);
    qtest_expect(q, "set_irq_in ioapic anonymous 8 1", "OK");
    qtest_outb(q, 0x70, 0x0b); /* RTC: update-ended interrupts */
    qtest_outb(q, 0x71, 0x12);
    qtest_step(q, INT64_C(2000000000));
    qtest_expect(q, "set_irq_in ioapic anonymous 8 0", "OK");
    g_assert_true(qtest_irq(q, 8));
    qtest_outb(q, 0x70, 0x0c);
    qtest_inb(q, 0x71);
    g_assert_false(qtest_irq(q, 8));
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/interrupts/timer-to-pic", test_timer_to_pic);
    g_test_add_func("/interrupts/cascade", test_cascade);
    g_test_add_func("/interrupts/mask", test_mask);
    g_test_add_func("/interrupts/ioapic", test_ioapic);
    g_test_add_func("/interrupts/pci-routing", test_pci_routing);
    g_test_add_func("/interrupts/shared-line", test_shared_line);
    return g_test_run();
}
