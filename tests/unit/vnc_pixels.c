/*
 * Every encoding in every pixel format, decoded by a viewer that we did not write, is the picture
 * that the console shows.
 */
#include "ui/vnc/vnc.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "vnc_viewer.h"

#define WIDTH  1237 /* more than a column of split rectangles, and no multiple of any tile */
#define HEIGHT 203

struct screen {
    struct input *input;
    struct console *con;
    struct vnc_server *server;
    char *directory, *socket;
    uint32_t *pixels;
};

static void screen_setup(struct screen *s)
{
    struct vnc_config config;
    g_autofree char *arg = NULL;
    GError *err = NULL;

    s->directory = g_dir_make_tmp("vnc-XXXXXX", NULL);
    s->socket = g_build_filename(s->directory, "vnc", NULL);
    s->input = input_create();
    s->con = console_create("test", s->input);
    s->pixels = g_new0(uint32_t, WIDTH * HEIGHT);
    console_set_surface_memory(s->con, PIXMAN_x8r8g8b8, WIDTH, HEIGHT, s->pixels, WIDTH * 4);
    arg = g_strdup_printf("unix:%s", s->socket);
    g_assert_cmpint(vnc_config_parse(arg, &config, NULL), ==, 0);
    s->server = vnc_server_create(&config, s->con, NULL, &err);
    g_assert_no_error(err);
    vnc_config_clear(&config);
}

static void screen_teardown(struct screen *s)
{
    vnc_server_destroy(s->server);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    console_destroy(s->con);
    input_destroy(s->input);
    g_rmdir(s->directory);
    g_free(s->directory);
    g_free(s->socket);
    g_free(s->pixels);
}

/* ---- pictures ---- */

static uint32_t solid(unsigned x, unsigned y)
{
    return 0x336699;
}

static uint32_t text(unsigned x, unsigned y)
{
    return (x * 7 + y * 13) % 11 < 3 && y % 16 < 12 ? 0xAAAAAA : 0x0000AA;
}

static uint32_t few_colours(unsigned x, unsigned y)
{
    return 0x102030 * ((x / 5 + y / 3) % 13);
}

static uint32_t many_colours(unsigned x, unsigned y)
{
    return (x / 2 % 16) * 0x0F0000 + (y / 2 % 15) * 0x1100 + 7;
}

static uint32_t gradient(unsigned x, unsigned y)
{
    return (x * 255 / WIDTH) << 16 | (y * 255 / HEIGHT) << 8 | ((x + y) & 0xFF);
}

static uint32_t noise(unsigned x, unsigned y)
{
    uint32_t v = x * 2654435761u ^ y * 2246822519u;

    v ^= v >> 15;
    return (v * 3266489917u) >> 8;
}

static uint32_t patches(unsigned x, unsigned y)
{
    return x / 16 % 3 == 0 ? noise(x, y) : x / 16 % 3 == 1 ? 0xFFFFFF : text(x, y);
}

static uint32_t (*const pictures[])(unsigned x, unsigned y) = {
    solid, text, few_colours, many_colours, gradient, noise, patches,
};

static void draw(struct screen *s, uint32_t (*picture)(unsigned x, unsigned y))
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++)
            s->pixels[y * WIDTH + x] = picture(x, y) | 0xFF000000u; /* the x byte is not shown */
    }
    console_damage(s->con, 0, 0, WIDTH, HEIGHT);
}

/* ---- comparison ---- */

static uint32_t viewer_pixel(const rfbClient *client, size_t at)
{
    unsigned bytes = client->format.bitsPerPixel / 8;
    const uint8_t *p = client->frameBuffer + at * bytes;
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)p[i] << 8 * (client->format.bigEndian ? bytes - 1 - i : i);
    return value;
}

/* Whether a level of 0..max is the one nearest to a level of 0..255, or off by as much. */
static bool is_near(unsigned level, unsigned max, unsigned of_255, unsigned tolerance)
{
    int error = (int)(level * 255) - (int)(of_255 * max);

    return (unsigned)abs(error) * 2 <= 255 + tolerance * max * 2;
}

struct expectation {
    const uint32_t *pixels;
    unsigned tolerance; /* of 255, for JPEG */
};

static bool same_picture(const rfbClient *client, void *opaque)
{
    const struct expectation *e = opaque;
    const rfbPixelFormat *f = &client->format;

    if (client->width != WIDTH || client->height != HEIGHT)
        return false;
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        uint32_t p = viewer_pixel(client, i);

        if (!is_near(p >> f->redShift & f->redMax, f->redMax, e->pixels[i] >> 16 & 0xFF,
                     e->tolerance) ||
            !is_near(p >> f->greenShift & f->greenMax, f->greenMax, e->pixels[i] >> 8 & 0xFF,
                     e->tolerance) ||
            !is_near(p >> f->blueShift & f->blueMax, f->blueMax, e->pixels[i] & 0xFF, e->tolerance))
            return false;
    }
    return true;
}

