/*
 * Messages from a client after ClientInit (RFC 6143, 7.5, and the registry's extensions).
 */
#include "ui/vnc/client.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "ui/vnc/pseudo.h"

enum {
    MSG_SET_PIXEL_FORMAT = 0,
    MSG_SET_ENCODINGS = 2,
    MSG_UPDATE_REQUEST = 3,
    MSG_KEY = 4,
    MSG_POINTER = 5,
    MSG_CUT_TEXT = 6,
    MSG_CONTINUOUS = 150,
    MSG_FENCE = 248,
    MSG_XVP = 250,
    MSG_SET_DESKTOP_SIZE = 251,
    MSG_QEMU = 255,
};
enum { QEMU_EXT_KEY = 0, QEMU_AUDIO = 1 };

#define MAX_ENCODINGS 1024
#define MAX_CUT_TEXT  (1024 * 1024)
#define MAX_FENCE     64
/* While the client does not read, answers to what it sends pile up to this and no further. */
#define MAX_ANSWERS   (256 * 1024)

#define FENCE_REQUEST   UINT32_C(0x80000000)
#define FENCE_SUPPORTED 7 /* block before, block after, synchronize next: all kept by our order */

/* Status of SetDesktopSize. FORWARDED: the guest decides, and a new size follows if it obeys. */
enum { RESIZE_PROHIBITED = 1, RESIZE_INVALID = 3, RESIZE_FORWARDED = 4 };

/* ---- formats and encodings ---- */

static size_t set_pixel_format(struct vnc_client *client, const uint8_t *data, size_t n)
{
    struct vnc_pixel_format format;
    uint8_t map[VNC_COLOUR_MAP_BYTES];

    if (n < 20)
        return 0;
    if (vnc_pixel_format_read(&format, data + 4) < 0) {
        vnc_client_close(client, "an impossible pixel format");
        return 0;
    }
    client->settings.format = format;
    if (!format.true_colour) {
        vnc_colour_map(map);
        vnc_client_send(client, map, sizeof(map));
    }
    vnc_client_tell(client, VNC_TELL_CURSOR); /* its pixels have the new format */
    return 20;
}

static bool is_pixel_encoding(int32_t encoding)
{
    return encoding == VNC_ENCODING_RAW || encoding == VNC_ENCODING_HEXTILE ||
           encoding == VNC_ENCODING_ZLIB || encoding == VNC_ENCODING_TIGHT ||
           encoding == VNC_ENCODING_ZRLE;
}

static unsigned capability(int32_t encoding)
{
    switch (encoding) {
    case VNC_ENCODING_COPYRECT: return VNC_CAN_COPYRECT;
    case VNC_ENCODING_DESKTOP_SIZE: return VNC_CAN_RESIZE;
    case VNC_ENCODING_EXT_DESKTOP_SIZE: return VNC_CAN_EXT_RESIZE;
    case VNC_ENCODING_CURSOR: return VNC_CAN_CURSOR;
    case VNC_ENCODING_POINTER_TYPE: return VNC_CAN_POINTER_TYPE;
    case VNC_ENCODING_EXT_KEY: return VNC_CAN_EXT_KEY;
    case VNC_ENCODING_LEDS: return VNC_CAN_LEDS;
    case VNC_ENCODING_DESKTOP_NAME: return VNC_CAN_NAME;
    case VNC_ENCODING_CONTINUOUS: return VNC_CAN_CONTINUOUS;
    case VNC_ENCODING_FENCE: return VNC_CAN_FENCE;
    default: return 0; /* among them the extended clipboard: it is never announced in return */
    }
}

static void take_encoding(struct vnc_client *client, int32_t encoding, bool *chosen)
{
    struct vnc_settings *settings = &client->settings;

    if (is_pixel_encoding(encoding)) {
        if (!*chosen) /* the first is what the client likes best */
            settings->encoding = encoding;
        *chosen = true;
    } else if (encoding >= VNC_ENCODING_COMPRESSION_0 && encoding <= VNC_ENCODING_COMPRESSION_9) {
        settings->compression = encoding - VNC_ENCODING_COMPRESSION_0;
    } else if (encoding >= VNC_ENCODING_QUALITY_0 && encoding <= VNC_ENCODING_QUALITY_9) {
        settings->jpeg_quality = encoding - VNC_ENCODING_QUALITY_0;
    } else {
        client->can |= capability(encoding);
    }
}

