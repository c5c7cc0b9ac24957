#include "net/user_config.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

static int parse_ip4(const char *what, const char *key, const char *text, struct in_addr *addr,
                     GError **err)
{
    if (inet_pton(AF_INET, text, addr) == 1)
        return 0;
    return fail(err, EINVAL, "%s: %s=%s: not an IPv4 address", what, key, text);
}

/* "10.0.2.0/24", "10.0.2.0/255.255.255.0" or, with the class's mask, "10.0.2.0". */
static int parse_net(const char *what, const char *text, struct in_addr *net, struct in_addr *mask,
                     GError **err)
{
    g_auto(GStrv) part = g_strsplit(text, "/", 2);
    guint64 bits;

    int r = parse_ip4(what, "net", part[0], net, err);
    if (r < 0)
        return r;
    if (part[1] == NULL) {
        uint32_t addr = ntohl(net->s_addr);
        mask->s_addr = htonl(IN_CLASSA(addr)   ? IN_CLASSA_NET
                             : IN_CLASSB(addr) ? IN_CLASSB_NET
                                               : IN_CLASSC_NET);
    } else if (g_ascii_string_to_unsigned(part[1], 10, 4, 30, &bits, NULL)) {
        mask->s_addr = htonl(UINT32_MAX << (32 - bits));
    } else if (inet_pton(AF_INET, part[1], mask) != 1) {
        return fail(err, EINVAL, "%s: net=%s: not a mask of 4 to 30 bits", what, text);
    }
    net->s_addr &= mask->s_addr;
    return 0;
}

/* An address of the network: the option, or the network's number `otherwise`. */
static int host_in_net(struct opts *opts, const char *key, const SlirpConfig *config,
                       uint32_t otherwise, struct in_addr *addr, GError **err)
{
    const char *text = opts_get(opts, key);

    addr->s_addr = config->vnetwork.s_addr | htonl(otherwise & ~ntohl(config->vnetmask.s_addr));
    if (text == NULL)
        return 0;
    int r = parse_ip4(opts_where(opts), key, text, addr, err);
    if (r < 0)
        return r;
    if ((addr->s_addr & config->vnetmask.s_addr) != config->vnetwork.s_addr)
        return fail(err, EINVAL, "%s: %s=%s: outside of net=", opts_where(opts), key, text);
    return 0;
}

static int config_ip4(struct opts *opts, SlirpConfig *config, GError **err)
{
    const char *net = opts_get(opts, "net");
    int r = parse_net(opts_where(opts), net != NULL ? net : "10.0.2.0/24", &config->vnetwork,
                      &config->vnetmask, err);

    if (r == 0)
        r = host_in_net(opts, "host", config, 2, &config->vhost, err);
    if (r == 0)
        r = host_in_net(opts, "dns", config, 3, &config->vnameserver, err);
    if (r == 0)
        r = host_in_net(opts, "dhcpstart", config, 15, &config->vdhcp_start, err);
    if (r == 0 && config->vhost.s_addr == config->vnameserver.s_addr)
        r = fail(err, EINVAL, "%s: host= and dns= must differ", opts_where(opts));
    return r;
}

static int host_in_net6(struct opts *opts, const char *key, const SlirpConfig *config,
                        uint8_t otherwise, struct in6_addr *addr, GError **err)
{
    const char *text = opts_get(opts, key);

    *addr = config->vprefix_addr6;
    addr->s6_addr[15] = otherwise;
    if (text == NULL)
        return 0;
    if (inet_pton(AF_INET6, text, addr) != 1 ||
        memcmp(addr, &config->vprefix_addr6, config->vprefix_len / 8) != 0)
        return fail(err, EINVAL, "%s: %s=%s: not an IPv6 address of ipv6-net=", opts_where(opts),
                    key, text);
    return 0;
}

