/*
 * The parallel port: detection, printing by polling and by interrupt, and a printer that stalls.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "hw/char/parallel.h"
#include "tests/unit/hostile.h"

enum { DATA = 0x378, STATUS, CONTROL };

#define PROPERTIES "chardev=parallel0"

struct lpt1 {
    struct bench *b;
    struct device *dev;
    struct chardev *printer;
};

static struct lpt1 plug(const char *printer)
{
    struct lpt1 l = { .b = bench_create() };

    l.printer = chardev_create_short("-parallel", printer, "parallel0", NULL);
    g_assert_nonnull(l.printer);
    l.b->host_service = l.printer;
    l.dev = bench_plug(l.b, &parallel_kind, PROPERTIES);
    return l;
}

static void unplug(struct lpt1 *l)
{
    bench_destroy(l->b);
    chardev_destroy(l->printer);
}

/* As a driver sends a byte: data, strobe on, strobe off. */
static void send_byte(struct lpt1 *l, uint8_t byte, uint8_t control)
{
    outb(l->b, DATA, byte);
    outb(l->b, CONTROL, control | 1);
    outb(l->b, CONTROL, control);
}

static void drivers_find_a_plain_port(void)
{
    struct lpt1 l = plug("ringbuf");

    g_assert_cmphex(inb(l.b, DATA), ==, 0);
    g_assert_cmphex(inb(l.b, STATUS), ==, 0xdf);
    g_assert_cmphex(inb(l.b, CONTROL), ==, 0xe0);
    g_assert_cmphex(inb(l.b, 0x37b), ==, 0xff); /* no EPP */
    outb(l.b, DATA, 0x55);
    outb(l.b, STATUS, 0); /* read-only */
    outb(l.b, CONTROL, 0x0e);
    g_assert_cmphex(inb(l.b, DATA), ==, 0x55);
    g_assert_cmphex(inb(l.b, STATUS), ==, 0xdf);
    g_assert_cmphex(inb(l.b, CONTROL), ==, 0xee);
    g_assert_cmphex(inl(l.b, DATA), ==, 0xffeedf55);
    outw(l.b, DATA, 0xffff);
    device_reset(l.dev);
    g_assert_cmphex(inb(l.b, CONTROL), ==, 0xe0);
    unplug(&l);
}

static void printing_by_polling_and_by_interrupt(void)
{
    struct lpt1 l = plug("ringbuf");
    char page[8] = "";

    outb(l.b, CONTROL, 0x08); /* reset the printer */
    outb(l.b, CONTROL, 0x0c);
    send_byte(&l, 'a', 0x0c);
    g_assert_cmphex(inb(l.b, STATUS), ==, 0x9f); /* the acknowledge pulse */
    g_assert_cmphex(inb(l.b, STATUS), ==, 0xdf);
    g_assert_cmpuint(l.b->line[0].rises, ==, 0);
    send_byte(&l, 'b', 0x1c);
    g_assert_cmpuint(l.b->line[0].rises, ==, 1);
    g_assert_false(l.b->line[0].level);
    /* Between the edges the printer is busy; writing data then changes nothing. */
    outb(l.b, DATA, 'c');
    outb(l.b, CONTROL, 0x1d);
    g_assert_cmphex(inb(l.b, STATUS) & 0x80, ==, 0);
    l.dev = bench_save_load(l.b, l.dev, PROPERTIES);
    outb(l.b, DATA, 'x');
    outb(l.b, CONTROL, 0x1d);
    outb(l.b, CONTROL, 0x1c);
    /* A printer that is held in reset prints nothing. */
    send_byte(&l, 'y', 0x08);
    g_assert_cmpuint(chardev_ringbuf_read(l.printer, (uint8_t *)page, 7), ==, 3);
    g_assert_cmpstr(page, ==, "abc");
    unplug(&l);
}

static void a_stalled_printer_is_busy(void)
{
    int pair[2];
    size_t sent = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *spec = g_strdup_printf("socket,fd=%d", pair[0]);
    struct lpt1 l = plug(spec);
    outb(l.b, CONTROL, 0x1c);
    while ((inb(l.b, STATUS) & 0x80) != 0) {
        send_byte(&l, 'p', 0x1c);
        sent++;
    }
    g_assert_cmpuint(l.b->line[0].rises, ==, sent - 1);
    send_byte(&l, 'q', 0x1c); /* lost: the guest did not look */
    g_autofree char *page = g_malloc(sent);
    g_assert_cmpint(recv(pair[1], page, sent - 1, MSG_WAITALL), ==, (ssize_t)sent - 1);
    while ((inb(l.b, STATUS) & 0x80) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(l.b->line[0].rises, ==, sent);
    g_assert_cmpint(recv(pair[1], page, 1, 0), ==, 1);
    g_assert_cmpmem(page, 1, "p", 1);
    unplug(&l);
    close(pair[1]);
}

static void a_state_written_by_hand(void)
{
    struct lpt1 l = plug("ringbuf");

    for (uint32_t seed = 0; seed < 200; seed++) {
        l.dev = hostile_state(l.b, l.dev, PROPERTIES, seed);
        hostile_ports(l.b, 0x376, 6, seed);
    }
    unplug(&l);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parallel/detection", drivers_find_a_plain_port);
    g_test_add_func("/parallel/printing", printing_by_polling_and_by_interrupt);
    g_test_add_func("/parallel/stalled", a_stalled_printer_is_busy);
    g_test_add_func("/parallel/hostile-state", a_state_written_by_hand);
    return g_test_run();
}
