/*
 * hvm-img convert: several chunks are on their way at once, each read, searched for zeroes and
 * written on its own. What the source maps as zero is not read at all.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/img/img.h"
#include "block/iov.h"

#define CHUNK          (2u << 20)
#define MAX_AT_ONCE    16
#define DEFAULT_SPARSE 4096

struct convert {
    struct block_user *source, *target;
    struct block_node *target_backing; /* with -B: only what differs is written; else NULL */
    uint64_t size, next, done;
    uint32_t sparse;   /* zero runs of that many bytes are left out; 0: none */
    uint32_t compress; /* the target's cluster size; 0: do not compress */
    bool target_is_zero;
    unsigned busy; /* slots at work */
    int error;
    bool error_on_read;
    struct img_progress progress;
};

struct slot {
    struct pool_work work; /* first; for compression */
    struct convert *c;
    uint8_t *buf, *other; /* other: the same range of the target's backing file */
    uint64_t offset, len;
    struct iovec iov, *pieces;
    unsigned pending;
};

static void advance(struct slot *slot);

static void finish_chunk(struct slot *slot)
{
    struct convert *c = slot->c;

    c->done += slot->len;
    img_progress_show(&c->progress, c->done);
    advance(slot);
}

static void fail_slot(struct slot *slot, int error, bool on_read)
{
    if (slot->c->error == 0) {
        slot->c->error = error;
        slot->c->error_on_read = on_read;
    }
}

static void on_written(void *opaque, int ret)
{
    struct slot *slot = opaque;

    if (ret < 0)
        fail_slot(slot, ret, false);
    if (--slot->pending == 0)
        finish_chunk(slot);
}

/* ---- writing ---- */

enum piece_kind { PIECE_SKIP, PIECE_ZERO, PIECE_DATA };

/* What becomes of a run of bytes. */
static enum piece_kind judge(const struct slot *slot, uint64_t at, uint64_t len)
{
    const struct convert *c = slot->c;

    if (slot->other != NULL && memcmp(slot->buf + at, slot->other + at, len) == 0)
        return PIECE_SKIP;
    if (c->sparse == 0 || !buffer_is_zero(slot->buf + at, len))
        return PIECE_DATA;
    return c->target_is_zero ? PIECE_SKIP : PIECE_ZERO;
}

/* Writes the chunk as runs of equal kind; the caller holds one `pending`. */
static void write_pieces(struct slot *slot)
{
    struct convert *c = slot->c;
    uint64_t step = c->sparse > 0 ? c->sparse : slot->len;
    unsigned n = 0;

    for (uint64_t at = 0, end; at < slot->len; at = end) {
        enum piece_kind kind = judge(slot, at, MIN(step, slot->len - at));

        for (end = MIN(at + step, slot->len); end < slot->len; end = MIN(end + step, slot->len))
            if (judge(slot, end, MIN(step, slot->len - end)) != kind)
                break;
        if (kind == PIECE_SKIP)
            continue;
        slot->pending++;
        slot->pieces[n] = (struct iovec){ slot->buf + at, end - at };
        if (kind == PIECE_ZERO)
            block_write_zeroes(c->target, slot->offset + at, end - at, BLOCK_REQ_UNMAP, on_written,
                               slot);
        else
            block_write(c->target, slot->offset + at, end - at, &slot->pieces[n], 1, 0, on_written,
                        slot);
        n++;
    }
}

static void run_compress(struct pool_work *work)
{
    struct slot *slot = (struct slot *)work;
    struct convert *c = slot->c;
    struct block_node *node = block_user_node(c->target);

    /* The last cluster of the disk is filled up with zeroes. */
    memset(slot->buf + slot->len, 0, CHUNK - slot->len);
    for (uint64_t at = 0; at < slot->len && c->error == 0; at += c->compress) {
        if (c->target_is_zero && buffer_is_zero(slot->buf + at, c->compress))
            continue;
        int ret = image_write_compressed(node, slot->offset + at, slot->buf + at, c->compress);
        if (ret < 0)
            fail_slot(slot, ret, false);
    }
}

