#include "net/packet.h"

#include "base/bytes.h"

#include <byteswap.h>
#include <glib.h>

unsigned net_packet_slice(const struct net_packet *packet, size_t offset, size_t len,
                          struct iovec *out, unsigned n, size_t *got)
{
    unsigned used = 0;

    *got = 0;
    for (unsigned i = 0; i < packet->n_slices && used < n && *got < len; i++) {
        const struct iovec *slice = &packet->slices[i];

        if (offset >= slice->iov_len) {
            offset -= slice->iov_len;
            continue;
        }
        size_t part = MIN(slice->iov_len - offset, len - *got);
        out[used++] = (struct iovec){ (uint8_t *)slice->iov_base + offset, part };
        *got += part;
        offset = 0;
    }
    return used;
}

size_t net_packet_read(const struct net_packet *packet, size_t offset, void *to, size_t len)
{
    size_t done = 0;

    for (unsigned i = 0; i < packet->n_slices && done < len; i++) {
        const struct iovec *slice = &packet->slices[i];

        if (offset >= slice->iov_len) {
            offset -= slice->iov_len;
            continue;
        }
        size_t part = MIN(slice->iov_len - offset, len - done);
        memcpy((uint8_t *)to + done, (const uint8_t *)slice->iov_base + offset, part);
        done += part;
        offset = 0;
    }
    return done;
}

/*
 * Sums 32-bit words as they lie in memory; the byte order of the host is undone once, at the end
 * (RFC 1071 section 2 B). 2^32 words fit before a carry could be lost.
 */
uint64_t net_sum(uint64_t sum, const void *data, size_t len, bool odd)
{
    const uint8_t *p = data;
    uint64_t words = 0;

    for (; len >= 4; p += 4, len -= 4) {
        uint32_t word;
        memcpy(&word, p, 4);
        words += word;
    }
    if (len > 0) {
        uint32_t word = 0;
        memcpy(&word, p, len);
        words += word;
    }
    uint16_t folded = be16toh(net_sum_fold(words));
    return sum + (odd ? bswap_16(folded) : folded);
}

uint16_t net_sum_fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint16_t net_packet_sum(const struct net_packet *packet, size_t offset)
{
    uint64_t sum = 0;
    size_t place = 0; /* in what is summed, for its parity */

    for (unsigned i = 0; i < packet->n_slices; i++) {
        const struct iovec *slice = &packet->slices[i];

        if (offset >= slice->iov_len) {
            offset -= slice->iov_len;
            continue;
        }
        size_t part = slice->iov_len - offset;
        sum = net_sum(sum, (const uint8_t *)slice->iov_base + offset, part, place % 2 != 0);
        place += part;
        offset = 0;
    }
    return net_sum_fold(sum);
}
