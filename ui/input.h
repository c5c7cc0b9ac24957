/*
 * Input: keys and pointer movements on their way from viewers and QMP to keyboards and mice.
 *
 * A *source* is one viewer (a VNC client, the window, QMP). It remembers what it holds down, so
 * that a viewer that vanishes never leaves a key stuck in the guest. A *sink* is one emulated
 * device: a keyboard, a mouse (relative) or a tablet (absolute). When the guest starts to use a
 * device, the device activates its sink; of all keyboards, and of all pointers, the one activated
 * last gets the events. But an active absolute pointer goes before relative ones: a driver enables
 * the mouse beside it without wanting its movements.
 *
 * All calls with the machine lock held.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "ui/keycode.h"

/* Bits of pointer_event.buttons. */
enum {
    POINTER_LEFT = 1 << 0,
    POINTER_RIGHT = 1 << 1,
    POINTER_MIDDLE = 1 << 2,
    POINTER_SIDE = 1 << 3,  /* "back" */
    POINTER_EXTRA = 1 << 4, /* "forward" */
};

/* Bits of the keyboard's LEDs: the order of RFB's LED state and of PS/2's command 0xED. */
enum {
    LED_SCROLL_LOCK = 1 << 0,
    LED_NUM_LOCK = 1 << 1,
    LED_CAPS_LOCK = 1 << 2,
};

/* Absolute coordinates run from 0 to this on both axes, whatever the screen's size. */
#define POINTER_MAX 0x7FFF

struct pointer_event {
    int x, y;         /* relative: counts, y grows downwards; absolute: 0..POINTER_MAX */
    int wheel;        /* notches since the last event, positive away from the user (up) */
    int hwheel;       /* notches to the right */
    unsigned buttons; /* all that are held now */
};

enum input_kind { INPUT_KEYBOARD, INPUT_RELATIVE, INPUT_ABSOLUTE };

struct input_sink_ops {
    const char *name; /* for query-mice: "PS/2 Mouse" */
    enum input_kind kind;
    void (*key)(void *opaque, unsigned code, bool down);              /* keyboards */
    void (*pointer)(void *opaque, const struct pointer_event *event); /* the others */
};

struct input;        /* of a machine */
struct input_sink;   /* of an emulated device */
struct input_source; /* of a viewer */

struct input *input_create(void);
/* All sinks, sources and listeners must be gone. */
void input_destroy(struct input *input);

/* What reaches devices goes into the journal (base/journal.h), where there is one. */
void input_journal(struct input *input);

/* ---- for devices ---- */

/* ops must live as long as the sink. A new sink is the last choice until it is activated. */
struct input_sink *input_sink_add(struct input *input, const struct input_sink_ops *ops,
                                  void *opaque);
void input_sink_remove(struct input_sink *sink);
/* Makes the sink the first choice of its class, as far as there is none that goes before; the
 * device calls it when the guest enables it. */
void input_sink_activate(struct input_sink *sink);
/* Tells viewers the state of the keyboard's LEDs (LED_*). */
void input_set_leds(struct input *input, unsigned leds);

/* ---- for viewers ---- */

struct input_source *input_source_create(struct input *input);
/* Releases what is still held. */
void input_source_destroy(struct input_source *source);

/* A repeated "down" of a held key is passed on (typematic repeat); unknown codes are dropped. */
void input_key(struct input_source *source, unsigned code, bool down);
bool input_is_down(const struct input_source *source, unsigned code);
/* Releases every key that the source holds (a window lost the focus). */
void input_release_keys(struct input_source *source);
/* One step of a mouse or a new position. It is dropped when the active pointer is of the other
   kind: ask input_is_absolute() first. Coordinates out of range are clamped. */
void input_pointer_relative(struct input_source *source, const struct pointer_event *event);
void input_pointer_absolute(struct input_source *source, const struct pointer_event *event);

/*
 * Presses the n keys one after the other, holds them for hold_ms and releases them in reverse
 * order (QMP send-key). A sequence that comes while another is held waits for it.
 * -EINVAL: a code is not a key; -EBUSY: 64 sequences wait already.
 */
int input_send_keys(struct input *input, const unsigned *codes, size_t n, unsigned hold_ms,
                    GError **err);

bool input_is_absolute(const struct input *input);
/* Whether events of this kind reach a device now: the active pointer takes one kind only. */
bool input_takes(const struct input *input, enum input_kind kind);
unsigned input_leds(const struct input *input);

/* Calls fn for every pointer, the current one (which gets the events) first: query-mice. */
void input_foreach_pointer(const struct input *input,
                           void (*fn)(void *opaque, unsigned index, const char *name, bool absolute,
                                      bool current),
                           void *opaque);

/* All may be NULL. A listener must not add or remove listeners in a callback. */
struct input_listener_ops {
    void (*pointer_mode)(void *opaque, bool absolute);
    void (*leds)(void *opaque, unsigned leds);
    void (*activity)(void *opaque); /* a key or the pointer: the screen is likely to change soon */
};
void input_listen(struct input *input, const struct input_listener_ops *ops, void *opaque);
void input_unlisten(struct input *input, const struct input_listener_ops *ops, void *opaque);

#endif
