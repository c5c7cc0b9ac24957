/*
 * The real-time clock: its calendar, how a guest sets it, and its three interrupts. The bench's
 * virtual clock begins on Sunday, 2001-09-09 at 01:46:40 UTC.
 */
#include "hw/timer/mc146818.h"

#include "tests/unit/hostile.h"
#include "tests/unit/testbench.h"

#define IRQ8 0
#define WAKE 1

static uint8_t rd(struct bench *b, uint8_t index)
{
    outb(b, 0x70, index);
    return inb(b, 0x71);
}

static void wr(struct bench *b, uint8_t index, uint8_t value)
{
    outb(b, 0x70, index);
    outb(b, 0x71, value);
}

/* Century, year, month, date, weekday, hour, minute, second as the registers have them. */
static void check_time(struct bench *b, const uint8_t want[8])
{
    static const uint8_t index[] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };

    for (unsigned i = 0; i < sizeof(index); i++)
        g_assert_cmphex(rd(b, index[i]), ==, want[i]);
}

static void set_time(struct bench *b, const uint8_t regs[8])
{
    static const uint8_t index[] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };
    uint8_t control = rd(b, 0x0b);

    wr(b, 0x0b, control | 0x80);
    for (unsigned i = 0; i < sizeof(index); i++)
        wr(b, index[i], regs[i]);
    wr(b, 0x0b, control);
}

static void it_shows_the_time_in_every_notation(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &mc146818_kind, NULL);
    g_assert_cmphex(rd(b, 0x0a), ==, 0x26);
    g_assert_cmphex(rd(b, 0x0b), ==, 0x02);
    g_assert_cmphex(rd(b, 0x0d), ==, 0x80);
    check_time(b, (uint8_t[]){ 0x20, 0x01, 0x09, 0x09, 1, 0x01, 0x46, 0x40 });
    wr(b, 0x0b, 0x06);
    check_time(b, (uint8_t[]){ 20, 1, 9, 9, 1, 1, 46, 40 });
    wr(b, 0x0b, 0x00);
    bench_step(b, 12 * 3600 * NS_PER_S);
    check_time(b, (uint8_t[]){ 0x20, 0x01, 0x09, 0x09, 1, 0x81, 0x46, 0x40 });
    bench_step(b, 11 * 3600 * NS_PER_S);
    g_assert_cmphex(rd(b, 4), ==, 0x12); /* midnight is 12 AM */
    g_assert_cmphex(rd(b, 6), ==, 2);
    bench_step(b, 12 * 3600 * NS_PER_S);
    g_assert_cmphex(rd(b, 4), ==, 0x92);
    g_assert_cmphex(inb(b, 0x70), ==, 0xff);
    bench_destroy(b);
}

static void the_base_is_a_property(void)
{
    struct bench *b = bench_create();
    g_autoptr(GError) err = NULL;
    struct device *bad = device_new(&mc146818_kind, "rtc", &b->services);

    bench_plug(b, &mc146818_kind, "base=1999-12-31T23:59:58");
    bench_step(b, 2 * NS_PER_S);
    check_time(b, (uint8_t[]){ 0x20, 0x00, 0x01, 0x01, 7, 0, 0, 0 });
    device_set_property(bad, "base", "yesterday", NULL);
    g_assert_cmpint(device_realize(bad, &err), ==, -EINVAL);
    g_assert_nonnull(strstr(err->message, "base=yesterday"));
    device_destroy(bad);
    bench_destroy(b);
}

static int64_t reported;

static void note_change(void *opaque, int64_t offset)
{
    reported = offset;
}

