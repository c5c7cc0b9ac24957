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
#include "app/saved_memory.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opts.h"
#include "block/fdset.h"
#include "hw/core/state.h"
#include "ioreq/core.h"

#define MAX_STATE (256u << 20) /* far above any machine's; a file may be anything */
#define CHUNK     (1u << 20)

/* ---- Reading ---- */

struct source {
    int fd;
    const char *name;             /* borrowed */
    GArray *memory;               /* where memory goes; NULL: nowhere */
    struct memory_loader *loader; /* while the file's memory comes; then NULL */
    bool begun;                   /* it is known which of the two comes */
    bool has_memory;
    GByteArray *data; /* of the state */
};

static void source_init(struct source *s, int fd, const char *name, GArray *memory)
{
    *s = (struct source){ .fd = fd, .name = name, .memory = memory, .data = g_byte_array_new() };
}

static void source_clear(struct source *s)
{
    close(s->fd);
    memory_loader_free(s->loader);
    g_clear_pointer(&s->memory, g_array_unref);
    g_byte_array_unref(s->data);
}

/* What has come is memory, or state, or not enough to know. */
static void begin(struct source *s)
{
    if (s->begun || s->data->len < SAVED_MEMORY_MAGIC_SIZE)
        return;
    s->begun = true;
    /* The last character is the format's version. */
    s->has_memory = memcmp(s->data->data, SAVED_MEMORY_MAGIC, SAVED_MEMORY_MAGIC_SIZE - 1) == 0;
    if (s->has_memory)
        s->loader = memory_loader_new(s->memory);
}

static int feed(struct source *s, GError **err)
{
    size_t taken;

    begin(s);
    if (s->loader == NULL)
        return 0;
    int rc = memory_loader_feed(s->loader, s->data->data, s->data->len, &taken, err);
    g_byte_array_remove_range(s->data, 0, (guint)taken);
    if (rc > 0)
        g_clear_pointer(&s->loader, memory_loader_free);
    return MIN(rc, 0);
}

/* One read() more. 1: all has come; 0: go on; -errno and a sentence. */
static int read_some(struct source *s, GError **err)
{
    guint had = s->data->len;

    g_byte_array_set_size(s->data, had + CHUNK);
    ssize_t n = read(s->fd, s->data->data + had, CHUNK);
    int code = errno;
    g_byte_array_set_size(s->data, had + (n > 0 ? (guint)n : 0));
    if (n < 0)
        return code == EINTR || code == EAGAIN ? 0
                                               : fail_errno(err, code, "saved state: %s", s->name);
    if (n == 0)
        return s->loader == NULL ? 1 : fail(err, EINVAL, "saved memory: truncated");
    int rc = feed(s, err);
    if (rc == 0 && s->data->len > MAX_STATE)
        return fail(err, EFBIG, "saved state: %s: more than %u MiB", s->name, MAX_STATE >> 20);
    return rc;
}

int saved_state_print(const char *path, GString *out, GError **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    struct source s;

    if (fd < 0)
        return fail_errno(err, errno, "--dump-state %s", path);
    source_init(&s, fd, path, NULL);
    while (rc == 0)
        rc = read_some(&s, err);
    if (rc > 0)
        rc = state_dump(s.data->data, s.data->len, out, err);
    source_clear(&s);
    return rc;
}

/* ---- Loading ---- */

struct loading {
    struct app *app;
    char *from;
    struct source source;
};

static void free_loading(gpointer opaque)
{
    struct loading *l = opaque;

    source_clear(&l->source);
    g_free(l->from);
    g_free(l);
}

/* A state of devices alone suits a machine whose memory is kept elsewhere, or that has no CPUs. */
static int finish(struct loading *l, GError **err)
{
    struct machine *m = l->app->machine;
    const struct source *s = &l->source;

    if (!s->has_memory && s->memory->len > 0 && (machine_core(m)->ops->chips & CORE_HAS_CPUS) != 0)
        return fail(err, EINVAL, "saved state: the memory is missing");
    int rc = machine_load(m, s->data->data, s->data->len, err);
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
    int rc = read_some(&l->source, &err);

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
    l->app = app;
    l->from = g_strdup(from);
    source_init(&l->source, fd, l->from, machine_get_memory(app->machine));
    machine_set_inmigrate(app->machine, true);
    g_unix_fd_add_full(G_PRIORITY_DEFAULT, fd, G_IO_IN | G_IO_HUP | G_IO_ERR, readable, l,
                       free_loading);
    return 0;
}

/* ---- Saving ---- */

struct saving {
    GByteArray *state;
    GArray *memory;
};

static int write_and_close(int fd, const struct saving *s)
{
    int rc = s->memory->len > 0 ? saved_memory_write(fd, s->memory) : 0;

    if (rc == 0)
        rc = io_write_all(fd, s->state->data, s->state->len);
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

/* Written beside it first: a full disk takes nothing from a state that is there already. */
static int replace_file(const char *path, const struct saving *s)
{
    g_autofree char *beside = g_strconcat(path, ".XXXXXX", NULL);
    int fd = g_mkstemp_full(beside, O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    int rc = write_and_close(fd, s);
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

static int write_to(const char *path, const struct saving *s, GError **err)
{
    int rc;

    if (is_plain(path)) {
        rc = replace_file(path, s);
    } else {
        int fd = fdset_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, err);
        if (fd < 0)
            return fd;
        rc = write_and_close(fd, s);
    }
    return rc < 0 ? fail_errno(err, -rc, "saved state: %s", path) : 0;
}

int saved_state_write(struct machine *m, const char *path, GError **err)
{
    g_autoptr(GByteArray) state = machine_save(m, err);

    if (state == NULL)
        return -EIO;
    g_autoptr(GArray) memory = machine_get_memory(m);
    return write_to(path, &(const struct saving){ state, memory }, err);
}
