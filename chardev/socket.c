/*
 * Sockets, unix and TCP, listening or connecting. One peer at a time: while one is there the next
 * waits in the listening socket's queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "chardev/address.h"
#include "chardev/stream.h"

#define MAX_PASSED_FDS 16 /* more than a peer may leave with us are closed at once */

struct socket {
    struct chardev chr;
    struct stream stream;
    int fd;     /* to the peer; -1: none */
    int listen; /* -1: we connect */
    guint listen_watch, connect_watch, retry_timer;
    int passed[MAX_PASSED_FDS];
    unsigned n_passed;
    char *address;      /* "unix:/path,server=on", for filename */
    GArray *addresses;  /* struct address: where to connect */
    guint next_address; /* tried next */
    /* options */
    char *path, *host, *port;
    uint64_t reconnect, to;
    int inherited; /* fd=; -1: none */
    bool server, wait, nodelay, ipv4, ipv6;
};

static void start_connecting(struct socket *s);
static gboolean incoming(gint fd, GIOCondition condition, gpointer data);

/* ---- Passed file descriptors ---- */

static void keep_fds(struct socket *s, const struct cmsghdr *c)
{
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
        if (s->n_passed < MAX_PASSED_FDS)
            s->passed[s->n_passed++] = fd;
        else
            close(fd);
    }
}

static ssize_t socket_read(struct stream *stream, uint8_t *data, size_t len)
{
    struct socket *s = (struct socket *)stream->chr;
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int) * MAX_PASSED_FDS)];
    } control;
    struct iovec iov = { .iov_base = data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    ssize_t n = recvmsg(stream->in, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n < 0)
        return n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            keep_fds(s, c);
    return n;
}

static int socket_take_fd(struct chardev *chr)
{
    struct socket *s = (struct socket *)chr;

    if (s->n_passed == 0)
        return -1;
    int fd = s->passed[0];
    s->n_passed--;
    memmove(s->passed, s->passed + 1, s->n_passed * sizeof(s->passed[0]));
    return fd;
}

/* ---- A peer comes and goes ---- */

static void update_filename(struct socket *s)
{
    const char *address = s->address != NULL ? s->address : "socket";

    if (!s->chr.connected) {
        chardev_set_filename(&s->chr, g_strconcat("disconnected:", address, NULL));
    } else if (g_str_has_prefix(address, "unix:")) {
        chardev_set_filename(&s->chr, g_strdup(address));
    } else {
        g_autofree char *peer = address_text(s->fd, true);
        const char *bare = strchr(peer, ':');
        chardev_set_filename(&s->chr,
                             g_strconcat(address, " <-> ", bare != NULL ? bare + 1 : peer, NULL));
    }
}

static void watch_listener(struct socket *s)
{
    if (s->listen >= 0 && s->listen_watch == 0)
        s->listen_watch = g_unix_fd_add(s->listen, G_IO_IN, incoming, s);
}

