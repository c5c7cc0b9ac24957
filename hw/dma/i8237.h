#ifndef HW_DMA_I8237_H
#define HW_DMA_I8237_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/core/device.h"

/*
 * Both DMA controllers of a PC at ports 0x00 to 0x0F and 0xC0 to 0xDF, and the page registers at
 * 0x80 to 0x8F. No outputs, no properties.
 *
 * Channels 0 to 3 move bytes, 5 to 7 words; 4 is the cascade and belongs to nobody.
 */
extern const struct device_kind i8237_kind;

#define I8237_N_CHANNELS 8

/*
 * Who is on a channel. ready() is called when the guest has changed the controller's registers and
 * the channel would now serve a request that is raised; it may call i8237_transfer(). NULL: nobody.
 */
void i8237_attach(struct device *dev, unsigned channel, void (*ready)(void *opaque), void *opaque);

/* The device's DREQ line. Raising it calls nothing back. */
void i8237_set_dreq(struct device *dev, unsigned channel, bool level);

enum i8237_direction { I8237_TO_MEMORY, I8237_FROM_MEMORY };

/*
 * One service of the device's request: moves up to len bytes between buf and memory, and returns
 * how many. Fewer: the channel doesn't serve requests now (0), or it came to its terminal count,
 * which is told in *tc. Word channels move even numbers. In verify mode, or when guest and device
 * don't agree about the direction, the bytes are counted and not moved; a device then gets 0xFF.
 */
size_t i8237_transfer(struct device *dev, unsigned channel, enum i8237_direction direction,
                      uint8_t *buf, size_t len, bool *tc);

#endif
