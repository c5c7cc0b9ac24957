/*
 * Disks and CDs as whoever controls the machine sees them by QMP, and as the guest sees what that
 * did: media that change, images that grow, errors that stop the machine.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "tests/qtest/qtest.h"

#define SECTOR   2048
#define CD       "-drive if=none,readonly=on,id=cd%s -device ide-cd,id=tray,drive=cd,bus=ide.1,unit=0 "
#define PIIX_IDE 0x09 /* 00:01.1 */
#define CD_BASE  0x170
#define HD_BASE  0x1f0

/* ---- Images ---- */

static char *folder;

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

/* 16 CD sectors of one letter. */
static char *make_image(const char *name, char letter)
{
    char *path = in_folder(name);
    g_autofree char *content = g_malloc(16 * SECTOR);

    memset(content, letter, 16 * SECTOR);
    g_assert_true(g_file_set_contents(path, content, 16 * SECTOR, NULL));
    return path;
}

/* What firmware does before anything else: both IDE channels decode their ports (IDETIM). */
static struct qtest *start(const char *args)
{
    struct qtest *q = qtest_start(args);

    qtest_pci_write(q, PIIX_IDE, 0x04, 0x0005, 2);
    qtest_pci_write(q, PIIX_IDE, 0x40, 0x8000, 2);
    qtest_pci_write(q, PIIX_IDE, 0x42, 0x8000, 2);
    return q;
}

static struct qtest *start_with_cd(const char *path, const char *more)
{
    g_autofree char *file = path != NULL ? g_strdup_printf(",format=raw,file=%s", path)
                                         : g_strdup("");
    g_autofree char *args = g_strdup_printf(CD "%s", file, more);

    return start(args);
}

/* ---- The guest's side ---- */

static uint8_t wait_idle(struct qtest *q, uint16_t base)
{
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t status = qtest_inb(q, base + 7);
        if ((status & 0x80) == 0)
            return status;
        g_usleep(100);
    }
    g_error("the drive stays busy");
}

/* A packet command; reads what comes into data. Returns the sense key, or 0 when it went well. */
static uint8_t packet(struct qtest *q, const uint8_t *bytes, uint8_t *data, size_t size)
{
    qtest_outb(q, CD_BASE + 6, 0xa0);
    qtest_outb(q, CD_BASE + 1, 0);
    qtest_outb(q, CD_BASE + 4, 0);
    qtest_outb(q, CD_BASE + 5, 0x10); /* blocks of 4096 bytes */
    qtest_outb(q, CD_BASE + 7, 0xa0);
    wait_idle(q, CD_BASE);
    for (unsigned i = 0; i < 12; i += 2)
        qtest_outw(q, CD_BASE, (uint16_t)(bytes[i] | bytes[i + 1] << 8));
    for (size_t at = 0; (wait_idle(q, CD_BASE) & 0x08) != 0; at += 2) {
        uint16_t word = qtest_inw(q, CD_BASE);
        if (at + 1 < size)
            memcpy(data + at, &word, 2);
    }
    return (wait_idle(q, CD_BASE) & 1) != 0 ? qtest_inb(q, CD_BASE + 1) >> 4 : 0;
}

static uint8_t test_unit_ready(struct qtest *q)
{
    static const uint8_t bytes[12] = { 0 };

    return packet(q, bytes, NULL, 0);
}

/* Asks until the drive has told everything of a new medium. */
static void become_ready(struct qtest *q)
{
    for (unsigned i = 0; i < 3 && test_unit_ready(q) != 0; i++)
        ;
    g_assert_cmphex(test_unit_ready(q), ==, 0);
}

static uint8_t first_letter(struct qtest *q)
{
    static const uint8_t read10[12] = { 0x28, 0, 0, 0, 0, 3, 0, 0, 1 };
    uint8_t data[SECTOR] = { 0 };

    g_assert_cmphex(packet(q, read10, data, sizeof(data)), ==, 0);
    g_assert_cmphex(data[0], ==, data[SECTOR - 1]);
    return data[0];
}