static void the_guest_sets_it_and_the_toolstack_hears(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &mc146818_kind, NULL);

    mc146818_on_change(dev, note_change, NULL);
    set_time(b, (uint8_t[]){ 0x20, 0x01, 0x09, 0x09, 5, 0x02, 0x46, 0x40 });
    g_assert_cmpint(reported, ==, 3600);
    bench_step(b, 24 * 3600 * NS_PER_S);
    check_time(b, (uint8_t[]){ 0x20, 0x01, 0x09, 0x10, 6, 0x02, 0x46, 0x40 });
    /* A leap day, and a new century that ends with the year 2100, which is none. */
    set_time(b, (uint8_t[]){ 0x20, 0x04, 0x02, 0x28, 7, 0x23, 0x59, 0x59 });
    bench_step(b, NS_PER_S);
    check_time(b, (uint8_t[]){ 0x20, 0x04, 0x02, 0x29, 1, 0, 0, 0 });
    set_time(b, (uint8_t[]){ 0x20, 0x99, 0x12, 0x31, 5, 0x23, 0x59, 0x59 });
    bench_step(b, NS_PER_S);
    check_time(b, (uint8_t[]){ 0x21, 0x00, 0x01, 0x01, 6, 0, 0, 0 });
    /* One register alone, without SET. */
    wr(b, 2, 0x30);
    check_time(b, (uint8_t[]){ 0x21, 0x00, 0x01, 0x01, 6, 0, 0x30, 0 });
    /* The battery keeps the time. */
    device_reset(dev);
    check_time(b, (uint8_t[]){ 0x21, 0x00, 0x01, 0x01, 6, 0, 0x30, 0 });
    bench_destroy(b);
}

static void set_and_the_divider_hold_it(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &mc146818_kind, NULL);
    wr(b, 0x0b, 0x92); /* SET also takes UIE back */
    g_assert_cmphex(rd(b, 0x0b), ==, 0x82);
    bench_step(b, 5 * NS_PER_S);
    g_assert_cmphex(rd(b, 0), ==, 0x40);
    g_assert_cmphex(rd(b, 0x0c), ==, 0x40); /* only the periodic flag: the divider runs */
    wr(b, 0x0b, 0x02);
    g_assert_cmphex(rd(b, 0), ==, 0x40);
    wr(b, 0x0a, 0x76);
    bench_step(b, 5 * NS_PER_S + 123);
    g_assert_cmphex(rd(b, 0), ==, 0x40);
    wr(b, 0x0a, 0x26); /* the first update comes half a second later */
    bench_step(b, NS_PER_S / 2 - 1);
    g_assert_cmphex(rd(b, 0), ==, 0x40);
    bench_step(b, 1);
    g_assert_cmphex(rd(b, 0), ==, 0x41);
    bench_destroy(b);
}

static void an_update_announces_itself(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &mc146818_kind, NULL);
    rd(b, 0x0c);
    bench_step(b, NS_PER_S - 2228001);
    g_assert_cmphex(rd(b, 0x0a), ==, 0x26);
    bench_step(b, 1);
    g_assert_cmphex(rd(b, 0x0a), ==, 0xa6);
    g_assert_cmphex(rd(b, 0x0c) & 0x10, ==, 0);
    bench_step(b, 2228000);
    g_assert_cmphex(rd(b, 0x0a), ==, 0x26);
    g_assert_cmphex(rd(b, 0x0c), ==, 0x50);
    g_assert_cmphex(rd(b, 0x0c), ==, 0x00);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX); /* all of it without a timer */
    bench_destroy(b);
}

static void update_ended_interrupts_once_a_second(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &mc146818_kind, NULL);
    wr(b, 0x0b, 0x12);
    bench_step(b, NS_PER_S - 1);
    g_assert_false(b->line[IRQ8].level);
    bench_step(b, 1);
    g_assert_true(b->line[IRQ8].level);
    /* Nobody reads register C: no timer runs either. */
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    bench_step(b, 5 * NS_PER_S);
    g_assert_cmpuint(b->line[IRQ8].rises, ==, 1);
    g_assert_cmphex(rd(b, 0x0c), ==, 0xd0);
    g_assert_false(b->line[IRQ8].level);
    bench_step(b, NS_PER_S);
    g_assert_cmpuint(b->line[IRQ8].rises, ==, 2);
    bench_destroy(b);
}

