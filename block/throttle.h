/*
 * I/O limits of a node: leaky buckets for bytes and operations, with bursts. Pure arithmetic on
 * times that the caller passes; queueing is request.c's.
 */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "block/node.h"

struct throttle {
    struct block_throttle_config config;
    struct {
        double level;       /* what was used and has not leaked yet */
        double burst_level; /* the same against the burst rate */
    } bucket[BLOCK_LIMITS];
    int64_t last_us; /* when the buckets last leaked */
    bool enabled;
};

/* See block_set_throttle(). Empties the buckets. */
int throttle_configure(struct throttle *throttle, const struct block_throttle_config *config,
                       int64_t now_us, GError **err);

/* Microseconds until a read or write may start; 0: now. */
int64_t throttle_delay(struct throttle *throttle, bool write, int64_t now_us);

/* Accounts for a request that starts. */
void throttle_account(struct throttle *throttle, bool write, uint64_t bytes);

#endif
