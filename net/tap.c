#include "net/tap.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "net/inbox.h"
#include "net/tap_host.h"
#include "net/watch.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <unistd.h>

#define ETH_VLAN     0x8100
#define ETH_IP6      0x86dd
#define TCP_DATA     12  /* offset of the byte with the header's length */
#define BURST_BUDGET 256 /* packets read before other sources of the main loop have a turn */

struct tap {
    struct net_backend backend;
    int fd;
    bool vnet_hdr;
    bool gone; /* the interface was deleted: there is only the descriptor */
    char *ifname;
    char *downscript; /* NULL: none */
    struct watch *watch;
    struct inbox inbox;
    struct log_limit send_errors;
};

/* ---- The kernel's view of work left undone, and ours ---- */

static struct virtio_net_hdr to_kernel(const struct net_offload *offload)
{
    struct virtio_net_hdr hdr = { 0 };

    if (!offload->checksum)
        return hdr;
    hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    hdr.csum_start = offload->l4;
    hdr.csum_offset = (uint16_t)(offload->checksum_at - offload->l4);
    if (offload->gso == NET_GSO_NONE)
        return hdr;
    hdr.gso_type = offload->gso == NET_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4
                                                : VIRTIO_NET_HDR_GSO_TCPV6;
    hdr.hdr_len = offload->header;
    hdr.gso_size = offload->mss;
    return hdr;
}

/*
 * The kernel's header says where the TCP header starts but not where the IP header does, and its
 * hdr_len is a hint only: both are read from the frame. What does not fit in the frame is left to
 * net_segment_count() to refuse.
 */
static struct net_offload from_kernel(const struct virtio_net_hdr *hdr, const uint8_t *frame,
                                      size_t len)
{
    struct net_offload offload = { .verified = (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID) != 0 };

    if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
        return offload;
    offload.checksum = true;
    offload.l4 = hdr->csum_start;
    offload.checksum_at = (uint16_t)(hdr->csum_start + hdr->csum_offset);
    if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE || len < 18 ||
        hdr->csum_start + TCP_DATA + 1u > len)
        return offload;
    offload.l3 = get_be16(frame + 12) == ETH_VLAN ? 18 : 14;
    offload.gso = get_be16(frame + offload.l3 - 2) == ETH_IP6 ? NET_GSO_TCP6 : NET_GSO_TCP4;
    offload.header = (uint16_t)(hdr->csum_start + 4 * (frame[hdr->csum_start + TCP_DATA] >> 4));
    offload.mss = hdr->gso_size;
    return offload;
}

/* ---- Sending ---- */

