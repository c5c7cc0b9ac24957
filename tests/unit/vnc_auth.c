/*
 * Who gets in: protocol versions, passwords, TLS, browsers, addresses and options.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <glib-unix.h>
#include <gnutls/gnutls.h>
#include <nettle/des.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "vnc_wire.h"

/* ---- versions ---- */

static void test_3_3(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_connect(&m);
    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.003\n", 12);
    wire_expect(fd, "\0\0\0\1", 4); /* the server decides: none; and no result is sent */
    wire_send(fd, "\1", 1);
    wire_expect(fd, "\0\x40\0\x20", 4);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_3_7(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_connect(&m);
    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.007\n", 12);
    wire_expect(fd, "\1\1", 2);
    wire_send(fd, "\1", 1); /* none: no result in this version */
    wire_send(fd, "\1", 1);
    wire_expect(fd, "\0\x40\0\x20", 4);
    close(fd);
    wire_machine_destroy(&m);
}

static void test_wrong_version(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    int fd = wire_connect(&m);
    wire_send(fd, "GET / HTTP/1", 12);
    wire_expect_close(fd);
    fd = wire_connect(&m);
    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.008\n\x02", 13); /* a type that was not offered */
    wire_expect(fd, "\1\1\0\0\0\1", 6);
    wire_expect_close(fd);
    wire_machine_destroy(&m);
}

/* ---- passwords ---- */

static int connect_to_challenge(struct wire_machine *m, uint8_t *challenge)
{
    int fd = wire_connect(m);

    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.008\n", 12);
    wire_expect(fd, "\1\2", 2);
    wire_send(fd, "\2", 1);
    g_assert_cmpuint(wire_receive(fd, challenge, 16), ==, 16);
    return fd;
}

/* The key is the password with the bits of each byte reversed: "secret!" by hand. */
static void respond(int fd, const uint8_t *challenge)
{
    static const uint8_t key[8] = { 0xCE, 0xA6, 0xC6, 0x4E, 0xA6, 0x2E, 0x84, 0 };
    struct des_ctx des;
    uint8_t response[16];

    des_set_key(&des, key);
    des_encrypt(&des, 16, response, challenge);
    wire_send(fd, response, 16);
}

static uint32_t result(int fd)
{
    uint8_t bytes[4];

    g_assert_cmpuint(wire_receive(fd, bytes, 4), ==, 4);
    return get_be32(bytes);
}

static void test_password(void)
{
    struct wire_machine m;
    uint8_t challenge[16], other[16];
    struct vnc_info info;

    wire_machine_create(&m, ",password=on", NULL, false);
    vnc_query(m.server, &info);
    g_assert_cmpstr(info.auth, ==, "vnc");
    vnc_info_clear(&info);

    int fd = connect_to_challenge(&m, challenge); /* none is set: none is right */
    respond(fd, challenge);
    g_assert_cmpuint(result(fd), ==, 1);
    wire_expect(fd,
                "\0\0\0\x15"
                "Authentication failed",
                25);
    wire_expect_close(fd);

    vnc_set_password(m.server, "secret!", NULL);
    fd = connect_to_challenge(&m, challenge);
    respond(fd, challenge);
    g_assert_cmpuint(result(fd), ==, 0);
    close(fd);

    fd = connect_to_challenge(&m, other);
    g_assert_true(memcmp(challenge, other, 16) != 0);
    respond(fd, challenge); /* a replay */
    g_assert_cmpuint(result(fd), ==, 1);
    wire_expect_close(fd);

    vnc_expire_password(m.server, g_get_real_time() / G_USEC_PER_SEC);
    fd = connect_to_challenge(&m, challenge);
    respond(fd, challenge);
    g_assert_cmpuint(result(fd), ==, 1);
    wire_expect_close(fd);
    wire_machine_destroy(&m);
}

static void test_password_not_configured(void)
{
    struct wire_machine m;

    wire_machine_create(&m, "", NULL, false);
    g_assert_cmpint(vnc_set_password(m.server, "x", NULL), ==, -EINVAL);
    wire_machine_destroy(&m);
}

/* ---- VeNCrypt ---- */

/* Our end's handshake, one step after the other with the server's main loop. */
static gnutls_session_t start_tls(int fd, gnutls_anon_client_credentials_t creds)
{
    gnutls_session_t session;
    int rc;

    gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_priority_set_direct(session, "NORMAL:-VERS-TLS1.3:+ANON-ECDH:+ANON-DH", NULL);
    gnutls_credentials_set(session, GNUTLS_CRD_ANON, creds);
    gnutls_transport_set_int(session, fd);
    while ((rc = gnutls_handshake(session)) == GNUTLS_E_AGAIN)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpint(rc, ==, 0);
    return session;
}

static void tls_receive(gnutls_session_t session, void *data, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t got = gnutls_record_recv(session, (uint8_t *)data + have, n - have);

        if (got > 0)
            have += (size_t)got;
        else
            g_assert_cmpint((int)got, ==, GNUTLS_E_AGAIN);
        g_main_context_iteration(NULL, FALSE);
    }
}

