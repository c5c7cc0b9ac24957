/* Back ends: two NICs at the two ends of a cable, refusal on both sides, and the user network. */
#include "base/bytes.h"
#include "base/loop.h"
#include "net/netdev.h"
#include "net/pcap.h"
#include "tests/unit/net_nic.h"

#include <glib/gstdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *dir; /* of this run, for sockets and files */

/* Adds the back end that the printf-like text describes. */
static struct net_backend *add(struct netdevs *netdevs, const char *id, const char *fmt, ...)
{
    GError *err = NULL;
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *options = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *text = g_strdup_printf("%s,id=%s", options, id);
    netdevs_add_text(netdevs, text, &err);
    g_assert_no_error(err);
    return netdevs_find(netdevs, id);
}

static void fill(uint8_t *frame, size_t len, unsigned number)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(i + number);
}

static void check(const struct test_nic *nic, unsigned i, size_t wanted_len, unsigned number)
{
    size_t len;
    const uint8_t *frame = test_nic_packet(nic, i, &len);

    g_assert_cmpuint(len, ==, wanted_len);
    for (size_t k = 0; k < len; k++)
        g_assert_cmphex(frame[k], ==, (uint8_t)(k + number));
}

/* Sends in both directions, then more than the receiver wants, and finds all of it, in order. */
static void exchange(struct net_backend *a, struct net_backend *b)
{
    struct test_nic left, right;
    uint8_t frame[1514];
    unsigned sent = 0;

    test_nic_attach(&left, a);
    test_nic_attach(&right, b);
    while (!net_link_up(a) || !net_link_up(b))
        g_main_context_iteration(NULL, TRUE);
    fill(frame, sizeof(frame), 1);
    g_assert_cmpuint(test_nic_send(&right, frame, 60), ==, 1);
    test_nic_wait(&left, 1);
    check(&left, 0, 60, 1);

    right.room = 3;
    for (;;) { /* until the cable is full */
        fill(frame, sizeof(frame), sent);
        if (test_nic_send(&left, frame, sizeof(frame)) == 0 || sent == 20000)
            break;
        sent++;
    }
    g_assert_cmpuint(sent, <, 20000);
    test_nic_wait(&right, 3);
    g_assert_cmpuint(right.packets->len, ==, 3);
    right.room = UINT32_MAX;
    net_receive_ready(b);
    test_nic_wait(&right, sent);
    for (unsigned i = 0; i < sent; i++)
        check(&right, i, sizeof(frame), i);
    test_wait(&left.writable, 1);
    test_nic_release(&left);
    test_nic_release(&right);
}

static void test_stream_unix(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct net_backend *a = add(netdevs, "a", "stream,server=on,addr.type=unix,addr.path=%s/stream",
                                dir);
    struct net_backend *b = add(netdevs, "b", "stream,addr.type=unix,addr.path=%s/stream", dir);

    exchange(a, b);
    netdevs_free(netdevs);
}

static void test_stream_fd(void)
{
    struct netdevs *netdevs = netdevs_new();
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    struct net_backend *a = add(netdevs, "a", "socket,fd=%d", fds[0]);
    struct net_backend *b = add(netdevs, "b", "stream,addr.type=fd,addr.str=%d", fds[1]);
    exchange(a, b);
    netdevs_free(netdevs);
}

static void test_dgram_unix(void)
{
    struct netdevs *netdevs = netdevs_new();
    const char *text = "dgram,local.type=unix,local.path=%s/%s,remote.type=unix,remote.path=%s/%s";
    struct net_backend *a = add(netdevs, "a", text, dir, "left", dir, "right");
    struct net_backend *b = add(netdevs, "b", text, dir, "right", dir, "left");

    exchange(a, b);
    netdevs_free(netdevs);
}