static void lock_tray(struct qtest *q)
{
    static const uint8_t prevent[12] = { 0x1e, 0, 0, 0, 1 };

    g_assert_cmphex(packet(q, prevent, NULL, 0), ==, 0);
}

static void hd_command(struct qtest *q, uint8_t command, uint32_t lba, uint8_t count)
{
    qtest_outb(q, HD_BASE + 6, (uint8_t)(0xe0 | lba >> 24));
    qtest_outb(q, HD_BASE + 2, count);
    qtest_outb(q, HD_BASE + 3, (uint8_t)lba);
    qtest_outb(q, HD_BASE + 4, (uint8_t)(lba >> 8));
    qtest_outb(q, HD_BASE + 5, (uint8_t)(lba >> 16));
    qtest_outb(q, HD_BASE + 7, command);
}

static void hd_read_sector(struct qtest *q, uint16_t *words)
{
    g_assert_cmphex(wait_idle(q, HD_BASE) & 0x09, ==, 0x08);
    for (unsigned i = 0; i < 256; i++)
        words[i] = qtest_inw(q, HD_BASE);
}

/* ---- The other side ---- */

static void tell(struct qtest *q, const char *command, const char *args)
{
    g_autofree char *text = g_strdup_printf("{\"execute\": \"%s\", \"arguments\": {%s}}\n", command,
                                            args);

    qtest_qmp_send(q, text, strlen(text), -1);
}

static void expect(struct qtest *q, const char *wanted)
{
    g_autofree char *line = qtest_qmp_line(q);

    if (line == NULL || strstr(line, wanted) == NULL)
        g_error("%s is not in: %s", wanted, line != NULL ? line : "(closed)");
}

/* A command that must succeed at once, without an event. */
static void must(struct qtest *q, const char *command, const char *args)
{
    tell(q, command, args);
    expect(q, "{\"return\":{}}");
}

static void must_fail(struct qtest *q, const char *command, const char *args, const char *why)
{
    tell(q, command, args);
    expect(q, why);
}

static void expect_tray(struct qtest *q, bool open)
{
    expect(q, open ? "\"event\":\"DEVICE_TRAY_MOVED\",\"data\":"
                     "{\"device\":\"cd\",\"tray-open\":true,\"id\":\"tray\"}"
                   : "\"event\":\"DEVICE_TRAY_MOVED\",\"data\":"
                     "{\"device\":\"cd\",\"tray-open\":false,\"id\":\"tray\"}");
}

/* The n-th entry of what a query answers; the caller owns it. */
static JsonObject *query(struct qtest *q, const char *command, unsigned n)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"%s\"", command);
    JsonArray *list = json_object_get_array_member(reply, "return");

    g_assert_cmpuint(n, <, json_array_get_length(list));
    return json_object_ref(json_array_get_object_element(list, n));
}

static const char *text_of(JsonObject *o, const char *name)
{
    return json_object_get_string_member(o, name);
}

/* ---- Media ---- */

/* Byte for byte what `xl cd-insert` sends: the new image comes as a descriptor. */
static void change_as_libxl(const char *options)
{
    g_autofree char *first = make_image("first.iso", 'a'), *second = make_image("second.iso", 'b');
    struct qtest *q = start_with_cd(first, options);
    static const char add[] = "{\"execute\":\"add-fd\",\"id\":2020372739,"
                              "\"arguments\":{\"opaque\":\"raw:/lab/cd2.iso\"}}\r\n";
    int fd = open(second, O_RDONLY | O_CLOEXEC);

    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'a');
    tell(q, "eject", "\"id\":\"tray\"");
    expect_tray(q, true);
    expect(q, "\"return\"");
    g_assert_cmphex(test_unit_ready(q), ==, 2); /* not ready */
    qtest_qmp_send(q, add, strlen(add), fd);
    expect(q, "\"fdset-id\":0");
    close(fd);
    tell(q, "blockdev-change-medium",
         "\"id\":\"tray\",\"filename\":\"/dev/fdset/0\",\"format\":\"raw\"");
    expect_tray(q, false);
    expect(q, "\"return\"");
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'b');
    qtest_end(q);
}

