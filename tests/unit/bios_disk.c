/*
 * The BIOS's code that needs no hardware, on the host: disks, CDs, boot order, keys.
 */
#include "firmware/bios/bootorder.h"
#include "firmware/bios/edd.h"
#include "firmware/bios/eltorito.h"
#include "firmware/bios/geometry.h"
#include "firmware/bios/keyboard.h"
#include "base/bytes.h"
#include <glib.h>

static void identify_words(uint16_t id[256], uint32_t lba28, uint64_t lba48)
{
    memset(id, 0, 512);
    memset(id + 27, 0x20, 40);
    id[27] = 'D' << 8 | 'I';
    id[28] = 'S' << 8 | 'K';
    id[1] = 16383;
    id[3] = 16;
    id[6] = 63;
    id[49] = 0x0300;
    id[60] = (uint16_t)lba28;
    id[61] = (uint16_t)(lba28 >> 16);
    id[83] = lba48 ? 0x4400 : 0x4000;
    for (int i = 0; i < 4; i++)
        id[100 + i] = (uint16_t)(lba48 >> 16 * i);
}

static void identify_disk(void)
{
    uint16_t id[256];
    struct drive d = { .type = DRIVE_ATA };
    identify_words(id, 0x0FFFFFFF, UINT64_C(6) << 30);
    g_assert_true(geometry_identify(&d, id));
    g_assert_cmpstr(d.model, ==, "DISK");
    g_assert_true(d.dma && d.lba48);
    g_assert_cmpuint(d.sectors, ==, UINT64_C(6) << 30);
    g_assert_cmpuint(d.logical.heads, ==, 255);
}

static void identify_nonsense(void)
{
    uint16_t id[256];
    struct drive d = { .type = DRIVE_ATA };
    memset(id, 0, sizeof(id));
    g_assert_false(geometry_identify(&d, id));
    memset(id, 0xFF, sizeof(id));
    d = (struct drive){ .type = DRIVE_ATA };
    geometry_identify(&d, id); /* must not divide by zero or overrun the name */
    g_assert_cmpuint(strlen(d.model), <=, 40);
    identify_words(id, 0, 0);
    d = (struct drive){ .type = DRIVE_ATA };
    g_assert_false(geometry_identify(&d, id));
    identify_words(id, 4096, 0);
    id[3] = id[6] = 0;
    d = (struct drive){ .type = DRIVE_ATA };
    g_assert_true(geometry_identify(&d, id));
    g_assert_cmpuint(d.logical.sectors, ==, 63);
}

static void identify_cd(void)
{
    uint16_t id[256];
    struct drive d = { .type = DRIVE_ATAPI };
    identify_words(id, 0, 0);
    id[0] = 0x85C0;
    g_assert_true(geometry_identify(&d, id));
    g_assert_cmpuint(d.sector_size, ==, 2048);
    id[0] = 0x0040;
    g_assert_false(geometry_identify(&d, id));
}

