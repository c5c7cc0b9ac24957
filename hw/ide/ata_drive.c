/*
 * The kinds "ide-hd" and "ide-cd": properties, place on the cable, medium, saved state.
 */
#include <errno.h>

#include "base/error.h"
#include "hw/ide/ata_internal.h"
#include "hw/ide/ide_channel.h"
#include "hw/ide/piix_ide.h"

#define ANY_UNIT UINT32_MAX

/* ---- The medium ---- */

static void count_sectors(struct ata_drive *d)
{
    d->sectors = d->medium != NULL ? block_size(block_user_node(d->medium)) / d->sector_size : 0;
}

static void resized(void *opaque)
{
    count_sectors(opaque);
}

static const struct block_user_ops user_ops = { .resized = resized };

void ata_set_medium(struct ata_drive *d, struct block_node *node)
{
    block_detach(d->medium);
    d->medium = node != NULL ? block_attach(node, d->dev.id, &user_ops, d) : NULL;
    count_sectors(d);
}

static int attach_medium(struct ata_drive *d, GError **err)
{
    const char *kind = d->dev.kind->name;

    if (d->drive == NULL)
        return d->packet ? 0 : fail(err, EINVAL, "-device %s: drive= is missing", kind);
    struct block_node *node = d->drive->node;
    if (node == NULL && !d->packet)
        return fail(err, EINVAL, "-device %s: drive=%s: a disk needs a file=", kind, d->drive->id);
    if (node != NULL && block_size(node) < d->sector_size)
        return fail(err, EINVAL, "-device %s: drive=%s: %s is shorter than a sector", kind,
                    d->drive->id, block_path(node));
    int rc = block_drive_take(d->drive, d->dev.id, d->packet ? &atapi_tray_ops : NULL, d, err);
    if (rc == 0)
        ata_set_medium(d, node);
    return rc == 0 ? block_drive_set_on_error(d->drive, d->rerror, d->werror, err) : rc;
}

/* ---- The place on the cable ---- */

static int find_channel(const struct ata_drive *d, unsigned *first, unsigned *last, GError **err)
{
    *first = 0;
    *last = PIIX_IDE_CHANNELS - 1;
    if (d->bus == NULL)
        return 0;
    if (g_str_has_prefix(d->bus, "ide.") && (d->bus[4] == '0' || d->bus[4] == '1') &&
        d->bus[5] == '\0') {
        *first = *last = (unsigned)(d->bus[4] - '0');
        return 0;
    }
    return fail(err, ENOENT, "-device %s: bus=%s: there are only ide.0 and ide.1",
                d->dev.kind->name, d->bus);
}

/* The place that bus= and unit= name, or the first free one of those they leave open. */
static int plug(struct ata_drive *d, GError **err)
{
    unsigned first, last;
    int rc = find_channel(d, &first, &last, err);

    for (unsigned bus = first; rc == 0 && bus <= last; bus++) {
        struct ide_channel *ch = piix_ide_channel(d->dev.services->pci, bus);
        for (unsigned unit = 0; ch != NULL && unit < 2; unit++) {
            if ((d->unit != ANY_UNIT && d->unit != unit) || ide_channel_plug(ch, unit, d) < 0)
                continue;
            d->channel = ch;
            d->place = (struct ata_place){ bus, unit, d->bootindex };
            return 0;
        }
    }
    return rc < 0 ? rc
                  : fail(err, EBUSY, "-device %s: bus=%s: no free place on the IDE bus",
                         d->dev.kind->name, d->bus != NULL ? d->bus : "");
}

bool ata_get_place(const struct device *dev, struct ata_place *place)
{
    const struct ata_drive *d = (const struct ata_drive *)dev;

    if (dev->kind != &ide_hd_kind && dev->kind != &ide_cd_kind)
        return false;
    *place = d->place;
    return true;
}

/* ---- Identity ---- */

static void set_default(char **text, const char *value)
{
    if (*text == NULL)
        *text = g_strdup(value);
}

