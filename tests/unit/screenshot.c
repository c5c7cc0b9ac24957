/*
 * Screens in files: read back, they are what the display showed.
 */
#include "ui/screenshot.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

/* ---- a display in a text mode ---- */

static bool has_text;

static bool get_text(void *opaque, struct console_text *text)
{
    static const char screen[3][8] = { "A\x01 b    ", "\xC9\xCD\xBB\0   \xFF", "        " };

    if (!has_text)
        return false;
    *text = (struct console_text){ 8, 3, g_memdup2(screen, sizeof(screen)) };
    return true;
}

static const struct console_source_ops display_ops = { .text = get_text };

struct fixture {
    struct input *input;
    struct console *con;
    char *directory, *file;
};

static void setup(struct fixture *f, gconstpointer unused)
{
    f->input = input_create();
    f->con = console_create("VGA", f->input);
    f->directory = g_dir_make_tmp("screenshot-XXXXXX", NULL);
    f->file = g_build_filename(f->directory, "picture", NULL);
    console_set_source(f->con, &display_ops, NULL);
    has_text = false;
}

static void teardown(struct fixture *f, gconstpointer unused)
{
    g_unlink(f->file);
    g_rmdir(f->directory);
    g_free(f->file);
    g_free(f->directory);
    console_destroy(f->con);
    input_destroy(f->input);
}

static void draw(struct fixture *f)
{
    static uint32_t pixels[3 * 2] = { 0xFF0000, 0x00FF00, 0x0000FF, 0x123456, 0, 0xFFFFFF };

    console_set_surface_memory(f->con, PIXMAN_x8r8g8b8, 3, 2, pixels, 12);
}

static const uint8_t drawn[18] = { 0xFF, 0,    0,    0, 0xFF, 0, 0,    0,    0xFF,
                                   0x12, 0x34, 0x56, 0, 0,    0, 0xFF, 0xFF, 0xFF };

static void test_png(struct fixture *f, gconstpointer unused)
{
    png_image image = { .version = PNG_IMAGE_VERSION };
    uint8_t pixels[18];

    draw(f);
    g_assert_cmpint(screenshot_save(f->con, SCREENSHOT_PNG, f->file, NULL), ==, 0);
    g_assert_true(png_image_begin_read_from_file(&image, f->file));
    g_assert_cmpuint(image.width, ==, 3);
    g_assert_cmpuint(image.height, ==, 2);
    image.format = PNG_FORMAT_RGB;
    g_assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    g_assert_cmpmem(pixels, 18, drawn, 18);
}

static void test_ppm(struct fixture *f, gconstpointer unused)
{
    g_autofree char *data = NULL;
    gsize n;

    draw(f);
    g_assert_cmpint(screenshot_save(f->con, SCREENSHOT_PPM, f->file, NULL), ==, 0);
    g_assert_true(g_file_get_contents(f->file, &data, &n, NULL));
    g_assert_cmpuint(n, ==, 11 + 18);
    g_assert_cmpmem(data, 11, "P6\n3 2\n255\n", 11);
    g_assert_cmpmem(data + 11, 18, drawn, 18);
}

static void test_text(struct fixture *f, gconstpointer unused)
{
    g_autofree char *text = NULL;

    has_text = true;
    g_assert_cmpint(screenshot_save(f->con, SCREENSHOT_TEXT, f->file, NULL), ==, 0);
    g_assert_true(g_file_get_contents(f->file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "A☺ b\n╔═╗\n\n");
}

static void test_failures(struct fixture *f, gconstpointer unused)
{
    g_autofree char *nowhere = g_build_filename(f->file, "x", NULL);
    GError *err = NULL;

    g_assert_cmpint(screenshot_save(f->con, SCREENSHOT_TEXT, f->file, &err), ==, -ENODATA);
    g_assert_false(g_file_test(f->file, G_FILE_TEST_EXISTS));
    g_clear_error(&err);
    g_assert_cmpint(screenshot_save(f->con, SCREENSHOT_PNG, nowhere, &err), ==, -ENOENT);
    g_assert_true(strstr(err->message, nowhere) != NULL);
    g_clear_error(&err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/screenshot/png", struct fixture, NULL, setup, test_png, teardown);
    g_test_add("/screenshot/ppm", struct fixture, NULL, setup, test_ppm, teardown);
    g_test_add("/screenshot/text", struct fixture, NULL, setup, test_text, teardown);
    g_test_add("/screenshot/failures", struct fixture, NULL, setup, test_failures, teardown);
    return g_test_run();
}
