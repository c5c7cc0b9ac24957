/*
 * A display device, a keyboard and two pointers on one side, viewers on the other; the console
 * and the input room between them.
 */
#include "ui/console.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* ---- a display device that records how it is asked ---- */

struct display {
    struct console *con;
    unsigned updates, full_updates;
    bool watched;
    bool dirty; /* damages something at the next update */
    unsigned ui_width;
};

static void display_update(void *opaque, bool full)
{
    struct display *d = opaque;

    d->updates++;
    d->full_updates += full;
    if (d->dirty)
        console_damage(d->con, 8, 16, 8, 16);
    d->dirty = false;
}

static void display_watch(void *opaque, bool on)
{
    ((struct display *)opaque)->watched = on;
}

static void display_ui_info(void *opaque, unsigned width, unsigned height)
{
    ((struct display *)opaque)->ui_width = width;
}

static const struct console_source_ops display_ops = {
    .update = display_update,
    .watch = display_watch,
    .ui_info = display_ui_info,
};

/* ---- a viewer that records what it hears ---- */

struct viewer {
    struct console_viewer *handle;
    unsigned resizes, damages, frames, cursors, leds;
    int x, y, w, h; /* of the last damage */
    bool absolute;
};

static void on_resize(void *opaque)
{
    ((struct viewer *)opaque)->resizes++;
}

static void on_damage(void *opaque, int x, int y, int w, int h)
{
    struct viewer *v = opaque;

    v->damages++;
    v->x = x;
    v->y = y;
    v->w = w;
    v->h = h;
}

static void on_frame(void *opaque)
{
    ((struct viewer *)opaque)->frames++;
}

static void on_cursor(void *opaque)
{
    ((struct viewer *)opaque)->cursors++;
}

static void on_pointer_mode(void *opaque, bool absolute)
{
    ((struct viewer *)opaque)->absolute = absolute;
}

static void on_leds(void *opaque, unsigned leds)
{
    ((struct viewer *)opaque)->leds = leds;
}

static const struct console_viewer_ops viewer_ops = {
    .resize = on_resize,
    .damage = on_damage,
    .frame = on_frame,
    .cursor_define = on_cursor,
    .pointer_mode = on_pointer_mode,
    .leds = on_leds,
};

struct fixture {
    struct input *input;
    struct console *con;
    struct display display;
    struct viewer viewer;
};

static void setup(struct fixture *f, gconstpointer unused)
{
    f->input = input_create();
    f->con = console_create("VGA", f->input);
    f->display.con = f->con;
    console_set_source(f->con, &display_ops, &f->display);
}

static void teardown(struct fixture *f, gconstpointer unused)
{
    if (f->viewer.handle != NULL)
        console_detach(f->viewer.handle);
    console_set_source(f->con, NULL, NULL);
    console_destroy(f->con);
    input_destroy(f->input);
}

static void attach(struct fixture *f)
{
    f->viewer.handle = console_attach(f->con, &viewer_ops, &f->viewer);
}

/* Lets the main loop run for a while, far longer than some refreshes take. */
static gboolean set_true(gpointer flag)
{
    *(bool *)flag = true;
    return G_SOURCE_REMOVE;
}

static void run_ms(unsigned ms)
{
    bool over = false;

    g_timeout_add(ms, set_true, &over);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
}

static void run_until(const unsigned *counter, unsigned value)
{
    while (*counter < value)
        g_main_context_iteration(NULL, TRUE);
}

/* ---- when the device is asked ---- */

static void test_nobody_looks(struct fixture *f, gconstpointer unused)
{
    console_set_poll(f->con, 100);
    console_wake(f->con);
    console_damage(f->con, 0, 0, 1, 1);
    run_ms(80);
    g_assert_cmpuint(f->display.updates, ==, 0);
    g_assert_false(f->display.watched);
}

static void test_first_update_is_full(struct fixture *f, gconstpointer unused)
{
    attach(f);
    g_assert_true(f->display.watched);
    run_ms(40);
    g_assert_cmpuint(f->display.updates, ==, 0); /* it has not asked for anything yet */

    console_viewer_want(f->viewer.handle, true);
    run_until(&f->viewer.frames, 1);
    g_assert_cmpuint(f->display.full_updates, ==, 1);
    console_wake(f->con);
    run_until(&f->viewer.frames, 2);
    g_assert_cmpuint(f->display.full_updates, ==, 1);

    console_detach(f->viewer.handle);
    g_assert_false(f->display.watched);
    attach(f);
    console_viewer_want(f->viewer.handle, true);
    run_until(&f->viewer.frames, 3);
    g_assert_cmpuint(f->display.full_updates, ==, 2);
}

