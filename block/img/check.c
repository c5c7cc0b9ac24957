/* hvm-img check and compare */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/img/img.h"

#define EXIT_CORRUPT       2
#define EXIT_LEAKS         3
#define EXIT_NOT_SUPPORTED 63

struct check_options {
    struct img_open open;
    unsigned fix;
    bool json, quiet;
};

static void print_line(void *opaque, const char *text)
{
    fprintf(opaque, "%s\n", text);
}

static void print_human(const struct image_check *r)
{
    if (r->corruptions == 0 && r->leaks == 0)
        puts("No errors were found on the image.");
    if (r->corruptions > 0)
        printf("\n%" G_GUINT64_FORMAT " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               r->corruptions);
    if (r->leaks > 0)
        printf("\n%" G_GUINT64_FORMAT " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n",
               r->leaks);
    if (r->total_clusters > 0)
        printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " = %.2f%% allocated, %.2f%% fragmented, "
               "%.2f%% compressed clusters\n",
               r->allocated_clusters, r->total_clusters,
               100.0 * (double)r->allocated_clusters / (double)r->total_clusters,
               100.0 * (double)r->fragmented_clusters / (double)MAX(r->allocated_clusters, 1),
               100.0 * (double)r->compressed_clusters / (double)MAX(r->allocated_clusters, 1));
    if (r->image_end_offset > 0)
        printf("Image end offset: %" G_GUINT64_FORMAT "\n", r->image_end_offset);
}

static void print_json(struct block_node *node, const struct image_check *r,
                       const struct image_check *fixed)
{
    struct img_json j = { 0 };

    img_json_begin(&j, NULL, '{');
    img_json_number(&j, "image-end-offset", r->image_end_offset);
    img_json_number(&j, "total-clusters", r->total_clusters);
    img_json_number(&j, "check-errors", r->check_errors);
    if (r->corruptions > 0)
        img_json_number(&j, "corruptions", r->corruptions);
    if (r->leaks > 0)
        img_json_number(&j, "leaks", r->leaks);
    if (fixed->corruptions_fixed > 0)
        img_json_number(&j, "corruptions-fixed", fixed->corruptions_fixed);
    if (fixed->leaks_fixed > 0)
        img_json_number(&j, "leaks-fixed", fixed->leaks_fixed);
    img_json_number(&j, "allocated-clusters", r->allocated_clusters);
    img_json_number(&j, "fragmented-clusters", r->fragmented_clusters);
    img_json_number(&j, "compressed-clusters", r->compressed_clusters);
    img_json_string(&j, "filename", block_path(node));
    img_json_string(&j, "format", block_format_name(node));
    img_json_end(&j, '}');
}

/* After a repair the image is checked again, and that decides the exit code. */
static int check(struct block_node *node, const struct check_options *o)
{
    struct image_check first = { .report = o->quiet ? NULL : print_line,
                                 .opaque = o->json ? stderr : stdout };
    struct image_check again = first;
    const struct image_check *result = &first;
    GError *err = NULL;
    int ret = image_check(node, o->fix, &first, &err);

    if (ret == 0 && (first.corruptions_fixed > 0 || first.leaks_fixed > 0)) {
        if (!o->json && !o->quiet)
            printf("The following inconsistencies were found and repaired:\n\n"
                   "    %" G_GUINT64_FORMAT " leaked clusters\n"
                   "    %" G_GUINT64_FORMAT " corruptions\n\n"
                   "Double checking the fixed image now...\n",
                   first.leaks_fixed, first.corruptions_fixed);
        ret = image_check(node, 0, &again, &err);
        result = &again;
    }
    if (ret < 0) {
        img_fail_error(&err);
        return ret == -ENOTSUP ? EXIT_NOT_SUPPORTED : IMG_EXIT_ERROR;
    }
    if (o->json)
        print_json(node, result, &first);
    else if (!o->quiet)
        print_human(result);
    return result->corruptions > 0 ? EXIT_CORRUPT : result->leaks > 0 ? EXIT_LEAKS : 0;
}

