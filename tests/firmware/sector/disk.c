/* INT 13h, fixed disk 80h (PC/AT Technical Reference; EDD 3.0). Sector n of the disk starts with n,
 * from 64 on; the last sectors may be written. */
#include "sector.h"

#define BUFFER 0x20000

struct packet {
    uint8_t size, reserved;
    uint16_t count;
    uint32_t buffer;
    uint64_t lba;
    uint64_t flat;
} __attribute__((packed));

static uint64_t total;
static uint32_t heads, sectors;

static struct registers chs(uint16_t ax, uint32_t lba, uint16_t es, uint16_t bx)
{
    uint32_t track = lba / sectors, cylinder = track / heads;
    struct registers r = { .eax = ax, .ebx = bx, .es = es };
    r.ecx = (cylinder & 0xFF) << 8 | (cylinder >> 2 & 0xC0) | (lba % sectors + 1);
    r.edx = (track % heads) << 8 | 0x80;
    interrupt(0x13, &r);
    return r;
}

static struct registers edd(uint8_t ah, uint64_t lba, uint16_t count, uint32_t buffer)
{
    static struct packet p;
    struct registers r = { .eax = (uint32_t)ah << 8, .edx = 0x80 };
    p = (struct packet){ 0x10, 0, count, buffer, lba, 0 };
    r.esi = (uint32_t)&p;
    interrupt(0x13, &r);
    r.ebx = p.count;
    return r;
}

static void parameters(void)
{
    struct registers r = call(0x13, 0x0800, 0, 0, 0x80);
    check(!FAILS(r) && AH(r) == 0, "13/08 parameters", r.eax);
    heads = (r.edx >> 8 & 0xFF) + 1;
    sectors = r.ecx & 0x3F;
    check((r.edx & 0xFF) == peek8(0x475), "13/08 number of disks is 40:75", r.edx);
    check(sectors == 63 && heads >= 16, "13/08 geometry", r.ecx);
    r = call(0x13, 0x1500, 0, 0, 0x80);
    check(!FAILS(r) && AH(r) == 3, "13/15 type fixed disk", r.eax);
    check(((r.ecx & 0xFFFF) << 16 | (r.edx & 0xFFFF)) != 0, "13/15 size", r.edx);
}

static void classic(void)
{
    struct registers r = chs(0x0201, 100, BUFFER >> 4, 0);
    check(!FAILS(r) && AH(r) == 0 && AL(r) == 1, "13/02 one sector", r.eax);
    check(peek32(BUFFER) == 100, "13/02 the right sector", peek32(BUFFER));
    r = chs(0x027F, 1000, BUFFER >> 4, 0);
    check(!FAILS(r) && AL(r) == 127, "13/02 127 sectors", r.eax);
    check(peek32(BUFFER + 126 * 512) == 1126, "13/02 the last of them", peek32(BUFFER + 126 * 512));
    r = chs(0x0202, 70, (BUFFER >> 4) + 0xFF0, 0x0011);
    check(!FAILS(r) && peek32(BUFFER + 0xFF11) == 70, "13/02 odd address", peek32(BUFFER + 0xFF11));
    check(peek32(BUFFER + 0x10111) == 71, "13/02 across 64 KiB", peek32(BUFFER + 0x10111));
    r = chs(0x0210, 200, BUFFER >> 4, 0xFF00);
    check(!FAILS(r) && peek32(BUFFER + 0xFF00 + 15 * 512) == 215, "13/02 offset at the end", r.eax);
    poke32(BUFFER, 0x12345678);
    r = chs(0x0301, (uint32_t)total - 100, BUFFER >> 4, 0);
    check(!FAILS(r) && AL(r) == 1, "13/03 write", r.eax);
    poke32(BUFFER, 0);
    chs(0x0201, (uint32_t)total - 100, BUFFER >> 4, 0);
    check(peek32(BUFFER) == 0x12345678, "13/03 read back", peek32(BUFFER));
    r = chs(0x0404, 100, BUFFER >> 4, 0);
    check(!FAILS(r), "13/04 verify", r.eax);
}

