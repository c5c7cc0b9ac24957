/*
 * Guest, wire and image bytes as integers: explicit byte order, any alignment, no casts.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>
#include <string.h>
#include <endian.h>

#define BYTES_ACCESSORS(bits)                                  \
    static inline uint##bits##_t get_le##bits(const void *p)   \
    {                                                          \
        uint##bits##_t v;                                      \
        memcpy(&v, p, sizeof(v));                              \
        return le##bits##toh(v);                               \
    }                                                          \
    static inline uint##bits##_t get_be##bits(const void *p)   \
    {                                                          \
        uint##bits##_t v;                                      \
        memcpy(&v, p, sizeof(v));                              \
        return be##bits##toh(v);                               \
    }                                                          \
    static inline void put_le##bits(void *p, uint##bits##_t v) \
    {                                                          \
        v = htole##bits(v);                                    \
        memcpy(p, &v, sizeof(v));                              \
    }                                                          \
    static inline void put_be##bits(void *p, uint##bits##_t v) \
    {                                                          \
        v = htobe##bits(v);                                    \
        memcpy(p, &v, sizeof(v));                              \
    }

BYTES_ACCESSORS(16)
BYTES_ACCESSORS(32)
BYTES_ACCESSORS(64)

#undef BYTES_ACCESSORS

/* Reads a little-endian integer of 1, 2, 4 or 8 bytes. */
static inline uint64_t get_le(const void *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size <= 8 ? size : 8);
    return le64toh(v);
}

/* Writes the low `size` (1, 2, 4 or 8) bytes of v, little-endian. */
static inline void put_le(void *p, uint64_t v, unsigned size)
{
    v = htole64(v);
    memcpy(p, &v, size <= 8 ? size : 8);
}

/* All ones in the low `size` bytes; size 1 to 8. */
static inline uint64_t size_mask(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

#endif
