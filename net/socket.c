#include "net/socket.h"

#include "base/error.h"

#include <errno.h>

int stream_create(const char *id, struct net_opts *opts, struct net_backend **out, GError **err)
{
    struct net_address address;
    bool server = net_opts_bool(opts, "server", false);
    unsigned reconnect_s = (unsigned)net_opts_number(opts, "reconnect", 0, 86400, 0);

    int r = net_address_take(opts, "addr", server, &address, err);
    if (r == 0)
        r = fail(err, EINVAL, "%s: addr.type is needed", net_opts_what(opts));
    if (r > 0)
        r = net_opts_finish(opts, err);
    if (r < 0)
        return r;
    return stream_open(id, &address, server, reconnect_s, net_opts_what(opts), out, err);
}

int dgram_create(const char *id, struct net_opts *opts, struct net_backend **out, GError **err)
{
    struct net_address local, remote;

    int has_local = net_address_take(opts, "local", true, &local, err);
    if (has_local < 0)
        return has_local;
    int has_remote = net_address_take(opts, "remote", false, &remote, err);
    if (has_remote < 0)
        return has_remote;
    if (has_local == 0 || (has_remote == 0 && local.fd < 0))
        return fail(err, EINVAL, "%s: local.type and remote.type are needed", net_opts_what(opts));
    int r = net_opts_finish(opts, err);
    if (r < 0)
        return r;
    return dgram_open(id, &local, has_remote > 0 ? &remote : NULL, net_opts_what(opts), out, err);
}

static int open_udp(const char *id, struct net_opts *opts, const char *peer,
                    struct net_backend **out, GError **err)
{
    const char *what = net_opts_what(opts);
    const char *own = net_opts_string(opts, "localaddr", NULL);
    struct net_address local, remote;

    if (own == NULL)
        return fail(err, EINVAL, "%s: udp= needs localaddr=", what);
    int r = net_opts_finish(opts, err);
    if (r == 0)
        r = net_address_parse(what, "udp", peer, false, &remote, err);
    if (r == 0)
        r = net_address_parse(what, "localaddr", own, true, &local, err);
    return r < 0 ? r : dgram_open(id, &local, &remote, what, out, err);
}

int socket_create(const char *id, struct net_opts *opts, struct net_backend **out, GError **err)
{
    const char *what = net_opts_what(opts);
    uint64_t fd = net_opts_number(opts, "fd", 0, INT32_MAX, UINT64_MAX);
    const char *listen = net_opts_string(opts, "listen", NULL);
    const char *connect = net_opts_string(opts, "connect", NULL);
    const char *udp = net_opts_string(opts, "udp", NULL);
    struct net_address address;

    net_opts_refuse(opts, "mcast", "multicast is not supported");
    if ((fd != UINT64_MAX) + (listen != NULL) + (connect != NULL) + (udp != NULL) != 1)
        return fail(err, EINVAL, "%s: one of fd=, listen=, connect= and udp= is needed", what);
    if (udp != NULL)
        return open_udp(id, opts, udp, out, err);
    int r = net_opts_finish(opts, err);
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
