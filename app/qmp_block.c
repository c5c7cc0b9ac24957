/*
 * QMP: media of drives, images by node name, limits, sizes, and the events of drives.
 */
#include <errno.h>
#include <string.h>

#include "app/disks.h"
#include "app/qmp_commands.h"
#include "base/error.h"
#include "block/drive.h"
#include "qmp/qmp.h"

#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

/* ---- Which drive ---- */

static struct block_drive *find_by_device(const struct app *app, const char *id)
{
    for (guint i = 0; i < app->drives->len; i++) {
        struct block_drive *drive = app->drives->pdata[i];
        if (drive->device != NULL && strcmp(drive->device, id) == 0)
            return drive;
    }
    return NULL;
}

/* "device" is the drive's own name, "id" that of the device which has it. */
static struct block_drive *find_drive(const struct app *app, JsonObject *args, GError **err)
{
    const char *name = qmp_get_string(args, "device", NULL);
    const char *id = qmp_get_string(args, "id", NULL);

    if ((name == NULL) == (id == NULL)) {
        fail(err, EINVAL, "Need exactly one of 'device' and 'id'");
        return NULL;
    }
    struct block_drive *drive = name != NULL ? disk_find_drive(app, name) : find_by_device(app, id);
    if (drive == NULL)
        fail(err, QMP_DEVICE_NOT_FOUND, "Device '%s' not found", name != NULL ? name : id);
    return drive;
}

/* ---- The tray and the medium in it ---- */

COMMAND(cmd_eject)
{
    struct block_drive *drive = find_drive(opaque, args, err);

    if (drive != NULL)
        block_drive_eject(drive, qmp_get_bool(args, "force", false), err);
    return NULL;
}

COMMAND(cmd_open_tray)
{
    struct block_drive *drive = find_drive(opaque, args, err);

    if (drive != NULL)
        block_drive_open_tray(drive, qmp_get_bool(args, "force", false), err);
    return NULL;
}

COMMAND(cmd_close_tray)
{
    struct block_drive *drive = find_drive(opaque, args, err);

    if (drive != NULL)
        block_drive_close_tray(drive, err);
    return NULL;
}

COMMAND(cmd_remove_medium)
{
    struct block_drive *drive = find_drive(opaque, args, err);

    if (drive != NULL)
        block_drive_remove_medium(drive, err);
    return NULL;
}

COMMAND(cmd_insert_medium)
{
    struct block_drive *drive = find_drive(opaque, args, err);
    const char *name = json_object_get_string_member(args, "node-name");
    struct block_node *node = drive != NULL ? disk_claim_node(opaque, name, err) : NULL;

    if (node != NULL && block_drive_insert_medium(drive, block_ref(node), err) < 0)
        block_unref(node);
    return NULL;
}

/* read-only-mode=: retain is how the drive's media are opened; a CD's never to be written. */
static int get_read_only(JsonObject *args, bool *read_only, GError **err)
{
    const char *mode = qmp_get_string(args, "read-only-mode", "retain");

    if (strcmp(mode, "read-only") == 0)
        *read_only = true;
    else if (strcmp(mode, "read-write") == 0)
        *read_only = false;
    else if (strcmp(mode, "retain") != 0)
        return fail(err, EINVAL, "Parameter 'read-only-mode' does not accept value '%s'", mode);
    return 0;
}

/* The new image is opened first: if that fails the old one stays where it is. */
static void change_medium(struct block_drive *drive, JsonObject *args, const char *filename,
                          const char *format, GError **err)
{
    struct block_options o;
    struct block_node *node;

    block_drive_get_options(drive, &o);
    o.id = drive->id;
    o.path = filename;
    o.format = format;
    if (get_read_only(args, &o.read_only, err) < 0 || block_open(&o, &node, err) < 0)
        return;
    if (block_drive_change_medium(drive, node, qmp_get_bool(args, "force", false), err) < 0)
        block_unref(node);
}

COMMAND(cmd_change_medium)
{
    struct block_drive *drive = find_drive(opaque, args, err);

    if (drive != NULL)
        change_medium(drive, args, json_object_get_string_member(args, "filename"),
                      qmp_get_string(args, "format", "raw"), err);
    return NULL;
}