static void drop_peer(struct socket *s)
{
    stream_stop(&s->stream);
    while (s->n_passed > 0)
        close(s->passed[--s->n_passed]);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static gboolean reconnect_now(gpointer data)
{
    struct socket *s = data;

    s->retry_timer = 0;
    s->next_address = 0;
    start_connecting(s);
    return G_SOURCE_REMOVE;
}

static void wait_to_reconnect(struct socket *s)
{
    if (s->reconnect > 0 && s->retry_timer == 0)
        s->retry_timer = g_timeout_add_seconds((guint)s->reconnect, reconnect_now, s);
}

static void hung_up(struct stream *stream)
{
    struct socket *s = (struct socket *)stream->chr;

    drop_peer(s);
    chardev_set_connected(&s->chr, false);
    update_filename(s);
    watch_listener(s);
    wait_to_reconnect(s);
}

static void welcome(struct socket *s, int fd)
{
    int one = 1;

    s->fd = fd;
    if (s->nodelay && s->path == NULL)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    g_clear_handle_id(&s->listen_watch, g_source_remove);
    stream_start(&s->stream, &s->chr, fd, fd);
    chardev_set_connected(&s->chr, true);
    update_filename(s);
}

static gboolean listen_again(gpointer data)
{
    struct socket *s = data;

    s->retry_timer = 0;
    if (!s->chr.connected)
        watch_listener(s);
    return G_SOURCE_REMOVE;
}

static void pause_listening(struct socket *s)
{
    g_clear_handle_id(&s->listen_watch, g_source_remove);
    if (s->retry_timer == 0)
        s->retry_timer = g_timeout_add_seconds(1, listen_again, s);
}

static gboolean incoming(gint fd, GIOCondition condition, gpointer data)
{
    struct socket *s = data;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (peer >= 0)
        welcome(s, peer);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        pause_listening(s);   /* no descriptor is free: the socket would be readable all the time */
    return G_SOURCE_CONTINUE; /* no matter if it was removed just now */
}

/* ---- Connecting ---- */

/* Whether the connection in progress stands: 0 or -errno. */
static int connect_result(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

static gboolean connect_done(gint fd, GIOCondition condition, gpointer data)
{
    struct socket *s = data;

    s->connect_watch = 0;
    s->fd = -1;
    if (connect_result(fd) == 0) {
        welcome(s, fd);
    } else {
        close(fd);
        start_connecting(s);
    }
    return G_SOURCE_REMOVE;
}

/* Tries the next address; after the last one it waits. */
static void start_connecting(struct socket *s)
{
    while (s->next_address < s->addresses->len) {
        int fd = address_connect(&g_array_index(s->addresses, struct address, s->next_address++));
        if (fd >= 0) {
            s->fd = fd;
            s->connect_watch = g_unix_fd_add(fd, G_IO_OUT, connect_done, s);
            return;
        }
    }
    wait_to_reconnect(s);
}

static int wait_for(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    return poll(&pfd, 1, -1) < 0 ? -errno : 0;
}

/* Without reconnect= the peer must be there at the start. */
static int connect_at_start(struct socket *s, GError **err)
{
    int rc = -ENOENT;

    for (guint i = 0; i < s->addresses->len; i++) {
        int fd = address_connect(&g_array_index(s->addresses, struct address, i));
        rc = fd >= 0 ? wait_for(fd, POLLOUT) : fd;
        if (rc == 0)
            rc = connect_result(fd);
        if (rc == 0) {
            welcome(s, fd);
            return 0;
        }
        if (fd >= 0)
            close(fd);
    }
    return fail_errno(err, -rc, "%s: connecting to %s", s->chr.where, s->address);
}

/* ---- Opening ---- */

static int resolve(struct socket *s, GError **err)
{
    int family = s->ipv4 == s->ipv6 ? AF_UNSPEC : s->ipv4 ? AF_INET : AF_INET6;
    struct address a;

    if (s->path == NULL) {
        s->address = g_strdup_printf("tcp:%s:%s%s", s->host, s->port,
                                     s->server ? ",server=on" : "");
        s->addresses = address_tcp(s->chr.where, s->host, s->port, s->server, family, err);
        return s->addresses != NULL ? 0 : -EINVAL;
    }
    int rc = address_unix(s->chr.where, s->path, &a, err);
    if (rc < 0)
        return rc;
    s->address = g_strdup_printf("unix:%s%s", s->path, s->server ? ",server=on" : "");
    s->addresses = g_array_new(FALSE, FALSE, sizeof(struct address));
    g_array_append_val(s->addresses, a);
    return 0;
}

/* The next port after one that is taken, for to=. */
static bool next_port(struct address *a, uint64_t last)
{
    struct sockaddr_in6 in; /* the port is at the same place in both families */

    memcpy(&in, &a->sa, sizeof(in));
    unsigned port = ntohs(in.sin6_port);
    if (port == 0 || port >= last)
        return false;
    in.sin6_port = htons((uint16_t)(port + 1));
    memcpy(&a->sa, &in, sizeof(in));
    return true;
}

static int start_listening(struct socket *s, GError **err)
{
    int fd = -ENOENT;

    for (guint i = 0; i < s->addresses->len && fd < 0; i++) {
        struct address *a = &g_array_index(s->addresses, struct address, i);
        do {
            fd = address_listen(a);
        } while (fd == -EADDRINUSE && s->path == NULL && next_port(a, s->to));
    }
    if (fd < 0)
        return fail_errno(err, -fd, "%s: listening on %s", s->chr.where, s->address);
    s->listen = fd;
    if (s->path == NULL) { /* port 0 and to= leave the port to the system */
        g_autofree char *own = address_text(fd, false);
        g_free(s->address);
        s->address = g_strconcat(own, ",server=on", NULL);
    }
    return 0;
}

static int use_inherited(struct socket *s, GError **err)
{
    int type = 0, listening = 0;
    socklen_t len = sizeof(int);

    if (getsockopt(s->inherited, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
        return fail_errno(err, errno, "%s: fd=%d", s->chr.where, s->inherited);
    getsockopt(s->inherited, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
    if (type != SOCK_STREAM || (listening != 0) != s->server)
        return fail(err, EINVAL, "%s: fd=%d: not a %s stream socket", s->chr.where, s->inherited,
                    s->server ? "listening" : "connected");
    fcntl(s->inherited, F_SETFD, FD_CLOEXEC);
    g_autofree char *own = address_text(s->inherited, false);
    s->address = g_strconcat(own, s->server ? ",server=on" : "", NULL);
    if (!s->server) {
        welcome(s, s->inherited);
        return 0;
    }
    s->listen = s->inherited;
    fcntl(s->listen, F_SETFL, fcntl(s->listen, F_GETFL) | O_NONBLOCK);
    return 0;
}

/* wait=on: the machine does not start before somebody is there. */
static int wait_for_peer(struct socket *s, GError **err)
{
    log_warn("%s: waiting for a connection on %s", s->chr.where, s->address);
    while (!s->chr.connected) {
        int rc = wait_for(s->listen, POLLIN);
        if (rc < 0)
            return fail_errno(err, -rc, "%s: waiting on %s", s->chr.where, s->address);
        incoming(s->listen, G_IO_IN, s);
    }
    return 0;
}

static int open_server(struct socket *s, GError **err)
{
    int rc = s->inherited >= 0 ? 0 : start_listening(s, err);

    if (rc < 0)
        return rc;
    if (s->wait)
        return wait_for_peer(s, err);
    watch_listener(s);
    update_filename(s);
    return 0;
}

static int socket_open(struct chardev *chr, GError **err)
{
    struct socket *s = (struct socket *)chr;
    int rc = s->inherited >= 0 ? use_inherited(s, err) : resolve(s, err);

    if (rc < 0)
        return rc;
    if (s->server)
        return open_server(s, err);
    if (s->inherited >= 0)
        return 0;
    if (s->reconnect == 0)
        return connect_at_start(s, err);
    start_connecting(s);
    update_filename(s);
    return 0;
}

/* ---- Options ---- */

static int take_flags(struct socket *s, struct opts *opts, GError **err)
{
    const struct {
        const char *key;
        bool *value;
    } flags[] = {
        { "server", &s->server }, { "wait", &s->wait }, { "nodelay", &s->nodelay },
        { "ipv4", &s->ipv4 },     { "ipv6", &s->ipv6 },
    };
    int rc = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(flags) && rc == 0; i++)
        rc = opts_get_bool(opts, flags[i].key, flags[i].value, err);
    return rc;
}

static int take_numbers(struct socket *s, struct opts *opts, GError **err)
{
    uint64_t fd = UINT64_MAX;
    int rc = opts_get_uint(opts, "fd", 0, INT32_MAX, &fd, err);

    if (rc == 0)
        rc = opts_get_uint(opts, "reconnect", 0, 86400, &s->reconnect, err);
    if (rc == 0)
        rc = opts_get_uint(opts, "to", 1, UINT16_MAX, &s->to, err);
    s->inherited = fd != UINT64_MAX ? (int)fd : -1;
    return rc;
}

static int socket_configure(struct chardev *chr, struct opts *opts, GError **err)
{
    struct socket *s = (struct socket *)chr;

    s->fd = s->listen = -1;
    s->stream = (struct stream){
        .in = -1, .out = -1, .read = socket_read, .hangup = hung_up, .is_socket = true
    };
    s->path = g_strdup(opts_get(opts, "path"));
    s->host = g_strdup(opts_get(opts, "host"));
    s->port = g_strdup(opts_get(opts, "port"));
    s->wait = opts_get(opts, "wait") == NULL; /* waits unless told not to: a server only */
    int rc = take_flags(s, opts, err);
    if (rc == 0)
        rc = take_numbers(s, opts, err);
    if (rc < 0)
        return rc;
    if ((s->path != NULL) + (s->port != NULL) + (s->inherited >= 0) != 1)
        return fail(err, EINVAL, "%s: needs path=, or host= and port=, or fd=", chr->where);
    if (s->host == NULL)
        s->host = g_strdup("");
    if (!s->server && opts_get(opts, "wait") != NULL && s->wait)
        return fail(err, EINVAL, "%s: wait=on is for server=on", chr->where);
    if (s->server && s->reconnect != 0)
        return fail(err, EINVAL, "%s: reconnect= is not for server=on", chr->where);
    return 0;
}

static void socket_close(struct chardev *chr)
{
    struct socket *s = (struct socket *)chr;

    g_clear_handle_id(&s->listen_watch, g_source_remove);
    g_clear_handle_id(&s->connect_watch, g_source_remove);
    g_clear_handle_id(&s->retry_timer, g_source_remove);
    drop_peer(s);
    if (s->listen >= 0) {
        if (s->path != NULL)
            unlink(s->path);
        close(s->listen);
    }
    if (s->addresses != NULL)
        g_array_unref(s->addresses);
    g_free(s->address);
    g_free(s->path);
    g_free(s->host);
    g_free(s->port);
}

static size_t socket_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    struct socket *s = (struct socket *)chr;

    return chr->connected ? stream_write(&s->stream, data, len) : len;
}

static void socket_accept_input(struct chardev *chr)
{
    struct socket *s = (struct socket *)chr;

    if (chr->connected)
        stream_accept_input(&s->stream);
}

const struct chardev_backend chardev_socket = {
    .name = "socket",
    .size = sizeof(struct socket),
    .configure = socket_configure,
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .accept_input = socket_accept_input,
    .take_fd = socket_take_fd,
};
