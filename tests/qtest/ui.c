/*
 * The toolstack at the keyboard, the mouse and the screen: QMP's input and VNC commands.
 */
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "tests/qtest/qtest.h"

/* The reply must be an error with this in its sentence, or (NULL) none. */
static void expect_reply(struct qtest *q, const char *request, const char *error)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "%s", request);
    JsonObject *e = json_object_has_member(reply, "error")
                        ? json_object_get_object_member(reply, "error")
                        : NULL;
    const char *desc = e != NULL ? json_object_get_string_member(e, "desc") : NULL;

    if (error == NULL ? desc != NULL : desc == NULL || strstr(desc, error) == NULL)
        g_error("%s: %s", request, desc != NULL ? desc : "no error");
}

/* ---- Keys and pointers ---- */

static void send_events(struct qtest *q, const char *events, const char *error)
{
    g_autofree char *request = g_strdup_printf(
        "\"execute\": \"input-send-event\", \"arguments\": {\"events\": [%s]}", events);

    expect_reply(q, request, error);
}

/* The controller's output, byte by byte, must be this. */
static void expect_bytes(struct qtest *q, const char *wanted)
{
    g_autoptr(GString) got = g_string_new(NULL);

    while (qtest_inb(q, 0x64) & 1) {
        g_string_append_printf(got, "%s%02x", got->len > 0 ? " " : "", qtest_inb(q, 0x60));
        qtest_step(q, 1000000);
    }
    g_assert_cmpstr(got->str, ==, wanted);
}

/* What firmware and an operating system do: translated scan codes, both devices report. */
static struct qtest *start_with_keyboard_and_mouse(void)
{
    struct qtest *q = qtest_start("");

    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x40);
    qtest_outb(q, 0x60, 0xf4);
    expect_bytes(q, "fa");
    qtest_outb(q, 0x64, 0xd4);
    qtest_outb(q, 0x60, 0xf4);
    expect_bytes(q, "fa");
    return q;
}

#define KEY(type, data, down)                                                          \
    "{\"type\": \"key\", \"data\": {\"key\": {\"type\": \"" type "\", \"data\": " data \
    "}, \"down\": " down "}}"
#define BUTTON(name, down) \
    "{\"type\": \"btn\", \"data\": {\"button\": \"" name "\", \"down\": " down "}}"
#define MOVE(type, axis, value) \
    "{\"type\": \"" type "\", \"data\": {\"axis\": \"" axis "\", \"value\": " value "}}"

static void test_keys(void)
{
    struct qtest *q = start_with_keyboard_and_mouse();

    send_events(q, KEY("qcode", "\"shift\"", "true") "," KEY("qcode", "\"a\"", "true"), NULL);
    expect_bytes(q, "2a 1e");
    send_events(q, KEY("number", "30", "false") "," KEY("number", "42", "false"), NULL);
    expect_bytes(q, "9e aa");
    send_events(q, KEY("number", "199", "true") "," KEY("qcode", "\"home\"", "false"), NULL);
    expect_bytes(q, "e0 47 e0 c7");
    send_events(q, "", NULL);
    /* One that is wrong, and none is sent. */
    send_events(q, KEY("qcode", "\"a\"", "true") "," KEY("qcode", "\"anykey\"", "true"), "anykey");
    expect_bytes(q, "");
    qtest_end(q);
}

