#include "net/pcap.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINKTYPE_ETHERNET 1

/* Both headers are in the writer's byte order, which the magic shows. */
struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t reserved[2], max_len, link_type;
};

struct record_header {
    uint32_t seconds, microseconds, recorded, length;
};

struct pcap {
    struct net_backend *backend; /* NULL once it is gone */
    char *file;
    int fd; /* -1 after a write error */
    size_t max_len;
};

struct pcap *pcap_start(struct net_backend *backend, const char *file, size_t max_len, GError **err)
{
    struct file_header header = {
        0xa1b2c3d4, 2, 4, { 0, 0 }, (uint32_t)max_len, LINKTYPE_ETHERNET
    };
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0) {
        fail_errno(err, errno, "capture of netdev '%s': file=%s", backend->id, file);
        return NULL;
    }
    if (write(fd, &header, sizeof(header)) != (ssize_t)sizeof(header)) {
        fail_errno(err, errno, "capture of netdev '%s': file=%s", backend->id, file);
        close(fd);
        return NULL;
    }
    struct pcap *pcap = g_new(struct pcap, 1);
    *pcap = (struct pcap){ backend, g_strdup(file), fd, max_len };
    backend->captures = g_slist_prepend(backend->captures, pcap);
    return pcap;
}

void pcap_backend_gone(gpointer opaque, gpointer unused)
{
    struct pcap *pcap = opaque;

    pcap->backend = NULL;
}

void pcap_stop(struct pcap *pcap)
{
    if (pcap->backend != NULL)
        pcap->backend->captures = g_slist_remove(pcap->backend->captures, pcap);
    if (pcap->fd >= 0)
        close(pcap->fd);
    g_free(pcap->file);
    g_free(pcap);
}

static void record(struct pcap *pcap, const struct net_packet *packet, int64_t now_us)
{
    struct iovec iov[1 + NET_SLICES_MAX];
    size_t kept;
    unsigned n = net_packet_slice(packet, 0, pcap->max_len, iov + 1, NET_SLICES_MAX, &kept);
    struct record_header header = { (uint32_t)(now_us / G_USEC_PER_SEC),
                                    (uint32_t)(now_us % G_USEC_PER_SEC), (uint32_t)kept,
                                    (uint32_t)packet->len };

    iov[0] = (struct iovec){ &header, sizeof(header) };
    if (writev(pcap->fd, iov, (int)n + 1) == (ssize_t)(sizeof(header) + kept))
        return;
    log_warn("capture file=%s: %s; capture ends", pcap->file, g_strerror(errno));
    close(pcap->fd);
    pcap->fd = -1;
}

void pcap_packets(GSList *captures, const struct net_packet *packets, unsigned n)
{
    int64_t now_us = g_get_real_time();

    for (GSList *l = captures; l != NULL; l = l->next) {
        struct pcap *pcap = l->data;

        for (unsigned i = 0; i < n && pcap->fd >= 0; i++)
            record(pcap, &packets[i], now_us);
    }
}
