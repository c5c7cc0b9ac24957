/*
 * VHD images: sizes, the copy of the footer, parents. (Content is proved by tests/block/property
 * and interop.sh.)
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "base/loop.h"
#include "block/image.h"
#include "block/node.h"
#include "block/vhd.h"

#define MIB (1024 * 1024)

struct dir {
    char *path, *parent, *child;
};

static void set_up(struct dir *d, gconstpointer unused)
{
    d->path = g_dir_make_tmp("hvm-vhd-XXXXXX", NULL);
    d->parent = g_build_filename(d->path, "parent.vhd", NULL);
    d->child = g_build_filename(d->path, "child.vhd", NULL);
}

static void tear_down(struct dir *d, gconstpointer unused)
{
    g_unlink(d->parent);
    g_unlink(d->child);
    g_rmdir(d->path);
    g_free(d->path);
    g_free(d->parent);
    g_free(d->child);
}

static void create(const char *path, const char *backing)
{
    struct image_create_options o = {
        .path = path,
        .format = "vpc",
        .size = 10 * MIB,
        .backing = backing,
        .backing_format = backing != NULL ? "vpc" : NULL,
    };
    g_autoptr(GError) err = NULL;

    image_create(&o, &err);
    g_assert_no_error(err);
}

static struct block_user *open_image(const char *path, int error)
{
    struct block_options o = { .path = path, .format = "vpc" };
    struct block_node *node = NULL;
    g_autoptr(GError) err = NULL;

    g_assert_cmpint(block_open(&o, &node, &err), ==, error);
    if (error != 0)
        return NULL;
    struct block_user *user = block_attach(node, "test", NULL, NULL);
    block_unref(node);
    return user;
}

static void write_byte(struct block_user *user, uint64_t offset, uint8_t value)
{
    uint8_t sector[512];

    memset(sector, value, sizeof(sector));
    g_assert_cmpint(block_write_sync(user, offset, sector, 512), ==, 0);
}

static uint8_t read_byte(struct block_user *user, uint64_t offset)
{
    uint8_t sector[512];

    g_assert_cmpint(block_read_sync(user, offset, sector, 512), ==, 0);
    return sector[0];
}

/* Virtual PC means the geometry, Hyper-V the size field; the largest geometry means nothing. */
static void test_size(void)
{
    struct vhd_footer f = { .current_size = (UINT64_C(40) << 30) + 512 * 5, .type = VHD_DYNAMIC };
    uint8_t bytes[VHD_FOOTER_SIZE];
    struct vhd_footer back;

    vhd_footer_set_geometry(&f);
    g_assert_cmpuint(f.heads, ==, 16);
    f.creator = VHD_CREATOR_WIN;
    g_assert_cmpuint(vhd_footer_size(&f), ==, f.current_size);
    f.creator = VHD_CREATOR_VPC;
    g_assert_cmpuint(vhd_footer_size(&f), ==, (uint64_t)f.cylinders * f.heads * f.sectors * 512);
    g_assert_cmpuint(vhd_footer_size(&f), <=, f.current_size);
    f.current_size = UINT64_C(200) << 30;
    vhd_footer_set_geometry(&f);
    g_assert_cmpuint(vhd_footer_size(&f), ==, f.current_size);

    vhd_footer_build(bytes, &f);
    g_assert_cmpint(vhd_footer_parse(bytes, &back), ==, 0);
    g_assert_cmpuint(back.current_size, ==, f.current_size);
    bytes[100] ^= 1;
    g_assert_cmpint(vhd_footer_parse(bytes, &back), ==, -EINVAL); /* the checksum */
}

/* 40 MiB in tracks of 17 sectors: 4818, in cylinders of 5 heads so that there are at most 1024. */
static void test_geometry(void)
{
    struct vhd_footer f = { .current_size = 40 * MIB };

    vhd_footer_set_geometry(&f);
    g_assert_cmpuint(f.cylinders, ==, 963);
    g_assert_cmpuint(f.heads, ==, 5);
    g_assert_cmpuint(f.sectors, ==, 17);
}

/* A crash while the file grew leaves no footer at the end: the copy at the start is there. */
static void test_lost_footer(struct dir *d, gconstpointer unused)
{
    create(d->parent, NULL);
    struct block_user *user = open_image(d->parent, 0);
    write_byte(user, 0, 1);
    block_detach(user);

    int fd = open(d->parent, O_RDWR | O_CLOEXEC);
    off_t end = lseek(fd, 0, SEEK_END);
    g_assert_cmpint(ftruncate(fd, end - 512), ==, 0);
    close(fd);
    user = open_image(d->parent, 0);
    g_assert_cmpuint(read_byte(user, 0), ==, 1);
    write_byte(user, 4 * MIB, 2);
    block_detach(user);
    user = open_image(d->parent, 0);
    g_assert_cmpuint(read_byte(user, 0), ==, 1);
    g_assert_cmpuint(read_byte(user, 4 * MIB), ==, 2);
    block_detach(user);
}

/* A child shows its parent sector by sector, and only its own. */
static void test_parent(struct dir *d, gconstpointer unused)
{
    create(d->parent, NULL);
    struct block_user *user = open_image(d->parent, 0);
    write_byte(user, 0, 1);
    write_byte(user, 512, 1);
    block_detach(user);
    create(d->child, "parent.vhd");
    user = open_image(d->child, 0);
    write_byte(user, 512, 2);
    g_assert_cmpuint(read_byte(user, 0), ==, 1);
    g_assert_cmpuint(read_byte(user, 512), ==, 2);
    block_detach(user);

    create(d->parent, NULL); /* another image in its place */
    open_image(d->child, -EINVAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    g_test_add_func("/block/vhd/size", test_size);
    g_test_add_func("/block/vhd/geometry", test_geometry);
    g_test_add("/block/vhd/lost-footer", struct dir, NULL, set_up, test_lost_footer, tear_down);
    g_test_add("/block/vhd/parent", struct dir, NULL, set_up, test_parent, tear_down);
    return g_test_run();
}
