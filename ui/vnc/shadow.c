#include "ui/vnc/shadow.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "ui/vnc/scroll.h"

#define TILE_WIDTH  32
#define TILE_HEIGHT 16
#define RGB         0xFFFFFFu

struct vnc_shadow {
    gint refs;
    unsigned width, height;
    GMutex lock; /* pixels: written on the main loop, read by the encoders */
    uint32_t *pixels;
};

struct vnc_shadow *vnc_shadow_create(unsigned width, unsigned height)
{
    struct vnc_shadow *shadow = g_new0(struct vnc_shadow, 1);

    shadow->refs = 1;
    shadow->width = width;
    shadow->height = height;
    shadow->pixels = g_new0(uint32_t, (size_t)width * height);
    g_mutex_init(&shadow->lock);
    return shadow;
}

struct vnc_shadow *vnc_shadow_ref(struct vnc_shadow *shadow)
{
    g_atomic_int_inc(&shadow->refs);
    return shadow;
}

void vnc_shadow_unref(struct vnc_shadow *shadow)
{
    if (!g_atomic_int_dec_and_test(&shadow->refs))
        return;
    g_mutex_clear(&shadow->lock);
    g_free(shadow->pixels);
    g_free(shadow);
}

unsigned vnc_shadow_width(const struct vnc_shadow *shadow)
{
    return shadow->width;
}

unsigned vnc_shadow_height(const struct vnc_shadow *shadow)
{
    return shadow->height;
}

/* Rows of 32-bit pixels, `stride` pixels apart. */
struct rows {
    const uint32_t *first;
    size_t stride;
};

static bool is_rgb32(pixman_image_t *surface)
{
    pixman_format_code_t format = pixman_image_get_format(surface);

    return format == PIXMAN_x8r8g8b8 || format == PIXMAN_a8r8g8b8;
}

/* The rows of one strip of the surface, converted where its format is another one. */
static struct rows strip_rows(pixman_image_t *surface, const pixman_box32_t *strip,
                              uint32_t *buffer)
{
    int width = strip->x2 - strip->x1, height = strip->y2 - strip->y1;

    if (is_rgb32(surface)) {
        size_t stride = (size_t)pixman_image_get_stride(surface) / 4;
        const uint32_t *data = pixman_image_get_data(surface);

        return (struct rows){ data + (size_t)strip->y1 * stride + strip->x1, stride };
    }
    pixman_image_t *to = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8, width, height, buffer,
                                                           width * (int)sizeof(*buffer));
    pixman_image_composite32(PIXMAN_OP_SRC, surface, NULL, to, strip->x1, strip->y1, 0, 0, 0, 0,
                             width, height);
    pixman_image_unref(to);
    return (struct rows){ buffer, (size_t)width };
}

/* Copies one row of a tile; whether it differed. The loop is one that compilers vectorize. */
static bool copy_row(uint32_t *to, const uint32_t *from, unsigned n)
{
    uint32_t differ = 0;

    for (unsigned i = 0; i < n; i++) {
        uint32_t pixel = from[i] & RGB;

        differ |= pixel ^ to[i];
        to[i] = pixel;
    }
    return differ != 0;
}

static bool copy_tile(struct vnc_shadow *shadow, const pixman_box32_t *tile, struct rows rows)
{
    bool differs = false;

    for (int y = tile->y1; y < tile->y2; y++) {
        uint32_t *to = shadow->pixels + (size_t)y * shadow->width + tile->x1;

        differs |= copy_row(to, rows.first, (unsigned)(tile->x2 - tile->x1));
        rows.first += rows.stride;
    }
    return differs;
}

