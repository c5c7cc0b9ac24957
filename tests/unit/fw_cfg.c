/*
 * fw_cfg as firmware uses it: select and read, the directory, DMA in both directions; and as it is
 * abused: commands in places that are no memory, lengths of 4 GiB, keys that nobody has.
 */
#include "hw/machine/fw_cfg.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/hostile.h"

#define COMMAND   0x1000u /* in guest memory */
#define BUFFER    0x2000u
#define ERROR     1u
#define READ      2u
#define SKIP      4u
#define SELECT    8u
#define WRITE     16u
#define SEL(key)  ((uint32_t)(key) << 16 | SELECT)
#define NO_MEMORY 0xfed00000u

static void read_item(struct bench *b, uint16_t key, void *buf, size_t size)
{
    outw(b, 0x510, key);
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)buf)[i] = inb(b, 0x511);
}

static uint32_t item32(struct bench *b, uint16_t key)
{
    uint8_t bytes[4];
    read_item(b, key, bytes, sizeof(bytes));
    return get_le32(bytes);
}

/* The key of a file, found in the directory as firmware does; 0: there is none. */
static uint16_t find_file(struct bench *b, const char *name, uint32_t *size)
{
    uint8_t count[4], entry[64];
    uint16_t key = 0;
    read_item(b, FW_CFG_FILE_DIR, count, sizeof(count));
    for (uint32_t i = 0; i < get_be32(count); i++) {
        for (size_t at = 0; at < sizeof(entry); at++)
            entry[at] = inb(b, 0x511);
        if (strcmp((char *)entry + 8, name) == 0) {
            key = get_be16(entry + 4);
            *size = get_be32(entry);
        }
    }
    return key;
}

static void add_file(struct device *dev, const char *name, const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));
    g_assert_cmpint(fw_cfg_add_file(dev, name, bytes, NULL), ==, 0);
}

/* Has the device carry out a command; returns the control word it leaves. */
static uint32_t command(struct bench *b, uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t *p = b->ram.host + COMMAND;
    put_be32(p, control);
    put_be32(p + 4, length);
    put_be64(p + 8, address);
    outl(b, 0x514, 0);
    outl(b, 0x518, __builtin_bswap32(COMMAND));
    return get_be32(p);
}

static void test_ports(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    char text[5] = "";

    read_item(b, FW_CFG_SIGNATURE, text, 4);
    g_assert_cmpstr(text, ==, "QEMU");
    g_assert_cmpuint(inb(b, 0x511), ==, 0); /* beyond the end */
    g_assert_cmpuint(item32(b, FW_CFG_ID), ==, 3);

    fw_cfg_add_u16(dev, FW_CFG_NB_CPUS, 4);
    fw_cfg_add_u64(dev, FW_CFG_RAM_SIZE, UINT64_C(0x123456789));
    g_assert_cmpuint(item32(b, FW_CFG_NB_CPUS), ==, 4);
    g_assert_cmpuint(item32(b, FW_CFG_RAM_SIZE), ==, 0x23456789);
    g_assert_cmpuint(inb(b, 0x511), ==, 1);
    fw_cfg_add_u16(dev, FW_CFG_NB_CPUS, 5); /* the last one counts */
    g_assert_cmpuint(item32(b, FW_CFG_NB_CPUS), ==, 5);

    outb(b, 0x510, 1); /* half a selector selects nothing */
    g_assert_cmpuint(inw(b, 0x510), ==, 0);
    g_assert_cmpuint(item32(b, 0x3fff), ==, 0);
    bench_destroy(b);
}

static void test_files(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    uint32_t size = 0;
    char text[8] = "";

    add_file(dev, "etc/b", "second");
    add_file(dev, "etc/a", "1st");
    add_file(dev, "etc/c", "");
    g_assert_cmpuint(find_file(b, "etc/a", &size), ==, 0x20);
    g_assert_cmpuint(size, ==, 3);
    g_assert_cmpuint(find_file(b, "etc/b", &size), ==, 0x21);
    g_assert_cmpuint(size, ==, 6);
    g_assert_cmpuint(find_file(b, "etc/c", &size), ==, 0x22);
    g_assert_cmpuint(size, ==, 0);
    g_assert_cmpuint(find_file(b, "etc/d", &size), ==, 0);
    read_item(b, 0x21, text, 7);
    g_assert_cmpstr(text, ==, "second");
    bench_destroy(b);
}

