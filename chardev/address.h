/*
 * Socket addresses: resolving, listening, and their text.
 */
#ifndef CHARDEV_ADDRESS_H
#define CHARDEV_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <glib.h>

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* -ENAMETOOLONG and a sentence: the path does not fit (107 bytes). */
int address_unix(const char *where, const char *path, struct address *address, GError **err);

/*
 * All addresses of host and port, in the system's order of preference. passive: for listening,
 * where an empty host means all interfaces. family: AF_UNSPEC, AF_INET or AF_INET6. Returns an
 * array of struct address by value, owned by the caller; NULL and a sentence: it has none.
 */
GArray *address_tcp(const char *where, const char *host, const char *port, bool passive, int family,
                    GError **err);

/* A listening socket, close-on-exec and non-blocking; or -errno. */
int address_listen(const struct address *address);
/* A non-blocking socket that connects (-EINPROGRESS is not reported), or -errno. */
int address_connect(const struct address *address);

/* "unix:PATH" or "tcp:HOST:PORT" of a socket's own end, or of the other. The caller owns it. */
char *address_text(int fd, bool peer);

#endif
