#include "ui/console.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define FASTEST_MS 16 /* 60 updates a second */

#define START_WIDTH  640
#define START_HEIGHT 480

struct console_viewer {
    struct console *con;
    const struct console_viewer_ops *ops;
    void *opaque;
    bool wants;
};

struct console {
    char *name;
    struct input *input;
    const struct console_source_ops *source;
    void *source_opaque;
    GPtrArray *viewers;

    pixman_image_t *surface;
    struct console_cursor cursor; /* pixels NULL: none */
    uint32_t *cursor_pixels;
    int cursor_x, cursor_y;
    bool cursor_visible;

    GSource *timer;      /* ready at the next update; never while nobody wants one */
    int64_t last_update; /* monotonic us */
    unsigned interval_ms, slowest_ms;
    bool woken;    /* something may have changed since the last update */
    bool stale;    /* the source may have lost track: the next update is a full one */
    bool updating; /* inside the source's update callback */
    bool damaged;  /* since the last update began */
};

#define NOTIFY(con, op, ...)                                                         \
    do {                                                                             \
        for (guint i_ = 0; i_ < (con)->viewers->len; i_++) {                         \
            const struct console_viewer *v_ = g_ptr_array_index((con)->viewers, i_); \
            if (v_->ops->op != NULL)                                                 \
                v_->ops->op(v_->opaque, ##__VA_ARGS__);                              \
        }                                                                            \
    } while (0)

/* ---- when to update ---- */

static bool anyone_wants(const struct console *con)
{
    for (guint i = 0; i < con->viewers->len; i++) {
        const struct console_viewer *viewer = g_ptr_array_index(con->viewers, i);

        if (viewer->wants)
            return true;
    }
    return false;
}

static void schedule(struct console *con)
{
    int64_t when = -1;

    if (anyone_wants(con)) {
        if (con->woken)
            when = con->last_update + FASTEST_MS * 1000;
        else if (con->slowest_ms > 0)
            when = con->last_update + (int64_t)con->interval_ms * 1000;
    }
    g_source_set_ready_time(con->timer, when);
}

static void back_off(struct console *con)
{
    if (con->damaged)
        con->interval_ms = FASTEST_MS;
    else
        con->interval_ms = MIN(con->interval_ms + con->interval_ms / 2, con->slowest_ms);
    con->interval_ms = MAX(con->interval_ms, FASTEST_MS);
}

static void update_source(struct console *con, bool full)
{
    if (con->source == NULL || con->source->update == NULL)
        return;
    con->updating = true;
    con->source->update(con->source_opaque, full);
    con->updating = false;
}

static gboolean update(gpointer opaque)
{
    struct console *con = opaque;
    bool full = con->stale;

    con->woken = false;
    con->stale = false;
    update_source(con, full);
    NOTIFY(con, frame);
    back_off(con);
    con->damaged = false;
    con->last_update = g_get_monotonic_time();
    schedule(con);
    return G_SOURCE_CONTINUE;
}

static gboolean dispatch_timer(GSource *source, GSourceFunc callback, gpointer opaque)
{
    return callback(opaque);
}

static GSourceFuncs timer_funcs = { .dispatch = dispatch_timer };

void console_set_poll(struct console *con, unsigned slowest_ms)
{
    con->slowest_ms = slowest_ms;
    con->interval_ms = FASTEST_MS;
    schedule(con);
}

void console_wake(struct console *con)
{
    if (con->woken)
        return;
    con->woken = true;
    schedule(con);
}

void console_update_now(struct console *con)
{
    update_source(con, con->stale);
    if (con->viewers->len > 0)
        con->stale = false; /* with nobody to watch, track is lost again at once */
}

/* ---- input ---- */

static void pointer_mode(void *opaque, bool absolute)
{
    struct console *con = opaque;

    NOTIFY(con, pointer_mode, absolute);
}

static void leds(void *opaque, unsigned state)
{
    struct console *con = opaque;

    NOTIFY(con, leds, state);
}

static void activity(void *opaque)
{
    struct console *con = opaque;

    if (con->slowest_ms > 0 && con->interval_ms > FASTEST_MS) {
        con->interval_ms = FASTEST_MS;
        schedule(con);
    }
}

static const struct input_listener_ops input_ops = { pointer_mode, leds, activity };

/* ---- life ---- */

static pixman_image_t *black_surface(void)
{
    return pixman_image_create_bits(PIXMAN_x8r8g8b8, START_WIDTH, START_HEIGHT, NULL, 0);
}

struct console *console_create(const char *name, struct input *input)
{
    struct console *con = g_new0(struct console, 1);

    con->name = g_strdup(name);
    con->input = input;
    con->viewers = g_ptr_array_new();
    con->surface = black_surface();
    con->interval_ms = FASTEST_MS;
    con->stale = true;
    con->timer = g_source_new(&timer_funcs, sizeof(GSource));
    g_source_set_callback(con->timer, update, con, NULL);
    g_source_attach(con->timer, NULL);
    input_listen(input, &input_ops, con);
    return con;
}

void console_destroy(struct console *con)
{
    input_unlisten(con->input, &input_ops, con);
    g_source_destroy(con->timer);
    g_source_unref(con->timer);
    pixman_image_unref(con->surface);
    g_free(con->cursor_pixels);
    g_ptr_array_free(con->viewers, TRUE);
    g_free(con->name);
    g_free(con);
}

void console_set_source(struct console *con, const struct console_source_ops *ops, void *opaque)
{
    con->source = ops;
    con->source_opaque = opaque;
    con->stale = true;
    if (con->viewers->len > 0 && ops != NULL && ops->watch != NULL)
        ops->watch(opaque, true);
    console_wake(con);
}

/* ---- the picture ---- */

void console_set_surface(struct console *con, pixman_image_t *image)
{
    unsigned old_width = console_width(con);
    unsigned old_height = console_height(con);

    pixman_image_ref(image);
    pixman_image_unref(con->surface);
    con->surface = image;
    if (console_width(con) != old_width || console_height(con) != old_height)
        NOTIFY(con, resize);
    console_damage(con, 0, 0, (int)console_width(con), (int)console_height(con));
}

int console_set_surface_memory(struct console *con, pixman_format_code_t format, unsigned width,
                               unsigned height, void *data, unsigned stride)
{
    if (width == 0 || width > CONSOLE_MAX_SIZE || height == 0 || height > CONSOLE_MAX_SIZE ||
        stride % 4 != 0 || (uint64_t)stride * 8 < (uint64_t)width * PIXMAN_FORMAT_BPP(format))
        return -EINVAL;
    pixman_image_t *image = pixman_image_create_bits_no_clear(format, (int)width, (int)height, data,
                                                              (int)stride);
    if (image == NULL)
        return -EINVAL;
    console_set_surface(con, image);
    pixman_image_unref(image);
    return 0;
}

void console_damage(struct console *con, int x, int y, int w, int h)
{
    int64_t left = MAX(x, 0), top = MAX(y, 0);
    int64_t right = MIN((int64_t)x + w, console_width(con));
    int64_t bottom = MIN((int64_t)y + h, console_height(con));

    if (left >= right || top >= bottom)
        return;
    con->damaged = true;
    NOTIFY(con, damage, (int)left, (int)top, (int)(right - left), (int)(bottom - top));
    if (!con->updating)
        console_wake(con); /* for the frame callback */
}

int console_define_cursor(struct console *con, const struct console_cursor *cursor)
{
    g_free(con->cursor_pixels);
    con->cursor_pixels = NULL;
    con->cursor = (struct console_cursor){ 0 };
    if (cursor != NULL) {
        if (cursor->width == 0 || cursor->width > CURSOR_MAX_SIZE || cursor->height == 0 ||
            cursor->height > CURSOR_MAX_SIZE || cursor->hot_x >= cursor->width ||
            cursor->hot_y >= cursor->height)
            return -EINVAL;
        con->cursor = *cursor;
        con->cursor_pixels = g_memdup2(cursor->pixels,
                                       (size_t)cursor->width * cursor->height * sizeof(uint32_t));
        con->cursor.pixels = con->cursor_pixels;
    }
    NOTIFY(con, cursor_define);
    return 0;
}

void console_move_cursor(struct console *con, int x, int y, bool visible)
{
    con->cursor_x = x;
    con->cursor_y = y;
    con->cursor_visible = visible;
    NOTIFY(con, cursor_move);
}

/* ---- viewers ---- */

struct console_viewer *console_attach(struct console *con, const struct console_viewer_ops *ops,
                                      void *opaque)
{
    struct console_viewer *viewer = g_new0(struct console_viewer, 1);

    viewer->con = con;
    viewer->ops = ops;
    viewer->opaque = opaque;
    g_ptr_array_add(con->viewers, viewer);
    if (con->viewers->len == 1 && con->source != NULL && con->source->watch != NULL)
        con->source->watch(con->source_opaque, true);
    console_wake(con);
    return viewer;
}

void console_detach(struct console_viewer *viewer)
{
    struct console *con = viewer->con;

    g_ptr_array_remove(con->viewers, viewer);
    g_free(viewer);
    if (con->viewers->len == 0) {
        con->stale = true;
        if (con->source != NULL && con->source->watch != NULL)
            con->source->watch(con->source_opaque, false);
    }
    schedule(con);
}

void console_viewer_want(struct console_viewer *viewer, bool want)
{
    if (viewer->wants == want)
        return;
    viewer->wants = want;
    schedule(viewer->con);
}

/* ---- questions ---- */

const char *console_name(const struct console *con)
{
    return con->name;
}

struct input *console_input(const struct console *con)
{
    return con->input;
}

pixman_image_t *console_surface(const struct console *con)
{
    return con->surface;
}

unsigned console_width(const struct console *con)
{
    return (unsigned)pixman_image_get_width(con->surface);
}

unsigned console_height(const struct console *con)
{
    return (unsigned)pixman_image_get_height(con->surface);
}

const struct console_cursor *console_cursor(const struct console *con)
{
    return con->cursor.pixels != NULL ? &con->cursor : NULL;
}

bool console_cursor_position(const struct console *con, int *x, int *y)
{
    *x = con->cursor_x;
    *y = con->cursor_y;
    return con->cursor_visible;
}

bool console_get_text(struct console *con, struct console_text *text)
{
    *text = (struct console_text){ 0 };
    return con->source != NULL && con->source->text != NULL &&
           con->source->text(con->source_opaque, text);
}

int console_set_ui_info(struct console *con, unsigned width, unsigned height)
{
    if (width == 0 || width > CONSOLE_MAX_SIZE || height == 0 || height > CONSOLE_MAX_SIZE)
        return -EINVAL;
    if (con->source == NULL || con->source->ui_info == NULL)
        return -ENOTSUP;
    con->source->ui_info(con->source_opaque, width, height);
    return 0;
}
