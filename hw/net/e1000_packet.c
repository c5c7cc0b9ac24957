/*
 * One packet of transmit descriptors: its data mapped, and the controller's work on it (SDM 3.3.3
 * to 3.5): checksums, VLAN tag, padding, preparation for segmentation. What is to be changed is
 * copied to a header first; the guest's memory is only read.
 */
#include "hw/net/e1000_tx.h"

#include "base/bytes.h"
#include "net/segment.h"

#include <string.h>

#define MAC_SIZE      12 /* both addresses, before a VLAN tag */
#define TAG_SIZE      4
#define ETH_HEADER    14
#define FRAME_MIN     60
#define SEGMENT_MAX   (256u << 10) /* data of one segmentation context */
#define PACKET_SLICES (NET_SLICES_MAX - 4)

enum { TSCTFC = 0x40fc };

/* A packet in the making. Offsets are those before a VLAN tag is inserted. */
struct draft {
    struct iovec slices[PACKET_SLICES];
    struct net_packet raw; /* the guest's data */
    const uint8_t *first, *last;
    const struct e1000_context *context;
    bool legacy, tse, ixsm, txsm, tag;
    uint8_t *header; /* the copy of the first header_len bytes */
    size_t header_len;
    struct net_offload offload;
};

void e1000_tx_start(struct tx_batch *b, uint32_t n_desc)
{
    b->n_desc = n_desc;
    b->n = b->n_maps = b->n_slices = 0;
    b->full = false;
}

bool e1000_tx_room(const struct tx_batch *b)
{
    return b->n < TX_PACKETS;
}

void e1000_tx_end(struct e1000 *d, struct tx_batch *b)
{
    for (unsigned i = 0; i < b->n_maps; i++)
        pci_dma_unmap(&d->pci, b->maps[i].gpa, b->maps[i].host, b->maps[i].len, false);
}

/* ---- The data ---- */

static uint32_t command(const uint8_t *desc)
{
    return get_le32(desc + TDESC_COMMAND);
}

static uint32_t data_length(const uint8_t *desc)
{
    uint32_t cmd = command(desc);

    return (cmd & TDESC_DEXT) != 0 ? cmd & TDESC_DTALEN : cmd & 0xffff;
}

/* Maps one buffer; false: no memory there, or too many pieces. */
static bool map_buffer(struct e1000 *d, struct tx_batch *b, struct draft *p, uint64_t gpa,
                       uint64_t left)
{
    while (left > 0) {
        uint64_t len = left;

        if (p->raw.n_slices == PACKET_SLICES || b->n_maps == TX_SLICES)
            return false;
        void *host = pci_dma_map(&d->pci, gpa, &len, false);
        if (host == NULL)
            return false;
        b->maps[b->n_maps++] = (struct tx_map){ gpa, len, host };
        p->slices[p->raw.n_slices++] = (struct iovec){ host, len };
        p->raw.len += len;
        gpa += len;
        left -= len;
    }
    return true;
}

/* Descriptors with a null address or no length transfer nothing (SDM table 3-9). */
static bool map_data(struct e1000 *d, struct tx_batch *b, struct draft *p, uint32_t first,
                     uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        uint64_t gpa = get_le64(b->desc[i]);
        uint32_t len = data_length(b->desc[i]);

        if (gpa != 0 && len > 0 && p->raw.len <= SEGMENT_MAX && !map_buffer(d, b, p, gpa, len))
            return false;
    }
    return true;
}

/* ---- The work ---- */

/* Which bits count in the first descriptor and which in the last: SDM tables 3-10 and 3-17. */
static void read_commands(const struct e1000 *d, struct draft *p)
{
    uint32_t first = command(p->first), options = get_le32(p->first + TDESC_STATUS);

    p->legacy = (first & TDESC_DEXT) == 0;
    p->tse = !p->legacy && (first & TDESC_TSE) != 0;
    p->context = &d->context[p->tse];
    p->ixsm = !p->legacy && (options & POPTS_IXSM) != 0;
    p->txsm = !p->legacy && (options & POPTS_TXSM) != 0;
    p->tag = (d->ctrl & CTRL_VME) != 0 && (command(p->tse ? p->first : p->last) & TDESC_VLE) != 0;
}

