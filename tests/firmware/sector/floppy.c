/* INT 13h for a 1.44 MB floppy. Sector n of the disk starts with n, from 64 on. */
#include "sector.h"

#define BUFFER 0x20000

static struct registers chs(uint16_t ax, uint32_t lba, uint16_t bx)
{
    struct registers r = { .eax = ax, .ebx = bx, .es = BUFFER >> 4 };
    r.ecx = lba / 36 << 8 | (lba % 18 + 1);
    r.edx = (lba / 18 & 1) << 8;
    interrupt(0x13, &r);
    return r;
}

void test(void)
{
    struct registers r = call(0x13, 0x0800, 0, 0, 0);
    check(boot_drive == 0, "DL is the floppy", boot_drive);
    check(!FAILS(r) && (r.ebx & 0xFF) == 4, "13/08 1.44 MB", r.ebx);
    check((r.ecx & 0xFFFF) == 0x4F12 && (r.edx >> 8 & 0xFF) == 1, "13/08 geometry", r.ecx);
    check(peek8(((uint32_t)r.es << 4) + (r.edi & 0xFFFF) + 4) == 18, "13/08 parameter table",
          r.edi);
    r = call(0x13, 0x1500, 0, 0, 0);
    check(!FAILS(r) && (AH(r) == 1 || AH(r) == 2), "13/15 type", r.eax);
    r = call(0x13, 0x0000, 0, 0, 0);
    check(!FAILS(r), "13/00 reset", r.eax);
    r = chs(0x0201, 100, 0);
    check(!FAILS(r) && AL(r) == 1 && peek32(BUFFER) == 100, "13/02 one sector", peek32(BUFFER));
    r = chs(0x0212, 1080, 0);
    check(!FAILS(r) && peek32(BUFFER + 17 * 512) == 1097, "13/02 a track",
          peek32(BUFFER + 17 * 512));
    poke32(BUFFER, 0x600DF00D);
    r = chs(0x0301, 2879, 0);
    check(!FAILS(r) && AL(r) == 1, "13/03 write", r.eax);
    poke32(BUFFER, 0);
    r = chs(0x0201, 2879, 0);
    check(!FAILS(r) && peek32(BUFFER) == 0x600DF00D, "13/03 read back", peek32(BUFFER));
    r = chs(0x0401, 100, 0);
    check(!FAILS(r), "13/04 verify", r.eax);
    r = call(0x13, 0x0201, 0, 0x0013, 0);
    check(FAILS(r) && AL(r) == 0, "13/02 sector 19", r.eax);
    uint8_t status = AH(r);
    r = call(0x13, 0x0100, 0, 0, 0);
    check(AH(r) == status, "13/01 status of the last call", r.eax);
    r = (struct registers){ .eax = 0x1703, .edi = 0x1234, .es = 0x5678 };
    interrupt(0x13, &r);
    check(r.es == 0x5678 && (r.edi & 0xFFFF) == 0x1234, "13/17 keeps ES:DI", r.edi);
    r = call(0x13, 0x1800, 0, 0x4F12, 0);
    check(FAILS(r) || peek8(((uint32_t)r.es << 4) + (r.edi & 0xFFFF) + 4) == 18,
          "13/18 the drive's own format", r.eax);
    r = call(0x13, 0x1800, 0, 0x4F24, 0);
    check(FAILS(r) && AH(r), "13/18 36 sectors a track", r.eax);
    r = call(0x13, 0x0501, 0, 0x5000, 0);
    check(FAILS(r) && AH(r) == 1, "13/05 cylinder 80", r.eax);
    r = call(0x13, 0x0501, 0, 0x0000, 0x0200);
    check(FAILS(r) && AH(r) == 1, "13/05 head 2", r.eax);
    r = call(0x13, 0x0201, 0, 0x0001, 1);
    check(FAILS(r), "13/02 a drive that is not there", r.eax);
    check(peek8(0x440) != 0, "the motor will be switched off", peek8(0x440));
}