/* Copies a strip of at most TILE_HEIGHT rows; adds a box for each run of tiles that differ. */
static void copy_strip(struct vnc_shadow *shadow, const pixman_box32_t *strip, struct rows rows,
                       GArray *boxes)
{
    pixman_box32_t run = *strip;

    run.x2 = run.x1;
    for (int x = strip->x1; x < strip->x2;) {
        int end = MIN((x / TILE_WIDTH + 1) * TILE_WIDTH, strip->x2);
        pixman_box32_t tile = { x, strip->y1, end, strip->y2 };

        if (copy_tile(shadow, &tile, rows)) {
            run.x2 = end;
        } else {
            if (run.x2 > run.x1)
                g_array_append_val(boxes, run);
            run.x1 = run.x2 = end;
        }
        rows.first += end - x;
        x = end;
    }
    if (run.x2 > run.x1)
        g_array_append_val(boxes, run);
}

void vnc_shadow_update(struct vnc_shadow *shadow, pixman_image_t *surface,
                       pixman_region32_t *damage, pixman_region32_t *changed)
{
    g_autoptr(GArray) boxes = g_array_new(FALSE, FALSE, sizeof(pixman_box32_t));
    uint32_t *buffer = NULL;
    pixman_region32_t found;
    int n;
    const pixman_box32_t *box = pixman_region32_rectangles(damage, &n);

    if (!is_rgb32(surface))
        buffer = g_new(uint32_t, (size_t)shadow->width * TILE_HEIGHT);
    for (; n > 0; n--, box++) {
        for (int y = box->y1; y < box->y2;) {
            int end = MIN((y / TILE_HEIGHT + 1) * TILE_HEIGHT, box->y2);
            pixman_box32_t strip = { box->x1, y, box->x2, end };

            struct rows rows = strip_rows(surface, &strip, buffer);
            g_mutex_lock(&shadow->lock);
            copy_strip(shadow, &strip, rows, boxes);
            g_mutex_unlock(&shadow->lock);
            y = end;
        }
    }
    pixman_region32_init_rects(&found, (const pixman_box32_t *)(const void *)boxes->data,
                               (int)boxes->len);
    pixman_region32_union(changed, changed, &found);
    pixman_region32_fini(&found);
    g_free(buffer);
}

static void move_rows(struct vnc_shadow *shadow, const pixman_box32_t *to, int dy)
{
    size_t bytes = (size_t)(to->x2 - to->x1) * sizeof(*shadow->pixels);
    int first = dy > 0 ? to->y1 : to->y2 - 1, step = dy > 0 ? 1 : -1;

    for (int i = 0, y = first; i < to->y2 - to->y1; i++, y += step) {
        uint32_t *row = shadow->pixels + (size_t)y * shadow->width + to->x1;

        memcpy(row, row + (ptrdiff_t)dy * (ptrdiff_t)shadow->width, bytes);
    }
}

bool vnc_shadow_scroll(struct vnc_shadow *shadow, pixman_image_t *surface,
                       const pixman_box32_t *box, pixman_box32_t *to, int *dy)
{
    struct vnc_rows before = { shadow->pixels, shadow->width }, now;

    if (!is_rgb32(surface))
        return false;
    now.pixels = pixman_image_get_data(surface);
    now.stride = (size_t)pixman_image_get_stride(surface) / sizeof(*now.pixels);
    if (!vnc_find_scroll(before, now, box, to, dy))
        return false;
    g_mutex_lock(&shadow->lock);
    move_rows(shadow, to, *dy);
    g_mutex_unlock(&shadow->lock);
    return true;
}

void vnc_shadow_fetch(struct vnc_shadow *shadow, const pixman_box32_t *box, void *pixels)
{
    size_t bytes = (size_t)(box->x2 - box->x1) * sizeof(*shadow->pixels);
    uint8_t *to = pixels;

    g_mutex_lock(&shadow->lock);
    for (int y = box->y1; y < box->y2; y++) {
        memcpy(to, shadow->pixels + (size_t)y * shadow->width + box->x1, bytes);
        to += bytes;
    }
    g_mutex_unlock(&shadow->lock);
}
