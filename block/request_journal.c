/* Requests in a recording, and from it. */
#include "block/request.h"

#include <errno.h>

#include "block/iov.h"

void request_journal_submitted(const struct block_request *req)
{
    const struct journal_entry entry = {
        .kind = JOURNAL_DISK_REQUEST,
        .n = { req->number, req->kind, req->offset, req->len, req->flags },
        .iov = req->iov,
        .n_iov = req->kind == REQ_WRITE ? req->n : 0,
    };

    journal_effect(&req->node->journal, &entry);
}

/* What was read is kept, so that a replay needs no image. */
bool request_journal_done(const struct block_request *req)
{
    bool has_data = req->kind == REQ_READ && req->ret == 0;
    const struct journal_entry entry = { .kind = JOURNAL_DISK_DONE,
                                         .n = { req->number, (uint64_t)req->ret },
                                         .iov = req->iov,
                                         .n_iov = has_data ? req->n : 0 };

    return journal_begin(&req->node->journal, &entry);
}

static struct block_request *find_number(const struct block_node *node, uint64_t number)
{
    struct block_request *req;

    TAILQ_FOREACH(req, &node->tracked, link)
    if (req->number == number)
        return req;
    return NULL;
}

void request_play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    struct block_request *req = find_number(opaque, entry->n[0]);

    if (req == NULL || entry->kind != JOURNAL_DISK_DONE)
        return;
    req->ret = (int)entry->n[1];
    if (req->kind == REQ_READ && len > 0 && len <= iov_size(req->iov, req->n))
        iov_from_buf(req->iov, req->n, 0, data, len);
    request_finish(&req->work);
}

/* Nobody waits for what the recording does not end: the machine is taken apart, or it differed. */
static void forget(struct block_request *req)
{
    block_done *done = req->done;
    void *opaque = req->opaque;

    request_leave_queue(req);
    req->node->in_flight--;
    g_free(req);
    done(opaque, -EIO);
}

void request_replay_all(struct block_node *node)
{
    while (node->in_flight > 0)
        if (!journal_play_next() && node->in_flight > 0)
            forget(TAILQ_FIRST(&node->tracked));
}
