/*
 * A ring buffer: keeps the last `size` bytes that the front end sent.
 */
#include "chardev/backend.h"

#include <errno.h>

#include "base/error.h"

struct ringbuf {
    struct chardev chr;
    uint8_t *data;
    uint64_t size;       /* a power of two */
    uint64_t prod, cons; /* free-running */
};

static int ringbuf_configure(struct chardev *chr, struct opts *opts, GError **err)
{
    struct ringbuf *r = (struct ringbuf *)chr;

    r->size = 64 << 10;
    int rc = opts_get_size(opts, "size", 1, 1 << 30, &r->size, err);
    if (rc == 0 && (r->size & (r->size - 1)) != 0)
        rc = fail(err, EINVAL, "%s: size=%" G_GUINT64_FORMAT ": not a power of two", chr->where,
                  r->size);
    return rc;
}

static int ringbuf_open(struct chardev *chr, GError **err)
{
    struct ringbuf *r = (struct ringbuf *)chr;

    r->data = g_malloc(r->size);
    chr->connected = true;
    return 0;
}

static void ringbuf_close(struct chardev *chr)
{
    g_free(((struct ringbuf *)chr)->data);
}

static size_t ringbuf_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    struct ringbuf *r = (struct ringbuf *)chr;

    for (size_t i = 0; i < len; i++)
        r->data[r->prod++ & (r->size - 1)] = data[i];
    if (r->prod - r->cons > r->size)
        r->cons = r->prod - r->size;
    return len;
}

const struct chardev_backend chardev_ringbuf = {
    .name = "ringbuf",
    .size = sizeof(struct ringbuf),
    .configure = ringbuf_configure,
    .open = ringbuf_open,
    .close = ringbuf_close,
    .write = ringbuf_write,
};

size_t chardev_ringbuf_read(struct chardev *chr, uint8_t *data, size_t len)
{
    struct ringbuf *r = (struct ringbuf *)chr;
    size_t n = 0;

    if (chr->backend != &chardev_ringbuf)
        return 0;
    while (n < len && r->cons != r->prod)
        data[n++] = r->data[r->cons++ & (r->size - 1)];
    return n;
}

size_t chardev_ringbuf_send(struct chardev *chr, const uint8_t *data, size_t len)
{
    if (chr->backend != &chardev_ringbuf)
        return 0;
    size_t n = MIN(len, chardev_room(chr));
    chardev_deliver(chr, data, n);
    return n;
}
