/*
 * Rectangles that carry no pixels of the screen (RFC 6143, 7.8, and the registry's extensions):
 * size, cursor, kinds of input, LEDs, name.
 */
#include "ui/vnc/client.h"

#include <string.h>

#include "base/bytes.h"
#include "ui/vnc/pseudo.h"

#define OPAQUE_ALPHA 0x80 /* a cursor's pixel is shown from this alpha on */

static void put_header(GByteArray *out, unsigned x, unsigned y, unsigned width, unsigned height,
                       int32_t encoding)
{
    const pixman_box32_t box = { (int)x, (int)y, (int)(x + width), (int)(y + height) };

    vnc_put_rect_header(out, &box, encoding);
}

/* ---- size ---- */

/* The reason is in x: 0 the server, 1 this client; the result in y. One screen is all there is. */
static void put_ext_size(const struct vnc_client *client, unsigned reason, unsigned status,
                         GByteArray *out)
{
    uint8_t screens[4 + 16] = { 1 };

    put_header(out, reason, status, client->width, client->height, VNC_ENCODING_EXT_DESKTOP_SIZE);
    put_be32(screens + 4, 1); /* its id; libvncclient takes 0 as "no screen" */
    put_be16(screens + 12, (uint16_t)client->width);
    put_be16(screens + 14, (uint16_t)client->height);
    g_byte_array_append(out, screens, sizeof(screens));
}

static void put_size(struct vnc_client *client, GByteArray *out)
{
    if (client->can & VNC_CAN_EXT_RESIZE)
        put_ext_size(client, 0, 0, out);
    else
        put_header(out, 0, 0, client->width, client->height, VNC_ENCODING_DESKTOP_SIZE);
}

static void put_resize_reply(struct vnc_client *client, GByteArray *out)
{
    put_ext_size(client, 1, client->resize_status, out);
}

/* ---- cursor ---- */

static void put_cursor_mask(const struct console_cursor *cursor, GByteArray *out)
{
    const uint32_t *pixel = cursor->pixels;

    for (unsigned y = 0; y < cursor->height; y++) {
        uint8_t row[CURSOR_MAX_SIZE / 8] = { 0 };

        for (unsigned x = 0; x < cursor->width; x++) {
            if (*pixel++ >> 24 >= OPAQUE_ALPHA)
                row[x / 8] |= (uint8_t)(0x80 >> x % 8);
        }
        g_byte_array_append(out, row, (cursor->width + 7) / 8);
    }
}

static void put_cursor_pixels(const struct console_cursor *cursor,
                              const struct vnc_pixel_format *format, GByteArray *out)
{
    struct vnc_translate tr;

    vnc_translate_init(&tr, format);
    for (unsigned y = 0; y < cursor->height; y++) {
        uint32_t row[CURSOR_MAX_SIZE];
        uint8_t bytes[sizeof(row)];

        for (unsigned x = 0; x < cursor->width; x++)
            row[x] = cursor->pixels[(size_t)y * cursor->width + x] & 0xFFFFFF;
        vnc_translate_bytes(&tr, row, cursor->width, bytes);
        g_byte_array_append(out, bytes, cursor->width * tr.bytes);
    }
}

static void put_cursor(struct vnc_client *client, GByteArray *out)
{
    const struct console_cursor *cursor = console_cursor(client->server->con);

    if (cursor == NULL) { /* an empty one; the viewer shows its own */
        put_header(out, 0, 0, 0, 0, VNC_ENCODING_CURSOR);
        return;
    }
    put_header(out, cursor->hot_x, cursor->hot_y, cursor->width, cursor->height,
               VNC_ENCODING_CURSOR);
    put_cursor_pixels(cursor, &client->settings.format, out);
    put_cursor_mask(cursor, out);
}

/* ---- input ---- */

static void put_pointer_type(struct vnc_client *client, GByteArray *out)
{
    put_header(out, input_is_absolute(console_input(client->server->con)), 0, client->width,
               client->height, VNC_ENCODING_POINTER_TYPE);
}

static void put_ext_key(struct vnc_client *client, GByteArray *out)
{
    put_header(out, 0, 0, client->width, client->height, VNC_ENCODING_EXT_KEY);
}

static void put_leds(struct vnc_client *client, GByteArray *out)
{
    uint8_t leds = (uint8_t)input_leds(console_input(client->server->con));

    put_header(out, 0, 0, 1, 1, VNC_ENCODING_LEDS);
    g_byte_array_append(out, &leds, 1);
}

static void put_name(struct vnc_client *client, GByteArray *out)
{
    const char *name = client->server->name;
    uint8_t length[4];

    put_header(out, 0, 0, 0, 0, VNC_ENCODING_DESKTOP_NAME);
    put_be32(length, (uint32_t)strlen(name));
    g_byte_array_append(out, length, sizeof(length));
    g_byte_array_append(out, (const guint8 *)name, (guint)strlen(name));
}

unsigned vnc_put_pseudo_rects(struct vnc_client *client, unsigned what, GByteArray *out)
{
    static const struct {
        unsigned what;
        void (*put)(struct vnc_client *client, GByteArray *out);
    } rects[] = {
        { VNC_TELL_RESIZE_REPLY, put_resize_reply },
        { VNC_TELL_SIZE, put_size },
        { VNC_TELL_CURSOR, put_cursor },
        { VNC_TELL_POINTER_TYPE, put_pointer_type },
        { VNC_TELL_EXT_KEY, put_ext_key },
        { VNC_TELL_LEDS, put_leds },
        { VNC_TELL_NAME, put_name },
    };
    unsigned count = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(rects); i++) {
        if (what & rects[i].what) {
            rects[i].put(client, out);
            count++;
        }
    }
    return count;
}
