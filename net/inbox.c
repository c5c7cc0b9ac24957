#include "net/inbox.h"

void inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){ .bytes = g_malloc(INBOX_SIZE) };
}

void inbox_release(struct inbox *inbox)
{
    g_free(inbox->bytes);
    inbox->bytes = NULL;
}

uint8_t *inbox_room(struct inbox *inbox)
{
    if (inbox->n == INBOX_PACKETS || INBOX_SIZE - inbox->used < NET_FRAME_MAX)
        return NULL;
    return inbox->bytes + inbox->used;
}

void inbox_add(struct inbox *inbox, size_t len, const struct net_offload *offload)
{
    struct iovec *slice = &inbox->slices[inbox->n];

    *slice = (struct iovec){ inbox->bytes + inbox->used, len };
    inbox->packets[inbox->n++] = (struct net_packet){ slice, 1, len, *offload };
    inbox->used += len;
}

bool inbox_deliver(struct inbox *inbox, struct net_backend *backend)
{
    if (inbox->n > inbox->delivered)
        inbox->delivered += net_deliver(backend, inbox->packets + inbox->delivered,
                                        inbox->n - inbox->delivered);
    if (inbox->delivered < inbox->n)
        return false;
    inbox->used = 0;
    inbox->n = inbox->delivered = 0;
    return true;
}
