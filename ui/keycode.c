/*
 * The table of keys. XT codes: IBM's keyboard set 1 with the additions of the 101/102-key and
 * multimedia keyboards (Microsoft, "Keyboard Scan Code Specification", 1.3a); evdev numbers up to
 * 88 were chosen by Linux to equal the XT code.
 */
#include "ui/keycode.h"

#include <stdint.h>
#include <string.h>
#include <glib.h>

#define E0 0x80

struct key {
    uint8_t xt;
    const char *name;
};

static const struct key keys[KEYCODE_COUNT] = {
    [KEY_ESC] = { 0x01, "esc" },
    [KEY_1] = { 0x02, "1" },
    [KEY_2] = { 0x03, "2" },
    [KEY_3] = { 0x04, "3" },
    [KEY_4] = { 0x05, "4" },
    [KEY_5] = { 0x06, "5" },
    [KEY_6] = { 0x07, "6" },
    [KEY_7] = { 0x08, "7" },
    [KEY_8] = { 0x09, "8" },
    [KEY_9] = { 0x0A, "9" },
    [KEY_0] = { 0x0B, "0" },
    [KEY_MINUS] = { 0x0C, "minus" },
    [KEY_EQUAL] = { 0x0D, "equal" },
    [KEY_BACKSPACE] = { 0x0E, "backspace" },
    [KEY_TAB] = { 0x0F, "tab" },
    [KEY_Q] = { 0x10, "q" },
    [KEY_W] = { 0x11, "w" },
    [KEY_E] = { 0x12, "e" },
    [KEY_R] = { 0x13, "r" },
    [KEY_T] = { 0x14, "t" },
    [KEY_Y] = { 0x15, "y" },
    [KEY_U] = { 0x16, "u" },
    [KEY_I] = { 0x17, "i" },
    [KEY_O] = { 0x18, "o" },
    [KEY_P] = { 0x19, "p" },
    [KEY_LEFTBRACE] = { 0x1A, "bracket_left" },
    [KEY_RIGHTBRACE] = { 0x1B, "bracket_right" },
    [KEY_ENTER] = { 0x1C, "ret" },
    [KEY_LEFTCTRL] = { 0x1D, "ctrl" },
    [KEY_A] = { 0x1E, "a" },
    [KEY_S] = { 0x1F, "s" },
    [KEY_D] = { 0x20, "d" },
    [KEY_F] = { 0x21, "f" },
    [KEY_G] = { 0x22, "g" },
    [KEY_H] = { 0x23, "h" },
    [KEY_J] = { 0x24, "j" },
    [KEY_K] = { 0x25, "k" },
    [KEY_L] = { 0x26, "l" },
    [KEY_SEMICOLON] = { 0x27, "semicolon" },
    [KEY_APOSTROPHE] = { 0x28, "apostrophe" },
    [KEY_GRAVE] = { 0x29, "grave_accent" },
    [KEY_LEFTSHIFT] = { 0x2A, "shift" },
    [KEY_BACKSLASH] = { 0x2B, "backslash" },
    [KEY_Z] = { 0x2C, "z" },
    [KEY_X] = { 0x2D, "x" },
    [KEY_C] = { 0x2E, "c" },
    [KEY_V] = { 0x2F, "v" },
    [KEY_B] = { 0x30, "b" },
    [KEY_N] = { 0x31, "n" },
    [KEY_M] = { 0x32, "m" },
    [KEY_COMMA] = { 0x33, "comma" },
    [KEY_DOT] = { 0x34, "dot" },
    [KEY_SLASH] = { 0x35, "slash" },
    [KEY_RIGHTSHIFT] = { 0x36, "shift_r" },
    [KEY_KPASTERISK] = { 0x37, "kp_multiply" },
    [KEY_LEFTALT] = { 0x38, "alt" },
    [KEY_SPACE] = { 0x39, "spc" },
    [KEY_CAPSLOCK] = { 0x3A, "caps_lock" },
    [KEY_F1] = { 0x3B, "f1" },
    [KEY_F2] = { 0x3C, "f2" },
    [KEY_F3] = { 0x3D, "f3" },
    [KEY_F4] = { 0x3E, "f4" },
    [KEY_F5] = { 0x3F, "f5" },
    [KEY_F6] = { 0x40, "f6" },
    [KEY_F7] = { 0x41, "f7" },
    [KEY_F8] = { 0x42, "f8" },
    [KEY_F9] = { 0x43, "f9" },
    [KEY_F10] = { 0x44, "f10" },
    [KEY_NUMLOCK] = { 0x45, "num_lock" },
    [KEY_SCROLLLOCK] = { 0x46, "scroll_lock" },
    [KEY_KP7] = { 0x47, "kp_7" },
    [KEY_KP8] = { 0x48, "kp_8" },
    [KEY_KP9] = { 0x49, "kp_9" },
    [KEY_KPMINUS] = { 0x4A, "kp_subtract" },
    [KEY_KP4] = { 0x4B, "kp_4" },
    [KEY_KP5] = { 0x4C, "kp_5" },
    [KEY_KP6] = { 0x4D, "kp_6" },
    [KEY_KPPLUS] = { 0x4E, "kp_add" },
    [KEY_KP1] = { 0x4F, "kp_1" },
    [KEY_KP2] = { 0x50, "kp_2" },
    [KEY_KP3] = { 0x51, "kp_3" },
    [KEY_KP0] = { 0x52, "kp_0" },
    [KEY_KPDOT] = { 0x53, "kp_decimal" },
    [KEY_ZENKAKUHANKAKU] = { 0x76, NULL },
    [KEY_102ND] = { 0x56, "less" },
    [KEY_F11] = { 0x57, "f11" },
    [KEY_F12] = { 0x58, "f12" },
    [KEY_RO] = { 0x73, "ro" },
    [KEY_KATAKANA] = { 0x78, NULL },
    [KEY_HIRAGANA] = { 0x77, "hiragana" },
    [KEY_HENKAN] = { 0x79, "henkan" },
    [KEY_KATAKANAHIRAGANA] = { 0x70, "katakanahiragana" },
    [KEY_MUHENKAN] = { 0x7B, "muhenkan" },
    [KEY_KPJPCOMMA] = { 0x5C, NULL },
    [KEY_KPENTER] = { E0 | 0x1C, "kp_enter" },
    [KEY_RIGHTCTRL] = { E0 | 0x1D, "ctrl_r" },
    [KEY_KPSLASH] = { E0 | 0x35, "kp_divide" },
    [KEY_SYSRQ] = { 0x54, "print" },
    [KEY_RIGHTALT] = { E0 | 0x38, "alt_r" },
    [KEY_LINEFEED] = { 0x5B, "lf" },
    [KEY_HOME] = { E0 | 0x47, "home" },
    [KEY_UP] = { E0 | 0x48, "up" },
    [KEY_PAGEUP] = { E0 | 0x49, "pgup" },
    [KEY_LEFT] = { E0 | 0x4B, "left" },
    [KEY_RIGHT] = { E0 | 0x4D, "right" },
    [KEY_END] = { E0 | 0x4F, "end" },
    [KEY_DOWN] = { E0 | 0x50, "down" },
    [KEY_PAGEDOWN] = { E0 | 0x51, "pgdn" },
    [KEY_INSERT] = { E0 | 0x52, "insert" },
    [KEY_DELETE] = { E0 | 0x53, "delete" },
    [KEY_MUTE] = { E0 | 0x20, "audiomute" },
    [KEY_VOLUMEDOWN] = { E0 | 0x2E, "volumedown" },
    [KEY_VOLUMEUP] = { E0 | 0x30, "volumeup" },
    [KEY_POWER] = { E0 | 0x5E, "power" },
    [KEY_KPEQUAL] = { 0x59, "kp_equals" },
    [KEY_KPPLUSMINUS] = { E0 | 0x4E, NULL },
    [KEY_PAUSE] = { E0 | 0x46, "pause" },
    [KEY_KPCOMMA] = { 0x7E, "kp_comma" },
    [KEY_HANGEUL] = { 0x72, "lang1" },
    [KEY_HANJA] = { 0x71, "lang2" },
    [KEY_YEN] = { 0x7D, "yen" },
    [KEY_LEFTMETA] = { E0 | 0x5B, "meta_l" },
    [KEY_RIGHTMETA] = { E0 | 0x5C, "meta_r" },
    [KEY_COMPOSE] = { E0 | 0x5D, "compose" },
    [KEY_STOP] = { E0 | 0x68, "stop" },
    [KEY_AGAIN] = { E0 | 0x05, "again" },
    [KEY_PROPS] = { E0 | 0x06, "props" },
    [KEY_UNDO] = { E0 | 0x07, "undo" },
    [KEY_FRONT] = { E0 | 0x0C, "front" },
    [KEY_COPY] = { E0 | 0x78, "copy" },
    [KEY_OPEN] = { 0x64, "open" },
    [KEY_PASTE] = { 0x65, "paste" },
    [KEY_FIND] = { E0 | 0x41, "find" },
    [KEY_CUT] = { E0 | 0x3C, "cut" },
    [KEY_HELP] = { E0 | 0x75, "help" },
    [KEY_MENU] = { E0 | 0x1E, "menu" },
    [KEY_CALC] = { E0 | 0x21, "calculator" },
    [KEY_SLEEP] = { E0 | 0x5F, "sleep" },
    [KEY_WAKEUP] = { E0 | 0x63, "wake" },
    [KEY_MAIL] = { E0 | 0x6C, "mail" },
    [KEY_BOOKMARKS] = { E0 | 0x66, "ac_bookmarks" },
    [KEY_COMPUTER] = { E0 | 0x6B, "computer" },
    [KEY_BACK] = { E0 | 0x6A, "ac_back" },
    [KEY_FORWARD] = { E0 | 0x69, "ac_forward" },
    [KEY_NEXTSONG] = { E0 | 0x19, "audionext" },
    [KEY_PLAYPAUSE] = { E0 | 0x22, "audioplay" },
    [KEY_PREVIOUSSONG] = { E0 | 0x10, "audioprev" },
    [KEY_STOPCD] = { E0 | 0x24, "audiostop" },
    [KEY_HOMEPAGE] = { E0 | 0x32, "ac_home" },
    [KEY_REFRESH] = { E0 | 0x67, "ac_refresh" },
    [KEY_F13] = { 0x5D, "f13" },
    [KEY_F14] = { 0x5E, "f14" },
    [KEY_F15] = { 0x5F, "f15" },
    [KEY_F16] = { 0x55, "f16" },
    [KEY_F17] = { E0 | 0x03, "f17" },
    [KEY_F18] = { E0 | 0x77, "f18" },
    [KEY_F19] = { E0 | 0x04, "f19" },
    [KEY_F20] = { 0x5A, "f20" },
    [KEY_F21] = { 0x74, "f21" },
    [KEY_F22] = { E0 | 0x79, "f22" },
    [KEY_F23] = { 0x6D, "f23" },
    [KEY_F24] = { 0x6F, "f24" },
    [KEY_MEDIA] = { E0 | 0x6D, "mediaselect" },
};

/* Names that QMP accepts besides those above. */
static const struct {
    const char *name;
    unsigned code;
} other_names[] = {
    { "asterisk", KEY_KPASTERISK },
    { "sysrq", KEY_SYSRQ },
};

unsigned keycode_to_xt(unsigned code)
{
    return code < KEYCODE_COUNT ? keys[code].xt : 0;
}

unsigned keycode_from_xt(unsigned xt)
{
    if (xt == 0)
        return 0;
    if (xt == (E0 | 0x37))
        return KEY_SYSRQ;
    for (unsigned code = 1; code < KEYCODE_COUNT; code++) {
        if (keys[code].xt == xt)
            return code;
    }
    return 0;
}

unsigned keycode_from_name(const char *name)
{
    for (unsigned code = 1; code < KEYCODE_COUNT; code++) {
        if (keys[code].name != NULL && strcmp(keys[code].name, name) == 0)
            return code;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(other_names); i++) {
        if (strcmp(other_names[i].name, name) == 0)
            return other_names[i].code;
    }
    return 0;
}

const char *keycode_to_name(unsigned code)
{
    return code < KEYCODE_COUNT ? keys[code].name : NULL;
}
