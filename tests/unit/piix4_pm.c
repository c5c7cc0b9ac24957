/*
 * Power management: a firmware places it, an ACPI system enables it, the machine sleeps, wakes and
 * switches off.
 */
#include "hw/acpi/piix4_pm.h"

#include "tests/unit/hostile.h"
#include "tests/unit/testbench.h"

#define SCI 0

#define PM     0xb000
#define PMSTS  PM
#define PMEN   (PM + 2)
#define PMCTL  (PM + 4)
#define PMTMR  (PM + 8)
#define GPE    0xafe0
#define SMBUS  0x0700
#define TMROF  0x0001
#define PWRBTN 0x0100
#define RTC    0x0400
#define RSM    0x8000

static struct device *plug(struct bench *b, const char *properties)
{
    struct device *dev = bench_plug(b, &piix4_pm_kind, properties);

    cfg_write(b, 1, 3, 0x40, PM | 1, 4);
    cfg_write(b, 1, 3, 0x80, 1, 1);
    return dev;
}

static void the_firmware_places_it(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &piix4_pm_kind, "addr=1.3");

    g_assert_cmphex(cfg_read(b, 1, 3, 0, 4), ==, 0x71138086);
    g_assert_cmphex(cfg_read(b, 1, 3, 8, 4), ==, 0x06800003);
    g_assert_cmphex(cfg_read(b, 1, 3, 0x3d, 1), ==, 1);
    g_assert_cmphex(cfg_read(b, 1, 3, 0x40, 4), ==, 1);
    g_assert_cmphex(cfg_read(b, 1, 3, 0x90, 4), ==, 1);
    g_assert_cmphex(cfg_read(b, 1, 3, 0x58, 4), ==, 0x02000000); /* no SMM to wait for */
    cfg_write(b, 1, 3, 0x40, UINT32_MAX, 4);
    g_assert_cmphex(cfg_read(b, 1, 3, 0x40, 4), ==, 0xffc1);
    cfg_write(b, 1, 3, 0x40, PM, 4);
    g_assert_cmphex(inw(b, PMCTL), ==, 0xffff);
    cfg_write(b, 1, 3, 0x80, 0xff, 1);
    g_assert_cmphex(cfg_read(b, 1, 3, 0x80, 1), ==, 1);
    g_assert_cmphex(inw(b, PMCTL), ==, 0);
    cfg_write(b, 1, 3, 0x40, 0x0600, 2);
    g_assert_cmphex(inw(b, PMCTL), ==, 0xffff);
    g_assert_cmphex(inw(b, 0x0604), ==, 0);
    device_reset(dev);
    g_assert_cmphex(inw(b, 0x0604), ==, 0xffff);
    bench_destroy(b);
}

/* Under Xen: the toolstack's firmware finds it in place, and half of it is the hypervisor's. */
static void a_hypervisor_may_have_the_events(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &piix4_pm_kind, "addr=1.3,pm-base=0xb000,pm-events=off,gpe-base=0x500");
    g_assert_cmphex(cfg_read(b, 1, 3, 0x40, 4), ==, PM | 1);
    g_assert_cmphex(inl(b, PMSTS), ==, 0xffffffff);
    g_assert_cmphex(inl(b, PMTMR), ==, 0xffffffff);
    outb(b, 0xb2, 0xf1);
    g_assert_cmphex(inw(b, PMCTL), ==, 1);
    g_assert_cmphex(inl(b, 0x500), ==, 0);
    outw(b, PMCTL, 0x2001);
    g_assert_cmpuint(b->power[POWER_OFF], ==, 1);
    bench_destroy(b);
}

static void the_command_port_switches_acpi_on(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    outb(b, 0xb3, 0x5a);
    outb(b, 0xb2, 0xf1);
    g_assert_cmphex(inw(b, 0xb2), ==, 0x5af1);
    g_assert_cmphex(inw(b, PMCTL), ==, 1);
    outw(b, PMEN, 0xffff);
    g_assert_cmphex(inw(b, PMEN), ==, 0x0521);
    piix4_pm_power_button(dev);
    g_assert_true(b->line[SCI].level);
    g_assert_cmphex(inw(b, PMSTS), ==, PWRBTN);
    outb(b, 0xb2, 0xf0);
    g_assert_false(b->line[SCI].level);
    outb(b, 0xb2, 0xf1);
    g_assert_true(b->line[SCI].level);
    outw(b, PMEN, 0);
    g_assert_false(b->line[SCI].level);
    outw(b, PMEN, PWRBTN);
    outw(b, PMSTS, 0); /* ones clear */
    g_assert_true(b->line[SCI].level);
    outw(b, PMSTS, PWRBTN);
    g_assert_false(b->line[SCI].level);
    g_assert_cmpuint(b->power[POWER_WAKE], ==, 0);
    bench_destroy(b);
}

