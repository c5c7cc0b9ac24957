/*
 * Hextile (RFC 6143, 7.7.4): tiles of 16x16; a background and rectangles of other colours on it,
 * or the plain pixels where that is shorter.
 */
#include "ui/vnc/encoder.h"

#include <string.h>

#define TILE 16

enum {
    HEXTILE_RAW = 1,
    HEXTILE_BACKGROUND = 2,
    HEXTILE_FOREGROUND = 4,
    HEXTILE_ANY_SUBRECTS = 8,
    HEXTILE_COLOURED = 16,
};

/* What the client remembers from the tile before. */
struct carry {
    bool has_background, has_foreground;
    uint32_t background, foreground;
};

struct tile {
    unsigned width, height;
    uint32_t values[TILE * TILE]; /* rows of TILE */
    unsigned colours;             /* 1, 2, or 3 for more */
    uint32_t background, foreground;
};

static void load_tile(struct tile *tile, const uint32_t *values, unsigned stride)
{
    for (unsigned y = 0; y < tile->height; y++)
        memcpy(tile->values + (size_t)y * TILE, values + (size_t)y * stride,
               tile->width * sizeof(*values));
}

/* The background is the more frequent of the first two colours. */
static void count_colours(struct tile *tile)
{
    unsigned first = 0, second = 0;

    tile->colours = 1;
    tile->background = tile->values[0];
    for (unsigned y = 0; y < tile->height; y++) {
        for (unsigned x = 0; x < tile->width; x++) {
            uint32_t value = tile->values[y * TILE + x];

            if (value == tile->background) {
                first++;
            } else if (tile->colours == 1) {
                tile->colours = 2;
                tile->foreground = value;
                second = 1;
            } else if (value == tile->foreground) {
                second++;
            } else {
                tile->colours = 3;
            }
        }
    }
    if (second > first) {
        uint32_t swap = tile->background;
        tile->background = tile->foreground;
        tile->foreground = swap;
    }
}

static bool row_is(const uint32_t *row, unsigned n, uint32_t value)
{
    for (unsigned i = 0; i < n; i++) {
        if (row[i] != value)
            return false;
    }
    return true;
}

/* The rectangle of one colour at x, y: as wide as it goes, then as high; erased from the tile. */
static void take_subrect(struct tile *tile, unsigned x, unsigned y, unsigned *w, unsigned *h)
{
    uint32_t *at = tile->values + (size_t)y * TILE + x;
    uint32_t value = *at;

    for (*w = 1; x + *w < tile->width && at[*w] == value;)
        (*w)++;
    for (*h = 1; y + *h < tile->height && row_is(at + (size_t)*h * TILE, *w, value);)
        (*h)++;
    for (unsigned i = 0; i < *h; i++) {
        for (unsigned j = 0; j < *w; j++)
            at[i * TILE + j] = tile->background;
    }
}

/*
 * Writes count and subrectangles after `to`; returns the end, or NULL when it got longer than
 * `limit`. The tile's values are consumed.
 */
static uint8_t *put_subrects(const struct vnc_encoder *enc, struct tile *tile, uint8_t *to,
                             const uint8_t *limit)
{
    size_t each = 2 + (tile->colours > 2 ? enc->tr.bytes : 0);
    uint8_t *count = to++;

    *count = 0;
    for (unsigned y = 0; y < tile->height; y++) {
        for (unsigned x = 0; x < tile->width; x++) {
            uint32_t value = tile->values[y * TILE + x];
            unsigned w, h;

            if (value == tile->background)
                continue;
            if (*count == 255 || to + each > limit)
                return NULL;
            (*count)++;
            take_subrect(tile, x, y, &w, &h);
            if (tile->colours > 2)
                to = vnc_put_pixel(&enc->tr, value, to);
            *to++ = (uint8_t)(x << 4 | y);
            *to++ = (uint8_t)((w - 1) << 4 | (h - 1));
        }
    }
    return to;
}

/* Writes the tile by colours; NULL when its raw form is not longer. */
static uint8_t *put_coloured(const struct vnc_encoder *enc, struct tile *tile, uint8_t *to,
                             struct carry *carry)
{
    const uint8_t *limit = to + (size_t)tile->width * tile->height * enc->tr.bytes;
    uint8_t *flags = to++;

    *flags = 0;
    if (!carry->has_background || carry->background != tile->background) {
        *flags |= HEXTILE_BACKGROUND;
        to = vnc_put_pixel(&enc->tr, tile->background, to);
    }
    carry->has_background = true;
    carry->background = tile->background;
    if (tile->colours == 1)
        return to;
    *flags |= HEXTILE_ANY_SUBRECTS;
    if (tile->colours == 2) {
        if (!carry->has_foreground || carry->foreground != tile->foreground) {
            *flags |= HEXTILE_FOREGROUND;
            to = vnc_put_pixel(&enc->tr, tile->foreground, to);
        }
        carry->has_foreground = true;
        carry->foreground = tile->foreground;
    } else {
        *flags |= HEXTILE_COLOURED;
        carry->has_foreground = false;
    }
    return put_subrects(enc, tile, to, limit);
}

static uint8_t *put_raw(const struct vnc_encoder *enc, const struct tile *tile,
                        const uint32_t *values, unsigned stride, uint8_t *to)
{
    *to++ = HEXTILE_RAW;
    for (unsigned y = 0; y < tile->height; y++) {
        for (unsigned x = 0; x < tile->width; x++)
            to = vnc_put_pixel(&enc->tr, values[(size_t)y * stride + x], to);
    }
    return to;
}

void vnc_encode_hextile(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                        unsigned height, GByteArray *out)
{
    struct carry carry = { 0 };
    uint8_t bytes[16 + TILE * TILE * 4]; /* a raw tile, or a coloured one that gives up there */

    vnc_translate_values(&enc->tr, scratch->pixels, (size_t)width * height, scratch->values);
    for (unsigned y = 0; y < height; y += TILE) {
        for (unsigned x = 0; x < width; x += TILE) {
            struct tile tile = { .width = MIN(TILE, width - x), .height = MIN(TILE, height - y) };
            const uint32_t *values = scratch->values + (size_t)y * width + x;

            load_tile(&tile, values, width);
            count_colours(&tile);
            const uint8_t *end = put_coloured(enc, &tile, bytes, &carry);
            if (end == NULL) {
                end = put_raw(enc, &tile, values, width, bytes);
                carry = (struct carry){ 0 };
            }
            g_byte_array_append(out, bytes, (guint)(end - bytes));
        }
    }
}
