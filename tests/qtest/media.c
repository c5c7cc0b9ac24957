/*
 * CDs as whoever controls the machine sees them by QMP, and as the guest sees what that did: media
 * that change, trays that are locked.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/qtest/media_bench.h"

#define SECTOR  2048
#define CD      "-drive if=none,readonly=on,id=cd%s -device ide-cd,id=tray,drive=cd,bus=ide.1,unit=0 "
#define CD_BASE 0x170

static struct qtest *start_with_cd(const char *path, const char *more)
{
    g_autofree char *file = path != NULL ? g_strdup_printf(",format=raw,file=%s", path)
                                         : g_strdup("");
    g_autofree char *args = g_strdup_printf(CD "%s", file, more);

    return media_start(args);
}

/* ---- The guest's side ---- */

/* A packet command; reads what comes into data. Returns the sense key, or 0 when it went well. */
static uint8_t packet(struct qtest *q, const uint8_t *bytes, uint8_t *data, size_t size)
{
    qtest_outb(q, CD_BASE + 6, 0xa0);
    qtest_outb(q, CD_BASE + 1, 0);
    qtest_outb(q, CD_BASE + 4, 0);
    qtest_outb(q, CD_BASE + 5, 0x10); /* blocks of 4096 bytes */
    qtest_outb(q, CD_BASE + 7, 0xa0);
    media_wait_idle(q, CD_BASE);
    for (unsigned i = 0; i < 12; i += 2)
        qtest_outw(q, CD_BASE, (uint16_t)(bytes[i] | bytes[i + 1] << 8));
    for (size_t at = 0; (media_wait_idle(q, CD_BASE) & 0x08) != 0; at += 2) {
        uint16_t word = qtest_inw(q, CD_BASE);
        if (at + 1 < size)
            memcpy(data + at, &word, 2);
    }
    return (media_wait_idle(q, CD_BASE) & 1) != 0 ? qtest_inb(q, CD_BASE + 1) >> 4 : 0;
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

/* ---- Media ---- */

static void expect_tray(struct qtest *q, bool open)
{
    media_expect(q, open ? "\"event\":\"DEVICE_TRAY_MOVED\",\"data\":"
                           "{\"device\":\"cd\",\"tray-open\":true,\"id\":\"tray\"}"
                         : "\"event\":\"DEVICE_TRAY_MOVED\",\"data\":"
                           "{\"device\":\"cd\",\"tray-open\":false,\"id\":\"tray\"}");
}

/* Byte for byte what `xl cd-insert` sends: the new image comes as a descriptor. */
static void change_as_libxl(const char *options)
{
    g_autofree char *first = media_image("first.iso", 'a'),
                    *second = media_image("second.iso", 'b');
    struct qtest *q = start_with_cd(first, options);
    static const char add[] = "{\"execute\":\"add-fd\",\"id\":2020372739,"
                              "\"arguments\":{\"opaque\":\"raw:/lab/cd2.iso\"}}\r\n";
    int fd = open(second, O_RDONLY | O_CLOEXEC);

    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'a');
    media_tell(q, "eject", "\"id\":\"tray\"");
    expect_tray(q, true);
    media_expect(q, "\"return\"");
    g_assert_cmphex(test_unit_ready(q), ==, 2); /* not ready */
    qtest_qmp_send(q, add, strlen(add), fd);
    media_expect(q, "\"fdset-id\":0");
    close(fd);
    media_tell(q, "blockdev-change-medium",
               "\"id\":\"tray\",\"filename\":\"/dev/fdset/0\",\"format\":\"raw\"");
    expect_tray(q, false);
    media_expect(q, "\"return\"");
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
    g_autofree char *second = media_image("second.iso", 'b');
    struct qtest *q = start_with_cd(NULL, "");
    static const char add[] = "{\"execute\":\"add-fd\"}\n";
    int fd = open(second, O_RDONLY | O_CLOEXEC);

    qtest_qmp_send(q, add, strlen(add), fd);
    media_expect(q, "\"fdset-id\":0");
    close(fd);
    media_tell(q, "blockdev-change-medium", "\"id\":\"tray\",\"filename\":\"/dev/fdset/0\"");
    expect_tray(q, true);
    expect_tray(q, false);
    media_expect(q, "\"return\"");
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
    g_autofree char *first = media_image("first.iso", 'a'),
                    *second = media_image("second.iso", 'b');
    struct qtest *q = start_with_cd(first, "");
    g_autofree char *args = g_strdup_printf("\"device\":\"cd\",\"target\":\"%s\",\"arg\":\"raw\"",
                                            second);

    media_tell(q, "eject", "\"device\":\"cd\",\"force\":true");
    expect_tray(q, true);
    media_expect(q, "\"return\"");
    media_must(q, "eject", "\"device\":\"cd\",\"force\":true");
    media_tell(q, "change", args);
    expect_tray(q, false);
    media_expect(q, "\"return\"");
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'b');
    qtest_end(q);
}

