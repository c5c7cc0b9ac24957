/*
 * A machine that is nothing but a screen, for looking at it with real viewers:
 *
 *     ui-demo [-vnc ARG] [-sdl] [-password WORD] [-tls anon|DIR] [-picture NAME] [-size WxH]
 *             [-absolute] [-screenshot FILE.png] [-seconds N]
 *
 * Pictures: bars (still), text (scrolls), noise (all of it changes all the time), or the path of a
 * file of raw 32-bit pixels. Keys and pointer
 * events are written to stdout, the last key is shown as a coloured square.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "ui/screenshot.h"
#include "ui/vnc/vnc.h"
#ifdef HAVE_SDL
#include "ui/sdl_window.h"
#endif

#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 16

struct demo {
    struct input *input;
    struct console *con;
    struct input_sink *keyboard, *pointer;
    struct vnc_server *vnc;
#ifdef HAVE_SDL
    struct sdl *sdl;
#endif
    const char *picture;
    unsigned width, height, line, mark;
    uint32_t *pixels;
};

static char *vnc_arg, *password, *tls, *picture, *size, *screenshot;
static gboolean want_sdl, absolute;
static int seconds;

/* ---- pictures ---- */

static void draw_bars(struct demo *d)
{
    static const uint32_t bars[8] = { 0xFFFFFF, 0xFFFF00, 0x00FFFF, 0x00FF00,
                                      0xFF00FF, 0xFF0000, 0x0000FF, 0x000000 };

    for (unsigned y = 0; y < d->height; y++) {
        for (unsigned x = 0; x < d->width; x++)
            d->pixels[y * d->width + x] = y < d->height * 3 / 4 ? bars[x * 8 / d->width]
                                                                : 0x10101 * (x * 255 / d->width);
    }
}

/* A line of what looks like text: a stable pattern for each line number and column. */
static void draw_text_line(struct demo *d, unsigned row, unsigned line)
{
    unsigned columns = MAX(d->width / GLYPH_WIDTH, 1), length = line * 7919 % columns;

    for (unsigned y = 0; y < GLYPH_HEIGHT; y++) {
        uint32_t *to = d->pixels + (size_t)(row * GLYPH_HEIGHT + y) * d->width;

        for (unsigned x = 0; x < d->width; x++) {
            unsigned column = x / GLYPH_WIDTH, glyph = (line * 31 + column * 17) % 95;
            unsigned bits = (glyph * 2654435761u) >> (y % 12 + 8);

            to[x] = column < length && glyph % 6 != 0 && y >= 3 && y < 13 &&
                            (bits >> x % GLYPH_WIDTH & 1)
                        ? 0xAAAAAA
                        : 0;
        }
    }
}

static void scroll_text(struct demo *d)
{
    unsigned rows = d->height / GLYPH_HEIGHT;

    memmove(d->pixels, d->pixels + (size_t)GLYPH_HEIGHT * d->width,
            (size_t)(rows - 1) * GLYPH_HEIGHT * d->width * 4);
    draw_text_line(d, rows - 1, d->line++);
}

static void draw_noise(struct demo *d)
{
    uint32_t v = d->line++ * 747796405u + 1;

    for (size_t i = 0; i < (size_t)d->width * d->height; i++) {
        v = v * 1664525u + 1013904223u;
        d->pixels[i] = v >> 8;
    }
}

static void load_picture(struct demo *d)
{
    g_autofree char *data = NULL;
    gsize n = 0;

    if (!g_file_get_contents(d->picture, &data, &n, NULL))
        g_error("cannot read %s", d->picture);
    memcpy(d->pixels, data, MIN(n, (size_t)d->width * d->height * sizeof(*d->pixels)));
}

static void draw_mark(struct demo *d)
{
    for (unsigned y = 8; y < 40 && y < d->height; y++) {
        for (unsigned x = 8; x < 40 && x < d->width; x++)
            d->pixels[y * d->width + x] = d->mark * 0x9E3779u & 0xFFFFFF;
    }
}

static gboolean animate(gpointer opaque)
{
    struct demo *d = opaque;

    if (strcmp(d->picture, "text") == 0)
        scroll_text(d);
    else if (strcmp(d->picture, "noise") == 0)
        draw_noise(d);
    console_damage(d->con, 0, 0, (int)d->width, (int)d->height);
    return G_SOURCE_CONTINUE;
}

/* ---- input ---- */

static void on_key(void *opaque, unsigned code, bool down)
{
    struct demo *d = opaque;

    printf("key %u %s\n", code, down ? "down" : "up");
    fflush(stdout);
    d->mark = code;
    draw_mark(d);
    console_damage(d->con, 8, 8, 32, 32);
}

