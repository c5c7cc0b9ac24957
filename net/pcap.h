/*
 * Capture of a cable's packets to a file in pcap format (draft-ietf-opsawg-pcap), microsecond
 * stamps of the host's clock, link type Ethernet. Both directions are recorded at the moment they
 * are taken by the other side. A packet that is still to be cut is recorded as the one large
 * packet.
 */
#ifndef NET_PCAP_H
#define NET_PCAP_H

#include "net/backend.h"

struct pcap;

/*
 * Starts to record backend's packets, the first max_len bytes of each (1 to 262144), to a file that
 * is created or overwritten. `-object filter-dump,netdev=,file=,maxlen=`. NULL and *err on failure.
 */
struct pcap *pcap_start(struct net_backend *backend, const char *file, size_t max_len,
                        GError **err);
void pcap_stop(struct pcap *pcap);

/* For backend.c: records to all captures of a list; the back end of a capture is being destroyed.
 */
void pcap_packets(GSList *captures, const struct net_packet *packets, unsigned n);
void pcap_backend_gone(gpointer pcap, gpointer unused);

#endif
