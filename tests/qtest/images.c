/*
 * Images as whoever controls the machine sees them by QMP: what is known of them, growing, layers,
 * giving them to others, and errors that stop the machine.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "tests/qtest/media_bench.h"

static const char *text_of(JsonObject *o, const char *name)
{
    return json_object_get_string_member(o, name);
}

/* ---- Images ---- */

static void test_query_block(void)
{
    g_autofree char *disk = media_image("disk", 'd');
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,cache=none,"
                                            "throttling.iops-total=500",
                                            disk);
    struct qtest *q = media_start(args);
    g_autoptr(JsonObject) drive = media_query(q, "query-block", 0);
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
    g_assert_cmpint(json_object_get_int_member(image, "virtual-size"), ==, MEDIA_SIZE);
    media_must(q, "block_set_io_throttle",
               "\"device\":\"ide0-hd0\",\"bps\":0,\"bps_rd\":0,\"bps_wr\":4096,\"iops\":0,"
               "\"iops_rd\":7,\"iops_wr\":0,\"iops_rd_max\":70");
    g_autoptr(JsonObject) after = media_query(q, "query-block", 0);
    inserted = json_object_get_object_member(after, "inserted");
    g_assert_cmpint(json_object_get_int_member(inserted, "iops"), ==, 0);
    g_assert_cmpint(json_object_get_int_member(inserted, "bps_wr"), ==, 4096);
    g_assert_cmpint(json_object_get_int_member(inserted, "iops_rd_max"), ==, 70);
    qtest_end(q);
}

static void test_statistics(void)
{
    g_autofree char *disk = media_image("disk", 'd');
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw", disk);
    struct qtest *q = media_start(args);
    uint16_t words[256];

    media_hd_command(q, 0x20, 5, 2); /* READ SECTORS */
    media_hd_read_sector(q, words);
    media_hd_read_sector(q, words);
    g_assert_cmphex(words[0], ==, 'd' << 8 | 'd');
    g_autoptr(JsonObject) drive = media_query(q, "query-blockstats", 0);
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
    g_autofree char *disk = media_image("disk", 'd');
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw", disk);
    struct qtest *q = media_start(args);
    uint16_t words[256];

    media_must(q, "block_resize", "\"device\":\"ide0-hd0\",\"size\":1048576");
    media_hd_command(q, 0xec, 0, 0); /* IDENTIFY DEVICE */
    media_hd_read_sector(q, words);
    g_assert_cmpuint(words[60] | (uint32_t)words[61] << 16, ==, 2048);
    qtest_end(q);
}

/* As libvirt starts it: the file and what is in it are two nodes. */
static void test_layers(void)
{
    g_autofree char *disk = media_image("disk", 'd');
    g_autofree char *args = g_strdup_printf(
        "-blockdev '{\"driver\":\"file\",\"filename\":\"%s\",\"node-name\":\"storage\","
        "\"auto-read-only\":true,\"discard\":\"unmap\"}' "
        "-blockdev '{\"node-name\":\"format\",\"read-only\":false,\"driver\":\"raw\","
        "\"file\":\"storage\"}' "
        "-device ide-hd,bus=ide.0,unit=0,drive=format,id=ide0-0-0",
        disk);
    struct qtest *q = media_start(args);
    uint16_t words[256];

    media_hd_command(q, 0x20, 0, 1);
    media_hd_read_sector(q, words);
    g_assert_cmphex(words[0], ==, 'd' << 8 | 'd');
    g_autoptr(JsonObject) drive = media_query(q, "query-block", 0);
    JsonObject *inserted = json_object_get_object_member(drive, "inserted");
    g_assert_cmpstr(text_of(drive, "device"), ==, "");
    g_assert_cmpstr(text_of(drive, "qdev"), ==, "ide0-0-0");
    g_assert_cmpstr(text_of(inserted, "node-name"), ==, "format");
    g_autoptr(JsonObject) node = media_query(q, "query-named-block-nodes", 0);
    g_assert_cmpstr(text_of(node, "node-name"), ==, "format");
    qtest_end(q);
}

/* Saved: another process may have the image now, and yet there is something to say about it. */
static void test_left_image(void)
{
    g_autofree char *disk = media_image("disk", 'd'), *state = media_path("state");
    g_autofree char *args = g_strdup_printf("-blockdev driver=raw,node-name=n,file.filename=%s "
                                            "-device ide-hd,drive=n",
                                            disk);
    g_autofree char *save = g_strdup_printf("\"filename\":\"%s\"", state);
    struct qtest *q = media_start(args);
    uint16_t words[256];

    qtest_qmp_do(q, "stop");
    media_must(q, "xen-save-devices-state", save);
    media_must_fail(q, "block_resize", "\"node-name\":\"n\",\"size\":1048576", "read-only");
    json_object_unref(media_query(q, "query-block", 0));
    json_object_unref(media_query(q, "query-blockstats", 0));
    qtest_qmp_do(q, "cont");
    media_hd_command(q, 0x20, 0, 1);
    media_hd_read_sector(q, words);
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
    media_hd_command(q, 0x30, lba, 1); /* WRITE SECTORS */
    media_wait_idle(q, MEDIA_HD);
    for (unsigned i = 0; i < 256; i++)
        qtest_outw(q, MEDIA_HD, 0x7777);
}

/* A file may not grow: the machine stops over the write, and does it again when it goes on. */
static void test_error_stops(void)
{
    g_autofree char *disk = media_path("empty");
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw,werror=stop", disk);
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(ftruncate(fd, 1 << 20), ==, 0);
    struct qtest *q = media_start(args);
    limit_files(q, 4096);
    write_sector(q, 100);
    media_expect(q, "\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"ide0-hd0\","
                    "\"operation\":\"write\",\"action\":\"stop\",\"nospace\":false,"
                    "\"reason\":\"File too large\"}");
    media_expect(q, "\"event\":\"STOP\"");
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "io-error");
    g_autoptr(JsonObject) drive = media_query(q, "query-block", 0);
    g_assert_cmpstr(text_of(drive, "io-status"), ==, "failed");

    limit_files(q, RLIM_INFINITY);
    media_tell(q, "cont", "");
    media_expect(q, "\"event\":\"RESUME\"");
    media_expect(q, "\"return\"");
    qtest_step(q, 1);
    g_assert_cmphex(media_wait_idle(q, MEDIA_HD) & 0x29, ==, 0);
    g_autoptr(JsonObject) after = media_query(q, "query-block", 0);
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
    g_autofree char *disk = media_path("empty");
    g_autofree char *args = g_strdup_printf("-drive if=none,id=d,file=%s,format=raw,werror=stop "
                                            "-device ide-hd,drive=d,werror=report",
                                            disk);
    int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(ftruncate(fd, 1 << 20), ==, 0);
    close(fd);
    struct qtest *q = media_start(args);
    limit_files(q, 4096);
    write_sector(q, 100);
    media_expect(q, "\"action\":\"report\"");
    g_assert_cmphex(media_wait_idle(q, MEDIA_HD) & 1, ==, 1);
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "running");
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    media_begin();
    g_test_add_func("/images/query-block", test_query_block);
    g_test_add_func("/images/statistics", test_statistics);
    g_test_add_func("/images/resize", test_resize);
    g_test_add_func("/images/layers", test_layers);
    g_test_add_func("/images/left-to-others", test_left_image);
    g_test_add_func("/errors/stop", test_error_stops);
    g_test_add_func("/errors/report", test_error_is_reported);
    int rc = g_test_run();
    media_end();
    return rc;
}
