#include "ui/vnc/huffman.h"

#include <stdlib.h>
#include <string.h>

#include "ui/vnc/encoder.h"

/* ---- Bits ---- */

#define STORE_BYTES 8 /* bits_store() writes so many */

void bits_begin(struct bit_writer *w, GByteArray *out, size_t room)
{
    w->to = vnc_reserve(out, room + STORE_BYTES);
}

void bits_end(struct bit_writer *w, GByteArray *out)
{
    g_byte_array_set_size(out, (guint)(w->to - out->data));
}

/* ---- Lengths ---- */

struct leaf {
    uint32_t weight;
    uint16_t symbol;
};

static int by_weight(const void *a, const void *b)
{
    const struct leaf *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight < y->weight ? -1 : 1;
    return (int)x->symbol - (int)y->symbol;
}

static unsigned used_symbols(const uint32_t *n, unsigned symbols, struct leaf *leaf)
{
    unsigned count = 0;

    for (unsigned i = 0; i < symbols; i++)
        if (n[i] != 0)
            leaf[count++] = (struct leaf){ n[i], (uint16_t)i };
    qsort(leaf, count, sizeof(*leaf), by_weight);
    return count;
}

/*
 * Huffman's tree over leaves in order of weight: two nodes of least weight become one, and new ones
 * come in order of weight too. Leaves are nodes 0 to count - 1. Returns the greatest depth.
 */
static unsigned tree_depths(const struct leaf *leaf, unsigned count, uint8_t *depth)
{
    uint32_t weight[2 * HUFFMAN_MAX_SYMBOLS];
    uint16_t parent[2 * HUFFMAN_MAX_SYMBOLS] = { 0 };
    unsigned next_leaf = 0, next_node = count, root = 2 * count - 2, deepest = 0;

    for (unsigned node = count; node <= root; node++) {
        weight[node] = 0;
        for (unsigned child = 0; child < 2; child++) {
            bool take_leaf = next_leaf < count &&
                             (next_node >= node || leaf[next_leaf].weight <= weight[next_node]);
            unsigned taken = take_leaf ? next_leaf++ : next_node++;
            weight[node] += take_leaf ? leaf[taken].weight : weight[taken];
            parent[taken] = (uint16_t)node;
        }
    }
    depth[root] = 0;
    for (unsigned i = root; i-- > 0;) {
        depth[i] = (uint8_t)(depth[parent[i]] + 1);
        deepest = MAX(deepest, depth[i]);
    }
    return deepest;
}

/* No code gets longer than limit: a tree that is too deep is made again of more even weights. */
static void find_lengths(const uint32_t *n, unsigned symbols, unsigned limit, uint8_t *length)
{
    struct leaf leaf[HUFFMAN_MAX_SYMBOLS];
    uint8_t depth[2 * HUFFMAN_MAX_SYMBOLS];
    unsigned count = used_symbols(n, symbols, leaf);

    memset(length, 0, symbols);
    if (count < 2) {
        if (count == 1)
            length[leaf[0].symbol] = 1;
        return;
    }
    while (tree_depths(leaf, count, depth) > limit) {
        for (unsigned i = 0; i < count; i++)
            leaf[i].weight = leaf[i].weight / 2 + 1;
    }
    for (unsigned i = 0; i < count; i++)
        length[leaf[i].symbol] = depth[i];
}

/* ---- Codes ---- */

#define MAX_LENGTH 15

static uint16_t reversed(unsigned code, unsigned bits)
{
    unsigned r = 0;

    for (unsigned i = 0; i < bits; i++)
        r |= (code >> i & 1) << (bits - 1 - i);
    return (uint16_t)r;
}

/* RFC 1951, 3.2.2: codes follow from their lengths. */
static void assign_codes(struct huffman *h, unsigned symbols)
{
    unsigned count[MAX_LENGTH + 1] = { 0 }, next[MAX_LENGTH + 2] = { 0 };

    for (unsigned i = 0; i < symbols; i++)
        count[h->length[i]]++;
    count[0] = 0;
    for (unsigned bits = 1; bits <= MAX_LENGTH; bits++)
        next[bits + 1] = (next[bits] + count[bits]) << 1;
    for (unsigned i = 0; i < symbols; i++)
        if (h->length[i] != 0)
            h->code[i] = reversed(next[h->length[i]]++, h->length[i]);
}

static size_t bits_of(const uint32_t *n, const uint8_t *length, unsigned symbols)
{
    size_t bits = 0;

    for (unsigned i = 0; i < symbols; i++)
        bits += (size_t)n[i] * length[i];
    return bits;
}

static void fixed_lengths(uint8_t *literal, uint8_t *distance)
{
    for (unsigned i = 0; i < HUFFMAN_MAX_SYMBOLS; i++)
        literal[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    memset(distance, 5, HUFFMAN_MAX_SYMBOLS);
}

/* ---- The header of a block (RFC 1951, 3.2.7) ---- */

#define LENGTH_SYMBOLS   19
#define MAX_LENGTH_CODE  7
#define COPY_LENGTH      16 /* the last one, 3 to 6 times; two bits */
#define FEW_ZEROES       17 /* 3 to 10; three bits */
#define MANY_ZEROES      18 /* 11 to 138; seven bits */
#define BLOCK_FIXED      1
#define BLOCK_DYNAMIC    2
#define BLOCK_TYPE_SHIFT 1 /* bit 0: the last block, which this never is */

struct header {
    uint8_t length[2 * HUFFMAN_MAX_SYMBOLS]; /* of literals, then of distances */
    unsigned literals, distances;
    uint8_t symbol[2 * HUFFMAN_MAX_SYMBOLS], extra[2 * HUFFMAN_MAX_SYMBOLS];
    unsigned n;
    uint32_t count[LENGTH_SYMBOLS];
    struct huffman codes;
    unsigned n_codes;
};

static const uint8_t extra_bits[LENGTH_SYMBOLS] = {
    [COPY_LENGTH] = 2, [FEW_ZEROES] = 3, [MANY_ZEROES] = 7
};
static const uint8_t code_order[LENGTH_SYMBOLS] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                    11, 4,  12, 3, 13, 2, 14, 1, 15 };