static void the_timer_counts_and_rolls_over(void)
{
    struct bench *b = bench_create();

    plug(b, "addr=1.3");
    bench_step(b, NS_PER_S);
    g_assert_cmphex(inl(b, PMTMR), ==, 3579545);
    outl(b, PMTMR, 0);
    g_assert_cmphex(inl(b, PMTMR), ==, 3579545);
    g_assert_cmphex(inb(b, PMTMR + 2), ==, 3579545 >> 16);
    /* The top bit changes every 2.34 seconds. Without an enable that takes no timer. */
    bench_step(b, 1343400000);
    g_assert_cmphex(inw(b, PMSTS), ==, 0);
    bench_step(b, NS_PER_MS);
    g_assert_cmphex(inw(b, PMSTS), ==, TMROF);
    g_assert_cmphex(inl(b, PMTMR) >> 23, ==, 1);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    outw(b, PMSTS, TMROF);
    bench_step(b, 2344 * NS_PER_MS);
    g_assert_cmphex(inl(b, PMTMR) >> 23, ==, 0); /* 24 bits */
    outw(b, PMSTS, TMROF); /* one that came, but was not looked at, goes too */
    g_assert_cmphex(inw(b, PMSTS), ==, 0);
    outw(b, PMEN, TMROF);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    outw(b, PMCTL, 1);
    bench_step(b, 2344 * NS_PER_MS);
    g_assert_true(b->line[SCI].level);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, INT64_MAX);
    outw(b, PMSTS, TMROF);
    g_assert_false(b->line[SCI].level);
    bench_step(b, 10 * 2344 * NS_PER_MS);
    g_assert_cmpuint(b->line[SCI].rises, ==, 2);
    bench_destroy(b);
}

static void general_purpose_events(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    outw(b, PMCTL, 1);
    piix4_pm_gpe(dev, 1);
    piix4_pm_gpe(dev, 16);
    g_assert_cmphex(inl(b, GPE), ==, 0x00000002);
    g_assert_false(b->line[SCI].level);
    outb(b, GPE + 2, 0x02);
    g_assert_true(b->line[SCI].level);
    outb(b, GPE, 0x02);
    g_assert_false(b->line[SCI].level);
    bench_destroy(b);
}

static void suspend_to_ram_and_back(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    outw(b, PMEN, PWRBTN);
    outw(b, PMCTL, 1 << 10);
    g_assert_cmpuint(b->power[POWER_SUSPEND], ==, 0);
    outw(b, PMCTL, 0x2000 | 1 << 10);
    g_assert_cmpuint(b->power[POWER_SUSPEND], ==, 1);
    g_assert_cmphex(inw(b, PMCTL), ==, 1 << 10); /* SUS_EN reads zero */
    piix4_pm_rtc_alarm(dev);                     /* not enabled */
    g_assert_cmpuint(b->power[POWER_WAKE], ==, 0);
    dev = bench_save_load(b, dev, "addr=1.3");
    piix4_pm_power_button(dev);
    g_assert_cmpuint(b->power[POWER_WAKE], ==, 1);
    /* The machine resets its chips; who woke it is still there to read. */
    device_reset(dev);
    cfg_write(b, 1, 3, 0x40, PM, 4);
    cfg_write(b, 1, 3, 0x80, 1, 1);
    g_assert_cmphex(inw(b, PMSTS), ==, RSM | PWRBTN | RTC);
    piix4_pm_power_button(dev);
    g_assert_cmpuint(b->power[POWER_WAKE], ==, 1); /* it is awake */
    outw(b, PMSTS, 0xffff);
    /* Again, with the alarm allowed. */
    outw(b, PMEN, RTC);
    outw(b, PMCTL, 0x2000 | 1 << 10);
    piix4_pm_rtc_alarm(dev);
    g_assert_cmpuint(b->power[POWER_WAKE], ==, 2);
    device_reset(dev);
    device_reset(dev); /* a reset when awake forgets */
    cfg_write(b, 1, 3, 0x40, PM, 4);
    cfg_write(b, 1, 3, 0x80, 1, 1);
    g_assert_cmphex(inw(b, PMSTS), ==, 0);
    bench_destroy(b);
}

static void soft_off(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    outw(b, PMCTL, 0x2000 | 5 << 10);
    g_assert_cmpuint(dev->guest_faults, ==, 1);
    g_assert_cmpuint(b->power[POWER_OFF], ==, 0);
    outw(b, PMCTL, 0);
    outb(b, PMCTL + 1, 0x20);
    g_assert_cmpuint(b->power[POWER_OFF], ==, 1);
    bench_destroy(b);
}

