/*
 * Browsers as viewers: the HTTP request that opens a websocket (RFC 6455) or fetches a file of the
 * viewer's page, and websocket frames.
 */
#ifndef UI_VNC_WEBSOCKET_H
#define UI_VNC_WEBSOCKET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- frames ---- */

struct websocket;

struct websocket *websocket_create(void);
void websocket_destroy(struct websocket *ws);
/*
 * Takes n bytes of a client's frames: payload is appended to in, answers to pings to out, which
 * holds what the client has not read yet: when that is a lot, pings are not answered. -EPROTO:
 * these are no frames, or the client closed.
 */
int websocket_decode(struct websocket *ws, const uint8_t *data, size_t n, GByteArray *in,
                     GByteArray *out);
/* Appends the header of a binary frame with n bytes, which must follow. */
void websocket_put_header(GByteArray *out, size_t n);

/* ---- HTTP ---- */

/* An HTTP header longer than this is refused. */
#define HTTP_HEADER_MAX 8192

struct http_answer {
    GByteArray *bytes; /* to be sent */
    bool upgraded;     /* websocket frames follow; else the connection ends */
};

/*
 * Looks for a complete request in n bytes. Returns its length and fills answer, or 0 when more is
 * needed. root_fd: the directory of files to serve, or -1.
 */
size_t http_request(const uint8_t *data, size_t n, int root_fd, struct http_answer *answer);

#endif
