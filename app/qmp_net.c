/*
 * QMP: network back ends and cards.
 */
#include <errno.h>
#include <string.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "base/opts.h"
#include "net/netdev.h"
#include "qmp/qmp.h"

/* What every command looks like. */
#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

COMMAND(cmd_set_link)
{
    struct app *app = opaque;
    const char *name = json_object_get_string_member(args, "name");
    struct net_backend *backend = netdevs_find_any(app->netdevs, name);

    if (backend == NULL)
        fail(err, QMP_DEVICE_NOT_FOUND, "Device '%s' not found", name);
    else
        net_set_link(backend, json_object_get_boolean_member(args, "up"));
    return NULL;
}

/* ---- The cards' filters ---- */

static char *mac_text(const uint8_t *mac)
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                           mac[5]);
}

static void add_mac_tables(JsonObject *o, const struct net_rx_filter *filter)
{
    JsonArray *unicast = json_array_new(), *multicast = json_array_new();
    g_autofree char *main_mac = mac_text(filter->main_mac);

    for (unsigned i = 0; i < filter->n_macs; i++) {
        g_autofree char *mac = mac_text(filter->macs[i]);
        json_array_add_string_element((filter->macs[i][0] & 1) != 0 ? multicast : unicast, mac);
    }
    json_object_set_string_member(o, "main-mac", main_mac);
    json_object_set_array_member(o, "unicast-table", unicast);
    json_object_set_array_member(o, "multicast-table", multicast);
}

static void add_vlans(JsonObject *o, const struct net_rx_filter *filter)
{
    JsonArray *vlans = json_array_new();

    for (unsigned vid = 0; vid < NET_VLANS; vid++) {
        if ((filter->vlans[vid / 8] >> (vid % 8) & 1) != 0)
            json_array_add_int_element(vlans, vid);
    }
    json_object_set_string_member(o, "vlan", filter->vlan_filter ? "normal" : "all");
    json_object_set_array_member(o, "vlan-table", vlans);
}

static JsonObject *filter_object(const char *name, const struct net_rx_filter *filter)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_boolean_member(o, "promiscuous", filter->promiscuous);
    json_object_set_boolean_member(o, "broadcast-allowed", filter->broadcast);
    json_object_set_string_member(o, "unicast", filter->promiscuous ? "all" : "normal");
    json_object_set_string_member(o, "multicast", filter->all_multicast ? "all" : "normal");
    json_object_set_boolean_member(o, "unicast-overflow", false);
    json_object_set_boolean_member(o, "multicast-overflow", false);
    add_mac_tables(o, filter);
    add_vlans(o, filter);
    return o;
}

/*
 * One event tells that a filter changed; the next comes only after it was asked for, so that a
 * guest cannot flood the toolstack.
 */
static void filter_changed(void *opaque, struct net_backend *backend)
{
    struct app *app = opaque;
    JsonObject *o;
    JsonNode *data = qmp_new_object(&o);

    net_on_rx_filter_changed(backend, NULL, NULL);
    json_object_set_string_member(o, "name", backend->nic_name);
    qmp_event(app->qmp, "NIC_RX_FILTER_CHANGED", data);
}

COMMAND(cmd_rx_filter)
{
    struct app *app = opaque;
    const char *wanted = qmp_get_string(args, "name", NULL);
    const GPtrArray *all = netdevs_all(app->netdevs);
    JsonArray *list;
    JsonNode *answer = qmp_new_array(&list);

    for (guint i = 0; i < all->len; i++) {
        struct net_backend *backend = all->pdata[i];
        struct net_rx_filter filter;

        if (!net_query_rx_filter(backend, &filter) ||
            (wanted != NULL && strcmp(wanted, backend->nic_name) != 0))
            continue;
        json_array_add_object_element(list, filter_object(backend->nic_name, &filter));
        net_on_rx_filter_changed(backend, filter_changed, app);
    }
    if (wanted == NULL || json_array_get_length(list) > 0)
        return answer;
    json_node_unref(answer);
    fail(err, EINVAL, "there is no network card '%s' that tells its filter", wanted);
    return NULL;
}

/* ---- Back ends come and go ---- */

