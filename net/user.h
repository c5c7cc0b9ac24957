/*
 * User networking: a small network of its own behind the cable, whose gateway, DHCP, DNS and TFTP
 * server are libslirp in this process. Needs no privilege; the guest reaches the world by the
 * host's sockets, the world reaches the guest by port forwards.
 */
#ifndef NET_USER_H
#define NET_USER_H

#include "net/backend.h"
#include "base/opts.h"

/*
 * Takes from opts (defaults in brackets):
 *   net=ADDR[/MASK] [10.0.2.0/24], host= [.2], dhcpstart= [.15], dns= [.3], ipv4=on|off [on]
 *   ipv6=on|off [on], ipv6-net=PREFIX[/LEN] [fec0::/64], ipv6-host= [::2], ipv6-dns= [::3]
 *   restrict=on|off   the guest reaches nothing but the forwards [off]
 *   hostname=, dnssearch= (repeated), domainname=   what DHCP tells
 *   tftp=DIRECTORY, tftp-server-name=, bootfile=    for network boot
 *   hostfwd=[tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT (repeated)
 */
int user_create(const char *id, struct opts *opts, struct net_backend **out, GError **err);

#endif
