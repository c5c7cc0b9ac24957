#include "hw/display/edid.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define BLOCK           128
#define DETAILED_SIZE   18
#define MAX_CLOCK_10KHZ 65535
#define REFRESH         60

/* ---- Timings ---- */

/* VESA CVT 1.1, reduced blanking. */
#define H_BLANK    160
#define H_FRONT    48
#define H_SYNC     32
#define V_FRONT    3
#define V_SYNC     6
#define V_BLANK_US 460

struct timing {
    unsigned width, height, v_blank, clock_10khz;
};

static struct timing reduced_blanking(unsigned width, unsigned height)
{
    struct timing t = { .width = width, .height = height };
    /* the time for one line, in ns, when the blanking time is taken off the frame */
    uint64_t line_ns = (1000000000 / REFRESH - V_BLANK_US * 1000) / height;

    t.v_blank = (unsigned)(V_BLANK_US * 1000 / line_ns) + 1;
    t.clock_10khz = (unsigned)((uint64_t)(width + H_BLANK) * (height + t.v_blank) * REFRESH /
                               10000);
    return t;
}

static uint8_t high_nibbles(unsigned a, unsigned b)
{
    return (uint8_t)((a >> 8 & 0xf) << 4 | (b >> 8 & 0xf));
}

/* E-EDID 3.10.2 */
static void put_detailed(uint8_t *p, unsigned width, unsigned height)
{
    struct timing t = reduced_blanking(width, height);
    unsigned mm_x = width * 254 / 960, mm_y = height * 254 / 960; /* 96 dots per inch */

    put_le16(p, (uint16_t)MIN(t.clock_10khz, MAX_CLOCK_10KHZ));
    p[2] = (uint8_t)t.width;
    p[3] = H_BLANK;
    p[4] = high_nibbles(t.width, H_BLANK);
    p[5] = (uint8_t)t.height;
    p[6] = (uint8_t)t.v_blank;
    p[7] = high_nibbles(t.height, t.v_blank);
    p[8] = H_FRONT;
    p[9] = H_SYNC;
    p[10] = V_FRONT << 4 | V_SYNC;
    p[12] = (uint8_t)mm_x;
    p[13] = (uint8_t)mm_y;
    p[14] = high_nibbles(mm_x, mm_y);
    p[17] = 0x1a; /* digital separate syncs, horizontal positive */
}

/* ---- The base block ---- */

/* 3.10.3: a text of up to 13 characters. */
static void put_text(uint8_t *p, uint8_t tag, const char *text)
{
    size_t n = strnlen(text, 13);

    p[3] = tag;
    memset(p + 5, ' ', 13);
    memcpy(p + 5, text, n);
    if (n < 13)
        p[5 + n] = '\n';
}

static void put_range_limits(uint8_t *p)
{
    p[3] = 0xfd;
    p[5] = 50; /* Hz */
    p[6] = 75;
    p[7] = 30; /* kHz */
    p[8] = 160;
    p[9] = MAX_CLOCK_10KHZ / 1000;
    p[10] = 1; /* no formula beyond the listed modes */
    p[11] = '\n';
    memset(p + 12, ' ', 6);
}

/* 3.9: width in units of 8 from 248, aspect ratio, refresh from 60 Hz. */
enum aspect { ASPECT_16_10, ASPECT_4_3, ASPECT_5_4, ASPECT_16_9 };

static void put_standard(uint8_t *p)
{
    static const struct {
        uint16_t width;
        uint8_t aspect;
    } modes[8] = {
        { 1280, ASPECT_16_9 },  { 1280, ASPECT_16_10 }, { 1280, ASPECT_5_4 },
        { 1440, ASPECT_16_10 }, { 1600, ASPECT_4_3 },   { 1680, ASPECT_16_10 },
        { 1920, ASPECT_16_9 },  { 1920, ASPECT_16_10 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        p[2 * i] = (uint8_t)(modes[i].width / 8 - 31);
        p[2 * i + 1] = (uint8_t)(modes[i].aspect << 6); /* at 60 Hz */
    }
}

static void put_checksum(uint8_t *block)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < BLOCK - 1; i++)
        sum += block[i];
    block[BLOCK - 1] = (uint8_t)-sum;
}

static void build_base(uint8_t *e, unsigned width, unsigned height)
{
    static const uint8_t header[8] = { 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00 };
    /* sRGB's primaries and white point, 3.7 */
    static const uint8_t chromaticity[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c,
                                              0x99, 0x26, 0x0f, 0x50, 0x54 };

    memcpy(e, header, sizeof(header));
    put_be16(e + 8, ('H' - '@') << 10 | ('V' - '@') << 5 | ('M' - '@'));
    put_le16(e + 10, 1); /* product */
    e[16] = 1;           /* week and year of manufacture */
    e[17] = 2024 - 1990;
    e[18] = 1; /* version 1.4 */
    e[19] = 4;
    e[20] = 0xa5;                          /* digital, 8 bits per colour, DisplayPort */
    e[21] = (uint8_t)(width * 254 / 9600); /* cm */
    e[22] = (uint8_t)(height * 254 / 9600);
    e[23] = 120;  /* gamma 2.2 */
    e[24] = 0x06; /* sRGB; the first detailed timing is the preferred mode */
    memcpy(e + 25, chromaticity, sizeof(chromaticity));
    e[35] = 0x21; /* 640x480, 800x600 */
    e[36] = 0x08; /* 1024x768 */
    put_standard(e + 38);
    put_detailed(e + 54, width, height);
    put_text(e + 72, 0xfc, "hvm-dm");
    put_range_limits(e + 90);
    put_text(e + 108, 0xfe, "virtual");
    e[126] = 1; /* extension blocks */
    put_checksum(e);
}

/* ---- The extension: sizes that standard timings can't express ---- */

static void build_extension(uint8_t *e)
{
    static const struct {
        unsigned width, height;
    } modes[] = { { 2560, 1600 }, { 2560, 1440 }, { 2048, 1152 }, { 1366, 768 }, { 1152, 864 } };

    e[0] = 0x02; /* CTA-861, revision 3 */
    e[1] = 3;
    e[2] = 4; /* detailed timings begin: no data blocks */
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++)
        put_detailed(e + 4 + DETAILED_SIZE * (size_t)i, modes[i].width, modes[i].height);
    put_checksum(e);
}

void edid_build(uint8_t edid[EDID_SIZE], unsigned width, unsigned height)
{
    width = CLAMP(width, 320, 4088);
    height = CLAMP(height, 200, 4088);
    if (reduced_blanking(width, height).clock_10khz > MAX_CLOCK_10KHZ)
        height = 200 + (height - 200) / 2;
    memset(edid, 0, EDID_SIZE);
    build_base(edid, width, height);
    build_extension(edid + BLOCK);
}
