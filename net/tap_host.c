#include "net/tap_host.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TUN_DEVICE     "/dev/net/tun"
#define DEFAULT_UP     "/etc/qemu-ifup"
#define DEFAULT_DOWN   "/etc/qemu-ifdown"
#define RECEIVE_UNDONE (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)

int tap_host_open(const struct tap_host_options *options, const char *what, GError **err)
{
    const char *name = options->ifname != NULL ? options->ifname : "tap%d";
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    unsigned features = 0;

    if (strlen(name) >= sizeof(ifr.ifr_name))
        return fail(err, EINVAL, "%s: ifname=%s: longer than %zu characters", what, name,
                    sizeof(ifr.ifr_name) - 1);
    int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, errno, "%s: %s", what, TUN_DEVICE);
    if (options->vnet_hdr && ioctl(fd, TUNGETFEATURES, &features) == 0 &&
        (features & IFF_VNET_HDR) != 0)
        ifr.ifr_flags |= IFF_VNET_HDR;
    g_strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
    if (ioctl(fd, TUNSETIFF, &ifr) == 0)
        return fd;
    int r = fail_errno(err, errno, "%s: ifname=%s", what, name);
    close(fd);
    return r;
}

int tap_host_inspect(int fd, const char *what, char **ifname, bool *vnet_hdr, GError **err)
{
    struct ifreq ifr = { 0 };

    if (ioctl(fd, TUNGETIFF, &ifr) < 0)
        return fail_errno(err, errno, "%s: fd=%d is not a tap", what, fd);
    if ((ifr.ifr_flags & IFF_TAP) == 0 || (ifr.ifr_flags & IFF_NO_PI) == 0)
        return fail(err, EINVAL, "%s: %s is not a tap that was opened with IFF_NO_PI", what,
                    ifr.ifr_name);
    *ifname = g_strndup(ifr.ifr_name, sizeof(ifr.ifr_name));
    *vnet_hdr = (ifr.ifr_flags & IFF_VNET_HDR) != 0;

    int hdr_size = sizeof(struct virtio_net_hdr);
    if (*vnet_hdr && ioctl(fd, TUNSETVNETHDRSZ, &hdr_size) < 0)
        return fail_errno(err, errno, "%s: %s: vnet_hdr", what, ifr.ifr_name);
    /* Where the kernel refuses, it finishes all packets itself, which is as good. */
    if (*vnet_hdr)
        (void)ioctl(fd, TUNSETOFFLOAD, RECEIVE_UNDONE);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(err, errno, "%s: %s", what, ifr.ifr_name);
    return 0;
}

int tap_host_set_sndbuf(int fd, uint64_t bytes, const char *what, GError **err)
{
    int value = (int)bytes;

    if (ioctl(fd, TUNSETSNDBUF, &value) < 0)
        return fail_errno(err, errno, "%s: sndbuf=%d", what, value);
    return 0;
}

static int bring_up(int sock, struct ifreq *ifr)
{
    if (ioctl(sock, SIOCGIFFLAGS, ifr) < 0)
        return -errno;
    ifr->ifr_flags |= IFF_UP;
    return ioctl(sock, SIOCSIFFLAGS, ifr) < 0 ? -errno : 0;
}

static int join_bridge(const char *bridge, const char *ifname, const char *what, GError **err)
{
    struct ifreq ifr = { 0 };
    int r = 0;
    int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (sock < 0)
        return fail_errno(err, errno, "%s: br=%s", what, bridge);
    g_strlcpy(ifr.ifr_name, bridge, sizeof(ifr.ifr_name));
    ifr.ifr_ifindex = (int)if_nametoindex(ifname);
    if (ioctl(sock, SIOCBRADDIF, &ifr) < 0 && errno != EBUSY) /* EBUSY: it is in one already */
        r = fail_errno(err, errno, "%s: br=%s: adding %s", what, bridge, ifname);
    g_strlcpy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
    if (r == 0 && (r = bring_up(sock, &ifr)) < 0)
        r = fail_errno(err, -r, "%s: bringing %s up", what, ifname);
    close(sock);
    return r;
}

int tap_host_run(const char *script, const char *ifname, GError **err)
{
    const char *argv[] = { script, ifname, NULL };
    g_autoptr(GError) reason = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL,
                      NULL, NULL, NULL, &status, &reason) ||
        !g_spawn_check_wait_status(status, &reason))
        return fail(err, EIO, "%s %s: %s", script, ifname, reason->message);
    return 0;
}

static const char *script_of(const struct tap_host_options *options, const char *given,
                             const char *otherwise)
{
    if (given == NULL)
        given = options->fd < 0 && options->bridge == NULL ? otherwise : "no";
    return strcmp(given, "no") == 0 || *given == '\0' ? NULL : given;
}

int tap_host_connect(const struct tap_host_options *options, const char *ifname, const char *what,
                     GError **err)
{
    const char *script = script_of(options, options->script, DEFAULT_UP);
    g_autoptr(GError) reason = NULL;

    if (options->bridge != NULL && options->script == NULL)
        return join_bridge(options->bridge, ifname, what, err);
    if (script == NULL || tap_host_run(script, ifname, &reason) == 0)
        return 0;
    return fail(err, EIO, "%s: %s (script=no: none is run)", what, reason->message);
}

const char *tap_host_downscript(const struct tap_host_options *options, const char *given)
{
    return script_of(options, given, access(DEFAULT_DOWN, X_OK) == 0 ? DEFAULT_DOWN : "no");
}

void tap_host_set_carrier(int fd, bool on)
{
    int carrier = on ? 1 : 0;

    (void)ioctl(fd, TUNSETCARRIER, &carrier);
}
