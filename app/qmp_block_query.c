/*
 * QMP: what drives and images are there, and what they did.
 */
#include "app/disks.h"
#include "app/qmp_commands.h"
#include "block/drive.h"
#include "block/image.h"
#include "qmp/qmp.h"

#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

/* ---- Images ---- */

/* ImageInfo, without the images below. */
static JsonObject *describe_image(struct block_node *node)
{
    JsonObject *o = json_object_new();
    struct image_info info;

    image_get_info(node, &info);
    json_object_set_string_member(o, "filename", block_path(node));
    json_object_set_string_member(o, "format", block_format_name(node));
    json_object_set_int_member(o, "virtual-size", (gint64)info.virtual_size);
    json_object_set_int_member(o, "actual-size", (gint64)info.disk_size);
    json_object_set_boolean_member(o, "dirty-flag", info.dirty);
    if (info.cluster_size != 0)
        json_object_set_int_member(o, "cluster-size", info.cluster_size);
    if (info.backing != NULL)
        json_object_set_string_member(o, "backing-filename", info.backing);
    if (info.backing != NULL && info.backing_format != NULL)
        json_object_set_string_member(o, "backing-filename-format", info.backing_format);
    if (block_backing(node) != NULL)
        json_object_set_string_member(o, "full-backing-filename", block_path(block_backing(node)));
    return o;
}

/* The image and, unless flat, those below it, each in the one above. Returns how many are below. */
static int describe_chain(JsonObject *o, struct block_node *node, bool flat)
{
    JsonObject *image = describe_image(node);
    int depth = 0;

    json_object_set_object_member(o, "image", image);
    while (!flat && (node = block_backing(node)) != NULL) {
        JsonObject *below = describe_image(node);
        json_object_set_object_member(image, "backing-image", below);
        image = below;
        depth++;
    }
    return depth;
}

static JsonObject *describe_cache(enum block_cache cache)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(
        o, "writeback", cache != BLOCK_CACHE_WRITETHROUGH && cache != BLOCK_CACHE_DIRECTSYNC);
    json_object_set_boolean_member(o, "direct",
                                   cache == BLOCK_CACHE_NONE || cache == BLOCK_CACHE_DIRECTSYNC);
    json_object_set_boolean_member(o, "no-flush", cache == BLOCK_CACHE_UNSAFE);
    return o;
}

/* BlockDeviceInfo. */
static JsonObject *describe_node(const struct app *app, struct block_node *node, bool flat)
{
    static const char *const zeroes[] = { [BLOCK_DETECT_ZEROES_OFF] = "off",
                                          [BLOCK_DETECT_ZEROES_ON] = "on",
                                          [BLOCK_DETECT_ZEROES_UNMAP] = "unmap" };
    const char *name = disk_node_name(app, node);
    JsonObject *o = json_object_new();
    struct block_throttle_config limits;
    struct block_options options;

    block_get_options(node, &options);
    block_get_throttle(node, &limits);
    json_object_set_string_member(o, "file", block_path(node));
    if (name != NULL)
        json_object_set_string_member(o, "node-name", name);
    json_object_set_boolean_member(o, "ro", block_read_only(node));
    json_object_set_string_member(o, "drv", block_format_name(node));
    if (block_backing(node) != NULL)
        json_object_set_string_member(o, "backing_file", block_path(block_backing(node)));
    json_object_set_boolean_member(o, "encrypted", FALSE);
    json_object_set_string_member(o, "detect_zeroes", zeroes[options.detect_zeroes]);
    qmp_add_limits(&limits, o);
    json_object_set_int_member(o, "backing_file_depth", describe_chain(o, node, flat));
    json_object_set_object_member(o, "cache", describe_cache(options.cache));
    json_object_set_int_member(o, "write_threshold", 0);
    return o;
}

struct node_list {
    const struct app *app;
    JsonArray *list;
    bool flat;
};

static void add_node(struct block_node *node, void *opaque)
{
    const struct node_list *l = opaque;

    json_array_add_object_element(l->list, describe_node(l->app, node, l->flat));
}

COMMAND(cmd_named_nodes)
{
    struct node_list l = { .app = opaque, .flat = qmp_get_bool(args, "flat", false) };
    JsonNode *node = qmp_new_array(&l.list);

    disk_for_each_node(opaque, add_node, &l);
    return node;
}

/* ---- Drives ---- */

/* Whether an error can stop the machine, so that there is a state of errors to be told. */
static bool can_stop(const struct block_options *o)
{
    return o->rerror == BLOCK_ON_ERROR_STOP || o->werror == BLOCK_ON_ERROR_STOP ||
           o->werror == BLOCK_ON_ERROR_ENOSPC || o->werror == BLOCK_ON_ERROR_DEFAULT;
}

