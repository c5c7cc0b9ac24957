#include "hw/machine/acpi.h"

#include <string.h>

#include "base/bytes.h"
#include "hw/machine/aml.h"
#include "hw/machine/table_loader.h"

#include "dsdt.hex" // dsdt_aml_code[], by iasl from firmware/acpi/dsdt.asl

#define OEM_ID        "HVMDM "
#define OEM_TABLE_ID  "HVMDMPC "
#define CREATOR_ID    "HVDM"
#define HEADER_SIZE   36
#define MAX_TABLES    8 /* that RSDT and XSDT point to */
#define LAPIC_BASE    0xfee00000
#define IOAPIC_BASE   0xfec00000
#define HPET_BASE     0xfed00000
#define RESET_CONTROL 0xcf9 /* PIIX3 reset control register: 6 is a hard reset */
#define SMI_COMMAND   0xb2  /* PIIX4 APMC */
#define SCI_IRQ       9     /* hard-wired in the PIIX4 */
#define CENTURY_BYTE  0x32  /* in CMOS */

void acpi_config_init(struct acpi_config *config)
{
    *config = (struct acpi_config){
        .ncpus = 1,
        .max_cpus = 1,
        .devices = ACPI_DEVICE_HPET | ACPI_DEVICE_I8042 | ACPI_DEVICE_COM1 | ACPI_DEVICE_COM2 |
                   ACPI_DEVICE_LPT1 | ACPI_DEVICE_FW_CFG,
        .pm_base = 0x600,
        .gpe_base = 0xafe0,
        .pci32 = { 0xe0000000, 0xfebfffff },
    };
}

/* Appends size zero bytes and returns where they are, until the array grows again. */
static uint8_t *extend(GByteArray *tables, unsigned size)
{
    guint offset = tables->len;
    g_byte_array_set_size(tables, offset + size);
    return memset(tables->data + offset, 0, size);
}

/* Identifiers fill their field, with no terminating zero. */
static void put_text(uint8_t *p, const char *text, size_t size)
{
    memcpy(p, text, size);
}

static void align_to(GByteArray *tables, unsigned align)
{
    guint padding = -tables->len & (align - 1);
    if (padding)
        extend(tables, padding);
}

/* Starts a table: the common header (5.2.6), with length and checksum open. Returns its offset. */
static uint32_t table_begin(GByteArray *tables, const char *signature, uint8_t revision)
{
    align_to(tables, 16);
    uint32_t offset = tables->len;
    uint8_t *p = extend(tables, HEADER_SIZE);
    put_text(p, signature, 4);
    p[8] = revision;
    put_text(p + 10, OEM_ID, 6);
    put_text(p + 16, OEM_TABLE_ID, 8);
    put_le32(p + 24, 1); /* OEM revision */
    put_text(p + 28, CREATOR_ID, 4);
    put_le32(p + 32, 1);
    return offset;
}

/* Ends the table at offset: fills in its length, and has the firmware checksum it. */
static void table_end(struct acpi_blobs *b, uint32_t offset)
{
    uint32_t length = b->tables->len - offset;
    put_le32(b->tables->data + offset + 4, length);
    b->tables->data[offset + 9] = 0;
    table_loader_add_checksum(b->loader, ACPI_TABLES_FILE, offset + 9, offset, length);
}

/* Makes the field at offset of the tables a pointer to target, an offset in the tables too. */
static void point(struct acpi_blobs *b, uint32_t offset, uint8_t size, uint32_t target)
{
    put_le(b->tables->data + offset, target, size);
    table_loader_add_pointer(b->loader, ACPI_TABLES_FILE, offset, size, ACPI_TABLES_FILE);
}

/* 5.2.10: the only table with no checksum; the OS writes its waking vector and lock into it. */
static uint32_t build_facs(struct acpi_blobs *b)
{
    align_to(b->tables, 64);
    uint32_t offset = b->tables->len;
    uint8_t *p = extend(b->tables, 64);
    put_text(p, "FACS", 4);
    put_le32(p + 4, 64);
    p[32] = 1; /* version */
    return offset;
}

