/*
 * What the compiler expects of a C library. Block copies use the string instructions: a hypervisor
 * that emulates them handles a whole page at once. For both modes.
 */
#include "x86.h"

void *memcpy(void *dst, const void *src, size_t n)
{
    void *d = dst;
    size_t words = n / 4;
    n &= 3;
    __asm__ volatile("rep movsl" : "+D"(d), "+S"(src), "+c"(words)::"memory");
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n)::"memory");
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    void *d = dst;
    uint32_t four = (uint8_t)c * 0x01010101U;
    size_t words = n / 4;
    n &= 3;
    __asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(four) : "memory");
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n; n--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}
