/*
 * Image locks between processes, compatible with QEMU and qemu-img.
 *
 * Each permission has a byte in the file: a process that uses permission i holds a shared open-file
 * -description lock on byte 100 + i, and one that does not want others to use it holds one on byte
 * 200 + i. Conflicts are found by testing the other side's byte. (QEMU docs/system/images.rst,
 * "image locking"; bytes and order as observed with lslocks.)
 */
#ifndef BLOCK_LOCK_H
#define BLOCK_LOCK_H

#include <stdbool.h>
#include <glib.h>

/*
 * Takes the locks of a writer (nobody else may write or resize) or of a reader (the same, since the
 * content must not change under it). `name` is for messages. Returns 0, -EAGAIN with a sentence
 * when another process is in the way, or another -errno. Where the file system has no such locks
 * it succeeds without. The locks go away when the fd is closed.
 */
int lock_image(int fd, bool writer, const char *name, GError **err);
void unlock_image(int fd);

#endif
