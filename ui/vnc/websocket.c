#include "ui/vnc/websocket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

enum { OP_CONTINUATION = 0, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

#define FIN         0x80
#define MASKED      0x80
#define CONTROL_MAX 125
#define ANSWERS_MAX (1024 * 1024) /* of output that waits: beyond, pings are not answered */

struct websocket {
    uint8_t header[14]; /* two bytes, length, mask */
    unsigned have;
    unsigned opcode;
    uint64_t left; /* of the payload */
    uint8_t mask[4];
    unsigned mask_at;
    bool in_payload;
    uint8_t control[CONTROL_MAX];
    unsigned control_bytes;
};

struct websocket *websocket_create(void)
{
    return g_new0(struct websocket, 1);
}

void websocket_destroy(struct websocket *ws)
{
    g_free(ws);
}

static void put_frame_header(GByteArray *out, unsigned opcode, uint64_t n)
{
    uint8_t header[10] = { (uint8_t)(FIN | opcode) };
    unsigned size = 2;

    if (n <= 125) {
        header[1] = (uint8_t)n;
    } else if (n <= UINT16_MAX) {
        header[1] = 126;
        put_be16(header + 2, (uint16_t)n);
        size = 4;
    } else {
        header[1] = 127;
        put_be64(header + 2, n);
        size = 10;
    }
    g_byte_array_append(out, header, size);
}

void websocket_put_header(GByteArray *out, size_t n)
{
    put_frame_header(out, OP_BINARY, n);
}

/* How long the header is, as far as its first two bytes say. */
static unsigned header_bytes(const struct websocket *ws)
{
    if (ws->have < 2)
        return 2;
    unsigned length = ws->header[1] & 0x7F;
    return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

static int start_payload(struct websocket *ws)
{
    unsigned length = ws->header[1] & 0x7F;

    ws->opcode = ws->header[0] & 0x0F;
    ws->left = length == 126   ? get_be16(ws->header + 2)
               : length == 127 ? get_be64(ws->header + 2)
                               : length;
    memcpy(ws->mask, ws->header + ws->have - 4, 4);
    ws->mask_at = 0;
    ws->control_bytes = 0;
    ws->have = 0;
    ws->in_payload = true;
    if (!(ws->header[1] & MASKED) || ws->left > INT64_MAX)
        return -EPROTO;
    switch (ws->opcode) {
    case OP_CONTINUATION:
    case OP_BINARY: return 0;
    case OP_PING:
    case OP_PONG: return ws->left <= CONTROL_MAX ? 0 : -EPROTO;
    default: return -EPROTO; /* text, too: RFB is binary; and OP_CLOSE ends it */
    }
}

/* Unmasks up to n bytes of the payload to where they belong; returns how many. */
static size_t take_payload(struct websocket *ws, const uint8_t *data, size_t n, GByteArray *in)
{
    size_t part = (size_t)MIN(n, ws->left);
    uint8_t *to = ws->control + ws->control_bytes;

    if (ws->opcode <= OP_BINARY) {
        g_byte_array_set_size(in, in->len + (guint)part);
        to = in->data + in->len - part;
    } else {
        ws->control_bytes += (unsigned)part;
    }
    for (size_t i = 0; i < part; i++)
        to[i] = data[i] ^ ws->mask[ws->mask_at++ % 4];
    ws->left -= part;
    return part;
}

/* RFC 6455, 5.5.3: who has not been answered yet need not be answered each time. */
static void end_payload(struct websocket *ws, GByteArray *out)
{
    ws->in_payload = false;
    if (ws->opcode == OP_PING && out->len < ANSWERS_MAX) {
        put_frame_header(out, OP_PONG, ws->control_bytes);
        g_byte_array_append(out, ws->control, ws->control_bytes);
    }
}

int websocket_decode(struct websocket *ws, const uint8_t *data, size_t n, GByteArray *in,
                     GByteArray *out)
{
    while (n > 0 || (ws->in_payload && ws->left == 0)) {
        if (ws->in_payload) {
            size_t part = take_payload(ws, data, n, in);

            data += part;
            n -= part;
            if (ws->left == 0)
                end_payload(ws, out);
            continue;
        }
        ws->header[ws->have++] = *data++;
        n--;
        if (ws->have == header_bytes(ws) && start_payload(ws) < 0)
            return -EPROTO;
    }
    return 0;
}
