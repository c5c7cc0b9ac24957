#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "qmp/qmp.h"

#include "base/error.h"
#include "chardev/chardev.h"
#include "qmp/framing.h"
#include "qmp/internal.h"

/*
 * Toolstacks choose their dialect by this number: libxl wants at least 2.11. It says which QEMU's
 * protocol is spoken; the package says who speaks.
 */
#define QMP_VERSION_MAJOR 8
#define QMP_VERSION_MINOR 0
#define QMP_VERSION_MICRO 0
#define QMP_PACKAGE       "hvm-dm"

/* Output that a peer does not read: beyond this the peer is taken for dead and not written to. */
#define MAX_OUTPUT (16u << 20)

struct table {
    const struct qmp_command *commands;
    void *opaque;
};

struct qmp {
    GArray *tables;      /* struct table */
    GPtrArray *monitors; /* struct qmp_monitor, owned */
    GHashTable *fds;     /* name -> fd + 1, by getfd */
    void (*deserted)(void *opaque);
    void *deserted_opaque;
};

struct qmp_monitor {
    struct qmp *qmp;
    struct chardev *chr;
    struct framing framing;
    GByteArray *out;
    bool open, negotiated, pretty;
    bool deaf; /* output was lost; until the peer comes anew */
};

/* ---- Output ---- */

static void flush(void *opaque)
{
    struct qmp_monitor *mon = opaque;
    size_t n = chardev_write(mon->chr, mon->out->data, mon->out->len);

    g_byte_array_remove_range(mon->out, 0, (guint)n);
}

static void send_text(struct qmp_monitor *mon, const char *text)
{
    size_t len = strlen(text);

    if (mon->deaf || mon->out->len + len > MAX_OUTPUT) {
        mon->deaf = true;
        return;
    }
    g_byte_array_append(mon->out, (const uint8_t *)text, (guint)len);
    g_byte_array_append(mon->out, (const uint8_t *)"\r\n", 2);
    flush(mon);
}

static void send_object(struct qmp_monitor *mon, JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);
    g_autofree char *text = json_to_string(node, mon->pretty);

    send_text(mon, text);
}

/*
 * By hand, since there are peers that match it as text: these members in this order and no others
 * (contract of ocaml-qmp).
 */
static void greet(struct qmp_monitor *mon)
{
    g_autofree char *text = g_strdup_printf(
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": %d, \"minor\": %d, \"major\": %d}, "
        "\"package\": \"%s\"}, \"capabilities\": []}}",
        QMP_VERSION_MICRO, QMP_VERSION_MINOR, QMP_VERSION_MAJOR, QMP_PACKAGE);

    send_text(mon, text);
}

static void add_id(JsonObject *reply, JsonNode *id)
{
    if (id != NULL)
        json_object_set_member(reply, "id", json_node_copy(id));
}

static const char *error_class(const GError *err)
{
    switch (err->code) {
    case QMP_DEVICE_NOT_FOUND: return "DeviceNotFound";
    case QMP_COMMAND_NOT_FOUND: return "CommandNotFound";
    default: return "GenericError";
    }
}

static void send_error(struct qmp_monitor *mon, JsonNode *id, const GError *err)
{
    g_autoptr(JsonObject) reply = json_object_new();
    JsonObject *error = json_object_new();

    json_object_set_string_member(error, "class", error_class(err));
    json_object_set_string_member(error, "desc", err->message);
    json_object_set_object_member(reply, "error", error);
    add_id(reply, id);
    send_object(mon, reply);
}

static void send_return(struct qmp_monitor *mon, JsonNode *id, JsonNode *value)
{
    g_autoptr(JsonObject) reply = json_object_new();

    if (value == NULL)
        value = qmp_new_object(NULL);
    json_object_set_member(reply, "return", value);
    add_id(reply, id);
    send_object(mon, reply);
}

void qmp_event(struct qmp *qmp, const char *name, JsonNode *data)
{
    g_autoptr(JsonObject) event = json_object_new();
    JsonObject *stamp = json_object_new();
    int64_t now = g_get_real_time();

    json_object_set_int_member(stamp, "seconds", now / G_USEC_PER_SEC);
    json_object_set_int_member(stamp, "microseconds", now % G_USEC_PER_SEC);
    json_object_set_object_member(event, "timestamp", stamp);
    json_object_set_string_member(event, "event", name);
    if (data != NULL)
        json_object_set_member(event, "data", data);
    for (unsigned i = 0; i < qmp->monitors->len; i++) {
        struct qmp_monitor *mon = qmp->monitors->pdata[i];
        if (mon->negotiated)
            send_object(mon, event);
    }
}

