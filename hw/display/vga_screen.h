#ifndef HW_DISPLAY_VGA_SCREEN_H
#define HW_DISPLAY_VGA_SCREEN_H

#include "hw/display/vga_core.h"

/* Becomes the source of v->con, where there is one; memory is there already. */
void vga_screen_create(struct vga *v);
/* The console shows black from now on. Also when there was no create. */
void vga_screen_destroy(struct vga *v);

#endif
