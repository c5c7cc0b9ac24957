/*
 * What PS/2 keyboards and mice have in common: the bytes on their way to the controller, and the
 * scan codes (IBM, "PS/2 Hardware Interface Technical Reference", 1990).
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/core/state.h"

#define PS2_MAX_EVENTS    256 /* a real keyboard holds 16; a viewer may paste a line at once */
#define PS2_MAX_RESPONSES 8

/* Responses to commands go before events that wait. */
struct ps2_queue {
    uint8_t responses[PS2_MAX_RESPONSES], events[PS2_MAX_EVENTS];
    uint8_t n_responses;
    uint16_t n_events;
    uint8_t last; /* sent last, for "resend" */
    /* The controller: there is something to take. */
    void (*ready)(void *opaque);
    void *opaque;
};

extern const struct state_field ps2_queue_state[];

#define PS2_ACK      0xfa
#define PS2_RESEND   0xfe /* also: what was that? */
#define PS2_BAT_DONE 0xaa

/* Appends one response; there are never more than fit. */
void ps2_respond(struct ps2_queue *q, uint8_t byte);
/* Appends all of it, or nothing and returns false. */
bool ps2_queue_event(struct ps2_queue *q, const uint8_t *bytes, size_t n);
bool ps2_has_byte(const struct ps2_queue *q);
uint8_t ps2_take_byte(struct ps2_queue *q); /* 0xff if there is none */

/* The controller's translation of one scan code from set 2 to set 1. */
uint8_t ps2_set2_to_set1(uint8_t code);
/* The way back, for the codes that a key has: 0: none. */
uint8_t ps2_set1_to_set2(uint8_t code);

#endif