static void classic_errors(void)
{
    struct registers r = call(0x13, 0x0201, 0, 0x0000, 0x80);
    check(FAILS(r) && AH(r) == 1, "13/02 sector 0", r.eax);
    check(peek8(0x474) == 1, "status is 40:74", peek8(0x474));
    r = call(0x13, 0x0100, 0, 0, 0x80);
    check(AH(r) == 1, "13/01 status of the last call", r.eax);
    r = call(0x13, 0x0201, 0, 0x0001, 0xFF80);
    check(FAILS(r) && AH(r) != 0, "13/02 head 255", r.eax);
    r = call(0x13, 0x0200, 0, 0x0001, 0x80);
    check(FAILS(r) && AH(r) == 1, "13/02 no sectors", r.eax);
    r = call(0x13, 0x0201, 0, 0x0001, 0x8F);
    check(FAILS(r), "13/02 a disk that is not there", r.eax);
    r = call(0x13, 0x1500, 0, 0, 0x8F);
    check(AH(r) == 0, "13/15 a disk that is not there", r.eax);
    r = call(0x13, 0x7700, 0, 0, 0x80);
    check(FAILS(r) && AH(r) == 1, "13/77 unknown function", r.eax);
}

static void small_functions(void)
{
    static const uint8_t function[] = { 0x00, 0x09, 0x0C, 0x0D, 0x10, 0x11, 0x14 };
    for (unsigned i = 0; i < sizeof(function); i++) {
        struct registers r = call(0x13, (uint32_t)function[i] << 8, 0, 1, 0x80);
        check(!FAILS(r) && AH(r) == 0, "13/00-14 reset, seek, test and the like", r.eax);
    }
}

static void extensions(void)
{
    struct registers r = call(0x13, 0x4100, 0x55AA, 0, 0x80);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 0xAA55, "13/41 present", r.ebx);
    check(AH(r) >= 0x21 && (r.ecx & 5) == 5, "13/41 version, access and EDD", r.eax);
    bool locks = r.ecx & 2;
    r = call(0x13, 0x4502, 0, 0, 0x80);
    check(!locks || !FAILS(r), "13/41 locking is there if it says so", r.eax);
    r = call(0x13, 0x4100, 0x1234, 0, 0x80);
    check(FAILS(r), "13/41 without 55AA", r.ebx);
    r = edd(0x42, 5000, 127, BUFFER >> 4 << 16);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 127, "13/42 read", r.eax);
    check(peek32(BUFFER + 126 * 512) == 5126, "13/42 the right ones", peek32(BUFFER + 126 * 512));
    poke32(BUFFER, 0x87654321);
    r = edd(0x43, total - 1, 1, BUFFER >> 4 << 16);
    check(!FAILS(r), "13/43 write the last sector", r.eax);
    poke32(BUFFER, 0);
    r = edd(0x42, total - 1, 1, BUFFER >> 4 << 16);
    check(!FAILS(r) && peek32(BUFFER) == 0x87654321, "13/43 read back", peek32(BUFFER));
    r = edd(0x44, 5000, 100, 0);
    check(!FAILS(r), "13/44 verify", r.eax);
    r = edd(0x42, total - 1, 2, BUFFER >> 4 << 16);
    check(FAILS(r) && AH(r), "13/42 beyond the end", r.eax);
    check((r.ebx & 0xFFFF) == 0, "13/42 beyond the end: none read", r.ebx);
    r = edd(0x42, UINT64_C(0xFFFFFFFFFFFFFFFF), 1, BUFFER >> 4 << 16);
    check(FAILS(r), "13/42 at 2^64 - 1", r.eax);
}

/* The packet says where to, CX and DH mean nothing. */
static void seek(void)
{
    static struct packet p;
    struct registers r = { .eax = 0x4700, .ecx = 0xFFFF, .edx = 0xFF80 };
    p = (struct packet){ 0x10, 0, 0, 0, total - 1, 0 };
    r.esi = (uint32_t)&p;
    interrupt(0x13, &r);
    check(!FAILS(r), "13/47 seek", r.eax);
    r = edd(0x47, total, 0, 0);
    check(FAILS(r) && AH(r), "13/47 beyond the end", r.eax);
}

