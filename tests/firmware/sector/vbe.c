/* VBE 3.0 and VBE/DDC: INT 10h AH=4Fh. */
#include "sector.h"

#define INFO  0x50000
#define MODE  0x51000
#define EDID  0x52000
#define STATE 0x53000
#define CODE  0x60000 /* a copy of the protected-mode interface; before it, a way in */
#define THUNK 0x5FF00

static bool bochs; /* the VGA with the Bochs VBE extension, not the Cirrus: by its memory */

static struct registers vbe(uint8_t function, uint32_t buffer, uint32_t ebx, uint32_t ecx,
                            uint32_t edx)
{
    struct registers r = {
        .eax = 0x4F00U | function, .ebx = ebx, .ecx = ecx, .edx = edx, .es = (uint16_t)(buffer >> 4)
    };
    interrupt(0x10, &r);
    return r;
}

static uint32_t far(uint32_t at)
{
    uint32_t v = peek32(at);
    return (v >> 16) * 16 + (v & 0xFFFF);
}

static void information(void)
{
    for (uint32_t i = 0; i < 512; i += 4)
        poke32(INFO + i, 0xEEEEEEEE);
    struct registers r = vbe(0x00, INFO, 0, 0, 0);
    check(AX(r) == 0x004F && equal("VESA", INFO, 4), "4F00", r.eax);
    check(peek16(INFO + 4) >= 0x0200, "4F00 version", peek16(INFO + 4));
    check(peek32(INFO + 0x100) == 0xEEEEEEEE, "4F00 without VBE2: 256 bytes", peek32(INFO + 0x100));
    for (uint8_t i = 0; i < 4; i++)
        poke8(INFO + i, (uint8_t) "VBE2"[i]);
    r = vbe(0x00, INFO, 0, 0, 0);
    check(AX(r) == 0x004F && peek16(INFO + 4) >= 0x0300, "4F00 VBE 3.0", peek16(INFO + 4));
    bochs = peek16(INFO + 0x12) == 256;
    check(bochs || peek16(INFO + 0x12) == 64, "4F00 16 or 4 MiB", peek16(INFO + 0x12));
    check((peek32(INFO + 0x0A) & 1) == bochs, "4F00 DAC of 8 bits", peek32(INFO + 0x0A));
    check(peek8(far(INFO + 0x06)) && peek8(far(INFO + 0x16)) && peek8(far(INFO + 0x1A)),
          "4F00 names", peek32(INFO + 6));
}

static bool has_mode(uint16_t wanted)
{
    uint32_t list = far(INFO + 0x0E);
    for (unsigned i = 0; i < 111 && peek16(list + 2 * i) != 0xFFFF; i++) {
        if (peek16(list + 2 * i) == wanted)
            return true;
    }
    return false;
}

/* Each mode of the list is set, and set linear where it can be; all its numbers fit each other. */
static void all_modes(void)
{
    uint32_t list = far(INFO + 0x0E), count = 0, unknown = 0, size = 0, unset = 0, deep = 0,
             memory = 0;
    uint16_t number;
    for (; count < 111 && (number = peek16(list + 2 * count)) != 0xFFFF; count++) {
        if (AX(vbe(0x01, MODE, 0, number, 0)) != 0x004F || !(peek16(MODE) & 1)) {
            unknown = number;
            continue;
        }
        uint32_t line = peek16(MODE + 0x10), width = peek16(MODE + 0x12), bits = peek8(MODE + 0x19);
        bool linear = peek16(MODE) & 0x80;
        if (line < width * bits / (peek8(MODE + 0x18) == 4 ? 32 : 8) ||
            line * peek16(MODE + 0x14) * peek8(MODE + 0x18) > 16U << 20)
            size = number;
        if (linear && (peek32(MODE + 0x28) < 0x100000 || peek16(MODE + 0x32) != line))
            memory = number;
        if (bits > 8 && (peek8(MODE + 0x1B) != 6 || peek8(MODE + 0x1F) != (bits < 24 ? 5 : 8) ||
                         peek8(MODE + 0x20) != (bits == 15   ? 10
                                                : bits == 16 ? 11
                                                             : 16)))
            deep = number;
        if (AX(vbe(0x02, 0, number, 0, 0)) != 0x004F ||
            (uint16_t)vbe(0x03, 0, 0, 0, 0).ebx != number)
            unset = number;
        if (linear && (AX(vbe(0x02, 0, number | 0x4000, 0, 0)) != 0x004F ||
                       (uint16_t)vbe(0x03, 0, 0, 0, 0).ebx != (number | 0x4000)))
            unset = number;
    }
    check(count > 20 && count < 111, "4F00 list", count);
    check(!unknown, "4F01 each mode of the list", unknown);
    check(!size, "4F01 sizes", size);
    check(!memory, "4F01 linear buffer", memory);
    check(!deep, "4F01 colours", deep);
    check(!unset, "4F02, 4F03 each mode", unset);
    check(has_mode(0x101) && has_mode(0x105) && has_mode(0x117) && has_mode(0x118),
          "4F00 VESA's modes", 0);
    check(has_mode(0x18A) == bochs, "4F00 2560x1600, 16 bits", 0);
    check(!has_mode(0x18C) || peek16(INFO + 0x12) * 65536U >= 2560 * 1600 * 4, "4F00 what fits", 0);
    check(AX(vbe(0x01, MODE, 0, 0x1F0, 0)) == 0x014F, "4F01 unknown mode", 0);
    check(AX(vbe(0x02, 0, 0x1F0, 0, 0)) == 0x014F, "4F02 unknown mode", 0);
}

