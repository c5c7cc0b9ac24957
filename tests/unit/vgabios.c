/*
 * What of the VGA BIOS needs no hardware: the list of VBE modes, the parameter table, the fonts.
 */
#include <glib.h>
#include <string.h>

#include "firmware/vgabios/font.h"
#include "firmware/vgabios/params.h"
#include "firmware/vgabios/vbemodes.h"

/* ---- Modes ---- */

static void assert_mode(const struct vbe_mode *m, const struct vbe_mode *wanted)
{
    g_assert_cmphex(m->number, ==, wanted->number);
    g_assert_cmpuint(m->width, ==, wanted->width);
    g_assert_cmpuint(m->height, ==, wanted->height);
    g_assert_cmpuint(m->bits, ==, wanted->bits);
}

static void test_modes_are_sound(void)
{
    struct vbe_mode m, found, other;
    unsigned n = 0;

    for (; vbe_mode_at(n, &m); n++) {
        g_assert_cmpuint(m.number, >=, 0x100);
        g_assert_cmpuint(m.number, <, 0x200);
        g_assert_cmpuint(m.width % 8, ==, 0);
        g_assert_cmpuint(vbe_bytes(m.bits, m.width), <, 0x10000);
        g_assert_true(vbe_mode_find(m.number, &found));
        assert_mode(&found, &m);
        for (unsigned k = 0; k < n; k++) {
            g_assert_true(vbe_mode_at(k, &other));
            g_assert_cmpuint(other.number, !=, m.number);
            g_assert_false(other.width == m.width && other.height == m.height &&
                           other.bits == m.bits);
        }
    }
    g_assert_cmpuint(n, >, 50);
    g_assert_cmpuint(n, <=, VBE_MODES_MAX);
    g_assert_false(vbe_mode_at(UINT_MAX, &m));
    g_assert_false(vbe_mode_find(0x1ff, &m));
}

/* VESA's numbers, and the largest. */
static void test_known_modes(void)
{
    static const struct vbe_mode known[] = {
        { 0x101, 640, 480, 8 },    { 0x102, 800, 600, 4 },   { 0x103, 800, 600, 8 },
        { 0x105, 1024, 768, 8 },   { 0x10d, 320, 200, 15 },  { 0x112, 640, 480, 24 },
        { 0x117, 1024, 768, 16 },  { 0x118, 1024, 768, 24 }, { 0x11b, 1280, 1024, 24 },
        { 0x18c, 2560, 1600, 32 },
    };
    struct vbe_mode m;

    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
        g_assert_true(vbe_mode_find(known[i].number, &m));
        assert_mode(&m, &known[i]);
    }
    g_assert_cmpuint(vbe_mode_size(&known[9]), ==, 2560 * 1600 * 4);
    g_assert_cmpuint(vbe_mode_size(&known[1]), ==, 800 * 600 / 2);
    g_assert_cmpuint(vbe_mode_size(&known[4]), ==, 320 * 200 * 2);
}

/* ---- Parameters ---- */

static unsigned crtc_lines(const struct video_params *p)
{
    return (p->crtc[0x12] | (p->crtc[7] & 2u) << 7 | (p->crtc[7] & 0x40u) << 3) + 1;
}

/* The registers show what the first bytes say. */
static void test_parameters(void)
{
    for (unsigned i = 0; i < PARAMS_COUNT; i++) {
        const struct video_params *p = &video_params[i];
        if (p->columns == 0) /* 08h to 0Ch are not modes of a VGA */
            continue;
        bool doubled = (p->crtc[9] & 0x80) != 0 || (p->crtc[0x17] & 1) == 0;
        unsigned shown = (p->rows + 1u) * p->height;
        if (i == PARAMS_13)
            shown *= 2; /* two lines a row of dots */
        else if (doubled)
            shown *= 2;
        g_assert_cmpuint(crtc_lines(p) - shown, <, p->height);
        g_assert_cmpuint(p->crtc[1] + 1u, ==, i == PARAMS_13 ? 80 : p->columns);
        g_assert_cmpuint(p->crtc[0], >, p->crtc[1]);
        g_assert_cmpuint(p->seq[1] & 3, !=, 0);
        g_assert_cmpuint(p->gfx[8], ==, 0xff);
    }
    g_assert_cmpuint(video_params[PARAMS_02_400].misc, ==, 0x67);
    g_assert_cmpuint(functionality[0], ==, 0xff);
    g_assert_cmpuint(dcc_table.pair[0x0b][1], ==, 8);
    g_assert_cmpuint(crtc_params[0x4a], ==, 80);
}

/* ---- Fonts ---- */

/* Lines of a character that lead out of its cell: 0, 1 or 2 to each side. */
struct lines {
    uint8_t up, down, left, right;
};