static int set_identity(struct ata_drive *d, GError **err)
{
    g_autofree char *number = g_strdup_printf("%s%05u", d->packet ? "CD" : "HD",
                                              d->place.bus * 2 + d->place.unit + 1);

    if (d->drive != NULL && d->drive->serial != NULL)
        set_default(&d->serial, d->drive->serial);
    set_default(&d->serial, number);
    set_default(&d->model, d->packet ? "HVM-DM DVD-ROM" : "HVM-DM HARDDISK");
    if (strlen(d->serial) > 20)
        return fail(err, EINVAL, "-device %s: serial=%s: longer than 20 characters",
                    d->dev.kind->name, d->serial);
    if (strlen(d->version) > 8)
        return fail(err, EINVAL, "-device %s: ver=%s: longer than 8 characters", d->dev.kind->name,
                    d->version);
    if (strlen(d->model) > 40)
        return fail(err, EINVAL, "-device %s: model=%s: longer than 40 characters",
                    d->dev.kind->name, d->model);
    return 0;
}

static int check_cache(const struct ata_drive *d, GError **err)
{
    static const char *const words[] = { "auto", "on", "off", NULL };

    if (d->cache == NULL || g_strv_contains(words, d->cache))
        return 0;
    return fail(err, EINVAL, "-device %s: write-cache=%s: not one of auto, on, off",
                d->dev.kind->name, d->cache);
}

/* The BIOS translates by the disk's size, whatever is asked for. */
static int check_translation(const struct ata_drive *d, GError **err)
{
    static const char *const names[] = {
        "auto", "none", "lba", "large", "rechs", "forcelba", NULL
    };

    if (d->translation == NULL || g_strv_contains(names, d->translation))
        return 0;
    return fail(err, EINVAL, "-device %s: bios-chs-trans=%s: there is no such translation",
                d->dev.kind->name, d->translation);
}

static void set_geometry(struct ata_drive *d)
{
    uint64_t cylinders = d->sectors / (ATA_DEFAULT_HEADS * ATA_DEFAULT_SECTORS);

    d->default_cylinders = (unsigned)CLAMP(cylinders, 1, 16383);
}

bool ata_get_geometry(const struct device *dev, struct ata_geometry *geometry)
{
    const struct ata_drive *d = (const struct ata_drive *)dev;

    if (dev->kind != &ide_hd_kind)
        return false;
    *geometry = (struct ata_geometry){ d->default_cylinders, ATA_DEFAULT_HEADS,
                                       ATA_DEFAULT_SECTORS };
    return true;
}

/* ---- Life ---- */

static void retry_expired(void *opaque)
{
    ata_start_op(opaque);
}

static int ata_drive_create(struct device *dev, GError **err)
{
    struct ata_drive *d = (struct ata_drive *)dev;

    d->packet = dev->kind == &ide_cd_kind;
    d->sector_size = d->packet ? ATAPI_SECTOR : ATA_SECTOR;
    d->buffer = g_malloc0(ATA_BUFFER_SIZE);
    timer_init(&d->retry, dev->services->clock, retry_expired, d);
    int rc = attach_medium(d, err);
    if (rc == 0)
        rc = plug(d, err);
    if (rc == 0)
        rc = set_identity(d, err);
    if (rc == 0)
        rc = check_cache(d, err);
    if (rc == 0)
        rc = check_translation(d, err);
    set_geometry(d);
    return rc;
}

/* Whether the write cache is on after a reset. Off, each write is durable before it completes. */
static bool first_write_cache(const struct ata_drive *d)
{
    if (d->cache != NULL && strcmp(d->cache, "auto") != 0)
        return d->medium != NULL && strcmp(d->cache, "on") == 0;
    return d->medium != NULL && block_write_cache(block_user_node(d->medium));
}

