/*
 * What a back end is, for the files of this room.
 */
#ifndef CHARDEV_BACKEND_H
#define CHARDEV_BACKEND_H

#include "base/journal.h"
#include "chardev/chardev.h"

/* The head of every back end's struct. */
struct chardev {
    const struct chardev_backend *backend;
    char *where; /* "-chardev socket": how sentences begin */
    char *label;
    char *filename;
    const struct chardev_frontend *frontend;
    void *opaque;
    bool connected;
    struct journal_source journal; /* joined: the front end is a device's */
    guint opened_source;           /* reports CHARDEV_OPENED to a new front end */
};

struct chardev_backend {
    const char *name;
    size_t size; /* of its struct */
    /* Asks for its keys. Opens nothing yet: unknown keys are to be found first. */
    int (*configure)(struct chardev *chr, struct opts *opts, GError **err);
    /* Sets filename where it is more than the name, and connected where a peer is there. */
    int (*open)(struct chardev *chr, GError **err);
    void (*close)(struct chardev *chr); /* also after a failed open or configure */
    size_t (*write)(struct chardev *chr, const uint8_t *data, size_t len); /* NULL: takes all */
    void (*accept_input)(struct chardev *chr);                             /* NULL: never sends */
    int (*take_fd)(struct chardev *chr);                                   /* NULL: none */
};

extern const struct chardev_backend chardev_file, chardev_pipe, chardev_pty, chardev_ringbuf,
    chardev_serial, chardev_socket, chardev_stdio;

/* For back ends; from the loop only. */
size_t chardev_room(const struct chardev *chr); /* 0 without a front end */
void chardev_deliver(struct chardev *chr, const uint8_t *data, size_t len);
void chardev_report(struct chardev *chr, enum chardev_event event);
void chardev_report_writable(struct chardev *chr);
void chardev_set_filename(struct chardev *chr, char *filename); /* takes it over */
/* Reports a change to the front end. One that goes also frees a writer that waits. */
void chardev_set_connected(struct chardev *chr, bool connected);

#endif
