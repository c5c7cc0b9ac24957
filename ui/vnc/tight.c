/*
 * Tight (encoding 7 of the RFB registry; described in the "rfbproto" community specification):
 * a rectangle as one colour, as palette indexes, as plain pixels, each through one of four zlib
 * streams, or as a JPEG picture.
 */
#include "ui/vnc/encoder.h"

#include <string.h>

#include "base/bytes.h"

/* The first byte of a rectangle: stream number, filter, or one of the special kinds. */
enum {
    TIGHT_STREAM_PLAIN = 0,
    TIGHT_STREAM_MONO = 1,
    TIGHT_STREAM_INDEXED = 2,
    TIGHT_STREAM_SHIFT = 4,
    TIGHT_FILTER = 0x40,
    TIGHT_FILL = 0x80,
    TIGHT_JPEG = 0x90,
};
#define TIGHT_FILTER_PALETTE 1

#define SMALLEST_COMPRESSED 12   /* bytes; fewer are sent as they are, without a length */
#define SMALLEST_JPEG       1024 /* pixels; below, the file's own header is too much */

static uint8_t *put_tpixel(const struct vnc_translate *tr, uint32_t pixel, uint8_t *to)
{
    uint32_t value;

    if (tr->rgb888) {
        *to++ = (uint8_t)(pixel >> 16);
        *to++ = (uint8_t)(pixel >> 8);
        *to++ = (uint8_t)pixel;
        return to;
    }
    vnc_translate_values(tr, &pixel, 1, &value);
    return vnc_put_pixel(tr, value, to);
}

/* A length in one to three bytes of 7, 7 and 8 bits, low bits first. */
static unsigned put_compact(unsigned length, uint8_t *to)
{
    if (length < 0x80) {
        to[0] = (uint8_t)length;
        return 1;
    }
    to[0] = (uint8_t)(length | 0x80);
    if (length < 0x4000) {
        to[1] = (uint8_t)(length >> 7);
        return 2;
    }
    to[1] = (uint8_t)(length >> 7 | 0x80);
    to[2] = (uint8_t)(length >> 14);
    return 3;
}

/* Appends what the last bytes of out, from `at` on, are preceded by: their length. */
static void insert_length(GByteArray *out, guint at)
{
    uint8_t length[3];
    guint n = out->len - at;
    unsigned size = put_compact(n, length);

    vnc_reserve(out, size);
    memmove(out->data + at + size, out->data + at, n);
    memcpy(out->data + at, length, size);
}

/* pixel, row: as deflater_add() has them. */
static void put_compressed(struct vnc_encoder *enc, unsigned stream, const uint8_t *data, size_t n,
                           unsigned pixel, unsigned row, GByteArray *out)
{
    guint at = out->len;

    if (n < SMALLEST_COMPRESSED) {
        g_byte_array_append(out, data, (guint)n);
        return;
    }
    zlib_stream_add(&enc->tight[stream], enc->set.compression, data, n, pixel, row, out);
    zlib_stream_flush(&enc->tight[stream], out);
    insert_length(out, at);
}

static void put_fill(const struct vnc_encoder *enc, uint32_t colour, GByteArray *out)
{
    uint8_t bytes[5] = { TIGHT_FILL };
    const uint8_t *end = put_tpixel(&enc->tr, colour, bytes + 1);

    g_byte_array_append(out, bytes, (guint)(end - bytes));
}

static void put_plain(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                      size_t n, GByteArray *out)
{
    const uint8_t control = TIGHT_STREAM_PLAIN << TIGHT_STREAM_SHIFT;
    unsigned pixel = enc->tr.rgb888 ? 3 : enc->tr.bytes;
    uint8_t *to = scratch->bytes;

    g_byte_array_append(out, &control, 1);
    for (size_t i = 0; i < n; i++, to += pixel) {
        if (enc->tr.rgb888)
            put_be32(to, scratch->pixels[i] << 8); /* the fourth byte is the next one's */
        else
            put_tpixel(&enc->tr, scratch->pixels[i], to);
    }
    put_compressed(enc, TIGHT_STREAM_PLAIN, scratch->bytes, (size_t)(to - scratch->bytes), pixel,
                   width * pixel, out);
}