/* The cable's plug follows the connection, and a restarted peer finds its way back. */
static void test_stream_comes_and_goes(void)
{
    struct netdevs *netdevs = netdevs_new();
    const char *server = "stream,server=on,addr.type=unix,addr.path=%s/again";
    struct test_nic nic;

    struct net_backend *a = add(netdevs, "a",
                                "stream,reconnect=1,addr.type=unix,addr.path=%s/again", dir);
    test_nic_attach(&nic, a);
    g_assert_false(net_link_up(a));
    add(netdevs, "b", server, dir);
    test_wait(&nic.link_changes, 1);
    g_assert_true(net_link_up(a));
    netdevs_remove(netdevs, "b", NULL);
    test_wait(&nic.link_changes, 2);
    g_assert_false(net_link_up(a));
    add(netdevs, "c", server, dir); /* the path that "b" left behind is no hindrance */
    test_wait(&nic.link_changes, 3);
    g_assert_true(net_link_up(a));
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* A peer that sends a length no frame has is cut off. */
static void test_stream_bad_length(void)
{
    struct netdevs *netdevs = netdevs_new();
    static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3 };
    struct test_nic nic;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    test_nic_attach(&nic, add(netdevs, "a", "socket,fd=%d", fds[0]));
    g_assert_cmpint(write(fds[1], huge, sizeof(huge)), ==, sizeof(huge));
    test_wait(&nic.link_changes, 1);
    g_assert_false(net_link_up(nic.net));
    g_assert_cmpuint(nic.packets->len, ==, 0);
    close(fds[1]);
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* set_link: the guest sees the cable go, and packets of both directions are counted as dropped. */
/* Whether the main loop comes to rest: nothing is ready all the time. */
static bool loop_rests(void)
{
    for (unsigned i = 0; i < 1000; i++)
        if (!g_main_context_iteration(NULL, FALSE))
            return true;
    return false;
}

/* The peer goes while the end of a frame waits for it, and the NIC has no room: both are told. */
static void test_stream_breaks_while_sending(void)
{
    struct netdevs *netdevs = netdevs_new();
    uint8_t frame[60000] = { 0 };
    int fds[2], bytes = 32768;
    struct test_nic nic;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_assert_cmpint(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), ==, 0);
    struct net_backend *a = add(netdevs, "a", "socket,fd=%d", fds[0]);
    test_nic_attach(&nic, a);
    nic.room = 0;
    while (test_nic_send(&nic, frame, sizeof(frame)) == 1)
        continue;
    close(fds[1]);
    g_assert_true(loop_rests());
    g_assert_false(net_link_up(a));
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* No descriptor is free for a peer: it waits, and the machine goes on meanwhile. */
static void test_stream_no_descriptor(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct rlimit before, limit;
    struct test_nic nic;
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    struct net_backend *a = add(netdevs, "a", "stream,server=on,addr.type=unix,addr.path=%s/full",
                                dir);
    test_nic_attach(&nic, a);
    g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/full", dir);
    g_assert_cmpint(connect(peer, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    int next = dup(STDERR_FILENO); /* the lowest that is free */
    close(next);
    limit = (struct rlimit){ (rlim_t)next, before.rlim_max };
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    bool rests = loop_rests();
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_true(rests);
    test_wait(&nic.link_changes, 1);
    g_assert_true(net_link_up(a));
    test_nic_release(&nic);
    close(peer);
    netdevs_free(netdevs);
}

static void test_set_link(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct test_nic nic;
    uint8_t frame[60] = { 0 };
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    struct net_backend *a = add(netdevs, "a", "socket,fd=%d", fds[0]);
    test_nic_attach(&nic, a);
    net_set_link(a, false);
    g_assert_cmpuint(nic.link_changes, ==, 1);
    g_assert_false(net_link_up(a));
    g_assert_cmpuint(test_nic_send(&nic, frame, sizeof(frame)), ==, 1);
    g_assert_cmpuint(a->stats.tx_dropped, ==, 1);
    g_assert_cmpuint(a->stats.tx_packets, ==, 0);
    net_set_link(a, true);
    g_assert_true(net_link_up(a));
    g_assert_cmpuint(nic.link_changes, ==, 2);
    close(fds[1]);
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

static void test_netdev_del(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct test_nic nic;

    test_nic_attach(&nic, add(netdevs, "a", "user"));
    g_assert_cmpint(netdevs_remove(netdevs, "a", NULL), ==, 0);
    g_assert_cmpuint(nic.unplugged, ==, 1);
    g_assert_null(netdevs_find(netdevs, "a"));
    g_assert_cmpuint(test_nic_send(&nic, "x", 1), ==, 1); /* no cable: it vanishes */
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* Options that are wrong, and what the message says of them. */
static void test_bad_options(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "user", "id are needed" },
        { "pigeon,id=a", "no such kind of back end 'pigeon'" },
        { "user,id=a,colour=red", "colour=red" },
        { "user,id=a,restrict=maybe", "restrict=maybe" },
        { "user,id=a,net=10.0.2.0/33", "not a mask" },
        { "user,id=a,host=192.168.1.1", "outside of net=" },
        { "user,id=a,hostfwd=tcp:22", "hostfwd=tcp:22: not" },
        { "tap,id=a,fd=0,ifname=tap0", "not with fd=" },
        { "tap,id=a,vhost=on", "vhost=on" },
        { "tap,id=a,ifname=a-name-that-is-too-long", "longer than" },
        { "stream,id=a", "addr.type is needed" },
        { "stream,id=a,addr.type=unix,addr.path=/nowhere/at/all", "/nowhere/at/all: No such file" },
        { "socket,id=a", "one of fd=" },
    };
    struct netdevs *netdevs = netdevs_new();

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *err = NULL;

        g_assert_cmpint(netdevs_add_text(netdevs, bad[i].text, &err), <, 0);
        g_assert_nonnull(err);
        if (strstr(err->message, bad[i].says) == NULL)
            g_error("%s: said '%s', not '%s'", bad[i].text, err->message, bad[i].says);
        g_error_free(err);
    }
    g_assert_cmpuint(netdevs_all(netdevs)->len, ==, 0);
    netdevs_free(netdevs);
}

/* The least DHCPDISCOVER (RFC 2131) that a server answers. */
static size_t make_discover(uint8_t *frame)
{
    static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
    uint8_t *ip = frame + 14, *udp = ip + 20, *bootp = udp + 8;
    const size_t bootp_len = 236 + 64;

    memset(frame, 0, 14 + 28 + bootp_len);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    put_be16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)(28 + bootp_len));
    ip[8] = 64;
    ip[9] = 17;
    put_be32(ip + 16, 0xffffffff);
    put_be16(ip + 10, (uint16_t)~net_sum_fold(net_sum(0, ip, 20, false)));
    put_be16(udp, 68);
    put_be16(udp + 2, 67);
    put_be16(udp + 4, (uint16_t)(8 + bootp_len));
    bootp[0] = 1; /* request, Ethernet, addresses of 6 bytes */
    bootp[1] = 1;
    bootp[2] = 6;
    memcpy(bootp + 28, mac, 6);
    memcpy(bootp + 236, options, sizeof(options));
    return 14 + 28 + bootp_len;
}

