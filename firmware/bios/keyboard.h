/*
 * Keyboard: INT 09h and INT 16h.
 */
#ifndef BIOS_KEYBOARD_H
#define BIOS_KEYBOARD_H

#include <stdbool.h>
#include "regs.h"

void kbd_init(void);
void kbd_int09(struct regs *r);
void kbd_int16(struct regs *r);

/* Next key without waiting, scan << 8 | character, removed from the buffer; 0 if there is none. */
uint16_t kbd_poll(void);

/* Looks up what a make code (set 1) means with the shift state: scan << 8 | character, 0 nothing.
 */
uint16_t keymap_lookup(uint8_t scan, bool extended, uint8_t shift);

#define SHIFT_RIGHT  0x01
#define SHIFT_LEFT   0x02
#define SHIFT_CTRL   0x04
#define SHIFT_ALT    0x08
#define SHIFT_SCROLL 0x10
#define SHIFT_NUM    0x20
#define SHIFT_CAPS   0x40
#define SHIFT_INSERT 0x80

#endif
