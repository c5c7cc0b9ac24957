#ifndef HW_FLOPPY_I82078_H
#define HW_FLOPPY_I82078_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/device.h"

/*
 * The floppy disk controller of a PC at ports 0x3F2 to 0x3F5 and 0x3F7. One output, the interrupt
 * (IRQ6 on a PC); no properties. Up to two drives of kind "floppy" find it by themselves.
 */
extern const struct device_kind i82078_kind;

/* A floppy drive, which the user adds by -device. */
extern const struct device_kind floppy_kind;

/* Connects DREQ, DACK and TC to a channel of an i8237; before realize. */
void i82078_set_dma(struct device *dev, struct device *i8237, unsigned channel);

/* What the CMOS calls the drive in unit 0 or 1: 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M; 0 none.
 */
uint8_t i82078_drive_type(const struct device *dev, unsigned unit);

/* Of a "floppy": its unit, and its place in the boot order (UINT32_MAX: none). False: no floppy. */
bool floppy_get_place(const struct device *dev, unsigned *unit, uint32_t *bootindex);

#endif
