/*
 * Intel 82441FX PCI and Memory Controller (290549): the host bridge of the i440FX chip set.
 */
#ifndef HW_PCI_I440FX_H
#define HW_PCI_I440FX_H

#include "hw/core/device.h"

extern const struct device_kind i440fx_kind;

/* What the shadow registers switch between, at 0xA0000 to 0xFFFFF. */
#define I440FX_LEGACY_BASE 0xa0000u
#define I440FX_LEGACY_SIZE 0x60000u
/* The BIOS ROM as it appears at 0xE0000. */
#define I440FX_BIOS_BASE   0xe0000u
#define I440FX_BIOS_SIZE   0x20000u

/*
 * Before realize: the RAM behind 0xA0000 to 0xFFFFF (I440FX_LEGACY_SIZE bytes) and the ROM that
 * answers at 0xE0000 while the shadow is off (I440FX_BIOS_SIZE bytes, or NULL). Both stay the
 * caller's. Without the call (a core that has the memory itself) the registers only remember.
 */
void i440fx_set_memory(struct device *dev, uint8_t *legacy_ram, uint8_t *bios);

#endif
