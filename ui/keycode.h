/*
 * Key codes. A key of the machine is named everywhere by its Linux evdev number (KEY_A = 30,
 * <linux/input-event-codes.h>); this file translates it from and to what the outside speaks.
 */
#ifndef UI_KEYCODE_H
#define UI_KEYCODE_H

#include <stddef.h>
#include <linux/input-event-codes.h> /* KEY_*, used by everyone who includes this */

/* Key codes are below this; every array indexed by key code has this size. */
#define KEYCODE_COUNT 256

/*
 * The XT (set 1) make code of a key as one byte: codes with the prefix 0xE0 have bit 7 set, so
 * Right Ctrl (E0 1D) is 0x9D. This is also the keycode of RFB's extended key event. Pause is 0xC6
 * (the E0 46 that it sends with Ctrl) and Print Screen 0x54 (what it sends with Alt); from_xt also
 * takes 0xB7 (E0 37) as Print Screen. 0 means that there is no such key.
 */
unsigned keycode_to_xt(unsigned code);
unsigned keycode_from_xt(unsigned xt);

/*
 * QEMU's QKeyCode names ("ret", "kp_enter", "meta_l") as used by QMP's send-key and
 * input-send-event. from_name: 0 for an unknown name. to_name: NULL where there is none.
 */
unsigned keycode_from_name(const char *name);
const char *keycode_to_name(unsigned code);

#endif