static void ata_drive_reset(struct device *dev)
{
    struct ata_drive *d = (struct ata_drive *)dev;

    ata_drain(d);
    d->transfer_mode = ATA_MODE_MWDMA | 2;
    d->multiple = ATA_MAX_MULTIPLE;
    d->heads = ATA_DEFAULT_HEADS;
    d->sectors_per_track = ATA_DEFAULT_SECTORS;
    d->cylinders = (uint16_t)d->default_cylinders;
    d->write_cache = first_write_cache(d);
    d->look_ahead = true;
    d->smart_enabled = d->smart_autosave = true;
    d->security_frozen = false;
    d->power_mode = ATA_POWER_ACTIVE;
    d->control = d->command = 0;
    d->features = (struct ata_pair){ 0 };
    d->lba = 0;
    d->block = 0;
    atapi_reset(d);
    ata_soft_reset(d);
}

void ata_hide(struct device *dev, bool hidden)
{
    struct ata_drive *d = (struct ata_drive *)dev;

    if (dev->kind != &ide_hd_kind || d->hidden == hidden)
        return;
    d->hidden = hidden;
    if (hidden) {
        ata_drain(d);
        ata_soft_reset(d);
        block_flush_sync(d->medium);
        ide_channel_unplug(d->channel, d->place.unit);
    } else {
        if (!block_user_active(d->medium))
            block_hand_over(d->medium);
        ide_channel_plug(d->channel, d->place.unit, d);
    }
}

static void ata_drive_drain(struct device *dev)
{
    ata_drain((struct ata_drive *)dev);
}

static bool state_is_consistent(const struct ata_drive *d)
{
    bool by_host = d->phase != ATA_PHASE_NONE && d->phase != ATA_PHASE_DMA;
    bool by_medium = d->op != ATA_OP_NONE && d->op != ATA_OP_DMA && d->op != ATA_OP_RESET;
    bool needs_medium = by_medium || (d->left > 0 && d->op != ATA_OP_RESET);

    /* While the host moves a block of the buffer, the medium does nothing. */
    if (by_host && (d->op != ATA_OP_NONE || d->at > d->end || d->end > d->length))
        return false;
    if (d->at > d->length || (needs_medium && d->medium == NULL))
        return false;
    if (d->op == ATA_OP_TRIM && (d->at % ATA_TRIM_ENTRY != 0 || d->length % ATA_SECTOR != 0))
        return false;
    return d->heads != 0 && d->sectors_per_track != 0;
}

static int ata_drive_post_load(struct device *dev, GError **err)
{
    struct ata_drive *d = (struct ata_drive *)dev;

    if (!state_is_consistent(d))
        return fail(err, EINVAL, "saved state: device %s: a command in an impossible state",
                    dev->id);
    /* What waited for the medium when the machine was stopped by an error goes on with it. */
    if (d->op != ATA_OP_NONE && d->op != ATA_OP_RESET && d->op != ATA_OP_DMA)
        timer_set(&d->retry, clock_now(dev->services->clock));
    if (d->port_ops != NULL)
        d->port_ops->intrq_loaded(d->port);
    return 0;
}

static void ata_drive_destroy(struct device *dev)
{
    struct ata_drive *d = (struct ata_drive *)dev;

    ata_drain(d);
    block_detach(d->medium);
    timer_cancel(&d->retry);
    if (d->channel != NULL && !d->hidden)
        ide_channel_unplug(d->channel, d->place.unit);
    if (d->drive != NULL && d->drive->opaque == d)
        block_drive_release(d->drive);
    g_free(d->buffer);
}

/* ---- Tables ---- */

static const struct state_field pair_state[] = { STATE_FIELD(struct ata_pair, now),
                                                 STATE_FIELD(struct ata_pair, previous),
                                                 {} };

