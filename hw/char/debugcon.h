#ifndef HW_CHAR_DEBUGCON_H
#define HW_CHAR_DEBUGCON_H

#include "hw/core/device.h"

/* Port 0xE9 unless iobase= says otherwise. No outputs, no state. */
extern const struct device_kind debugcon_kind;

#endif
