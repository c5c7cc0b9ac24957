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

static uint8_t transfer(struct regs *r, struct drive *d, enum disk_op op)
{
    struct packet p;
    uint32_t memory, done = 0;
    far_read(&p, r->ds, r->si.x, sizeof(p));
    if (p.size < 0x10 || !buffer_address(&p, &memory))
        return DISK_BAD_COMMAND;
    if (d->type == DRIVE_ATA && (p.lba >= d->sectors || p.count > d->sectors - p.lba)) {
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

static void installation_check(struct regs *r)
{
    if (r->bx.x != 0x55AA) {
        disk_finish(r, DISK_BAD_COMMAND);
        return;
    }
    disk_finish(r, DISK_OK);
    r->bx.x = 0xAA55;
    r->ax.h = 0x30;   /* EDD 3.0 */
    r->cx.x = 0x0007; /* access, removable, EDD */
}

bool edd_int13(struct regs *r, struct drive *d)
{
    switch (r->ax.h) {
    case 0x41: installation_check(r); break;
    case 0x42: disk_finish(r, transfer(r, d, OP_READ)); break;
    case 0x43: disk_finish(r, r->ax.l > 2 ? DISK_BAD_COMMAND : transfer(r, d, OP_WRITE)); break;
    case 0x44: disk_finish(r, transfer(r, d, OP_VERIFY)); break;
    case 0x47: disk_finish(r, DISK_OK); break;
    case 0x48: disk_finish(r, parameters(r, d)); break;
    case 0x4E: /* hardware configuration: prefetch and PIO/DMA mode are what they are */
        disk_finish(r, r->ax.l > 6 ? DISK_BAD_COMMAND : DISK_OK);
        r->ax.l = 0; /* other drives are not affected */
        break;
    default: return false;
    }
    return true;
}
