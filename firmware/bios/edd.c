/*
 * INT 13h extensions.
 */
#include "edd.h"
#include "ata.h"
#include "bda.h"
#include "cdrom.h"
#include "disk.h"
#include "x86.h"

#define FLAT_BUFFER 0xFFFFFFFF /* in the packet: the 64-bit address at 10h counts */

/* AH=41h, CX: which functions there are. */
#define HAS_ACCESS  0x0001
#define HAS_LOCKING 0x0002
#define HAS_EDD     0x0004

struct packet {
    uint8_t size, reserved;
    uint16_t count;
    uint32_t buffer;
    uint64_t lba;
    uint64_t flat;
} __attribute__((packed));

/* Linear address of the packet's buffer; false: not below 4 GiB. */
static bool buffer_address(const struct packet *p, uint32_t *memory)
{
    if (p->size >= sizeof(*p) && p->buffer == FLAT_BUFFER) {
        *memory = (uint32_t)p->flat;
        return !(p->flat >> 32);
    }
    *memory = (p->buffer >> 16 << 4) + (p->buffer & 0xFFFF);
    return true;
}

/* The caller's packet, no more of it than there is: it may end with its segment. */
static bool get_packet(const struct regs *r, struct packet *p)
{
    uint8_t size = far_get8(r->ds, r->si.x);
    if (size < 0x10)
        return false;
    far_read(p, r->ds, r->si.x, size < sizeof(*p) ? 0x10 : sizeof(*p));
    return true;
}

static bool on_disk(const struct drive *d, const struct packet *p)
{
    return d->type != DRIVE_ATA || (p->lba < d->sectors && p->count <= d->sectors - p->lba);
}

static uint8_t transfer(struct regs *r, struct drive *d, enum disk_op op)
{
    struct packet p;
    uint32_t memory, done = 0;
    if (!get_packet(r, &p) || !buffer_address(&p, &memory))
        return DISK_BAD_COMMAND;
    if (!on_disk(d, &p)) {
        far_put16(r->ds, r->si.x + 2U, 0);
        return DISK_NOT_FOUND;
    }
    uint8_t status;
    if (d->type == DRIVE_ATAPI)
        status = op == OP_WRITE    ? DISK_WRITE_PROTECTED
                 : op == OP_VERIFY ? DISK_OK
                                   : cdrom_read(d, p.lba, p.count, memory, &done);
    else
        status = ata_transfer(d, op, p.lba, p.count, memory, &done);
    if (status || op != OP_VERIFY)
        far_put16(r->ds, r->si.x + 2U, (uint16_t)done);
    return status;
}

/* The drive finds its way by itself: the packet is only looked at. */
static uint8_t seek(const struct regs *r, const struct drive *d)
{
    struct packet p;
    if (!get_packet(r, &p))
        return DISK_BAD_COMMAND;
    return on_disk(d, &p) ? DISK_OK : DISK_NOT_FOUND;
}

static uint8_t parameters(struct regs *r, struct drive *d)
{
    uint8_t out[EDD_MAX], dpte[16];
    uint16_t size = far_get16(r->ds, r->si.x);
    if (size < 0x1A)
        return DISK_BAD_COMMAND;
    if (d->type == DRIVE_ATAPI && !d->sectors)
        cdrom_capacity(d);
    edd_dpte(dpte, d);
    far_write(BDA->ebda, EBDA_DPTE, dpte, sizeof(dpte));
    size = edd_parameters(out, size, d, (uint32_t)BDA->ebda << 16 | EBDA_DPTE);
    far_write(r->ds, r->si.x, out, size);
    return DISK_OK;
}

static void installation_check(struct regs *r, const struct drive *d)
{
    if (r->bx.x != 0x55AA) {
        disk_finish(r, DISK_BAD_COMMAND);
        return;
    }
    disk_finish(r, DISK_OK);
    r->bx.x = 0xAA55;
    r->ax.h = 0x30; /* EDD 3.0 */
    r->cx.x = HAS_ACCESS | HAS_EDD | (d->removable ? HAS_LOCKING : 0);
}

bool edd_int13(struct regs *r, struct drive *d)
{
    switch (r->ax.h) {
    case 0x41: installation_check(r, d); break;
    case 0x42: disk_finish(r, transfer(r, d, OP_READ)); break;
    case 0x43: disk_finish(r, r->ax.l > 2 ? DISK_BAD_COMMAND : transfer(r, d, OP_WRITE)); break;
    case 0x44: disk_finish(r, transfer(r, d, OP_VERIFY)); break;
    case 0x47: disk_finish(r, seek(r, d)); break;
    case 0x48: disk_finish(r, parameters(r, d)); break;
    case 0x4E: /* hardware configuration: prefetch and PIO/DMA mode are what they are */
        disk_finish(r, r->ax.l > 6 ? DISK_BAD_COMMAND : DISK_OK);
        r->ax.l = 0; /* other drives are not affected */
        break;
    default: return false;
    }
    return true;
}
