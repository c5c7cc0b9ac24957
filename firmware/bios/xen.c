/*
 * Under Xen: PCI, ACPI, SMBIOS, MP and PIR tables and the memory map are hvmloader's work. We take
 * the memory map and copy the entry structures to where the operating system looks.
 */
#include "xenblock.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define CPUID_HYPERVISOR 0x40000000
#define MAX_TABLES       16
#define MAX_LENGTH       0x800
#define PM_TIMER         0xB008

bool xen_detect(void)
{
    for (uint32_t leaf = CPUID_HYPERVISOR; leaf < CPUID_HYPERVISOR + 0x10000; leaf += 0x100) {
        uint32_t v[4];
        cpuid(leaf, v);
        if (memcmp(v + 1, "XenVMMXenVMM", 12) == 0)
            return memcmp((void *)XEN_BLOCK, "XenHVMSeaBIOS", 14) == 0;
    }
    return false;
}

/* The MP floating pointer has its table behind it in our copy, and points there. */
static void copy_mp_table(uint8_t *to, uint32_t length)
{
    uint32_t config;
    memcpy(&config, to + 4, sizeof(config));
    uint32_t config_length = *(const uint8_t *)(config + 4) | *(const uint8_t *)(config + 5) << 8;
    uint8_t *copy = config_length <= MAX_LENGTH ? memory_table(config_length, 4) : NULL;
    if (!copy)
        return;
    memcpy(copy, (const void *)config, config_length);
    config = (uint32_t)copy;
    memcpy(to + 4, &config, sizeof(config));
    fix_checksum(to, length, to + 10);
}

static void copy_table(const uint8_t *from)
{
    uint32_t length = xen_table_length(from);
    uint8_t *to = length && length <= MAX_LENGTH ? memory_table(length, 16) : NULL;
    if (!to) {
        debug("Xen: table at %08x not used\n", (uint32_t)from);
        return;
    }
    memcpy(to, from, length);
    if (memcmp(to, "_MP_", 4) == 0)
        copy_mp_table(to, length);
    debug("Xen: %c%c%c%c at %05x\n", to[0], to[1], to[2], to[3], (uint32_t)to);
}

void xen_setup(void)
{
    struct xen_block block;
    if (!xen_block_parse((const uint8_t *)XEN_BLOCK, &block)) {
        debug("Xen: hvmloader's block is damaged\n");
        return;
    }
    const struct e820_entry *e = (const struct e820_entry *)block.e820;
    for (uint32_t i = 0; i < block.e820_count && i < MAX_E820; i++)
        memory_add(e[i].addr, e[i].size, e[i].type);
    const uint32_t *tables = (const uint32_t *)block.tables;
    for (uint32_t i = 0; i < block.table_count && i < MAX_TABLES; i++)
        copy_table((const uint8_t *)tables[i]);
    rt.pm_timer = PM_TIMER;
    rt.pm_base = PM_TIMER - 8;
}
