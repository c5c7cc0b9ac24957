/* INT 13h for a CD-ROM booted without emulation (El Torito 1.0; EDD 3.0). */
#include "sector.h"

#define BUFFER 0x20000

struct packet {
    uint8_t size, reserved;
    uint16_t count;
    uint32_t buffer;
    uint64_t lba;
} __attribute__((packed));

static struct registers with_packet(uint16_t ax, void *packet)
{
    struct registers r = { .eax = ax, .edx = boot_drive, .esi = (uint32_t)packet };
    interrupt(0x13, &r);
    return r;
}

static void emulation_status(void)
{
    static uint8_t spec[0x13];
    struct registers r = with_packet(0x4B01, spec);
    check(!FAILS(r) && spec[0] == 0x13, "13/4B01 specification packet", spec[0]);
    check((spec[1] & 15) == 0, "13/4B01 no emulation", spec[1]);
    check(spec[2] == boot_drive, "13/4B01 drive", spec[2]);
    check(spec[4] | spec[5] | spec[6], "13/4B01 image sector", spec[4]);
    r = call(0x13, 0x4B01, 0, 0, 0x80);
    check(FAILS(r), "13/4B01 of another drive", r.eax);
}

static void reading(void)
{
    static struct packet p = { 0x10, 0, 1, BUFFER >> 4 << 16, 16 };
    struct registers r = with_packet(0x4200, &p);
    check(!FAILS(r) && equal("\1CD001", BUFFER, 6), "13/42 volume descriptor", peek32(BUFFER));
    p = (struct packet){ 0x10, 0, 20, BUFFER >> 4 << 16, 16 };
    r = with_packet(0x4200, &p);
    check(!FAILS(r) && p.count == 20 && equal("EL TORITO", BUFFER + 2048 + 7, 9),
          "13/42 20 sectors", r.eax);
    p = (struct packet){ 0x10, 0, 1, BUFFER >> 4 << 16, 0x7FFFFFF };
    r = with_packet(0x4200, &p);
    check(FAILS(r) && AH(r), "13/42 beyond the end", r.eax);
    r = with_packet(0x4300, &p);
    check(FAILS(r) && AH(r), "13/43 write", r.eax);
    r = call(0x13, 0x0201, 0, 1, boot_drive);
    check(FAILS(r), "13/02 no CHS", r.eax);
}

static void parameters(void)
{
    static uint16_t out[16];
    struct registers r;
    out[0] = 0x1A;
    r = with_packet(0x4800, out);
    check(!FAILS(r) && out[12] == 2048, "13/48 bytes a sector", out[12]);
    check(out[1] & 4, "13/48 removable", out[1]);
    r = call(0x13, 0x4100, 0x55AA, 0, boot_drive);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 0xAA55, "13/41 present", r.ebx);
}

void test(void)
{
    check(boot_drive >= 0xE0, "DL is a CD", boot_drive);
    emulation_status();
    reading();
    parameters();
}
