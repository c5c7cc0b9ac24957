/*
 * The high precision event timer, as an operating system finds, sets up and misuses it. A tick is
 * 10 ns.
 */
#include "hw/timer/hpet.h"

#include "tests/unit/hostile.h"
#include "tests/unit/testbench.h"

#define BASE UINT64_C(0xfed00000)

#define CONF       0x010
#define STATUS     0x020
#define COUNTER    0x0f0
#define TN(n, reg) (0x100 + 0x20 * (n) + (reg))
#define TN_CONF    0x00
#define TN_CMP     0x08
#define TN_FSB     0x10

#define ENABLE 1u
#define LEGACY 2u

#define LEVEL    0x0002u
#define INT      0x0004u
#define PERIODIC 0x0008u
#define VAL_SET  0x0040u
#define MODE32   0x0100u
#define ROUTE(n) ((uint32_t)(n) << 9)
#define FSB      0x4000u

static uint64_t rd(struct bench *b, unsigned offset)
{
    return mmio_read(b, BASE + offset, 8);
}

static void wr(struct bench *b, unsigned offset, uint64_t value)
{
    mmio_write(b, BASE + offset, value, 8);
}

static void wr32(struct bench *b, unsigned offset, uint32_t value)
{
    mmio_write(b, BASE + offset, value, 4);
}

static void step_ticks(struct bench *b, int64_t ticks)
{
    bench_step(b, 10 * ticks);
}

static void it_tells_what_it_is(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, NULL);
    g_assert_cmphex(rd(b, 0), ==, UINT64_C(0x009896808086a201));
    g_assert_cmphex(mmio_read(b, BASE + 4, 4), ==, 10000000);
    g_assert_cmphex(rd(b, CONF), ==, 0);
    g_assert_cmphex(rd(b, TN(0, TN_CONF)), ==, UINT64_C(0x00f0000400000030));
    g_assert_cmphex(rd(b, TN(2, TN_CMP)), ==, UINT64_MAX);
    g_assert_cmphex(rd(b, TN(3, TN_CONF)), ==, 0); /* there is no fourth */
    g_assert_cmphex(rd(b, 0x3f8), ==, 0);
    wr(b, TN(1, TN_CONF), UINT64_MAX);
    /* Route 31 is not there, messages neither. */
    g_assert_cmphex(rd(b, TN(1, TN_CONF)), ==, UINT64_C(0x00f000040000017e));
    wr(b, TN(1, TN_CONF), ROUTE(21));
    g_assert_cmphex((uint32_t)rd(b, TN(1, TN_CONF)), ==, 0x30 | ROUTE(21));
    wr(b, TN(1, TN_CONF), ROUTE(5));
    g_assert_cmphex((uint32_t)rd(b, TN(1, TN_CONF)), ==, 0x30 | ROUTE(21));
    bench_destroy(b);
}

static void the_counter_runs_while_it_is_enabled(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, NULL);
    wr(b, COUNTER, UINT64_C(0xfffffffe));
    step_ticks(b, 1000);
    g_assert_cmphex(rd(b, COUNTER), ==, UINT64_C(0xfffffffe));
    wr(b, CONF, ENABLE);
    step_ticks(b, 5);
    g_assert_cmphex(rd(b, COUNTER), ==, UINT64_C(0x100000003));
    g_assert_cmphex(mmio_read(b, BASE + COUNTER + 4, 4), ==, 1);
    g_assert_cmphex(mmio_read(b, BASE + COUNTER, 2), ==, 3);
    wr(b, CONF, 0);
    step_ticks(b, 1000);
    g_assert_cmphex(rd(b, COUNTER), ==, UINT64_C(0x100000003));
    wr32(b, COUNTER + 4, 7);
    g_assert_cmphex(rd(b, COUNTER), ==, UINT64_C(0x700000003));
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    bench_destroy(b);
}

