/*
 * What is on the disc: a data disc with one track and one session, a CD or a DVD by its length
 * (MMC-3).
 */
#include <string.h>

#include "base/bytes.h"
#include "hw/ide/ata_internal.h"

#define PREGAP   150  /* frames before the first sector */
#define LEAD_OUT 0xaa /* its track number */

static void put_msf(uint8_t *p, uint64_t lba)
{
    uint64_t frame = lba + PREGAP;

    p[0] = 0;
    p[1] = (uint8_t)(frame / 75 / 60);
    p[2] = (uint8_t)(frame / 75 % 60);
    p[3] = (uint8_t)(frame % 75);
}

static void put_address(uint8_t *p, uint64_t lba, bool msf)
{
    if (msf)
        put_msf(p, lba);
    else
        put_be32(p, (uint32_t)lba);
}

/* ---- The disc's contents ---- */

/* One descriptor of formats 0 and 1. */
static void put_track(uint8_t *p, uint8_t number, uint64_t lba, bool msf)
{
    p[1] = 0x14; /* current position; a data track */
    p[2] = number;
    put_address(p + 4, lba, msf);
}

static uint32_t put_toc(const struct ata_drive *d, uint8_t *p, uint8_t start, bool msf)
{
    uint32_t n = 4;

    p[2] = p[3] = 1; /* first and last track */
    if (start <= 1) {
        put_track(p + n, 1, 0, msf);
        n += 8;
    }
    put_track(p + n, LEAD_OUT, d->sectors, msf);
    return n + 8;
}

static uint32_t put_sessions(uint8_t *p, bool msf)
{
    p[2] = p[3] = 1; /* first and last session */
    put_track(p + 4, 1, 0, msf);
    return 12;
}

/* Format 2: points A0h (first track), A1h (last track), A2h (lead-out), and track 1. */
static uint32_t put_raw_toc(const struct ata_drive *d, uint8_t *p)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    uint8_t *e = p + 4;

    p[2] = p[3] = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(points); i++, e += 11) {
        e[0] = 1; /* session */
        e[1] = 0x14;
        e[3] = points[i];
    }
    p[4 + 8] = 1;
    p[4 + 11 + 8] = 1;
    put_msf(p + 4 + 22 + 7, d->sectors);
    put_msf(p + 4 + 33 + 7, 0);
    return 4 + 44;
}

void atapi_read_toc(struct ata_drive *d, const uint8_t *packet)
{
    uint8_t format = packet[2] & 0x0f, *p = atapi_blank(d, 64);
    bool msf = (packet[1] & 2) != 0;
    uint32_t n;

    if (format == 0)
        format = packet[9] >> 6; /* where older drives have it */
    switch (format) {
    case 0: n = packet[6] <= 1 || packet[6] == LEAD_OUT ? put_toc(d, p, packet[6], msf) : 0; break;
    case 1: n = put_sessions(p, msf); break;
    case 2: n = put_raw_toc(d, p); break;
    default: n = 0; break;
    }
    if (n == 0) {
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    put_be16(p, (uint16_t)(n - 2));
    atapi_reply(d, n, get_be16(packet + 7));
}

void atapi_read_disc_information(struct ata_drive *d, const uint8_t *packet)
{
    uint8_t *p = atapi_blank(d, 34);

    if ((packet[1] & 7) != 0) {
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    put_be16(p, 32);
    p[2] = 0x0e;                   /* complete, and so is its last session */
    p[3] = p[4] = p[5] = p[6] = 1; /* first track; sessions; tracks of the last one */
    p[7] = 0x20;                   /* unrestricted use */
    memset(p + 16, 0xff, 8);       /* no lead-in and lead-out that could be written */
    atapi_reply(d, 34, get_be16(packet + 7));
}

/* Nothing is played; only the format that says where the head is has data. */
void atapi_read_subchannel(struct ata_drive *d, const uint8_t *packet)
{
    bool position = (packet[2] & 0x40) != 0;
    uint8_t *p = atapi_blank(d, 16);

    if (position && packet[3] != 1) {
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    p[1] = 0x15; /* audio status: nothing to say */
    if (position) {
        p[3] = 12;
        p[4] = 1;
        put_track(p + 4, 1, 0, (packet[1] & 2) != 0);
        p[4] = 1; /* format */
        p[7] = 1; /* index */
        put_address(p + 8, 0, (packet[1] & 2) != 0);
        put_address(p + 12, 0, (packet[1] & 2) != 0);
    }
    atapi_reply(d, position ? 16 : 4, get_be16(packet + 7));
}

/* ---- DVD structures (MMC-3, 6.26) ---- */

static uint32_t put_physical_format(const struct ata_drive *d, uint8_t *p)
{
    p[4] = 0x01; /* DVD-ROM, version 1 */
    p[5] = 0x0f; /* 120 mm; no maximum rate */
    p[6] = 0x01; /* one layer */
    put_be32(p + 8, 0x30000);
    put_be32(p + 12, (uint32_t)(0x30000 + d->sectors - 1));
    return 4 + 2048;
}

static uint32_t put_structure_list(uint8_t *p)
{
    static const struct {
        uint8_t format;
        uint16_t size;
    } formats[] = { { 0x00, 2052 }, { 0x01, 8 }, { 0x04, 2052 }, { 0xff, 20 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        p[4 + 4 * i] = formats[i].format;
        p[4 + 4 * i + 1] = 0x40; /* readable */
        put_be16(p + 4 + 4 * i + 2, formats[i].size);
    }
    return 4 + 4 * G_N_ELEMENTS(formats);
}

void atapi_read_dvd_structure(struct ata_drive *d, const uint8_t *packet)
{
    uint8_t *p = atapi_blank(d, 2052);
    uint32_t n;

    if (!atapi_is_dvd(d)) {
        atapi_check(d, ATAPI_WRONG_MEDIUM);
        return;
    }
    switch (packet[7]) {
    case 0x00: n = packet[6] == 0 ? put_physical_format(d, p) : 0; break;
    case 0x01: n = 8; break;    /* no copyright protection */
    case 0x04: n = 2052; break; /* a blank manufacturer's text */
    case 0xff: n = put_structure_list(p); break;
    default: n = 0; break;
    }
    if (n == 0) {
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    put_be16(p, (uint16_t)(n - 2));
    atapi_reply(d, n, get_be16(packet + 8));
}
