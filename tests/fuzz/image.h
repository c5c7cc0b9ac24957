/*
 * One hostile image through everything a machine and the image tool do with one. Shared by the
 * libFuzzer targets and the unit test with broken images.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Opens the bytes as an image of the format, reads, writes, discards, snapshots, checks and
 * repairs. Returns 0 or the -errno of opening it; crashes if something is wrong.
 */
int fuzz_image(const char *format, const uint8_t *data, size_t size);

#endif
