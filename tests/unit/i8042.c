/*
 * The keyboard controller with its keyboard and mouse, from the firmware's self-test to a driver
 * that tells an IntelliMouse from a plain one.
 */
#include "hw/input/i8042.h"
#include "tests/unit/hostile.h"
#include "ui/input.h"

#define KBD_IRQ    0
#define MOUSE_IRQ  1
#define PROPERTIES "input=default"

struct desk {
    struct bench *b;
    struct device *dev;
    struct input *input;
    struct input_source *viewer;
};

static struct desk sit_down(void)
{
    struct desk d = { .b = bench_create(), .input = input_create() };

    d.viewer = input_source_create(d.input);
    d.b->host_service = d.input;
    d.dev = bench_plug(d.b, &i8042_kind, PROPERTIES);
    return d;
}

static void leave(struct desk *d)
{
    input_source_destroy(d->viewer);
    bench_destroy(d->b);
    input_destroy(d->input);
}

/* Waits for a byte as a driver does, and reads it. */
static uint8_t get(struct desk *d)
{
    for (unsigned i = 0; i < 3 && (inb(d->b, 0x64) & 1) == 0; i++)
        bench_step(d->b, NS_PER_MS);
    g_assert_cmphex(inb(d->b, 0x64) & 1, ==, 1);
    return inb(d->b, 0x60);
}

static void expect(struct desk *d, const char *bytes)
{
    g_auto(GStrv) list = g_strsplit(bytes, " ", 0);

    for (char **p = list; *p != NULL; p++)
        g_assert_cmphex(get(d), ==, g_ascii_strtoull(*p, NULL, 16));
}

static void expect_nothing(struct desk *d)
{
    bench_step(d->b, 10 * NS_PER_MS);
    g_assert_cmphex(inb(d->b, 0x64) & 1, ==, 0);
}

static void set_ctr(struct desk *d, uint8_t ctr)
{
    outb(d->b, 0x64, 0x60);
    outb(d->b, 0x60, ctr);
}

static void to_kbd(struct desk *d, uint8_t byte, const char *answer)
{
    outb(d->b, 0x60, byte);
    expect(d, answer);
}

static void to_mouse(struct desk *d, uint8_t byte, const char *answer)
{
    outb(d->b, 0x64, 0xd4);
    outb(d->b, 0x60, byte);
    expect(d, answer);
}

static void press(struct desk *d, unsigned code)
{
    input_key(d->viewer, code, true);
    input_key(d->viewer, code, false);
}

static void move(struct desk *d, int x, int y, int wheel, unsigned buttons)
{
    struct pointer_event e = { .x = x, .y = y, .wheel = wheel, .buttons = buttons };

    input_pointer_relative(d->viewer, &e);
}

/* ---- The controller ---- */

static void firmware_tests_the_controller(void)
{
    struct desk d = sit_down();

    g_assert_cmphex(inb(d.b, 0x64), ==, 0x10);
    outb(d.b, 0x64, 0x20);
    expect(&d, "70");
    outb(d.b, 0x64, 0xaa);
    g_assert_cmphex(inb(d.b, 0x64), ==, 0x1d);
    expect(&d, "55");
    outb(d.b, 0x64, 0xab);
    expect(&d, "00");
    outb(d.b, 0x64, 0xa9);
    expect(&d, "00");
    outb(d.b, 0x64, 0xa4);
    expect(&d, "f1");
    outb(d.b, 0x64, 0xc0);
    expect(&d, "80");
    outb(d.b, 0x64, 0xe0);
    expect(&d, "00");
    set_ctr(&d, 0x47);
    g_assert_cmphex(inb(d.b, 0x64), ==, 0x14);
    outb(d.b, 0x64, 0x7f);
    outb(d.b, 0x60, 0x99);
    outb(d.b, 0x64, 0x3f);
    expect(&d, "99");
    outb(d.b, 0x64, 0x20);
    expect(&d, "47");
    outb(d.b, 0x64, 0xad);
    outb(d.b, 0x64, 0xa7);
    outb(d.b, 0x64, 0x20);
    expect(&d, "77");
    outb(d.b, 0x64, 0xae);
    outb(d.b, 0x64, 0xa8);
    outb(d.b, 0x64, 0x20);
    expect(&d, "47");
    outb(d.b, 0x64, 0xbb);
    g_assert_cmpuint(d.dev->guest_faults, ==, 1);
    device_reset(d.dev);
    g_assert_cmphex(inb(d.b, 0x64), ==, 0x10);
    leave(&d);
}

