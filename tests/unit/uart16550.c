/*
 * The serial port, as its drivers see it: detection, polling, interrupts, FIFOs, loopback.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "hw/char/uart16550.h"
#include "tests/unit/hostile.h"

/* ports of COM1 */
enum { DATA = 0x3f8, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

#define PROPERTIES "chardev=serial0"

struct com1 {
    struct bench *b;
    struct device *dev;
    struct chardev *cable;
};

static struct com1 plug(const char *cable)
{
    struct com1 c = { .b = bench_create() };

    c.cable = chardev_create_short("-serial", cable, "serial0", NULL);
    g_assert_nonnull(c.cable);
    c.b->host_service = c.cable;
    c.dev = bench_plug(c.b, &uart16550_kind, PROPERTIES);
    return c;
}

static void unplug(struct com1 *c)
{
    bench_destroy(c->b);
    chardev_destroy(c->cable);
}

/* What a driver does first: 115200 baud, 8N1, FIFOs with this trigger, modem lines and OUT2. */
static void set_up(struct bench *b, uint8_t fcr, uint8_t ier)
{
    outb(b, LCR, 0x83);
    outb(b, DATA, 1);
    outb(b, IER, 0);
    outb(b, LCR, 0x03);
    outb(b, FCR, fcr);
    outb(b, MCR, 0x0b);
    outb(b, IER, ier);
}

static size_t say(struct com1 *c, const char *text)
{
    return chardev_ringbuf_send(c->cable, (const uint8_t *)text, strlen(text));
}

static void expect_heard(struct com1 *c, const char *text)
{
    char heard[64] = "";

    chardev_ringbuf_read(c->cable, (uint8_t *)heard, sizeof(heard) - 1);
    g_assert_cmpstr(heard, ==, text);
}

static bool irq(struct com1 *c)
{
    return c->b->line[0].level;
}

static void reset_values_and_detection(void)
{
    struct com1 c = plug("ringbuf");
    static const uint8_t at_reset[] = { 0, 0, 0x01, 0, 0, 0x60, 0xb0, 0 };

    for (unsigned i = 0; i < 8; i++)
        g_assert_cmphex(inb(c.b, (uint16_t)(DATA + i)), ==, at_reset[i]);
    /* A scratch register: not an 8250. FIFO bits both on: a 16550A. */
    outb(c.b, SCR, 0xa5);
    g_assert_cmphex(inb(c.b, SCR), ==, 0xa5);
    outb(c.b, FCR, 0x01);
    g_assert_cmphex(inb(c.b, IIR), ==, 0xc1);
    outb(c.b, IER, 0xff);
    g_assert_cmphex(inb(c.b, IER), ==, 0x0f);
    outb(c.b, MCR, 0xff);
    g_assert_cmphex(inb(c.b, MCR), ==, 0x1f);
    /* The divisor latch shares its ports, and survives a reset as the scratch register does. */
    outb(c.b, LCR, 0x80);
    outw(c.b, DATA, 0x1234);
    g_assert_cmphex(inw(c.b, DATA), ==, 0x1234);
    outb(c.b, LCR, 0);
    g_assert_cmphex(inb(c.b, IER), ==, 0x0f);
    device_reset(c.dev);
    g_assert_cmphex(inb(c.b, IER), ==, 0);
    g_assert_cmphex(inb(c.b, SCR), ==, 0xa5);
    outb(c.b, LCR, 0x80);
    g_assert_cmphex(inb(c.b, IER), ==, 0x12);
    unplug(&c);
}

static void a_polling_driver(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0, 0);
    for (const char *p = "hi\n"; *p != '\0'; p++) {
        g_assert_cmphex(inb(c.b, LSR) & 0x60, ==, 0x60);
        outb(c.b, DATA, (uint8_t)*p);
    }
    expect_heard(&c, "hi\n");
    /* Without FIFOs one byte at a time comes in: the rest waits at the host. */
    g_assert_cmpuint(say(&c, "ab"), ==, 1);
    g_assert_cmphex(inb(c.b, LSR), ==, 0x61);
    g_assert_cmphex(inb(c.b, DATA), ==, 'a');
    g_assert_cmphex(inb(c.b, LSR), ==, 0x60);
    g_assert_cmphex(inb(c.b, DATA), ==, 'a'); /* nothing new */
    g_assert_cmpuint(c.b->line[0].rises, ==, 0);
    unplug(&c);
}

static void a_transmitter_interrupt_for_every_byte(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0, 0x02); /* enabled while empty: at once */
    g_assert_true(irq(&c));
    g_assert_cmphex(inb(c.b, IIR), ==, 0x02);
    g_assert_false(irq(&c)); /* reading IIR took it back */
    g_assert_cmphex(inb(c.b, IIR), ==, 0x01);
    for (unsigned i = 0; i < 3; i++) {
        unsigned before = c.b->line[0].rises;
        outb(c.b, DATA, 'x');
        g_assert_true(irq(&c));
        g_assert_cmpuint(c.b->line[0].rises, ==, before + 1); /* a new edge for the 8259 */
    }
    /* Off and on again asks again: the probe for a broken THRE. */
    inb(c.b, IIR);
    outb(c.b, IER, 0);
    outb(c.b, IER, 2);
    g_assert_true(irq(&c));
    /* OUT2 is the switch of the line. */
    outb(c.b, MCR, 0x03);
    g_assert_false(irq(&c));
    outb(c.b, MCR, 0x0b);
    g_assert_true(irq(&c));
    unplug(&c);
}

