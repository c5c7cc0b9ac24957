#include "net/address.h"

#include "base/error.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int resolve(const char *what, const char *key, const char *host, const char *port,
                   bool passive, struct net_address *address, GError **err)
{
    struct addrinfo hints = { .ai_flags = passive ? AI_PASSIVE : 0, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;

    int r = getaddrinfo(*host != '\0' ? host : NULL, port, &hints, &found);
    if (r != 0)
        return fail(err, EINVAL, "%s: %s: %s:%s: %s", what, key, host, port, gai_strerror(r));
    address->fd = -1;
    address->len = found->ai_addrlen;
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    snprintf(address->text, sizeof(address->text), "%s:%s", host, port);
    freeaddrinfo(found);
    return 0;
}

int net_address_parse(const char *what, const char *key, const char *text, bool passive,
                      struct net_address *address, GError **err)
{
    const char *colon = strrchr(text, ':');

    if (colon == NULL)
        return fail(err, EINVAL, "%s: %s=%s: not HOST:PORT", what, key, text);
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    return resolve(what, key, host, colon + 1, passive, address, err);
}

static int unix_path(const char *what, const char *key, const char *path, bool abstract,
                     struct net_address *address, GError **err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
    size_t len = strlen(path);

    if (len == 0 || len + 1 > sizeof(un->sun_path))
        return fail(err, EINVAL, "%s: %s=%s: a path has 1 to %zu characters", what, key, path,
                    sizeof(un->sun_path) - 1);
    address->fd = -1;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path + (abstract ? 1 : 0), path, len);
    address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    snprintf(address->text, sizeof(address->text), "%s", path);
    return 0;
}

/* The value of PREFIX.name; "" if it was not given. */
static const char *part(struct opts *opts, const char *prefix, const char *name)
{
    g_autofree char *key = g_strdup_printf("%s.%s", prefix, name);
    const char *value = opts_get(opts, key);

    return value != NULL ? value : "";
}

static int take_inet(struct opts *opts, const char *prefix, bool passive,
                     struct net_address *address, GError **err)
{
    return resolve(opts_where(opts), prefix, part(opts, prefix, "host"), part(opts, prefix, "port"),
                   passive, address, err);
}

static int take_unix(struct opts *opts, const char *prefix, struct net_address *address,
                     GError **err)
{
    g_autofree char *abstract_key = g_strdup_printf("%s.abstract", prefix);
    bool abstract = false;

    int r = opts_get_bool(opts, abstract_key, &abstract, err);
    return r < 0 ? r
                 : unix_path(opts_where(opts), prefix, part(opts, prefix, "path"), abstract,
                             address, err);
}

static int take_fd(struct opts *opts, const char *prefix, struct net_address *address, GError **err)
{
    uint64_t fd;

    if (parse_uint(part(opts, prefix, "str"), &fd) < 0)
        return fail(err, EINVAL, "%s: %s.str=: a descriptor's number is wanted", opts_where(opts),
                    prefix);
    return net_address_from_fd(opts_where(opts), fd, address, err);
}

int net_address_take(struct opts *opts, const char *prefix, bool passive,
                     struct net_address *address, GError **err)
{
    const char *type = part(opts, prefix, "type");
    int r;

    *address = (struct net_address){ .fd = -1 };
    if (*type == '\0')
        return 0;
    if (strcmp(type, "inet") == 0)
        r = take_inet(opts, prefix, passive, address, err);
    else if (strcmp(type, "unix") == 0)
        r = take_unix(opts, prefix, address, err);
    else if (strcmp(type, "fd") == 0)
        r = take_fd(opts, prefix, address, err);
    else
        r = fail(err, EINVAL, "%s: %s.type=%s: not inet, unix or fd", opts_where(opts), prefix,
                 type);
    return r < 0 ? r : 1;
}

static int socket_type(int fd)
{
    int type;
    socklen_t len = sizeof(type);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ? -errno : type;
}

int net_address_from_fd(const char *what, uint64_t fd, struct net_address *address, GError **err)
{
    int number = fd <= INT32_MAX ? (int)fd : -1;
    int type = socket_type(number);

    *address = (struct net_address){ .fd = number };
    if (type < 0)
        return fail_errno(err, -type, "%s: fd=%d", what, number);
    int flags = fcntl(number, F_GETFL);
    if (flags < 0 || fcntl(number, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(err, errno, "%s: fd=%d", what, number);
    snprintf(address->text, sizeof(address->text), "fd=%d", number);
    return 0;
}

bool net_address_is_dgram(const struct net_address *address)
{
    return socket_type(address->fd) == SOCK_DGRAM;
}

int net_address_socket(const struct net_address *address, int type)
{
    int fd = socket(address->storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

int net_address_bind(const struct net_address *address, int fd)
{
    const struct sockaddr *addr = (const struct sockaddr *)&address->storage;
    int on = 1;

    if (addr->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    return io_bind(fd, addr, address->len);
}

void net_address_unlink(const struct net_address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;

    if (address->fd < 0 && un->sun_family == AF_UNIX && un->sun_path[0] != '\0')
        (void)unlink(un->sun_path);
}