/* ---- Requests ---- */

static bool type_ok(JsonNode *node, enum qmp_type type)
{
    GType value = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;

    switch (type) {
    case QMP_STRING: return value == G_TYPE_STRING;
    case QMP_INT: return value == G_TYPE_INT64;
    case QMP_BOOL: return value == G_TYPE_BOOLEAN;
    case QMP_OBJECT: return JSON_NODE_HOLDS_OBJECT(node);
    case QMP_ANY: break;
    }
    return true;
}

static const struct qmp_arg *find_arg(const struct qmp_command *c, const char *name)
{
    for (const struct qmp_arg *a = c->args; a->name != NULL; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

static bool check_args(const struct qmp_command *c, JsonObject *args, GError **err)
{
    static const char *const names[] = { "string", "integer", "boolean", "object", "value" };
    g_autoptr(GList) members = json_object_get_members(args);

    for (GList *m = members; m != NULL; m = m->next) {
        const struct qmp_arg *a = find_arg(c, m->data);
        if (a == NULL && c->open)
            continue;
        if (a == NULL) {
            fail(err, EINVAL, "Parameter '%s' is unexpected", (const char *)m->data);
            return false;
        }
        if (!type_ok(json_object_get_member(args, a->name), a->type)) {
            fail(err, EINVAL, "Invalid parameter type for '%s', expected: %s", a->name,
                 names[a->type]);
            return false;
        }
    }
    for (const struct qmp_arg *a = c->args; a->name != NULL; a++) {
        if (!a->optional && !json_object_has_member(args, a->name)) {
            fail(err, EINVAL, "Parameter '%s' is missing", a->name);
            return false;
        }
    }
    return true;
}

static const struct qmp_command *find_command(struct qmp *qmp, const char *name, void **opaque)
{
    for (unsigned i = 0; i < qmp->tables->len; i++) {
        const struct table *t = &g_array_index(qmp->tables, struct table, i);
        for (const struct qmp_command *c = t->commands; c->name != NULL; c++) {
            if (strcmp(c->name, name) == 0) {
                *opaque = t->opaque;
                return c;
            }
        }
    }
    return NULL;
}

bool qmp_has_command(struct qmp_monitor *mon, const char *name)
{
    void *opaque;

    return find_command(mon->qmp, name, &opaque) != NULL;
}

JsonNode *qmp_run(struct qmp_monitor *mon, const char *name, JsonObject *args, GError **err)
{
    void *opaque;
    const struct qmp_command *c = find_command(mon->qmp, name, &opaque);

    if (!mon->negotiated && strcmp(name, "qmp_capabilities") != 0) {
        fail(err, QMP_COMMAND_NOT_FOUND,
             "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (c == NULL) {
        fail(err, QMP_COMMAND_NOT_FOUND, "The command %s has not been found", name);
        return NULL;
    }
    g_autoptr(JsonObject) none = json_object_new();
    if (args == NULL)
        args = none;
    return check_args(c, args, err) ? c->run(opaque, mon, args, err) : NULL;
}

/* The members of a request itself; false and a sentence where it is not one. */
static bool check_request(JsonObject *request, GError **err)
{
    g_autoptr(GList) members = json_object_get_members(request);

    for (GList *m = members; m != NULL; m = m->next) {
        const char *name = m->data;
        if (strcmp(name, "execute") != 0 && strcmp(name, "arguments") != 0 &&
            strcmp(name, "id") != 0 && strcmp(name, "control") != 0) {
            fail(err, EINVAL, "QMP input member '%s' is unexpected", name);
            return false;
        }
    }
    JsonNode *execute = json_object_get_member(request, "execute");
    JsonNode *args = json_object_get_member(request, "arguments");
    if (execute == NULL || !type_ok(execute, QMP_STRING)) {
        fail(err, EINVAL, "QMP input %s 'execute'%s", execute ? "member" : "lacks member",
             execute ? " must be a string" : "");
        return false;
    }
    if (args != NULL && !JSON_NODE_HOLDS_OBJECT(args)) {
        fail(err, EINVAL, "QMP input member 'arguments' must be an object");
        return false;
    }
    return true;
}

static void handle(struct qmp_monitor *mon, const char *text)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) err = NULL;
    g_autoptr(JsonNode) id = NULL;

    if (!json_parser_load_from_data(parser, text, -1, NULL)) {
        fail(&err, EINVAL, "Invalid JSON syntax");
        send_error(mon, NULL, err);
        return;
    }
    JsonObject *request = json_node_get_object(json_parser_get_root(parser));
    if (json_object_has_member(request, "id"))
        id = json_node_copy(json_object_get_member(request, "id"));
    JsonNode *value = NULL;
    if (check_request(request, &err)) {
        JsonNode *args = json_object_get_member(request, "arguments");
        value = qmp_run(mon, json_object_get_string_member(request, "execute"),
                        args != NULL ? json_node_get_object(args) : NULL, &err);
    }
    if (err != NULL)
        send_error(mon, id, err);
    else
        send_return(mon, id, value);
}

/* ---- The connection ---- */

static size_t can_receive(void *opaque)
{
    struct qmp_monitor *mon = opaque;

    /* Who does not read the answers is not asked for more questions. */
    return mon->out->len < 65536 ? 4096 : 0;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct qmp_monitor *mon = opaque;

    for (size_t i = 0; i < len; i++) {
        switch (framing_byte(&mon->framing, data[i])) {
        case FRAMING_MORE: break;
        case FRAMING_VALUE:
            handle(mon, mon->framing.text->str);
            framing_next(&mon->framing);
            break;
        case FRAMING_ERROR: {
            g_autoptr(GError) err = NULL;
            fail(&err, EINVAL, "%s", mon->framing.error);
            send_error(mon, NULL, err);
            break;
        }
        }
    }
}

static void writable(void *opaque)
{
    struct qmp_monitor *mon = opaque;

    flush(mon);
    chardev_accept_input(mon->chr);
}

static void close_stray_fds(struct qmp_monitor *mon)
{
    for (int fd; (fd = chardev_take_fd(mon->chr)) >= 0;)
        close(fd);
}

static bool anybody_there(const struct qmp *qmp)
{
    for (unsigned i = 0; i < qmp->monitors->len; i++)
        if (((const struct qmp_monitor *)qmp->monitors->pdata[i])->open)
            return true;
    return false;
}

static void event(void *opaque, enum chardev_event what)
{
    struct qmp_monitor *mon = opaque;

    if (what == CHARDEV_BREAK)
        return;
    g_byte_array_set_size(mon->out, 0);
    framing_next(&mon->framing);
    mon->framing.skipping = false;
    mon->negotiated = mon->deaf = false;
    close_stray_fds(mon);
    mon->open = what == CHARDEV_OPENED;
    if (mon->open)
        greet(mon);
    else if (mon->qmp->deserted != NULL && !anybody_there(mon->qmp))
        mon->qmp->deserted(mon->qmp->deserted_opaque);
}

static const struct chardev_frontend frontend = { can_receive, receive, event, writable };

void qmp_add_monitor(struct qmp *qmp, struct chardev *chr, bool pretty)
{
    struct qmp_monitor *mon = g_new0(struct qmp_monitor, 1);

    mon->qmp = qmp;
    mon->chr = chr;
    mon->pretty = pretty;
    mon->out = g_byte_array_new();
    framing_init(&mon->framing);
    g_ptr_array_add(qmp->monitors, mon);
    chardev_attach(chr, &frontend, mon);
}

/* ---- The protocol's own commands ---- */

static JsonNode *cmd_capabilities(void *opaque, struct qmp_monitor *mon, JsonObject *args,
                                  GError **err)
{
    if (mon->negotiated)
        fail(err, QMP_COMMAND_NOT_FOUND,
             "Capabilities negotiation is already complete, command ignored");
    mon->negotiated = true;
    return NULL;
}

static JsonNode *cmd_version(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)
{
    JsonObject *version, *qemu = json_object_new();
    JsonNode *node = qmp_new_object(&version);

    json_object_set_int_member(qemu, "micro", QMP_VERSION_MICRO);
    json_object_set_int_member(qemu, "minor", QMP_VERSION_MINOR);
    json_object_set_int_member(qemu, "major", QMP_VERSION_MAJOR);
    json_object_set_object_member(version, "qemu", qemu);
    json_object_set_string_member(version, "package", QMP_PACKAGE);
    return node;
}

static JsonNode *cmd_commands(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)
{
    struct qmp *qmp = opaque;
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (unsigned i = 0; i < qmp->tables->len; i++) {
        const struct table *t = &g_array_index(qmp->tables, struct table, i);
        for (const struct qmp_command *c = t->commands; c->name != NULL; c++) {
            JsonObject *entry = json_object_new();
            json_object_set_string_member(entry, "name", c->name);
            json_array_add_object_element(list, entry);
        }
    }
    return node;
}

static JsonNode *cmd_getfd(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)
{
    struct qmp *qmp = opaque;
    const char *name = json_object_get_string_member(args, "fdname");
    int fd = qmp_take_fd(mon), old;

    if (fd < 0) {
        fail(err, EINVAL, "No file descriptor supplied via SCM_RIGHTS");
    } else if (g_ascii_isdigit(*name) || *name == '\0') {
        close(fd); /* a number would be taken for a descriptor of the process */
        fail(err, EINVAL, "Parameter 'fdname' expects a name not starting with a digit");
    } else {
        if ((old = qmp_take_named_fd(qmp, name)) >= 0)
            close(old);
        g_hash_table_insert(qmp->fds, g_strdup(name), GINT_TO_POINTER(fd + 1));
    }
    return NULL;
}

static JsonNode *cmd_closefd(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)
{
    const char *name = json_object_get_string_member(args, "fdname");
    int fd = qmp_take_named_fd(opaque, name);

    if (fd < 0)
        fail(err, ENOENT, "File descriptor named '%s' not found", name);
    else
        close(fd);
    return NULL;
}

static const struct qmp_command own_commands[] = {
    { "qmp_capabilities", cmd_capabilities, { { "enable", QMP_ANY, true } } },
    { "query-version", cmd_version, { { 0 } } },
    { "query-commands", cmd_commands, { { 0 } } },
    { "getfd", cmd_getfd, { { "fdname", QMP_STRING, false } } },
    { "closefd", cmd_closefd, { { "fdname", QMP_STRING, false } } },
    { 0 },
};

int qmp_take_fd(struct qmp_monitor *mon)
{
    return chardev_take_fd(mon->chr);
}

int qmp_take_named_fd(struct qmp *qmp, const char *name)
{
    int fd = GPOINTER_TO_INT(g_hash_table_lookup(qmp->fds, name)) - 1;

    g_hash_table_remove(qmp->fds, name);
    return fd;
}

/* ---- Life ---- */

static void free_monitor(gpointer data)
{
    struct qmp_monitor *mon = data;

    chardev_attach(mon->chr, NULL, NULL);
    g_byte_array_unref(mon->out);
    framing_clear(&mon->framing);
    g_free(mon);
}

struct qmp *qmp_create(void)
{
    struct qmp *qmp = g_new0(struct qmp, 1);

    qmp->tables = g_array_new(FALSE, FALSE, sizeof(struct table));
    qmp->monitors = g_ptr_array_new_with_free_func(free_monitor);
    qmp->fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    qmp_add_commands(qmp, own_commands, qmp);
    qmp_add_commands(qmp, qmp_human_commands, qmp);
    return qmp;
}

void qmp_destroy(struct qmp *qmp)
{
    GHashTableIter it;
    gpointer fd;

    g_hash_table_iter_init(&it, qmp->fds);
    while (g_hash_table_iter_next(&it, NULL, &fd))
        close(GPOINTER_TO_INT(fd) - 1);
    g_hash_table_unref(qmp->fds);
    g_ptr_array_unref(qmp->monitors);
    g_array_unref(qmp->tables);
    g_free(qmp);
}

void qmp_when_deserted(struct qmp *qmp, void (*fn)(void *opaque), void *opaque)
{
    qmp->deserted = fn;
    qmp->deserted_opaque = opaque;
}

void qmp_add_commands(struct qmp *qmp, const struct qmp_command *commands, void *opaque)
{
    struct table t = { commands, opaque };

    g_array_append_val(qmp->tables, t);
}

/* ---- Shorthands ---- */

JsonNode *qmp_new_object(JsonObject **object)
{
    JsonObject *o = json_object_new();
    JsonNode *node = json_node_init_object(json_node_alloc(), o);

    json_object_unref(o);
    if (object != NULL)
        *object = o;
    return node;
}

JsonNode *qmp_new_array(JsonArray **array)
{
    JsonArray *a = json_array_new();
    JsonNode *node = json_node_init_array(json_node_alloc(), a);

    json_array_unref(a);
    *array = a;
    return node;
}

const char *qmp_get_string(JsonObject *args, const char *name, const char *otherwise)
{
    return json_object_has_member(args, name) ? json_object_get_string_member(args, name)
                                              : otherwise;
}

gint64 qmp_get_int(JsonObject *args, const char *name, gint64 otherwise)
{
    return json_object_has_member(args, name) ? json_object_get_int_member(args, name) : otherwise;
}

bool qmp_get_bool(JsonObject *args, const char *name, bool otherwise)
{
    return json_object_has_member(args, name) ? json_object_get_boolean_member(args, name)
                                              : otherwise;
}
