/*
 * TAP: packets both ways between a NIC and the kernel's network, whole and undone, the bridge and
 * the scripts. Runs in a network namespace of its own; without the right to make one it is skipped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/loop.h"
#include "net/netdev.h"
#include "tests/unit/net_nic.h"

#define PROTOCOL 0x88b5 /* local experiments */

static struct net_backend *add(struct netdevs *netdevs, const char *text)
{
    GError *err = NULL;

    netdevs_add_text(netdevs, text, &err);
    g_assert_no_error(err);
    return netdevs_find(netdevs, "a");
}

static short flags_of(const char *ifname, short set)
{
    struct ifreq ifr = { 0 };
    int sock = socket(AF_UNIX, SOCK_DGRAM, 0);

    g_strlcpy(ifr.ifr_name, ifname, sizeof(ifr.ifr_name));
    g_assert_cmpint(ioctl(sock, SIOCGIFFLAGS, &ifr), ==, 0);
    if (set != 0) {
        ifr.ifr_flags |= set;
        g_assert_cmpint(ioctl(sock, SIOCSIFFLAGS, &ifr), ==, 0);
    }
    close(sock);
    return ifr.ifr_flags;
}

/* The kernel's side of an interface, with the virtio_net_hdr before each packet. */
static int open_packet(const char *ifname, uint16_t protocol)
{
    struct sockaddr_ll ll = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(protocol),
                              .sll_ifindex = (int)if_nametoindex(ifname) };
    struct timeval patience = { .tv_sec = 10 };
    int on = 1;
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), ==, 0);
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), ==, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&ll, sizeof(ll)), ==, 0);
    return fd;
}

static void make_frame(uint8_t *frame, size_t len)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)i;
    memset(frame, 0xff, 6);
    put_be16(frame + 12, PROTOCOL);
}

static void packets_both_ways(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct test_nic nic;
    uint8_t buffer[10 + 2000] = { 0 }, *frame = buffer + 10;
    size_t len;

    test_nic_attach(&nic, add(netdevs, "tap,id=a,ifname=t0,script=no,downscript=no"));
    flags_of("t0", IFF_UP);
    int packet = open_packet("t0", PROTOCOL);

    make_frame(frame, 1514);
    g_assert_cmpuint(test_nic_send(&nic, frame, 1514), ==, 1);
    g_assert_cmpint(recv(packet, buffer, sizeof(buffer), 0), ==, 10 + 1514);
    g_assert_cmphex(frame[1513], ==, (uint8_t)1513);

    memset(buffer, 0, 10);
    make_frame(frame, 200);
    g_assert_cmpint(send(packet, buffer, 10 + 200, 0), ==, 10 + 200);
    unsigned i = 0;
    do { /* the kernel itself may have something to say on a new interface */
        test_nic_wait(&nic, i + 1);
        test_nic_packet(&nic, i++, &len);
    } while (len != 200);
    g_assert_cmpmem(test_nic_packet(&nic, i - 1, &len), 200, frame, 200);
    close(packet);
    test_nic_release(&nic);
    netdevs_free(netdevs);
    g_assert_cmpuint(if_nametoindex("t0"), ==, 0); /* it went with the process' descriptor */
}

/* A guest that does not receive: the packets stay in the kernel's queue, and none is lost. */
static void a_guest_that_does_not_receive(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct test_nic nic;
    uint8_t buffer[10 + 100] = { 0 };

    test_nic_attach(&nic, add(netdevs, "tap,id=a,ifname=t0,script=no,downscript=no"));
    nic.room = 0;
    flags_of("t0", IFF_UP);
    int packet = open_packet("t0", PROTOCOL);
    make_frame(buffer + 10, 100);
    for (unsigned i = 0; i < 300; i++)
        g_assert_cmpint(send(packet, buffer, sizeof(buffer), 0), ==, (ssize_t)sizeof(buffer));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(nic.packets->len, ==, 0);
    nic.room = UINT32_MAX;
    net_receive_ready(nic.net);
    test_nic_wait(&nic, 300);
    close(packet);
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

static void delete_interface(const char *ifname)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
    } request = {
        .header = { .nlmsg_len = sizeof(request),
                    .nlmsg_type = RTM_DELLINK,
                    .nlmsg_flags = NLM_F_REQUEST },
        .info = { .ifi_index = (int)if_nametoindex(ifname) },
    };
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

    g_assert_cmpint(send(fd, &request, sizeof(request), 0), ==, sizeof(request));
    close(fd);
    g_assert_cmpuint(if_nametoindex(ifname), ==, 0);
}