/* One thing after the other, with an image that has a name of its own. */
static void test_steps(void)
{
    g_autofree char *second = media_image("second.iso", 'b');
    struct qtest *q = start_with_cd(NULL, "");
    g_autofree char *add = g_strdup_printf("\"driver\":\"raw\",\"node-name\":\"disc\","
                                           "\"read-only\":true,\"file\":"
                                           "{\"driver\":\"file\",\"filename\":\"%s\"}",
                                           second);
    static const char insert[] = "\"id\":\"tray\",\"node-name\":\"disc\"";

    media_must_fail(q, "blockdev-insert-medium", insert, "\"disc\\\"\"");
    media_must(q, "blockdev-add", add);
    media_must_fail(q, "blockdev-add", add, "is taken");
    media_must_fail(q, "blockdev-insert-medium", insert, "the tray is closed");
    media_must_fail(q, "blockdev-remove-medium", "\"id\":\"tray\"", "the tray is closed");
    media_tell(q, "blockdev-open-tray", "\"id\":\"tray\"");
    expect_tray(q, true);
    media_expect(q, "\"return\"");
    media_must(q, "blockdev-open-tray", "\"id\":\"tray\"");
    media_must(q, "blockdev-insert-medium", insert);
    media_must_fail(q, "blockdev-insert-medium", insert, "in use");
    media_must_fail(q, "blockdev-del", "\"node-name\":\"disc\"", "in use");
    media_tell(q, "blockdev-close-tray", "\"id\":\"tray\"");
    expect_tray(q, false);
    media_expect(q, "\"return\"");
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'b');
    media_tell(q, "blockdev-open-tray", "\"id\":\"tray\"");
    expect_tray(q, true);
    media_expect(q, "\"return\"");
    media_must(q, "blockdev-remove-medium", "\"id\":\"tray\"");
    media_must(q, "blockdev-insert-medium", insert); /* the image has stayed, with its name */
    media_must(q, "blockdev-remove-medium", "\"id\":\"tray\"");
    media_must(q, "blockdev-del", "\"node-name\":\"disc\"");
    media_must_fail(q, "blockdev-del", "\"node-name\":\"disc\"", "there is no node");
    qtest_end(q);
}

static void test_locked_tray(void)
{
    g_autofree char *first = media_image("first.iso", 'a');
    struct qtest *q = start_with_cd(first, "");

    become_ready(q);
    lock_tray(q);
    media_must_fail(q, "eject", "\"id\":\"tray\"", "locked the tray");
    g_autoptr(JsonObject) drive = media_query(q, "query-block", 0);
    g_assert_true(json_object_get_boolean_member(drive, "locked"));
    g_assert_cmpint(first_letter(q), ==, 'a');
    media_tell(q, "eject", "\"id\":\"tray\",\"force\":true");
    expect_tray(q, true);
    media_expect(q, "\"return\"");
    qtest_end(q);
}