/* The 64 KiB window shows all of memory. */
static void windows(void)
{
    vbe(0x02, 0, 0x105, 0, 0);
    check(peek32(0xA0000) == 0, "4F02 clears memory", peek32(0xA0000));
    for (uint32_t i = 0; i < 12; i++) {
        vbe(0x05, 0, 0, 0, i);
        poke32(0xA1234, 0x1000 + i);
    }
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 12; i++) {
        vbe(0x05, 0, 0, 0, i);
        wrong |= peek32(0xA1234) != 0x1000 + i || (uint16_t)vbe(0x05, 0, 0x0100, 0, 0).edx != i;
    }
    check(!wrong, "4F05 twelve windows", wrong);
    check(AX(vbe(0x05, 0, 0x0001, 0, 0)) != 0x004F, "4F05 no window B", 0);
    check(AX(vbe(0x05, 0, 0, 0, 0xFFFF)) != 0x004F, "4F05 beyond memory", 0);
    vbe(0x05, 0, 0, 0, 3);
    vbe(0x02, 0, 0x8105, 0, 0);
    vbe(0x05, 0, 0, 0, 5);
    check(peek32(0xA1234) == 0x1005, "4F02 keeps memory", peek32(0xA1234));
    vbe(0x02, 0, 3, 0, 0);
    check((uint16_t)vbe(0x03, 0, 0, 0, 0).ebx == 3, "4F02 a VGA mode", 0);
    check(AX(vbe(0x05, 0, 0, 0, 0)) != 0x004F, "4F05 not in a VGA mode", 0);
}

static void scanlines(void)
{
    vbe(0x02, 0, 0x4111, 0, 0); /* 640x480, 16 bits */
    struct registers r = vbe(0x06, 0, 1, 0, 0);
    check(AX(r) == 0x004F && (uint16_t)r.ebx == 1280 && (uint16_t)r.ecx == 640, "4F06 get", r.ebx);
    r = vbe(0x06, 0, 0, 800, 0);
    check((uint16_t)r.ebx == 1600 && (uint16_t)r.ecx == 800, "4F06 in pixels", r.ecx);
    r = vbe(0x06, 0, 2, 2048, 0);
    check((uint16_t)r.ebx == 2048 && (uint16_t)r.ecx == 1024, "4F06 in bytes", r.ecx);
    check((uint16_t)r.edx >= 2048, "4F06 lines", r.edx);
    r = vbe(0x06, 0, 3, 0, 0);
    check(AX(r) == 0x004F && (uint16_t)r.ecx > 1024 && (uint16_t)r.ebx >= (uint16_t)r.ecx,
          "4F06 most", r.ecx);
    check(AX(vbe(0x06, 0, 0, 320, 0)) != 0x004F, "4F06 shorter than the screen", 0);
    check(AX(vbe(0x07, 0, 0, 64, 100)) == 0x004F, "4F07 set", 0);
    r = vbe(0x07, 0, 1, 0, 0);
    check((uint16_t)r.ecx == 64 && (uint16_t)r.edx == 100, "4F07 get", r.ecx);
    check(AX(vbe(0x07, 0, 0x80, 0, 200)) == 0x004F && (uint16_t)vbe(0x07, 0, 1, 0, 0).edx == 200,
          "4F07 during retrace", 0);
    check(AX(vbe(0x07, 0, 0, 0, 0xFFF0)) != 0x004F, "4F07 beyond memory", 0);
}

