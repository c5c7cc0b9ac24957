#include "app/saved_state.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opts.h"
#include "block/fdset.h"
#include "hw/core/state.h"

#define MAX_STATE (256u << 20) /* far above any machine's; a file may be anything */
#define CHUNK     65536u

/* ---- Reading ---- */

/* One read() more. 1: all has come; 0: go on; -errno and a sentence. */
static int read_some(int fd, GByteArray *to, const char *name, GError **err)
{
    guint had = to->len;

    g_byte_array_set_size(to, had + CHUNK);
    ssize_t n = read(fd, to->data + had, CHUNK);
    int code = errno;
    g_byte_array_set_size(to, had + (n > 0 ? (guint)n : 0));
    if (n < 0)
        return code == EINTR || code == EAGAIN ? 0 : fail_errno(err, code, "saved state: %s", name);
    if (to->len > MAX_STATE)
        return fail(err, EFBIG, "saved state: %s: more than %u MiB", name, MAX_STATE >> 20);
    return n == 0;
}

int saved_state_print(const char *path, GString *out, GError **err)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return fail_errno(err, errno, "--dump-state %s", path);
    while (rc == 0)
        rc = read_some(fd, data, path, err);
    close(fd);
    return rc < 0 ? rc : state_dump(data->data, data->len, out, err);
}

/* ---- Loading ---- */

struct loading {
    struct app *app;
    int fd;
    char *from;
    GByteArray *data;
};

static void free_loading(gpointer opaque)
{
    struct loading *l = opaque;

    close(l->fd);
    g_free(l->from);
    g_byte_array_unref(l->data);
    g_free(l);
}

static int finish(struct loading *l, GError **err)
{
    struct machine *m = l->app->machine;
    int rc = machine_load(m, l->data->data, l->data->len, err);

    if (rc < 0)
        return rc;
    machine_set_inmigrate(m, false);
    return l->app->start_paused ? 0 : machine_resume(m, err);
}

/* As much as there is without waiting: whoever sends may be slow, and QMP answers meanwhile. */
static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct loading *l = opaque;
    g_autoptr(GError) err = NULL;
    int rc = read_some(fd, l->data, l->from, &err);

    if (rc > 0)
        rc = finish(l, &err) < 0 ? -1 : 1;
    if (rc < 0) {
        log_error("-incoming %s: %s", l->from, err->message);
        l->app->status = 1;
        loop_quit();
    }
    return rc == 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static int open_source(const char *from, GError **err)
{
    uint64_t n;
    int fd = -1;

    if (g_str_has_prefix(from, "file:")) {
        fd = open(from + strlen("file:"), O_RDONLY | O_CLOEXEC);
    } else if (g_str_has_prefix(from, "fd:") && parse_uint(from + strlen("fd:"), &n) == 0 &&
               n <= INT_MAX) {
        fd = (int)n;
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            fd = -1;
    } else {
        return fail(err, EINVAL, "-incoming %s: not fd:N or file:PATH", from);
    }
    return fd >= 0 ? fd : fail_errno(err, errno, "-incoming %s", from);
}

int saved_state_load(struct app *app, const char *from, GError **err)
{
    int fd = open_source(from, err);

    if (fd < 0)
        return fd;
    struct loading *l = g_new0(struct loading, 1);
    *l = (struct loading){ app, fd, g_strdup(from), g_byte_array_new() };
    machine_set_inmigrate(app->machine, true);
    g_unix_fd_add_full(G_PRIORITY_DEFAULT, fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, l,
                       free_loading);
    return 0;
}

/* ---- Saving ---- */

static int write_and_close(int fd, const uint8_t *data, size_t size)
{
    int rc = io_write_all(fd, data, size);

    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* Written beside it first: a full disk takes nothing from a state that is there already. */
static int replace_file(const char *path, const uint8_t *data, size_t size)
{
    g_autofree char *beside = g_strconcat(path, ".XXXXXX", NULL);
    int fd = g_mkstemp_full(beside, O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    int rc = write_and_close(fd, data, size);
    if (rc == 0 && rename(beside, path) < 0)
        rc = -errno;
    if (rc < 0)
        unlink(beside);
    return rc;
}

/* Pipes, devices and descriptors that were handed in are written to as they are. */
static bool is_plain(const char *path)
{
    struct stat st;

    return !fdset_is_path(path) && (lstat(path, &st) < 0 || S_ISREG(st.st_mode));
}

int saved_state_write(const char *path, const uint8_t *data, size_t size, GError **err)
{
    int rc;

    if (is_plain(path)) {
        rc = replace_file(path, data, size);
    } else {
        int fd = fdset_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, err);
        if (fd < 0)
            return fd;
        rc = write_and_close(fd, data, size);
    }
    return rc < 0 ? fail_errno(err, -rc, "saved state: %s", path) : 0;
}
