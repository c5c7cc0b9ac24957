#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/device.h"

#define IOAPIC_PINS 24

/*
 * The I/O APIC. No outputs: it sends its messages by services->msi. Properties: base, where its
 * registers are (0xfec00000); version, 0x11 (default) or 0x20, which adds the EOI register.
 */
extern const struct device_kind ioapic_kind;

/* Pins 0 to 23; others are ignored. */
void ioapic_set_irq(struct device *dev, unsigned pin, bool level);

/* A local APIC's end of a level-triggered interrupt of this vector, broadcast to all I/O APICs. */
void ioapic_eoi(struct device *dev, uint8_t vector);

#endif
