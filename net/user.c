#include "net/user.h"

#include "base/error.h"
#include "base/log.h"
#include "net/user_config.h"

#include <errno.h>
#include <string.h>

/* Packets for a guest that does not receive; the next are dropped, as on a full switch. */
#define QUEUE_LIMIT 1024

struct poll {
    int fd;
    GIOCondition events;
    gpointer tag;
};

struct user {
    struct net_backend backend;
    Slirp *slirp;
    GSource *source;
    GArray *polls;      /* struct poll: what libslirp waits for */
    guint n_polls;      /* of these, asked for in this round */
    gint64 deadline_us; /* when libslirp wants to be called without any event; -1: never */
    GQueue queue;       /* GBytes: packets that the NIC has not taken */
    bool sending;       /* inside slirp_input(): the NIC must not be entered */
    struct log_limit guest_errors;
};

struct source {
    GSource source;
    struct user *user;
};

/* ---- Packets ---- */

static unsigned user_send(struct net_backend *backend, const struct net_packet *packets, unsigned n)
{
    struct user *user = (struct user *)backend;
    uint8_t frame[NET_FRAME_MAX];

    user->sending = true;
    for (unsigned i = 0; i < n; i++) {
        size_t len = net_packet_read(&packets[i], 0, frame, sizeof(frame));
        slirp_input(user->slirp, frame, (int)len);
    }
    user->sending = false;
    /* libslirp may have new sockets to wait for, and answers for the guest. */
    if (!g_main_context_is_owner(NULL))
        g_main_context_wakeup(NULL);
    return n;
}

static bool deliver(struct user *user, const void *bytes, size_t len)
{
    struct iovec slice = { (void *)(uintptr_t)bytes, len };
    struct net_packet packet = { &slice, 1, len, { 0 } };

    return net_can_deliver(&user->backend) && net_deliver(&user->backend, &packet, 1) == 1;
}

static void flush(struct user *user)
{
    GBytes *packet;

    while ((packet = g_queue_peek_head(&user->queue)) != NULL) {
        gsize len;
        const void *bytes = g_bytes_get_data(packet, &len);

        if (!deliver(user, bytes, len))
            return;
        g_bytes_unref(g_queue_pop_head(&user->queue));
    }
}

static ssize_t send_packet(const void *bytes, size_t len, void *opaque)
{
    struct user *user = opaque;

    if (!user->sending && g_queue_is_empty(&user->queue) && deliver(user, bytes, len))
        return (ssize_t)len;
    if (g_queue_get_length(&user->queue) < QUEUE_LIMIT)
        g_queue_push_tail(&user->queue, g_bytes_new(bytes, len));
    else
        user->backend.stats.rx_dropped++;
    return (ssize_t)len;
}

static void user_resume(struct net_backend *backend)
{
    if (!g_main_context_is_owner(NULL))
        g_main_context_wakeup(NULL);
}

/* ---- libslirp's services ---- */

struct timer {
    struct user *user;
    SlirpTimerId id;
    void *opaque;
    guint source; /* 0: not running */
};

static int64_t clock_ns(void *opaque)
{
    return g_get_monotonic_time() * 1000;
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    struct timer *timer = g_new(struct timer, 1);

    *timer = (struct timer){ opaque, id, cb_opaque, 0 };
    return timer;
}

static gboolean timer_expired(gpointer opaque)
{
    struct timer *timer = opaque;

    timer->source = 0;
    slirp_handle_timer(timer->user->slirp, timer->id, timer->opaque);
    return G_SOURCE_REMOVE;
}

static void timer_stop(struct timer *timer)
{
    if (timer->source != 0)
        g_source_remove(timer->source);
    timer->source = 0;
}

static void timer_mod(void *opaque, int64_t expires_ms, void *unused)
{
    struct timer *timer = opaque;
    int64_t delay = expires_ms - g_get_monotonic_time() / 1000;

    timer_stop(timer);
    timer->source = g_timeout_add((guint)CLAMP(delay, 0, G_MAXINT), timer_expired, timer);
}

static void timer_free(void *opaque, void *unused)
{
    timer_stop(opaque);
    g_free(opaque);
}

static void guest_error(const char *text, void *opaque)
{
    struct user *user = opaque;

    if (log_limited(&user->guest_errors))
        log_info("netdev=%s guest: %s", user->backend.id, text);
}

/* The descriptors are asked for anew in each round of the main loop. */
static void ignore_fd(int fd, void *opaque)
{
}

static void notify(void *opaque)
{
    g_main_context_wakeup(NULL);
}

static const SlirpCb services = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_ns,
    .timer_new_opaque = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = ignore_fd,
    .unregister_poll_fd = ignore_fd,
    .notify = notify,
};

/* ---- The main loop waits for what libslirp waits for ---- */

static const struct {
    int slirp;
    GIOCondition glib;
} event_bits[] = {
    { SLIRP_POLL_IN, G_IO_IN },   { SLIRP_POLL_OUT, G_IO_OUT }, { SLIRP_POLL_PRI, G_IO_PRI },
    { SLIRP_POLL_ERR, G_IO_ERR }, { SLIRP_POLL_HUP, G_IO_HUP },
};