static void colors(void)
{
    vbe(0x02, 0, 0x101, 0, 0);
    check((vbe(0x08, 0, 1, 0, 0).ebx >> 8 & 0xFF) == 6, "4F08 6 bits", 0);
    check((vbe(0x08, 0, 0x0800, 0, 0).ebx >> 8 & 0xFF) == (bochs ? 8 : 6), "4F08 8 bits", 0);
    poke32(STATE, 0x00302010);
    check(AX(vbe(0x09, STATE, 0, 1, 17)) == 0x004F, "4F09 set", 0);
    poke32(STATE, 0);
    check(AX(vbe(0x09, STATE, 1, 1, 17)) == 0x004F && (peek32(STATE) & 0xFFFFFF) == 0x302010,
          "4F09 get", peek32(STATE));
    struct registers r = call(0x10, 0x1015, 17, 0, 0);
    check((r.edx >> 8 & 0xFF) == 0x30 && (uint8_t)r.ecx == 0x10, "4F09 red, and blue last", r.ecx);
    check((vbe(0x08, 0, 0x0600, 0, 0).ebx >> 8 & 0xFF) == 6, "4F08 back to 6", 0);
    check(AX(vbe(0x09, STATE, 0, 257, 0)) != 0x004F, "4F09 more than 256", 0);
    vbe(0x02, 0, 0x117, 0, 0);
    check(AX(vbe(0x08, 0, 1, 0, 0)) != 0x004F, "4F08 not in direct colour", 0);
}

static void states(void)
{
    vbe(0x02, 0, 0x114, 0, 0); /* 800x600 */
    vbe(0x06, 0, 0, 1024, 0);
    struct registers r = vbe(0x04, 0, 0, 0x0F, 0);
    check(AX(r) == 0x004F && (uint16_t)r.ebx, "4F04 size", r.ebx);
    check(AX(vbe(0x04, STATE, 0, 0x0F, 1)) == 0x004F, "4F04 save", 0);
    vbe(0x02, 0, 3, 0, 0);
    check(AX(vbe(0x04, STATE, 0, 0x0F, 2)) == 0x004F, "4F04 restore", 0);
    check((uint16_t)vbe(0x03, 0, 0, 0, 0).ebx == 0x114, "4F04 the mode is back", 0);
    check((uint16_t)vbe(0x06, 0, 1, 0, 0).ecx == 1024, "4F04 and its line", 0);
}

/* A copy of the interface is called in 32-bit protected mode, by a near call behind a far one. */
static uint16_t protected_call(uint32_t entry, struct registers *r)
{
    uint32_t target = CODE + peek16(CODE + entry);
    poke8(THUNK, 0xE8);
    poke32(THUNK + 1, target - (THUNK + 5));
    poke8(THUNK + 5, 0xCB);
    flat_call(THUNK, r);
    return AX(*r);
}

