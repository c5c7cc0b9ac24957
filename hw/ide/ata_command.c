/*
 * The commands of ATA-7 volume 1, clause 6, and DATA SET MANAGEMENT of ATA8-ACS. What is not in
 * the table is aborted.
 */
#include "base/bytes.h"
#include "hw/ide/ata_internal.h"

#define SMART_COMMAND 0xb0

enum {
    DISK = 1 << 0, /* which kind of drive has the command */
    CD = 1 << 1,
    EXT = 1 << 2, /* 48-bit addresses and counts */
    WRITES = 1 << 3,
    BY_DMA = 1 << 4,
    MULTIPLE = 1 << 5,
};

struct ata_command {
    void (*run)(struct ata_drive *d, unsigned flags);
    unsigned flags;
};

static const struct ata_command commands[256];

bool ata_command_is_ext(uint8_t command)
{
    return (commands[command].flags & EXT) != 0;
}

bool ata_command_writes(uint8_t command)
{
    return (commands[command].flags & WRITES) != 0;
}

/* ---- Addresses ---- */

static uint64_t chs_to_lba(const struct ata_drive *d)
{
    unsigned cylinder = d->lba_high.now << 8 | d->lba_mid.now, head = d->device & 0x0f;
    unsigned sector = d->lba_low.now;

    if (sector == 0 || sector > d->sectors_per_track || head >= d->heads)
        return UINT64_MAX;
    return ((uint64_t)cylinder * d->heads + head) * d->sectors_per_track + sector - 1;
}

uint64_t ata_get_lba(const struct ata_drive *d, bool ext)
{
    uint64_t low = (uint64_t)d->lba_high.now << 16 | d->lba_mid.now << 8 | d->lba_low.now;

    if (ext)
        return low | (uint64_t)d->lba_low.previous << 24 | (uint64_t)d->lba_mid.previous << 32 |
               (uint64_t)d->lba_high.previous << 40;
    if ((d->device & ATA_DEVICE_LBA) != 0)
        return low | (uint64_t)(d->device & 0x0f) << 24;
    return chs_to_lba(d);
}

static void put_head(struct ata_drive *d, unsigned head)
{
    d->device = (uint8_t)((d->device & 0xf0) | (head & 0x0f));
}

void ata_put_lba(struct ata_drive *d, uint64_t lba, bool ext)
{
    uint64_t low = lba;

    if (!ext && (d->device & ATA_DEVICE_LBA) == 0) {
        uint64_t track = lba / d->sectors_per_track;
        low = track / d->heads << 8 | (lba % d->sectors_per_track + 1);
        put_head(d, (unsigned)(track % d->heads));
    } else if (!ext) {
        put_head(d, (unsigned)(lba >> 24));
    }
    d->lba_low.now = (uint8_t)low;
    d->lba_mid.now = (uint8_t)(low >> 8);
    d->lba_high.now = (uint8_t)(low >> 16);
    if (ext) {
        d->lba_low.previous = (uint8_t)(lba >> 24);
        d->lba_mid.previous = (uint8_t)(lba >> 32);
        d->lba_high.previous = (uint8_t)(lba >> 40);
    }
}

static uint32_t get_count(const struct ata_drive *d, unsigned flags)
{
    uint32_t count = d->count.now;

    if ((flags & EXT) == 0)
        return count != 0 ? count : 256;
    count |= (uint32_t)d->count.previous << 8;
    return count != 0 ? count : 65536;
}

/* Address and count of a command; false: they are not on the disk, and the command has failed. */
static bool get_range(struct ata_drive *d, unsigned flags, uint64_t *lba, uint32_t *count)
{
    *lba = ata_get_lba(d, (flags & EXT) != 0);
    *count = get_count(d, flags);
    if (*lba < d->sectors && *count <= d->sectors - *lba)
        return true;
    ata_fail(d, ATA_ERROR_IDNF);
    return false;
}

/* ---- Reading and writing ---- */

static void transfer(struct ata_drive *d, unsigned flags)
{
    unsigned block = (flags & MULTIPLE) != 0 ? d->multiple : 1;
    bool writes = (flags & WRITES) != 0;
    uint64_t lba;
    uint32_t count;

    if (block == 0 || (writes && block_read_only(block_user_node(d->medium)))) {
        ata_abort(d);
        return;
    }
    if (!get_range(d, flags, &lba, &count))
        return;
    d->power_mode = ATA_POWER_ACTIVE;
    if ((flags & BY_DMA) != 0)
        ata_start_transfer(d, writes ? ATA_DMA_OUT : ATA_DMA_IN, lba, count, ATA_SECTOR);
    else
        ata_start_transfer(d, writes ? ATA_PIO_OUT : ATA_PIO_IN, lba, count, block * ATA_SECTOR);
}

