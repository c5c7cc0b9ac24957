/*
 * The bytes of one connection: a non-blocking socket on the main loop, perhaps TLS on it, perhaps
 * websocket frames (RFC 6455) on that.
 *
 * Callbacks come from the main loop only, never from within a call below; a stream must not be
 * destroyed in one of them.
 */
#ifndef UI_VNC_STREAM_H
#define UI_VNC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vnc_tls_creds;
struct vnc_stream;

struct vnc_stream_ops {
    void (*input)(void *opaque);   /* there is more input */
    void (*secured)(void *opaque); /* TLS is established */
    void (*drained)(void *opaque); /* little output is left to be sent */
    void (*closed)(void *opaque);  /* the last callback; why: vnc_stream_reason() */
};

/* Takes over fd, a connected socket. */
struct vnc_stream *vnc_stream_create(int fd, const struct vnc_stream_ops *ops, void *opaque);
void vnc_stream_destroy(struct vnc_stream *stream);

/* What has come and was not consumed; valid until the next call. */
const uint8_t *vnc_stream_input(const struct vnc_stream *stream, size_t *n);
void vnc_stream_consume(struct vnc_stream *stream, size_t n);
/* Whether to read from the socket; at first it is. */
void vnc_stream_set_reading(struct vnc_stream *stream, bool reading);

/* Queues output; vnc_stream_flush() sends what the socket takes now, the main loop the rest. */
void vnc_stream_write(struct vnc_stream *stream, const void *data, size_t n);
void vnc_stream_flush(struct vnc_stream *stream);
size_t vnc_stream_pending(const struct vnc_stream *stream);
/* Ends the connection once all output is sent: closed follows. */
void vnc_stream_finish(struct vnc_stream *stream);

/* From the next byte on there is TLS: secured or closed follows. -EPROTO: GnuTLS refuses, or the
   client did not take the output so far. */
int vnc_stream_start_tls(struct vnc_stream *stream, const struct vnc_tls_creds *creds);
/* From the next byte that is received or written on there are websocket frames. */
void vnc_stream_start_websocket(struct vnc_stream *stream);

int vnc_stream_fd(const struct vnc_stream *stream);
const char *vnc_stream_reason(const struct vnc_stream *stream);
/* TLS was started and is not established yet, or failed to be. */
bool vnc_stream_is_handshaking(const struct vnc_stream *stream);
/* The subject of the TLS client's certificate, for the caller to free; NULL: none. */
char *vnc_stream_peer_name(const struct vnc_stream *stream);

#endif