static void fifos_interrupt_at_their_trigger_level(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0x81, 0x01); /* trigger at 8 */
    g_assert_cmpuint(say(&c, "1234567"), ==, 7);
    g_assert_false(irq(&c));
    say(&c, "8");
    g_assert_true(irq(&c));
    g_assert_cmphex(inb(c.b, IIR), ==, 0xc4);
    g_assert_cmpuint(say(&c, "9abcdefghij"), ==, 8); /* 16 are in */
    for (unsigned i = 0; i < 9; i++)
        g_assert_cmphex(inb(c.b, DATA), ==, '1' + i);
    g_assert_false(irq(&c)); /* 7 are left */
    unplug(&c);
}

/* 115200 baud, ten bits: four characters are 347 us. */
static void bytes_below_the_trigger_time_out(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0xc1, 0x01); /* trigger at 14 */
    say(&c, "ab");
    bench_step(c.b, 300 * NS_PER_US);
    say(&c, "c"); /* starts it again */
    bench_step(c.b, 300 * NS_PER_US);
    g_assert_false(irq(&c));
    c.dev = bench_save_load(c.b, c.dev, PROPERTIES);
    bench_step(c.b, 50 * NS_PER_US);
    g_assert_true(irq(&c));
    g_assert_cmphex(inb(c.b, IIR), ==, 0xcc);
    g_assert_cmphex(inb(c.b, IIR), ==, 0xcc); /* it stays until the guest reads */
    say(&c, "d");
    g_assert_true(irq(&c));
    g_assert_cmphex(inb(c.b, DATA), ==, 'a');
    g_assert_false(irq(&c));
    bench_step(c.b, 350 * NS_PER_US);
    g_assert_true(irq(&c));
    while (inb(c.b, LSR) & 1)
        inb(c.b, DATA);
    g_assert_false(irq(&c));
    g_assert_cmpint(clock_next_deadline(c.b->clock), ==, INT64_MAX); /* idle means idle */
    unplug(&c);
}

static void fifos_are_cleared_by_command_and_by_switching(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0x01, 0x01);
    say(&c, "abc");
    g_assert_true(irq(&c));
    outb(c.b, FCR, 0x03);
    g_assert_false(irq(&c));
    g_assert_cmphex(inb(c.b, LSR), ==, 0x60);
    say(&c, "abc");
    outb(c.b, FCR, 0xc2); /* without bit 0 the rest does not count: off, and cleared */
    g_assert_cmphex(inb(c.b, IIR), ==, 0x01);
    g_assert_cmphex(inb(c.b, LSR), ==, 0x60);
    unplug(&c);
}

/* In the loop modem outputs are modem inputs, the cable is off, and the interrupt line too. */
static void loopback(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0x01, 0x0d);
    outb(c.b, MCR, 0x1a); /* the probe of every driver: RTS and OUT2 come back as CTS and DCD */
    g_assert_cmphex(inb(c.b, MSR) & 0xf0, ==, 0x90);
    outb(c.b, DATA, 0x5a);
    g_assert_cmphex(inb(c.b, IIR), ==, 0xc4);
    g_assert_false(irq(&c));
    g_assert_cmphex(inb(c.b, DATA), ==, 0x5a);
    g_assert_cmpuint(say(&c, "x"), ==, 0); /* waits at the host */
    /* RI's trailing edge only. */
    outb(c.b, MCR, 0x1e);
    g_assert_cmphex(inb(c.b, MSR), ==, 0xd0);
    outb(c.b, MCR, 0x1a);
    g_assert_cmphex(inb(c.b, IIR), ==, 0xc0);
    g_assert_cmphex(inb(c.b, MSR), ==, 0x94);
    g_assert_cmphex(inb(c.b, IIR), ==, 0xc1);
    /* Seven bits a word. */
    outb(c.b, LCR, 0x02);
    outb(c.b, DATA, 0xff);
    g_assert_cmphex(inb(c.b, DATA), ==, 0x7f);
    /* One more than fits: an overrun, and the FIFO keeps the first sixteen. */
    for (uint8_t i = 0; i <= 16; i++)
        outb(c.b, DATA, i);
    g_assert_cmphex(inb(c.b, IIR), ==, 0xc6);
    g_assert_cmphex(inb(c.b, LSR), ==, 0x63);
    g_assert_cmphex(inb(c.b, LSR), ==, 0x61);
    for (uint8_t i = 0; i < 16; i++)
        g_assert_cmphex(inb(c.b, DATA), ==, i);
    outb(c.b, MCR, 0x0b);
    expect_heard(&c, "");
    g_assert_cmpuint(say(&c, "x"), ==, 1);
    unplug(&c);
}

