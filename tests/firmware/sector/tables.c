/* Tables that an operating system finds by signature: each there once, with good checksums. */
#include "sector.h"

static uint8_t sum(uint32_t at, uint32_t n)
{
    uint8_t s = 0;
    while (n--)
        s += peek8(at++);
    return s;
}

static uint32_t find(const char *signature, uint32_t n, uint32_t from)
{
    for (uint32_t at = from; at < 0x100000; at += 16) {
        if (equal(signature, at, n))
            return at;
    }
    return 0;
}

/* Copies high memory to 20000 by INT 15h AH=87h. */
static uint32_t fetch(uint32_t from, uint16_t bytes)
{
    static uint32_t gdt[12];
    uint32_t at = (uint32_t)gdt;
    struct registers r = { .eax = 0x8700, .ecx = (bytes + 1U) / 2, .esi = at };
    poke32(at + 0x10, from << 16 | 0xFFFF);
    poke32(at + 0x14, (from & 0xFF000000) | 0x9300 | (from >> 16 & 0xFF));
    poke32(at + 0x18, 0x0000FFFF);
    poke32(at + 0x1C, 0x00009302);
    interrupt(0x15, &r);
    return 0x20000;
}

static void acpi_table(uint32_t at)
{
    uint32_t length = peek32(fetch(at, 8) + 4);
    bool good = length >= 36 && length < 0x8000;
    if (good)
        fetch(at, (uint16_t)length);
    check(good && sum(0x20000, length) == 0, "ACPI: a table's checksum", peek32(0x20000));
}

static void acpi(void)
{
    uint32_t rsdp = find("RSD PTR ", 8, 0xE0000), count, tables[16];
    check(rsdp && sum(rsdp, 20) == 0, "RSDP", rsdp);
    uint32_t rsdt = rsdp ? peek32(rsdp + 16) : 0, at = fetch(rsdt, 256);
    check(equal("RSDT", at, 4) && sum(at, peek32(at + 4)) == 0, "RSDT", rsdt);
    count = (peek32(at + 4) - 36) / 4;
    for (uint32_t i = 0; i < count && i < 16; i++)
        tables[i] = peek32(at + 36 + 4 * i);
    bool fadt = false;
    for (uint32_t i = 0; i < count && i < 16; i++) {
        acpi_table(tables[i]);
        fadt = fadt || equal("FACP", 0x20000, 4);
    }
    check(fadt, "FADT", count);
}

static void smbios(void)
{
    uint32_t at = find("_SM_", 4, 0xF0000);
    check(at && sum(at, peek8(at + 5)) == 0, "SMBIOS entry point", at);
    check(at && equal("_DMI_", at + 16, 5) && sum(at + 16, 15) == 0, "SMBIOS intermediate", at);
    uint16_t length = peek16(at + 0x16), count = peek16(at + 0x1C), n = 0;
    uint32_t largest = 0, p = fetch(peek32(at + 0x18), length), end = p + length, start = p;
    bool bios = false, telling = false;
    while (p + 4 <= end && n < count) {
        start = p;
        if (peek8(p) == 0) {
            bios = true;
            telling = !(peek32(p + 10) & 1 << 3) && peek32(p + 10) & 1 << 15;
        }
        p += peek8(p + 1);
        while (p + 1 < end && peek16(p))
            p++;
        p += 2;
        n++;
        largest = p - start > largest ? p - start : largest;
    }
    check(n == count && p == end, "SMBIOS: as many structures as it says", n);
    check(largest == peek16(at + 8), "SMBIOS: the largest is as large as it says", largest);
    check(bios, "SMBIOS: BIOS information", 0);
    check(telling, "SMBIOS: characteristics, boot from CD", 0);
}

static void mp(void)
{
    uint32_t at = find("_MP_", 4, 0xF0000), table = at ? peek32(at + 4) : 0;
    check(at && sum(at, 16) == 0, "MP floating pointer", at);
    check(table && equal("PCMP", table, 4) && sum(table, peek16(table + 4)) == 0, "MP table",
          table);
    unsigned n = 0, cpus = 0;
    uint32_t p = table + 44, end = table + peek16(table + 4);
    for (; p < end; n++) {
        cpus += peek8(p) == 0;
        p += peek8(p) == 0 ? 20 : 8;
    }
    check(p == end && n == peek16(table + 34), "MP: as many entries as it says", n);
    check(cpus == 2, "MP: two processors", cpus);
}

/* The service directory, and the PCI BIOS behind it, called from protected mode. */
static void bios32(void)
{
    uint32_t at = find("_32_", 4, 0xE0000), entry = at ? peek32(at + 4) : 0;
    check(at && sum(at, peek8(at + 9) * 16U) == 0, "BIOS32 directory", at);
    struct registers r = { .eax = 0x12345678 };
    flat_call(entry, &r);
    check(AL(r) == 0x80, "BIOS32: no such service", r.eax);
    r = (struct registers){ .eax = 0x49435024 };
    flat_call(entry, &r);
    check(AL(r) == 0 && r.ebx + r.edx < 0x100000, "BIOS32: PCI BIOS", r.eax);
    uint32_t pci = r.ebx + r.edx;
    r = (struct registers){ .eax = 0xB101 };
    flat_call(pci, &r);
    check(!FAILS(r) && AH(r) == 0 && r.edx == 0x20494350, "BIOS32: PCI BIOS is present", r.edx);
    r = (struct registers){ .eax = 0xB102, .ecx = 0x7000, .edx = 0x8086 };
    flat_call(pci, &r);
    check(!FAILS(r) && (r.ebx & 0xFFFF) == 8, "BIOS32: finds the ISA bridge", r.ebx);
    r = (struct registers){ .eax = 0xB10A, .ebx = 8 };
    flat_call(pci, &r);
    check(!FAILS(r) && r.ecx == 0x70008086, "BIOS32: reads configuration space", r.ecx);
    r = (struct registers){ .eax = 0xB177 };
    flat_call(pci, &r);
    check(FAILS(r) && AH(r) == 0x81, "BIOS32: unknown function", r.eax);
}

void test(void)
{
    bios32();
    uint32_t at;
    at = find("$PIR", 4, 0xF0000);
    check(at && sum(at, peek16(at + 6)) == 0 && peek16(at + 6) % 16 == 0, "$PIR", at);
    at = find("$PnP", 4, 0xF0000);
    check(at && sum(at, peek8(at + 5)) == 0, "$PnP", at);
    acpi();
    smbios();
    mp();
}
