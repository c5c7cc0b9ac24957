/*
 * SMART (ATA-7 volume 1, 6.54): a disk that is always well.
 */
#include <string.h>

#include "base/bytes.h"
#include "hw/ide/ata_internal.h"

enum smart_command {
    SMART_READ_DATA = 0xd0,
    SMART_READ_THRESHOLDS = 0xd1,
    SMART_AUTOSAVE = 0xd2,
    SMART_SAVE = 0xd3,
    SMART_EXECUTE_OFFLINE = 0xd4,
    SMART_READ_LOG = 0xd5,
    SMART_ENABLE = 0xd8,
    SMART_DISABLE = 0xd9,
    SMART_RETURN_STATUS = 0xda,
};

/* The key that the host puts into LBA Mid and High. */
#define SMART_KEY_MID  0x4f
#define SMART_KEY_HIGH 0xc2

static const struct attribute {
    uint8_t id;
    uint16_t flags;
    uint8_t value, worst, raw, threshold;
} attributes[] = {
    { 1, 0x03, 100, 100, 0, 6 },    /* raw read errors */
    { 3, 0x03, 100, 100, 16, 0 },   /* spin-up time */
    { 4, 0x02, 100, 100, 100, 20 }, /* starts and stops */
    { 5, 0x03, 100, 100, 0, 36 },   /* reallocated sectors */
    { 9, 0x03, 100, 100, 1, 0 },    /* power-on hours */
    { 12, 0x03, 100, 100, 0, 0 },   /* power cycles */
    { 190, 0x03, 69, 69, 31, 50 },  /* temperature, 100 less degrees Celsius */
};

#define FIRST_ATTRIBUTE 2
#define ATTRIBUTE_SIZE  12

/* The last byte makes the sum of all of a sector zero. */
static void put_checksum(uint8_t *data)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < ATA_SECTOR - 1; i++)
        sum = (uint8_t)(sum + data[i]);
    data[ATA_SECTOR - 1] = (uint8_t)-sum;
}

static void fill_data(struct ata_drive *d)
{
    uint8_t *data = d->buffer;

    put_le16(data, 1); /* revision of the structure */
    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        uint8_t *p = data + FIRST_ATTRIBUTE + i * ATTRIBUTE_SIZE;
        p[0] = attributes[i].id;
        put_le16(p + 1, attributes[i].flags);
        p[3] = attributes[i].value;
        p[4] = attributes[i].worst;
        p[5] = attributes[i].raw;
    }
    data[362] = 0x02;        /* off-line collection has been completed */
    put_le16(data + 364, 1); /* and takes a second */
    data[367] = 0x19;        /* off-line immediate, its abort, self-test */
    put_le16(data + 368, 0x0003);
    data[370] = 0x01; /* error log */
    data[372] = 2;    /* minutes of a short self-test, and of a long one */
    data[373] = 54;
}

static void fill_thresholds(struct ata_drive *d)
{
    uint8_t *data = d->buffer;

    put_le16(data, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(attributes); i++) {
        data[FIRST_ATTRIBUTE + i * ATTRIBUTE_SIZE] = attributes[i].id;
        data[FIRST_ATTRIBUTE + i * ATTRIBUTE_SIZE + 1] = attributes[i].threshold;
    }
}

/* Log addresses: 0 directory, 1 summary of errors, 6 self-tests. All logs are empty. */
static bool fill_log(struct ata_drive *d, uint8_t log)
{
    switch (log) {
    case 0x00:
        d->buffer[0] = 0x01;
        d->buffer[2] = d->buffer[12] = 1; /* sectors of logs 1 and 6 */
        return true;
    case 0x01: d->buffer[0] = 0x01; return true;
    case 0x06: put_le16(d->buffer, 0x0001); return true;
    default: return false;
    }
}

static void send_sector(struct ata_drive *d, bool checksum)
{
    if (checksum)
        put_checksum(d->buffer);
    ata_send_buffer(d, ATA_SECTOR, ATA_SECTOR);
}

/* Self-tests end at once, and well; 127 aborts one. The others are not there. */
static void execute_offline(struct ata_drive *d)
{
    uint8_t test = d->lba_low.now;

    if (test <= 2 || test == 127 || test == 129 || test == 130)
        ata_complete(d);
    else
        ata_abort(d);
}

static void read_log(struct ata_drive *d)
{
    uint8_t log = d->lba_low.now;

    if (d->count.now == 1 && fill_log(d, log))
        send_sector(d, log != 0);
    else
        ata_abort(d);
}

void ata_smart(struct ata_drive *d)
{
    uint8_t command = d->features.now;
    bool key = d->lba_mid.now == SMART_KEY_MID && d->lba_high.now == SMART_KEY_HIGH;

    if (!key || (!d->smart_enabled && command != SMART_ENABLE)) {
        ata_abort(d);
        return;
    }
    memset(d->buffer, 0, ATA_SECTOR);
    switch (command) {
    case SMART_READ_DATA:
        fill_data(d);
        send_sector(d, true);
        return;
    case SMART_READ_THRESHOLDS:
        fill_thresholds(d);
        send_sector(d, true);
        return;
    case SMART_READ_LOG: read_log(d); return;
    case SMART_EXECUTE_OFFLINE: execute_offline(d); return;
    case SMART_AUTOSAVE: d->smart_autosave = d->count.now != 0; break;
    case SMART_ENABLE: d->smart_enabled = true; break;
    case SMART_DISABLE: d->smart_enabled = false; break;
    case SMART_SAVE:
    case SMART_RETURN_STATUS: break; /* the key stays as it is: no threshold is exceeded */
    default: ata_abort(d); return;
    }
    ata_complete(d);
}