static void one_shot_on_a_pin(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, NULL);
    wr(b, TN(2, TN_CONF), INT | ROUTE(20));
    wr(b, TN(2, TN_CMP), 500);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX); /* not enabled */
    wr(b, CONF, ENABLE);
    step_ticks(b, 499);
    g_assert_cmpuint(b->line[20].rises, ==, 0);
    step_ticks(b, 1);
    g_assert_cmpuint(b->line[20].rises, ==, 1);
    g_assert_false(b->line[20].level);
    g_assert_cmphex(rd(b, STATUS), ==, 0); /* for levels only */
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    wr(b, TN(2, TN_CMP), 400); /* behind: in 64 bits that is never */
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    wr(b, TN(2, TN_CMP), 600);
    wr(b, TN(2, TN_CONF), ROUTE(20)); /* disabled: passes without a sound */
    step_ticks(b, 200);
    wr(b, TN(2, TN_CONF), INT | ROUTE(20));
    g_assert_cmpuint(b->line[20].rises, ==, 1);
    bench_destroy(b);
}

static void periods_follow_each_other(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, NULL);
    /* As Linux does it: 32 bits, the first match by VAL_SET, then the period. */
    wr(b, CONF, ENABLE | LEGACY);
    step_ticks(b, 12345);
    wr32(b, TN(0, TN_CONF), INT | PERIODIC | VAL_SET | MODE32);
    wr32(b, TN(0, TN_CMP), 112345);
    g_assert_cmphex(rd(b, TN(0, TN_CONF)) & VAL_SET, ==, 0);
    wr32(b, TN(0, TN_CMP), 100000);
    step_ticks(b, 99999);
    g_assert_cmpuint(b->line[2].rises, ==, 0);
    step_ticks(b, 1);
    g_assert_cmpuint(b->line[2].rises, ==, 1);
    g_assert_cmphex(rd(b, TN(0, TN_CMP)), ==, 212345);
    bench_step(b, NS_PER_S);
    g_assert_cmpuint(b->line[2].rises, ==, 1001);
    /* Past the 32nd bit, which the counter has and the timer not. */
    bench_step(b, 60 * NS_PER_S);
    g_assert_cmpuint(b->line[2].rises, ==, 61001);
    g_assert_cmphex(rd(b, TN(0, TN_CMP)) >> 32, ==, 0);
    /* Without the interrupt it goes on, and no time is spent on it. */
    wr32(b, TN(0, TN_CONF), PERIODIC | MODE32);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    bench_step(b, 300 * NS_PER_S);
    uint32_t ahead = (uint32_t)(rd(b, TN(0, TN_CMP)) - rd(b, COUNTER));
    g_assert_cmpuint(ahead, <=, 100000);
    bench_destroy(b);
}

static void a_one_shot_in_32_bits_comes_again_at_the_wrap(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, NULL);
    wr(b, TN(0, TN_CONF), INT | MODE32 | ROUTE(23));
    wr(b, TN(0, TN_CMP), UINT64_C(0xdead00000010));
    g_assert_cmphex(rd(b, TN(0, TN_CMP)), ==, 0x10);
    wr32(b, TN(0, TN_CMP) + 4, 1); /* no upper half */
    g_assert_cmphex(rd(b, TN(0, TN_CMP)), ==, 0x10);
    wr(b, CONF, ENABLE);
    step_ticks(b, 0x10);
    g_assert_cmpuint(b->line[23].rises, ==, 1);
    step_ticks(b, INT64_C(0x100000000) - 1);
    g_assert_cmpuint(b->line[23].rises, ==, 1);
    step_ticks(b, 1);
    g_assert_cmpuint(b->line[23].rises, ==, 2);
    bench_destroy(b);
}

