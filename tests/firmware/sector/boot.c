/* The state in which a boot sector starts (BBS 1.01, 6.5; PnP BIOS 1.0a, 4.2), INT 11h, INT 12h. */
#include "sector.h"

static unsigned count_ports(uint32_t at, unsigned n)
{
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++)
        found += peek16(at + 2 * i) != 0;
    return found;
}

static void equipment(void)
{
    uint16_t e = AX(call(0x11, 0, 0, 0, 0));
    check(e == peek16(0x410), "11 equipment is 40:10", e);
    check(e & 2, "11 coprocessor", e);
    check((e >> 9 & 7) == count_ports(0x400, 4), "11 number of serial ports", e);
    check(e >> 14 == count_ports(0x408, 3), "11 number of parallel ports", e);
    check((e & 4) != 0, "11 pointing device", e);
}

static void memory(void)
{
    uint16_t kib = AX(call(0x12, 0, 0, 0, 0));
    uint32_t ebda = (uint32_t)peek16(0x40E) << 4;
    check(kib == peek16(0x413), "12 memory is 40:13", kib);
    check(kib >= 600 && kib < 640, "12 memory", kib);
    check(ebda == kib * 1024U, "12 EBDA is where memory ends", ebda);
    check(peek8(ebda) == 640 - kib, "EBDA size", peek8(ebda));
}

void test(void)
{
    uint32_t pnp = ((uint32_t)boot_es << 4) + boot_di;
    check(boot_drive == 0x80, "DL is the boot drive", boot_drive);
    check(boot_flags & 0x200, "interrupts are enabled", boot_flags);
    check(equal("$PnP", pnp, 4), "ES:DI is the PnP structure", pnp);
    check(peek16(0x4 * 0x13 + 2) >= 0xC000, "INT 13h is in ROM", peek16(0x4 * 0x13 + 2));
    check(peek32(4 * 0x1E) >> 28 == 0xF, "INT 1Eh is in ROM", peek32(4 * 0x1E));
    check(peek16(0x472) == 0, "cold start", peek16(0x472));
    check(peek8(0xFFFFE) == 0xFC, "model byte: AT", peek8(0xFFFFE));
    check(peek8(0xFFFF0) == 0xEA, "a jump at FFFF0", peek8(0xFFFF0));
    check(peek8(0xFFFF7) == '/' && peek8(0xFFFFA) == '/', "a date at FFFF5", peek8(0xFFFF5));
    equipment();
    memory();
}
