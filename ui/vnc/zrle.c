/*
 * ZRLE (RFC 6143, 7.7.6): tiles of 64x64, each as plain pixels, one colour, palette indexes or
 * runs, whichever is shortest, and all tiles of a rectangle through one zlib stream.
 */
#include "ui/vnc/encoder.h"

#include "base/bytes.h"

#define TILE       64
#define PACKED_MAX 16  /* colours of a packed palette */
#define RLE_MAX    127 /* colours of a palette for runs */
#define ZRLE_RLE   128

struct tile {
    unsigned width, height, n;
    const uint32_t *values; /* n of them, without gaps */
    unsigned runs, singles; /* runs of equal pixels; of these, of length 1 */
    bool has_palette;       /* at most RLE_MAX colours */
    struct palette palette;
    /* Of what was written for it, as deflater_add() has them; and how much is before the rows. */
    unsigned unit, row, lead;
};

/* The bytes of a pixel: CPIXEL leaves out the byte that is always 0. */
static unsigned cpixel_bytes(const struct vnc_translate *tr)
{
    return tr->compact_offset < 4 ? 3 : tr->bytes;
}

static uint8_t *put_cpixel(const struct vnc_translate *tr, uint32_t value, uint8_t *to)
{
    uint8_t bytes[4];

    if (tr->compact_offset == 4)
        return vnc_put_pixel(tr, value, to);
    memcpy(bytes, &value, sizeof(bytes));
    memcpy(to, bytes + tr->compact_offset, 3);
    return to + 3;
}

static unsigned run_length(const struct tile *tile, unsigned at)
{
    return (unsigned)run_of_pixels(tile->values + at, tile->n - at);
}

static void analyse(struct tile *tile)
{
    palette_init(&tile->palette);
    tile->has_palette = true;
    tile->runs = tile->singles = 0;
    for (unsigned at = 0; at < tile->n;) {
        unsigned length = run_length(tile, at);

        tile->runs++;
        tile->singles += length == 1;
        if (tile->has_palette)
            tile->has_palette = palette_add(&tile->palette, tile->values[at], RLE_MAX) >= 0;
        at += length;
    }
}

static unsigned packed_bits(unsigned colours)
{
    return colours <= 2 ? 1 : colours <= 4 ? 2 : 4;
}

static uint8_t *put_palette(const struct vnc_translate *tr, const struct palette *palette,
                            uint8_t *to)
{
    for (unsigned i = 0; i < palette->count; i++)
        to = put_cpixel(tr, palette->colours[i], to);
    return to;
}

static uint8_t *put_packed(const struct vnc_translate *tr, struct tile *tile, uint8_t *to)
{
    unsigned bits = packed_bits(tile->palette.count), index = 0;
    const uint32_t *value = tile->values;
    uint32_t last = tile->palette.colours[0]; /* of index 0 */

    tile->row = (tile->width * bits + 7) / 8;
    *to++ = (uint8_t)tile->palette.count;
    to = put_palette(tr, &tile->palette, to);
    for (unsigned y = 0; y < tile->height; y++) {
        unsigned byte = 0, used = 0;

        for (unsigned x = 0; x < tile->width; x++) {
            if (*value != last)
                index = (unsigned)palette_add(&tile->palette, *value, RLE_MAX);
            last = *value++;
            byte = byte << bits | index;
            used += bits;
            if (used == 8) {
                *to++ = (uint8_t)byte;
                byte = used = 0;
            }
        }
        if (used > 0)
            *to++ = (uint8_t)(byte << (8 - used)); /* each row ends on a byte */
    }
    return to;
}

static uint8_t *put_length(unsigned length, uint8_t *to)
{
    for (length--; length >= 255; length -= 255)
        *to++ = 255;
    *to++ = (uint8_t)length;
    return to;
}

static uint8_t *put_runs(const struct vnc_translate *tr, const struct tile *tile, uint8_t *to)
{
    *to++ = ZRLE_RLE;
    for (unsigned at = 0; at < tile->n;) {
        unsigned length = run_length(tile, at);

        to = put_cpixel(tr, tile->values[at], to);
        to = put_length(length, to);
        at += length;
    }
    return to;
}

