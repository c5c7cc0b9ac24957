#include "ui/screenshot.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <png.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"

/* What each value of code page 437 looks like; 0 shows as a blank. */
static const char *const cp437 =
    " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz"
    "{|}~"
    "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌"
    "█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

static int write_file(int fd, const void *data, size_t n, GError **err)
{
    int rc = io_write_all(fd, data, n);

    return rc < 0 ? fail_errno(err, -rc, "screenshot: write") : 0;
}

/* ---- pixels ---- */

/* The surface as rows of red, green, blue. */
static pixman_image_t *rgb_image(struct console *con)
{
    int width = (int)console_width(con), height = (int)console_height(con);
    /* pixman names formats by value: bytes in memory are r, g, b on a little-endian host. */
    pixman_format_code_t format = G_BYTE_ORDER == G_LITTLE_ENDIAN ? PIXMAN_b8g8r8 : PIXMAN_r8g8b8;
    pixman_image_t *image = pixman_image_create_bits(format, width, height, NULL, 0);

    if (image != NULL)
        pixman_image_composite32(PIXMAN_OP_SRC, console_surface(con), NULL, image, 0, 0, 0, 0, 0, 0,
                                 width, height);
    return image;
}

static const uint8_t *rgb_row(pixman_image_t *image, int y)
{
    return (const uint8_t *)pixman_image_get_data(image) +
           (size_t)y * (size_t)pixman_image_get_stride(image);
}

static void collect(png_structp png, png_bytep data, png_size_t n)
{
    g_byte_array_append(png_get_io_ptr(png), data, (guint)n);
}

/* libpng jumps back to its setjmp on errors: nothing is allocated in here. */
static bool encode_png(png_structp png, png_infop info, pixman_image_t *image)
{
    int width = pixman_image_get_width(image), height = pixman_image_get_height(image);

    if (setjmp(png_jmpbuf(png)) != 0) // NOLINT(cert-err52-cpp): libpng's way to report errors
        return false;
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 1); /* the machine waits */
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
    png_write_info(png, info);
    for (int y = 0; y < height; y++)
        png_write_row(png, rgb_row(image, y));
    png_write_end(png, info);
    return true;
}

static bool to_png(pixman_image_t *image, GByteArray *out)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    bool ok = false;

    if (info != NULL) {
        png_set_write_fn(png, out, collect, NULL);
        ok = encode_png(png, info, image);
    }
    png_destroy_write_struct(&png, &info);
    return ok;
}

static bool to_ppm(pixman_image_t *image, GByteArray *out)
{
    int width = pixman_image_get_width(image), height = pixman_image_get_height(image);
    g_autofree char *header = g_strdup_printf("P6\n%d %d\n255\n", width, height);

    g_byte_array_append(out, (const guint8 *)header, (guint)strlen(header));
    for (int y = 0; y < height; y++)
        g_byte_array_append(out, rgb_row(image, y), (guint)width * 3);
    return true;
}

static int write_picture(struct console *con, bool png, int fd, GError **err)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    pixman_image_t *image = rgb_image(con);

    if (image == NULL)
        return fail(err, ENOMEM, "screenshot: not enough memory");
    bool ok = png ? to_png(image, out) : to_ppm(image, out);
    pixman_image_unref(image);
    if (!ok)
        return fail(err, EIO, "screenshot: libpng failed");
    return write_file(fd, out->data, out->len, err);
}

/* ---- characters ---- */

static void append_row(GString *out, const char *const *glyphs, const uint8_t *characters,
                       unsigned columns)
{
    gsize end = out->len; /* of what is not blank */

    for (unsigned x = 0; x < columns; x++) {
        const char *glyph = glyphs[characters[x]];

        g_string_append_len(out, glyph, g_utf8_skip[(guchar)*glyph]);
        if (*glyph != ' ')
            end = out->len;
    }
    g_string_truncate(out, end);
    g_string_append_c(out, '\n');
}

static int write_text(struct console *con, int fd, GError **err)
{
    g_autoptr(GString) out = g_string_new("");
    const char *glyphs[256], *glyph = cp437;
    struct console_text text;

    if (!console_get_text(con, &text))
        return fail(err, ENODATA, "screenshot: %s is not in a text mode", console_name(con));
    for (unsigned i = 0; i < G_N_ELEMENTS(glyphs); i++, glyph += g_utf8_skip[(guchar)*glyph])
        glyphs[i] = glyph;
    for (unsigned y = 0; y < text.rows; y++)
        append_row(out, glyphs, text.characters + (size_t)y * text.columns, text.columns);
    g_free(text.characters);
    return write_file(fd, out->str, out->len, err);
}

int screenshot_write(struct console *con, enum screenshot_format format, int fd, GError **err)
{
    console_update_now(con);
    if (format == SCREENSHOT_TEXT)
        return write_text(con, fd, err);
    return write_picture(con, format == SCREENSHOT_PNG, fd, err);
}

int screenshot_save(struct console *con, enum screenshot_format format, const char *path,
                    GError **err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return fail_errno(err, errno, "screenshot: %s", path);
    int rc = screenshot_write(con, format, fd, err);
    if (close(fd) < 0 && rc == 0)
        rc = fail_errno(err, errno, "screenshot: %s", path);
    if (rc < 0)
        g_unlink(path);
    return rc;
}