/* The answer does not come before the transmit is over, and waits for a guest that is not ready. */
static void test_user_dhcp(void)
{
    struct netdevs *netdevs = netdevs_new();
    struct test_nic nic;
    uint8_t frame[1514];
    size_t len;

    test_nic_attach(&nic, add(netdevs, "a",
                              "user,net=10.9.8.0/24,dhcpstart=10.9.8.77,ipv6=off,"
                              "hostname=guest,restrict=on"));
    nic.room = 0;
    g_assert_cmpuint(test_nic_send(&nic, frame, make_discover(frame)), ==, 1);
    g_assert_cmpuint(nic.packets->len, ==, 0);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(nic.packets->len, ==, 0);
    nic.room = 10;
    net_receive_ready(nic.net);
    test_nic_wait(&nic, 1);
    const uint8_t *offer = test_nic_packet(&nic, 0, &len);
    g_assert_cmpuint(len, >, 14 + 28 + 236);
    g_assert_cmphex(get_be32(offer + 14 + 28 + 16), ==, 0x0a09084d); /* yiaddr 10.9.8.77 */
    test_nic_release(&nic);
    netdevs_free(netdevs);
}

/* Both directions are in the capture, cut to its length. */
static void test_pcap(void)
{
    struct netdevs *netdevs = netdevs_new();
    g_autofree char *file = g_strconcat(dir, "/dump.pcap", NULL);
    g_autofree char *bytes = NULL;
    struct test_nic nic;
    uint8_t frame[200];
    gsize len;

    struct net_backend *a = add(netdevs, "a", "user");
    struct pcap *pcap = pcap_start(a, file, 100, NULL);
    test_nic_attach(&nic, a);
    fill(frame, sizeof(frame), 3);
    test_nic_send(&nic, frame, 60);
    test_nic_send(&nic, frame, sizeof(frame));
    pcap_stop(pcap);
    g_assert_true(g_file_get_contents(file, &bytes, &len, NULL));
    g_assert_cmpuint(len, ==, 24 + (16 + 60) + (16 + 100));
    g_assert_cmphex(*(const uint32_t *)(const void *)bytes, ==, 0xa1b2c3d4);
    g_assert_cmpmem(bytes + 24 + 16, 60, frame, 60);
    g_assert_cmphex(get_le32(bytes + 24 + 16 + 60 + 8), ==, GUINT32_FROM_LE(100));
    g_assert_cmphex(get_le32(bytes + 24 + 16 + 60 + 12), ==, GUINT32_FROM_LE(200));
    test_nic_release(&nic);
    netdevs_free(netdevs);
    g_unlink(file);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    dir = g_dir_make_tmp("hvm-dm-net-XXXXXX", NULL);
    g_test_add_func("/net/stream/unix", test_stream_unix);
    g_test_add_func("/net/stream/fd", test_stream_fd);
    g_test_add_func("/net/stream/comes-and-goes", test_stream_comes_and_goes);
    g_test_add_func("/net/stream/bad-length", test_stream_bad_length);
    g_test_add_func("/net/stream/breaks-while-sending", test_stream_breaks_while_sending);
    g_test_add_func("/net/stream/no-descriptor", test_stream_no_descriptor);
    g_test_add_func("/net/dgram/unix", test_dgram_unix);
    g_test_add_func("/net/set-link", test_set_link);
    g_test_add_func("/net/netdev-del", test_netdev_del);
    g_test_add_func("/net/bad-options", test_bad_options);
    g_test_add_func("/net/user/dhcp", test_user_dhcp);
    g_test_add_func("/net/pcap", test_pcap);
    int r = g_test_run();
    g_autofree char *left = g_strconcat(dir, "/stream", NULL),
                    *again = g_strconcat(dir, "/again", NULL);
    g_unlink(left);
    g_unlink(again);
    g_rmdir(dir);
    g_free(dir);
    return r;
}