static int run_check(int argc, char **argv)
{
    static const struct option options[] = { { "output", required_argument, NULL, 'O' },
                                             { "repair", required_argument, NULL, 'r' },
                                             { "force-share", no_argument, NULL, 'U' },
                                             { 0 } };
    /* The chain is not needed, and may be missing. */
    struct check_options o = { .open = { .repair = true, .no_backing = true } };

    for (int c; (c = getopt_long(argc, argv, "f:r:qU", options, NULL)) != -1;) {
        switch (c) {
        case 'f': o.open.format = optarg; break;
        case 'U': o.open.force_share = true; break;
        case 'q': o.quiet = true; break;
        case 'r':
            o.fix = IMAGE_FIX_LEAKS | (strcmp(optarg, "all") == 0 ? IMAGE_FIX_ERRORS : 0);
            if (strcmp(optarg, "all") != 0 && strcmp(optarg, "leaks") != 0)
                return img_fail("-r must be leaks or all");
            break;
        case 'O':
            if (!img_parse_output(optarg, &o.json))
                return IMG_EXIT_ERROR;
            break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (argc - optind != 1)
        return img_fail("check: give one file name");
    o.open.path = argv[optind];
    o.open.write = o.fix != 0;
    struct block_user *user = img_open(&o.open);
    if (user == NULL)
        return IMG_EXIT_ERROR;
    int ret = check(block_user_node(user), &o);
    img_close(user);
    return ret;
}

const struct img_command img_check = {
    "check",
    "[-q] [-f FMT] [-U] [-r leaks|all] [--output=human|json] FILE",
    run_check,
};

/* ---- compare ---- */

#define CHUNK (2u << 20)

struct compare {
    struct block_node *node[2];
    uint8_t *buf[2];
    bool strict, quiet;
    struct img_progress progress;
};

/* Reads what of [offset, offset + len) is inside the image, zeroes for the rest. */
static int read_both(struct compare *c, uint64_t offset, uint64_t len)
{
    int ret = block_read_chain(c->node[0], offset, len, c->buf[0]);

    return ret < 0 ? ret : block_read_chain(c->node[1], offset, len, c->buf[1]);
}

/* The bytes from offset on that both images map as zero. */
static int common_zeroes(struct compare *c, uint64_t offset, uint64_t len, uint64_t *zero)
{
    struct block_extent e[2];

    *zero = 0;
    for (int i = 0; i < 2; i++) {
        int ret = block_map(c->node[i], offset, len, 0, &e[i]);
        if (ret < 0 || e[i].kind != EXTENT_ZERO)
            return ret;
    }
    *zero = MIN(e[0].length, e[1].length);
    return 0;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t len)
{
    uint64_t i = 0;

    while (i < len && a[i] == b[i])
        i++;
    return i;
}

static int compare_range(struct compare *c, uint64_t offset, uint64_t end)
{
    while (offset < end) {
        uint64_t now = 0;
        int ret = common_zeroes(c, offset, end - offset, &now);

        if (ret == 0 && now == 0) {
            now = MIN(end - offset, CHUNK);
            ret = read_both(c, offset, now);
            if (ret == 0 && memcmp(c->buf[0], c->buf[1], now) != 0) {
                if (!c->quiet)
                    printf("Content mismatch at offset %" G_GUINT64_FORMAT "!\n",
                           offset + first_difference(c->buf[0], c->buf[1], now));
                return IMG_EXIT_DIFFERENT;
            }
        }
        if (ret < 0) {
            img_fail("compare: reading at %" G_GUINT64_FORMAT ": %s", offset, g_strerror(-ret));
            return IMG_EXIT_COMPARE_ERROR;
        }
        offset += now;
        img_progress_show(&c->progress, offset);
    }
    return 0;
}

/* Images of different size are equal if the longer one ends in zeroes, as qemu-img sees it. */
static int compare(struct compare *c, bool progress)
{
    uint64_t size[2] = { block_size(c->node[0]), block_size(c->node[1]) };

    if (size[0] != size[1] && c->strict) {
        if (!c->quiet)
            puts("Strict mode: Image size mismatch!");
        return IMG_EXIT_DIFFERENT;
    }
    img_progress_start(&c->progress, progress, MAX(size[0], size[1]));
    int ret = compare_range(c, 0, MAX(size[0], size[1])); /* behind the end there are zeroes */
    if (ret != 0)
        return ret;
    img_progress_end(&c->progress);
    if (size[0] != size[1] && !c->quiet)
        puts("Warning: Image size mismatch!");
    if (!c->quiet)
        puts("Images are identical.");
    return 0;
}

static int run_compare(int argc, char **argv)
{
    struct img_open how[2] = { { 0 }, { 0 } };
    struct compare c = { .strict = false };
    struct block_user *user[2] = { NULL, NULL };
    bool progress = false;
    int ret = IMG_EXIT_COMPARE_ERROR;

    for (int opt; (opt = getopt(argc, argv, "f:F:T:psqU")) != -1;) {
        switch (opt) {
        case 'f': how[0].format = optarg; break;
        case 'F': how[1].format = optarg; break;
        case 'T':
            if (!img_parse_cache(optarg, &how[0].cache))
                return ret;
            how[1].cache = how[0].cache;
            break;
        case 'p': progress = true; break;
        case 's': c.strict = true; break;
        case 'q': c.quiet = true; break;
        case 'U': how[0].force_share = how[1].force_share = true; break;
        default: return ret;
        }
    }
    if (argc - optind != 2) {
        img_fail("compare: give two file names");
        return ret;
    }
    for (int i = 0; i < 2; i++) {
        how[i].path = argv[optind + i];
        user[i] = img_open(&how[i]);
        if (user[i] == NULL)
            goto out;
        c.node[i] = block_user_node(user[i]);
        c.buf[i] = file_buffer(CHUNK);
    }
    if (c.buf[0] != NULL && c.buf[1] != NULL)
        ret = compare(&c, progress);
out:
    for (int i = 0; i < 2; i++) {
        img_close(user[i]);
        free(c.buf[i]);
    }
    return ret;
}

const struct img_command img_compare = {
    "compare",
    "[-p] [-q] [-s] [-U] [-f FMT] [-F FMT] [-T CACHE] FILE1 FILE2",
    run_compare,
};