static void levels_stay_until_the_status_is_cleared(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, NULL);
    wr(b, TN(1, TN_CONF), INT | LEVEL | PERIODIC | VAL_SET | ROUTE(22));
    wr(b, TN(1, TN_CMP), 10000);
    wr(b, CONF, ENABLE);
    step_ticks(b, 10000);
    g_assert_true(b->line[22].level);
    g_assert_cmphex(rd(b, STATUS), ==, 2);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX); /* it can't get any higher */
    wr(b, CONF, 0); /* takes the line down, not the status */
    g_assert_false(b->line[22].level);
    g_assert_cmphex(rd(b, STATUS), ==, 2);
    wr(b, CONF, ENABLE);
    wr(b, STATUS, 5);
    g_assert_true(b->line[22].level);
    wr(b, STATUS, 2);
    g_assert_false(b->line[22].level);
    step_ticks(b, 10000);
    g_assert_cmpuint(b->line[22].rises, ==, 3);
    /* Another timer on the same pin. */
    wr(b, TN(2, TN_CONF), INT | LEVEL | ROUTE(22));
    wr(b, TN(2, TN_CMP), rd(b, COUNTER) + 5);
    step_ticks(b, 5);
    wr(b, STATUS, 2);
    g_assert_true(b->line[22].level);
    wr(b, STATUS, 4);
    g_assert_false(b->line[22].level);
    bench_destroy(b);
}

static void legacy_replacement_takes_irq0_and_irq8(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &hpet_kind, NULL);

    wr(b, TN(0, TN_CONF), INT | ROUTE(20));
    wr(b, TN(1, TN_CONF), INT | ROUTE(21));
    wr(b, TN(0, TN_CMP), 10);
    wr(b, TN(1, TN_CMP), 20);
    wr(b, CONF, ENABLE | LEGACY);
    g_assert_true(b->line[HPET_LEGACY].level);
    step_ticks(b, 20);
    g_assert_cmpuint(b->line[2].rises, ==, 1);
    g_assert_cmpuint(b->line[8].rises, ==, 1);
    g_assert_cmpuint(b->line[20].rises + b->line[21].rises, ==, 0);
    device_reset(dev);
    g_assert_false(b->line[HPET_LEGACY].level);
    bench_destroy(b);
}

static void timers_can_send_messages(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &hpet_kind, "msi=on,period=100000000,base=0xfed80000");
    mmio_write(b, BASE + 0x80000 + TN(0, TN_FSB), UINT64_C(0xfee0100000004055), 8);
    mmio_write(b, BASE + 0x80000 + TN(0, TN_CONF), INT | FSB, 8);
    g_assert_cmphex((uint32_t)mmio_read(b, BASE + 0x80000 + TN(0, TN_CONF), 8), ==, 0xc034);
    mmio_write(b, BASE + 0x80000 + TN(0, TN_CMP), 3, 8);
    mmio_write(b, BASE + 0x80000 + CONF, ENABLE, 8);
    bench_step(b, 300);
    g_assert_cmpuint(b->n_msi, ==, 1);
    g_assert_cmphex(b->msi_addr, ==, 0xfee01000);
    g_assert_cmphex(b->msi_data, ==, 0x4055);
    bench_destroy(b);
}

static void impossible_periods_do_not_eat_the_host(void)
{
    struct bench *b = bench_create();
    static const uint64_t periods[] = { 0, 1, 2, 100, UINT64_MAX, UINT64_C(1) << 63 };

    bench_plug(b, &hpet_kind, NULL);
    wr(b, CONF, ENABLE);
    for (unsigned i = 0; i < G_N_ELEMENTS(periods); i++) {
        wr(b, TN(0, TN_CONF), INT | PERIODIC | VAL_SET | ROUTE(20));
        wr(b, TN(0, TN_CMP), rd(b, COUNTER) + 1);
        wr(b, TN(0, TN_CMP), periods[i]);
        unsigned before = b->line[20].rises;
        bench_step(b, NS_PER_S);
        g_assert_cmpuint(b->line[20].rises - before, <=, 20001);
    }
    /* At either end of what 64 bits can say. */
    wr(b, CONF, 0);
    wr(b, COUNTER, UINT64_MAX - 1);
    wr(b, TN(0, TN_CONF), INT | ROUTE(20));
    wr(b, TN(0, TN_CMP), 1);
    unsigned before = b->line[20].rises;
    wr(b, CONF, ENABLE);
    step_ticks(b, 3);
    g_assert_cmpuint(b->line[20].rises - before, ==, 1);
    g_assert_cmphex(rd(b, COUNTER), ==, 1);
    bench_destroy(b);
}

