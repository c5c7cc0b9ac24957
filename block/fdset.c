#include "block/fdset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/queue.h>

#include "base/error.h"

#define PREFIX "/dev/fdset/"

struct member {
    int64_t id;
    int fd;
    char *text;
    TAILQ_ENTRY(member) link;
};

/* The process's descriptors, like its table of open files; ascending by id. */
static TAILQ_HEAD(, member) members = TAILQ_HEAD_INITIALIZER(members);

/* The first member whose id is not below the given one. */
static struct member *first_from(int64_t id)
{
    struct member *m;

    TAILQ_FOREACH(m, &members, link)
    if (m->id >= id)
        break;
    return m;
}

/* Numbers are used again, as QEMU does; toolstacks count on small ones. */
static int64_t lowest_free_id(void)
{
    struct member *m;
    int64_t id = 0;

    TAILQ_FOREACH(m, &members, link)
    if (m->id == id)
        id++;
    else if (m->id > id)
        break;
    return id;
}

int fdset_add(int64_t *id, int fd, const char *text, GError **err)
{
    if (fcntl(fd, F_GETFL) < 0)
        return fail(err, EINVAL, "add-fd: no open file descriptor was passed");
    if (*id < 0)
        *id = lowest_free_id();

    struct member *m = g_new0(struct member, 1);
    m->id = *id;
    m->fd = fd;
    m->text = g_strdup(text);
    struct member *next = first_from(*id + 1);
    if (next != NULL)
        TAILQ_INSERT_BEFORE(next, m, link);
    else
        TAILQ_INSERT_TAIL(&members, m, link);
    return 0;
}

static void remove_member(struct member *m)
{
    TAILQ_REMOVE(&members, m, link);
    close(m->fd);
    g_free(m->text);
    g_free(m);
}

int fdset_remove(int64_t id, int fd, GError **err)
{
    struct member *m = first_from(id);
    bool found = false;

    while (m != NULL && m->id == id) {
        struct member *next = TAILQ_NEXT(m, link);

        if (fd < 0 || m->fd == fd) {
            remove_member(m);
            found = true;
        }
        m = next;
    }
    if (!found)
        return fail(err, ENOENT, "remove-fd: no such descriptor in fdset %" G_GINT64_FORMAT, id);
    return 0;
}

void fdset_clear(void)
{
    struct member *m;

    while ((m = TAILQ_FIRST(&members)) != NULL)
        remove_member(m);
}

void fdset_foreach(void (*fn)(int64_t id, int fd, const char *text, void *opaque), void *opaque)
{
    struct member *m;

    TAILQ_FOREACH(m, &members, link)
    fn(m->id, m->fd, m->text, opaque);
}

bool fdset_is_path(const char *path)
{
    return g_str_has_prefix(path, PREFIX);
}

/* An exact match of the access mode first; reading may also use a descriptor that can write. */
static const struct member *find(int64_t id, int access)
{
    const struct member *m, *usable = NULL;

    for (m = first_from(id); m != NULL && m->id == id; m = TAILQ_NEXT(m, link)) {
        int mode = fcntl(m->fd, F_GETFL) & O_ACCMODE;

        if (mode == access)
            return m;
        if (mode == O_RDWR && access == O_RDONLY)
            usable = m;
    }
    return usable;
}

/*
 * The duplicate shares its file status flags with the original, so O_DIRECT shows up there too; a
 * second open() through /proc would need rights that a confined process does not have.
 */
static int dup_with_flags(int fd, int flags)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

    if (copy < 0)
        return -errno;
    int have = fcntl(copy, F_GETFL);
    int want = have | (flags & (O_DIRECT | O_NONBLOCK));
    if (want != have && fcntl(copy, F_SETFL, want) < 0) {
        int error = errno;
        close(copy);
        return -error;
    }
    return copy;
}

int fdset_open(const char *path, int flags, GError **err)
{
    int fd;

    if (!fdset_is_path(path)) {
        fd = open(path, flags | O_CLOEXEC, 0666);
        return fd >= 0 ? fd : fail_errno(err, errno, "%s", path);
    }

    guint64 id;
    if (!g_ascii_string_to_unsigned(path + strlen(PREFIX), 10, 0, G_MAXINT64, &id, NULL))
        return fail(err, EINVAL, "%s: not the name of an fdset", path);
    const struct member *m = find((int64_t)id, flags & O_ACCMODE);
    if (m == NULL)
        return fail(err, ENOENT, "%s: no descriptor in this fdset can be opened for %s", path,
                    (flags & O_ACCMODE) == O_RDONLY ? "reading" : "writing");
    fd = dup_with_flags(m->fd, flags);
    return fd >= 0 ? fd : fail_errno(err, -fd, "%s", path);
}
