/*
 * Disk arithmetic: IDENTIFY data, the geometry INT 13h shows, CHS to LBA. No hardware, host-tested.
 */
#ifndef BIOS_GEOMETRY_H
#define BIOS_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>
#include "runtime.h"

/*
 * Fills in size, geometry, model and abilities of a drive from the 256 words of IDENTIFY (PACKET)
 * DEVICE (ATA/ATAPI-7, 6.16 and 6.17). False: a disk with no capacity, or nonsense.
 */
bool geometry_identify(struct drive *d, const uint16_t id[256]);

/*
 * The geometry shown to programs: the drive's own if it has at most 1024 cylinders, else more heads
 * ("LBA assisted": 16, 32, 64, 128 or 255 heads of 63 sectors).
 */
struct chs geometry_translate(struct chs physical, uint64_t sectors);

/* CX and DH of INT 13h to a sector number; false if outside of the geometry. */
bool geometry_lba(const struct chs *g, uint16_t cx, uint8_t head, uint32_t *lba);

#endif
