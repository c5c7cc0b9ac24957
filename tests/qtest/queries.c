/*
 * What a machine says of itself by QMP: the program, its commands and kinds of device, this
 * machine's CPUs, cards and connections; and descriptors with names.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/qtest/qtest.h"

/* ---- Answers ---- */

static JsonObject *ask_object(struct qtest *q, const char *command)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"%s\"", command);

    return json_object_ref(json_object_get_object_member(reply, "return"));
}

static JsonArray *ask_list(struct qtest *q, const char *command)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"%s\"", command);

    return json_array_ref(json_object_get_array_member(reply, "return"));
}

/* The entry of a list whose member is this text, borrowed; there must be one and no other. */
static JsonObject *find(JsonArray *list, const char *member, const char *text)
{
    JsonObject *found = NULL;

    for (unsigned i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        if (g_strcmp0(json_object_get_string_member_with_default(o, member, NULL), text) != 0)
            continue;
        if (found != NULL)
            g_error("%s is there twice", text);
        found = o;
    }
    if (found == NULL)
        g_error("there is no %s", text);
    return found;
}

/* A command must be refused with this class of error. */
static void expect_class(struct qtest *q, const char *request, const char *class)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "%s", request);

    if (!json_object_has_member(reply, "error"))
        g_error("%s was done", request);
    JsonObject *error = json_object_get_object_member(reply, "error");
    g_assert_cmpstr(json_object_get_string_member(error, "class"), ==, class);
}

/* ---- The program ---- */

static void test_version(void)
{
    struct qtest *q = qtest_start("");
    g_autoptr(JsonObject) version = ask_object(q, "query-version");
    JsonObject *qemu = json_object_get_object_member(version, "qemu");

    g_assert_cmpint(json_object_get_int_member(qemu, "major"), >=, 4); /* what libxl asks for */
    g_assert_true(json_object_has_member(qemu, "minor"));
    g_assert_true(json_object_has_member(qemu, "micro"));
    g_assert_cmpstr(json_object_get_string_member(version, "package"), ==, "hvm-dm");
    qtest_end(q);
}

/* Everything that is listed is there, and says so of an argument that it does not know. */
static void test_commands(void)
{
    static const char *const needed[] = { "query-version",
                                          "query-commands",
                                          "query-status",
                                          "query-name",
                                          "query-machines",
                                          "query-kvm",
                                          "qom-list-types",
                                          "stop",
                                          "cont",
                                          "quit",
                                          "system_reset",
                                          "system_powerdown",
                                          "query-chardev",
                                          "query-pci",
                                          "device-list-properties",
                                          "query-cpus-fast",
                                          "x-guest-faults",
                                          "add-fd",
                                          "remove-fd",
                                          "getfd" };
    struct qtest *q = qtest_start("");
    g_autoptr(JsonArray) list = ask_list(q, "query-commands");

    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++)
        find(list, "name", needed[i]);
    for (unsigned i = 0; i < json_array_get_length(list); i++) {
        JsonObject *entry = json_array_get_object_element(list, i);
        g_autofree char *request = g_strdup_printf(
            "\"execute\": \"%s\", \"arguments\": {\"no-such-argument\": 1}",
            json_object_get_string_member(entry, "name"));
        expect_class(q, request, "GenericError");
    }
    g_autofree char *status = qtest_qmp_status(q);
    g_assert_cmpstr(status, ==, "running");
    qtest_end(q);
}

static void test_machines(void)
{
    struct qtest *q = qtest_start("");
    g_autoptr(JsonArray) list = ask_list(q, "query-machines");
    g_autoptr(JsonObject) kvm = ask_object(q, "query-kvm");
    JsonObject *pc = find(list, "alias", "pc");

    g_assert_true(json_object_get_boolean_member(pc, "is-default"));
    g_assert_cmpint(json_object_get_int_member(pc, "cpu-max"), >=, 2);
    find(list, "name", "xenfv");
    find(list, "name", "none");
    g_assert_false(json_object_get_boolean_member(kvm, "enabled"));
    g_assert_true(json_object_get_boolean_member(kvm, "present") ==
                  g_file_test("/dev/kvm", G_FILE_TEST_EXISTS));
    qtest_end(q);
}

