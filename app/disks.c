#include "app/disks.h"

#include <errno.h>
#include <string.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "block/drive.h"

/* A named node: an image that is open, or a file that waits for somebody to say what is in it. */
struct named_node {
    char *name;
    struct block_node *node; /* a reference; NULL: a file */
    GPtrArray *file;         /* its keys and values in turn, as a format writes them; or NULL */
};

/* ---- Drives ---- */

struct block_drive *disk_find_drive(const struct app *app, const char *id)
{
    for (guint i = 0; i < app->drives->len; i++) {
        struct block_drive *drive = app->drives->pdata[i];
        if (!drive->unnamed && strcmp(drive->id, id) == 0)
            return drive;
    }
    return NULL;
}

static struct block_drive *new_drive(struct app *app, const char *id, const char *serial,
                                     struct block_node *node)
{
    struct block_drive *drive = block_drive_new(id, serial, node);

    drive->events = &qmp_drive_events;
    drive->events_opaque = app;
    g_ptr_array_add(app->drives, drive);
    return drive;
}

static struct named_node *find_named(const struct app *app, const char *name)
{
    for (guint i = 0; i < app->nodes->len; i++) {
        struct named_node *n = app->nodes->pdata[i];
        if (strcmp(n->name, name) == 0)
            return n;
    }
    return NULL;
}

static int check_name(const struct app *app, const char *name, GError **err)
{
    if (disk_find_drive(app, name) == NULL && find_named(app, name) == NULL)
        return 0;
    return fail(err, EEXIST, "the name %s is taken", name);
}

struct block_drive *disk_add_drive(struct app *app, const char *id, const char *serial,
                                   struct block_node *node, GError **err)
{
    if (check_name(app, id, err) == 0)
        return new_drive(app, id, serial, node);
    block_unref(node);
    return NULL;
}

struct block_drive *disk_resolve(struct app *app, const char *name, GError **err)
{
    struct block_drive *drive = disk_find_drive(app, name);

    if (drive != NULL)
        return drive;
    struct block_node *node = disk_claim_node(app, name, err);
    if (node == NULL)
        return NULL;
    drive = new_drive(app, name, NULL, block_ref(node));
    drive->unnamed = true;
    return drive;
}

/* ---- Opening nodes ---- */

static void free_named(struct named_node *n)
{
    block_unref(n->node);
    if (n->file != NULL)
        g_ptr_array_unref(n->file);
    g_free(n->name);
    g_free(n);
}

static int get_cache(struct opts *opts, enum block_cache *cache, GError **err)
{
    bool direct = false, no_flush = false;
    int rc = opts_get_bool(opts, "cache.direct", &direct, err);

    if (rc == 0)
        rc = opts_get_bool(opts, "cache.no-flush", &no_flush, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "file.cache.direct", &direct, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "file.cache.no-flush", &no_flush, err);
    *cache = direct ? BLOCK_CACHE_NONE : no_flush ? BLOCK_CACHE_UNSAFE : BLOCK_CACHE_WRITEBACK;
    return rc;
}

/* Keys that are known and change nothing here: an image is opened once, as the format wants it. */
static int pass_over(struct opts *opts, GError **err)
{
    static const char *const keys[] = { "file.auto-read-only", "file.read-only" };
    static const struct disk_word discard[] = { { "unmap", 1 }, { "ignore", 0 }, {} };
    bool flag = false;
    int word = 0, rc = disk_get_word(opts, "file.discard", discard, &word, err);

    for (unsigned i = 0; i < G_N_ELEMENTS(keys) && rc == 0; i++)
        rc = opts_get_bool(opts, keys[i], &flag, err);
    return rc;
}

/* The file is a plain file or block device, and a backing file is what the image names, or none. */
static int get_layers(struct opts *opts, struct block_options *o, GError **err)
{
    static const struct disk_word drivers[] = { { "file", 0 }, { "host_device", 0 }, {} };
    const char *aio = opts_get(opts, "file.aio");
    int driver = 0;

    o->path = opts_require(opts, "file.filename", err);
    if (o->path == NULL)
        return -EINVAL;
    if (aio != NULL)
        opts_set(opts, "aio", aio);
    o->backing = opts_get(opts, "backing");
    if (o->backing != NULL && *o->backing != '\0')
        return fail(err, ENOTSUP, "%s: backing=%s: only null; the image names its backing file",
                    opts_where(opts), o->backing);
    return disk_get_word(opts, "file.driver", drivers, &driver, err);
}

/* file=NAME: the keys of that node, as if they had been written here. */
static int insert_file(const struct app *app, struct opts *opts, GError **err)
{
    const char *name = opts_get(opts, "file");

    if (name == NULL)
        return 0;
    const struct named_node *n = find_named(app, name);
    if (n == NULL || n->file == NULL)
        return fail(err, ENOENT, "%s: file=%s: there is no such file node", opts_where(opts), name);
    for (guint i = 0; i < n->file->len; i += 2)
        opts_set(opts, n->file->pdata[i], n->file->pdata[i + 1]);
    return 0;
}

static int open_node(const struct app *app, struct opts *opts, const char *name, const char *driver,
                     struct block_node **node, GError **err)
{
    struct block_options o = { .id = name, .format = driver };