static unsigned periodic_in_a_second(struct bench *b, uint8_t rate)
{
    unsigned before = b->line[IRQ8].rises;
    int64_t end = clock_now(b->clock) + NS_PER_S;

    wr(b, 0x0a, 0x20 | rate);
    wr(b, 0x0b, 0x42);
    rd(b, 0x0c);
    while (clock_next_deadline(b->clock) <= end) {
        clock_step_to(b->clock, clock_next_deadline(b->clock));
        rd(b, 0x0c);
    }
    clock_step_to(b->clock, end);
    return b->line[IRQ8].rises - before;
}

static void periodic_rates(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &mc146818_kind, NULL);
    g_assert_cmpuint(periodic_in_a_second(b, 0), ==, 0);
    g_assert_cmpuint(periodic_in_a_second(b, 1), ==, 256);
    g_assert_cmpuint(periodic_in_a_second(b, 2), ==, 128);
    g_assert_cmpuint(periodic_in_a_second(b, 3), ==, 8192);
    g_assert_cmpuint(periodic_in_a_second(b, 6), ==, 1024);
    g_assert_cmpuint(periodic_in_a_second(b, 15), ==, 2);
    wr(b, 0x0a, 0x76); /* no divider, no rate */
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    bench_destroy(b);
}

static void set_alarm(struct bench *b, uint8_t hour, uint8_t minute, uint8_t second)
{
    wr(b, 5, hour);
    wr(b, 3, minute);
    wr(b, 1, second);
}

static void alarms_go_off_at_the_second(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &mc146818_kind, NULL);

    set_alarm(b, 0x01, 0x46, 0x42);
    wr(b, 0x0b, 0x22);
    bench_step(b, 2 * NS_PER_S - 1);
    g_assert_false(b->line[WAKE].level);
    bench_step(b, 1);
    g_assert_true(b->line[WAKE].level);
    g_assert_true(b->line[IRQ8].level);
    g_assert_cmphex(rd(b, 0x0c), ==, 0xf0);
    g_assert_false(b->line[WAKE].level);
    bench_step(b, 24 * 3600 * NS_PER_S - 1);
    g_assert_false(b->line[IRQ8].level);
    bench_step(b, 1);
    g_assert_true(b->line[IRQ8].level);
    rd(b, 0x0c);
    /* Don't cares: every hour at 46:00. */
    set_alarm(b, 0xc0, 0x46, 0x00);
    bench_step(b, 3600 * NS_PER_S - 43 * NS_PER_S);
    g_assert_false(b->line[IRQ8].level);
    bench_step(b, NS_PER_S);
    g_assert_true(b->line[IRQ8].level);
    rd(b, 0x0c);
    /* No such time. */
    set_alarm(b, 0x25, 0x61, 0x00);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    /* A reset takes the enables back. */
    set_alarm(b, 0xff, 0xff, 0xff);
    device_reset(dev);
    bench_step(b, 2 * NS_PER_S);
    g_assert_false(b->line[IRQ8].level);
    g_assert_cmphex(rd(b, 0x0c), ==, 0x70); /* the flags are there without an interrupt */
    bench_destroy(b);
}

static void an_afternoon_alarm_in_twelve_hours(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &mc146818_kind, NULL);
    wr(b, 0x0b, 0x24); /* binary */
    set_alarm(b, 0x80 | 1, 46, 40);
    bench_step(b, 12 * 3600 * NS_PER_S - 1);
    g_assert_false(b->line[IRQ8].level);
    bench_step(b, 1);
    g_assert_true(b->line[IRQ8].level);
    bench_destroy(b);
}

