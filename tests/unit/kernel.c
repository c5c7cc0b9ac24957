/*
 * Direct kernel boot: small pretended kernels of several ages, where their parts go, and what is
 * said about files that are no kernel, or not all of one.
 */
#include "hw/machine/kernel.h"

#include <errno.h>
#include <string.h>
#include <glib/gstdio.h>

#include "base/bytes.h"

#define MIB        (1u << 20)
#define SETUP_SIZE (5 * 512u)
#define BODY_SIZE  (64 * 1024u)

/* Files in a directory of the test's own, and the options that name them. */
struct story {
    char *dir, *kernel_path, *initrd_path;
    uint8_t kernel[SETUP_SIZE + BODY_SIZE];
    struct kernel_config config;
    struct kernel_image image;
    GError *err;
};

static void write_file(const char *path, const void *data, size_t size)
{
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

/* A kernel of today's protocol, with nothing odd about it. */
static void make_kernel(struct story *s)
{
    uint8_t *p = s->kernel;
    memset(p, 0x90, sizeof(s->kernel));
    memset(p + 0x1f1, 0, 0x268 - 0x1f1);
    p[0x1f1] = 4;
    put_le32(p + 0x1f4, BODY_SIZE / 16);
    put_le16(p + 0x1fe, 0xaa55);
    put_le32(p + 0x202, 0x53726448);
    put_le16(p + 0x206, 0x20f);
    p[0x211] = 0x01;
    put_le32(p + 0x22c, 0x7fffffff);
    put_le32(p + 0x238, 2047);
    put_le64(p + 0x258, 16 * MIB);
    put_le32(p + 0x260, 8 * MIB);
}

static void set_up(struct story *s, gconstpointer data)
{
    s->dir = g_dir_make_tmp("test-kernel-XXXXXX", NULL);
    s->kernel_path = g_build_filename(s->dir, "kernel", NULL);
    s->initrd_path = g_build_filename(s->dir, "initrd", NULL);
    make_kernel(s);
    write_file(s->initrd_path, "initrd", 6);
    s->config = (struct kernel_config){
        .kernel = s->kernel_path,
        .initrd = s->initrd_path,
        .append = "console=ttyS0",
        .ram_below_4g = 256 * MIB,
        .reserve = MIB,
    };
}

static void tear_down(struct story *s, gconstpointer data)
{
    kernel_unload(&s->image);
    g_clear_error(&s->err);
    g_unlink(s->kernel_path);
    g_unlink(s->initrd_path);
    g_rmdir(s->dir);
    g_free(s->dir);
    g_free(s->kernel_path);
    g_free(s->initrd_path);
}

static int load(struct story *s)
{
    write_file(s->kernel_path, s->kernel, sizeof(s->kernel));
    return kernel_load(&s->config, &s->image, &s->err);
}

/* The kernel is refused with this reason, in a sentence that begins with the option. */
static void refused(struct story *s, int code, const char *option, const char *reason)
{
    g_assert_cmpint(kernel_load(&s->config, &s->image, &s->err), ==, -code);
    g_assert_nonnull(s->err);
    g_assert_true(g_str_has_prefix(s->err->message, option));
    if (!strstr(s->err->message, reason))
        g_error("'%s' does not say '%s'", s->err->message, reason);
    g_assert_null(strchr(s->err->message, '\n'));
    g_assert_null(s->image.kernel);
    g_clear_error(&s->err);
}

static void refused_kernel(struct story *s, int code, const char *reason)
{
    write_file(s->kernel_path, s->kernel, sizeof(s->kernel));
    refused(s, code, "-kernel ", reason);
}

static const struct kernel_item *item(const struct story *s, uint16_t key)
{
    for (unsigned i = 0; i < KERNEL_ITEMS; i++) {
        if (s->image.items[i].key == key)
            return &s->image.items[i];
    }
    g_error("no item with key 0x%x", key);
}

static uint32_t number(const struct story *s, uint16_t key)
{
    g_assert_cmpuint(item(s, key)->size, ==, 4);
    return get_le32(item(s, key)->data);
}

static void test_layout(struct story *s, gconstpointer data)
{
    g_assert_cmpint(load(s), ==, 0);
    g_assert_cmpuint(number(s, 0x16), ==, 0x10000);
    g_assert_cmpuint(number(s, 0x17), ==, SETUP_SIZE);
    g_assert_cmpuint(number(s, 0x07), ==, MIB);
    g_assert_cmpuint(number(s, 0x08), ==, BODY_SIZE);
    g_assert_cmpmem(item(s, 0x11)->data, item(s, 0x11)->size, s->kernel + SETUP_SIZE, BODY_SIZE);
    g_assert_cmpuint(number(s, 0x13), ==, 0x20000);
    g_assert_cmpmem(item(s, 0x15)->data, item(s, 0x15)->size, "console=ttyS0", 14);
    g_assert_cmpuint(number(s, 0x14), ==, 14);
    g_assert_cmpuint(number(s, 0x0a), ==, 255 * MIB - 4096);
    g_assert_cmpmem(item(s, 0x12)->data, item(s, 0x12)->size, "initrd", 6);

    const uint8_t *setup = item(s, 0x18)->data;
    g_assert_cmpuint(setup[0x210], ==, 0xff);
    g_assert_cmpuint(setup[0x211], ==, 0x81);
    g_assert_cmpuint(get_le16(setup + 0x224), ==, 0xfe00);
    g_assert_cmpuint(get_le32(setup + 0x228), ==, 0x20000);
    g_assert_cmpuint(get_le32(setup + 0x218), ==, 255 * MIB - 4096);
    g_assert_cmpuint(get_le32(setup + 0x21c), ==, 6);
}

static void test_no_initrd(struct story *s, gconstpointer data)
{
    s->config.initrd = NULL;
    s->config.append = NULL;
    g_assert_cmpint(load(s), ==, 0);
    g_assert_cmpuint(number(s, 0x0b), ==, 0);
    g_assert_cmpuint(item(s, 0x12)->size, ==, 0);
    g_assert_cmpuint(number(s, 0x14), ==, 1);
}

/* Fields that the kernel's protocol does not have yet are not read: they may hold anything. */
static void test_old_protocol(struct story *s, gconstpointer data)
{
    put_le16(s->kernel + 0x206, 0x202);
    memset(s->kernel + 0x22c, 0, 0x268 - 0x22c);
    s->kernel[0x1f1] = 0; /* 4 */
    s->config.ram_below_4g = 2048u * MIB;
    g_assert_cmpint(load(s), ==, 0);
    g_assert_cmpuint(number(s, 0x17), ==, SETUP_SIZE);
    g_assert_cmpuint(number(s, 0x0a), ==, 0x37fff000);

    g_autofree char *text = g_strnfill(256, 'x');
    kernel_unload(&s->image);
    s->config.append = text;
    refused(s, E2BIG, "-append: 256 characters", "at most 255");
}

static void test_command_line(struct story *s, gconstpointer data)
{
    g_autofree char *fits = g_strnfill(2047, 'x'), *longer = g_strnfill(2048, 'x');
    s->config.append = fits;
    g_assert_cmpint(load(s), ==, 0);
    g_assert_cmpuint(number(s, 0x14), ==, 2048);
    kernel_unload(&s->image);
    s->config.append = longer;
    refused(s, E2BIG, "-append: 2048 characters", "at most 2047");
}

/* The loader, not the kernel, reads vga=. */
static void test_video_mode(struct story *s, gconstpointer data)
{
    static const struct {
        const char *append;
        uint16_t mode;
    } lines[] = {
        { "console=tty0", 0x0000 },   { "vga=0x317 quiet", 0x0317 }, { "quiet vga=791", 791 },
        { "vga=ask", 0xfffd },        { "vga=normal", 0xffff },      { "vga=ext", 0xfffe },
        { "vga=1 vga=2", 2 },         { "vga=65536", 0x0000 },       { "vga=", 0x0000 },
        { "xvga=7 vga=0xg", 0x0000 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        s->config.append = lines[i].append;
        g_assert_cmpint(load(s), ==, 0);
        g_assert_cmphex(get_le16(s->image.setup + 0x1fa), ==, lines[i].mode);
        kernel_unload(&s->image);
    }
}

static void test_initrd_room(struct story *s, gconstpointer data)
{
    /* The kernel takes 16 to 24 MiB, the firmware the last one: 103 pages are 412 KiB. */
    static const uint8_t large[412 * 1024 + 1];
    s->config.ram_below_4g = 25 * MIB + 412 * 1024;
    write_file(s->initrd_path, large, 412 * 1024);
    g_assert_cmpint(load(s), ==, 0);
    g_assert_cmpuint(number(s, 0x0a), ==, 24 * MIB);
    kernel_unload(&s->image);
    write_file(s->initrd_path, large, 412 * 1024 + 1);
    refused(s, ENOMEM, "-initrd ", "421889 bytes do not fit");
}

static void test_no_kernels(struct story *s, gconstpointer data)
{
    refused(s, ENOENT, "-kernel ", "No such file");
    write_file(s->kernel_path, "", 0);
    refused(s, EINVAL, "-kernel ", "empty");
    write_file(s->kernel_path, s->kernel, 0x240);
    refused(s, EINVAL, "-kernel ", "not a Linux kernel: no HdrS signature");
    s->config.kernel = s->dir;
    refused(s, EINVAL, "-kernel ", "not a regular file");
    s->config.kernel = s->kernel_path;
    s->kernel[0x202] = 'X';
    refused_kernel(s, EINVAL, "not a Linux kernel");
}

static void test_hostile_kernels(struct story *s, gconstpointer data)
{
    s->kernel[0x1f1] = 255;
    refused_kernel(s, EINVAL, "a setup of 131072 bytes");
    s->kernel[0x1f1] = 63;
    write_file(s->kernel_path, s->kernel, 0x8000);
    refused(s, EINVAL, "-kernel ", "cut short");
    make_kernel(s);
    put_le32(s->kernel + 0x1f4, 0xffffffff);
    refused_kernel(s, EINVAL, "cut short");
    make_kernel(s);
    put_le16(s->kernel + 0x206, 0x201);
    refused_kernel(s, EINVAL, "boot protocol 2.01");
    make_kernel(s);
    s->kernel[0x211] = 0;
    refused_kernel(s, EINVAL, "zImage");
    make_kernel(s);
    put_le32(s->kernel + 0x260, 0xffffffff);
    refused_kernel(s, ENOMEM, "needs memory up to");
    make_kernel(s);
    put_le32(s->kernel + 0x22c, 0);
    write_file(s->kernel_path, s->kernel, sizeof(s->kernel));
    refused(s, ENOMEM, "-initrd ", "do not fit");
    make_kernel(s);
    put_le32(s->kernel + 0x238, 0xffffffff); /* no limit of the kernel's: then ours */
    g_autofree char *text = g_strnfill(0x10000, 'x');
    s->config.append = text;
    write_file(s->kernel_path, s->kernel, sizeof(s->kernel));
    refused(s, E2BIG, "-append: 65536 characters", "at most 65535");
}

static void test_no_initrd_file(struct story *s, gconstpointer data)
{
    write_file(s->kernel_path, s->kernel, sizeof(s->kernel));
    g_unlink(s->initrd_path);
    refused(s, ENOENT, "-initrd ", "No such file");
}

static void test_no_memory(struct story *s, gconstpointer data)
{
    write_file(s->kernel_path, s->kernel, sizeof(s->kernel));
    s->config.ram_below_4g = 512 * 1024; /* less than the reserve */
    refused(s, ENOMEM, "-kernel ", "needs memory up to");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct story *s, gconstpointer data);
    } tests[] = {
        { "/kernel/layout", test_layout },
        { "/kernel/no-initrd", test_no_initrd },
        { "/kernel/old-protocol", test_old_protocol },
        { "/kernel/command-line", test_command_line },
        { "/kernel/video-mode", test_video_mode },
        { "/kernel/initrd-room", test_initrd_room },
        { "/kernel/no-kernels", test_no_kernels },
        { "/kernel/hostile-kernels", test_hostile_kernels },
        { "/kernel/no-initrd-file", test_no_initrd_file },
        { "/kernel/no-memory", test_no_memory },
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct story, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
