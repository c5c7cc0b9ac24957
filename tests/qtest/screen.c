/*
 * What the screen shows, through the whole program: modes are set by registers as a video BIOS
 * sets them, the guest draws, and each dot of QMP's screendump is compared with what was drawn.
 */
#include <png.h>
#include <string.h>

#include "tests/qtest/qtest.h"
#include "tests/unit/vga_setup.h"

#define CARD   0x10 /* slot 2 */
#define LFB    UINT64_C(0xe0000000)
#define WINDOW 0xa0000u

#define DISPI_INDEX 0x1ce
#define DISPI_DATA  0x1cf

/* What is expected at x, y. */
typedef uint32_t dot(unsigned x, unsigned y);

/* ---- The card ---- */

static struct qtest *start(const char *card)
{
    g_autofree char *args = g_strdup_printf("-nodefaults -device %s,addr=2", card);
    struct qtest *q = qtest_start(args);

    qtest_pci_write(q, CARD, 0x10, (uint32_t)LFB, 4);
    qtest_pci_write(q, CARD, 4, 3, 2);
    return q;
}

static void indexed(struct qtest *q, uint16_t port, uint8_t index, uint8_t value)
{
    qtest_outw(q, port, (uint16_t)(value << 8 | index));
}

static void set_sequencer(struct qtest *q, uint8_t index, uint8_t value)
{
    indexed(q, 0x3c4, index, value);
}

static void set_graphics(struct qtest *q, uint8_t index, uint8_t value)
{
    indexed(q, 0x3ce, index, value);
}

static void set_crtc(struct qtest *q, uint8_t index, uint8_t value)
{
    indexed(q, 0x3d4, index, value);
}

static void set_attribute(struct qtest *q, uint8_t index, uint8_t value)
{
    qtest_inb(q, 0x3da); /* the index comes next */
    qtest_outb(q, 0x3c0, index);
    qtest_outb(q, 0x3c0, value);
}

static void set_mode(struct qtest *q, const struct vga_setup *setup)
{
    qtest_outb(q, 0x3c2, setup->misc);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->sr); i++)
        set_sequencer(q, (uint8_t)i, setup->sr[i]);
    set_crtc(q, 0x11, 0); /* unlocks CR0 to CR7 */
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->cr); i++)
        set_crtc(q, (uint8_t)i, setup->cr[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->gr); i++)
        set_graphics(q, (uint8_t)i, setup->gr[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->ar); i++)
        set_attribute(q, (uint8_t)i, setup->ar[i]);
    qtest_outb(q, 0x3c0, 0x20); /* the screen is on */
    qtest_outb(q, 0x3c6, 0xff);
    qtest_outb(q, 0x3c8, 0);
    for (unsigned i = 0; i < 256 * 3; i++)
        qtest_outb(q, 0x3c9, vga_dac_byte(i));
}

static void set_dispi(struct qtest *q, unsigned width, unsigned height, unsigned bits)
{
    const uint16_t values[][2] = { { 4, 0 },
                                   { 1, (uint16_t)width },
                                   { 2, (uint16_t)height },
                                   { 3, (uint16_t)bits },
                                   { 4, 0x41 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        qtest_outw(q, DISPI_INDEX, values[i][0]);
        qtest_outw(q, DISPI_DATA, values[i][1]);
    }
}

/* ---- The picture ---- */

/* Has the screen written to a file in this format; the caller owns the path. */
static char *dump(struct qtest *q, const char *format)
{
    char *path = qtest_path(q, format);
    JsonObject *reply = qtest_qmp(q,
                                  "\"execute\": \"screendump\", \"arguments\": "
                                  "{\"filename\": \"%s\", \"format\": \"%s\"}",
                                  path, format);

    g_assert_true(json_object_has_member(reply, "return"));
    json_object_unref(reply);
    return path;
}

static void compare(const uint8_t *rgb, unsigned width, unsigned height, dot *expected)
{
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++, rgb += 3) {
            uint32_t color = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
            if (color != expected(x, y))
                g_test_message("at %u,%u", x, y);
            g_assert_cmphex(color, ==, expected(x, y));
        }
    }
}

static void expect_ppm(struct qtest *q, unsigned width, unsigned height, dot *expected)
{
    g_autofree char *path = dump(q, "ppm"), *data = NULL;
    g_autofree char *head = g_strdup_printf("P6\n%u %u\n255\n", width, height);
    gsize size;

    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpint(strncmp(data, head, strlen(head)), ==, 0);
    g_assert_cmpuint(size, ==, strlen(head) + (size_t)width * height * 3);
    compare((const uint8_t *)data + strlen(head), width, height, expected);
}

