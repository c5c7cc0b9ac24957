#include "net/socket.h"

#include "base/error.h"
#include "base/log.h"
#include "net/inbox.h"
#include "net/watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BATCH        64
#define BURST_BUDGET 256 /* packets read before other sources of the main loop have a turn */
#define RETRY_MS     1

struct dgram {
    struct net_backend backend;
    int fd;
    struct net_address remote; /* len 0: the socket is connected */
    struct net_address local;
    struct watch *watch;
    struct inbox inbox;
    guint retry; /* source, or 0 */
    struct log_limit send_errors;
};

/* ---- Sending ---- */

static gboolean retry(gpointer opaque)
{
    struct dgram *dgram = opaque;

    dgram->retry = 0;
    net_writable(&dgram->backend);
    return G_SOURCE_REMOVE;
}

/*
 * The peer's queue is full. poll() cannot wait for that on a unix socket that is not connected, and
 * a connected one would refuse a peer that was restarted.
 */
static void retry_later(struct dgram *dgram)
{
    if (dgram->retry == 0)
        dgram->retry = g_timeout_add(RETRY_MS, retry, dgram);
}

/* Sends up to BATCH; returns how many are done with, or -errno if the first cannot be sent. */
static int send_batch(struct dgram *dgram, const struct net_packet *packets, unsigned n)
{
    struct mmsghdr messages[BATCH];
    unsigned batch = MIN(n, BATCH);

    memset(messages, 0, batch * sizeof(*messages));
    for (unsigned i = 0; i < batch; i++) {
        struct msghdr *msg = &messages[i].msg_hdr;

        msg->msg_iov = (struct iovec *)(uintptr_t)packets[i].slices;
        msg->msg_iovlen = packets[i].n_slices;
        if (dgram->remote.len > 0) {
            msg->msg_name = &dgram->remote.storage;
            msg->msg_namelen = dgram->remote.len;
        }
    }
    int sent = sendmmsg(dgram->fd, messages, batch, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}

static unsigned dgram_send(struct net_backend *backend, const struct net_packet *packets,
                           unsigned n)
{
    struct dgram *dgram = (struct dgram *)backend;
    unsigned done = 0;

    while (done < n) {
        int r = send_batch(dgram, packets + done, n - done);

        if (r == -EAGAIN || r == -ENOBUFS) {
            retry_later(dgram);
            return done;
        }
        if (r < 0 && r != -EINTR) {
            /* Nobody is there, or the frame is too long for a datagram. */
            backend->stats.tx_dropped++;
            done++;
            if (log_limited(&dgram->send_errors))
                log_info("netdev=%s dropped=1: %s", backend->id, g_strerror(-r));
        }
        done += r > 0 ? (unsigned)r : 0;
    }
    return done;
}

/* ---- Receiving ---- */

static bool read_one(struct dgram *dgram, uint8_t *room)
{
    ssize_t r;

    /* On a connected UDP socket an earlier send's refusal comes out here: not the end. */
    do
        r = recv(dgram->fd, room, NET_FRAME_MAX, MSG_DONTWAIT);
    while (r < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (r > 0)
        inbox_add(&dgram->inbox, (size_t)r, &(struct net_offload){ 0 });
    return r >= 0;
}

static void ready(void *opaque, GIOCondition events)
{
    struct dgram *dgram = opaque;
    unsigned budget = BURST_BUDGET;
    bool more = true;

    while (inbox_deliver(&dgram->inbox, &dgram->backend) && more &&
           net_can_deliver(&dgram->backend)) {
        uint8_t *room;

        if (budget == 0)
            return; /* the descriptor is still readable: poll brings us back */
        while (budget > 0 && (room = inbox_room(&dgram->inbox)) != NULL &&
               (more = read_one(dgram, room)))
            budget--;
    }
    if (dgram->inbox.n > 0 || !net_can_deliver(&dgram->backend))
        watch_set(dgram->watch, 0);
}

static void dgram_resume(struct net_backend *backend)
{
    struct dgram *dgram = (struct dgram *)backend;

    watch_set(dgram->watch, G_IO_IN);
    if (dgram->inbox.n > 0)
        watch_kick(dgram->watch);
}

/* ---- Life ---- */

static void dgram_destroy(struct net_backend *backend)
{
    struct dgram *dgram = (struct dgram *)backend;

    watch_free(dgram->watch);
    net_address_unlink(&dgram->local);
    close(dgram->fd);
    if (dgram->retry != 0)
        g_source_remove(dgram->retry);
    inbox_release(&dgram->inbox);
    g_free(dgram);
}

static const struct net_backend_ops dgram_ops = {
    .kind = "dgram",
    .send = dgram_send,
    .resume = dgram_resume,
    .destroy = dgram_destroy,
};

/*
 * A UDP socket is connected, so that only the peer's datagrams are taken. A unix one cannot be: the
 * peer may not be there yet.
 */
static int open_socket(const struct net_address *local, const struct net_address *remote)
{
    int fd = net_address_socket(local, SOCK_DGRAM);
    int r = fd < 0 ? fd : net_address_bind(local, fd);

    if (r == 0 && local->storage.ss_family != remote->storage.ss_family)
        r = -EAFNOSUPPORT;
    if (r == 0 && remote->storage.ss_family != AF_UNIX &&
        connect(fd, (const struct sockaddr *)&remote->storage, remote->len) < 0)
        r = -errno;
    if (r == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return r;
}

int dgram_open(const char *id, const struct net_address *local, const struct net_address *remote,
               const char *what, struct net_backend **out, GError **err)
{
    int fd = local->fd >= 0 ? local->fd : open_socket(local, remote);

    if (fd < 0)
        return fail_errno(err, -fd, "%s: local %s, remote %s", what, local->text, remote->text);
    struct dgram *dgram = g_new0(struct dgram, 1);
    net_backend_init(&dgram->backend, &dgram_ops, id);
    dgram->fd = fd;
    dgram->local = *local;
    if (local->storage.ss_family == AF_UNIX)
        dgram->remote = *remote;
    dgram->watch = watch_new(fd, ready, dgram);
    inbox_init(&dgram->inbox);
    dgram->backend.connected = true;
    dgram->backend.info = g_strdup_printf("local=%s,remote=%s", local->text,
                                          remote != NULL ? remote->text : "connected");
    *out = &dgram->backend;
    return 0;
}