/* Each kind can be asked for its properties, each of which has a name and a type. */
static void test_kinds_of_device(void)
{
    struct qtest *q = qtest_start("");
    g_autoptr(JsonArray) kinds = ask_list(q, "qom-list-types");

    for (unsigned i = 0; i < json_array_get_length(kinds); i++) {
        const char *name = json_object_get_string_member(json_array_get_object_element(kinds, i),
                                                         "name");
        g_autoptr(JsonObject) reply = qtest_qmp(
            q, "\"execute\": \"device-list-properties\", \"arguments\": {\"typename\": \"%s\"}",
            name);
        JsonArray *properties = json_object_get_array_member(reply, "return");
        for (unsigned p = 0; p < json_array_get_length(properties); p++) {
            JsonObject *property = json_array_get_object_element(properties, p);
            find(properties, "name", json_object_get_string_member(property, "name"));
            g_assert_nonnull(json_object_get_string_member(property, "type"));
        }
        if (strcmp(name, "e1000") == 0)
            find(properties, "name", "mac");
    }
    g_assert_cmpstr(json_object_get_string_member(find(kinds, "name", "e1000"), "parent"), ==,
                    "pci-device");
    g_assert_cmpstr(json_object_get_string_member(find(kinds, "name", "hpet"), "parent"), ==,
                    "device");
    qtest_end(q);
}

/* ---- This machine ---- */

static void test_name(void)
{
    struct qtest *q = qtest_start("-name guest1 -uuid 00112233-4455-6677-8899-aabbccddeeff");
    g_autoptr(JsonObject) name = ask_object(q, "query-name");
    g_autoptr(JsonObject) uuid = ask_object(q, "query-uuid");

    g_assert_cmpstr(json_object_get_string_member(name, "name"), ==, "guest1");
    g_assert_cmpstr(json_object_get_string_member(uuid, "UUID"), ==,
                    "00112233-4455-6677-8899-aabbccddeeff");
    qtest_end(q);
}

static unsigned n_cpus(struct qtest *q)
{
    g_autoptr(JsonArray) cpus = ask_list(q, "query-cpus-fast");

    for (unsigned i = 0; i < json_array_get_length(cpus); i++) {
        JsonObject *cpu = json_array_get_object_element(cpus, i);
        JsonObject *props = json_object_get_object_member(cpu, "props");
        g_assert_cmpint(json_object_get_int_member(cpu, "cpu-index"), ==, i);
        g_assert_cmpint(json_object_get_int_member(props, "socket-id"), ==, i);
    }
    return json_array_get_length(cpus);
}

/* CPUs are added where the hypervisor's firmware looks for them: only Xen has the commands for it.
 */
static void test_cpus(void)
{
    struct qtest *q = qtest_start("-smp 2,maxcpus=3");

    g_assert_cmpuint(n_cpus(q), ==, 2);
    expect_class(q, "\"execute\": \"cpu-add\", \"arguments\": {\"id\": 2}", "CommandNotFound");
    g_assert_cmpuint(n_cpus(q), ==, 2);
    qtest_end(q);
}

