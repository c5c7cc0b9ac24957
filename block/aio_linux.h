/*
 * The libaio engine: O_DIRECT requests go to the kernel without a thread and are completed through
 * one eventfd. Used by file.c only.
 */
#ifndef BLOCK_AIO_LINUX_H
#define BLOCK_AIO_LINUX_H

#include <stdbool.h>
#include <glib.h>

#include "block/file.h"

/* Starts the engine if it is not running yet; -errno and a sentence if the kernel has no room. */
int aio_start(GError **err);

/* As file_submit(), for requests whose offset, length and memory are aligned. */
void aio_submit(struct file_io *io);

bool aio_run_completions(void);

/* Readable while completions wait; -1 while the engine is not started. */
int aio_event_fd(void);

#endif
