/*
 * A hostile viewer: whatever it sends to the VNC server, before or after the handshake, in
 * websocket frames or not.
 *
 * The first byte of an input chooses: bit 0: behind a handshake that went well; bit 1: as a
 * browser; bit 2: with a password (and so no way in); bit 3: it does not read what it is sent.
 * The other bytes are what the viewer sends.
 */
#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ui/vnc/client.h"

#define WIDTH  80
#define HEIGHT 48

struct machine {
    struct input *input;
    struct console *con;
    struct vnc_server *open, *closed; /* without and with a password */
    uint32_t pixels[WIDTH * HEIGHT];
};

static struct machine machine;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_key(void *opaque, unsigned code, bool down)
{
}

static void on_pointer(void *opaque, const struct pointer_event *event)
{
    if (event->x < -POINTER_MAX || event->x > POINTER_MAX || event->buttons > 31)
        __builtin_trap();
}

static const struct input_sink_ops keyboard_ops = { "keyboard", INPUT_KEYBOARD, on_key, NULL };
static const struct input_sink_ops mouse_ops = { "mouse", INPUT_RELATIVE, NULL, on_pointer };

static struct vnc_server *create_server(const char *arg)
{
    struct vnc_config config;

    vnc_config_parse(arg, &config, NULL);
    struct vnc_server *server = vnc_server_create(&config, machine.con, NULL, NULL);
    vnc_config_clear(&config);
    return server;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    machine.input = input_create();
    machine.con = console_create("fuzz", machine.input);
    input_sink_add(machine.input, &keyboard_ops, NULL);
    input_sink_add(machine.input, &mouse_ops, NULL);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        machine.pixels[i] = i * 2654435761u;
    console_set_surface_memory(machine.con, PIXMAN_x8r8g8b8, WIDTH, HEIGHT, machine.pixels,
                               WIDTH * 4);
    machine.open = create_server("none");
    machine.closed = create_server("none,password=on");
    return 0;
}

/* Runs the main loop as far as it goes, and takes what the server says. */
static void settle(int fd, bool reads)
{
    uint8_t buffer[4096];

    for (unsigned i = 0; i < 1000 && g_main_context_iteration(NULL, FALSE); i++) {
        while (reads && recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
            continue;
    }
}

static void say(int fd, const void *data, size_t n, bool reads)
{
    const uint8_t *at = data;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        settle(fd, reads);
        if (sent < 0) /* the server closed, or waits for us to read */
            return;
        at += sent;
        n -= (size_t)sent;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[2];

    if (size == 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return 0;
    bool inside = data[0] & 1, browser = data[0] & 2, reads = !(data[0] & 8);
    vnc_client_create(data[0] & 4 ? machine.closed : machine.open, fds[1], browser, false);
    if (inside && !browser)
        say(fds[0], "RFB 003.008\n\1\1", 14, reads);
    say(fds[0], data + 1, size - 1, reads);
    console_damage(machine.con, 3, 3, 50, 30);
    settle(fds[0], reads);
    close(fds[0]);
    while (machine.open->clients->len + machine.closed->clients->len > 0)
        g_main_context_iteration(NULL, TRUE);
    settle(-1, false); /* slices of clients that have gone */
    return 0;
}