static void describe_device(const struct block_drive *drive, JsonObject *o)
{
    struct block_options options;

    block_drive_get_options(drive, &options);
    json_object_set_string_member(o, "qdev", drive->device);
    if (can_stop(&options))
        json_object_set_string_member(o, "io-status",
                                      drive->stopped_by == 0         ? "ok"
                                      : drive->stopped_by == -ENOSPC ? "nospace"
                                                                     : "failed");
    if (drive->tray != NULL)
        json_object_set_boolean_member(o, "tray_open", drive->tray->is_open(drive->opaque));
}

/* A drive that no device has is as good as a removable one. */
static JsonObject *describe_drive(const struct app *app, const struct block_drive *drive)
{
    JsonObject *o = json_object_new();
    bool removable = drive->device == NULL || drive->tray != NULL;

    json_object_set_string_member(o, "device", qmp_drive_name(drive));
    json_object_set_string_member(o, "type", "unknown");
    json_object_set_boolean_member(o, "removable", removable);
    json_object_set_boolean_member(o, "locked",
                                   drive->tray != NULL && drive->tray->is_locked(drive->opaque));
    if (drive->device != NULL)
        describe_device(drive, o);
    if (drive->node != NULL)
        json_object_set_object_member(o, "inserted", describe_node(app, drive->node, false));
    return o;
}

COMMAND(cmd_block)
{
    const struct app *app = opaque;
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (guint i = 0; i < app->drives->len; i++)
        json_array_add_object_element(list, describe_drive(app, app->drives->pdata[i]));
    return node;
}

/* ---- Statistics ---- */

static void add_counter(JsonObject *o, const char *format, const char *word, uint64_t value)
{
    g_autofree char *name = g_strdup_printf(format, word);

    json_object_set_int_member(o, name, (gint64)value);
}

/* BlockDeviceStats. */
static JsonObject *describe_stats(const struct block_node *node)
{
    static const char *const words[BLOCK_OPS] = { [BLOCK_OP_READ] = "rd",
                                                  [BLOCK_OP_WRITE] = "wr",
                                                  [BLOCK_OP_DISCARD] = "unmap",
                                                  [BLOCK_OP_FLUSH] = "flush" };
    JsonObject *o = json_object_new();
    struct block_stats stats = { 0 };

    if (node != NULL)
        block_get_stats(node, &stats);
    for (unsigned i = 0; i < BLOCK_OPS; i++) {
        add_counter(o, "%s_operations", words[i], stats.op[i].operations);
        add_counter(o, "%s_total_time_ns", words[i], stats.op[i].time_ns);
        add_counter(o, "failed_%s_operations", words[i], stats.op[i].failed);
        add_counter(o, "invalid_%s_operations", words[i], stats.op[i].invalid);
        if (i == BLOCK_OP_FLUSH)
            continue;
        add_counter(o, "%s_bytes", words[i], stats.op[i].bytes);
        add_counter(o, "%s_merged", words[i], 0);
    }
    json_object_set_int_member(o, "wr_highest_offset", (gint64)stats.highest_write);
    json_object_set_boolean_member(o, "account_invalid", TRUE);
    json_object_set_boolean_member(o, "account_failed", TRUE);
    json_object_set_array_member(o, "timed_stats", json_array_new());
    return o;
}

/* BlockStats, without the images below. */
static JsonObject *describe_level(const struct app *app, const struct block_node *node)
{
    const char *name = node != NULL ? disk_node_name(app, node) : NULL;
    JsonObject *o = json_object_new();

    if (name != NULL)
        json_object_set_string_member(o, "node-name", name);
    json_object_set_object_member(o, "stats", describe_stats(node));
    return o;
}

static JsonObject *describe_levels(const struct app *app, const struct block_node *node)
{
    JsonObject *top = describe_level(app, node), *o = top;

    while (node != NULL && (node = block_backing(node)) != NULL) {
        JsonObject *below = describe_level(app, node);
        json_object_set_object_member(o, "backing", below);
        o = below;
    }
    return top;
}

static void add_node_stats(struct block_node *node, void *opaque)
{
    const struct node_list *l = opaque;

    json_array_add_object_element(l->list, describe_level(l->app, node));
}

COMMAND(cmd_blockstats)
{
    struct node_list l = { .app = opaque };
    JsonNode *node = qmp_new_array(&l.list);

    if (qmp_get_bool(args, "query-nodes", false)) {
        disk_for_each_node(opaque, add_node_stats, &l);
        return node;
    }
    for (guint i = 0; i < l.app->drives->len; i++) {
        const struct block_drive *drive = l.app->drives->pdata[i];
        JsonObject *o = describe_levels(l.app, drive->node);
        json_object_set_string_member(o, "device", qmp_drive_name(drive));
        if (drive->device != NULL)
            json_object_set_string_member(o, "qdev", drive->device);
        json_array_add_object_element(l.list, o);
    }
    return node;
}

static const struct qmp_command commands[] = {
    { "query-block", cmd_block, { { 0 } } },
    { "query-blockstats", cmd_blockstats, { { "query-nodes", QMP_BOOL, true } } },
    { "query-named-block-nodes", cmd_named_nodes, { { "flat", QMP_BOOL, true } } },
    { 0 },
};

void qmp_add_block_queries(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
