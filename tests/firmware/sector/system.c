/* INT 15h (PC/AT and PS/2 BIOS references; ACPI 15; APM 1.2). */
#include "sector.h"

#define SMAP 0x534D4150

static uint64_t ram_low, ram_ends_at;

static void memory_map(void)
{
    static uint32_t e[5];
    uint64_t last = 0;
    uint32_t index = 0;
    unsigned n = 0;
    bool sorted = true;
    do {
        struct registers r = {
            .eax = 0xE820, .ebx = index, .ecx = 20, .edx = SMAP, .edi = (uint32_t)e
        };
        interrupt(0x15, &r);
        if (FAILS(r) || r.eax != SMAP || r.ecx != 20) {
            check(false, "15/E820 entry", r.eax);
            return;
        }
        uint64_t addr = peek32((uint32_t)e) | (uint64_t)peek32((uint32_t)e + 4) << 32;
        uint64_t size = peek32((uint32_t)e + 8) | (uint64_t)peek32((uint32_t)e + 12) << 32;
        sorted = sorted && addr >= last && size;
        last = addr + size;
        if (e[4] == 1 && addr == 0)
            ram_low = size;
        if (e[4] == 1 && addr == 0x100000)
            ram_ends_at = last;
        index = r.ebx;
    } while (index && ++n < 64);
    check(sorted, "15/E820 sorted, nothing overlaps", n);
    check(ram_low == peek16(0x413) * 1024U, "15/E820 low memory is 40:13", (uint32_t)ram_low);
    check(ram_ends_at > 0x1000000, "15/E820 memory above 1 MiB", (uint32_t)ram_ends_at);
    struct registers r = call(0x15, 0xE820, 0, 20, 0x12345678);
    check(FAILS(r) && AH(r) == 0x86, "15/E820 without SMAP", r.eax);
    r = call(0x15, 0xE820, 0, 10, SMAP);
    check(FAILS(r), "15/E820 buffer too small", r.eax);
}

static void sizes(void)
{
    uint32_t kib = (uint32_t)(ram_ends_at - 0x100000) >> 10;
    struct registers r = call(0x15, 0x8800, 0, 0, 0);
    uint32_t expected = kib > 0xFFFF ? 0xFFFF : kib;
    check(!FAILS(r) && AX(r) == expected, "15/88 agrees with E820", r.eax);
    r = call(0x15, 0xE801, 0, 0, 0);
    check(!FAILS(r) && AX(r) == 15 * 1024 && (r.ecx & 0xFFFF) == AX(r), "15/E801 up to 16 MiB",
          r.eax);
    check((r.ebx & 0xFFFF) == (kib - 15 * 1024) >> 6 && (r.edx & 0xFFFF) == (r.ebx & 0xFFFF),
          "15/E801 agrees with E820", r.ebx);
}

static void a20(void)
{
    struct registers r = call(0x15, 0x2400, 0, 0, 0);
    check(!FAILS(r) && AH(r) == 0, "15/2400 A20 off", r.eax);
    r = call(0x15, 0x2402, 0, 0, 0);
    check(!FAILS(r) && AL(r) == 0, "15/2402 it is off", r.eax);
    r = call(0x15, 0x2401, 0, 0, 0);
    check(!FAILS(r) && AH(r) == 0, "15/2401 A20 on", r.eax);
    r = call(0x15, 0x2402, 0, 0, 0);
    check(!FAILS(r) && AL(r) == 1, "15/2402 it is on", r.eax);
    r = call(0x15, 0x2403, 0, 0, 0);
    check(!FAILS(r) && (r.ebx & 2), "15/2403 by port 92h", r.ebx);
}

