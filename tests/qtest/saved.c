/*
 * A machine saved by QMP and started again from the file, from a descriptor, and from a pipe that
 * is slow; and what is said when that cannot be.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "tests/qtest/qtest.h"

static char *dir, *path;

static void save_to(struct qtest *q, const char *file)
{
    qtest_qmp_do(q, "stop");
    g_autoptr(JsonObject) reply = qtest_qmp(
        q, "\"execute\": \"xen-save-devices-state\", \"arguments\": {\"filename\": \"%s\"}", file);
    g_assert_true(json_object_has_member(reply, "return"));
}

/* First and last byte of memory, the segment that the PAM register opens, a page and the next. */
static const uint64_t marked[] = { 0, 0x7ffffff, 0xc8000, 0x123fff, 0x124000 };

/* A machine with marks in some chips and in its memory, and at 3 s of its time. */
static void make_state(void)
{
    struct qtest *q = qtest_start("");

    qtest_step(q, INT64_C(3000000000));
    qtest_outb(q, 0x80, 0x5a);
    qtest_pci_write(q, 0, 0x5b, 0x03, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(marked); i++)
        qtest_writeb(q, marked[i], (uint8_t)(0xa0 + i));
    save_to(q, path);
    qtest_end(q);
}

static void check_marks(struct qtest *q)
{
    g_assert_cmphex(qtest_inb(q, 0x80), ==, 0x5a);
    g_assert_cmphex(qtest_pci_read(q, 0, 0x5b, 1), ==, 0x03);
    for (unsigned i = 0; i < G_N_ELEMENTS(marked); i++)
        g_assert_cmphex(qtest_readb(q, marked[i]), ==, 0xa0 + i);
    g_assert_cmpint(qtest_step(q, 0), ==, INT64_C(3000000000));
}

static void wait_status(struct qtest *q, const char *wanted)
{
    for (;;) {
        g_autofree char *status = qtest_qmp_status(q);
        if (strcmp(status, wanted) == 0)
            return;
        g_assert_cmpstr(status, ==, "inmigrate");
        g_usleep(1000);
    }
}

static void test_file(void)
{
    g_autofree char *args = g_strdup_printf("-incoming file:%s", path);

    make_state();
    struct qtest *q = qtest_start(args);
    wait_status(q, "running");
    check_marks(q);
    qtest_end(q);
}

static void test_paused(void)
{
    g_autofree char *args = g_strdup_printf("-S -incoming file:%s", path);

    make_state();
    struct qtest *q = qtest_start(args);
    wait_status(q, "paused");
    qtest_qmp_do(q, "cont");
    wait_status(q, "running");
    check_marks(q);
    qtest_end(q);
}

/* Saved in S3 it still sleeps when it is loaded, and wakes by its firmware: it was told to resume.
 */
static void test_asleep(void)
{
    g_autofree char *args = g_strdup_printf("-S -incoming file:%s", path);
    struct qtest *q = qtest_start("");

    qtest_pci_write(q, 0x0b, 0x40, 0x601, 4); /* power management at port 0x600 */
    qtest_pci_write(q, 0x0b, 0x80, 1, 1);
    qtest_outw(q, 0x604, 0x2400);
    qtest_qmp_wait_event(q, "SUSPEND");
    save_to(q, path);
    qtest_end(q);
    q = qtest_start(args);
    wait_status(q, "suspended");
    qtest_qmp_do(q, "cont");
    wait_status(q, "running");
    qtest_outb(q, 0x70, 0x0f);
    g_assert_cmphex(qtest_inb(q, 0x71), ==, 0xfe);
    g_assert_cmphex(qtest_pci_read(q, 0x0b, 0x40, 4), ==, 1); /* reset, as a wake-up is */
    qtest_end(q);
}

/* Nothing has come yet: QMP answers, nothing runs, and "cont" is remembered. */
static void test_slow_pipe(void)
{
    g_autofree char *data = NULL;
    gsize size;
    int fds[2];

    make_state();
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpint(pipe(fds), ==, 0);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    g_autofree char *args = g_strdup_printf("-S -incoming fd:%d", fds[0]);
    struct qtest *q = qtest_start(args);
    close(fds[0]);
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "inmigrate");
    qtest_qmp_do(q, "cont");
    g_assert_cmpint(write(fds[1], data, 100), ==, 100);
    g_assert_cmpint(write(fds[1], data + 100, size - 100), ==, (gssize)size - 100);
    close(fds[1]);
    wait_status(q, "running");
    check_marks(q);
    qtest_end(q);
}

static void expect_cont_refused(struct qtest *q, const char *says)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"cont\"");
    JsonObject *error = json_object_get_object_member(reply, "error");

    g_assert_nonnull(error);
    g_assert_nonnull(strstr(json_object_get_string_member(error, "desc"), says));
}

/*
 * The receiver starts while the sender has the image locked. It has it when the state has come, and
 * the sender, which would go on after all, does not; and the other way round when it gave up.
 */
