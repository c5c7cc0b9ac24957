#include "block/node.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "block/fdset.h"
#include "block/format.h"
#include "block/image.h"

#define MAX_CHAIN 64 /* images in a backing chain */

static const struct block_format *const formats[] = { &format_raw, &format_qcow2, &format_vpc };

const struct block_format *format_by_name(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (name != NULL && strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

/* ---- opening and closing ---- */

/* Everything that needs no file. */
static struct block_node *new_node(const struct block_options *o)
{
    struct block_node *node = g_new0(struct block_node, 1);

    node->refs = 1;
    node->id = g_strdup(o->id != NULL ? o->id : "");
    node->path = o->path != NULL ? g_strdup(o->path) : g_strdup_printf("fd:%d", o->fd);
    node->inactive = o->inactive && !o->read_only;
    node->read_only = o->read_only || node->inactive;
    node->discard_unmap = o->discard_unmap;
    node->cache = o->cache;
    node->aio = o->aio;
    node->no_lock = o->no_lock;
    node->writethrough = o->cache == BLOCK_CACHE_WRITETHROUGH || o->cache == BLOCK_CACHE_DIRECTSYNC;
    node->detect_zeroes = o->detect_zeroes;
    node->rerror = o->rerror;
    node->werror = o->werror;
    node->writes_done = 1; /* what came before us may not be durable: the first flush is real */
    journal_join(&node->journal, "disk", *node->id != '\0' ? node->id : node->path, node_play,
                 node);
    TAILQ_INIT(&node->users);
    TAILQ_INIT(&node->tracked);
    TAILQ_INIT(&node->waiting);
    TAILQ_INIT(&node->throttled);
    return node;
}

/* Without its backing node, which is unlinked before. */
static void free_node(struct block_node *node)
{
    if (node->throttle_timer != 0)
        g_source_remove(node->throttle_timer);
    if (node->opened)
        node->format->close(node);
    file_close(node->file);
    journal_leave(&node->journal);
    g_free(node->backing_name);
    g_free(node->backing_format_name);
    g_free(node->id);
    g_free(node->path);
    g_free(node);
}

/* One image, without its backing chain. */
static int open_one(const struct block_options *o, struct block_node **out, GError **err)
{
    const struct block_format *format = format_by_name(o->format);
    struct block_node *node = new_node(o);
    int ret;

    if (format == NULL) {
        ret = fail(err, EINVAL, "%s: image format \"%s\" is not known", node->path,
                   o->format != NULL ? o->format : "");
        goto out_free;
    }
    node->format = format;
    ret = file_open(o, !o->read_only, &node->file, err);
    if (ret < 0)
        goto out_free;
    ret = format->open(node, o, err);
    if (ret < 0)
        goto out_free;
    node->opened = true;
    *out = node;
    return 0;

out_free:
    free_node(node);
    return ret;
}

char *image_path_beside(const char *image, const char *name)
{
    g_autofree char *dir = g_path_get_dirname(image);

    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(dir, name, NULL);
}

/*
 * Relative names start at the overlay's directory. Only files: what looks like a protocol ("nbd:",
 * "json:") is refused.
 */
char *image_backing_path(struct block_node *node, GError **err)
{
    const char *name = node->backing_name;

    if (name == NULL) {
        fail(err, EINVAL, "%s: has no backing file", node->path);
        return NULL;
    }
    if (g_str_has_prefix(name, "file:"))
        name += strlen("file:");
    if (name[strcspn(name, ":/")] == ':') {
        fail(err, ENOTSUP, "%s: backing file \"%s\" is not a plain file name", node->path, name);
        return NULL;
    }
    return image_path_beside(node->path, name);
}

static int open_backing(struct block_node *node, const struct block_options *top, GError **err)
{
    g_autofree char *path = image_backing_path(node, err);

    if (path == NULL)
        return -EINVAL;
    if (node->backing_format_name == NULL)
        return fail(err, EINVAL,
                    "%s: does not record the format of its backing file %s; give it explicitly",
                    node->path, node->backing_name);
    struct block_options o = {
        .path = path,
        .format = node->backing_format_name,
        .cache = top->cache,
        .aio = top->aio,
        .read_only = true,
        .no_lock = top->no_lock,
        .force_share = top->force_share,
    };
    int ret = open_one(&o, &node->backing, err);
    if (ret < 0)
        g_prefix_error(err, "%s: backing file: ", node->path);
    else if (node->format->check_backing != NULL)
        ret = node->format->check_backing(node, err);
    return ret;
}

static void replace_string(char **string, const char *value)
{
    g_free(*string);
    *string = g_strdup(value);
}

/* Each image names the next one; the length is limited, since they may form a circle. */
static int open_chain(struct block_node *node, const struct block_options *o, GError **err)
{
    int depth = 1;

    if (o->backing != NULL && o->backing[0] == '\0')
        return 0;
    if (o->backing != NULL)
        replace_string(&node->backing_name, o->backing);
    if (o->backing_format != NULL)
        replace_string(&node->backing_format_name, o->backing_format);
    for (; node->backing_name != NULL; node = node->backing) {
        if (++depth > MAX_CHAIN)
            return fail(err, ELOOP, "%s: the backing chain is longer than %d", node->path,
                        MAX_CHAIN);
        int ret = open_backing(node, o, err);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int open_with_chain(const struct block_options *o, struct block_node **out, GError **err)
{
    struct block_node *node;
    int ret = open_one(o, &node, err);

    if (ret < 0)
        return ret;
    ret = open_chain(node, o, err);
    if (ret < 0)
        block_unref(node);
    else
        *out = node;
    return ret;
}

/* The device sees what the recorded one saw; what is asked and answered is in the journal. */
static struct block_node *open_replayed(const struct block_options *o)
{
    struct block_node *node = new_node(o);

    node->format = &format_raw;
    node->replayed = true;
    return node;
}

/* With snapshot=on the image itself becomes the read-only backing file of a temporary one. */
int block_open(const struct block_options *options, struct block_node **out, GError **err)
{
    struct block_options base = *options;
    struct block_node *node = NULL;

    if (journal_replaying()) {
        *out = open_replayed(options);
        return 0;
    }
    if (!options->snapshot)
        return open_with_chain(options, out, err);
    base.read_only = true;
    int ret = open_with_chain(&base, &node, err);
    if (ret == 0)
        ret = image_create_overlay(node, out, err);
    block_unref(node); /* the overlay has its own reference */
    return ret;
}

struct block_node *block_ref(struct block_node *node)
{
    node->refs++;
    return node;
}

/* From the top down: an overlay holds one reference of its backing node. */
void block_unref(struct block_node *node)
{
    while (node != NULL && --node->refs == 0) {
        struct block_node *backing = node->backing;

        block_drain(node);
        free_node(node);
        node = backing;
    }
}

/* ---- queries ---- */

/* A device that asks gets in a replay what it got before. */
static uint64_t fact(const struct block_node *node, enum disk_fact what, uint64_t value)
{
    struct journal_entry entry = { .kind = JOURNAL_DISK_FACT, .n = { what, value } };

    journal_input(&node->journal, &entry);
    return entry.n[1];
}

uint64_t block_size(const struct block_node *node)
{
    return fact(node, DISK_SIZE, node->size);
}

uint32_t block_sector_size(const struct block_node *node)
{
    return BLOCK_SECTOR_SIZE;
}

uint32_t block_physical_sector_size(const struct block_node *node)
{
    uint32_t align = node->file != NULL ? node->file->align : 0;

    return (uint32_t)fact(node, DISK_PHYSICAL_SECTOR, MAX(align, BLOCK_SECTOR_SIZE));
}

static bool is_read_only(const struct block_node *node)
{
    return node->read_only && !node->inactive;
}

bool block_read_only(const struct block_node *node)
{
    return fact(node, DISK_READ_ONLY, is_read_only(node)) != 0;
}

bool block_discard_enabled(const struct block_node *node)
{
    return fact(node, DISK_DISCARD, node->discard_unmap && !is_read_only(node)) != 0;
}

bool block_write_cache(const struct block_node *node)
{
    return fact(node, DISK_WRITE_CACHE, !node->writethrough) != 0;
}

const char *block_id(const struct block_node *node)
{
    return node->id;
}

const char *block_path(const struct block_node *node)
{
    return node->path;
}

const char *block_format_name(const struct block_node *node)
{
    return node->format->name;
}

const char *block_cache_name(enum block_cache cache)
{
    static const char *const names[] = {
        [BLOCK_CACHE_WRITEBACK] = "writeback", [BLOCK_CACHE_WRITETHROUGH] = "writethrough",
        [BLOCK_CACHE_NONE] = "none",           [BLOCK_CACHE_DIRECTSYNC] = "directsync",
        [BLOCK_CACHE_UNSAFE] = "unsafe",
    };

    return names[cache];
}

void block_get_options(const struct block_node *node, struct block_options *options)
{
    *options = (struct block_options){
        .cache = node->cache,
        .aio = node->aio,
        .read_only = block_read_only(node),
        .discard_unmap = node->discard_unmap,
        .detect_zeroes = node->detect_zeroes,
        .rerror = node->rerror,
        .werror = node->werror,
        .no_lock = node->no_lock,
    };
}

struct block_node *block_backing(const struct block_node *node)
{
    return node->backing;
}

void node_tell_resized(struct block_node *node)
{
    struct block_user *user;

    if (!journal_begin(&node->journal, JOURNAL_NUMBERS_OF(JOURNAL_DISK_RESIZED, 0)))
        return;
    TAILQ_FOREACH(user, &node->users, link)
    if (user->ops != NULL && user->ops->resized != NULL)
        user->ops->resized(user->opaque);
    journal_end(&node->journal);
}

void node_play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    if (entry->kind == JOURNAL_DISK_RESIZED)
        node_tell_resized(opaque);
    else
        request_play(opaque, entry, data, len);
}

int block_resize(struct block_node *node, uint64_t size, GError **err)
{
    if (node->read_only)
        return fail(err, EROFS, "%s: is read-only and cannot be resized", node->path);
    if (size % BLOCK_SECTOR_SIZE != 0 || size > INT64_MAX)
        return fail(err, EINVAL, "%s: the size must be a multiple of %d", node->path,
                    BLOCK_SECTOR_SIZE);
    if (node->format->resize == NULL)
        return fail(err, ENOTSUP, "%s: images of format %s cannot be resized", node->path,
                    node->format->name);
    block_drain(node);
    int ret = node->format->resize(node, size, err);
    if (ret < 0)
        return ret;
    node->size = size;
    node_tell_resized(node);
    return 0;
}

/* ---- users ---- */

struct block_user *block_attach(struct block_node *node, const char *name,
                                const struct block_user_ops *ops, void *opaque)
{
    struct block_user *user = g_new0(struct block_user, 1);

    user->node = block_ref(node);
    user->name = g_strdup(name);
    user->ops = ops;
    user->opaque = opaque;
    TAILQ_INSERT_TAIL(&node->users, user, link);
    if (node->active == NULL)
        node->active = user;
    return user;
}

void block_detach(struct block_user *user)
{
    if (user == NULL)
        return;
    struct block_node *node = user->node;
    block_drain(node);
    TAILQ_REMOVE(&node->users, user, link);
    if (node->active == user)
        node->active = NULL; /* nobody takes over unasked */
    g_free(user->name);
    g_free(user);
    block_unref(node);
}

struct block_node *block_user_node(const struct block_user *user)
{
    return user->node;
}

bool block_user_active(const struct block_user *user)
{
    return user->node->active == user;
}

int block_hand_over(struct block_user *to)
{
    struct block_node *node = to->node;
    int ret = 0;

    block_drain(node);
    if (node->active != NULL && !node->read_only)
        ret = block_flush_sync(node->active);
    node->active = to;
    return ret;
}

/* ---- waiting ---- */

bool block_busy(const struct block_node *node)
{
    return node->in_flight > 0;
}

/*
 * Completions are run here, by whichever thread holds the lock, since the main loop cannot run
 * while we hold it. Limits do not count while draining, else a slow disk would stop the machine for
 * long.
 */
void block_drain(struct block_node *node)
{
    bool nested = node->draining;

    if (node->replayed) {
        request_replay_all(node);
        return;
    }
    node->draining = true;
    while (node->in_flight > 0) {
        request_run_throttled(node);
        if (!file_run_completions())
            file_wait();
    }
    node->draining = nested;
}

struct sync_wait {
    bool done;
    int ret;
};

static void sync_done(void *opaque, int ret)
{
    struct sync_wait *wait = opaque;

    wait->ret = ret;
    wait->done = true;
}

/* Only this request is waited for; a throttled one is let through. */
static int sync_wait(struct block_node *node, const struct sync_wait *wait)
{
    bool nested = node->draining;

    if (node->replayed) {
        request_replay_all(node);
        return wait->ret;
    }
    node->draining = true;
    while (!wait->done) {
        request_run_throttled(node);
        if (!file_run_completions())
            file_wait();
    }
    node->draining = nested;
    return wait->ret;
}

int block_read_sync(struct block_user *user, uint64_t offset, void *buf, size_t len)
{
    struct iovec iov = { buf, len };
    struct sync_wait wait = { false, 0 };

    block_read(user, offset, len, &iov, 1, sync_done, &wait);
    return sync_wait(user->node, &wait);
}

int block_write_sync(struct block_user *user, uint64_t offset, const void *buf, size_t len)
{
    union {
        const void *in;
        void *out;
    } data = { buf }; /* iovec has no const; a write only reads */
    struct iovec iov = { data.out, len };
    struct sync_wait wait = { false, 0 };

    block_write(user, offset, len, &iov, 1, 0, sync_done, &wait);
    return sync_wait(user->node, &wait);
}

int block_flush_sync(struct block_user *user)
{
    struct sync_wait wait = { false, 0 };

    block_flush(user, sync_done, &wait);
    return sync_wait(user->node, &wait);
}

/* ---- errors ---- */

static enum block_error_action decide(enum block_on_error policy, bool is_read, int error)
{
    if (policy == BLOCK_ON_ERROR_DEFAULT)
        policy = is_read ? BLOCK_ON_ERROR_REPORT : BLOCK_ON_ERROR_ENOSPC;
    switch (policy) {
    case BLOCK_ON_ERROR_IGNORE: return BLOCK_ERROR_IGNORE;
    case BLOCK_ON_ERROR_STOP: return BLOCK_ERROR_STOP;
    case BLOCK_ON_ERROR_ENOSPC: return error == -ENOSPC ? BLOCK_ERROR_STOP : BLOCK_ERROR_REPORT;
    default: return BLOCK_ERROR_REPORT;
    }
}

enum block_error_action block_error_policy(struct block_node *node, bool is_read, int error)
{
    enum block_error_action action = decide(is_read ? node->rerror : node->werror, is_read, error);

    if (node->error_listener != NULL)
        node->error_listener(node->error_opaque, node, is_read, error, action);
    return action;
}

void block_set_on_error(struct block_node *node, enum block_on_error rerror,
                        enum block_on_error werror)
{
    if (rerror != BLOCK_ON_ERROR_DEFAULT)
        node->rerror = rerror;
    if (werror != BLOCK_ON_ERROR_DEFAULT)
        node->werror = werror;
}

int block_parse_on_error(const char *word, bool is_read, enum block_on_error *value)
{
    if (strcmp(word, "report") == 0)
        *value = BLOCK_ON_ERROR_REPORT;
    else if (strcmp(word, "ignore") == 0)
        *value = BLOCK_ON_ERROR_IGNORE;
    else if (strcmp(word, "stop") == 0)
        *value = BLOCK_ON_ERROR_STOP;
    else if (strcmp(word, "enospc") == 0 && !is_read)
        *value = BLOCK_ON_ERROR_ENOSPC;
    else
        return -EINVAL;
    return 0;
}

void block_set_error_listener(struct block_node *node,
                              void (*listener)(void *opaque, struct block_node *node, bool is_read,
                                               int error, enum block_error_action action),
                              void *opaque)
{
    node->error_listener = listener;
    node->error_opaque = opaque;
}

/* ---- statistics and limits ---- */

void block_get_stats(const struct block_node *node, struct block_stats *stats)
{
    *stats = node->stats;
}

int block_set_throttle(struct block_node *node, const struct block_throttle_config *config,
                       GError **err)
{
    int ret = throttle_configure(&node->throttle, config, g_get_monotonic_time(), err);

    if (ret < 0)
        return ret;
    request_run_throttled(node);
    return 0;
}

void block_get_throttle(const struct block_node *node, struct block_throttle_config *config)
{
    *config = node->throttle.config;
}
