/* INT 10h of a VGA: modes, text, fonts, colours, and what the tables and the BIOS data area say. */
#include "sector.h"

#define BUFFER 0x50000
#define BDA    0x400

/* A call with ES:offset at BUFFER in all the registers that functions take it in. */
static struct registers with_buffer(uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    struct registers r = { .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx, .es = BUFFER >> 4 };
    interrupt(0x10, &r);
    return r;
}

static struct registers video(uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    return call(0x10, eax, ebx, ecx, edx);
}

static uint8_t reg(uint16_t port, uint8_t index)
{
    outb(port, index);
    return inb((uint16_t)(port + 1));
}

static uint8_t crtc(uint8_t index)
{
    return reg(peek16(BDA + 0x63), index);
}

static uint32_t far(uint32_t at)
{
    uint32_t v = peek32(at);
    return (v >> 16) * 16 + (v & 0xFFFF);
}

/* ---- The ROM and its tables ---- */

static void tables(void)
{
    uint32_t size = peek8(0xC0002) * 512U, pcir = 0xC0000 + peek16(0xC0018), save = far(BDA + 0xA8);
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++)
        sum += peek8(0xC0000 + i);
    check(peek16(0xC0000) == 0xAA55 && size, "ROM at C0000", size);
    check(sum == 0, "ROM checksum, after its start", sum);
    check(equal("PCIR", pcir, 4), "PCI data structure", pcir);
    check(peek8(pcir + 0x0F) == 3 && peek8(pcir + 0x0E) == 0, "PCI class of a VGA", pcir);
    check(peek16(pcir + 0x10) == size / 512, "PCI image length", peek16(pcir + 0x10));
    check(peek16(0x42) == 0xC000, "INT 10h is the ROM's", peek32(0x40));
    check(peek8(far(0x1D * 4) + 0x48) == 40 && peek8(far(0x1D * 4) + 0x4A) == 80, "INT 1Dh columns",
          peek8(far(0x1D * 4) + 0x48));
    check(peek8(far(save) + 0x18 * 64) == 80 && peek8(far(save) + 0x18 * 64 + 2) == 16,
          "40:A8 parameters of mode 3", save);
    check(peek8(far(save) + 0x1B * 64 + 9) == 0xE3, "40:A8 parameters of mode 12", save);
    check(peek16(far(save + 16)) == 26, "40:A8 second table", save);
    check((peek16(0x410) & 0x30) == 0x20, "equipment: 80 columns, colour", peek16(0x410));
    check((peek8(BDA + 0x87) & 0xE0) == 0x60, "40:87 256 KiB", peek8(BDA + 0x87));
    check(peek8(BDA + 0x89) & 1, "40:89 VGA", peek8(BDA + 0x89));
}

/* ---- AH=00h and 0Fh ---- */

struct mode {
    uint8_t number, columns, rows, height;
    uint16_t page, lines, segment;
};

