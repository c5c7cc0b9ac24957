/*
 * Pixels on the wire: from the shadow's 0x00RRGGBB to the format that a client asked for
 * (RFC 6143, 7.4).
 */
#ifndef UI_VNC_PIXEL_H
#define UI_VNC_PIXEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VNC_PIXEL_FORMAT_BYTES 16

struct vnc_pixel_format {
    uint8_t bits, depth; /* bits: 8, 16 or 32 */
    bool big_endian, true_colour;
    uint16_t red_max, green_max, blue_max;
    uint8_t red_shift, green_shift, blue_shift;
};

/* The format that the server prefers: 32 bits, little endian, 0x00RRGGBB. */
extern const struct vnc_pixel_format vnc_native_format;

/* Reads PIXEL_FORMAT. -EINVAL: a format that no pixel fits into. */
int vnc_pixel_format_read(struct vnc_pixel_format *format, const uint8_t *wire);
void vnc_pixel_format_write(const struct vnc_pixel_format *format, uint8_t *wire);

/*
 * One table for each channel; a pixel is the three entries or-ed together, already in the byte
 * order of the wire.
 */
struct vnc_translate {
    unsigned bytes; /* of a pixel: 1, 2 or 4 */
    bool identity;  /* a copy does */
    /* The three bytes of a 32-bit pixel that say it all (ZRLE's CPIXEL) begin here; 4: none do. */
    unsigned compact_offset;
    bool rgb888; /* Tight's TPIXEL is 3 bytes: red, green, blue */
    uint32_t red[256], green[256], blue[256];
};

/* A format without true colour gets the colours of vnc_colour_map(). */
void vnc_translate_init(struct vnc_translate *tr, const struct vnc_pixel_format *format);

/* n pixels as integers whose low `bytes` bytes, stored in host order, are the wire's. */
void vnc_translate_values(const struct vnc_translate *tr, const uint32_t *from, size_t n,
                          uint32_t *to);
/* The same without a copy where none is needed: returns `from` itself, or `to`. */
const uint32_t *vnc_translated_values(const struct vnc_translate *tr, const uint32_t *from,
                                      size_t n, uint32_t *to);
/* n pixels as the wire has them, n * tr->bytes bytes. */
void vnc_translate_bytes(const struct vnc_translate *tr, const uint32_t *from, size_t n,
                         uint8_t *to);
/* Stores one translated value; returns what follows it. */
static inline uint8_t *vnc_put_pixel(const struct vnc_translate *tr, uint32_t value, uint8_t *to)
{
    uint16_t half = (uint16_t)value;

    if (tr->bytes == 4)
        memcpy(to, &value, sizeof(value));
    else if (tr->bytes == 2)
        memcpy(to, &half, sizeof(half));
    else
        *to = (uint8_t)value;
    return to + tr->bytes;
}

/* SetColourMapEntries with 256 entries, 3 bits red and green, 2 bits blue; 6 + 256 * 6 bytes. */
#define VNC_COLOUR_MAP_BYTES (6 + 256 * 6)
void vnc_colour_map(uint8_t *message);

#endif
