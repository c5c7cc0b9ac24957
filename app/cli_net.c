/*
 * Network options: -netdev, -nic, -net none, and what -object filter-dump asks for.
 */
#include <errno.h>
#include <string.h>

#include "app/app.h"
#include "base/error.h"
#include "base/opts.h"
#include "net/netdev.h"
#include "net/pcap.h"

#define DEFAULT_NIC "e1000"
#define CAPTURE_MAX 262144 /* bytes of one packet; what pcap readers take */
#define CAPTURE_LEN 65536

static int keep(GPtrArray *list, struct opts *opts)
{
    if (opts == NULL)
        return -EINVAL;
    g_ptr_array_add(list, opts);
    return 0;
}

static int take_netdev(struct app *app, const char *arg, GError **err)
{
    app->net_chosen = true;
    return keep(app->netdev_opts, opts_parse("-netdev", arg, "type", err));
}

static int take_nic(struct app *app, const char *arg, GError **err)
{
    app->net_chosen = true;
    if (strcmp(arg, "none") == 0)
        return 0;
    return keep(app->nic_opts, opts_parse("-nic", arg, "type", err));
}

static int take_net(struct app *app, const char *arg, GError **err)
{
    app->net_chosen = true;
    if (strcmp(arg, "none") == 0)
        return 0;
    return fail(err, ENOTSUP, "-net %s: only \"none\"; use -nic or -netdev with -device", arg);
}

static const struct cli_option options[] = {
    { "netdev", "KIND,id=ID[,...]", take_netdev,
      "network back end for a device: user, tap, stream, dgram, socket" },
    { "nic", "KIND[,model=e1000][,mac=MAC][,...]", take_nic,
      "network card and back end in one; \"none\": no network\n(default: user)" },
    { "net", "none", take_net, "no network" },
    {}
};

/* A -nic holds the options of both ends; what the card does not take is the back end's. */
static int add_nic(struct app *app, struct opts *opts, unsigned number, GError **err)
{
    g_autofree char *made = g_strdup_printf("nic%u", number);
    const char *model = opts_get(opts, "model"), *mac = opts_get(opts, "mac");
    const char *addr = opts_get(opts, "addr");

    if (opts_get(opts, "id") == NULL)
        opts_set(opts, "id", made);
    const char *id = app_keep(app, opts_get(opts, "id"));
    int rc = netdevs_add(app->netdevs, opts, err);
    if (rc < 0)
        return rc;
    struct device_config *nic = app_add_device(app, model != NULL ? model : DEFAULT_NIC, NULL);
    device_config_add(nic, "netdev", id);
    if (mac != NULL)
        device_config_add(nic, "mac", mac);
    if (addr != NULL)
        device_config_add(nic, "addr", addr);
    return 0;
}

static int add_dump(struct app *app, struct opts *opts, GError **err)
{
    const char *netdev = opts_require(opts, "netdev", err);
    const char *file = netdev != NULL ? opts_require(opts, "file", err) : NULL;
    uint64_t max_len = CAPTURE_LEN;

    if (file == NULL)
        return -EINVAL;
    opts_get(opts, "id"); /* nothing refers to it */
    int rc = opts_get_size(opts, "maxlen", 1, CAPTURE_MAX, &max_len, err);
    if (rc == 0)
        rc = opts_finish(opts, err);
    if (rc < 0)
        return rc;
    struct net_backend *backend = netdevs_find(app->netdevs, netdev);
    if (backend == NULL)
        return fail(err, ENOENT, "%s: netdev=%s: there is none of this id", opts_where(opts),
                    netdev);
    struct pcap *capture = pcap_start(backend, file, max_len, err);
    if (capture == NULL)
        return -EIO;
    g_ptr_array_add(app->captures, capture);
    return 0;
}

static int prepare(struct app *app, GError **err)
{
    int rc = 0;

    app->captures = g_ptr_array_new_with_free_func((GDestroyNotify)pcap_stop);
    if (!app->net_chosen && !app->nodefaults && app->config.board != MACHINE_NONE)
        rc = take_nic(app, "user", err);
    for (guint i = 0; i < app->netdev_opts->len && rc == 0; i++)
        rc = netdevs_add(app->netdevs, app->netdev_opts->pdata[i], err);
    for (guint i = 0; i < app->nic_opts->len && rc == 0; i++)
        rc = add_nic(app, app->nic_opts->pdata[i], i, err);
    for (guint i = 0; i < app->dump_opts->len && rc == 0; i++)
        rc = add_dump(app, app->dump_opts->pdata[i], err);
    return rc;
}

static void cleanup(struct app *app)
{
    if (app->captures != NULL)
        g_ptr_array_unref(app->captures);
    netdevs_free(app->netdevs);
}

const struct cli_topic cli_net = {
    .title = "Network",
    .options = options,
    .prepare = prepare,
    .cleanup = cleanup,
};
