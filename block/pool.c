#include "block/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "base/loop.h"

#define IDLE_SECONDS 10

struct work_list {
    struct pool_work *head, **tail;
};

/* The process's pool: a host service like malloc, not a device, hence static. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct work_list queued, finished;
    unsigned threads, idle, waiting; /* waiting: length of queued */
    int event_fd;
    bool started;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void append(struct work_list *list, struct pool_work *work)
{
    work->next = NULL;
    *list->tail = work;
    list->tail = &work->next;
}

static struct pool_work *take_first(struct work_list *list)
{
    struct pool_work *work = list->head;

    list->head = work->next;
    if (list->head == NULL)
        list->tail = &list->head;
    return work;
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer opaque)
{
    pool_run_completions();
    return G_SOURCE_CONTINUE;
}

static void start(void)
{
    pthread_condattr_t attr;

    if (pool.started)
        return;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.wake, &attr);
    pthread_condattr_destroy(&attr);
    pool.queued.tail = &pool.queued.head;
    pool.finished.tail = &pool.finished.head;
    pool.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool.event_fd < 0)
        g_error("eventfd: %s", g_strerror(errno)); /* out of descriptors at start-up */
    loop_watch_fd(pool.event_fd, G_IO_IN, on_event, NULL);
    pool.started = true;
}

/* Called with the pool's lock, and gives it up. Who is woken must not find it taken. */
static void finish(struct pool_work *work)
{
    bool first = pool.finished.head == NULL;

    append(&pool.finished, work);
    pthread_mutex_unlock(&pool.lock);
    if (first) {
        uint64_t one = 1;
        ssize_t n = write(pool.event_fd, &one, sizeof(one));
        (void)n; /* fails only if the counter is full, and then it is readable anyway */
    }
}

/* Waits for work with the pool's lock held; false when none came for a while. */
static bool wait_for_work(void)
{
    struct timespec until;
    int err = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    pool.idle++;
    while (pool.queued.head == NULL && err != ETIMEDOUT)
        err = pthread_cond_timedwait(&pool.wake, &pool.lock, &until);
    pool.idle--;
    return pool.queued.head != NULL;
}

static void *thread_main(void *opaque)
{
    pthread_mutex_lock(&pool.lock);
    while (wait_for_work()) {
        struct pool_work *work = take_first(&pool.queued);

        pool.waiting--;
        pthread_mutex_unlock(&pool.lock);
        work->run(work);
        pthread_mutex_lock(&pool.lock);
        finish(work);
        pthread_mutex_lock(&pool.lock);
    }
    pool.threads--;
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Starts one more thread; signals stay with the main thread. Called with the pool's lock. */
static bool add_thread(void)
{
    pthread_t thread;
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&thread, NULL, thread_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0)
        return false;
    pthread_detach(thread);
    pool.threads++;
    return true;
}

void pool_submit(struct pool_work *work)
{
    bool run_here = false;

    start();
    pthread_mutex_lock(&pool.lock);
    append(&pool.queued, work);
    bool wake = ++pool.waiting <= pool.idle;
    if (!wake && pool.threads < POOL_MAX_THREADS && !add_thread() && pool.threads == 0) {
        run_here = true; /* no thread at all can be had: slow, but it works */
        take_first(&pool.queued);
        pool.waiting--;
    }
    pthread_mutex_unlock(&pool.lock);
    if (wake)
        pthread_cond_signal(&pool.wake);
    if (run_here) {
        work->run(work);
        pool_defer(work);
    }
}

void pool_defer(struct pool_work *work)
{
    start();
    pthread_mutex_lock(&pool.lock);
    finish(work);
}

static struct pool_work *take_finished(void)
{
    pthread_mutex_lock(&pool.lock);
    struct pool_work *work = pool.finished.head != NULL ? take_first(&pool.finished) : NULL;
    pthread_mutex_unlock(&pool.lock);
    return work;
}

bool pool_run_completions(void)
{
    struct pool_work *work;
    uint64_t count;
    bool any = false;

    start();
    /* First the counter, then the list: work that finishes in between is announced again. */
    ssize_t n = read(pool.event_fd, &count, sizeof(count));
    (void)n; /* EAGAIN: nothing is announced */

    /* One by one: a done callback may drain and so come here again. */
    while ((work = take_finished()) != NULL) {
        any = true;
        work->done(work);
    }
    return any;
}

int pool_event_fd(void)
{
    start();
    return pool.event_fd;
}
