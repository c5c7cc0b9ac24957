/*
 * SMBIOS tables from the host (SMBIOS 2.8), with our own BIOS information (type 0) in front unless
 * the host has one.
 */
#include "fwcfg.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define MAX_TABLES 0x10000
#define ANCHOR_2   0x1F /* lengths of the entry points */
#define ANCHOR_3   0x18
#define TYPE_BIOS  0

static const char bios_information[] =
    "\x00\x18\x00\x00"                 /* type 0, length, handle 0 */
    "\x01\x02\x00\xE0\x03\x01"         /* vendor, version, segment E000, date, 128 KiB */
    "\x90\x82\x09\x00\x00\x00\x00\x00" /* ISA, PCI, PnP, CD boot, selectable boot, EDD */
    "\x01\x04\x01\x00\xFF\xFF"         /* ACPI, targeted content; release 1.0; no EC */
    "hvm-dm\0"
    "1.0\0"
    "01/01/2026\0"; /* and the zero that ends the set */

static bool has_type(const uint8_t *p, uint32_t size, uint8_t type)
{
    for (uint32_t at = 0; at + 4 < size;) {
        if (p[at] == type)
            return true;
        if (p[at + 1] < 4)
            return false;
        at += p[at + 1];
        while (at + 1 < size && (p[at] || p[at + 1]))
            at++;
        at += 2;
    }
    return false;
}

/* SMBIOS 2.1 entry point, 5.2.1: sizes, address and count, and both checksums. */
static void finish_anchor_2(uint8_t *a, uint32_t tables, uint32_t size, bool added)
{
    uint16_t length = (uint16_t)size, count, largest;
    memcpy(&largest, a + 8, 2);
    if (added && largest < sizeof(bios_information))
        largest = sizeof(bios_information);
    memcpy(a + 8, &largest, 2);
    memcpy(&count, a + 0x1C, 2);
    count += added;
    memcpy(a + 0x16, &length, 2);
    memcpy(a + 0x18, &tables, 4);
    memcpy(a + 0x1C, &count, 2);
    fix_checksum(a + 0x10, 15, a + 0x15);
    fix_checksum(a, ANCHOR_2, a + 4);
}

static void finish_anchor_3(uint8_t *a, uint32_t tables, uint32_t size)
{
    uint64_t address = tables;
    memcpy(a + 0x0C, &size, 4);
    memcpy(a + 0x10, &address, 8);
    fix_checksum(a, ANCHOR_3, a + 5);
}

void smbios_setup(void)
{
    const struct fwcfg_file *anchor = fwcfg_find("etc/smbios/smbios-anchor");
    const struct fwcfg_file *tables = fwcfg_find("etc/smbios/smbios-tables");
    if (!anchor || !tables || tables->size > MAX_TABLES ||
        (anchor->size != ANCHOR_2 && anchor->size != ANCHOR_3))
        return;
    uint8_t *a = memory_table(anchor->size, 16);
    uint8_t *t = memory_high(sizeof(bios_information) + tables->size, 16);
    if (!a || !t)
        return;
    fwcfg_read(anchor->key, 0, a, anchor->size);
    fwcfg_read(tables->key, 0, t + sizeof(bios_information), tables->size);
    bool add = !has_type(t + sizeof(bios_information), tables->size, TYPE_BIOS);
    uint32_t size = tables->size;
    if (add) {
        memcpy(t, bios_information, sizeof(bios_information));
        size += sizeof(bios_information);
    } else {
        t += sizeof(bios_information);
    }
    if (memcmp(a, "_SM_", 4) == 0 && anchor->size == ANCHOR_2)
        finish_anchor_2(a, (uint32_t)t, size, add);
    else if (memcmp(a, "_SM3_", 5) == 0 && anchor->size == ANCHOR_3)
        finish_anchor_3(a, (uint32_t)t, size);
}
