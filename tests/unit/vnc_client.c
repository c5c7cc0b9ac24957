/*
 * What a client may say after the handshake, and what comes of it: input in the guest, pseudo
 * rectangles, and the end of those who misbehave.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "vnc_wire.h"

/* ---- keys ---- */

static void send_key(int fd, uint32_t keysym, bool down)
{
    uint8_t message[8] = { 4, down };

    put_be32(message + 4, keysym);
    wire_send(fd, message, sizeof(message));
}

static void send_ext_key(int fd, uint32_t keysym, uint32_t xt, bool down)
{
    uint8_t message[12] = { 255, 0, 0, down };

    put_be32(message + 4, keysym);
    put_be32(message + 8, xt);
    wire_send(fd, message, sizeof(message));
}

static void expect_events(struct wire_machine *m, const char *events)
{
    wire_settle();
    g_assert_cmpstr(m->events->str, ==, events);
    g_string_truncate(m->events, 0);
}

static void type(int fd, uint32_t keysym)
{
    send_key(fd, keysym, true);
    send_key(fd, keysym, false);
}

static void test_extended_keys(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    send_ext_key(fd, 'a', 0x1E, true);
    send_ext_key(fd, 'a', 0x1E, false);
    send_ext_key(fd, 0xFFE4, 0x9D, true);    /* Right Ctrl */
    send_ext_key(fd, 'q', 0x12345678, true); /* no such key: the keysym decides */
    expect_events(&m, "+30 -30 +97 +16 ");
    close(fd); /* with two keys held */
    expect_events(&m, "-16 -97 ");
    wire_machine_destroy(&m);
}

static void test_us_keys(void)
{
    struct wire_machine m;

    wire_machine_create(&m, ",lock-key-sync=off", NULL, false);
    int fd = wire_open(&m);
    type(fd, 'a');
    expect_events(&m, "+30 -30 ");
    send_key(fd, 0xFFE1, true); /* Shift, then A */
    type(fd, 'A');
    send_key(fd, 0xFFE1, false);
    expect_events(&m, "+42 +30 -30 -42 ");
    type(fd, '@'); /* made with AltGr on the viewer's keyboard, with Shift+2 on this one */
    expect_events(&m, "+42 +3 -42 -3 ");
    send_key(fd, 0xFFE1, true); /* '/' is Shift+7 over there, and a key alone here */
    type(fd, '/');
    send_key(fd, 0xFFE1, false);
    expect_events(&m, "+42 -42 +53 +42 -53 -42 ");
    send_key(fd, 'b', true); /* Shift goes down in between: released as another character */
    send_key(fd, 'B', false);
    expect_events(&m, "+48 -48 ");
    type(fd, 0x1234567); /* nothing of ours */
    expect_events(&m, "");
    close(fd);
    wire_machine_destroy(&m);
}

struct typed {
    const char *keymap;
    uint32_t keysym;
    const char *events;
};

/* One key of each layout that is somewhere else, or needs other modifiers, than in en-us. */
static const struct typed layouts[] = {
    { "en-us", '#', "+42 +4 -42 -4 " },
    { "en-gb", '#', "+43 -43 " },
    { "de", 'z', "+21 -21 " },
    { "de", '@', "+100 +16 -100 -16 " },
    { "de", 0xFC, "+26 -26 " },             /* u with diaeresis */
    { "de", 0x20AC, "+100 +18 -100 -18 " }, /* Euro */
    { "de", 0xFE51, "+13 -13 " },           /* dead acute */
    { "fr", '1', "+42 +2 -42 -2 " },
    { "fr", 'a', "+16 -16 " },
    { "fr", 0xE9, "+3 -3 " },   /* e with acute */
    { "es", 0xF1, "+39 -39 " }, /* n with tilde */
    { "es", '@', "+100 +3 -100 -3 " },
    { "it", 0xE8, "+26 -26 " }, /* e with grave */
    { "it", '@', "+100 +39 -100 -39 " },
    { "pt", 0xE7, "+39 -39 " }, /* c with cedilla */
    { "pt", '\'', "+12 -12 " },
    { "ru", 0x6C6, "+30 -30 " },       /* Cyrillic ef */
    { "ru", 0x1000444, "+30 -30 " },   /* the same by its Unicode */
    { "ru", 'f', "+33 -33 " },         /* Latin, in the other group */
    { "ru", 0x6B0, "+42 +4 -42 -4 " }, /* numero sign */
    { "ja", '@', "+26 -26 " },
    { "ja", '"', "+42 +3 -42 -3 " },
    { "ja", 0xA5, "+124 -124 " }, /* Yen */
    { "ja", 0xFF22, "+94 -94 " }, /* Muhenkan */
    { "zh", '@', "+42 +3 -42 -3 " },
};