static void add_symbol(struct header *h, unsigned symbol, unsigned extra)
{
    h->symbol[h->n] = (uint8_t)symbol;
    h->extra[h->n++] = (uint8_t)extra;
    h->count[symbol]++;
}

/* A run of `run` equal lengths. */
static void add_run(struct header *h, unsigned length, unsigned run)
{
    if (length != 0) {
        add_symbol(h, length, 0);
        run--;
    }
    while (run >= 3) {
        unsigned most = length != 0 ? 6 : 138, n = MIN(run, most);
        if (length != 0)
            add_symbol(h, COPY_LENGTH, n - 3);
        else if (n <= 10)
            add_symbol(h, FEW_ZEROES, n - 3);
        else
            add_symbol(h, MANY_ZEROES, n - 11);
        run -= n;
    }
    for (; run > 0; run--)
        add_symbol(h, length, 0);
}

static unsigned without_zeroes(const uint8_t *length, unsigned n, unsigned least)
{
    while (n > least && length[n - 1] == 0)
        n--;
    return n;
}

static void make_header(struct header *h, const uint8_t *literal, unsigned literals,
                        const uint8_t *distance, unsigned distances)
{
    *h = (struct header){ .literals = without_zeroes(literal, literals, 257),
                          .distances = without_zeroes(distance, distances, 1) };
    memcpy(h->length, literal, h->literals);
    memcpy(h->length + h->literals, distance, h->distances);
    unsigned total = h->literals + h->distances;
    for (unsigned at = 0, run; at < total; at += run) {
        for (run = 1; at + run < total && h->length[at + run] == h->length[at];)
            run++;
        add_run(h, h->length[at], run);
    }
    find_lengths(h->count, LENGTH_SYMBOLS, MAX_LENGTH_CODE, h->codes.length);
    assign_codes(&h->codes, LENGTH_SYMBOLS);
    h->n_codes = LENGTH_SYMBOLS;
    while (h->n_codes > 4 && h->codes.length[code_order[h->n_codes - 1]] == 0)
        h->n_codes--;
}

static size_t header_bits(const struct header *h)
{
    return 14 + 3 * h->n_codes + bits_of(h->count, h->codes.length, LENGTH_SYMBOLS) +
           bits_of(h->count, extra_bits, LENGTH_SYMBOLS);
}

static void put_header(struct bit_writer *w, const struct header *h)
{
    bits_put(w, BLOCK_DYNAMIC << BLOCK_TYPE_SHIFT, 3);
    bits_put(w, h->literals - 257, 5);
    bits_put(w, h->distances - 1, 5);
    bits_put(w, h->n_codes - 4, 4);
    bits_store(w);
    for (unsigned i = 0; i < h->n_codes; i++) {
        bits_put(w, h->codes.length[code_order[i]], 3);
        bits_store(w);
    }
    for (unsigned i = 0; i < h->n; i++) {
        unsigned symbol = h->symbol[i];
        bits_put(w, h->codes.code[symbol], h->codes.length[symbol]);
        bits_put(w, h->extra[i], extra_bits[symbol]);
        bits_store(w);
    }
}

/* Some decoders want a code to be complete: it is with two symbols, used or not. */
static void find_distance_lengths(const uint32_t *n, unsigned symbols, uint8_t *length)
{
    uint32_t used[HUFFMAN_MAX_SYMBOLS];
    unsigned count = 0;

    memcpy(used, n, symbols * sizeof(*n));
    for (unsigned i = 0; i < symbols; i++)
        count += used[i] != 0;
    for (unsigned i = 0; count < 2; i++) {
        count += used[i] == 0;
        used[i] = MAX(used[i], 1);
    }
    find_lengths(used, symbols, MAX_LENGTH, length);
}

void huffman_choose(struct bit_writer *w, struct huffman *literal, const uint32_t *n_literal,
                    unsigned literals, struct huffman *distance, const uint32_t *n_distance,
                    unsigned distances)
{
    uint8_t fixed_literal[HUFFMAN_MAX_SYMBOLS], fixed_distance[HUFFMAN_MAX_SYMBOLS];
    struct header h;

    fixed_lengths(fixed_literal, fixed_distance);
    find_lengths(n_literal, literals, MAX_LENGTH, literal->length);
    find_distance_lengths(n_distance, distances, distance->length);
    make_header(&h, literal->length, literals, distance->length, distances);
    size_t own = header_bits(&h) + bits_of(n_literal, literal->length, literals) +
                 bits_of(n_distance, distance->length, distances);
    size_t fixed = bits_of(n_literal, fixed_literal, literals) +
                   bits_of(n_distance, fixed_distance, distances);
    if (own < fixed) {
        put_header(w, &h);
        assign_codes(literal, literals);
        assign_codes(distance, distances);
        return;
    }
    bits_put(w, BLOCK_FIXED << BLOCK_TYPE_SHIFT, 3);
    bits_store(w);
    memcpy(literal->length, fixed_literal, sizeof(fixed_literal));
    memcpy(distance->length, fixed_distance, sizeof(fixed_distance));
    assign_codes(literal, HUFFMAN_MAX_SYMBOLS);
    assign_codes(distance, 32);
}