static void compressed(struct pool_work *work)
{
    finish_chunk((struct slot *)work);
}

static void on_read(void *opaque, int ret)
{
    struct slot *slot = opaque;
    struct convert *c = slot->c;

    if (ret == 0 && slot->other != NULL)
        ret = block_read_chain(c->target_backing, slot->offset, slot->len, slot->other);
    if (ret < 0) {
        fail_slot(slot, ret, true);
        finish_chunk(slot);
        return;
    }
    if (c->compress > 0) {
        slot->work.run = run_compress;
        slot->work.done = compressed;
        pool_submit(&slot->work);
        return;
    }
    slot->pending = 1;
    write_pieces(slot);
    if (--slot->pending == 0)
        finish_chunk(slot);
}

/* ---- what comes next ---- */

/* The zero bytes from c->next on, as far as they may be left out or written as such. */
static int zero_run(struct convert *c, uint64_t *len)
{
    struct block_extent e;
    int ret = block_map(block_user_node(c->source), c->next, c->size - c->next, 0, &e);

    *len = ret == 0 && e.kind == EXTENT_ZERO ? e.length : 0;
    /* Compressed clusters are written whole. */
    if (c->compress > 0 && c->next + *len < c->size)
        *len -= (c->next + *len) % c->compress;
    return ret;
}

/* The bytes to read from c->next on: to the end of the chunk, or to the next zero run in it. */
static int data_run(struct convert *c, uint64_t *len)
{
    uint64_t end = MIN((c->next / CHUNK + 1) * CHUNK, c->size);

    *len = end - c->next;
    if (c->compress > 0 || c->target_backing != NULL)
        return 0;
    for (uint64_t at = c->next; at < end;) {
        struct block_extent e;
        int ret = block_map(block_user_node(c->source), at, end - at, 0, &e);

        if (ret < 0)
            return ret;
        if (e.kind == EXTENT_ZERO && at > c->next) {
            *len = at - c->next;
            return 0;
        }
        at += e.length;
    }
    return 0;
}

/* Passes over or writes zeroes at c->next; true if the slot has got work by that. */
static bool take_zeroes(struct slot *slot, int *error)
{
    struct convert *c = slot->c;
    uint64_t len = 0;

    while (c->next < c->size && c->target_backing == NULL && c->sparse > 0) {
        *error = zero_run(c, &len);
        if (*error < 0 || len == 0 || len > c->size)
            return false;
        slot->offset = c->next;
        slot->len = len;
        c->next += len;
        if (c->target_is_zero) {
            c->done += len;
            continue;
        }
        slot->pending = 1;
        block_write_zeroes(c->target, slot->offset, len, BLOCK_REQ_UNMAP, on_written, slot);
        return true;
    }
    return false;
}

/* Gives a slot its next work, or lets it rest when there is none left. */
static void advance(struct slot *slot)
{
    struct convert *c = slot->c;
    int ret = 0;

    if (c->error == 0 && take_zeroes(slot, &ret))
        return;
    if (ret == 0 && c->error == 0 && c->next < c->size)
        ret = data_run(c, &slot->len);
    if (ret < 0)
        fail_slot(slot, ret, true);
    if (c->error != 0 || c->next >= c->size) {
        c->busy--;
        return;
    }
    slot->offset = c->next;
    slot->iov = (struct iovec){ slot->buf, slot->len };
    c->next += slot->len;
    block_read(c->source, slot->offset, slot->len, &slot->iov, 1, on_read, slot);
}

static void free_slots(struct slot *slots, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        free(slots[i].buf);
        free(slots[i].other);
        g_free(slots[i].pieces);
    }
    g_free(slots);
}

