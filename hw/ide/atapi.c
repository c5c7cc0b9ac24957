/*
 * The PACKET protocol, sense data, and the tray.
 */
#include "hw/ide/atapi.h"

#include <errno.h>
#include <string.h>

#include "hw/ide/ata_internal.h"

#define FEATURE_DMA     0x01
#define FEATURE_OVERLAP 0x02

bool atapi_ready(const struct ata_drive *d)
{
    return d->sectors > 0 && !d->atapi.tray_open;
}

/* ---- Packets and their data ---- */

void atapi_begin(struct ata_drive *d)
{
    uint32_t limit = (uint32_t)d->lba_high.now << 8 | d->lba_mid.now;

    if ((d->features.now & FEATURE_OVERLAP) != 0) {
        ata_abort(d);
        return;
    }
    d->atapi.by_dma = (d->features.now & FEATURE_DMA) != 0;
    d->atapi.byte_limit = limit & ~1u;
    d->phase = ATA_PHASE_PACKET;
    d->at = d->left = 0;
    d->length = d->block = ATAPI_PACKET_SIZE;
    ata_next_block(d, false);
}

void atapi_packet(struct ata_drive *d)
{
    memcpy(d->atapi.packet, d->buffer, ATAPI_PACKET_SIZE);
    log_trace(&d->dev.trace, "%s: packet=%02x %02x %02x%02x%02x%02x %02x%02x%02x%02x", d->dev.id,
              d->buffer[0], d->buffer[1], d->buffer[2], d->buffer[3], d->buffer[4], d->buffer[5],
              d->buffer[6], d->buffer[7], d->buffer[8], d->buffer[9]);
    d->phase = ATA_PHASE_NONE;
    d->at = d->end = d->length = 0;
    d->atapi.raw = false;
    atapi_execute(d);
}

unsigned atapi_sector_bytes(const struct ata_drive *d)
{
    return d->atapi.raw ? ATAPI_RAW_SECTOR : ATAPI_SECTOR;
}

bool atapi_by_dma(const struct ata_drive *d)
{
    return d->atapi.by_dma;
}

void atapi_block_registers(struct ata_drive *d)
{
    uint32_t bytes = d->end - d->at;

    if (d->command != ATA_PACKET)
        return;
    if (d->phase == ATA_PHASE_PACKET) {
        d->count.now = ATA_REASON_COD;
        return;
    }
    d->count.now = ATA_REASON_IO;
    d->lba_mid.now = (uint8_t)bytes;
    d->lba_high.now = (uint8_t)(bytes >> 8);
}

void atapi_reply(struct ata_drive *d, uint32_t size, uint32_t allocated)
{
    uint32_t bytes = MIN(size, allocated);

    if (bytes == 0) {
        atapi_complete(d);
    } else if (d->atapi.by_dma) {
        ata_exchange_by_dma(d, bytes);
    } else {
        ata_send_buffer(d, bytes, MIN(bytes, d->atapi.byte_limit));
    }
}

/* Whole sectors in a DRQ block, as far as the host's limit lets them. */
static unsigned block_bytes(const struct ata_drive *d)
{
    uint32_t limit = d->atapi.byte_limit, sector = atapi_sector_bytes(d);

    return limit >= sector ? limit - limit % sector : limit;
}

void atapi_read_sectors(struct ata_drive *d, uint64_t lba, uint32_t count, bool raw)
{
    bool direct = d->atapi.by_dma && !raw;

    if (lba > d->sectors || count > d->sectors - lba) {
        atapi_check(d, ATAPI_BAD_ADDRESS);
        return;
    }
    if (count == 0) {
        atapi_complete(d);
        return;
    }
    d->atapi.raw = raw;
    ata_start_transfer(d, direct ? ATA_DMA_IN : ATA_PIO_IN, lba, count, block_bytes(d));
}

static uint8_t bcd(uint32_t n)
{
    return (uint8_t)(n / 10 << 4 | n % 10);
}

/*
 * A mode 1 sector (ECMA-130, clause 14): sync, address, data. The medium has no error correction
 * data; they read as zeroes.
 */
static void make_raw_sector(uint8_t *raw, const uint8_t *data, uint64_t lba)
{
    uint32_t frame = (uint32_t)lba + 150; /* two seconds of pregap */

    memmove(raw + 16, data, ATAPI_SECTOR);
    memset(raw + 16 + ATAPI_SECTOR, 0, ATAPI_RAW_SECTOR - 16 - ATAPI_SECTOR);
    raw[0] = 0;
    memset(raw + 1, 0xff, 10);
    raw[11] = 0;
    raw[12] = bcd(frame / 75 / 60);
    raw[13] = bcd(frame / 75 % 60);
    raw[14] = bcd(frame % 75);
    raw[15] = 1;
}