static void test_as_libxl(void)
{
    change_as_libxl("");
}

/* The same for a machine that may open nothing any more. */
static void test_in_a_sandbox(void)
{
    g_setenv("ASAN_OPTIONS", "detect_leaks=0", true); /* the leak checker traces the process */
    change_as_libxl("-sandbox on");
}

/* How many descriptors of this file the process has. */
static unsigned count_open(const struct qtest *q, const char *path)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/fd", qtest_pid(q));
    g_autoptr(GDir) dir = g_dir_open(name, 0, NULL);
    const char *entry;
    unsigned n = 0;

    while ((entry = g_dir_read_name(dir)) != NULL) {
        g_autofree char *link = g_build_filename(name, entry, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);
        n += g_strcmp0(target, path) == 0;
    }
    return n;
}

/* Who hands in an image and goes leaves nothing behind but the medium in the drive. */
static void test_descriptor_is_forgotten(void)
{
    g_autofree char *second = make_image("second.iso", 'b');
    struct qtest *q = start_with_cd(NULL, "");
    static const char add[] = "{\"execute\":\"add-fd\"}\n";
    int fd = open(second, O_RDONLY | O_CLOEXEC);

    qtest_qmp_send(q, add, strlen(add), fd);
    expect(q, "\"fdset-id\":0");
    close(fd);
    tell(q, "blockdev-change-medium", "\"id\":\"tray\",\"filename\":\"/dev/fdset/0\"");
    expect_tray(q, true);
    expect_tray(q, false);
    expect(q, "\"return\"");
    g_assert_cmpuint(count_open(q, second), ==, 2);
    qtest_qmp_hang_up(q);
    for (unsigned i = 0; i < 1000 && count_open(q, second) != 1; i++)
        g_usleep(10000);
    g_assert_cmpuint(count_open(q, second), ==, 1);
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'b');
    qtest_end(q);
}

/* XAPI says "device" and the drive's id, and ejects what is ejected already. */
static void test_as_xapi(void)
{
    g_autofree char *first = make_image("first.iso", 'a'), *second = make_image("second.iso", 'b');
    struct qtest *q = start_with_cd(first, "");
    g_autofree char *args = g_strdup_printf("\"device\":\"cd\",\"target\":\"%s\",\"arg\":\"raw\"",
                                            second);

    tell(q, "eject", "\"device\":\"cd\",\"force\":true");
    expect_tray(q, true);
    expect(q, "\"return\"");
    must(q, "eject", "\"device\":\"cd\",\"force\":true");
    tell(q, "change", args);
    expect_tray(q, false);
    expect(q, "\"return\"");
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'b');
    qtest_end(q);
}

/* One thing after the other, with an image that has a name of its own. */
static void test_steps(void)
{
    g_autofree char *second = make_image("second.iso", 'b');
    struct qtest *q = start_with_cd(NULL, "");
    g_autofree char *add = g_strdup_printf("\"driver\":\"raw\",\"node-name\":\"disc\","
                                           "\"read-only\":true,\"file\":"
                                           "{\"driver\":\"file\",\"filename\":\"%s\"}",
                                           second);
    static const char insert[] = "\"id\":\"tray\",\"node-name\":\"disc\"";

    must_fail(q, "blockdev-insert-medium", insert, "\"disc\\\"\"");
    must(q, "blockdev-add", add);
    must_fail(q, "blockdev-add", add, "is taken");
    must_fail(q, "blockdev-insert-medium", insert, "the tray is closed");
    must_fail(q, "blockdev-remove-medium", "\"id\":\"tray\"", "the tray is closed");
    tell(q, "blockdev-open-tray", "\"id\":\"tray\"");
    expect_tray(q, true);
    expect(q, "\"return\"");
    must(q, "blockdev-open-tray", "\"id\":\"tray\"");
    must(q, "blockdev-insert-medium", insert);
    must_fail(q, "blockdev-insert-medium", insert, "in use");
    must_fail(q, "blockdev-del", "\"node-name\":\"disc\"", "in use");
    tell(q, "blockdev-close-tray", "\"id\":\"tray\"");
    expect_tray(q, false);
    expect(q, "\"return\"");
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'b');
    tell(q, "blockdev-open-tray", "\"id\":\"tray\"");
    expect_tray(q, true);
    expect(q, "\"return\"");
    must(q, "blockdev-remove-medium", "\"id\":\"tray\"");
    must(q, "blockdev-insert-medium", insert); /* the image has stayed, with its name */
    must(q, "blockdev-remove-medium", "\"id\":\"tray\"");
    must(q, "blockdev-del", "\"node-name\":\"disc\"");
    must_fail(q, "blockdev-del", "\"node-name\":\"disc\"", "there is no node");
    qtest_end(q);
}

