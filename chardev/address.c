#include "chardev/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"

int address_unix(const char *where, const char *path, struct address *address, GError **err)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(un.sun_path))
        return fail(err, ENAMETOOLONG, "%s: path=%s: longer than %zu bytes", where, path,
                    sizeof(un.sun_path) - 1);
    memcpy(un.sun_path, path, strlen(path));
    memcpy(&address->sa, &un, sizeof(un));
    address->len = sizeof(un);
    return 0;
}

GArray *address_tcp(const char *where, const char *host, const char *port, bool passive, int family,
                    GError **err)
{
    struct addrinfo hints = { .ai_family = family,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = passive ? AI_PASSIVE : 0 };
    struct addrinfo *list;
    int rc = getaddrinfo(*host != '\0' ? host : NULL, port, &hints, &list);

    if (rc != 0) {
        fail(err, EINVAL, "%s: %s:%s: %s", where, host, port, gai_strerror(rc));
        return NULL;
    }
    GArray *found = g_array_new(FALSE, TRUE, sizeof(struct address));
    for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
        struct address a = { .len = ai->ai_addrlen };
        memcpy(&a.sa, ai->ai_addr, MIN(ai->ai_addrlen, sizeof(a.sa)));
        g_array_append_val(found, a);
    }
    freeaddrinfo(list);
    return found;
}

static int new_socket(const struct address *address)
{
    int fd = socket(address->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd >= 0 ? fd : -errno;
}

static int close_with(int fd, int error)
{
    close(fd);
    return -error;
}

int address_listen(const struct address *address)
{
    int fd = new_socket(address);
    int one = 1;

    if (fd < 0)
        return fd;
    if (address->sa.ss_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    int rc = io_bind(fd, (const struct sockaddr *)&address->sa, address->len);
    if (rc < 0 || listen(fd, 1) < 0)
        return close_with(fd, rc < 0 ? -rc : errno);
    return fd;
}

int address_connect(const struct address *address)
{
    int fd = new_socket(address);

    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)&address->sa, address->len) < 0 &&
        errno != EINPROGRESS)
        return close_with(fd, errno);
    return fd;
}

static char *unix_text(const struct address *a)
{
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    const char *path = (const char *)&a->sa + head;

    return g_strdup_printf("unix:%.*s", a->len > head ? (int)strnlen(path, a->len - head) : 0,
                           a->len > head ? path : "");
}

char *address_text(int fd, bool peer)
{
    struct address a = { .len = sizeof(a.sa) };
    struct sockaddr *sa = (struct sockaddr *)&a.sa;
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if ((peer ? getpeername(fd, sa, &a.len) : getsockname(fd, sa, &a.len)) < 0)
        return g_strdup("unknown");
    if (a.sa.ss_family == AF_UNIX)
        return unix_text(&a);
    if (getnameinfo(sa, a.len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return g_strdup("unknown");
    return g_strdup_printf(a.sa.ss_family == AF_INET6 ? "tcp:[%s]:%s" : "tcp:%s:%s", host, port);
}