static void the_output_port_resets_the_cpu_and_keeps_a20(void)
{
    struct desk d = sit_down();

    outb(d.b, 0x64, 0xd0);
    expect(&d, "cf");
    outb(d.b, 0x64, 0xdd);
    outb(d.b, 0x64, 0xd0);
    expect(&d, "cd");
    outb(d.b, 0x64, 0xd1);
    outb(d.b, 0x60, 0xdf);
    outb(d.b, 0x64, 0xff); /* pulses nothing */
    g_assert_cmpuint(d.b->power[POWER_RESET], ==, 0);
    outb(d.b, 0x64, 0xfe);
    g_assert_cmpuint(d.b->power[POWER_RESET], ==, 1);
    outb(d.b, 0x64, 0xd1);
    outb(d.b, 0x60, 0xde);
    g_assert_cmpuint(d.b->power[POWER_RESET], ==, 2);
    leave(&d);
}

static void interrupts_follow_the_buffer_and_its_owner(void)
{
    struct desk d = sit_down();
    struct bench_line *line = d.b->line;

    set_ctr(&d, 0x03);
    outb(d.b, 0x64, 0xd2); /* as if the keyboard had sent it: not translated */
    outb(d.b, 0x60, 0x1c);
    g_assert_true(line[KBD_IRQ].level);
    expect(&d, "1c");
    g_assert_false(line[KBD_IRQ].level);
    outb(d.b, 0x64, 0xd3);
    outb(d.b, 0x60, 0x42);
    g_assert_cmphex(inb(d.b, 0x64) & 0x21, ==, 0x21);
    g_assert_true(line[MOUSE_IRQ].level);
    g_assert_false(line[KBD_IRQ].level);
    set_ctr(&d, 0x01);
    g_assert_false(line[MOUSE_IRQ].level);
    expect(&d, "42");
    leave(&d);
}

/* A driver reads the command byte while a key waits: it gets its answer, and the key after it. */
static void an_answer_goes_before_a_waiting_key(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x45);
    input_key(d.viewer, KEY_A, true);
    g_assert_cmpuint(d.b->line[KBD_IRQ].rises, ==, 1);
    outb(d.b, 0x64, 0x20);
    g_assert_cmpuint(d.b->line[KBD_IRQ].rises, ==, 2);
    d.dev = bench_save_load(d.b, d.dev, PROPERTIES);
    expect(&d, "45 1e");
    expect_nothing(&d);
    leave(&d);
}

/* ---- The keyboard ---- */

static void keys_come_translated_or_not(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x45);
    press(&d, KEY_A);
    expect(&d, "1e 9e");
    press(&d, KEY_RIGHTCTRL);
    expect(&d, "e0 1d e0 9d");
    press(&d, KEY_F7);
    expect(&d, "41 c1");
    press(&d, KEY_PAUSE);
    expect(&d, "e1 1d 45 e1 9d c5");
    press(&d, KEY_SYSRQ);
    expect(&d, "e0 2a e0 37 e0 b7 e0 aa");
    input_key(d.viewer, KEY_LEFTALT, true);
    press(&d, KEY_SYSRQ);
    expect(&d, "38 54 d4");
    input_key(d.viewer, KEY_LEFTALT, false);
    input_key(d.viewer, KEY_LEFTCTRL, true);
    press(&d, KEY_PAUSE);
    expect(&d, "b8 1d e0 46 e0 c6");
    input_key(d.viewer, KEY_LEFTCTRL, false);
    expect(&d, "9d");
    set_ctr(&d, 0x05);
    press(&d, KEY_A);
    expect(&d, "1c f0 1c");
    press(&d, KEY_F7);
    expect(&d, "83 f0 83");
    press(&d, KEY_PAUSE);
    expect(&d, "e1 14 77 e1 f0 14 f0 77");
    expect_nothing(&d);
    leave(&d);
}

