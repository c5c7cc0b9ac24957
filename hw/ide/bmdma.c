#include "hw/ide/bmdma.h"

#include "base/bytes.h"

#define PRD_SIZE      8
#define PRD_MAX_COUNT (0x10000 / PRD_SIZE)
#define PRD_LAST      0x80000000u

/* ---- The table ---- */

/* Reads the next descriptor; -1: there is none, or it can't be read. */
static int next_prd(struct bmdma *bm, struct bmdma_cursor *c)
{
    uint8_t prd[PRD_SIZE];

    if (c->count >= PRD_MAX_COUNT) {
        guest_fault(&bm->pci->dev, "a PRD table without an end at 0x%x", bm->bmidtpx);
        return -1;
    }
    if (pci_dma_read(bm->pci, c->next, prd, sizeof(prd)) < 0) {
        guest_fault(&bm->pci->dev, "a PRD at 0x%x, where there is no memory", c->next);
        return -1;
    }
    uint32_t flags = get_le32(prd + 4);
    c->addr = get_le32(prd) & ~1u;
    c->left = flags & 0xfffe;
    if (c->left == 0)
        c->left = 0x10000;
    c->last = (flags & PRD_LAST) != 0;
    c->next += PRD_SIZE;
    c->count++;
    return 0;
}

static void unmap_last(struct bmdma *bm, bool written)
{
    const struct iovec *v = &bm->iov[--bm->n];

    pci_dma_unmap(bm->pci, bm->before[bm->n].addr, v->iov_base, v->iov_len, written);
    bm->bytes -= v->iov_len;
}

/* Maps the next part of the current descriptor's memory. */
static int map_segment(struct bmdma *bm, struct bmdma_cursor *c, uint64_t wanted)
{
    uint64_t len = MIN(c->left, wanted);
    void *host = pci_dma_map(bm->pci, c->addr, &len, bm->to_memory);

    if (host == NULL) {
        guest_fault(&bm->pci->dev, "a PRD for 0x%x, where there is no memory", c->addr);
        return -1;
    }
    bm->before[bm->n] = *c;
    bm->iov[bm->n++] = (struct iovec){ host, len };
    bm->bytes += len;
    c->addr += (uint32_t)len;
    c->left -= (uint32_t)len;
    return 0;
}

/* Gives the last bytes back to the table. */
static void shorten(struct bmdma *bm, uint64_t excess)
{
    while (excess > 0) {
        uint64_t len = bm->iov[bm->n - 1].iov_len;
        unmap_last(bm, false);
        bm->after = bm->before[bm->n];
        if (len > excess && map_segment(bm, &bm->after, len - excess) < 0)
            return; /* one element fewer: the caller rounds again */
        excess -= MIN(excess, len);
    }
}

static bool at_end(const struct bmdma_cursor *c)
{
    return c->last && c->left == 0;
}

/*
 * Maps up to `wanted` bytes of the table's memory: a multiple of unit, or all of it. -1: nothing
 * could be mapped because of an address that is no memory.
 */
static int gather(struct bmdma *bm, uint64_t wanted, unsigned unit)
{
    struct bmdma_cursor *c = &bm->after;
    int rc = 0;

    *c = bm->cursor;
    while (bm->bytes < wanted && bm->n < BMDMA_MAX_SEGMENTS && rc == 0 && !at_end(c)) {
        if (c->left == 0)
            rc = next_prd(bm, c);
        if (rc == 0)
            rc = map_segment(bm, c, wanted - bm->bytes);
    }
    while (bm->bytes < wanted && bm->bytes % unit != 0)
        shorten(bm, bm->bytes % unit);
    return bm->bytes > 0 ? 0 : rc;
}

/* ---- The engine ---- */

/*
 * The rule of the datasheet's "Interrupt/Activity Status Combinations" comes of itself: the engine
 * is active until it has come to the table's end, and the interrupt is the drive's when it has no
 * more data. So a longer table leaves Active set beside the interrupt, and a shorter one clears it
 * while the drive still waits.
 */
