/* hvm-img commit and rebase: moving content along a backing chain. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/img/img.h"
#include "block/iov.h"

#define CHUNK (1u << 20)

/* What the overlay itself says about a range, without its backing chain. */
static int own_extent(struct block_node *node, uint64_t offset, uint64_t len,
                      struct block_extent *e)
{
    *e = (struct block_extent){ .node = node };
    return node->format->map(node, offset, len, 0, e);
}

/* ---- commit ---- */

struct commit {
    struct block_user *overlay, *base;
    uint8_t *buf;
    bool progress;
};

static int commit_extent(struct commit *c, uint64_t offset, uint64_t len)
{
    int ret = 0;

    while (len > 0 && ret == 0) {
        uint64_t now = MIN(len, CHUNK);

        ret = block_read_chain(block_user_node(c->overlay), offset, now, c->buf);
        if (ret == 0)
            ret = block_write_sync(c->base, offset, c->buf, now);
        offset += now;
        len -= now;
    }
    return ret;
}

static int commit_all(struct commit *c)
{
    struct block_node *node = block_user_node(c->overlay);
    struct img_progress progress;
    int ret = 0;

    img_progress_start(&progress, c->progress, block_size(node));
    for (uint64_t offset = 0; offset < block_size(node) && ret == 0;) {
        struct block_extent e;

        ret = own_extent(node, offset, block_size(node) - offset, &e);
        if (ret == 0 && e.kind != EXTENT_BACKING)
            ret = commit_extent(c, offset, e.length);
        offset += e.length;
        img_progress_show(&progress, offset);
    }
    if (ret == 0)
        ret = block_flush_sync(c->base);
    if (ret == 0)
        img_progress_end(&progress);
    return ret;
}

/* The base grows if the overlay is larger, it never shrinks. */
static int commit(struct commit *c, bool keep)
{
    struct block_node *node = block_user_node(c->overlay), *base = block_user_node(c->base);
    GError *err = NULL;

    if (block_size(base) < block_size(node) && block_resize(base, block_size(node), &err) < 0)
        return img_fail_error(&err);
    c->buf = file_buffer(CHUNK);
    int ret = c->buf != NULL ? commit_all(c) : -ENOMEM;
    free(c->buf);
    if (ret < 0)
        return img_fail("%s: commit to %s: %s", block_path(node), block_path(base),
                        g_strerror(-ret));
    if (!keep && image_make_empty(node, &err) < 0)
        return img_fail_error(&err);
    return 0;
}

/* The base as the overlay names it, opened for writing on its own. */
static struct block_user *open_base(struct block_node *node, enum block_cache cache)
{
    GError *err = NULL;
    g_autofree char *path = image_backing_path(node, &err);

    if (path == NULL) {
        img_fail_error(&err);
        return NULL;
    }
    struct img_open how = {
        .path = path, .format = node->backing_format_name, .write = true, .cache = cache
    };
    return img_open(&how);
}