/* A handler chained to another one reads the same byte: the next one needs its time on the wire. */
static void a_byte_can_be_read_twice(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x45);
    press(&d, KEY_A);
    g_assert_cmphex(inb(d.b, 0x60), ==, 0x1e);
    g_assert_cmphex(inb(d.b, 0x60), ==, 0x1e);
    g_assert_false(d.b->line[KBD_IRQ].level);
    bench_step(d.b, NS_PER_MS);
    g_assert_cmpuint(d.b->line[KBD_IRQ].rises, ==, 2);
    expect(&d, "9e");
    bench_step(d.b, NS_PER_MS);
    g_assert_cmpint(clock_next_deadline(d.b->clock), ==, INT64_MAX);
    leave(&d);
}

static void keyboard_commands(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x05);
    to_kbd(&d, 0xff, "fa aa");
    to_kbd(&d, 0xf2, "fa ab 83");
    to_kbd(&d, 0xee, "ee");
    to_kbd(&d, 0xfe, "ee");
    to_kbd(&d, 0xed, "fa");
    to_kbd(&d, 0x05, "fa");
    g_assert_cmphex(input_leds(d.input), ==, LED_SCROLL_LOCK | LED_CAPS_LOCK);
    to_kbd(&d, 0xed, "fa");
    to_kbd(&d, 0xf4, "fa"); /* a command where an argument was due */
    g_assert_cmphex(input_leds(d.input), ==, LED_SCROLL_LOCK | LED_CAPS_LOCK);
    to_kbd(&d, 0xf3, "fa");
    to_kbd(&d, 0x7f, "fa");
    to_kbd(&d, 0xf5, "fa"); /* defaults, and off */
    press(&d, KEY_A);
    expect_nothing(&d);
    to_kbd(&d, 0xf4, "fa");
    to_kbd(&d, 0xf0, "fa");
    to_kbd(&d, 0x00, "fa 02");
    to_kbd(&d, 0xf0, "fa");
    to_kbd(&d, 0x07, "fe");
    to_kbd(&d, 0xf1, "fe");
    to_kbd(&d, 0x00, "fe");
    leave(&d);
}

static void scan_code_sets_one_and_three(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x05);
    to_kbd(&d, 0xf0, "fa");
    to_kbd(&d, 0x01, "fa");
    press(&d, KEY_UP);
    expect(&d, "e0 48 e0 c8");
    to_kbd(&d, 0xf0, "fa");
    to_kbd(&d, 0x03, "fa");
    press(&d, KEY_UP); /* make only */
    press(&d, KEY_LEFTCTRL);
    expect(&d, "63 11 f0 11");
    to_kbd(&d, 0xfc, "fa");
    to_kbd(&d, 0x63, "fa");
    to_kbd(&d, 0xf4, "fa");
    press(&d, KEY_UP);
    expect(&d, "63 f0 63");
    to_kbd(&d, 0xfa, "fa");
    press(&d, KEY_ESC);
    expect(&d, "08 f0 08");
    d.dev = bench_save_load(d.b, d.dev, PROPERTIES);
    press(&d, KEY_KPENTER);
    expect(&d, "79 f0 79");
    leave(&d);
}

