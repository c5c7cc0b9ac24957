/*
 * The process as a test harness sees it: how it is started, by which names, and how it ends.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <glib/gstdio.h>

#include "tests/qtest/qtest.h"

#define MIB (UINT64_C(1) << 20)

static void test_start_and_end(void)
{
    struct qtest *q = qtest_start("");
    g_autofree char *status = qtest_qmp_status(q);

    g_assert_cmpstr(status, ==, "running");
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x10, ==, 0x10); /* the keyboard controller is there */
    qtest_end(q);
}

/* libxl lets a restricted device model write no file beyond 256 KiB. Memory is not files. */
static void test_no_large_files(void)
{
    struct rlimit before, limit;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    limit = (struct rlimit){ 256 << 10, before.rlim_max };
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    struct qtest *q = qtest_start("-m 64 -device VGA");
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_cmphex(qtest_inb(q, 0x3cc), !=, 0xff);
    qtest_end(q);
}

/* Harnesses choose the guest's architecture by the program's name. */
static void test_names(void)
{
    static const char *const names[] = { "qemu-system-i386", "qemu-system-x86_64" };
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-names-XXXXXX", NULL);
    g_autofree char *self = g_canonicalize_filename(g_getenv("HVMDM_BINARY"), NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *link = g_build_filename(dir, names[i], NULL);
        g_assert_cmpint(symlink(self, link), ==, 0);
        struct qtest *q = qtest_start_as(link, "-machine pc");
        g_assert_cmphex(qtest_pci_read(q, 0, 0, 4), ==, 0x12378086);
        qtest_end(q);
        g_unlink(link);
    }
    g_rmdir(dir);
}

static void test_no_machine(void)
{
    struct qtest *q = qtest_start("-machine none");

    g_assert_cmphex(qtest_inl(q, 0xcfc), ==, 0xffffffff);
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"query-pci\"");
    g_assert_true(json_object_has_member(reply, "return"));
    qtest_end(q);
}

/* The last byte of memory remembers; beyond it there is nothing. */
static void check_memory_end(const char *args, uint64_t end)
{
    struct qtest *q = qtest_start(args);

    qtest_writeb(q, end - 1, 0x5a);
    g_assert_cmphex(qtest_readb(q, end - 1), ==, 0x5a);
    qtest_writeb(q, end, 0x5a);
    g_assert_cmphex(qtest_readb(q, end), ==, 0xff);
    qtest_end(q);
}

static void test_memory(void)
{
    check_memory_end("", 128 * MIB);
    check_memory_end("-m 3", 3 * MIB);
    check_memory_end("-m 3584", 3072 * MIB); /* the rest is above 4 GiB */
}

static void read_until(int fd, char *text, size_t size, const char *end)
{
    size_t n = 0;

    memset(text, 0, size);
    while (strstr(text, end) == NULL) {
        ssize_t got = read(fd, text + n, size - 1 - n);
        g_assert_cmpint(got, >, 0);
        n += (size_t)got;
    }
}

/* Both connections to one socket: they come out of its queue as they came in. */
static void test_connection_order(void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-order-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[256];
    GPid pid;

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(listener, 2), ==, 0);
    g_autofree char *args = g_strdup_printf("%s -qtest unix:%s -chardev socket,path=%s,id=c"
                                            " -mon chardev=c,mode=control -accel qtest",
                                            g_getenv("HVMDM_BINARY"), path, path);
    g_auto(GStrv) argv = g_strsplit(args, " ", 0);
    g_assert_true(
        g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL));
    int test = accept(listener, NULL, NULL), qmp = accept(listener, NULL, NULL);
    read_until(qmp, text, sizeof(text), "\n");
    g_assert_true(g_str_has_prefix(text, "{\"QMP\""));
    g_assert_cmpint(write(test, "endianness\n", 11), ==, 11);
    read_until(test, text, sizeof(text), "\n");
    g_assert_cmpstr(text, ==, "OK little\n");
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    close(test);
    close(qmp);
    close(listener);
    g_unlink(path);
    g_rmdir(dir);
}

static void test_qmp_quit(void)
{
    struct qtest *q = qtest_start("");

    qtest_qmp_do(q, "quit");
    g_assert_cmpint(qtest_wait(q), ==, 0);
}