static const struct mode modes[] = {
    { 0x00, 40, 25, 16, 0x800, 400, 0xB800 },  { 0x01, 40, 25, 16, 0x800, 400, 0xB800 },
    { 0x02, 80, 25, 16, 0x1000, 400, 0xB800 }, { 0x03, 80, 25, 16, 0x1000, 400, 0xB800 },
    { 0x04, 40, 25, 8, 0x4000, 400, 0xB800 },  { 0x05, 40, 25, 8, 0x4000, 400, 0xB800 },
    { 0x06, 80, 25, 8, 0x4000, 400, 0xB800 },  { 0x07, 80, 25, 16, 0x1000, 400, 0xB000 },
    { 0x0D, 40, 25, 8, 0x2000, 400, 0xA000 },  { 0x0E, 80, 25, 8, 0x4000, 400, 0xA000 },
    { 0x0F, 80, 25, 14, 0x8000, 350, 0xA000 }, { 0x10, 80, 25, 14, 0x8000, 350, 0xA000 },
    { 0x11, 80, 30, 16, 0xA000, 480, 0xA000 }, { 0x12, 80, 30, 16, 0xA000, 480, 0xA000 },
    { 0x13, 40, 25, 8, 0x2000, 400, 0xA000 },
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

static uint32_t lines(void)
{
    return crtc(0x12) + 1U + (crtc(7) & 2U) * 128 + (crtc(7) & 0x40U) * 8;
}

static void set_modes(void)
{
    uint32_t wrong = 0, state = 0, page = 0, shown = 0, dirty = 0;
    for (const struct mode *m = modes; m < modes + MODES; m++) {
        uint32_t bit = 1U << m->number;
        video(m->number, 0, 0, 0);
        struct registers r = video(0x0F00, 0xFFFF, 0, 0);
        wrong |= AL(r) != m->number || AH(r) != m->columns || (r.ebx >> 8 & 0xFF) != 0 ? bit : 0;
        state |= peek8(BDA + 0x49) != m->number || peek16(BDA + 0x4A) != m->columns ||
                         peek8(BDA + 0x84) != m->rows - 1 || peek16(BDA + 0x85) != m->height
                     ? bit
                     : 0;
        page |= peek16(BDA + 0x4C) != m->page || peek16(BDA + 0x4E) || peek8(BDA + 0x62) ? bit : 0;
        shown |= lines() != m->lines ||
                         crtc(1) + 1U != (m->columns == 40 && m->number != 0x13 ? 40U : 80U)
                     ? bit
                     : 0;
        uint16_t blank = m->segment == 0xA000 || (m->number >= 4 && m->number <= 6) ? 0 : 0x0720;
        dirty |= peek16(m->segment * 16U + 100) != blank ? bit : 0;
    }
    check(!wrong, "10/00, 0F each mode", wrong);
    check(!state, "40:49, 4A, 84, 85 of each mode", state);
    check(!page, "40:4C, 4E, 62 of each mode", page);
    check(!shown, "CRTC size of each mode", shown);
    check(!dirty, "10/00 clears memory", dirty);
}

static void mode_flags(void)
{
    video(3, 0, 0, 0);
    poke16(0xB8000, 0x1E41);
    video(0x83, 0, 0, 0);
    check(peek16(0xB8000) == 0x1E41, "10/00 bit 7 keeps memory", peek16(0xB8000));
    check(AL(video(0x0F00, 0, 0, 0)) == 0x83, "10/0F bit 7", 0);
    check(peek8(BDA + 0x87) & 0x80, "40:87 bit 7", peek8(BDA + 0x87));
    video(3, 0, 0, 0);
    check(peek16(0xB8000) == 0x0720, "10/00 clears it", peek16(0xB8000));
    video(0x6F, 0, 0, 0);
    check(AL(video(0x0F00, 0, 0, 0)) == 3, "10/00 unknown mode", 0);
    video(7, 0, 0, 0);
    check(peek16(BDA + 0x63) == 0x3B4, "mode 7 has its CRTC at 3B4", peek16(BDA + 0x63));
    check(peek8(BDA + 0x65) == 0x29, "40:65", peek8(BDA + 0x65));
    video(3, 0, 0, 0);
    check(peek16(BDA + 0x63) == 0x3D4, "mode 3 has it at 3D4", peek16(BDA + 0x63));
}

/* ---- AH=01h to 05h ---- */

static void cursor(void)
{
    struct registers r;
    video(3, 0, 0, 0);
    r = video(0x0300, 0, 0, 0);
    check((uint16_t)r.ecx == 0x0607 && (uint16_t)r.edx == 0, "10/03 after 00", r.ecx);
    check(crtc(0x0A) == 13 && crtc(0x0B) == 14, "CRTC cursor after 00", crtc(0x0A));
    video(0x0100, 0, 0x0607, 0);
    check(crtc(0x0A) == 13 && crtc(0x0B) == 14, "10/01 lines 6 and 7 are emulated", crtc(0x0A));
    video(0x0100, 0, 0x2000, 0);
    check(crtc(0x0A) & 0x20, "10/01 off", crtc(0x0A));
    video(0x1201, 0x34, 0, 0);
    video(0x0100, 0, 0x0305, 0);
    check(crtc(0x0A) == 3 && crtc(0x0B) == 5, "10/01 without emulation", crtc(0x0A));
    video(0x1200, 0x34, 0, 0);
    video(0x0200, 0, 0, 0x0A14);
    check(crtc(0x0E) * 256U + crtc(0x0F) == 10 * 80 + 20, "10/02 CRTC", crtc(0x0F));
    r = video(0x0300, 0, 0, 0);
    check((uint16_t)r.edx == 0x0A14 && (uint16_t)r.ecx == 0x0305, "10/03", r.edx);
    check(AH(video(0x0400, 0, 0, 0)) == 0, "10/04 no light pen", 0);
    video(0x0200, 0x0200, 0, 0x0102);
    video(0x0502, 0, 0, 0);
    check(peek8(BDA + 0x62) == 2 && peek16(BDA + 0x4E) == 0x2000, "10/05 40:62, 4E",
          peek16(BDA + 0x4E));
    check(crtc(0x0C) * 256U + crtc(0x0D) == 0x1000, "10/05 CRTC start", crtc(0x0C));
    check(crtc(0x0E) * 256U + crtc(0x0F) == 0x1000 + 82, "10/05 CRTC cursor", crtc(0x0F));
    check((video(0x0F00, 0, 0, 0).ebx >> 8 & 0xFF) == 2, "10/0F page", 0);
    video(0x0500, 0, 0, 0);
}

/* ---- AH=06h to 0Ah, 0Eh, 13h in text modes ---- */

static void characters(void)
{
    struct registers r;
    video(3, 0, 0, 0);
    video(0x0200, 0, 0, 0x0203);
    video(0x0941, 0x001E, 3, 0);
    check(peek16(0xB8000 + 326) == 0x1E41 && peek16(0xB8000 + 330) == 0x1E41 &&
              peek16(0xB8000 + 332) == 0x0720,
          "10/09 three times", peek16(0xB8000 + 330));
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x0203, "10/09 cursor stays", 0);
    video(0x0A42, 0x0000, 1, 0);
    check(peek16(0xB8000 + 326) == 0x1E42, "10/0A keeps the attribute", peek16(0xB8000 + 326));
    r = video(0x0800, 0, 0, 0);
    check(AX(r) == 0x1E42, "10/08", r.eax);
    r = video(0x0E43, 7, 0x1234, 0x5678);
    check(peek16(0xB8000 + 326) == 0x1E43, "10/0E", peek16(0xB8000 + 326));
    check((uint16_t)r.ebx == 7 && r.ecx == 0x1234 && r.edx == 0x5678 && AX(r) == 0x0E43,
          "10/0E keeps registers", r.eax);
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x0204, "10/0E moves on", 0);
    video(0x0E08, 7, 0, 0);
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x0203, "10/0E backspace", 0);
    video(0x0E0D, 7, 0, 0);
    video(0x0E08, 7, 0, 0);
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x0200, "10/0E carriage return", 0);
    video(0x0E0A, 7, 0, 0);
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x0300, "10/0E line feed", 0);
    video(0x0200, 0x0300, 0, 0x0105);
    video(0x0944, 0x0370, 1, 0);
    check(peek16(0xB8000 + 0x3000 + 170) == 0x7044, "10/09 another page",
          peek16(0xB8000 + 0x3000 + 170));
    check(AX(video(0x0800, 0x0300, 0, 0)) == 0x7044, "10/08 another page", 0);
}

