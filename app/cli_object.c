/*
 * -object: what other options refer to by its id.
 *
 * A recorder of packets is the network's matter (cli_net.c); here are the keys and certificates of
 * TLS, which -vnc tls-creds=ID names.
 */
#include <errno.h>
#include <string.h>

#include "app/app.h"
#include "base/error.h"
#include "base/opts.h"
#include "ui/vnc/vnc.h"

#define TLS_ANON "tls-creds-anon"
#define TLS_X509 "tls-creds-x509"

static GPtrArray *list_for(struct app *app, const char *type)
{
    if (g_strcmp0(type, "filter-dump") == 0)
        return app->dump_opts;
    if (g_strcmp0(type, TLS_ANON) == 0 || g_strcmp0(type, TLS_X509) == 0)
        return app->tls_opts;
    return NULL;
}

static int take_object(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-object", arg, "qom-type", err);

    if (opts == NULL)
        return -EINVAL;
    GPtrArray *list = list_for(app, opts_get(opts, "qom-type"));
    if (list == NULL) {
        int rc = fail(err, ENOTSUP, "%s: only filter-dump, " TLS_ANON " and " TLS_X509,
                      opts_where(opts));
        opts_free(opts);
        return rc;
    }
    g_ptr_array_add(list, opts);
    return 0;
}

static const struct cli_option options[] = {
    { "object", "KIND,id=ID[,KEY=VALUE...]", take_object,
      "filter-dump,netdev=ID,file=FILE[,maxlen=BYTES]: record a back\n"
      "end's packets in pcap format;\n" TLS_ANON ",id=ID,endpoint=server: TLS for -vnc;\n" TLS_X509
      ",id=ID,dir=DIR,endpoint=server[,verify-peer=off]:\n"
      "with ca-cert.pem, server-cert.pem and server-key.pem in DIR",
      .host = true },
    {}
};

/* ---- TLS ---- */

static struct vnc_tls_creds *load_x509(struct opts *opts, GError **err)
{
    const char *dir = opts_require(opts, "dir", err);
    bool verify_peer = true, sanity_check = true;

    if (dir == NULL || opts_get_bool(opts, "verify-peer", &verify_peer, err) < 0 ||
        opts_get_bool(opts, "sanity-check", &sanity_check, err) < 0 || opts_finish(opts, err) < 0)
        return NULL;
    return vnc_tls_creds_x509(dir, verify_peer, sanity_check, err);
}

/* Nobody has a certificate: the keys that QEMU takes for both kinds have no meaning. */
static struct vnc_tls_creds *load_anon(struct opts *opts, GError **err)
{
    bool verify_peer = false;

    opts_get(opts, "dir");
    if (opts_get_bool(opts, "verify-peer", &verify_peer, err) < 0 || opts_finish(opts, err) < 0)
        return NULL;
    return vnc_tls_creds_anon(err);
}

static int load_creds(struct app *app, struct opts *opts, GError **err)
{
    const char *id = opts_require(opts, "id", err);
    const char *endpoint = id != NULL ? opts_require(opts, "endpoint", err) : NULL;
    struct vnc_tls_creds *creds;

    if (endpoint == NULL)
        return -EINVAL;
    if (strcmp(endpoint, "server") != 0)
        return fail(err, ENOTSUP, "%s: endpoint=%s: only server", opts_where(opts), endpoint);
    if (g_hash_table_contains(app->tls_creds, id))
        return fail(err, EEXIST, "%s: id=%s is taken", opts_where(opts), id);
    creds = strcmp(opts_get(opts, "qom-type"), TLS_X509) == 0 ? load_x509(opts, err)
                                                              : load_anon(opts, err);
    if (creds == NULL)
        return -EINVAL;
    g_hash_table_insert(app->tls_creds, g_strdup(id), creds);
    return 0;
}

static int prepare(struct app *app, GError **err)
{
    int rc = 0;

    for (guint i = 0; i < app->tls_opts->len && rc == 0; i++)
        rc = load_creds(app, app->tls_opts->pdata[i], err);
    return rc;
}

const struct cli_topic cli_object = {
    .title = "Objects",
    .options = options,
    .prepare = prepare,
};
