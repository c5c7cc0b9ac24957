/*
 * The one list of all device kinds.
 */
#ifndef HW_MACHINE_DEVICES_H
#define HW_MACHINE_DEVICES_H

#include "hw/core/device.h"

/* By the name for -device, or an alias of it ("VGA"). NULL: there is none. */
const struct device_kind *device_kind_find(const char *name);

/* Every kind, in the order of the list; the last is NULL. */
const struct device_kind *const *device_kinds(void);

/* What -device help and -device KIND,help print. The caller owns the string. */
char *device_kinds_help(void);
char *device_kind_help(const struct device_kind *kind);

#endif