/* The older word for it, as XAPI still says. */
COMMAND(cmd_change)
{
    struct block_drive *drive = find_drive(opaque, args, err);

    if (drive != NULL)
        change_medium(drive, args, json_object_get_string_member(args, "target"),
                      qmp_get_string(args, "arg", "raw"), err);
    return NULL;
}

/* ---- Nodes ---- */

COMMAND(cmd_blockdev_add)
{
    struct opts *opts = disk_json_options("blockdev-add", args, err);

    if (opts != NULL)
        disk_add_node(opaque, opts, err);
    opts_free(opts);
    return NULL;
}

COMMAND(cmd_blockdev_del)
{
    disk_remove_node(opaque, json_object_get_string_member(args, "node-name"), err);
    return NULL;
}

COMMAND(cmd_resize)
{
    const char *name = qmp_get_string(args, "device", NULL);
    const char *node_name = qmp_get_string(args, "node-name", NULL);
    const struct block_drive *drive = name != NULL ? disk_find_drive(opaque, name) : NULL;
    struct block_node *node = drive != NULL       ? drive->node
                              : node_name != NULL ? disk_find_node(opaque, node_name)
                                                  : NULL;
    gint64 size = json_object_get_int_member(args, "size");

    if (node == NULL)
        fail(err, EINVAL, "Cannot find device='%s' nor node-name='%s', or it has no medium",
             name != NULL ? name : "", node_name != NULL ? node_name : "");
    else if (size < 0)
        fail(err, EINVAL, "Parameter 'size' expects a >0 size");
    else
        block_resize(node, (uint64_t)size, err);
    return NULL;
}

/* ---- Limits ---- */

static const struct {
    const char *average, *max, *max_length;
} limits[BLOCK_LIMITS] = {
    [BLOCK_LIMIT_BPS_TOTAL] = { "bps", "bps_max", "bps_max_length" },
    [BLOCK_LIMIT_BPS_READ] = { "bps_rd", "bps_rd_max", "bps_rd_max_length" },
    [BLOCK_LIMIT_BPS_WRITE] = { "bps_wr", "bps_wr_max", "bps_wr_max_length" },
    [BLOCK_LIMIT_IOPS_TOTAL] = { "iops", "iops_max", "iops_max_length" },
    [BLOCK_LIMIT_IOPS_READ] = { "iops_rd", "iops_rd_max", "iops_rd_max_length" },
    [BLOCK_LIMIT_IOPS_WRITE] = { "iops_wr", "iops_wr_max", "iops_wr_max_length" },
};

/* A negative number becomes one that is out of range. */
static void get_limits(JsonObject *args, struct block_throttle_config *config)
{
    for (unsigned i = 0; i < BLOCK_LIMITS; i++) {
        config->limit[i].average = (uint64_t)qmp_get_int(args, limits[i].average, 0);
        config->limit[i].max = (uint64_t)qmp_get_int(args, limits[i].max, 0);
        config->limit[i].burst_s = (unsigned)CLAMP(qmp_get_int(args, limits[i].max_length, 1), 0,
                                                   UINT32_MAX);
    }
    config->iops_size = (uint64_t)qmp_get_int(args, "iops_size", 0);
}

COMMAND(cmd_set_io_throttle)
{
    struct block_drive *drive = find_drive(opaque, args, err);
    struct block_throttle_config config;

    if (drive == NULL)
        return NULL;
    get_limits(args, &config);
    if (drive->node == NULL)
        fail(err, EINVAL, "drive %s: there is no medium in it", drive->id);
    else
        block_set_throttle(drive->node, &config, err);
    return NULL;
}

void qmp_add_limits(const struct block_throttle_config *config, JsonObject *o)
{
    bool any = false;

    for (unsigned i = 0; i < BLOCK_LIMITS; i++) {
        json_object_set_int_member(o, limits[i].average, (gint64)config->limit[i].average);
        any = any || config->limit[i].average > 0;
        if (config->limit[i].max == 0)
            continue;
        json_object_set_int_member(o, limits[i].max, (gint64)config->limit[i].max);
        json_object_set_int_member(o, limits[i].max_length, MAX(config->limit[i].burst_s, 1));
    }
    if (any && config->iops_size > 0)
        json_object_set_int_member(o, "iops_size", (gint64)config->iops_size);
}