/* Row y of the screen begins with the letter 'a' + y, and ends with it. */
static void letters(void)
{
    for (uint32_t y = 0; y < 25; y++) {
        poke16(0xB8000 + y * 160, (uint16_t)(0x0761 + y));
        poke16(0xB8000 + y * 160 + 158, (uint16_t)(0x0761 + y));
    }
}

static uint16_t at(uint32_t row, uint32_t column)
{
    return peek16(0xB8000 + row * 160 + column * 2);
}

static void scrolling(void)
{
    letters();
    video(0x0602, 0x1F00, 0x0100, 0x0A00 | 40);
    check(at(1, 0) == 0x0764 && at(8, 0) == 0x076B, "10/06 up by two", at(1, 0));
    check(at(9, 0) == 0x1F20 && at(10, 40) == 0x1F20, "10/06 blank lines", at(9, 0));
    check(at(0, 0) == 0x0761 && at(11, 0) == 0x076C && at(1, 79) == 0x0762, "10/06 window only",
          at(1, 79));
    letters();
    video(0x0701, 0x2F00, 0x0100, 0x0A00 | 79);
    check(at(2, 0) == 0x0762 && at(10, 79) == 0x076A, "10/07 down by one", at(2, 0));
    check(at(1, 0) == 0x2F20 && at(1, 79) == 0x2F20, "10/07 blank line", at(1, 0));
    video(0x0600, 0x4E00, 0, 0xFFFF);
    check(at(0, 0) == 0x4E20 && at(24, 79) == 0x4E20, "10/06 clears, larger than the screen",
          at(24, 79));
    letters();
    video(0x0200, 0, 0, 0x1800 | 79);
    video(0x0E58, 7, 0, 0);
    check(at(0, 0) == 0x0762 && at(23, 79) == 0x0758, "10/0E scrolls at the end", at(23, 79));
    check(at(24, 5) == 0x0720 || at(24, 5) == 0x4E20, "10/0E new line's attribute", at(24, 5));
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x1800, "10/0E cursor after it", 0);
}

