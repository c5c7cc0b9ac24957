/*
 * The interrupt controllers, from a BIOS' first ICW1 to the spurious vectors.
 */
#include "hw/intc/i8259.h"

#include "tests/unit/hostile.h"
#include "tests/unit/testbench.h"

#define INTR 0

/* As every PC: vectors 0x08 and 0x70, cascade on IRQ2; everything unmasked. */
static void initialize(struct bench *b, uint8_t icw4)
{
    outb(b, 0x20, 0x11);
    outb(b, 0x21, 0x08);
    outb(b, 0x21, 0x04);
    outb(b, 0x21, icw4);
    outb(b, 0xa0, 0x11);
    outb(b, 0xa1, 0x70);
    outb(b, 0xa1, 0x02);
    outb(b, 0xa1, 0x01);
}

static struct device *plug(struct bench *b, uint8_t icw4)
{
    struct device *dev = bench_plug(b, &i8259_kind, NULL);

    initialize(b, icw4);
    return dev;
}

static void pulse(struct device *dev, unsigned irq)
{
    i8259_set_irq(dev, irq, true);
    i8259_set_irq(dev, irq, false);
}

static uint8_t read_isr(struct bench *b, uint16_t port)
{
    outb(b, port, 0x0b);
    return inb(b, port);
}

static uint8_t read_irr(struct bench *b, uint16_t port)
{
    outb(b, port, 0x0a);
    return inb(b, port);
}

static void nothing_comes_before_the_last_icw(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &i8259_kind, NULL);

    pulse(dev, 1);
    g_assert_false(b->line[INTR].level);
    outb(b, 0x20, 0x11); /* forgets the edge */
    pulse(dev, 3);
    outb(b, 0x21, 0x08);
    outb(b, 0x21, 0x04);
    g_assert_false(b->line[INTR].level);
    outb(b, 0x21, 0x01);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0b);
    g_assert_cmphex(inb(b, 0x21), ==, 0);
    /* Single, no ICW4: the vector completes the sequence. */
    outb(b, 0x20, 0x12);
    outb(b, 0x21, 0x40);
    outb(b, 0x21, 0x5a);
    g_assert_cmphex(inb(b, 0x21), ==, 0x5a);
    /* Then IRQ2 is an input like any other. */
    outb(b, 0x21, 0);
    bench_destroy(b);
}

static void one_interrupt_from_edge_to_eoi(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    i8259_set_irq(dev, 4, true);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(read_irr(b, 0x20), ==, 0x10);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0c);
    g_assert_false(b->line[INTR].level);
    g_assert_cmphex(read_irr(b, 0x20), ==, 0);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x10);
    /* The line is still high, but that is no new edge. */
    outb(b, 0x20, 0x20);
    g_assert_cmphex(inb(b, 0x20), ==, 0);
    g_assert_false(b->line[INTR].level);
    /* A mask holds a request back and does not lose it. */
    outb(b, 0x21, 0xff);
    i8259_set_irq(dev, 4, false);
    pulse(dev, 4);
    g_assert_false(b->line[INTR].level);
    outb(b, 0x21, 0xef);
    g_assert_true(b->line[INTR].level);
    bench_destroy(b);
}

static void higher_priorities_interrupt_lower_ones(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    pulse(dev, 5);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0d);
    pulse(dev, 6);
    pulse(dev, 5);
    g_assert_false(b->line[INTR].level);
    pulse(dev, 1);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x09);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x22);
    outb(b, 0x20, 0x20); /* the highest in service: 1 */
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x20);
    outb(b, 0x20, 0x66); /* specific, of a level that is not in service */
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x20);
    outb(b, 0x20, 0x65);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0d);
    outb(b, 0x20, 0x20);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0e);
    bench_destroy(b);
}