static uint32_t build_dsdt(struct acpi_blobs *b)
{
    align_to(b->tables, 16);
    uint32_t offset = b->tables->len;
    g_byte_array_append(b->tables, dsdt_aml_code, sizeof(dsdt_aml_code));
    table_end(b, offset);
    return offset;
}

/* A Generic Address Structure (5.2.3.1) for an I/O port block of bits width. */
static void put_port_block(uint8_t *p, uint8_t bits, uint16_t port)
{
    p[0] = 1; /* system I/O */
    p[1] = bits;
    put_le64(p + 4, port);
}

/* The fixed-hardware blocks of the PIIX4: the ACPI 1.0 fields and their 64-bit twins. */
static void put_fadt_blocks(uint8_t *p, const struct acpi_config *config)
{
    const struct {
        uint16_t port;
        uint8_t old, size, old_size, generic;
    } blocks[] = {
        { config->pm_base, 56, 4, 88, 148 },     /* PM1a event */
        { config->pm_base + 4, 64, 2, 89, 172 }, /* PM1a control */
        { config->pm_base + 8, 76, 4, 91, 208 }, /* PM timer */
        { config->gpe_base, 80, 4, 92, 220 },    /* GPE0 */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++) {
        put_le32(p + blocks[i].old, blocks[i].port);
        p[blocks[i].old_size] = blocks[i].size;
        put_port_block(p + blocks[i].generic, (uint8_t)(8 * blocks[i].size), blocks[i].port);
    }
}

/* 5.2.9; revision 4 is that of ACPI 3.0. */
static uint32_t build_fadt(struct acpi_blobs *b, const struct acpi_config *config, uint32_t facs,
                           uint32_t dsdt)
{
    uint32_t offset = table_begin(b->tables, "FACP", 4);
    uint8_t *p = extend(b->tables, 244 - HEADER_SIZE) - HEADER_SIZE;

    put_le16(p + 46, SCI_IRQ);
    put_le32(p + 48, SMI_COMMAND);
    p[52] = 0xf1; /* ACPI_ENABLE */
    p[53] = 0xf0; /* ACPI_DISABLE */
    put_fadt_blocks(p, config);
    put_le16(p + 96, 0xfff); /* P_LVL2_LAT above 100: no C2 */
    put_le16(p + 98, 0xfff); /* P_LVL3_LAT above 1000: no C3 */
    p[108] = CENTURY_BYTE;
    /* IAPC_BOOT_ARCH: legacy devices, and the keyboard controller; VGA may be probed. */
    put_le16(p + 109, 0x0001 | (config->devices & ACPI_DEVICE_I8042 ? 0x0002 : 0));
    /*
     * WBINVD, PROC_C1, no sleep button (the power button is a fixed one), RESET_REG_SUP,
     * USE_PLATFORM_CLOCK. The PM timer has 24 bits.
     */
    put_le32(p + 112, 1u << 0 | 1u << 2 | 1u << 5 | 1u << 10 | 1u << 15);
    put_port_block(p + 116, 8, RESET_CONTROL);
    p[128] = 6; /* RESET_VALUE */

    point(b, offset + 36, 4, facs);
    point(b, offset + 40, 4, dsdt);
    point(b, offset + 132, 8, facs);
    point(b, offset + 140, 8, dsdt);
    table_end(b, offset);
    return offset;
}

/* Interrupt source overrides (5.2.11.8): where the ISA interrupts differ from IOAPIC pin = IRQ. */
static void put_madt_overrides(GByteArray *tables)
{
    enum { AS_ISA = 0, LEVEL_HIGH = 0x0d };
    const struct {
        uint8_t irq, gsi, flags;
    } overrides[] = {
        { 0, 2, AS_ISA }, /* the timer is wired to pin 2 */
        { 5, 5, LEVEL_HIGH },   { SCI_IRQ, SCI_IRQ, LEVEL_HIGH },
        { 10, 10, LEVEL_HIGH }, /* with 5 and 11: what the PCI links are routed to */
        { 11, 11, LEVEL_HIGH },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(overrides); i++) {
        uint8_t *p = extend(tables, 10);
        p[0] = 2;
        p[1] = 10;
        p[3] = overrides[i].irq;
        put_le32(p + 4, overrides[i].gsi);
        put_le16(p + 8, overrides[i].flags);
    }
}

