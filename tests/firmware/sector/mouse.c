/* INT 15h AH=C2h and INT 74h: the PS/2 mouse. Packets come by the 8042's command D3h. */
#include "sector.h"

static volatile uint32_t packets;
static volatile uint16_t got_status, got_x, got_y;

/* Called far, with status, X, Y and Z as words behind the return address. */
__asm__(".code16gcc\n"
        "mouse_hook: pushw %bp\n\tmovw %sp, %bp\n\tpushw %ax\n"
        "\tmovw 12(%bp), %ax\n\tmovw %ax, %cs:got_status\n"
        "\tmovw 10(%bp), %ax\n\tmovw %ax, %cs:got_x\n"
        "\tmovw 8(%bp), %ax\n\tmovw %ax, %cs:got_y\n"
        "\tincl %cs:packets\n\tpopw %ax\n\tpopw %bp\n\tlretw\n");
extern uint8_t mouse_hook[];

static struct registers c2(uint8_t al, uint8_t bh)
{
    return call(0x15, 0xC200U | al, (uint32_t)bh << 8, 0, 0);
}

static void send(uint8_t byte)
{
    while (inb(0x64) & 3)
        __asm__ volatile("sti\n\tnop\n\tpause" ::: "memory");
    __asm__ volatile("cli");
    outb(0x64, 0xD3);
    while (inb(0x64) & 2)
        ;
    outb(0x60, byte);
    __asm__ volatile("sti" ::: "memory");
    for (unsigned i = 0; i < 1000 && inb(0x64) & 1; i++)
        __asm__ volatile("pause" ::: "memory");
}

void test(void)
{
    struct registers r = c2(5, 3);
    check(!FAILS(r) && (r.ebx & 0xFF) == 0xAA, "15/C205 initialise: passed", r.ebx);
    r = c2(1, 0);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 0x00AA, "15/C201 reset", r.ebx);
    r = c2(4, 0);
    check(!FAILS(r) && (r.ebx >> 8 & 0xFF) == 0, "15/C204 plain mouse", r.ebx);
    r = c2(2, 5);
    check(!FAILS(r), "15/C202 100 samples a second", r.eax);
    r = c2(2, 9);
    check(FAILS(r) && AH(r) == 2, "15/C202 no such rate", r.eax);
    r = c2(3, 3);
    check(!FAILS(r), "15/C203 resolution", r.eax);
    r = c2(6, 1);
    check(!FAILS(r), "15/C206 scaling", r.eax);
    r = c2(6, 0);
    check(!FAILS(r) && (r.edx & 0xFF) == 100, "15/C206 status: sample rate", r.edx);
    check((r.ecx & 0xFF) == 3, "15/C206 status: resolution", r.ecx);
    r = c2(0, 1);
    check(FAILS(r) && AH(r) == 5, "15/C200 enable without a handler", r.eax);
    r = call(0x15, 0xC207, (uint32_t)mouse_hook, 0, 0);
    check(!FAILS(r), "15/C207 handler", r.eax);
    r = c2(0, 1);
    check(!FAILS(r), "15/C200 enable", r.eax);
    send(0x09);
    send(0x05);
    send(0x03);
    check(packets == 1, "74 calls the handler for a packet", packets);
    check(got_status == 9 && got_x == 5 && got_y == 3, "74 hands the packet over", got_x);
    r = c2(0, 0);
    check(!FAILS(r), "15/C200 disable", r.eax);
    r = c2(9, 0);
    check(FAILS(r) && AH(r) == 1, "15/C209 unknown function", r.eax);
}