static void strings(void)
{
    static const char plain[] = "AB";
    for (unsigned i = 0; i < 4; i++)
        poke8(BUFFER + i, "A\x12"
                          "B\x34"[i]);
    video(3, 0, 0, 0);
    with_buffer(0x1302, 0, 2, 0x0305);
    check(at(3, 5) == 0x1241 && at(3, 6) == 0x3442, "10/1302 with attributes", at(3, 6));
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0, "10/1302 cursor stays", 0);
    with_buffer(0x1303, 0, 2, 0x0400);
    check((uint16_t)video(0x0300, 0, 0, 0).edx == 0x0402, "10/1303 cursor moves", 0);
    for (unsigned i = 0; i < 2; i++)
        poke8(BUFFER + i, (uint8_t)plain[i]);
    with_buffer(0x1301, 0x1C, 2, 0x0500);
    check(at(5, 1) == 0x1C42, "10/1301 one attribute", at(5, 1));
    with_buffer(0x1300, 0x2D, 2, 0x0600);
    check(at(6, 0) == 0x2D41 && (uint16_t)video(0x0300, 0, 0, 0).edx == 0x0502, "10/1300",
          at(6, 0));
}

/* ---- Graphics modes ---- */

static void graphics(void)
{
    uint32_t unread = 0, left = 0, dots = 0, moved = 0, upper = 0;
    static const uint8_t numbers[] = { 4, 5, 6, 0x0D, 0x0E, 0x10, 0x11, 0x12, 0x13 };
    for (unsigned i = 0; i < sizeof(numbers); i++) {
        uint32_t bit = 1U << numbers[i];
        uint8_t color = numbers[i] == 6 || numbers[i] == 0x11 ? 1 : 3;
        video(numbers[i], 0, 0, 0);
        video(0x0200, 0, 0, 0x0509);
        video(0x0951, color, 1, 0);
        unread |= AL(video(0x0800, 0, 0, 0)) != 'Q' ? bit : 0;
        video(0x0601, 0, 0x0400, 0x0A00 | 39);
        video(0x0200, 0, 0, 0x0409);
        moved |= AL(video(0x0800, 0, 0, 0)) != 'Q' ? bit : 0;
        video(0x09E1, color, 1, 0);
        upper |= AL(video(0x0800, 0, 0, 0)) != 0xE1 ? bit : 0;
        video(0x0920, color, 1, 0);
        if (numbers[i] != 0x13) {
            video(0x0951, color | 0x80U, 1, 0);
            video(0x0951, color | 0x80U, 1, 0);
        }
        uint8_t c = AL(video(0x0800, 0, 0, 0));
        left |= c != ' ' && c != 0xFF && c != 0 ? bit : 0;
        video(0x0C00 | color, 0, 37, 91);
        dots |= AL(video(0x0D00, 0, 37, 91)) != color || AL(video(0x0D00, 0, 36, 91)) != 0 ? bit
                                                                                           : 0;
        if (numbers[i] != 0x13) {
            video(0x0C80 | color, 0, 37, 91);
            dots |= AL(video(0x0D00, 0, 37, 91)) != 0 ? bit : 0;
        }
    }
    check(!unread, "10/09, 08 graphics modes", unread);
    check(!moved, "10/06 graphics modes", moved);
    check(!upper, "10/09, 08 upper half", upper);
    check(!left, "10/09 XOR twice", left);
    check(!dots, "10/0C, 0D dots", dots);
    video(0x0D, 0, 0, 0);
    video(0x0E41, 2, 0, 0);
    video(0x0200, 0, 0, 0);
    check(AL(video(0x0800, 0, 0, 0)) == 'A', "10/0E graphics mode", 0);
    video(0x0501, 0, 0, 0);
    check(crtc(0x0C) == 0x20, "10/05 graphics mode", crtc(0x0C));
}