/* Announces in return what has to be announced, to a client that has just said that it can. */
static void announce(struct vnc_client *client, unsigned new)
{
    /* A fence that asks for an answer, with the flag "request" and no payload. */
    static const uint8_t fence[9] = { MSG_FENCE, [4] = 0x80 };
    static const uint8_t end_of_continuous = MSG_CONTINUOUS;

    if (new &VNC_CAN_FENCE)
        vnc_client_send(client, fence, sizeof(fence));
    if (new &VNC_CAN_CONTINUOUS)
        vnc_client_send(client, &end_of_continuous, 1);
    if (new &VNC_CAN_EXT_RESIZE)
        vnc_client_tell(client, VNC_TELL_SIZE);
    vnc_client_tell(client, new &VNC_CAN_EXT_KEY ? VNC_TELL_EXT_KEY : 0);
    vnc_client_tell(client, VNC_TELL_CURSOR | VNC_TELL_POINTER_TYPE | VNC_TELL_LEDS);
}

static size_t set_encodings(struct vnc_client *client, const uint8_t *data, size_t n)
{
    unsigned before = client->can, count;
    bool chosen = false;

    if (n < 4)
        return 0;
    count = get_be16(data + 2);
    if (count > MAX_ENCODINGS) {
        vnc_client_close(client, "too many encodings");
        return 0;
    }
    if (n < 4 + (size_t)count * 4)
        return 0;
    client->can = 0;
    client->settings.encoding = VNC_ENCODING_RAW;
    client->settings.compression = VNC_DEFAULT_COMPRESSION;
    client->settings.jpeg_quality = client->server->config.lossy ? 6 : -1;
    for (unsigned i = 0; i < count; i++)
        take_encoding(client, (int32_t)get_be32(data + 4 + (size_t)i * 4), &chosen);
    announce(client, client->can & ~before);
    return 4 + (size_t)count * 4;
}

/* ---- updates ---- */

static size_t update_request(struct vnc_client *client, const uint8_t *data, size_t n)
{
    unsigned x, y, width, height;

    if (n < 10)
        return 0;
    x = get_be16(data + 2);
    y = get_be16(data + 4);
    width = get_be16(data + 6);
    height = get_be16(data + 8);
    vnc_region_add(&client->requested, (int)x, (int)y, width, height);
    if (data[1] == 0) /* not incremental: the client has lost these pixels */
        vnc_region_add(&client->dirty, (int)x, (int)y, width, height);
    return 10;
}

static size_t enable_continuous(struct vnc_client *client, const uint8_t *data, size_t n)
{
    static const uint8_t end = MSG_CONTINUOUS;
    bool was_on = client->continuous;

    if (n < 10)
        return 0;
    client->continuous = data[1] != 0;
    pixman_region32_fini(&client->continuous_area);
    pixman_region32_init_rect(&client->continuous_area, get_be16(data + 2), get_be16(data + 4),
                              get_be16(data + 6), get_be16(data + 8));
    if (was_on && !client->continuous)
        vnc_client_send(client, &end, 1);
    return 10;
}

/* ---- input ---- */

static size_t key(struct vnc_client *client, const uint8_t *data, size_t n)
{
    if (n < 8)
        return 0;
    vnc_key_event(client, get_be32(data + 4), data[1] != 0);
    return 8;
}

static size_t pointer(struct vnc_client *client, const uint8_t *data, size_t n)
{
    if (n < 6)
        return 0;
    vnc_pointer_event(client, data[1], get_be16(data + 2), get_be16(data + 4));
    return 6;
}

