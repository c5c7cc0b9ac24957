#include "hw/core/clock.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/journal.h"

struct clock {
    bool is_virtual;
    bool running;       /* host clock */
    int64_t offset;     /* host clock, running: now = monotonic + offset */
    int64_t now;        /* virtual clock, or stopped host clock */
    int64_t wall_base;  /* virtual clock */
    struct timer *head; /* armed timers, earliest first */
    struct journal_source journal;
    int fd; /* timerfd; -1 for a virtual clock */
    GSource *source;
};

static int64_t monotonic(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_next_deadline(const struct clock *clock)
{
    return clock->head != NULL ? clock->head->deadline : INT64_MAX;
}

int64_t clock_now(const struct clock *clock)
{
    int64_t now;

    if (journal_time(&now))
        return now;
    return clock->running ? monotonic(CLOCK_MONOTONIC) + clock->offset : clock->now;
}

int64_t clock_wall(const struct clock *clock)
{
    int64_t wall = clock->is_virtual ? clock->wall_base + clock->now : monotonic(CLOCK_REALTIME);

    return (int64_t)journal_ask(&clock->journal, JOURNAL_WALL_CLOCK, (uint64_t)wall);
}

/* Arms the timerfd for the first deadline: no wake-up comes while nothing is due. */
static void rearm(struct clock *clock)
{
    struct itimerspec spec = { 0 };

    if (clock->fd < 0)
        return;
    if (clock->running && clock->head != NULL) {
        int64_t at;
        if (__builtin_sub_overflow(clock->head->deadline, clock->offset, &at))
            at = clock->head->deadline < 0 ? 1 : INT64_MAX;
        if (at < 1) /* all zeroes would disarm it */
            at = 1;
        spec.it_value.tv_sec = at / NS_PER_S;
        spec.it_value.tv_nsec = at % NS_PER_S;
    }
    timerfd_settime(clock->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void expire(struct clock *clock, struct timer *timer)
{
    if (!journal_begin(&clock->journal,
                       JOURNAL_NUMBERS_OF(JOURNAL_TIMER, (uint64_t)timer->deadline)))
        return;
    clock->head = timer->next;
    timer->next = NULL;
    timer->deadline = TIMER_OFF;
    timer->expired(timer->opaque);
    journal_end(&clock->journal);
}

static void play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    struct clock *clock = opaque;

    if (clock->head != NULL)
        expire(clock, clock->head);
}

/*
 * Timers that were due when the turn began run now; what they arm for the past waits for the
 * next turn of the loop, so that no timer can keep the loop to itself.
 */
static gboolean host_expired(gint fd, GIOCondition condition, gpointer data)
{
    struct clock *clock = data;
    uint64_t ticks;

    if (read(fd, &ticks, sizeof(ticks)) < 0)
        return G_SOURCE_CONTINUE; /* re-armed meanwhile */
    int64_t now = clock_now(clock);
    for (unsigned budget = 64; budget > 0 && clock->running; budget--) {
        if (clock_next_deadline(clock) > now)
            break;
        expire(clock, clock->head);
    }
    rearm(clock);
    return G_SOURCE_CONTINUE;
}

static struct clock *create(bool is_virtual)
{
    struct clock *clock = g_new0(struct clock, 1);

    clock->is_virtual = is_virtual;
    clock->fd = -1;
    journal_join(&clock->journal, "clock", NULL, play, clock);
    return clock;
}

struct clock *clock_create_virtual(int64_t wall_base)
{
    struct clock *clock = create(true);

    clock->wall_base = wall_base;
    return clock;
}

struct clock *clock_create_host(void)
{
    struct clock *clock = create(false);

    clock->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (clock->fd < 0)
        g_error("timerfd_create: %s", g_strerror(errno)); /* as out of memory: at start only */
    clock->source = g_unix_fd_source_new(clock->fd, G_IO_IN);
    g_source_set_can_recurse(clock->source, TRUE); /* as in loop_watch_fd() */
    g_source_set_callback(clock->source, G_SOURCE_FUNC(host_expired), clock, NULL);
    g_source_attach(clock->source, NULL);
    return clock;
}

void clock_destroy(struct clock *clock)
{
    if (clock->source != NULL) {
        g_source_destroy(clock->source);
        g_source_unref(clock->source);
        close(clock->fd);
    }
    journal_leave(&clock->journal);
    g_free(clock);
}

void clock_start(struct clock *clock)
{
    if (clock->is_virtual || clock->running)
        return;
    clock->offset = clock->now - monotonic(CLOCK_MONOTONIC);
    clock->running = true;
    rearm(clock);
}

void clock_stop(struct clock *clock)
{
    if (clock->is_virtual || !clock->running)
        return;
    clock->now = clock_now(clock);
    clock->running = false;
    rearm(clock);
}

void clock_set(struct clock *clock, int64_t now)
{
    clock->offset += now - clock_now(clock);
    clock->now = now;
    journal_set_time(now);
    rearm(clock);
}

void clock_step_to(struct clock *clock, int64_t to)
{
    if (!clock->is_virtual)
        return;
    while (clock->head != NULL && clock->head->deadline <= to) {
        if (clock->head->deadline > clock->now)
            clock->now = clock->head->deadline;
        expire(clock, clock->head);
    }
    if (to > clock->now)
        clock->now = to;
}

void timer_init(struct timer *timer, struct clock *clock, void (*expired)(void *opaque),
                void *opaque)
{
    *timer = (struct timer){ clock, expired, opaque, TIMER_OFF, NULL };
}

static void unlink_timer(struct timer *timer)
{
    for (struct timer **p = &timer->clock->head; *p != NULL; p = &(*p)->next) {
        if (*p == timer) {
            *p = timer->next;
            break;
        }
    }
    timer->next = NULL;
    timer->deadline = TIMER_OFF;
}

void timer_cancel(struct timer *timer)
{
    if (!timer_armed(timer))
        return;
    /* The timerfd may stay armed: one early wake-up is cheaper than a system call each time. */
    unlink_timer(timer);
}

void timer_set(struct timer *timer, int64_t deadline)
{
    struct clock *clock = timer->clock;
    int64_t first = clock_next_deadline(clock);

    if (timer_armed(timer))
        unlink_timer(timer);
    timer->deadline = deadline == TIMER_OFF ? TIMER_OFF + 1 : deadline;
    struct timer **p = &clock->head;
    while (*p != NULL && (*p)->deadline <= timer->deadline)
        p = &(*p)->next;
    timer->next = *p;
    *p = timer;
    if (deadline < first)
        rearm(clock);
}
