/*
 * Transmitting (SDM 3.3 to 3.5): descriptors are fetched in a batch, made into packets whose data
 * stays where it is in guest memory, offered to the wire together, and written back together.
 *
 * The head moves over whole packets, when the wire took them. A packet that it did not take is made
 * again from its descriptors later, so nothing of it has to be kept or saved.
 */
#include "hw/net/e1000_internal.h"
#include "hw/net/e1000_tx.h"

#include "base/bytes.h"

#include <string.h>

#define ROUNDS 4 /* batches in one go; the rest of a long ring follows from the main loop */

enum { TSCTC = 0x40f8 };

static bool tx_ring(const struct e1000 *d, struct e1000_ring *ring)
{
    return e1000_ring(ring, d->tdbal, d->tdbah, d->tdlen, d->tdh, d->tdt);
}

static uint32_t command(const uint8_t *desc)
{
    return get_le32(desc + TDESC_COMMAND);
}

static bool is_context(const uint8_t *desc)
{
    return (command(desc) & (TDESC_DEXT | TDESC_DTYP)) == TDESC_DEXT;
}

/* SDM 3.3.6: which of the two contexts is loaded depends on TSE. */
static void load_context(struct e1000 *d, const uint8_t *desc)
{
    uint32_t ip = get_le32(desc), tu = get_le32(desc + 4), last = get_le32(desc + TDESC_STATUS);
    uint32_t cmd = command(desc);

    d->context[(cmd & TDESC_TSE) != 0] = (struct e1000_context){
        .ipcss = (uint8_t)ip,
        .ipcso = (uint8_t)(ip >> 8),
        .ipcse = (uint16_t)(ip >> 16),
        .tucss = (uint8_t)tu,
        .tucso = (uint8_t)(tu >> 8),
        .tucse = (uint16_t)(tu >> 16),
        .hdrlen = (uint8_t)(last >> 8),
        .mss = (uint16_t)(last >> 16),
        .ip4 = (cmd & TUCMD_IP) != 0,
        .tcp = (cmd & TUCMD_TCP) != 0,
    };
}

/* ---- From descriptors to packets ---- */

/* The descriptor after the packet that starts at `first`; 0: its end is not here. */
static uint32_t packet_end(const struct tx_batch *b, uint32_t first)
{
    for (uint32_t i = first; i < b->n_desc; i++) {
        if (!is_context(b->desc[i]) && (command(b->desc[i]) & TDESC_EOP) != 0)
            return i + 1;
    }
    return 0;
}

/*
 * Walks over the fetched descriptors. Returns how many are dealt with: their packets are in the
 * batch, or were refused as a guest's mistake.
 */
static uint32_t make_packets(struct e1000 *d, struct tx_batch *b)
{
    uint32_t i = 0;

    while (i < b->n_desc && e1000_tx_room(b)) {
        if (is_context(b->desc[i])) {
            load_context(d, b->desc[i++]);
            continue;
        }
        uint32_t end = packet_end(b, i);
        if (end == 0 && (i > 0 || b->n_desc < TX_DESCRIPTORS))
            return i; /* the rest is in the next batch, or not there yet */
        if (end == 0) {
            guest_fault(&d->pci.dev, "packet of more than %u descriptors", TX_DESCRIPTORS);
            return b->n_desc;
        }
        if (!e1000_tx_add(d, b, i, end) && b->full)
            return i; /* the batch is; it has other packets */
        i = end;
    }
    return i;
}

/* ---- To the wire ---- */

static unsigned to_wire(struct e1000 *d, const struct net_packet *packets, unsigned n)
{
    if (e1000_loopback_on(d))
        return e1000_loopback_send(d, packets, n);
    return d->link ? net_send(d->net, packets, n) : n;
}

static void count_sent(struct e1000 *d, const struct tx_packet *p, const struct net_packet *packet)
{
    uint8_t head[6] = { 0 };

    net_packet_read(packet, 0, head, sizeof(head));
    if (p->frames > 1)
        e1000_count_tx(d, head, p->frame_len, p->frames - 1);
    e1000_count_tx(d, head, p->last_len, 1);
    if (p->segmented)
        e1000_count(d, TSCTC, 1);
}

