#include "net/socket.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "net/watch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define LENGTH_SIZE 4   /* before each frame */
#define BATCH       64  /* frames in one system call or one delivery */
#define SLICES      512 /* of one system call */
#define BURST       8   /* buffers read before other sources of the main loop have a turn */
#define IN_SIZE     (2 * NET_FRAME_MAX)

struct stream {
    struct net_backend backend;
    struct net_address address;
    unsigned reconnect_s;
    guint timer;       /* to connect, or to accept, again; 0: not running */
    int listen_fd, fd; /* -1: none */
    struct watch *listen_watch, *watch;
    uint8_t *in; /* IN_SIZE; bytes in_start to in_end are received and not delivered */
    size_t in_start, in_end;
    uint8_t *out; /* the end of a frame that the socket took the beginning of */
    size_t out_start, out_end;
    struct log_limit problems;
};

static void stream_connect(struct stream *stream);

static gboolean reconnect(gpointer opaque)
{
    struct stream *stream = opaque;

    stream->timer = 0;
    stream_connect(stream);
    return G_SOURCE_REMOVE;
}

static void close_connection(struct stream *stream)
{
    watch_free(stream->watch);
    stream->watch = NULL;
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    stream->in_start = stream->in_end = 0;
    stream->out_start = stream->out_end = 0;
}

static void disconnect(struct stream *stream, const char *reason)
{
    if (log_limited(&stream->problems))
        log_info("netdev=%s peer=%s disconnected: %s", stream->backend.id, stream->address.text,
                 reason);
    close_connection(stream);
    if (stream->listen_watch != NULL)
        watch_set(stream->listen_watch, G_IO_IN);
    else if (stream->reconnect_s > 0 && stream->timer == 0)
        stream->timer = g_timeout_add_seconds(stream->reconnect_s, reconnect, stream);
    net_set_connected(&stream->backend, false);
}

/* ---- Sending ---- */

/* Keeps what of the frame was not written; skip counts its length word too. */
static void keep_rest(struct stream *stream, const struct net_packet *packet, size_t skip)
{
    uint8_t frame[LENGTH_SIZE];
    size_t from = 0;

    put_be32(frame, (uint32_t)packet->len);
    stream->out_start = 0;
    for (; skip + from < LENGTH_SIZE; from++)
        stream->out[from] = frame[skip + from];
    stream->out_end = from + net_packet_read(packet, skip + from - LENGTH_SIZE, stream->out + from,
                                             NET_FRAME_MAX);
}

struct batch {
    unsigned n, n_slices;
    uint8_t lengths[BATCH][LENGTH_SIZE];
    struct iovec slices[SLICES];
};

static void gather(struct batch *batch, const struct net_packet *packets, unsigned n)
{
    batch->n = batch->n_slices = 0;
    while (batch->n < n && batch->n < BATCH &&
           batch->n_slices + packets[batch->n].n_slices + 1 <= SLICES) {
        const struct net_packet *packet = &packets[batch->n];
        uint8_t *length = batch->lengths[batch->n++];

        put_be32(length, (uint32_t)packet->len);
        batch->slices[batch->n_slices++] = (struct iovec){ length, LENGTH_SIZE };
        memcpy(batch->slices + batch->n_slices, packet->slices,
               packet->n_slices * sizeof(struct iovec));
        batch->n_slices += packet->n_slices;
    }
}

