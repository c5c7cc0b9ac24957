/*
 * Browsers: HTTP requests, files of the viewer's page, and RFB in websocket frames.
 */
#include "ui/vnc/websocket.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* The answer to a request as text, to be freed. */
static char *ask(const char *request, int root_fd, bool *upgraded)
{
    struct http_answer answer;
    size_t used = http_request((const uint8_t *)request, strlen(request), root_fd, &answer);
    char *text;

    g_assert_cmpuint(used, ==, strlen(request));
    text = g_strndup((const char *)answer.bytes->data, answer.bytes->len);
    *upgraded = answer.upgraded;
    g_byte_array_unref(answer.bytes);
    return text;
}

/* The example of RFC 6455, 1.3. */
static void test_upgrade(void)
{
    bool upgraded;
    g_autofree char *answer = ask("GET /websockify HTTP/1.1\r\n"
                                  "Host: server.example.com\r\n"
                                  "upgrade: websocket\r\n"
                                  "Connection: keep-alive, Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Protocol: chat, binary\r\n"
                                  "Sec-WebSocket-Version: 13\r\n\r\n",
                                  -1, &upgraded);

    g_assert_true(upgraded);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 101 "));
    g_assert_nonnull(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    g_assert_nonnull(strstr(answer, "Sec-WebSocket-Protocol: binary\r\n"));
}

static void test_wrong_requests(void)
{
    static const struct {
        const char *request, *answer;
    } wrong[] = {
        { "POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
        { "GET /\r\n\r\n", "HTTP/1.1 400 " },
        { "\r\n\r\n", "HTTP/1.1 400 " },
        { "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 426 " },
        { "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        bool upgraded;
        g_autofree char *answer = ask(wrong[i].request, -1, &upgraded);

        g_assert_true(g_str_has_prefix(answer, wrong[i].answer));
        g_assert_false(upgraded);
    }
}

static void test_long_header(void)
{
    struct http_answer answer;
    static uint8_t header[HTTP_HEADER_MAX];

    memset(header, 'x', HTTP_HEADER_MAX);
    g_assert_cmpuint(http_request(header, HTTP_HEADER_MAX - 1, -1, &answer), ==, 0);
    g_assert_cmpuint(http_request(header, HTTP_HEADER_MAX, -1, &answer), ==, HTTP_HEADER_MAX);
    g_assert_false(answer.upgraded);
    g_byte_array_unref(answer.bytes);
}

static void test_files(void)
{
    g_autofree char *dir = g_dir_make_tmp("web-XXXXXX", NULL);
    g_autofree char *root = g_build_filename(dir, "root", NULL);
    g_autofree char *page = g_build_filename(root, "vnc.html", NULL);
    g_autofree char *secret = g_build_filename(dir, "secret", NULL);
    g_autofree char *way_out = g_build_filename(root, "link", NULL);
    static const char *const refused[] = {
        "GET /../secret HTTP/1.1\r\n\r\n",
        "GET /%2e%2e/secret HTTP/1.1\r\n\r\n",
        "GET /link HTTP/1.1\r\n\r\n",
        "GET //etc/passwd HTTP/1.1\r\n\r\n",
        "GET /. HTTP/1.1\r\n\r\n",
        "GET /nothing HTTP/1.1\r\n\r\n",
        "GET http://x/vnc.html HTTP/1.1\r\n\r\n",
    };
    bool upgraded;

    g_mkdir(root, 0700);
    g_file_set_contents(page, "<html>", -1, NULL);
    g_file_set_contents(secret, "secret", -1, NULL);
    g_assert_cmpint(symlink("../secret", way_out), ==, 0);
    int fd = open(root, O_PATH | O_DIRECTORY);

    g_autofree char *start = ask("GET / HTTP/1.1\r\n\r\n", fd, &upgraded);
    g_assert_true(g_str_has_prefix(start, "HTTP/1.1 200 "));
    g_assert_nonnull(strstr(start, "Content-Type: text/html"));
    g_assert_true(g_str_has_suffix(start, "\r\n\r\n<html>"));
    g_autofree char *named = ask("GET /vnc.html?autoconnect=1 HTTP/1.1\r\n\r\n", fd, &upgraded);
    g_assert_cmpstr(named, ==, start);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *answer = ask(refused[i], fd, &upgraded);
        g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 404 "));
    }
    close(fd);
    g_unlink(page);
    g_unlink(secret);
    g_unlink(way_out);
    g_rmdir(root);
    g_rmdir(dir);
}

/* ---- frames ---- */

/* Feeds a frame byte by byte, and all at once: the same comes out. */
static int decode(const char *bytes, size_t n, GByteArray *in, GByteArray *out)
{
    struct websocket *slow = websocket_create(), *fast = websocket_create();
    g_autoptr(GByteArray) slow_in = g_byte_array_new();
    g_autoptr(GByteArray) slow_out = g_byte_array_new();
    int slow_rc = 0;

    for (size_t i = 0; i < n && slow_rc == 0; i++)
        slow_rc = websocket_decode(slow, (const uint8_t *)bytes + i, 1, slow_in, slow_out);
    int rc = websocket_decode(fast, (const uint8_t *)bytes, n, in, out);
    g_assert_cmpint(rc, ==, slow_rc);
    g_assert_cmpmem(slow_in->data, slow_in->len, in->data, in->len);
    g_assert_cmpmem(slow_out->data, slow_out->len, out->data, out->len);
    websocket_destroy(slow);
    websocket_destroy(fast);
    return rc;
}

static void test_frames(void)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_autoptr(GByteArray) out = g_byte_array_new();
    /* "Hello" masked (RFC 6455, 5.7), an empty frame, a ping, "Hel" and "lo" as fragments. */
    static const char frames[] = "\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
                                 "\x82\x80zzzz"
                                 "\x89\x82\0\0\0\0hi"
                                 "\x02\x83\0\0\0\0Hel"
                                 "\x80\x82\0\0\0\0lo";

    g_assert_cmpint(decode(frames, sizeof(frames) - 1, in, out), ==, 0);
    g_assert_cmpmem(in->data, in->len, "HelloHello", 10);
    g_assert_cmpmem(out->data, out->len, "\x8A\x02hi", 4);
}

/* Pings of somebody who does not read the answers: some answers are left out (RFC 6455, 5.5.3). */
static void test_flood_of_pings(void)
{
    static const char ping[] = "\x89\x82\0\0\0\0hi";
    struct websocket *ws = websocket_create();
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_autoptr(GByteArray) out = g_byte_array_new();

    for (unsigned i = 0; i < 1000000; i++)
        g_assert_cmpint(websocket_decode(ws, (const uint8_t *)ping, sizeof(ping) - 1, in, out), ==,
                        0);
    g_assert_cmpuint(out->len, <, 2000000);
    g_byte_array_set_size(out, 0); /* all is sent */
    g_assert_cmpint(websocket_decode(ws, (const uint8_t *)ping, sizeof(ping) - 1, in, out), ==, 0);
    g_assert_cmpmem(out->data, out->len, "\x8A\x02hi", 4);
    websocket_destroy(ws);
}

static void test_wrong_frames(void)
{
    static const struct {
        const char *bytes;
        size_t n;
    } wrong[] = {
        { "\x82\x05Hello", 7 },                       /* not masked */
        { "\x81\x81\0\0\0\0x", 7 },                   /* text */
        { "\x88\x80\0\0\0\0", 6 },                    /* close */
        { "\x89\xFE\0\x7E\0\0\0\0", 8 },              /* a ping of 126 bytes */
        { "\x82\xFF\xFF\0\0\0\0\0\0\0\0\0\0\0", 14 }, /* a length of 2^63 and more */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GByteArray) in = g_byte_array_new();
        g_autoptr(GByteArray) out = g_byte_array_new();

        g_assert_cmpint(decode(wrong[i].bytes, wrong[i].n, in, out), ==, -EPROTO);
    }
}

static void test_headers(void)
{
    static const struct {
        size_t n;
        const char *header;
        guint bytes;
    } cases[] = {
        { 1, "\x82\x01", 2 },
        { 125, "\x82\x7D", 2 },
        { 126, "\x82\x7E\0\x7E", 4 },
        { 65535, "\x82\x7E\xFF\xFF", 4 },
        { 65536, "\x82\x7F\0\0\0\0\0\1\0\0", 10 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) out = g_byte_array_new();

        websocket_put_header(out, cases[i].n);
        g_assert_cmpmem(out->data, out->len, cases[i].header, cases[i].bytes);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vnc/http/upgrade", test_upgrade);
    g_test_add_func("/vnc/http/wrong-requests", test_wrong_requests);
    g_test_add_func("/vnc/http/long-header", test_long_header);
    g_test_add_func("/vnc/http/files", test_files);
    g_test_add_func("/vnc/websocket/frames", test_frames);
    g_test_add_func("/vnc/websocket/flood-of-pings", test_flood_of_pings);
    g_test_add_func("/vnc/websocket/wrong-frames", test_wrong_frames);
    g_test_add_func("/vnc/websocket/headers", test_headers);
    return g_test_run();
}
