/*
 * The main loop and the one lock of the machine (design rule 5).
 *
 * GLib's default main context runs on the main thread. Its callbacks always run with the machine
 * lock held: the loop drops the lock only while it sleeps in poll. A vCPU or event-channel thread
 * takes the lock around each dispatch. So code of devices, of block, net and ui completions and of
 * QMP never needs a lock of its own. What must not block the machine (encoding a picture, reading
 * a file) works on a private copy in a thread of its own and comes back by loop_call().
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <glib-unix.h>

/* Call once, on the main thread, before any other thread is started. The lock is then held. */
void loop_init(void);

/* Runs until loop_quit(); called with the lock held and returns with it held. */
void loop_run(void);
void loop_quit(void);

/* For threads other than the main one. Not recursive. */
void machine_lock(void);
void machine_unlock(void);
bool machine_lock_held(void); /* by the calling thread */
/* Sleeps on a condition whose mutex is the machine lock; called and returns with it held. */
void machine_wait(pthread_cond_t *cond);

/* As g_unix_fd_add(), without its cost: two system calls and one more poll for each event. */
guint loop_watch_fd(int fd, GIOCondition condition, GUnixFDSourceFunc fn, void *opaque);

/* Runs fn(opaque) once on the main loop, with the lock held. May be called from any thread. */
void loop_call(void (*fn)(void *opaque), void *opaque);

#endif