static void test_bad_files(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
    g_autoptr(GError) err = NULL;
    char name[FW_CFG_NAME_SIZE + 1];

    add_file(dev, "opt/x", "x");
    g_assert_cmpint(fw_cfg_add_file(dev, "opt/x", bytes, &err), ==, -EEXIST);
    g_assert_nonnull(strstr(err->message, "opt/x"));
    memset(name, 'n', sizeof(name));
    name[FW_CFG_NAME_SIZE] = 0;
    g_assert_cmpint(fw_cfg_add_file(dev, name, bytes, NULL), ==, -ENAMETOOLONG);
    name[FW_CFG_NAME_SIZE - 1] = 0;
    g_assert_cmpint(fw_cfg_add_file(dev, name, bytes, NULL), ==, 0);
    for (int i = 2; i < FW_CFG_MAX_FILES; i++) {
        g_snprintf(name, sizeof(name), "opt/%d", i);
        g_assert_cmpint(fw_cfg_add_file(dev, name, bytes, NULL), ==, 0);
    }
    g_assert_cmpint(fw_cfg_add_file(dev, "opt/one-more", bytes, NULL), ==, -ENOSPC);
    bench_destroy(b);
}

static void test_dma_read(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    char *buffer = (char *)b->ram.host + BUFFER;

    add_file(dev, "etc/text", "0123456789");
    g_assert_cmpuint(inl(b, 0x514), ==, 0x554d4551); /* "QEMU" */
    g_assert_cmpuint(inl(b, 0x518), ==, 0x47464320); /* " CFG" */
    g_assert_cmpuint(inb(b, 0x51b), ==, 'G');

    g_assert_cmpuint(command(b, SEL(0x20) | READ, 4, BUFFER), ==, 0);
    g_assert_cmpmem(buffer, 5, "0123", 5);
    g_assert_cmpuint(command(b, SKIP, 2, 0), ==, 0);
    g_assert_cmpuint(inb(b, 0x511), ==, '6'); /* one position for both interfaces */
    memset(buffer, 'x', 16);
    g_assert_cmpuint(command(b, READ, 8, BUFFER), ==, 0);
    g_assert_cmpmem(buffer, 9, "789\0\0\0\0\0x", 9);
    g_assert_cmpuint(command(b, SEL(0x20), 0, 0), ==, 0);
    g_assert_cmpuint(inb(b, 0x511), ==, '0');
    g_assert_cmpuint(dev->guest_faults, ==, 0);
    bench_destroy(b);
}

static void test_dma_hostile(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);

    add_file(dev, "etc/text", "0123456789");
    g_assert_cmpuint(command(b, SEL(0x20) | READ, 4, NO_MEMORY), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x20) | READ, 4, BENCH_RAM_SIZE - 2), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x20) | READ, 4, UINT64_MAX - 1), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x20) | READ, UINT32_MAX, 0x10000), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x3fff) | READ, 0x2000, NO_MEMORY), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x20) | WRITE, 1, BUFFER), ==, ERROR); /* read-only */
    g_assert_cmpuint(command(b, SEL(0x3fff) | WRITE, 0, BUFFER), ==, ERROR);
    g_assert_cmpuint(dev->guest_faults, ==, 7);

    /* A position far beyond the end stays there and reads as zeroes. */
    g_assert_cmpuint(command(b, SEL(0x20) | SKIP, UINT32_MAX, 0), ==, 0);
    g_assert_cmpuint(command(b, SKIP, 100, 0), ==, 0);
    g_assert_cmpuint(inb(b, 0x511), ==, 0);
    g_assert_cmpuint(command(b, READ, 4, BUFFER), ==, 0);
    g_assert_cmpuint(get_le32(b->ram.host + BUFFER), ==, 0);

    /* The command itself is no memory, or half of it: nothing but a count. */
    outl(b, 0x514, 0xffffffff);
    outl(b, 0x518, 0xffffffff);
    outl(b, 0x518, __builtin_bswap32(NO_MEMORY));
    outl(b, 0x518, __builtin_bswap32(BENCH_RAM_SIZE - 8));
    g_assert_cmpuint(dev->guest_faults, ==, 10);

    /* The command overwrites itself: the device has read it before. */
    g_assert_cmpuint(command(b, SEL(0x20) | READ, 10, COMMAND), ==, 0);
    g_assert_cmpmem(b->ram.host + COMMAND + 4, 6, "456789", 6);
    bench_destroy(b);
}

struct written {
    unsigned calls;
    uint32_t offset, length;
};

static void note_write(void *opaque, uint32_t offset, uint32_t length)
{
    struct written *w = opaque;
    w->calls++;
    w->offset = offset;
    w->length = length;
}

