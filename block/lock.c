#include "block/lock.h"

#include <errno.h>
#include <fcntl.h>

#include "base/error.h"

#define USED_BASE     100 /* + permission: held while it is used */
#define UNSHARED_BASE 200 /* + permission: held while others must not use it */

enum permission { CONSISTENT_READ, WRITE, WRITE_UNCHANGED, RESIZE, PERMISSIONS };

static const char *const permission_names[PERMISSIONS] = {
    "consistent read",
    "write",
    "write unchanged",
    "resize",
};

#define BIT(permission) (1u << (permission))

static int set_byte(int fd, int byte, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* Whether another open file holds any lock on the byte. */
static bool byte_taken(int fd, int byte)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int take(int fd, int base, unsigned permissions)
{
    for (int i = 0; i < PERMISSIONS; i++) {
        int ret = (permissions & BIT(i)) != 0 ? set_byte(fd, base + i, F_RDLCK) : 0;
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int find_conflict(int fd, int base, unsigned permissions)
{
    for (int i = 0; i < PERMISSIONS; i++)
        if ((permissions & BIT(i)) && byte_taken(fd, base + i))
            return i;
    return -1;
}

void unlock_image(int fd)
{
    for (int i = 0; i < PERMISSIONS; i++) {
        set_byte(fd, USED_BASE + i, F_UNLCK);
        set_byte(fd, UNSHARED_BASE + i, F_UNLCK);
    }
}

int lock_image(int fd, bool writer, const char *name, GError **err)
{
    unsigned used = BIT(CONSISTENT_READ) | (writer ? BIT(WRITE) | BIT(RESIZE) : 0);
    unsigned unshared = BIT(WRITE) | BIT(RESIZE);

    /* First our own marks, then the look at the others': of two that race, at least one sees. */
    int ret = take(fd, USED_BASE, used);
    if (ret == 0)
        ret = take(fd, UNSHARED_BASE, unshared);
    if (ret == -EAGAIN || ret == -EACCES)
        return fail(err, EAGAIN, "%s: is locked by another process", name);
    if (ret < 0)
        return 0; /* no such locks here (NFS without a lock server, old kernels) */

    int conflict = find_conflict(fd, UNSHARED_BASE, used);
    if (conflict < 0)
        conflict = find_conflict(fd, USED_BASE, unshared);
    if (conflict < 0)
        return 0;
    unlock_image(fd);
    return fail(err, EAGAIN, "%s: is in use by another process, which holds the \"%s\" lock", name,
                permission_names[conflict]);
}
