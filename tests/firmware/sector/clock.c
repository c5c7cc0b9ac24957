/* INT 1Ah AH=00h-07h, INT 08h, 1Ch, 70h, 4Ah (PC/AT Technical Reference; MC146818). */
#include "sector.h"

static volatile uint32_t hooked_ticks, alarms;

__asm__(".code16gcc\n"
        "hook_1c: incl %cs:hooked_ticks\n\tiretw\n"
        "hook_4a: incl %cs:alarms\n\tiretw\n");
extern uint8_t hook_1c[], hook_4a[];

static uint8_t add_bcd(uint8_t v, unsigned n, uint8_t wrap)
{
    unsigned x = (v >> 4) * 10U + (v & 15) + n;
    x %= wrap;
    return (uint8_t)(x / 10 << 4 | x % 10);
}

static void ticks(void)
{
    struct registers r = call(0x1A, 0x0000, 0, 0, 0);
    uint32_t before = (r.ecx & 0xFFFF) << 16 | (r.edx & 0xFFFF), old = peek32(4 * 0x1C);
    check(before < 0x1800B0, "1A/00 ticks of today", before);
    wait_ticks(3);
    r = call(0x1A, 0x0000, 0, 0, 0);
    check(((r.ecx & 0xFFFF) << 16 | (r.edx & 0xFFFF)) - before >= 3, "1A/00 time passes", r.edx);
    poke32(4 * 0x1C, (uint32_t)hook_1c);
    wait_ticks(3);
    poke32(4 * 0x1C, old);
    check(hooked_ticks >= 3, "08 calls 1C", hooked_ticks);
    call(0x1A, 0x0100, 0, 0x0018, 0x00AF); /* one before midnight */
    wait_ticks(2 - 1);
    while (peek32(0x46C) > 100)
        __asm__ volatile("sti\n\thlt" ::: "memory");
    r = call(0x1A, 0x0000, 0, 0, 0);
    check(AL(r) == 1, "1A/00 midnight", r.eax);
    r = call(0x1A, 0x0000, 0, 0, 0);
    check(AL(r) == 0, "1A/00 midnight is told once", r.eax);
}

static void time_and_date(void)
{
    struct registers r = call(0x1A, 0x0300, 0, 0x1234, 0x5600);
    r = call(0x1A, 0x0200, 0, 0, 0);
    check(!FAILS(r) && (r.ecx & 0xFFFF) == 0x1234, "1A/03 set time, 02 read it", r.ecx);
    check((r.edx >> 8 & 0xFF) >= 0x56, "1A/02 seconds", r.edx);
    call(0x1A, 0x0500, 0, 0x2031, 0x1231);
    r = call(0x1A, 0x0400, 0, 0, 0);
    check(!FAILS(r) && (r.ecx & 0xFFFF) == 0x2031 && (r.edx & 0xFFFF) == 0x1231,
          "1A/05 set date, 04 read it", r.ecx);
}

static void alarm(void)
{
    uint32_t old = peek32(4 * 0x4A);
    struct registers r = call(0x1A, 0x0200, 0, 0, 0);
    uint8_t seconds = add_bcd((uint8_t)(r.edx >> 8), 2, 60);
    uint8_t minutes = seconds < 2 ? add_bcd((uint8_t)r.ecx, 1, 60) : (uint8_t)r.ecx;
    poke32(4 * 0x4A, (uint32_t)hook_4a);
    r = call(0x1A, 0x0600, 0, (r.ecx & 0xFF00) | minutes, (uint32_t)seconds << 8);
    check(!FAILS(r), "1A/06 set alarm", r.eax);
    r = call(0x1A, 0x0600, 0, 0x2359, 0x5900);
    check(FAILS(r), "1A/06 a second alarm", r.eax);
    wait_ticks(18 * 4);
    check(alarms == 1, "70 calls 4A", alarms);
    r = call(0x1A, 0x0700, 0, 0, 0);
    check(!FAILS(r), "1A/07 cancel alarm", r.eax);
    r = call(0x1A, 0x0600, 0, 0x2359, 0x5900);
    check(!FAILS(r), "1A/06 again after the cancel", r.eax);
    call(0x1A, 0x0700, 0, 0, 0);
    poke32(4 * 0x4A, old);
    r = call(0x1A, 0x7700, 0, 0, 0);
    check(FAILS(r), "1A/77 unknown function", r.eax);
}

void test(void)
{
    ticks();
    time_and_date();
    alarm();
}
