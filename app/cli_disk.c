/*
 * Disk options: -drive, -hda to -hdd, -cdrom, -fda, -fdb, -blockdev, -snapshot.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/disks.h"
#include "base/error.h"
#include "base/log.h"
#include "block/drive.h"

#define IDE_PLACES    4 /* two channels with two drives */
#define FLOPPY_PLACES 2

/* ---- Taking the options ---- */

static int keep(GPtrArray *list, struct opts *opts)
{
    if (opts == NULL)
        return -EINVAL;
    g_ptr_array_add(list, opts);
    return 0;
}

static int take_drive(struct app *app, const char *arg, GError **err)
{
    return keep(app->drive_opts, opts_parse("-drive", arg, NULL, err));
}

static int take_blockdev(struct app *app, const char *arg, GError **err)
{
    if (*arg != '{')
        return keep(app->blockdev_opts, opts_parse("-blockdev", arg, NULL, err));
    g_autoptr(JsonNode) json = json_from_string(arg, err);
    if (json == NULL) {
        g_prefix_error(err, "-blockdev: ");
        return -EINVAL;
    }
    return keep(app->blockdev_opts,
                disk_json_options("-blockdev", json_node_get_object(json), err));
}

/* "-hda FILE": the file's name is taken as it is, commas and all. */
static int take_short(struct app *app, const char *option, const char *file, const char *index,
                      const char *media, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(file, ",", -1);
    g_autofree char *doubled = g_strjoinv(",,", parts);
    struct opts *opts = opts_parse(option, doubled, "file", err);

    if (opts == NULL)
        return -EINVAL;
    opts_set(opts, "index", index);
    opts_set(opts, "media", media);
    return keep(app->drive_opts, opts);
}

static int take_hda(struct app *app, const char *arg, GError **err)
{
    return take_short(app, "-hda", arg, "0", "disk", err);
}

static int take_hdb(struct app *app, const char *arg, GError **err)
{
    return take_short(app, "-hdb", arg, "1", "disk", err);
}

static int take_hdc(struct app *app, const char *arg, GError **err)
{
    return take_short(app, "-hdc", arg, "2", "disk", err);
}

static int take_hdd(struct app *app, const char *arg, GError **err)
{
    return take_short(app, "-hdd", arg, "3", "disk", err);
}

static int take_cdrom(struct app *app, const char *arg, GError **err)
{
    return take_short(app, "-cdrom", arg, "2", "cdrom", err);
}

static int take_floppy(struct app *app, const char *option, const char *file, const char *index,
                       GError **err)
{
    int rc = take_short(app, option, file, index, "disk", err);

    if (rc == 0)
        opts_set(app->drive_opts->pdata[app->drive_opts->len - 1], "if", "floppy");
    return rc;
}

static int take_fda(struct app *app, const char *arg, GError **err)
{
    return take_floppy(app, "-fda", arg, "0", err);
}

static int take_fdb(struct app *app, const char *arg, GError **err)
{
    return take_floppy(app, "-fdb", arg, "1", err);
}

static int take_snapshot(struct app *app, const char *arg, GError **err)
{
    app->snapshot_all = true;
    return 0;
}

static const struct cli_option options[] = {
    { "drive", "file=FILE,format=FORMAT[,...]", take_drive,
      "disk, CD or floppy: if=ide|floppy|pflash|none, index=0-3, media=disk|cdrom, id=,\n"
      "format=raw|qcow2|vpc, cache=writeback|writethrough|none|directsync|unsafe,\n"
      "aio=threads|native, readonly=on|off, snapshot=on|off, discard=unmap|ignore,\n"
      "detect-zeroes=on|off|unmap, werror=, rerror=report|ignore|stop|enospc,\n"
      "serial=, throttling.*" },
    { "hda", "FILE", take_hda,
      "first IDE disk: qcow2 or VHD if its name ends so, else raw\n(so -hdb, -hdc, -hdd)" },
    { "hdb", "FILE", take_hdb, NULL },
    { "hdc", "FILE", take_hdc, NULL },
    { "hdd", "FILE", take_hdd, NULL },
    { "cdrom", "FILE", take_cdrom, "CD image in the drive at index 2" },
    { "fda", "FILE", take_fda, "floppy disk in A: (so -fdb); by its size, raw" },
    { "fdb", "FILE", take_fdb, NULL },
    { "blockdev", "driver=FORMAT,node-name=ID,file.filename=FILE[,...]", take_blockdev,
      "image for a device: -device ide-hd,drive=ID; also in JSON; driver=file for a\n"
      "file that a format names by file=ID" },
    { "snapshot", NULL, take_snapshot, "writes to all disks are forgotten at the end" },
    {}
};