static size_t qemu(struct vnc_client *client, const uint8_t *data, size_t n)
{
    if (n < 4)
        return 0;
    if (data[1] == QEMU_AUDIO) /* there is no sound; enable, disable, or a format of 6 bytes */
        return data[3] != 2 ? 4 : n < 10 ? 0 : 10;
    if (data[1] != QEMU_EXT_KEY) {
        vnc_client_close(client, "an unknown QEMU message");
        return 0;
    }
    if (n < 12)
        return 0;
    vnc_ext_key_event(client, get_be32(data + 4), get_be32(data + 8), get_be16(data + 2) != 0);
    return 12;
}

/* ---- others ---- */

/* The guest has no clipboard: the text is skipped. A negative length is the extended form. */
static size_t cut_text(struct vnc_client *client, const uint8_t *data, size_t n)
{
    uint32_t length;

    if (n < 8)
        return 0;
    length = get_be32(data + 4);
    if (length > INT32_MAX)
        length = -length;
    if (length > MAX_CUT_TEXT) {
        vnc_client_close(client, "too long a cut text");
        return 0;
    }
    client->skip = length;
    return 8;
}

static size_t fence(struct vnc_client *client, const uint8_t *data, size_t n)
{
    uint8_t answer[9 + MAX_FENCE];
    uint32_t flags;
    size_t length;

    if (n < 9)
        return 0;
    length = data[8];
    if (length > MAX_FENCE) {
        vnc_client_close(client, "too long a fence");
        return 0;
    }
    if (n < 9 + length)
        return 0;
    flags = get_be32(data + 4);
    if (flags & FENCE_REQUEST) {
        memcpy(answer, data, 9 + length);
        put_be32(answer + 4, flags & FENCE_SUPPORTED);
        vnc_client_send(client, answer, 9 + length);
    }
    return 9 + length;
}

static size_t set_desktop_size(struct vnc_client *client, const uint8_t *data, size_t n)
{
    size_t length;
    int rc;

    if (n < 8)
        return 0;
    length = 8 + (size_t)data[6] * 16; /* and a list of screens */
    if (n < length)
        return 0;
    rc = console_set_ui_info(client->server->con, get_be16(data + 2), get_be16(data + 4));
    client->resize_status = rc == 0          ? RESIZE_FORWARDED
                            : rc == -ENOTSUP ? RESIZE_PROHIBITED
                                             : RESIZE_INVALID;
    vnc_client_tell(client, VNC_TELL_RESIZE_REPLY);
    return length;
}

static size_t skip_text(struct vnc_client *client, size_t n)
{
    size_t part = MIN(n, client->skip);

    client->skip -= part;
    return part;
}

/* A client that sends but does not read is not listened to until it has read. */
static bool has_too_many_answers(struct vnc_client *client)
{
    if (client->deferred->len + vnc_stream_pending(client->stream) <= MAX_ANSWERS)
        return false;
    vnc_stream_set_reading(client->stream, false);
    return true;
}

size_t vnc_message(struct vnc_client *client, const uint8_t *data, size_t n)
{
    if (client->skip > 0)
        return skip_text(client, n);
    if (has_too_many_answers(client))
        return 0;
    switch (data[0]) {
    case MSG_SET_PIXEL_FORMAT: return set_pixel_format(client, data, n);
    case MSG_SET_ENCODINGS: return set_encodings(client, data, n);
    case MSG_UPDATE_REQUEST: return update_request(client, data, n);
    case MSG_KEY: return key(client, data, n);
    case MSG_POINTER: return pointer(client, data, n);
    case MSG_CUT_TEXT: return cut_text(client, data, n);
    case MSG_CONTINUOUS: return enable_continuous(client, data, n);
    case MSG_FENCE: return fence(client, data, n);
    case MSG_XVP: return n < 4 ? 0 : 4; /* power control was not offered */
    case MSG_SET_DESKTOP_SIZE: return set_desktop_size(client, data, n);
    case MSG_QEMU: return qemu(client, data, n);
    default: vnc_client_close(client, "an unknown message"); return 0;
    }
}