static void test_image_changes_hands(void)
{
    g_autofree char *disk = g_build_filename(dir, "disk", NULL), *data = NULL;
    g_autofree char *drive = g_strdup_printf("-drive file=%s,format=raw", disk);
    int fds[2];
    gsize size;

    g_assert_true(g_file_set_contents(disk, "", 0, NULL));
    g_assert_cmpint(truncate(disk, 1 << 20), ==, 0);
    struct qtest *sender = qtest_start(drive);
    g_assert_cmpint(pipe(fds), ==, 0);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    g_autofree char *args = g_strdup_printf("-incoming fd:%d %s", fds[0], drive);
    struct qtest *receiver = qtest_start(args);
    close(fds[0]);
    save_to(sender, path);
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpint(write(fds[1], data, size), ==, (gssize)size);
    close(fds[1]);
    wait_status(receiver, "running");
    expect_cont_refused(sender, disk);
    qtest_end(receiver);
    qtest_qmp_do(sender, "cont");
    wait_status(sender, "running");
    qtest_end(sender);
    g_unlink(disk);
}

/* The process ends with one line that names the file and the device. */
static void expect_refused(const char *data, gsize size, const char *args, const char *says)
{
    g_autofree char *broken = g_build_filename(dir, "broken", NULL);
    g_autofree char *all = g_strdup_printf("-accel qtest -incoming file:%s %s", broken, args);
    g_autofree char *output = NULL, *errors = NULL;

    g_assert_true(g_file_set_contents(broken, data, (gssize)size, NULL));
    g_assert_cmpint(qtest_run(all, &output, &errors), ==, 1);
    g_test_message("%s", errors);
    g_assert_nonnull(strstr(errors, broken));
    g_assert_nonnull(strstr(errors, says));
    g_assert_true(strchr(errors, '\n') == errors + strlen(errors) - 1);
    g_unlink(broken);
}

static void test_refused(void)
{
    g_autofree char *data = NULL;
    gsize size;

    make_state();
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    expect_refused(data, size / 2, "", "truncated");
    expect_refused(data, size - 100, "", "truncated");
    expect_refused(data, size, "-m 64", "here ram of 67108864");
    expect_refused(data, size, "-vga none", "this machine has no");
    expect_refused(data, size, "-device e1000", "is missing");
    expect_refused(data, size, "-machine none", "this machine has no ram");
    expect_refused("QEVM\0\0\0\3", 8, "", "not a saved state");
    expect_refused("", 0, "", "not a saved state");
    data[size - 100] ^= 1;
    expect_refused(data, size, "", "checksum error in the section of device");
    data[2 * 4096] ^= 1; /* in a page */
    expect_refused(data, size, "", "saved memory: checksum error");
    data[7]++;
    expect_refused(data, size, "", "of a format that this hvm-dm does not know");
}

static void test_dump(void)
{
    g_autofree char *args = g_strdup_printf("--dump-state %s", path);
    g_autofree char *output = NULL, *errors = NULL;

    make_state();
    g_assert_cmpint(qtest_run(args, &output, &errors), ==, 0);
    g_assert_nonnull(strstr(output, "machine (machine, version 1)\n  clock = 0xb2d05e00\n"));
    g_assert_nonnull(strstr(output, "i440FX (i440FX, version "));
    g_assert_cmpstr(errors, ==, "");
}

/* A file that is there already is left alone when the new one can't be written. */
static void test_save_errors(void)
{
    struct qtest *q = qtest_start("");
    g_autoptr(JsonObject) running = qtest_qmp(
        q, "\"execute\": \"xen-save-devices-state\", \"arguments\": {\"filename\": \"%s\"}", path);

    g_assert_true(json_object_has_member(running, "error"));
    qtest_qmp_do(q, "stop");
    g_autoptr(JsonObject)
        nowhere = qtest_qmp(q, "\"execute\": \"xen-save-devices-state\","
                               " \"arguments\": {\"filename\": \"/nonexistent/state\"}");
    g_assert_true(json_object_has_member(nowhere, "error"));
    g_autoptr(JsonObject) full = qtest_qmp(q, "\"execute\": \"xen-save-devices-state\","
                                              " \"arguments\": {\"filename\": \"/dev/full\"}");
    g_assert_true(json_object_has_member(full, "error"));
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("hvm-dm-saved-XXXXXX", NULL);
    path = g_build_filename(dir, "state", NULL);
    g_test_add_func("/saved/file", test_file);
    g_test_add_func("/saved/paused", test_paused);
    g_test_add_func("/saved/asleep", test_asleep);
    g_test_add_func("/saved/slow-pipe", test_slow_pipe);
    g_test_add_func("/saved/image-changes-hands", test_image_changes_hands);
    g_test_add_func("/saved/refused", test_refused);
    g_test_add_func("/saved/dump", test_dump);
    g_test_add_func("/saved/save-errors", test_save_errors);
    int failed = g_test_run();
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
    return failed;
}
