/*
 * Receiving (SDM 3.2): a frame that passes the filter goes to the buffers of as many descriptors as
 * it needs. Descriptors are fetched for a whole burst and written back together at its end.
 */
#include "hw/net/e1000_internal.h"

#include "base/bytes.h"

#include <string.h>

#define WINDOW     64 /* descriptors fetched at once; more than any frame needs, see FRAME_MAX */
#define FRAME_MIN  60
#define FRAME_MAX  16384 /* with FCS; the largest that RCTL.LPE lets in */
#define STANDARD   1522  /* with FCS and VLAN tag; the largest without RCTL.LPE */
#define FCS_SIZE   4
#define HEAD_SIZE  18
#define TAG_OFFSET 12
#define TAG_SIZE   4

enum { RNBC = 0x40a0, ROC = 0x40ac, RUC = 0x40a4 };

struct window {
    struct e1000_ring ring;
    uint32_t n, used; /* descriptors here, and filled of them */
    uint8_t desc[WINDOW][DESC_SIZE];
};

static void start_window(struct window *w)
{
    w->n = w->used = 0;
}

static bool rx_ring(const struct e1000 *d, struct e1000_ring *ring)
{
    return e1000_ring(ring, d->rdbal, d->rdbah, d->rdlen, d->rdh, d->rdt);
}

static bool receiver_on(const struct e1000 *d)
{
    return (d->rctl & RCTL_EN) != 0 && (d->link || e1000_loopback_on(d));
}

/*
 * A receiver that is off would lose frames on a real wire. Here the host's queue keeps or loses
 * them, and an idle guest causes no wake-ups.
 */
bool e1000_can_receive(void *dev)
{
    const struct e1000 *d = dev;
    struct e1000_ring ring;

    return receiver_on(d) && !e1000_loopback_on(d) && rx_ring(d, &ring) &&
           e1000_ring_used(&ring) > 0;
}

static uint32_t buffer_size(const struct e1000 *d)
{
    static const uint16_t size[] = { 2048, 1024, 512, 256 };
    unsigned code = d->rctl >> RCTL_BSIZE_SHIFT & 3;

    /* BSEX multiplies by 16; with code 0 that is reserved. */
    if ((d->rctl & RCTL_BSEX) != 0 && code != 0)
        return size[code] * 16u;
    return size[code];
}

/* ---- One frame into memory ---- */

/* What of the frame is stored: its slices without the tag, then zeroes for padding and FCS. */
struct source {
    struct iovec slices[NET_SLICES_MAX + 2];
    unsigned n, at;
    size_t total;
};

/*
 * The FCS is stored as zeroes: nothing on a virtual cable damages a frame, so it is not computed,
 * and a driver's length includes it.
 */
static void make_source(const struct e1000 *d, const struct net_packet *packet, bool strip,
                        struct source *source)
{
    static const uint8_t zeroes[FRAME_MIN + FCS_SIZE];
    size_t got, fill = (d->rctl & RCTL_SECRC) != 0 ? 0 : FCS_SIZE;

    source->n = source->at = 0;
    source->total = 0;
    if (packet->len < FRAME_MIN)
        fill += FRAME_MIN - packet->len;
    if (strip) {
        source->n = net_packet_slice(packet, 0, TAG_OFFSET, source->slices, NET_SLICES_MAX, &got);
        source->total += got;
    }
    size_t from = strip ? TAG_OFFSET + TAG_SIZE : 0;
    source->n += net_packet_slice(packet, from, SIZE_MAX, source->slices + source->n,
                                  NET_SLICES_MAX - source->n, &got);
    source->total += got + fill;
    if (fill > 0)
        source->slices[source->n++] = (struct iovec){ (void *)(uintptr_t)zeroes, fill };
}

