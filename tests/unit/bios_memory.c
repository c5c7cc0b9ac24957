/*
 * The BIOS's code that needs no hardware, on the host: memory map, PCI windows, the host's table
 * script, hvmloader's block.
 */
#include "firmware/bios/e820.h"
#include "firmware/bios/loader.h"
#include "firmware/bios/pcialloc.h"
#include "firmware/bios/xenblock.h"
#include "base/bytes.h"
#include <glib.h>

static void map_overlaps(void)
{
    struct e820_entry e[8];
    struct e820_map m = { .entry = e, .capacity = 8 };
    g_assert_true(e820_set(&m, 0, 0x40000000, E820_RAM));
    g_assert_true(e820_set(&m, 0xA0000, 0x60000, E820_RESERVED)); /* splits */
    g_assert_cmpuint(m.count, ==, 3);
    g_assert_cmpuint(e[2].addr, ==, 0x100000);
    g_assert_cmpuint(e820_ram_end(&m, 0x100000), ==, 0x40000000);
    g_assert_cmpuint(e820_ram_end(&m, 0xA0000), ==, 0);
    g_assert_true(e820_set(&m, 0xA0000, 0x60000, E820_RAM)); /* joins again */
    g_assert_cmpuint(m.count, ==, 1);
    g_assert_true(e820_clear(&m, 0xA0000, 0x60000));
    g_assert_cmpuint(m.count, ==, 2);
}

static void map_limits(void)
{
    struct e820_entry e[4];
    struct e820_map m = { .entry = e, .capacity = 4 };
    g_assert_true(e820_set(&m, 0, 0, E820_RAM));                 /* nothing */
    g_assert_true(e820_set(&m, UINT64_MAX - 10, 100, E820_RAM)); /* beyond the end: ignored */
    g_assert_cmpuint(m.count, ==, 0);
    for (uint64_t i = 0; i < 1000; i++)
        e820_set(&m, i << 21, 1 << 20, E820_RAM);
    g_assert_cmpuint(m.count, <=, 4);
    for (uint32_t i = 1; i < m.count; i++)
        g_assert_cmpuint(e[i - 1].addr + e[i - 1].size, <=, e[i].addr);
}

static struct pci_resource window(uint16_t bdf, uint8_t bus, uint8_t kind, uint64_t size)
{
    return (
        struct pci_resource){ .bdf = bdf, .bus = bus, .kind = kind, .size = size, .align = size };
}

static void pci_alignment(void)
{
    struct pci_resource r[] = { window(0x10, 0, PCI_KIND_MEM, 0x1000),
                                window(0x10, 0, PCI_KIND_MEM, 0x1000000),
                                window(0x18, 0, PCI_KIND_IO, 0x40),
                                window(0x18, 0, PCI_KIND_MEM, 0x20000) };
    struct pci_window w = { 0xE0000000, 0xFEC00000 };
    g_assert_true(pcialloc_place(r, 4, PCI_KIND_MEM, 0, w));
    for (unsigned i = 0; i < 4; i++) {
        if (r[i].kind != PCI_KIND_MEM)
            continue;
        g_assert_cmpuint(r[i].addr % r[i].align, ==, 0);
        g_assert_cmpuint(r[i].addr, >=, w.base);
        g_assert_cmpuint(r[i].addr + r[i].size, <=, w.end);
        for (unsigned j = 0; j < i; j++)
            g_assert_true(r[j].kind != r[i].kind || r[j].addr + r[j].size <= r[i].addr ||
                          r[i].addr + r[i].size <= r[j].addr);
    }
}

