/*
 * A drive: what `-drive` or `-blockdev` makes and a disk device is given by name.
 *
 * It joins the two ends of a disk: the medium, a block node that may be missing (an empty CD tray)
 * and be replaced, and the device that shows it to the guest. Whoever controls the machine changes
 * media here and need not know what kind of device has the drive.
 */
#ifndef BLOCK_DRIVE_H
#define BLOCK_DRIVE_H

#include <stdbool.h>
#include <glib.h>

#include "base/journal.h"
#include "block/node.h"

/* What a device with a removable medium does for whoever controls the machine. */
struct block_tray_ops {
    uint64_t sector_size; /* bytes; a medium has one sector at least. 0: it may have none */
    /*
     * Opens the tray. -EBUSY: the guest has locked it; it was told that somebody wants the medium.
     * force: opens it all the same.
     */
    int (*open)(void *opaque, bool force);
    void (*close)(void *opaque);
    /* The medium in the open tray is now this node (NULL: none). The device attaches to it. */
    void (*set_medium)(void *opaque, struct block_node *node);
    bool (*is_open)(void *opaque);
    bool (*is_locked)(void *opaque);
};

struct block_drive;

/* What whoever controls the machine hears of a drive: QMP's DEVICE_TRAY_MOVED, BLOCK_IO_ERROR. */
struct block_drive_events {
    void (*tray_moved)(void *opaque, const struct block_drive *drive, bool open);
    void (*io_error)(void *opaque, const struct block_drive *drive, bool is_read, int error,
                     enum block_error_action action);
};

struct block_drive {
    char *id;
    bool unnamed;            /* QMP does not know it by its id, only by its device's */
    char *serial;            /* serial= of -drive; NULL: none */
    struct block_node *node; /* a reference; NULL: no medium */
    /* Of the last medium, for the next one; see block_drive_get_options(). */
    struct block_options options;
    struct block_throttle_config throttle;
    /* Of the device, for every medium; BLOCK_ON_ERROR_DEFAULT: as the image was opened. */
    enum block_on_error rerror, werror;
    int stopped_by; /* the error (negative errno) that the machine was stopped for; 0: none */
    /* The device that has the drive. */
    const char *device;                /* its id, borrowed; NULL: nobody has it */
    const struct block_tray_ops *tray; /* NULL: the medium is fixed */
    void *opaque;
    const struct block_drive_events *events; /* may be NULL */
    void *events_opaque;
    struct journal_source journal;
};

/* Takes over the caller's reference on node, which may be NULL. id and serial are copied. */
struct block_drive *block_drive_new(const char *id, const char *serial, struct block_node *node);
void block_drive_free(struct block_drive *drive); /* NULL is fine */

/* A device takes the drive, and gives it back. 0; -EBUSY and a sentence: another one has it. */
int block_drive_take(struct block_drive *drive, const char *device,
                     const struct block_tray_ops *tray, void *opaque, GError **err);
void block_drive_release(struct block_drive *drive);

/*
 * A device's own rerror= and werror=, which go before those of the image; NULL or "auto": those of
 * the image. 0; -EINVAL and a sentence.
 */
int block_drive_set_on_error(struct block_drive *drive, const char *rerror, const char *werror,
                             GError **err);

/* The device's tray has moved. */
void block_drive_tray_moved(struct block_drive *drive, bool open);

/* How the medium is opened, or the last one was: all but the members that name an image. */
void block_drive_get_options(const struct block_drive *drive, struct block_options *options);

/*
 * QMP's blockdev-open-tray, -close-tray, -remove-medium and -insert-medium. 0; or a sentence and
 * -ENOTSUP: the medium is not removable; -EBUSY: the guest locked the tray; -EINVAL: the tray is
 * closed, or (insert) not empty, or the image is too short for a medium. insert takes over a
 * reference on node when it succeeds, and sets the limits of the last medium.
 */
int block_drive_open_tray(struct block_drive *drive, bool force, GError **err);
int block_drive_close_tray(struct block_drive *drive, GError **err);
int block_drive_remove_medium(struct block_drive *drive, GError **err);
int block_drive_insert_medium(struct block_drive *drive, struct block_node *node, GError **err);

/* QMP's eject and blockdev-change-medium, made of the steps above. As their errors. */
int block_drive_eject(struct block_drive *drive, bool force, GError **err);
int block_drive_change_medium(struct block_drive *drive, struct block_node *node, bool force,
                              GError **err);

#endif
