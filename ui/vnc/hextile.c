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
    unsigned width, height, stride;
    const uint32_t *values;
    bool many_colours; /* more than two */
    uint32_t background, foreground;
    uint16_t left[TILE]; /* of each row, bit x: not background, and in no subrectangle yet */
};

/* Four pixels at once: the compiler makes of it what the CPU has. */
#define LANES 4
typedef uint32_t lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));

static unsigned differences_of_full_rows(const uint32_t *a, const uint32_t *b)
{
    lanes bits = { 0 }, bit = { 1, 2, 4, 8 };

    for (unsigned x = 0; x < TILE; x += LANES, bit <<= LANES) {
        lanes p, q;

        memcpy(&p, a + x, sizeof(p));
        memcpy(&q, b + x, sizeof(q));
        bits |= (lanes)(p != q) & bit;
    }
    return bits[0] | bits[1] | bits[2] | bits[3];
}

/* Bits of the pixels in which two rows differ. */
static unsigned differences(const uint32_t *a, const uint32_t *b, unsigned width)
{
    unsigned bits = 0;

    if (width == TILE)
        return differences_of_full_rows(a, b);
    for (unsigned x = 0; x < width; x++)
        bits |= (unsigned)(a[x] != b[x]) << x;
    return bits;
}

/* Whether there is a third colour; finds the second one. */
static bool find_colours(struct tile *tile)
{
    bool found = false;

    for (unsigned y = 0; y < tile->height; y++) {
        const uint32_t *row = tile->values + (size_t)y * tile->stride;

        for (unsigned bits = tile->left[y]; bits != 0; bits &= bits - 1) {
            uint32_t value = row[__builtin_ctz(bits)];

            if (!found)
                tile->foreground = value;
            else if (value != tile->foreground)
                return true;
            found = true;
        }
    }
    return false;
}

/* Finds what is not background; returns how many pixels that are. */
static unsigned mark_left(struct tile *tile)
{
    uint32_t background[TILE];
    unsigned n = 0;

    for (unsigned x = 0; x < TILE; x++)
        background[x] = tile->background;
    for (unsigned y = 0; y < tile->height; y++) {
        unsigned bits = differences(tile->values + (size_t)y * tile->stride, background,
                                    tile->width);
        tile->left[y] = (uint16_t)bits;
        n += (unsigned)__builtin_popcount(bits);
    }
    return n;
}

/*
 * The background is the more frequent of the first two colours. Returns how many pixels are not
 * background: 0 where all are.
 */
static unsigned find_background(struct tile *tile)
{
    unsigned total = tile->width * tile->height;

    tile->background = tile->values[0];
    unsigned others = mark_left(tile);
    if (others == 0)
        return 0;
    tile->many_colours = find_colours(tile);
    struct tile swapped = *tile;
    swapped.background = tile->foreground;
    swapped.foreground = tile->background;
    if (2 * others <= total)
        return others; /* no other colour has more */
    unsigned others_swapped = mark_left(&swapped);
    if (others_swapped < others)
        *tile = swapped;
    return MIN(others, others_swapped);
}

/* How many pixels from x on are left of a row, and all the same. */
static unsigned run_at(const struct tile *tile, unsigned x, unsigned y)
{
    const uint32_t *row = tile->values + (size_t)y * tile->stride;
    unsigned left = (unsigned)tile->left[y] >> x, run = 1;

    if (!tile->many_colours)
        return (unsigned)__builtin_ctz(~left);
    while (left >> run & 1 && row[x + run] == row[x])
        run++;
    return run;
}

/* Whether all these pixels of a row are left, and are of this colour. */
static bool row_has(const struct tile *tile, unsigned y, unsigned bits, uint32_t value)
{
    const uint32_t *row = tile->values + (size_t)y * tile->stride;

    if ((tile->left[y] & bits) != bits)
        return false;
    for (; tile->many_colours && bits != 0; bits &= bits - 1) {
        if (row[__builtin_ctz(bits)] != value)
            return false;
    }
    return true;
}

