/*
 * The thread pool of block/pool.h without threads, for the fuzzers: work is done when it is handed
 * over, and ends when somebody asks for completions. So the same input does the same each time.
 */
#include "block/pool.h"

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/eventfd.h>

static struct pool_work *first, **last = &first;

void pool_defer(struct pool_work *work)
{
    work->next = NULL;
    *last = work;
    last = &work->next;
}

void pool_submit(struct pool_work *work)
{
    work->run(work);
    pool_defer(work);
}

bool pool_run_completions(void)
{
    bool any = first != NULL;

    while (first != NULL) {
        struct pool_work *work = first;
        first = work->next;
        if (first == NULL)
            last = &first;
        work->done(work);
    }
    return any;
}

/* Always readable: nobody ever has to wait. */
int pool_event_fd(void)
{
    static int fd = -1;

    if (fd < 0)
        fd = eventfd(1, EFD_CLOEXEC);
    return fd;
}
