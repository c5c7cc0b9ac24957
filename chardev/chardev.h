/*
 * Character devices: where a serial port, a debug console or a monitor meets the host.
 *
 * Back ends: null, stdio, file, pipe, pty, socket (unix and TCP, listening or connecting). One
 * front end at a time is attached; it gets what the host side sends and may hold it back.
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

struct chardev;

enum chardev_event {
    CHARDEV_OPENED, /* a peer is there */
    CHARDEV_CLOSED, /* it went */
    CHARDEV_BREAK,  /* it sent a break condition */
};

/* The front end: a device or a monitor. Called on the main loop, with the machine lock held. */
struct chardev_frontend {
    size_t (*can_receive)(void *opaque); /* how many bytes receive() will take now */
    void (*receive)(void *opaque, const uint8_t *data, size_t len); /* len <= can_receive() */
    void (*event)(void *opaque, enum chardev_event event);          /* may be NULL */
    void (*writable)(void *opaque); /* after a short chardev_write(); may be NULL */
};

/*
 * Creates a back end from QEMU's spelling: either `-chardev BACKEND,id=..,key=value,...` or the
 * short form of `-serial` ("stdio", "pty", "null", "file:PATH", "unix:PATH,server=on,wait=off",
 * "tcp:HOST:PORT,server,nowait"). label: the name in query-chardev and in errors. The caller owns
 * it. NULL and a sentence on failure.
 */
struct chardev *chardev_create(const char *spec, const char *label, GError **err);
void chardev_destroy(struct chardev *chr);

const char *chardev_label(const struct chardev *chr);
/* For query-chardev: "pty:/dev/pts/3", "disconnected:unix:PATH,server=on", "stdio", ... */
const char *chardev_filename(const struct chardev *chr);
bool chardev_connected(const struct chardev *chr);

/* NULL detaches. Attaching reports CHARDEV_OPENED from the loop when a peer is there already. */
void chardev_attach(struct chardev *chr, const struct chardev_frontend *frontend, void *opaque);

/*
 * Takes as much as the host side takes without blocking and returns how much that was; after a
 * short write the front end's writable() tells when to go on. Without a peer all is taken and
 * dropped, as by an unplugged cable.
 */
size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len);
/* can_receive() may answer more than before: read on. */
void chardev_accept_input(struct chardev *chr);

/*
 * File descriptors that a unix-socket peer passed along with the bytes received so far, oldest
 * first; -1: none. The caller owns what it takes.
 */
int chardev_take_fd(struct chardev *chr);

#endif