static void test_writable(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    uint8_t data[8] = "abcdefgh";
    struct written written = { 0 };
    const struct fw_cfg_writable file = { data, sizeof(data), note_write, &written };
    uint32_t size = 0;

    g_assert_cmpint(fw_cfg_add_writable(dev, "etc/out", &file, NULL), ==, 0);
    g_assert_cmpint(fw_cfg_add_writable(dev, "etc/out", &file, NULL), ==, -EEXIST);
    g_assert_cmpuint(find_file(b, "etc/out", &size), ==, 0x20);
    g_assert_cmpuint(size, ==, 8);

    memcpy(b->ram.host + BUFFER, "12345678", 8);
    g_assert_cmpuint(command(b, SEL(0x20) | SKIP, 2, 0), ==, 0);
    g_assert_cmpuint(command(b, WRITE, 3, BUFFER), ==, 0);
    g_assert_cmpmem(data, 8, "ab123fgh", 8);
    g_assert_cmpuint(written.calls, ==, 1);
    g_assert_cmpuint(written.offset, ==, 2);
    g_assert_cmpuint(written.length, ==, 3);
    g_assert_cmpuint(inb(b, 0x511), ==, 'f');

    g_assert_cmpuint(command(b, WRITE, 3, BUFFER), ==, ERROR); /* past the end */
    g_assert_cmpuint(command(b, SEL(0x20) | WRITE, 8, NO_MEMORY), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x20) | WRITE, UINT32_MAX, BUFFER), ==, ERROR);
    g_assert_cmpuint(command(b, SEL(0x20) | SKIP, 9, 0), ==, 0);
    g_assert_cmpuint(command(b, WRITE, 0, BUFFER), ==, ERROR);
    g_assert_cmpmem(data, 8, "ab123fgh", 8);
    g_assert_cmpuint(written.calls, ==, 1);
    bench_destroy(b);
}

static void test_without_dma(void)
{
    struct bench *b = bench_create();
    bench_plug(b, &fw_cfg_kind, "dma=off");
    g_assert_cmpuint(item32(b, FW_CFG_ID), ==, 1);
    g_assert_cmpuint(inl(b, 0x514), ==, 0xffffffff);
    bench_destroy(b);
}

/* Random commands, some in places that are half memory, and any access to the ports. */
static void test_anything(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    uint8_t data[64] = { 0 };
    const struct fw_cfg_writable file = { data, sizeof(data), NULL, NULL };
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    static const uint32_t lengths[] = { 0, 1, 63, 64, 65, 0x100000, 0x100041, UINT32_MAX };
    static const uint64_t addresses[] = {
        0, COMMAND, BUFFER, BENCH_RAM_SIZE - 32, NO_MEMORY, UINT64_MAX, UINT64_MAX - 63
    };

    g_assert_cmpint(fw_cfg_add_writable(dev, "etc/out", &file, NULL), ==, 0);
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t control = g_rand_int(rand) & (0xffff0000u | READ | SKIP | SELECT | WRITE);
        if (g_rand_boolean(rand))
            control = (control & 0xffff) | 0x20u << 16;
        uint32_t left = command(b, control, lengths[g_rand_int(rand) % G_N_ELEMENTS(lengths)],
                                addresses[g_rand_int(rand) % G_N_ELEMENTS(addresses)]);
        g_assert_cmpuint(left, <=, ERROR);
        hostile_ports(b, 0x510, 12, i);
    }
    bench_destroy(b);
}

static void test_state(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &fw_cfg_kind, NULL);
    outw(b, 0x510, FW_CFG_SIGNATURE);
    inb(b, 0x511);
    outl(b, 0x514, 0x12345678);
    bench_save_load(b, dev, NULL);
    g_assert_cmpuint(inb(b, 0x511), ==, 'E'); /* goes on in the middle of the item */
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/ports", test_ports);
    g_test_add_func("/fw_cfg/files", test_files);
    g_test_add_func("/fw_cfg/bad-files", test_bad_files);
    g_test_add_func("/fw_cfg/dma-read", test_dma_read);
    g_test_add_func("/fw_cfg/dma-hostile", test_dma_hostile);
    g_test_add_func("/fw_cfg/writable", test_writable);
    g_test_add_func("/fw_cfg/without-dma", test_without_dma);
    g_test_add_func("/fw_cfg/anything", test_anything);
    g_test_add_func("/fw_cfg/state", test_state);
    return g_test_run();
}
