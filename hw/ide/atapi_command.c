/*
 * Packet commands (SPC-3, MMC-3). A data disc with one track and one session, or none.
 */
#include <string.h>

#include "base/bytes.h"
#include "hw/ide/ata_internal.h"

#define CD_MAX_SECTORS  405000 /* 90 minutes; what is longer is a DVD */
#define PROFILE_CD_ROM  0x0008
#define PROFILE_DVD_ROM 0x0010

enum {
    DATA = 1 << 0,    /* sends data: needs a byte limit */
    MEDIUM = 1 << 1,  /* needs a medium */
    NO_WAIT = 1 << 2, /* a unit attention does not get in its way */
};

struct packet_command {
    void (*run)(struct ata_drive *d, const uint8_t *packet);
    unsigned flags;
};

uint8_t *atapi_blank(struct ata_drive *d, size_t size)
{
    return memset(d->buffer, 0, size);
}

bool atapi_is_dvd(const struct ata_drive *d)
{
    return d->sectors > CD_MAX_SECTORS;
}

/* ---- Who and how ---- */

static void test_unit_ready(struct ata_drive *d, const uint8_t *packet)
{
    atapi_complete(d);
}

static void request_sense(struct ata_drive *d, const uint8_t *packet)
{
    struct atapi *a = &d->atapi;
    uint8_t *p = atapi_blank(d, 18);

    p[0] = 0x70; /* current, fixed format */
    p[2] = a->sense_key;
    p[7] = 10; /* bytes that follow */
    p[12] = a->asc;
    p[13] = a->ascq;
    a->sense_key = a->asc = a->ascq = 0;
    atapi_reply(d, 18, packet[4]);
}

static void put_text(uint8_t *p, size_t size, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < size; i++)
        p[i] = i < length ? (uint8_t)text[i] : ' ';
}

