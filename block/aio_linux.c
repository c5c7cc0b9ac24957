#include "block/aio_linux.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/loop.h"

#define QUEUE_DEPTH 512 /* of a process's fs.aio-max-nr */
#define BATCH       64  /* completions fetched by one call */

/* The process's engine, shared by all files. */
static struct {
    io_context_t context;
    int event_fd;
    bool started;
    unsigned in_flight;
    unsigned completing; /* done callbacks being run, by themselves or inside one another */
    struct file_io *backlog, **backlog_tail; /* not yet in the kernel's queue */
    struct io_event events[BATCH];           /* fetched, and handed out up to next_event */
    int n_events, next_event;
} aio = { .event_fd = -1 };

static gboolean on_event(gint fd, GIOCondition condition, gpointer opaque)
{
    aio_run_completions();
    return G_SOURCE_CONTINUE;
}

int aio_start(GError **err)
{
    if (aio.started)
        return 0;
    int ret = io_setup(QUEUE_DEPTH, &aio.context);
    if (ret < 0)
        return fail_errno(err, -ret, "aio=native: io_setup");
    aio.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (aio.event_fd < 0) {
        ret = errno;
        io_destroy(aio.context);
        return fail_errno(err, ret, "aio=native: eventfd");
    }
    aio.backlog_tail = &aio.backlog;
    loop_watch_fd(aio.event_fd, G_IO_IN, on_event, NULL);
    aio.started = true;
    return 0;
}

static void append(struct file_io *io)
{
    io->next = NULL;
    *aio.backlog_tail = io;
    aio.backlog_tail = &io->next;
}

static struct file_io *take_first(void)
{
    struct file_io *io = aio.backlog;

    aio.backlog = io->next;
    if (aio.backlog == NULL)
        aio.backlog_tail = &aio.backlog;
    return io;
}

/*
 * Hands the backlog to the kernel, as many as fit by one call. What the kernel refuses is done by
 * a thread, which also finds out the errno if there is one.
 */
static void submit_backlog(void)
{
    struct iocb *list[BATCH];

    while (aio.backlog != NULL) {
        int n = 0;

        for (struct file_io *io = aio.backlog; io != NULL && n < BATCH; io = io->next)
            list[n++] = &io->iocb;
        int done = io_submit(aio.context, n, list);
        if (done <= 0 && (done == 0 || done == -EAGAIN) && aio.in_flight > 0)
            return; /* its queue is full: again when something completes */
        if (done <= 0)
            pool_submit(&take_first()->work);
        for (int i = 0; i < done; i++) {
            take_first();
            aio.in_flight++;
        }
    }
}

void aio_submit(struct file_io *io)
{
    if (io->write)
        io_prep_pwritev(&io->iocb, io->file->fd, io->iov, io->n, (long long)io->offset);
    else
        io_prep_preadv(&io->iocb, io->file->fd, io->iov, io->n, (long long)io->offset);
    io_set_eventfd(&io->iocb, aio.event_fd);
    append(io);
    if (aio.completing == 0)
        submit_backlog(); /* else together with others, at the end of the batch */
}

/* A short transfer (the end of the file, a full disk) is finished or explained by a thread. */
static void complete(struct file_io *io, long res)
{
    aio.in_flight--;
    if (res >= 0 && (uint64_t)res != io->len) {
        pool_submit(&io->work);
        return;
    }
    io->ret = res < 0 ? (int)res : 0;
    io->done(io);
}

/* The next completion, if any: from the shared batch, since a done callback may come here again. */
static bool next_event(struct io_event *event)
{
    struct timespec now = { 0, 0 };

    if (aio.next_event == aio.n_events) {
        aio.next_event = 0;
        aio.n_events = aio.in_flight > 0 ? io_getevents(aio.context, 0, BATCH, aio.events, &now)
                                         : 0;
        if (aio.n_events < 0)
            aio.n_events = 0;
    }
    if (aio.n_events == 0)
        return false;
    *event = aio.events[aio.next_event++];
    return true;
}

bool aio_run_completions(void)
{
    struct io_event event;
    uint64_t count;
    bool any = false;

    if (!aio.started)
        return false;
    ssize_t got = read(aio.event_fd, &count, sizeof(count));
    (void)got; /* EAGAIN: nothing is announced */
    while (next_event(&event)) {
        void *iocb = event.obj;

        any = true;
        aio.completing++;
        complete((struct file_io *)((char *)iocb - offsetof(struct file_io, iocb)),
                 (long)event.res);
        aio.completing--;
        if (aio.next_event == aio.n_events)
            submit_backlog();
    }
    submit_backlog();
    return any;
}

int aio_event_fd(void)
{
    return aio.event_fd;
}