static void interrupts_are_told_in_the_order_of_their_weight(void)
{
    struct com1 c = plug("ringbuf");

    set_up(c.b, 0, 0);
    outb(c.b, MCR, 0x1f); /* modem lines change; two bytes in the loop: an overrun */
    outb(c.b, DATA, 'a');
    outb(c.b, DATA, 'b');
    outb(c.b, MCR, 0x0b);
    outb(c.b, IER, 0x0f);
    g_assert_true(irq(&c));
    g_assert_cmphex(inb(c.b, IIR), ==, 0x06);
    inb(c.b, LSR);
    g_assert_cmphex(inb(c.b, IIR), ==, 0x04);
    g_assert_cmphex(inb(c.b, DATA), ==, 'b'); /* without FIFO the newer byte wins */
    g_assert_cmphex(inb(c.b, IIR), ==, 0x02);
    g_assert_cmphex(inb(c.b, IIR), ==, 0x00);
    inb(c.b, MSR);
    g_assert_false(irq(&c));
    unplug(&c);
}

/* The host reads too slowly: the transmitter fills up, and empties when the host goes on. */
static void a_slow_host_keeps_the_transmitter_busy(void)
{
    int pair[2];
    size_t sent = 0;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *spec = g_strdup_printf("socket,fd=%d", pair[0]);
    struct com1 c = plug(spec);
    set_up(c.b, 0x01, 0x02);
    while ((inb(c.b, LSR) & 0x20) != 0) {
        outb(c.b, DATA, 'x');
        sent++;
    }
    g_assert_false(irq(&c));
    for (unsigned i = 0; i < 20; i++)
        outb(c.b, DATA, 'y');   /* more than fits: the last place is overwritten */
    size_t accepted = sent - 1; /* one "x" waits in the FIFO */
    g_autofree char *got = g_malloc(accepted);
    g_assert_cmpint(recv(pair[1], got, accepted, MSG_WAITALL), ==, (ssize_t)accepted);
    while ((inb(c.b, LSR) & 0x20) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(irq(&c));
    g_assert_cmpint(recv(pair[1], got, 16, MSG_WAITALL), ==, 16);
    g_assert_cmpmem(got, 16, "xyyyyyyyyyyyyyyy", 16);
    unplug(&c);
    close(pair[1]);
}

static void any_access_at_any_time(void)
{
    struct com1 c = plug("ringbuf");
    g_autoptr(GRand) rand = g_rand_new_with_seed(16550);

    for (unsigned i = 0; i < 100000; i++) {
        uint16_t port = (uint16_t)(0x3f6 + g_rand_int(rand) % 12);
        switch (g_rand_int(rand) % 8) {
        case 0: inb(c.b, port); break;
        case 1: inw(c.b, port); break;
        case 2: inl(c.b, port); break;
        case 3: outw(c.b, port, (uint16_t)g_rand_int(rand)); break;
        case 4: outl(c.b, port, g_rand_int(rand)); break;
        case 5: say(&c, "0123456789"); break;
        case 6: bench_step(c.b, g_rand_int(rand) % 1000000); break;
        default: outb(c.b, port, (uint8_t)g_rand_int(rand)); break;
        }
    }
    c.dev = bench_save_load(c.b, c.dev, PROPERTIES);
    device_reset(c.dev);
    g_assert_false(irq(&c));
    unplug(&c);
}

static void a_state_written_by_hand(void)
{
    struct com1 c = plug("ringbuf");

    for (uint32_t seed = 0; seed < 500; seed++) {
        say(&c, "0123456789");
        c.dev = hostile_state(c.b, c.dev, PROPERTIES, seed);
        say(&c, "0123456789abcdefghij");
        hostile_ports(c.b, 0x3f6, 12, seed);
        bench_step(c.b, NS_PER_MS);
    }
    unplug(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/uart16550/reset", reset_values_and_detection);
    g_test_add_func("/uart16550/polling", a_polling_driver);
    g_test_add_func("/uart16550/thre", a_transmitter_interrupt_for_every_byte);
    g_test_add_func("/uart16550/trigger", fifos_interrupt_at_their_trigger_level);
    g_test_add_func("/uart16550/timeout", bytes_below_the_trigger_time_out);
    g_test_add_func("/uart16550/clear", fifos_are_cleared_by_command_and_by_switching);
    g_test_add_func("/uart16550/loopback", loopback);
    g_test_add_func("/uart16550/priority", interrupts_are_told_in_the_order_of_their_weight);
    g_test_add_func("/uart16550/slow-host", a_slow_host_keeps_the_transmitter_busy);
    g_test_add_func("/uart16550/hostile", any_access_at_any_time);
    g_test_add_func("/uart16550/hostile-state", a_state_written_by_hand);
    return g_test_run();
}