static void state_is_carried_between_matches(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &hpet_kind, NULL);

    wr(b, CONF, ENABLE | LEGACY);
    step_ticks(b, 777);
    wr(b, TN(0, TN_CONF), INT | PERIODIC | VAL_SET);
    wr(b, TN(0, TN_CMP), 10000);
    wr(b, TN(2, TN_CONF), INT | LEVEL | ROUTE(21));
    wr(b, TN(2, TN_CMP), 5000);
    wr(b, TN(1, TN_CONF), LEVEL); /* matches silently after the save */
    wr(b, TN(1, TN_CMP), 7000);
    step_ticks(b, 6000);
    dev = bench_save_load(b, dev, NULL);
    g_assert_true(b->line[21].level);
    g_assert_true(b->line[HPET_LEGACY].level);
    g_assert_cmphex(rd(b, COUNTER), ==, 6777);
    step_ticks(b, 10000);
    g_assert_cmpuint(b->line[2].rises, ==, 1);
    g_assert_cmphex(rd(b, STATUS), ==, 6);
    wr(b, CONF, 0);
    bench_save_load(b, dev, NULL);
    step_ticks(b, 10);
    g_assert_cmphex(rd(b, COUNTER), ==, 16777);
    bench_destroy(b);
}

static void any_access_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &hpet_kind, "msi=on");

    for (uint32_t seed = 1; seed < 300; seed++) {
        hostile_mmio(b, BASE, 0x168, seed);
        hostile_mmio(b, BASE + 0x100, 0x60, seed);
        wr(b, CONF, seed & 3);
        bench_step(b, seed * 10 * NS_PER_US);
        dev = bench_save_load(b, dev, "msi=on");
    }
    bench_destroy(b);
}

static void any_saved_state_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &hpet_kind, "msi=on");

    for (uint32_t seed = 1; seed < 400; seed++) {
        dev = hostile_state(b, dev, "msi=on", seed);
        hostile_mmio(b, BASE, 0x168, seed);
        wr(b, CONF, ENABLE);
        bench_step(b, 10 * NS_PER_MS);
    }
    bench_destroy(b);
}

/* Matches that were worked out in the future: time does not stand still at the next one. */
static void a_state_that_is_ahead_of_its_counter(void)
{
    static const struct hostile_value values[] = {
        { "seen", 0, INT64_MAX },
        { "timer[0].comparator", 0, (uint64_t)INT64_MAX + 10 },
    };
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &hpet_kind, NULL);

    wr(b, TN(0, TN_CONF), INT);
    wr(b, CONF, ENABLE);
    g_assert_true(hostile_load(dev, values, G_N_ELEMENTS(values)));
    bench_step(b, NS_PER_MS);
    wr(b, TN(0, TN_CMP), rd(b, COUNTER) + 100);
    step_ticks(b, 100);
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hpet/identity", it_tells_what_it_is);
    g_test_add_func("/hpet/counter", the_counter_runs_while_it_is_enabled);
    g_test_add_func("/hpet/one-shot", one_shot_on_a_pin);
    g_test_add_func("/hpet/periodic", periods_follow_each_other);
    g_test_add_func("/hpet/wrap", a_one_shot_in_32_bits_comes_again_at_the_wrap);
    g_test_add_func("/hpet/level", levels_stay_until_the_status_is_cleared);
    g_test_add_func("/hpet/legacy", legacy_replacement_takes_irq0_and_irq8);
    g_test_add_func("/hpet/fsb", timers_can_send_messages);
    g_test_add_func("/hpet/overflow", impossible_periods_do_not_eat_the_host);
    g_test_add_func("/hpet/state", state_is_carried_between_matches);
    g_test_add_func("/hpet/hostile", any_access_is_harmless);
    g_test_add_func("/hpet/ahead", a_state_that_is_ahead_of_its_counter);
    g_test_add_func("/hpet/hostile-state", any_saved_state_is_harmless);
    return g_test_run();
}
