/*
 * A guest that does anything with the e1000: its registers, rings and frames follow the input. It
 * knows where rings and buffers are, so that most of what it does is nearly right. Shared by the
 * libFuzzer target and the unit test with random guests.
 */
#ifndef TESTS_FUZZ_E1000_H
#define TESTS_FUZZ_E1000_H

#include <stddef.h>
#include <stdint.h>

void fuzz_e1000(const uint8_t *data, size_t size);

#endif