/* What can't be is said in one line that names the option; the status is 1. */
static void test_bad_options(void)
{
    static const struct {
        const char *args, *names;
    } cases[] = {
        { "-frobnicate", "-frobnicate" },
        { "-accel warp", "-accel" },
        { "-m 1", "-m 1" },
        { "-m x", "-m x" },
        { "-smp 0", "-smp" },
        { "-smp sockets=16,cores=16", "-smp" },
        { "-machine q35", "-machine q35" },
        { "-accel qtest -device nothing", "-device nothing" },
        { "-accel qtest -qtest unix:/nonexistent/socket", "-qtest" },
        { "-accel qtest -qtest-log /nonexistent/log", "-qtest-log" },
        { "-accel qtest -mon chardev=x,mode=control", "-mon" },
        { "-accel qtest -incoming tcp:localhost:1", "-incoming" },
        { "-accel qtest -incoming fd:77", "-incoming fd:77" },
        { "-accel qtest -incoming file:/nonexistent", "-incoming" },
        { "--dump-state /nonexistent", "--dump-state" },
        { "-accel qtest -object nothing,id=o", "-object nothing" },
        { "-accel qtest -object tls-creds-anon,id=t,endpoint=client", "endpoint=client" },
        { "-accel qtest -object tls-creds-x509,id=t,endpoint=server", "dir=" },
        { "-accel qtest -object tls-creds-x509,id=t,endpoint=server,dir=/nonexistent",
          "/nonexistent/ca-cert.pem" },
        { "-accel qtest -vnc none,tls-creds=t -vnc :0,tls-creds=t", "tls-creds=t" },
        { "-accel qtest -drive file=/dev/zero,format=raw,werror=shout", "werror=shout" },
        { "-accel qtest -drive if=none,id=d,media=cdrom -device ide-cd,drive=d,rerror=enospc",
          "rerror=enospc" },
        { "-accel qtest -drive if=none,id=d,media=cdrom -device ide-cd,drive=d,write-cache=x",
          "write-cache=x" },
        { "-accel qtest -sandbox on,spawn=perhaps", "-sandbox spawn=perhaps" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *output = NULL, *errors = NULL;
        int status = qtest_run(cases[i].args, &output, &errors);
        g_test_message("%s: %s", cases[i].args, errors);
        g_assert_cmpint(status, ==, 1);
        g_assert_true(g_str_has_prefix(errors, "hvm-dm: "));
        g_assert_nonnull(strstr(errors, cases[i].names));
        g_assert_true(strchr(errors, '\n') == errors + strlen(errors) - 1);
    }
}

static bool has_serial_port(const char *args)
{
    struct qtest *q = qtest_start(args);
    bool found = qtest_inb(q, 0x3fd) != 0xff;

    qtest_end(q);
    return found;
}

/* A toolstack that asks for no defaults has not asked for a port on its terminal either. */
static void test_nographic(void)
{
    g_assert_true(has_serial_port("-nographic"));
    g_assert_false(has_serial_port("-nographic -nodefaults"));
    g_assert_true(has_serial_port("-nographic -nodefaults -serial null"));
    g_assert_false(has_serial_port("-nographic -machine none"));
}

/* The log's reader is gone: what is said is lost, and no more. */
static void test_no_log(void)
{
    char *argv[] = { (char *)(uintptr_t)g_getenv("HVMDM_BINARY"), (char[]){ "-frobnicate" }, NULL };
    int fds[2], status = 0, stderr_before = dup(STDERR_FILENO);

    g_assert_cmpint(pipe(fds), ==, 0);
    close(fds[0]);
    dup2(fds[1], STDERR_FILENO);
    bool ran = g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                            NULL);
    dup2(stderr_before, STDERR_FILENO);
    close(fds[1]);
    close(stderr_before);
    g_assert_true(ran && WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
}

/* The kernel's word for it, of all threads. */
static void check_filtered(const char *task)
{
    g_autofree char *dir_name = g_strdup_printf("%s/task", task);
    GDir *dir = g_dir_open(dir_name, 0, NULL);

    for (const char *thread; (thread = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(dir_name, thread, "status", NULL);
        g_autofree char *status = NULL;
        g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
        g_assert_nonnull(strstr(status, "\nSeccomp:\t2\n"));
    }
    g_dir_close(dir);
}

/* What a machine does while it runs goes on as before: disks, viewers, pictures, saving. */
static void test_sandbox(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-sandbox-XXXXXX", NULL);
    g_autofree char *disk = g_build_filename(dir, "disk", NULL);
    g_autofree char *picture = g_build_filename(dir, "picture", NULL);
    g_autofree char *state = g_build_filename(dir, "state", NULL);
    g_autofree char *pidfile = g_build_filename(dir, "pid", NULL);
    g_autofree char *pid = NULL;

    g_setenv("ASAN_OPTIONS", "detect_leaks=0", true); /* the leak checker traces the process */
    g_assert_true(g_file_set_contents(disk, "", 0, NULL));
    g_assert_cmpint(truncate(disk, MIB), ==, 0);
    g_autofree char *args = g_strdup_printf("-sandbox on,obsolete=deny,elevateprivileges=allow,"
                                            "spawn=deny,resourcecontrol=deny -vga std "
                                            "-vnc unix:%s/vnc -hda %s -pidfile %s",
                                            dir, disk, pidfile);
    struct qtest *q = qtest_start(args);
    g_assert_true(g_file_get_contents(pidfile, &pid, NULL, NULL));
    g_autofree char *task = g_strdup_printf("/proc/%s", g_strchomp(pid));
    check_filtered(task);

    qtest_pci_write(q, 9, 0x40, 0x8000, 2); /* the PIIX3's first IDE channel */
    qtest_pci_write(q, 9, 4, 1, 2);
    qtest_outb(q, 0x1f6, 0xe0);
    qtest_outb(q, 0x1f2, 1);
    qtest_outb(q, 0x1f7, 0x20); /* READ SECTORS: on a thread of the pool */
    while ((qtest_inb(q, 0x1f7) & 0x80) != 0)
        g_usleep(1000);
    g_assert_cmphex(qtest_inb(q, 0x1f7) & 0x09, ==, 0x08);
    check_filtered(task);
    g_autoptr(JsonObject) shown = qtest_qmp(
        q, "\"execute\": \"screendump\", \"arguments\": {\"filename\": \"%s\"}", picture);
    g_assert_true(json_object_has_member(shown, "return"));
    qtest_qmp_do(q, "stop");
    g_autoptr(JsonObject) saved = qtest_qmp(q,
                                            "\"execute\": \"xen-save-devices-state\","
                                            " \"arguments\": {\"filename\": \"%s\"}",
                                            state);
    g_assert_true(json_object_has_member(saved, "return"));
    qtest_end(q);
    g_unlink(disk);
    g_unlink(picture);
    g_unlink(state);
    g_rmdir(dir);
}

static void expect_in_use(const char *options)
{
    g_autofree char *args = g_strconcat("-accel qtest ", options, NULL), *errors = NULL;

    g_assert_cmpint(qtest_run(args, NULL, &errors), ==, 1);
    g_assert_nonnull(strstr(errors, "ddress already in use"));
}

/* One file or another at the place of a socket. */
static void test_socket_file(gconstpointer format)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-socket-XXXXXX", NULL), *text = NULL;
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    g_autoptr(GString) options = g_string_new(format);

    g_string_replace(options, "PATH", path, 0);
    g_assert_true(g_file_set_contents(path, "not a socket", -1, NULL));
    expect_in_use(options->str);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "not a socket");
    g_unlink(path);

    struct qtest *q = qtest_start(options->str);
    expect_in_use(options->str); /* and it is not taken from who listens there */
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    kill(qtest_pid(q), SIGKILL);
    g_assert_cmpint(qtest_wait(q), ==, 128 + SIGKILL);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    qtest_end(qtest_start(options->str)); /* nobody listens there any more */
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process/start-and-end", test_start_and_end);
    g_test_add_func("/process/no-large-files", test_no_large_files);
    g_test_add_func("/process/names", test_names);
    g_test_add_func("/process/no-machine", test_no_machine);
    g_test_add_func("/process/memory", test_memory);
    g_test_add_func("/process/connection-order", test_connection_order);
    g_test_add_func("/process/qmp-quit", test_qmp_quit);
    g_test_add_func("/process/bad-options", test_bad_options);
    g_test_add_func("/process/nographic", test_nographic);
    g_test_add_func("/process/no-log", test_no_log);
    g_test_add_func("/process/sandbox", test_sandbox);
    g_test_add_data_func("/process/socket-file/qmp", "-qmp unix:PATH,server=on,wait=off",
                         test_socket_file);
    g_test_add_data_func("/process/socket-file/vnc", "-vnc unix:PATH", test_socket_file);
    g_test_add_data_func("/process/socket-file/net",
                         "-netdev stream,id=n,server=on,addr.type=unix,addr.path=PATH",
                         test_socket_file);
    return g_test_run();
}
