/*
 * QMP: who looks at the screen by VNC, and with what password.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "qmp/qmp.h"
#include "ui/vnc/vnc.h"

#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

/* ---- Which server ---- */

/* The first -vnc is the one that toolstacks mean when they name none. */
static struct vnc_server *first_server(const struct app *app)
{
    return app->vnc_servers->len > 0 ? app->vnc_servers->pdata[0] : NULL;
}

/* The server of this id (NULL: the first); NULL and a sentence. */
static struct vnc_server *find_server(const struct app *app, const char *id, GError **err)
{
    for (guint i = 0; i < app->vnc_servers->len; i++) {
        struct vnc_server *server = app->vnc_servers->pdata[i];
        if (id == NULL || strcmp(vnc_server_id(server), id) == 0)
            return server;
    }
    if (id == NULL)
        fail(err, ENODEV, "there is no VNC server");
    else
        fail(err, ENODEV, "there is no VNC server '%s'", id);
    return NULL;
}

/* ---- Questions ---- */

static void add_address(JsonObject *o, const struct vnc_address *address)
{
    json_object_set_string_member(o, "host", address->host);
    json_object_set_string_member(o, "service", address->service);
    json_object_set_string_member(o, "family", address->family);
}

/* VncBasicInfo: one end of a connection. */
static JsonObject *basic_info(const struct vnc_address *address)
{
    JsonObject *o = json_object_new();

    add_address(o, address);
    json_object_set_boolean_member(o, "websocket", address->websocket);
    return o;
}

static JsonObject *client_info(const struct vnc_client_info *client)
{
    JsonObject *o = basic_info(&client->peer);

    if (client->x509_dname != NULL)
        json_object_set_string_member(o, "x509_dname", client->x509_dname);
    return o;
}

static JsonArray *client_list(const struct vnc_info *info)
{
    JsonArray *list = json_array_new();

    for (guint i = 0; i < info->clients->len; i++)
        json_array_add_object_element(
            list, client_info(&g_array_index(info->clients, struct vnc_client_info, i)));
    return list;
}

COMMAND(cmd_query_vnc)
{
    const struct vnc_server *server = first_server(opaque);
    struct vnc_info info;
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_boolean_member(o, "enabled", server != NULL);
    if (server == NULL)
        return node;
    vnc_query(server, &info);
    json_object_set_string_member(o, "auth", info.auth);
    if (info.address_count > 0)
        add_address(o, &info.addresses[0]);
    json_object_set_array_member(o, "clients", client_list(&info));
    vnc_info_clear(&info);
    return node;
}

/*
 * "vencrypt+tls+vnc" in two members, as query-vnc-servers has it: auth "vencrypt", vencrypt
 * "tls-vnc". A websocket has its TLS below it, and only the last part within.
 */
static void add_auth(JsonObject *o, const char *auth, bool websocket)
{
    g_auto(GStrv) parts = g_strsplit(auth, "+", 3);

    if (g_strv_length(parts) < 3) {
        json_object_set_string_member(o, "auth", auth);
    } else if (websocket) {
        json_object_set_string_member(o, "auth", parts[2]);
    } else {
        g_autofree char *subtype = g_strjoin("-", parts[1], parts[2], NULL);
        json_object_set_string_member(o, "auth", parts[0]);
        json_object_set_string_member(o, "vencrypt", subtype);
    }
}

static JsonObject *server_info(const struct vnc_server *server)
{
    JsonObject *o = json_object_new();
    JsonArray *addresses = json_array_new();
    struct vnc_info info;

    vnc_query(server, &info);
    for (unsigned i = 0; i < info.address_count; i++) {
        JsonObject *address = basic_info(&info.addresses[i]);
        add_auth(address, info.auth, info.addresses[i].websocket);
        json_array_add_object_element(addresses, address);
    }
    json_object_set_string_member(o, "id", info.id);
    json_object_set_array_member(o, "server", addresses);
    json_object_set_array_member(o, "clients", client_list(&info));
    add_auth(o, info.auth, false);
    vnc_info_clear(&info);
    return o;
}

COMMAND(cmd_query_vnc_servers)
{
    const struct app *app = opaque;
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (guint i = 0; i < app->vnc_servers->len; i++)
        json_array_add_object_element(list, server_info(app->vnc_servers->pdata[i]));
    return node;
}

/* ---- Events ---- */

