/*
 * Data phases: DRQ blocks of the sector buffer, DMA straight to the medium, and what the medium
 * does meanwhile. Nothing here waits: the medium's answer comes to ata_op_done() later.
 */
#include <string.h>

#include "hw/ide/ata_internal.h"

/* ---- The medium's work ---- */

static uint32_t fetch_sectors(const struct ata_drive *d)
{
    unsigned bytes = d->packet ? atapi_sector_bytes(d) : d->sector_size;

    return MIN(d->left, ATA_BUFFER_SIZE / bytes);
}

static void hand_to_medium(struct ata_drive *d, bool write, const struct iovec *iov, int n,
                           uint64_t bytes)
{
    uint64_t offset = d->lba * d->sector_size;

    d->in_flight = true;
    d->in_flight_bytes = (uint32_t)bytes;
    if (write)
        block_write(d->medium, offset, bytes, iov, n, d->write_cache ? 0 : BLOCK_REQ_FUA,
                    ata_op_done, d);
    else
        block_read(d->medium, offset, bytes, iov, n, ata_op_done, d);
}

static void move_buffer(struct ata_drive *d, bool write)
{
    d->iov.iov_base = d->buffer;
    d->iov.iov_len = write ? d->length : (size_t)fetch_sectors(d) * d->sector_size;
    hand_to_medium(d, write, &d->iov, 1, d->iov.iov_len);
}

static void dma_ready(struct ata_drive *d)
{
    d->phase = ATA_PHASE_DMA;
    d->op = ATA_OP_DMA;
    if (d->port_ops != NULL)
        d->port_ops->dma_ready(d->port);
}

void ata_start_op(struct ata_drive *d)
{
    d->status = ATA_STATUS_BSY;
    switch (d->op) {
    case ATA_OP_FETCH: move_buffer(d, false); break;
    case ATA_OP_STORE: move_buffer(d, true); break;
    case ATA_OP_DMA: dma_ready(d); break;
    case ATA_OP_FLUSH:
        d->in_flight = true;
        block_flush(d->medium, ata_op_done, d);
        break;
    case ATA_OP_TRIM: ata_trim_next(d); break;
    default: break;
    }
}

static void start(struct ata_drive *d, enum ata_op op)
{
    d->op = op;
    d->phase = ATA_PHASE_NONE;
    ata_start_op(d);
}

/* A completion that needs no medium: also later, and on the main loop. */
static gboolean deferred_done(gpointer opaque)
{
    struct ata_drive *d = opaque;

    d->deferred = 0;
    ata_op_done(d, 0);
    return G_SOURCE_REMOVE;
}

void ata_drain(struct ata_drive *d)
{
    /* One completion can start the next part of the same command: which is bounded. */
    while (d->in_flight) {
        if (d->deferred != 0) {
            g_source_remove(d->deferred);
            deferred_done(d);
        } else {
            block_drain(block_user_node(d->medium));
        }
    }
}

/* ---- Its answers ---- */

static void fetched(struct ata_drive *d)
{
    uint32_t n = fetch_sectors(d);

    d->lba += n;
    d->left -= n;
    d->at = 0;
    d->length = d->packet ? atapi_fetched(d, n) : n * d->sector_size;
    if (d->packet && atapi_by_dma(d)) {
        dma_ready(d);
        return;
    }
    d->phase = ATA_PHASE_IN;
    d->op = ATA_OP_NONE;
    ata_next_block(d, true);
}

static void take_next(struct ata_drive *d, bool interrupt)
{
    d->op = ATA_OP_NONE;
    d->phase = ATA_PHASE_OUT;
    d->at = 0;
    d->length = MIN(d->left, ATA_BUFFER_SIZE / ATA_SECTOR) * ATA_SECTOR;
    ata_next_block(d, interrupt);
}

static void stored(struct ata_drive *d)
{
    uint32_t n = d->length / ATA_SECTOR;

    d->lba += n;
    d->left -= MIN(n, d->left);
    if (d->left > 0)
        take_next(d, true);
    else
        ata_complete(d);
}

static void start_trim(struct ata_drive *d)
{
    d->at = 0;
    start(d, ATA_OP_TRIM);
}

static void complete(struct ata_drive *d)
{
    if (d->packet)
        atapi_complete(d);
    else
        ata_complete(d);
}

static void dma_moved(struct ata_drive *d)
{
    if (d->length > 0) {
        d->at += d->in_flight_bytes;
    } else {
        uint32_t n = d->in_flight_bytes / d->sector_size;
        d->lba += n;
        d->left -= MIN(n, d->left);
    }
    if (ata_dma_left(d) > 0)
        dma_ready(d);
    else if (d->command == ATA_DATA_SET_MANAGEMENT)
        start_trim(d);
    else if (d->left > 0)
        start(d, ATA_OP_FETCH);
    else
        complete(d);
}

static bool op_reads(const struct ata_drive *d)
{
    return d->op == ATA_OP_FETCH || (d->op == ATA_OP_DMA && ata_dma_to_memory(d));
}

static void report(struct ata_drive *d, int error)
{
    bool reads = op_reads(d);

    if (d->packet) {
        atapi_medium_error(d, error);
        return;
    }
    if (d->op != ATA_OP_FLUSH && d->op != ATA_OP_TRIM)
        ata_put_lba(d, d->lba, ata_command_is_ext(d->command));
    ata_fail(d, reads ? ATA_ERROR_UNC : ATA_ERROR_ABRT);
}

