#include "ui/vnc/encoder.h"

#include <setjmp.h>
#include <stdio.h> // jpeglib.h needs it
#include <stdlib.h>
#include <jpeglib.h>

struct failure {
    struct jpeg_error_mgr manager; /* first: libjpeg hands it back */
    jmp_buf jump;
};

/* libjpeg's own handler ends the process. */
static void fail_jump(j_common_ptr info)
{
    struct failure *failure = (struct failure *)(void *)info->err;

    longjmp(failure->jump, 1);
}

static void no_message(j_common_ptr info)
{
}

static void write_file(struct jpeg_compress_struct *info, const uint32_t *pixels, unsigned width,
                       unsigned height, int quality)
{
    info->image_width = width;
    info->image_height = height;
    info->input_components = 4;
    info->in_color_space = G_BYTE_ORDER == G_LITTLE_ENDIAN ? JCS_EXT_BGRX : JCS_EXT_XRGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    info->dct_method = JDCT_FASTEST;
    if (quality >= 90) { /* no chroma subsampling: coloured text stays readable */
        info->comp_info[0].h_samp_factor = 1;
        info->comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < height) {
        uint8_t *row = (uint8_t *)(uintptr_t)(pixels + (size_t)info->next_scanline * width);
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
}

struct file {
    unsigned char *data; /* by malloc */
    unsigned long size;
};

/* Apart from its caller, so that no variable changes between setjmp and longjmp. */
static bool try_compress(struct jpeg_compress_struct *info, struct failure *failure,
                         const uint32_t *pixels, unsigned width, unsigned height, int quality)
{
    if (setjmp(failure->jump) != 0) // NOLINT(cert-err52-cpp): libjpeg's way to report errors
        return false;
    write_file(info, pixels, width, height, quality);
    return true;
}

bool vnc_jpeg(const uint32_t *pixels, unsigned width, unsigned height, int quality, GByteArray *out)
{
    struct jpeg_compress_struct info;
    struct failure failure;
    struct file file = { 0 };

    info.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = fail_jump;
    failure.manager.output_message = no_message;
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &file.data, &file.size);
    bool ok = try_compress(&info, &failure, pixels, width, height, quality);
    if (ok)
        g_byte_array_append(out, file.data, (guint)file.size);
    jpeg_destroy_compress(&info);
    free(file.data);
    return ok;
}
