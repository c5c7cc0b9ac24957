/*
 * CD-ROM.
 */
#include "cdrom.h"
#include "ata.h"
#include "bda.h"
#include "disk.h"
#include "edd.h"
#include "geometry.h"
#include "interrupt.h"
#include "timer.h"
#include "x86.h"

#define SCSI_TEST_UNIT_READY 0x00
#define SCSI_REQUEST_SENSE   0x03
#define SCSI_START_STOP      0x1B
#define SCSI_PREVENT         0x1E
#define SCSI_READ_CAPACITY   0x25
#define SCSI_READ_10         0x28

#define SENSE_NOT_READY    0x02
#define SENSE_ATTENTION    0x06
#define ASC_BECOMING_READY 0x04
#define ASC_NO_MEDIUM      0x3A

#define READY_MS 5000
#define CHUNK    32 /* sectors a command: 64 KiB */

static uint8_t sector[ELTORITO_SECTOR]; /* one at a time: no call is interrupted by another */

static uint8_t *near_sector(uint32_t *linear)
{
    *linear = (uint32_t)sector + BIOS_SEG_LIN;
    return sector;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t simple(struct drive *d, uint8_t opcode, uint8_t byte4)
{
    const uint8_t packet[12] = { opcode, 0, 0, 0, byte4 };
    return atapi_command(d, packet, 0, 0);
}

/* Sense key << 8 | additional code of the last failure. */
static uint16_t sense(struct drive *d)
{
    const uint8_t packet[12] = { SCSI_REQUEST_SENSE, 0, 0, 0, 18 };
    uint8_t data[18];
    if (atapi_command(d, packet, (uint32_t)data + BIOS_SEG_LIN, sizeof(data)))
        return 0;
    return (uint16_t)((data[2] & 15) << 8 | data[12]);
}

/* Waits until the medium can be read. */
static uint8_t wait_medium(struct drive *d)
{
    uint32_t deadline = timer_after(READY_MS);
    for (;;) {
        uint8_t status = simple(d, SCSI_TEST_UNIT_READY, 0);
        if (!status)
            return DISK_OK;
        if (status == DISK_TIMEOUT)
            return status;
        uint16_t why = sense(d);
        if (why == (SENSE_NOT_READY << 8 | ASC_NO_MEDIUM))
            return DISK_NO_MEDIA;
        bool soon = why >> 8 == SENSE_ATTENTION ||
                    why == (SENSE_NOT_READY << 8 | ASC_BECOMING_READY);
        if (!soon || timer_passed(deadline))
            return DISK_NOT_READY;
        irq_window();
    }
}

uint8_t cdrom_capacity(struct drive *d)
{
    const uint8_t packet[12] = { SCSI_READ_CAPACITY };
    uint8_t data[8];
    uint8_t status = wait_medium(d);
    if (!status)
        status = atapi_command(d, packet, (uint32_t)data + BIOS_SEG_LIN, sizeof(data));
    d->sectors = status ? 0 : (uint64_t)be32(data) + 1;
    return status;
}

static uint8_t read_chunk(struct drive *d, uint32_t lba, uint32_t count, uint32_t memory)
{
    const uint8_t packet[12] = { SCSI_READ_10, 0, lba >> 24,  lba >> 16, lba >> 8,
                                 lba,          0, count >> 8, count };
    return atapi_command(d, packet, memory, count * ELTORITO_SECTOR);
}

uint8_t cdrom_read(struct drive *d, uint64_t lba, uint32_t count, uint32_t memory, uint32_t *done)
{
    uint8_t status = DISK_OK;
    if (lba + count > 0xFFFFFFFF)
        return DISK_NOT_FOUND;
    for (*done = 0; !status && *done < count;) {
        uint32_t n = count - *done < CHUNK ? count - *done : CHUNK;
        uint32_t at = (uint32_t)lba + *done, to = memory + *done * ELTORITO_SECTOR;
        status = read_chunk(d, at, n, to);
        if (status == DISK_BAD_COMMAND) { /* CHECK CONDITION: a new disc reports itself once */
            status = wait_medium(d);
            if (!status)
                status = read_chunk(d, at, n, to);
            status = status == DISK_BAD_COMMAND ? DISK_NOT_FOUND : status;
        }
        *done += status ? 0 : n;
    }
    return status;
}

/* ---- INT 13h ---- */

/* AH=45h lock, 46h eject, 49h changed: removable media of EDD. */
static bool removable(struct regs *r, struct drive *d)
{
    switch (r->ax.h) {
    case 0x45:
        if (r->ax.l < 2)
            disk_finish(r, simple(d, SCSI_PREVENT, !r->ax.l));
        else
            disk_finish(r, r->ax.l == 2 ? DISK_OK : DISK_BAD_COMMAND);
        return true;
    case 0x46: disk_finish(r, simple(d, SCSI_START_STOP, 2)); return true;
    case 0x49: disk_finish(r, DISK_OK); return true;
    default: return false;
    }
}

void cdrom_int13(struct regs *r, struct drive *d)
{
    switch (r->ax.h) {
    case 0x00:
    case 0x0D: disk_finish(r, ata_reset(d)); break;
    case 0x01: disk_last_status(r); break;
    case 0x09:
    case 0x10:
    case 0x11:
    case 0x14: disk_finish(r, DISK_OK); break;
    default:
        if (!removable(r, d) && !edd_int13(r, d))
            disk_finish(r, DISK_BAD_COMMAND);
        break;
    }
}

static void write_linear(uint32_t to, const uint8_t *from, uint32_t n)
{
    uint16_t seg = real_segment(to);
    far_write(seg, to - ((uint32_t)seg << 4), from, n);
}

/* 512-byte sectors of the image, whole CD sectors straight to memory, odd ends by a buffer. */
static uint8_t read_emulated(uint32_t lba, uint32_t count, uint32_t memory, uint32_t *done)
{
    struct drive *d = &rt.drive[rt.emulation.cd];
    for (*done = 0; *done < count;) {
        uint32_t at = lba + *done, cd_lba = rt.emulation.image_lba + at / 4, n, got;
        uint8_t status;
        if (at % 4 == 0 && count - *done >= 4) {
            n = (count - *done) / 4;
            status = cdrom_read(d, cd_lba, n, memory, &got);
            n *= 4;
        } else {
            uint32_t buffer;
            near_sector(&buffer);
            n = 4 - at % 4 < count - *done ? 4 - at % 4 : count - *done;
            status = cdrom_read(d, cd_lba, 1, buffer, &got);
            if (!status)
                write_linear(memory, sector + at % 4 * 512, n * 512);
        }
        if (status)
            return status;
        *done += n;
        memory += n * 512;
    }
    return DISK_OK;
}

static void emulated_read(struct regs *r, bool verify)
{
    uint32_t lba, done = 0;
    uint8_t count = r->ax.l, status = DISK_BAD_COMMAND;
    if (count && count <= 128 && geometry_lba(&rt.emulation.geometry, r->cx.x, r->dx.h, &lba))
        status = verify ? DISK_OK
                        : read_emulated(lba, count, ((uint32_t)r->es << 4) + r->bx.x, &done);
    r->ax.l = verify && !status ? count : (uint8_t)done;
    disk_finish(r, status);
}

static void emulated_parameters(struct regs *r)
{
    static const uint8_t floppy_type[] = { 0, 2, 4, 6 };
    const struct cd_emulation *e = &rt.emulation;
    uint16_t last = e->geometry.cylinders - 1;
    r->cx.h = (uint8_t)last;
    r->cx.l = (uint8_t)((last >> 2 & 0xC0) | e->geometry.sectors);
    r->dx.h = (uint8_t)(e->geometry.heads - 1);
    r->dx.l = e->media == MEDIA_DISK ? BDA->disk_count : rt.floppy_count + 1;
    r->ax.x = 0;
    if (e->media != MEDIA_DISK) {
        r->bx.x = floppy_type[e->media];
        r->es = 0xF000;
        r->di.x = 0xEFC7;
    }
    disk_finish(r, DISK_OK);
}

/* The specification packet (figure 6). */
static void emulation_status(struct regs *r)
{
    const struct cd_emulation *e = &rt.emulation;
    uint16_t last = e->geometry.cylinders ? e->geometry.cylinders - 1 : 0;
    uint8_t p[0x13] = { sizeof(p), e->media, e->drive, rt.drive[e->cd].channel };
    far_write(r->ds, r->si.x, p, sizeof(p));
    far_put32(r->ds, r->si.x + 4U, e->image_lba);
    far_put16(r->ds, r->si.x + 8U, rt.drive[e->cd].unit);
    far_put16(r->ds, r->si.x + 0x0CU, e->load_segment);
    far_put16(r->ds, r->si.x + 0x0EU, e->sector_count);
    far_put8(r->ds, r->si.x + 0x10U, (uint8_t)last);
    far_put8(r->ds, r->si.x + 0x11U, (uint8_t)((last >> 2 & 0xC0) | e->geometry.sectors));
    far_put8(r->ds, r->si.x + 0x12U, (uint8_t)e->geometry.heads);
}

void cdrom_end_emulation(void)
{
    if (!rt.emulation.active)
        return;
    rt.emulation.active = false;
    if (rt.emulation.media == MEDIA_DISK) {
        rt.disk_shift--;
        BDA->disk_count--;
    } else if (!rt.floppy_count) {
        BDA->equipment &= ~0x0001;
    }
}

/* AH=4Bh: AL=0 ends the emulation of drive DL, AL=1 only tells; DL=7Fh: whatever there is. */
static void terminate(struct regs *r)
{
    if (r->ax.l > 1 || (r->dx.l != 0x7F && r->dx.l != rt.emulation.drive)) {
        disk_finish(r, DISK_BAD_COMMAND);
        return;
    }
    emulation_status(r);
    if (r->ax.l == 0)
        cdrom_end_emulation();
    disk_finish(r, DISK_OK);
}

static void emulated_drive(struct regs *r)
{
    switch (r->ax.h) {
    case 0x01: disk_last_status(r); break;
    case 0x00:
    case 0x09:
    case 0x0C:
    case 0x0D:
    case 0x10:
    case 0x11:
    case 0x14: disk_finish(r, DISK_OK); break;
    case 0x02: emulated_read(r, false); break;
    case 0x04: emulated_read(r, true); break;
    case 0x03:
    case 0x05: disk_finish(r, DISK_WRITE_PROTECTED); break;
    case 0x08: emulated_parameters(r); break;
    case 0x15:
        disk_finish(r, DISK_OK);
        r->ax.h = rt.emulation.media == MEDIA_DISK ? 3 : 1;
        if (rt.emulation.media == MEDIA_DISK) {
            r->cx.x = (uint16_t)(rt.emulation.sectors >> 16);
            r->dx.x = (uint16_t)rt.emulation.sectors;
        }
        break;
    default: disk_finish(r, DISK_BAD_COMMAND); break;
    }
}

bool cdrom_emulation_int13(struct regs *r)
{
    if (r->ax.h == 0x4B && rt.emulation.sector_count) {
        terminate(r);
        return true;
    }
    if (!rt.emulation.active || r->dx.l != rt.emulation.drive)
        return false;
    emulated_drive(r);
    return true;
}

/* ---- boot ---- */

static void begin_emulation(uint8_t cd, const struct eltorito *e, const uint8_t *boot_sector)
{
    struct cd_emulation *m = &rt.emulation;
    memset(m, 0, sizeof(*m));
    m->cd = cd;
    m->media = e->media;
    m->image_lba = e->lba;
    m->load_segment = e->segment;
    m->sector_count = e->count;
    m->drive = e->media == MEDIA_NONE ? CD_FIRST : e->media == MEDIA_DISK ? 0x80 : 0x00;
    for (uint8_t i = 0; e->media == MEDIA_NONE && i < rt.cd_count; i++) {
        if (rt.cd[i] == cd)
            m->drive = CD_FIRST + i;
    }
    if (e->media == MEDIA_NONE)
        return;
    m->geometry = eltorito_geometry(e->media, boot_sector);
    m->sectors = (uint32_t)m->geometry.cylinders * m->geometry.heads * m->geometry.sectors;
    m->active = true;
    if (e->media == MEDIA_DISK) {
        rt.disk_shift++;
        BDA->disk_count++;
    } else {
        BDA->equipment |= 0x0001;
    }
}

/* Loads the image: whole CD sectors first, the rest by a buffer. */
static uint8_t load_image(struct drive *d, const struct eltorito *e)
{
    uint32_t memory = (uint32_t)e->segment << 4, whole = e->count / 4, rest = e->count % 4, done,
             buffer;
    uint8_t status = whole ? cdrom_read(d, e->lba, whole, memory, &done) : DISK_OK;
    if (status || !rest)
        return status;
    memory += whole * ELTORITO_SECTOR;
    near_sector(&buffer);
    status = cdrom_read(d, e->lba + whole, 1, buffer, &done);
    write_linear(memory, sector, rest * 512);
    return status;
}

const char *cdrom_boot(uint8_t cd, uint8_t *drive, uint16_t *segment)
{
    struct drive *d = &rt.drive[cd];
    struct eltorito e;
    uint32_t buffer, done, catalog;
    uint8_t *data = near_sector(&buffer);
    uint8_t status = cdrom_capacity(d);
    if (status)
        return status == DISK_NO_MEDIA ? "no disc" : "drive not ready";
    if (cdrom_read(d, ELTORITO_RECORD_SECTOR, 1, buffer, &done))
        return "read error";
    catalog = eltorito_catalog(data);
    if (!catalog)
        return "not a bootable disc";
    if (catalog >= d->sectors || cdrom_read(d, catalog, 1, buffer, &done))
        return "boot catalogue cannot be read";
    const char *why = eltorito_entry(data, &e);
    if (why)
        return why;
    if (load_image(d, &e))
        return "boot image cannot be read";
    far_read(sector, e.segment, 0, 512);
    begin_emulation(cd, &e, sector);
    *drive = rt.emulation.drive;
    *segment = e.segment;
    return NULL;
}