/* 5.2.11 */
static uint32_t build_madt(struct acpi_blobs *b, const struct acpi_config *config)
{
    GByteArray *t = b->tables;
    uint32_t offset = table_begin(t, "APIC", 2);
    uint8_t *p = extend(t, 8);
    put_le32(p, LAPIC_BASE);
    put_le32(p + 4, 1); /* PCAT_COMPAT: a pair of 8259s, too */

    for (unsigned i = 0; i < config->max_cpus; i++) {
        p = extend(t, 8); /* local APIC */
        p[1] = 8;
        p[2] = (uint8_t)i; /* ACPI processor id */
        p[3] = (uint8_t)i; /* APIC id */
        put_le32(p + 4, i < config->ncpus);
    }

    p = extend(t, 12); /* IOAPIC 0, GSIs from 0 */
    p[0] = 1;
    p[1] = 12;
    put_le32(p + 4, IOAPIC_BASE);
    put_madt_overrides(t);

    p = extend(t, 6); /* NMI on LINT1 of every processor */
    p[0] = 4;
    p[1] = 6;
    p[2] = 0xff;
    p[5] = 1;
    table_end(b, offset);
    return offset;
}

static uint32_t build_hpet(struct acpi_blobs *b)
{
    uint32_t offset = table_begin(b->tables, "HPET", 1);
    uint8_t *p = extend(b->tables, 20);
    /* Low half of the capabilities: Intel, legacy replacement, 64 bits, 3 comparators, rev 1. */
    put_le32(p, 0x8086a201);
    put_le64(p + 8, HPET_BASE); /* after a GAS head of zeroes: memory */
    table_end(b, offset);
    return offset;
}

/* Tells Windows that one read of the PM timer is enough. */
static uint32_t build_waet(struct acpi_blobs *b)
{
    uint32_t offset = table_begin(b->tables, "WAET", 1);
    put_le32(extend(b->tables, 4), 1u << 1); /* ACPI PM timer good */
    table_end(b, offset);
    return offset;
}

/* What PCI0 hands out: buses, the I/O space but for CF8-CFF, VGA memory and the BAR windows. */
static void put_pci_crs(GByteArray *out, const struct acpi_config *config)
{
    enum { IO_ENTIRE = 3, MEMORY_UNCACHED = 1, MEMORY_CACHED = 3 }; /* 6.4.3.5.4, read-write */
    g_autoptr(GByteArray) crs = g_byte_array_new();
    aml_window(crs, AML_SPACE_BUS, 0, 2, 0, 0xff);
    aml_io(crs, 0xcf8, 8);
    aml_window(crs, AML_SPACE_IO, IO_ENTIRE, 2, 0, 0xcf7);
    aml_window(crs, AML_SPACE_IO, IO_ENTIRE, 2, 0xd00, 0xffff);
    aml_window(crs, AML_SPACE_MEMORY, MEMORY_CACHED, 4, 0xa0000, 0xbffff);
    if (config->pci32.last)
        aml_window(crs, AML_SPACE_MEMORY, MEMORY_UNCACHED, 4, config->pci32.first,
                   config->pci32.last);
    if (config->pci64.last)
        aml_window(crs, AML_SPACE_MEMORY, MEMORY_CACHED, 8, config->pci64.first,
                   config->pci64.last);
    aml_resource_end(crs);
    aml_name_buffer(out, "_CRS", crs);
}

