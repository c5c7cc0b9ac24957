/*
 * A TAP interface of the host as the other end of the cable (Linux,
 * Documentation/networking/tuntap).
 */
#ifndef NET_TAP_H
#define NET_TAP_H

#include "net/backend.h"
#include "base/opts.h"

/*
 * Takes from opts:
 *   fd=N           an open tap that was inherited; excludes ifname, script, downscript, br
 *   ifname=NAME    the interface, which is made if it does not exist; may hold "%d"
 *   script=, downscript=   run with the interface's name as argument; "no" for none. The default is
 *                  /etc/qemu-ifup and -ifdown, but none where br= is given
 *   br=BRIDGE      without a script the interface joins this bridge and is brought up; with
 * script=no it is ignored: the toolstack does it vnet_hdr=on|off   offloads pass the cable undone;
 * default: on where the kernel has it sndbuf=BYTES   sent bytes that may wait in the kernel before
 * the NIC has to; default: no limit A script that takes long holds up the machine.
 */
int tap_create(const char *id, struct opts *opts, struct net_backend **out, GError **err);

#endif
