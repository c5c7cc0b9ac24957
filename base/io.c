#include "base/io.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int io_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

/* A connection is refused also by a file of another kind. */
static bool is_stale(int fd, const struct sockaddr *sa, socklen_t len)
{
    int type = SOCK_STREAM;
    socklen_t size = sizeof(type);
    struct stat st;

    if (sa->sa_family != AF_UNIX || lstat(((const struct sockaddr_un *)sa)->sun_path, &st) < 0 ||
        !S_ISSOCK(st.st_mode))
        return false;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    int probe = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return false;
    bool stale = connect(probe, sa, len) < 0 && errno == ECONNREFUSED;
    close(probe);
    return stale;
}

int io_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
    if (bind(fd, sa, len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if (!is_stale(fd, sa, len))
        return -EADDRINUSE;
    unlink(((const struct sockaddr_un *)sa)->sun_path);
    return bind(fd, sa, len) < 0 ? -errno : 0;
}