/* 0, or a negative errno; -EAGAIN: the queue is full. */
static int send_one(struct tap *tap, const struct net_packet *packet)
{
    struct iovec iov[1 + NET_SLICES_MAX];
    struct virtio_net_hdr hdr = to_kernel(&packet->offload);
    unsigned skip = tap->vnet_hdr ? 1 : 0;
    ssize_t r;

    iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
    memcpy(iov + skip, packet->slices, packet->n_slices * sizeof(*iov));
    do
        r = writev(tap->fd, iov, (int)(packet->n_slices + skip));
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

static unsigned tap_send(struct net_backend *backend, const struct net_packet *packets, unsigned n)
{
    struct tap *tap = (struct tap *)backend;

    for (unsigned i = 0; i < n; i++) {
        int r = send_one(tap, &packets[i]);

        if (r == -EAGAIN) {
            watch_set(tap->watch, watch_interest(tap->watch) | G_IO_OUT);
            return i;
        }
        if (r < 0) {
            /* The interface is down, or the kernel refuses headers that the guest made up. */
            backend->stats.tx_dropped++;
            if (log_limited(&tap->send_errors))
                log_info("netdev=%s dropped=1 len=%zu: %s", backend->id, packets[i].len,
                         g_strerror(-r));
        }
    }
    return n;
}

/* ---- Receiving ---- */

/* Reads one packet; false: there is none. */
static bool read_one(struct tap *tap, uint8_t *room)
{
    struct virtio_net_hdr hdr = { 0 };
    struct iovec iov[2] = { { &hdr, sizeof(hdr) }, { room, NET_FRAME_MAX } };
    size_t hdr_len = tap->vnet_hdr ? sizeof(hdr) : 0;
    ssize_t r;

    do
        r = readv(tap->fd, tap->vnet_hdr ? iov : iov + 1, tap->vnet_hdr ? 2 : 1);
    while (r < 0 && errno == EINTR);
    if (r <= (ssize_t)hdr_len)
        return false;
    size_t len = (size_t)r - hdr_len;
    struct net_offload offload = from_kernel(&hdr, room, len);
    inbox_add(&tap->inbox, len, &offload);
    return true;
}

static void receive(struct tap *tap)
{
    unsigned budget = BURST_BUDGET;
    bool more = true;

    while (inbox_deliver(&tap->inbox, &tap->backend) && more && net_can_deliver(&tap->backend)) {
        uint8_t *room;

        if (budget == 0)
            return; /* the descriptor is still readable: poll brings us back */
        while (budget > 0 && (room = inbox_room(&tap->inbox)) != NULL &&
               (more = read_one(tap, room)))
            budget--;
    }
    if (tap->inbox.n > 0 || !net_can_deliver(&tap->backend))
        watch_set(tap->watch, watch_interest(tap->watch) & ~(unsigned)G_IO_IN);
}

/* What poll() says from now on, whatever it is asked; what the guest sends is dropped. */
static void interface_gone(struct tap *tap)
{
    log_warn("netdev=%s: the interface %s is gone", tap->backend.id, tap->ifname);
    tap->gone = true;
    watch_set(tap->watch, 0);
    net_writable(&tap->backend);
}

static void ready(void *opaque, GIOCondition events)
{
    struct tap *tap = opaque;

    if ((events & G_IO_ERR) != 0) {
        interface_gone(tap);
        return;
    }
    if ((events & G_IO_OUT) != 0) {
        watch_set(tap->watch, watch_interest(tap->watch) & ~(unsigned)G_IO_OUT);
        net_writable(&tap->backend);
    }
    receive(tap);
}

static void tap_resume(struct net_backend *backend)
{
    struct tap *tap = (struct tap *)backend;

    if (!tap->gone)
        watch_set(tap->watch, watch_interest(tap->watch) | G_IO_IN);
    if (tap->inbox.n > 0)
        watch_kick(tap->watch);
}

/* ---- Life ---- */

static void tap_link_set(struct net_backend *backend)
{
    struct tap *tap = (struct tap *)backend;

    tap_host_set_carrier(tap->fd, !backend->unplugged);
}

static void tap_destroy(struct net_backend *backend)
{
    struct tap *tap = (struct tap *)backend;

    watch_free(tap->watch);
    if (tap->downscript != NULL) {
        g_autoptr(GError) err = NULL;
        if (tap_host_run(tap->downscript, tap->ifname, &err) < 0)
            log_warn("downscript: %s", err->message);
    }
    close(tap->fd);
    inbox_release(&tap->inbox);
    g_free(tap->ifname);
    g_free(tap->downscript);
    g_free(tap);
}

static const struct net_backend_ops tap_ops = {
    .kind = "tap",
    .send = tap_send,
    .resume = tap_resume,
    .link_set = tap_link_set,
    .destroy = tap_destroy,
};

static int refuse(struct opts *opts, const char *const *keys, size_t n, const char *why,
                  GError **err)
{
    for (size_t i = 0; i < n; i++) {
        if (opts_get(opts, keys[i]) != NULL)
            return fail(err, EINVAL, "%s: %s=: %s", opts_where(opts), keys[i], why);
    }
    return 0;
}

/* What QEMU has and this has not. */
static int refuse_others(struct opts *opts, GError **err)
{
    static const char *const queues[] = { "fds", "vhostfd", "vhostfds", "vhostforce" };
    static const char *const helper[] = { "helper" };
    bool vhost = false;
    uint64_t n_queues = 1;

    int r = refuse(opts, queues, G_N_ELEMENTS(queues), "the NICs here have one queue and no vhost",
                   err);
    if (r == 0)
        r = refuse(opts, helper, 1, "give br=, or pass the interface by fd=", err);
    if (r == 0)
        r = opts_get_uint(opts, "queues", 1, 1, &n_queues, err);
    if (r == 0)
        r = opts_get_bool(opts, "vhost", &vhost, err);
    if (r == 0 && vhost)
        r = fail(err, ENOTSUP, "%s: vhost=on: the NICs here have none", opts_where(opts));
    return r;
}

static int read_options(struct opts *opts, struct tap_host_options *options,
                        const char **downscript, GError **err)
{
    static const char *const not_with_fd[] = { "ifname", "script", "downscript", "br" };
    uint64_t fd = UINT64_MAX;

    *options = (struct tap_host_options){ .vnet_hdr = true };
    int r = opts_get_uint(opts, "fd", 0, INT32_MAX, &fd, err);
    if (r == 0 && fd != UINT64_MAX)
        r = refuse(opts, not_with_fd, G_N_ELEMENTS(not_with_fd), "not with fd=", err);
    if (r == 0)
        r = refuse_others(opts, err);
    if (r == 0)
        r = opts_get_bool(opts, "vnet_hdr", &options->vnet_hdr, err);
    if (r == 0)
        r = opts_get_size(opts, "sndbuf", 0, INT32_MAX, &options->sndbuf, err);
    options->fd = fd != UINT64_MAX ? (int)fd : -1;
    options->ifname = opts_get(opts, "ifname");
    options->bridge = opts_get(opts, "br");
    options->script = opts_get(opts, "script");
    *downscript = opts_get(opts, "downscript");
    return r < 0 ? r : opts_finish(opts, err);
}

/* Opens and configures the interface; returns the descriptor or -errno. */
static int open_tap(struct tap_host_options *options, const char *what, char **ifname,
                    bool *vnet_hdr, GError **err)
{
    int fd = options->fd >= 0 ? options->fd : tap_host_open(options, what, err);

    if (fd < 0)
        return fd;
    int r = tap_host_inspect(fd, what, ifname, vnet_hdr, err);
    if (r == 0 && options->sndbuf != 0)
        r = tap_host_set_sndbuf(fd, options->sndbuf, what, err);
    if (r == 0)
        r = tap_host_connect(options, *ifname, what, err);
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

int tap_create(const char *id, struct opts *opts, struct net_backend **out, GError **err)
{
    struct tap_host_options options;
    const char *downscript;

    int r = read_options(opts, &options, &downscript, err);
    if (r < 0)
        return r;
    char *ifname = NULL;
    bool vnet_hdr = false;
    int fd = open_tap(&options, opts_where(opts), &ifname, &vnet_hdr, err);
    if (fd < 0) {
        g_free(ifname);
        return fd;
    }
    struct tap *tap = g_new0(struct tap, 1);
    net_backend_init(&tap->backend, &tap_ops, id);
    tap->fd = fd;
    tap->ifname = ifname;
    tap->vnet_hdr = vnet_hdr;
    tap->downscript = g_strdup(tap_host_downscript(&options, downscript));
    tap->watch = watch_new(fd, ready, tap);
    inbox_init(&tap->inbox);
    tap->backend.offloads = vnet_hdr ? NET_CAN_CHECKSUM | NET_CAN_TCP4 | NET_CAN_TCP6 : 0;
    tap->backend.connected = true;
    tap->backend.info = g_strdup_printf("ifname=%s", ifname);
    *out = &tap->backend;
    return 0;
}