/* The guest's own button: whoever controls the machine hears of it. */
static void test_guest_ejects(void)
{
    static const uint8_t start_stop[12] = { 0x1b, 0, 0, 0, 2 };
    g_autofree char *first = media_image("first.iso", 'a');
    struct qtest *q = start_with_cd(first, "");

    become_ready(q);
    g_assert_cmphex(packet(q, start_stop, NULL, 0), ==, 0);
    expect_tray(q, true);
    g_autoptr(JsonObject) drive = media_query(q, "query-block", 0);
    g_assert_true(json_object_get_boolean_member(drive, "tray_open"));
    g_assert_true(json_object_has_member(drive, "inserted")); /* it lies in the open tray */
    qtest_end(q);
}

/* No disc has less than a sector: such a file is none, and the old disc stays. */
static void test_too_short(void)
{
    g_autofree char *first = media_image("first.iso", 'a'), *empty = media_image("empty.iso", 'e');
    struct qtest *q = start_with_cd(first, "");
    g_autofree char *change = g_strdup_printf("\"id\":\"tray\",\"filename\":\"%s\"", empty);
    g_autofree char *add = g_strdup_printf("\"driver\":\"raw\",\"node-name\":\"disc\",\"file\":"
                                           "{\"driver\":\"file\",\"filename\":\"%s\"}",
                                           empty);
    static const char insert[] = "\"id\":\"tray\",\"node-name\":\"disc\"";

    g_assert_cmpint(truncate(empty, SECTOR / 2), ==, 0);
    media_must_fail(q, "blockdev-change-medium", change, "empty.iso is shorter than a sector");
    become_ready(q);
    g_assert_cmpint(first_letter(q), ==, 'a');
    media_must(q, "blockdev-add", add);
    media_tell(q, "eject", "\"id\":\"tray\"");
    expect_tray(q, true);
    media_expect(q, "\"return\"");
    media_must_fail(q, "blockdev-insert-medium", insert, "empty.iso is shorter than a sector");
    media_must(q, "block_resize", "\"node-name\":\"disc\",\"size\":4096");
    media_must(q, "blockdev-insert-medium", insert);
    media_tell(q, "blockdev-close-tray", "\"id\":\"tray\"");
    expect_tray(q, false);
    media_expect(q, "\"return\"");
    become_ready(q);
    media_must(q, "block_resize", "\"node-name\":\"disc\",\"size\":0");
    g_assert_cmphex(test_unit_ready(q), ==, 2);
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
    g_autofree char *first = media_image("first.iso", 'a'), *disk = media_image("disk", 'd');
    g_autofree char *all = g_strdup_printf("-drive file=%s,format=raw "
                                           "-drive if=none,readonly=on,id=cd,format=raw,file=%s "
                                           "-device ide-cd,id=tray,drive=cd,bus=ide.1,unit=0",
                                           disk, first);
    struct qtest *q = media_start(all);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        media_tell(q, cases[i].command, cases[i].args);
        media_expect(q, cases[i].why);
    }
    become_ready(q); /* the old medium has stayed through all of it */
    g_assert_cmpint(first_letter(q), ==, 'a');
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    media_begin();
    g_test_add_func("/media/as-libxl", test_as_libxl);
    g_test_add_func("/media/descriptor-is-forgotten", test_descriptor_is_forgotten);
    g_test_add_func("/media/as-xapi", test_as_xapi);
    g_test_add_func("/media/steps", test_steps);
    g_test_add_func("/media/locked-tray", test_locked_tray);
    g_test_add_func("/media/guest-ejects", test_guest_ejects);
    g_test_add_func("/media/too-short", test_too_short);
    g_test_add_func("/media/refusals", test_refusals);
    g_test_add_func("/sandbox/as-libxl", test_in_a_sandbox);
    int rc = g_test_run();
    media_end();
    return rc;
}