static void test_mouse(void)
{
    struct qtest *q = start_with_keyboard_and_mouse();

    send_events(q, MOVE("rel", "x", "3") "," MOVE("rel", "y", "2"), NULL);
    expect_bytes(q, "28 03 fe"); /* upwards is positive here */
    send_events(q, BUTTON("left", "true") "," MOVE("rel", "x", "-1"), NULL);
    expect_bytes(q, "19 ff 00");
    send_events(q, BUTTON("left", "false"), NULL);
    expect_bytes(q, "08 00 00");
    /* A click in one command is a click. */
    send_events(q, BUTTON("right", "true") "," BUTTON("right", "false"), NULL);
    expect_bytes(q, "0a 00 00 08 00 00");
    send_events(q, MOVE("abs", "x", "16384"), "not found for event type abs");

    g_autoptr(JsonObject) mice = qtest_qmp(q, "\"execute\": \"query-mice\"");
    JsonArray *list = json_object_get_array_member(mice, "return");
    g_assert_cmpuint(json_array_get_length(list), ==, 1);
    JsonObject *mouse = json_array_get_object_element(list, 0);
    g_assert_true(json_object_get_boolean_member(mouse, "current"));
    g_assert_false(json_object_get_boolean_member(mouse, "absolute"));
    g_assert_true(json_object_has_member(mouse, "name") && json_object_has_member(mouse, "index"));
    qtest_end(q);
}

/* What VMware's driver does: registers, and an IN. Returns EAX. */
static uint32_t ask_pointer(struct qtest *q, uint32_t command, uint32_t argument)
{
    g_free(qtest_ask(q, "registers 0x564d5868 0x%x 0x%x 0 0 0", argument, command));
    return qtest_inl(q, 0x5658);
}

static void test_absolute_pointer(void)
{
    struct qtest *q = qtest_start("-machine vmport=on");

    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x43);
    g_assert_cmphex(ask_pointer(q, 10, 0), ==, 6); /* who is there? */
    ask_pointer(q, 41, 0x45414552);
    g_assert_cmphex(ask_pointer(q, 39, 1), ==, 0x3442554a);
    ask_pointer(q, 41, 0x53424152);
    qtest_outb(q, 0x64, 0xd4); /* the mouse, for its interrupts */
    qtest_outb(q, 0x60, 0xf4);
    expect_bytes(q, "fa");

    qtest_intercept(q);
    send_events(q, MOVE("abs", "x", "32767") "," MOVE("abs", "y", "0"), NULL);
    send_events(q, BUTTON("left", "true"), NULL);
    g_assert_true(qtest_irq(q, 12));
    g_assert_cmphex(ask_pointer(q, 40, 0), ==, 8);
    ask_pointer(q, 39, 4);
    qtest_expect(q, "registers",
                 "OK 0x00000000 0x0000ffff 0x00000000 0x00000000 0x00000000 0x00000000");
    ask_pointer(q, 39, 4);
    qtest_expect(q, "registers",
                 "OK 0x00000020 0x0000ffff 0x00000000 0x00000000 0x00000000 0x00000000");
    send_events(q, MOVE("rel", "x", "1"), "not found for event type rel");
    qtest_end(q);
}

static void test_wrong_events(void)
{
    static const struct {
        const char *events, *error;
    } cases[] = {
        { "1", "a type and data" },
        { "{\"type\": \"key\"}", "a type and data" },
        { "{\"type\": \"mtt\", \"data\": {}}", "mtt" },
        { "{\"type\": \"key\", \"data\": {\"down\": true}}", "a key is" },
        { "{\"type\": \"key\", \"data\": {\"key\": {\"type\": \"number\", \"data\": 1}}}",
          "neither down nor up" },
        { KEY("qcode", "30", "true"), "no such key" },
        { KEY("number", "\"a\"", "true"), "no such key" },
        { KEY("number", "-5", "true"), "no such key" },
        { KEY("number", "9223372036854775807", "true"), "no such key" },
        { KEY("scancode", "30", "true"), "a key is" },
        { BUTTON("fourth", "true"), "fourth" },
        { MOVE("rel", "z", "1"), "axis" },
        { MOVE("rel", "x", "1.5"), "axis" },
        { MOVE("rel", "x", "\"1\""), "axis" },
    };
    struct qtest *q = start_with_keyboard_and_mouse();

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        send_events(q, cases[i].events, cases[i].error);
    expect_reply(q, "\"execute\": \"input-send-event\", \"arguments\": {\"events\": {}}", "a list");
    expect_reply(q, "\"execute\": \"send-key\", \"arguments\": {\"keys\": [1]}", "a key is");
    expect_reply(q, "\"execute\": \"send-key\", \"arguments\": {\"keys\": []}", "not 1 to");
    expect_bytes(q, "");
    qtest_end(q);
}

