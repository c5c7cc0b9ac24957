/*
 * INT 13h for fixed disks (PC/AT Technical Reference; EDD 3.0 is in edd.c).
 */
#include "disk.h"
#include "ata.h"
#include "bda.h"
#include "cdrom.h"
#include "edd.h"
#include "floppy.h"
#include "geometry.h"
#include "x86.h"

struct drive *disk_find(uint8_t number)
{
    unsigned i = number - 0x80U - rt.disk_shift;
    return number >= 0x80 && i < rt.disk_count ? &rt.drive[rt.disk[i]] : NULL;
}

void disk_finish(struct regs *r, uint8_t status)
{
    BDA->disk_status = status;
    set_status(r, status);
}

static void transfer(struct regs *r, struct drive *d, enum disk_op op)
{
    uint32_t lba, done = 0, memory = ((uint32_t)r->es << 4) + r->bx.x;
    uint8_t count = r->ax.l, status;
    if (!count || count > 128 || !geometry_lba(&d->logical, r->cx.x, r->dx.h, &lba))
        status = DISK_BAD_COMMAND;
    else if (lba + count > d->sectors)
        status = DISK_NOT_FOUND;
    else
        status = ata_transfer(d, op, lba, count, memory, &done);
    r->ax.l = (uint8_t)done;
    disk_finish(r, status);
}

static void get_parameters(struct regs *r, const struct drive *d)
{
    uint16_t last = d->logical.cylinders - 1;
    r->ax.x = 0;
    r->cx.h = (uint8_t)last;
    r->cx.l = (uint8_t)((last >> 2 & 0xC0) | d->logical.sectors);
    r->dx.h = (uint8_t)(d->logical.heads - 1);
    r->dx.l = BDA->disk_count;
    disk_finish(r, DISK_OK);
}

/* AH=15h: CX:DX sectors of a fixed disk (type 3 in AH, which is not a status). */
static void get_type(struct regs *r, const struct drive *d)
{
    uint32_t sectors = (uint32_t)d->logical.cylinders * d->logical.heads * d->logical.sectors;
    r->cx.x = (uint16_t)(sectors >> 16);
    r->dx.x = (uint16_t)sectors;
    disk_finish(r, DISK_OK);
    r->ax.h = 3;
}

static void seek(struct regs *r, const struct drive *d)
{
    uint32_t lba;
    bool good = geometry_lba(&d->logical, r->cx.x | 1, r->dx.h, &lba);
    disk_finish(r, good ? DISK_OK : DISK_BAD_COMMAND);
}

void disk_last_status(struct regs *r)
{
    uint8_t status = BDA->disk_status;
    BDA->disk_status = 0;
    r->ax.l = 0;
    set_status(r, status);
}

static void fixed_disk(struct regs *r, struct drive *d)
{
    switch (r->ax.h) {
    case 0x00: /* reset */
    case 0x0D: disk_finish(r, ata_reset(d)); break;
    case 0x01: disk_last_status(r); break;
    case 0x02: transfer(r, d, OP_READ); break;
    case 0x03: transfer(r, d, OP_WRITE); break;
    case 0x04: transfer(r, d, OP_VERIFY); break;
    case 0x08: get_parameters(r, d); break;
    case 0x0C: seek(r, d); break;
    case 0x09: /* set parameters, test ready, recalibrate, diagnose: nothing to do */
    case 0x10:
    case 0x11:
    case 0x14: disk_finish(r, DISK_OK); break;
    case 0x15: get_type(r, d); break;
    default:
        if (!edd_int13(r, d))
            disk_finish(r, DISK_BAD_COMMAND);
        break;
    }
}

void disk_int13(struct regs *r)
{
    uint8_t number = r->dx.l;
    struct drive *d;
    if (cdrom_emulation_int13(r))
        return;
    if (number < 0x80) {
        floppy_int13(r);
    } else if ((d = disk_find(number))) {
        fixed_disk(r, d);
    } else if (number >= CD_FIRST && number - CD_FIRST < rt.cd_count) {
        cdrom_int13(r, &rt.drive[rt.cd[number - CD_FIRST]]);
    } else {
        bool type = r->ax.h == 0x15; /* the answer to that is "type 0", not an error */
        disk_finish(r, type ? DISK_OK : DISK_BAD_COMMAND);
    }
}
