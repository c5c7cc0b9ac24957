/*
 * A stream: the file descriptors of a back end on the main loop.
 *
 * Input is watched only while the front end takes it, output only while it waits for room, so
 * that neither a stalled guest nor a stalled host makes the loop spin.
 */
#ifndef CHARDEV_STREAM_H
#define CHARDEV_STREAM_H

#include <sys/types.h>

#include "chardev/backend.h"

struct stream {
    struct chardev *chr;
    int in, out; /* non-blocking; may be the same; -1: that direction has ended */
    guint in_watch, out_watch, hangup_source;
    /* All may be NULL. read: as read(2). received: instead of chardev_deliver(). */
    ssize_t (*read)(struct stream *s, uint8_t *data, size_t len);
    void (*received)(struct stream *s, uint8_t *data, size_t len);
    /* From the loop: input ended or output failed. NULL: that direction ends, the other goes on. */
    void (*hangup)(struct stream *s);
    bool is_socket;
};

/* Starts with these descriptors, which stay the caller's; they are made non-blocking. */
void stream_start(struct stream *s, struct chardev *chr, int in, int out);
/* Stops watching; after it the descriptors may be closed. */
void stream_stop(struct stream *s);

/* Watches the input if the front end takes any. */
void stream_accept_input(struct stream *s);
/* As chardev_write(). */
size_t stream_write(struct stream *s, const uint8_t *data, size_t len);

#endif
