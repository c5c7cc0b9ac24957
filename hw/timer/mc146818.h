#ifndef HW_TIMER_MC146818_H
#define HW_TIMER_MC146818_H

#include <stdint.h>

#include "hw/core/device.h"

/*
 * The real-time clock with 128 bytes of battery-backed CMOS RAM, at ports 0x70 and 0x71.
 * Output 0: IRQ8. Output 1: an enabled alarm is pending, which wakes the machine from S3.
 * Property base: what it shows at first: "utc" (default), "localtime", or a date like
 * 2006-06-17T16:01:21 or 2006-06-17.
 */
extern const struct device_kind mc146818_kind;

/*
 * Sets a byte of CMOS RAM, as the firmware's set-up left it: index 0x0e to 0x7f, except 0x32, the
 * century, which the clock keeps. Stays over resets.
 */
void mc146818_set_cmos(struct device *dev, uint8_t index, uint8_t value);

/*
 * fn is called whenever the guest has set the clock, with the seconds that it is now ahead of
 * what `base` would make it show.
 */
void mc146818_on_change(struct device *dev, void (*fn)(void *opaque, int64_t offset), void *opaque);

#endif
