#include "ui/vnc/deflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "ui/vnc/huffman.h"

#define WINDOW      32768u /* how far back a repetition may be */
#define BUFFER      (4 * WINDOW)
#define MAX_MATCH   258u
#define MIN_MATCH   3u
#define HASH_BITS   14
#define HASH_SIZE   (1u << HASH_BITS)
#define MAX_TOKENS  16384u
#define TOKEN_BYTES 6u /* no token takes more: 15 + 5 + 15 + 13 bits */

#define N_LITERALS   286u
#define N_DISTANCES  30u
#define END_OF_BLOCK 256u
#define LONGEST      285u /* the symbol of a match of 258, without extra bits */

/* A literal is its byte; a match is its length, and above it its distance. */
#define TOKEN_LENGTH(token)   ((token)&0x1ff)
#define TOKEN_DISTANCE(token) ((token) >> 9)

struct deflater {
    uint8_t bytes[BUFFER + 8]; /* what was added, up to `end`; loads go beyond it */
    uint32_t start;            /* the position in the stream of bytes[0] */
    unsigned end;
    uint32_t recent[HASH_SIZE][2]; /* the last positions of a pixel */
    uint32_t tokens[MAX_TOKENS];
    unsigned n_tokens;
    /* How often each symbol is used; lengths become symbols when the block is written. */
    uint32_t n_literal[N_LITERALS], n_length[MAX_MATCH + 1], n_distance[N_DISTANCES];
    struct bit_writer bits;
};

/* ---- Symbols (RFC 1951, 3.2.5) ---- */

struct symbol {
    unsigned symbol, extra_bits;
    uint32_t extra;
};

static struct symbol length_symbol(unsigned length)
{
    unsigned l = length - MIN_MATCH;

    if (length == MAX_MATCH)
        return (struct symbol){ LONGEST, 0, 0 };
    if (l < 8)
        return (struct symbol){ 257 + l, 0, 0 };
    unsigned n = 29 - (unsigned)__builtin_clz(l); /* two bits are told by the symbol */
    return (struct symbol){ 257 + 4 * n + (l >> n), n, l & ((1u << n) - 1) };
}

static struct symbol distance_symbol(unsigned distance)
{
    unsigned d = distance - 1;

    if (d < 4)
        return (struct symbol){ d, 0, 0 };
    unsigned n = 30 - (unsigned)__builtin_clz(d);
    return (struct symbol){ 2 * n + (d >> n), n, d & ((1u << n) - 1) };
}

/* ---- Blocks ---- */

/* What a length is written as: the code of its symbol, then the extra bits. */
struct length_code {
    uint32_t bits;
    unsigned n;
};

static void make_length_codes(const struct huffman *literal, struct length_code *codes)
{
    for (unsigned length = MIN_MATCH; length <= MAX_MATCH; length++) {
        struct symbol s = length_symbol(length);
        codes[length] = (struct length_code){
            literal->code[s.symbol] | s.extra << literal->length[s.symbol],
            literal->length[s.symbol] + s.extra_bits,
        };
    }
}

static void put_tokens(struct deflater *d, const struct huffman *literal,
                       const struct huffman *distance)
{
    struct length_code length[MAX_MATCH + 1];
    struct bit_writer *w = &d->bits;

    make_length_codes(literal, length);
    for (unsigned i = 0; i < d->n_tokens; i++) {
        uint32_t token = d->tokens[i];
        if (TOKEN_DISTANCE(token) == 0) {
            bits_put(w, literal->code[token], literal->length[token]);
        } else {
            struct symbol dist = distance_symbol(TOKEN_DISTANCE(token));
            bits_put(w, length[TOKEN_LENGTH(token)].bits, length[TOKEN_LENGTH(token)].n);
            bits_put(w, distance->code[dist.symbol], distance->length[dist.symbol]);
            bits_put(w, dist.extra, dist.extra_bits);
        }
        bits_store(w);
    }
    bits_put(w, literal->code[END_OF_BLOCK], literal->length[END_OF_BLOCK]);
    bits_store(w);
}

static void count_lengths(struct deflater *d)
{
    for (unsigned length = MIN_MATCH; length <= MAX_MATCH; length++)
        d->n_literal[length_symbol(length).symbol] += d->n_length[length];
}

/* All tokens so far as one block: by codes of its own, or by the fixed ones where it is short. */
static void put_block(struct deflater *d, GByteArray *out)
{
    struct huffman literal, distance;

    if (d->n_tokens == 0)
        return;
    bits_begin(&d->bits, out, (size_t)d->n_tokens * TOKEN_BYTES + HUFFMAN_HEADER_BYTES);
    d->n_literal[END_OF_BLOCK] = 1;
    count_lengths(d);
    huffman_choose(&d->bits, &literal, d->n_literal, N_LITERALS, &distance, d->n_distance,
                   N_DISTANCES);
    put_tokens(d, &literal, &distance);
    bits_end(&d->bits, out);
    d->n_tokens = 0;
    memset(d->n_literal, 0, sizeof(d->n_literal));
    memset(d->n_length, 0, sizeof(d->n_length));
    memset(d->n_distance, 0, sizeof(d->n_distance));
}

