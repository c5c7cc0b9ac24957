#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include <stdbool.h>

#include "hw/core/device.h"

/*
 * The interval timer at ports 0x40 to 0x43 and system control port B at 0x61. Output 0: IRQ0.
 * While output 0 is not connected no host timer runs. No properties.
 */
extern const struct device_kind i8254_kind;

/* Cuts IRQ0 off (on: false) while a HPET has taken its place. It is on after reset. */
void i8254_enable_irq(struct device *dev, bool on);

#endif