static void lost_keys_are_reported(void)
{
    struct desk d = sit_down();
    unsigned n = 0;

    set_ctr(&d, 0x05);
    for (unsigned i = 0; i < 1000; i++)
        press(&d, KEY_SPACE);
    uint8_t last = 0xff;
    for (;;) {
        bench_step(d.b, NS_PER_MS);
        if ((inb(d.b, 0x64) & 1) == 0)
            break;
        last = inb(d.b, 0x60);
        n++;
    }
    g_assert_cmpuint(n, >, 200);
    g_assert_cmpuint(n, <, 300);
    g_assert_cmphex(last, ==, 0x00);
    press(&d, KEY_SPACE);
    expect(&d, "29 f0 29");
    leave(&d);
}

/* ---- The mouse ---- */

static void a_plain_mouse(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x47);
    to_mouse(&d, 0xff, "fa aa 00");
    to_mouse(&d, 0xf2, "fa 00");
    move(&d, 1, 1, 0, 0);
    expect_nothing(&d); /* off until it is enabled */
    to_mouse(&d, 0xf4, "fa");
    g_assert_cmpuint(d.b->line[MOUSE_IRQ].rises, ==, 6);
    move(&d, 5, -3, 0, POINTER_LEFT);
    expect(&d, "09 05 03");
    move(&d, -1, 2, 4, 0);
    expect(&d, "38 ff fe");
    move(&d, 300, 0, 0, 0); /* more than fits in one report */
    expect(&d, "08 ff 00 08 2d 00");
    /* Movements add up while the guest is slow; a click does not get lost between them. */
    move(&d, 1, 0, 0, 0);
    move(&d, 1, 0, 0, 0);
    move(&d, 1, 0, 0, 0);
    move(&d, 0, 0, 0, POINTER_RIGHT);
    move(&d, 0, 0, 0, 0);
    expect(&d, "08 01 00 0a 02 00 08 00 00");
    expect_nothing(&d);
    to_mouse(&d, 0xe8, "fa");
    to_mouse(&d, 0x03, "fa");
    to_mouse(&d, 0xe8, "fa");
    to_mouse(&d, 0x04, "fe");
    to_mouse(&d, 0xf3, "fa");
    to_mouse(&d, 0x28, "fa");
    to_mouse(&d, 0xf3, "fa");
    to_mouse(&d, 0x29, "fe");
    to_mouse(&d, 0xe7, "fa");
    to_mouse(&d, 0xe9, "fa 30 03 28");
    move(&d, 2, 10, 0, 0);
    expect(&d, "28 01 ec"); /* 2:1 */
    to_mouse(&d, 0xf6, "fa");
    to_mouse(&d, 0xe9, "fa 00 02 64");
    to_mouse(&d, 0xe5, "fe");
    leave(&d);
}

static void remote_and_wrap_modes(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x47);
    to_mouse(&d, 0xf0, "fa");
    to_mouse(&d, 0xf4, "fa");
    move(&d, 7, 0, 0, 0);
    expect_nothing(&d);
    to_mouse(&d, 0xeb, "fa 08 07 00");
    to_mouse(&d, 0xeb, "fa 08 00 00");
    to_mouse(&d, 0xe9, "fa 60 02 64");
    to_mouse(&d, 0xee, "fa");
    to_mouse(&d, 0x12, "12");
    to_mouse(&d, 0xf2, "f2");
    to_mouse(&d, 0xec, "fa");
    to_mouse(&d, 0xea, "fa");
    move(&d, 1, 0, 0, 0);
    expect(&d, "08 01 00");
    leave(&d);
}

static void knock(struct desk *d, uint8_t a, uint8_t b, uint8_t c)
{
    const uint8_t rates[] = { a, b, c };

    for (unsigned i = 0; i < 3; i++) {
        to_mouse(d, 0xf3, "fa");
        to_mouse(d, rates[i], "fa");
    }
}

