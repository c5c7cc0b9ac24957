/* INT 14h and INT 17h. */
#include "sector.h"

void test(void)
{
    struct registers r = call(0x14, 0x00E3, 0, 0, 0);
    uint16_t com = peek16(0x400), lpt = peek16(0x408);
    check(com == 0x3F8, "40:00 first serial port", com);
    check(AH(r) & 0x60, "14/00 ready to send", r.eax);
    outb(0x3FB, inb(0x3FB) | 0x80);
    check(inb(0x3F8) == 12 && inb(0x3F9) == 0, "14/00 9600 baud", inb(0x3F8));
    outb(0x3FB, inb(0x3FB) & 0x7F);
    check((inb(0x3FB) & 0x1F) == 3, "14/00 8 bits", inb(0x3FB));
    r = call(0x14, 0x0141, 0, 0, 0);
    check(!(AH(r) & 0x80) && AL(r) == 'A', "14/01 send", r.eax);
    r = call(0x14, 0x0300, 0, 0, 0);
    check(AH(r) & 0x20, "14/03 status", r.eax);
    r = call(0x14, 0x0200, 0, 0, 0);
    check(AH(r) & 0x80, "14/02 nothing comes: time-out", r.eax);
    r = call(0x14, 0x0300, 0, 0, 3);
    check(AX(r) == 0x0300, "14/03 a port that is not there", r.eax);

    check(lpt == 0x378, "40:08 first parallel port", lpt);
    r = call(0x17, 0x0100, 0, 0, 0);
    check((AH(r) & 0x01) == 0, "17/01 initialise", r.eax);
    r = call(0x17, 0x0041, 0, 0, 0);
    check((AH(r) & 0x01) == 0, "17/00 print", r.eax);
    r = call(0x17, 0x0200, 0, 0, 0);
    check((AH(r) & 0x90) == 0x90, "17/02 status: selected, not busy", r.eax);
}
