/*
 * A file descriptor watched by the main loop, whose interest can be changed at any time and from
 * any thread that holds the machine lock.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include <glib.h>

struct watch;

/* Calls ready(opaque, events) on the main loop when one of the events of interest (none at first)
 * is there, or an error or hang-up while there is any interest. */
struct watch *watch_new(int fd, void (*ready)(void *opaque, GIOCondition events), void *opaque);
void watch_set(struct watch *watch, GIOCondition interest);
GIOCondition watch_interest(const struct watch *watch);

/* Calls ready() once soon, whether or not the descriptor is ready; events may then be 0. */
void watch_kick(struct watch *watch);

/* Allowed within ready(). The descriptor stays open. NULL is fine. */
void watch_free(struct watch *watch);

#endif