static void the_slave_speaks_through_irq2(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    pulse(dev, 12);
    pulse(dev, 8);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x70);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x04);
    g_assert_cmphex(read_isr(b, 0xa0), ==, 0x01);
    outb(b, 0xa0, 0x20); /* IRQ12 asks, but the master is still busy with the slave */
    g_assert_false(b->line[INTR].level);
    outb(b, 0x20, 0x20);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x74);
    outb(b, 0xa0, 0x20);
    outb(b, 0x20, 0x20);
    g_assert_false(b->line[INTR].level);
    i8259_set_irq(dev, 2, true); /* no wire there */
    i8259_set_irq(dev, 16, true);
    g_assert_false(b->line[INTR].level);
    /* A slave that answers to another number leaves the bus to float. */
    outb(b, 0xa0, 0x11);
    outb(b, 0xa1, 0x70);
    outb(b, 0xa1, 0x05);
    outb(b, 0xa1, 0x01);
    pulse(dev, 8);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0xff);
    bench_destroy(b);
}

static void special_fully_nested_lets_the_slave_in_again(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x11);

    pulse(dev, 12);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x74);
    pulse(dev, 3); /* below the cascade */
    g_assert_false(b->line[INTR].level);
    pulse(dev, 9);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x71);
    g_assert_cmphex(read_isr(b, 0xa0), ==, 0x12);
    bench_destroy(b);
}

static void rotation_makes_priorities_equal(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    outb(b, 0x20, 0xc3); /* 3 is lowest: 4 is highest */
    pulse(dev, 0);
    pulse(dev, 3);
    pulse(dev, 4);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0c);
    outb(b, 0x20, 0xa0); /* EOI; now 4 is lowest */
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x08);
    outb(b, 0x20, 0xe0); /* specific EOI of 0, which becomes lowest */
    pulse(dev, 1);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x09);
    outb(b, 0x20, 0x40); /* no operation */
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x02);
    outb(b, 0x20, 0x20);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0b);
    bench_destroy(b);
}

static void automatic_eoi_ends_with_the_acknowledge(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x03);

    outb(b, 0x20, 0x80); /* and rotates */
    pulse(dev, 1);
    pulse(dev, 6);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x09);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0);
    pulse(dev, 1);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0e);
    outb(b, 0x20, 0x00); /* no longer */
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x09);
    pulse(dev, 7);
    pulse(dev, 1); /* 6 is still the lowest */
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0f);
    bench_destroy(b);
}

static void a_slave_with_automatic_eoi_loses_nothing(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x03);

    outb(b, 0xa0, 0x11);
    outb(b, 0xa1, 0x70);
    outb(b, 0xa1, 0x02);
    outb(b, 0xa1, 0x03);
    pulse(dev, 10);
    pulse(dev, 11);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x72);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x73);
    g_assert_false(b->line[INTR].level);
    bench_destroy(b);
}

static void special_mask_opens_lower_levels(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    pulse(dev, 1);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x09);
    pulse(dev, 6);
    outb(b, 0x21, 0x02);
    g_assert_false(b->line[INTR].level);
    outb(b, 0x20, 0x68);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0e);
    /* A non-specific EOI passes over the masked level. */
    outb(b, 0x20, 0x20);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x02);
    outb(b, 0x20, 0x20);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x02);
    outb(b, 0x20, 0x48);
    outb(b, 0x20, 0x20);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0);
    bench_destroy(b);
}

static void polling_acknowledges_without_the_cpu(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    outb(b, 0x20, 0x0c);
    g_assert_cmphex(inb(b, 0x20), ==, 0);
    pulse(dev, 13);
    outb(b, 0x20, 0x0c);
    g_assert_cmphex(inb(b, 0x21), ==, 0x82);
    outb(b, 0xa0, 0x0c);
    g_assert_cmphex(inb(b, 0xa0), ==, 0x85);
    g_assert_false(b->line[INTR].level);
    g_assert_cmphex(read_isr(b, 0xa0), ==, 0x20);
    bench_destroy(b);
}

static void level_inputs_ask_as_long_as_they_are_high(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    outw(b, 0x4d0, 0xffff);
    g_assert_cmphex(inb(b, 0x4d0), ==, 0xf8);
    g_assert_cmphex(inb(b, 0x4d1), ==, 0xde);
    i8259_set_irq(dev, 11, true);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x73);
    outb(b, 0xa0, 0x20);
    outb(b, 0x20, 0x20);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x73);
    i8259_set_irq(dev, 11, false);
    outb(b, 0xa0, 0x20);
    outb(b, 0x20, 0x20);
    g_assert_false(b->line[INTR].level);
    /* To edge and back: what was high is no edge. */
    i8259_set_irq(dev, 5, true);
    outb(b, 0x4d0, 0);
    g_assert_false(b->line[INTR].level);
    bench_destroy(b);
}