static void test_locked_tray(void)
{
    g_autofree char *first = make_image("first.iso", 'a');
    struct qtest *q = start_with_cd(first, "");

    become_ready(q);
    lock_tray(q);
    must_fail(q, "eject", "\"id\":\"tray\"", "locked the tray");
    g_autoptr(JsonObject) drive = query(q, "query-block", 0);
    g_assert_true(json_object_get_boolean_member(drive, "locked"));
    g_assert_cmpint(first_letter(q), ==, 'a');
    tell(q, "eject", "\"id\":\"tray\",\"force\":true");
    expect_tray(q, true);
    expect(q, "\"return\"");
    qtest_end(q);
}

/* The guest's own button: whoever controls the machine hears of it. */
static void test_guest_ejects(void)
{
    static const uint8_t start_stop[12] = { 0x1b, 0, 0, 0, 2 };
    g_autofree char *first = make_image("first.iso", 'a');
    struct qtest *q = start_with_cd(first, "");

    become_ready(q);
    g_assert_cmphex(packet(q, start_stop, NULL, 0), ==, 0);
    expect_tray(q, true);
    g_autoptr(JsonObject) drive = query(q, "query-block", 0);
    g_assert_true(json_object_get_boolean_member(drive, "tray_open"));
    g_assert_true(json_object_has_member(drive, "inserted")); /* it lies in the open tray */
    qtest_end(q);
}

static void test_refusals(void)
{
    static const struct {
        const char *command, *args, *why;
    } cases[] = {
        { "eject", "", "exactly one" },
        { "eject", "\"id\":\"tray\",\"device\":\"cd\"", "exactly one" },
        { "eject", "\"id\":\"nobody\"", "DeviceNotFound" },
        { "eject", "\"device\":\"nobody\"", "DeviceNotFound" },
        { "eject", "\"device\":\"ide0-hd0\"", "not removable" },
        { "blockdev-change-medium", "\"id\":\"tray\",\"filename\":\"/none\"", "No such file" },
        { "blockdev-change-medium", "\"id\":\"tray\",\"filename\":\"/dev/fdset/9\"", "fdset/9" },
        { "blockdev-change-medium", "\"id\":\"tray\",\"filename\":\"/\",\"format\":\"iso\"",
          "\\\"iso\\\"" },
        { "blockdev-change-medium",
          "\"id\":\"tray\",\"filename\":\"/\",\"read-only-mode\":\"maybe\"", "maybe" },
        { "block_resize", "\"device\":\"nobody\",\"size\":512", "nobody" },
        { "block_resize", "\"device\":\"ide0-hd0\",\"size\":-512", ">0" },
        { "block_resize", "\"device\":\"ide0-hd0\",\"size\":513", "multiple of 512" },
        { "block_resize", "\"device\":\"cd\",\"size\":512", "read-only" },
        { "block_set_io_throttle", "\"device\":\"ide0-hd0\"", "missing" },
        { "block_set_io_throttle",
          "\"device\":\"ide0-hd0\",\"bps\":1,\"bps_rd\":1,\"bps_wr\":0,\"iops\":0,\"iops_rd\":0,"
          "\"iops_wr\":0",
          "excludes" },
        { "block_set_io_throttle",
          "\"device\":\"ide0-hd0\",\"bps\":-1,\"bps_rd\":0,\"bps_wr\":0,\"iops\":0,\"iops_rd\":0,"
          "\"iops_wr\":0",
          "out of range" },
        { "blockdev-add", "\"driver\":\"raw\"", "node-name" },
        { "blockdev-add", "\"driver\":\"raw\",\"node-name\":\"n\"", "file.filename" },
        { "blockdev-add", "\"driver\":\"raw\",\"node-name\":\"n\",\"file\":\"m\"", "file=m" },
        { "blockdev-add", "\"driver\":\"raw\",\"node-name\":\"n\",\"file\":[1]", "file" },
        { "blockdev-add",
          "\"driver\":\"raw\",\"node-name\":\"n\",\"file\":{\"filename\":\"/\",\"colour\":1}",
          "file.colour" },
        { "blockdev-add",
          "\"driver\":\"raw\",\"node-name\":\"n\",\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
          "{\"a\":{\"a\":{\"a\":1}}}}}}}}",
          "too deeply" },
    };
    g_autofree char *first = make_image("first.iso", 'a'), *disk = make_image("disk", 'd');
    g_autofree char *all = g_strdup_printf("-drive file=%s,format=raw "
                                           "-drive if=none,readonly=on,id=cd,format=raw,file=%s "
                                           "-device ide-cd,id=tray,drive=cd,bus=ide.1,unit=0",
                                           disk, first);
    struct qtest *q = start(all);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        tell(q, cases[i].command, cases[i].args);
        expect(q, cases[i].why);
    }
    become_ready(q); /* the old medium has stayed through all of it */
    g_assert_cmpint(first_letter(q), ==, 'a');
    qtest_end(q);
}

