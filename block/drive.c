#include "block/drive.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void on_error(void *opaque, struct block_node *node, bool is_read, int error,
                     enum block_error_action action)
{
    struct block_drive *drive = opaque;

    if (action == BLOCK_ERROR_STOP)
        drive->stopped_by = error;
    if (drive->events != NULL)
        drive->events->io_error(drive->events_opaque, drive, is_read, error, action);
}

static void set_node(struct block_drive *drive, struct block_node *node)
{
    if (drive->node != NULL) {
        block_get_options(drive->node, &drive->options);
        block_get_throttle(drive->node, &drive->throttle);
        block_set_error_listener(drive->node, NULL, NULL);
    }
    drive->node = node;
    if (node != NULL) {
        block_set_on_error(node, drive->rerror, drive->werror);
        block_set_error_listener(node, on_error, drive);
    }
}

/* ---- What the device sees, which is recorded ---- */

/* The values are the recording's. */
enum tray_event { TRAY_OPEN = 1, TRAY_CLOSE, TRAY_MEDIUM };

/* name: of the medium's node in the journal, as block_open() makes it; NULL: none. */
static bool begin(const struct block_drive *drive, enum tray_event what, bool argument,
                  const char *name)
{
    const struct iovec iov = { (char *)(uintptr_t)name, name != NULL ? strlen(name) : 0 };

    return journal_begin(&drive->journal, &(const struct journal_entry){ .kind = JOURNAL_TRAY,
                                                                         .n = { what, argument },
                                                                         .iov = &iov,
                                                                         .n_iov = 1 });
}

static int open_tray(struct block_drive *drive, bool force)
{
    if (!begin(drive, TRAY_OPEN, force, NULL))
        return 0;
    int rc = drive->tray->open(drive->opaque, force);
    journal_end(&drive->journal);
    return rc;
}

static void close_tray(struct block_drive *drive)
{
    if (!begin(drive, TRAY_CLOSE, false, NULL))
        return;
    drive->tray->close(drive->opaque);
    journal_end(&drive->journal);
}

/* Takes over the reference on node, and gives back that on the one that was there. */
static void set_medium(struct block_drive *drive, struct block_node *node)
{
    struct block_node *old = drive->node;
    const char *name = node == NULL              ? NULL
                       : *block_id(node) != '\0' ? block_id(node)
                                                 : block_path(node);

    if (!begin(drive, TRAY_MEDIUM, node != NULL, name))
        return;
    set_node(drive, node);
    drive->tray->set_medium(drive->opaque, node);
    block_unref(old);
    journal_end(&drive->journal);
}

static void play_medium(struct block_drive *drive, const uint8_t *data, size_t len)
{
    g_autofree char *name = g_strndup((const char *)data, len);
    struct block_node *node;

    if (block_open(&(const struct block_options){ .id = name }, &node, NULL) == 0)
        set_medium(drive, node);
}

static void play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    struct block_drive *drive = opaque;

    if (drive->tray == NULL)
        return;
    if (entry->n[0] == TRAY_OPEN)
        open_tray(drive, entry->n[1] != 0);
    else if (entry->n[0] == TRAY_CLOSE)
        close_tray(drive);
    else if (entry->n[1] != 0)
        play_medium(drive, data, len);
    else
        set_medium(drive, NULL);
}

/* ---- Life ---- */

struct block_drive *block_drive_new(const char *id, const char *serial, struct block_node *node)
{
    struct block_drive *drive = g_new0(struct block_drive, 1);

    drive->id = g_strdup(id);
    drive->serial = g_strdup(serial);
    set_node(drive, node);
    journal_join(&drive->journal, "drive", id, play, drive);
    return drive;
}

void block_drive_free(struct block_drive *drive)
{
    if (drive == NULL)
        return;
    struct block_node *node = drive->node;
    set_node(drive, NULL);
    block_unref(node);
    journal_leave(&drive->journal);
    g_free(drive->serial);
    g_free(drive->id);
    g_free(drive);
}

int block_drive_take(struct block_drive *drive, const char *device,
                     const struct block_tray_ops *tray, void *opaque, GError **err)
{
    if (drive->device != NULL)
        return fail(err, EBUSY, "drive %s: device %s has it already", drive->id, drive->device);
    drive->device = device;
    drive->tray = tray;
    drive->opaque = opaque;
    return 0;
}

