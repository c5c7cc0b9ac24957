/*
 * Two chips at one address: CONFADD of the i440FX is the dword at 0xCF8, the PIIX3's reset control
 * the byte at 0xCF9 within it.
 */
#include "hw/pci/i440fx.h"
#include "hw/pci/piix3.h"
#include "tests/unit/testbench.h"

static void test_hard_reset(void)
{
    struct bench *b = bench_create();
    bench_plug(b, &i440fx_kind, NULL);
    bench_plug(b, &piix3_kind, NULL);

    outl(b, 0xcf8, 0x80000000);
    g_assert_cmphex(inl(b, 0xcfc), ==, 0x12378086);
    outb(b, 0xcf9, 2);
    g_assert_cmpuint(b->power[POWER_RESET], ==, 0);
    outb(b, 0xcf9, 6);
    g_assert_cmpuint(b->power[POWER_RESET], ==, 1);
    g_assert_cmphex(inl(b, 0xcf8), ==, 0x80000000); /* CONFADD has not moved */
    outl(b, 0xcf8, 0x80000600);
    g_assert_cmpuint(b->power[POWER_RESET], ==, 1); /* nor is a dword a reset */
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reset-control/hard-reset", test_hard_reset);
    return g_test_run();
}
