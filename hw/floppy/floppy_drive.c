/*
 * The kind "floppy": a drive of one of the PC's five types, and its disk, whose format follows from
 * the size of its image.
 */
#include "hw/floppy/floppy_drive.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "hw/core/state.h"
#include "hw/floppy/i82078.h"
#include "hw/floppy/i82078_internal.h"

#define ANY_UNIT UINT32_MAX
#define LAST_TRACK \
    83 /* where the heads meet the stop; drives go a little beyond the last cylinder */

/* ---- Disks and drives ---- */

static const struct floppy_format formats[] = {
    // clang-format off
    { 160,  40, 1, 8,  true,  FLOPPY_DD },
    { 180,  40, 1, 9,  true,  FLOPPY_DD },
    { 320,  40, 2, 8,  true,  FLOPPY_DD },
    { 360,  40, 2, 9,  true,  FLOPPY_DD },
    { 720,  80, 2, 9,  false, FLOPPY_DD },
    { 1200, 80, 2, 15, true,  FLOPPY_HD },
    { 1440, 80, 2, 18, false, FLOPPY_HD },
    { 1680, 80, 2, 21, false, FLOPPY_HD },
    { 1722, 82, 2, 21, false, FLOPPY_HD },
    { 2880, 80, 2, 36, false, FLOPPY_ED },
    // clang-format on
};

/* Indexed by the CMOS's type. A 5 1/4 inch HD drive turns faster, so DD disks give 300 kb/s. */
static const struct {
    const char *name; /* for drive-type= */
    bool inch5;
    uint8_t cylinders;
    uint8_t rate[FLOPPY_DENSITIES];
} types[] = {
    { "none", false, 0, { FLOPPY_NO_RATE, FLOPPY_NO_RATE, FLOPPY_NO_RATE } },
    { "360", true, 40, { FLOPPY_250K, FLOPPY_NO_RATE, FLOPPY_NO_RATE } },
    { "120", true, 80, { FLOPPY_300K, FLOPPY_500K, FLOPPY_NO_RATE } },
    { "720", false, 80, { FLOPPY_250K, FLOPPY_NO_RATE, FLOPPY_NO_RATE } },
    { "144", false, 80, { FLOPPY_250K, FLOPPY_500K, FLOPPY_NO_RATE } },
    { "288", false, 80, { FLOPPY_250K, FLOPPY_500K, FLOPPY_1M } },
};

#define TYPE_144 4

static const struct floppy_format *find_format(uint64_t bytes)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].kib * UINT64_C(1024) == bytes)
            return &formats[i];
    return NULL;
}

/* The simplest drive for the disk: any firmware then reads it with what the CMOS says. */
static uint8_t type_for(const struct floppy_format *format)
{
    for (uint8_t type = 1; format != NULL && type < G_N_ELEMENTS(types); type++)
        if (types[type].inch5 == format->inch5 &&
            types[type].rate[format->density] != FLOPPY_NO_RATE)
            return type;
    return TYPE_144;
}

bool floppy_loaded(const struct floppy_drive *d)
{
    return d->medium != NULL && !d->ejected;
}

bool floppy_write_protected(const struct floppy_drive *d)
{
    return floppy_loaded(d) && block_read_only(block_user_node(d->medium));
}

const struct floppy_format *floppy_readable(const struct floppy_drive *d, uint8_t rate)
{
    const struct floppy_format *format = d->format;

    if (format == NULL || !floppy_loaded(d) || types[d->type].inch5 != format->inch5)
        return NULL;
    return types[d->type].rate[format->density] == rate ? format : NULL;
}

unsigned floppy_cylinder(const struct floppy_drive *d)
{
    bool two_steps = d->format->cylinders <= 40 && types[d->type].cylinders > 40;

    return two_steps ? d->track / 2u : d->track;
}

void floppy_step(struct floppy_drive *d, int steps)
{
    if (steps != 0 && floppy_loaded(d))
        d->changed = false;
    d->track = (uint8_t)CLAMP(d->track + steps, 0, LAST_TRACK);
}

/* ---- The slot ---- */

static void attach(struct floppy_drive *d, struct block_node *node)
{
    block_detach(d->medium);
    d->medium = node != NULL ? block_attach(node, d->dev.id, NULL, d) : NULL;
    d->format = node != NULL ? find_format(block_size(node)) : NULL;
}

static void move_disk(struct floppy_drive *d, bool out)
{
    if (d->ejected == out)
        return;
    i82078_drain(d->controller);
    d->ejected = out;
    d->changed = true;
    i82078_disk_moved(d->controller);
    block_drive_tray_moved(d->drive, out);
}

static int open_slot(void *opaque, bool force)
{
    move_disk(opaque, true);
    return 0; /* no guest can lock it */
}

static void close_slot(void *opaque)
{
    move_disk(opaque, false);
}

static void set_medium(void *opaque, struct block_node *node)
{
    struct floppy_drive *d = opaque;

    i82078_drain(d->controller);
    attach(d, node);
    if (node != NULL && d->format == NULL)
        log_warn("device %s: %s has no floppy's size: it reads as not formatted", d->dev.id,
                 block_path(node));
}