/* Every CHS address of a geometry must lie on the disk, whatever its size. */
static void translation(void)
{
    static const struct {
        uint64_t sectors;
        uint16_t heads;
    } known[] = { { 20808, 16 },      { 1024 * 16 * 63, 16 }, { 1024 * 16 * 63 * 2, 32 },
                  { 4194304, 128 },   { 8388608, 255 },       { 16450560, 255 },
                  { 1ULL << 32, 255 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        struct chs g = geometry_translate((struct chs){ 16383, 16, 63 }, known[i].sectors);
        g_assert_cmpuint(g.heads, ==, known[i].heads);
        g_assert_cmpuint((uint64_t)g.cylinders * g.heads * g.sectors, <=, known[i].sectors);
        g_assert_cmpuint(g.cylinders, >, 0);
        g_assert_cmpuint(g.cylinders, <=, 1024);
    }
    struct chs own = geometry_translate((struct chs){ 615, 4, 17 }, 615 * 4 * 17);
    g_assert_cmpuint(own.heads, ==, 4);
}

static void chs_to_lba(void)
{
    const struct chs g = { 1024, 255, 63 };
    uint32_t lba;
    g_assert_true(geometry_lba(&g, 0x0001, 0, &lba));
    g_assert_cmpuint(lba, ==, 0);
    g_assert_true(geometry_lba(&g, 0xFFFF, 254, &lba));
    g_assert_cmpuint(lba, ==, 1024 * 255 * 63 - 1);
    g_assert_false(geometry_lba(&g, 0x0000, 0, &lba)); /* there is no sector 0 */
    g_assert_false(geometry_lba(&g, 0x0001, 255, &lba));
    const struct chs small = { 10, 2, 9 };
    g_assert_false(geometry_lba(&small, 0x000A, 0, &lba));
    g_assert_false(geometry_lba(&small, 0x0A01, 0, &lba));
}

static void edd_versions(void)
{
    struct drive d = { .type = DRIVE_ATA,
                       .sectors = 0x123456789A,
                       .sector_size = 512,
                       .bdf = 0x0009,
                       .io = 0x1F0,
                       .control = 0x3F6,
                       .channel = 1,
                       .unit = 1,
                       .dma = true };
    uint8_t out[EDD_MAX], dpte[16];
    g_assert_cmpuint(edd_parameters(out, 0x1A, &d, 0x9F8000C0), ==, 0x1A);
    g_assert_cmpuint(get_le64(out + 16), ==, 0x123456789A);
    g_assert_cmpuint(edd_parameters(out, 0x1E, &d, 0x9F8000C0), ==, 0x1E);
    g_assert_cmpuint(get_le32(out + 26), ==, 0x9F8000C0);
    g_assert_cmpuint(edd_parameters(out, 0xFFFF, &d, 0), ==, EDD_MAX);
    g_assert_cmpmem(out + 36, 12, "PCI ATA     ", 12);
    g_assert_cmpuint(edd_checksum(out + 30, 36), ==, 0);
    edd_dpte(dpte, &d);
    g_assert_cmpuint(edd_checksum(dpte, 16), ==, 0);
    g_assert_cmpuint(dpte[6], ==, 15);
    g_assert_cmphex(get_le16(dpte + 10), ==, 0x12); /* DMA, LBA */
    d.dma = false;
    edd_dpte(dpte, &d);
    g_assert_cmphex(get_le16(dpte + 10), ==, 0x10);
}

static void fill_catalog(uint8_t *c)
{
    memset(c, 0, 2048);
    c[0] = 1;
    c[30] = 0x55;
    c[31] = 0xAA;
    put_le16(c + 28, (uint16_t) - (0x0001 + 0xAA55));
    c[32] = 0x88;
    put_le16(c + 38, 4);
    put_le32(c + 40, 1000);
}

static void eltorito_good(void)
{
    uint8_t c[2048];
    struct eltorito e;
    fill_catalog(c);
    g_assert_null(eltorito_entry(c, &e));
    g_assert_cmpuint(e.segment, ==, 0x07C0);
    g_assert_cmpuint(e.lba, ==, 1000);
    g_assert_cmpuint(e.count, ==, 4);
}

static void eltorito_bad(void)
{
    uint8_t c[2048];
    struct eltorito e;
    fill_catalog(c);
    c[4] ^= 1;
    g_assert_cmpstr(eltorito_entry(c, &e), ==, "damaged boot catalogue");
    fill_catalog(c);
    c[32] = 0;
    g_assert_nonnull(eltorito_entry(c, &e));
    fill_catalog(c);
    c[33] = 9;
    g_assert_nonnull(eltorito_entry(c, &e));
    fill_catalog(c);
    put_le16(c + 38, 0xFFFF); /* 32 MiB into conventional memory */
    g_assert_cmpstr(eltorito_entry(c, &e), ==, "boot image does not fit in memory");
    fill_catalog(c);
    put_le16(c + 34, 0x0010); /* over the interrupt vectors */
    g_assert_nonnull(eltorito_entry(c, &e));
    fill_catalog(c);
    put_le16(c + 34, 0xF000); /* over us */
    g_assert_nonnull(eltorito_entry(c, &e));
}

static void eltorito_record(void)
{
    uint8_t r[2048] = "\0CD001\1EL TORITO SPECIFICATION";
    put_le32(r + 0x47, 19);
    g_assert_cmpuint(eltorito_catalog(r), ==, 19);
    r[0] = 1;
    g_assert_cmpuint(eltorito_catalog(r), ==, 0);
}

static void eltorito_disk_geometry(void)
{
    uint8_t mbr[512] = { 0 };
    mbr[0x1BE + 5] = 15;
    mbr[0x1BE + 6] = 0xC0 | 63;
    mbr[0x1BE + 7] = 0xFF;
    struct chs g = eltorito_geometry(MEDIA_DISK, mbr);
    g_assert_cmpuint(g.cylinders, ==, 1024);
    g_assert_cmpuint(g.heads, ==, 16);
    g_assert_cmpuint(g.sectors, ==, 63);
    memset(mbr, 0, sizeof(mbr));
    g = eltorito_geometry(MEDIA_DISK, mbr);
    g_assert_cmpuint(g.sectors, ==, 63); /* never 0 sectors a track */
    g = eltorito_geometry(MEDIA_1440K, mbr);
    g_assert_cmpuint(g.sectors, ==, 18);
}

static void boot_order(void)
{
    const char *order = "/rom@genroms/linuxboot_dma.bin\n"
                        "/pci@i0cf8/ide@1,1/drive@0/disk@1\n"
                        "/pci@i0cf8/ethernet@3/ethernet-phy@0\nHALT";
    g_assert_cmpint(path_find(order, "/rom@genroms/linuxboot_dma.bin"), ==, 0);
    g_assert_cmpint(path_find(order, "/pci@i0cf8/*@1,1/drive@0/disk@1"), ==, 1);
    g_assert_cmpint(path_find(order, "/pci@i0cf8/*@1,1/drive@0/disk@0"), ==, NO_PRIORITY);
    g_assert_cmpint(path_find(order, "/pci@i0cf8/*@3"), ==, 2);
    g_assert_cmpint(path_find(order, "/pci@i0cf8/*@1"), ==, NO_PRIORITY); /* not 1,1 */
    g_assert_cmpint(path_find(order, "HALT"), ==, 3);
    g_assert_cmpint(path_find("", "/x"), ==, NO_PRIORITY);
    g_assert_cmpint(path_find("a@a@3", "*@3"), ==, 0);
}

static void keys(void)
{
    g_assert_cmphex(keymap_lookup(0x1E, false, 0), ==, 0x1E61);
    g_assert_cmphex(keymap_lookup(0x1E, false, SHIFT_CAPS), ==, 0x1E41);
    g_assert_cmphex(keymap_lookup(0x1E, false, SHIFT_CAPS | SHIFT_LEFT), ==, 0x1E61);
    g_assert_cmphex(keymap_lookup(0x02, false, SHIFT_CAPS), ==, 0x0231);
    g_assert_cmphex(keymap_lookup(0x53, true, SHIFT_CTRL), ==, 0x93E0);
    g_assert_cmphex(keymap_lookup(0x48, true, SHIFT_ALT), ==, 0x9800);
    for (unsigned scan = 0; scan < 256; scan++) { /* no key is beyond the table */
        keymap_lookup((uint8_t)scan, true, SHIFT_ALT);
        keymap_lookup((uint8_t)scan, false, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bios/identify/disk", identify_disk);
    g_test_add_func("/bios/identify/nonsense", identify_nonsense);
    g_test_add_func("/bios/identify/cd", identify_cd);
    g_test_add_func("/bios/geometry/translation", translation);
    g_test_add_func("/bios/geometry/chs", chs_to_lba);
    g_test_add_func("/bios/edd/versions", edd_versions);
    g_test_add_func("/bios/eltorito/good", eltorito_good);
    g_test_add_func("/bios/eltorito/bad", eltorito_bad);
    g_test_add_func("/bios/eltorito/record", eltorito_record);
    g_test_add_func("/bios/eltorito/geometry", eltorito_disk_geometry);
    g_test_add_func("/bios/bootorder", boot_order);
    g_test_add_func("/bios/keymap", keys);
    return g_test_run();
}