/* Runs the main loop until the viewer shows the picture; a minute is for a machine that is busy. */
static void wait_for_picture(struct screen *s, struct viewer *viewer, unsigned tolerance)
{
    struct expectation e = { s->pixels, tolerance };
    int64_t end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (g_get_monotonic_time() < end) {
        if (viewer_look(viewer, same_picture, &e))
            return;
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(200);
    }
    g_assert_not_reached();
}

static void show_all_pictures(const struct viewer_options *options)
{
    struct screen s;
    struct viewer_options o = *options;

    screen_setup(&s);
    o.socket = s.socket;
    struct viewer *viewer = viewer_open(&o);
    g_assert_cmpint(viewer_wait_connected(viewer), ==, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(pictures); i++) {
        draw(&s, pictures[i]);
        wait_for_picture(&s, viewer, 0);
    }
    /* One pixel in a corner, and nothing else. */
    s.pixels[WIDTH * HEIGHT - 1] ^= 0xFFFFFF;
    console_damage(s.con, WIDTH - 1, HEIGHT - 1, 1, 1);
    wait_for_picture(&s, viewer, 0);
    viewer_close(viewer);
    screen_teardown(&s);
}

static void test_encoding(gconstpointer encoding)
{
    struct viewer_options o = { .encodings = encoding, .compression = 1, .quality = 9 };

    o.samples_bits = 8;
    o.bytes = 4;
    show_all_pictures(&o);
    o.samples_bits = 5;
    o.bytes = 2;
    show_all_pictures(&o);
    o.samples_bits = 2;
    o.bytes = 1;
    show_all_pictures(&o);
    /* libvncclient decodes compact pixels in its own byte order only. */
    if (strcmp(encoding, "zrle") == 0 || strcmp(encoding, "tight") == 0)
        return;
    o.big_endian = true;
    o.samples_bits = 5;
    o.bytes = 2;
    show_all_pictures(&o);
    o.samples_bits = 8;
    o.bytes = 4;
    show_all_pictures(&o);
}

static void test_compression_levels(void)
{
    struct viewer_options o = { .encodings = "tight", .samples_bits = 8, .bytes = 4 };

    for (o.compression = 0; o.compression <= 9; o.compression += 3)
        show_all_pictures(&o);
}

static void test_jpeg(void)
{
    struct viewer_options o = { .encodings = "tight", .compression = 1, .jpeg = true };
    struct screen s;

    o.quality = 9;
    o.samples_bits = 8;
    o.bytes = 4;
    screen_setup(&s);
    o.socket = s.socket;
    struct viewer *viewer = viewer_open(&o);
    g_assert_cmpint(viewer_wait_connected(viewer), ==, 1);
    draw(&s, gradient);
    wait_for_picture(&s, viewer, 24);
    draw(&s, text); /* few colours stay exact */
    wait_for_picture(&s, viewer, 0);
    viewer_close(viewer);
    screen_teardown(&s);
}

/* Surfaces that are not 32 bits deep: what a guest's 15- and 16-bit modes show without a copy. */
static void test_16_bit_surface(void)
{
    static uint16_t vram[WIDTH * HEIGHT + HEIGHT];
    struct viewer_options o = { .encodings = "zrle", .samples_bits = 8, .bytes = 4 };
    struct screen s;

    screen_setup(&s);
    o.socket = s.socket;
    console_set_surface_memory(s.con, PIXMAN_r5g6b5, WIDTH, HEIGHT, vram, (WIDTH + 1) * 2);
    struct viewer *viewer = viewer_open(&o);
    g_assert_cmpint(viewer_wait_connected(viewer), ==, 1);
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++) {
            unsigned red = x % 32, green = y % 64, blue = (x + y) % 32;

            vram[y * (WIDTH + 1) + x] = (uint16_t)(red << 11 | green << 5 | blue);
            s.pixels[y * WIDTH + x] = (red * 255 / 31) << 16 | (green * 255 / 63) << 8 |
                                      (blue * 255 / 31);
        }
    }
    console_damage(s.con, 0, 0, WIDTH, HEIGHT);
    wait_for_picture(&s, viewer, 4);
    viewer_close(viewer);
    screen_teardown(&s);
}

/* ---- scrolling ---- */