/* As with QEMU, what is said makes up for what is not. */
static void test_cpu_counts(void)
{
    static const struct {
        const char *smp;
        unsigned n;
    } cases[] = {
        { "cores=4", 4 },          { "sockets=2,cores=2,threads=2", 8 },
        { "maxcpus=3", 3 },        { "2,sockets=4", 2 },
        { "maxcpus=4,cpus=3", 3 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *args = g_strconcat("-smp ", cases[i].smp, NULL);
        struct qtest *q = qtest_start(args);
        g_assert_cmpuint(n_cpus(q), ==, cases[i].n);
        qtest_end(q);
    }
}

static JsonObject *function_at(JsonArray *buses, gint64 slot, gint64 function)
{
    JsonObject *bus = json_array_get_object_element(buses, 0);
    JsonArray *devices = json_object_get_array_member(bus, "devices");

    for (unsigned i = 0; i < json_array_get_length(devices); i++) {
        JsonObject *o = json_array_get_object_element(devices, i);
        if (json_object_get_int_member(o, "slot") == slot &&
            json_object_get_int_member(o, "function") == function)
            return o;
    }
    g_error("nothing at 00:%02x.%d", (unsigned)slot, (int)function);
}

static gint64 address_of_bar0(struct qtest *q)
{
    g_autoptr(JsonArray) buses = ask_list(q, "query-pci");
    JsonObject *nic = function_at(buses, 5, 0);
    JsonObject *bar = json_array_get_object_element(json_object_get_array_member(nic, "regions"),
                                                    0);

    g_assert_cmpstr(json_object_get_string_member(bar, "type"), ==, "memory");
    g_assert_cmpint(json_object_get_int_member(bar, "size"), ==, 128 << 10);
    return json_object_get_int_member(bar, "address");
}

/* A card as the guest sees it, before and after its firmware has given it a place. */
static void test_pci(void)
{
    struct qtest *q = qtest_start("-nodefaults -device e1000,addr=5,id=nic");
    g_autoptr(JsonArray) buses = ask_list(q, "query-pci");
    JsonObject *nic = function_at(buses, 5, 0), *id = json_object_get_object_member(nic, "id");

    g_assert_cmphex(json_object_get_int_member(id, "vendor"), ==, 0x8086);
    g_assert_cmphex(json_object_get_int_member(id, "device"), ==, 0x100e);
    g_assert_cmphex(
        json_object_get_int_member(json_object_get_object_member(nic, "class_info"), "class"), ==,
        0x0200);
    g_assert_cmpstr(json_object_get_string_member(nic, "qdev_id"), ==, "nic");
    g_assert_cmpint(json_object_get_int_member(nic, "irq_pin"), ==, 1);
    function_at(buses, 1, 3); /* PIIX4 PM */
    g_assert_cmpint(address_of_bar0(q), ==, -1);
    qtest_pci_write(q, 5 << 3, 0x10, 0xe0000000, 4);
    qtest_pci_write(q, 5 << 3, 0x04, 2, 2);
    g_assert_cmphex(address_of_bar0(q), ==, 0xe0000000);
    qtest_end(q);
}

static void test_chardevs(void)
{
    struct qtest *q = qtest_start("-nodefaults -chardev ringbuf,id=log,size=4096 -serial null");
    g_autoptr(JsonArray) list = ask_list(q, "query-chardev");

    g_assert_cmpstr(json_object_get_string_member(find(list, "label", "log"), "filename"), ==,
                    "ringbuf");
    g_assert_cmpstr(json_object_get_string_member(find(list, "label", "serial0"), "filename"), ==,
                    "null");
    qtest_end(q);
}

/* ---- Descriptors ---- */

static bool send_fd(struct qtest *q, const char *request)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g_autofree char *line = NULL;

    qtest_qmp_send(q, request, strlen(request), fd);
    line = qtest_qmp_line(q);
    close(fd);
    return strstr(line, "\"return\"") != NULL;
}

static unsigned open_fds(const struct qtest *q)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", qtest_pid(q));
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

#define GETFD(name) "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"" name "\"}}\n"

/* One with a name is there until it is closed, replaced or taken; none is kept by accident. */
static void test_named_descriptors(void)
{
    struct qtest *q = qtest_start("");
    unsigned before = open_fds(q);

    g_assert_true(send_fd(q, GETFD("tap")));
    g_assert_true(send_fd(q, GETFD("tap")));
    g_assert_cmpuint(open_fds(q), ==, before + 1);
    g_assert_false(send_fd(q, GETFD("7")));
    g_assert_false(send_fd(q, GETFD("")));
    g_assert_cmpuint(open_fds(q), ==, before + 1);
    static const char close_it[] = "\"execute\": \"closefd\", \"arguments\": {\"fdname\": \"tap\"}";
    g_autoptr(JsonObject) closed = qtest_qmp(q, close_it);
    g_assert_true(json_object_has_member(closed, "return"));
    g_assert_cmpuint(open_fds(q), ==, before);
    expect_class(q, close_it, "GenericError");
    expect_class(q, "\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"x\"}", "GenericError");
    qtest_end(q);
}

/* Descriptors that nobody asked for: a few wait, the others are closed, and all when it hangs up.
 */
static void test_descriptors_for_nobody(void)
{
    struct qtest *q = qtest_start("");
    unsigned before = open_fds(q);

    for (unsigned i = 0; i < 100; i++)
        g_assert_true(send_fd(q, "{\"execute\": \"query-name\"}\n"));
    g_assert_cmpuint(open_fds(q), <=, before + 16);
    qtest_qmp_hang_up(q);
    for (unsigned i = 0; open_fds(q) >= before && i < 1000; i++)
        g_usleep(1000);
    g_assert_cmpuint(open_fds(q), <, before); /* the connection is closed, too */
    qtest_expect(q, "endianness", "OK little");
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/queries/version", test_version);
    g_test_add_func("/queries/commands", test_commands);
    g_test_add_func("/queries/machines", test_machines);
    g_test_add_func("/queries/kinds-of-device", test_kinds_of_device);
    g_test_add_func("/queries/name", test_name);
    g_test_add_func("/queries/cpus", test_cpus);
    g_test_add_func("/queries/cpu-counts", test_cpu_counts);
    g_test_add_func("/queries/pci", test_pci);
    g_test_add_func("/queries/chardevs", test_chardevs);
    g_test_add_func("/queries/named-descriptors", test_named_descriptors);
    g_test_add_func("/queries/descriptors-for-nobody", test_descriptors_for_nobody);
    return g_test_run();
}