/* The clock stands still with the machine, so the timer expires when the machine goes on. */
static void stop_and_retry(struct ata_drive *d)
{
    const struct services *s = d->dev.services;

    if (s->io_error != NULL)
        s->io_error(s->opaque);
    timer_set(&d->retry, clock_now(s->clock));
}

static void continue_op(struct ata_drive *d)
{
    switch (d->op) {
    case ATA_OP_FETCH: fetched(d); break;
    case ATA_OP_STORE: stored(d); break;
    case ATA_OP_DMA: dma_moved(d); break;
    case ATA_OP_TRIM:
        d->at += ATA_TRIM_ENTRY;
        ata_trim_next(d);
        break;
    case ATA_OP_RESET:
        if (d->reset_later)
            ata_soft_reset(d);
        break;
    default: complete(d); break;
    }
}

static enum block_error_action judge(struct ata_drive *d, int ret)
{
    if (ret == 0 || d->op == ATA_OP_RESET)
        return BLOCK_ERROR_IGNORE;
    return block_error_policy(block_user_node(d->medium), op_reads(d), ret);
}

void ata_op_done(void *opaque, int ret)
{
    struct ata_drive *d = opaque;
    enum block_error_action action = judge(d, ret);

    d->in_flight = false;
    if (d->dma_iov != NULL) {
        d->dma_iov = NULL;
        if (d->port_ops != NULL)
            d->port_ops->dma_done(d->port, action == BLOCK_ERROR_IGNORE);
    }
    switch (action) {
    case BLOCK_ERROR_IGNORE: continue_op(d); break;
    case BLOCK_ERROR_STOP: stop_and_retry(d); break;
    case BLOCK_ERROR_REPORT: report(d, ret); break;
    }
}

/* ---- DMA ---- */

uint64_t ata_dma_left(const struct ata_drive *d)
{
    if (d->phase != ATA_PHASE_DMA || d->in_flight || timer_armed(&d->retry))
        return 0;
    return d->length > 0 ? d->length - d->at : (uint64_t)d->left * d->sector_size;
}

bool ata_dma_to_memory(const struct ata_drive *d)
{
    return d->packet || !ata_command_writes(d->command);
}

unsigned ata_dma_unit(const struct ata_drive *d)
{
    return d->length > 0 ? 1 : d->sector_size;
}

static void copy_buffer(struct ata_drive *d, const struct iovec *iov, int n, uint64_t bytes)
{
    uint8_t *at = d->buffer + d->at;
    bool to_memory = ata_dma_to_memory(d);

    for (int i = 0; i < n && bytes > 0; i++) {
        size_t part = MIN(iov[i].iov_len, bytes);
        if (to_memory)
            memcpy(iov[i].iov_base, at, part);
        else
            memcpy(at, iov[i].iov_base, part);
        at += part;
        bytes -= part;
    }
}

void ata_dma_start(struct ata_drive *d, const struct iovec *iov, int n, uint64_t bytes)
{
    d->dma_iov = iov;
    if (d->length > 0) {
        copy_buffer(d, iov, n, bytes);
        d->in_flight = true;
        d->in_flight_bytes = (uint32_t)bytes;
        d->deferred = g_idle_add_full(G_PRIORITY_DEFAULT, deferred_done, d, NULL);
    } else {
        hand_to_medium(d, !ata_dma_to_memory(d), iov, n, bytes);
    }
}

/* ---- PIO ---- */

void ata_next_block(struct ata_drive *d, bool interrupt)
{
    d->end = MIN(d->at + d->block, d->length);
    d->status = ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_DRQ;
    if (d->packet)
        atapi_block_registers(d);
    if (interrupt)
        ata_set_intrq(d, true);
}

/* The buffer was read to its end. ATA-7 volume 2, 11.5: no interrupt after the last block. */
static void buffer_sent(struct ata_drive *d)
{
    if (d->left > 0) {
        start(d, ATA_OP_FETCH);
    } else if (d->packet && d->command == ATA_PACKET) {
        atapi_complete(d);
    } else {
        d->phase = ATA_PHASE_NONE;
        d->at = d->end = d->length = 0;
        d->error = 0;
        d->status = ATA_STATUS_DRDY | ATA_STATUS_DSC;
    }
}

static void buffer_taken(struct ata_drive *d)
{
    if (d->phase == ATA_PHASE_PACKET)
        atapi_packet(d);
    else
        start(d, ATA_OP_STORE);
}

void ata_block_moved(struct ata_drive *d)
{
    if (d->at < d->length)
        ata_next_block(d, true);
    else if (d->phase == ATA_PHASE_IN)
        buffer_sent(d);
    else
        buffer_taken(d);
}

void ata_send_buffer(struct ata_drive *d, uint32_t bytes, uint32_t block)
{
    d->phase = ATA_PHASE_IN;
    d->at = d->left = 0;
    d->length = bytes;
    d->block = block;
    ata_next_block(d, true);
}

void ata_exchange_by_dma(struct ata_drive *d, uint32_t bytes)
{
    d->at = d->left = 0;
    d->length = bytes;
    start(d, ATA_OP_DMA);
}

/* ---- Beginnings ---- */

void ata_start_transfer(struct ata_drive *d, enum ata_transfer way, uint64_t lba, uint32_t count,
                        uint32_t block)
{
    d->lba = lba;
    d->left = count;
    d->block = block;
    d->length = d->at = d->end = 0;
    switch (way) {
    case ATA_PIO_IN: start(d, ATA_OP_FETCH); break;
    case ATA_PIO_OUT: take_next(d, false); break;
    default: start(d, ATA_OP_DMA); break;
    }
}

void ata_start_flush(struct ata_drive *d)
{
    start(d, ATA_OP_FLUSH);
}