static void test_vencrypt_anon(void)
{
    struct vnc_tls_creds *creds = vnc_tls_creds_anon(NULL);
    gnutls_anon_client_credentials_t client_creds;
    struct wire_machine m;
    struct vnc_info info;
    uint8_t bytes[32];

    wire_machine_create(&m, ",tls-creds=tls0", creds, false);
    vnc_query(m.server, &info);
    g_assert_cmpstr(info.auth, ==, "vencrypt+tls+none");
    vnc_info_clear(&info);
    int fd = wire_connect(&m);
    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.008\n", 12);
    wire_expect(fd, "\1\x13", 2);
    wire_send(fd, "\x13", 1);
    wire_expect(fd, "\0\2", 2);
    wire_send(fd, "\0\2", 2);
    wire_expect(fd, "\0\1\0\0\1\1", 6); /* accepted; one subtype: TLSNone */
    wire_send(fd, "\0\0\1\1", 4);
    wire_expect(fd, "\1", 1);
    gnutls_anon_allocate_client_credentials(&client_creds);
    gnutls_session_t session = start_tls(fd, client_creds);
    tls_receive(session, bytes, 4);
    g_assert_cmpuint(get_be32(bytes), ==, 0);
    g_assert_cmpint((int)gnutls_record_send(session, "\1", 1), ==, 1);
    tls_receive(session, bytes, 24 + 6);
    g_assert_cmpmem(bytes + 24, 6, "hvm-dm", 6);

    gnutls_deinit(session);
    gnutls_anon_free_client_credentials(client_creds);
    close(fd);
    wire_machine_destroy(&m);
    vnc_tls_creds_free(creds);
}

static int connect_to_vencrypt(struct wire_machine *m)
{
    int fd = wire_connect(m);

    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.008\n\x13", 13);
    wire_expect(fd, "\1\x13\0\2", 4);
    return fd;
}

static void test_vencrypt_refusals(void)
{
    struct vnc_tls_creds *creds = vnc_tls_creds_anon(NULL);
    struct wire_machine m;

    wire_machine_create(&m, ",tls-creds=tls0,password=on", creds, false);
    int fd = connect_to_vencrypt(&m);
    wire_send(fd, "\0\1", 2); /* version 0.1 */
    wire_expect(fd, "\1", 1);
    wire_expect_close(fd);

    fd = connect_to_vencrypt(&m);
    wire_send(fd, "\0\2", 2);
    wire_expect(fd, "\0\1\0\0\1\2", 6); /* TLSVnc */
    wire_send(fd, "\0\0\1\1", 4);       /* but the client would rather have no password */
    wire_expect(fd, "\0", 1);
    wire_expect_close(fd);

    fd = connect_to_vencrypt(&m);
    wire_send(fd, "\0\2\0\0\1\2\x16\3\1", 9); /* TLS before the choice was accepted */
    wire_expect(fd, "\0\1\0\0\1\2\0", 7);
    wire_expect_close(fd);

    fd = connect_to_vencrypt(&m);
    wire_send(fd, "\0\2\0\0\1\2", 6);
    wire_expect(fd, "\0\1\0\0\1\2\1", 7);
    wire_send(fd, "this is no TLS at all", 21);
    wire_expect_close(fd);

    fd = wire_connect(&m); /* 3.3 cannot name VeNCrypt */
    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.003\n", 12);
    wire_expect(fd, "\0\0\0\0\0\0\0\x18This server asks for TLS", 32);
    wire_expect_close(fd);
    wire_machine_destroy(&m);
    vnc_tls_creds_free(creds);
}

