#ifndef HW_CHAR_PARALLEL_H
#define HW_CHAR_PARALLEL_H

#include "hw/core/device.h"

/* Three ports at iobase= (0x378: LPT1); chardev= is the printer. Output 0: the interrupt. */
extern const struct device_kind parallel_kind;

#endif
