/*
 * Matching of device paths in the host's boot order. No hardware, host-tested.
 */
#ifndef BIOS_BOOTORDER_H
#define BIOS_BOOTORDER_H

#include <stdint.h>

/*
 * Number of the first line of `order` (lines end with '\n' or the final zero) that starts with the
 * path `pattern`, ending there or at a '/'. A '*' in the pattern stands for any characters but
 * '/'. NO_PRIORITY if there is none.
 */
int16_t path_find(const char *order, const char *pattern);

#endif
