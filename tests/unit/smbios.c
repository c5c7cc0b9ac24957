/*
 * SMBIOS and e820: build the files and read them back as firmware and an OS do.
 */
#include "hw/machine/smbios.h"

#include <string.h>

#include "base/bytes.h"
#include "hw/machine/e820.h"

#define GIB (UINT64_C(1) << 30)

/* Each structure of the tables, by walking formatted areas and strings. */
struct walk {
    GByteArray *anchor, *tables;
    unsigned of_type[256];
    const uint8_t *first[256];
    unsigned count;
};

static const uint8_t *next(const uint8_t *p, const uint8_t *end)
{
    p += p[1];
    while (p + 1 < end && (p[0] || p[1]))
        p++;
    g_assert_true(p + 1 < end);
    return p + 2;
}

static struct walk build(const struct smbios_config *config)
{
    struct walk w = { 0 };
    smbios_build(config, &w.anchor, &w.tables);
    const uint8_t *p = w.tables->data, *end = p + w.tables->len;
    while (p < end) {
        g_assert_cmpuint(p[1], >=, 4);
        if (w.of_type[p[0]]++ == 0)
            w.first[p[0]] = p;
        w.count++;
        p = next(p, end);
    }
    return w;
}

static void clear(struct walk *w)
{
    g_byte_array_unref(w->anchor);
    g_byte_array_unref(w->tables);
}

/* The string that the field at offset names. */
static const char *string_at(const uint8_t *p, unsigned offset)
{
    const char *s = (const char *)p + p[1];
    g_assert_cmpuint(p[offset], !=, 0);
    for (unsigned i = 1; i < p[offset]; i++)
        s += strlen(s) + 1;
    return s;
}

static struct smbios_config usual(void)
{
    return (struct smbios_config){
        .bios_vendor = "hvm-dm",
        .bios_version = "0.1",
        .bios_date = "01/01/2026",
        .manufacturer = "hvm-dm",
        .product = "i440FX PC",
        .cpu_name = "virtual CPU",
        .ncpus = 2,
        .max_cpus = 4,
        .ram_below_4g = 3 * GIB,
        .ram_above_4g = 5 * GIB,
    };
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t total = 0;
    while (n--)
        total += *p++;
    return total;
}

static void test_anchor(void)
{
    struct smbios_config config = usual();
    struct walk w = build(&config);
    const uint8_t *p = w.anchor->data;
    g_assert_cmpuint(w.anchor->len, ==, 31);
    g_assert_cmpmem(p, 4, "_SM_", 4);
    g_assert_cmpmem(p + 16, 5, "_DMI_", 5);
    g_assert_cmpuint(sum(p, 31), ==, 0);
    g_assert_cmpuint(sum(p + 16, 15), ==, 0);
    g_assert_cmpuint(get_le16(p + 22), ==, w.tables->len);
    g_assert_cmpuint(get_le32(p + 24), ==, 0);
    g_assert_cmpuint(get_le16(p + 28), ==, w.count);
    g_assert_cmpuint(w.of_type[127], ==, 1);
    clear(&w);
}

static void test_structures(void)
{
    struct smbios_config config = usual();
    const uint8_t uuid[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                               0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    const uint8_t stored[16] = { 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    memcpy(config.uuid, uuid, sizeof(uuid));
    config.serial = "S-1";
    struct walk w = build(&config);
    g_assert_cmpstr(string_at(w.first[0], 4), ==, "hvm-dm");
    g_assert_cmpstr(string_at(w.first[0], 8), ==, "01/01/2026");
    g_assert_cmpstr(string_at(w.first[1], 5), ==, "i440FX PC");
    g_assert_cmpstr(string_at(w.first[1], 7), ==, "S-1");
    g_assert_cmpuint(w.first[1][6], ==, 0); /* no version given */
    g_assert_cmpmem(w.first[1] + 8, 16, stored, 16);
    g_assert_cmpuint(w.of_type[4], ==, 4);
    g_assert_cmpstr(string_at(w.first[4], 16), ==, "virtual CPU");
    g_assert_cmpuint(w.of_type[32], ==, 1);
    clear(&w);
}

static void test_no_bios(void)
{
    struct smbios_config config = usual();
    config.bios_vendor = NULL;
    struct walk w = build(&config);
    g_assert_cmpuint(w.of_type[0], ==, 0);
    clear(&w);
}

static void test_memory(void)
{
    struct smbios_config config = usual();
    struct walk w = build(&config);
    g_assert_cmpuint(get_le32(w.first[16] + 7), ==, 8 * GIB / 1024);
    g_assert_cmpuint(get_le16(w.first[17] + 12), ==, 8 * 1024);
    g_assert_cmpuint(w.of_type[17], ==, 1);
    g_assert_cmpuint(w.of_type[19], ==, 2);
    g_assert_cmpuint(get_le32(w.first[19] + 8), ==, 3 * GIB / 1024 - 1);
    clear(&w);

    /* 20 GiB: a module of 16 and one of 4; below 4 GiB only: one range. */
    config.ram_above_4g = 17 * GIB;
    w = build(&config);
    g_assert_cmpuint(w.of_type[17], ==, 2);
    g_assert_cmpuint(get_le16(w.first[17] + 12), ==, 16 * 1024);
    clear(&w);
    config.ram_above_4g = 0;
    w = build(&config);
    g_assert_cmpuint(w.of_type[19], ==, 1);
    clear(&w);
}

static void test_huge(void)
{
    struct smbios_config config = usual();
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    config.serial = text;
    config.ncpus = config.max_cpus = 255;
    config.ram_above_4g = 6144 * GIB;
    struct walk w = build(&config);
    g_assert_cmpuint(strlen(string_at(w.first[1], 7)), ==, 64);
    g_assert_cmpuint(w.of_type[17], <=, 64);
    g_assert_cmpuint(get_le16(w.first[17] + 12), ==, 0x7fff);
    g_assert_cmpuint(get_le32(w.first[17] + 28), ==, 128 * 1024);
    g_assert_cmpuint(get_le32(w.first[16] + 7), ==, 0x80000000u);
    g_assert_cmpuint(get_le64(w.first[16] + 15), ==, 6147 * GIB);
    g_assert_cmpuint(w.tables->len, <, 0x10000);
    clear(&w);
}

static void test_e820(void)
{
    const struct e820_range ranges[] = {
        { 0, 3 * GIB, E820_RAM },
        { 4 * GIB, 0, E820_RAM },
        { 0xfffc0000, 0x40000, E820_RESERVED },
    };
    GByteArray *file = e820_build(ranges, G_N_ELEMENTS(ranges));
    g_assert_cmpuint(file->len, ==, 2 * E820_ENTRY_SIZE);
    g_assert_cmpuint(get_le64(file->data + 8), ==, 3 * GIB);
    g_assert_cmpuint(get_le32(file->data + 16), ==, 1);
    g_assert_cmpuint(get_le64(file->data + 20), ==, 0xfffc0000);
    g_assert_cmpuint(get_le32(file->data + 36), ==, 2);
    g_byte_array_unref(file);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smbios/anchor", test_anchor);
    g_test_add_func("/smbios/structures", test_structures);
    g_test_add_func("/smbios/no-bios", test_no_bios);
    g_test_add_func("/smbios/memory", test_memory);
    g_test_add_func("/smbios/huge", test_huge);
    g_test_add_func("/smbios/e820", test_e820);
    return g_test_run();
}
