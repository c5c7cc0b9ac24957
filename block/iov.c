#include "block/iov.h"

#include <string.h>

/* The piece of element i that lies in [skip, skip + len) of the whole list; false if none does. */
static bool piece(const struct iovec *element, uint64_t *skip, uint64_t *len, struct iovec *out)
{
    if (*skip >= element->iov_len || *len == 0) {
        *skip -= *len == 0 ? 0 : element->iov_len;
        return false;
    }
    uint64_t here = element->iov_len - *skip;
    out->iov_base = (uint8_t *)element->iov_base + *skip;
    out->iov_len = here < *len ? here : *len;
    *skip = 0;
    *len -= out->iov_len;
    return true;
}

int iov_slice(const struct iovec *iov, int n, uint64_t skip, uint64_t len, struct iovec *out)
{
    int used = 0;

    for (int i = 0; i < n && len > 0; i++)
        used += piece(&iov[i], &skip, &len, &out[used]);
    return used;
}

uint64_t iov_size(const struct iovec *iov, int n)
{
    uint64_t size = 0;

    for (int i = 0; i < n; i++)
        size += iov[i].iov_len;
    return size;
}

void iov_from_buf(const struct iovec *iov, int n, uint64_t skip, const uint8_t *buf, uint64_t len)
{
    struct iovec part;

    for (int i = 0; i < n && len > 0; i++)
        if (piece(&iov[i], &skip, &len, &part)) {
            memcpy(part.iov_base, buf, part.iov_len);
            buf += part.iov_len;
        }
}

void iov_to_buf(const struct iovec *iov, int n, uint64_t skip, uint8_t *buf, uint64_t len)
{
    struct iovec part;

    for (int i = 0; i < n && len > 0; i++)
        if (piece(&iov[i], &skip, &len, &part)) {
            memcpy(buf, part.iov_base, part.iov_len);
            buf += part.iov_len;
        }
}

void iov_zero(const struct iovec *iov, int n, uint64_t skip, uint64_t len)
{
    struct iovec part;

    for (int i = 0; i < n && len > 0; i++)
        if (piece(&iov[i], &skip, &len, &part))
            memset(part.iov_base, 0, part.iov_len);
}

bool buffer_is_zero(const uint8_t *buf, size_t len)
{
    size_t head = len < 16 ? len : 16;

    for (size_t i = 0; i < head; i++)
        if (buf[i] != 0)
            return false;
    /* Compared with itself, 16 bytes further: all are equal to the first 16. */
    return len <= 16 || memcmp(buf, buf + 16, len - 16) == 0;
}

bool iov_is_zero(const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++)
        if (!buffer_is_zero(iov[i].iov_base, iov[i].iov_len))
            return false;
    return true;
}
