/*
 * Time for devices (design rule 6): a clock that stops with the machine, and timers on it.
 *
 * A host clock follows the host's monotonic time while it runs. A virtual clock moves only when it
 * is stepped: tests, fuzzers and replay. Devices can't tell them apart.
 */
#ifndef HW_CORE_CLOCK_H
#define HW_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock;

/* One shot. Embedded in its owner's struct; all times are nanoseconds of the clock. */
struct timer {
    struct clock *clock;
    void (*expired)(void *opaque);
    void *opaque;
    int64_t deadline; /* TIMER_OFF: not armed */
    struct timer *next;
};

#define TIMER_OFF INT64_MIN

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/* Starts at 0 and stopped. Its timers expire on the main loop, with the machine lock held. */
struct clock *clock_create_host(void);
/* Starts at 0. wall_base: what clock_wall() says then, in ns since 1970-01-01 00:00 UTC. */
struct clock *clock_create_virtual(int64_t wall_base);
void clock_destroy(struct clock *clock);

/* Lets a host clock run, or stops it: while it is stopped no timer expires. */
void clock_start(struct clock *clock);
void clock_stop(struct clock *clock);

int64_t clock_now(const struct clock *clock); /* ns, monotonic */
/* Wall-clock time, ns since 1970 UTC: the host's, or the virtual clock's own. May jump. */
int64_t clock_wall(const struct clock *clock);
/* Sets the time without running timers: a loaded state continues where it was saved. */
void clock_set(struct clock *clock, int64_t now);

/* The earliest deadline; INT64_MAX: no timer is armed. */
int64_t clock_next_deadline(const struct clock *clock);
/*
 * Moves a virtual clock to `to` (not backwards), expiring timers on the way at their own time, in
 * order; timers with one deadline expire in the order they were set.
 */
void clock_step_to(struct clock *clock, int64_t to);

/* A timer that is off. opaque is handed to expired(), which may set or cancel any timer. */
void timer_init(struct timer *timer, struct clock *clock, void (*expired)(void *opaque),
                void *opaque);
/* Arms or re-arms; a deadline in the past expires as soon as possible, never inside this call. */
void timer_set(struct timer *timer, int64_t deadline);
void timer_cancel(struct timer *timer);
static inline bool timer_armed(const struct timer *timer)
{
    return timer->deadline != TIMER_OFF;
}

/* a * b / c without overflow in between; c > 0. For converting between ticks and ns. */
static inline int64_t muldiv64(int64_t a, int64_t b, int64_t c)
{
    return (int64_t)((__int128)a * b / c);
}

#endif