/* ---- AH=0Bh, 10h ---- */

static uint32_t color(uint8_t index)
{
    struct registers r = video(0x1015, index, 0, 0);
    return (r.edx & 0xFF00) << 8 | (r.ecx & 0xFFFF);
}

static uint8_t attribute(uint8_t index)
{
    return (uint8_t)(video(0x1007, index, 0, 0).ebx >> 8);
}

static void registers(void)
{
    video(3, 0, 0, 0);
    check(attribute(6) == 0x14 && attribute(15) == 0x3F, "10/1007 mode 3", attribute(6));
    video(0x1000, 0x2A05, 0, 0);
    check(attribute(5) == 0x2A, "10/1000", attribute(5));
    video(0x1001, 0x1500, 0, 0);
    check((video(0x1008, 0, 0, 0).ebx >> 8 & 0xFF) == 0x15, "10/1001, 1008", 0);
    for (uint8_t i = 0; i < 17; i++)
        poke8(BUFFER + i, (uint8_t)(i + 1));
    with_buffer(0x1002, 0, 0, 0);
    check(attribute(0) == 1 && attribute(15) == 16 && attribute(0x11) == 17, "10/1002",
          attribute(15));
    poke8(BUFFER + 16, 0);
    with_buffer(0x1009, 0, 0, 0);
    check(peek8(BUFFER) == 1 && peek8(BUFFER + 16) == 17, "10/1009", peek8(BUFFER + 16));
    video(0x1003, 0, 0, 0);
    check(!(attribute(0x10) & 8), "10/1003 no blinking", attribute(0x10));
    video(0x1003, 1, 0, 0);
    check(attribute(0x10) & 8, "10/1003 blinking", attribute(0x10));
    video(0x1013, 0x0100, 0, 0);
    video(0x1013, 0x0601, 0, 0);
    struct registers r = video(0x101A, 0, 0, 0);
    check((uint16_t)r.ebx == 0x0601, "10/1013, 101A", r.ebx);
    video(4, 0, 0, 0);
    video(0x0B00, 0x0100, 0, 0);
    check(attribute(1) == 0x12, "10/0B green, red, yellow", attribute(1));
    video(0x0B00, 0x0101, 0, 0);
    check(attribute(1) == 0x13, "10/0B cyan, magenta, white", attribute(1));
    video(0x0B00, 0x0004, 0, 0);
    check(attribute(0) == 4 && attribute(0x11) == 4, "10/0B background", attribute(0));
}

