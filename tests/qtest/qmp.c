/*
 * QMP on the wire: who speaks first, ids, errors, limits, descriptors.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/qtest/qtest.h"

static void tell(struct qtest *q, const char *text)
{
    qtest_qmp_send(q, text, strlen(text), -1);
}

static void expect_line(struct qtest *q, const char *wanted)
{
    g_autofree char *line = qtest_qmp_line(q);

    g_assert_cmpstr(line, ==, wanted);
}

static void expect_in_line(struct qtest *q, const char *wanted)
{
    g_autofree char *line = qtest_qmp_line(q);

    if (line == NULL || strstr(line, wanted) == NULL)
        g_error("%s is not in: %s", wanted, line != NULL ? line : "(closed)");
}

/* An id comes back as it was, whatever JSON it is. */
static void test_ids(void)
{
    static const char *const ids[] = { "1",    "-7",    "\"libxl\"", "null",
                                       "true", "[1,2]", "{\"a\":1}", "9007199254740993" };
    struct qtest *q = qtest_start("");

    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *request = g_strdup_printf("{\"execute\": \"query-name\", \"id\": %s}\n",
                                                   ids[i]);
        g_autofree char *wanted = g_strdup_printf("{\"return\":{},\"id\":%s}", ids[i]);
        tell(q, request);
        expect_line(q, wanted);
    }
    qtest_end(q);
}

static void test_errors(void)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        { "{\"execute\": \"no-such-thing\"}", "CommandNotFound" },
        { "{\"execute\": 5}", "GenericError" },
        { "{}", "GenericError" },
        { "{\"execute\": \"stop\", \"extra\": 1}", "'extra'" },
        { "{\"execute\": \"stop\", \"arguments\": []}", "'arguments'" },
        { "{\"execute\": \"stop\", \"arguments\": {\"x\": 1}}", "'x'" },
        { "{\"execute\": \"device-list-properties\"}", "'typename'" },
        { "{\"execute\": \"device-list-properties\", \"arguments\": {\"typename\": 5}}",
          "'typename'" },
        { "{\"execute\": \"device-list-properties\", \"arguments\": {\"typename\": \"x\"}}",
          "DeviceNotFound" },
        { "{\"execute\": \"qmp_capabilities\"}", "CommandNotFound" },
        { "{\"execute\": \"add-fd\"}", "SCM_RIGHTS" },
        { "{\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 99}}", "99" },
    };
    struct qtest *q = qtest_start("");

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        tell(q, cases[i].request);
        tell(q, "\n");
        expect_in_line(q, cases[i].answer);
    }
    qtest_end(q);
}

/* One answer for what is broken, and the next line is a new beginning. */
static void test_recovery(void)
{
    static const char *const broken[] = {
        "{\"execute\": }\n", "}\n", "]]\n", "hello\n", "{\"a\": \"\\x\"}\n", "{\"execute\"}\n",
    };
    struct qtest *q = qtest_start("");

    for (unsigned i = 0; i < G_N_ELEMENTS(broken); i++) {
        tell(q, broken[i]);
        expect_in_line(q, "\"error\"");
        tell(q, "{\"execute\": \"query-name\"}\n");
        expect_line(q, "{\"return\":{}}");
    }
    qtest_end(q);
}

static void test_depth_and_size(void)
{
    struct qtest *q = qtest_start("");
    g_autoptr(GString) deep = g_string_new("{\"execute\": \"stop\", \"id\": ");
    g_autoptr(GString) large = g_string_new("{\"execute\": \"stop\", \"id\": \"");

    for (unsigned i = 0; i < 100000; i++)
        g_string_append_c(deep, '[');
    g_string_append_c(deep, '\n');
    qtest_qmp_send(q, deep->str, deep->len, -1);
    expect_in_line(q, "\"error\"");
    for (unsigned i = 0; i < 5u << 20; i++)
        g_string_append_c(large, 'x');
    g_string_append(large, "\"}\n");
    qtest_qmp_send(q, large->str, large->len, -1);
    expect_in_line(q, "\"error\"");
    tell(q, "{\"execute\": \"query-name\"}\n");
    expect_line(q, "{\"return\":{}}");
    qtest_end(q);
}

/* What `xl qemu-monitor-command` sends: queries as text, and a refusal in words. */
static void test_lines_for_people(void)
{
    static const struct {
        const char *line, *answer;
    } cases[] = {
        { "info status",
          "{\"return\":\"running: false\\nsinglestep: false\\nstatus: prelaunch\\n\"}" },
        { " info version ", "package: hvm-dm" },
        { "info pci", "qdev_id: i440FX" },
        { "help", "info status\\n" },
        { "cont", "{\"return\":\"\"}" },
        { "device_add usb-mouse", "unknown command: 'device_add usb-mouse' (help lists them)" },
        { "info nothing", "unknown command: 'info nothing'" },
        { "", "unknown command: ''" },
    };
    struct qtest *q = qtest_start("-S");

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *request = g_strdup_printf("{\"execute\": \"human-monitor-command\", "
                                                   "\"arguments\": {\"command-line\": \"%s\"}}\n",
                                                   cases[i].line);
        tell(q, request);
        g_autofree char *line = qtest_qmp_line(q);
        while (strstr(line, "\"event\"") != NULL) { /* of "cont" */
            g_free(line);
            line = qtest_qmp_line(q);
        }
        if (strstr(line, cases[i].answer) == NULL)
            g_error("%s is not in: %s", cases[i].answer, line);
    }
    qtest_end(q);
}

