/*
 * What firmware is told of the machine: disks and boot order by the CMOS, the host's own order by
 * fw_cfg's file "bootorder".
 */
#include <unistd.h>

#include "tests/qtest/qtest.h"

#define MIB UINT64_C(0x100000)

#define FW_CFG_FILES 0x19 /* the directory */

static uint8_t cmos(struct qtest *q, uint8_t index)
{
    qtest_outb(q, 0x70, index);
    return qtest_inb(q, 0x71);
}

static unsigned cmos16(struct qtest *q, uint8_t index)
{
    return cmos(q, index) | cmos(q, (uint8_t)(index + 1)) << 8;
}

/* A file of zeroes; it goes with remove_image(). */
static char *make_image(uint64_t size)
{
    char *path;
    int fd = g_file_open_tmp("hvm-dm-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    close(fd);
    return path;
}

static void remove_image(char *path)
{
    unlink(path);
    g_free(path);
}

static uint32_t fw_cfg_be(struct qtest *q, unsigned bytes)
{
    uint32_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | qtest_inb(q, 0x511);
    return value;
}

/* The text of a file of fw_cfg; "" when there is none. The caller owns it. */
static char *fw_cfg_text(struct qtest *q, const char *wanted)
{
    qtest_outw(q, 0x510, FW_CFG_FILES);
    for (uint32_t n = fw_cfg_be(q, 4); n > 0; n--) {
        uint32_t size = fw_cfg_be(q, 4);
        uint16_t key = (uint16_t)fw_cfg_be(q, 2);
        char name[56];

        fw_cfg_be(q, 2); /* reserved */
        for (unsigned i = 0; i < sizeof(name); i++)
            name[i] = (char)qtest_inb(q, 0x511);
        if (g_strcmp0(name, wanted) != 0)
            continue;
        char *text = g_malloc0(size + 1);
        qtest_outw(q, 0x510, key);
        for (uint32_t i = 0; i < size; i++)
            text[i] = (char)qtest_inb(q, 0x511);
        return text;
    }
    return g_strdup("");
}

/* 63 sectors, 16 heads; the third and fourth disk have a translation, but no drive type. */
static void test_geometry(void)
{
    char *small = make_image(100 * MIB), *large = make_image(8192 * MIB);
    g_autofree char *args = g_strdup_printf(
        "-drive file=%s,format=raw,index=0 -drive file=%s,format=raw,index=2", small, large);
    struct qtest *q = qtest_start(args);

    g_assert_cmphex(cmos(q, 0x12), ==, 0xf0); /* first: see 0x19; no second */
    g_assert_cmpuint(cmos(q, 0x19), ==, 47);  /* user-defined */
    g_assert_cmpuint(cmos16(q, 0x1b), ==, 100 * MIB / 512 / 63 / 16);
    g_assert_cmpuint(cmos(q, 0x1d), ==, 16);
    g_assert_cmphex(cmos16(q, 0x1e), ==, 0xffff); /* no write precompensation */
    g_assert_cmphex(cmos(q, 0x20), ==, 0xc8);     /* more than 8 heads */
    g_assert_cmpuint(cmos16(q, 0x21), ==, 100 * MIB / 512 / 63 / 16);
    g_assert_cmpuint(cmos(q, 0x23), ==, 63);
    g_assert_cmphex(cmos(q, 0x39), ==, 1 << 4); /* third: more than 1024 cylinders, hence LBA */
    qtest_end(q);
    remove_image(small);
    remove_image(large);
}

/* A disk without a medium, or none at all, has no type. */
static void test_no_disk(void)
{
    struct qtest *q = qtest_start("-drive if=ide,index=0,media=cdrom");

    g_assert_cmphex(cmos(q, 0x12), ==, 0);
    g_assert_cmphex(cmos(q, 0x39), ==, 0);
    qtest_end(q);
}

/* First in the low nibble of 0x3D, then its high one, then the high one of 0x38. */
static void test_sequence(void)
{
    struct qtest *q = qtest_start("-boot order=dca,once=n");

    g_assert_cmphex(cmos(q, 0x3d), ==, 0x04); /* the network, this time */
    qtest_qmp_do(q, "system_reset");
    g_assert_cmphex(cmos(q, 0x3d), ==, 0x23);        /* CD, disk */
    g_assert_cmphex(cmos(q, 0x38) & 0xf0, ==, 0x10); /* floppy */
    qtest_end(q);
}

/* bootindex= of every kind of device that can boot, as Open Firmware's paths. */
static void test_bootorder(void)
{
    char *disk = make_image(MIB), *floppy = make_image(1440 * 1024);
    g_autofree char *args = g_strdup_printf(
        "-drive if=none,id=d,file=%s,format=raw -drive if=none,id=f,file=%s,format=raw "
        "-net none "
        "-device ide-hd,drive=d,bus=ide.1,unit=0,bootindex=7 -device ide-cd,bus=ide.0,unit=1 "
        "-device e1000,addr=5,bootindex=1 -device e1000,addr=6 "
        "-device floppy,drive=f,bootindex=3",
        disk, floppy);
    struct qtest *q = qtest_start(args);
    g_autofree char *text = fw_cfg_text(q, "bootorder");

    g_assert_cmpstr(text, ==,
                    "/pci@i0cf8/ethernet@5/ethernet-phy@0\n"
                    "/pci@i0cf8/isa@1/fdc@03f0/floppy@0\n"
                    "/pci@i0cf8/ide@1,1/drive@1/disk@0");
    qtest_end(q);
    remove_image(disk);
    remove_image(floppy);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/firmware/geometry", test_geometry);
    g_test_add_func("/firmware/no-disk", test_no_disk);
    g_test_add_func("/firmware/sequence", test_sequence);
    g_test_add_func("/firmware/bootorder", test_bootorder);
    return g_test_run();
}
