/*
 * The IBM enhanced keyboard (101/102 keys), on a PS/2 port. A part of the keyboard controller.
 *
 * Held keys repeat when the host's do: typematic rate and delay are accepted and kept.
 */
#ifndef HW_INPUT_PS2_KBD_H
#define HW_INPUT_PS2_KBD_H

#include "hw/input/ps2.h"
#include "ui/input.h"

struct ps2_kbd {
    struct ps2_queue queue;
    uint8_t command; /* whose argument comes next; 0: none */
    uint8_t scancode_set;
    uint8_t leds, typematic;
    bool scanning, overrun;
    bool ctrl, alt, shift; /* held: Pause and Print Screen depend on them */
    uint8_t no_break[32];  /* set 3: a bit for each code that is not reported when it goes up */
    /* host */
    struct input *input;
    struct input_sink *sink;
};

extern const struct state_field ps2_kbd_state[];

/* input: where keys come from; NULL: nowhere. */
void ps2_kbd_create(struct ps2_kbd *kbd, struct input *input);
void ps2_kbd_destroy(struct ps2_kbd *kbd);
/* As after power-on, with the self-test done and its report not listened to. */
void ps2_kbd_reset(struct ps2_kbd *kbd);
/* A byte from the host. The answer is in the queue when it returns. */
void ps2_kbd_write(struct ps2_kbd *kbd, uint8_t byte);
/* After loading: tells the host about the LEDs. Whether the state makes sense. */
bool ps2_kbd_post_load(struct ps2_kbd *kbd);

#endif