/* ---- Words ---- */

static const struct disk_word cache_words[] = { { "writeback", BLOCK_CACHE_WRITEBACK },
                                                { "writethrough", BLOCK_CACHE_WRITETHROUGH },
                                                { "none", BLOCK_CACHE_NONE },
                                                { "off", BLOCK_CACHE_NONE },
                                                { "directsync", BLOCK_CACHE_DIRECTSYNC },
                                                { "unsafe", BLOCK_CACHE_UNSAFE },
                                                {} };

enum drive_interface { IF_IDE, IF_FLOPPY, IF_FLASH, IF_NONE };
static const struct disk_word if_words[] = {
    { "ide", IF_IDE }, { "floppy", IF_FLOPPY }, { "pflash", IF_FLASH }, { "none", IF_NONE }, {}
};
static const struct disk_word media_words[] = { { "disk", false }, { "cdrom", true }, {} };

static int get_errors(struct opts *opts, struct block_options *o, GError **err)
{
    const char *rerror = opts_get(opts, "rerror"), *werror = opts_get(opts, "werror");

    if (rerror != NULL && block_parse_on_error(rerror, true, &o->rerror) < 0)
        return fail(err, EINVAL, "%s: rerror=%s: not one of report, ignore, stop", opts_where(opts),
                    rerror);
    if (werror != NULL && block_parse_on_error(werror, false, &o->werror) < 0)
        return fail(err, EINVAL, "%s: werror=%s: not one of report, ignore, stop, enospc",
                    opts_where(opts), werror);
    return 0;
}

/*
 * A format is never read from a raw image: the guest could have written a header into it. The name
 * is the host's own, so it may tell.
 */
static const char *get_format(struct opts *opts, const char *file, bool cdrom)
{
    const char *format = opts_get(opts, "format");

    if (format != NULL)
        return format;
    if (g_str_has_suffix(file, ".qcow2"))
        return "qcow2";
    if (g_str_has_suffix(file, ".vhd"))
        return "vpc";
    if (!cdrom && !g_str_has_suffix(file, ".raw") && !g_str_has_suffix(file, ".img"))
        log_warn("%s: no format= is given for %s: it is taken as raw", opts_where(opts), file);
    return "raw";
}

/* ---- Limits ---- */

static int get_limit(struct opts *opts, const char *name, struct block_throttle_config *config,
                     enum block_limit limit, GError **err)
{
    g_autofree char *average = g_strdup_printf("throttling.%s", name);
    g_autofree char *max = g_strdup_printf("throttling.%s-max", name);
    g_autofree char *length = g_strdup_printf("throttling.%s-max-length", name);
    uint64_t burst = 0;

    int rc = opts_get_size(opts, average, 0, INT64_MAX, &config->limit[limit].average, err);
    if (rc == 0)
        rc = opts_get_size(opts, max, 0, INT64_MAX, &config->limit[limit].max, err);
    if (rc == 0)
        rc = opts_get_uint(opts, length, 1, UINT32_MAX, &burst, err);
    config->limit[limit].burst_s = (unsigned)burst;
    return rc;
}

static int get_throttle(struct opts *opts, struct block_throttle_config *config, GError **err)
{
    static const char *const names[] = {
        [BLOCK_LIMIT_BPS_TOTAL] = "bps-total", [BLOCK_LIMIT_BPS_READ] = "bps-read",
        [BLOCK_LIMIT_BPS_WRITE] = "bps-write", [BLOCK_LIMIT_IOPS_TOTAL] = "iops-total",
        [BLOCK_LIMIT_IOPS_READ] = "iops-read", [BLOCK_LIMIT_IOPS_WRITE] = "iops-write",
    };
    int rc = 0;

    for (unsigned i = 0; i < BLOCK_LIMITS && rc == 0; i++)
        rc = get_limit(opts, names[i], config, (enum block_limit)i, err);
    if (rc == 0)
        rc = opts_get_size(opts, "throttling.iops-size", 0, INT64_MAX, &config->iops_size, err);
    return rc;
}

