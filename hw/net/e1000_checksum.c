/* Checksums of received frames (SDM 3.2.9): found, verified and reported in the descriptor. */
#include "hw/net/e1000_internal.h"

#include "base/bytes.h"

#define ETH_HEADER 14
#define VLAN_TAG   4
#define ETH_IP4    0x0800
#define ETH_IP6    0x86dd
#define IP_TCP     6
#define IP_UDP     17
#define IP6_HEADER 40
#define HEAD_SIZE  (ETH_HEADER + VLAN_TAG + 60 + 8)

/* Where the parts of a frame are, as far as the controller understands it. */
struct layout {
    uint8_t head[HEAD_SIZE];
    size_t head_len, l3, l4, l4_len;
    uint8_t protocol;
    uint64_t pseudo; /* sum of the pseudo header */
};

static bool parse_ip4(struct layout *p, bool *fragment)
{
    const uint8_t *ip = p->head + p->l3;

    if (p->head_len < p->l3 + 20)
        return false;
    size_t header = 4 * (size_t)(ip[0] & 15), total = get_be16(ip + 2);
    if (ip[0] >> 4 != 4 || header < 20 || total < header || p->l3 + header > p->head_len)
        return false;
    p->l4 = p->l3 + header;
    p->l4_len = total - header;
    p->protocol = ip[9];
    p->pseudo = net_sum(0, ip + 12, 8, false) + p->protocol + p->l4_len;
    *fragment = (get_be16(ip + 6) & 0x3fff) != 0;
    return true;
}

/* Without extension headers. */
static bool parse_ip6(struct layout *p)
{
    const uint8_t *ip = p->head + p->l3;

    if (p->head_len < p->l3 + IP6_HEADER || ip[0] >> 4 != 6)
        return false;
    p->l4 = p->l3 + IP6_HEADER;
    p->l4_len = get_be16(ip + 4);
    p->protocol = ip[6];
    p->pseudo = net_sum(0, ip + 8, 32, false) + p->protocol + p->l4_len;
    return true;
}

/* The sum from the TCP or UDP header to the end of what IP says there is (padding may follow). */
static uint16_t l4_sum(const struct layout *p, const struct net_packet *packet)
{
    struct iovec slices[NET_SLICES_MAX];
    size_t got;
    struct net_packet part = { .slices = slices };

    part.n_slices = net_packet_slice(packet, p->l4, p->l4_len, slices, NET_SLICES_MAX, &got);
    return net_sum_fold(p->pseudo + net_packet_sum(&part, 0));
}

static uint8_t check_l4(const struct layout *p, const struct net_packet *packet, uint8_t *errors)
{
    if ((p->protocol != IP_TCP && p->protocol != IP_UDP) || p->l4 + p->l4_len > packet->len ||
        p->l4_len < 8 || p->head_len < p->l4 + 8)
        return 0;
    if (p->protocol == IP_UDP && get_be16(p->head + p->l4 + 6) == 0)
        return 0; /* the sender did not make one */
    if (!packet->offload.verified && l4_sum(p, packet) != 0xffff)
        *errors |= RDESC_TCPE;
    return RDESC_TCPCS;
}

uint8_t e1000_rx_checksum(const struct e1000 *d, const struct net_packet *packet, uint8_t *errors)
{
    struct layout p = { .l3 = ETH_HEADER };
    uint8_t status = 0;
    bool fragment = false;

    if ((d->rxcsum & (RXCSUM_IPOFLD | RXCSUM_TUOFLD)) == 0)
        return RDESC_IXSM;
    p.head_len = net_packet_read(packet, 0, p.head, sizeof(p.head));
    if (p.head_len >= ETH_HEADER + VLAN_TAG && e1000_is_vlan(d, p.head))
        p.l3 += VLAN_TAG;
    uint16_t type = get_be16(p.head + p.l3 - 2);
    bool ip4 = type == ETH_IP4 && parse_ip4(&p, &fragment);
    if (!ip4 && !(type == ETH_IP6 && parse_ip6(&p)))
        return RDESC_IXSM;
    if (ip4 && (d->rxcsum & RXCSUM_IPOFLD) != 0) {
        status |= RDESC_IPCS;
        if (net_sum_fold(net_sum(0, p.head + p.l3, p.l4 - p.l3, false)) != 0xffff)
            *errors |= RDESC_IPE;
    }
    if (!fragment && (d->rxcsum & RXCSUM_TUOFLD) != 0)
        status |= check_l4(&p, packet, errors);
    return status != 0 ? status : RDESC_IXSM;
}
