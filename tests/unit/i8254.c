/*
 * The interval timer: every mode by its output on counter 2, which port 0x61 gates and shows, and
 * the interrupts of counter 0.
 */
#include "hw/timer/i8254.h"

#include "tests/unit/hostile.h"
#include "tests/unit/testbench.h"

#define IRQ0 0

/* One clock of 1193182 Hz is 838.095 ns. Steps to the middle of the n-th clock from time 0. */
static void to_tick(struct bench *b, int64_t n)
{
    clock_step_to(b->clock, (2 * n + 1) * NS_PER_S / (2 * 1193182));
}

static struct bench *plug(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &i8254_kind, NULL);
    return b;
}

static void program(struct bench *b, unsigned counter, uint8_t mode, uint16_t count)
{
    outb(b, 0x43, (uint8_t)(counter << 6 | 0x30 | mode));
    outb(b, (uint16_t)(0x40 + counter), (uint8_t)count);
    outb(b, (uint16_t)(0x40 + counter), (uint8_t)(count >> 8));
}

static uint16_t latched(struct bench *b, unsigned counter)
{
    outb(b, 0x43, (uint8_t)(counter << 6));
    uint8_t lsb = inb(b, (uint16_t)(0x40 + counter));
    return (uint16_t)(lsb | inb(b, (uint16_t)(0x40 + counter)) << 8);
}

static bool out2(struct bench *b)
{
    return (inb(b, 0x61) & 0x20) != 0;
}

/* The output of counter 2 from tick `from` on, one letter a clock. */
static void check_wave(struct bench *b, int64_t from, const char *wave)
{
    for (int64_t i = 0; wave[i] != '\0'; i++) {
        to_tick(b, from + i);
        if (out2(b) != (wave[i] == 'H'))
            g_error("clock %d of %s is wrong", (int)i, wave);
    }
}

static void mode_0_interrupts_once_at_the_end(void)
{
    struct bench *b = plug();

    to_tick(b, 0);
    program(b, 0, 0x0, 4);
    g_assert_false(b->line[IRQ0].level);
    to_tick(b, 4);
    g_assert_false(b->line[IRQ0].level);
    to_tick(b, 5); /* one clock loads, four count */
    g_assert_true(b->line[IRQ0].level);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    to_tick(b, 7);
    g_assert_cmphex(latched(b, 0), ==, 0xfffe); /* it goes on below zero */
    g_assert_cmpuint(b->line[IRQ0].rises, ==, 1);
    outb(b, 0x40, 9); /* half a new count lowers the output at once */
    g_assert_false(b->line[IRQ0].level);
    outb(b, 0x40, 0);
    to_tick(b, 17);
    g_assert_cmpuint(b->line[IRQ0].rises, ==, 2);
    bench_destroy(b);
}

static void the_gate_holds_mode_0_back(void)
{
    struct bench *b = plug();

    to_tick(b, 0);
    program(b, 2, 0x0, 5); /* gate 2 is low after reset: loaded, but it does not count */
    to_tick(b, 10);
    g_assert_cmphex(latched(b, 2), ==, 5);
    outb(b, 0x61, 1);
    to_tick(b, 12);
    g_assert_cmphex(latched(b, 2), ==, 3);
    outb(b, 0x61, 0);
    to_tick(b, 50);
    g_assert_cmphex(latched(b, 2), ==, 3);
    outb(b, 0x61, 1);
    check_wave(b, 50, "LLLHH");
    bench_destroy(b);
}

static void mode_1_is_a_one_shot_that_the_gate_fires(void)
{
    struct bench *b = plug();

    to_tick(b, 0);
    program(b, 2, 0x2, 3);
    check_wave(b, 1, "HHHH");
    outb(b, 0x61, 1);
    check_wave(b, 5, "LLLHHH");
    outb(b, 0x61, 0);
    outb(b, 0x61, 1);
    check_wave(b, 11, "LL");
    outb(b, 0x61, 0); /* again, before it is over */
    outb(b, 0x61, 1);
    check_wave(b, 13, "LLLHH");
    bench_destroy(b);
}

static void mode_2_divides(void)
{
    struct bench *b = plug();

    outb(b, 0x61, 1);
    to_tick(b, 0);
    program(b, 2, 0x4, 3);
    check_wave(b, 1, "HHLHHLHH");
    /* A new count waits for the end of the period. */
    outb(b, 0x42, 5);
    outb(b, 0x42, 0);
    check_wave(b, 9, "LHHHHLHH");
    /* A low gate raises the output; a high one starts over. */
    to_tick(b, 19);
    g_assert_false(out2(b));
    outb(b, 0x61, 0);
    check_wave(b, 19, "HHHHHHHH");
    outb(b, 0x61, 1);
    check_wave(b, 27, "HHHHLHHHHL");
    bench_destroy(b);
}