static void cmos_is_memory_that_stays(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &mc146818_kind, NULL);

    mc146818_set_cmos(dev, 0x34, 0x5a);
    mc146818_set_cmos(dev, 0x0b, 0xff); /* not RAM */
    mc146818_set_cmos(dev, 0x80, 0xff);
    wr(b, 0x7f, 0x77);
    device_reset(dev);
    g_assert_cmphex(rd(b, 0x34), ==, 0x5a);
    g_assert_cmphex(rd(b, 0xff), ==, 0x77); /* bit 7 of the index masks the NMI */
    g_assert_cmphex(rd(b, 0x0b), ==, 0x02);
    wr(b, 0x0d, 0);
    g_assert_cmphex(rd(b, 0x0d), ==, 0x80);
    bench_destroy(b);
}

static void state_is_carried_with_the_time(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &mc146818_kind, NULL);

    set_time(b, (uint8_t[]){ 0x19, 0x88, 0x02, 0x28, 1, 0x23, 0x59, 0x50 });
    wr(b, 0x0a, 0x26);
    wr(b, 0x0b, 0x32);
    set_alarm(b, 0xff, 0xff, 0x55);
    bench_step(b, NS_PER_S / 3);
    outb(b, 0x70, 0x07);
    dev = bench_save_load(b, dev, "base=2030-01-01");
    g_assert_cmphex(inb(b, 0x71), ==, 0x28);
    bench_step(b, NS_PER_S);
    g_assert_true(b->line[IRQ8].level);
    dev = bench_save_load(b, dev, NULL);
    g_assert_cmphex(rd(b, 0x0c), ==, 0xd0);
    bench_step(b, 9 * NS_PER_S);
    g_assert_true(b->line[WAKE].level);
    check_time(b, (uint8_t[]){ 0x19, 0x88, 0x02, 0x29, 2, 0, 0, 0 });
    wr(b, 0x0b, 0x82); /* held */
    bench_step(b, 9 * NS_PER_S);
    bench_save_load(b, dev, NULL);
    g_assert_cmphex(rd(b, 0x00), ==, 0x00);
    bench_destroy(b);
}

static void any_access_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &mc146818_kind, NULL);

    for (uint32_t seed = 1; seed < 400; seed++) {
        for (uint8_t index = 0; index < 0x0e; index++)
            wr(b, seed % 2 != 0 ? index : 0x32, (uint8_t)(seed * 0x4f + index * 0x35));
        hostile_ports(b, 0x70, 2, seed);
        bench_step(b, seed * NS_PER_MS);
        dev = bench_save_load(b, dev, NULL);
    }
    bench_destroy(b);
}

static void any_saved_state_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &mc146818_kind, NULL);

    for (uint32_t seed = 1; seed < 400; seed++) {
        dev = hostile_state(b, dev, NULL, seed);
        hostile_ports(b, 0x70, 2, seed);
        bench_step(b, 2 * NS_PER_S);
    }
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mc146818/notations", it_shows_the_time_in_every_notation);
    g_test_add_func("/mc146818/base", the_base_is_a_property);
    g_test_add_func("/mc146818/set", the_guest_sets_it_and_the_toolstack_hears);
    g_test_add_func("/mc146818/hold", set_and_the_divider_hold_it);
    g_test_add_func("/mc146818/uip", an_update_announces_itself);
    g_test_add_func("/mc146818/update-ended", update_ended_interrupts_once_a_second);
    g_test_add_func("/mc146818/periodic", periodic_rates);
    g_test_add_func("/mc146818/alarm", alarms_go_off_at_the_second);
    g_test_add_func("/mc146818/alarm-12h", an_afternoon_alarm_in_twelve_hours);
    g_test_add_func("/mc146818/cmos", cmos_is_memory_that_stays);
    g_test_add_func("/mc146818/state", state_is_carried_with_the_time);
    g_test_add_func("/mc146818/hostile", any_access_is_harmless);
    g_test_add_func("/mc146818/hostile-state", any_saved_state_is_harmless);
    return g_test_run();
}