static void test_layouts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(layouts); i++) {
        g_autofree char *option = g_strdup_printf(",keymap=%s", layouts[i].keymap);
        struct wire_machine m;

        wire_machine_create(&m, option, NULL, false);
        int fd = wire_open(&m);
        type(fd, layouts[i].keysym);
        expect_events(&m, layouts[i].events);
        close(fd);
        wire_machine_destroy(&m);
    }
}

static void test_lock_keys(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    type(fd, 'A'); /* no Shift: the viewer's Caps Lock is on, the guest's is not */
    expect_events(&m, "+58 -58 +30 -30 ");
    input_set_leds(m.input, LED_CAPS_LOCK);
    type(fd, 'A');
    expect_events(&m, "+30 -30 ");
    type(fd, 0xFFB4); /* KP_4 needs Num Lock */
    expect_events(&m, "+69 -69 +75 -75 ");
    close(fd);
    wire_machine_destroy(&m);
}

/* ---- updates ---- */

static const uint8_t request_all[10] = { 3, 1, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF };

/* Reads an update that has one pseudo rectangle first; returns its encoding and x, y, w, h. */
static int32_t first_rect(int fd, unsigned rects, uint16_t geometry[4])
{
    uint8_t message[16];

    g_assert_cmpuint(wire_receive(fd, message, sizeof(message)), ==, sizeof(message));
    g_assert_cmpuint(message[0], ==, 0);
    g_assert_cmpuint(get_be16(message + 2), ==, rects);
    for (unsigned i = 0; i < 4; i++)
        geometry[i] = get_be16(message + 4 + (size_t)i * 2);
    return (int32_t)get_be32(message + 12);
}

/* Reads the first update: the whole screen, raw. */
static void read_screen(int fd)
{
    uint8_t pixels[64 * 32 * 4];
    uint16_t geometry[4];

    g_assert_cmpint(first_rect(fd, 1, geometry), ==, 0);
    g_assert_cmpuint(wire_receive(fd, pixels, sizeof(pixels)), ==, sizeof(pixels));
}

/* ---- the pointer ---- */

static void send_pointer(int fd, uint8_t buttons, uint16_t x, uint16_t y)
{
    uint8_t message[6] = { 5, buttons };

    put_be16(message + 2, x);
    put_be16(message + 4, y);
    wire_send(fd, message, sizeof(message));
}

static void test_absolute_pointer(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, true);
    int fd = wire_open(&m);
    send_pointer(fd, 0, 0, 0);
    send_pointer(fd, 1, 63, 31); /* left, in the last corner */
    send_pointer(fd, 4, 9999, 9999);
    expect_events(&m, "(0,0,0,0) (32767,32767,0,1) (32767,32767,0,2) ");
    send_pointer(fd, 8, 0, 0); /* wheel up, once */
    send_pointer(fd, 8, 0, 0);
    send_pointer(fd, 16, 0, 0); /* down */
    expect_events(&m, "(0,0,1,0) (0,0,0,0) (0,0,-1,0) ");
    close(fd);
    wire_machine_destroy(&m);
}

static void test_relative_pointer(void)
{
    const int32_t pointer_type = -257;
    struct wire_machine m;
    uint16_t geometry[4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    send_pointer(fd, 0, 10, 10); /* nothing to compare with */
    send_pointer(fd, 2, 13, 5);
    expect_events(&m, "(0,0,0,0) (3,-5,0,4) ");
    wire_set_encodings(fd, &pointer_type, 1);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -257);
    g_assert_cmpuint(geometry[0], ==, 0);         /* relative */
    send_pointer(fd, 0, 0x7FFF + 20, 0x7FFF - 1); /* now differences */
    expect_events(&m, "(20,-1,0,0) ");
    close(fd);
    wire_machine_destroy(&m);
}

/* ---- pseudo rectangles ---- */

