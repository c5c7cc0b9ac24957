/*
 * VMware's absolute pointer as its drivers use it: found by the version, enabled by its number,
 * then a packet for each of the mouse's interrupts; and drivers that lose count or lie.
 */
#include "hw/input/vmmouse.h"

#include "hw/input/i8042.h"
#include "tests/unit/hostile.h"
#include "ui/input.h"

#define PORT       0x5658
#define MAGIC      0x564d5868
#define PROPERTIES "input=default"

struct desk {
    struct bench *b;
    struct device *keyboard, *pointer;
    struct input *input;
    struct input_source *viewer;
};

static void nudge(void *opaque, unsigned n, bool level)
{
    if (level)
        i8042_nudge_mouse(opaque);
}

static struct desk sit_down(void)
{
    struct desk d = { .b = bench_create(), .input = input_create() };

    d.viewer = input_source_create(d.input);
    d.b->host_service = d.input;
    d.keyboard = bench_plug(d.b, &i8042_kind, PROPERTIES);
    d.pointer = bench_plug(d.b, &vmmouse_kind, PROPERTIES);
    device_connect(d.keyboard, 1, (struct irq_line){ 0 });
    device_connect(d.pointer, 0, (struct irq_line){ nudge, d.keyboard, 0 });
    return d;
}

static void leave(struct desk *d)
{
    input_source_destroy(d->viewer);
    bench_destroy(d->b);
    input_destroy(d->input);
}

/* What a driver does: registers, an IN, and EAX has the answer. */
static uint32_t ask(struct desk *d, uint32_t command, uint32_t argument)
{
    d->b->registers = (struct cpu_registers){ .eax = MAGIC, .ebx = argument, .ecx = command };
    return inl(d->b, PORT);
}

static uint32_t status(struct desk *d)
{
    return ask(d, 40, 0);
}

static void enable(struct desk *d, uint32_t mode)
{
    ask(d, 41, 0x45414552);
    g_assert_cmphex(status(d), ==, 1);
    g_assert_cmphex(ask(d, 39, 1), ==, 0x3442554a);
    ask(d, 41, mode);
    g_assert_cmphex(status(d), ==, 0);
}

static void enable_absolute(struct desk *d)
{
    enable(d, 0x53424152);
}

/* Takes one packet. */
static void expect(struct desk *d, uint32_t buttons, uint32_t x, uint32_t y, int wheel)
{
    g_assert_cmpuint(status(d), >=, 4);
    g_assert_cmphex(ask(d, 39, 4), ==, buttons);
    g_assert_cmphex(d->b->registers.ebx, ==, x);
    g_assert_cmphex(d->b->registers.ecx, ==, y);
    g_assert_cmpint((int32_t)d->b->registers.edx, ==, wheel);
}

static void point(struct desk *d, int x, int y, int wheel, unsigned buttons)
{
    input_pointer_absolute(d->viewer, &(struct pointer_event){ x, y, wheel, 0, buttons });
}

/* The mouse's driver has asked for reports; what comes for them is taken here. */
static void enable_mouse(struct desk *d)
{
    outb(d->b, 0x64, 0x60);
    outb(d->b, 0x60, 0x43);
    outb(d->b, 0x64, 0xd4);
    outb(d->b, 0x60, 0xf4);
    g_assert_cmphex(inb(d->b, 0x60), ==, 0xfa);
    bench_step(d->b, NS_PER_MS);
}

static unsigned mouse_bytes(struct desk *d)
{
    unsigned n = 0;

    for (; (inb(d->b, 0x64) & 0x21) == 0x21; n++) {
        inb(d->b, 0x60);
        bench_step(d->b, NS_PER_MS);
    }
    return n;
}

static void test_found(void)
{
    struct desk d = sit_down();

    g_assert_cmpuint(ask(&d, 10, 0), ==, 6);
    g_assert_cmphex(d.b->registers.ebx, ==, MAGIC);
    g_assert_cmphex(ask(&d, 0xffff000a, 0), ==, 6); /* only CX counts */
    g_assert_cmphex(ask(&d, 4711, 0), ==, UINT32_MAX);
    d.b->registers = (struct cpu_registers){ .eax = 1, .ecx = 10 };
    g_assert_cmphex(inl(d.b, PORT), ==, UINT32_MAX);
    g_assert_cmphex(d.b->registers.ebx, ==, 0);
    g_assert_cmphex(status(&d), ==, 0xffff0000);
    leave(&d);
}