void block_drive_release(struct block_drive *drive)
{
    drive->device = NULL;
    drive->tray = NULL;
    drive->opaque = NULL;
}

static int parse_policy(const struct block_drive *drive, const char *word, bool is_read,
                        enum block_on_error *value, GError **err)
{
    if (word == NULL || strcmp(word, "auto") == 0 ||
        block_parse_on_error(word, is_read, value) == 0)
        return 0;
    return fail(err, EINVAL, "drive %s: %s=%s: not one of auto, report, ignore, stop%s", drive->id,
                is_read ? "rerror" : "werror", word, is_read ? "" : ", enospc");
}

int block_drive_set_on_error(struct block_drive *drive, const char *rerror, const char *werror,
                             GError **err)
{
    int rc = parse_policy(drive, rerror, true, &drive->rerror, err);

    if (rc == 0)
        rc = parse_policy(drive, werror, false, &drive->werror, err);
    if (rc == 0 && drive->node != NULL)
        block_set_on_error(drive->node, drive->rerror, drive->werror);
    return rc;
}

void block_drive_tray_moved(struct block_drive *drive, bool open)
{
    if (drive->events != NULL)
        drive->events->tray_moved(drive->events_opaque, drive, open);
}

void block_drive_get_options(const struct block_drive *drive, struct block_options *options)
{
    *options = drive->options;
    if (drive->node != NULL)
        block_get_options(drive->node, options);
}

static int check_removable(const struct block_drive *drive, GError **err)
{
    if (drive->tray != NULL)
        return 0;
    return fail(err, ENOTSUP, "drive %s: its medium is not removable", drive->id);
}

int block_drive_open_tray(struct block_drive *drive, bool force, GError **err)
{
    int rc = check_removable(drive, err);

    if (rc < 0)
        return rc;
    rc = open_tray(drive, force);
    return rc == 0 ? 0 : fail(err, -rc, "drive %s: the guest has locked the tray", drive->id);
}

int block_drive_close_tray(struct block_drive *drive, GError **err)
{
    int rc = check_removable(drive, err);

    if (rc == 0)
        close_tray(drive);
    return rc;
}

static int check_open(const struct block_drive *drive, GError **err)
{
    int rc = check_removable(drive, err);

    if (rc == 0 && !drive->tray->is_open(drive->opaque))
        rc = fail(err, EINVAL, "drive %s: the tray is closed", drive->id);
    return rc;
}

int block_drive_remove_medium(struct block_drive *drive, GError **err)
{
    int rc = check_open(drive, err);

    if (rc < 0)
        return rc;
    set_medium(drive, NULL);
    return 0;
}

static int check_size(const struct block_drive *drive, const struct block_node *node, GError **err)
{
    if (block_size(node) >= drive->tray->sector_size)
        return 0;
    return fail(err, EINVAL, "drive %s: %s is shorter than a sector", drive->id, block_path(node));
}

int block_drive_insert_medium(struct block_drive *drive, struct block_node *node, GError **err)
{
    int rc = check_open(drive, err);

    if (rc == 0)
        rc = check_size(drive, node, err);
    if (rc == 0 && drive->node != NULL)
        rc = fail(err, EINVAL, "drive %s: there is a medium in it already", drive->id);
    if (rc == 0)
        rc = block_set_throttle(node, &drive->throttle, err);
    if (rc < 0)
        return rc;
    set_medium(drive, node);
    return 0;
}

int block_drive_eject(struct block_drive *drive, bool force, GError **err)
{
    int rc = block_drive_open_tray(drive, force, err);

    return rc == 0 ? block_drive_remove_medium(drive, err) : rc;
}

int block_drive_change_medium(struct block_drive *drive, struct block_node *node, bool force,
                              GError **err)
{
    int rc = check_removable(drive, err);

    if (rc == 0)
        rc = check_size(drive, node, err);
    if (rc == 0)
        rc = block_drive_eject(drive, force, err);
    if (rc == 0)
        rc = block_drive_insert_medium(drive, node, err);
    return rc == 0 ? block_drive_close_tray(drive, err) : rc;
}