/* libxl's question before it starts a device model that gives up its rights. */
static void test_command_line_options(void)
{
    struct qtest *q = qtest_start("");

    tell(q, "{\"execute\": \"query-command-line-options\"}\n");
    expect_in_line(q, "{\"option\":\"run-with\",\"parameters\":[{\"name\":\"chroot\",\"type\":"
                      "\"string\"},{\"name\":\"user\",\"type\":\"string\"}]}");
    tell(q, "{\"execute\": \"query-command-line-options\", \"arguments\": {\"option\": \"x\"}}\n");
    expect_in_line(q, "invalid option name");
    qtest_end(q);
}

/* Several values a line, one over many. */
static void test_framing(void)
{
    struct qtest *q = qtest_start("");

    tell(q, "{\"execute\": \"query-name\", \"id\": 1}{\"execute\": \"query-name\", \"id\": 2}");
    expect_line(q, "{\"return\":{},\"id\":1}");
    expect_line(q, "{\"return\":{},\"id\":2}");
    tell(q, "{\"execute\":\n\r\n \"query-");
    tell(q, "name\"\n}");
    expect_line(q, "{\"return\":{}}");
    qtest_end(q);
}

/* libxl's way to save: a descriptor that it opened. */
static void test_descriptors(void)
{
    struct qtest *q = qtest_start("");
    g_autofree char *path = qtest_path(q, "state");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char add[] = "{\"execute\": \"add-fd\", \"arguments\": {\"fdset-id\": 7}}\n";
    g_autofree char *text = NULL;

    qtest_qmp_send(q, add, strlen(add), fd);
    expect_in_line(q, "\"fdset-id\":7");
    qtest_qmp_do(q, "stop");
    g_autoptr(JsonObject) saved = qtest_qmp(q, "\"execute\": \"xen-save-devices-state\","
                                               " \"arguments\": {\"filename\": \"/dev/fdset/7\"}");
    g_assert_true(json_object_has_member(saved, "return"));
    g_autoptr(JsonObject)
        removed = qtest_qmp(q, "\"execute\": \"remove-fd\", \"arguments\": {\"fdset-id\": 7}");
    g_assert_true(json_object_has_member(removed, "return"));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text, "HVMDMRM"));
    close(fd);
    qtest_end(q);
}

/* The guest sets its clock a register at a time; management hears what came of it. */
static void test_rtc_change(void)
{
    static const uint8_t date[][2] = {
        { 0x0b, 0x82 }, { 0x09, 0x31 }, { 0x08, 0x12 }, { 0x07, 0x24 }, { 0x0b, 0x02 }
    };
    struct qtest *q = qtest_start("-rtc base=2031-12-23");

    for (unsigned i = 0; i < G_N_ELEMENTS(date); i++) {
        qtest_outb(q, 0x70, date[i][0]);
        qtest_outb(q, 0x71, date[i][1]);
    }
    expect_in_line(q, "\"offset\":86400");
    qtest_end(q);
}

/* A second monitor has its own negotiation; both are told of events. */
static void test_two_monitors(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-qmp-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    g_autofree char *args = g_strdup_printf("-qmp unix:%s,server=on,wait=off", path);
    struct qtest *q = qtest_start(args);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    FILE *peer = fdopen(fd, "r+");
    char line[1024];
    g_assert_nonnull(fgets(line, sizeof(line), peer));
    g_assert_true(g_str_has_prefix(line, "{\"QMP\": {\"version\": {\"qemu\": {"));
    fputs("{\"execute\": \"query-name\"}\n", peer);
    fflush(peer);
    g_assert_nonnull(fgets(line, sizeof(line), peer));
    g_assert_nonnull(strstr(line, "CommandNotFound"));
    fputs("{\"execute\": \"qmp_capabilities\"}\n", peer);
    fflush(peer);
    g_assert_nonnull(fgets(line, sizeof(line), peer));
    qtest_qmp_do(q, "stop");
    g_assert_nonnull(fgets(line, sizeof(line), peer));
    g_assert_nonnull(strstr(line, "\"event\":\"STOP\""));
    g_assert_nonnull(strstr(line, "\"microseconds\""));
    fclose(peer);
    qtest_qmp_do(q, "cont"); /* the other one lives on */
    qtest_end(q);
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/ids", test_ids);
    g_test_add_func("/qmp/errors", test_errors);
    g_test_add_func("/qmp/recovery", test_recovery);
    g_test_add_func("/qmp/depth-and-size", test_depth_and_size);
    g_test_add_func("/qmp/lines-for-people", test_lines_for_people);
    g_test_add_func("/qmp/command-line-options", test_command_line_options);
    g_test_add_func("/qmp/framing", test_framing);
    g_test_add_func("/qmp/descriptors", test_descriptors);
    g_test_add_func("/qmp/rtc-change", test_rtc_change);
    g_test_add_func("/qmp/two-monitors", test_two_monitors);
    return g_test_run();
}
