#include "ui/vnc/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"

#define BACKLOG 16

/* ---- names ---- */

static void name_inet(struct vnc_address *address, const struct sockaddr *sa, socklen_t size)
{
    char host[NI_MAXHOST], service[NI_MAXSERV];

    if (getnameinfo(sa, size, host, sizeof(host), service, sizeof(service),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    address->family = sa->sa_family == AF_INET6 ? "ipv6" : "ipv4";
    address->host = g_strdup(host);
    address->service = g_strdup(service);
}

static void name_unix(struct vnc_address *address, const struct sockaddr_un *sa, socklen_t size)
{
    size_t offset = offsetof(struct sockaddr_un, sun_path);

    address->family = "unix";
    address->service = g_strndup(sa->sun_path, size > offset ? size - offset : 0);
}

void vnc_address_of_socket(struct vnc_address *address, int fd, bool peer, bool websocket)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    } sa = { 0 };
    socklen_t size = sizeof(sa);
    int rc = peer ? getpeername(fd, &sa.any, &size) : getsockname(fd, &sa.any, &size);

    *address = (struct vnc_address){ "unknown", NULL, NULL, websocket };
    if (rc == 0 && sa.any.sa_family == AF_UNIX)
        name_unix(address, &sa.un, size);
    else if (rc == 0)
        name_inet(address, &sa.any, size);
    if (address->host == NULL)
        address->host = g_strdup("");
    if (address->service == NULL)
        address->service = g_strdup("");
}

void vnc_address_clear(struct vnc_address *address)
{
    g_free(address->host);
    g_free(address->service);
    *address = (struct vnc_address){ 0 };
}

/* ---- sockets ---- */

/* A socket bound to one address, or -errno. */
static int bind_one(const struct addrinfo *ai)
{
    int on = 1, off = 0;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, ai->ai_protocol);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6) /* "::" takes IPv4, too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    /* With SO_REUSEADDR a port that is taken may show only at listen(). */
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static int listen_port(const char *host, unsigned port, int family, GError **err)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    g_autofree char *service = g_strdup_printf("%u", port);
    int fd = -EADDRNOTAVAIL;

    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    int rc = getaddrinfo(host[0] != '\0' ? host : NULL, service, &hints, &list);
    if (rc != 0)
        return fail(err, EADDRNOTAVAIL, "-vnc %s: %s", host, gai_strerror(rc));
    for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next)
        fd = bind_one(ai);
    freeaddrinfo(list);
    if (fd < 0)
        return fail_errno(err, -fd, "-vnc %s: listen at port %u", host, port);
    return fd;
}

int vnc_listen_tcp(const char *host, unsigned first, unsigned last, int family, GError **err)
{
    for (unsigned port = first;; port++) {
        int fd = listen_port(host, port, family, port < last ? NULL : err);

        if (fd >= 0 || port >= last)
            return fd;
    }
}

int vnc_listen_unix(const char *path, GError **err)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path)) >= sizeof(sa.sun_path))
        return fail(err, ENAMETOOLONG, "-vnc unix:%s: the path is too long", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(err, errno, "-vnc unix:%s", path);
    int rc = io_bind(fd, (const struct sockaddr *)&sa, sizeof(sa));
    if (rc < 0 || listen(fd, BACKLOG) < 0) {
        rc = fail_errno(err, rc < 0 ? -rc : errno, "-vnc unix:%s", path);
        close(fd);
        return rc;
    }
    return fd;
}
