#include "ui/vnc/encode.h"

#include "base/bytes.h"
#include "ui/vnc/deflate.h"
#include "ui/vnc/encoder.h"

/* Squares of 256 are the largest that VNC_RECT_PIXELS allows, and a multiple of ZRLE's tiles. A
   photograph beside text then spoils the palette of a part of the text only. */
#define SPLIT_WIDTH 256
#define SPLIT_ALIGN 64

void vnc_put_rect_header(GByteArray *out, const pixman_box32_t *box, int32_t encoding)
{
    uint8_t header[VNC_RECT_HEADER_BYTES];

    put_be16(header, (uint16_t)box->x1);
    put_be16(header + 2, (uint16_t)box->y1);
    put_be16(header + 4, (uint16_t)(box->x2 - box->x1));
    put_be16(header + 6, (uint16_t)(box->y2 - box->y1));
    put_be32(header + 8, (uint32_t)encoding);
    g_byte_array_append(out, header, sizeof(header));
}

static void split_box(const pixman_box32_t *box, GArray *boxes)
{
    for (int x = box->x1; x < box->x2; x += SPLIT_WIDTH) {
        int width = MIN(SPLIT_WIDTH, box->x2 - x);
        int height = VNC_RECT_PIXELS / width / SPLIT_ALIGN * SPLIT_ALIGN;

        for (int y = box->y1; y < box->y2; y += height) {
            pixman_box32_t part = { x, y, x + width, MIN(y + height, box->y2) };
            g_array_append_val(boxes, part);
        }
    }
}

void vnc_split_region(pixman_region32_t *region, GArray *boxes)
{
    int n;
    const pixman_box32_t *box = pixman_region32_rectangles(region, &n);

    for (; n > 0; n--, box++)
        split_box(box, boxes);
}

uint8_t *vnc_reserve(GByteArray *out, size_t n)
{
    guint old = out->len;

    g_byte_array_set_size(out, old + (guint)n);
    return out->data + old;
}

/* ---- zlib ---- */

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
    return g_malloc_n(items, size);
}

static void zlib_free(voidpf opaque, voidpf memory)
{
    g_free(memory);
}

void zlib_stream_close(struct zlib_stream *stream)
{
    if (stream->open)
        deflateEnd(&stream->zs);
    deflater_destroy(stream->fast);
    *stream = (struct zlib_stream){ 0 };
}

/*
 * Without a header, which is written here whoever compresses. Memory comes from g_malloc and the
 * parameters are right: there is nothing that can fail.
 */
static void zlib_stream_open(struct zlib_stream *stream, int level)
{
    stream->zs = (z_stream){ .zalloc = zlib_alloc, .zfree = zlib_free };
    deflateInit2(&stream->zs, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY);
    stream->level = level;
    stream->open = true;
}

static void zlib_room(z_stream *zs, GByteArray *out)
{
    size_t room = zs->avail_in / 2 + 256;

    zs->next_out = vnc_reserve(out, room);
    zs->avail_out = (uInt)room;
}

static void zlib_trim(z_stream *zs, GByteArray *out)
{
    g_byte_array_set_size(out, out->len - zs->avail_out);
}

/* Room that was left says that all is done. */
static void zlib_run(z_stream *zs, int flush, GByteArray *out)
{
    do {
        zlib_room(zs, out);
        deflate(zs, flush);
        zlib_trim(zs, out);
    } while (zs->avail_out == 0);
}

static void zlib_set_level(struct zlib_stream *stream, int level, GByteArray *out)
{
    if (level == stream->level)
        return;
    zlib_room(&stream->zs, out);
    deflateParams(&stream->zs, level, Z_DEFAULT_STRATEGY);
    zlib_trim(&stream->zs, out);
    stream->level = level;
}

static void zlib_add(struct zlib_stream *stream, int level, const uint8_t *data, size_t n,
                     GByteArray *out)
{
    if (!stream->open)
        zlib_stream_open(stream, level);
    zlib_set_level(stream, level, out);
    stream->zs.next_in = data;
    stream->zs.avail_in = (uInt)n;
    zlib_run(&stream->zs, Z_NO_FLUSH, out);
}

/* The levels of ui/vnc/deflate.h; 0 is no compression, and the high ones are for few bytes. */
static bool level_is_fast(int level)
{
    return level >= 1 && level <= VNC_DEFAULT_COMPRESSION;
}

/* Between two flushes the compressors may take turns, when neither looks back behind the other. */
static void choose_compressor(struct zlib_stream *stream, bool fast, GByteArray *out)
{
    static const uint8_t header[] = { 0x78, 0x01 }; /* RFC 1950: deflate, 32 KiB */

    if (!stream->begun)
        g_byte_array_append(out, header, sizeof(header));
    else if (fast != stream->is_fast && fast && stream->fast != NULL)
        deflater_forget(stream->fast);
    else if (fast != stream->is_fast && !fast && stream->open)
        deflateReset(&stream->zs);
    stream->begun = true;
    stream->is_fast = fast;
    if (fast && stream->fast == NULL)
        stream->fast = deflater_create();
}