static void pci_bridge(void)
{
    struct pci_resource r[] = {
        { .bdf = 0x20, .kind = PCI_KIND_MEM, .bus = 0, .behind = 1 },
        { .bdf = 0x108, .kind = PCI_KIND_MEM, .bus = 1, .behind = 2 },
        window(0x200, 2, PCI_KIND_MEM, 0x800000),
        window(0x208, 2, PCI_KIND_MEM, 0x1000),
        window(0x110, 1, PCI_KIND_MEM, 0x4000),
    };
    struct pci_window w = { 0xE0000000, 0xFEC00000 };
    g_assert_true(pcialloc_place(r, 5, PCI_KIND_MEM, 2, w));
    const struct pci_resource *outer = NULL, *inner = NULL;
    for (unsigned i = 0; i < 5; i++) {
        outer = r[i].behind == 1 ? &r[i] : outer;
        inner = r[i].behind == 2 ? &r[i] : inner;
    }
    g_assert_true(inner->addr >= outer->addr &&
                  inner->addr + inner->size <= outer->addr + outer->size);
    g_assert_cmpuint(inner->size % 0x100000, ==, 0);
    for (unsigned i = 0; i < 5; i++) {
        if (r[i].bus == 2)
            g_assert_true(r[i].addr >= inner->addr &&
                          r[i].addr + r[i].size <= inner->addr + inner->size);
    }
}

static void pci_too_large(void)
{
    struct pci_resource r[] = { window(0x10, 0, PCI_KIND_MEM, UINT64_C(8) << 30),
                                window(0x18, 0, PCI_KIND_MEM, 0x1000) };
    struct pci_window w = { 0xE0000000, 0xFEC00000 };
    g_assert_false(pcialloc_place(r, 2, PCI_KIND_MEM, 0, w));
    g_assert_cmpuint(r[0].addr, ==, 0);
    g_assert_false(pcialloc_move_high(r, 2)); /* neither is 64 bits wide */
    r[0].is64 = true;
    g_assert_true(pcialloc_move_high(r, 2));
    g_assert_true(pcialloc_place(r, 2, PCI_KIND_MEM, 0, w));
}

/* ---- the host's script ---- */

static uint8_t memory[256];
static char written_to[LOADER_NAME];

static bool fake_load(struct loader_file *f, uint32_t align, bool in_fseg)
{
    if (strcmp(f->name, "tables") != 0)
        return false;
    f->data = memory;
    f->size = sizeof(memory);
    f->address = 0x7FFE0000;
    return true;
}

static bool fake_write_back(const char *name, uint32_t offset, const void *value, uint8_t size)
{
    g_strlcpy(written_to, name, sizeof(written_to));
    return size == 8 && get_le64(value) == 0x7FFE0010 && offset == 4;
}

static const char *run(struct loader *l, uint32_t code, const char *a, const char *b, uint32_t x,
                       uint32_t y, uint32_t z)
{
    uint8_t c[LOADER_COMMAND] = { 0 };
    put_le32(c, code);
    g_strlcpy((char *)c + 4, a, LOADER_NAME);
    uint8_t *at = c + 4 + LOADER_NAME;
    if (b) {
        g_strlcpy((char *)at, b, LOADER_NAME);
        at += LOADER_NAME;
    }
    put_le32(at, x);
    put_le32(at + 4, y);
    put_le32(at + 8, z);
    return loader_execute(l, c);
}

static void loader_script(void)
{
    struct loader l = { .load = fake_load, .write_back = fake_write_back };
    memset(memory, 0, sizeof(memory));
    put_le32(memory + 8, 0x20);
    g_assert_null(run(&l, 1, "tables", NULL, 64, 1, 0));
    g_assert_null(run(&l, 2, "tables", "tables", 8, 4, 0));
    g_assert_cmphex(get_le32(memory + 8), ==, 0x7FFE0020);
    g_assert_null(run(&l, 3, "tables", NULL, 9, 0, 16));
    uint8_t sum = 0;
    for (unsigned i = 0; i < 16; i++)
        sum += memory[i];
    g_assert_cmpuint(sum, ==, 0);
    g_assert_null(run(&l, 4, "host", "tables", 4, 0x10, 8));
    g_assert_cmpstr(written_to, ==, "host");
    g_assert_null(run(&l, 99, "", NULL, 0, 0, 0)); /* commands of the future are skipped */
}

