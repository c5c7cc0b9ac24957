/*
 * A NIC's end of the cable in the journal (base/journal.h): what is told to the NIC is an event,
 * what it sends an effect.
 */
#ifndef NET_JOURNAL_H
#define NET_JOURNAL_H

#include "net/backend.h"

/* The values are the recording's. */
enum net_event { NET_EVENT_WRITABLE = 1, NET_EVENT_LINK, NET_EVENT_UNPLUGGED };

/* As journal_begin(); ended by journal_end(). */
bool net_journal_begin(const struct net_backend *backend, enum net_event event);
/* Hands packets to the NIC, which is there, and returns how many it took. */
unsigned net_journal_receive(struct net_backend *backend, const struct net_packet *packets,
                             unsigned n);
void net_journal_sent(const struct net_backend *backend, const struct net_packet *packets,
                      unsigned n);
journal_play net_journal_play;

#endif
