#include "hw/machine/gsi.h"

struct source {
    struct gsi_router *router;
    unsigned gsi;
    bool level, masked;
};

struct gsi_router {
    void (*changed)(void *opaque, unsigned gsi, bool level);
    void *opaque;
    GPtrArray *sources;
    unsigned high[N_GSIS]; /* how many sources drive the line */
};

struct gsi_router *gsi_router_create(void (*changed)(void *opaque, unsigned gsi, bool level),
                                     void *opaque)
{
    struct gsi_router *router = g_new0(struct gsi_router, 1);

    router->changed = changed;
    router->opaque = opaque;
    router->sources = g_ptr_array_new_with_free_func(g_free);
    return router;
}

void gsi_router_destroy(struct gsi_router *router)
{
    g_ptr_array_unref(router->sources);
    g_free(router);
}

static void drive(struct source *s, bool was, bool is)
{
    struct gsi_router *router = s->router;
    unsigned before = router->high[s->gsi];

    if (was == is)
        return;
    router->high[s->gsi] = is ? before + 1 : before - 1;
    if ((before > 0) != (router->high[s->gsi] > 0))
        router->changed(router->opaque, s->gsi, is);
}

static void set_source(void *opaque, unsigned n, bool level)
{
    struct source *s = opaque;
    bool was = s->level && !s->masked;

    s->level = level;
    drive(s, was, level && !s->masked);
}

struct irq_line gsi_source(struct gsi_router *router, unsigned gsi)
{
    struct source *s = g_new0(struct source, 1);

    s->router = router;
    s->gsi = gsi % N_GSIS;
    g_ptr_array_add(router->sources, s);
    return (struct irq_line){ set_source, s, gsi };
}

void gsi_mask(const struct irq_line *source, bool masked)
{
    struct source *s = source->opaque;
    bool was = s->level && !s->masked;

    s->masked = masked;
    drive(s, was, s->level && !masked);
}
