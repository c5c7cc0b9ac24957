#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/core/device.h"

/*
 * The keyboard controller at ports 0x60 and 0x64 with a keyboard and a mouse. Output 0: IRQ1,
 * output 1: IRQ12. Property input= is a host service of kind "input" (struct input).
 */
extern const struct device_kind i8042_kind;

/* The mouse sends a report, if its driver takes any: for hw/input/vmmouse.h. */
void i8042_nudge_mouse(struct device *dev);

#endif