static void a_knock_turns_it_into_an_intellimouse(void)
{
    struct desk d = sit_down();

    set_ctr(&d, 0x47);
    knock(&d, 200, 100, 80);
    to_mouse(&d, 0xf2, "fa 03");
    to_mouse(&d, 0xf4, "fa");
    move(&d, 1, 0, 1, POINTER_SIDE);
    expect(&d, "08 01 00 ff");
    knock(&d, 200, 200, 80);
    to_mouse(&d, 0xf2, "fa 04");
    d.dev = bench_save_load(d.b, d.dev, PROPERTIES);
    to_mouse(&d, 0xf4, "fa");
    move(&d, 0, 0, -1, POINTER_SIDE | POINTER_EXTRA);
    expect(&d, "08 00 00 31");
    leave(&d);
}

/* Nothing that a guest writes in whatever order gets the controller out of step. */
static void any_access_at_any_time(void)
{
    struct desk d = sit_down();
    g_autoptr(GRand) rand = g_rand_new_with_seed(8042);

    for (unsigned i = 0; i < 200000; i++) {
        switch (g_rand_int(rand) % 8) {
        case 0: inb(d.b, 0x60); break;
        case 1: inl(d.b, 0x60); break;
        case 2: outb(d.b, 0x64, (uint8_t)g_rand_int(rand)); break;
        case 3: outw(d.b, 0x60, (uint16_t)g_rand_int(rand)); break;
        case 4: outb(d.b, 0x64, 0xd4); break;
        case 5: press(&d, g_rand_int(rand) % KEYCODE_COUNT); break;
        case 6:
            move(&d, (int)g_rand_int(rand), (int)g_rand_int(rand), (int)g_rand_int(rand),
                 g_rand_int(rand));
            break;
        default: outb(d.b, 0x60, (uint8_t)g_rand_int(rand)); break;
        }
        if (i % 16 == 0)
            bench_step(d.b, NS_PER_MS);
    }
    d.dev = bench_save_load(d.b, d.dev, PROPERTIES);
    device_reset(d.dev);
    set_ctr(&d, 0x47);
    to_kbd(&d, 0xf2, "fa ab 41");
    to_mouse(&d, 0xf2, "fa 00");
    leave(&d);
}

static void a_state_written_by_hand(void)
{
    struct desk d = sit_down();

    for (uint32_t seed = 0; seed < 500; seed++) {
        d.dev = hostile_state(d.b, d.dev, PROPERTIES, seed);
        press(&d, KEY_PAUSE);
        move(&d, 100000, -100000, 50, seed & 0x1f);
        hostile_ports(d.b, 0x60, 1, seed);
        hostile_ports(d.b, 0x64, 1, seed);
        bench_step(d.b, NS_PER_MS);
        inb(d.b, 0x60);
    }
    leave(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/self-test", firmware_tests_the_controller);
    g_test_add_func("/i8042/output-port", the_output_port_resets_the_cpu_and_keeps_a20);
    g_test_add_func("/i8042/interrupts", interrupts_follow_the_buffer_and_its_owner);
    g_test_add_func("/i8042/answers", an_answer_goes_before_a_waiting_key);
    g_test_add_func("/i8042/kbd/keys", keys_come_translated_or_not);
    g_test_add_func("/i8042/kbd/twice", a_byte_can_be_read_twice);
    g_test_add_func("/i8042/kbd/commands", keyboard_commands);
    g_test_add_func("/i8042/kbd/sets", scan_code_sets_one_and_three);
    g_test_add_func("/i8042/kbd/overrun", lost_keys_are_reported);
    g_test_add_func("/i8042/mouse/plain", a_plain_mouse);
    g_test_add_func("/i8042/mouse/modes", remote_and_wrap_modes);
    g_test_add_func("/i8042/mouse/knock", a_knock_turns_it_into_an_intellimouse);
    g_test_add_func("/i8042/hostile", any_access_at_any_time);
    g_test_add_func("/i8042/hostile-state", a_state_written_by_hand);
    return g_test_run();
}
