#include "hw/input/ps2_kbd.h"

#include <string.h>

#define CMD_SET_LEDS       0xed
#define CMD_ECHO           0xee
#define CMD_SCANCODE_SET   0xf0
#define CMD_IDENTIFY       0xf2
#define CMD_TYPEMATIC      0xf3
#define CMD_ENABLE         0xf4
#define CMD_DISABLE        0xf5
#define CMD_DEFAULTS       0xf6
#define CMD_ALL_TYPEMATIC  0xf7 /* the key types of set 3 */
#define CMD_ALL_MAKE_BREAK 0xf8
#define CMD_ALL_MAKE       0xf9
#define CMD_ALL_ALL        0xfa
#define CMD_KEY_TYPEMATIC  0xfb
#define CMD_KEY_MAKE_BREAK 0xfc
#define CMD_KEY_MAKE       0xfd
#define CMD_RESEND         0xfe
#define CMD_RESET          0xff

#define TYPEMATIC_DEFAULT 0x2b /* 500 ms, then 10.9 a second */

#define PREFIX_E0    0xe0
#define PREFIX_E1    0xe1
#define PREFIX_BREAK 0xf0 /* sets 2 and 3 */
#define SET1_BREAK   0x80

/* ---- Scan codes ---- */

/*
 * Set 3 where it differs from set 2, by the key's set 1 code (0x80: the one after the prefix E0).
 * In set 3 every key has one code and no prefix.
 */
static const uint8_t set3[256] = {
    [0x01] = 0x08, [0x1d] = 0x11, [0x2b] = 0x5c, [0x37] = 0x7e, [0x38] = 0x19, [0x3a] = 0x14,
    [0x3b] = 0x07, [0x3c] = 0x0f, [0x3d] = 0x17, [0x3e] = 0x1f, [0x3f] = 0x27, [0x40] = 0x2f,
    [0x41] = 0x37, [0x42] = 0x3f, [0x43] = 0x47, [0x44] = 0x4f, [0x45] = 0x76, [0x46] = 0x5f,
    [0x4a] = 0x84, [0x4e] = 0x7c, [0x54] = 0x57, [0x56] = 0x13, [0x57] = 0x56, [0x58] = 0x5e,
    [0x9c] = 0x79, [0x9d] = 0x58, [0xb5] = 0x77, [0xb7] = 0x57, [0xb8] = 0x39, [0xc6] = 0x62,
    [0xc7] = 0x6e, [0xc8] = 0x63, [0xc9] = 0x6f, [0xcb] = 0x61, [0xcd] = 0x6a, [0xcf] = 0x65,
    [0xd0] = 0x60, [0xd1] = 0x6d, [0xd2] = 0x67, [0xd3] = 0x64, [0xdb] = 0x8b, [0xdc] = 0x8c,
    [0xdd] = 0x8d,
};

#define MAX_SEQUENCE 8

struct sequence {
    uint8_t bytes[MAX_SEQUENCE];
    size_t n;
};

static void append(struct sequence *s, uint8_t byte)
{
    if (s->n < MAX_SEQUENCE)
        s->bytes[s->n++] = byte;
}

/* One code of sets 1 and 2, from the code of set 1 without the prefix. */
static void append_code(const struct ps2_kbd *kbd, struct sequence *s, uint8_t xt, bool down)
{
    if (kbd->scancode_set == 1) {
        append(s, down ? xt : xt | SET1_BREAK);
        return;
    }
    if (!down)
        append(s, PREFIX_BREAK);
    append(s, ps2_set1_to_set2(xt));
}

static void append_e0(const struct ps2_kbd *kbd, struct sequence *s, uint8_t xt, bool down)
{
    append(s, PREFIX_E0);
    append_code(kbd, s, xt, down);
}

/* All of it comes when the key goes down, nothing when it goes up. With Ctrl it is Break. */
static void append_pause(const struct ps2_kbd *kbd, struct sequence *s, bool down)
{
    if (!down)
        return;
    if (kbd->ctrl) {
        append_e0(kbd, s, 0x46, true);
        append_e0(kbd, s, 0x46, false);
        return;
    }
    for (unsigned up = 0; up < 2; up++) {
        append(s, PREFIX_E1);
        append_code(kbd, s, 0x1d, up == 0);
        append_code(kbd, s, 0x45, up == 0);
    }
}

/*
 * Print Screen was Shift and the keypad's asterisk once, and pretends that still; with Alt it is
 * System Request.
 */
