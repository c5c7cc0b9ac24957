#ifndef HW_DISPLAY_VGA_SCREEN_H
#define HW_DISPLAY_VGA_SCREEN_H

#include "hw/display/vga_core.h"

/* Becomes the source of v->con, where there is one; memory is there already. */
void vga_screen_create(struct vga *v);
/* A recorded event of the screen. */
void vga_screen_play(void *opaque, const struct journal_entry *entry, const uint8_t *data,
                     size_t len);
/* The console shows black from now on. Also when there was no create. */
void vga_screen_destroy(struct vga *v);

#endif
