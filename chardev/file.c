/*
 * Back ends that are a path in the file system: a file, FIFOs, a terminal device.
 */
#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "chardev/stream.h"

struct file {
    struct chardev chr;
    struct stream stream;
    char *path, *input_path;
    bool append;
    int in, out; /* one descriptor or two; -1: none */
};

static int take_path(struct chardev *chr, struct opts *opts, GError **err)
{
    struct file *f = (struct file *)chr;

    f->in = f->out = -1;
    f->path = g_strdup(opts_require(opts, "path", err));
    return f->path != NULL ? 0 : -EINVAL;
}

static int file_configure(struct chardev *chr, struct opts *opts, GError **err)
{
    struct file *f = (struct file *)chr;

    f->input_path = g_strdup(opts_get(opts, "input-path"));
    int rc = take_path(chr, opts, err);
    return rc < 0 ? rc : opts_get_bool(opts, "append", &f->append, err);
}

static int open_path(const struct file *f, const char *path, int flags, GError **err)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

    return fd >= 0 ? fd : fail_errno(err, errno, "%s: path=%s", f->chr.where, path);
}

static int start(struct file *f)
{
    stream_start(&f->stream, &f->chr, f->in, f->out);
    f->chr.connected = true;
    return 0;
}

static int file_open(struct chardev *chr, GError **err)
{
    struct file *f = (struct file *)chr;

    f->out = open_path(f, f->path, O_WRONLY | O_CREAT | (f->append ? O_APPEND : O_TRUNC), err);
    if (f->out < 0)
        return f->out;
    if (f->input_path != NULL) {
        f->in = open_path(f, f->input_path, O_RDONLY, err);
        if (f->in < 0)
            return f->in;
    }
    return start(f);
}

/* Opened for both directions, so that neither a missing reader nor a missing writer is an end. */
static int pipe_open(struct chardev *chr, GError **err)
{
    struct file *f = (struct file *)chr;
    g_autofree char *in = g_strconcat(f->path, ".in", NULL);
    g_autofree char *out = g_strconcat(f->path, ".out", NULL);

    f->in = open_path(f, in, O_RDWR, NULL);
    f->out = open_path(f, out, O_RDWR, NULL);
    if (f->in < 0 || f->out < 0) {
        int both = open_path(f, f->path, O_RDWR, err);
        if (both < 0)
            return both;
        if (f->in >= 0)
            close(f->in);
        if (f->out >= 0)
            close(f->out);
        f->in = f->out = both;
    }
    return start(f);
}

static int serial_open(struct chardev *chr, GError **err)
{
    struct file *f = (struct file *)chr;
    struct termios tio;

    f->in = f->out = open_path(f, f->path, O_RDWR, err);
    if (f->in < 0)
        return f->in;
    if (tcgetattr(f->in, &tio) < 0)
        return fail_errno(err, errno, "%s: path=%s", chr->where, f->path);
    cfmakeraw(&tio);
    tcsetattr(f->in, TCSANOW, &tio);
    return start(f);
}

static void file_close(struct chardev *chr)
{
    struct file *f = (struct file *)chr;

    stream_stop(&f->stream);
    if (f->in >= 0 && f->in != f->out)
        close(f->in);
    if (f->out >= 0)
        close(f->out);
    g_free(f->path);
    g_free(f->input_path);
}

static size_t file_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    return stream_write(&((struct file *)chr)->stream, data, len);
}

static void file_accept_input(struct chardev *chr)
{
    stream_accept_input(&((struct file *)chr)->stream);
}

const struct chardev_backend chardev_file = {
    .name = "file",
    .size = sizeof(struct file),
    .configure = file_configure,
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .accept_input = file_accept_input,
};

const struct chardev_backend chardev_pipe = {
    .name = "pipe",
    .size = sizeof(struct file),
    .configure = take_path,
    .open = pipe_open,
    .close = file_close,
    .write = file_write,
    .accept_input = file_accept_input,
};

const struct chardev_backend chardev_serial = {
    .name = "serial",
    .size = sizeof(struct file),
    .configure = take_path,
    .open = serial_open,
    .close = file_close,
    .write = file_write,
    .accept_input = file_accept_input,
};