/* Returns how many descriptors are done with. */
static uint32_t send_packets(struct e1000 *d, struct tx_batch *b, uint32_t made)
{
    unsigned sent = b->n > 0 ? to_wire(d, b->packets, b->n) : 0;

    for (unsigned i = 0; i < sent; i++)
        count_sent(d, &b->info[i], &b->packets[i]);
    if (sent == b->n)
        return made;
    memcpy(d->context, b->info[sent].context, sizeof(d->context)); /* as it was before */
    return b->info[sent].first;
}

/* ---- Status ---- */

/* SDM 3.3.3.2: only descriptors with RS get DD. */
static void write_status(uint8_t *desc, const void *from, uint32_t i)
{
    const struct tx_batch *b = from;

    if ((command(b->desc[i]) & TDESC_RS) == 0)
        return;
    uint32_t status = htole32(get_le32(b->desc[i] + TDESC_STATUS) | TDESC_DD);
    __atomic_store_n((uint32_t *)(void *)(desc + TDESC_STATUS), status, __ATOMIC_RELEASE);
}

static void report(struct e1000 *d, const struct tx_batch *b, uint32_t done)
{
    bool reported = false, at_once = false;

    for (uint32_t i = 0; i < done; i++) {
        uint32_t cmd = command(b->desc[i]);

        reported |= (cmd & TDESC_RS) != 0;
        at_once |= (cmd & TDESC_RS) != 0 && (cmd & TDESC_IDE) == 0;
    }
    if (!reported)
        return;
    e1000_ring_update(d, &b->ring, done, write_status, b);
    e1000_transmitted(d, !at_once);
}

/* The causes that say how much is left: queue empty, and below the low threshold. */
static void report_level(struct e1000 *d, uint32_t before, uint32_t left)
{
    uint32_t low = TXDCTL_LWTHRESH(d->txdctl) * 8, causes = 0;

    if (left == 0)
        causes |= ICR_TXQE;
    if (before >= low && left < low)
        causes |= ICR_TXD_LOW;
    if (causes != 0)
        e1000_raise(d, causes);
}

/* One batch. true: there may be more to do. */
static bool transmit_batch(struct e1000 *d)
{
    struct tx_batch b;

    if (!tx_ring(d, &b.ring) || e1000_ring_used(&b.ring) == 0)
        return false;
    uint32_t before = e1000_ring_used(&b.ring);
    e1000_tx_start(&b, MIN(before, TX_DESCRIPTORS));
    if (!e1000_ring_fetch(d, &b.ring, b.desc, b.n_desc)) {
        guest_fault(&d->pci.dev, "transmit ring at 0x%" PRIx64 " is no memory", b.ring.base);
        return false;
    }
    uint32_t made = make_packets(d, &b);
    uint32_t done = send_packets(d, &b, made);
    e1000_tx_end(d, &b);
    if (done == 0)
        return false;
    report(d, &b, done);
    d->tdh = (b.ring.head + done) % b.ring.size;
    report_level(d, before, before - done);
    return done == made;
}

void e1000_transmit(struct e1000 *d)
{
    unsigned round = 0;

    if ((d->tctl & TCTL_EN) == 0 || d->tx_busy)
        return;
    d->tx_busy = true;
    while (round < ROUNDS && transmit_batch(d))
        round++;
    d->tx_busy = false;
    if (round == ROUNDS)
        timer_set(&d->tx_resume, clock_now(d->pci.dev.services->clock));
}

void e1000_write_tx(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;
    struct e1000_ring ring;

    if ((d->tctl & TCTL_EN) != 0 && !tx_ring(d, &ring) && ring.size > 0)
        guest_fault(&d->pci.dev, "transmit ring of %u: head %u, tail %u", ring.size, ring.head,
                    ring.tail);
    e1000_transmit(d);
}

static void resume(void *opaque)
{
    e1000_transmit(opaque);
}

void e1000_tx_init(struct e1000 *d)
{
    timer_init(&d->tx_resume, d->pci.dev.services->clock, resume, d);
}

void e1000_tx_reset(struct e1000 *d)
{
    timer_cancel(&d->tx_resume);
    memset(d->context, 0, sizeof(d->context));
    net_send_cancel(d->net);
}