    int rc = insert_file(app, opts, err);
    if (rc == 0)
        rc = get_layers(opts, &o, err);
    if (rc == 0)
        rc = get_cache(opts, &o.cache, err);
    if (rc == 0)
        rc = disk_get_options(app, opts, &o, err);
    if (rc == 0)
        rc = pass_over(opts, err);
    if (rc == 0)
        rc = opts_finish(opts, err);
    if (rc < 0)
        return rc;
    o.snapshot = app->snapshot_all && !o.read_only;
    rc = block_open(&o, node, err);
    if (rc < 0)
        g_prefix_error(err, "%s: ", opts_where(opts));
    return rc;
}

static GPtrArray *keep_file(struct opts *opts)
{
    GPtrArray *file = g_ptr_array_new_with_free_func(g_free);
    const char *key, *value;

    while (opts_next(opts, &key, &value)) {
        g_ptr_array_add(file, g_strconcat("file.", key, NULL));
        g_ptr_array_add(file, g_strdup(value));
    }
    return file;
}

int disk_add_node(struct app *app, struct opts *opts, GError **err)
{
    const char *name = opts_require(opts, "node-name", err);
    const char *driver = name != NULL ? opts_require(opts, "driver", err) : NULL;
    struct block_node *node = NULL;
    GPtrArray *file = NULL;

    if (driver == NULL)
        return -EINVAL;
    int rc = check_name(app, name, err);
    if (rc < 0)
        g_prefix_error(err, "%s: node-name=%s: ", opts_where(opts), name);
    else if (strcmp(driver, "file") == 0 || strcmp(driver, "host_device") == 0)
        file = keep_file(opts);
    else
        rc = open_node(app, opts, name, driver, &node, err);
    if (rc < 0)
        return rc;
    struct named_node *n = g_new0(struct named_node, 1);
    *n = (struct named_node){ g_strdup(name), node, file };
    g_ptr_array_add(app->nodes, n);
    return 0;
}

/* A file that a drive is to have as it is: a raw image. */
static int open_file(const struct app *app, struct named_node *n, GError **err)
{
    struct opts *opts = opts_parse("-blockdev", "", NULL, err);

    opts_set(opts, "file", n->name);
    int rc = open_node(app, opts, n->name, "raw", &n->node, err);
    opts_free(opts);
    return rc;
}

/* ---- Named nodes ---- */

struct block_node *disk_find_node(const struct app *app, const char *name)
{
    const struct named_node *n = find_named(app, name);

    return n != NULL ? n->node : NULL;
}

static bool in_use(const struct app *app, const struct block_node *node)
{
    for (guint i = 0; i < app->drives->len && node != NULL; i++) {
        const struct block_drive *drive = app->drives->pdata[i];
        if (drive->node == node)
            return true;
    }
    return false;
}

struct block_node *disk_claim_node(struct app *app, const char *name, GError **err)
{
    struct named_node *n = find_named(app, name);

    if (n == NULL)
        fail(err, ENOENT, "there is no drive or node \"%s\"", name);
    else if (in_use(app, n->node))
        fail(err, EBUSY, "node %s: it is in use", name);
    else if (n->node != NULL || open_file(app, n, err) == 0)
        return n->node;
    return NULL;
}

int disk_remove_node(struct app *app, const char *name, GError **err)
{
    struct named_node *n = find_named(app, name);

    if (n == NULL)
        return fail(err, ENOENT, "there is no node \"%s\"", name);
    if (in_use(app, n->node))
        return fail(err, EBUSY, "node %s: it is in use", name);
    g_ptr_array_remove(app->nodes, n);
    free_named(n);
    return 0;
}

const char *disk_node_name(const struct app *app, const struct block_node *node)
{
    return disk_find_node(app, block_id(node)) == node ? block_id(node) : NULL;
}

void disk_for_each_node(const struct app *app, void (*fn)(struct block_node *node, void *opaque),
                        void *opaque)
{
    for (guint i = 0; i < app->nodes->len; i++) {
        const struct named_node *n = app->nodes->pdata[i];
        if (n->node != NULL)
            fn(n->node, opaque);
    }
}

/* Calls fn for every image, which is in a drive, or has a name, or both; until one fails. */
static int for_each_image(const struct app *app, int (*fn)(struct block_node *node, GError **err),
                          GError **err)
{
    int rc = 0;

    for (guint i = 0; i < app->drives->len && rc == 0; i++) {
        const struct block_drive *drive = app->drives->pdata[i];
        rc = drive->node != NULL ? fn(drive->node, err) : 0;
    }
    for (guint i = 0; i < app->nodes->len && rc == 0; i++) {
        const struct named_node *n = app->nodes->pdata[i];
        rc = n->node != NULL ? fn(n->node, err) : 0;
    }
    return rc;
}

int app_activate_drives(void *app, GError **err)
{
    return for_each_image(app, block_activate, err);
}

int app_inactivate_drives(void *app, GError **err)
{
    int rc = for_each_image(app, block_inactivate, err);

    if (rc < 0)
        for_each_image(app, block_activate, NULL);
    return rc;
}

void disk_free_nodes(struct app *app)
{
    for (guint i = 0; i < app->nodes->len; i++)
        free_named(app->nodes->pdata[i]);
    g_ptr_array_unref(app->nodes);
}
