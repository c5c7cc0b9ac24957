/*
 * Between image.c and the formats: how each of them makes a new image.
 */
#ifndef BLOCK_CREATE_H
#define BLOCK_CREATE_H

#include "block/file.h"
#include "block/image.h"

/* file: empty (or a device). */
int q2_create(struct block_file *file, const struct image_create_options *options, GError **err);
int vhd_create(struct block_file *file, const struct image_create_options *options, GError **err);

/* On the new image, opened: all clusters get their place; falloc and full reserve the space. */
int q2_create_prealloc(struct block_node *node, enum image_preallocation mode, GError **err);

/* Reserves space without changing content: fallocate, or for `full` by reading and writing. */
int create_reserve(struct block_file *file, uint64_t offset, uint64_t len, bool full);

#endif
