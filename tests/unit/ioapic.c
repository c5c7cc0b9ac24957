/*
 * The I/O APIC: what it sends for which edge and level, seen as the messages that leave it.
 */
#include "hw/intc/ioapic.h"

#include "tests/unit/hostile.h"
#include "tests/unit/testbench.h"

#define BASE UINT64_C(0xfec00000)

#define LEVEL  0x8000u
#define MASKED 0x10000u

static uint32_t rd(struct bench *b, uint8_t index)
{
    mmio_write(b, BASE, index, 4);
    return (uint32_t)mmio_read(b, BASE + 0x10, 4);
}

static void wr(struct bench *b, uint8_t index, uint32_t value)
{
    mmio_write(b, BASE, index, 4);
    mmio_write(b, BASE + 0x10, value, 4);
}

static void entry(struct bench *b, unsigned pin, uint32_t high, uint32_t low)
{
    wr(b, (uint8_t)(0x11 + 2 * pin), high);
    wr(b, (uint8_t)(0x10 + 2 * pin), low);
}

static void it_tells_what_it_is(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, NULL);

    g_assert_cmphex(rd(b, 1), ==, 0x00170011);
    g_assert_cmphex(rd(b, 0x10), ==, 0x00010000);
    g_assert_cmphex(rd(b, 0x3f), ==, 0);
    wr(b, 0, UINT32_MAX);
    g_assert_cmphex(rd(b, 0), ==, 0x0f000000);
    g_assert_cmphex(rd(b, 2), ==, 0x0f000000); /* the arbitration ID follows */
    wr(b, 0x2e, UINT32_MAX);
    wr(b, 0x2f, UINT32_MAX);
    g_assert_cmphex(rd(b, 0x2e), ==, 0x0001afff);
    g_assert_cmphex(rd(b, 0x2f), ==, 0xff000000);
    /* Beyond the table. */
    wr(b, 0x40, UINT32_MAX);
    wr(b, 0xff, UINT32_MAX);
    g_assert_cmphex(rd(b, 0xff), ==, 0);
    device_reset(dev);
    g_assert_cmphex(rd(b, 0x2e), ==, 0x00010000);
    g_assert_cmphex(rd(b, 0), ==, 0);
    bench_destroy(b);
}

static void an_edge_is_one_message(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, NULL);

    ioapic_set_irq(dev, 4, true);    /* masked: lost */
    entry(b, 4, 0x03000000, 0x0931); /* logical, lowest priority, vector 0x31 */
    g_assert_cmpuint(b->n_msi, ==, 0);
    ioapic_set_irq(dev, 4, false);
    ioapic_set_irq(dev, 4, true);
    ioapic_set_irq(dev, 4, true);
    g_assert_cmpuint(b->n_msi, ==, 1);
    g_assert_cmphex(b->msi_addr, ==, 0xfee0300c);
    g_assert_cmphex(b->msi_data, ==, 0x4131);
    g_assert_cmphex(rd(b, 0x18), ==, 0x0931); /* idle, and no remote IRR */
    /* NMI, and ExtINT from the 8259s, are edges although the entry says level. */
    entry(b, 0, 0, LEVEL | 0x400);
    ioapic_set_irq(dev, 0, true);
    g_assert_cmphex(b->msi_data, ==, 0x4400);
    entry(b, 0, 0, LEVEL | 0x700);
    ioapic_set_irq(dev, 0, false);
    ioapic_set_irq(dev, 0, true);
    g_assert_cmphex(b->msi_addr, ==, 0xfee00000);
    g_assert_cmphex(b->msi_data, ==, 0x4700);
    g_assert_cmpuint(b->n_msi, ==, 3);
    ioapic_set_irq(dev, 24, true);
    ioapic_set_irq(dev, UINT32_MAX, true);
    g_assert_cmpuint(b->n_msi, ==, 3);
    bench_destroy(b);
}

static void a_level_waits_for_its_eoi(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, NULL);

    entry(b, 10, 0x01000000, LEVEL | 0x2000 | 0x41);
    ioapic_set_irq(dev, 10, true);
    g_assert_cmpuint(b->n_msi, ==, 1);
    g_assert_cmphex(b->msi_data, ==, 0xc041);
    g_assert_cmphex(rd(b, 0x24), ==, LEVEL | 0x4000 | 0x2000 | 0x41);
    ioapic_set_irq(dev, 10, false);
    ioapic_set_irq(dev, 10, true);
    g_assert_cmpuint(b->n_msi, ==, 1);
    ioapic_eoi(dev, 0x42); /* somebody else's */
    g_assert_cmpuint(b->n_msi, ==, 1);
    ioapic_eoi(dev, 0x41); /* still high: again */
    g_assert_cmpuint(b->n_msi, ==, 2);
    ioapic_set_irq(dev, 10, false);
    ioapic_eoi(dev, 0x41);
    g_assert_cmpuint(b->n_msi, ==, 2);
    g_assert_cmphex(rd(b, 0x24) & 0x4000, ==, 0);
    /* Masked while it is high, it comes with the unmasking. */
    entry(b, 10, 0x01000000, LEVEL | MASKED | 0x41);
    ioapic_set_irq(dev, 10, true);
    g_assert_cmpuint(b->n_msi, ==, 2);
    entry(b, 10, 0x01000000, LEVEL | 0x41);
    g_assert_cmpuint(b->n_msi, ==, 3);
    /* EOI without an EOI: masked and edge for a moment. */
    entry(b, 10, 0x01000000, MASKED | 0x41);
    g_assert_cmphex(rd(b, 0x24) & 0x4000, ==, 0);
    entry(b, 10, 0x01000000, LEVEL | 0x41);
    g_assert_cmpuint(b->n_msi, ==, 4);
    /* The remote IRR can't be written. */
    entry(b, 11, 0, LEVEL | MASKED | 0x4000);
    g_assert_cmphex(rd(b, 0x26) & 0x4000, ==, 0);
    bench_destroy(b);
}

