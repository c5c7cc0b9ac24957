/*
 * The options of one `-netdev` or `netdev_add`: key=value pairs in order. Each is taken by whoever
 * understands it; what nobody took is an error that names it.
 */
#ifndef NET_OPTS_H
#define NET_OPTS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct net_opts;

/*
 * Parses "tap,id=net0,ifname=tap0": a first word without '=' is the value of `first_key`; ",," in a
 * value is one comma; a later word without '=' is a switch, "=on". what: for messages, "-netdev".
 */
struct net_opts *net_opts_parse(const char *what, const char *text, const char *first_key);

/* An empty set, to be filled pair by pair (QMP). */
struct net_opts *net_opts_new(const char *what);
void net_opts_add(struct net_opts *opts, const char *key, const char *value);
void net_opts_free(struct net_opts *opts);

/* "-netdev tap,id=net0": how to begin a message. */
const char *net_opts_what(const struct net_opts *opts);

/*
 * Each takes the first pair with this key that is not taken yet, and returns its value or, without
 * one, otherwise. Strings belong to opts. A value that does not parse is remembered for
 * net_opts_finish() and counts as not given.
 */
const char *net_opts_string(struct net_opts *opts, const char *key, const char *otherwise);
bool net_opts_bool(struct net_opts *opts, const char *key, bool otherwise);
uint64_t net_opts_number(struct net_opts *opts, const char *key, uint64_t min, uint64_t max,
                         uint64_t otherwise);

/* The same for a key that may be repeated: all that are left are refused with this reason. */
void net_opts_refuse(struct net_opts *opts, const char *key, const char *reason);

/* 0, or -EINVAL and a sentence for the first bad, refused or unknown option. */
int net_opts_finish(struct net_opts *opts, GError **err);

#endif
