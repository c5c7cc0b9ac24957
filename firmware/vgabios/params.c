/*
 * The tables of the video parameters. Register values are those of IBM's VGA.
 */
#include "params.h"

/* CRTC 00h-05h: 40 or 80 characters a line, text or graphics. */
#define H40_TEXT 0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0
#define H40      0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80
#define H80_TEXT 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81
#define H80      0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80

/* CRTC 06h-18h: 400 (or 200 doubled), 350 and 480 lines. */
#define V400(max, start, end, offset, underline, mode)                                           \
    0xbf, 0x1f, 0, max, start, end, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, offset, underline, 0x96, 0xb9, \
        mode, 0xff
#define V350(max, start, end, offset, underline, mode)                                           \
    0xbf, 0x1f, 0, max, start, end, 0, 0, 0, 0, 0x83, 0x85, 0x5d, offset, underline, 0x63, 0xba, \
        mode, 0xff
#define V480(offset, mode) \
    0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, offset, 0, 0xe7, 0x04, mode, 0xff

/* Attribute controller 00h-0Fh: the CGA's and the EGA's sixteen colours, monochrome. */
#define CGA_COLORS \
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17
#define EGA_COLORS \
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
#define MONO_COLORS \
    0x00, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18
#define ALL_WHITE(c) 0x00, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c

#define GFX_TEXT(map)        0, 0, 0, 0, 0, 0x10, map, 0x00, 0xff
#define GFX(mode, map, care) 0, 0, 0, 0, 0, mode, map, care, 0xff

#define TEXT40(height, misc, clock, vertical, ...)                                         \
    {                                                                                      \
        40, 24, height, 0x0800, { clock, 0x03, 0x00, 0x02 }, misc, { H40_TEXT, vertical }, \
            { __VA_ARGS__ },                                                               \
        {                                                                                  \
            GFX_TEXT(0x0e)                                                                 \
        }                                                                                  \
    }
#define TEXT80(height, misc, clock, vertical, map, ...)                                    \
    {                                                                                      \
        80, 24, height, 0x1000, { clock, 0x03, 0x00, 0x02 }, misc, { H80_TEXT, vertical }, \
            { __VA_ARGS__ },                                                               \
        {                                                                                  \
            GFX_TEXT(map)                                                                  \
        }                                                                                  \
    }

#define TEXT_00 \
    TEXT40(8, 0x63, 0x09, V400(0xc7, 6, 7, 0x14, 0x1f, 0xa3), CGA_COLORS, 0x08, 0, 0x0f, 0)
#define TEXT_02 \
    TEXT80(8, 0x63, 0x01, V400(0xc7, 6, 7, 0x28, 0x1f, 0xa3), 0x0e, CGA_COLORS, 0x08, 0, 0x0f, 0)
#define TEXT_00_350 \
    TEXT40(14, 0xa3, 0x09, V350(0x4d, 11, 12, 0x14, 0x1f, 0xa3), EGA_COLORS, 0x08, 0, 0x0f, 0)
#define TEXT_02_350 \
    TEXT80(14, 0xa3, 0x01, V350(0x4d, 11, 12, 0x28, 0x1f, 0xa3), 0x0e, EGA_COLORS, 0x08, 0, 0x0f, 0)

#define CGA_04                                                              \
    {                                                                       \
        40, 24, 8, 0x4000, { 0x09, 0x03, 0x00, 0x02 }, 0x63,                \
            { H40, V400(0xc1, 0, 0, 0x14, 0x00, 0xa2) },                    \
            { 0x00, 0x13, 0x15, 0x17, 0x02, 0x04, 0x06, 0x07, 0x10, 0x11,   \
              0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0x00, 0x03, 0x00 }, \
        {                                                                   \
            GFX(0x30, 0x0f, 0x00)                                           \
        }                                                                   \
    }