static size_t legacy_cso(const struct draft *p)
{
    return command(p->last) >> 16 & 0xff;
}

static bool legacy_checksum(const struct draft *p)
{
    return p->legacy && (command(p->last) & TDESC_IC) != 0;
}

static void copy_header(struct draft *p)
{
    size_t len = p->tag ? MAC_SIZE : 0;

    if (p->ixsm)
        len = MAX(len, p->context->ipcso + 2u);
    if (p->txsm)
        len = MAX(len, p->context->tucso + 2u);
    if (p->tse)
        len = MAX(len, p->context->hdrlen);
    if (legacy_checksum(p))
        len = MAX(len, legacy_cso(p) + 2u);
    p->header_len = net_packet_read(&p->raw, 0, p->header, len);
}

/* The sum of the raw bytes from `from` to `to`, which is the last one or 0 for the packet's end. */
static uint16_t sum_range(const struct draft *p, size_t from, size_t to)
{
    struct iovec slices[PACKET_SLICES];
    struct net_packet part = { .slices = slices };
    size_t got;

    if (to != 0 && to < from)
        return 0;
    part.n_slices = net_packet_slice(&p->raw, from, to != 0 ? to + 1 - from : SIZE_MAX, slices,
                                     PACKET_SLICES, &got);
    return net_packet_sum(&part, 0);
}

/*
 * Inserts a checksum of bytes css to cse at cso. Offsets outside of the packet: no insertion (SDM
 * table 3-10, IC). A sum up to the end is left to the wire, which may do it better.
 */
static void insert_checksum(struct draft *p, size_t css, size_t cso, size_t cse, bool may_leave)
{
    if (css >= p->raw.len || cso + 2 > p->header_len)
        return;
    if (may_leave && (cse == 0 || cse + 1 >= p->raw.len) && css <= cso) {
        p->offload.checksum = true;
        p->offload.l4 = (uint16_t)css;
        p->offload.checksum_at = (uint16_t)cso;
        return;
    }
    put_be16(p->header + cso, (uint16_t)~sum_range(p, css, cse));
}

/*
 * The driver leaves the lengths out of the headers and of the pseudo header's sum (SDM 3.5.5); the
 * wire wants the large packet's headers to be complete, as if it were to be sent in one piece.
 */
static bool prepare_segmentation(struct draft *p)
{
    const struct e1000_context *c = p->context;

    p->offload = (struct net_offload){
        .checksum = true,
        .gso = (uint8_t)(c->tcp ? (c->ip4 ? NET_GSO_TCP4 : NET_GSO_TCP6)
                                : (c->ip4 ? NET_GSO_UDP4 : NET_GSO_UDP6)),
        .l3 = c->ipcss,
        .l4 = c->tucss,
        .checksum_at = c->tucso,
        .header = c->hdrlen,
        .mss = c->mss,
    };
    p->raw.offload = p->offload;
    if (net_segment_count(&p->raw) == 0)
        return false;
    uint8_t *ip = p->header + c->ipcss, *sum = p->header + c->tucso;
    size_t l3_len = p->raw.len - c->ipcss, l4_len = p->raw.len - c->tucss;
    if (c->ip4) {
        put_be16(ip + 2, (uint16_t)l3_len);
        put_be16(ip + 10, 0);
        put_be16(ip + 10, (uint16_t)~net_sum_fold(net_sum(0, ip, c->tucss - c->ipcss, false)));
    } else {
        put_be16(ip + 4, (uint16_t)(l3_len - 40));
    }
    put_be16(sum, net_sum_fold(get_be16(sum) + l4_len));
    return true;
}

/* After the addresses: VET, and the tag of the descriptor's special field (SDM 9.3). */
static void insert_tag(const struct e1000 *d, struct draft *p, uint16_t tag)
{
    memmove(p->header + MAC_SIZE + TAG_SIZE, p->header + MAC_SIZE, p->header_len - MAC_SIZE);
    put_be16(p->header + MAC_SIZE, (uint16_t)d->vet);
    put_be16(p->header + MAC_SIZE + 2, tag);
    p->offload.l3 += TAG_SIZE;
    p->offload.l4 += TAG_SIZE;
    p->offload.checksum_at += TAG_SIZE;
    p->offload.header += TAG_SIZE;
}