static void block_move(void)
{
    static uint32_t gdt[12];
    uint32_t at = (uint32_t)gdt;
    struct registers r = { .eax = 0x8700, .ecx = 256, .esi = at };
    for (unsigned i = 0; i < 128; i++)
        poke32(0x20000 + 4 * i, i * 0x01010101);
    poke32(at + 0x10, 0x0000FFFF);
    poke32(at + 0x14, 0x00009302);
    poke32(at + 0x18, 0x0000FFFF);
    poke32(at + 0x1C, 0x00009330);
    interrupt(0x15, &r);
    check(!FAILS(r) && AH(r) == 0, "15/87 to 3 MiB", r.eax);
    poke32(at + 0x10, 0x0000FFFF);
    poke32(at + 0x14, 0x00009330);
    poke32(at + 0x18, 0x0000FFFF);
    poke32(at + 0x1C, 0x00009303);
    poke32(0x30000 + 4 * 127, 0);
    r = (struct registers){ .eax = 0x8700, .ecx = 256, .esi = at };
    interrupt(0x15, &r);
    check(!FAILS(r) && peek32(0x30000 + 4 * 127) == 127 * 0x01010101, "15/87 and back",
          peek32(0x30000 + 4 * 127));
}

static void waits(void)
{
    uint32_t before = peek32(0x46C);
    struct registers r = call(0x15, 0x8600, 0, 3, 0x0D40); /* 200 ms */
    check(!FAILS(r), "15/86 wait", r.eax);
    check(peek32(0x46C) - before >= 3, "15/86 200 ms are at least 3 ticks", peek32(0x46C) - before);
    static uint8_t flag;
    flag = 0;
    r = call(0x15, 0x8300, (uint32_t)&flag, 0, 50000);
    check(!FAILS(r), "15/83 event wait", r.eax);
    r = call(0x15, 0x8300, (uint32_t)&flag, 0, 50000);
    check(FAILS(r), "15/83 already waiting", r.eax);
    wait_ticks(6);
    check(peek8((uint32_t)&flag) == 0x80, "15/83 flag is set", flag);
    r = call(0x15, 0x8301, 0, 0, 0);
    check(!FAILS(r), "15/8301 cancel", r.eax);
}

static void configuration(void)
{
    struct registers r = call(0x15, 0xC000, 0, 0, 0);
    uint32_t table = ((uint32_t)r.es << 4) + (r.ebx & 0xFFFF);
    check(!FAILS(r) && AH(r) == 0 && peek16(table) >= 8, "15/C0 table", r.eax);
    check(peek8(table + 2) == 0xFC, "15/C0 model", peek8(table + 2));
    check((peek8(table + 5) & 0x70) == 0x70, "15/C0 second PIC, RTC, 4Fh", peek8(table + 5));
    check(!(peek8(table + 5) & 4) == !peek16(0x40E), "15/C0 EBDA", peek8(table + 5));
    r = call(0x15, 0xC100, 0, 0, 0);
    check(!FAILS(r) && r.es == peek16(0x40E), "15/C1 EBDA", r.es);
    r = call(0x15, 0x4F1E, 0, 0, 0);
    check(FAILS(r) && AL(r) == 0x1E, "15/4F keeps the code", r.eax);
    r = call(0x15, 0x9000, 0, 0, 0);
    check(!FAILS(r) && AH(r) == 0, "15/90 device busy", r.eax);
    r = call(0x15, 0x9100, 0, 0, 0);
    check(!FAILS(r) && AH(r) == 0, "15/91 device ready", r.eax);
    r = call(0x15, 0x7700, 0, 0, 0);
    check(FAILS(r) && AH(r) == 0x86, "15/77 unknown function", r.eax);
    r = call(0x15, 0x5300, 0, 0, 0);
    check(!FAILS(r) && AX(r) == 0x0102 && (r.ebx & 0xFFFF) == 0x504D, "15/5300 APM 1.2", r.eax);
    r = call(0x15, 0x5301, 0, 0, 0);
    check(!FAILS(r), "15/5301 connect", r.eax);
    r = call(0x15, 0x530A, 1, 0, 0);
    check(!FAILS(r) && (r.ebx >> 8 & 0xFF) == 1, "15/530A on line", r.ebx);
    r = call(0x15, 0x530B, 0, 0, 0);
    check(FAILS(r) && AH(r) == 0x80, "15/530B no event", r.eax);
}

void test(void)
{
    memory_map();
    sizes();
    a20();
    block_move();
    waits();
    configuration();
}