static const struct state_field ata_state[] = {
    STATE_SUB(struct ata_drive, features, pair_state),
    STATE_SUB(struct ata_drive, count, pair_state),
    STATE_SUB(struct ata_drive, lba_low, pair_state),
    STATE_SUB(struct ata_drive, lba_mid, pair_state),
    STATE_SUB(struct ata_drive, lba_high, pair_state),
    STATE_FIELD(struct ata_drive, error),
    STATE_FIELD(struct ata_drive, device),
    STATE_FIELD(struct ata_drive, status),
    STATE_FIELD(struct ata_drive, control),
    STATE_FIELD(struct ata_drive, command),
    STATE_FIELD(struct ata_drive, transfer_mode),
    STATE_FIELD(struct ata_drive, multiple, .max = ATA_MAX_MULTIPLE),
    STATE_FIELD(struct ata_drive, heads),
    STATE_FIELD(struct ata_drive, sectors_per_track),
    STATE_FIELD(struct ata_drive, cylinders),
    STATE_FIELD(struct ata_drive, write_cache),
    STATE_FIELD(struct ata_drive, look_ahead),
    STATE_FIELD(struct ata_drive, smart_enabled),
    STATE_FIELD(struct ata_drive, smart_autosave),
    STATE_FIELD(struct ata_drive, security_frozen),
    STATE_FIELD(struct ata_drive, power_mode),
    STATE_FIELD(struct ata_drive, intrq),
    STATE_FIELD(struct ata_drive, op, .max = ATA_N_OPS - 1),
    STATE_FIELD(struct ata_drive, phase, .max = ATA_N_PHASES - 1),
    STATE_FIELD(struct ata_drive, lba, .max = UINT64_C(1) << 48),
    STATE_FIELD(struct ata_drive, left),
    STATE_FIELD(struct ata_drive, block, .max = ATA_BUFFER_SIZE),
    STATE_FIELD(struct ata_drive, at, .max = ATA_BUFFER_SIZE),
    STATE_FIELD(struct ata_drive, end, .max = ATA_BUFFER_SIZE),
    STATE_FIELD(struct ata_drive, length, .max = ATA_BUFFER_SIZE),
    STATE_BUFFER_FIELD(struct ata_drive, buffer, length), /* which is loaded by now */
    STATE_TIMER_FIELD(struct ata_drive, retry),
    STATE_SUB(struct ata_drive, atapi, atapi_state),
    {}
};

static const struct property ata_properties[] = {
    PROPERTY("drive", PROP_HOST, struct ata_drive, drive, .host = "drive",
             .help = "the -drive's id"),
    PROPERTY("bus", PROP_STRING, struct ata_drive, bus, .help = "ide.0 or ide.1"),
    PROPERTY("unit", PROP_UINT, struct ata_drive, unit, .initial = "0xffffffff",
             .help = "0 master, 1 slave"),
    PROPERTY("serial", PROP_STRING, struct ata_drive, serial, .help = "up to 20 characters"),
    PROPERTY("ver", PROP_STRING, struct ata_drive, version, .initial = "1.0",
             .help = "firmware revision, up to 8 characters"),
    PROPERTY("model", PROP_STRING, struct ata_drive, model, .help = "up to 40 characters"),
    PROPERTY("rerror", PROP_STRING, struct ata_drive, rerror,
             .help = "auto (as the -drive's), report, ignore, stop"),
    PROPERTY("werror", PROP_STRING, struct ata_drive, werror,
             .help = "auto (as the -drive's), report, ignore, stop, enospc"),
    PROPERTY("write-cache", PROP_STRING, struct ata_drive, cache,
             .help = "on or off after a reset; auto (by the -drive's cache=)"),
    PROPERTY("bios-chs-trans", PROP_STRING, struct ata_drive, translation,
             .help = "accepted; the BIOS chooses"),
    PROPERTY("bootindex", PROP_UINT, struct ata_drive, bootindex, .initial = "0xffffffff",
             .help = "place in the boot order"),
    {}
};

#define ATA_KIND(kind_name, kind_desc)                                                            \
    {                                                                                             \
        .name = (kind_name), .desc = (kind_desc), .size = sizeof(struct ata_drive), .user = true, \
        .properties = ata_properties, .state = ata_state, .state_version = 1,                     \
        .create = ata_drive_create, .reset = ata_drive_reset, .drain = ata_drive_drain,           \
        .post_load = ata_drive_post_load, .destroy = ata_drive_destroy                            \
    }

const struct device_kind ide_hd_kind = ATA_KIND("ide-hd", "IDE hard disk");
const struct device_kind ide_cd_kind = ATA_KIND("ide-cd", "IDE CD/DVD drive");
