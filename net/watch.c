#include "net/watch.h"

#include <glib-unix.h>

struct watch {
    GSource source; /* first: GLib allocates the struct */
    int fd;
    gpointer tag; /* GLib's for the descriptor, NULL while there is no interest */
    GIOCondition interest;
    void (*ready)(void *opaque, GIOCondition events);
    void *opaque;
};

static gboolean dispatch(GSource *source, GSourceFunc unused, gpointer unused_too)
{
    struct watch *watch = (struct watch *)source;

    g_source_set_ready_time(source, -1);
    watch->ready(watch->opaque,
                 watch->tag != NULL ? g_source_query_unix_fd(source, watch->tag) : 0);
    return G_SOURCE_CONTINUE;
}

struct watch *watch_new(int fd, void (*ready)(void *opaque, GIOCondition events), void *opaque)
{
    static GSourceFuncs funcs = { .dispatch = dispatch };
    GSource *source = g_source_new(&funcs, sizeof(struct watch));
    struct watch *watch = (struct watch *)source;

    watch->fd = fd;
    watch->tag = NULL;
    watch->interest = 0;
    watch->ready = ready;
    watch->opaque = opaque;
    /* Else GLib takes the descriptor out of the set and back in around each dispatch, and wakes. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, NULL);
    return watch;
}

/* poll() reports a hang-up even to who asks for nothing, so without interest there is no entry. */
void watch_set(struct watch *watch, GIOCondition interest)
{
    if (interest == watch->interest)
        return;
    watch->interest = interest;
    if (interest == 0) {
        g_source_remove_unix_fd(&watch->source, watch->tag);
        watch->tag = NULL;
    } else if (watch->tag == NULL) {
        watch->tag = g_source_add_unix_fd(&watch->source, watch->fd, interest);
    } else {
        g_source_modify_unix_fd(&watch->source, watch->tag, interest);
    }
}

GIOCondition watch_interest(const struct watch *watch)
{
    return watch->interest;
}

void watch_kick(struct watch *watch)
{
    g_source_set_ready_time(&watch->source, 0);
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    g_source_destroy(&watch->source);
    g_source_unref(&watch->source);
}