static void inquiry(struct ata_drive *d, const uint8_t *packet)
{
    if ((packet[1] & 1) != 0 || packet[2] != 0) { /* no vital product data */
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    uint8_t *p = atapi_blank(d, 36);
    p[0] = 0x05; /* CD/DVD */
    p[1] = 0x80; /* removable */
    p[3] = 0x21; /* ATAPI; response format */
    p[4] = 31;   /* bytes that follow */
    put_text(p + 8, 8, "HVM-DM");
    put_text(p + 16, 16, d->model);
    put_text(p + 32, 4, d->version);
    atapi_reply(d, 36, packet[4]);
}

/* ---- Mode pages (MMC-3, 5.5) ---- */

static uint32_t put_error_recovery(uint8_t *p)
{
    p[0] = 0x01;
    p[1] = 6;
    p[3] = 5; /* retries */
    return 8;
}

static uint32_t put_audio_control(uint8_t *p)
{
    p[0] = 0x0e;
    p[1] = 14;
    p[2] = 0x04; /* play commands end at once */
    p[8] = 0x01; /* channel 0 to port 0, at full volume */
    p[9] = 0xff;
    p[10] = 0x02;
    p[11] = 0xff;
    return 16;
}

static uint32_t put_capabilities(const struct ata_drive *d, uint8_t *p)
{
    p[0] = 0x2a;
    p[1] = 18;
    p[2] = 0x3b; /* reads CD-R, CD-RW, method 2, DVD-ROM, DVD-R */
    p[4] = 0x70; /* mode 2 forms 1 and 2, multi-session */
    p[5] = 0x03; /* audio is read by READ CD */
    p[6] = (uint8_t)(0x29 | (d->atapi.locked ? 2 : 0)); /* locks, ejects; a tray */
    put_be16(p + 8, 706);                               /* top speed, kB/s */
    put_be16(p + 10, 2);                                /* volume levels */
    put_be16(p + 12, 512);                              /* buffer, KiB */
    put_be16(p + 14, 706);
    return 20;
}

/* The pages that the code asks for; 0: there is none of the kind. */
static uint32_t put_pages(const struct ata_drive *d, uint8_t code, uint8_t *p)
{
    uint32_t n = 0;

    if (code == 0x01 || code == 0x3f)
        n += put_error_recovery(p + n);
    if (code == 0x0e || code == 0x3f)
        n += put_audio_control(p + n);
    if (code == 0x2a || code == 0x3f)
        n += put_capabilities(d, p + n);
    return n;
}

static uint8_t medium_type(const struct ata_drive *d)
{
    if (d->atapi.tray_open)
        return 0x71;
    return d->medium != NULL ? 0x01 : 0x70;
}

static void mode_sense(struct ata_drive *d, const uint8_t *packet, uint32_t header,
                       uint32_t allocated)
{
    uint8_t *p = atapi_blank(d, 256);
    uint32_t n = put_pages(d, packet[2] & 0x3f, p + header);

    if (packet[2] >> 6 == 3) { /* saved values */
        atapi_check(d, 0x053900);
        return;
    }
    if (n == 0) {
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    n += header;
    if (header == 8) {
        put_be16(p, (uint16_t)(n - 2));
        p[2] = medium_type(d);
    } else {
        p[0] = (uint8_t)(n - 1);
        p[1] = medium_type(d);
    }
    atapi_reply(d, n, allocated);
}

static void mode_sense_6(struct ata_drive *d, const uint8_t *packet)
{
    mode_sense(d, packet, 4, packet[4]);
}

static void mode_sense_10(struct ata_drive *d, const uint8_t *packet)
{
    mode_sense(d, packet, 8, get_be16(packet + 7));
}

/* ---- Reading ---- */

static void read_10(struct ata_drive *d, const uint8_t *packet)
{
    atapi_read_sectors(d, get_be32(packet + 2), get_be16(packet + 7), false);
}

static void read_12(struct ata_drive *d, const uint8_t *packet)
{
    atapi_read_sectors(d, get_be32(packet + 2), get_be32(packet + 6), false);
}

/* Byte 9 says which parts of the sectors are wanted. */
static void read_cd(struct ata_drive *d, const uint8_t *packet)
{
    uint32_t count = (uint32_t)packet[6] << 16 | get_be16(packet + 7);
    uint8_t sector_type = packet[1] >> 2 & 7;

    if (sector_type != 0 && sector_type != 2) {
        atapi_check(d, ATAPI_BAD_MODE); /* all of ours are of mode 1 */
        return;
    }
    switch (packet[9] & 0xf8) {
    case 0x00: atapi_read_sectors(d, get_be32(packet + 2), 0, false); break;
    case 0x10: atapi_read_sectors(d, get_be32(packet + 2), count, false); break;
    case 0xf8: atapi_read_sectors(d, get_be32(packet + 2), count, true); break;
    default: atapi_check(d, ATAPI_BAD_FIELD); break;
    }
}

static void seek(struct ata_drive *d, const uint8_t *packet)
{
    if (get_be32(packet + 2) < d->sectors)
        atapi_complete(d);
    else
        atapi_check(d, ATAPI_BAD_ADDRESS);
}

static void read_capacity(struct ata_drive *d, const uint8_t *packet)
{
    uint8_t *p = atapi_blank(d, 8);

    put_be32(p, (uint32_t)(d->sectors - 1));
    put_be32(p + 4, ATAPI_SECTOR);
    atapi_reply(d, 8, 8);
}

/* ---- Features (MMC-3, 5.3) ---- */

static uint16_t current_profile(const struct ata_drive *d)
{
    if (!atapi_ready(d))
        return 0;
    return atapi_is_dvd(d) ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

static void put_profile(uint8_t *p, uint16_t profile, uint16_t current)
{
    put_be16(p, profile);
    p[2] = profile == current;
}

/* A feature's header; its data follow. version in bits 5-2, persistent 1, current 0. */
static uint8_t *put_feature(uint8_t *p, uint16_t code, uint8_t bits, uint8_t size)
{
    put_be16(p, code);
    p[2] = bits;
    p[3] = size;
    return p + 4;
}

static uint32_t put_one_feature(const struct ata_drive *d, uint16_t code, uint8_t *p)
{
    uint16_t current = current_profile(d);
    uint8_t *data;

    switch (code) {
    case 0x0000:
        data = put_feature(p, code, 0x03, 8);
        put_profile(data, PROFILE_DVD_ROM, current);
        put_profile(data + 4, PROFILE_CD_ROM, current);
        return 12;
    case 0x0001: /* core */
        data = put_feature(p, code, 0x07, 8);
        put_be32(data, 2); /* ATAPI */
        return 12;
    case 0x0003: /* removable medium */
        data = put_feature(p, code, 0x03, 4);
        data[0] = 0x29; /* a tray that locks and ejects */
        return 8;
    case 0x0010: /* random readable */
        data = put_feature(p, code, current != 0, 8);
        put_be32(data, ATAPI_SECTOR);
        put_be16(data + 4, 1);
        return 12;
    case 0x001e: put_feature(p, code, 0x08 | (current == PROFILE_CD_ROM), 4); return 8;
    case 0x001f: put_feature(p, code, current == PROFILE_DVD_ROM, 0); return 4;
    default: return 0;
    }
}

static bool feature_current(const struct ata_drive *d, const uint8_t *feature)
{
    return (feature[2] & 1) != 0;
}

static void get_configuration(struct ata_drive *d, const uint8_t *packet)
{
    static const uint16_t features[] = { 0x0000, 0x0001, 0x0003, 0x0010, 0x001e, 0x001f };
    unsigned which = packet[1] & 3, first = get_be16(packet + 2);
    uint8_t *p = atapi_blank(d, 128);
    uint32_t n = 8;

    if (which == 3) {
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        if (which == 2 ? features[i] != first : features[i] < first)
            continue;
        uint32_t size = put_one_feature(d, features[i], p + n);
        if (which != 1 || feature_current(d, p + n))
            n += size;
        else
            memset(p + n, 0, size);
    }
    put_be32(p, n - 4);
    put_be16(p + 6, current_profile(d));
    atapi_reply(d, n, get_be16(packet + 7));
}

/* ---- Events, mechanism ---- */

#define EVENT_MEDIA 4

static uint8_t media_status(const struct ata_drive *d)
{
    return (uint8_t)((d->atapi.tray_open ? 1 : 0) | (d->medium != NULL ? 2 : 0));
}

static void get_event_status(struct ata_drive *d, const uint8_t *packet)
{
    uint8_t *p = atapi_blank(d, 8);

    if ((packet[1] & 1) == 0) { /* the host wants to be called back */
        atapi_check(d, ATAPI_BAD_FIELD);
        return;
    }
    p[3] = 1 << EVENT_MEDIA; /* the classes there are */
    if ((packet[4] & 1 << EVENT_MEDIA) == 0) {
        put_be16(p, 2);
        p[2] = 0x80; /* none of those asked for */
        atapi_reply(d, 4, get_be16(packet + 7));
        return;
    }
    put_be16(p, 6);
    p[2] = EVENT_MEDIA;
    p[4] = d->atapi.event;
    p[5] = media_status(d);
    d->atapi.event = ATAPI_NO_EVENT;
    atapi_reply(d, 8, get_be16(packet + 7));
}

static void mechanism_status(struct ata_drive *d, const uint8_t *packet)
{
    uint8_t *p = atapi_blank(d, 8);

    p[1] = d->atapi.tray_open ? 0x10 : 0;
    p[5] = 1; /* slots */
    atapi_reply(d, 8, get_be16(packet + 8));
}

static void start_stop(struct ata_drive *d, const uint8_t *packet)
{
    bool start = (packet[4] & 1) != 0, load_eject = (packet[4] & 2) != 0;

    if ((packet[4] & 0xf0) == 0 && load_eject) {
        if (!start && d->atapi.locked) {
            atapi_check(d, ATAPI_LOCKED);
            return;
        }
        atapi_move_tray(d, !start);
    }
    atapi_complete(d);
}

static void prevent_removal(struct ata_drive *d, const uint8_t *packet)
{
    d->atapi.locked = (packet[4] & 1) != 0;
    atapi_complete(d);
}

static void set_speed(struct ata_drive *d, const uint8_t *packet)
{
    atapi_complete(d);
}

/* ---- The table ---- */

static const struct packet_command commands[256] = {
    [0x00] = { test_unit_ready, MEDIUM },
    [0x03] = { request_sense, DATA | NO_WAIT },
    [0x12] = { inquiry, DATA | NO_WAIT },
    [0x1a] = { mode_sense_6, DATA },
    [0x1b] = { start_stop, 0 },
    [0x1e] = { prevent_removal, 0 },
    [0x25] = { read_capacity, DATA | MEDIUM },
    [0x28] = { read_10, DATA | MEDIUM },
    [0x2b] = { seek, MEDIUM },
    [0x42] = { atapi_read_subchannel, DATA | MEDIUM },
    [0x43] = { atapi_read_toc, DATA | MEDIUM },
    [0x46] = { get_configuration, DATA | NO_WAIT },
    [0x4a] = { get_event_status, DATA | NO_WAIT },
    [0x51] = { atapi_read_disc_information, DATA | MEDIUM },
    [0x5a] = { mode_sense_10, DATA },
    [0xa8] = { read_12, DATA | MEDIUM },
    [0xad] = { atapi_read_dvd_structure, DATA | MEDIUM },
    [0xbb] = { set_speed, 0 },
    [0xbd] = { mechanism_status, DATA },
    [0xbe] = { read_cd, DATA | MEDIUM },
};

/* Whether a change of the medium, or its absence, is all the host gets for an answer. */
static bool interrupted(struct ata_drive *d, unsigned flags)
{
    struct atapi *a = &d->atapi;

    if ((flags & NO_WAIT) == 0 && a->change == ATAPI_NEW_THERE) {
        a->change = ATAPI_SAME;
        atapi_check(d, ATAPI_MEDIUM_CHANGED);
        return true;
    }
    if ((flags & MEDIUM) == 0)
        return false;
    if (!atapi_ready(d)) {
        atapi_check(d, a->tray_open ? ATAPI_NO_MEDIUM_OPEN : ATAPI_NO_MEDIUM_CLOSED);
        return true;
    }
    if (a->change == ATAPI_OLD_GONE) {
        a->change = ATAPI_NEW_THERE;
        atapi_check(d, ATAPI_NO_MEDIUM);
        return true;
    }
    return false;
}

void atapi_execute(struct ata_drive *d)
{
    const uint8_t *packet = d->atapi.packet;
    const struct packet_command *c = &commands[packet[0]];

    if (c->run == NULL) {
        atapi_check(d, ATAPI_BAD_OPCODE);
    } else if ((c->flags & DATA) != 0 && !d->atapi.by_dma && d->atapi.byte_limit == 0) {
        ata_abort(d); /* ATA-7 volume 1, 6.24: it can't send a byte */
    } else if (!interrupted(d, c->flags)) {
        if (c->run != request_sense)
            d->atapi.sense_key = d->atapi.asc = d->atapi.ascq = 0;
        c->run(d, packet);
    }
}
