#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "block/vhd.h"

#define MAX_CHS_SECTORS (UINT64_C(65535) * 16 * 255)
#define MAX_LOCATOR     4096u

/* The complement of the sum of all bytes but the checksum itself. */
static uint32_t checksum(const uint8_t *b, size_t len, size_t field)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        if (i < field || i >= field + 4)
            sum += b[i];
    return ~sum;
}

/* ---- footer ---- */

int vhd_footer_parse(const uint8_t *b, struct vhd_footer *f)
{
    if (get_be64(b) != VHD_COOKIE || checksum(b, VHD_FOOTER_SIZE, 64) != get_be32(b + 64))
        return -EINVAL;
    f->header_offset = get_be64(b + 16);
    f->timestamp = get_be32(b + 24);
    f->creator = get_be32(b + 28);
    f->current_size = get_be64(b + 48);
    f->cylinders = get_be16(b + 56);
    f->heads = b[58];
    f->sectors = b[59];
    f->type = get_be32(b + 60);
    memcpy(f->uuid, b + 68, 16);
    return 0;
}

void vhd_footer_build(uint8_t *b, const struct vhd_footer *f)
{
    memset(b, 0, VHD_FOOTER_SIZE);
    put_be64(b, VHD_COOKIE);
    put_be32(b + 8, 2);           /* features: the reserved bit that is always set */
    put_be32(b + 12, 0x00010000); /* file format version */
    put_be64(b + 16, f->header_offset);
    put_be32(b + 24, f->timestamp);
    put_be32(b + 28, f->creator);
    put_be32(b + 32, 0x00060001);      /* creator version and host, as Windows writes them */
    put_be32(b + 36, 0x5769326B);      /* "Wi2k" */
    put_be64(b + 40, f->current_size); /* original size */
    put_be64(b + 48, f->current_size);
    put_be16(b + 56, f->cylinders);
    b[58] = f->heads;
    b[59] = f->sectors;
    put_be32(b + 60, f->type);
    memcpy(b + 68, f->uuid, 16);
    put_be32(b + 64, checksum(b, VHD_FOOTER_SIZE, 64));
}

uint64_t vhd_footer_size(const struct vhd_footer *f)
{
    uint64_t chs = (uint64_t)f->cylinders * f->heads * f->sectors;
    bool by_geometry = f->creator == VHD_CREATOR_VPC || f->creator == VHD_CREATOR_QEMU;

    /* Virtual PC takes the geometry for the size, Hyper-V and the others the size field; the
     * largest geometry means a disk that has none. */
    if (by_geometry && chs != 0 && chs < MAX_CHS_SECTORS)
        return chs * BLOCK_SECTOR_SIZE;
    return f->current_size & ~(uint64_t)(BLOCK_SECTOR_SIZE - 1);
}

void vhd_footer_set_geometry(struct vhd_footer *f)
{
    uint64_t total = MIN(f->current_size / BLOCK_SECTOR_SIZE, MAX_CHS_SECTORS);
    uint64_t tracks;
    unsigned heads, sectors = 17;

    if (total >= UINT64_C(65535) * 16 * 63) {
        sectors = 255;
        heads = 16;
        tracks = total / sectors;
    } else {
        tracks = total / sectors;
        heads = MAX((unsigned)((tracks + 1023) / 1024), 4);
        if (tracks >= heads * UINT64_C(1024) || heads > 16) {
            sectors = 31;
            heads = 16;
            tracks = total / sectors;
        }
        if (tracks >= heads * UINT64_C(1024)) {
            sectors = 63;
            heads = 16;
            tracks = total / sectors;
        }
    }
    f->cylinders = (uint16_t)(tracks / heads);
    f->heads = (uint8_t)heads;
    f->sectors = (uint8_t)sectors;
}

int vhd_footer_read(struct block_file *file, struct vhd_footer *footer, GError **err)
{
    uint8_t b[VHD_FOOTER_SIZE];
    int64_t size = file_size(file);

    if (size < VHD_FOOTER_SIZE)
        return fail(err, EINVAL, "%s: is too short for a VHD image", file->name);
    int ret = file_pread(file, b, sizeof(b), 0);
    if (ret == 0 && vhd_footer_parse(b, footer) == 0 && footer->type != VHD_FIXED)
        return 0;
    /* Old versions of Virtual PC left the footer one byte short. */
    for (int cut = 0; cut < 2 && ret == 0; cut++) {
        uint64_t at = (uint64_t)(size - VHD_FOOTER_SIZE + cut);

        memset(b, 0, sizeof(b));
        ret = file_pread(file, b, sizeof(b) - (size_t)cut, at);
        if (ret == 0 && vhd_footer_parse(b, footer) == 0)
            return 0;
    }
    if (ret < 0)
        return fail_errno(err, -ret, "%s: reading the footer", file->name);
    return fail(err, EINVAL, "%s: is not a VHD image", file->name);
}