static void mode_3_is_a_square_wave(void)
{
    struct bench *b = plug();

    outb(b, 0x61, 1);
    to_tick(b, 0);
    program(b, 2, 0x6, 4);
    check_wave(b, 1, "HHLLHHLL");
    to_tick(b, 9);
    g_assert_cmphex(latched(b, 2), ==, 4);
    to_tick(b, 10);
    g_assert_cmphex(latched(b, 2), ==, 2); /* counts by twos */
    outb(b, 0x42, 5);
    outb(b, 0x42, 0);
    check_wave(b, 11, "LLHHHLLHHHLL"); /* the new count's low half, and an odd one's high half */
    to_tick(b, 25);
    g_assert_cmphex(latched(b, 2), ==, 0);
    to_tick(b, 26);
    g_assert_cmphex(latched(b, 2), ==, 4);
    bench_destroy(b);
}

static void modes_4_and_5_strobe(void)
{
    struct bench *b = plug();

    outb(b, 0x61, 1);
    to_tick(b, 0);
    program(b, 2, 0x8, 3);
    check_wave(b, 1, "HHHLHHHH");
    program(b, 2, 0xa, 2);
    check_wave(b, 9, "HHHH");
    outb(b, 0x61, 0);
    outb(b, 0x61, 1);
    check_wave(b, 13, "HHLHHH");
    bench_destroy(b);
}

static void the_bios_tick_comes_18_times_a_second(void)
{
    struct bench *b = plug();

    program(b, 0, 0x6, 0); /* 65536 */
    bench_step(b, NS_PER_S);
    g_assert_cmpuint(b->line[IRQ0].rises, ==, 1 + 18); /* the mode itself raised the output */
    program(b, 0, 0x4, 1193);
    unsigned before = b->line[IRQ0].rises;
    bench_step(b, NS_PER_S);
    g_assert_cmpuint(b->line[IRQ0].rises - before, ==, 1000);
    /* A new rate applies from the next tick on. */
    outb(b, 0x40, (uint8_t)11932);
    outb(b, 0x40, 11932 >> 8);
    before = b->line[IRQ0].rises;
    bench_step(b, NS_PER_S);
    g_assert_cmpuint(b->line[IRQ0].rises - before, ==, 100);
    bench_destroy(b);
}

static void no_timer_runs_when_nothing_can_come(void)
{
    struct bench *b = plug();
    struct device *dev = b->devices->pdata[0];

    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    program(b, 2, 0x6, 100); /* the speaker needs none */
    program(b, 0, 0xa, 100); /* gate 0 never rises */
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    program(b, 0, 0x4, 100);
    g_assert_cmpint(clock_next_deadline(b->clock), !=, INT64_MAX);
    i8254_enable_irq(dev, false);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    g_assert_false(b->line[IRQ0].level);
    i8254_enable_irq(dev, true);
    g_assert_cmpint(clock_next_deadline(b->clock), !=, INT64_MAX);
    program(b, 0, 0x4, 1); /* not allowed: no edges */
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    program(b, 0, 0x4, 2); /* 600000 a second are merged */
    unsigned before = b->line[IRQ0].rises;
    bench_step(b, 10 * NS_PER_MS);
    g_assert_cmpuint(b->line[IRQ0].rises - before, <=, 1000);
    bench_destroy(b);
}

static void latches_hold_until_they_are_read(void)
{
    struct bench *b = plug();

    to_tick(b, 0);
    program(b, 0, 0x4, 0x1234);
    to_tick(b, 0x11);
    outb(b, 0x43, 0x00);
    to_tick(b, 0x21);
    outb(b, 0x43, 0x00); /* ignored: the first is not read yet */
    g_assert_cmphex(inb(b, 0x40), ==, 0x24);
    g_assert_cmphex(inb(b, 0x40), ==, 0x12);
    g_assert_cmphex(inb(b, 0x40), ==, 0x14); /* now live */
    g_assert_cmphex(inb(b, 0x40), ==, 0x12);
    /* Read back status and count of two counters. The status comes first. */
    outb(b, 0x43, 0xc6);
    g_assert_cmphex(inb(b, 0x40), ==, 0xb4);
    g_assert_cmphex(inb(b, 0x40), ==, 0x14);
    g_assert_cmphex(inb(b, 0x40), ==, 0x12);
    g_assert_cmphex(inb(b, 0x41), ==, 0x70); /* no count yet */
    g_assert_cmphex(inb(b, 0x41), ==, 0x00);
    /* There is no fourth counter behind the control port. */
    outb(b, 0x43, 0xd0);
    g_assert_cmphex(inb(b, 0x43), ==, 0xff);
    bench_destroy(b);
}

