#include "net/journal.h"

#include <glib.h>

#include "base/bytes.h"

/*
 * Before each packet of an event: length, then struct net_offload: verified, checksum, gso, a zero,
 * l3, l4, checksum_at, header, mss.
 */
#define HEAD 18

bool net_journal_begin(const struct net_backend *backend, enum net_event event)
{
    return journal_begin(&backend->journal, JOURNAL_NUMBERS_OF(JOURNAL_NET_EVENT, event));
}

/* ---- Packets as bytes ---- */

static void put_head(uint8_t *p, const struct net_packet *packet)
{
    const struct net_offload *o = &packet->offload;

    put_le32(p, (uint32_t)packet->len);
    p[4] = o->verified;
    p[5] = o->checksum;
    p[6] = o->gso;
    p[7] = 0;
    put_le16(p + 8, o->l3);
    put_le16(p + 10, o->l4);
    put_le16(p + 12, o->checksum_at);
    put_le16(p + 14, o->header);
    put_le16(p + 16, o->mss);
}

static void get_head(const uint8_t *p, struct net_packet *packet)
{
    packet->len = get_le32(p);
    packet->offload = (struct net_offload){ .verified = p[4] != 0,
                                            .checksum = p[5] != 0,
                                            .gso = p[6],
                                            .l3 = get_le16(p + 8),
                                            .l4 = get_le16(p + 10),
                                            .checksum_at = get_le16(p + 12),
                                            .header = get_le16(p + 14),
                                            .mss = get_le16(p + 16) };
}

static GByteArray *flatten(const struct net_packet *packets, unsigned n)
{
    GByteArray *bytes = g_byte_array_new();
    uint8_t head[HEAD];

    for (unsigned i = 0; i < n; i++) {
        put_head(head, &packets[i]);
        g_byte_array_append(bytes, head, sizeof(head));
        for (unsigned s = 0; s < packets[i].n_slices; s++)
            g_byte_array_append(bytes, packets[i].slices[s].iov_base,
                                (guint)packets[i].slices[s].iov_len);
    }
    return bytes;
}

/* ---- Receiving ---- */

static unsigned receive(struct net_backend *backend, const struct net_packet *packets, unsigned n,
                        const struct iovec *flat)
{
    const struct journal_entry entry = {
        .kind = JOURNAL_PACKETS, .n = { n }, .iov = flat, .n_iov = 1
    };

    if (!journal_begin(&backend->journal, &entry))
        return n; /* a replay: the host's packets vanish */
    unsigned taken = backend->nic_ops->receive(backend->nic, packets, n);
    journal_effect(&backend->journal, JOURNAL_NUMBERS_OF(JOURNAL_PACKETS_TAKEN, taken));
    journal_end(&backend->journal);
    return taken;
}

unsigned net_journal_receive(struct net_backend *backend, const struct net_packet *packets,
                             unsigned n)
{
    if (G_LIKELY(!journal_on()))
        return backend->nic_ops->receive(backend->nic, packets, n);
    g_autoptr(GByteArray) bytes = flatten(packets, n);
    return receive(backend, packets, n, &(struct iovec){ bytes->data, bytes->len });
}

static void play_packets(struct net_backend *backend, uint64_t n, const uint8_t *data, size_t len)
{
    const struct iovec flat = { (void *)(uintptr_t)data, len }; /* only read */
    g_autoptr(GArray) packets = g_array_new(FALSE, FALSE, sizeof(struct net_packet));
    g_autoptr(GArray) slices = NULL;

    if (n > len / HEAD)
        return;
    slices = g_array_sized_new(FALSE, FALSE, sizeof(struct iovec), (guint)n);
    for (unsigned i = 0; i < n; i++) {
        struct net_packet packet = { .n_slices = 1 };
        if (len < HEAD || get_le32(data) > len - HEAD)
            return;
        get_head(data, &packet);
        struct iovec slice = { (void *)(uintptr_t)(data + HEAD), packet.len };
        g_array_append_val(slices, slice);
        packet.slices = &g_array_index(slices, struct iovec, i);
        g_array_append_val(packets, packet);
        data += HEAD + packet.len;
        len -= HEAD + packet.len;
    }
    receive(backend, (const struct net_packet *)(void *)packets->data, (unsigned)n, &flat);
}

/* ---- Sending ---- */

void net_journal_sent(const struct net_backend *backend, const struct net_packet *packets,
                      unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        journal_effect(&backend->journal,
                       &(const struct journal_entry){ .kind = JOURNAL_PACKET_SENT,
                                                      .iov = packets[i].slices,
                                                      .n_iov = (int)packets[i].n_slices });
}

/* ---- Playing ---- */

static void play_event(struct net_backend *backend, uint64_t what)
{
    if (!net_journal_begin(backend, (enum net_event)what))
        return;
    switch (what) {
    case NET_EVENT_WRITABLE: backend->nic_ops->writable(backend->nic); break;
    case NET_EVENT_LINK: backend->nic_ops->link_changed(backend->nic); break;
    case NET_EVENT_UNPLUGGED:
        backend->nic_ops->unplugged(backend->nic);
        backend->nic_ops = NULL;
        break;
    default: break;
    }
    journal_end(&backend->journal);
}

void net_journal_play(void *opaque, const struct journal_entry *entry, const uint8_t *data,
                      size_t len)
{
    struct net_backend *backend = opaque;

    if (backend->nic_ops == NULL)
        return;
    if (entry->kind == JOURNAL_PACKETS)
        play_packets(backend, entry->n[0], data, len);
    else if (entry->kind == JOURNAL_NET_EVENT)
        play_event(backend, entry->n[0]);
}

/* ---- The back end of a replay ---- */

static unsigned replay_send(struct net_backend *backend, const struct net_packet *packets,
                            unsigned n)
{
    return n;
}

static void replay_resume(struct net_backend *backend)
{
}

static void replay_destroy(struct net_backend *backend)
{
    g_free(backend);
}

struct net_backend *net_replay_create(const char *id)
{
    static const struct net_backend_ops ops = {
        .kind = "replay", .send = replay_send, .resume = replay_resume, .destroy = replay_destroy
    };
    struct net_backend *backend = g_new0(struct net_backend, 1);

    net_backend_init(backend, &ops, id);
    return backend;
}
