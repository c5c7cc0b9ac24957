/*
 * ACPI: build the tables, let a pretended firmware link them, and walk them as an OS does.
 *
 * With HVMDM_IASL set, every table is also disassembled by iasl, which must have nothing to say.
 */
#include "hw/machine/acpi.h"

#include <string.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "tests/unit/table_linker.h"

struct tables {
    struct table_linker linker;
    const uint8_t *rsdp, *fadt, *madt, *ssdt, *hpet, *waet, *dsdt, *facs;
};

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t total = 0;
    while (n--)
        total += *p++;
    return total;
}

/* A table with its header: whole, and summing to zero. */
static const uint8_t *checked_table(const struct table_linker *linker, uint64_t address)
{
    const uint8_t *p = table_linker_at(linker, address, 36);
    uint32_t length = get_le32(p + 4);
    g_assert_cmpuint(length, >=, 36);
    table_linker_at(linker, address, length);
    g_assert_cmpuint(sum(p, length), ==, 0);
    return p;
}

static const uint8_t *find(const struct tables *t, uint64_t root, uint8_t size, const char *want)
{
    const uint8_t *p = checked_table(&t->linker, root);
    for (uint32_t at = 36; at < get_le32(p + 4); at += size) {
        const uint8_t *table = checked_table(&t->linker, get_le(p + at, size));
        if (memcmp(table, want, 4) == 0)
            return table;
    }
    return NULL;
}

static struct tables *boot(const struct acpi_config *config)
{
    struct tables *t = g_new0(struct tables, 1);
    struct acpi_blobs blobs;
    acpi_build(config, &blobs);
    t->linker.files[0] = (struct table_file){ ACPI_TABLES_FILE, blobs.tables->data,
                                              blobs.tables->len, 0 };
    t->linker.files[1] = (struct table_file){ ACPI_RSDP_FILE, blobs.rsdp->data, blobs.rsdp->len,
                                              0 };
    t->linker.nfiles = 2;
    t->linker.next = 1; /* nothing is aligned by luck */
    table_linker_run(&t->linker, blobs.loader->data, blobs.loader->len);
    acpi_blobs_clear(&blobs);

    t->rsdp = table_linker_at(&t->linker, table_linker_address(&t->linker, ACPI_RSDP_FILE), 36);
    uint64_t xsdt = get_le64(t->rsdp + 24);
    t->fadt = find(t, xsdt, 8, "FACP");
    t->madt = find(t, xsdt, 8, "APIC");
    t->ssdt = find(t, xsdt, 8, "SSDT");
    t->hpet = find(t, xsdt, 8, "HPET");
    t->waet = find(t, xsdt, 8, "WAET");
    g_assert_nonnull(t->fadt);
    t->facs = table_linker_at(&t->linker, get_le32(t->fadt + 36), 64);
    t->dsdt = checked_table(&t->linker, get_le32(t->fadt + 40));
    return t;
}

static struct tables *boot_default(void)
{
    struct acpi_config config;
    acpi_config_init(&config);
    return boot(&config);
}