void zlib_stream_add(struct zlib_stream *stream, int level, const uint8_t *data, size_t n,
                     unsigned pixel, unsigned row, GByteArray *out)
{
    choose_compressor(stream, level_is_fast(level), out);
    if (stream->is_fast)
        deflater_add(stream->fast, data, n, pixel, row, out);
    else
        zlib_add(stream, level, data, n, out);
}

void zlib_stream_flush(struct zlib_stream *stream, GByteArray *out)
{
    if (stream->is_fast)
        deflater_flush(stream->fast, out);
    else
        zlib_run(&stream->zs, Z_SYNC_FLUSH, out);
}

/* ---- palettes ---- */

void palette_init(struct palette *palette)
{
    palette->count = 0;
    memset(palette->slots, 0, sizeof(palette->slots));
}

int palette_add(struct palette *palette, uint32_t colour, unsigned max)
{
    uint32_t slot = (colour * 2654435761u) >> 22; /* Knuth's multiplicative hash, 10 bits */

    while (palette->slots[slot] != 0) {
        unsigned index = palette->slots[slot] - 1u;

        if (palette->colours[index] == colour)
            return (int)index;
        slot = (slot + 1) % PALETTE_HASH;
    }
    if (palette->count >= max)
        return -1;
    palette->colours[palette->count] = colour;
    palette->slots[slot] = (uint16_t)(palette->count + 1);
    return (int)palette->count++;
}

/* ---- encoders ---- */

struct vnc_encoder *vnc_encoder_create(void)
{
    struct vnc_encoder *enc = g_new0(struct vnc_encoder, 1);
    struct vnc_settings start = { vnc_native_format, VNC_ENCODING_RAW, VNC_DEFAULT_COMPRESSION,
                                  -1 };

    enc->set = start;
    vnc_translate_init(&enc->tr, &start.format);
    return enc;
}

void vnc_encoder_destroy(struct vnc_encoder *enc)
{
    zlib_stream_close(&enc->zlib);
    zlib_stream_close(&enc->zrle);
    for (unsigned i = 0; i < G_N_ELEMENTS(enc->tight); i++)
        zlib_stream_close(&enc->tight[i]);
    g_free(enc);
}

void vnc_encoder_set(struct vnc_encoder *enc, const struct vnc_settings *settings)
{
    enc->set = *settings;
    vnc_translate_init(&enc->tr, &settings->format);
}

static void encode_raw(struct vnc_encoder *enc, const struct vnc_scratch *scratch, size_t n,
                       GByteArray *out)
{
    vnc_translate_bytes(&enc->tr, scratch->pixels, n, vnc_reserve(out, n * enc->tr.bytes));
}

/* Pixels that need no translation go straight to where they are sent from. */
static void fetch_raw(struct vnc_shadow *shadow, const pixman_box32_t *box, size_t n,
                      GByteArray *out)
{
    guint at = out->len;

    vnc_reserve(out, n * sizeof(uint32_t));
    vnc_shadow_fetch(shadow, box, out->data + at);
}

static void encode_zlib(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                        size_t n, GByteArray *out)
{
    const uint8_t *from = scratch->bytes;
    unsigned bytes = enc->tr.bytes;
    guint at = out->len;

    vnc_reserve(out, 4);
    if (enc->tr.identity)
        from = (const uint8_t *)scratch->pixels;
    else
        vnc_translate_bytes(&enc->tr, scratch->pixels, n, scratch->bytes);
    zlib_stream_add(&enc->zlib, enc->set.compression, from, n * bytes, bytes, width * bytes, out);
    zlib_stream_flush(&enc->zlib, out);
    put_be32(out->data + at, out->len - at - 4);
}

void vnc_encode_rect(struct vnc_encoder *enc, struct vnc_scratch *scratch,
                     struct vnc_shadow *shadow, const pixman_box32_t *box, GByteArray *out)
{
    unsigned width = (unsigned)(box->x2 - box->x1), height = (unsigned)(box->y2 - box->y1);
    size_t n = (size_t)width * height;

    vnc_put_rect_header(out, box, enc->set.encoding);
    if (enc->set.encoding == VNC_ENCODING_RAW && enc->tr.identity) {
        fetch_raw(shadow, box, n, out);
        return;
    }
    vnc_shadow_fetch(shadow, box, scratch->pixels);
    switch (enc->set.encoding) {
    case VNC_ENCODING_HEXTILE: vnc_encode_hextile(enc, scratch, width, height, out); break;
    case VNC_ENCODING_ZLIB: encode_zlib(enc, scratch, width, n, out); break;
    case VNC_ENCODING_ZRLE: vnc_encode_zrle(enc, scratch, width, height, out); break;
    case VNC_ENCODING_TIGHT: vnc_encode_tight(enc, scratch, width, height, out); break;
    default: encode_raw(enc, scratch, n, out); break;
    }
}