/* ---- Images ---- */

static void test_query_block(void)
{
    g_autofree char *disk = make_image("disk", 'd');
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,cache=none,"
                                            "throttling.iops-total=500",
                                            disk);
    struct qtest *q = start(args);
    g_autoptr(JsonObject) drive = query(q, "query-block", 0);
    JsonObject *inserted = json_object_get_object_member(drive, "inserted");
    JsonObject *image = json_object_get_object_member(inserted, "image");
    JsonObject *cache = json_object_get_object_member(inserted, "cache");

    g_assert_cmpstr(text_of(drive, "device"), ==, "ide0-hd0");
    g_assert_cmpstr(text_of(drive, "io-status"), ==, "ok");
    g_assert_false(json_object_get_boolean_member(drive, "removable"));
    g_assert_false(json_object_has_member(drive, "tray_open"));
    g_assert_cmpstr(text_of(inserted, "file"), ==, disk);
    g_assert_cmpstr(text_of(inserted, "drv"), ==, "raw");
    g_assert_cmpint(json_object_get_int_member(inserted, "iops"), ==, 500);
    g_assert_true(json_object_get_boolean_member(cache, "direct"));
    g_assert_true(json_object_get_boolean_member(cache, "writeback"));
    g_assert_cmpint(json_object_get_int_member(image, "virtual-size"), ==, 16 * SECTOR);
    must(q, "block_set_io_throttle",
         "\"device\":\"ide0-hd0\",\"bps\":0,\"bps_rd\":0,\"bps_wr\":4096,\"iops\":0,"
         "\"iops_rd\":7,\"iops_wr\":0,\"iops_rd_max\":70");
    g_autoptr(JsonObject) after = query(q, "query-block", 0);
    inserted = json_object_get_object_member(after, "inserted");
    g_assert_cmpint(json_object_get_int_member(inserted, "iops"), ==, 0);
    g_assert_cmpint(json_object_get_int_member(inserted, "bps_wr"), ==, 4096);
    g_assert_cmpint(json_object_get_int_member(inserted, "iops_rd_max"), ==, 70);
    qtest_end(q);
}

