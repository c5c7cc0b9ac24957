#include "ui/vnc/stream.h"

#include <errno.h>
#include <glib.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ui/vnc/tls.h"
#include "ui/vnc/websocket.h"

#define READ_BYTES  (16 * 1024)  /* at a time */
#define INPUT_LIMIT (512 * 1024) /* nobody consumes it: stop reading */
#define TLS_RECORD  (16 * 1024)
#define LOW_WATER   (16 * 1024)

struct vnc_stream {
    GSource source; /* first: GLib allocates it */
    int fd;
    gpointer fd_tag;
    const struct vnc_stream_ops *ops;
    void *opaque;

    struct vnc_tls *tls;
    bool handshaking;
    struct websocket *websocket;

    GByteArray *in, *out;
    size_t sent; /* of out */
    bool reading, finishing, dead;
    bool was_full; /* drained is due */
    const char *reason;
};

static void die(struct vnc_stream *stream, const char *reason)
{
    if (stream->dead)
        return;
    stream->dead = true;
    stream->reason = reason;
    /* The callback comes from the main loop, at once. */
    g_source_set_ready_time(&stream->source, 0);
}

size_t vnc_stream_pending(const struct vnc_stream *stream)
{
    return stream->out->len - stream->sent;
}

static void watch(struct vnc_stream *stream)
{
    GIOCondition wanted = 0;

    if (stream->fd_tag == NULL)
        return;
    if (stream->handshaking) {
        wanted = vnc_tls_wants_write(stream->tls) ? G_IO_OUT : G_IO_IN;
    } else if (!stream->dead) {
        if (stream->reading && stream->in->len < INPUT_LIMIT)
            wanted |= G_IO_IN;
        if (vnc_stream_pending(stream) > 0)
            wanted |= G_IO_OUT;
    }
    g_source_modify_unix_fd(&stream->source, stream->fd_tag, wanted);
}

/* ---- sending ---- */

