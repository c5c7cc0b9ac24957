/*
 * Descriptors that take their time: files, pipes.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>

/* Writes all of it, whatever number of calls that takes; fd blocks. 0 or -errno. */
int io_write_all(int fd, const void *data, size_t size);

#endif