static int run_commit(int argc, char **argv)
{
    struct img_open how = { .write = true, .no_backing = true };
    bool keep = false, quiet = false;
    struct commit c = { 0 };

    for (int opt; (opt = getopt(argc, argv, "f:t:dpq")) != -1;) {
        switch (opt) {
        case 'f': how.format = optarg; break;
        case 't':
            if (!img_parse_cache(optarg, &how.cache))
                return IMG_EXIT_ERROR;
            break;
        case 'd': keep = true; break;
        case 'p': c.progress = true; break;
        case 'q': quiet = true; break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (argc - optind != 1)
        return img_fail("commit: give one file name");
    how.path = argv[optind];
    c.overlay = img_open(&how);
    if (c.overlay == NULL)
        return IMG_EXIT_ERROR;
    c.base = open_base(block_user_node(c.overlay), how.cache);
    int ret = c.base != NULL ? commit(&c, keep) : IMG_EXIT_ERROR;
    img_close(c.base);
    img_close(c.overlay);
    if (ret == 0 && !quiet)
        puts("Image committed.");
    return ret;
}

const struct img_command img_commit = {
    "commit",
    "[-p] [-q] [-f FMT] [-t CACHE] [-d] FILE",
    run_commit,
};

/* ---- rebase ---- */

struct rebase {
    struct block_user *overlay, *target; /* target NULL: without a backing file from now on */
    uint8_t *old, *new;
    bool progress;
};

/* Copies what differs between the two backing chains in a range that the overlay lacks. */
static int keep_content(struct rebase *r, uint64_t offset, uint64_t len)
{
    struct block_node *node = block_user_node(r->overlay);
    int ret = 0;

    while (len > 0 && ret == 0) {
        uint64_t now = MIN(len, CHUNK - offset % CHUNK);

        ret = block_read_chain(node, offset, now, r->old);
        memset(r->new, 0, now);
        if (ret == 0 && r->target != NULL)
            ret = block_read_chain(block_user_node(r->target), offset, now, r->new);
        for (uint64_t at = 0, step; at < now && ret == 0; at += step) {
            step = MIN(now - at, node->granularity);
            if (memcmp(r->old + at, r->new + at, step) != 0)
                ret = block_write_sync(r->overlay, offset + at, r->old + at, step);
        }
        offset += now;
        len -= now;
    }
    return ret;
}

static int rebase_content(struct rebase *r)
{
    struct block_node *node = block_user_node(r->overlay);
    struct img_progress progress;
    int ret = 0;

    r->old = file_buffer(CHUNK);
    r->new = file_buffer(CHUNK);
    if (r->old == NULL || r->new == NULL)
        ret = -ENOMEM;
    img_progress_start(&progress, r->progress, block_size(node));
    for (uint64_t offset = 0; offset < block_size(node) && ret == 0;) {
        struct block_extent e;

        ret = own_extent(node, offset, block_size(node) - offset, &e);
        if (ret == 0 && e.kind == EXTENT_BACKING)
            ret = keep_content(r, offset, e.length);
        offset += e.length;
        img_progress_show(&progress, offset);
    }
    if (ret == 0)
        ret = block_flush_sync(r->overlay);
    if (ret == 0)
        img_progress_end(&progress);
    free(r->old);
    free(r->new);
    return ret;
}

struct rebase_options {
    struct img_open open;
    const char *backing, *backing_format;
    bool unsafe, progress;
};

static struct block_user *open_target(const struct rebase_options *o)
{
    g_autofree char *path = image_path_beside(o->open.path, o->backing);
    struct img_open how = { .path = path, .format = o->backing_format };

    return img_open(&how);
}

static int rebase(const struct rebase_options *o, struct block_user *overlay)
{
    struct rebase r = { .overlay = overlay, .progress = o->progress };
    struct block_node *node = block_user_node(overlay);
    GError *err = NULL;
    int ret = 0;

    if (!o->unsafe && o->backing != NULL) {
        r.target = open_target(o);
        if (r.target == NULL)
            return IMG_EXIT_ERROR;
    }
    if (!o->unsafe)
        ret = rebase_content(&r);
    img_close(r.target);
    if (ret < 0)
        return img_fail("%s: %s", block_path(node), g_strerror(-ret));
    ret = image_set_backing(node, o->backing, o->backing_format, &err);
    return ret < 0 ? img_fail_error(&err) : 0;
}

static int run_rebase(int argc, char **argv)
{
    struct rebase_options o = { .open = { .write = true } };

    for (int c; (c = getopt(argc, argv, "f:b:F:t:T:upqU")) != -1;) {
        switch (c) {
        case 'f': o.open.format = optarg; break;
        case 'b': o.backing = optarg; break;
        case 'F': o.backing_format = optarg; break;
        case 't':
            if (!img_parse_cache(optarg, &o.open.cache))
                return IMG_EXIT_ERROR;
            break;
        case 'u': o.unsafe = o.open.no_backing = true; break;
        case 'p': o.progress = true; break;
        case 'T':
        case 'q':
        case 'U': break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (argc - optind != 1 || o.backing == NULL)
        return img_fail("rebase: give -b and one file name");
    if (o.backing[0] == '\0')
        o.backing = NULL;
    if (o.backing != NULL && o.backing_format == NULL)
        return img_fail("rebase: give the backing file's format (-F)");
    o.open.path = argv[optind];
    struct block_user *user = img_open(&o.open);
    if (user == NULL)
        return IMG_EXIT_ERROR;
    int ret = rebase(&o, user);
    img_close(user);
    return ret;
}

const struct img_command img_rebase = {
    "rebase",
    "[-p] [-q] [-f FMT] [-t CACHE] [-u] -b BACKING -F FMT FILE",
    run_rebase,
};
