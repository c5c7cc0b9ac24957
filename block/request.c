/*
 * The life of a request: checks, limits, ordering against overlapping requests, the way to the
 * file (straight or by a pool thread), statistics, completion.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <time.h>

#include "block/iov.h"
#include "block/request.h"

#define MAX_EXTENTS 16 /* a request in more pieces goes to a thread */

static const enum block_op op_of_kind[] = {
    [REQ_READ] = BLOCK_OP_READ,       [REQ_WRITE] = BLOCK_OP_WRITE, [REQ_ZERO] = BLOCK_OP_WRITE,
    [REQ_DISCARD] = BLOCK_OP_DISCARD, [REQ_FLUSH] = BLOCK_OP_FLUSH,
};

/* A piece of a request that is scattered over the file. */
struct piece {
    struct file_io io; /* first */
    struct block_request *request;
    struct iovec iov[];
};

static bool is_write(const struct block_request *req)
{
    return req->kind != REQ_READ && req->kind != REQ_FLUSH;
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- completion ---- */

static void start_waiting(struct block_node *node);
static void run_flush(struct pool_work *work);

/* A request is in one list at a time, or in none. */
void request_leave_queue(struct block_request *req)
{
    struct request_list *lists[] = { [TRACKED] = &req->node->tracked,
                                     [WAITING] = &req->node->waiting,
                                     [THROTTLED] = &req->node->throttled };

    if (req->queue == NOWHERE)
        return;
    if (req->queue == TRACKED && req->exclusive)
        req->node->n_exclusive--;
    TAILQ_REMOVE(lists[req->queue], req, link);
    req->queue = NOWHERE;
}

/* query-blockstats; refused requests never reached the image and are counted apart. */
static void count(struct block_request *req)
{
    struct block_stats *stats = &req->node->stats;
    enum block_op op = op_of_kind[req->kind];

    if (req->refused) {
        stats->op[op].invalid++;
    } else if (req->ret < 0) {
        stats->op[op].failed++;
    } else {
        stats->op[op].operations++;
        stats->op[op].bytes += req->len;
        stats->op[op].time_ns += (uint64_t)(now_ns() - req->start_ns);
        if (op == BLOCK_OP_WRITE)
            stats->highest_write = MAX(stats->highest_write, req->offset + req->len);
    }
}

/* The last of a request. Its node may be gone after the done callback. */
void request_finish(struct pool_work *work)
{
    struct block_request *req = (struct block_request *)work;
    struct block_node *node = req->node;
    block_done *done = req->done;
    void *opaque = req->opaque;
    int ret = req->ret;

    if (!request_journal_done(req))
        return;
    request_leave_queue(req);
    count(req);
    if (is_write(req))
        node->writes_done++;
    else if (req->kind == REQ_FLUSH && ret == 0)
        node->writes_flushed = MAX(node->writes_flushed, req->writes_done);
    g_free(req);
    node->in_flight--;
    if (!TAILQ_EMPTY(&node->waiting))
        start_waiting(node);
    const struct journal_source journal = node->journal; /* the node may go */
    done(opaque, ret);
    journal_end(&journal);
}

static void finish_later(struct block_request *req, int ret)
{
    req->ret = ret;
    req->work.done = request_finish;
    pool_defer(&req->work);
}

/* The data is in the file; writethrough and FUA writes are not done before a flush. */
static void transferred(struct block_request *req)
{
    bool durable = req->node->writethrough || (req->flags & BLOCK_REQ_FUA);

    if (req->ret == 0 && durable && (req->kind == REQ_WRITE || req->kind == REQ_ZERO)) {
        req->work.run = run_flush;
        req->work.done = request_finish;
        pool_submit(&req->work);
    } else {
        request_finish(&req->work);
    }
}

/* ---- the straight way ---- */

static void drop_pending(struct block_request *req, int ret)
{
    if (ret < 0 && req->ret == 0)
        req->ret = ret;
    if (--req->pending == 0)
        transferred(req);
}

static void whole_done(struct file_io *io)
{
    struct block_request *req = (struct block_request *)((char *)io -
                                                         offsetof(struct block_request, io));

    drop_pending(req, io->ret);
}

static void piece_done(struct file_io *io)
{
    struct piece *piece = (struct piece *)io;
    struct block_request *req = piece->request;
    int ret = io->ret;

    g_free(piece);
    drop_pending(req, ret);
}

/* The whole request goes as it is; a part gets a scatter list of its own. */
static void submit_extent(struct block_request *req, const struct block_extent *extent,
                          uint64_t skip)
{
    struct file_io *io = &req->io;

    if (extent->kind == EXTENT_ZERO) {
        iov_zero(req->iov, req->n, skip, extent->length);
        return;
    }
    io->iov = req->iov;
    io->n = req->n;
    io->done = whole_done;
    if (extent->length != req->len) {
        struct piece *piece = g_malloc0(sizeof(*piece) + (size_t)req->n * sizeof(struct iovec));

        piece->request = req;
        io = &piece->io;
        io->iov = piece->iov;
        io->n = iov_slice(req->iov, req->n, skip, extent->length, piece->iov);
        io->done = piece_done;
    }
    io->file = extent->node->file;
    io->write = req->kind == REQ_WRITE;
    io->offset = extent->host;
    io->len = extent->length;
    req->pending++;
    file_submit(io);
}

/* All extents of the request from memory; 0 if that cannot be or if a thread must do it. */
static int map_request(struct block_request *req, struct block_extent *extents)
{
    uint64_t done = 0;
    int n = 0;

    while (done < req->len) {
        struct block_extent *e = &extents[n];
        int ret;

        if (n == MAX_EXTENTS)
            return 0;
        if (req->kind == REQ_READ) {
            ret = block_map(req->node, req->offset + done, req->len - done, BLOCK_MAP_NO_BLOCK, e);
        } else {
            *e = (struct block_extent){ .node = req->node };
            ret = req->node->format->map(req->node, req->offset + done, req->len - done,
                                         BLOCK_MAP_NO_BLOCK | BLOCK_MAP_WRITE, e);
        }
        if (ret < 0 || e->kind == EXTENT_COMPRESSED || e->kind == EXTENT_ALLOCATE)
            return 0;
        done += e->length;
        n++;
    }
    return n;
}

/* ---- order ---- */

/* Two requests collide if they touch and one of them needs its range alone. */
static bool overlap(const struct block_request *a, const struct block_request *b)
{
    return a->start < b->end && b->start < a->end && (a->exclusive || b->exclusive);
}

/* Whether req must wait for one in flight, or for one that waits before it. */
static bool must_wait(const struct block_request *req)
{
    const struct block_node *node = req->node;
    const struct block_request *other;

    if (req->exclusive || node->n_exclusive > 0)
        TAILQ_FOREACH(other, &node->tracked, link)
    if (overlap(req, other))
        return true;
    TAILQ_FOREACH(other, &node->waiting, link)
    {
        if (other == req)
            break;
        if (overlap(req, other))
            return true;
    }
    return false;
}

static void track(struct block_request *req)
{
    request_leave_queue(req);
    req->queue = TRACKED;
    req->node->n_exclusive += req->exclusive;
    TAILQ_INSERT_TAIL(&req->node->tracked, req, link);
}

/* ---- on a thread ---- */

static void run_flush(struct pool_work *work)
{
    struct block_request *req = (struct block_request *)work;

    req->ret = req->node->format->flush(req->node);
}

static void run_slow(struct pool_work *work)
{
    struct block_request *req = (struct block_request *)work;
    struct block_node *node = req->node;
    const struct block_format *format = node->format;

    switch (req->kind) {
    case REQ_READ:
        req->ret = block_read_chain_iov(node, req->offset, req->len, req->iov, req->n);
        break;
    case REQ_WRITE: req->ret = format->write(node, req->offset, req->len, req->iov, req->n); break;
    case REQ_ZERO:
        req->ret = format->zero(node, req->offset, req->len,
                                node->discard_unmap && (req->flags & BLOCK_REQ_UNMAP));
        break;
    case REQ_DISCARD: req->ret = format->discard(node, req->offset, req->len); break;
    case REQ_FLUSH: req->ret = format->flush(node); break;
    }
}

static void slow_done(struct pool_work *work)
{
    transferred((struct block_request *)work);
}

static void go_slow(struct block_request *req)
{
    req->work.run = run_slow;
    req->work.done = slow_done;
    pool_submit(&req->work);
}

/* ---- submission ---- */

/* Sends the request straight to the file if it can go there. */
static bool try_fast(struct block_request *req)
{
    struct block_extent extents[MAX_EXTENTS];
    const struct block_file *file = req->node->file;
    uint64_t skip = 0;

    /* A part of a physical sector is read, changed and written back: not beside a neighbour. */
    if (req->kind == REQ_WRITE && ((req->offset | req->len) & (file->align - 1)) != 0)
        return false;
    int n = map_request(req, extents);
    if (n == 0)
        return false;
    track(req);
    req->pending = 1;
    for (int i = 0; i < n; i++) {
        submit_extent(req, &extents[i], skip);
        skip += extents[i].length;
    }
    if (req->pending > 1)
        req->pending--; /* completions only come later, from the main loop */
    else
        finish_later(req, 0);
    return true;
}

/* Starts the request unless it must wait for another. */
static bool try_start(struct block_request *req)
{
    uint64_t granule = req->node->granularity;

    req->exclusive = false;
    req->start = req->offset;
    req->end = req->offset + req->len;
    if (req->kind == REQ_READ || req->kind == REQ_WRITE) {
        if (must_wait(req))
            return false;
        if (try_fast(req))
            return true;
    }
    if (req->kind != REQ_READ) {
        req->exclusive = true;
        req->start = req->start / granule * granule;
        req->end = (req->end + granule - 1) / granule * granule;
        if (must_wait(req))
            return false;
    }
    track(req);
    go_slow(req);
    return true;
}

static void start(struct block_request *req)
{
    struct block_node *node = req->node;

    if (req->kind == REQ_FLUSH) {
        req->writes_done = node->writes_done;
        if (node->writes_flushed == node->writes_done)
            finish_later(req, 0);
        else
            go_slow(req);
    } else if (!try_start(req)) {
        req->queue = WAITING;
        TAILQ_INSERT_TAIL(&node->waiting, req, link);
    }
}

/* After each completion: those that can go now, in order; the others stay where they are. */
static void start_waiting(struct block_node *node)
{
    struct block_request *req, *next;

    for (req = TAILQ_FIRST(&node->waiting); req != NULL; req = next) {
        next = TAILQ_NEXT(req, link);
        try_start(req);
    }
}

static gboolean on_throttle_timer(gpointer opaque)
{
    struct block_node *node = opaque;

    node->throttle_timer = 0;
    request_run_throttled(node);
    return G_SOURCE_REMOVE;
}

void request_run_throttled(struct block_node *node)
{
    struct block_request *req, *next;
    int64_t now_us = now_ns() / 1000, soonest = INT64_MAX;
    bool blocked[2] = { false, false }; /* by direction: each keeps its order */

    for (req = TAILQ_FIRST(&node->throttled); req != NULL; req = next) {
        bool write = is_write(req);

        next = TAILQ_NEXT(req, link);
        if (blocked[write])
            continue;
        int64_t delay = node->draining ? 0 : throttle_delay(&node->throttle, write, now_us);
        if (delay > 0) {
            blocked[write] = true;
            soonest = MIN(soonest, delay);
            continue;
        }
        throttle_account(&node->throttle, write, req->len);
        request_leave_queue(req);
        start(req);
    }
    if (node->throttle_timer != 0)
        g_source_remove(node->throttle_timer);
    node->throttle_timer = 0;
    if (soonest != INT64_MAX)
        node->throttle_timer = g_timeout_add((guint)MIN((soonest + 999) / 1000, 1000),
                                             on_throttle_timer, node);
}

/* The guest chose offset and length, so every bound is checked, without overflow. */
static int check(const struct block_user *user, const struct block_request *req)
{
    const struct block_node *node = req->node;

    if (user != node->active || node->inactive)
        return -EBUSY;
    if (req->kind == REQ_FLUSH)
        return 0;
    if ((req->offset | req->len) % BLOCK_SECTOR_SIZE != 0)
        return -EINVAL;
    if (req->offset > node->size || req->len > node->size - req->offset)
        return -EIO;
    if (is_write(req) && node->read_only)
        return -EROFS;
    if (req->kind != REQ_READ && req->kind != REQ_WRITE)
        return 0;
    if (req->len > BLOCK_MAX_TRANSFER || req->n < 0 || req->n > IOV_MAX ||
        iov_size(req->iov, req->n) != req->len)
        return -EINVAL;
    return 0;
}

static void detect_zeroes(struct block_request *req)
{
    enum block_detect_zeroes mode = req->node->detect_zeroes;

    if (req->kind != REQ_WRITE || mode == BLOCK_DETECT_ZEROES_OFF || !iov_is_zero(req->iov, req->n))
        return;
    req->kind = REQ_ZERO;
    if (mode == BLOCK_DETECT_ZEROES_UNMAP)
        req->flags |= BLOCK_REQ_UNMAP;
}

/* ---- submission by users ---- */

static void submit(struct block_user *user, struct block_request model)
{
    struct block_request *req = g_new(struct block_request, 1);
    struct block_node *node = user->node;

    *req = model;
    req->node = node;
    req->start_ns = now_ns();
    req->number = ++node->n_requests;
    node->in_flight++;
    if (journal_on())
        request_journal_submitted(req);
    if (node->replayed) {
        track(req);
        return;
    }
    req->ret = check(user, req);
    if (req->ret < 0) {
        req->refused = true;
        finish_later(req, req->ret);
    } else if ((req->len == 0 && req->kind != REQ_FLUSH) ||
               (req->kind == REQ_DISCARD && !node->discard_unmap)) {
        finish_later(req, 0);
    } else if (node->throttle.enabled && req->kind != REQ_FLUSH) {
        detect_zeroes(req);
        req->queue = THROTTLED;
        TAILQ_INSERT_TAIL(&node->throttled, req, link);
        request_run_throttled(node);
    } else {
        detect_zeroes(req);
        start(req);
    }
}

void block_read(struct block_user *user, uint64_t offset, uint64_t len, const struct iovec *iov,
                int n, block_done *done, void *opaque)
{
    submit(user, (struct block_request){ .kind = REQ_READ,
                                         .offset = offset,
                                         .len = len,
                                         .iov = iov,
                                         .n = n,
                                         .done = done,
                                         .opaque = opaque });
}

void block_write(struct block_user *user, uint64_t offset, uint64_t len, const struct iovec *iov,
                 int n, unsigned flags, block_done *done, void *opaque)
{
    submit(user, (struct block_request){ .kind = REQ_WRITE,
                                         .offset = offset,
                                         .len = len,
                                         .iov = iov,
                                         .n = n,
                                         .flags = flags,
                                         .done = done,
                                         .opaque = opaque });
}

void block_write_zeroes(struct block_user *user, uint64_t offset, uint64_t len, unsigned flags,
                        block_done *done, void *opaque)
{
    submit(user, (struct block_request){ .kind = REQ_ZERO,
                                         .offset = offset,
                                         .len = len,
                                         .flags = flags,
                                         .done = done,
                                         .opaque = opaque });
}

void block_discard(struct block_user *user, uint64_t offset, uint64_t len, block_done *done,
                   void *opaque)
{
    submit(user,
           (struct block_request){
               .kind = REQ_DISCARD, .offset = offset, .len = len, .done = done, .opaque = opaque });
}

void block_flush(struct block_user *user, block_done *done, void *opaque)
{
    submit(user, (struct block_request){ .kind = REQ_FLUSH, .done = done, .opaque = opaque });
}
