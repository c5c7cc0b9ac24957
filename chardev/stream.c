#include "chardev/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"

#define READ_SIZE 4096 /* at once, then other sources have their turn */

static void make_nonblocking(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void stream_start(struct stream *s, struct chardev *chr, int in, int out)
{
    s->chr = chr;
    s->in = in;
    s->out = out;
    make_nonblocking(in);
    make_nonblocking(out);
    /* A reader that goes away is an error of write(), not the end of the machine. */
    signal(SIGPIPE, SIG_IGN);
    stream_accept_input(s);
}

void stream_stop(struct stream *s)
{
    g_clear_handle_id(&s->in_watch, g_source_remove);
    g_clear_handle_id(&s->out_watch, g_source_remove);
    g_clear_handle_id(&s->hangup_source, g_source_remove);
    s->in = s->out = -1;
}

/* ---- Input ---- */

static bool is_temporary(int error)
{
    return error == EAGAIN || error == EINTR;
}

static void input_ended(struct stream *s)
{
    s->in = -1;
    if (s->hangup != NULL)
        s->hangup(s);
}

static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
    struct stream *s = data;
    uint8_t buf[READ_SIZE];
    size_t room = MIN(chardev_room(s->chr), sizeof(buf));

    if (room == 0) {
        s->in_watch = 0;
        return G_SOURCE_REMOVE;
    }
    ssize_t n = s->read != NULL ? s->read(s, buf, room) : read(fd, buf, room);
    if (n < 0 && is_temporary(errno))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        s->in_watch = 0;
        input_ended(s);
        return G_SOURCE_REMOVE;
    }
    if (s->received != NULL)
        s->received(s, buf, (size_t)n);
    else
        chardev_deliver(s->chr, buf, (size_t)n);
    return G_SOURCE_CONTINUE;
}

void stream_accept_input(struct stream *s)
{
    if (s->in >= 0 && s->in_watch == 0 && chardev_room(s->chr) > 0)
        s->in_watch = loop_watch_fd(s->in, G_IO_IN, readable, s);
}

/* ---- Output ---- */

static gboolean writable(gint fd, GIOCondition condition, gpointer data)
{
    struct stream *s = data;

    s->out_watch = 0;
    chardev_report_writable(s->chr);
    return G_SOURCE_REMOVE;
}

static gboolean output_failed(gpointer data)
{
    struct stream *s = data;

    s->hangup_source = 0;
    if (s->hangup != NULL)
        s->hangup(s);
    return G_SOURCE_REMOVE;
}

static ssize_t write_now(struct stream *s, const uint8_t *data, size_t len)
{
    ssize_t n;

    do {
        n = s->is_socket ? send(s->out, data, len, MSG_NOSIGNAL | MSG_DONTWAIT)
                         : write(s->out, data, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

size_t stream_write(struct stream *s, const uint8_t *data, size_t len)
{
    if (s->out < 0)
        return len;
    ssize_t n = write_now(s, data, len);
    if (n < 0 && errno != EAGAIN) {
        s->out = -1;
        if (s->hangup_source == 0)
            s->hangup_source = g_idle_add_full(G_PRIORITY_DEFAULT, output_failed, s, NULL);
        return len;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done < len && s->out_watch == 0)
        s->out_watch = g_unix_fd_add(s->out, G_IO_OUT, writable, s);
    return done;
}