static void colors(void)
{
    video(3, 0, 0, 0);
    check(color(0x14) == 0x2A1500 && color(0x3F) == 0x3F3F3F, "DAC of mode 3", color(0x14));
    video(0x0D, 0, 0, 0);
    check(color(6) == 0x2A1500 && color(0x16) == 0x3F3F15, "DAC of mode 0D", color(6));
    video(0x0F, 0, 0, 0);
    check(color(8) == 0x2A2A2A && color(0x18) == 0x3F3F3F, "DAC of mode 0F", color(8));
    video(0x13, 0, 0, 0);
    check(color(0x20) == 0x00003F && color(0x21) == 0x10003F && color(0x2A) == 0x3F1F00 &&
              color(0x39) == 0x311F3F - 0x0A0000 && color(0x1E) == 0x383838 &&
              color(0xF7) == 0x0B0C10 && color(0xF8) == 0,
          "DAC of mode 13", color(0x39));
    video(0x1010, 7, 0x1122, 0x3300);
    check(color(7) == 0x331122, "10/1010, 1015", color(7));
    for (uint8_t i = 0; i < 6; i++)
        poke8(BUFFER + i, (uint8_t)(i + 1));
    with_buffer(0x1012, 100, 2, 0);
    check(color(101) == 0x040506, "10/1012", color(101));
    poke32(BUFFER, 0);
    with_buffer(0x1017, 100, 2, 0);
    check(peek32(BUFFER) == 0x04030201, "10/1017", peek32(BUFFER));
    video(0x1018, 0x7F, 0, 0);
    check((uint8_t)video(0x1019, 0, 0, 0).ebx == inb(0x3C6), "10/1018, 1019", inb(0x3C6));
    video(0x1010, 7, 0x0000, 0x3F00);
    video(0x101B, 7, 1, 0);
    check(color(7) == 0x131313, "10/101B 30 % of red", color(7));
    video(0x1200, 0x33, 0, 0);
    video(0x1010, 8, 0x3F00, 0);
    check(color(8) == 0x252525, "10/12 BL=33 59 % of green", color(8));
    video(0x1201, 0x33, 0, 0);
}

/* ---- AH=11h ---- */

static uint8_t plane2(uint32_t offset)
{
    outb(0x3C4, 4);
    outb(0x3C5, 7);
    outb(0x3CE, 4);
    outb(0x3CF, 2);
    outb(0x3CE, 5);
    outb(0x3CF, 0);
    outb(0x3CE, 6);
    outb(0x3CF, 4);
    uint8_t v = peek8(0xA0000 + offset);
    outb(0x3C4, 4);
    outb(0x3C5, 3);
    outb(0x3CE, 4);
    outb(0x3CF, 0);
    outb(0x3CE, 5);
    outb(0x3CF, 0x10);
    outb(0x3CE, 6);
    outb(0x3CF, 0x0E);
    return v;
}

static uint32_t font(uint8_t which)
{
    struct registers r = { .eax = 0x1130, .ebx = (uint32_t)which << 8 };
    interrupt(0x10, &r);
    return r.es * 16U + (uint16_t)r.ebp;
}

