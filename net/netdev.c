#include "net/netdev.h"

#include "base/error.h"
#include "net/pcap.h"
#include "net/socket.h"
#include "net/tap.h"
#include "net/user.h"

#include <errno.h>
#include <string.h>

#define CAPTURE_LEN 65536 /* bytes of each packet, as filter-dump's default */

struct netdevs {
    GPtrArray *all;
};

static const struct {
    const char *name;
    int (*create)(const char *id, struct opts *opts, struct net_backend **out, GError **err);
} kinds[] = {
    { "tap", tap_create },       { "user", user_create },   { "socket", socket_create },
    { "stream", stream_create }, { "dgram", dgram_create },
};

struct netdevs *netdevs_new(void)
{
    struct netdevs *netdevs = g_new0(struct netdevs, 1);

    netdevs->all = g_ptr_array_new_with_free_func((GDestroyNotify)net_destroy);
    return netdevs;
}

void netdevs_free(struct netdevs *netdevs)
{
    g_ptr_array_unref(netdevs->all);
    g_free(netdevs);
}

static int create(const char *kind, const char *id, struct opts *opts, struct net_backend **out,
                  GError **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kind, kinds[i].name) == 0)
            return kinds[i].create(id, opts, out, err);
    }
    return fail(err, EINVAL, "%s: no such kind of back end '%s'", opts_where(opts), kind);
}

int netdevs_add(struct netdevs *netdevs, struct opts *opts, GError **err)
{
    const char *kind = opts_get(opts, "type");
    const char *id = opts_get(opts, "id");
    const char *dump = opts_get(opts, "dump");
    struct net_backend *backend;

    if (kind == NULL || id == NULL)
        return fail(err, EINVAL, "%s: type and id are needed", opts_where(opts));
    if (netdevs_find(netdevs, id) != NULL)
        return fail(err, EEXIST, "%s: there is a netdev of this id already", opts_where(opts));
    if (journal_replaying()) {
        g_ptr_array_add(netdevs->all, net_replay_create(id));
        return 0;
    }
    int r = create(kind, id, opts, &backend, err);
    if (r < 0)
        return r;
    if (dump != NULL && pcap_start(backend, dump, CAPTURE_LEN, err) == NULL) {
        net_destroy(backend);
        return -EIO;
    }
    g_ptr_array_add(netdevs->all, backend);
    return 0;
}

int netdevs_add_text(struct netdevs *netdevs, const char *text, GError **err)
{
    struct opts *opts = opts_parse("-netdev", text, "type", err);
    int r = opts != NULL ? netdevs_add(netdevs, opts, err) : -EINVAL;

    opts_free(opts);
    return r;
}

static gboolean has_id(gconstpointer backend, gconstpointer id)
{
    return strcmp(((const struct net_backend *)backend)->id, id) == 0;
}

struct net_backend *netdevs_find(const struct netdevs *netdevs, const char *id)
{
    guint i;

    if (!g_ptr_array_find_with_equal_func(netdevs->all, id, has_id, &i))
        return NULL;
    return netdevs->all->pdata[i];
}

struct net_backend *netdevs_find_any(const struct netdevs *netdevs, const char *name)
{
    for (guint i = 0; i < netdevs->all->len; i++) {
        struct net_backend *backend = netdevs->all->pdata[i];

        if (strcmp(backend->id, name) == 0 ||
            (backend->nic_ops != NULL && strcmp(backend->nic_name, name) == 0))
            return backend;
    }
    return NULL;
}

int netdevs_remove(struct netdevs *netdevs, const char *id, GError **err)
{
    struct net_backend *backend = netdevs_find(netdevs, id);

    if (backend == NULL)
        return fail(err, ENOENT, "netdev '%s': there is none of this id", id);
    g_ptr_array_remove(netdevs->all, backend);
    return 0;
}

const GPtrArray *netdevs_all(const struct netdevs *netdevs)
{
    return netdevs->all;
}
