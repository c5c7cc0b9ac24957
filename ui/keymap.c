#include "ui/keymap.h"

#include <glib.h>
#include <string.h>

/* Keysyms of keys that make no character, in any layout (X11's keysymdef.h, XF86keysym.h). */
static const struct {
    uint32_t keysym;
    uint16_t code;
} function_keys[] = {
    { 0x0020, KEY_SPACE },
    { 0xFE03, KEY_RIGHTALT }, /* ISO_Level3_Shift */
    { 0xFE20, KEY_TAB },      /* ISO_Left_Tab */
    { 0xFF08, KEY_BACKSPACE },
    { 0xFF09, KEY_TAB },
    { 0xFF0A, KEY_LINEFEED },
    { 0xFF0D, KEY_ENTER },
    { 0xFF13, KEY_PAUSE },
    { 0xFF14, KEY_SCROLLLOCK },
    { 0xFF15, KEY_SYSRQ },
    { 0xFF1B, KEY_ESC },
    { 0xFF22, KEY_MUHENKAN },
    { 0xFF23, KEY_HENKAN },
    { 0xFF25, KEY_HIRAGANA },
    { 0xFF26, KEY_KATAKANA },
    { 0xFF27, KEY_KATAKANAHIRAGANA },
    { 0xFF2A, KEY_GRAVE },    /* Zenkaku_Hankaku */
    { 0xFF30, KEY_CAPSLOCK }, /* Eisu_toggle */
    { 0xFF31, KEY_HANGEUL },
    { 0xFF34, KEY_HANJA },
    { 0xFF50, KEY_HOME },
    { 0xFF51, KEY_LEFT },
    { 0xFF52, KEY_UP },
    { 0xFF53, KEY_RIGHT },
    { 0xFF54, KEY_DOWN },
    { 0xFF55, KEY_PAGEUP },
    { 0xFF56, KEY_PAGEDOWN },
    { 0xFF57, KEY_END },
    { 0xFF61, KEY_SYSRQ }, /* Print */
    { 0xFF63, KEY_INSERT },
    { 0xFF65, KEY_UNDO },
    { 0xFF66, KEY_AGAIN },
    { 0xFF67, KEY_COMPOSE }, /* Menu */
    { 0xFF68, KEY_FIND },
    { 0xFF69, KEY_STOP },
    { 0xFF6A, KEY_HELP },
    { 0xFF6B, KEY_PAUSE },    /* Break */
    { 0xFF7E, KEY_RIGHTALT }, /* Mode_switch */
    { 0xFF7F, KEY_NUMLOCK },
    { 0xFF8D, KEY_KPENTER },
    { 0xFF95, KEY_KP7 }, /* KP_Home and so on */
    { 0xFF96, KEY_KP4 },
    { 0xFF97, KEY_KP8 },
    { 0xFF98, KEY_KP6 },
    { 0xFF99, KEY_KP2 },
    { 0xFF9A, KEY_KP9 },
    { 0xFF9B, KEY_KP3 },
    { 0xFF9C, KEY_KP1 },
    { 0xFF9D, KEY_KP5 },
    { 0xFF9E, KEY_KP0 },
    { 0xFF9F, KEY_KPDOT },
    { 0xFFAA, KEY_KPASTERISK },
    { 0xFFAB, KEY_KPPLUS },
    { 0xFFAC, KEY_KPCOMMA },
    { 0xFFAD, KEY_KPMINUS },
    { 0xFFAE, KEY_KPDOT },
    { 0xFFAF, KEY_KPSLASH },
    { 0xFFB0, KEY_KP0 },
    { 0xFFB1, KEY_KP1 },
    { 0xFFB2, KEY_KP2 },
    { 0xFFB3, KEY_KP3 },
    { 0xFFB4, KEY_KP4 },
    { 0xFFB5, KEY_KP5 },
    { 0xFFB6, KEY_KP6 },
    { 0xFFB7, KEY_KP7 },
    { 0xFFB8, KEY_KP8 },
    { 0xFFB9, KEY_KP9 },
    { 0xFFBD, KEY_KPEQUAL },
    { 0xFFBE, KEY_F1 },
    { 0xFFBF, KEY_F2 },
    { 0xFFC0, KEY_F3 },
    { 0xFFC1, KEY_F4 },
    { 0xFFC2, KEY_F5 },
    { 0xFFC3, KEY_F6 },
    { 0xFFC4, KEY_F7 },
    { 0xFFC5, KEY_F8 },
    { 0xFFC6, KEY_F9 },
    { 0xFFC7, KEY_F10 },
    { 0xFFC8, KEY_F11 },
    { 0xFFC9, KEY_F12 },
    { 0xFFCA, KEY_F13 },
    { 0xFFCB, KEY_F14 },
    { 0xFFCC, KEY_F15 },
    { 0xFFCD, KEY_F16 },
    { 0xFFE1, KEY_LEFTSHIFT },
    { 0xFFE2, KEY_RIGHTSHIFT },
    { 0xFFE3, KEY_LEFTCTRL },
    { 0xFFE4, KEY_RIGHTCTRL },
    { 0xFFE5, KEY_CAPSLOCK },
    { 0xFFE7, KEY_LEFTMETA },
    { 0xFFE8, KEY_RIGHTMETA },
    { 0xFFE9, KEY_LEFTALT },
    { 0xFFEA, KEY_RIGHTALT },
    { 0xFFEB, KEY_LEFTMETA }, /* Super */
    { 0xFFEC, KEY_RIGHTMETA },
    { 0xFFFF, KEY_DELETE },
    { 0x1008FF11, KEY_VOLUMEDOWN },
    { 0x1008FF12, KEY_MUTE },
    { 0x1008FF13, KEY_VOLUMEUP },
    { 0x1008FF14, KEY_PLAYPAUSE },
    { 0x1008FF15, KEY_STOPCD },
    { 0x1008FF16, KEY_PREVIOUSSONG },
    { 0x1008FF17, KEY_NEXTSONG },
    { 0x1008FF18, KEY_HOMEPAGE },
    { 0x1008FF26, KEY_BACK },
    { 0x1008FF27, KEY_FORWARD },
};

