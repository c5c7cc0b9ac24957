/*
 * The thread pool: work that may sleep (file I/O, compression) leaves the main loop for a thread
 * and comes back to it. There is one pool per process; threads start on demand, at most
 * POOL_MAX_THREADS, and end after some idle seconds, so that an idle machine has none.
 *
 * Work must never wait for other work that is still queued.
 */
#ifndef BLOCK_POOL_H
#define BLOCK_POOL_H

#include <stdbool.h>

#define POOL_MAX_THREADS 32

/* Embedded in the caller's request; the caller sets run and done. */
struct pool_work {
    void (*run)(struct pool_work *work);  /* on a pool thread, without the machine lock */
    void (*done)(struct pool_work *work); /* on the main loop, with the lock; may free work */
    struct pool_work *next;
};

/* The following are called with the machine lock held. */
void pool_submit(struct pool_work *work);

/* Only calls work->done from the main loop: a completion that must not be made right now. */
void pool_defer(struct pool_work *work);

/* Runs the done callbacks of all finished work; false when there was none. */
bool pool_run_completions(void);

/* A descriptor that is readable while finished work waits, for poll(). */
int pool_event_fd(void);

#endif
