#include "chardev/backend.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

/* ---- null ---- */

static int null_open(struct chardev *chr, GError **err)
{
    chr->connected = true;
    return 0;
}

static const struct chardev_backend chardev_null = { .name = "null",
                                                     .size = sizeof(struct chardev),
                                                     .open = null_open };

static const struct chardev_backend *const backends[] = {
    &chardev_null, &chardev_stdio,  &chardev_file,   &chardev_pipe,
    &chardev_pty,  &chardev_serial, &chardev_socket, &chardev_ringbuf,
};

/* ---- Creation ---- */

static const struct chardev_backend *find_backend(const struct opts *opts, const char *name,
                                                  GError **err)
{
    g_autoptr(GString) known = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(backends); i++) {
        if (strcmp(name, backends[i]->name) == 0)
            return backends[i];
        g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", backends[i]->name);
    }
    fail(err, EINVAL, "%s: there is no back end \"%s\"; there are %s", opts_where(opts), name,
         known->str);
    return NULL;
}

static int open_backend(struct chardev *chr, struct opts *opts, GError **err)
{
    int rc = 0;

    if (journal_replaying())
        return chr->backend->open(chr, err);
    if (chr->backend->configure != NULL)
        rc = chr->backend->configure(chr, opts, err);
    if (rc == 0)
        rc = opts_finish(opts, err);
    return rc < 0 ? rc : chr->backend->open(chr, err);
}

struct chardev *chardev_create(struct opts *opts, const char *label, GError **err)
{
    const char *name = opts_require(opts, "backend", err);

    if (name != NULL && label == NULL)
        label = opts_require(opts, "id", err);
    if (name == NULL || label == NULL)
        return NULL;
    const struct chardev_backend *backend = journal_replaying() ? &chardev_null
                                                                : find_backend(opts, name, err);
    if (backend == NULL)
        return NULL;
    struct chardev *chr = g_malloc0(backend->size);
    chr->backend = backend;
    chr->where = g_strdup(opts_where(opts));
    chr->label = g_strdup(label);
    chr->filename = g_strdup(name);
    if (open_backend(chr, opts, err) < 0) {
        chardev_destroy(chr);
        return NULL;
    }
    return chr;
}

void chardev_destroy(struct chardev *chr)
{
    if (chr == NULL)
        return;
    chardev_attach(chr, NULL, NULL);
    if (chr->backend->close != NULL)
        chr->backend->close(chr);
    journal_leave(&chr->journal);
    g_free(chr->where);
    g_free(chr->label);
    g_free(chr->filename);
    g_free(chr);
}

/* ---- The short spelling ---- */

/* "HOST:PORT" or "[HOST]:PORT" */
static int split_address(struct opts *opts, GError **err)
{
    const char *address = opts_get(opts, "address");
    const char *colon = address != NULL ? strrchr(address, ':') : NULL;

    if (colon == NULL)
        return fail(err, EINVAL, "%s: not HOST:PORT", opts_where(opts));
    size_t len = (size_t)(colon - address);
    bool bracketed = len >= 2 && address[0] == '[' && colon[-1] == ']';
    g_autofree char *host = bracketed ? g_strndup(address + 1, len - 2) : g_strndup(address, len);
    opts_set(opts, "host", host);
    opts_set(opts, "port", colon + 1);
    return 0;
}

/* The options that a short spelling stands for; a path after "file:" is taken as it is. */
static struct opts *expand_short(const char *option, const char *spec, GError **err)
{
    static const char *const with_path[] = { "file", "pipe", "pty" };
    struct opts *opts;

    for (unsigned i = 0; i < G_N_ELEMENTS(with_path); i++) {
        size_t len = strlen(with_path[i]);
        if (strncmp(spec, with_path[i], len) == 0 && spec[len] == ':') {
            opts = opts_parse(option, with_path[i], "backend", err);
            opts_set(opts, "path", spec + len + 1);
            return opts;
        }
    }
    if (g_str_has_prefix(spec, "unix:") || g_str_has_prefix(spec, "tcp:")) {
        bool is_unix = *spec == 'u';
        opts = opts_parse(option, strchr(spec, ':') + 1, is_unix ? "path" : "address", err);
        if (opts != NULL && !is_unix && split_address(opts, err) < 0) {
            opts_free(opts);
            return NULL;
        }
        if (opts != NULL)
            opts_set(opts, "backend", "socket");
        return opts;
    }
    if (strcmp(spec, "/dev/null") == 0)
        return opts_parse(option, "null", "backend", err);
    if (g_str_has_prefix(spec, "/dev/")) {
        opts = opts_parse(option, "serial", "backend", err);
        opts_set(opts, "path", spec);
        return opts;
    }
    return opts_parse(option, spec, "backend", err);
}