static void expect_png(struct qtest *q, unsigned width, unsigned height, dot *expected)
{
    g_autofree char *path = dump(q, "png");
    png_image image = { .version = PNG_IMAGE_VERSION };

    g_assert_true(png_image_begin_read_from_file(&image, path) != 0);
    g_assert_cmpuint(image.width, ==, width);
    g_assert_cmpuint(image.height, ==, height);
    image.format = PNG_FORMAT_RGB;
    g_autofree uint8_t *rgb = g_malloc(PNG_IMAGE_SIZE(image));
    g_assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL) != 0);
    compare(rgb, width, height, expected);
}

/* ---- Text: 80x25 characters of 9x16 dots ---- */

#define COLUMNS 80
#define ROWS    25
#define CURSOR  81 /* the second character of the second row; its lines 13 and 14 */

static uint8_t font_row(uint8_t character, unsigned row)
{
    return (uint8_t)(character * 37 + row * 91);
}

static uint8_t character(unsigned n)
{
    return (uint8_t)('A' + n % 26);
}

static uint8_t attribute(unsigned n)
{
    return (uint8_t)(n * 5 & 0x7f); /* none blinks */
}

static uint32_t text_without_cursor(unsigned x, unsigned y)
{
    unsigned n = y / 16 * COLUMNS + x / 9, at = x % 9;
    bool on = at < 8 && (font_row(character(n), y % 16) >> (7 - at) & 1) != 0;

    return vga_color(&vga_text, on ? attribute(n) & 15u : attribute(n) >> 4);
}

static uint32_t text_with_cursor(unsigned x, unsigned y)
{
    if (y / 16 * COLUMNS + x / 9 == CURSOR && y % 16 >= 13 && y % 16 <= 14)
        return vga_color(&vga_text, attribute(CURSOR) & 15u);
    return text_without_cursor(x, y);
}

/* Plane 2, addresses in sequence, 32 bytes for each character. */
static void load_font(struct qtest *q)
{
    uint8_t font[256 * 32];

    for (unsigned i = 0; i < sizeof(font); i++)
        font[i] = font_row((uint8_t)(i / 32), i % 32);
    set_sequencer(q, 2, 0x04);
    set_sequencer(q, 4, 0x06);
    set_graphics(q, 5, 0x00);
    set_graphics(q, 6, 0x04);
    qtest_memwrite(q, WINDOW, font, sizeof(font));
    set_sequencer(q, 2, vga_text.sr[2]);
    set_sequencer(q, 4, vga_text.sr[4]);
    set_graphics(q, 5, vga_text.gr[5]);
    set_graphics(q, 6, vga_text.gr[6]);
}

static void expect_characters(struct qtest *q)
{
    g_autofree char *path = dump(q, "text"), *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, ROWS + 1); /* the last one ends, too */
    for (unsigned row = 0; row < ROWS; row++)
        for (unsigned x = 0; x < COLUMNS; x++)
            g_assert_cmphex((uint8_t)lines[row][x], ==, character(row * COLUMNS + x));
}

static void test_text(gconstpointer card)
{
    struct qtest *q = start(card);
    uint8_t cells[COLUMNS * ROWS * 2];

    set_mode(q, &vga_text);
    load_font(q);
    for (unsigned i = 0; i < COLUMNS * ROWS; i++) {
        cells[2 * i] = character(i);
        cells[2 * i + 1] = attribute(i);
    }
    qtest_memwrite(q, 0xb8000, cells, sizeof(cells));
    set_crtc(q, 0x0e, 0);
    set_crtc(q, 0x0f, CURSOR);
    expect_ppm(q, 720, 400, text_with_cursor);
    expect_png(q, 720, 400, text_with_cursor);
    expect_characters(q);

    set_crtc(q, 0x0a, 0x20); /* the cursor is off */
    expect_ppm(q, 720, 400, text_without_cursor);
    qtest_end(q);
}

/* ---- Mode 12h: 640x480, four planes ---- */

static unsigned color_12(unsigned x, unsigned y)
{
    return (x * 3 + y * 7 + x / 32) & 15;
}

static uint32_t dot_12(unsigned x, unsigned y)
{
    return vga_color(&vga_mode_12, color_12(x, y));
}

static void test_mode_12(gconstpointer card)
{
    struct qtest *q = start(card);
    g_autofree uint8_t *plane = g_malloc(80 * 480);

    set_mode(q, &vga_mode_12);
    for (unsigned n = 0; n < 4; n++) {
        memset(plane, 0, 80 * 480);
        for (unsigned i = 0; i < 640 * 480; i++)
            plane[i / 8] |= (uint8_t)((color_12(i % 640, i / 640) >> n & 1) << (7 - i % 8));
        set_sequencer(q, 2, (uint8_t)(1u << n));
        qtest_memwrite(q, WINDOW, plane, 80 * 480);
    }
    expect_ppm(q, 640, 480, dot_12);
    qtest_end(q);
}

/* ---- Mode 13h: 320x200, a byte for each pixel; each is shown as two by two dots ---- */

static uint8_t color_13(unsigned x, unsigned y)
{
    return (uint8_t)(x * 5 + y * 3 + x / 16);
}