/* ---- -drive ---- */

/*
 * Everything of -drive that is about the image. No file=: *node stays NULL, an empty drive; o and
 * throttle are then for the medium that comes.
 */
static int open_image(struct app *app, struct opts *opts, struct block_options *o,
                      struct block_throttle_config *throttle, struct block_node **node,
                      GError **err)
{
    const char *file = opts_get(opts, "file");
    bool cdrom = o->read_only;
    int cache = BLOCK_CACHE_WRITEBACK;

    int rc = disk_get_word(opts, "cache", cache_words, &cache, err);
    o->cache = (enum block_cache)cache;
    if (rc == 0)
        rc = disk_get_options(app, opts, o, err);
    if (rc == 0)
        rc = get_errors(opts, o, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "snapshot", &o->snapshot, err);
    if (rc == 0)
        rc = get_throttle(opts, throttle, err);
    if (file == NULL || *file == '\0')
        opts_get(opts, "format");
    else
        o->format = get_format(opts, file, cdrom);
    opts_get(opts, "serial");
    if (rc == 0)
        rc = opts_finish(opts, err);
    o->read_only |= cdrom;
    o->snapshot = o->snapshot && !o->read_only;
    if (rc < 0 || o->format == NULL)
        return rc;
    o->path = file;
    rc = block_open(o, node, err);
    if (rc < 0)
        g_prefix_error(err, "%s: ", opts_where(opts));
    else if ((rc = block_set_throttle(*node, throttle, err)) < 0)
        block_unref(*node);
    return rc;
}

static int add_drive(struct app *app, struct opts *opts, const char *id, bool cdrom, GError **err)
{
    struct block_options o = { .id = id, .read_only = cdrom, .snapshot = app->snapshot_all };
    struct block_throttle_config throttle = { 0 };
    struct block_node *node = NULL;

    int rc = open_image(app, opts, &o, &throttle, &node, err);
    if (rc < 0)
        return rc;
    struct block_drive *drive = disk_add_drive(app, id, opts_get(opts, "serial"), node, err);
    if (drive == NULL) {
        g_prefix_error(err, "%s: ", opts_where(opts));
        return -EEXIST;
    }
    o.id = o.path = o.format = NULL;
    drive->options = o;
    drive->throttle = throttle;
    return 0;
}

/* What is plugged where: a bit for each place. */
struct places {
    unsigned ide, floppy, flash;
};

static int take_place(struct opts *opts, uint64_t wanted, unsigned n, const char *cables,
                      unsigned *taken, uint64_t *place, GError **err)
{
    *place = wanted;
    if (wanted == UINT64_MAX)
        for (*place = 0; *place < n && (*taken & 1u << *place) != 0;)
            ++*place;
    if (*place >= n)
        return fail(err, ENOSPC, "%s: no place is left on the %s", opts_where(opts), cables);
    if ((*taken & 1u << *place) != 0)
        return fail(err, EBUSY, "%s: index=%u: there is a drive already", opts_where(opts),
                    (unsigned)*place);
    *taken |= 1u << *place;
    return 0;
}

/* The place on the IDE cables: index=, or bus= and unit=, or the first that is free. */
static int choose_ide_place(struct opts *opts, unsigned *taken, uint64_t *place, GError **err)
{
    uint64_t index = UINT64_MAX, bus = UINT64_MAX, unit = 0;

    int rc = opts_get_uint(opts, "index", 0, IDE_PLACES - 1, &index, err);
    if (rc == 0)
        rc = opts_get_uint(opts, "bus", 0, 1, &bus, err);
    if (rc == 0)
        rc = opts_get_uint(opts, "unit", 0, 1, &unit, err);
    if (rc < 0)
        return rc;
    if (bus != UINT64_MAX)
        index = bus * 2 + unit;
    return take_place(opts, index, IDE_PLACES, "IDE cables", taken, place, err);
}

