/*
 * Key events. The extended event names a key, which is all that is needed. The plain one names a
 * character: the key map finds the key, and where the modifiers that the viewer holds are not
 * those that the guest's layout needs, they are changed for the moment of the press.
 */
#include "ui/vnc/client.h"

#include "ui/keymap.h"

static bool is_held(const struct vnc_client *client, unsigned code)
{
    return input_is_down(client->input, code);
}

static void tap(struct vnc_client *client, unsigned code)
{
    input_key(client->input, code, true);
    input_key(client->input, code, false);
}

/* ---- lock keys ---- */

/* Whether a keysym is of the keypad, and then whether it needs Num Lock. */
static bool is_keypad(uint32_t keysym, bool *num_lock)
{
    *num_lock = keysym >= 0xFFAE && keysym <= 0xFFB9 && keysym != 0xFFAF; /* KP_Decimal, KP_0-9 */
    return *num_lock || (keysym >= 0xFF95 && keysym <= 0xFF9F);           /* KP_Home to KP_Delete */
}

/* Presses a lock key when the guest's LED says otherwise than the keysym that the viewer sent. */
static void sync_locks(struct vnc_client *client, uint32_t keysym, const struct keymap_key *key)
{
    unsigned leds = input_leds(console_input(client->server->con));
    bool shift = is_held(client, KEY_LEFTSHIFT) || is_held(client, KEY_RIGHTSHIFT);
    bool num_lock;

    if (!client->server->config.lock_key_sync || (client->can & VNC_CAN_LEDS))
        return; /* a viewer that is told of the LEDs keeps its own keyboard in step */
    if (key->letter && (key->shift != shift) != !!(leds & LED_CAPS_LOCK))
        tap(client, KEY_CAPSLOCK);
    if (is_keypad(keysym, &num_lock) && !shift && num_lock != !!(leds & LED_NUM_LOCK))
        tap(client, KEY_NUMLOCK);
}

/* ---- modifiers ---- */

/* Keys that are pressed or released around another one, and then put back. */
struct change {
    unsigned codes[3];
    bool down[3];
    unsigned count;
};

static void change_key(struct vnc_client *client, struct change *change, unsigned code, bool down)
{
    change->codes[change->count] = code;
    change->down[change->count++] = down;
    input_key(client->input, code, down);
}

static void change_back(struct vnc_client *client, const struct change *change)
{
    for (unsigned i = change->count; i > 0; i--)
        input_key(client->input, change->codes[i - 1], !change->down[i - 1]);
}

static void change_modifiers(struct vnc_client *client, const struct keymap_key *key,
                             struct change *change)
{
    bool left = is_held(client, KEY_LEFTSHIFT), right = is_held(client, KEY_RIGHTSHIFT);
    bool altgr = is_held(client, KEY_RIGHTALT);

    *change = (struct change){ 0 };
    if (key->any || key->letter)
        return;
    if (key->shift && !left && !right)
        change_key(client, change, KEY_LEFTSHIFT, true);
    if (!key->shift && left)
        change_key(client, change, KEY_LEFTSHIFT, false);
    if (!key->shift && right)
        change_key(client, change, KEY_RIGHTSHIFT, false);
    if (key->altgr != altgr)
        change_key(client, change, KEY_RIGHTALT, key->altgr);
}

/* ---- what is held, by keysym ---- */

/* The key that a keysym was pressed as, 0 if it was not; `slot`: its place, or a free one, or -1.
 */
static unsigned find_held(const struct vnc_client *client, uint32_t keysym, int *slot)
{
    *slot = -1;
    for (int i = 0; i < VNC_KEYS_HELD; i++) {
        if (client->held[i].code == 0)
            *slot = i;
    }
    for (int i = 0; i < VNC_KEYS_HELD; i++) {
        if (client->held[i].code != 0 && client->held[i].keysym == keysym) {
            *slot = i;
            return client->held[i].code;
        }
    }
    return 0;
}

static void press(struct vnc_client *client, uint32_t keysym, const struct keymap_key *key)
{
    struct change change;
    int slot;

    sync_locks(client, keysym, key);
    change_modifiers(client, key, &change);
    input_key(client->input, key->code, true);
    change_back(client, &change);
    find_held(client, keysym, &slot);
    if (slot >= 0) {
        client->held[slot].keysym = keysym;
        client->held[slot].code = (uint16_t)key->code;
    }
}

static void release(struct vnc_client *client, uint32_t keysym, unsigned fallback)
{
    int slot;
    unsigned code = find_held(client, keysym, &slot);

    if (code != 0)
        client->held[slot].code = 0;
    /* Else Shift was released in between, and this is the other character of the same key. */
    input_key(client->input, code != 0 ? code : fallback, false);
}

void vnc_key_event(struct vnc_client *client, uint32_t keysym, bool down)
{
    bool shift = is_held(client, KEY_LEFTSHIFT) || is_held(client, KEY_RIGHTSHIFT);
    struct keymap_key key = { 0 };
    bool known = keymap_lookup(client->server->keymap, keysym, shift, is_held(client, KEY_RIGHTALT),
                               &key);

    if (!down)
        release(client, keysym, key.code);
    else if (known)
        press(client, keysym, &key);
}

void vnc_ext_key_event(struct vnc_client *client, uint32_t keysym, uint32_t xt, bool down)
{
    unsigned code = keycode_from_xt(xt);

    if (code != 0)
        input_key(client->input, code, down);
    else
        vnc_key_event(client, keysym, down);
}