static void test_idle_screen_that_wakes_itself(struct fixture *f, gconstpointer unused)
{
    attach(f);
    console_viewer_want(f->viewer.handle, true);
    run_until(&f->viewer.frames, 1);
    run_ms(120);
    g_assert_cmpuint(f->display.updates, ==, 1); /* no polling at all */

    f->display.dirty = true;
    console_wake(f->con);
    run_until(&f->viewer.frames, 2);
    g_assert_cmpuint(f->viewer.damages, ==, 1);
    g_assert_cmpint(f->viewer.x, ==, 8);
    g_assert_cmpint(f->viewer.h, ==, 16);
}

static void test_polling_backs_off(struct fixture *f, gconstpointer unused)
{
    attach(f);
    console_set_poll(f->con, 10000);
    console_viewer_want(f->viewer.handle, true);
    run_ms(600);
    /* 16, 24, 36, 54, 81, ... ms: never the 37 updates of an unchanging rate. */
    unsigned idle = f->display.updates;
    g_assert_cmpuint(idle, >=, 1);
    g_assert_cmpuint(idle, <=, 12);
    /* A key brings the fast rate back. */
    struct input_source *keys = input_source_create(f->input);
    input_key(keys, KEY_A, true);
    run_until(&f->display.updates, idle + 2);
    input_source_destroy(keys);
}

static void test_damage_outside_an_update(struct fixture *f, gconstpointer unused)
{
    attach(f);
    console_viewer_want(f->viewer.handle, true);
    run_until(&f->viewer.frames, 1);
    console_damage(f->con, 600, -5, 1000, 10);
    g_assert_cmpint(f->viewer.x, ==, 600);
    g_assert_cmpint(f->viewer.y, ==, 0);
    g_assert_cmpint(f->viewer.w, ==, 40);
    g_assert_cmpint(f->viewer.h, ==, 5);
    run_until(&f->viewer.frames, 2);
    console_damage(f->con, 640, 0, 10, 10);
    console_damage(f->con, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX);
    console_damage(f->con, 0, 0, -1, 10);
    g_assert_cmpuint(f->viewer.damages, ==, 1);
}

/* ---- surfaces and cursors ---- */

static void test_surface(struct fixture *f, gconstpointer unused)
{
    static uint32_t vram[320 * 200];

    attach(f);
    g_assert_cmpuint(console_width(f->con), ==, 640);
    g_assert_cmpint(console_set_surface_memory(f->con, PIXMAN_x8r8g8b8, 320, 200, vram, 320 * 4),
                    ==, 0);
    g_assert_cmpuint(f->viewer.resizes, ==, 1);
    g_assert_cmpint(f->viewer.w, ==, 320);
    g_assert_true(pixman_image_get_data(console_surface(f->con)) == vram);

    /* The same size at another place (a page flip) is damage and no resize. */
    console_set_surface_memory(f->con, PIXMAN_r5g6b5, 320, 200, vram, 320 * 2);
    g_assert_cmpuint(f->viewer.resizes, ==, 1);
    g_assert_cmpuint(f->viewer.damages, ==, 2);
}

static void test_wrong_surfaces(struct fixture *f, gconstpointer unused)
{
    static uint32_t vram[64];
    struct console *con = f->con;

    g_assert_cmpint(console_set_surface_memory(con, PIXMAN_x8r8g8b8, 0, 4, vram, 64), ==, -EINVAL);
    g_assert_cmpint(console_set_surface_memory(con, PIXMAN_x8r8g8b8, 4, 16385, vram, 64), ==,
                    -EINVAL);
    g_assert_cmpint(console_set_surface_memory(con, PIXMAN_x8r8g8b8, 17, 1, vram, 64), ==, -EINVAL);
    g_assert_cmpint(console_set_surface_memory(con, PIXMAN_r5g6b5, 4, 4, vram, 10), ==, -EINVAL);
    g_assert_cmpuint(console_width(con), ==, 640);
}

