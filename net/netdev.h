/*
 * The back ends of one machine, by id, and their making from `-netdev` and `netdev_add`.
 *
 * Kinds and options have QEMU's spelling and meaning: tap, user, socket, stream, dgram (see
 * docs/network.md).
 */
#ifndef NET_NETDEV_H
#define NET_NETDEV_H

#include "net/backend.h"
#include "base/opts.h"

struct netdevs;

struct netdevs *netdevs_new(void);
void netdevs_free(struct netdevs *netdevs); /* and all back ends */

/* Makes the back end that opts (type=, id= and the kind's own) describe. */
int netdevs_add(struct netdevs *netdevs, struct opts *opts, GError **err);

/* The same from "tap,id=net0,ifname=tap0". */
int netdevs_add_text(struct netdevs *netdevs, const char *text, GError **err);

/* NULL if there is none. */
struct net_backend *netdevs_find(const struct netdevs *netdevs, const char *id);

/* By the back end's id or by that of its NIC, as set_link takes both. NULL if there is none. */
struct net_backend *netdevs_find_any(const struct netdevs *netdevs, const char *name);

/* Destroys one; its NIC, if any, sees the cable go. */
int netdevs_remove(struct netdevs *netdevs, const char *id, GError **err);

/* All back ends (struct net_backend *), in the order they were made; not to be changed. */
const GPtrArray *netdevs_all(const struct netdevs *netdevs);

#endif
