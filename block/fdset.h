/*
 * File descriptors that were handed in from outside (QMP add-fd, -add-fd), named /dev/fdset/N.
 *
 * A set holds one or more descriptors of the same file with different access modes; opening
 * /dev/fdset/N duplicates the one whose mode fits. Called with the machine lock held.
 */
#ifndef BLOCK_FDSET_H
#define BLOCK_FDSET_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

/*
 * Adds fd to set `*id`, or, if *id is negative, to a new set whose number is stored there. Takes
 * over fd, also on error; `text` (may be NULL) is shown by query-fdsets. Returns 0, or -EINVAL for
 * an fd that is not open.
 */
int fdset_add(int64_t *id, int fd, const char *text, GError **err);

/* Removes fd (all of the set if fd < 0) and closes it. -ENOENT if there is none such. */
int fdset_remove(int64_t id, int fd, GError **err);

/* Removes and closes all of them; who has opened one has a descriptor of its own. */
void fdset_clear(void);

/* Calls fn for each fd of each set in ascending order. fn must not add or remove. */
void fdset_foreach(void (*fn)(int64_t id, int fd, const char *text, void *opaque), void *opaque);

/* Whether path is of the form /dev/fdset/N. */
bool fdset_is_path(const char *path);

/*
 * open() for a path that may be /dev/fdset/N: a duplicate (close-on-exec) of the fd whose access
 * mode equals that of flags (O_RDONLY is also served by an O_RDWR one), else a plain open().
 * O_DIRECT and O_NONBLOCK in flags are applied to the duplicate. Returns the fd or -errno.
 */
int fdset_open(const char *path, int flags, GError **err);

#endif