static void put_palette(const struct vnc_encoder *enc, const struct palette *palette,
                        unsigned stream, GByteArray *out)
{
    uint8_t bytes[3 + PALETTE_MAX * 4];
    uint8_t *to = bytes;

    *to++ = (uint8_t)(TIGHT_FILTER | stream << TIGHT_STREAM_SHIFT);
    *to++ = TIGHT_FILTER_PALETTE;
    *to++ = (uint8_t)(palette->count - 1);
    for (unsigned i = 0; i < palette->count; i++)
        to = put_tpixel(&enc->tr, palette->colours[i], to);
    g_byte_array_append(out, bytes, (guint)(to - bytes));
}

/* One bit for each pixel, each row from a new byte on. */
static uint8_t *pack_bits(const uint32_t *pixels, unsigned width, unsigned height, uint32_t zero,
                          uint8_t *to)
{
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x += 8) {
            unsigned byte = 0, n = MIN(8, width - x);

            for (unsigned i = 0; i < n; i++)
                byte |= (unsigned)(pixels[x + i] != zero) << (7 - i);
            *to++ = (uint8_t)byte;
        }
        pixels += width;
    }
    return to;
}

static uint8_t *put_indexes(struct palette *palette, const uint32_t *pixels, size_t n, uint8_t *to)
{
    for (size_t run; n > 0; n -= run, pixels += run, to += run) {
        run = run_of_pixels(pixels, n);
        memset(to, palette_add(palette, *pixels, PALETTE_MAX), run);
    }
    return to;
}

static void put_indexed(struct vnc_encoder *enc, struct vnc_scratch *scratch,
                        struct palette *palette, unsigned width, unsigned height, GByteArray *out)
{
    bool mono = palette->count == 2;
    unsigned stream = mono ? TIGHT_STREAM_MONO : TIGHT_STREAM_INDEXED;
    const uint8_t *end;

    put_palette(enc, palette, stream, out);
    if (mono)
        end = pack_bits(scratch->pixels, width, height, palette->colours[0], scratch->bytes);
    else
        end = put_indexes(palette, scratch->pixels, (size_t)width * height, scratch->bytes);
    put_compressed(enc, stream, scratch->bytes, (size_t)(end - scratch->bytes), 1,
                   mono ? (width + 7) / 8 : width, out);
}

/* Whether all pixels are in a palette of max colours. */
static bool find_palette(struct palette *palette, const uint32_t *pixels, size_t n, unsigned max)
{
    palette_init(palette);
    for (size_t i = 0; i < n; i += run_of_pixels(pixels + i, n - i))
        if (palette_add(palette, pixels[i], max) < 0)
            return false;
    return true;
}

static bool put_jpeg(const struct vnc_encoder *enc, const struct vnc_scratch *scratch,
                     unsigned width, unsigned height, GByteArray *out)
{
    static const uint8_t quality[10] = { 15, 29, 41, 50, 62, 72, 79, 86, 92, 97 };
    const uint8_t control = TIGHT_JPEG;
    guint at = out->len;

    if (enc->set.jpeg_quality < 0 || enc->tr.bytes == 1 || width * height < SMALLEST_JPEG)
        return false;
    g_byte_array_append(out, &control, 1);
    if (!vnc_jpeg(scratch->pixels, width, height, quality[enc->set.jpeg_quality], out)) {
        g_byte_array_set_size(out, at);
        return false;
    }
    insert_length(out, at + 1);
    return true;
}

/* How many colours a palette may have to be shorter than plain pixels: an index saves the other
   bytes of a pixel, a colour of the palette costs all of them. */
static unsigned palette_limit(const struct vnc_translate *tr, size_t n)
{
    size_t colours = tr->bytes == 1 ? 2 : n / 2;

    return (unsigned)CLAMP(colours, 2, PALETTE_MAX);
}

void vnc_encode_tight(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                      unsigned height, GByteArray *out)
{
    size_t n = (size_t)width * height;
    struct palette palette;

    if (find_palette(&palette, scratch->pixels, n, palette_limit(&enc->tr, n))) {
        if (palette.count == 1)
            put_fill(enc, palette.colours[0], out);
        else
            put_indexed(enc, scratch, &palette, width, height, out);
    } else if (!put_jpeg(enc, scratch, width, height, out)) {
        put_plain(enc, scratch, width, n, out);
    }
}
