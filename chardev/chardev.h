/*
 * Character devices: where a serial port, a debug console or a monitor meets the host.
 *
 * One front end at a time is attached. It gets what the host side sends and may hold it back;
 * it sends what the host side takes and is told when there is room again. Nothing here blocks,
 * and nothing wakes up while neither side has anything to say.
 *
 *   null                                    takes all, sends nothing
 *   stdio    mux= signal=                   the terminal, or whatever stdin and stdout are
 *   file     path= append= input-path=      output to a file
 *   pipe     path=                          PATH.in and PATH.out, or one FIFO
 *   pty      path=                          a new pseudo-terminal, with a symbolic link to it
 *   serial   path=                          a terminal device of the host
 *   socket   path= | host= port= | fd=      server= wait= reconnect= to= ipv4= ipv6= nodelay=
 *   ringbuf  size=                          the last bytes that were sent, for QMP and tests
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "base/opts.h"

struct chardev;

enum chardev_event {
    CHARDEV_OPENED, /* a peer is there */
    CHARDEV_CLOSED, /* it went */
    CHARDEV_BREAK,  /* it sent a break condition */
};

/*
 * The front end: a device or a monitor. Called on the main loop, with the machine lock held, and
 * never from within a call of the front end's own. It must not destroy the chardev in a callback.
 */
struct chardev_frontend {
    /* How many bytes receive() will take now. NULL: it never takes any. */
    size_t (*can_receive)(void *opaque);
    void (*receive)(void *opaque, const uint8_t *data, size_t len); /* len <= can_receive() */
    void (*event)(void *opaque, enum chardev_event event);          /* may be NULL */
    void (*writable)(void *opaque); /* after a short chardev_write(); may be NULL */
};

/*
 * Creates a back end from the options of `-chardev BACKEND,id=ID,key=value,...`, parsed with the
 * first key "backend". Keys that it does not know are an error. label: the name in query-chardev;
 * NULL: the id. The caller owns the result, and opts. With server=on,wait=on it waits for a peer.
 * NULL and a sentence on failure.
 */
struct chardev *chardev_create(struct opts *opts, const char *label, GError **err);
/*
 * The same from the short spelling of `-serial`, `-parallel` and others: "stdio", "mon:stdio"
 * (the terminal with escapes: Ctrl-A h), "pty", "null", "file:PATH", "pipe:PATH", "/dev/TTY",
 * "unix:PATH,server=on,wait=off", "tcp:HOST:PORT,server,nowait". option: for the sentences.
 */
struct chardev *chardev_create_short(const char *option, const char *spec, const char *label,
                                     GError **err);
void chardev_destroy(struct chardev *chr); /* NULL is fine */

const char *chardev_label(const struct chardev *chr);
/* For query-chardev: "pty:/dev/pts/3", "disconnected:unix:PATH,server=on", "stdio", ... */
const char *chardev_filename(const struct chardev *chr);
bool chardev_connected(const struct chardev *chr);

/*
 * The front end will be a device of the machine, not a monitor: what passes goes into the journal
 * (base/journal.h), where there is one. While a replay runs, there is no host behind any chardev.
 */
void chardev_journal(struct chardev *chr);

/* NULL detaches. Attaching reports CHARDEV_OPENED from the loop when a peer is there already. */
void chardev_attach(struct chardev *chr, const struct chardev_frontend *frontend, void *opaque);

/*
 * Takes as much as the host side takes without blocking and returns how much that was; after a
 * short write the front end's writable() tells when to go on. Without a peer all is taken and
 * dropped, as by an unplugged cable.
 */
size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len);
/* can_receive() may answer more than before: read on. Never calls back from within. */
void chardev_accept_input(struct chardev *chr);

/*
 * File descriptors that a unix-socket peer passed along with the bytes received so far, oldest
 * first; -1: none. The caller owns what it takes.
 */
int chardev_take_fd(struct chardev *chr);

/*
 * ringbuf only (0 for others). read: takes the oldest bytes out of what the front end sent.
 * send: gives the front end as much as it takes now, as if a peer had sent it.
 */
size_t chardev_ringbuf_read(struct chardev *chr, uint8_t *data, size_t len);
size_t chardev_ringbuf_send(struct chardev *chr, const uint8_t *data, size_t len);

#endif