static unsigned first_line;

static uint32_t lines_of_text(unsigned x, unsigned y)
{
    unsigned line = y / 16 + first_line;

    if (y >= 192) /* a status line that stays */
        return x * 0x10101;
    return x / 8 < line * 37 % 150 && noise(x, line * 16 + y % 16) & 1 ? 0xAAAAAA : 0;
}

static void test_scroll(gconstpointer encodings)
{
    struct viewer_options o = { .encodings = encodings, .samples_bits = 8, .bytes = 4 };
    struct screen s;

    screen_setup(&s);
    o.socket = s.socket;
    struct viewer *viewer = viewer_open(&o);
    g_assert_cmpint(viewer_wait_connected(viewer), ==, 1);
    for (unsigned i = 0; i < 20; i++) {
        first_line = i < 10 ? i : 30 - i * 2; /* up, then down by two lines */
        draw(&s, lines_of_text);
        if (i % 4 != 3) /* sometimes the next one comes before this was sent */
            wait_for_picture(&s, viewer, 0);
    }
    draw(&s, patches);
    wait_for_picture(&s, viewer, 0);
    if (g_str_has_prefix(encodings, "copyrect"))
        g_assert_cmpuint(viewer_copies(viewer), >=, 10);
    else
        g_assert_cmpuint(viewer_copies(viewer), ==, 0);
    viewer_close(viewer);
    screen_teardown(&s);
}

static bool is_small(const rfbClient *client, void *unused)
{
    return client->width == 320 && client->height == 200;
}

static void test_resize(void)
{
    static uint32_t small[320 * 200];
    struct viewer_options o = { .encodings = "tight", .samples_bits = 8, .bytes = 4 };
    struct screen s;

    screen_setup(&s);
    o.socket = s.socket;
    struct viewer *viewer = viewer_open(&o);
    g_assert_cmpint(viewer_wait_connected(viewer), ==, 1);
    draw(&s, gradient);
    wait_for_picture(&s, viewer, 0);
    console_set_surface_memory(s.con, PIXMAN_x8r8g8b8, 320, 200, small, 320 * 4);
    while (!viewer_look(viewer, is_small, NULL))
        g_main_context_iteration(NULL, FALSE);
    console_set_surface_memory(s.con, PIXMAN_x8r8g8b8, WIDTH, HEIGHT, s.pixels, WIDTH * 4);
    wait_for_picture(&s, viewer, 0);
    viewer_close(viewer);
    screen_teardown(&s);
}

static void test_several_viewers(void)
{
    struct viewer_options o = { .samples_bits = 8, .bytes = 4 };
    const char *const encodings[] = { "raw", "hextile", "zlib", "tight", "zrle" };
    struct viewer *viewers[G_N_ELEMENTS(encodings)];
    struct screen s;

    screen_setup(&s);
    o.socket = s.socket;
    for (unsigned i = 0; i < G_N_ELEMENTS(encodings); i++) {
        o.encodings = encodings[i];
        viewers[i] = viewer_open(&o);
        g_assert_cmpint(viewer_wait_connected(viewers[i]), ==, 1);
    }
    draw(&s, patches);
    for (unsigned i = 0; i < G_N_ELEMENTS(encodings); i++)
        wait_for_picture(&s, viewers[i], 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(encodings); i++) {
        viewer_close(viewers[i]);
        draw(&s, pictures[i]); /* the others go on */
        if (i + 1 < G_N_ELEMENTS(encodings))
            wait_for_picture(&s, viewers[i + 1], 0);
    }
    screen_teardown(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/vnc/pixels/raw", "raw", test_encoding);
    g_test_add_data_func("/vnc/pixels/hextile", "hextile", test_encoding);
    g_test_add_data_func("/vnc/pixels/zlib", "zlib", test_encoding);
    g_test_add_data_func("/vnc/pixels/zrle", "zrle", test_encoding);
    g_test_add_data_func("/vnc/pixels/tight", "tight", test_encoding);
    g_test_add_func("/vnc/pixels/compression-levels", test_compression_levels);
    g_test_add_func("/vnc/pixels/jpeg", test_jpeg);
    g_test_add_func("/vnc/pixels/16-bit-surface", test_16_bit_surface);
    g_test_add_data_func("/vnc/pixels/scroll-copied", "copyrect zrle", test_scroll);
    g_test_add_data_func("/vnc/pixels/scroll-sent", "zrle", test_scroll);
    g_test_add_func("/vnc/pixels/resize", test_resize);
    g_test_add_func("/vnc/pixels/several-viewers", test_several_viewers);
    return g_test_run();
}