/* On the floppy cable, or of the flash chips: index=, or unit=, or the first that is free. */
static int choose_simple_place(struct opts *opts, unsigned n, const char *where, unsigned *taken,
                               uint64_t *place, GError **err)
{
    uint64_t index = UINT64_MAX;

    int rc = opts_get_uint(opts, "index", 0, n - 1, &index, err);
    if (rc == 0)
        rc = opts_get_uint(opts, "unit", 0, n - 1, &index, err);
    return rc < 0 ? rc : take_place(opts, index, n, where, taken, place, err);
}

static int choose_place(struct opts *opts, int interface, struct places *taken, uint64_t *place,
                        GError **err)
{
    switch (interface) {
    case IF_IDE: return choose_ide_place(opts, &taken->ide, place, err);
    case IF_FLOPPY:
        return choose_simple_place(opts, FLOPPY_PLACES, "floppy cable", &taken->floppy, place, err);
    case IF_FLASH:
        return choose_simple_place(opts, MACHINE_FLASH_CHIPS, "board for a flash", &taken->flash,
                                   place, err);
    default: return 0;
    }
}

static void add_ide_device(struct app *app, const char *id, uint64_t place, bool cdrom)
{
    struct device_config *config = app_add_device(app, cdrom ? "ide-cd" : "ide-hd", NULL);

    device_config_add(config, "drive", id);
    device_config_add(config, "bus", place / 2 == 0 ? "ide.0" : "ide.1");
    device_config_add(config, "unit", place % 2 == 0 ? "0" : "1");
}

static void add_floppy_device(struct app *app, const char *id, uint64_t place)
{
    struct device_config *config = app_add_device(app, "floppy", NULL);

    device_config_add(config, "drive", id);
    device_config_add(config, "unit", place == 0 ? "0" : "1");
}

static char *make_id(const struct app *app, int interface, unsigned place, bool cdrom)
{
    switch (interface) {
    case IF_IDE: return g_strdup_printf("ide%u-%s%u", place / 2, cdrom ? "cd" : "hd", place % 2);
    case IF_FLOPPY: return g_strdup_printf("floppy%u", place);
    case IF_FLASH: return g_strdup_printf("pflash%u", place);
    default: return g_strdup_printf("none%u", app->drives->len);
    }
}

static const char *choose_id(struct app *app, struct opts *opts, int interface, uint64_t place,
                             bool cdrom)
{
    const char *id = opts_get(opts, "id");

    if (id != NULL)
        return app_keep(app, id);
    g_autofree char *made = make_id(app, interface, (unsigned)place, cdrom);
    return app_keep(app, made);
}

static int make_drive(struct app *app, struct opts *opts, struct places *taken, GError **err)
{
    int interface = IF_IDE, cdrom = false;
    uint64_t place = 0;

    int rc = disk_get_word(opts, "if", if_words, &interface, err);
    if (rc == 0)
        rc = disk_get_word(opts, "media", media_words, &cdrom, err);
    if (rc == 0)
        rc = choose_place(opts, interface, taken, &place, err);
    if (rc < 0)
        return rc;
    const char *id = choose_id(app, opts, interface, place, cdrom != 0);
    rc = add_drive(app, opts, id, cdrom != 0, err);
    if (rc == 0 && interface == IF_IDE)
        add_ide_device(app, id, place, cdrom != 0);
    else if (rc == 0 && interface == IF_FLOPPY)
        add_floppy_device(app, id, place);
    else if (rc == 0 && interface == IF_FLASH)
        rc = app_set_flash(app, (unsigned)place, id, err);
    return rc;
}

static int prepare(struct app *app, GError **err)
{
    struct places taken = { 0 };
    int rc = 0;

    for (guint i = 0; i < app->blockdev_opts->len && rc == 0; i++)
        rc = disk_add_node(app, app->blockdev_opts->pdata[i], err);
    for (guint i = 0; i < app->drive_opts->len && rc == 0; i++)
        rc = make_drive(app, app->drive_opts->pdata[i], &taken, err);
    return rc;
}

const struct cli_topic cli_disk = { .title = "Disks", .options = options, .prepare = prepare };