#define EGA_0F                                                              \
    {                                                                       \
        80, 24, 14, 0x8000, { 0x01, 0x0f, 0x00, 0x06 }, 0xa2,               \
            { H80, V350(0x40, 0, 0, 0x28, 0x0f, 0xe3) },                    \
            { 0x00, 0x08, 0x00, 0x00, 0x18, 0x18, 0x00, 0x00, 0x00, 0x08,   \
              0x00, 0x00, 0x00, 0x18, 0x00, 0x00, 0x0b, 0x00, 0x05, 0x00 }, \
        {                                                                   \
            GFX(0x00, 0x05, 0x05)                                           \
        }                                                                   \
    }
#define EGA_10                                                                             \
    {                                                                                      \
        80, 24, 14, 0x8000, { 0x01, 0x0f, 0x00, 0x06 }, 0xa3,                              \
            { H80, V350(0x40, 0, 0, 0x28, 0x0f, 0xe3) }, { EGA_COLORS, 0x01, 0, 0x0f, 0 }, \
        {                                                                                  \
            GFX(0x00, 0x05, 0x0f)                                                          \
        }                                                                                  \
    }

ROM struct video_params video_params[PARAMS_COUNT] = {
    [0x00] = TEXT_00,
    [0x01] = TEXT_00,
    [0x02] = TEXT_02,
    [0x03] = TEXT_02,
    [0x04] = CGA_04,
    [0x05] = CGA_04,
    [0x06] = { 80,
               24,
               8,
               0x4000,
               { 0x01, 0x01, 0x00, 0x06 },
               0x63,
               { H80, V400(0xc1, 0, 0, 0x28, 0x00, 0xc2) },
               { ALL_WHITE(0x17), 0x01, 0, 0x01, 0 },
               { GFX(0x00, 0x0d, 0x00) } },
    [0x07] = TEXT80(14, 0xa6, 0x00, V350(0x4d, 11, 12, 0x28, 0x0d, 0xa3), 0x0a, MONO_COLORS, 0x0e,
                    0, 0x0f, 0x08),
    [0x0D] = { 40,
               24,
               8,
               0x2000,
               { 0x09, 0x0f, 0x00, 0x06 },
               0x63,
               { H40, V400(0xc0, 0, 0, 0x14, 0x00, 0xe3) },
               { CGA_COLORS, 0x01, 0, 0x0f, 0 },
               { GFX(0x00, 0x05, 0x0f) } },
    [0x0E] = { 80,
               24,
               8,
               0x4000,
               { 0x01, 0x0f, 0x00, 0x06 },
               0x63,
               { H80, V400(0xc0, 0, 0, 0x28, 0x00, 0xe3) },
               { CGA_COLORS, 0x01, 0, 0x0f, 0 },
               { GFX(0x00, 0x05, 0x0f) } },
    [0x0F] = EGA_0F,
    [0x10] = EGA_10,
    [PARAMS_0F] = EGA_0F,
    [PARAMS_10] = EGA_10,
    [PARAMS_00_350] = TEXT_00_350,
    [PARAMS_00_350 + 1] = TEXT_00_350,
    [PARAMS_02_350] = TEXT_02_350,
    [PARAMS_02_350 + 1] = TEXT_02_350,
    [PARAMS_00_400] = TEXT40(16, 0x67, 0x08, V400(0x4f, 13, 14, 0x14, 0x1f, 0xa3), EGA_COLORS, 0x0c,
                             0, 0x0f, 0x08),
    [PARAMS_02_400] = TEXT80(16, 0x67, 0x00, V400(0x4f, 13, 14, 0x28, 0x1f, 0xa3), 0x0e, EGA_COLORS,
                             0x0c, 0, 0x0f, 0x08),
    [PARAMS_07_400] = TEXT80(16, 0x66, 0x00, V400(0x4f, 13, 14, 0x28, 0x0f, 0xa3), 0x0a,
                             MONO_COLORS, 0x0e, 0, 0x0f, 0x08),
    [PARAMS_11] = { 80,
                    29,
                    16,
                    0xa000,
                    { 0x01, 0x0f, 0x00, 0x06 },
                    0xe3,
                    { H80, V480(0x28, 0xc3) },
                    { ALL_WHITE(0x3f), 0x01, 0, 0x0f, 0 },
                    { GFX(0x00, 0x05, 0x01) } },
    [PARAMS_12] = { 80,
                    29,
                    16,
                    0xa000,
                    { 0x01, 0x0f, 0x00, 0x06 },
                    0xe3,
                    { H80, V480(0x28, 0xe3) },
                    { EGA_COLORS, 0x01, 0, 0x0f, 0 },
                    { GFX(0x00, 0x05, 0x0f) } },
    [PARAMS_13] = { 40,
                    24,
                    8,
                    0x2000,
                    { 0x01, 0x0f, 0x00, 0x0e },
                    0x63,
                    { H80, V400(0x41, 0, 0, 0x28, 0x40, 0xa3) },
                    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0 },
                    { GFX(0x40, 0x05, 0x0f) } },
    [PARAMS_6A] = { 100,
                    36,
                    16,
                    0xea60,
                    { 0x01, 0x0f, 0x00, 0x06 },
                    0xe3,
                    { 0x7f, 0x63, 0x64, 0x82, 0x6b, 0x1b, 0x72, 0xf0, 0x00, 0x60, 0x00, 0x00, 0x00,
                      0x00, 0x00, 0x00, 0x59, 0x8d, 0x57, 0x32, 0x00, 0x57, 0x73, 0xe3, 0xff },
                    { EGA_COLORS, 0x01, 0, 0x0f, 0 },
                    { GFX(0x00, 0x05, 0x0f) } },
};