static void version_20_has_an_eoi_register(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, "version=0x20");
    g_autoptr(GError) err = NULL;

    g_assert_cmphex(rd(b, 1), ==, 0x00170020);
    entry(b, 5, 0, LEVEL | 0x55);
    ioapic_set_irq(dev, 5, true);
    mmio_write(b, BASE + 0x40, 0x55, 4);
    g_assert_cmpuint(b->n_msi, ==, 2);
    struct device *bad = device_new(&ioapic_kind, "other", &b->services);
    device_set_property(bad, "version", "0x99", NULL);
    g_assert_cmpint(device_realize(bad, &err), ==, -EINVAL);
    device_destroy(bad);
    /* An 82093AA has none. */
    dev = bench_plug(b, &ioapic_kind, "base=0xfec10000");
    mmio_write(b, BASE + 0x10040, 0x55, 4);
    g_assert_cmpuint(dev->guest_faults, ==, 1);
    bench_destroy(b);
}

static void registers_have_32_bits(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, NULL);

    mmio_write(b, BASE, 1, 1); /* the index is a byte */
    g_assert_cmphex(mmio_read(b, BASE + 0x12, 1), ==, 0x17);
    g_assert_cmphex(mmio_read(b, BASE + 0x11, 4), ==, 0x001700);
    mmio_write(b, BASE, 0x10, 8);
    g_assert_cmphex(mmio_read(b, BASE + 0x10, 8), ==, 0x00010000);
    mmio_write(b, BASE + 0x10, 0, 2);           /* half a register: refused */
    g_assert_cmpuint(dev->guest_faults, ==, 3); /* each byte, and the upper half before */
    g_assert_cmphex(rd(b, 0x10), ==, 0x00010000);
    bench_destroy(b);
}

static void state_is_carried_with_levels_in_flight(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, NULL);

    entry(b, 16, 0x02000000, LEVEL | 0x61);
    entry(b, 17, 0x02000000, LEVEL | MASKED | 0x62);
    entry(b, 4, 0, 0x30);
    ioapic_set_irq(dev, 16, true);
    ioapic_set_irq(dev, 17, true);
    ioapic_set_irq(dev, 4, true);
    unsigned sent = b->n_msi;
    dev = bench_save_load(b, dev, NULL);
    g_assert_cmpuint(b->n_msi, ==, sent);
    ioapic_set_irq(dev, 4, true); /* no new edge */
    g_assert_cmpuint(b->n_msi, ==, sent);
    ioapic_eoi(dev, 0x61);
    g_assert_cmphex(b->msi_data, ==, 0xc061);
    entry(b, 17, 0x02000000, LEVEL | 0x62);
    g_assert_cmphex(b->msi_data, ==, 0xc062);
    bench_destroy(b);
}

static void any_access_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, "version=0x20");

    for (uint32_t seed = 1; seed < 300; seed++) {
        hostile_mmio(b, BASE, 0x48, seed);
        wr(b, (uint8_t)seed, seed * 0x01234567u);
        ioapic_set_irq(dev, seed % 25, seed % 3 != 0);
        ioapic_eoi(dev, (uint8_t)(seed * 7));
    }
    bench_save_load(b, dev, "version=0x20");
    bench_destroy(b);
}

static void any_saved_state_is_harmless(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &ioapic_kind, "version=0x20");

    for (uint32_t seed = 1; seed < 400; seed++) {
        dev = hostile_state(b, dev, "version=0x20", seed);
        hostile_mmio(b, BASE, 0x48, seed);
        ioapic_set_irq(dev, seed % 24, seed % 2 != 0);
        ioapic_eoi(dev, (uint8_t)seed);
    }
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ioapic/identity", it_tells_what_it_is);
    g_test_add_func("/ioapic/edge", an_edge_is_one_message);
    g_test_add_func("/ioapic/level", a_level_waits_for_its_eoi);
    g_test_add_func("/ioapic/eoi-register", version_20_has_an_eoi_register);
    g_test_add_func("/ioapic/widths", registers_have_32_bits);
    g_test_add_func("/ioapic/state", state_is_carried_with_levels_in_flight);
    g_test_add_func("/ioapic/hostile", any_access_is_harmless);
    g_test_add_func("/ioapic/hostile-state", any_saved_state_is_harmless);
    return g_test_run();
}
