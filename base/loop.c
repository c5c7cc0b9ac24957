#include "base/loop.h"

#include <glib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool held;
static GMainLoop *loop;
static bool quit; /* loop_quit() before loop_run() counts too */

void machine_lock(void)
{
    pthread_mutex_lock(&lock);
    held = true;
}

void machine_unlock(void)
{
    held = false;
    pthread_mutex_unlock(&lock);
}

void machine_wait(pthread_cond_t *cond)
{
    held = false;
    pthread_cond_wait(cond, &lock);
    held = true;
}

bool machine_lock_held(void)
{
    return held;
}

static gint poll_unlocked(GPollFD *fds, guint n, gint timeout_ms)
{
    machine_unlock();
    gint ready = g_poll(fds, n, timeout_ms);
    machine_lock();
    return ready;
}

void loop_init(void)
{
    machine_lock();
    g_main_context_set_poll_func(NULL, poll_unlocked);
    loop = g_main_loop_new(NULL, FALSE);
}

void loop_run(void)
{
    if (!quit)
        g_main_loop_run(loop);
}

void loop_quit(void)
{
    quit = true;
    g_main_loop_quit(loop);
}

/* GLib takes what must not recurse out of the set around each dispatch, and wakes itself for it. */
guint loop_watch_fd(int fd, GIOCondition condition, GUnixFDSourceFunc fn, void *opaque)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_can_recurse(source, TRUE);
    g_source_set_callback(source, G_SOURCE_FUNC(fn), opaque, NULL);
    guint id = g_source_attach(source, NULL);
    g_source_unref(source);
    return id;
}

struct call {
    void (*fn)(void *opaque);
    void *opaque;
};

static gboolean run_call(gpointer data)
{
    struct call *call = data;

    call->fn(call->opaque);
    return G_SOURCE_REMOVE;
}

void loop_call(void (*fn)(void *opaque), void *opaque)
{
    struct call *call = g_new(struct call, 1);

    *call = (struct call){ fn, opaque };
    g_idle_add_full(G_PRIORITY_DEFAULT, run_call, call, g_free);
    // cppcheck-suppress memleak // the source owns it
}
