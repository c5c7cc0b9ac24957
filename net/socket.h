/*
 * Sockets as the cable: to another hvm-dm or QEMU, or to a program that reads and writes frames.
 *
 * stream: TCP or unix; each frame is preceded by its length in 32 bits, big-endian.
 * dgram: UDP or unix; one frame is one datagram.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "net/address.h"
#include "net/backend.h"

/*
 * stream: server=on|off [off], addr.type=inet|unix|fd with addr.host=,addr.port= | addr.path= |
 * addr.str=FD; reconnect=SECONDS (client; 0: never). A server serves one peer at a time. The guest
 * sees the cable plugged in while there is a connection.
 */
int stream_create(const char *id, struct opts *opts, struct net_backend **out, GError **err);

/* dgram: local.*= and remote.*=, of one type; or local.type=fd with a connected socket. */
int dgram_create(const char *id, struct opts *opts, struct net_backend **out, GError **err);

/* QEMU's older spelling: fd=, listen=[HOST]:PORT, connect=HOST:PORT, udp= with localaddr=. */
int socket_create(const char *id, struct opts *opts, struct net_backend **out, GError **err);

/* ---- How socket.c makes the two kinds once the options are read. ---- */

int stream_open(const char *id, const struct net_address *address, bool server,
                unsigned reconnect_s, const char *what, struct net_backend **out, GError **err);
int dgram_open(const char *id, const struct net_address *local, const struct net_address *remote,
               const char *what, struct net_backend **out, GError **err);

#endif
