/* Statistics (SDM 13.7): counters that stick at their maximum and are cleared by reading. */
#include "hw/net/e1000_internal.h"

#include <string.h>

#define STATS_BASE 0x4000
#define FCS_SIZE   4 /* lengths in the statistics include the checksum of the wire */
#define FRAME_MIN  60

enum {
    PRC64 = 0x405c,
    GPRC = 0x4074,
    BPRC = 0x4078,
    MPRC = 0x407c,
    GPTC = 0x4080,
    GORC = 0x4088,
    GOTC = 0x4090,
    TOR = 0x40c0,
    TOT = 0x40c8,
    TPR = 0x40d0,
    TPT = 0x40d4,
    PTC64 = 0x40d8,
    MPTC = 0x40f0,
    BPTC = 0x40f4,
};

static uint32_t *counter(struct e1000 *d, unsigned offset)
{
    return &d->stats[(offset - STATS_BASE) / 4];
}

void e1000_count(struct e1000 *d, unsigned offset, uint32_t n)
{
    uint32_t *c = counter(d, offset);

    if (__builtin_add_overflow(*c, n, c))
        *c = UINT32_MAX;
}

/* A pair of registers, low word first. */
static void count_octets(struct e1000 *d, unsigned offset, uint64_t n)
{
    uint32_t *low = counter(d, offset), *high = low + 1;
    uint64_t sum = (uint64_t)*high << 32 | *low;

    if (__builtin_add_overflow(sum, n, &sum))
        sum = UINT64_MAX;
    *low = (uint32_t)sum;
    *high = (uint32_t)(sum >> 32);
}

static bool is_pair(unsigned offset)
{
    return offset == GORC || offset == GOTC || offset == TOR || offset == TOT;
}

/* The low word of a pair is kept until the high one is read. */
uint64_t e1000_read_stats(void *dev, unsigned index, uint64_t stored)
{
    struct e1000 *d = dev;
    unsigned offset = STATS_BASE + 4 * index;

    if (is_pair(offset))
        return stored;
    d->stats[index] = 0;
    if (is_pair(offset - 4))
        d->stats[index - 1] = 0;
    return stored;
}

/* The six counters by size follow each other from `first` on: 64, 65-127, ... 1024 and more. */
static unsigned size_counter(unsigned first, size_t len)
{
    static const uint16_t upto[] = { 64, 127, 255, 511, 1023 };
    unsigned i = 0;

    while (i < G_N_ELEMENTS(upto) && len > upto[i])
        i++;
    return first + 4 * i;
}

void e1000_count_rx(struct e1000 *d, const uint8_t *head, size_t len, enum e1000_match match)
{
    size_t on_wire = MAX(len, FRAME_MIN) + FCS_SIZE;

    e1000_count(d, TPR, 1);
    count_octets(d, TOR, on_wire);
    if (match == E1000_REJECT)
        return;
    e1000_count(d, size_counter(PRC64, on_wire), 1);
    e1000_count(d, GPRC, 1);
    count_octets(d, GORC, on_wire);
    if (memcmp(head, "\xff\xff\xff\xff\xff\xff", 6) == 0)
        e1000_count(d, BPRC, 1);
    else if ((head[0] & 1) != 0)
        e1000_count(d, MPRC, 1);
}

void e1000_count_tx(struct e1000 *d, const uint8_t *head, size_t len, unsigned frames)
{
    size_t on_wire = MAX(len, FRAME_MIN) + FCS_SIZE;

    e1000_count(d, TPT, frames);
    e1000_count(d, GPTC, frames);
    count_octets(d, TOT, on_wire * frames);
    count_octets(d, GOTC, on_wire * frames);
    e1000_count(d, size_counter(PTC64, on_wire), frames);
    if (memcmp(head, "\xff\xff\xff\xff\xff\xff", 6) == 0)
        e1000_count(d, BPTC, frames);
    else if ((head[0] & 1) != 0)
        e1000_count(d, MPTC, frames);
}
