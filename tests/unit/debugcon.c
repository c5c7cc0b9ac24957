/*
 * The debug console: firmware looks for it, then writes its log.
 */
#include "chardev/chardev.h"
#include "hw/char/debugcon.h"
#include "tests/unit/testbench.h"

static void firmware_finds_it_and_writes_its_log(void)
{
    struct bench *b = bench_create();
    struct chardev *log = chardev_create_short("-debugcon", "ringbuf", "debug", NULL);
    char text[16] = "";

    b->host_service = log;
    struct device *dev = bench_plug(b, &debugcon_kind, "iobase=0x402,chardev=debug");
    g_assert_cmphex(inb(b, 0x402), ==, 0xe9);
    g_assert_cmphex(inb(b, 0x403), ==, 0xff);
    for (const char *p = "SeaBIOS\n"; *p != '\0'; p++)
        outb(b, 0x402, (uint8_t)*p);
    bench_save_load(b, dev, "iobase=0x402,chardev=debug");
    outw(b, 0x402, 0x2121); /* half of it beside the port */
    g_assert_cmpuint(chardev_ringbuf_read(log, (uint8_t *)text, sizeof(text) - 1), ==, 9);
    g_assert_cmpstr(text, ==, "SeaBIOS\n!");
    bench_destroy(b);
    chardev_destroy(log);
}

static void without_a_listener_bytes_vanish(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &debugcon_kind, NULL);
    g_assert_cmphex(inb(b, 0xe9), ==, 0xe9);
    outb(b, 0xe9, 'x');
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debugcon/log", firmware_finds_it_and_writes_its_log);
    g_test_add_func("/debugcon/nobody", without_a_listener_bytes_vanish);
    return g_test_run();
}