static void test_cursor(struct fixture *f, gconstpointer unused)
{
    uint32_t pixels[4] = { 1, 2, 3, 4 };
    struct console_cursor arrow = { 2, 2, 1, 0, pixels };
    struct console_cursor hot_outside = { 2, 2, 2, 0, pixels };
    int x, y;

    attach(f);
    g_assert_null(console_cursor(f->con));
    g_assert_cmpint(console_define_cursor(f->con, &arrow), ==, 0);
    pixels[3] = 0; /* it was copied */
    g_assert_cmpuint(console_cursor(f->con)->pixels[3], ==, 4);
    console_move_cursor(f->con, -3, 7, true);
    g_assert_true(console_cursor_position(f->con, &x, &y));
    g_assert_cmpint(x, ==, -3);
    g_assert_cmpint(console_define_cursor(f->con, &hot_outside), ==, -EINVAL);
    g_assert_cmpint(console_define_cursor(f->con, NULL), ==, 0);
    g_assert_null(console_cursor(f->con));
    g_assert_cmpuint(f->viewer.cursors, ==, 2);
}

static void test_ui_info(struct fixture *f, gconstpointer unused)
{
    g_assert_cmpint(console_set_ui_info(f->con, 1280, 0), ==, -EINVAL);
    g_assert_cmpint(console_set_ui_info(f->con, 1280, 800), ==, 0);
    g_assert_cmpuint(f->display.ui_width, ==, 1280);
    console_set_source(f->con, NULL, NULL);
    g_assert_cmpint(console_set_ui_info(f->con, 1280, 800), ==, -ENOTSUP);
}

/* ---- input ---- */

struct device {
    GString *keys; /* "+30 -30 " */
    struct pointer_event last;
    unsigned events;
};

static void device_key(void *opaque, unsigned code, bool down)
{
    g_string_append_printf(((struct device *)opaque)->keys, "%c%u ", down ? '+' : '-', code);
}

static void device_pointer(void *opaque, const struct pointer_event *event)
{
    ((struct device *)opaque)->last = *event;
    ((struct device *)opaque)->events++;
}

static const struct input_sink_ops keyboard_ops = { "keyboard", INPUT_KEYBOARD, device_key, NULL };
static const struct input_sink_ops mouse_ops = { "mouse", INPUT_RELATIVE, NULL, device_pointer };
static const struct input_sink_ops tablet_ops = { "tablet", INPUT_ABSOLUTE, NULL, device_pointer };

static void test_keys_are_released(struct fixture *f, gconstpointer unused)
{
    struct device kbd = { g_string_new("") };
    struct input_sink *sink = input_sink_add(f->input, &keyboard_ops, &kbd);
    struct input_source *source = input_source_create(f->input);

    input_key(source, KEY_LEFTSHIFT, true);
    input_key(source, KEY_A, true);
    input_key(source, KEY_A, true); /* typematic */
    input_key(source, KEY_A, false);
    input_key(source, KEY_A, false); /* not held: dropped */
    input_key(source, 0, true);
    input_key(source, 84, true); /* no such key */
    input_key(source, UINT32_MAX, true);
    input_source_destroy(source);
    g_assert_cmpstr(kbd.keys->str, ==, "+42 +30 +30 -30 -42 ");
    input_sink_remove(sink);
    g_string_free(kbd.keys, TRUE);
}

static void test_send_keys(struct fixture *f, gconstpointer unused)
{
    const unsigned ctrl_alt_del[] = { KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE };
    const unsigned enter[] = { KEY_ENTER }, nonsense[] = { 255 };
    struct device kbd = { g_string_new("") };
    struct input_sink *sink = input_sink_add(f->input, &keyboard_ops, &kbd);

    g_assert_cmpint(input_send_keys(f->input, ctrl_alt_del, 3, 1, NULL), ==, 0);
    g_assert_cmpint(input_send_keys(f->input, enter, 1, 1, NULL), ==, 0);
    g_assert_cmpint(input_send_keys(f->input, nonsense, 1, 1, NULL), ==, -EINVAL);
    g_assert_cmpstr(kbd.keys->str, ==, "+29 +56 +111 ");
    while (!g_str_has_suffix(kbd.keys->str, "-28 "))
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(kbd.keys->str, ==, "+29 +56 +111 -111 -56 -29 +28 -28 ");
    for (unsigned i = 0; i < 64; i++)
        g_assert_cmpint(input_send_keys(f->input, enter, 1, 100000, NULL), ==, 0);
    g_assert_cmpint(input_send_keys(f->input, enter, 1, 1, NULL), ==, -EBUSY);
    input_sink_remove(sink);
    g_string_free(kbd.keys, TRUE);
}

static void count_pointers(void *opaque, unsigned index, const char *name, bool absolute,
                           bool current)
{
    g_string_append_printf(opaque, "%u:%s%s%s ", index, name, absolute ? ",absolute" : "",
                           current ? ",current" : "");
}

