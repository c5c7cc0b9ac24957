#ifndef HW_FLASH_CFI_FLASH_H
#define HW_FLASH_CFI_FLASH_H

#include "hw/core/device.h"

/* The most that firmware may take below 4 GiB, in one chip or two: other chips lie below that. */
#define CFI_FLASH_MAX (16u << 20)

/*
 * A parallel flash chip with Intel's command set, eight bits wide, as UEFI firmware expects it for
 * its code and its variables. Properties: drive, the image that is its content, whose size is the
 * chip's (a multiple of 4 KiB, at most CFI_FLASH_MAX); end, the guest-physical address of the byte
 * after its last one. What is programmed and erased is written to the image at once.
 */
extern const struct device_kind cfi_flash_kind;

/* Its content, which changes with it, and how many bytes that is; the chip's own. */
uint8_t *cfi_flash_content(const struct device *dev, uint32_t *size);

#endif