/* ---- dynamic header ---- */

/* NULL for what is not valid UTF-16. */
static char *utf16_to_utf8(const uint8_t *b, uint32_t bytes, bool big_endian)
{
    g_autofree gunichar2 *units = g_new0(gunichar2, bytes / 2 + 1);

    for (uint32_t i = 0; i < bytes / 2; i++)
        units[i] = big_endian ? get_be16(b + 2 * i) : get_le16(b + 2 * i);
    return g_utf16_to_utf8(units, -1, NULL, NULL, NULL);
}

int vhd_header_parse(const uint8_t *b, struct vhd_header *h)
{
    *h = (struct vhd_header){ 0 };
    if (get_be64(b) != VHD_HEADER_COOKIE || checksum(b, VHD_HEADER_SIZE, 36) != get_be32(b + 36))
        return -EINVAL;
    h->bat_offset = get_be64(b + 16);
    h->entries = get_be32(b + 28);
    h->block_size = get_be32(b + 32);
    memcpy(h->parent_uuid, b + 40, 16);
    h->parent_timestamp = get_be32(b + 56);
    if (b[64] != 0 || b[65] != 0)
        h->parent_name = utf16_to_utf8(b + 64, 512, true);
    for (int i = 0; i < VHD_LOCATORS; i++) {
        const uint8_t *l = b + 576 + (size_t)i * 24;

        h->locator[i].platform = get_be32(l);
        h->locator[i].space = get_be32(l + 4);
        h->locator[i].length = get_be32(l + 8);
        h->locator[i].offset = get_be64(l + 16);
    }
    return 0;
}

void vhd_header_build(uint8_t *b, const struct vhd_header *h)
{
    memset(b, 0, VHD_HEADER_SIZE);
    put_be64(b, VHD_HEADER_COOKIE);
    put_be64(b + 8, UINT64_MAX);
    put_be64(b + 16, h->bat_offset);
    put_be32(b + 24, 0x00010000); /* header version */
    put_be32(b + 28, h->entries);
    put_be32(b + 32, h->block_size);
    memcpy(b + 40, h->parent_uuid, 16);
    put_be32(b + 56, h->parent_timestamp);
    if (h->parent_name != NULL) {
        glong n = 0;
        g_autofree gunichar2 *units = g_utf8_to_utf16(h->parent_name, -1, NULL, &n, NULL);

        for (glong i = 0; i < MIN(n, 255); i++)
            put_be16(b + 64 + 2 * i, units[i]);
    }
    for (int i = 0; i < VHD_LOCATORS; i++) {
        uint8_t *l = b + 576 + (size_t)i * 24;

        put_be32(l, h->locator[i].platform);
        put_be32(l + 4, h->locator[i].space);
        put_be32(l + 8, h->locator[i].length);
        put_be64(l + 16, h->locator[i].offset);
    }
    put_be32(b + 36, checksum(b, VHD_HEADER_SIZE, 36));
}

/* ---- parent ---- */

static char *from_windows(char *path)
{
    g_strdelimit(path, "\\", '/');
    if (g_str_has_prefix(path, "./"))
        memmove(path, path + 2, strlen(path) - 1);
    return path;
}

static char *from_url(const char *url)
{
    const char *path = g_str_has_prefix(url, "file://") ? url + strlen("file://") : url;
    char *plain = g_uri_unescape_string(path, NULL);

    return plain != NULL ? from_windows(plain) : NULL;
}

static char *read_locator(struct block_file *file, const struct vhd_locator *l)
{
    uint8_t b[MAX_LOCATOR + 1] = { 0 };

    if (l->length == 0 || l->length > MAX_LOCATOR || l->offset > INT64_MAX ||
        file_pread(file, b, l->length, l->offset) < 0)
        return NULL;
    if (l->platform == VHD_PLATFORM_MACX)
        return from_url((const char *)b);
    char *path = utf16_to_utf8(b, l->length, false);
    return path != NULL ? from_windows(path) : NULL;
}

/* The URL first: it is what tools on this side of the world write. */
char *vhd_parent_path(struct block_file *file, const struct vhd_header *h)
{
    static const uint32_t order[] = { VHD_PLATFORM_MACX, VHD_PLATFORM_W2RU, VHD_PLATFORM_W2KU };

    for (size_t p = 0; p < G_N_ELEMENTS(order); p++)
        for (int i = 0; i < VHD_LOCATORS; i++) {
            char *path = h->locator[i].platform == order[p] ? read_locator(file, &h->locator[i])
                                                            : NULL;
            if (path != NULL && path[0] != '\0')
                return path;
            g_free(path);
        }
    return h->parent_name != NULL ? from_windows(g_strdup(h->parent_name)) : NULL;
}