static void test_x509_without_files(void)
{
    GError *err = NULL;

    g_assert_null(vnc_tls_creds_x509("/nonexistent", true, true, &err));
    g_assert_true(strstr(err->message, "/nonexistent/ca-cert.pem") != NULL);
    g_error_free(err);
}

/* ---- browsers ---- */

static struct vnc_server *serve(struct wire_machine *m, const char *arg, GError **err)
{
    struct vnc_config config;
    int rc = vnc_config_parse(arg, &config, err);
    struct vnc_server *server = rc == 0 ? vnc_server_create(&config, m->con, NULL, err) : NULL;

    vnc_config_clear(&config);
    return server;
}

/* A port where browsers are served, and a connection to it. */
static int connect_browser(struct vnc_server *server)
{
    struct sockaddr_in sa = { .sin_family = AF_INET };
    struct vnc_info info;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    vnc_query(server, &info);
    g_assert_cmpuint(info.address_count, ==, 2);
    g_assert_true(info.addresses[1].websocket);
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sa.sin_port = htons((uint16_t)strtol(info.addresses[1].service, NULL, 10));
    vnc_info_clear(&info);
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    g_assert_true(g_unix_set_fd_nonblocking(fd, TRUE, NULL));
    return fd;
}

/* What a browser sends: masked, here by zeroes. */
static void send_frame(int fd, const char *data, uint8_t n)
{
    uint8_t head[6] = { 0x82, 0x80 | n };

    wire_send(fd, head, sizeof(head));
    wire_send(fd, data, n);
}

/* The example of RFC 6455, 1.3; then RFB in frames, up to ServerInit. */
static void test_browser(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n"
                                  "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n";
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    struct wire_machine m;
    GError *err = NULL;

    wire_machine_create(&m, "", NULL, false);
    struct vnc_server *server = serve(&m, "127.0.0.1:4500,to=4599,websocket=on", &err);
    g_assert_no_error(err);
    int fd = connect_browser(server);
    wire_send(fd, request, sizeof(request) - 1);
    wire_expect(fd, answer, sizeof(answer) - 1);
    wire_expect(fd, "\x82\x0cRFB 003.008\n", 14);
    send_frame(fd, "RFB 003.008\n", 12);
    wire_expect(fd, "\x82\2\1\1", 4);
    send_frame(fd, "\1\1", 2);
    wire_expect(fd, "\x82\4\0\0\0\0", 6);
    wire_expect(fd, "\x82\x18\0\x40\0\x20", 6);
    close(fd);
    vnc_server_destroy(server);
    wire_machine_destroy(&m);
}

/* ---- options ---- */

static void test_options(void)
{
    struct vnc_config c;

    g_assert_cmpint(vnc_config_parse("127.0.0.1:7,to=99,password=on", &c, NULL), ==, 0);
    g_assert_cmpstr(c.address, ==, "127.0.0.1");
    g_assert_cmpuint(c.display, ==, 7);
    g_assert_cmpuint(c.to, ==, 99);
    g_assert_true(c.password && c.lock_key_sync && !c.is_unix);
    vnc_config_clear(&c);
    g_assert_cmpint(vnc_config_parse("[::1]:0,websocket=5701,share=ignore", &c, NULL), ==, 0);
    g_assert_cmpstr(c.address, ==, "::1");
    g_assert_cmpuint(c.websocket_port, ==, 5701);
    g_assert_cmpint(c.share, ==, VNC_SHARE_IGNORE);
    vnc_config_clear(&c);
    g_assert_cmpint(vnc_config_parse("unix:/run/vnc-3,lock-key-sync=off", &c, NULL), ==, 0);
    g_assert_cmpstr(c.address, ==, "/run/vnc-3");
    g_assert_true(c.is_unix && !c.lock_key_sync);
    vnc_config_clear(&c);
    g_assert_cmpint(vnc_config_parse("none", &c, NULL), ==, 0);
    g_assert_null(c.address);
    vnc_config_clear(&c);
}

