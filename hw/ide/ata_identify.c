/*
 * IDENTIFY DEVICE and IDENTIFY PACKET DEVICE (ATA-7 volume 1, 6.16 and 6.17; word 105, 169 and 217
 * of ATA8-ACS).
 */
#include <string.h>

#include "base/bytes.h"
#include "hw/ide/ata_internal.h"

static void put(uint8_t *words, unsigned index, uint16_t value)
{
    put_le16(words + 2 * (size_t)index, value);
}

/* Strings are padded with spaces, and the first character of each pair is the upper byte. */
static void put_string(uint8_t *words, unsigned first, unsigned n_words, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < 2 * (size_t)n_words; i++)
        words[2 * (size_t)first + (i ^ 1)] = i < length ? (uint8_t)text[i] : ' ';
}

static void put_names(const struct ata_drive *d, uint8_t *words)
{
    put_string(words, 10, 10, d->serial);
    put_string(words, 23, 4, d->version);
    put_string(words, 27, 20, d->model);
}

/* Words 63 and 88: a bit per mode that is supported, and above it the one that is selected. */
static void put_dma_modes(const struct ata_drive *d, uint8_t *words)
{
    uint8_t mode = d->transfer_mode;
    uint16_t selected = (uint16_t)(0x100 << (mode & 7));

    put(words, 63, 0x0007 | (mode < ATA_MODE_UDMA ? selected : 0));
    put(words, 64, 0x0003); /* PIO modes 3 and 4 */
    for (unsigned i = 65; i <= 68; i++)
        put(words, i, 120); /* cycle times, ns */
    put(words, 88, 0x003f | (mode >= ATA_MODE_UDMA ? selected : 0));
    put(words, 93, 0x6001); /* an 80-conductor cable; passed its diagnostic */
}

static void put_disk_geometry(const struct ata_drive *d, uint8_t *words)
{
    uint32_t chs = (uint32_t)d->cylinders * d->heads * d->sectors_per_track;
    uint32_t lba28 = (uint32_t)MIN(d->sectors, 0x0fffffff);

    put(words, 1, (uint16_t)d->default_cylinders);
    put(words, 3, ATA_DEFAULT_HEADS);
    put(words, 6, ATA_DEFAULT_SECTORS);
    put(words, 54, d->cylinders);
    put(words, 55, d->heads);
    put(words, 56, d->sectors_per_track);
    put_le32(words + 2 * 57, chs);
    put_le32(words + 2 * 60, lba28);
    put_le64(words + 2 * 100, d->sectors);
}

/* Words 82 to 87: what is supported, and what of it is enabled. */
static void put_disk_features(const struct ata_drive *d, uint8_t *words)
{
    uint16_t smart = d->smart_enabled ? 1 << 0 : 0;
    uint16_t cache = (uint16_t)((d->write_cache ? 1 << 5 : 0) | (d->look_ahead ? 1 << 6 : 0));

    /* SMART, power management, write cache, look-ahead, NOP */
    put(words, 82, 1 << 14 | 1 << 6 | 1 << 5 | 1 << 3 | 1 << 0);
    /* FLUSH CACHE (EXT), 48-bit addresses */
    put(words, 83, 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10);
    put(words, 84, 1 << 14 | 1 << 1 | 1 << 0); /* SMART self-test and error log */
    put(words, 85, (uint16_t)(1 << 14 | 1 << 3) | cache | smart);
    put(words, 86, 1 << 13 | 1 << 12 | 1 << 10);
    put(words, 87, 1 << 14 | 1 << 1 | 1 << 0);
}

/* Words 106 and 209: how logical sectors lie in the medium's larger ones. */
static void put_sector_size(const struct ata_drive *d, uint8_t *words)
{
    uint32_t physical = block_physical_sector_size(block_user_node(d->medium)) / ATA_SECTOR;
    unsigned shift = 0;

    while (shift < 15 && 2u << shift <= physical)
        shift++;
    put(words, 106, (uint16_t)(1 << 14 | (shift != 0 ? 1 << 13 : 0) | shift));
    put(words, 209, 1 << 14);
}

void ata_fill_identify(struct ata_drive *d)
{
    uint8_t *words = d->buffer;

    memset(words, 0, ATA_SECTOR);
    put(words, 0, 0x0040); /* a fixed disk */
    put_names(d, words);
    put(words, 47, 0x8000 | ATA_MAX_MULTIPLE);
    put(words, 48, 0x0001);                    /* dwords at the data port */
    put(words, 49, 1 << 11 | 1 << 9 | 1 << 8); /* IORDY, LBA, DMA */
    put(words, 50, 0x4000);
    put(words, 53, 0x0007); /* words 54 to 58, 64 to 70 and 88 are valid */
    put(words, 59, d->multiple != 0 ? (uint16_t)(0x0100 | d->multiple) : 0);
    put_disk_geometry(d, words);
    put_dma_modes(d, words);
    put(words, 80, 0x00f0); /* ATA/ATAPI-4 to 7 */
    put(words, 81, 0x001a); /* ATA/ATAPI-7 T13 1532D revision 1 */
    put_disk_features(d, words);
    put_sector_size(d, words);
    put(words, 217, 0x0001); /* it does not rotate */
    if (block_discard_enabled(block_user_node(d->medium))) {
        put(words, 105, ATA_TRIM_MAX_BLOCKS);
        put(words, 169, 0x0001);
    }
}

void ata_fill_identify_packet(struct ata_drive *d)
{
    uint8_t *words = d->buffer;

    memset(words, 0, ATA_SECTOR);
    /* ATAPI, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes */
    put(words, 0, 0x85c0);
    put_names(d, words);
    put(words, 48, 0x0001);
    put(words, 49, 1 << 11 | 1 << 9 | 1 << 8);
    put(words, 50, 0x4000);
    put(words, 53, 0x0006);
    put_dma_modes(d, words);
    put(words, 71, 30); /* typical times, ns, that an older host wants to know */
    put(words, 72, 30);
    put(words, 80, 0x00f0);
    put(words, 81, 0x001a);
    put(words, 82, 1 << 14 | 1 << 9 | 1 << 4 | 1 << 3); /* NOP, DEVICE RESET, PACKET, power */
    put(words, 83, 1 << 14);
    put(words, 84, 1 << 14);
    put(words, 85, 1 << 14 | 1 << 9 | 1 << 4 | 1 << 3);
    put(words, 87, 1 << 14);
}