/* ---- The result ---- */

static const char *refusal(const struct draft *p)
{
    if (p->raw.len < ETH_HEADER)
        return "shorter than an Ethernet header";
    if (p->raw.len > (p->tse ? SEGMENT_MAX : TX_FRAME_MAX))
        return "longer than the controller can send";
    return NULL;
}

/* The packet: header copy, the rest of the data, padding. false: no slices left in the batch. */
static bool emit(const struct e1000 *d, struct tx_batch *b, struct draft *p)
{
    static const uint8_t zeroes[FRAME_MIN];
    struct iovec *slices = b->slices + b->n_slices;
    struct net_packet *packet = &b->packets[b->n];
    unsigned n = 0;
    size_t rest;

    if (b->n_slices + p->raw.n_slices + 2 > TX_SLICES)
        return false;
    size_t header_len = p->header_len + (p->tag ? TAG_SIZE : 0);
    if (header_len > 0)
        slices[n++] = (struct iovec){ p->header, header_len };
    n += net_packet_slice(&p->raw, p->header_len, SIZE_MAX, slices + n, p->raw.n_slices, &rest);
    size_t len = header_len + rest;
    if ((d->tctl & TCTL_PSP) != 0 && len < FRAME_MIN) {
        slices[n++] = (struct iovec){ (void *)(uintptr_t)zeroes, FRAME_MIN - len };
        len = FRAME_MIN;
    }
    *packet = (struct net_packet){ slices, n, len, p->offload };
    b->n_slices += n;
    return true;
}

static void note(struct tx_batch *b, const struct draft *p)
{
    const struct net_packet *packet = &b->packets[b->n];
    struct tx_packet *info = &b->info[b->n];

    info->segmented = p->tse;
    info->frames = 1;
    info->frame_len = info->last_len = packet->len;
    if (p->tse) {
        info->frames = net_segment_count(packet);
        info->frame_len = packet->offload.header + (size_t)packet->offload.mss;
        info->last_len = packet->len - (info->frames - 1) * (size_t)packet->offload.mss;
    }
}

static bool work(struct e1000 *d, struct draft *p)
{
    const struct e1000_context *c = p->context;

    copy_header(p);
    if (p->tse && !prepare_segmentation(p)) {
        e1000_count(d, TSCTFC, 1);
        guest_fault(&d->pci.dev, "segmentation: header %u, mss %u, offsets %u %u %u, length %zu",
                    c->hdrlen, c->mss, c->ipcss, c->tucss, c->tucso, p->raw.len);
        return false;
    }
    if (legacy_checksum(p))
        insert_checksum(p, get_le32(p->first + TDESC_STATUS) >> 8 & 0xff, legacy_cso(p), 0, true);
    if (p->ixsm && !p->tse)
        insert_checksum(p, c->ipcss, c->ipcso, c->ipcse, false);
    if (p->txsm && !p->tse)
        insert_checksum(p, c->tucss, c->tucso, c->tucse, true);
    if (p->tag)
        insert_tag(d, p, get_le16((p->tse ? p->first : p->last) + 14));
    return true;
}

bool e1000_tx_add(struct e1000 *d, struct tx_batch *b, uint32_t first, uint32_t end)
{
    struct draft p;

    p.raw = (struct net_packet){ .slices = p.slices };
    p.first = b->desc[first];
    p.last = b->desc[end - 1];
    p.header = b->headers[b->n];
    p.offload = (struct net_offload){ 0 };
    b->info[b->n].first = first;
    memcpy(b->info[b->n].context, d->context, sizeof(d->context));
    read_commands(d, &p);
    if (!map_data(d, b, &p, first, end)) {
        b->full = b->n > 0 && b->n_maps == TX_SLICES;
        if (!b->full)
            guest_fault(&d->pci.dev, "transmit buffer is no memory, or in too many pieces");
        return false;
    }
    const char *why = refusal(&p);
    if (why != NULL) {
        if (p.raw.len > 0)
            guest_fault(&d->pci.dev, "packet of %zu bytes: %s", p.raw.len, why);
        return false;
    }
    if (!work(d, &p))
        return false;
    b->full = !emit(d, b, &p);
    if (b->full)
        return false;
    note(b, &p);
    b->n++;
    return true;
}