static void test_wrong_options(void)
{
    static const char *const wrong[] = {
        "",
        "host",
        ":70000",
        ":-1",
        ":0,password=maybe",
        ":0,x=1",
        ":5,to=4",
        ":0,to=x",
        "unix:",
        "fd:x",
        ":0,websocket=x",
        ":0,share=all",
        ":0,websocket=0",
        ":99999999999999999999",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        struct vnc_config c;
        GError *err = NULL;

        g_assert_cmpint(vnc_config_parse(wrong[i], &c, &err), <, 0);
        g_assert_nonnull(err);
        g_error_free(err);
        vnc_config_clear(&c);
    }
}

/* ---- addresses ---- */

static void test_ports(void)
{
    struct wire_machine m;
    struct vnc_info first, second;
    GError *err = NULL;

    wire_machine_create(&m, "", NULL, false);
    struct vnc_server *a = serve(&m, "127.0.0.1:4000,to=4099", &err);
    g_assert_no_error(err);
    vnc_query(a, &first);
    g_assert_cmpuint(first.address_count, ==, 1);
    g_assert_cmpstr(first.addresses[0].family, ==, "ipv4");
    g_assert_cmpstr(first.addresses[0].host, ==, "127.0.0.1");

    /* The next server finds that display taken, and takes a later one, if it may. */
    g_autofree char *same = g_strdup_printf(
        "127.0.0.1:%d", (int)strtol(first.addresses[0].service, NULL, 10) - 5900);
    g_assert_null(serve(&m, same, &err));
    g_assert_nonnull(err);
    g_clear_error(&err);
    struct vnc_server *b = serve(&m, "127.0.0.1:4000,to=4099", &err);
    g_assert_no_error(err);
    vnc_query(b, &second);
    g_assert_cmpstr(first.addresses[0].service, !=, second.addresses[0].service);
    vnc_info_clear(&first);
    vnc_info_clear(&second);
    vnc_server_destroy(a);
    vnc_server_destroy(b);
    g_assert_null(serve(&m, ":0,keymap=tlh", &err));
    g_clear_error(&err);
    wire_machine_destroy(&m);
}

static void test_unix_socket(void)
{
    g_autofree char *dir = g_dir_make_tmp("vnc-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *arg = g_strconcat("unix:", path, NULL);
    struct wire_machine m;
    GError *err = NULL;

    wire_machine_create(&m, "", NULL, false);
    struct vnc_server *a = serve(&m, arg, &err);
    g_assert_no_error(err);
    g_assert_null(serve(&m, arg, &err)); /* somebody listens there */
    g_clear_error(&err);
    vnc_server_destroy(a);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(dir);
    wire_machine_destroy(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vnc/auth/3.3", test_3_3);
    g_test_add_func("/vnc/auth/3.7", test_3_7);
    g_test_add_func("/vnc/auth/wrong-version", test_wrong_version);
    g_test_add_func("/vnc/auth/password", test_password);
    g_test_add_func("/vnc/auth/password-not-configured", test_password_not_configured);
    g_test_add_func("/vnc/auth/vencrypt-anon", test_vencrypt_anon);
    g_test_add_func("/vnc/auth/vencrypt-refusals", test_vencrypt_refusals);
    g_test_add_func("/vnc/auth/x509-without-files", test_x509_without_files);
    g_test_add_func("/vnc/auth/browser", test_browser);
    g_test_add_func("/vnc/auth/options", test_options);
    g_test_add_func("/vnc/auth/wrong-options", test_wrong_options);
    g_test_add_func("/vnc/auth/ports", test_ports);
    g_test_add_func("/vnc/auth/unix-socket", test_unix_socket);
    return g_test_run();
}