static void fonts(void)
{
    video(3, 0, 0, 0);
    struct registers r = video(0x1130, 0x0600, 0, 0);
    check((uint16_t)r.ecx == 16 && (uint8_t)r.edx == 24, "10/1130 height and rows", r.ecx);
    check(font(0) == far(0x1F * 4) && font(1) == far(0x43 * 4), "10/1130 vectors", font(1));
    check(font(4) == font(3) + 128 * 8, "10/1130 halves of 8x8", font(4));
    uint32_t f16 = font(6), f14 = font(2);
    check(plane2('A' * 32 + 5) == peek8(f16 + 'A' * 16 + 5), "mode 3 has 8x16 in plane 2", 0);
    video(0x1112, 0, 0, 0);
    check(peek8(BDA + 0x84) == 49 && peek8(BDA + 0x85) == 8 && (crtc(9) & 0x1F) == 7, "10/1112",
          peek8(BDA + 0x84));
    check(peek16(BDA + 0x4C) >= 8000, "10/1112 page", peek16(BDA + 0x4C));
    check(plane2('A' * 32 + 2) == peek8(font(3) + 'A' * 8 + 2), "10/1112 plane 2", 0);
    video(0x1111, 0, 0, 0);
    check(peek8(BDA + 0x84) == 27 && plane2('A' * 32 + 4) == peek8(f14 + 'A' * 14 + 4), "10/1111",
          peek8(BDA + 0x84));
    video(0x1114, 0, 0, 0);
    check(peek8(BDA + 0x84) == 24 && peek8(BDA + 0x85) == 16, "10/1114", peek8(BDA + 0x84));
    for (uint8_t i = 0; i < 32; i++)
        poke8(BUFFER + i, (uint8_t)(0x40 + i));
    with_buffer(0x1100, 0x1002, 2, 0x41);
    check(plane2(0x8000 + 0x42 * 32 + 3) == 0x53, "10/1100 block 2",
          plane2(0x8000 + 0x42 * 32 + 3));
    video(0x1104, 5, 0, 0);
    check(plane2(0x6000 + 'A' * 32 + 5) == peek8(f16 + 'A' * 16 + 5), "10/1104 block 5", 0);
    video(0x1103, 0x05, 0, 0);
    check(reg(0x3C4, 3) == 0x05, "10/1103", reg(0x3C4, 3));
    check(peek16(0xB8000) == 0x0720, "10/11 text is still there", peek16(0xB8000));
    video(0x12, 0, 0, 0);
    check(far(0x43 * 4) == f16, "mode 12 draws 8x16", far(0x43 * 4));
    video(0x1123, 2, 0, 0);
    check(far(0x43 * 4) == font(3) && peek8(BDA + 0x85) == 8 && peek8(BDA + 0x84) == 24, "10/1123",
          peek8(BDA + 0x84));
    video(0x1122, 0, 0, 34);
    check(far(0x43 * 4) == f14 && peek8(BDA + 0x84) == 33, "10/1122 BL=0: DL rows",
          peek8(BDA + 0x84));
    with_buffer(0x1121, 3, 9, 0);
    check(far(0x43 * 4) == BUFFER && peek8(BDA + 0x85) == 9 && peek8(BDA + 0x84) == 42, "10/1121",
          peek8(BDA + 0x84));
    with_buffer(0x1120, 0, 0, 0);
    check(far(0x1F * 4) == BUFFER, "10/1120", far(0x1F * 4));
    video(3, 0, 0, 0);
}

/* ---- AH=12h, 1Ah, 1Bh, 1Ch ---- */