static void test_statistics(void)
{
    g_autofree char *disk = make_image("disk", 'd');
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw", disk);
    struct qtest *q = start(args);
    uint16_t words[256];

    hd_command(q, 0x20, 5, 2); /* READ SECTORS */
    hd_read_sector(q, words);
    hd_read_sector(q, words);
    g_assert_cmphex(words[0], ==, 'd' << 8 | 'd');
    g_autoptr(JsonObject) drive = query(q, "query-blockstats", 0);
    JsonObject *stats = json_object_get_object_member(drive, "stats");
    g_assert_cmpstr(text_of(drive, "device"), ==, "ide0-hd0");
    g_assert_cmpint(json_object_get_int_member(stats, "rd_bytes"), ==, 1024);
    g_assert_cmpint(json_object_get_int_member(stats, "rd_operations"), ==, 1);
    g_assert_cmpint(json_object_get_int_member(stats, "wr_operations"), ==, 0);
    qtest_end(q);
}

/* A disk that grows while the machine runs: the guest sees it when it asks again. */
static void test_resize(void)
{
    g_autofree char *disk = make_image("disk", 'd');
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw", disk);
    struct qtest *q = start(args);
    uint16_t words[256];

    must(q, "block_resize", "\"device\":\"ide0-hd0\",\"size\":1048576");
    hd_command(q, 0xec, 0, 0); /* IDENTIFY DEVICE */
    hd_read_sector(q, words);
    g_assert_cmpuint(words[60] | (uint32_t)words[61] << 16, ==, 2048);
    qtest_end(q);
}

/* As libvirt starts it: the file and what is in it are two nodes. */
static void test_layers(void)
{
    g_autofree char *disk = make_image("disk", 'd');
    g_autofree char *args = g_strdup_printf(
        "-blockdev '{\"driver\":\"file\",\"filename\":\"%s\",\"node-name\":\"storage\","
        "\"auto-read-only\":true,\"discard\":\"unmap\"}' "
        "-blockdev '{\"node-name\":\"format\",\"read-only\":false,\"driver\":\"raw\","
        "\"file\":\"storage\"}' "
        "-device ide-hd,bus=ide.0,unit=0,drive=format,id=ide0-0-0",
        disk);
    struct qtest *q = start(args);
    uint16_t words[256];

    hd_command(q, 0x20, 0, 1);
    hd_read_sector(q, words);
    g_assert_cmphex(words[0], ==, 'd' << 8 | 'd');
    g_autoptr(JsonObject) drive = query(q, "query-block", 0);
    JsonObject *inserted = json_object_get_object_member(drive, "inserted");
    g_assert_cmpstr(text_of(drive, "device"), ==, "");
    g_assert_cmpstr(text_of(drive, "qdev"), ==, "ide0-0-0");
    g_assert_cmpstr(text_of(inserted, "node-name"), ==, "format");
    g_autoptr(JsonObject) node = query(q, "query-named-block-nodes", 0);
    g_assert_cmpstr(text_of(node, "node-name"), ==, "format");
    qtest_end(q);
}

/* Saved: another process may have the image now, and yet there is something to say about it. */
static void test_left_image(void)
{
    g_autofree char *disk = make_image("disk", 'd'), *state = in_folder("state");
    g_autofree char *args = g_strdup_printf("-blockdev driver=raw,node-name=n,file.filename=%s "
                                            "-device ide-hd,drive=n",
                                            disk);
    g_autofree char *save = g_strdup_printf("\"filename\":\"%s\"", state);
    struct qtest *q = start(args);
    uint16_t words[256];

    qtest_qmp_do(q, "stop");
    must(q, "xen-save-devices-state", save);
    must_fail(q, "block_resize", "\"node-name\":\"n\",\"size\":1048576", "read-only");
    json_object_unref(query(q, "query-block", 0));
    json_object_unref(query(q, "query-blockstats", 0));
    qtest_qmp_do(q, "cont");
    hd_command(q, 0x20, 0, 1);
    hd_read_sector(q, words);
    g_assert_cmphex(words[0], ==, 'd' << 8 | 'd');
    qtest_end(q);
}

/* ---- Errors ---- */