static void test_roots(void)
{
    g_autofree struct tables *t = boot_default();
    g_assert_cmpmem(t->rsdp, 8, "RSD PTR ", 8);
    g_assert_cmpuint(table_linker_address(&t->linker, ACPI_RSDP_FILE) % 16, ==, 0);
    g_assert_cmpuint(sum(t->rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(t->rsdp, 36), ==, 0);

    /* The 32-bit root names the same tables as the 64-bit one. */
    uint32_t rsdt = get_le32(t->rsdp + 16);
    g_assert_true(find(t, rsdt, 4, "FACP") == t->fadt);
    g_assert_true(find(t, rsdt, 4, "APIC") == t->madt);
    g_assert_true(find(t, rsdt, 4, "SSDT") == t->ssdt);
    g_assert_true(find(t, rsdt, 4, "HPET") == t->hpet);
    g_assert_true(find(t, rsdt, 4, "WAET") == t->waet);
}

static void test_fadt(void)
{
    g_autofree struct tables *t = boot_default();
    const uint8_t *p = t->fadt;
    g_assert_cmpuint(get_le32(p + 4), ==, 244);
    g_assert_cmpuint(get_le32(p + 36), ==, get_le64(p + 132));
    g_assert_cmpuint(get_le32(p + 40), ==, get_le64(p + 140));
    g_assert_cmpmem(t->facs, 4, "FACS", 4);
    g_assert_cmpuint(get_le32(p + 36) % 64, ==, 0);
    g_assert_cmpmem(t->dsdt, 4, "DSDT", 4);

    g_assert_cmpuint(get_le16(p + 46), ==, 9);
    g_assert_cmpuint(get_le32(p + 48), ==, 0xb2);
    g_assert_cmpuint(get_le32(p + 56), ==, 0x600);
    g_assert_cmpuint(get_le32(p + 64), ==, 0x604);
    g_assert_cmpuint(get_le32(p + 76), ==, 0x608);
    g_assert_cmpuint(get_le32(p + 80), ==, 0xafe0);
    g_assert_cmpuint(get_le64(p + 148 + 4), ==, 0x600);
    g_assert_cmpuint(get_le64(p + 172 + 4), ==, 0x604);
    g_assert_cmpuint(get_le64(p + 208 + 4), ==, 0x608);
    g_assert_cmpuint(get_le64(p + 220 + 4), ==, 0xafe0);
    g_assert_cmpuint(p[116], ==, 1);
    g_assert_cmpuint(get_le64(p + 120), ==, 0xcf9);
    g_assert_cmpuint(p[128], ==, 6);
}

static void test_xen_ports(void)
{
    struct acpi_config config;
    acpi_config_init(&config);
    config.pm_base = 0xb000;
    g_autofree struct tables *t = boot(&config);
    g_assert_cmpuint(get_le32(t->fadt + 56), ==, 0xb000);
    g_assert_cmpuint(get_le32(t->fadt + 64), ==, 0xb004);
    g_assert_cmpuint(get_le64(t->fadt + 208 + 4), ==, 0xb008);
}

/* Counts the MADT's entries of a type; enabled: how many local APICs have their enabled bit. */
static unsigned count_madt(const struct tables *t, uint8_t type, unsigned *enabled)
{
    unsigned n = 0, on = 0;
    uint32_t end = get_le32(t->madt + 4), at = 44;
    while (at < end) {
        const uint8_t *e = t->madt + at;
        g_assert_cmpuint(e[1], >=, 2);
        if (e[0] == type) {
            on += type == 0 && get_le32(e + 4) & 1;
            n++;
        }
        at += e[1];
    }
    g_assert_cmpuint(at, ==, end);
    if (enabled)
        *enabled = on;
    return n;
}

static void test_cpus(void)
{
    static const struct {
        unsigned ncpus, max_cpus;
    } cases[] = { { 1, 1 }, { 2, 4 }, { 16, 16 }, { ACPI_MAX_CPUS, ACPI_MAX_CPUS } };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct acpi_config config;
        unsigned enabled;
        acpi_config_init(&config);
        config.ncpus = cases[i].ncpus;
        config.max_cpus = cases[i].max_cpus;
        g_autofree struct tables *t = boot(&config);
        g_assert_cmpuint(count_madt(t, 0, &enabled), ==, cases[i].max_cpus);
        g_assert_cmpuint(enabled, ==, cases[i].ncpus);
        g_assert_cmpuint(count_madt(t, 1, NULL), ==, 1); /* IOAPIC */
        g_assert_cmpuint(count_madt(t, 2, NULL), ==, 5); /* overrides */
        g_assert_cmpuint(count_madt(t, 4, NULL), ==, 1); /* NMI */
    }
}

static void test_no_hpet(void)
{
    struct acpi_config config;
    acpi_config_init(&config);
    config.devices &= ~(uint32_t)(ACPI_DEVICE_HPET | ACPI_DEVICE_I8042);
    g_autofree struct tables *t = boot(&config);
    g_assert_null(t->hpet);
    g_assert_cmpuint(get_le16(t->fadt + 109), ==, 1); /* and no keyboard controller */
}

static void disassemble(const char *dir, const char *iasl, const uint8_t *table)
{
    g_autofree char *name = g_strdup_printf("%.4s.dat", (const char *)table);
    g_autofree char *path = g_build_filename(dir, name, NULL), *out = NULL, *err = NULL;
    char *argv[] = { g_strdup(iasl), g_strdup("-d"), path, NULL };
    int status;
    g_assert_true(g_file_set_contents(path, (const char *)table, get_le32(table + 4), NULL));
    g_assert_true(
        g_spawn_sync(dir, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
    g_assert_true(g_spawn_check_wait_status(status, NULL));
    const char *words[] = { "Warning", "Error", "Remark", "rror:", "Invalid" };
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(out, words[i]) || strstr(err, words[i]))
            g_error("iasl -d %s: %s%s", name, out, err);
    }
    g_free(argv[0]);
    g_free(argv[1]);
    g_unlink(path);
    path[strlen(path) - 2] = 's';
    path[strlen(path) - 1] = 'l';
    g_assert_cmpint(g_unlink(path), ==, 0); /* NAME.dsl: so it was written */
}

static void test_iasl(void)
{
    const char *iasl = g_getenv("HVMDM_IASL");
    if (!iasl) {
        g_test_skip("HVMDM_IASL is not set");
        return;
    }
    struct acpi_config config;
    acpi_config_init(&config);
    config.ncpus = 3;
    config.max_cpus = 40; /* so that a package length needs two bytes */
    config.pci64 = (struct acpi_window){ UINT64_C(0x180000000), UINT64_C(0x97fffffff) };
    g_autofree struct tables *t = boot(&config);
    g_autofree char *dir = g_dir_make_tmp("test-acpi-XXXXXX", NULL);
    const uint8_t *all[] = { t->fadt, t->madt, t->ssdt, t->hpet, t->waet, t->dsdt, t->facs };
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        disassemble(dir, iasl, all[i]);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/roots", test_roots);
    g_test_add_func("/acpi/fadt", test_fadt);
    g_test_add_func("/acpi/xen-ports", test_xen_ports);
    g_test_add_func("/acpi/cpus", test_cpus);
    g_test_add_func("/acpi/no-hpet", test_no_hpet);
    g_test_add_func("/acpi/iasl", test_iasl);
    return g_test_run();
}
