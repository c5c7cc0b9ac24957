#ifndef HW_CHAR_UART16550_H
#define HW_CHAR_UART16550_H

#include "hw/core/device.h"

/* Eight ports at iobase= (0x3F8: COM1); chardev= is the cable. Output 0: the interrupt. */
extern const struct device_kind uart16550_kind;

#endif
