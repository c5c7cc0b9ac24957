/*
 * The PIIX3's bridge function: PCI interrupts become ISA ones, and two ways to reset the machine.
 */
#include "hw/pci/piix3.h"
#include "tests/unit/testbench.h"

#define PIRQRCA 0x60

static struct device *plug(struct bench **b)
{
    *b = bench_create();
    return bench_plug(*b, &piix3_kind, "addr=1");
}

static void pins_rotate_over_the_routers(void)
{
    struct bench *b;
    struct device *dev = plug(&b);

    for (unsigned link = 0; link < 4; link++)
        cfg_write(b, 1, 0, PIRQRCA + link, 9 + link, 1); /* IRQ 9, 10, 11, 12 */
    for (unsigned slot = 1; slot < 9; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned irq = 9 + (slot - 1 + pin) % 4;
            piix3_set_intx(dev, slot, pin, true);
            g_assert_true(b->line[irq].level);
            piix3_set_intx(dev, slot, pin, false);
            g_assert_false(b->line[irq].level);
        }
    }
    bench_destroy(b);
}

static void a_shared_line_falls_with_its_last_source(void)
{
    struct bench *b;
    struct device *dev = plug(&b);

    cfg_write(b, 1, 0, PIRQRCA, 0x0b0b0b0b, 4); /* all four to IRQ 11 */
    piix3_set_intx(dev, 2, 0, true);
    piix3_set_intx(dev, 3, 1, true);
    piix3_set_intx(dev, 2, 0, false);
    g_assert_true(b->line[11].level);
    piix3_set_intx(dev, 3, 1, false);
    g_assert_false(b->line[11].level);
    g_assert_cmpuint(b->line[11].rises, ==, 1);
    bench_destroy(b);
}

static void a_router_moves_an_active_line(void)
{
    struct bench *b;
    struct device *dev = plug(&b);

    piix3_set_intx(dev, 1, 0, true); /* disabled after reset: nothing */
    for (unsigned irq = 0; irq < 16; irq++)
        g_assert_false(b->line[irq].level);
    cfg_write(b, 1, 0, PIRQRCA, 5, 1);
    g_assert_true(b->line[5].level);
    cfg_write(b, 1, 0, PIRQRCA, 10, 1);
    g_assert_false(b->line[5].level);
    g_assert_true(b->line[10].level);
    for (unsigned irq = 0; irq < 16; irq++) { /* 0, 1, 2, 8 and 13 are not for PCI */
        bool reserved = irq == 0 || irq == 1 || irq == 2 || irq == 8 || irq == 13;
        cfg_write(b, 1, 0, PIRQRCA, irq, 1);
        g_assert_cmpint(b->line[irq].level, ==, !reserved);
    }
    cfg_write(b, 1, 0, PIRQRCA, 0x8b, 1);
    g_assert_false(b->line[11].level);
    bench_destroy(b);
}

struct heard {
    unsigned irq[4], times;
};

static void hear(void *opaque, unsigned link, unsigned irq)
{
    struct heard *h = opaque;

    h->irq[link] = irq;
    h->times++;
}

static void a_hypervisor_hears_of_each_route(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    struct heard h = { .irq = { 99, 99, 99, 99 } };

    piix3_set_link_listener(dev, &(struct piix3_link_listener){ hear, &h });
    g_assert_cmpuint(h.irq[2], ==, 0);
    cfg_write(b, 1, 0, PIRQRCA + 2, 11, 1);
    g_assert_cmpuint(h.irq[2], ==, 11);
    device_reset(dev);
    g_assert_cmpuint(h.irq[2], ==, 0);
    bench_destroy(b);
}

static void only_a_rising_edge_resets(void)
{
    struct bench *b;

    plug(&b);
    outb(b, 0xcf9, 0x02); /* hard reset is chosen */
    g_assert_cmpuint(b->power[POWER_RESET], ==, 0);
    outb(b, 0xcf9, 0x06);
    g_assert_cmpuint(b->power[POWER_RESET], ==, 1);
    outb(b, 0xcf9, 0x06); /* still high */
    g_assert_cmpuint(b->power[POWER_RESET], ==, 1);
    g_assert_cmphex(inb(b, 0xcf9), ==, 0x06);
    outb(b, 0x92, 0x02); /* A20 alone */
    g_assert_cmpuint(b->power[POWER_RESET], ==, 1);
    outb(b, 0x92, 0x03);
    g_assert_cmpuint(b->power[POWER_RESET], ==, 2);
    bench_destroy(b);
}

static void its_state_comes_back(void)
{
    struct bench *b;
    struct device *dev = plug(&b);

    cfg_write(b, 1, 0, PIRQRCA, 0x0a0b8005, 4);
    outb(b, 0xcf9, 0x02);
    outb(b, 0x92, 0x00);
    dev = bench_save_load(b, dev, "addr=1");
    piix3_set_intx(dev, 1, 3, true);
    g_assert_true(b->line[10].level);
    g_assert_cmphex(inb(b, 0xcf9), ==, 0x02);
    g_assert_cmphex(inb(b, 0x92), ==, 0x00);
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piix3/swizzle", pins_rotate_over_the_routers);
    g_test_add_func("/piix3/shared", a_shared_line_falls_with_its_last_source);
    g_test_add_func("/piix3/routing", a_router_moves_an_active_line);
    g_test_add_func("/piix3/listener", a_hypervisor_hears_of_each_route);
    g_test_add_func("/piix3/reset", only_a_rising_edge_resets);
    g_test_add_func("/piix3/state", its_state_comes_back);
    return g_test_run();
}