static int copy_all(struct convert *c, unsigned at_once)
{
    struct slot *slots = g_new0(struct slot, at_once);
    uint32_t most_pieces = c->sparse > 0 ? CHUNK / c->sparse + 1 : 1;

    for (unsigned i = 0; i < at_once; i++) {
        slots[i].c = c;
        slots[i].buf = file_buffer(CHUNK);
        slots[i].other = c->target_backing != NULL ? file_buffer(CHUNK) : NULL;
        slots[i].pieces = g_new(struct iovec, most_pieces);
        if (slots[i].buf == NULL || (c->target_backing != NULL && slots[i].other == NULL))
            c->error = -ENOMEM;
    }
    c->busy = at_once;
    for (unsigned i = 0; i < at_once; i++)
        advance(&slots[i]);
    img_wait(&c->busy);
    free_slots(slots, at_once);
    return c->error;
}

static void rest_cleared(void *opaque, int ret)
{
    struct convert *c = opaque;

    c->error = ret;
    c->busy = 0;
}

/* A target that is longer than the source goes on with zeroes, not with its backing file. */
static int clear_rest(struct convert *c)
{
    uint64_t size = block_size(block_user_node(c->target));
    uint64_t end = c->target_backing != NULL ? MIN(size, block_size(c->target_backing)) : 0;

    if (end <= c->size)
        return 0;
    c->busy = 1;
    block_write_zeroes(c->target, c->size, end - c->size, BLOCK_REQ_UNMAP, rest_cleared, c);
    img_wait(&c->busy);
    return c->error;
}

/* ---- the command ---- */

struct convert_options {
    struct img_open source;
    struct image_create_options target;
    enum block_cache target_cache;
    const char *snapshot;
    bool no_create, target_is_zero, compress, progress;
    unsigned at_once;
    uint64_t sparse, rate;
};

static int limit_rate(struct block_user *user, uint64_t rate)
{
    struct block_throttle_config config = { 0 };
    GError *err = NULL;

    if (rate == 0)
        return 0;
    config.limit[BLOCK_LIMIT_BPS_WRITE].average = rate;
    return block_set_throttle(block_user_node(user), &config, &err) < 0 ? img_fail_error(&err) : 0;
}

/* Both images are open: what is known of the target decides how zeroes are treated. */
static int copy(const struct convert_options *o, struct block_user *source,
                struct block_user *target)
{
    struct block_node *from = block_user_node(source), *to = block_user_node(target);
    struct image_info info;
    struct convert c = {
        .source = source,
        .target = target,
        .target_backing = o->no_create ? NULL : block_backing(to),
        .size = block_size(from),
        .sparse = (uint32_t)o->sparse,
    };

    image_get_info(to, &info);
    c.target_is_zero = o->target_is_zero ||
                       (!o->no_create && c.target_backing == NULL && !to->file->is_device);
    if (o->compress && strcmp(block_format_name(to), "qcow2") != 0)
        return img_fail("%s: only qcow2 images can be compressed", block_path(to));
    c.compress = o->compress ? info.cluster_size : 0;
    if (block_size(to) < c.size)
        return img_fail("%s: is smaller than the source", block_path(to));
    if (limit_rate(target, o->rate) != 0)
        return IMG_EXIT_ERROR;
    img_progress_start(&c.progress, o->progress, c.size);
    int ret = copy_all(&c, o->at_once);
    if (ret == 0)
        ret = clear_rest(&c);
    if (ret == 0)
        ret = block_flush_sync(target);
    if (ret < 0)
        return img_fail("%s: %s", block_path(c.error_on_read ? from : to), g_strerror(-ret));
    img_progress_end(&c.progress);
    return 0;
}