/* B3h to DAh of code page 437. */
static const struct lines box[] = {
    { 1, 1, 0, 0 }, { 1, 1, 1, 0 }, { 1, 1, 2, 0 }, { 2, 2, 1, 0 }, { 0, 2, 1, 0 }, { 0, 1, 2, 0 },
    { 2, 2, 2, 0 }, { 2, 2, 0, 0 }, { 0, 2, 2, 0 }, { 2, 0, 2, 0 }, { 2, 0, 1, 0 }, { 1, 0, 2, 0 },
    { 0, 1, 1, 0 }, { 1, 0, 0, 1 }, { 1, 0, 1, 1 }, { 0, 1, 1, 1 }, { 1, 1, 0, 1 }, { 0, 0, 1, 1 },
    { 1, 1, 1, 1 }, { 1, 1, 0, 2 }, { 2, 2, 0, 1 }, { 2, 0, 0, 2 }, { 0, 2, 0, 2 }, { 2, 0, 2, 2 },
    { 0, 2, 2, 2 }, { 2, 2, 0, 2 }, { 0, 0, 2, 2 }, { 2, 2, 2, 2 }, { 1, 0, 2, 2 }, { 2, 0, 1, 1 },
    { 0, 1, 2, 2 }, { 0, 2, 1, 1 }, { 2, 0, 0, 1 }, { 1, 0, 0, 2 }, { 0, 1, 0, 2 }, { 0, 2, 0, 1 },
    { 2, 2, 1, 1 }, { 1, 1, 2, 2 }, { 1, 0, 1, 0 }, { 0, 1, 0, 1 },
};

struct set {
    const uint8_t *glyphs;
    unsigned height;
};

static const struct set sets[] = { { &font8[0][0], 8 },
                                   { &font14[0][0], 14 },
                                   { &font16[0][0], 16 } };

static const uint8_t *glyph(const struct set *set, unsigned c)
{
    return set->glyphs + c * set->height;
}

/* Which lines have their dot at the cell's edge, as a number. */
static unsigned edge(const struct set *set, unsigned c, uint8_t dot)
{
    unsigned rows = 0;

    for (unsigned y = 0; y < set->height; y++)
        rows |= (glyph(set, c)[y] & dot) != 0 ? 1u << y : 0;
    return rows;
}

static void test_lines_meet(void)
{
    for (const struct set *s = sets; s < sets + G_N_ELEMENTS(sets); s++) {
        unsigned middle = 1u << (s->height / 2 - 1);
        const uint8_t vertical[] = { 0, 0x18, 0x66 };
        const unsigned horizontal[] = { 0, middle, middle << 1 | middle >> 1 };
        for (unsigned i = 0; i < G_N_ELEMENTS(box); i++) {
            g_assert_cmphex(glyph(s, 0xb3 + i)[0], ==, vertical[box[i].up]);
            g_assert_cmphex(glyph(s, 0xb3 + i)[s->height - 1], ==, vertical[box[i].down]);
            g_assert_cmphex(edge(s, 0xb3 + i, 0x80), ==, horizontal[box[i].left]);
            g_assert_cmphex(edge(s, 0xb3 + i, 0x01), ==, horizontal[box[i].right]);
        }
    }
}

static bool is_blank(const struct set *s, unsigned c)
{
    for (unsigned y = 0; y < s->height; y++)
        if (glyph(s, c)[y] != 0)
            return false;
    return true;
}

static void test_characters_differ(void)
{
    for (const struct set *s = sets; s < sets + G_N_ELEMENTS(sets); s++) {
        for (unsigned c = 0; c < 256; c++) {
            g_assert_cmpint(is_blank(s, c), ==, c == 0 || c == ' ' || c == 0xff);
            for (unsigned other = 0; other < c && !is_blank(s, c); other++)
                if (memcmp(glyph(s, c), glyph(s, other), s->height) == 0)
                    g_error("%u lines: %02x and %02x look the same", s->height, other, c);
        }
    }
}

/* Letters leave the last dots free, so that neighbours don't touch; the full block is full. */
static void test_letters_and_blocks(void)
{
    for (const struct set *s = sets; s < sets + G_N_ELEMENTS(sets); s++) {
        for (unsigned c = '0'; c <= 'z'; c++)
            if (g_ascii_isalnum((char)c) && edge(s, c, 0x01) != 0)
                g_assert_cmpuint(c, ==, 'J');
        for (unsigned y = 0; y < s->height; y++) {
            g_assert_cmphex(glyph(s, 0xdb)[y], ==, 0xff);
            g_assert_cmphex(glyph(s, 0xdc)[y] ^ glyph(s, 0xdf)[y], ==, 0xff);
            g_assert_cmphex(glyph(s, 0xdd)[y] ^ glyph(s, 0xde)[y], ==, 0xff);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vgabios/modes/sound", test_modes_are_sound);
    g_test_add_func("/vgabios/modes/known", test_known_modes);
    g_test_add_func("/vgabios/parameters", test_parameters);
    g_test_add_func("/vgabios/fonts/lines", test_lines_meet);
    g_test_add_func("/vgabios/fonts/differ", test_characters_differ);
    g_test_add_func("/vgabios/fonts/letters", test_letters_and_blocks);
    return g_test_run();
}