/* ---- VNC ---- */

/* Hands our end's peer to the VNC server, under the name "viewer"; our end. */
static int give_connection(struct qtest *q, const char *more, const char *error)
{
    static const char getfd[] =
        "{\"execute\": \"getfd\", \"arguments\": {\"fdname\": \"viewer\"}}\n";
    int pair[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    qtest_qmp_send(q, getfd, sizeof(getfd) - 1, pair[1]);
    g_autofree char *line = qtest_qmp_line(q);
    g_assert_cmpstr(line, ==, "{\"return\":{}}");
    close(pair[1]);
    g_autofree char *request = g_strdup_printf(
        "\"execute\": \"add_client\", \"arguments\": {\"fdname\": \"viewer\"%s}", more);
    expect_reply(q, request, error);
    return pair[0];
}

static void rfb_expect(int fd, const char *wanted, size_t n)
{
    char got[64];

    g_assert_cmpint((int)recv(fd, got, n, MSG_WAITALL), ==, (int)n);
    g_assert_cmpmem(got, n, wanted, n);
}

static void rfb_send(int fd, const char *data, size_t n)
{
    g_assert_cmpint((int)send(fd, data, n, MSG_NOSIGNAL), ==, (int)n);
}

/* The next event; it must be this one. Its data; the caller owns it. */
static JsonObject *next_event(struct qtest *q, const char *name)
{
    g_autofree char *line = qtest_qmp_line(q);
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    JsonObject *event = json_node_get_object(node);

    g_assert_cmpstr(json_object_get_string_member(event, "event"), ==, name);
    return json_object_ref(json_object_get_object_member(event, "data"));
}

static void expect_member(JsonObject *o, const char *name, const char *wanted)
{
    g_assert_cmpstr(json_object_get_string_member(o, name), ==, wanted);
}

/* A connection of the toolstack's own comes, is let in without the password, and goes. */
static void test_add_client(void)
{
    struct qtest *q = qtest_start("-vnc 127.0.0.1:4200,to=4299,password=on");
    static const char wanted[] = ", \"protocol\": \"vnc\", \"skipauth\": true";
    int fd = give_connection(q, wanted, NULL);
    JsonObject *data;

    qtest_qmp_wait_event(q, "VNC_CONNECTED");
    rfb_expect(fd, "RFB 003.008\n", 12);
    rfb_send(fd, "RFB 003.008\n", 12);
    rfb_expect(fd, "\1\1", 2);
    rfb_send(fd, "\1", 1);
    rfb_expect(fd, "\0\0\0\0", 4);
    rfb_send(fd, "\1", 1);
    data = next_event(q, "VNC_INITIALIZED");
    JsonObject *client = json_object_get_object_member(data, "client");
    expect_member(client, "family", "unix");
    expect_member(json_object_get_object_member(data, "server"), "auth", "none");
    g_assert_false(json_object_get_boolean_member(client, "websocket"));
    json_object_unref(data);

    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"query-vnc\"");
    JsonObject *vnc = json_object_get_object_member(reply, "return");
    JsonArray *clients = json_object_get_array_member(vnc, "clients");
    g_assert_cmpuint(json_array_get_length(clients), ==, 1);
    expect_member(vnc, "auth", "vnc");
    expect_member(vnc, "host", "127.0.0.1");
    expect_member(vnc, "family", "ipv4");
    close(fd);
    json_object_unref(next_event(q, "VNC_DISCONNECTED"));
    qtest_end(q);
}

