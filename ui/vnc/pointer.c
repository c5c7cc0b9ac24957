#include "ui/vnc/client.h"

/* Bits of RFB's button mask: four are the wheels. */
enum {
    BUTTON_LEFT = 1 << 0,
    BUTTON_MIDDLE = 1 << 1,
    BUTTON_RIGHT = 1 << 2,
    WHEEL_UP = 1 << 3,
    WHEEL_DOWN = 1 << 4,
    WHEEL_LEFT = 1 << 5,
    WHEEL_RIGHT = 1 << 6,
    BUTTON_BACK = 1 << 7,
};

/* A client that knows relative mode sends differences around the middle of this range. */
#define RELATIVE_CENTRE 0x7FFF

static unsigned held_buttons(uint8_t mask)
{
    return (mask & BUTTON_LEFT ? POINTER_LEFT : 0) | (mask & BUTTON_RIGHT ? POINTER_RIGHT : 0) |
           (mask & BUTTON_MIDDLE ? POINTER_MIDDLE : 0) | (mask & BUTTON_BACK ? POINTER_SIDE : 0);
}

/* 0..size - 1 to 0..POINTER_MAX, so that the last pixel can be reached. */
static int scale(unsigned at, unsigned size)
{
    return size > 1 ? (int)(MIN(at, size - 1) * POINTER_MAX / (size - 1)) : 0;
}

static void set_relative(struct vnc_client *client, struct pointer_event *event, int x, int y)
{
    if (client->can & VNC_CAN_POINTER_TYPE) {
        event->x = x - RELATIVE_CENTRE;
        event->y = y - RELATIVE_CENTRE;
    } else if (client->has_position) {
        event->x = x - client->last_x;
        event->y = y - client->last_y;
    }
    client->last_x = x;
    client->last_y = y;
    client->has_position = true;
}

void vnc_pointer_event(struct vnc_client *client, uint8_t buttons, unsigned x, unsigned y)
{
    struct pointer_event event = { .buttons = held_buttons(buttons) };
    uint8_t pressed = buttons & (uint8_t)~client->buttons;

    client->buttons = buttons;
    event.wheel = (pressed & WHEEL_UP ? 1 : 0) - (pressed & WHEEL_DOWN ? 1 : 0);
    event.hwheel = (pressed & WHEEL_RIGHT ? 1 : 0) - (pressed & WHEEL_LEFT ? 1 : 0);
    if (input_is_absolute(console_input(client->server->con))) {
        event.x = scale(x, client->width);
        event.y = scale(y, client->height);
        input_pointer_absolute(client->input, &event);
    } else {
        set_relative(client, &event, (int)x, (int)y);
        input_pointer_relative(client->input, &event);
    }
}