/* Takes the next len bytes off the source. to NULL: they are lost. */
static void take(struct source *source, uint8_t *to, size_t len)
{
    while (len > 0 && source->at < source->n) {
        struct iovec *slice = &source->slices[source->at];
        size_t part = MIN(len, slice->iov_len);

        if (to != NULL) {
            memcpy(to, slice->iov_base, part);
            to += part;
        }
        slice->iov_base = (uint8_t *)slice->iov_base + part;
        slice->iov_len -= part;
        len -= part;
        if (slice->iov_len == 0)
            source->at++;
    }
}

/* Fills one buffer. A descriptor with a null address has none: its share of the frame is lost. */
static void fill_buffer(struct e1000 *d, uint64_t gpa, struct source *source, size_t len)
{
    while (len > 0) {
        uint64_t part = len;
        uint8_t *host = gpa != 0 ? pci_dma_map(&d->pci, gpa, &part, true) : NULL;

        if (host == NULL) {
            if (gpa != 0)
                guest_fault(&d->pci.dev, "receive buffer at 0x%" PRIx64 " is no memory", gpa);
            take(source, NULL, len);
            return;
        }
        take(source, host, part);
        pci_dma_unmap(&d->pci, gpa, host, part, true);
        len -= part;
        gpa += part;
    }
}

/* The fields that only a frame's last descriptor has. */
static void finish(const struct e1000 *d, const struct net_packet *packet, const uint8_t *head,
                   enum e1000_match match, bool strip, uint8_t *desc)
{
    uint8_t errors = 0, status = RDESC_EOP | RDESC_DD;

    status |= e1000_rx_checksum(d, packet, &errors);
    if (match == E1000_INEXACT)
        status |= RDESC_PIF;
    if (strip) {
        status |= RDESC_VP;
        put_le16(desc + RDESC_SPECIAL, get_be16(head + TAG_OFFSET + 2));
    }
    desc[RDESC_STATUS] = status;
    desc[RDESC_ERRORS] = errors;
}

static void store(struct e1000 *d, struct window *w, const struct net_packet *packet,
                  const uint8_t *head, enum e1000_match match, bool strip, struct source *source)
{
    uint32_t size = buffer_size(d);
    unsigned start = d->rxcsum & RXCSUM_PCSS;
    uint16_t sum = start != 0 ? net_packet_sum(packet, start) : 0;
    uint8_t *desc;

    for (size_t left = source->total; left > 0;) {
        size_t len = MIN(left, size);

        desc = w->desc[w->used++];
        fill_buffer(d, get_le64(desc), source, len);
        memset(desc + RDESC_LENGTH, 0, DESC_SIZE - RDESC_LENGTH);
        put_le16(desc + RDESC_LENGTH, (uint16_t)len);
        /* The packet checksum is reported to who gave it a start only: nobody else reads it. */
        put_le16(desc + RDESC_CHECKSUM, sum);
        desc[RDESC_STATUS] = RDESC_DD;
        left -= len;
        if (left == 0)
            finish(d, packet, head, match, strip, desc);
    }
}

/* ---- The burst ---- */

/* A frame's status is written last, so that the guest's processors see all of it or nothing. */
static void write_desc(uint8_t *desc, const void *from, uint32_t i)
{
    const struct window *w = from;
    const uint8_t *new = w->desc[i];
    uint32_t status;

    memcpy(desc + RDESC_LENGTH, new + RDESC_LENGTH, 4);
    memcpy(&status, new + RDESC_STATUS, 4);
    __atomic_store_n((uint32_t *)(void *)(desc + RDESC_STATUS), status, __ATOMIC_RELEASE);
}

static void write_back(struct e1000 *d, struct window *w)
{
    if (w->used == 0)
        return;
    e1000_ring_update(d, &w->ring, w->used, write_desc, w);
    d->rdh = (w->ring.head + w->used) % w->ring.size;
    w->used = w->n = 0;
}

