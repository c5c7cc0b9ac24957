#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "hw/core/device.h"

/*
 * The standard VGA on PCI (1234:1111) with the Bochs VBE extension: BAR0 the frame buffer, BAR2
 * registers (EDID, VGA, VBE), ROM the video BIOS. Properties: vgamem_mb, xres and yres (the
 * monitor's preferred mode), console (a host service of kind "console"; none: nobody looks).
 */
extern const struct device_kind vga_kind;

#endif
