/*
 * What the encodings cost: CPU time and bytes of a full redraw of a desktop at 1920x1080, and of a
 * text screen that scrolls by a line.
 *
 *     meson compile -C build bench-vnc-encode && build/tests/bench/bench-vnc-encode
 *
 * The numbers are of the encoders alone, with libraries as installed; a line for each encoding and
 * compression level.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ui/vnc/encode.h"

#define WIDTH  1920
#define HEIGHT 1080
#define ROUNDS 10

static uint32_t pixels[WIDTH * HEIGHT];

/* ---- pictures ---- */

static bool glyph_bit(unsigned glyph, unsigned x, unsigned y)
{
    return glyph % 6 != 0 && y >= 3 && y < 13 && x < 7 &&
           ((glyph * 2654435761u) >> (y % 12 + 8) & 1u << x % 8) != 0;
}

static uint32_t text_pixel(unsigned x, unsigned y, unsigned line)
{
    unsigned row = y / 16 + line, column = x / 8;

    if (column >= row * 7919 % (WIDTH / 8))
        return 0;
    return glyph_bit((row * 31 + column * 17) % 95, x % 8, y % 16) ? 0xAAAAAA : 0;
}

static void draw_text(unsigned line)
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++)
            pixels[y * WIDTH + x] = text_pixel(x, y, line);
    }
}

/* A gradient, a photograph (noise with a slope) and two windows with text. */
static uint32_t desktop_pixel(unsigned x, unsigned y, unsigned line)
{
    if (x >= 100 && x < 1000 && y >= 80 && y < 700)
        return y < 110 ? 0x3050A0 : text_pixel(x, y, line) != 0 ? 0x202020 : 0xFFFFFF;
    if (x >= 1100 && x < 1700 && y >= 200 && y < 600) {
        unsigned noise = ((x * 73856093u) ^ (y * 19349663u) ^ line * 83492791u) >> 9 & 15;

        return (x / 8 + noise) << 16 | (y / 6 + noise) << 8 | ((x + y) / 16 + noise);
    }
    if (y >= HEIGHT - 40)
        return 0xC0C0C0;
    return 0x203040 + y * 64 / HEIGHT * 0x010101;
}

static void draw_desktop(unsigned line)
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++)
            pixels[y * WIDTH + x] = desktop_pixel(x, y, line);
    }
}

/* ---- measuring ---- */

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct cost {
    double compare_ms, encode_ms, bytes;
};

/* One picture after the other, all of it damaged, as a client sees them. */
static struct cost measure(const struct vnc_settings *settings, void (*draw)(unsigned line))
{
    struct vnc_encoder *enc = vnc_encoder_create();
    struct vnc_shadow *shadow = vnc_shadow_create(WIDTH, HEIGHT);
    struct vnc_scratch *scratch = g_new(struct vnc_scratch, 1);
    g_autoptr(GByteArray) out = g_byte_array_new();
    pixman_image_t *surface = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8, WIDTH, HEIGHT,
                                                                pixels, WIDTH * 4);
    struct cost cost = { 0 };

    vnc_encoder_set(enc, settings);
    for (unsigned round = 0; round < ROUNDS; round++) {
        g_autoptr(GArray) boxes = g_array_new(FALSE, FALSE, sizeof(pixman_box32_t));
        pixman_region32_t all, changed;

        draw(round);
        pixman_region32_init_rect(&all, 0, 0, WIDTH, HEIGHT);
        pixman_region32_init(&changed);
        double start = cpu_ms();
        vnc_shadow_update(shadow, surface, &all, &changed);
        double middle = cpu_ms();
        vnc_split_region(&changed, boxes);
        for (guint i = 0; i < boxes->len; i++) {
            vnc_encode_rect(enc, scratch, shadow, &g_array_index(boxes, pixman_box32_t, i), out);
            cost.bytes += out->len;
            g_byte_array_set_size(out, 0);
        }
        cost.encode_ms += cpu_ms() - middle;
        cost.compare_ms += middle - start;
        pixman_region32_fini(&all);
        pixman_region32_fini(&changed);
    }
    vnc_encoder_destroy(enc);
    vnc_shadow_unref(shadow);
    pixman_image_unref(surface);
    g_free(scratch);
    return cost;
}

static void report(const char *picture, void (*draw)(unsigned line))
{
    static const struct {
        const char *name;
        int32_t encoding;
        int level, quality;
    } cases[] = {
        { "raw", VNC_ENCODING_RAW, 0, -1 },
        { "hextile", VNC_ENCODING_HEXTILE, 0, -1 },
        { "zlib 1", VNC_ENCODING_ZLIB, 1, -1 },
        { "zlib 6", VNC_ENCODING_ZLIB, 6, -1 },
        { "zrle 1", VNC_ENCODING_ZRLE, 1, -1 },
        { "zrle 6", VNC_ENCODING_ZRLE, 6, -1 },
        { "tight 1", VNC_ENCODING_TIGHT, 1, -1 },
        { "tight 2", VNC_ENCODING_TIGHT, 2, -1 },
        { "tight 6", VNC_ENCODING_TIGHT, 6, -1 },
        { "tight 9", VNC_ENCODING_TIGHT, 9, -1 },
        { "tight 2 jpeg 6", VNC_ENCODING_TIGHT, 2, 6 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct vnc_settings settings = { vnc_native_format, cases[i].encoding, cases[i].level,
                                         cases[i].quality };
        struct cost cost = measure(&settings, draw);

        printf("%-8s %-15s compare %6.2f ms  encode %8.2f ms  %10.0f bytes\n", picture,
               cases[i].name, cost.compare_ms / ROUNDS, cost.encode_ms / ROUNDS,
               cost.bytes / ROUNDS);
    }
}

int main(void)
{
    report("desktop", draw_desktop);
    report("text", draw_text);
    return 0;
}
