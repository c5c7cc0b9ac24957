/*
 * Small helpers of POST.
 */
#include "post.h"

bool string_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

uint8_t byte_sum(const void *p, uint32_t len)
{
    const uint8_t *b = p;
    uint8_t sum = 0;
    while (len--)
        sum += *b++;
    return sum;
}

void fix_checksum(const void *p, uint32_t len, uint8_t *checksum)
{
    *checksum -= byte_sum(p, len);
}