static void run_out_of_events(void)
{
    for (unsigned i = 0; g_main_context_iteration(NULL, FALSE); i++)
        g_assert_cmpuint(i, <, 1000);
}

/* Somebody deletes the interface of a running machine: no network, and no busy loop. */
static void an_interface_that_is_deleted(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct test_nic nic;
    uint8_t frame[100];

    test_nic_attach(&nic, add(netdevs, "tap,id=a,ifname=t0,script=no,downscript=no"));
    flags_of("t0", IFF_UP);
    delete_interface("t0");
    run_out_of_events();
    make_frame(frame, sizeof(frame));
    g_assert_cmpuint(test_nic_send(&nic, frame, sizeof(frame)), ==, 1); /* dropped */
    net_receive_ready(nic.net);
    run_out_of_events();
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* Headers of a TCP/IPv4 packet with `payload` bytes; the checksum field has the pseudo header's. */
static void make_tcp(uint8_t *frame, size_t payload)
{
    uint8_t *ip = frame + 14;

    memset(frame, 0, 54 + payload);
    memset(frame, 0xff, 6);
    put_be16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)(40 + payload));
    ip[8] = 64;
    ip[9] = 6;
    put_be32(ip + 12, 0x0a000001);
    put_be32(ip + 16, 0x0a000002);
    put_be16(ip + 10, (uint16_t)~net_sum_fold(net_sum(0, ip, 20, false)));
    ip[32] = 0x50;
    put_be16(ip + 36, net_sum_fold(net_sum(0, ip + 12, 8, false) + 6 + 20 + payload));
}