/* Whether `need` descriptors are in the window, after fetching more if there are any. */
static bool reserve(struct e1000 *d, struct window *w, uint32_t need)
{
    if (w->n - w->used >= need)
        return true;
    write_back(d, w);
    if (!rx_ring(d, &w->ring) || e1000_ring_used(&w->ring) < need)
        return false;
    w->n = MIN(e1000_ring_used(&w->ring), WINDOW);
    w->used = 0;
    if (e1000_ring_fetch(d, &w->ring, w->desc, w->n))
        return true;
    guest_fault(&d->pci.dev, "receive ring at 0x%" PRIx64 " is no memory", w->ring.base);
    w->n = 0;
    return false;
}

static bool length_ok(struct e1000 *d, size_t len)
{
    size_t max = (d->rctl & RCTL_LPE) != 0 ? FRAME_MAX : STANDARD;

    if (len + FCS_SIZE <= max && len >= 14)
        return true;
    e1000_count(d, len < 14 ? RUC : ROC, 1);
    return false;
}

/* false: it has to wait for descriptors. */
static bool receive_one(struct e1000 *d, struct window *w, const struct net_packet *packet)
{
    uint8_t head[HEAD_SIZE] = { 0 };
    struct source source;

    net_packet_read(packet, 0, head, sizeof(head));
    enum e1000_match match = e1000_filter(d, head);
    if (match == E1000_REJECT || !length_ok(d, packet->len)) {
        e1000_count_rx(d, head, packet->len, E1000_REJECT);
        return true;
    }
    bool strip = (d->ctrl & CTRL_VME) != 0 && packet->len >= HEAD_SIZE && e1000_is_vlan(d, head);
    make_source(d, packet, strip, &source);
    uint32_t need = (uint32_t)((source.total + buffer_size(d) - 1) / buffer_size(d));
    if (need > WINDOW || need >= d->rdlen / DESC_SIZE) {
        e1000_count(d, ROC, 1); /* the guest could never offer enough at once */
        return true;
    }
    if (!reserve(d, w, need))
        return false;
    store(d, w, packet, head, match, strip, &source);
    e1000_count_rx(d, head, packet->len, match);
    return true;
}

/* RXDMT0: the free descriptors have come down to 1/2, 1/4 or 1/8 of the ring (SDM 3.2.7.2). */
static bool running_low(const struct e1000 *d)
{
    struct e1000_ring ring;

    return rx_ring(d, &ring) &&
           e1000_ring_used(&ring) <= ring.size >> ((d->rctl >> RCTL_RDMTS_SHIFT & 3) + 1);
}

unsigned e1000_store(struct e1000 *d, const struct net_packet *packets, unsigned n)
{
    struct window w;
    uint32_t before = d->rdh, causes = 0;
    unsigned done = 0;

    start_window(&w);
    while (done < n && receive_one(d, &w, &packets[done])) {
        if (packets[done].len <= d->rsrpd)
            causes |= ICR_SRPD;
        done++;
    }
    write_back(d, &w);
    if (done < n && !d->rx_stalled)
        e1000_count(d, RNBC, 1);
    d->rx_stalled = done < n;
    if (d->rdh != before) {
        if (running_low(d))
            causes |= ICR_RXDMT0;
        if (causes != 0)
            e1000_raise(d, causes);
        e1000_received(d);
    }
    return done;
}

/* While frames are looped back the wire is not listened to. */
unsigned e1000_receive(void *dev, const struct net_packet *packets, unsigned n)
{
    return e1000_can_receive(dev) ? e1000_store(dev, packets, n) : 0;
}

void e1000_rx_refilled(struct e1000 *d)
{
    if (!receiver_on(d))
        return;
    e1000_loopback_resume(d);
    net_receive_ready(d->net);
}

void e1000_write_rdt(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    e1000_rx_refilled(dev);
}

void e1000_write_rctl(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if (((old ^ value) & (RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_VFE)) != 0)
        net_rx_filter_changed(d->net);
    e1000_rx_refilled(d);
}
