/*
 * A PS/2 mouse. By the sample rates that a driver sets one after the other it becomes a Microsoft
 * IntelliMouse (200, 100, 80: a wheel) or IntelliMouse Explorer (200, 200, 80: five buttons).
 *
 * The sample rate is accepted and kept; movements go out as fast as the guest takes them, and add
 * up while it doesn't.
 */
#ifndef HW_INPUT_PS2_MOUSE_H
#define HW_INPUT_PS2_MOUSE_H

#include "hw/input/ps2.h"
#include "ui/input.h"

struct ps2_mouse {
    struct ps2_queue queue;
    uint8_t command; /* whose argument comes next; 0: none */
    uint8_t id;      /* 0 plain, 3 with a wheel, 4 with five buttons */
    uint8_t sample_rate, resolution;
    uint8_t last_rates[3]; /* newest first: the knock */
    bool enabled, remote, wrap, scaling;
    uint8_t buttons, sent_buttons; /* POINTER_* */
    uint32_t dx, dy, dz;           /* counts not sent yet, two's complement */
    /* host */
    struct input_sink *sink;
};

extern const struct state_field ps2_mouse_state[];

/* As the keyboard's (hw/input/ps2_kbd.h). */
void ps2_mouse_create(struct ps2_mouse *mouse, struct input *input);
void ps2_mouse_destroy(struct ps2_mouse *mouse);
void ps2_mouse_reset(struct ps2_mouse *mouse);
void ps2_mouse_write(struct ps2_mouse *mouse, uint8_t byte);
/* The controller took a byte: the next report may follow. */
void ps2_mouse_taken(struct ps2_mouse *mouse);
/*
 * A report of its own, for the driver of a pointer that has another way in (hw/input/vmmouse.h). It
 * moves by a count: drivers drop reports that say nothing.
 */
void ps2_mouse_nudge(struct ps2_mouse *mouse);
bool ps2_mouse_post_load(const struct ps2_mouse *mouse);

#endif