static int add_poll(int fd, int slirp_events, void *opaque)
{
    struct user *user = opaque;
    GIOCondition events = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(event_bits); i++) {
        if ((slirp_events & event_bits[i].slirp) != 0)
            events |= event_bits[i].glib;
    }
    if (user->n_polls == user->polls->len)
        g_array_set_size(user->polls, user->n_polls + 1);
    struct poll *poll = &g_array_index(user->polls, struct poll, user->n_polls);
    if (poll->tag != NULL && (poll->fd != fd || poll->events != events)) {
        g_source_remove_unix_fd(user->source, poll->tag);
        poll->tag = NULL;
    }
    if (poll->tag == NULL)
        *poll = (struct poll){ fd, events, g_source_add_unix_fd(user->source, fd, events) };
    return (int)user->n_polls++;
}

static void forget_polls_from(struct user *user, guint first)
{
    for (guint i = first; i < user->polls->len; i++)
        g_source_remove_unix_fd(user->source, g_array_index(user->polls, struct poll, i).tag);
    g_array_set_size(user->polls, first);
}

static int poll_result(int i, void *opaque)
{
    struct user *user = opaque;
    int events = 0;

    if (i < 0 || (guint)i >= user->polls->len)
        return 0;
    GIOCondition got = g_source_query_unix_fd(user->source,
                                              g_array_index(user->polls, struct poll, i).tag);
    for (size_t k = 0; k < G_N_ELEMENTS(event_bits); k++) {
        if ((got & event_bits[k].glib) != 0)
            events |= event_bits[k].slirp;
    }
    return events;
}

/* While packets wait for the guest, nothing more is read for it. */
static gboolean prepare(GSource *source, gint *timeout_ms)
{
    struct user *user = ((struct source *)source)->user;
    uint32_t wait_ms = UINT32_MAX;
    bool stalled = !g_queue_is_empty(&user->queue);

    user->n_polls = 0;
    if (!stalled)
        slirp_pollfds_fill(user->slirp, &wait_ms, add_poll, user);
    forget_polls_from(user, user->n_polls);
    *timeout_ms = wait_ms > G_MAXINT ? -1 : (gint)wait_ms;
    user->deadline_us = *timeout_ms < 0 ? -1 : g_get_monotonic_time() + *timeout_ms * (gint64)1000;
    return stalled && net_can_deliver(&user->backend);
}

static gboolean check(GSource *source)
{
    struct user *user = ((struct source *)source)->user;

    if (user->deadline_us >= 0 && g_get_monotonic_time() >= user->deadline_us)
        return TRUE;
    return !g_queue_is_empty(&user->queue) && net_can_deliver(&user->backend);
}

static gboolean dispatch(GSource *source, GSourceFunc unused, gpointer unused_too)
{
    struct user *user = ((struct source *)source)->user;

    flush(user);
    slirp_pollfds_poll(user->slirp, 0, poll_result, user);
    return G_SOURCE_CONTINUE;
}

/* ---- Life ---- */

static void user_destroy(struct net_backend *backend)
{
    struct user *user = (struct user *)backend;

    g_source_destroy(user->source);
    g_source_unref(user->source);
    slirp_cleanup(user->slirp);
    g_array_unref(user->polls);
    g_queue_clear_full(&user->queue, (GDestroyNotify)g_bytes_unref);
    g_free(user);
}

static const struct net_backend_ops user_ops = {
    .kind = "user",
    .send = user_send,
    .resume = user_resume,
    .destroy = user_destroy,
};

static struct user *start(const char *id, const SlirpConfig *config)
{
    static GSourceFuncs funcs = { prepare, check, dispatch };
    struct user *user = g_new0(struct user, 1);
    char address[INET_ADDRSTRLEN];

    net_backend_init(&user->backend, &user_ops, id);
    g_queue_init(&user->queue);
    user->polls = g_array_new(FALSE, TRUE, sizeof(struct poll));
    user->source = g_source_new(&funcs, sizeof(struct source));
    ((struct source *)user->source)->user = user;
    user->slirp = slirp_new(config, &services, user);
    user->backend.connected = true;
    inet_ntop(AF_INET, &config->vnetwork, address, sizeof(address));
    user->backend.info = g_strdup_printf("net=%s,restrict=%s", address,
                                         config->restricted ? "on" : "off");
    g_source_set_can_recurse(user->source, TRUE); /* as in watch.c */
    g_source_attach(user->source, NULL);
    return user;
}

static int add_forward(struct user *user, const char *text, const char *what, GError **err)
{
    struct user_forward forward;
    int r = user_parse_forward(text, &forward, what, err);

    if (r < 0)
        return r;
    errno = 0;
    if (slirp_add_hostfwd(user->slirp, forward.udp, forward.host, forward.host_port, forward.guest,
                          forward.guest_port) < 0)
        return fail_errno(err, errno != 0 ? errno : EADDRINUSE, "%s: hostfwd=%s", what, text);
    return 0;
}

int user_create(const char *id, struct opts *opts, struct net_backend **out, GError **err)
{
    g_autofree const char **search = NULL;
    g_autoptr(GPtrArray) forwards = g_ptr_array_new();
    SlirpConfig config;
    const char *forward;

    int r = user_config(opts, &config, &search, err);
    for (unsigned i = 0; (forward = opts_get_nth(opts, "hostfwd", i)) != NULL; i++)
        g_ptr_array_add(forwards, (char *)(uintptr_t)forward);
    if (r == 0)
        r = opts_finish(opts, err);
    if (r < 0)
        return r;
    struct user *user = start(id, &config);
    *out = &user->backend;
    for (guint i = 0; i < forwards->len && r == 0; i++)
        r = add_forward(user, forwards->pdata[i], opts_where(opts), err);
    if (r < 0)
        net_destroy(*out);
    return r;
}