static void halves_and_decimals(void)
{
    struct bench *b = plug();

    to_tick(b, 0);
    outb(b, 0x43, 0x14); /* LSB only */
    outb(b, 0x40, 200);
    to_tick(b, 1);
    g_assert_cmphex(inb(b, 0x40), ==, 200);
    outb(b, 0x43, 0x24); /* MSB only */
    outb(b, 0x40, 0x20);
    to_tick(b, 2);
    g_assert_cmphex(inb(b, 0x40), ==, 0x20);
    g_assert_cmphex(inb(b, 0x40), ==, 0x20);
    to_tick(b, 3);
    g_assert_cmphex(inb(b, 0x40), ==, 0x1f);
    program(b, 1, 0x5, 0x1000);
    to_tick(b, 5);
    g_assert_cmphex(latched(b, 1), ==, 0x0999);
    program(b, 1, 0x1, 0x0002); /* mode 0, below zero */
    to_tick(b, 9);
    g_assert_cmphex(latched(b, 1), ==, 0x9999);
    program(b, 1, 0x5, 0); /* 10000 */
    to_tick(b, 10);
    g_assert_cmphex(latched(b, 1), ==, 0);
    to_tick(b, 11);
    g_assert_cmphex(latched(b, 1), ==, 0x9999);
    bench_destroy(b);
}

static void port_b_shows_refresh_and_keeps_four_bits(void)
{
    struct bench *b = plug();

    outb(b, 0x61, 0xff);
    g_assert_cmphex(inb(b, 0x61) & 0xcf, ==, 0x0f);
    uint8_t first = inb(b, 0x61) & 0x10;
    bench_step(b, 15085);
    g_assert_cmphex(inb(b, 0x61) & 0x10, !=, first);
    bench_destroy(b);
}

static void state_is_carried_in_mid_count(void)
{
    struct bench *b = plug();
    struct device *dev = b->devices->pdata[0];

    outb(b, 0x61, 1);
    to_tick(b, 0);
    program(b, 0, 0x4, 1000);
    program(b, 2, 0x6, 40);
    to_tick(b, 5);
    outb(b, 0x42, 20);
    outb(b, 0x42, 0); /* waits for the half period */
    outb(b, 0x41, 7); /* half a count */
    outb(b, 0x43, 0x00);
    inb(b, 0x40); /* half a latched count */
    dev = bench_save_load(b, dev, NULL);
    g_assert_cmphex(inb(b, 0x40), ==, 0x03);
    unsigned before = b->line[IRQ0].rises;
    to_tick(b, 2002);
    g_assert_cmpuint(b->line[IRQ0].rises - before, ==, 2);
    device_reset(dev);
    g_assert_false(b->line[IRQ0].level);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    bench_destroy(b);
}

static void any_access_is_harmless(void)
{
    struct bench *b = plug();
    struct device *dev = b->devices->pdata[0];

    for (uint32_t seed = 1; seed < 200; seed++) {
        hostile_ports(b, 0x40, 4, seed);
        hostile_ports(b, 0x61, 1, seed);
        bench_step(b, seed * 100 * NS_PER_US);
        dev = bench_save_load(b, dev, NULL);
    }
    bench_destroy(b);
}

static void any_saved_state_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &i8254_kind, NULL);

    for (uint32_t seed = 1; seed < 400; seed++) {
        dev = hostile_state(b, dev, NULL, seed);
        hostile_ports(b, 0x40, 4, seed);
        hostile_ports(b, 0x61, 1, seed);
        bench_step(b, 100 * NS_PER_MS);
    }
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8254/mode-0", mode_0_interrupts_once_at_the_end);
    g_test_add_func("/i8254/gate", the_gate_holds_mode_0_back);
    g_test_add_func("/i8254/mode-1", mode_1_is_a_one_shot_that_the_gate_fires);
    g_test_add_func("/i8254/mode-2", mode_2_divides);
    g_test_add_func("/i8254/mode-3", mode_3_is_a_square_wave);
    g_test_add_func("/i8254/modes-4-5", modes_4_and_5_strobe);
    g_test_add_func("/i8254/irq0", the_bios_tick_comes_18_times_a_second);
    g_test_add_func("/i8254/idle", no_timer_runs_when_nothing_can_come);
    g_test_add_func("/i8254/latch", latches_hold_until_they_are_read);
    g_test_add_func("/i8254/halves", halves_and_decimals);
    g_test_add_func("/i8254/port-b", port_b_shows_refresh_and_keeps_four_bits);
    g_test_add_func("/i8254/state", state_is_carried_in_mid_count);
    g_test_add_func("/i8254/hostile", any_access_is_harmless);
    g_test_add_func("/i8254/hostile-state", any_saved_state_is_harmless);
    return g_test_run();
}