static void protected_mode(void)
{
    vbe(0x02, 0, 0x105, 0, 0);
    struct registers r = vbe(0x0A, 0, 0, 0, 0);
    uint32_t size = (uint16_t)r.ecx, from = r.es * 16U + (uint16_t)r.edi;
    if (!bochs) {
        check(AX(r) != 0x004F, "4F0A there is none", r.eax);
        return;
    }
    check(AX(r) == 0x004F && size > 8 && size < 4096, "4F0A", r.ecx);
    if (AX(r) != 0x004F)
        return;
    for (uint32_t i = 0; i < size; i++)
        poke8(CODE + i, peek8(from + i));
    check(peek16(CODE) < size && peek16(CODE + 2) < size && peek16(CODE + 4) < size, "4F0A entries",
          peek32(CODE));
    r = (struct registers){ .eax = 0x4F05, .ebx = 0, .edx = 7 };
    protected_call(0, &r);
    check((uint16_t)vbe(0x05, 0, 0x0100, 0, 0).edx == 7, "4F0A window", 0);
    uint32_t start = (50 * 2048 + 16) / 4;
    r = (struct registers){ .eax = 0x4F07, .ebx = 0, .ecx = start & 0xFFFF, .edx = start >> 16 };
    vbe(0x06, 0, 0, 2048, 0);
    protected_call(2, &r);
    r = vbe(0x07, 0, 1, 0, 0);
    check((uint16_t)r.ecx == 16 && (uint16_t)r.edx == 50, "4F0A start", r.ecx);
    poke32(STATE, 0x00112233);
    r = (struct registers){ .eax = 0x4F09, .ecx = 1, .edx = 200, .edi = STATE };
    protected_call(4, &r);
    r = call(0x10, 0x1015, 200, 0, 0);
    check((r.edx >> 8 & 0xFF) == 0x11 && (uint16_t)r.ecx == 0x2233, "4F0A colours", r.ecx);
}

static void others(void)
{
    struct registers r = vbe(0x0B, 0, 0, 40000000, 0x105);
    check(AX(r) == 0x004F && r.ecx, "4F0B pixel clock", r.ecx);
    r = vbe(0x10, 0, 0, 0, 0);
    check(AX(r) == 0x004F && (r.ebx >> 8 & 4), "4F10 power", r.ebx);
    vbe(0x10, 0, 0x0401, 0, 0);
    check((vbe(0x10, 0, 2, 0, 0).ebx >> 8 & 0xFF) == 4, "4F10 off", 0);
    vbe(0x10, 0, 0x0001, 0, 0);
    check((vbe(0x10, 0, 2, 0, 0).ebx >> 8 & 0xFF) == 0, "4F10 on", 0);
    check(AL(vbe(0x7E, 0, 0, 0, 0)) != 0x4F || AH(vbe(0x7E, 0, 0, 0, 0)), "4F7E unknown", 0);
}

static void monitor(void)
{
    struct registers r = vbe(0x15, 0, 0, 0, 0);
    if (!bochs) {
        check(AX(r) != 0x004F, "4F15 nobody answers", r.eax);
        return;
    }
    check(AX(r) == 0x004F && (uint8_t)r.ebx & 2, "4F15 DDC2", r.eax);
    r = vbe(0x15, EDID, 1, 0, 0);
    uint8_t sum = 0;
    for (uint32_t i = 0; i < 128; i++)
        sum += peek8(EDID + i);
    check(AX(r) == 0x004F && peek32(EDID) == 0xFFFFFF00 && sum == 0, "4F15 EDID", peek32(EDID));
    check(AX(vbe(0x15, EDID, 1, 0, 99)) != 0x004F, "4F15 no such block", 0);
}

/* Sixteen colours in four planes, where INT 10h draws characters. */
static void planes(void)
{
    vbe(0x01, MODE, 0, 0x102, 0);
    check(peek8(MODE + 0x18) == 4 && peek8(MODE + 0x1B) == 3 && peek16(MODE + 0x10) == 100,
          "4F01 102", peek16(MODE + 0x10));
    check(AX(vbe(0x02, 0, 0x102, 0, 0)) == 0x004F && peek16(0x44A) == 100 && peek8(0x484) == 36,
          "4F02 102 columns and rows", peek16(0x44A));
    call(0x10, 0x0200, 0, 0, 0x1E5A);
    call(0x10, 0x0951, 5, 1, 0);
    check(AL(call(0x10, 0x0800, 0, 0, 0)) == 'Q', "102 characters", 0);
    call(0x10, 0x0C09, 0, 700, 500);
    check(AL(call(0x10, 0x0D00, 0, 700, 500)) == 9, "102 dots", 0);
}

void test(void)
{
    information();
    all_modes();
    windows();
    scanlines();
    colors();
    states();
    protected_mode();
    others();
    monitor();
    planes();
    call(0x10, 3, 0, 0, 0);
    check(AL(call(0x10, 0x0F00, 0, 0, 0)) == 3 && peek16(0xB8000) == 0x0720, "10/00 from VBE", 0);
}