/* A string, number or switch as -netdev spells it; NULL: something else. The caller frees it. */
static char *value_text(JsonNode *node)
{
    if (!JSON_NODE_HOLDS_VALUE(node))
        return NULL;
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING: return g_strdup(json_node_get_string(node));
    case G_TYPE_BOOLEAN: return g_strdup(json_node_get_boolean(node) ? "on" : "off");
    case G_TYPE_INT64: return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    default: return NULL;
    }
}

static int add_value(struct opts *opts, const char *key, JsonNode *node, GError **err)
{
    g_autofree char *text = value_text(node);

    if (text == NULL)
        return fail(err, EINVAL, "netdev_add: %s: a value of the wrong type", key);
    opts_set(opts, key, text);
    return 0;
}

/* {"addr": {"type": "unix", "path": P}} is addr.type=unix,addr.path=P. */
static int add_members(struct opts *opts, const char *key, JsonObject *object, GError **err)
{
    g_autoptr(GList) members = json_object_get_members(object);
    int rc = 0;

    for (GList *m = members; m != NULL && rc == 0; m = m->next) {
        g_autofree char *inner = g_strdup_printf("%s.%s", key, (const char *)m->data);
        rc = add_value(opts, inner, json_object_get_member(object, m->data), err);
    }
    return rc;
}

/* {"hostfwd": [{"str": A}, {"str": B}]} is hostfwd=A,hostfwd=B. */
static int add_list(struct opts *opts, const char *key, JsonArray *list, GError **err)
{
    int rc = 0;

    for (guint i = 0; i < json_array_get_length(list) && rc == 0; i++) {
        JsonNode *node = json_array_get_element(list, i);

        if (JSON_NODE_HOLDS_OBJECT(node) &&
            json_object_has_member(json_node_get_object(node), "str"))
            node = json_object_get_member(json_node_get_object(node), "str");
        rc = add_value(opts, key, node, err);
    }
    return rc;
}

static int add_option(struct opts *opts, const char *key, JsonNode *node, GError **err)
{
    if (JSON_NODE_HOLDS_OBJECT(node))
        return add_members(opts, key, json_node_get_object(node), err);
    if (JSON_NODE_HOLDS_ARRAY(node))
        return add_list(opts, key, json_node_get_array(node), err);
    return add_value(opts, key, node, err);
}

COMMAND(cmd_netdev_add)
{
    struct app *app = opaque;
    g_autoptr(GList) members = json_object_get_members(args);
    struct opts *opts = opts_parse("netdev_add", "", NULL, err);
    int rc = opts != NULL ? 0 : -EINVAL;

    for (GList *m = members; m != NULL && rc == 0; m = m->next)
        rc = add_option(opts, m->data, json_object_get_member(args, m->data), err);
    if (rc == 0)
        rc = netdevs_add(app->netdevs, opts, err);
    if (rc == 0)
        net_on_rx_filter_changed(
            netdevs_find(app->netdevs, json_object_get_string_member(args, "id")), filter_changed,
            app);
    opts_free(opts);
    return NULL;
}

COMMAND(cmd_netdev_del)
{
    struct app *app = opaque;
    const char *id = json_object_get_string_member(args, "id");

    if (netdevs_find(app->netdevs, id) == NULL)
        fail(err, QMP_DEVICE_NOT_FOUND, "Device '%s' not found", id);
    else
        netdevs_remove(app->netdevs, id, err);
    return NULL;
}

static const struct qmp_command commands[] = {
    { "set_link", cmd_set_link, { { "name", QMP_STRING, false }, { "up", QMP_BOOL, false } } },
    { "query-rx-filter", cmd_rx_filter, { { "name", QMP_STRING, true } } },
    { "netdev_add",
      cmd_netdev_add,
      { { "type", QMP_STRING, false }, { "id", QMP_STRING, false } },
      .open = true },
    { "netdev_del", cmd_netdev_del, { { "id", QMP_STRING, false } } },
    { 0 },
};

void qmp_add_net_commands(struct app *app)
{
    const GPtrArray *all = netdevs_all(app->netdevs);

    for (guint i = 0; i < all->len; i++)
        net_on_rx_filter_changed(all->pdata[i], filter_changed, app);
    qmp_add_commands(app->qmp, commands, app);
}
