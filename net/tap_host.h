/*
 * The host's side of a TAP interface: opening it, finding out what it can do, connecting it to a
 * bridge or by a script. For tap.c.
 */
#ifndef NET_TAP_HOST_H
#define NET_TAP_HOST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct tap_host_options {
    int fd;                               /* -1: none was passed */
    const char *ifname, *bridge, *script; /* NULL: not given */
    bool vnet_hdr;
    uint64_t sndbuf; /* bytes; 0: no limit */
};

/* `what` begins each message. All return 0 (open: the descriptor) or -errno. */
int tap_host_open(const struct tap_host_options *options, const char *what, GError **err);

/*
 * Finds the interface's name (the caller frees it) and whether its packets have a virtio_net_hdr;
 * if so switches on receiving of packets with work left undone, and makes fd non-blocking.
 */
int tap_host_inspect(int fd, const char *what, char **ifname, bool *vnet_hdr, GError **err);
int tap_host_set_sndbuf(int fd, uint64_t bytes, const char *what, GError **err);

/* Runs the script, or joins the bridge, or does nothing, as tap.h says. */
int tap_host_connect(const struct tap_host_options *options, const char *ifname, const char *what,
                     GError **err);

/* The script to run at the end, or NULL; given: the option's value or NULL. */
const char *tap_host_downscript(const struct tap_host_options *options, const char *given);

/* Runs a script and waits for it. */
int tap_host_run(const char *script, const char *ifname, GError **err);

/* Shows the host whether the guest's cable is plugged in; kernels before 5.0 cannot. */
void tap_host_set_carrier(int fd, bool on);

#endif