static void add_literals(struct deflater *d, const uint8_t *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        d->tokens[d->n_tokens++] = p[i];
        d->n_literal[p[i]]++;
    }
}

static void add_match(struct deflater *d, unsigned length, unsigned distance)
{
    d->tokens[d->n_tokens++] = distance << 9 | length;
    d->n_length[length]++;
    d->n_distance[distance_symbol(distance).symbol]++;
}

/* ---- Matches ---- */

/* How many bytes are the same, up to max. */
static unsigned same_bytes(const uint8_t *a, const uint8_t *b, unsigned max)
{
    for (unsigned n = 0; n < max; n += 8) {
        uint64_t differ = get_le64(a + n) ^ get_le64(b + n);
        if (differ != 0)
            return MIN(max, n + (unsigned)__builtin_ctzll(differ) / 8);
    }
    return max;
}

struct match {
    unsigned length, distance;
};

static void try_distance(const struct deflater *d, unsigned at, unsigned distance, unsigned max,
                         struct match *best)
{
    if (distance == 0 || distance > MIN(at, WINDOW))
        return;
    const uint8_t *here = d->bytes + at, *there = here - distance;
    if (here[best->length] != there[best->length])
        return; /* not longer */
    unsigned length = same_bytes(here, there, max);
    if (length > best->length)
        *best = (struct match){ length, distance };
}

/* A hash of the pixel; short pixels take in what follows. */
static unsigned hash_at(const uint8_t *p, unsigned pixel)
{
    uint32_t value = get_le32(p) & (pixel == 3 ? 0xffffff : 0xffffffff);

    return (value * 2654435761u) >> (32 - HASH_BITS);
}

static void remember(struct deflater *d, unsigned at, unsigned pixel)
{
    uint32_t *recent = d->recent[hash_at(d->bytes + at, pixel)];

    recent[1] = recent[0];
    recent[0] = d->start + at;
}

/* The longest of the places where it is likely; whole pixels only. */
static struct match find_match(struct deflater *d, unsigned at, unsigned max, unsigned pixel,
                               unsigned row)
{
    const uint32_t *recent = d->recent[hash_at(d->bytes + at, pixel)];
    struct match best = { 0, 0 };

    try_distance(d, at, pixel, max, &best);
    if (best.length < max)
        try_distance(d, at, row, max, &best);
    for (unsigned i = 0; i < 2 && best.length < max; i++)
        try_distance(d, at, d->start + at - recent[i], max, &best);
    best.length -= best.length % pixel;
    if (best.length < MIN_MATCH)
        best.length = 0;
    return best;
}

/* Of a long match only the first pixels are remembered: a run would fill the table with itself. */
#define REMEMBERED 8

static void parse(struct deflater *d, unsigned at, unsigned pixel, unsigned row, GByteArray *out)
{
    while (at < d->end) {
        if (d->n_tokens > MAX_TOKENS - 4)
            put_block(d, out);
        struct match m = find_match(d, at, MIN(MAX_MATCH / pixel * pixel, d->end - at), pixel, row);
        unsigned n = m.length != 0 ? m.length : MIN(pixel, d->end - at);
        if (m.length != 0)
            add_match(d, m.length, m.distance);
        else
            add_literals(d, d->bytes + at, n);
        for (unsigned i = 0; i < MIN(n, REMEMBERED * pixel); i += pixel)
            remember(d, at + i, pixel);
        at += n;
    }
}

/* ---- The stream ---- */

/* Keeps the last WINDOW bytes. Positions may wrap: then nothing is remembered. */
static void slide(struct deflater *d)
{
    unsigned gone = d->end - WINDOW;

    memmove(d->bytes, d->bytes + gone, WINDOW);
    d->end = WINDOW;
    if (d->start > UINT32_MAX - 2 * BUFFER)
        deflater_forget(d);
    else
        d->start += gone;
}

void deflater_add(struct deflater *d, const uint8_t *data, size_t n, unsigned pixel, unsigned row,
                  GByteArray *out)
{
    while (n > 0) {
        if (d->end > BUFFER - WINDOW)
            slide(d);
        unsigned at = d->end, room = (BUFFER - at) / pixel * pixel;
        unsigned part = (unsigned)MIN(n, room);
        memcpy(d->bytes + at, data, part);
        d->end += part;
        parse(d, at, pixel, row, out);
        data += part;
        n -= part;
    }
}

void deflater_flush(struct deflater *d, GByteArray *out)
{
    put_block(d, out);
    bits_begin(&d->bits, out, 16);
    bits_put(&d->bits, 0, 3); /* an empty stored block, which begins at a byte */
    bits_align(&d->bits);
    bits_put(&d->bits, 0xffff0000, 32);
    bits_store(&d->bits);
    bits_end(&d->bits, out);
}

/* Nothing is nearer than the window is long. */
void deflater_forget(struct deflater *d)
{
    memset(d->recent, 0, sizeof(d->recent));
    d->start = 2 * WINDOW;
    d->end = 0;
}

struct deflater *deflater_create(void)
{
    struct deflater *d = g_new0(struct deflater, 1);

    deflater_forget(d);
    return d;
}

void deflater_destroy(struct deflater *d)
{
    g_free(d);
}