/* Writes one batch; returns the packets taken, or -1 when the connection broke. */
static int send_batch(struct stream *stream, const struct net_packet *packets, unsigned n)
{
    struct batch batch;
    struct msghdr msg = { .msg_iov = batch.slices };

    gather(&batch, packets, n);
    msg.msg_iovlen = batch.n_slices;
    ssize_t r = sendmsg(stream->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (r < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    size_t written = (size_t)r;
    for (unsigned i = 0; i < batch.n; i++) {
        size_t len = LENGTH_SIZE + packets[i].len;

        if (written < len && written > 0)
            keep_rest(stream, &packets[i], written);
        if (written < len)
            return (int)i + (written > 0 ? 1 : 0);
        written -= len;
    }
    return (int)batch.n;
}

static unsigned stream_send(struct net_backend *backend, const struct net_packet *packets,
                            unsigned n)
{
    struct stream *stream = (struct stream *)backend;
    unsigned done = 0;

    while (done < n && stream->out_end == 0) {
        int taken = send_batch(stream, packets + done, n - done);

        if (taken < 0) {
            /* The reading side of the main loop sees the same and disconnects. */
            stream->backend.stats.tx_dropped += n - done;
            return n;
        }
        done += (unsigned)taken;
        if (taken == 0)
            break;
    }
    if (done < n || stream->out_end > 0)
        watch_set(stream->watch, watch_interest(stream->watch) | G_IO_OUT);
    return done;
}

/* The socket has room: first the rest of a frame, then the NIC. */
static void writable(struct stream *stream)
{
    if (stream->out_end > 0) {
        ssize_t r = send(stream->fd, stream->out + stream->out_start,
                         stream->out_end - stream->out_start, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (r < 0 && errno != EAGAIN && errno != EINTR) {
            disconnect(stream, g_strerror(errno));
            return;
        }
        if (r > 0)
            stream->out_start += (size_t)r;
        if (stream->out_start < stream->out_end)
            return;
        stream->out_start = stream->out_end = 0;
    }
    watch_set(stream->watch, watch_interest(stream->watch) & ~(unsigned)G_IO_OUT);
    net_writable(&stream->backend);
}

/* ---- Receiving ---- */

/* Finds up to BATCH whole frames; -1 if the peer sent a length that no frame has. */
static int find_frames(struct stream *stream, struct iovec *slices, struct net_packet *packets)
{
    size_t at = stream->in_start;
    int n = 0;

    while (n < BATCH && stream->in_end - at >= LENGTH_SIZE) {
        uint32_t len = get_be32(stream->in + at);

        if (len == 0 || len > NET_FRAME_MAX)
            return -1;
        if (stream->in_end - at - LENGTH_SIZE < len)
            break;
        slices[n] = (struct iovec){ stream->in + at + LENGTH_SIZE, len };
        packets[n] = (struct net_packet){ &slices[n], 1, len, { 0 } };
        at += LENGTH_SIZE + len;
        n++;
    }
    return n;
}

/* Delivers all whole frames that there are. 1: done, 0: the NIC refused some, -1: bad length. */
static int deliver(struct stream *stream)
{
    struct iovec slices[BATCH];
    struct net_packet packets[BATCH];
    int n;

    while ((n = find_frames(stream, slices, packets)) > 0) {
        unsigned taken = net_deliver(&stream->backend, packets, (unsigned)n);

        for (unsigned i = 0; i < taken; i++)
            stream->in_start += LENGTH_SIZE + packets[i].len;
        if (taken < (unsigned)n)
            return 0;
    }
    return n < 0 ? -1 : 1;
}

/* As read(): 0 at the end of the connection. There is always room behind an incomplete frame. */
static ssize_t fill(struct stream *stream)
{
    memmove(stream->in, stream->in + stream->in_start, stream->in_end - stream->in_start);
    stream->in_end -= stream->in_start;
    stream->in_start = 0;
    ssize_t r = recv(stream->fd, stream->in + stream->in_end, IN_SIZE - stream->in_end, 0);
    if (r > 0)
        stream->in_end += (size_t)r;
    return r;
}

static void receive(struct stream *stream)
{
    for (unsigned round = 0; round < BURST; round++) {
        int r = deliver(stream);

        if (r < 0) {
            disconnect(stream, "bad frame length");
            return;
        }
        if (r == 0 || !net_can_deliver(&stream->backend)) {
            watch_set(stream->watch, watch_interest(stream->watch) & ~(unsigned)G_IO_IN);
            return;
        }
        ssize_t got = fill(stream);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            disconnect(stream, got == 0 ? "closed by the peer" : g_strerror(errno));
            return;
        }
    }
    watch_kick(stream->watch);
}

static void stream_resume(struct net_backend *backend)
{
    struct stream *stream = (struct stream *)backend;

    if (stream->watch == NULL || !stream->backend.connected)
        return;
    watch_set(stream->watch, watch_interest(stream->watch) | G_IO_IN);
    if (stream->in_end > stream->in_start)
        watch_kick(stream->watch);
}

/* ---- Connections ---- */

static void ready(void *opaque, GIOCondition events)
{
    struct stream *stream = opaque;

    if ((events & G_IO_OUT) != 0)
        writable(stream);
    if (stream->watch != NULL)
        receive(stream);
}

static void connected(struct stream *stream, int fd)
{
    int on = 1;

    stream->fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails for unix */
    watch_free(stream->watch);
    stream->watch = watch_new(fd, ready, stream);
    net_set_connected(&stream->backend, true);
}

static gboolean accept_again(gpointer opaque)
{
    struct stream *stream = opaque;

    stream->timer = 0;
    watch_set(stream->listen_watch, G_IO_IN);
    return G_SOURCE_REMOVE;
}

static void accept_ready(void *opaque, GIOCondition events)
{
    struct stream *stream = opaque;
    int fd = accept4(stream->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return;
    watch_set(stream->listen_watch, 0);
    if (fd >= 0)
        connected(stream, fd);
    else if (stream->timer == 0) /* no descriptor is free: it would be readable all the time */
        stream->timer = g_timeout_add_seconds(1, accept_again, stream);
}

static void connect_ready(void *opaque, GIOCondition events)
{
    struct stream *stream = opaque;
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error != 0)
        disconnect(stream, g_strerror(error));
    else
        connected(stream, stream->fd);
}

/* Starts one attempt; what comes of it is seen in connect_ready(). */
static int try_connect(struct stream *stream)
{
    int fd = net_address_socket(&stream->address, SOCK_STREAM);

    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&stream->address.storage, stream->address.len) < 0 &&
        errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        return -error;
    }
    stream->fd = fd;
    stream->watch = watch_new(fd, connect_ready, stream);
    watch_set(stream->watch, G_IO_OUT);
    return 0;
}

