/*
 * Huffman codes and bits as RFC 1951 has them, for ui/vnc/deflate.c.
 */
#ifndef UI_VNC_HUFFMAN_H
#define UI_VNC_HUFFMAN_H

#include <stdint.h>
#include <glib.h>

#include "base/bytes.h"

/* ---- Bits, the low ones of a byte first ---- */

struct bit_writer {
    uint64_t acc;
    unsigned n; /* bits in acc; below 8 between calls of bits_store() */
    uint8_t *to;
};

/* Room for so many bytes at the end of out; and giving back what was not used. */
void bits_begin(struct bit_writer *w, GByteArray *out, size_t room);
void bits_end(struct bit_writer *w, GByteArray *out);

/* Up to 56 bits between calls of bits_store(). */
static inline void bits_put(struct bit_writer *w, uint64_t value, unsigned n)
{
    w->acc |= value << w->n;
    w->n += n;
}

static inline void bits_store(struct bit_writer *w)
{
    put_le64(w->to, w->acc);
    w->to += w->n / 8;
    w->acc >>= w->n & ~7u;
    w->n &= 7;
}

static inline void bits_align(struct bit_writer *w)
{
    w->n = (w->n + 7) & ~7u;
    bits_store(w);
}

/* ---- Codes ---- */

#define HUFFMAN_MAX_SYMBOLS  288
#define HUFFMAN_HEADER_BYTES 400 /* a block's header takes less, with what bits_store() writes */

struct huffman {
    uint16_t code[HUFFMAN_MAX_SYMBOLS]; /* first bit lowest */
    uint8_t length[HUFFMAN_MAX_SYMBOLS];
};

/*
 * Chooses the codes of a block by how often each symbol is used, and writes its header: fixed codes
 * where that is shorter.
 */
void huffman_choose(struct bit_writer *w, struct huffman *literal, const uint32_t *n_literal,
                    unsigned literals, struct huffman *distance, const uint32_t *n_distance,
                    unsigned distances);

#endif
