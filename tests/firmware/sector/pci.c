/* INT 1Ah AH=B1h (PCI BIOS 2.1), on the i440FX machine. */
#include "sector.h"

static struct registers pci(uint8_t al, uint16_t bx, uint32_t ecx, uint16_t edi)
{
    struct registers r = { .eax = 0xB100U | al, .ebx = bx, .ecx = ecx, .edi = edi };
    interrupt(0x1A, &r);
    return r;
}

static struct registers find(uint8_t al, uint32_t ecx, uint16_t edx, uint16_t esi)
{
    struct registers r = { .eax = 0xB100U | al, .ecx = ecx, .edx = edx, .esi = esi };
    interrupt(0x1A, &r);
    return r;
}

static void finding(void)
{
    struct registers r = find(0x02, 0x1237, 0x8086, 0);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 0x0000, "1A/B102 host bridge", r.ebx);
    r = find(0x02, 0x7000, 0x8086, 0);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 0x0008, "1A/B102 ISA bridge", r.ebx);
    r = find(0x02, 0x7000, 0x8086, 1);
    check(FAILS(r) && AH(r) == 0x86, "1A/B102 there is one only", r.eax);
    r = find(0x02, 0x1234, 0xFFFF, 0);
    check(FAILS(r) && AH(r) == 0x83, "1A/B102 vendor FFFF", r.eax);
    r = find(0x03, 0x010180, 0, 0);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 0x0009, "1A/B103 IDE by class", r.ebx);
    r = find(0x03, 0x123456, 0, 0);
    check(FAILS(r) && AH(r) == 0x86, "1A/B103 no such class", r.eax);
}

static void access(void)
{
    struct registers r = pci(0x08, 0, 0, 0);
    check(!FAILS(r) && (r.ecx & 0xFF) == 0x86, "1A/B108 byte", r.ecx);
    r = pci(0x09, 0, 0, 2);
    check(!FAILS(r) && (r.ecx & 0xFFFF) == 0x1237, "1A/B109 word", r.ecx);
    r = pci(0x0A, 0, 0, 0);
    check(!FAILS(r) && r.ecx == 0x12378086, "1A/B10A double word", r.ecx);
    r = pci(0x09, 0, 0, 1);
    check(FAILS(r) && AH(r) == 0x87, "1A/B109 odd register", r.eax);
    r = pci(0x0A, 0, 0, 2);
    check(FAILS(r) && AH(r) == 0x87, "1A/B10A register 2", r.eax);
    uint8_t line = (uint8_t)pci(0x08, 0x0009, 0, 0x0D).ecx;
    r = pci(0x0B, 0x0009, line ^ 0x40U, 0x0D);
    check(!FAILS(r) && (uint8_t)pci(0x08, 0x0009, 0, 0x0D).ecx != 0xFF, "1A/B10B write a byte",
          r.eax);
    pci(0x0B, 0x0009, line, 0x0D);
    uint16_t command = (uint16_t)pci(0x09, 0x0009, 0, 4).ecx;
    r = pci(0x0C, 0x0009, command ^ 4U, 4);
    check(!FAILS(r) && ((pci(0x09, 0x0009, 0, 4).ecx ^ command) & 4), "1A/B10C write a word",
          r.eax);
    r = pci(0x0D, 0x0009, command, 4);
    check(!FAILS(r) && (uint16_t)pci(0x09, 0x0009, 0, 4).ecx == command, "1A/B10D double word",
          r.eax);
    check(pci(0x0A, 0x00F8, 0, 0).ecx == 0xFFFFFFFF, "1A/B10A nobody there", 0);
}

static void setup(void)
{
    uint32_t bm = pci(0x0A, 0x0009, 0, 0x20).ecx;
    check((bm & 1) && (bm & 0xFFF0), "IDE has its bus-master block", bm);
    check((pci(0x09, 0x0009, 0, 4).ecx & 5) == 5, "IDE decodes and masters", 0);
    uint32_t pirq = pci(0x0A, 0x0008, 0, 0x60).ecx;
    check(!(pirq & 0x80808080), "PIRQ A-D are routed", pirq);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t irq = pirq >> 8 * i & 15;
        check(irq >= 8 && inb(0x4D1) & 1 << (irq - 8), "their IRQ is level-triggered", irq);
    }
    uint8_t line = (uint8_t)pci(0x08, 0x0018, 0, 0x3C).ecx;
    check(line == ((pirq >> 16) & 15) || line == 0xFF, "00:03.0 INTA is link C", line);
    check(pci(0x08, 0x000B, 0, 0x3C).ecx % 256 == 9, "power management has IRQ 9", 0);
}

void test(void)
{
    struct registers r = pci(0x01, 0, 0, 0);
    check(!FAILS(r) && AH(r) == 0 && r.edx == 0x20494350, "1A/B101 present", r.edx);
    check((AL(r) & 1) && (r.ebx & 0xFFFF) >= 0x0210, "1A/B101 mechanism 1, version 2.1", r.ebx);
    finding();
    access();
    setup();
    r = pci(0x77, 0, 0, 0);
    check(FAILS(r) && AH(r) == 0x81, "1A/B177 unknown function", r.eax);
}
