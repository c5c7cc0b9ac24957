/* A request inside the block layer. */
#ifndef BLOCK_REQUEST_H
#define BLOCK_REQUEST_H

#include "block/format.h"

enum request_kind { REQ_READ, REQ_WRITE, REQ_ZERO, REQ_DISCARD, REQ_FLUSH };

struct block_request {
    struct pool_work work; /* first */
    struct file_io io;     /* when the request is one piece */
    struct block_node *node;
    enum request_kind kind;
    unsigned flags;
    uint64_t offset, len;
    const struct iovec *iov;
    int n;
    block_done *done;
    void *opaque;

    int ret;
    bool refused;
    unsigned pending; /* pieces in flight */
    int64_t start_ns;
    uint64_t number;      /* in the journal */
    uint64_t writes_done; /* a flush covers the writes up to this one */

    enum { NOWHERE, TRACKED, WAITING, THROTTLED } queue;
    TAILQ_ENTRY(block_request) link;
    bool exclusive; /* tracked or waiting: nobody else in [start, end) */
    uint64_t start, end;
};

/* Takes it out of the list that it is in, if any. */
void request_leave_queue(struct block_request *req);

/* The last of a request (work is its first member): req->ret is known, its done is called. */
void request_finish(struct pool_work *work);

/* A recording learns of a new request, and of the end of one. False: a replay runs, and the journal
 * has something else next, so the request has not ended yet. */
void request_journal_submitted(const struct block_request *req);
bool request_journal_done(const struct block_request *req);

#endif
