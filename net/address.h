/* Socket addresses as options spell them, for stream.c and dgram.c. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/opts.h"

#include <sys/socket.h>

struct net_address {
    int fd; /* an inherited socket, or -1: an address */
    struct sockaddr_storage storage;
    socklen_t len;
    char text[128]; /* for a person */
};

/*
 * Takes PREFIX.type=inet|unix|fd and what belongs to it: .host and .port, .path (and .abstract), or
 * .str=FD. passive: an empty host means any of this host's. Returns 1 if there was such an address,
 * 0 if PREFIX.type was not given, else -errno.
 */
int net_address_take(struct opts *opts, const char *prefix, bool passive,
                     struct net_address *address, GError **err);

/* "HOST:PORT", as the value of `key`. */
int net_address_parse(const char *what, const char *key, const char *text, bool passive,
                      struct net_address *address, GError **err);

/* An inherited socket, which is made non-blocking. */
int net_address_from_fd(const char *what, uint64_t fd, struct net_address *address, GError **err);
bool net_address_is_dgram(const struct net_address *address); /* of an inherited socket */

/* A new non-blocking socket for the address: the descriptor or -errno. */
int net_address_socket(const struct net_address *address, int type);

/* Binds; a unix path left by somebody who is gone is replaced. 0 or -errno. */
int net_address_bind(const struct net_address *address, int fd);

/* Removes the path of a unix address that was bound; nothing for others. */
void net_address_unlink(const struct net_address *address);

#endif