/* The rectangle of one colour at x, y: as wide as it goes, then as high. It is left no more. */
static void take_subrect(struct tile *tile, unsigned x, unsigned y, unsigned *w, unsigned *h)
{
    unsigned run = run_at(tile, x, y), bits = ((1u << run) - 1) << x, end = y;
    uint32_t value = tile->values[(size_t)y * tile->stride + x];

    do {
        tile->left[end++] &= (uint16_t)~bits;
    } while (end < tile->height && row_has(tile, end, bits, value));
    *w = run;
    *h = end - y;
}

/*
 * There will be at least so many subrectangles: a pixel that differs from the one on its left and
 * from the one above it can only be the upper left corner of one.
 */
static unsigned count_corners(const struct tile *tile)
{
    unsigned n = 0;

    for (unsigned y = 1; y < tile->height; y++) {
        const uint32_t *row = tile->values + (size_t)y * tile->stride;
        unsigned bits = tile->left[y] & differences(row, row - 1, tile->width) &
                        differences(row, row - tile->stride, tile->width);

        n += (unsigned)__builtin_popcount(bits & ~1u); /* nothing is on the left of the first */
    }
    return n;
}

/*
 * Writes count and subrectangles after `to`; returns the end, or NULL when it got longer than
 * `limit`.
 */
static uint8_t *put_subrects(const struct vnc_encoder *enc, struct tile *tile, uint8_t *to,
                             const uint8_t *limit)
{
    size_t each = 2 + (tile->many_colours ? enc->tr.bytes : 0);
    uint8_t *count = to++;

    if (tile->many_colours && count_corners(tile) * each > (size_t)(limit - to))
        return NULL; /* a photograph */
    *count = 0;
    for (unsigned y = 0; y < tile->height; y++) {
        while (tile->left[y] != 0) {
            unsigned x = (unsigned)__builtin_ctz(tile->left[y]), w, h;

            if (*count == 255 || to + each > limit)
                return NULL;
            (*count)++;
            take_subrect(tile, x, y, &w, &h);
            if (tile->many_colours)
                to = vnc_put_pixel(&enc->tr, tile->values[(size_t)y * tile->stride + x], to);
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
    bool solid = find_background(tile) == 0;

    *flags = 0;
    if (!carry->has_background || carry->background != tile->background) {
        *flags |= HEXTILE_BACKGROUND;
        to = vnc_put_pixel(&enc->tr, tile->background, to);
    }
    carry->has_background = true;
    carry->background = tile->background;
    if (solid)
        return to;
    *flags |= HEXTILE_ANY_SUBRECTS;
    if (!tile->many_colours) {
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

static uint8_t *put_raw(const struct vnc_encoder *enc, const struct tile *tile, uint8_t *to)
{
    *to++ = HEXTILE_RAW;
    for (unsigned y = 0; y < tile->height; y++) {
        const uint32_t *row = tile->values + (size_t)y * tile->stride;

        if (enc->tr.bytes == 4) {
            memcpy(to, row, tile->width * sizeof(*row));
            to += tile->width * sizeof(*row);
            continue;
        }
        for (unsigned x = 0; x < tile->width; x++)
            to = vnc_put_pixel(&enc->tr, row[x], to);
    }
    return to;
}

void vnc_encode_hextile(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                        unsigned height, GByteArray *out)
{
    struct carry carry = { 0 };
    uint8_t bytes[16 + TILE * TILE * 4]; /* a raw tile, or a coloured one that gives up there */

    const uint32_t *values = vnc_translated_values(&enc->tr, scratch->pixels,
                                                   (size_t)width * height, scratch->values);
    for (unsigned y = 0; y < height; y += TILE) {
        for (unsigned x = 0; x < width; x += TILE) {
            struct tile tile = { .width = MIN(TILE, width - x),
                                 .height = MIN(TILE, height - y),
                                 .stride = width,
                                 .values = values + (size_t)y * width + x };
            const uint8_t *end = put_coloured(enc, &tile, bytes, &carry);
            if (end == NULL) {
                end = put_raw(enc, &tile, bytes);
                carry = (struct carry){ 0 };
            }
            g_byte_array_append(out, bytes, (guint)(end - bytes));
        }
    }
}
