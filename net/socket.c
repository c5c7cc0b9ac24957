#include "net/socket.h"

#include "base/error.h"

#include <errno.h>

int stream_create(const char *id, struct opts *opts, struct net_backend **out, GError **err)
{
    struct net_address address;
    bool server = false;
    uint64_t reconnect_s = 0;

    int r = opts_get_bool(opts, "server", &server, err);
    if (r == 0)
        r = opts_get_uint(opts, "reconnect", 0, 86400, &reconnect_s, err);
    if (r < 0)
        return r;
    r = net_address_take(opts, "addr", server, &address, err);
    if (r == 0)
        r = fail(err, EINVAL, "%s: addr.type is needed", opts_where(opts));
    if (r > 0)
        r = opts_finish(opts, err);
    if (r < 0)
        return r;
    return stream_open(id, &address, server, (unsigned)reconnect_s, opts_where(opts), out, err);
}

int dgram_create(const char *id, struct opts *opts, struct net_backend **out, GError **err)
{
    struct net_address local, remote;

    int has_local = net_address_take(opts, "local", true, &local, err);
    if (has_local < 0)
        return has_local;
    int has_remote = net_address_take(opts, "remote", false, &remote, err);
    if (has_remote < 0)
        return has_remote;
    if (has_local == 0 || (has_remote == 0 && local.fd < 0))
        return fail(err, EINVAL, "%s: local.type and remote.type are needed", opts_where(opts));
    int r = opts_finish(opts, err);
    if (r < 0)
        return r;
    return dgram_open(id, &local, has_remote > 0 ? &remote : NULL, opts_where(opts), out, err);
}

static int open_udp(const char *id, struct opts *opts, const char *peer, struct net_backend **out,
                    GError **err)
{
    const char *what = opts_where(opts);
    const char *own = opts_get(opts, "localaddr");
    struct net_address local, remote;

    if (own == NULL)
        return fail(err, EINVAL, "%s: udp= needs localaddr=", what);
    int r = opts_finish(opts, err);
    if (r == 0)
        r = net_address_parse(what, "udp", peer, false, &remote, err);
    if (r == 0)
        r = net_address_parse(what, "localaddr", own, true, &local, err);
    return r < 0 ? r : dgram_open(id, &local, &remote, what, out, err);
}

int socket_create(const char *id, struct opts *opts, struct net_backend **out, GError **err)
{
    const char *what = opts_where(opts);
    uint64_t fd = UINT64_MAX;
    const char *listen = opts_get(opts, "listen");
    const char *connect = opts_get(opts, "connect");
    const char *udp = opts_get(opts, "udp");
    struct net_address address = { .fd = -1 };

    int r = opts_get_uint(opts, "fd", 0, INT32_MAX, &fd, err);
    if (r < 0)
        return r;
    if (opts_get(opts, "mcast") != NULL)
        return fail(err, ENOTSUP, "%s: mcast=: multicast is not supported", what);
    if ((fd != UINT64_MAX) + (listen != NULL) + (connect != NULL) + (udp != NULL) != 1)
        return fail(err, EINVAL, "%s: one of fd=, listen=, connect= and udp= is needed", what);
    if (udp != NULL)
        return open_udp(id, opts, udp, out, err);
    r = opts_finish(opts, err);
    if (r == 0 && fd != UINT64_MAX)
        r = net_address_from_fd(what, fd, &address, err);
    else if (r == 0 && listen != NULL)
        r = net_address_parse(what, "listen", listen, true, &address, err);
    else if (r == 0)
        r = net_address_parse(what, "connect", connect, false, &address, err);
    if (r < 0)
        return r;
    if (address.fd >= 0 && net_address_is_dgram(&address))
        return dgram_open(id, &address, NULL, what, out, err);
    return stream_open(id, &address, listen != NULL, 0, what, out, err);
}