static void limit_files(struct qtest *q, rlim_t bytes)
{
    const struct rlimit limit = { bytes, RLIM_INFINITY };

    g_assert_cmpint(prlimit(qtest_pid(q), RLIMIT_FSIZE, &limit, NULL), ==, 0);
}

static void write_sector(struct qtest *q, uint32_t lba)
{
    hd_command(q, 0x30, lba, 1); /* WRITE SECTORS */
    wait_idle(q, HD_BASE);
    for (unsigned i = 0; i < 256; i++)
        qtest_outw(q, HD_BASE, 0x7777);
}

/* A file may not grow: the machine stops over the write, and does it again when it goes on. */
static void test_error_stops(void)
{
    g_autofree char *disk = in_folder("empty");
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,werror=stop", disk);
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(ftruncate(fd, 1 << 20), ==, 0);
    struct qtest *q = start(args);
    limit_files(q, 4096);
    write_sector(q, 100);
    expect(q, "\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"ide0-hd0\","
              "\"operation\":\"write\",\"action\":\"stop\",\"nospace\":false,"
              "\"reason\":\"File too large\"}");
    expect(q, "\"event\":\"STOP\"");
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "io-error");
    g_autoptr(JsonObject) drive = query(q, "query-block", 0);
    g_assert_cmpstr(text_of(drive, "io-status"), ==, "failed");

    limit_files(q, RLIM_INFINITY);
    tell(q, "cont", "");
    expect(q, "\"event\":\"RESUME\"");
    expect(q, "\"return\"");
    qtest_step(q, 1);
    g_assert_cmphex(wait_idle(q, HD_BASE) & 0x29, ==, 0);
    g_autoptr(JsonObject) after = query(q, "query-block", 0);
    g_assert_cmpstr(text_of(after, "io-status"), ==, "ok");
    qtest_end(q);
    uint16_t word = 0;
    g_assert_cmpint(pread(fd, &word, 2, 100 * 512), ==, 2);
    g_assert_cmphex(word, ==, 0x7777);
    close(fd);
}

/* werror=report, the device's own word: the guest hears of it, and the machine runs on. */
static void test_error_is_reported(void)
{
    g_autofree char *disk = in_folder("empty");
    g_autofree char *args = g_strdup_printf("-drive if=none,id=d,file=%s,format=raw,werror=stop "
                                            "-device ide-hd,drive=d,werror=report",
                                            disk);
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(ftruncate(fd, 1 << 20), ==, 0);
    close(fd);
    struct qtest *q = start(args);
    limit_files(q, 4096);
    write_sector(q, 100);
    expect(q, "\"action\":\"report\"");
    g_assert_cmphex(wait_idle(q, HD_BASE) & 1, ==, 1);
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "running");
    qtest_end(q);
}

static void remove_folder(void)
{
    static const char *const names[] = { "first.iso", "second.iso", "disk", "empty", "state" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = in_folder(names[i]);
        unlink(path);
    }
    rmdir(folder);
    g_free(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("hvm-dm-media-XXXXXX", NULL);
    g_test_add_func("/media/as-libxl", test_as_libxl);
    g_test_add_func("/media/descriptor-is-forgotten", test_descriptor_is_forgotten);
    g_test_add_func("/media/as-xapi", test_as_xapi);
    g_test_add_func("/media/steps", test_steps);
    g_test_add_func("/media/locked-tray", test_locked_tray);
    g_test_add_func("/media/guest-ejects", test_guest_ejects);
    g_test_add_func("/media/refusals", test_refusals);
    g_test_add_func("/images/query-block", test_query_block);
    g_test_add_func("/images/statistics", test_statistics);
    g_test_add_func("/images/resize", test_resize);
    g_test_add_func("/images/layers", test_layers);
    g_test_add_func("/images/left-to-others", test_left_image);
    g_test_add_func("/errors/stop", test_error_stops);
    g_test_add_func("/errors/report", test_error_is_reported);
    g_test_add_func("/sandbox/as-libxl", test_in_a_sandbox);
    int rc = g_test_run();
    remove_folder();
    return rc;
}
