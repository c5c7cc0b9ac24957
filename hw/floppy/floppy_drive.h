/*
 * A floppy drive and the disk in it, as the controller sees them by the cable.
 */
#ifndef HW_FLOPPY_FLOPPY_DRIVE_H
#define HW_FLOPPY_FLOPPY_DRIVE_H

#include "block/drive.h"
#include "hw/core/device.h"

struct i82078;

#define FLOPPY_SECTOR 512u
#define FLOPPY_N      2 /* what an ID field says of such a sector's size: 128 << 2 */

/* How a disk of this many bytes is formatted: with as many cylinders, heads, sectors. */
struct floppy_format {
    uint32_t kib;
    uint8_t cylinders, heads, sectors;
    bool inch5;      /* a 5 1/4 inch disk; else 3 1/2 */
    uint8_t density; /* enum floppy_density */
};

enum floppy_density { FLOPPY_DD, FLOPPY_HD, FLOPPY_ED, FLOPPY_DENSITIES };

/* Data rates as the controller's registers code them. */
enum { FLOPPY_500K, FLOPPY_300K, FLOPPY_250K, FLOPPY_1M, FLOPPY_NO_RATE };

struct floppy_drive {
    struct device dev;
    uint8_t track;  /* where the heads are */
    uint8_t passed; /* the sector that last went by under them; 0: the index hole */
    bool changed;   /* the change line: a disk was taken out since the last step pulse */
    bool ejected;
    /* host */
    struct i82078 *controller;
    struct block_user *medium;          /* NULL: none */
    const struct floppy_format *format; /* NULL: none, or one that no drive can read */
    uint8_t type;                       /* as the CMOS calls it */
    unsigned place;                     /* unit on the cable */
    /* properties */
    struct block_drive *drive;
    uint32_t unit, bootindex;
    char *drive_type, *rerror, *werror;
};

/* A disk is in and can turn. */
bool floppy_loaded(const struct floppy_drive *d);
bool floppy_write_protected(const struct floppy_drive *d);
/* Up to `steps` pulses, in or out; the heads stop at both ends of their way. */
void floppy_step(struct floppy_drive *d, int steps);
/* The format of the loaded disk if it can be read at this rate in this drive; else NULL. */
const struct floppy_format *floppy_readable(const struct floppy_drive *d, uint8_t rate);
/* The cylinder of that format where the heads are; a 40 track disk in an 80 track drive has two
 * steps for each. */
unsigned floppy_cylinder(const struct floppy_drive *d);

#endif