static void test_last_activated_pointer(struct fixture *f, gconstpointer unused)
{
    struct device mouse = { 0 }, tablet = { 0 };
    struct input_sink *m = input_sink_add(f->input, &mouse_ops, &mouse);
    struct input_sink *t = input_sink_add(f->input, &tablet_ops, &tablet);
    struct input_source *source = input_source_create(f->input);
    struct pointer_event event = { .x = 70000, .y = -1, .wheel = 1, .buttons = POINTER_LEFT };
    g_autoptr(GString) list = g_string_new("");

    attach(f);
    g_assert_false(input_is_absolute(f->input));
    input_pointer_absolute(source, &event); /* the mouse cannot use it */
    g_assert_cmpuint(mouse.events + tablet.events, ==, 0);

    input_sink_activate(t); /* the guest's USB driver polls the tablet */
    g_assert_true(f->viewer.absolute);
    input_pointer_absolute(source, &event);
    g_assert_cmpint(tablet.last.x, ==, POINTER_MAX);
    g_assert_cmpint(tablet.last.y, ==, 0);
    g_assert_cmpint(tablet.last.wheel, ==, 1);
    input_foreach_pointer(f->input, count_pointers, list);
    g_assert_cmpstr(list->str, ==, "1:tablet,absolute,current 0:mouse ");

    input_source_destroy(source); /* the viewer goes with a button held, at its last place */
    g_assert_cmpuint(tablet.last.buttons, ==, 0);
    g_assert_cmpint(tablet.last.x, ==, POINTER_MAX);
    input_sink_remove(t);
    g_assert_false(f->viewer.absolute);
    input_sink_remove(m);
}

static void test_leds(struct fixture *f, gconstpointer unused)
{
    attach(f);
    input_set_leds(f->input, LED_NUM_LOCK | LED_CAPS_LOCK);
    g_assert_cmpuint(f->viewer.leds, ==, 6);
    g_assert_cmpuint(input_leds(f->input), ==, 6);
}

static void test_key_codes(void)
{
    g_assert_cmpuint(keycode_to_xt(KEY_A), ==, 0x1E);
    g_assert_cmpuint(keycode_to_xt(KEY_RIGHTCTRL), ==, 0x9D);
    g_assert_cmpuint(keycode_from_xt(0xC8), ==, KEY_UP);
    g_assert_cmpuint(keycode_from_xt(0xB7), ==, KEY_SYSRQ);
    g_assert_cmpuint(keycode_from_xt(0), ==, 0);
    g_assert_cmpuint(keycode_from_xt(0x1234), ==, 0);
    g_assert_cmpuint(keycode_to_xt(4711), ==, 0);
    g_assert_cmpuint(keycode_from_name("kp_enter"), ==, KEY_KPENTER);
    g_assert_cmpuint(keycode_from_name("sysrq"), ==, KEY_SYSRQ);
    g_assert_cmpuint(keycode_from_name("unmapped"), ==, 0);
    g_assert_null(keycode_to_name(4711));
    /* Every key comes back as itself from its XT code and from its name. */
    for (unsigned code = 0; code < KEYCODE_COUNT; code++) {
        if (keycode_to_xt(code) != 0)
            g_assert_cmpuint(keycode_from_xt(keycode_to_xt(code)), ==, code);
        if (keycode_to_name(code) != NULL)
            g_assert_cmpuint(keycode_from_name(keycode_to_name(code)), ==, code);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CONSOLE_TEST(path, fn) g_test_add(path, struct fixture, NULL, setup, fn, teardown)
    CONSOLE_TEST("/console/nobody-looks", test_nobody_looks);
    CONSOLE_TEST("/console/first-update-is-full", test_first_update_is_full);
    CONSOLE_TEST("/console/idle-wakes-itself", test_idle_screen_that_wakes_itself);
    CONSOLE_TEST("/console/polling-backs-off", test_polling_backs_off);
    CONSOLE_TEST("/console/damage-outside-update", test_damage_outside_an_update);
    CONSOLE_TEST("/console/surface", test_surface);
    CONSOLE_TEST("/console/wrong-surfaces", test_wrong_surfaces);
    CONSOLE_TEST("/console/cursor", test_cursor);
    CONSOLE_TEST("/console/ui-info", test_ui_info);
    CONSOLE_TEST("/input/keys-are-released", test_keys_are_released);
    CONSOLE_TEST("/input/send-keys", test_send_keys);
    CONSOLE_TEST("/input/last-activated-pointer", test_last_activated_pointer);
    CONSOLE_TEST("/input/leds", test_leds);
    g_test_add_func("/input/key-codes", test_key_codes);
    return g_test_run();
}