void bmdma_run(struct bmdma *bm, struct ata_drive *drive)
{
    if ((bm->bmisx & BMDMA_ACTIVE) == 0 || bm->drive != NULL || ata_dma_left(drive) == 0)
        return;
    bm->to_memory = ata_dma_to_memory(drive);
    int rc = gather(bm, MIN(ata_dma_left(drive), ATA_DMA_MAX_BYTES), ata_dma_unit(drive));
    if (bm->bytes > 0) {
        bm->drive = drive;
        bm->superseded = false;
        ata_dma_start(drive, bm->iov, (int)bm->n, bm->bytes);
        return;
    }
    bm->bmisx &= (uint8_t)~BMDMA_ACTIVE;
    bm->bmisx |= rc < 0 ? BMDMA_ERROR : 0;
}

void bmdma_done(struct bmdma *bm, bool moved)
{
    while (bm->n > 0)
        unmap_last(bm, bm->to_memory);
    bm->drive = NULL;
    if (!moved || bm->superseded)
        return;
    bm->cursor = bm->after;
    if (at_end(&bm->cursor))
        bm->bmisx &= (uint8_t)~BMDMA_ACTIVE;
}

/* ---- Registers ---- */

enum { BMICX = 0, BMISX = 2, BMIDTPX = 4 };

uint8_t bmdma_read(const struct bmdma *bm, unsigned reg)
{
    switch (reg) {
    case BMICX: return bm->bmicx;
    case BMISX: return bm->bmisx;
    default: return reg >= BMIDTPX ? (uint8_t)(bm->bmidtpx >> 8 * (reg - BMIDTPX)) : 0xff;
    }
}

static void write_command(struct bmdma *bm, uint8_t value, struct ata_drive *drive)
{
    bool started = (value & ~bm->bmicx & BMDMA_START) != 0;

    bm->bmicx = value & (BMDMA_START | BMDMA_TO_MEMORY);
    if ((value & BMDMA_START) == 0)
        bm->bmisx &= (uint8_t)~BMDMA_ACTIVE; /* what the drive is moving it moves to its end */
    if (!started)
        return;
    bm->superseded = true;
    bm->cursor = (struct bmdma_cursor){ .next = bm->bmidtpx };
    bm->bmisx |= BMDMA_ACTIVE;
    if (drive != NULL)
        bmdma_run(bm, drive);
}

void bmdma_write(struct bmdma *bm, unsigned reg, uint8_t value, struct ata_drive *drive)
{
    unsigned shift = 8 * (reg - BMIDTPX);

    switch (reg) {
    case BMICX: write_command(bm, value, drive); break;
    case BMISX:
        bm->bmisx &= (uint8_t)(~BMDMA_CAPABLE & ~(value & (BMDMA_ERROR | BMDMA_INTERRUPT)));
        bm->bmisx |= value & BMDMA_CAPABLE;
        break;
    case BMIDTPX:
    case BMIDTPX + 1:
    case BMIDTPX + 2:
    case BMIDTPX + 3:
        bm->bmidtpx = (bm->bmidtpx & ~(0xffu << shift)) | ((uint32_t)value << shift);
        bm->bmidtpx &= ~3u;
        break;
    }
}

void bmdma_reset(struct bmdma *bm)
{
    bm->bmicx = bm->bmisx = 0;
    bm->bmidtpx = 0;
    bm->cursor = (struct bmdma_cursor){ 0 };
    bm->superseded = true;
}

static const struct state_field cursor_state[] = {
    STATE_FIELD(struct bmdma_cursor, next),
    STATE_FIELD(struct bmdma_cursor, addr),
    STATE_FIELD(struct bmdma_cursor, left, .max = 0x10000),
    STATE_FIELD(struct bmdma_cursor, last),
    STATE_FIELD(struct bmdma_cursor, count, .max = PRD_MAX_COUNT),
    {}
};

const struct state_field bmdma_state[] = { STATE_FIELD(struct bmdma, bmicx),
                                           STATE_FIELD(struct bmdma, bmisx),
                                           STATE_FIELD(struct bmdma, bmidtpx),
                                           STATE_SUB(struct bmdma, cursor, cursor_state),
                                           {} };