static void alternate(void)
{
    struct registers r = video(0x1200, 0x10, 0, 0);
    check((uint16_t)r.ebx == 0x0003 && (r.ecx & 15) == 9, "10/12 BL=10", r.ebx);
    for (uint8_t i = 0; i < 3; i++) {
        static const uint8_t heights[3] = { 8, 14, 16 };
        static const char *const names[3] = { "10/12 BL=30 200 lines", "10/12 BL=30 350 lines",
                                              "10/12 BL=30 400 lines" };
        bool known = AL(video(0x1200 | i, 0x30, 0, 0)) == 0x12;
        video(3, 0, 0, 0);
        check(known && peek8(BDA + 0x85) == heights[i] && peek8(BDA + 0x84) == 24, names[i],
              peek8(BDA + 0x85));
    }
    video(0x1201, 0x31, 0, 0);
    video(0x1010, 7, 0x0102, 0x0300);
    video(3, 0, 0, 0);
    check(color(7) == 0x030102, "10/12 BL=31 keeps colours", color(7));
    video(0x1200, 0x31, 0, 0);
    video(3, 0, 0, 0);
    check(color(7) == 0x2A2A2A, "10/12 BL=31 loads them", color(7));
    check(AL(video(0x1201, 0x32, 0, 0)) == 0x12 && !(inb(0x3CC) & 2), "10/12 BL=32", inb(0x3CC));
    video(0x1200, 0x32, 0, 0);
    check(AL(video(0x1201, 0x36, 0, 0)) == 0x12 && reg(0x3C4, 1) & 0x20, "10/12 BL=36", 0);
    video(0x1200, 0x36, 0, 0);
    check(!(reg(0x3C4, 1) & 0x20), "10/12 BL=36 on", reg(0x3C4, 1));
}

static void states(void)
{
    struct registers r = video(0x1A00, 0, 0, 0);
    check(AL(r) == 0x1A && (uint16_t)r.ebx == 0x0008, "10/1A00", r.ebx);
    check(AL(video(0x1A01, 0x0008, 0, 0)) == 0x1A, "10/1A01", 0);
    video(3, 0, 0, 0);
    video(0x0200, 0, 0, 0x0203);
    r = with_buffer(0x1B00, 0, 0, 0);
    check(AL(r) == 0x1B && peek8(BUFFER + 4) == 3 && peek16(BUFFER + 5) == 80, "10/1B mode", r.eax);
    check(peek16(BUFFER + 0x0B) == 0x0203, "10/1B cursor", peek16(BUFFER + 0x0B));
    check(peek8(BUFFER + 0x22) == 25 && peek16(BUFFER + 0x23) == 16, "10/1B rows and height",
          peek8(BUFFER + 0x22));
    check(peek8(BUFFER + 0x25) == 8 && peek16(BUFFER + 0x27) == 16 && peek8(BUFFER + 0x29) == 8 &&
              peek8(BUFFER + 0x2A) == 2 && peek8(BUFFER + 0x31) == 3,
          "10/1B display, colours, pages, lines, memory", peek32(BUFFER + 0x25));
    check(peek8(far(BUFFER)) == 0xFF && peek8(far(BUFFER) + 2) == 0x0F &&
              peek8(far(BUFFER) + 7) == 7,
          "10/1B functionality", peek32(far(BUFFER)));
    r = video(0x1C00, 0, 7, 0);
    check(AL(r) == 0x1C && (uint16_t)r.ebx >= 14, "10/1C00", r.ebx);
    video(0x1010, 9, 0x0102, 0x0300);
    with_buffer(0x1C01, 0, 7, 0);

    video(0x13, 0, 0, 0);
    check(AL(with_buffer(0x1C02, 0, 7, 0)) == 0x1C, "10/1C02", 0);
    check(AL(video(0x0F00, 0, 0, 0)) == 3 && lines() == 400 && reg(0x3CE, 6) == 0x0E,
          "10/1C02 mode 3 is back", reg(0x3CE, 6));
    check(color(9) == 0x030102 && (uint16_t)video(0x0300, 0, 0, 0).edx == 0x0203,
          "10/1C02 colours and cursor", color(9));
}

void test(void)
{
    tables();
    set_modes();
    mode_flags();
    cursor();
    characters();
    scrolling();
    strings();
    graphics();
    registers();
    colors();
    fonts();
    alternate();
    states();
    video(3, 0, 0, 0);
}