static uint32_t dot_13(unsigned x, unsigned y)
{
    return vga_dac_color(color_13(x / 2, y / 2));
}

static void test_mode_13(gconstpointer card)
{
    struct qtest *q = start(card);
    g_autofree uint8_t *pixels = g_malloc(320 * 200);

    set_mode(q, &vga_mode_13);
    for (unsigned i = 0; i < 320 * 200; i++)
        pixels[i] = color_13(i % 320, i / 320);
    qtest_memwrite(q, WINDOW, pixels, 320 * 200);
    expect_ppm(q, 640, 400, dot_13);
    qtest_end(q);
}

/* Mode X, of 200 lines: the same without chain 4, a plane for each fourth pixel; second page. */
static void test_mode_x(gconstpointer card)
{
    struct qtest *q = start(card);
    uint8_t pixels[320 / 4 * 200];

    set_mode(q, &vga_mode_13);
    set_sequencer(q, 4, 0x06);
    set_crtc(q, 0x14, 0x00);
    set_crtc(q, 0x17, 0xe3);
    for (unsigned n = 0; n < 4; n++) {
        for (unsigned i = 0; i < sizeof(pixels); i++)
            pixels[i] = color_13(i % 80 * 4 + n, i / 80);
        set_sequencer(q, 2, (uint8_t)(1u << n));
        qtest_memwrite(q, WINDOW + 0x4000, pixels, sizeof(pixels));
    }
    set_crtc(q, 0x0c, 0x40);
    expect_ppm(q, 640, 400, dot_13);
    qtest_end(q);
}

/* ---- Linear modes of the Bochs VBE extension ---- */

#define WIDTH  400
#define HEIGHT 300

static uint32_t value_at(unsigned x, unsigned y)
{
    return (x * 2654435761u + y * 40503u * 977u) >> 3;
}

static uint32_t grow(uint32_t value, unsigned bits)
{
    return value << (8 - bits) | value >> (2 * bits - 8);
}

static uint32_t dot_8(unsigned x, unsigned y)
{
    return vga_dac_color((uint8_t)value_at(x, y));
}

static uint32_t dot_15(unsigned x, unsigned y)
{
    uint32_t v = value_at(x, y);

    return grow(v >> 10 & 31, 5) << 16 | grow(v >> 5 & 31, 5) << 8 | grow(v & 31, 5);
}

static uint32_t dot_16(unsigned x, unsigned y)
{
    uint32_t v = value_at(x, y);

    return grow(v >> 11 & 31, 5) << 16 | grow(v >> 5 & 63, 6) << 8 | grow(v & 31, 5);
}

static uint32_t dot_24(unsigned x, unsigned y)
{
    return value_at(x, y) & 0xffffff;
}

static const struct depth {
    unsigned bits, bytes;
    dot *expected;
} depths[] = {
    { 8, 1, dot_8 }, { 15, 2, dot_15 }, { 16, 2, dot_16 }, { 24, 3, dot_24 }, { 32, 4, dot_24 }
};

static void test_depth(gconstpointer data)
{
    const struct depth *depth = data;
    struct qtest *q = start("VGA,vgamem_mb=1");
    size_t size = (size_t)WIDTH * HEIGHT * depth->bytes;
    g_autofree uint8_t *pixels = g_malloc(size);

    set_mode(q, &vga_mode_13); /* for the palette */
    set_dispi(q, WIDTH, HEIGHT, depth->bits);
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++)
        for (unsigned n = 0; n < depth->bytes; n++)
            pixels[i * depth->bytes + n] = (uint8_t)(value_at(i % WIDTH, i / WIDTH) >> (8 * n));
    qtest_memwrite(q, LFB, pixels, size);
    expect_ppm(q, WIDTH, HEIGHT, depth->expected);
    expect_png(q, WIDTH, HEIGHT, depth->expected);
    qtest_end(q);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *card;
    } cards[] = { { "vga", "VGA,vgamem_mb=1" }, { "cirrus", "cirrus-vga" } };
    static const struct {
        const char *name;
        GTestDataFunc run;
    } modes[] = { { "text", test_text },
                  { "mode-12h", test_mode_12 },
                  { "mode-13h", test_mode_13 },
                  { "mode-x", test_mode_x } };

    g_test_init(&argc, &argv, NULL);
    for (unsigned c = 0; c < G_N_ELEMENTS(cards); c++) {
        for (unsigned m = 0; m < G_N_ELEMENTS(modes); m++) {
            g_autofree char *path = g_strdup_printf("/screen/%s/%s", cards[c].name, modes[m].name);
            g_test_add_data_func(path, cards[c].card, modes[m].run);
        }
    }
    for (unsigned d = 0; d < G_N_ELEMENTS(depths); d++) {
        g_autofree char *path = g_strdup_printf("/screen/vbe/%u", depths[d].bits);
        g_test_add_data_func(path, &depths[d], test_depth);
    }
    return g_test_run();
}
