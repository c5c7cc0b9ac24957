/*
 * Sockets that listen, and the names of sockets' ends.
 */
#ifndef UI_VNC_LISTEN_H
#define UI_VNC_LISTEN_H

#include "ui/vnc/vnc.h"

/*
 * The name of a socket's own end or of its peer's. service and family are never NULL; the caller
 * clears it.
 */
void vnc_address_of_socket(struct vnc_address *address, int fd, bool peer, bool websocket);
void vnc_address_clear(struct vnc_address *address);

/*
 * A listening TCP socket on host ("" for all interfaces) and the first free port from first to
 * last; family: AF_UNSPEC, AF_INET or AF_INET6. The descriptor, or -errno.
 */
int vnc_listen_tcp(const char *host, unsigned first, unsigned last, int family, GError **err);
/* A listening socket at path; a socket that nobody listens at is replaced. */
int vnc_listen_unix(const char *path, GError **err);

#endif