/* The medium has no weak sectors: an address that is there can be read. */
static void verify(struct ata_drive *d, unsigned flags)
{
    uint64_t lba;
    uint32_t count;

    if (!get_range(d, flags, &lba, &count))
        return;
    d->power_mode = ATA_POWER_ACTIVE; /* it is what Linux wakes a disk by */
    ata_complete(d);
}

static void seek(struct ata_drive *d, unsigned flags)
{
    if (ata_get_lba(d, false) < d->sectors)
        ata_complete(d);
    else
        ata_fail(d, ATA_ERROR_IDNF);
}

static void complete(struct ata_drive *d, unsigned flags)
{
    ata_complete(d);
}

static void flush(struct ata_drive *d, unsigned flags)
{
    ata_start_flush(d);
}

static void read_native_max(struct ata_drive *d, unsigned flags)
{
    uint64_t limit = (flags & EXT) != 0 ? d->sectors : MIN(d->sectors, 0x0fffffff);

    d->device |= ATA_DEVICE_LBA;
    ata_put_lba(d, limit - 1, (flags & EXT) != 0);
    ata_complete(d);
}

/* ---- TRIM ---- */

#define DSM_TRIM 0x01

static void data_set_management(struct ata_drive *d, unsigned flags)
{
    uint32_t blocks = d->count.previous << 8 | d->count.now;

    if (d->features.now != DSM_TRIM || blocks == 0 || blocks > ATA_TRIM_MAX_BLOCKS ||
        !block_discard_enabled(block_user_node(d->medium))) {
        ata_abort(d);
        return;
    }
    ata_exchange_by_dma(d, blocks * ATA_SECTOR);
}

void ata_trim_next(struct ata_drive *d)
{
    for (; d->at < d->length; d->at += ATA_TRIM_ENTRY) {
        uint64_t entry = get_le64(d->buffer + d->at);
        uint64_t lba = entry & 0xffffffffffff, count = entry >> 48;
        if (count == 0)
            continue;
        if (lba >= d->sectors || count > d->sectors - lba) {
            ata_fail(d, ATA_ERROR_IDNF | ATA_ERROR_ABRT);
            return;
        }
        d->in_flight = true;
        block_discard(d->medium, lba * ATA_SECTOR, count * ATA_SECTOR, ata_op_done, d);
        return;
    }
    ata_complete(d);
}

/* ---- Identification ---- */

/* ATA-7 volume 1, 6.17: a packet device aborts, and shows its signature instead. */
static void identify(struct ata_drive *d, unsigned flags)
{
    if (d->packet) {
        uint8_t device = d->device;
        ata_signature(d);
        d->device = device;
        ata_abort(d);
        return;
    }
    ata_fill_identify(d);
    ata_send_buffer(d, ATA_SECTOR, ATA_SECTOR);
}

static void identify_packet(struct ata_drive *d, unsigned flags)
{
    ata_fill_identify_packet(d);
    ata_send_buffer(d, ATA_SECTOR, ATA_SECTOR);
}

static void packet(struct ata_drive *d, unsigned flags)
{
    atapi_begin(d);
}

/* ---- Settings ---- */

static void initialize_parameters(struct ata_drive *d, unsigned flags)
{
    unsigned heads = (d->device & 0x0f) + 1u, sectors = d->count.now;

    if (sectors == 0) {
        ata_abort(d);
        return;
    }
    d->heads = (uint8_t)heads;
    d->sectors_per_track = (uint8_t)sectors;
    d->cylinders = (uint16_t)MIN(d->sectors / (heads * sectors), UINT16_MAX);
    ata_complete(d);
}

static void set_multiple(struct ata_drive *d, unsigned flags)
{
    uint8_t n = d->count.now;
    bool valid = n <= ATA_MAX_MULTIPLE && (n & (n - 1)) == 0;

    d->multiple = valid ? n : 0;
    if (valid)
        ata_complete(d);
    else
        ata_abort(d);
}

/* ATA-7 volume 1, 6.48.4: the mode's kind in the upper five bits, its number below. */
static bool valid_mode(uint8_t mode)
{
    switch (mode >> 3) {
    case 0: return mode <= 1;       /* default PIO, with or without IORDY */
    case 1: return (mode & 7) <= 4; /* PIO with flow control */
    case 4: return (mode & 7) <= 2; /* multiword DMA */
    case 8: return (mode & 7) <= 5; /* Ultra DMA */
    default: return false;
    }
}

static void set_transfer_mode(struct ata_drive *d, uint8_t mode)
{
    if (!valid_mode(mode)) {
        ata_abort(d);
        return;
    }
    if (mode >= ATA_MODE_MWDMA)
        d->transfer_mode = mode;
    ata_complete(d);
}

static void disable_write_cache(struct ata_drive *d)
{
    d->write_cache = false;
    ata_start_flush(d);
}