/* Dead keys (0xFE50 and on) stand for the accent that is printed on them. */
static const gunichar dead_keys[] = {
    '`', 0xB4, '^', '~', 0xAF, 0x2D8, 0x2D9, 0xA8, 0xB0, 0x2DD, 0x2C7, 0xB8, 0x2DB,
};

/* Cyrillic keysyms from 0x06C0 on: the letters in the order of KOI8-R. */
static const char *const koi8_letters = "юабцдефгхийклмнопярстужвьызшэщчъ"
                                        "ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ";

static gunichar to_unicode(uint32_t keysym)
{
    if (keysym >= 0x20 && keysym <= 0xFF)
        return keysym;
    if (keysym >= 0x1000100 && keysym <= 0x110FFFF)
        return keysym - 0x1000000;
    if (keysym >= 0xFE50 && keysym < 0xFE50 + G_N_ELEMENTS(dead_keys))
        return dead_keys[keysym - 0xFE50];
    if (keysym >= 0x6C0 && keysym <= 0x6FF)
        return g_utf8_get_char(g_utf8_offset_to_pointer(koi8_letters, (glong)keysym - 0x6C0));
    switch (keysym) {
    case 0x6A3: return 0x451;   /* io */
    case 0x6B3: return 0x401;   /* IO */
    case 0x6B0: return 0x2116;  /* the number sign */
    case 0x20AC: return 0x20AC; /* the Euro sign */
    default: return 0;
    }
}

const struct keymap *keymap_find(const char *name)
{
    for (const struct keymap *map = keymaps; map->name != NULL; map++) {
        if (strcmp(map->name, name) == 0)
            return map;
    }
    return NULL;
}

const char *keymap_names(void)
{
    return "en-us, en-gb, de, fr, es, it, pt, pt-br, ru, ja, zh, sv, fi, da, no";
}

/* ---- lookup ---- */

static bool has_row(const struct keymap_row *rows, unsigned code)
{
    for (; rows->code != 0; rows++) {
        if (rows->code == code)
            return true;
    }
    return false;
}

struct search {
    gunichar character;
    bool shift, altgr;                  /* held now */
    const struct keymap_row *hidden_by; /* rows here replace those of the same key; NULL: none */
    bool found, fits;
    struct keymap_key *key;
};

static void match(struct search *search, const struct keymap_row *row, unsigned level)
{
    bool shift = level & 1, altgr = level & 2;
    bool fits = shift == search->shift && altgr == search->altgr;

    if (search->fits || (search->found && !fits))
        return;
    search->found = true;
    search->fits = fits;
    *search->key = (struct keymap_key){
        .code = row->code,
        .shift = shift,
        .altgr = altgr,
        .letter = !altgr &&
                  g_unichar_tolower(search->character) != g_unichar_toupper(search->character) &&
                  g_utf8_get_char(row->levels) == g_unichar_tolower(search->character),
    };
}

static void search_rows(struct search *search, const struct keymap_row *rows)
{
    for (; rows->code != 0; rows++) {
        const char *at = rows->levels;

        if (search->hidden_by != NULL && has_row(search->hidden_by, rows->code))
            continue;
        for (unsigned level = 0; *at != '\0'; level++, at += g_utf8_skip[(guchar)*at]) {
            if (g_utf8_get_char(at) == search->character)
                match(search, rows, level);
        }
    }
}

static bool lookup_character(const struct keymap *map, struct search *search)
{
    if (map->rows != NULL)
        search_rows(search, map->rows);
    if (search->found)
        return true;
    search->hidden_by = map->two_groups ? NULL : map->rows;
    search_rows(search, keymap_us_rows);
    return search->found;
}

bool keymap_lookup(const struct keymap *map, uint32_t keysym, bool shift, bool altgr,
                   struct keymap_key *key)
{
    struct search search = { .shift = shift, .altgr = altgr, .key = key };

    for (size_t i = 0; i < G_N_ELEMENTS(function_keys); i++) {
        if (function_keys[i].keysym == keysym) {
            *key = (struct keymap_key){ .code = function_keys[i].code, .any = true };
            return true;
        }
    }
    search.character = to_unicode(keysym);
    return search.character != 0 && lookup_character(map, &search);
}
