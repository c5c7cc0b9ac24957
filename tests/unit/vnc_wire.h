/*
 * A VNC client for tests that speaks bytes: over a socket pair, with the server on the same main
 * loop.
 */
#ifndef TESTS_VNC_WIRE_H
#define TESTS_VNC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/vnc/vnc.h"

/* A machine with a screen of 64x32, a keyboard, a mouse and a VNC server. */
struct wire_machine {
    struct input *input;
    struct console *con;
    struct vnc_server *server;
    struct input_sink *keyboard, *pointer;
    uint32_t pixels[64 * 32];
    GString *events; /* "+30 -30 " for keys, "(x,y,wheel,buttons) " for the pointer */
};

/* option: of -vnc, after an address that is not listened at: ",password=on". */
void wire_machine_create(struct wire_machine *m, const char *option, struct vnc_tls_creds *creds,
                         bool absolute_pointer);
void wire_machine_destroy(struct wire_machine *m);

/* Our end of a new connection. */
int wire_connect(struct wire_machine *m);
void wire_send(int fd, const void *data, size_t n);
/* Runs the main loop until n bytes came; fewer: the server closed. */
size_t wire_receive(int fd, void *data, size_t n);
/* The next n bytes are these. */
void wire_expect(int fd, const void *data, size_t n);
/* The server closes the connection, whatever it still says before. */
void wire_expect_close(int fd);
/* Runs the main loop until nothing is left to do at once. */
void wire_settle(void);

/* Handshake of 3.8 without authentication, up to ServerInit; shared. */
int wire_open(struct wire_machine *m);
void wire_set_encodings(int fd, const int32_t *encodings, unsigned n);

#endif
