/* Which received frames are for this station: addresses and VLANs (SDM 3.2.1, 13.5, chapter 9). */
#include "hw/net/e1000_internal.h"

#include "base/bytes.h"

#include <string.h>

#define TYPE_OFFSET  12
#define TYPE_CONTROL 0x8808 /* 802.3x: MAC control, PAUSE */
#define TAG_CFI      (1u << 12)
#define TAG_VID      0xfff

bool e1000_is_vlan(const struct e1000 *d, const uint8_t *head)
{
    return get_be16(head + TYPE_OFFSET) == (d->vet & 0xffff);
}

/* true: the frame's VLAN is one of those in VFTA, and its CFI bit is as wanted. */
static bool vlan_wanted(const struct e1000 *d, const uint8_t *head)
{
    uint16_t tag = get_be16(head + TYPE_OFFSET + 2);
    unsigned vid = tag & TAG_VID;

    if ((d->rctl & RCTL_CFIEN) != 0 && ((tag & TAG_CFI) != 0) != ((d->rctl & RCTL_CFI) != 0))
        return false;
    return (d->vfta[vid / 32] >> (vid % 32) & 1) != 0;
}

static bool matches_exactly(const struct e1000 *d, const uint8_t *head)
{
    uint32_t low = get_le32(head), high = get_le16(head + 4);

    for (unsigned i = 0; i < G_N_ELEMENTS(d->ra); i += 2) {
        uint32_t rah = d->ra[i + 1];

        /* ASEL 00: compared with the destination; no other selection is defined for receiving. */
        if ((rah & RAH_AV) != 0 && (rah >> RAH_ASEL_SHIFT & 3) == 0 && d->ra[i] == low &&
            (rah & 0xffff) == high)
            return true;
    }
    return false;
}

/* RCTL.MO says which 12 of the address' upper bits are the index into the 4096 of MTA. */
static bool matches_hash(const struct e1000 *d, const uint8_t *head)
{
    static const uint8_t shift[] = { 4, 3, 2, 0 };
    unsigned bit = get_le16(head + 4) >> shift[d->rctl >> RCTL_MO_SHIFT & 3] & 0xfff;

    return (d->mta[bit / 32] >> (bit % 32) & 1) != 0;
}

static bool is_broadcast(const uint8_t *head)
{
    return memcmp(head, "\xff\xff\xff\xff\xff\xff", 6) == 0;
}

enum e1000_match e1000_filter(const struct e1000 *d, const uint8_t *head)
{
    bool multicast = (head[0] & 1) != 0;

    if ((d->rctl & RCTL_VFE) != 0 && e1000_is_vlan(d, head) && !vlan_wanted(d, head))
        return E1000_REJECT;
    if (get_be16(head + TYPE_OFFSET) == TYPE_CONTROL && (d->rctl & RCTL_PMCF) == 0 && multicast)
        return E1000_REJECT; /* the MAC keeps PAUSE frames to itself */
    if (matches_exactly(d, head) || (is_broadcast(head) && (d->rctl & RCTL_BAM) != 0) ||
        (d->rctl & (multicast ? RCTL_MPE : RCTL_UPE)) != 0)
        return E1000_EXACT;
    return multicast && matches_hash(d, head) ? E1000_INEXACT : E1000_REJECT;
}

/* The station's own addresses beyond the first, for query-rx-filter. */
void e1000_fill_rx_filter(void *dev, struct net_rx_filter *filter)
{
    const struct e1000 *d = dev;

    *filter = (struct net_rx_filter){
        .promiscuous = (d->rctl & RCTL_UPE) != 0,
        .broadcast = (d->rctl & RCTL_BAM) != 0,
        .all_multicast = (d->rctl & RCTL_MPE) != 0,
        .vlan_filter = (d->rctl & RCTL_VFE) != 0,
    };
    put_le32(filter->main_mac, d->ra[0]);
    put_le16(filter->main_mac + 4, (uint16_t)d->ra[1]);
    for (unsigned i = 2; i < G_N_ELEMENTS(d->ra); i += 2) {
        if ((d->ra[i + 1] & RAH_AV) == 0)
            continue;
        uint8_t *mac = filter->macs[filter->n_macs++];
        put_le32(mac, d->ra[i]);
        put_le16(mac + 4, (uint16_t)d->ra[i + 1]);
    }
    for (unsigned vid = 0; filter->vlan_filter && vid < NET_VLANS; vid++)
        filter->vlans[vid / 8] |= (uint8_t)((d->vfta[vid / 32] >> (vid % 32) & 1) << (vid % 8));
}

/* Every second register of the table is a RAH, of which bits 30 to 18 do not exist. */
void e1000_write_ra(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if (index % 2 != 0)
        d->ra[index] &= RAH_MASK;
    e1000_write_filter(d, index, old, value);
}

void e1000_write_filter(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if (old != value)
        net_rx_filter_changed(d->net);
}
