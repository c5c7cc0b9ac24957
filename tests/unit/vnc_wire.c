#include "vnc_wire.h"

#include <errno.h>

#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"

static void on_key(void *opaque, unsigned code, bool down)
{
    struct wire_machine *m = opaque;

    g_string_append_printf(m->events, "%c%u ", down ? '+' : '-', code);
}

static void on_pointer(void *opaque, const struct pointer_event *e)
{
    struct wire_machine *m = opaque;

    g_string_append_printf(m->events, "(%d,%d,%d,%u) ", e->x, e->y, e->wheel, e->buttons);
}

static const struct input_sink_ops keyboard_ops = { "keyboard", INPUT_KEYBOARD, on_key, NULL };
static const struct input_sink_ops mouse_ops = { "mouse", INPUT_RELATIVE, NULL, on_pointer };
static const struct input_sink_ops tablet_ops = { "tablet", INPUT_ABSOLUTE, NULL, on_pointer };

void wire_machine_create(struct wire_machine *m, const char *option, struct vnc_tls_creds *creds,
                         bool absolute_pointer)
{
    g_autofree char *arg = g_strconcat("none", option, NULL);
    struct vnc_config config;
    GError *err = NULL;

    memset(m, 0, sizeof(*m));
    m->events = g_string_new("");
    m->input = input_create();
    m->con = console_create("test", m->input);
    m->keyboard = input_sink_add(m->input, &keyboard_ops, m);
    m->pointer = input_sink_add(m->input, absolute_pointer ? &tablet_ops : &mouse_ops, m);
    console_set_surface_memory(m->con, PIXMAN_x8r8g8b8, 64, 32, m->pixels, 64 * 4);
    vnc_config_parse(arg, &config, &err);
    g_assert_no_error(err);
    m->server = vnc_server_create(&config, m->con, creds, &err);
    g_assert_no_error(err);
    vnc_config_clear(&config);
}

void wire_machine_destroy(struct wire_machine *m)
{
    vnc_server_destroy(m->server);
    wire_settle();
    input_sink_remove(m->keyboard);
    input_sink_remove(m->pointer);
    console_destroy(m->con);
    input_destroy(m->input);
    g_string_free(m->events, TRUE);
}

int wire_connect(struct wire_machine *m)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), ==, 0);
    vnc_add_client(m->server, fds[1], false);
    return fds[0];
}

void wire_settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

void wire_send(int fd, const void *data, size_t n)
{
    const uint8_t *at = data;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
        } else if (errno != EAGAIN) {
            return; /* the server closed: the test will see */
        }
        wire_settle();
    }
}

size_t wire_receive(int fd, void *data, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t got = recv(fd, (uint8_t *)data + have, n - have, 0);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        if (got > 0)
            have += (size_t)got;
        else if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(100); /* the worker is busy */
    }
    return have;
}

void wire_expect(int fd, const void *data, size_t n)
{
    g_autofree uint8_t *got = g_malloc(n);
    size_t have = wire_receive(fd, got, n);

    g_assert_cmpmem(got, have, data, n);
}

void wire_expect_close(int fd)
{
    uint8_t byte;

    while (wire_receive(fd, &byte, 1) == 1)
        continue;
    close(fd);
}

int wire_open(struct wire_machine *m)
{
    int fd = wire_connect(m);
    uint8_t init[24 + 6];

    wire_expect(fd, "RFB 003.008\n", 12);
    wire_send(fd, "RFB 003.008\n", 12);
    wire_expect(fd, "\x01\x01", 2);
    wire_send(fd, "\x01", 1);
    wire_expect(fd, "\0\0\0\0", 4);
    wire_send(fd, "\x01", 1);
    g_assert_cmpuint(wire_receive(fd, init, sizeof(init)), ==, sizeof(init));
    g_assert_cmpuint(get_be16(init), ==, 64);
    g_assert_cmpuint(get_be16(init + 2), ==, 32);
    g_assert_cmpmem(init + 24, 6, "hvm-dm", 6);
    return fd;
}

void wire_set_encodings(int fd, const int32_t *encodings, unsigned n)
{
    uint8_t header[4] = { 2 };

    put_be16(header + 2, (uint16_t)n);
    wire_send(fd, header, sizeof(header));
    for (unsigned i = 0; i < n; i++) {
        uint8_t encoding[4];

        put_be32(encoding, (uint32_t)encodings[i]);
        wire_send(fd, encoding, sizeof(encoding));
    }
}