static void test_leds(void)
{
    const int32_t leds = -261;
    struct wire_machine m;
    uint16_t geometry[4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    wire_set_encodings(fd, &leds, 1);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -261);
    wire_expect(fd, "\0", 1);
    input_set_leds(m.input, LED_NUM_LOCK);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -261);
    wire_expect(fd, "\2", 1);
    input_set_leds(m.input, LED_SCROLL_LOCK | LED_CAPS_LOCK);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -261);
    wire_expect(fd, "\5", 1);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_cursor(void)
{
    const int32_t cursor = -239;
    const uint32_t pixels[4] = { 0xFF102030, 0x00FFFFFF, 0x80405060, 0x7F000000 };
    const struct console_cursor arrow = { 2, 2, 1, 0, pixels };
    struct wire_machine m;
    uint16_t geometry[4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    wire_set_encodings(fd, &cursor, 1);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -239);
    g_assert_cmpuint(geometry[2], ==, 0); /* there is none yet */
    console_define_cursor(m.con, &arrow);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -239);
    g_assert_cmpuint(geometry[0], ==, 1); /* the hot spot */
    g_assert_cmpuint(geometry[2], ==, 2);
    wire_expect(fd, "\x30\x20\x10\0\xFF\xFF\xFF\0\x60\x50\x40\0\0\0\0\0", 16);
    wire_expect(fd, "\x80\x80", 2); /* the left pixel of each row is shown */
    close(fd);
    wire_machine_destroy(&m);
}