struct chardev *chardev_create_short(const char *option, const char *spec, const char *label,
                                     GError **err)
{
    bool mux = g_str_has_prefix(spec, "mon:");
    struct opts *opts = expand_short(option, mux ? spec + strlen("mon:") : spec, err);
    struct chardev *chr = NULL;

    if (opts != NULL) {
        if (mux)
            opts_set(opts, "mux", "on");
        chr = chardev_create(opts, label, err);
    }
    opts_free(opts);
    return chr;
}

/* ---- The front end's side ---- */

const char *chardev_label(const struct chardev *chr)
{
    return chr->label;
}

const char *chardev_filename(const struct chardev *chr)
{
    return chr->filename;
}

bool chardev_connected(const struct chardev *chr)
{
    return chr->connected;
}

static gboolean report_opened(gpointer data)
{
    struct chardev *chr = data;

    chr->opened_source = 0;
    if (chr->connected)
        chardev_report(chr, CHARDEV_OPENED);
    return G_SOURCE_REMOVE;
}

void chardev_attach(struct chardev *chr, const struct chardev_frontend *frontend, void *opaque)
{
    chr->frontend = frontend;
    chr->opaque = opaque;
    g_clear_handle_id(&chr->opened_source, g_source_remove);
    if (frontend == NULL)
        return;
    if (chr->connected && frontend->event != NULL)
        chr->opened_source = g_idle_add_full(G_PRIORITY_DEFAULT, report_opened, chr, NULL);
    chardev_accept_input(chr);
}

static void journal_sent(struct chardev *chr, const uint8_t *data, size_t len)
{
    const struct iovec iov = { (void *)(uintptr_t)data, len }; /* only read */

    journal_effect(&chr->journal, &(const struct journal_entry){
                                      .kind = JOURNAL_CHAR_SENT, .iov = &iov, .n_iov = 1 });
}

size_t chardev_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    if (journal_on())
        journal_sent(chr, data, len);
    size_t taken = chr->backend->write != NULL ? chr->backend->write(chr, data, len) : len;
    return journal_ask(&chr->journal, JOURNAL_CHAR_TAKEN, taken);
}

void chardev_accept_input(struct chardev *chr)
{
    if (chr->backend->accept_input != NULL)
        chr->backend->accept_input(chr);
}

int chardev_take_fd(struct chardev *chr)
{
    return chr->backend->take_fd != NULL ? chr->backend->take_fd(chr) : -1;
}

/* ---- The back end's side ---- */

size_t chardev_room(const struct chardev *chr)
{
    if (chr->frontend == NULL || chr->frontend->can_receive == NULL)
        return 0;
    return chr->frontend->can_receive(chr->opaque);
}

void chardev_deliver(struct chardev *chr, const uint8_t *data, size_t len)
{
    const struct iovec iov = { (void *)(uintptr_t)data, len }; /* only read */
    const struct journal_entry entry = { .kind = JOURNAL_CHAR_RECEIVED, .iov = &iov, .n_iov = 1 };

    if (chr->frontend == NULL || len == 0 || !journal_begin(&chr->journal, &entry))
        return;
    chr->frontend->receive(chr->opaque, data, len);
    journal_end(&chr->journal);
}

void chardev_report(struct chardev *chr, enum chardev_event event)
{
    if (chr->frontend == NULL || chr->frontend->event == NULL ||
        !journal_begin(&chr->journal, JOURNAL_NUMBERS_OF(JOURNAL_CHAR_EVENT, event)))
        return;
    chr->frontend->event(chr->opaque, event);
    journal_end(&chr->journal);
}

void chardev_report_writable(struct chardev *chr)
{
    if (chr->frontend == NULL || chr->frontend->writable == NULL ||
        !journal_begin(&chr->journal, JOURNAL_NUMBERS_OF(JOURNAL_CHAR_WRITABLE, 0)))
        return;
    chr->frontend->writable(chr->opaque);
    journal_end(&chr->journal);
}

void chardev_set_filename(struct chardev *chr, char *filename)
{
    g_free(chr->filename);
    chr->filename = filename;
}

void chardev_set_connected(struct chardev *chr, bool connected)
{
    if (chr->connected == connected)
        return;
    chr->connected = connected;
    g_clear_handle_id(&chr->opened_source, g_source_remove);
    chardev_report(chr, connected ? CHARDEV_OPENED : CHARDEV_CLOSED);
    if (!connected)
        chardev_report_writable(chr);
}

/* ---- Recording ---- */

static void play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    struct chardev *chr = opaque;

    switch (entry->kind) {
    case JOURNAL_CHAR_RECEIVED: chardev_deliver(chr, data, len); break;
    case JOURNAL_CHAR_EVENT: chardev_report(chr, (enum chardev_event)entry->n[0]); break;
    case JOURNAL_CHAR_WRITABLE: chardev_report_writable(chr); break;
    default: break;
    }
}

void chardev_journal(struct chardev *chr)
{
    if (chr->journal.id == 0)
        journal_join(&chr->journal, "chardev", chr->label, play, chr);
}
