#include "ui/vnc/pixel.h"

#include <errno.h>
#include <glib.h>

#include "base/bytes.h"

const struct vnc_pixel_format vnc_native_format = {
    .bits = 32,
    .depth = 24,
    .true_colour = true,
    .red_max = 255,
    .green_max = 255,
    .blue_max = 255,
    .red_shift = 16,
    .green_shift = 8,
};

/* Stands for a colour map: the map that vnc_colour_map() sends has these colours. */
static const struct vnc_pixel_format mapped_format = {
    .bits = 8,
    .depth = 8,
    .true_colour = true,
    .red_max = 7,
    .green_max = 7,
    .blue_max = 3,
    .green_shift = 3,
    .blue_shift = 6,
};

int vnc_pixel_format_read(struct vnc_pixel_format *format, const uint8_t *wire)
{
    *format = (struct vnc_pixel_format){
        .bits = wire[0],
        .depth = wire[1],
        .big_endian = wire[2] != 0,
        .true_colour = wire[3] != 0,
        .red_max = get_be16(wire + 4),
        .green_max = get_be16(wire + 6),
        .blue_max = get_be16(wire + 8),
        .red_shift = wire[10],
        .green_shift = wire[11],
        .blue_shift = wire[12],
    };
    if (format->bits != 8 && format->bits != 16 && format->bits != 32)
        return -EINVAL;
    if (!format->true_colour)
        return format->bits == 8 ? 0 : -EINVAL;
    if (format->red_shift >= format->bits || format->green_shift >= format->bits ||
        format->blue_shift >= format->bits)
        return -EINVAL;
    return 0;
}

void vnc_pixel_format_write(const struct vnc_pixel_format *format, uint8_t *wire)
{
    memset(wire, 0, VNC_PIXEL_FORMAT_BYTES);
    wire[0] = format->bits;
    wire[1] = format->depth;
    wire[2] = format->big_endian;
    wire[3] = format->true_colour;
    put_be16(wire + 4, format->red_max);
    put_be16(wire + 6, format->green_max);
    put_be16(wire + 8, format->blue_max);
    wire[10] = format->red_shift;
    wire[11] = format->green_shift;
    wire[12] = format->blue_shift;
}

/* A pixel value as an integer that, stored in host order, has the wire's bytes. */
static uint32_t to_wire_order(uint32_t value, const struct vnc_pixel_format *format)
{
    switch (format->bits) {
    case 32: return format->big_endian ? htobe32(value) : htole32(value);
    case 16: return format->big_endian ? htobe16((uint16_t)value) : htole16((uint16_t)value);
    default: return value & 0xFF;
    }
}

static void fill_channel(uint32_t *table, const struct vnc_pixel_format *format, unsigned max,
                         unsigned shift)
{
    for (unsigned i = 0; i < 256; i++) {
        /* Rounded, so that 255 gives max and 0 gives 0. */
        uint32_t level = (i * max + 127) / 255;
        table[i] = to_wire_order(level << shift, format);
    }
}

static unsigned compact_offset(const struct vnc_pixel_format *format)
{
    if (format->bits != 32 || format->depth > 24)
        return 4;
    uint64_t used = ((uint64_t)format->red_max << format->red_shift) |
                    ((uint64_t)format->green_max << format->green_shift) |
                    ((uint64_t)format->blue_max << format->blue_shift);
    if (used <= 0xFFFFFF)
        return format->big_endian ? 1 : 0;
    if ((used & 0xFF) == 0)
        return format->big_endian ? 0 : 1;
    return 4;
}

void vnc_translate_init(struct vnc_translate *tr, const struct vnc_pixel_format *format)
{
    if (!format->true_colour)
        format = &mapped_format;
    tr->bytes = format->bits / 8;
    tr->compact_offset = compact_offset(format);
    tr->rgb888 = format->bits == 32 && format->depth == 24 && format->red_max == 255 &&
                 format->green_max == 255 && format->blue_max == 255;
    fill_channel(tr->red, format, format->red_max, format->red_shift);
    fill_channel(tr->green, format, format->green_max, format->green_shift);
    fill_channel(tr->blue, format, format->blue_max, format->blue_shift);
    tr->identity = tr->rgb888 && tr->red[1] == 0x10000 && tr->green[1] == 0x100 && tr->blue[1] == 1;
}

static uint32_t translate(const struct vnc_translate *tr, uint32_t pixel)
{
    return tr->red[pixel >> 16 & 0xFF] | tr->green[pixel >> 8 & 0xFF] | tr->blue[pixel & 0xFF];
}

void vnc_translate_values(const struct vnc_translate *tr, const uint32_t *from, size_t n,
                          uint32_t *to)
{
    if (tr->identity) {
        memcpy(to, from, n * sizeof(*to));
        return;
    }
    for (size_t i = 0; i < n; i++)
        to[i] = translate(tr, from[i]);
}

const uint32_t *vnc_translated_values(const struct vnc_translate *tr, const uint32_t *from,
                                      size_t n, uint32_t *to)
{
    if (tr->identity)
        return from;
    vnc_translate_values(tr, from, n, to);
    return to;
}

void vnc_translate_bytes(const struct vnc_translate *tr, const uint32_t *from, size_t n,
                         uint8_t *to)
{
    if (tr->identity) {
        memcpy(to, from, n * sizeof(*from));
        return;
    }
    for (size_t i = 0; i < n; i++)
        to = vnc_put_pixel(tr, translate(tr, from[i]), to);
}

void vnc_colour_map(uint8_t *message)
{
    message[0] = 1; /* SetColourMapEntries */
    message[1] = 0;
    put_be16(message + 2, 0);
    put_be16(message + 4, 256);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t *entry = message + 6 + (size_t)i * 6;

        put_be16(entry, (uint16_t)((i & 7) * 65535 / 7));
        put_be16(entry + 2, (uint16_t)((i >> 3 & 7) * 65535 / 7));
        put_be16(entry + 4, (uint16_t)((i >> 6) * 65535 / 3));
    }
}