static void on_vnc_event(void *opaque, enum vnc_event event, const struct vnc_address *local,
                         const struct vnc_client_info *client)
{
    static const char *const names[] = { [VNC_CONNECTED] = "VNC_CONNECTED",
                                         [VNC_INITIALIZED] = "VNC_INITIALIZED",
                                         [VNC_DISCONNECTED] = "VNC_DISCONNECTED" };
    const struct app *app = opaque;
    JsonObject *o, *server = basic_info(local);
    JsonNode *data = qmp_new_object(&o);

    json_object_set_string_member(server, "auth", client->auth);
    json_object_set_object_member(o, "server", server);
    json_object_set_object_member(o, "client", client_info(client));
    qmp_event(app->qmp, names[event], data);
}

void qmp_watch_vnc(struct app *app, struct vnc_server *server)
{
    vnc_set_event_handler(server, on_vnc_event, app);
}

/* ---- Passwords ---- */

COMMAND(cmd_change_vnc_password)
{
    struct vnc_server *server = find_server(opaque, NULL, err);

    if (server != NULL)
        vnc_set_password(server, json_object_get_string_member(args, "password"), err);
    return NULL;
}

static bool is_vnc(JsonObject *args, GError **err)
{
    const char *protocol = json_object_get_string_member(args, "protocol");

    if (strcmp(protocol, "vnc") == 0)
        return true;
    fail(err, EINVAL, "protocol '%s': there is only vnc", protocol);
    return false;
}

/* Who is connected stays so: that is all that VNC ever had. */
COMMAND(cmd_set_password)
{
    const char *connected = qmp_get_string(args, "connected", "keep");

    if (!is_vnc(args, err))
        return NULL;
    if (strcmp(connected, "keep") != 0) {
        fail(err, EINVAL, "set_password: connected '%s': there is only keep", connected);
        return NULL;
    }
    struct vnc_server *server = find_server(opaque, qmp_get_string(args, "display", NULL), err);
    if (server != NULL)
        vnc_set_password(server, json_object_get_string_member(args, "password"), err);
    return NULL;
}

/* "now", "never", "+SECONDS" from now, or SECONDS since the epoch. */
static int parse_time(const char *text, int64_t *seconds, GError **err)
{
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    char *end;

    if (strcmp(text, "now") == 0 || strcmp(text, "never") == 0) {
        *seconds = strcmp(text, "now") == 0 ? now : INT64_MAX;
        return 0;
    }
    uint64_t value = g_ascii_strtoull(text + (*text == '+'), &end, 10);
    if (*end != '\0' || end == text + (*text == '+') || value > UINT32_MAX)
        return fail(err, EINVAL, "time '%s': not now, never, +SECONDS or SECONDS", text);
    *seconds = (int64_t)value + (*text == '+' ? now : 0);
    return 0;
}

COMMAND(cmd_expire_password)
{
    int64_t seconds = 0;

    if (!is_vnc(args, err) ||
        parse_time(json_object_get_string_member(args, "time"), &seconds, err) < 0)
        return NULL;
    struct vnc_server *server = find_server(opaque, qmp_get_string(args, "display", NULL), err);
    if (server != NULL)
        vnc_expire_password(server, seconds);
    return NULL;
}

/* ---- Connections that the toolstack made ---- */

static bool is_stream_socket(int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* tls says nothing that -vnc tls-creds= did not say: with skipauth there is none. */
COMMAND(cmd_add_client)
{
    const struct app *app = opaque;
    const char *name = json_object_get_string_member(args, "fdname");
    struct vnc_server *server = NULL;
    int fd = qmp_take_named_fd(app->qmp, name);

    if (fd < 0)
        fail(err, ENOENT, "File descriptor named '%s' not found", name);
    else if (!is_stream_socket(fd))
        fail(err, EINVAL, "add_client: '%s' is not a socket", name);
    else if (is_vnc(args, err))
        server = find_server(app, NULL, err);
    if (server != NULL)
        vnc_add_client(server, fd, qmp_get_bool(args, "skipauth", false));
    else if (fd >= 0)
        close(fd);
    return NULL;
}

static const struct qmp_command commands[] = {
    { "query-vnc", cmd_query_vnc, { { 0 } } },
    { "query-vnc-servers", cmd_query_vnc_servers, { { 0 } } },
    { "change-vnc-password", cmd_change_vnc_password, { { "password", QMP_STRING, false } } },
    { "set_password",
      cmd_set_password,
      { { "protocol", QMP_STRING, false },
        { "password", QMP_STRING, false },
        { "connected", QMP_STRING, true },
        { "display", QMP_STRING, true } } },
    { "expire_password",
      cmd_expire_password,
      { { "protocol", QMP_STRING, false },
        { "time", QMP_STRING, false },
        { "display", QMP_STRING, true } } },
    { "add_client",
      cmd_add_client,
      { { "protocol", QMP_STRING, false },
        { "fdname", QMP_STRING, false },
        { "skipauth", QMP_BOOL, true },
        { "tls", QMP_BOOL, true } } },
    { 0 },
};

void qmp_add_display_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