static void loader_hostile(void)
{
    struct loader l = { .load = fake_load, .write_back = fake_write_back };
    g_assert_nonnull(run(&l, 1, "missing", NULL, 64, 1, 0));
    g_assert_nonnull(run(&l, 1, "tables", NULL, 3, 1, 0));
    g_assert_nonnull(run(&l, 1, "tables", NULL, 64, 7, 0));
    g_assert_null(run(&l, 1, "tables", NULL, 64, 1, 0));
    g_assert_nonnull(run(&l, 1, "tables", NULL, 64, 1, 0)); /* twice */
    g_assert_nonnull(run(&l, 2, "tables", "tables", 253, 4, 0));
    g_assert_nonnull(run(&l, 2, "tables", "tables", 0xFFFFFFFF, 8, 0));
    g_assert_nonnull(run(&l, 2, "tables", "tables", 0, 3, 0));
    g_assert_nonnull(run(&l, 2, "tables", "nothing", 0, 4, 0));
    g_assert_nonnull(run(&l, 3, "tables", NULL, 256, 0, 16));
    g_assert_nonnull(run(&l, 3, "tables", NULL, 0, 1, 256));
    g_assert_nonnull(run(&l, 3, "tables", NULL, 0, 0xFFFFFFF0, 0x20));
    g_assert_nonnull(run(&l, 4, "host", "tables", 4, 257, 8));
    uint8_t noise[LOADER_COMMAND];
    for (unsigned i = 0; i < 10000; i++) {
        for (unsigned j = 0; j < sizeof(noise); j++)
            noise[j] = (uint8_t)g_random_int();
        noise[0] = (uint8_t)(i % 5);
        noise[1] = noise[2] = noise[3] = 0;
        if (i & 8)
            g_strlcpy((char *)noise + 4, "tables", LOADER_NAME);
        if (i & 16)
            g_strlcpy((char *)noise + 4 + LOADER_NAME, "tables", LOADER_NAME);
        loader_execute(&l, noise);
    }
}

/* ---- hvmloader ---- */

static void xen_block(void)
{
    uint8_t b[XEN_BLOCK_MAX] = "XenHVMSeaBIOS";
    struct xen_block x;
    b[14] = 0x20;
    put_le32(b + 16, 0x10100);
    put_le32(b + 20, 4);
    put_le32(b + 24, 0x10200);
    put_le32(b + 28, 7);
    g_assert_false(xen_block_parse(b, &x)); /* no checksum yet */
    for (unsigned i = 0; i < 32; i++)
        b[15] -= i == 15 ? 0 : b[i];
    g_assert_true(xen_block_parse(b, &x));
    g_assert_cmpuint(x.tables, ==, 0x10100);
    g_assert_cmpuint(x.table_count, ==, 4);
    g_assert_cmpuint(x.e820, ==, 0x10200);
    g_assert_cmpuint(x.e820_count, ==, 7);
    b[14] = 0x1F;
    g_assert_false(xen_block_parse(b, &x));
    b[0] = 'x';
    g_assert_false(xen_block_parse(b, &x));
}

static void xen_tables(void)
{
    uint8_t t[36] = "_SM_";
    t[5] = 0x1F;
    g_assert_cmpuint(xen_table_length(t), ==, 0x1F);
    memcpy(t, "_MP_", 4);
    t[8] = 1;
    g_assert_cmpuint(xen_table_length(t), ==, 16);
    memcpy(t, "$PIR", 4);
    put_le16(t + 6, 128);
    g_assert_cmpuint(xen_table_length(t), ==, 128);
    memcpy(t, "RSD PTR ", 8);
    t[15] = 0;
    g_assert_cmpuint(xen_table_length(t), ==, 20);
    t[15] = 2;
    put_le32(t + 20, 36);
    g_assert_cmpuint(xen_table_length(t), ==, 36);
    memcpy(t, "what", 4);
    g_assert_cmpuint(xen_table_length(t), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bios/e820/overlaps", map_overlaps);
    g_test_add_func("/bios/e820/limits", map_limits);
    g_test_add_func("/bios/pci/alignment", pci_alignment);
    g_test_add_func("/bios/pci/bridge", pci_bridge);
    g_test_add_func("/bios/pci/too-large", pci_too_large);
    g_test_add_func("/bios/loader/script", loader_script);
    g_test_add_func("/bios/loader/hostile", loader_hostile);
    g_test_add_func("/bios/xen/block", xen_block);
    g_test_add_func("/bios/xen/tables", xen_tables);
    return g_test_run();
}