/* ---- Events ---- */

/* An unnamed drive has an empty name, as in QEMU. */
const char *qmp_drive_name(const struct block_drive *drive)
{
    return drive->unnamed ? "" : drive->id;
}

static void tray_moved(void *opaque, const struct block_drive *drive, bool open)
{
    const struct app *app = opaque;
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_string_member(o, "device", qmp_drive_name(drive));
    json_object_set_boolean_member(o, "tray-open", open);
    json_object_set_string_member(o, "id", drive->device);
    qmp_event(app->qmp, "DEVICE_TRAY_MOVED", node);
}

static void io_error(void *opaque, const struct block_drive *drive, bool is_read, int error,
                     enum block_error_action action)
{
    static const char *const actions[] = { [BLOCK_ERROR_REPORT] = "report",
                                           [BLOCK_ERROR_IGNORE] = "ignore",
                                           [BLOCK_ERROR_STOP] = "stop" };
    const struct app *app = opaque;
    const char *node_name = disk_node_name(app, drive->node);
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_string_member(o, "device", qmp_drive_name(drive));
    if (node_name != NULL)
        json_object_set_string_member(o, "node-name", node_name);
    json_object_set_string_member(o, "operation", is_read ? "read" : "write");
    json_object_set_string_member(o, "action", actions[action]);
    json_object_set_boolean_member(o, "nospace", error == -ENOSPC);
    json_object_set_string_member(o, "reason", g_strerror(-error));
    qmp_event(app->qmp, "BLOCK_IO_ERROR", node);
}

const struct block_drive_events qmp_drive_events = { tray_moved, io_error };

/* ---- Table ---- */

#define DRIVE                       \
    { "device", QMP_STRING, true }, \
    {                               \
        "id", QMP_STRING, true      \
    }
#define LIMIT(name)                                           \
    { name, QMP_INT, false }, { name "_max", QMP_INT, true }, \
    {                                                         \
        name "_max_length", QMP_INT, true                     \
    }

static const struct qmp_command commands[] = {
    { "eject", cmd_eject, { DRIVE, { "force", QMP_BOOL, true } } },
    { "blockdev-open-tray", cmd_open_tray, { DRIVE, { "force", QMP_BOOL, true } } },
    { "blockdev-close-tray", cmd_close_tray, { DRIVE } },
    { "blockdev-remove-medium", cmd_remove_medium, { DRIVE } },
    { "blockdev-insert-medium", cmd_insert_medium, { DRIVE, { "node-name", QMP_STRING, false } } },
    { "blockdev-change-medium",
      cmd_change_medium,
      { DRIVE,
        { "filename", QMP_STRING, false },
        { "format", QMP_STRING, true },
        { "force", QMP_BOOL, true },
        { "read-only-mode", QMP_STRING, true } } },
    { "change",
      cmd_change,
      { { "device", QMP_STRING, false },
        { "target", QMP_STRING, false },
        { "arg", QMP_STRING, true } } },
    { "blockdev-add",
      cmd_blockdev_add,
      { { "driver", QMP_STRING, false }, { "node-name", QMP_STRING, false } },
      .open = true },
    { "blockdev-del", cmd_blockdev_del, { { "node-name", QMP_STRING, false } } },
    { "block_resize",
      cmd_resize,
      { { "device", QMP_STRING, true },
        { "node-name", QMP_STRING, true },
        { "size", QMP_INT, false } } },
    { "block_set_io_throttle",
      cmd_set_io_throttle,
      { DRIVE,
        LIMIT("bps"),
        LIMIT("bps_rd"),
        LIMIT("bps_wr"),
        LIMIT("iops"),
        LIMIT("iops_rd"),
        LIMIT("iops_wr"),
        { "iops_size", QMP_INT, true },
        { "group", QMP_STRING, true } } },
    { 0 },
};

void qmp_add_block_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
    qmp_add_block_queries(app);
}