static int config_ip6(struct opts *opts, SlirpConfig *config, GError **err)
{
    const char *given = opts_get(opts, "ipv6-net");
    const char *net = given != NULL ? given : "fec0::/64";
    g_auto(GStrv) part = g_strsplit(net, "/", 2);
    guint64 bits = 64;

    if (part[0] == NULL || inet_pton(AF_INET6, part[0], &config->vprefix_addr6) != 1 ||
        (part[1] != NULL && !g_ascii_string_to_unsigned(part[1], 10, 0, 126, &bits, NULL)))
        return fail(err, EINVAL, "%s: ipv6-net=%s: not PREFIX/LENGTH", opts_where(opts), net);
    config->vprefix_len = (uint8_t)bits;
    int r = host_in_net6(opts, "ipv6-host", config, 2, &config->vhost6, err);
    if (r == 0)
        r = host_in_net6(opts, "ipv6-dns", config, 3, &config->vnameserver6, err);
    return r;
}

static const char **search_list(struct opts *opts)
{
    GPtrArray *list = g_ptr_array_new();
    const char *domain;

    for (unsigned i = 0; (domain = opts_get_nth(opts, "dnssearch", i)) != NULL; i++)
        g_ptr_array_add(list, (char *)(uintptr_t)domain);
    g_ptr_array_add(list, NULL);
    return (const char **)(void *)g_ptr_array_free(list, FALSE);
}

int user_config(struct opts *opts, SlirpConfig *config, const char ***search, GError **err)
{
    *config = (SlirpConfig){
        .version = 4,
        .in_enabled = true,
        .in6_enabled = true,
        .vhostname = opts_get(opts, "hostname"),
        .vdomainname = opts_get(opts, "domainname"),
        .tftp_path = opts_get(opts, "tftp"),
        .tftp_server_name = opts_get(opts, "tftp-server-name"),
        .bootfile = opts_get(opts, "bootfile"),
    };
    bool restricted = false;
    int r = opts_get_bool(opts, "ipv4", &config->in_enabled, err);
    if (r == 0)
        r = opts_get_bool(opts, "ipv6", &config->in6_enabled, err);
    if (r == 0)
        r = opts_get_bool(opts, "restrict", &restricted, err);
    config->restricted = restricted;
    if (r == 0)
        r = config_ip4(opts, config, err);
    if (r == 0)
        r = config_ip6(opts, config, err);
    if (r < 0)
        return r;
    *search = search_list(opts);
    config->vdnssearch = **search != NULL ? *search : NULL;
    return 0;
}

/* "[ADDR]:PORT" */
static bool parse_end(const char *text, struct in_addr *addr, uint16_t *port, bool any_port)
{
    const char *colon = strrchr(text, ':');
    guint64 number;

    if (colon == NULL ||
        !g_ascii_string_to_unsigned(colon + 1, 10, any_port ? 0 : 1, UINT16_MAX, &number, NULL))
        return false;
    *port = (uint16_t)number;
    addr->s_addr = INADDR_ANY;
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    return *host == '\0' || inet_pton(AF_INET, host, addr) == 1;
}

int user_parse_forward(const char *text, struct user_forward *forward, const char *what,
                       GError **err)
{
    g_auto(GStrv) half = g_strsplit(text, "-", 2);
    const char *host = half[0];

    *forward = (struct user_forward){ 0 };
    if (host == NULL || half[1] == NULL)
        goto bad;
    if (g_str_has_prefix(host, "udp:")) {
        forward->udp = true;
        host += 4;
    } else if (g_str_has_prefix(host, "tcp:")) {
        host += 4;
    } else if (*host == ':') { /* ":ADDR:PORT": tcp is the default */
        host += 1;
    } else {
        goto bad;
    }
    if (parse_end(host, &forward->host, &forward->host_port, true) &&
        parse_end(half[1], &forward->guest, &forward->guest_port, false))
        return 0;
bad:
    return fail(err, EINVAL,
                "%s: hostfwd=%s: not [tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT", what,
                text);
}
