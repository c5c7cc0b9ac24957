#include "block/aio_linux.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <glib-unix.h>

#include "base/error.h"

#define QUEUE_DEPTH 512 /* of a process's fs.aio-max-nr */
#define BATCH       64  /* completions fetched by one call */

/* The process's engine, shared by all files. */
static struct {
    io_context_t context;
    int event_fd;
    bool started;
    unsigned in_flight;
    struct file_io *backlog, **backlog_tail; /* waits for room in the kernel's queue */
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
    g_unix_fd_add(aio.event_fd, G_IO_IN, on_event, NULL);
    aio.started = true;
    return 0;
}

/* Hands one request to the kernel: 0, -EAGAIN when its queue is full, or an error of the file. */
static int submit(struct file_io *io)
{
    struct iocb *list[1] = { &io->iocb };

    if (io->write)
        io_prep_pwritev(&io->iocb, io->file->fd, io->iov, io->n, (long long)io->offset);
    else
        io_prep_preadv(&io->iocb, io->file->fd, io->iov, io->n, (long long)io->offset);
    io_set_eventfd(&io->iocb, aio.event_fd);
    int ret = io_submit(aio.context, 1, list);
    if (ret == 1)
        aio.in_flight++;
    return ret == 1 ? 0 : ret < 0 ? ret : -EAGAIN;
}

/* What cannot be queued is done by a thread, which also finds out the errno if there is one. */
static void submit_or_fall_back(struct file_io *io)
{
    int ret = submit(io);

    if (ret == -EAGAIN && aio.in_flight > 0) {
        io->next = NULL;
        *aio.backlog_tail = io;
        aio.backlog_tail = &io->next;
    } else if (ret < 0) {
        pool_submit(&io->work);
    }
}

void aio_submit(struct file_io *io)
{
    if (aio.backlog == NULL) {
        submit_or_fall_back(io);
        return;
    }
    io->next = NULL;
    *aio.backlog_tail = io;
    aio.backlog_tail = &io->next;
}

static void resubmit_backlog(void)
{
    struct file_io *io = aio.backlog;

    aio.backlog = NULL;
    aio.backlog_tail = &aio.backlog;
    while (io != NULL) {
        struct file_io *next = io->next;

        aio_submit(io);
        io = next;
    }
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
        complete((struct file_io *)((char *)iocb - offsetof(struct file_io, iocb)),
                 (long)event.res);
        if (aio.backlog != NULL)
            resubmit_backlog();
    }
    return any;
}

int aio_event_fd(void)
{
    return aio.event_fd;
}