/* Linux: vmmouse first, then the PS/2 mouse's reports are turned on, for their interrupts only. */
static void test_follows_the_viewer(void)
{
    struct desk d = sit_down();

    g_assert_false(input_is_absolute(d.input));
    enable_absolute(&d);
    enable_mouse(&d);
    g_assert_true(input_is_absolute(d.input));
    point(&d, 0, POINTER_MAX, 0, 0);
    g_assert_cmpuint(mouse_bytes(&d), ==, 3);
    expect(&d, 0, 0, 0xffff, 0);
    point(&d, 0x4000, 1, 0, POINTER_LEFT);
    point(&d, 0x4000, 1, 1, POINTER_RIGHT | POINTER_MIDDLE);
    g_assert_cmpuint(mouse_bytes(&d), >=, 3);
    expect(&d, 0x20, 0x8000, 2, 0);
    expect(&d, 0x18, 0x8000, 2, -1);
    g_assert_cmphex(status(&d), ==, 0);
    g_assert_cmpuint(mouse_bytes(&d), ==, 0); /* idle costs nothing */
    leave(&d);
}

/* A guest that is slow sees the last place, and every click. */
static void test_moves_are_merged(void)
{
    struct desk d = sit_down();

    enable_absolute(&d);
    for (int x = 0; x < 1000; x++)
        point(&d, x, 0, 0, 0);
    point(&d, 999, 0, 0, POINTER_LEFT);
    point(&d, 999, 0, 0, 0);
    g_assert_cmphex(status(&d), ==, 12);
    expect(&d, 0, 1998, 0, 0);
    expect(&d, 0x20, 1998, 0, 0);
    for (unsigned i = 0; i < 1000; i++) /* one that never looks */
        point(&d, 0, 0, 0, i & 1);
    g_assert_cmphex(status(&d), ==, 256);
    leave(&d);
}

static void test_relative(void)
{
    struct desk d = sit_down();

    enable(&d, 0x4c455252);
    g_assert_false(input_is_absolute(d.input));
    input_pointer_relative(d.viewer, &(struct pointer_event){ .x = -5, .y = 7 });
    expect(&d, 0x10000, (uint32_t)-5, (uint32_t)-7, 0);
    leave(&d);
}

/* Off, by the driver, by its mistake or by a reset: the PS/2 mouse has the viewers again. */
static void test_gives_back(void)
{
    struct desk d = sit_down();

    enable_absolute(&d);
    ask(&d, 41, 0xf5);
    g_assert_false(input_is_absolute(d.input));
    g_assert_cmphex(status(&d), ==, 0xffff0000);
    ask(&d, 41, 0x53424152); /* not enabled */
    g_assert_false(input_is_absolute(d.input));

    enable_absolute(&d);
    g_assert_cmphex(ask(&d, 39, 4), ==, UINT32_MAX); /* there is nothing */
    g_assert_cmphex(status(&d), ==, 0xffff0000);
    g_assert_cmpuint(d.pointer->guest_faults, ==, 1);

    enable_absolute(&d);
    device_reset(d.pointer);
    g_assert_false(input_is_absolute(d.input));
    leave(&d);
}

static void test_saved(void)
{
    struct desk d = sit_down();

    enable_absolute(&d);
    point(&d, 5, 6, 0, POINTER_LEFT);
    d.pointer = bench_save_load(d.b, d.pointer, PROPERTIES);
    g_assert_true(input_is_absolute(d.input));
    expect(&d, 0x20, 10, 12, 0);
    leave(&d);
}

static void test_needs_registers(void)
{
    struct desk d = sit_down();
    struct services services = d.b->services;
    g_autoptr(GError) err = NULL;

    services.get_registers = NULL;
    struct device *dev = device_new(&vmmouse_kind, "another", &services);
    g_assert_cmpint(device_realize(dev, &err), ==, -ENOTSUP);
    device_destroy(dev);
    leave(&d);
}

static void test_hostile(void)
{
    static const uint32_t commands[] = { 10, 39, 40, 41 };
    static const uint32_t arguments[] = { 0xf5, 0x45414552, 0x4c455252, 0x53424152, 4, 6 };
    struct desk d = sit_down();
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (unsigned seed = 0; seed < 2000; seed++) {
        uint32_t any = (uint32_t)hostile_value(rand);
        ask(&d, commands[any % 4], any % 3 == 0 ? any : arguments[any % 6]);
        point(&d, (int)any, (int)any, (int)any, any);
        input_pointer_relative(d.viewer, &(struct pointer_event){ (int)any, 1, 1, 1, any });
        if (seed % 8 == 0)
            hostile_ports(d.b, PORT, 4, seed);
        if (seed % 50 == 0)
            d.pointer = hostile_state(d.b, d.pointer, PROPERTIES, seed);
    }
    leave(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_set_level(LOG_ERROR);
    g_test_add_func("/vmmouse/found", test_found);
    g_test_add_func("/vmmouse/follows-the-viewer", test_follows_the_viewer);
    g_test_add_func("/vmmouse/moves-are-merged", test_moves_are_merged);
    g_test_add_func("/vmmouse/relative", test_relative);
    g_test_add_func("/vmmouse/gives-back", test_gives_back);
    g_test_add_func("/vmmouse/saved", test_saved);
    g_test_add_func("/vmmouse/needs-registers", test_needs_registers);
    g_test_add_func("/vmmouse/hostile", test_hostile);
    return g_test_run();
}
