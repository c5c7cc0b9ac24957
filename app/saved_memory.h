/*
 * The guest's memory in a saved state: it stands in the file before the state of hw/core/state.h,
 * where the device model has the memory (not under Xen, whose toolstack saves it).
 *
 * All integers little-endian:
 *
 *   "HVMDMRM1"
 *   per stretch:  u8 length, name    u64 bytes
 *                 u32 pages (not 0)    u64 number of the first one    the pages; any number of
 * times u32 0 u8 0          u32 CRC-32 of all before it
 *
 * Pages that are not there are zeroes.
 */
#ifndef APP_SAVED_MEMORY_H
#define APP_SAVED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#define SAVED_MEMORY_MAGIC      "HVMDMRM1"
#define SAVED_MEMORY_MAGIC_SIZE 8

/* Writes it (struct machine_memory) to fd. Blocks; for any thread. 0 or -errno. */
int saved_memory_write(int fd, const GArray *memory);

struct memory_loader;

/* For a file with these stretches. memory is borrowed; NULL: only to pass over it. */
struct memory_loader *memory_loader_new(const GArray *memory);
void memory_loader_free(struct memory_loader *loader); /* NULL is fine */

/*
 * Takes the next bytes of a file, its magic among them, and says in *taken how many. 1: that was
 * all of the memory, and the rest is the state; 0: more is needed; -EINVAL and a sentence.
 */
int memory_loader_feed(struct memory_loader *loader, const uint8_t *data, size_t size,
                       size_t *taken, GError **err);

#endif
