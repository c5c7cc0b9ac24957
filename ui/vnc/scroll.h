/*
 * Finds out that a picture is the one before, scrolled: a guess, which costs little.
 */
#ifndef UI_VNC_SCROLL_H
#define UI_VNC_SCROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pixman.h>

/* A picture of 32-bit pixels; the upper byte of each does not count. */
struct vnc_rows {
    const uint32_t *pixels; /* of row 0, column 0 */
    size_t stride;          /* pixels from one row to the next */
};

/*
 * Looks whether many rows inside the box are now where others were before. If so, *to is where
 * the pixels are now, and *dy what is added to a row's number to get the one where it was.
 */
bool vnc_find_scroll(struct vnc_rows before, struct vnc_rows now, const pixman_box32_t *box,
                     pixman_box32_t *to, int *dy);

#endif
