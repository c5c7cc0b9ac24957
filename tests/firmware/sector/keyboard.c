/* INT 16h and INT 09h. Keys are pressed by the 8042's command D2h, which passes a byte off as the
 * keyboard's. */
#include "sector.h"

static void scan(uint8_t byte)
{
    while (inb(0x64) & 3)
        __asm__ volatile("sti\n\tnop\n\tpause" ::: "memory");
    __asm__ volatile("cli");
    outb(0x64, 0xD2);
    while (inb(0x64) & 2)
        ;
    outb(0x60, byte);
    __asm__ volatile("sti" ::: "memory");
    for (unsigned i = 0; i < 1000 && inb(0x64) & 1; i++)
        __asm__ volatile("pause" ::: "memory");
}

static void press(uint8_t code)
{
    scan(code);
    scan(code | 0x80);
}

/* The next key by AH=00h or 10h, 0 if there is none. */
static uint16_t next_key(uint8_t ah)
{
    struct registers r = call(0x16, (uint32_t)(ah + 1) << 8, 0, 0, 0);
    return r.flags & ZERO ? 0 : AX(call(0x16, (uint32_t)ah << 8, 0, 0, 0));
}

static void buffer(void)
{
    struct registers r;
    while (next_key(0x10))
        ;
    r = call(0x16, 0x0100, 0, 0, 0);
    check(r.flags & ZERO, "16/01 nothing there", r.flags);
    r = call(0x16, 0x0500, 0, 0x1E61, 0);
    check(AL(r) == 0, "16/05 put a key", r.eax);
    r = call(0x16, 0x0100, 0, 0, 0);
    check(!(r.flags & ZERO) && AX(r) == 0x1E61, "16/01 there it is", r.eax);
    check(next_key(0x00) == 0x1E61, "16/00 take it", 0);
    call(0x16, 0x0500, 0, 0x48E0, 0);
    check(next_key(0x00) == 0x4800, "16/00 grey key as the old keyboard's", 0);
    call(0x16, 0x0500, 0, 0x48E0, 0);
    check(next_key(0x10) == 0x48E0, "16/10 grey key as it is", 0);
    call(0x16, 0x0500, 0, 0xE00D, 0);
    check(next_key(0x00) == 0x1C0D, "16/00 grey Enter", 0);
    call(0x16, 0x0500, 0, 0x8500, 0);
    check(next_key(0x00) == 0, "16/00 does not know F11", 0);
    call(0x16, 0x0500, 0, 0x8500, 0);
    check(next_key(0x10) == 0x8500, "16/10 knows F11", 0);
    for (unsigned i = 0; i < 15; i++)
        call(0x16, 0x0500, 0, 0x1E61, 0);
    r = call(0x16, 0x0500, 0, 0x1E61, 0);
    check(AL(r) == 1, "16/05 full after 15", r.eax);
    while (next_key(0x10))
        ;
}

static void keys(void)
{
    press(0x1E);
    check(next_key(0x00) == 0x1E61, "09 a", 0);
    scan(0x2A);
    press(0x1E);
    scan(0xAA);
    check(next_key(0x00) == 0x1E41, "09 Shift a", 0);
    scan(0x1D);
    check(AL(call(0x16, 0x0200, 0, 0, 0)) & 4, "16/02 Ctrl is down", 0);
    press(0x1E);
    scan(0x9D);
    check(next_key(0x00) == 0x1E01, "09 Ctrl a", 0);
    scan(0x38);
    press(0x3B);
    scan(0xB8);
    check(next_key(0x00) == 0x6800, "09 Alt F1", 0);
    scan(0xE0);
    scan(0x48);
    scan(0xE0);
    scan(0xC8);
    check(next_key(0x10) == 0x48E0, "09 grey Up", 0);
    press(0x57);
    check(next_key(0x10) == 0x8500, "09 F11", 0);
    scan(0x38);
    press(0x4F);
    press(0x50);
    press(0x51);
    scan(0xB8);
    check(next_key(0x00) == 123, "09 Alt 1 2 3", 0);
    scan(0x38);
    scan(0x54);
    uint8_t down = AH(call(0x16, 0x1200, 0, 0, 0));
    scan(0xD4);
    uint8_t up = AH(call(0x16, 0x1200, 0, 0, 0));
    scan(0xB8);
    check(down & 0x80 && !(up & 0x80), "16/12 System Request", down);
    check(next_key(0x10) == 0, "09 System Request is no character", 0);
}

static void locks(void)
{
    uint8_t before = AL(call(0x16, 0x0200, 0, 0, 0));
    press(0x3A);
    uint8_t after = AL(call(0x16, 0x0200, 0, 0, 0));
    check((before ^ after) == 0x40, "09 Caps Lock", after);
    press(0x1E);
    check(next_key(0x00) == 0x1E41, "09 a with Caps Lock", 0);
    press(0x3A);
    press(0x45);
    press(0x48);
    check(next_key(0x00) == 0x4838, "09 8 with Num Lock", 0);
    press(0x45);
    scan(0xE0);
    scan(0x1D);
    uint8_t ext = AH(call(0x16, 0x1200, 0, 0, 0));
    check(ext & 4, "16/12 right Ctrl", ext);
    scan(0xE0);
    scan(0x9D);
    call(0x16, 0x0500, 0, 0x1E61, 0);
    scan(0x1D);
    scan(0xE0);
    scan(0x46);
    scan(0xE0);
    scan(0xC6);
    scan(0x9D);
    check(peek8(0x471) & 0x80, "09 Ctrl Break", peek8(0x471));
    check(peek16(0x41A) == peek16(0x480), "09 Ctrl Break empties the buffer", peek16(0x41A));
}

void test(void)
{
    buffer();
    keys();
    locks();
    check(AL(call(0x16, 0x0900, 0, 0, 0)) & 0x20, "16/09 AH=10h-12h are there",
          call(0x16, 0x0900, 0, 0, 0).eax);
}