static void a_withdrawn_request_is_spurious(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    outw(b, 0x4d0, 0x0c20);
    i8259_set_irq(dev, 5, true);
    i8259_set_irq(dev, 5, false);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x0f);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0); /* how a handler tells it from a real IRQ7 */
    /* From the slave: the master did see an edge, and wants its EOI. */
    i8259_set_irq(dev, 10, true);
    i8259_set_irq(dev, 10, false);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x77);
    g_assert_cmphex(read_isr(b, 0xa0), ==, 0);
    g_assert_cmphex(read_isr(b, 0x20), ==, 0x04);
    bench_destroy(b);
}

static void state_is_carried_in_mid_flight(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, 0x01);

    outb(b, 0x4d1, 0x04);
    pulse(dev, 1);
    i8259_acknowledge(dev);
    i8259_set_irq(dev, 10, true);
    outb(b, 0x20, 0xc4);
    outb(b, 0xa0, 0x0c);
    outb(b, 0x20, 0x11); /* and half an initialization */
    outb(b, 0x21, 0x20);
    dev = bench_save_load(b, dev, NULL);
    outb(b, 0x21, 0x04);
    outb(b, 0x21, 0x01);
    g_assert_cmphex(inb(b, 0xa0), ==, 0x82); /* the poll command was remembered */
    pulse(dev, 0);
    dev = bench_save_load(b, dev, NULL);
    g_assert_true(b->line[INTR].level);
    g_assert_cmphex(i8259_acknowledge(dev), ==, 0x20);
    device_reset(dev);
    g_assert_false(b->line[INTR].level);
    bench_destroy(b);
}

static void any_access_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &i8259_kind, NULL);

    for (uint32_t seed = 1; seed < 200; seed++) {
        hostile_ports(b, 0x20, 2, seed);
        hostile_ports(b, 0xa0, 2, seed);
        hostile_ports(b, 0x4d0, 2, seed);
        i8259_set_irq(dev, seed % 20, seed % 3 != 0);
        i8259_acknowledge(dev);
    }
    bench_save_load(b, dev, NULL);
    bench_destroy(b);
}

static void any_saved_state_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &i8259_kind, NULL);

    for (uint32_t seed = 1; seed < 400; seed++) {
        dev = hostile_state(b, dev, NULL, seed);
        hostile_ports(b, 0x20, 2, seed);
        hostile_ports(b, 0xa0, 2, seed);
        i8259_acknowledge(dev);
    }
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8259/initialization", nothing_comes_before_the_last_icw);
    g_test_add_func("/i8259/edge", one_interrupt_from_edge_to_eoi);
    g_test_add_func("/i8259/priority", higher_priorities_interrupt_lower_ones);
    g_test_add_func("/i8259/cascade", the_slave_speaks_through_irq2);
    g_test_add_func("/i8259/sfnm", special_fully_nested_lets_the_slave_in_again);
    g_test_add_func("/i8259/rotation", rotation_makes_priorities_equal);
    g_test_add_func("/i8259/aeoi", automatic_eoi_ends_with_the_acknowledge);
    g_test_add_func("/i8259/aeoi-slave", a_slave_with_automatic_eoi_loses_nothing);
    g_test_add_func("/i8259/special-mask", special_mask_opens_lower_levels);
    g_test_add_func("/i8259/poll", polling_acknowledges_without_the_cpu);
    g_test_add_func("/i8259/level", level_inputs_ask_as_long_as_they_are_high);
    g_test_add_func("/i8259/spurious", a_withdrawn_request_is_spurious);
    g_test_add_func("/i8259/state", state_is_carried_in_mid_flight);
    g_test_add_func("/i8259/hostile", any_access_is_harmless);
    g_test_add_func("/i8259/hostile-state", any_saved_state_is_harmless);
    return g_test_run();
}