static void stream_connect(struct stream *stream)
{
    int r = try_connect(stream);

    if (r < 0)
        disconnect(stream, g_strerror(-r));
}

static int stream_listen(struct stream *stream)
{
    int fd = net_address_socket(&stream->address, SOCK_STREAM);
    int r = fd < 0 ? fd : net_address_bind(&stream->address, fd);

    if (r >= 0 && listen(fd, 1) < 0)
        r = -errno;
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    stream->listen_fd = fd;
    stream->listen_watch = watch_new(fd, accept_ready, stream);
    watch_set(stream->listen_watch, G_IO_IN);
    return 0;
}

static void stream_destroy(struct net_backend *backend)
{
    struct stream *stream = (struct stream *)backend;

    close_connection(stream);
    watch_free(stream->listen_watch);
    if (stream->listen_fd >= 0) {
        net_address_unlink(&stream->address);
        close(stream->listen_fd);
    }
    if (stream->timer != 0)
        g_source_remove(stream->timer);
    g_free(stream->in);
    g_free(stream->out);
    g_free(stream);
}

static const struct net_backend_ops stream_ops = {
    .kind = "stream",
    .send = stream_send,
    .resume = stream_resume,
    .destroy = stream_destroy,
};

int stream_open(const char *id, const struct net_address *address, bool server,
                unsigned reconnect_s, const char *what, struct net_backend **out, GError **err)
{
    struct stream *stream = g_new0(struct stream, 1);
    int r = 0;

    net_backend_init(&stream->backend, &stream_ops, id);
    stream->backend.info = g_strdup_printf("%s%s",
                                           server ? "server=on,addr=" : "addr=", address->text);
    stream->address = *address;
    stream->reconnect_s = reconnect_s;
    stream->fd = stream->listen_fd = -1;
    stream->in = g_malloc(IN_SIZE);
    stream->out = g_malloc(LENGTH_SIZE + NET_FRAME_MAX);
    *out = &stream->backend;
    if (address->fd >= 0)
        connected(stream, address->fd);
    else if (server)
        r = stream_listen(stream);
    else if (reconnect_s > 0)
        stream_connect(stream);
    else
        r = try_connect(stream);
    if (r == 0)
        return 0;
    fail_errno(err, -r, "%s: %s", what, address->text);
    net_destroy(*out);
    return r;
}
