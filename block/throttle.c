#include "block/throttle.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

#define MAX_VALUE (UINT64_C(1) << 50)
#define MAX_BURST 3600 /* seconds */

static const char *const limit_names[BLOCK_LIMITS] = {
    [BLOCK_LIMIT_BPS_TOTAL] = "bps-total", [BLOCK_LIMIT_BPS_READ] = "bps-read",
    [BLOCK_LIMIT_BPS_WRITE] = "bps-write", [BLOCK_LIMIT_IOPS_TOTAL] = "iops-total",
    [BLOCK_LIMIT_IOPS_READ] = "iops-read", [BLOCK_LIMIT_IOPS_WRITE] = "iops-write",
};

static int check_limit(const struct block_throttle_config *c, int i, GError **err)
{
    const char *name = limit_names[i];

    if (c->limit[i].average > MAX_VALUE || c->limit[i].max > MAX_VALUE)
        return fail(err, EINVAL, "throttling.%s: is out of range", name);
    if (c->limit[i].max > 0 && c->limit[i].average == 0)
        return fail(err, EINVAL, "throttling.%s-max: needs throttling.%s", name, name);
    if (c->limit[i].max > 0 && c->limit[i].max < c->limit[i].average)
        return fail(err, EINVAL, "throttling.%s-max: is below throttling.%s", name, name);
    if (c->limit[i].burst_s > MAX_BURST)
        return fail(err, EINVAL, "throttling.%s-max-length: is above %d", name, MAX_BURST);
    if (c->limit[i].burst_s > 1 && c->limit[i].max == 0)
        return fail(err, EINVAL, "throttling.%s-max-length: needs throttling.%s-max", name, name);
    return 0;
}

static bool total_and_parts(const struct block_throttle_config *c, int total)
{
    return c->limit[total].average > 0 &&
           (c->limit[total + 1].average > 0 || c->limit[total + 2].average > 0);
}

int throttle_configure(struct throttle *throttle, const struct block_throttle_config *config,
                       int64_t now_us, GError **err)
{
    bool enabled = false;

    for (int i = 0; i < BLOCK_LIMITS; i++) {
        int ret = check_limit(config, i, err);
        if (ret < 0)
            return ret;
        enabled = enabled || config->limit[i].average > 0;
    }
    if (total_and_parts(config, BLOCK_LIMIT_BPS_TOTAL) ||
        total_and_parts(config, BLOCK_LIMIT_IOPS_TOTAL))
        return fail(err, EINVAL, "throttling: a total limit excludes read and write limits");

    memset(throttle, 0, sizeof(*throttle));
    throttle->config = *config;
    throttle->enabled = enabled;
    throttle->last_us = now_us;
    return 0;
}

static double drained(double level, uint64_t rate, double seconds)
{
    level -= (double)rate * seconds;
    return level > 0 ? level : 0;
}

/* The levels fall with time at the rate of the limit; a request raises them. */
static void leak(struct throttle *t, int64_t now_us)
{
    double seconds = (double)(now_us - t->last_us) / 1e6;

    t->last_us = now_us;
    for (int i = 0; i < BLOCK_LIMITS; i++) {
        t->bucket[i].level = drained(t->bucket[i].level, t->config.limit[i].average, seconds);
        t->bucket[i].burst_level = drained(t->bucket[i].burst_level, t->config.limit[i].max,
                                           seconds);
    }
}

/*
 * Seconds until bucket i has room. Without a burst rate a tenth of a second's worth may be used
 * at once; with one, max * burst_s may, but never faster than `max` (again by a tenth).
 */
static double bucket_delay(const struct throttle *t, int i)
{
    double average = (double)t->config.limit[i].average;
    double max = (double)t->config.limit[i].max;
    unsigned burst_s = t->config.limit[i].burst_s > 1 ? t->config.limit[i].burst_s : 1;
    double capacity = max > 0 ? max * burst_s : average / 10;

    if (average == 0)
        return 0;
    if (t->bucket[i].level > capacity)
        return (t->bucket[i].level - capacity) / average;
    if (burst_s > 1 && t->bucket[i].burst_level > max / 10)
        return (t->bucket[i].burst_level - max / 10) / max;
    return 0;
}

int64_t throttle_delay(struct throttle *t, bool write, int64_t now_us)
{
    double delay = 0;

    if (!t->enabled)
        return 0;
    leak(t, now_us);
    for (int base = 0; base < BLOCK_LIMITS; base += BLOCK_LIMIT_IOPS_TOTAL) {
        double total = bucket_delay(t, base);
        double part = bucket_delay(t, base + (write ? 2 : 1));

        delay = MAX(delay, MAX(total, part));
    }
    return delay > 0 ? (int64_t)(delay * 1e6) + 1 : 0;
}

/* The bucket may overflow by one request: the next ones wait for that. */
static void use(struct throttle *t, int i, double units)
{
    t->bucket[i].level += units;
    t->bucket[i].burst_level += units;
}

void throttle_account(struct throttle *t, bool write, uint64_t bytes)
{
    double operations = 1;

    if (!t->enabled)
        return;
    if (t->config.iops_size > 0 && bytes > t->config.iops_size)
        operations = (double)bytes / (double)t->config.iops_size;
    use(t, BLOCK_LIMIT_BPS_TOTAL, (double)bytes);
    use(t, write ? BLOCK_LIMIT_BPS_WRITE : BLOCK_LIMIT_BPS_READ, (double)bytes);
    use(t, BLOCK_LIMIT_IOPS_TOTAL, operations);
    use(t, write ? BLOCK_LIMIT_IOPS_WRITE : BLOCK_LIMIT_IOPS_READ, operations);
}
