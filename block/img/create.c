/* hvm-img create and resize */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "block/img/img.h"

/* Without a size the new image gets its backing file's. */
static bool size_of_backing(struct image_create_options *o)
{
    g_autofree char *path = image_path_beside(o->path, o->backing);
    struct img_open how = { .path = path, .format = o->backing_format, .force_share = true };
    struct block_user *user = img_open(&how);

    if (user == NULL)
        return false;
    o->size = block_size(block_user_node(user));
    img_close(user);
    return true;
}

static int create(struct image_create_options *o, const char *size, bool unsafe, bool quiet)
{
    GError *err = NULL;

    if (o->backing != NULL && o->backing_format == NULL)
        return img_fail("%s: give the backing file's format (-F)", o->path);
    if (size != NULL && !img_parse_size(size, &o->size))
        return img_fail("\"%s\" is not a valid size", size);
    bool has_size = size != NULL || o->size != 0;
    if (!has_size && o->backing == NULL)
        return img_fail("%s: give a size", o->path);
    if (o->backing != NULL && (!has_size || !unsafe)) {
        uint64_t wanted = o->size;

        if (!size_of_backing(o))
            return IMG_EXIT_ERROR;
        if (has_size)
            o->size = wanted;
    }
    if (!quiet)
        printf("Formatting '%s', fmt=%s size=%" G_GUINT64_FORMAT "\n", o->path, o->format, o->size);
    return image_create(o, &err) < 0 ? img_fail_error(&err) : 0;
}

static int run_create(int argc, char **argv)
{
    struct image_create_options o = { .format = "raw" };
    const char *backing = NULL, *backing_format = NULL;
    g_autofree char *list = NULL;
    bool unsafe = false, quiet = false;
    int c;

    while ((c = getopt(argc, argv, "f:b:F:o:uq")) != -1) {
        switch (c) {
        case 'f': o.format = optarg; break;
        case 'b': backing = optarg; break;
        case 'F': backing_format = optarg; break;
        case 'o': img_add_create_options(&list, optarg); break;
        case 'u': unsafe = true; break;
        case 'q': quiet = true; break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (optind >= argc || argc - optind > 2)
        return img_fail("create: give a file name and at most one size");
    o.path = argv[optind];
    if (list != NULL && !img_parse_create_options(list, &o))
        return IMG_EXIT_ERROR;
    o.backing = backing != NULL ? backing : o.backing;
    o.backing_format = backing_format != NULL ? backing_format : o.backing_format;
    return create(&o, argv[optind + 1], unsafe, quiet);
}

const struct img_command img_create = {
    "create",
    "[-q] [-u] [-f FMT] [-b BACKING -F FMT] [-o OPTIONS] FILE [SIZE]",
    run_create,
};

/* ---- resize ---- */

/* Absolute, or relative to the old size by a sign; rounded up to sectors. */
static bool new_size(const char *text, uint64_t old, uint64_t *size)
{
    bool relative = text[0] == '+' || text[0] == '-';
    uint64_t value;

    if (!img_parse_size(text + relative, &value) || (text[0] == '-' && value > old) ||
        (text[0] == '+' && value > INT64_MAX - old))
        return false;
    *size = text[0] == '+' ? old + value : text[0] == '-' ? old - value : value;
    *size = (*size + BLOCK_SECTOR_SIZE - 1) / BLOCK_SECTOR_SIZE * BLOCK_SECTOR_SIZE;
    return true;
}

static int resize(struct block_node *node, const char *text, bool shrink, bool quiet)
{
    GError *err = NULL;
    uint64_t size;

    if (!new_size(text, block_size(node), &size))
        return img_fail("\"%s\" is not a valid size", text);
    if (size < block_size(node) && !shrink)
        return img_fail("%s: this would cut off data; use --shrink if that is meant",
                        block_path(node));
    if (block_resize(node, size, &err) < 0)
        return img_fail_error(&err);
    if (!quiet)
        puts("Image resized.");
    return 0;
}

static int run_resize(int argc, char **argv)
{
    static const struct option options[] = { { "shrink", no_argument, NULL, 's' }, { 0 } };
    struct img_open how = { .write = true };
    bool shrink = false, quiet = false;

    /* "-1G" is a size, not an option. */
    const char *size = argc > 1 ? argv[--argc] : NULL;
    argv[argc] = NULL;
    for (int c; (c = getopt_long(argc, argv, "f:q", options, NULL)) != -1;) {
        switch (c) {
        case 'f': how.format = optarg; break;
        case 'q': quiet = true; break;
        case 's': shrink = true; break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (size == NULL || argc - optind != 1)
        return img_fail("resize: give a file name and a size");
    how.path = argv[optind];
    struct block_user *user = img_open(&how);
    if (user == NULL)
        return IMG_EXIT_ERROR;
    int ret = resize(block_user_node(user), size, shrink, quiet);
    img_close(user);
    return ret;
}

const struct img_command img_resize = {
    "resize",
    "[-q] [-f FMT] [--shrink] FILE [+|-]SIZE",
    run_resize,
};