static void append_print_screen(const struct ps2_kbd *kbd, struct sequence *s, bool down)
{
    if (kbd->alt) {
        append_code(kbd, s, 0x54, down);
    } else if (kbd->ctrl || kbd->shift) {
        append_e0(kbd, s, 0x37, down);
    } else {
        append_e0(kbd, s, down ? 0x2a : 0x37, down);
        append_e0(kbd, s, down ? 0x37 : 0x2a, down);
    }
}

static void append_set3(const struct ps2_kbd *kbd, struct sequence *s, unsigned xt, bool down)
{
    uint8_t code = set3[xt] != 0 ? set3[xt] : (xt & 0x80) == 0 ? ps2_set1_to_set2((uint8_t)xt) : 0;

    if (code == 0 || (!down && (kbd->no_break[code / 8] & 1 << code % 8) != 0))
        return;
    if (!down)
        append(s, PREFIX_BREAK);
    append(s, code);
}

static void append_key(const struct ps2_kbd *kbd, struct sequence *s, unsigned code, bool down)
{
    unsigned xt = keycode_to_xt(code);

    if (xt == 0)
        return;
    if (kbd->scancode_set == 3)
        append_set3(kbd, s, xt, down);
    else if (code == KEY_PAUSE)
        append_pause(kbd, s, down);
    else if (code == KEY_SYSRQ)
        append_print_screen(kbd, s, down);
    else if ((xt & 0x80) != 0)
        append_e0(kbd, s, xt & 0x7f, down);
    else
        append_code(kbd, s, (uint8_t)xt, down);
}

static void kbd_key(void *opaque, unsigned code, bool down)
{
    struct ps2_kbd *kbd = opaque;
    struct sequence s = { .n = 0 };

    switch (code) {
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL: kbd->ctrl = down; break;
    case KEY_LEFTALT:
    case KEY_RIGHTALT: kbd->alt = down; break;
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT: kbd->shift = down; break;
    default: break;
    }
    if (kbd->queue.n_events < PS2_MAX_EVENTS / 2)
        kbd->overrun = false;
    if (!kbd->scanning || kbd->overrun)
        return;
    append_key(kbd, &s, code, down);
    /* The last place of the buffer is for the code that says that keys were lost. */
    if (kbd->queue.n_events + s.n >= PS2_MAX_EVENTS) {
        s = (struct sequence){ .bytes = { kbd->scancode_set == 1 ? 0xff : 0x00 }, .n = 1 };
        kbd->overrun = true;
    }
    ps2_queue_event(&kbd->queue, s.bytes, s.n);
    kbd->queue.ready(kbd->queue.opaque);
}

/* ---- Commands ---- */

/* What a set 3 keyboard reports of a key going up: of these only, until told otherwise. */
static const uint8_t set3_modifiers[] = { 0x11, 0x12, 0x14, 0x19, 0x59 };

static void set_break(struct ps2_kbd *kbd, uint8_t code, bool on)
{
    if (on)
        kbd->no_break[code / 8] &= (uint8_t) ~(1 << code % 8);
    else
        kbd->no_break[code / 8] |= (uint8_t)(1 << code % 8);
}

static void clear_events(struct ps2_kbd *kbd)
{
    kbd->queue.n_events = 0;
    kbd->overrun = false;
}

static void set_leds(struct ps2_kbd *kbd, uint8_t leds)
{
    kbd->leds = leds & 7;
    if (kbd->input != NULL)
        input_set_leds(kbd->input, kbd->leds);
}

static void set_defaults(struct ps2_kbd *kbd)
{
    kbd->typematic = TYPEMATIC_DEFAULT;
    kbd->scancode_set = 2;
    memset(kbd->no_break, 0xff, sizeof(kbd->no_break));
    for (unsigned i = 0; i < sizeof(set3_modifiers); i++)
        set_break(kbd, set3_modifiers[i], true);
    clear_events(kbd);
}

static void start_scanning(struct ps2_kbd *kbd)
{
    kbd->scanning = true;
    if (kbd->sink != NULL)
        input_sink_activate(kbd->sink);
}

void ps2_kbd_reset(struct ps2_kbd *kbd)
{
    kbd->queue.n_responses = 0;
    kbd->command = 0;
    set_defaults(kbd);
    set_leds(kbd, 0);
    kbd->scanning = true;
}

static void select_set(struct ps2_kbd *kbd, uint8_t set)
{
    if (set > 3) {
        ps2_respond(&kbd->queue, PS2_RESEND);
        return;
    }
    ps2_respond(&kbd->queue, PS2_ACK);
    if (set == 0) {
        ps2_respond(&kbd->queue, kbd->scancode_set);
    } else {
        kbd->scancode_set = set;
        clear_events(kbd);
    }
}

