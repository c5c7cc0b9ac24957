/*
 * Inside the encoders: the state that they share, zlib streams and palettes.
 */
#ifndef UI_VNC_ENCODER_H
#define UI_VNC_ENCODER_H

#include <string.h>
#define ZLIB_CONST // next_in points to const
#include <zlib.h>

#include "ui/vnc/encode.h"

/*
 * A zlib stream that lives as long as the connection; opened when it is first used. The low levels
 * are ui/vnc/deflate.h's, the others zlib's own.
 */
struct zlib_stream {
    z_stream zs;
    bool open; /* zs */
    int level; /* of zs */
    struct deflater *fast;
    bool begun, is_fast; /* the header is written; which of them wrote last */
};

void zlib_stream_close(struct zlib_stream *stream);
/* Adds bytes as deflater_add() does, and makes what was added complete (Z_SYNC_FLUSH). */
void zlib_stream_add(struct zlib_stream *stream, int level, const uint8_t *data, size_t n,
                     unsigned pixel, unsigned row, GByteArray *out);
void zlib_stream_flush(struct zlib_stream *stream, GByteArray *out);

struct vnc_encoder {
    struct vnc_settings set;
    struct vnc_translate tr;
    struct zlib_stream zlib, zrle, tight[4];
};

/* Makes room for n bytes at the end of out and returns it. */
uint8_t *vnc_reserve(GByteArray *out, size_t n);

/* The colours of a rectangle, up to a maximum. */
#define PALETTE_MAX  256
#define PALETTE_HASH 1024 /* a power of two */

struct palette {
    unsigned count;
    uint32_t colours[PALETTE_MAX];
    uint16_t slots[PALETTE_HASH]; /* index + 1; 0: empty */
};

void palette_init(struct palette *palette);
/* The colour's index; added if it is new and there are fewer than max; else -1. */
int palette_add(struct palette *palette, uint32_t colour, unsigned max);

/* How many of n pixels, at least 1, are the same as the first one. */
static inline size_t run_of_pixels(const uint32_t *pixels, size_t n)
{
    const uint64_t two = pixels[0] | (uint64_t)pixels[0] << 32;
    size_t i = 1;

    for (uint64_t next; i + 2 <= n; i += 2) {
        memcpy(&next, pixels + i, sizeof(next));
        if (next != two)
            break;
    }
    while (i < n && pixels[i] == pixels[0])
        i++;
    return i;
}

/* The contents of one rectangle; the header is written. */
void vnc_encode_hextile(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                        unsigned height, GByteArray *out);
void vnc_encode_zrle(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                     unsigned height, GByteArray *out);
void vnc_encode_tight(struct vnc_encoder *enc, struct vnc_scratch *scratch, unsigned width,
                      unsigned height, GByteArray *out);

/* A JPEG file of 0x00RRGGBB pixels; false (and nothing appended) when libjpeg fails. */
bool vnc_jpeg(const uint32_t *pixels, unsigned width, unsigned height, int quality,
              GByteArray *out);

#endif