static ssize_t send_some(struct vnc_stream *stream, const void *data, size_t n)
{
    if (stream->tls != NULL)
        return vnc_tls_write(stream->tls, data, MIN(n, TLS_RECORD));
    ssize_t sent = send(stream->fd, data, n, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

static void send_pending(struct vnc_stream *stream)
{
    while (!stream->dead && vnc_stream_pending(stream) > 0) {
        ssize_t n = send_some(stream, stream->out->data + stream->sent, vnc_stream_pending(stream));

        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            break;
        if (n < 0)
            die(stream, "sending failed");
        else
            stream->sent += (size_t)n;
    }
    if (vnc_stream_pending(stream) == 0) {
        g_byte_array_set_size(stream->out, 0);
        stream->sent = 0;
        if (stream->finishing)
            die(stream, "finished");
    }
}

void vnc_stream_flush(struct vnc_stream *stream)
{
    if (!stream->handshaking)
        send_pending(stream);
    stream->was_full |= vnc_stream_pending(stream) > LOW_WATER;
    watch(stream);
}

/* Forgets what was sent, once that is the larger part. */
static void compact(struct vnc_stream *stream)
{
    if (stream->sent > stream->out->len / 2) {
        g_byte_array_remove_range(stream->out, 0, (guint)stream->sent);
        stream->sent = 0;
    }
}

void vnc_stream_write(struct vnc_stream *stream, const void *data, size_t n)
{
    if (stream->dead || n == 0)
        return;
    compact(stream);
    if (stream->websocket != NULL)
        websocket_put_header(stream->out, n);
    g_byte_array_append(stream->out, data, (guint)n);
}

void vnc_stream_finish(struct vnc_stream *stream)
{
    stream->finishing = true;
    vnc_stream_flush(stream);
}

/* ---- receiving ---- */

static ssize_t receive_some(struct vnc_stream *stream, void *data, size_t n)
{
    if (stream->tls != NULL)
        return vnc_tls_read(stream->tls, data, n);
    ssize_t got = recv(stream->fd, data, n, 0);
    return got < 0 ? -errno : got;
}

static void take(struct vnc_stream *stream, const uint8_t *data, size_t n)
{
    if (stream->websocket == NULL) {
        g_byte_array_append(stream->in, data, (guint)n);
        return;
    }
    if (websocket_decode(stream->websocket, data, n, stream->in, stream->out) < 0)
        die(stream, "websocket: closed or not a frame");
}

static void receive(struct vnc_stream *stream)
{
    uint8_t buffer[READ_BYTES];

    do {
        ssize_t n = receive_some(stream, buffer, sizeof(buffer));

        if (n > 0)
            take(stream, buffer, (size_t)n);
        else if (n == 0)
            die(stream, "the client closed the connection");
        else if (n != -EAGAIN && n != -EINTR)
            die(stream, "receiving failed");
    } while (!stream->dead && stream->tls != NULL && vnc_tls_pending(stream->tls) &&
             stream->in->len < INPUT_LIMIT);
}

const uint8_t *vnc_stream_input(const struct vnc_stream *stream, size_t *n)
{
    *n = stream->in->len;
    return stream->in->data;
}

void vnc_stream_consume(struct vnc_stream *stream, size_t n)
{
    if (n > 0)
        g_byte_array_remove_range(stream->in, 0, (guint)n);
}

void vnc_stream_set_reading(struct vnc_stream *stream, bool reading)
{
    if (stream->reading == reading)
        return;
    stream->reading = reading;
    /* Input that waits here, or in TLS, is not announced by the socket. */
    if (reading && !stream->dead &&
        (stream->in->len > 0 || (stream->tls != NULL && vnc_tls_pending(stream->tls))))
        g_source_set_ready_time(&stream->source, 0);
    watch(stream);
}

/* ---- the main loop ---- */

static void handshake(struct vnc_stream *stream)
{
    int rc = vnc_tls_handshake(stream->tls);

    if (rc == -EAGAIN)
        return;
    if (rc < 0) {
        die(stream, vnc_tls_reason(stream->tls));
        return;
    }
    stream->handshaking = false;
    stream->ops->secured(stream->opaque);
}

/* ready: what the socket announced; 0: nothing, but reading goes on after a pause. */
static void exchange(struct vnc_stream *stream, GIOCondition ready)
{
    bool can_read = stream->reading && stream->in->len < INPUT_LIMIT;

    if (ready & G_IO_OUT)
        send_pending(stream);
    if (can_read && (ready & ~G_IO_OUT || (stream->tls != NULL && vnc_tls_pending(stream->tls))))
        receive(stream);
    else if (ready & (G_IO_HUP | G_IO_ERR))
        die(stream, "the connection was lost");
    if (!stream->dead && stream->reading && stream->in->len > 0 && ready != G_IO_OUT)
        stream->ops->input(stream->opaque);
    if (!stream->dead && stream->was_full && vnc_stream_pending(stream) <= LOW_WATER) {
        stream->was_full = false;
        stream->ops->drained(stream->opaque);
    }
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer unused)
{
    struct vnc_stream *stream = (struct vnc_stream *)source;
    GIOCondition ready = g_source_query_unix_fd(source, stream->fd_tag);

    g_source_set_ready_time(source, -1);
    if (stream->handshaking)
        handshake(stream);
    else if (!stream->dead)
        exchange(stream, ready);
    if (stream->dead) {
        g_source_remove_unix_fd(source, stream->fd_tag);
        stream->fd_tag = NULL;
        g_source_set_ready_time(source, -1);
        stream->ops->closed(stream->opaque);
        return G_SOURCE_REMOVE;
    }
    watch(stream);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = dispatch };

struct vnc_stream *vnc_stream_create(int fd, const struct vnc_stream_ops *ops, void *opaque)
{
    struct vnc_stream *stream = (struct vnc_stream *)g_source_new(&source_funcs,
                                                                  sizeof(struct vnc_stream));

    stream->fd = fd;
    stream->ops = ops;
    stream->opaque = opaque;
    stream->in = g_byte_array_new();
    stream->out = g_byte_array_new();
    stream->reading = true;
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    stream->fd_tag = g_source_add_unix_fd(&stream->source, fd, G_IO_IN);
    g_source_attach(&stream->source, NULL);
    return stream;
}

void vnc_stream_destroy(struct vnc_stream *stream)
{
    g_source_destroy(&stream->source);
    if (stream->tls != NULL)
        vnc_tls_destroy(stream->tls);
    if (stream->websocket != NULL)
        websocket_destroy(stream->websocket);
    g_byte_array_unref(stream->in);
    g_byte_array_unref(stream->out);
    close(stream->fd);
    g_source_unref(&stream->source);
}

int vnc_stream_start_tls(struct vnc_stream *stream, const struct vnc_tls_creds *creds)
{
    send_pending(stream); /* what was said before TLS began goes in the clear */
    if (vnc_stream_pending(stream) > 0)
        return -EPROTO;
    stream->tls = vnc_tls_create(creds, stream->fd);
    if (stream->tls == NULL)
        return -EPROTO;
    stream->handshaking = true;
    watch(stream);
    return 0;
}

void vnc_stream_start_websocket(struct vnc_stream *stream)
{
    stream->websocket = websocket_create();
}

int vnc_stream_fd(const struct vnc_stream *stream)
{
    return stream->fd;
}

const char *vnc_stream_reason(const struct vnc_stream *stream)
{
    return stream->reason;
}

bool vnc_stream_is_handshaking(const struct vnc_stream *stream)
{
    return stream->handshaking;
}

char *vnc_stream_peer_name(const struct vnc_stream *stream)
{
    return stream->tls != NULL ? vnc_tls_peer_name(stream->tls) : NULL;
}