/* The SSDT: what the DSDT declares External. */
static uint32_t build_ssdt(struct acpi_blobs *b, const struct acpi_config *config)
{
    g_autoptr(GByteArray) pci = g_byte_array_new();
    g_autoptr(GByteArray) cpus = g_byte_array_new();
    put_pci_crs(pci, config);
    for (unsigned i = 0; i < config->max_cpus; i++) {
        char name[5];
        g_snprintf(name, sizeof(name), "CP%02X", i & 0xff);
        aml_processor(cpus, name, (uint8_t)i, i < config->ncpus ? 0x0f : 0);
    }

    uint32_t offset = table_begin(b->tables, "SSDT", 2);
    aml_name_dword(b->tables, "\\DEVS", config->devices);
    aml_name_dword(b->tables, "\\PMIO", config->pm_base);
    aml_name_dword(b->tables, "\\GPIO", config->gpe_base);
    aml_scope(b->tables, "\\_SB_.PCI0", pci);
    aml_scope(b->tables, "\\_PR_", cpus);
    table_end(b, offset);
    return offset;
}

/* 5.2.7, 5.2.8: the RSDT (pointers of size 4) or the XSDT (8). */
static uint32_t build_root(struct acpi_blobs *b, uint8_t size, const uint32_t *tables, unsigned n)
{
    uint32_t offset = table_begin(b->tables, size == 4 ? "RSDT" : "XSDT", 1);
    extend(b->tables, n * size);
    for (unsigned i = 0; i < n; i++)
        point(b, offset + HEADER_SIZE + i * size, size, tables[i]);
    table_end(b, offset);
    return offset;
}

/* 5.2.5: revision 2, with both roots; the first checksum covers the 20 bytes of ACPI 1.0. */
static void build_rsdp(struct acpi_blobs *b, uint32_t rsdt, uint32_t xsdt)
{
    uint8_t *p = extend(b->rsdp, 36);
    put_text(p, "RSD PTR ", 8);
    put_text(p + 9, OEM_ID, 6);
    p[15] = 2;
    put_le32(p + 16, rsdt);
    put_le32(p + 20, 36);
    put_le64(p + 24, xsdt);
    table_loader_add_pointer(b->loader, ACPI_RSDP_FILE, 16, 4, ACPI_TABLES_FILE);
    table_loader_add_pointer(b->loader, ACPI_RSDP_FILE, 24, 8, ACPI_TABLES_FILE);
    table_loader_add_checksum(b->loader, ACPI_RSDP_FILE, 8, 0, 20);
    table_loader_add_checksum(b->loader, ACPI_RSDP_FILE, 32, 0, 36);
}

void acpi_build(const struct acpi_config *config, struct acpi_blobs *out)
{
    struct acpi_blobs b = { g_byte_array_new(), g_byte_array_new(), g_byte_array_new() };
    uint32_t tables[MAX_TABLES];
    unsigned n = 0;

    table_loader_allocate(b.loader, ACPI_TABLES_FILE, 64, TABLE_LOADER_HIGH);
    table_loader_allocate(b.loader, ACPI_RSDP_FILE, 16, TABLE_LOADER_FSEG);
    uint32_t facs = build_facs(&b);
    uint32_t dsdt = build_dsdt(&b);
    tables[n++] = build_fadt(&b, config, facs, dsdt);
    tables[n++] = build_ssdt(&b, config);
    tables[n++] = build_madt(&b, config);
    if (config->devices & ACPI_DEVICE_HPET)
        tables[n++] = build_hpet(&b);
    tables[n++] = build_waet(&b);
    uint32_t rsdt = build_root(&b, 4, tables, n);
    build_rsdp(&b, rsdt, build_root(&b, 8, tables, n));
    *out = b;
}

void acpi_blobs_clear(struct acpi_blobs *blobs)
{
    if (blobs->tables)
        g_byte_array_unref(blobs->tables);
    if (blobs->rsdp)
        g_byte_array_unref(blobs->rsdp);
    if (blobs->loader)
        g_byte_array_unref(blobs->loader);
    *blobs = (struct acpi_blobs){ 0 };
}
