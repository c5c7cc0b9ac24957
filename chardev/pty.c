/*
 * A pseudo-terminal, for a person who attaches a terminal program to it now and then.
 *
 * While nobody has the slave open the master reports a hang-up all the time, so it can't be
 * polled; and no periodic look at it is wanted either. So the master sits in an edge-triggered
 * epoll set, which tells once of what a new peer writes; and each write of the guest looks whether
 * a peer is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "chardev/stream.h"

struct pty {
    struct chardev chr;
    struct stream stream;
    char *link; /* a symbolic link to the slave; NULL: none */
    bool linked;
    int master, edge; /* edge: the epoll set */
    guint edge_watch, connect_source;
};

static bool peer_is_there(const struct pty *p)
{
    struct pollfd pfd = { .fd = p->master, .events = POLLIN };

    if (poll(&pfd, 1, 0) < 0)
        return false;
    return (pfd.revents & POLLHUP) == 0 || (pfd.revents & POLLIN) != 0; /* said something, left */
}

static gboolean edge_seen(gint fd, GIOCondition condition, gpointer data);

static void hung_up(struct stream *stream)
{
    struct pty *p = (struct pty *)stream->chr;

    stream_stop(stream);
    if (p->edge_watch == 0)
        p->edge_watch = g_unix_fd_add(p->edge, G_IO_IN, edge_seen, p);
    chardev_set_connected(&p->chr, false);
}

static void connect_peer(struct pty *p)
{
    if (p->chr.connected)
        return;
    g_clear_handle_id(&p->edge_watch, g_source_remove);
    stream_start(&p->stream, &p->chr, p->master, p->master);
    chardev_set_connected(&p->chr, true);
}

static gboolean edge_seen(gint fd, GIOCondition condition, gpointer data)
{
    struct pty *p = data;
    struct epoll_event event;

    if (epoll_wait(fd, &event, 1, 0) > 0 && peer_is_there(p))
        connect_peer(p);
    return G_SOURCE_CONTINUE; /* no matter if connect_peer() has removed it */
}

static gboolean connect_later(gpointer data)
{
    struct pty *p = data;

    p->connect_source = 0;
    if (peer_is_there(p))
        connect_peer(p);
    chardev_report_writable(&p->chr);
    return G_SOURCE_REMOVE;
}

static size_t pty_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    struct pty *p = (struct pty *)chr;

    if (chr->connected) {
        size_t done = stream_write(&p->stream, data, len);
        /* A full buffer that nobody will empty any more must not hold up the guest. */
        return done == len || peer_is_there(p) ? done : len;
    }
    if (!peer_is_there(p))
        return len;
    if (p->connect_source == 0)
        p->connect_source = g_idle_add_full(G_PRIORITY_DEFAULT, connect_later, p, NULL);
    return 0;
}

static void pty_accept_input(struct chardev *chr)
{
    stream_accept_input(&((struct pty *)chr)->stream);
}

static int pty_configure(struct chardev *chr, struct opts *opts, GError **err)
{
    struct pty *p = (struct pty *)chr;

    p->master = p->edge = -1;
    p->stream.in = p->stream.out = -1;
    p->link = g_strdup(opts_get(opts, "path"));
    return 0;
}

/* Raw, before anybody opens it; opened and closed once, which is what makes it report hang-up. */
static int prepare_slave(struct pty *p, const char *name)
{
    struct termios tio;
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (slave < 0)
        return -errno;
    if (tcgetattr(slave, &tio) == 0) {
        cfmakeraw(&tio);
        tcsetattr(slave, TCSANOW, &tio);
    }
    close(slave);
    return 0;
}

static int open_master(struct pty *p, char *name, size_t size)
{
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0)
        return -errno;
    int rc = ptsname_r(p->master, name, size);
    return rc != 0 ? -rc : prepare_slave(p, name);
}

static int watch_edges(struct pty *p)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };

    p->edge = epoll_create1(EPOLL_CLOEXEC);
    if (p->edge < 0 || epoll_ctl(p->edge, EPOLL_CTL_ADD, p->master, &event) < 0)
        return -errno;
    p->edge_watch = g_unix_fd_add(p->edge, G_IO_IN, edge_seen, p);
    return 0;
}

static int pty_open(struct chardev *chr, GError **err)
{
    struct pty *p = (struct pty *)chr;
    char name[64];
    int rc = open_master(p, name, sizeof(name));

    if (rc == 0)
        rc = watch_edges(p);
    if (rc < 0)
        return fail_errno(err, -rc, "%s: no pseudo-terminal", chr->where);
    p->stream.hangup = hung_up;
    chardev_set_filename(chr, g_strconcat("pty:", name, NULL));
    if (p->link != NULL && symlink(name, p->link) < 0)
        return fail_errno(err, errno, "%s: path=%s", chr->where, p->link);
    p->linked = p->link != NULL;
    return 0;
}

static void pty_close(struct chardev *chr)
{
    struct pty *p = (struct pty *)chr;

    stream_stop(&p->stream);
    g_clear_handle_id(&p->edge_watch, g_source_remove);
    g_clear_handle_id(&p->connect_source, g_source_remove);
    if (p->linked)
        unlink(p->link);
    if (p->edge >= 0)
        close(p->edge);
    if (p->master >= 0)
        close(p->master);
    g_free(p->link);
}

const struct chardev_backend chardev_pty = {
    .name = "pty",
    .size = sizeof(struct pty),
    .configure = pty_configure,
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .accept_input = pty_accept_input,
};