static void test_fence_and_continuous_updates(void)
{
    const int32_t both[2] = { -312, -313 };
    struct wire_machine m;
    uint16_t geometry[4];
    uint8_t pixels[32 * 16 * 4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    wire_set_encodings(fd, both, 2);
    wire_expect(fd, "\xF8\0\0\0\x80\0\0\0\0\x96", 10); /* a fence, end of continuous updates */
    wire_send(fd, "\xF8\0\0\0\x80\0\0\xFF\3abc", 12);
    wire_expect(fd, "\xF8\0\0\0\0\0\0\7\3abc", 12); /* what we know of the flags */

    wire_send(fd, "\x96\1\0\0\0\0\0\x20\0\x10", 10); /* 32x16, from now on without requests */
    for (unsigned i = 0; i < 3; i++) {
        m.pixels[0] = i + 1;
        m.pixels[40] = i + 1; /* outside */
        console_damage(m.con, 0, 0, 64, 32);
        g_assert_cmpint(first_rect(fd, 1, geometry), ==, 0);
        g_assert_cmpuint(geometry[2], ==, 32);
        g_assert_cmpuint(geometry[3], ==, 16);
        g_assert_cmpuint(wire_receive(fd, pixels, sizeof(pixels)), ==, sizeof(pixels));
        g_assert_cmpuint(pixels[0], ==, i + 1);
    }
    wire_send(fd, "\x96\0\0\0\0\0\0\0\0\0", 10);
    wire_expect(fd, "\x96", 1);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_desktop_size(void)
{
    const int32_t ext_size = -308;
    uint8_t set[24] = { 251, 0, 0x05, 0x00, 0x04, 0x00, 1 }, screens[20];
    struct wire_machine m;
    uint16_t geometry[4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    wire_set_encodings(fd, &ext_size, 1);
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -308);
    g_assert_cmpuint(geometry[0], ==, 0); /* the server says how it is */
    g_assert_cmpuint(wire_receive(fd, screens, sizeof(screens)), ==, sizeof(screens));
    wire_send(fd, set, sizeof(set)); /* 1280x1024; this display cannot be told */
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -308);
    g_assert_cmpuint(geometry[0], ==, 1); /* because of this client */
    g_assert_cmpuint(geometry[1], ==, 1); /* prohibited */
    g_assert_cmpuint(geometry[2], ==, 64);
    g_assert_cmpuint(wire_receive(fd, screens, sizeof(screens)), ==, sizeof(screens));
    g_assert_cmpuint(screens[0], ==, 1);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_name(void)
{
    const int32_t name = -307;
    struct wire_machine m;
    uint16_t geometry[4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_set_encodings(fd, &name, 1);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    vnc_set_name(m.server, "guest (paused)");
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, -307);
    wire_expect(fd, "\0\0\0\x0Eguest (paused)", 18);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_colour_map(void)
{
    uint8_t format[20] = { 0, 0, 0, 0, 8, 8, 0, 0 }, map[6 + 256 * 6];
    struct wire_machine m;
    uint16_t geometry[4];
    uint8_t pixels[64 * 32];

    wire_machine_create(&m, "", NULL, false);
    m.pixels[0] = 0xFF0000;
    int fd = wire_open(&m);
    wire_send(fd, format, sizeof(format));
    g_assert_cmpuint(wire_receive(fd, map, sizeof(map)), ==, sizeof(map));
    wire_send(fd, request_all, sizeof(request_all));
    g_assert_cmpint(first_rect(fd, 1, geometry), ==, 0);
    g_assert_cmpuint(wire_receive(fd, pixels, sizeof(pixels)), ==, sizeof(pixels));
    g_assert_cmpuint(get_be16(map + 6 + (size_t)pixels[0] * 6), ==, 0xFFFF); /* red */
    g_assert_cmpuint(get_be16(map + 6 + (size_t)pixels[0] * 6 + 2), ==, 0);
    close(fd);
    wire_machine_destroy(&m);
}

/* ---- manners ---- */

static void test_exclusive(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    int shared = wire_open(&m);
    int fd = wire_connect(&m);
    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.008\n\x01", 13);
    wire_expect(fd, "\1\1\0\0\0\0", 6);
    wire_send(fd, "\0", 1); /* not shared */
    wire_expect(fd, "\0\x40", 2);
    wire_expect_close(shared);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_cut_text(void)
{
    struct wire_machine m;
    uint8_t header[8] = { 6 }, text[4096] = { 0 };

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    put_be32(header + 4, 1024 * 1024);
    wire_send(fd, header, sizeof(header));
    for (unsigned i = 0; i < 256; i++)
        wire_send(fd, text, sizeof(text));
    put_be32(header + 4, (uint32_t)-16); /* the extended form */
    wire_send(fd, header, sizeof(header));
    wire_send(fd, text, 16);
    send_ext_key(fd, 'a', 0x1E, true); /* it was all skipped, and nothing else */
    expect_events(&m, "+30 ");
    put_be32(header + 4, 1024 * 1024 + 1);
    wire_send(fd, header, sizeof(header));
    wire_expect_close(fd);
    wire_machine_destroy(&m);
}

static void test_impossible_messages(void)
{
    static const struct {
        uint8_t bytes[24];
        size_t n;
    } wrong[] = {
        { { 77 }, 1 },
        { { 0, 0, 0, 0, 24, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0 }, 20 }, /* 24 bits */
        { { 0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 16, 5, 0 }, 20 },    /* shift 16 */
        { { 0, 0, 0, 0, 32, 24, 0, 0 }, 20 },                                   /* mapped 32 */
        { { 2, 0, 0xFF, 0xFF }, 4 },
        { { 248, 0, 0, 0, 0x80, 0, 0, 0, 65 }, 9 },
        { { 255, 9, 0, 0 }, 4 },
    };
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        int fd = wire_open(&m);

        wire_send(fd, wrong[i].bytes, wrong[i].n);
        wire_expect_close(fd);
    }
    wire_machine_destroy(&m);
}

/* Fences that nobody reads the answers of: the server stops listening, and goes on later. */
static void test_flood_of_fences(void)
{
    uint8_t fence[9 + 64] = { 248, 0, 0, 0, 0x80, 0, 0, 0, 64 }, answer[9 + 64];
    struct wire_machine m;
    unsigned sent = 0;

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    for (unsigned stuck = 0; stuck < 100; sent++) {
        fence[9] = (uint8_t)sent;
        while (send(fd, fence, sizeof(fence), MSG_NOSIGNAL) < 0 && stuck < 100) {
            wire_settle();
            stuck++;
        }
        g_assert_cmpuint(sent, <, 100000);
    }
    for (unsigned i = 0; i + 1 < sent; i++) { /* the last one was not accepted */
        g_assert_cmpuint(wire_receive(fd, answer, sizeof(answer)), ==, sizeof(answer));
        g_assert_cmpuint(answer[9], ==, (uint8_t)i);
    }
    close(fd);
    wire_machine_destroy(&m);
}

/* Requests for a thousand single pixels: fewer rectangles, of more than was asked for. */
static void test_scattered_requests(void)
{
    struct wire_machine m;
    uint8_t request[10] = { 3, 0, 0, 0, 0, 0, 0, 1, 0, 1 }, header[4];

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_open(&m);
    wire_send(fd, request_all, sizeof(request_all));
    read_screen(fd);
    g_autoptr(GByteArray) all = g_byte_array_new();
    for (unsigned i = 0; i < 1024; i++) { /* every other pixel, like a chess board */
        request[3] = (uint8_t)(i % 32 * 2 + i / 32 % 2);
        request[5] = (uint8_t)(i / 32);
        g_byte_array_append(all, request, sizeof(request));
    }
    wire_send(fd, all->data, all->len);
    g_assert_cmpuint(wire_receive(fd, header, sizeof(header)), ==, sizeof(header));
    g_assert_cmpuint(get_be16(header + 2), >=, 1);
    g_assert_cmpuint(get_be16(header + 2), <=, 512);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_200_stalled_connections(void)
{
    struct wire_machine m;
    struct vnc_info info;
    int fds[200];

    wire_machine_create(&m, "", NULL, false);
    int viewer = wire_open(&m);
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = wire_connect(&m);
        if (i % 3 == 0)
            wire_send(fds[i], "RFB 003.", 8);
        if (i % 7 == 0)
            shutdown(fds[i], SHUT_WR);
    }
    wire_settle();
    wire_send(viewer, request_all, sizeof(request_all)); /* who was there is not disturbed */
    read_screen(viewer);
    vnc_query(m.server, &info);
    g_assert_cmpuint(info.clients->len, ==, 1);
    vnc_info_clear(&info);
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
        close(fds[i]);
    close(viewer);
    wire_machine_destroy(&m);
}

/* No descriptor is free for a viewer: it waits, and the machine goes on meanwhile. */
static void test_no_descriptor(void)
{
    g_autofree char *dir = g_dir_make_tmp("vnc-full-XXXXXX", NULL);
    g_autofree char *option = g_strdup_printf("unix:%s/vnc", dir);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct rlimit before, limit;
    struct vnc_config config;
    struct wire_machine m;
    unsigned rounds = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    wire_machine_create(&m, "", NULL, false);
    g_assert_cmpint(vnc_config_parse(option, &config, NULL), ==, 0);
    struct vnc_server *server = vnc_server_create(&config, m.con, NULL, NULL);
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/vnc", dir);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    int next = dup(STDERR_FILENO); /* the lowest that is free */
    close(next);
    limit = (struct rlimit){ (rlim_t)next, before.rlim_max };
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    while (rounds < 1000 && g_main_context_iteration(NULL, FALSE))
        rounds++;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_cmpuint(rounds, <, 1000);
    wire_expect(fd, "RFB 003.008\n", 12);
    close(fd);
    vnc_server_destroy(server);
    vnc_config_clear(&config);
    wire_machine_destroy(&m);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vnc/client/extended-keys", test_extended_keys);
    g_test_add_func("/vnc/client/us-keys", test_us_keys);
    g_test_add_func("/vnc/client/layouts", test_layouts);
    g_test_add_func("/vnc/client/lock-keys", test_lock_keys);
    g_test_add_func("/vnc/client/absolute-pointer", test_absolute_pointer);
    g_test_add_func("/vnc/client/relative-pointer", test_relative_pointer);
    g_test_add_func("/vnc/client/leds", test_leds);
    g_test_add_func("/vnc/client/cursor", test_cursor);
    g_test_add_func("/vnc/client/fence-and-continuous", test_fence_and_continuous_updates);
    g_test_add_func("/vnc/client/desktop-size", test_desktop_size);
    g_test_add_func("/vnc/client/name", test_name);
    g_test_add_func("/vnc/client/colour-map", test_colour_map);
    g_test_add_func("/vnc/client/exclusive", test_exclusive);
    g_test_add_func("/vnc/client/cut-text", test_cut_text);
    g_test_add_func("/vnc/client/impossible-messages", test_impossible_messages);
    g_test_add_func("/vnc/client/flood-of-fences", test_flood_of_fences);
    g_test_add_func("/vnc/client/scattered-requests", test_scattered_requests);
    g_test_add_func("/vnc/client/200-stalled-connections", test_200_stalled_connections);
    g_test_add_func("/vnc/client/no-descriptor", test_no_descriptor);
    return g_test_run();
}
