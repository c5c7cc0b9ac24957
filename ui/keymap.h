/*
 * Key maps: which key of a keyboard with a given layout makes a character.
 *
 * Needed only for viewers that say which character was typed (an X keysym) and not which key was
 * pressed; the layout is that of the guest.
 */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/keycode.h"

struct keymap;

/* By QEMU's names: "en-us", "de"; NULL: there is none of this name. */
const struct keymap *keymap_find(const char *name);
/* All names, for an error message. */
const char *keymap_names(void);

struct keymap_key {
    unsigned code;
    bool shift, altgr; /* must be held */
    bool any;          /* no: this key means the same with any modifiers (Return, Shift itself) */
    bool letter;       /* has a lower and an upper case: Caps Lock counts, too */
};

/*
 * The key for a keysym. shift, altgr: what is held now; where several keys make the character, the
 * one that fits is preferred. false: this layout has no such key.
 */
bool keymap_lookup(const struct keymap *map, uint32_t keysym, bool shift, bool altgr,
                   struct keymap_key *key);

/* keymap_tables.c: the rows of a layout. */
struct keymap_row {
    uint8_t code;
    /* UTF-8: the character of the key alone, with Shift, with AltGr, with both; a blank: none. */
    const char *levels;
};

struct keymap {
    const char *name;
    const struct keymap_row *rows; /* ends with code 0; NULL: en-us itself */
    bool two_groups;               /* the user switches to Latin letters, which are as in en-us */
};

extern const struct keymap_row keymap_us_rows[];
extern const struct keymap keymaps[]; /* ends with name NULL */

#endif
