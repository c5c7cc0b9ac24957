#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/device.h"

/* Both interrupt controllers of a PC. Output 0: INTR to the CPU. No properties. */
extern const struct device_kind i8259_kind;

/* Inputs IRQ0 to IRQ15; 2 is the cascade and not connected. Others are ignored. */
void i8259_set_irq(struct device *dev, unsigned irq, bool level);

/*
 * The CPU's interrupt acknowledge cycle: returns the vector and puts the interrupt in service.
 * Without a request it is the spurious vector, that of IRQ7 or IRQ15.
 */
uint8_t i8259_acknowledge(struct device *dev);

#endif