static int convert(struct convert_options *o, struct block_user *source)
{
    struct block_node *from = block_user_node(source);
    GError *err = NULL;

    if (o->snapshot != NULL && image_snapshot_load(from, o->snapshot, &err) < 0)
        return img_fail_error(&err);
    if (o->target.size == 0)
        o->target.size = block_size(from);
    if (!o->no_create && image_create(&o->target, &err) < 0)
        return img_fail_error(&err);
    struct img_open how = {
        .path = o->target.path, .format = o->target.format, .write = true, .cache = o->target_cache
    };
    struct block_user *target = img_open(&how);
    if (target == NULL)
        return IMG_EXIT_ERROR;
    int ret = copy(o, source, target);
    img_close(target);
    return ret;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    if (img_parse_size(text, out) && *out <= max)
        return true;
    img_fail("convert: \"%s\" is not a valid number", text);
    return false;
}

/* One option; false after a message. */
static bool take_option(int c, struct convert_options *o, char **list)
{
    uint64_t number;

    switch (c) {
    case 'f': o->source.format = optarg; return true;
    case 'O': o->target.format = optarg; return true;
    case 'B': o->target.backing = optarg; return true;
    case 'F': o->target.backing_format = optarg; return true;
    case 'T': return img_parse_cache(optarg, &o->source.cache);
    case 't': return img_parse_cache(optarg, &o->target_cache);
    case 'l':
        o->snapshot = g_str_has_prefix(optarg, "snapshot.name=") ? strchr(optarg, '=') + 1 : optarg;
        return true;
    case 'U': o->source.force_share = true; return true;
    case 'n': o->no_create = true; return true;
    case 'Z': o->target_is_zero = true; return true;
    case 'c': o->compress = true; return true;
    case 'p': o->progress = true; return true;
    case 'S': return parse_number(optarg, 16u << 20, &o->sparse);
    case 'r': return parse_number(optarg, INT64_MAX, &o->rate);
    case 'm':
        if (!parse_number(optarg, MAX_AT_ONCE, &number) || number == 0)
            return false;
        o->at_once = (unsigned)number;
        return true;
    case 'o': img_add_create_options(list, optarg); return true;
    case 'q':
    case 'W': return true; /* nothing else is printed; writes are out of order in any case */
    default: return false;
    }
}

static int run_convert(int argc, char **argv)
{
    static const struct option options[] = {
        { "target-is-zero", no_argument, NULL, 'Z' },
        { "force-share", no_argument, NULL, 'U' },
        { 0 },
    };
    struct convert_options o = { .target = { .format = "raw" },
                                 .at_once = 8,
                                 .target_cache = BLOCK_CACHE_UNSAFE,
                                 .sparse = DEFAULT_SPARSE };
    g_autofree char *list = NULL;

    for (int c;
         (c = getopt_long(argc, argv, "f:O:B:b:F:t:T:l:S:r:m:o:UncpqW", options, NULL)) != -1;)
        if (!take_option(c == 'b' ? 'B' : c, &o, &list))
            return IMG_EXIT_ERROR;
    if (argc - optind != 2)
        return img_fail("convert: give one source and one target");
    o.source.path = argv[optind];
    o.target.path = argv[optind + 1];
    if (o.sparse % BLOCK_SECTOR_SIZE != 0)
        return img_fail("convert: -S must be a multiple of %d", BLOCK_SECTOR_SIZE);
    if (list != NULL && !img_parse_create_options(list, &o.target))
        return IMG_EXIT_ERROR;
    if (o.target.backing != NULL && o.target.backing_format == NULL)
        return img_fail("convert: give the backing file's format (-F)");
    struct block_user *source = img_open(&o.source);
    if (source == NULL)
        return IMG_EXIT_ERROR;
    int ret = convert(&o, source);
    img_close(source);
    return ret;
}

const struct img_command img_convert = {
    "convert",
    "[-c] [-p] [-q] [-n] [-U] [-f FMT] [-O FMT] [-B BACKING -F FMT] [-o OPTIONS] [-l SNAPSHOT] "
    "[-t CACHE] [-T CACHE] [-S SIZE] [-m N] [-r RATE] [--target-is-zero] SOURCE TARGET",
    run_convert,
};