static void test_add_client_refusals(void)
{
    struct qtest *q = qtest_start("");

    close(give_connection(q, ", \"protocol\": \"vnc\"", "no VNC server"));
    close(give_connection(q, ", \"protocol\": \"spice\"", "only vnc"));
    expect_reply(q,
                 "\"execute\": \"add_client\", \"arguments\": {\"protocol\": \"vnc\", "
                 "\"fdname\": \"viewer\"}",
                 "'viewer' not found"); /* it went with the refusal */
    expect_reply(q,
                 "\"execute\": \"set_password\", \"arguments\": {\"protocol\": \"vnc\", "
                 "\"password\": \"x\"}",
                 "no VNC server");
    qtest_end(q);
}

/* With TLS, and a websocket beside it. */
static void test_servers(void)
{
    struct qtest *q = qtest_start("-object tls-creds-anon,id=tls0,endpoint=server "
                                  "-vnc 127.0.0.1:4300,to=4399,id=a,tls-creds=tls0,password=on,"
                                  "websocket=on "
                                  "-vnc 127.0.0.1:4300,to=4399,id=b");
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"query-vnc-servers\"");
    JsonArray *list = json_object_get_array_member(reply, "return");

    g_assert_cmpuint(json_array_get_length(list), ==, 2);
    JsonObject *a = json_array_get_object_element(list, 0);
    expect_member(a, "id", "a");
    expect_member(a, "auth", "vencrypt");
    expect_member(a, "vencrypt", "tls-vnc");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(a, "clients")), ==, 0);
    JsonArray *addresses = json_object_get_array_member(a, "server");
    g_assert_cmpuint(json_array_get_length(addresses), ==, 2);
    JsonObject *websocket = json_array_get_object_element(addresses, 1);
    g_assert_true(json_object_get_boolean_member(websocket, "websocket"));
    expect_member(websocket, "auth", "vnc");
    expect_member(websocket, "host", "127.0.0.1");
    JsonObject *b = json_array_get_object_element(list, 1);
    expect_member(b, "id", "b");
    expect_member(b, "auth", "none");
    g_assert_false(json_object_has_member(b, "vencrypt"));
    qtest_end(q);
}

#define SET_PASSWORD(more)                                                                 \
    "\"execute\": \"set_password\", \"arguments\": {\"protocol\": \"vnc\", \"password\": " \
    "\"x\"" more "}"
#define EXPIRE(time)                                                                             \
    "\"execute\": \"expire_password\", \"arguments\": {\"protocol\": \"vnc\", \"time\": \"" time \
    "\"}"

static void test_passwords(void)
{
    struct qtest *q = qtest_start("-vnc 127.0.0.1:4200,to=4299,password=on,id=a "
                                  "-vnc 127.0.0.1:4200,to=4299,id=b");

    expect_reply(q, SET_PASSWORD(""), NULL);
    expect_reply(q, SET_PASSWORD(", \"display\": \"a\", \"connected\": \"keep\""), NULL);
    expect_reply(q, SET_PASSWORD(", \"display\": \"b\""), "password=on");
    expect_reply(q, SET_PASSWORD(", \"display\": \"c\""), "'c'");
    expect_reply(q, SET_PASSWORD(", \"connected\": \"disconnect\""), "only keep");
    expect_reply(q, EXPIRE("now"), NULL);
    expect_reply(q, EXPIRE("never"), NULL);
    expect_reply(q, EXPIRE("+60"), NULL);
    expect_reply(q, EXPIRE("1335196800"), NULL);
    expect_reply(q, EXPIRE("tomorrow"), "tomorrow");
    expect_reply(q, EXPIRE("+"), "'+'");
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ui/keys", test_keys);
    g_test_add_func("/ui/mouse", test_mouse);
    g_test_add_func("/ui/absolute-pointer", test_absolute_pointer);
    g_test_add_func("/ui/wrong-events", test_wrong_events);
    g_test_add_func("/ui/add-client", test_add_client);
    g_test_add_func("/ui/add-client-refusals", test_add_client_refusals);
    g_test_add_func("/ui/servers", test_servers);
    g_test_add_func("/ui/passwords", test_passwords);
    return g_test_run();
}
