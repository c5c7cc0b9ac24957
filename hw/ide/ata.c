/*
 * Registers, interrupt, resets and the life of a drive.
 */
#include "hw/ide/ata.h"

#include <string.h>

#include "base/bytes.h"
#include "hw/ide/ata_internal.h"

void ata_set_port(struct ata_drive *d, const struct ata_port_ops *ops, void *port)
{
    d->port_ops = ops;
    d->port = port;
}

/* ---- Ends of commands ---- */

bool ata_intrq(const struct ata_drive *d)
{
    return d->intrq;
}

void ata_set_intrq(struct ata_drive *d, bool level)
{
    d->intrq = level;
    if (d->port_ops != NULL)
        d->port_ops->intrq(d->port);
}

static void end_command(struct ata_drive *d, uint8_t status)
{
    d->op = ATA_OP_NONE;
    d->phase = ATA_PHASE_NONE;
    d->left = d->at = d->end = d->length = 0;
    d->status = status;
    ata_set_intrq(d, true);
}

void ata_complete(struct ata_drive *d)
{
    d->error = 0;
    end_command(d, ATA_STATUS_DRDY | ATA_STATUS_DSC);
}

void ata_fail(struct ata_drive *d, uint8_t error)
{
    d->error = error;
    end_command(d, ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_ERR);
}

void ata_abort(struct ata_drive *d)
{
    ata_fail(d, ATA_ERROR_ABRT);
}

/* ---- Registers ---- */

static uint8_t half(const struct ata_drive *d, struct ata_pair pair)
{
    return (d->control & ATA_CONTROL_HOB) != 0 ? pair.previous : pair.now;
}

uint8_t ata_alternate_status(const struct ata_drive *d)
{
    return d->status;
}

uint8_t ata_read(struct ata_drive *d, unsigned reg)
{
    switch (reg) {
    case ATA_ERROR: return d->error;
    case ATA_COUNT: return half(d, d->count);
    case ATA_LBA_LOW: return half(d, d->lba_low);
    case ATA_LBA_MID: return half(d, d->lba_mid);
    case ATA_LBA_HIGH: return half(d, d->lba_high);
    case ATA_DEVICE: return d->device;
    default:
        if (d->intrq)
            ata_set_intrq(d, false);
        return d->status;
    }
}

static void push(struct ata_pair *pair, uint8_t value)
{
    pair->previous = pair->now;
    pair->now = value;
}

void ata_write(struct ata_drive *d, unsigned reg, uint8_t value)
{
    if ((d->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0)
        return; /* ATA-7 volume 2, 6.2: such writes have no defined effect */
    d->control &= (uint8_t)~ATA_CONTROL_HOB; /* any write to the command block clears it */
    switch (reg) {
    case ATA_FEATURES: push(&d->features, value); break;
    case ATA_COUNT: push(&d->count, value); break;
    case ATA_LBA_LOW: push(&d->lba_low, value); break;
    case ATA_LBA_MID: push(&d->lba_mid, value); break;
    case ATA_LBA_HIGH: push(&d->lba_high, value); break;
    case ATA_DEVICE: d->device = value; break;
    }
}

/* ---- Resets (ATA-7 volume 2, clauses 11.2 and 11.3) ---- */

static void set_pair(struct ata_pair *pair, uint8_t value)
{
    pair->now = value;
    pair->previous = 0;
}

void ata_signature(struct ata_drive *d)
{
    set_pair(&d->count, 0x01);
    set_pair(&d->lba_low, 0x01);
    set_pair(&d->lba_mid, d->packet ? 0x14 : 0);
    set_pair(&d->lba_high, d->packet ? 0xeb : 0);
    d->device = 0;
}

void ata_soft_reset(struct ata_drive *d)
{
    d->op = ATA_OP_NONE;
    d->phase = ATA_PHASE_NONE;
    d->left = d->at = d->end = d->length = 0;
    d->reset_later = false;
    timer_cancel(&d->retry);
    d->error = 0x01; /* the diagnostic found nothing */
    ata_signature(d);
    /* A packet device becomes ready by its first packet command. */
    d->status = d->packet ? 0 : ATA_STATUS_DRDY | ATA_STATUS_DSC;
    ata_set_intrq(d, false);
}

/* The medium can't be called back: the drive stays busy until it has let go of guest memory. */
static void begin_reset(struct ata_drive *d)
{
    d->op = ATA_OP_RESET;
    d->phase = ATA_PHASE_NONE;
    d->status = ATA_STATUS_BSY;
    timer_cancel(&d->retry);
    ata_set_intrq(d, false);
}

static void finish_reset(struct ata_drive *d)
{
    d->reset_later = d->in_flight;
    if (!d->in_flight)
        ata_soft_reset(d);
}

void ata_control(struct ata_drive *d, uint8_t value)
{
    uint8_t changed = d->control ^ value;

    d->control = value;
    if ((changed & ATA_CONTROL_SRST) == 0)
        return;
    d->reset_later = false;
    if ((value & ATA_CONTROL_SRST) != 0)
        begin_reset(d);
    else
        finish_reset(d);
}

/* ---- Commands ---- */

#define CMD_DEVICE_RESET 0x08

void ata_command(struct ata_drive *d, uint8_t command)
{
    bool busy = (d->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0;

    if (command == CMD_DEVICE_RESET && d->packet && (d->control & ATA_CONTROL_SRST) == 0) {
        begin_reset(d);
        finish_reset(d);
        return;
    }
    if (busy)
        return;
    log_trace(&d->dev.trace,
              "%s: command=0x%02x features=0x%02x count=0x%02x lba=%02x%02x%02x"
              " device=0x%02x",
              d->dev.id, command, d->features.now, d->count.now, d->lba_high.now, d->lba_mid.now,
              d->lba_low.now, d->device);
    d->control &= (uint8_t)~ATA_CONTROL_HOB;
    d->command = command;
    d->intrq = false;
    if (d->port_ops != NULL)
        d->port_ops->intrq(d->port);
    ata_execute(d);
}

void ata_diagnostic(struct ata_drive *d, bool interrupt)
{
    if ((d->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0)
        return;
    ata_soft_reset(d);
    if (interrupt)
        ata_set_intrq(d, true);
}

/* ---- The data port ---- */

/* Only at the odd end of a block, which is two bytes short of a dword. */
static uint32_t read_short(struct ata_drive *d, unsigned size)
{
    uint32_t value = UINT32_MAX;

    if (d->phase != ATA_PHASE_IN)
        return value;
    for (unsigned i = 0; i < size && d->at < d->end; i++, d->at++)
        value = (value & ~(0xffu << 8 * i)) | (uint32_t)d->buffer[d->at] << 8 * i;
    if (d->at == d->end)
        ata_block_moved(d);
    return value;
}

uint32_t ata_data_read(struct ata_drive *d, unsigned size)
{
    if (G_UNLIKELY(d->phase != ATA_PHASE_IN || d->end - d->at < size))
        return read_short(d, size);
    uint32_t value = (uint32_t)get_le(d->buffer + d->at, size);
    d->at += size;
    if (d->at == d->end)
        ata_block_moved(d);
    return value;
}

void ata_data_write(struct ata_drive *d, uint32_t value, unsigned size)
{
    if (d->phase != ATA_PHASE_OUT && d->phase != ATA_PHASE_PACKET)
        return;
    uint32_t n = MIN(size, d->end - d->at);
    for (uint32_t i = 0; i < n; i++)
        d->buffer[d->at + i] = (uint8_t)(value >> 8 * i);
    d->at += n;
    if (d->at == d->end)
        ata_block_moved(d);
}