static uint8_t *put_palette_runs(const struct vnc_translate *tr, struct tile *tile, uint8_t *to)
{
    *to++ = (uint8_t)(ZRLE_RLE + tile->palette.count);
    to = put_palette(tr, &tile->palette, to);
    for (unsigned at = 0; at < tile->n;) {
        unsigned length = run_length(tile, at);
        uint8_t index = (uint8_t)palette_add(&tile->palette, tile->values[at], RLE_MAX);

        if (length == 1) {
            *to++ = index;
        } else {
            *to++ = index | 0x80;
            to = put_length(length, to);
        }
        at += length;
    }
    return to;
}

static uint8_t *put_raw(const struct vnc_translate *tr, struct tile *tile, uint8_t *to)
{
    tile->unit = cpixel_bytes(tr);
    tile->row = tile->width * tile->unit;
    tile->lead = 1;
    *to++ = 0;
    for (unsigned i = 0; i < tile->n; i++)
        to = put_cpixel(tr, tile->values[i], to);
    return to;
}

/* Appends the shortest form of a tile. The sizes of runs are those of runs below 256 pixels, and
   a longer one costs another byte for each 255: at most n / 255 more. */
static uint8_t *put_tile(const struct vnc_translate *tr, struct tile *tile, uint8_t *to)
{
    unsigned pixel = cpixel_bytes(tr), colours = tile->palette.count, longer = tile->n / 255;
    unsigned raw = tile->n * pixel, runs = tile->runs * (pixel + 1) + longer;
    unsigned packed = UINT_MAX, palette_runs = UINT_MAX;

    if (tile->has_palette && colours == 1) {
        *to++ = 1;
        return put_cpixel(tr, tile->palette.colours[0], to);
    }
    if (tile->has_palette) {
        palette_runs = colours * pixel + tile->runs * 2 - tile->singles + longer;
        if (colours <= PACKED_MAX)
            packed = colours * pixel +
                     tile->height * ((tile->width * packed_bits(colours) + 7) / 8);
    }
    if (packed <= MIN(palette_runs, MIN(runs, raw)))
        return put_packed(tr, tile, to);
    if (palette_runs <= MIN(runs, raw))
        return put_palette_runs(tr, tile, to);
    return runs < raw ? put_runs(tr, tile, to) : put_raw(tr, tile, to);
}

static void compress_tile(struct vnc_encoder *enc, struct tile *tile, uint8_t *bytes,
                          GByteArray *out)
{
    int level = enc->set.compression;

    tile->unit = 1;
    tile->row = tile->lead = 0;
    size_t n = (size_t)(put_tile(&enc->tr, tile, bytes) - bytes), lead = tile->lead;
    if (lead > 0)
        zlib_stream_add(&enc->zrle, level, bytes, lead, 1, 0, out);
    zlib_stream_add(&enc->zrle, level, bytes + lead, n - lead, tile->unit, tile->row, out);
}

void vnc_encode_zrle(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                     unsigned height, GByteArray *out)
{
    struct tile tile;
    guint length_at = out->len;

    vnc_reserve(out, 4);
    tile.values = scratch->values;
    for (unsigned y = 0; y < height; y += TILE) {
        tile.height = MIN(TILE, height - y);
        for (unsigned x = 0; x < width; x += TILE) {
            tile.width = MIN(TILE, width - x);
            tile.n = tile.width * tile.height;
            for (unsigned row = 0; row < tile.height; row++)
                vnc_translate_values(&enc->tr, scratch->pixels + (size_t)(y + row) * width + x,
                                     tile.width, scratch->values + (size_t)row * tile.width);
            analyse(&tile);
            compress_tile(enc, &tile, scratch->bytes, out);
        }
    }
    zlib_stream_flush(&enc->zrle, out);
    put_be32(out->data + length_at, out->len - length_at - 4);
}