/* Called after d->lba has moved on. From the last to the first: they grow where they are. */
uint32_t atapi_fetched(struct ata_drive *d, uint32_t n)
{
    if (!d->atapi.raw)
        return n * ATAPI_SECTOR;
    for (uint32_t i = n; i-- > 0;)
        make_raw_sector(d->buffer + (size_t)i * ATAPI_RAW_SECTOR,
                        d->buffer + (size_t)i * ATAPI_SECTOR, d->lba - n + i);
    return n * ATAPI_RAW_SECTOR;
}

/* ---- Ends ---- */

void atapi_complete(struct ata_drive *d)
{
    d->count.now = ATA_REASON_COD | ATA_REASON_IO;
    ata_complete(d);
}

void atapi_check(struct ata_drive *d, uint32_t sense)
{
    d->atapi.sense_key = (uint8_t)(sense >> 16);
    d->atapi.asc = (uint8_t)(sense >> 8);
    d->atapi.ascq = (uint8_t)sense;
    d->count.now = ATA_REASON_COD | ATA_REASON_IO;
    ata_fail(d, (uint8_t)(d->atapi.sense_key << 4 | ATA_ERROR_ABRT));
}

void atapi_medium_error(struct ata_drive *d, int error)
{
    atapi_check(d, ATAPI_READ_ERROR);
}

/* ---- The tray ---- */

void atapi_move_tray(struct ata_drive *d, bool open)
{
    struct atapi *a = &d->atapi;

    if (a->tray_open == open)
        return;
    a->tray_open = open;
    if (open) {
        a->locked = false;
        a->event = ATAPI_MEDIA_REMOVAL;
        a->change = ATAPI_SAME;
    } else if (d->medium != NULL) {
        a->event = ATAPI_NEW_MEDIA;
        a->change = ATAPI_OLD_GONE;
    }
    if (d->drive != NULL)
        block_drive_tray_moved(d->drive, open);
}

/*
 * A command that still wants something of the medium ends now: the medium never answered it (the
 * machine was stopped over that), or the host has not yet fetched the sectors before.
 */
static void abandon_command(struct ata_drive *d)
{
    ata_drain(d);
    if (timer_armed(&d->retry) || (d->left > 0 && d->op != ATA_OP_RESET)) {
        timer_cancel(&d->retry);
        atapi_check(d, ATAPI_NO_MEDIUM_OPEN);
    }
}

static int open_tray(void *opaque, bool force)
{
    struct ata_drive *d = opaque;

    if (d->atapi.locked && !d->atapi.tray_open && !force) {
        d->atapi.event = ATAPI_EJECT_REQUEST;
        return -EBUSY;
    }
    abandon_command(d);
    atapi_move_tray(d, true);
    return 0;
}

static void close_tray(void *opaque)
{
    atapi_move_tray(opaque, false);
}

static void set_medium(void *opaque, struct block_node *node)
{
    struct ata_drive *d = opaque;

    abandon_command(d);
    ata_set_medium(d, node);
}

static bool is_open(void *opaque)
{
    const struct ata_drive *d = opaque;

    return d->atapi.tray_open;
}

static bool is_locked(void *opaque)
{
    const struct ata_drive *d = opaque;

    return d->atapi.locked;
}

const struct block_tray_ops atapi_tray_ops = {
    .sector_size = ATAPI_SECTOR,
    .open = open_tray,
    .close = close_tray,
    .set_medium = set_medium,
    .is_open = is_open,
    .is_locked = is_locked,
};

void atapi_reset(struct ata_drive *d)
{
    struct atapi *a = &d->atapi;

    a->sense_key = a->asc = a->ascq = 0;
    a->locked = false;
    a->change = ATAPI_SAME;
    a->event = ATAPI_NO_EVENT;
    a->by_dma = a->raw = false;
    a->byte_limit = 0;
    memset(a->packet, 0, sizeof(a->packet));
}

const struct state_field atapi_state[] = {
    STATE_ARRAY(struct atapi, packet),
    STATE_FIELD(struct atapi, sense_key, .max = 15),
    STATE_FIELD(struct atapi, asc),
    STATE_FIELD(struct atapi, ascq),
    STATE_FIELD(struct atapi, by_dma),
    STATE_FIELD(struct atapi, raw),
    STATE_FIELD(struct atapi, byte_limit, .max = 0xffff),
    STATE_FIELD(struct atapi, tray_open),
    STATE_FIELD(struct atapi, locked),
    STATE_FIELD(struct atapi, change, .max = ATAPI_N_CHANGES - 1),
    STATE_FIELD(struct atapi, event, .max = ATAPI_N_EVENTS - 1),
    {}
};