static void set_features(struct ata_drive *d, unsigned flags)
{
    uint8_t feature = d->features.now;

    if (d->packet && feature != 0x03 && feature != 0x66 && feature != 0xcc) {
        ata_abort(d);
        return;
    }
    switch (feature) {
    case 0x03: set_transfer_mode(d, d->count.now); return;
    case 0x02: d->write_cache = true; break;
    case 0x82: disable_write_cache(d); return;
    case 0xaa: d->look_ahead = true; break;
    case 0x55: d->look_ahead = false; break;
    case 0x66: /* settings survive a software reset: they do anyway */
    case 0xcc: break;
    default: ata_abort(d); return;
    }
    ata_complete(d);
}

static void security_freeze(struct ata_drive *d, unsigned flags)
{
    d->security_frozen = true;
    ata_complete(d);
}

/* ---- Power ---- */

static void check_power(struct ata_drive *d, unsigned flags)
{
    d->count.now = d->power_mode;
    ata_complete(d);
}

static void idle(struct ata_drive *d, unsigned flags)
{
    d->power_mode = ATA_POWER_IDLE;
    ata_complete(d);
}

static void standby(struct ata_drive *d, unsigned flags)
{
    d->power_mode = ATA_POWER_STANDBY;
    ata_complete(d);
}

/* ---- The table ---- */

static void smart(struct ata_drive *d, unsigned flags)
{
    ata_smart(d);
}

#define RECALIBRATE(n) [0x10 + (n)] = { complete, DISK }

static const struct ata_command commands[256] = {
    [ATA_DATA_SET_MANAGEMENT] = { data_set_management, DISK | WRITES | BY_DMA },
    RECALIBRATE(0),
    RECALIBRATE(1),
    RECALIBRATE(2),
    RECALIBRATE(3),
    RECALIBRATE(4),
    RECALIBRATE(5),
    RECALIBRATE(6),
    RECALIBRATE(7),
    RECALIBRATE(8),
    RECALIBRATE(9),
    RECALIBRATE(10),
    RECALIBRATE(11),
    RECALIBRATE(12),
    RECALIBRATE(13),
    RECALIBRATE(14),
    RECALIBRATE(15),
    [0x20] = { transfer, DISK },
    [0x21] = { transfer, DISK },
    [0x24] = { transfer, DISK | EXT },
    [0x25] = { transfer, DISK | EXT | BY_DMA },
    [0x27] = { read_native_max, DISK | EXT },
    [0x29] = { transfer, DISK | EXT | MULTIPLE },
    [0x30] = { transfer, DISK | WRITES },
    [0x31] = { transfer, DISK | WRITES },
    [0x34] = { transfer, DISK | EXT | WRITES },
    [0x35] = { transfer, DISK | EXT | WRITES | BY_DMA },
    [0x39] = { transfer, DISK | EXT | WRITES | MULTIPLE },
    [0x40] = { verify, DISK },
    [0x41] = { verify, DISK },
    [0x42] = { verify, DISK | EXT },
    [0x70] = { seek, DISK },
    [0x91] = { initialize_parameters, DISK },
    [0x94] = { standby, DISK | CD },
    [0x95] = { idle, DISK | CD },
    [0x96] = { standby, DISK | CD },
    [0x97] = { idle, DISK | CD },
    [0x98] = { check_power, DISK | CD },
    [0x99] = { standby, DISK | CD },
    [ATA_PACKET] = { packet, CD },
    [0xa1] = { identify_packet, CD },
    [SMART_COMMAND] = { smart, DISK },
    [0xc4] = { transfer, DISK | MULTIPLE },
    [0xc5] = { transfer, DISK | WRITES | MULTIPLE },
    [0xc6] = { set_multiple, DISK },
    [0xc8] = { transfer, DISK | BY_DMA },
    [0xc9] = { transfer, DISK | BY_DMA },
    [0xca] = { transfer, DISK | WRITES | BY_DMA },
    [0xcb] = { transfer, DISK | WRITES | BY_DMA },
    [0xe0] = { standby, DISK | CD },
    [0xe1] = { idle, DISK | CD },
    [0xe2] = { standby, DISK | CD },
    [0xe3] = { idle, DISK | CD },
    [0xe5] = { check_power, DISK | CD },
    [0xe6] = { standby, DISK | CD },
    [0xe7] = { flush, DISK },
    [0xea] = { flush, DISK },
    [0xec] = { identify, DISK | CD },
    [0xef] = { set_features, DISK | CD },
    [0xf5] = { security_freeze, DISK },
    [0xf8] = { read_native_max, DISK },
};

void ata_execute(struct ata_drive *d)
{
    const struct ata_command *c = &commands[d->command];

    if ((c->flags & (d->packet ? CD : DISK)) == 0)
        ata_abort(d);
    else
        c->run(d, c->flags);
}
