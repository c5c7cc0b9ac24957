/* New VHD images. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/error.h"
#include "block/create.h"
#include "block/vhd.h"

#define EPOCH_2000    946684800 /* 2000-01-01 in Unix time */
#define BLOCK_BYTES   (2u << 20)
#define MAX_BYTES     (UINT64_C(2040) << 30) /* the specification's limit for dynamic disks */
#define LOCATOR_SPACE 4096u

static void random_uuid(uint8_t *uuid)
{
    for (int i = 0; i < 16; i += 4)
        put_be32(uuid + i, g_random_int());
    uuid[6] = (uuid[6] & 0x0F) | 0x40; /* RFC 4122: version 4, variant 1 */
    uuid[8] = (uuid[8] & 0x3F) | 0x80;
}

/* What the child records of its parent; its size if none was asked for. */
static int look_at_parent(const struct image_create_options *o, struct vhd_header *h,
                          struct vhd_footer *f, GError **err)
{
    g_autofree char *path = image_path_beside(o->path, o->backing);
    struct block_options open = { .path = path, .read_only = true };
    struct vhd_footer parent;
    struct block_file *file;

    if (o->backing_format != NULL && strcmp(o->backing_format, "vpc") != 0)
        return fail(err, ENOTSUP, "%s: the parent of a VHD image must be one too", o->path);
    int ret = file_open(&open, false, &file, err);
    if (ret < 0)
        return ret;
    ret = vhd_footer_read(file, &parent, err);
    file_close(file);
    if (ret < 0)
        return ret;
    memcpy(h->parent_uuid, parent.uuid, 16);
    h->parent_timestamp = parent.timestamp;
    if (f->current_size == 0)
        f->current_size = vhd_footer_size(&parent);
    return 0;
}

static int write_locator(struct block_file *file, struct vhd_locator *l, uint32_t platform,
                         uint64_t offset, const uint8_t *data, uint32_t len)
{
    uint8_t b[LOCATOR_SPACE] = { 0 };

    if (len > sizeof(b))
        return -ENAMETOOLONG;
    memcpy(b, data, len);
    *l = (struct vhd_locator){ platform, LOCATOR_SPACE, len, offset };
    return file_pwrite(file, b, sizeof(b), offset);
}

/* The parent's path as a URL and as a Windows path. */
static int write_locators(struct block_file *file, const char *backing, struct vhd_header *h,
                          uint64_t offset)
{
    bool absolute = g_path_is_absolute(backing);
    g_autofree char *escaped = g_uri_escape_string(backing, "/", TRUE);
    g_autofree char *url = g_strconcat("file://", absolute ? "" : "./", escaped, NULL);
    g_autofree char *windows = g_strconcat(absolute ? "" : ".\\", backing, NULL);
    glong n = 0;

    g_strdelimit(windows, "/", '\\');
    g_autofree gunichar2 *units = g_utf8_to_utf16(windows, -1, NULL, &n, NULL);
    if (units == NULL)
        return -EILSEQ;
    for (glong i = 0; i < n; i++)
        put_le16(&units[i], units[i]);
    int ret = write_locator(file, &h->locator[0], VHD_PLATFORM_MACX, offset, (const uint8_t *)url,
                            (uint32_t)strlen(url));
    if (ret == 0)
        ret = write_locator(file, &h->locator[1], absolute ? VHD_PLATFORM_W2KU : VHD_PLATFORM_W2RU,
                            offset + LOCATOR_SPACE, (const uint8_t *)units, (uint32_t)n * 2);
    return ret;
}

/* All entries unused: 0xFFFFFFFF. */
static int write_bat(struct block_file *file, const struct vhd_header *h, uint64_t bytes)
{
    g_autofree uint8_t *bat = g_malloc(bytes);

    memset(bat, 0xFF, bytes);
    return file_pwrite(file, bat, bytes, h->bat_offset);
}

/* Footer copy, dynamic header, BAT, locators of the parent, footer. */
static int write_dynamic(struct block_file *file, const struct image_create_options *o,
                         struct vhd_footer *f, struct vhd_header *h)
{
    uint8_t footer[VHD_FOOTER_SIZE], header[VHD_HEADER_SIZE];
    uint64_t bat_bytes, end;
    int ret;

    f->header_offset = VHD_FOOTER_SIZE;
    h->block_size = BLOCK_BYTES;
    h->entries = (uint32_t)((f->current_size + BLOCK_BYTES - 1) / BLOCK_BYTES);
    h->bat_offset = VHD_FOOTER_SIZE + VHD_HEADER_SIZE;
    bat_bytes = MAX(((uint64_t)h->entries * 4 + 511) / 512 * 512, 512);
    end = h->bat_offset + bat_bytes;
    ret = write_bat(file, h, bat_bytes);
    if (ret == 0 && o->backing != NULL) {
        ret = write_locators(file, o->backing, h, end);
        end += (uint64_t)2 * LOCATOR_SPACE;
    }
    vhd_footer_build(footer, f);
    vhd_header_build(header, h);
    if (ret == 0)
        ret = file_pwrite(file, header, sizeof(header), f->header_offset);
    if (ret == 0)
        ret = file_pwrite(file, footer, sizeof(footer), 0);
    return ret == 0 ? file_pwrite(file, footer, sizeof(footer), end) : ret;
}

/* The disk itself, and the footer behind it. */
static int write_fixed(struct block_file *file, const struct image_create_options *o,
                       struct vhd_footer *f)
{
    uint8_t footer[VHD_FOOTER_SIZE];
    int ret = 0;

    f->header_offset = UINT64_MAX;
    if (o->preallocation != IMAGE_PREALLOCATION_OFF)
        ret = create_reserve(file, 0, f->current_size,
                             o->preallocation == IMAGE_PREALLOCATION_FULL);
    vhd_footer_build(footer, f);
    return ret == 0 ? file_pwrite(file, footer, sizeof(footer), f->current_size) : ret;
}

int vhd_create(struct block_file *file, const struct image_create_options *o, GError **err)
{
    struct vhd_footer f = { .current_size = o->size, .creator = VHD_CREATOR_WIN };
    struct vhd_header h = { 0 };
    int ret = 0;

    if (o->fixed && o->backing != NULL)
        return fail(err, EINVAL, "%s: a fixed image has no backing file", o->path);
    f.type = o->fixed ? VHD_FIXED : o->backing != NULL ? VHD_DIFFERENCING : VHD_DYNAMIC;
    f.timestamp = (uint32_t)(time(NULL) - EPOCH_2000);
    random_uuid(f.uuid);
    if (o->backing != NULL)
        ret = look_at_parent(o, &h, &f, err);
    if (ret < 0)
        return ret;
    if (!o->fixed && f.current_size > MAX_BYTES)
        return fail(err, EFBIG, "%s: a dynamic VHD image has at most 2040 GiB", o->path);
    vhd_footer_set_geometry(&f);
    g_autofree char *parent_name = o->backing != NULL ? g_path_get_basename(o->backing) : NULL;
    h.parent_name = parent_name;
    ret = o->fixed ? write_fixed(file, o, &f) : write_dynamic(file, o, &f, &h);
    return ret < 0 ? fail_errno(err, -ret, "%s: creating the image", o->path) : 0;
}
