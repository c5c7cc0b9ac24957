#ifndef HW_DISPLAY_CIRRUS_H
#define HW_DISPLAY_CIRRUS_H

#include "hw/core/device.h"

/*
 * Cirrus Logic CL-GD5446 on PCI (1013:00B8): BAR0 the frame buffer with its apertures, BAR1
 * registers, ROM the video BIOS. Properties: vgamem_mb (the chip has 4 MiB at most), console (a
 * host service of kind "console"; none: nobody looks).
 */
extern const struct device_kind cirrus_kind;

#endif