static void nobody_answers_on_the_smbus(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    cfg_write(b, 1, 3, 0x90, SMBUS | 1, 4);
    cfg_write(b, 1, 3, 0xd2, 0x09, 1); /* enabled, IRQ9 */
    g_assert_cmphex(inb(b, SMBUS), ==, 0xff);
    cfg_write(b, 1, 3, PCI_COMMAND, PCI_COMMAND_IO, 2);
    g_assert_cmphex(inb(b, SMBUS), ==, 0);
    outb(b, SMBUS + 4, 0xa1);
    outb(b, SMBUS + 2, 0x48); /* read a byte */
    g_assert_cmphex(inb(b, SMBUS), ==, 0x04);
    g_assert_cmphex(inb(b, SMBUS + 2), ==, 0x08);
    g_assert_false(b->line[SCI].level);
    outb(b, SMBUS + 2, 0x49); /* with the interrupt */
    g_assert_true(b->line[SCI].level);
    outb(b, SMBUS, 0x04);
    g_assert_false(b->line[SCI].level);
    /* The block buffer, and its pointer. */
    for (unsigned i = 0; i < 33; i++)
        outb(b, SMBUS + 7, (uint8_t)(0x10 + i));
    g_assert_cmphex(inb(b, SMBUS + 7), ==, 0x11);
    inb(b, SMBUS + 2);
    g_assert_cmphex(inb(b, SMBUS + 7), ==, 0x30); /* the 33rd byte came round */
    bench_save_load(b, dev, "addr=1.3");
    g_assert_cmphex(inb(b, SMBUS + 7), ==, 0x11);
    bench_destroy(b);
}

static void state_is_carried_with_the_timer(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    outw(b, PMCTL, 1);
    outw(b, PMEN, TMROF);
    bench_step(b, 7 * NS_PER_S);
    outw(b, PMSTS, TMROF);
    uint32_t ticks = inl(b, PMTMR);
    piix4_pm_gpe(dev, 5);
    outb(b, GPE + 2, 0x20);
    g_assert_true(b->line[SCI].level);
    dev = bench_save_load(b, dev, "addr=1.3");
    g_assert_true(b->line[SCI].level);
    g_assert_cmphex(inl(b, PMTMR), ==, ticks);
    outb(b, GPE, 0x20);
    g_assert_false(b->line[SCI].level);
    bench_step(b, 3 * NS_PER_S);
    g_assert_true(b->line[SCI].level);
    /* Rolled over and not looked at yet. */
    outw(b, PMEN, 0);
    outw(b, PMSTS, TMROF);
    bench_step(b, 3 * NS_PER_S);
    bench_save_load(b, dev, "addr=1.3");
    g_assert_cmphex(inw(b, PMSTS), ==, TMROF);
    bench_destroy(b);
}

static void any_access_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = plug(b, "addr=1.3");

    for (uint32_t seed = 1; seed < 200; seed++) {
        hostile_ports(b, PM, 64, seed);
        hostile_ports(b, GPE, 4, seed);
        hostile_ports(b, SMBUS, 16, seed);
        hostile_ports(b, 0xb2, 2, seed);
        piix4_pm_gpe(dev, seed);
        cfg_write(b, 1, 3, (seed * 4) & 0xfc, seed * 0x9e3779b9u, 4);
        bench_step(b, seed * NS_PER_MS);
        dev = bench_save_load(b, dev, "addr=1.3");
    }
    bench_destroy(b);
}

static void any_saved_state_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &piix4_pm_kind, "addr=1.3");

    for (uint32_t seed = 1; seed < 400; seed++) {
        dev = hostile_state(b, dev, "addr=1.3", seed);
        hostile_ports(b, PM, 64, seed);
        hostile_ports(b, SMBUS, 16, seed);
        bench_step(b, 3 * NS_PER_S);
    }
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/piix4_pm/placement", the_firmware_places_it);
    g_test_add_func("/piix4_pm/hypervisor", a_hypervisor_may_have_the_events);
    g_test_add_func("/piix4_pm/command-port", the_command_port_switches_acpi_on);
    g_test_add_func("/piix4_pm/timer", the_timer_counts_and_rolls_over);
    g_test_add_func("/piix4_pm/gpe", general_purpose_events);
    g_test_add_func("/piix4_pm/s3", suspend_to_ram_and_back);
    g_test_add_func("/piix4_pm/s5", soft_off);
    g_test_add_func("/piix4_pm/smbus", nobody_answers_on_the_smbus);
    g_test_add_func("/piix4_pm/state", state_is_carried_with_the_timer);
    g_test_add_func("/piix4_pm/hostile", any_access_is_harmless);
    g_test_add_func("/piix4_pm/hostile-state", any_saved_state_is_harmless);
    return g_test_run();
}
