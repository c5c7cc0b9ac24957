/*
 * Descriptors that take their time: files, pipes; and places of sockets.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <sys/socket.h>

/* Writes all of it, whatever number of calls that takes; fd blocks. 0 or -errno. */
int io_write_all(int fd, const void *data, size_t size);

/*
 * bind(). The file of a unix socket whose process was killed makes room: one that is a socket, and
 * where nobody listens. Whoever unlinks his own does so before he closes the socket, so that it is
 * not his successor's. 0 or -errno.
 */
int io_bind(int fd, const struct sockaddr *sa, socklen_t len);

#endif