/* Beyond 1 MiB, where segments still reach; an odd address, which DMA does not take. */
static void high_memory(void)
{
    poke32(0x1001, 0x600DF00D);
    struct registers r = edd(0x42, 300, 1, 0xFFFF1011);
    check(!FAILS(r) && peek32(0x1001) == 0x600DF00D, "13/42 to FFFF:1011, not to 0000:1001",
          peek32(0x1001));
    edd(0x43, total - 50, 1, 0xFFFF1011);
    r = edd(0x42, total - 50, 1, BUFFER >> 4 << 16);
    check(!FAILS(r) && peek32(BUFFER) == 300, "13/43 from FFFF:1011", peek32(BUFFER));
}

/* A packet that ends where its segment ends. */
static void packet_at_the_end(void)
{
    struct registers r = { .eax = 0x4200, .edx = 0x80, .esi = 0xFFF0, .ds = 0x1000 };
    poke32(0x1FFF0, 0x10 | 1 << 16);
    poke32(0x1FFF4, BUFFER >> 4 << 16);
    poke32(0x1FFF8, 88);
    poke32(0x1FFFC, 0);
    interrupt(0x13, &r);
    check(!FAILS(r) && peek32(BUFFER) == 88, "13/42 packet at the end of a segment", r.eax);
}

static void flat_address(void)
{
    static struct packet p;
    struct registers r = { .eax = 0x4200, .edx = 0x80 };
    p = (struct packet){ 0x18, 0, 1, 0xFFFFFFFF, 77, 0x30000 };
    r.esi = (uint32_t)&p;
    poke32(0x30000, 0);
    interrupt(0x13, &r);
    check(!FAILS(r) && peek32(0x30000) == 77, "13/42 64-bit address", peek32(0x30000));
    r = (struct registers){ .eax = 0x4200, .edx = 0x80, .esi = (uint32_t)&p };
    p = (struct packet){ 0x0F, 0, 1, 0, 77, 0 };
    interrupt(0x13, &r);
    check(FAILS(r) && AH(r) == 1, "13/42 packet too short", r.eax);
}

static void drive_parameters(void)
{
    static uint16_t out[40];
    struct registers r = { .eax = 0x4800, .edx = 0x80, .esi = (uint32_t)out };
    uint32_t at = (uint32_t)out;
    uint8_t sum = 0;
    out[0] = 0x42;
    interrupt(0x13, &r);
    check(!FAILS(r) && peek16(at) == 0x42, "13/48 drive parameters, size", peek16(at));
    check(peek16(at + 24) == 512, "13/48 bytes a sector", peek16(at + 24));
    total = peek32(at + 16);
    check(total == TOTAL_SECTORS, "13/48 number of sectors", peek32(at + 16));
    check(peek16(at + 30) == 0xBEDD, "13/48 path key", peek16(at + 30));
    check(equal("PCI ", at + 36, 4) && equal("ATA     ", at + 40, 8), "13/48 PCI, ATA",
          peek32(at + 36));
    check(peek8(at + 49) == 1 && peek8(at + 50) == 1, "13/48 function 01.1", peek32(at + 48));
    for (unsigned i = 30; i < 0x42; i++)
        sum += peek8(at + i);
    check(sum == 0, "13/48 checksum of the path", sum);
    uint32_t dpte = (uint32_t)peek16(at + 28) * 16 + peek16(at + 26);
    check(peek16(dpte) == 0x1F0 && peek16(dpte + 2) == 0x3F6, "13/48 parameter extension: ports",
          peek32(dpte));
    sum = 0;
    for (unsigned i = 0; i < 16; i++)
        sum += peek8(dpte + i);
    check(sum == 0, "13/48 parameter extension: checksum", sum);
    out[0] = 0x1A;
    r = (struct registers){ .eax = 0x4800, .edx = 0x80, .esi = at };
    interrupt(0x13, &r);
    check(!FAILS(r) && out[0] == 0x1A, "13/48 version 1 buffer", out[0]);
    out[0] = 0x10;
    r = (struct registers){ .eax = 0x4800, .edx = 0x80, .esi = at };
    interrupt(0x13, &r);
    check(FAILS(r), "13/48 buffer too small", r.eax);
}

void test(void)
{
    parameters();
    drive_parameters();
    classic();
    classic_errors();
    small_functions();
    extensions();
    seek();
    high_memory();
    packet_at_the_end();
    flat_address();
}
