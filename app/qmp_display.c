/*
 * QMP: who looks at the screen, and with what password.
 */
#include <errno.h>
#include <string.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "qmp/qmp.h"
#include "ui/vnc/vnc.h"

#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

/* The first -vnc is the one that toolstacks mean. */
static struct vnc_server *first_server(const struct app *app)
{
    return app->vnc_servers->len > 0 ? app->vnc_servers->pdata[0] : NULL;
}

static void add_address(JsonObject *o, const struct vnc_address *address)
{
    json_object_set_string_member(o, "host", address->host);
    json_object_set_string_member(o, "service", address->service);
    json_object_set_string_member(o, "family", address->family);
}

static JsonArray *client_list(const struct vnc_info *info)
{
    JsonArray *list = json_array_new();

    for (guint i = 0; i < info->clients->len; i++) {
        const struct vnc_client_info *client = &g_array_index(info->clients, struct vnc_client_info,
                                                              i);
        JsonObject *o = json_object_new();
        add_address(o, &client->peer);
        json_object_set_boolean_member(o, "websocket", client->peer.websocket);
        if (client->x509_dname != NULL)
            json_object_set_string_member(o, "x509_dname", client->x509_dname);
        json_array_add_object_element(list, o);
    }
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

static void set_password(const struct app *app, const char *password, GError **err)
{
    struct vnc_server *server = first_server(app);

    if (server == NULL)
        fail(err, ENODEV, "there is no VNC server");
    else
        vnc_set_password(server, password, err);
}

COMMAND(cmd_change_vnc_password)
{
    set_password(opaque, json_object_get_string_member(args, "password"), err);
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

COMMAND(cmd_set_password)
{
    if (is_vnc(args, err))
        set_password(opaque, json_object_get_string_member(args, "password"), err);
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
    struct vnc_server *server = first_server(opaque);
    int64_t seconds = 0;

    if (!is_vnc(args, err) ||
        parse_time(json_object_get_string_member(args, "time"), &seconds, err) < 0)
        return NULL;
    if (server == NULL)
        fail(err, ENODEV, "there is no VNC server");
    else
        vnc_expire_password(server, seconds);
    return NULL;
}

static const struct qmp_command commands[] = {
    { "query-vnc", cmd_query_vnc, { { 0 } } },
    { "change-vnc-password", cmd_change_vnc_password, { { "password", QMP_STRING, false } } },
    { "set_password",
      cmd_set_password,
      { { "protocol", QMP_STRING, false },
        { "password", QMP_STRING, false },
        { "connected", QMP_STRING, true } } },
    { "expire_password",
      cmd_expire_password,
      { { "protocol", QMP_STRING, false }, { "time", QMP_STRING, false } } },
    { 0 },
};

void qmp_add_display_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