static bool is_open(void *opaque)
{
    return ((const struct floppy_drive *)opaque)->ejected;
}

static bool is_locked(void *opaque)
{
    return false;
}

static const struct block_tray_ops slot_ops = {
    .open = open_slot,
    .close = close_slot,
    .set_medium = set_medium,
    .is_open = is_open,
    .is_locked = is_locked,
};

/* ---- Life ---- */

static int take_disk(struct floppy_drive *d, GError **err)
{
    struct block_node *node = d->drive->node;
    int rc = block_drive_take(d->drive, d->dev.id, &slot_ops, d, err);

    if (rc == 0)
        rc = block_drive_set_on_error(d->drive, d->rerror, d->werror, err);
    if (rc < 0 || node == NULL)
        return rc;
    attach(d, node);
    if (d->format == NULL)
        return fail(err, EINVAL,
                    "-device floppy: drive=%s: %s has %" PRIu64 " bytes, which is no floppy's size "
                    "(360, 720, 1200, 1440 or 2880 KiB)",
                    d->drive->id, block_path(node), block_size(node));
    return 0;
}

static int choose_type(struct floppy_drive *d, GError **err)
{
    if (d->drive_type == NULL || strcmp(d->drive_type, "auto") == 0) {
        d->type = type_for(d->format);
        return 0;
    }
    for (unsigned type = 1; type < G_N_ELEMENTS(types); type++)
        if (strcmp(types[type].name, d->drive_type) == 0)
            d->type = (uint8_t)type;
    return d->type != 0 ? 0
                        : fail(err, EINVAL,
                               "-device floppy: drive-type=%s: not one of auto, 360, 120, 720, "
                               "144, 288",
                               d->drive_type);
}

static int plug(struct floppy_drive *d, GError **err)
{
    struct i82078 *controller = i82078_find(d->dev.services->bus);

    if (controller == NULL)
        return fail(err, ENOENT, "-device floppy: the machine has no floppy controller");
    for (unsigned unit = 0; unit < I82078_DRIVES; unit++)
        if ((d->unit == ANY_UNIT || d->unit == unit) && i82078_plug(controller, unit, d) == 0) {
            d->controller = controller;
            d->place = unit;
            return 0;
        }
    return fail(err, EBUSY, "-device floppy: there is no free place on the cable");
}

static int floppy_create(struct device *dev, GError **err)
{
    struct floppy_drive *d = (struct floppy_drive *)dev;
    int rc = plug(d, err);

    if (rc == 0 && d->drive != NULL)
        rc = take_disk(d, err);
    if (rc == 0)
        rc = choose_type(d, err);
    return rc;
}

static void floppy_destroy(struct device *dev)
{
    struct floppy_drive *d = (struct floppy_drive *)dev;

    if (d->controller != NULL)
        i82078_unplug(d->controller, d->place);
    block_detach(d->medium);
    if (d->drive != NULL && d->drive->opaque == d)
        block_drive_release(d->drive);
}

static void floppy_reset(struct device *dev)
{
    struct floppy_drive *d = (struct floppy_drive *)dev;

    d->track = d->passed = 0;
    d->changed = true; /* the drive does not know what happened while it was off */
}

bool floppy_get_place(const struct device *dev, unsigned *unit, uint32_t *bootindex)
{
    const struct floppy_drive *d = (const struct floppy_drive *)dev;

    if (dev->kind != &floppy_kind)
        return false;
    *unit = d->place;
    *bootindex = d->bootindex;
    return true;
}

static const struct state_field floppy_state[] = { STATE_FIELD(struct floppy_drive, track,
                                                               .max = LAST_TRACK),
                                                   STATE_FIELD(struct floppy_drive, passed),
                                                   STATE_FIELD(struct floppy_drive, changed),
                                                   STATE_FIELD(struct floppy_drive, ejected),
                                                   {} };

static const struct property floppy_properties[] = {
    PROPERTY("drive", PROP_HOST, struct floppy_drive, drive, .host = "drive",
             .help = "the -drive's id"),
    PROPERTY("unit", PROP_UINT, struct floppy_drive, unit, .initial = "0xffffffff",
             .help = "0 A:, 1 B:"),
    PROPERTY("drive-type", PROP_STRING, struct floppy_drive, drive_type,
             .help = "auto (by the disk), 360, 120, 720, 144, 288"),
    PROPERTY("rerror", PROP_STRING, struct floppy_drive, rerror,
             .help = "auto (as the -drive's), report, ignore, stop"),
    PROPERTY("werror", PROP_STRING, struct floppy_drive, werror,
             .help = "auto (as the -drive's), report, ignore, stop, enospc"),
    PROPERTY("bootindex", PROP_UINT, struct floppy_drive, bootindex, .initial = "0xffffffff",
             .help = "place in the boot order"),
    {}
};

const struct device_kind floppy_kind = {
    .name = "floppy",
    .desc = "floppy drive",
    .size = sizeof(struct floppy_drive),
    .user = true,
    .properties = floppy_properties,
    .state = floppy_state,
    .state_version = 1,
    .create = floppy_create,
    .reset = floppy_reset,
    .destroy = floppy_destroy,
};