static void on_pointer(void *opaque, const struct pointer_event *event)
{
    printf("pointer %d %d wheel %d buttons %u\n", event->x, event->y, event->wheel, event->buttons);
    fflush(stdout);
}

static const struct input_sink_ops keyboard_ops = { "keyboard", INPUT_KEYBOARD, on_key, NULL };
static const struct input_sink_ops mouse_ops = { "mouse", INPUT_RELATIVE, NULL, on_pointer };
static const struct input_sink_ops tablet_ops = { "tablet", INPUT_ABSOLUTE, NULL, on_pointer };

/* ---- life ---- */

static const GOptionEntry entries[] = {
    { "vnc", 0, 0, G_OPTION_ARG_STRING, &vnc_arg, "as of -vnc", "ARG" },
    { "sdl", 0, 0, G_OPTION_ARG_NONE, &want_sdl, "open a window", NULL },
    { "password", 0, 0, G_OPTION_ARG_STRING, &password, "of VNC", "WORD" },
    { "tls", 0, 0, G_OPTION_ARG_STRING, &tls, "anon, or the directory of certificates", "WHAT" },
    { "picture", 0, 0, G_OPTION_ARG_STRING, &picture, "bars, text or noise", "NAME" },
    { "size", 0, 0, G_OPTION_ARG_STRING, &size, "of the screen", "WxH" },
    { "absolute", 0, 0, G_OPTION_ARG_NONE, &absolute, "a tablet, not a mouse", NULL },
    { "screenshot", 0, 0, G_OPTION_ARG_STRING, &screenshot, "at the end", "FILE" },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "to run", "N" },
    { NULL },
};

static gboolean on_time(gpointer unused)
{
    loop_quit();
    return G_SOURCE_REMOVE;
}

static void on_window_close(void *unused)
{
    loop_quit();
}

static int start_vnc(struct demo *d, GError **err)
{
    struct vnc_tls_creds *creds = NULL;
    struct vnc_config config;

    if (tls != NULL)
        creds = strcmp(tls, "anon") == 0 ? vnc_tls_creds_anon(err)
                                         : vnc_tls_creds_x509(tls, false, true, err);
    if (vnc_config_parse(vnc_arg, &config, err) < 0)
        return -1;
    d->vnc = vnc_server_create(&config, d->con, creds, err);
    if (d->vnc != NULL && password != NULL && vnc_set_password(d->vnc, password, err) < 0)
        return -1;
    vnc_config_clear(&config);
    return d->vnc != NULL ? 0 : -1;
}

static int start_viewers(struct demo *d, GError **err)
{
    if (vnc_arg != NULL && start_vnc(d, err) < 0)
        return -1;
#ifdef HAVE_SDL
    const struct sdl_options options = { .close = on_window_close };
    if (want_sdl) {
        d->sdl = sdl_create(d->con, "demo", &options, err);
        return d->sdl != NULL ? 0 : -1;
    }
#else
    (void)on_window_close;
#endif
    return 0;
}

static void create_screen(struct demo *d)
{
    d->input = input_create();
    d->con = console_create("demo", d->input);
    d->keyboard = input_sink_add(d->input, &keyboard_ops, d);
    d->pointer = input_sink_add(d->input, absolute ? &tablet_ops : &mouse_ops, d);
    d->pixels = g_new0(uint32_t, (size_t)d->width * d->height);
    console_set_surface_memory(d->con, PIXMAN_x8r8g8b8, d->width, d->height, d->pixels,
                               d->width * 4);
    if (strcmp(d->picture, "bars") == 0)
        draw_bars(d);
    else if (strchr(d->picture, '/') != NULL)
        load_picture(d);
    else
        g_timeout_add(50, animate, d);
    for (unsigned row = 0; strcmp(d->picture, "text") == 0 && row < d->height / GLYPH_HEIGHT; row++)
        draw_text_line(d, row, d->line++);
}

static void parse_size(struct demo *d)
{
    char *end;

    d->width = (unsigned)CLAMP(strtoul(size, &end, 10), 64, 8192);
    d->height = (unsigned)CLAMP(strtoul(*end == 'x' ? end + 1 : end, NULL, 10), 64, 8192);
}

int main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    struct demo d = { .width = 1024, .height = 768, .picture = "bars" };
    GError *err = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &err))
        g_error("%s", err->message);
    if (size != NULL)
        parse_size(&d);
    if (picture != NULL)
        d.picture = picture;
    loop_init();
    create_screen(&d);
    if (start_viewers(&d, &err) < 0)
        g_error("%s", err->message);
    if (seconds > 0)
        g_timeout_add_seconds((guint)seconds, on_time, NULL);
    loop_run();
    if (screenshot != NULL && screenshot_save(d.con, SCREENSHOT_PNG, screenshot, &err) < 0)
        g_error("%s", err->message);
    return 0;
}
