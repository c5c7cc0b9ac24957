/*
 * Scatter lists.
 */
#ifndef BLOCK_IOV_H
#define BLOCK_IOV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * The part of a list from byte `skip` on, len bytes long. `out` has room for n elements; returns
 * how many were used.
 */
int iov_slice(const struct iovec *iov, int n, uint64_t skip, uint64_t len, struct iovec *out);

/* The sum of the lengths. */
uint64_t iov_size(const struct iovec *iov, int n);

/* Copies between a buffer and the list, from byte `skip` of the list on; zeroes a part of it. */
void iov_from_buf(const struct iovec *iov, int n, uint64_t skip, const uint8_t *buf, uint64_t len);
void iov_to_buf(const struct iovec *iov, int n, uint64_t skip, uint8_t *buf, uint64_t len);
void iov_zero(const struct iovec *iov, int n, uint64_t skip, uint64_t len);

bool iov_is_zero(const struct iovec *iov, int n);
bool buffer_is_zero(const uint8_t *buf, size_t len);

#endif