static void take_argument(struct ps2_kbd *kbd, uint8_t byte)
{
    uint8_t command = kbd->command;

    kbd->command = 0;
    switch (command) {
    case CMD_SCANCODE_SET: select_set(kbd, byte); return;
    case CMD_SET_LEDS: set_leds(kbd, byte); break;
    case CMD_TYPEMATIC: kbd->typematic = byte; break;
    default: /* the key types take codes until a command comes */
        set_break(kbd, byte, command == CMD_KEY_MAKE_BREAK);
        kbd->command = command;
        break;
    }
    ps2_respond(&kbd->queue, PS2_ACK);
}

static void run_command(struct ps2_kbd *kbd, uint8_t byte)
{
    ps2_respond(&kbd->queue, PS2_ACK);
    switch (byte) {
    case CMD_SET_LEDS:
    case CMD_SCANCODE_SET:
    case CMD_TYPEMATIC: kbd->command = byte; break;
    case CMD_KEY_TYPEMATIC:
    case CMD_KEY_MAKE_BREAK:
    case CMD_KEY_MAKE:
        kbd->command = byte;
        clear_events(kbd);
        break;
    case CMD_IDENTIFY:
        clear_events(kbd);
        ps2_respond(&kbd->queue, 0xab);
        ps2_respond(&kbd->queue, 0x83);
        break;
    case CMD_ENABLE:
        clear_events(kbd);
        start_scanning(kbd);
        break;
    case CMD_DISABLE:
        set_defaults(kbd);
        kbd->scanning = false;
        break;
    case CMD_DEFAULTS: set_defaults(kbd); break;
    case CMD_ALL_TYPEMATIC:
    case CMD_ALL_MAKE:
        memset(kbd->no_break, 0xff, sizeof(kbd->no_break));
        clear_events(kbd);
        break;
    case CMD_ALL_MAKE_BREAK:
    case CMD_ALL_ALL:
        memset(kbd->no_break, 0, sizeof(kbd->no_break));
        clear_events(kbd);
        break;
    case CMD_RESET:
        ps2_kbd_reset(kbd);
        start_scanning(kbd);
        ps2_respond(&kbd->queue, PS2_ACK); /* again: the reset has emptied the queue */
        ps2_respond(&kbd->queue, PS2_BAT_DONE);
        break;
    default: break;
    }
}

void ps2_kbd_write(struct ps2_kbd *kbd, uint8_t byte)
{
    uint8_t last = kbd->queue.last;

    kbd->queue.n_responses = 0; /* a command ends what was being said */
    if (kbd->command != 0 && byte < CMD_SET_LEDS) {
        take_argument(kbd, byte);
        return;
    }
    kbd->command = 0;
    if (byte == CMD_ECHO)
        ps2_respond(&kbd->queue, CMD_ECHO);
    else if (byte == CMD_RESEND)
        ps2_respond(&kbd->queue, last);
    else if (byte < CMD_SET_LEDS || byte == 0xef || byte == 0xf1)
        ps2_respond(&kbd->queue, PS2_RESEND);
    else
        run_command(kbd, byte);
}

/* ---- Life ---- */

static const struct input_sink_ops kbd_sink = { .name = "PS/2 Keyboard",
                                                .kind = INPUT_KEYBOARD,
                                                .key = kbd_key };

void ps2_kbd_create(struct ps2_kbd *kbd, struct input *input)
{
    kbd->input = input;
    if (input != NULL)
        kbd->sink = input_sink_add(input, &kbd_sink, kbd);
}

void ps2_kbd_destroy(struct ps2_kbd *kbd)
{
    if (kbd->sink != NULL)
        input_sink_remove(kbd->sink);
}

bool ps2_kbd_post_load(struct ps2_kbd *kbd)
{
    if (kbd->scancode_set < 1)
        return false;
    set_leds(kbd, kbd->leds);
    return true;
}

const struct state_field ps2_kbd_state[] = { STATE_SUB(struct ps2_kbd, queue, ps2_queue_state),
                                             STATE_FIELD(struct ps2_kbd, command),
                                             STATE_FIELD(struct ps2_kbd, scancode_set, .max = 3),
                                             STATE_FIELD(struct ps2_kbd, leds, .max = 7),
                                             STATE_FIELD(struct ps2_kbd, typematic),
                                             STATE_FIELD(struct ps2_kbd, scanning),
                                             STATE_FIELD(struct ps2_kbd, overrun),
                                             STATE_FIELD(struct ps2_kbd, ctrl),
                                             STATE_FIELD(struct ps2_kbd, alt),
                                             STATE_FIELD(struct ps2_kbd, shift),
                                             STATE_ARRAY(struct ps2_kbd, no_break),
                                             {} };