static void large_packets_pass_uncut(void)
{
    static uint8_t buffer[10 + 70000];
    struct netdevs *netdevs = netdevs_new();
    struct virtio_net_hdr hdr;
    struct test_nic nic;
    uint8_t *frame = buffer + 10;
    const size_t len = 54 + 20000;

    test_nic_attach(&nic, add(netdevs, "tap,id=a,ifname=t0,script=no,downscript=no"));
    flags_of("t0", IFF_UP);
    int packet = open_packet("t0", ETH_P_IP);
    if ((nic.net->offloads & NET_CAN_TCP4) == 0) {
        g_test_skip("this kernel's TAP has no vnet_hdr");
    } else {
        make_tcp(frame, 20000);
        struct iovec slice = { frame, len };
        struct net_packet large = {
            .slices = &slice,
            .n_slices = 1,
            .len = len,
            .offload = { .checksum = true,
                         .gso = NET_GSO_TCP4,
                         .l3 = 14,
                         .l4 = 34,
                         .checksum_at = 50,
                         .header = 54,
                         .mss = 1000 },
        };
        g_assert_cmpuint(net_send(nic.net, &large, 1), ==, 1);
        g_assert_cmpint(recv(packet, buffer, sizeof(buffer), 0), ==, (ssize_t)(10 + len));
        memcpy(&hdr, buffer, sizeof(hdr));
        g_assert_cmpuint(hdr.gso_type, ==, VIRTIO_NET_HDR_GSO_TCPV4);
        g_assert_cmpuint(hdr.gso_size, ==, 1000);

        /* The way back: this NIC wants frames, so the packet is cut for it. */
        g_assert_cmpint(send(packet, buffer, 10 + len, 0), ==, (ssize_t)(10 + len));
        unsigned cut = 0;
        for (unsigned i = 0; cut < 20; i++) {
            size_t got;
            test_nic_wait(&nic, i + 1);
            test_nic_packet(&nic, i, &got);
            cut += got == 1054;
        }
    }
    close(packet);
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* The kernel may take a second to say that the carrier came or went. */
static void wait_running(const char *ifname, bool running)
{
    for (unsigned i = 0; ((flags_of(ifname, 0) & IFF_RUNNING) != 0) != running; i++) {
        g_assert_cmpuint(i, <, 1000);
        g_usleep(10000);
    }
}

static void set_link_is_the_carrier(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct net_backend *a = add(netdevs, "tap,id=a,ifname=t0,script=no,downscript=no");

    flags_of("t0", IFF_UP);
    wait_running("t0", true);
    net_set_link(a, false);
    wait_running("t0", false);
    net_set_link(a, true);
    wait_running("t0", true);
    netdevs_free(netdevs);
}

static void a_bridge_is_joined(void)
{
    struct netdevs *netdevs = netdevs_new();
    GError *err = NULL;
    int sock = socket(AF_UNIX, SOCK_DGRAM, 0);

    g_assert_cmpint(ioctl(sock, SIOCBRADDBR, "br0"), ==, 0);
    add(netdevs, "tap,id=a,ifname=t0,br=br0");
    g_assert_true((flags_of("t0", 0) & IFF_UP) != 0);
    struct ifreq ifr = { .ifr_ifindex = (int)if_nametoindex("t0") };
    g_strlcpy(ifr.ifr_name, "br0", sizeof(ifr.ifr_name));
    g_assert_cmpint(ioctl(sock, SIOCBRADDIF, &ifr), ==, -1); /* it is in already */
    g_assert_cmpint(errno, ==, EBUSY);
    netdevs_add_text(netdevs, "tap,id=b,ifname=t1,br=br9", &err);
    g_assert_nonnull(strstr(err->message, "br=br9"));
    g_error_free(err);
    netdevs_free(netdevs);
    g_assert_cmpint(ioctl(sock, SIOCBRDELBR, "br0"), ==, 0);
    close(sock);
}

static void scripts_are_run(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-tap-XXXXXX", NULL);
    g_autofree char *script = g_strconcat(dir, "/up", NULL), *out = g_strconcat(dir, "/out", NULL);
    g_autofree char *content = g_strdup_printf("#!/bin/sh\necho \"$1\" >> %s\n[ $1 != t9 ]\n", out);
    g_autofree char *good = g_strdup_printf("tap,id=a,ifname=t0,script=%s,downscript=%s", script,
                                            script);
    g_autofree char *bad = g_strdup_printf("tap,id=b,ifname=t9,script=%s", script);
    g_autofree char *said = NULL;
    struct netdevs *netdevs = netdevs_new();
    GError *err = NULL;

    g_assert_true(g_file_set_contents(script, content, -1, NULL));
    g_assert_cmpint(g_chmod(script, 0700), ==, 0);
    add(netdevs, good);
    g_assert_cmpint(netdevs_add_text(netdevs, bad, &err), <, 0);
    g_assert_nonnull(err);
    g_error_free(err);
    netdevs_free(netdevs);
    g_assert_true(g_file_get_contents(out, &said, NULL, NULL));
    g_assert_cmpstr(said, ==, "t0\nt9\nt0\n"); /* up, the one that failed, down */
    g_unlink(out);
    g_unlink(script);
    g_rmdir(dir);
}

/* An interface that the toolstack opened is passed by its descriptor. */
static void an_inherited_descriptor(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct net_backend *a = add(netdevs, "tap,id=a,ifname=t0,script=no,downscript=no");
    GError *err = NULL;

    g_assert_cmpstr(a->info, ==, "ifname=t0");
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    g_autofree char *text = g_strdup_printf("tap,id=b,fd=%d", fds[0]);
    g_assert_cmpint(netdevs_add_text(netdevs, text, &err), <, 0); /* no tap */
    g_assert_nonnull(strstr(err->message, "is not a tap"));
    g_error_free(err);
    close(fds[1]);
    netdevs_free(netdevs);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        g_print("1..0 # SKIP no network namespace: %s\n", g_strerror(errno));
        return 0;
    }
    if (access("/dev/net/tun", R_OK | W_OK) < 0) {
        g_print("1..0 # SKIP no /dev/net/tun\n");
        return 0;
    }
    loop_init();
    g_test_add_func("/net/tap/both-ways", packets_both_ways);
    g_test_add_func("/net/tap/does-not-receive", a_guest_that_does_not_receive);
    g_test_add_func("/net/tap/deleted", an_interface_that_is_deleted);
    g_test_add_func("/net/tap/large-packets", large_packets_pass_uncut);
    g_test_add_func("/net/tap/set-link", set_link_is_the_carrier);
    g_test_add_func("/net/tap/bridge", a_bridge_is_joined);
    g_test_add_func("/net/tap/scripts", scripts_are_run);
    g_test_add_func("/net/tap/fd", an_inherited_descriptor);
    return g_test_run();
}
