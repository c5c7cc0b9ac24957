/* The options of user networking as libslirp's configuration. For user.c. */
#ifndef NET_USER_CONFIG_H
#define NET_USER_CONFIG_H

#include "base/opts.h"

#include <libslirp.h>

/*
 * Fills *config, whose strings stay those of opts; *search is the list it points to, to be freed by
 * g_free() after slirp_new(). -EINVAL and a sentence if an address is none or lies outside its net.
 */
int user_config(struct opts *opts, SlirpConfig *config, const char ***search, GError **err);

/* One port forward, as hostfwd= gives it. */
struct user_forward {
    bool udp;
    struct in_addr host, guest; /* guest 0: the first address that DHCP gives */
    uint16_t host_port, guest_port;
};

int user_parse_forward(const char *text, struct user_forward *forward, const char *what,
                       GError **err);

#endif