/* IBM PC/AT: registers R0-R15 for 40x25, 80x25, graphics and monochrome; lengths, columns, modes.
 */
ROM uint8_t crtc_params[0x58] = {
    0x38, 0x28, 0x2d, 0x0a, 0x1f, 6,    0x19, 0x1c, 2,    7,    6,    7,    0,    0,  0,
    0,    0x71, 0x50, 0x5a, 0x0a, 0x1f, 6,    0x19, 0x1c, 2,    7,    6,    7,    0,  0,
    0,    0,    0x38, 0x28, 0x2d, 0x0a, 0x7f, 6,    0x64, 0x70, 2,    1,    6,    7,  0,
    0,    0,    0,    0x61, 0x50, 0x52, 0x0f, 0x19, 6,    0x19, 0x19, 2,    13,   11, 12,
    0,    0,    0,    0,    0x00, 0x08, 0x00, 0x10, 0x00, 0x40, 0x00, 0x40, 40,   40, 80,
    80,   40,   40,   80,   80,   0x2c, 0x28, 0x2d, 0x29, 0x2a, 0x2e, 0x1e, 0x29,
};

/* Pairs of displays, by the index at 40:8A: 08 is a VGA with a colour display. */
ROM struct dcc_table dcc_table = { 16,
                                   1,
                                   8,
                                   0,
                                   { { 0, 0 },
                                     { 0, 1 },
                                     { 0, 2 },
                                     { 2, 1 },
                                     { 0, 4 },
                                     { 4, 1 },
                                     { 0, 5 },
                                     { 2, 5 },
                                     { 0, 6 },
                                     { 1, 6 },
                                     { 5, 6 },
                                     { 0, 8 },
                                     { 1, 8 },
                                     { 0, 7 },
                                     { 2, 7 },
                                     { 6, 7 } } };

ROM uint8_t functionality[16] = {
    0xff, 0xe0, 0x0f,          /* modes 00-07, 0D-0F, 10-13 */
    0,    0,    0,    0, 0x07, /* 200, 350 and 400 lines in text modes */
    8,    2,                   /* character sets in memory, and shown at a time */
    0xff, /* DAC and its pages, palettes, cursor emulation, fonts, gray, every mode on the display
           */
    0x0e, /* display combinations, blinking, save and restore */
    0,    0,    0x20, /* of the save pointer table: display combinations */
    0,
};
