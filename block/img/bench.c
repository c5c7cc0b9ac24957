/* hvm-img bench: a fixed number of equal requests, so many in flight, and the time that takes. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/img/img.h"

struct bench {
    struct block_user *user;
    uint64_t size, step, offset, count, flush_interval;
    uint64_t started, ended;
    unsigned depth, busy;
    bool write;
    uint8_t *buf;
    struct iovec iov;
    int error;
};

static void next_request(struct bench *b);

static void on_done(void *opaque, int ret)
{
    struct bench *b = opaque;

    if (ret < 0)
        b->error = ret;
    b->ended++;
    b->busy--;
    next_request(b);
}

static void next_request(struct bench *b)
{
    uint64_t disk = block_size(block_user_node(b->user));

    if (b->started == b->count || b->error != 0)
        return;
    b->busy++;
    b->started++;
    if (b->flush_interval > 0 && b->started % b->flush_interval == 0) {
        block_flush(b->user, on_done, b);
        return;
    }
    if (b->offset + b->size > disk)
        b->offset = 0;
    if (b->write)
        block_write(b->user, b->offset, b->size, &b->iov, 1, 0, on_done, b);
    else
        block_read(b->user, b->offset, b->size, &b->iov, 1, on_done, b);
    b->offset += b->step;
}

static int bench(struct bench *b)
{
    b->buf = file_buffer(b->size);
    if (b->buf == NULL)
        return img_fail("bench: %s", g_strerror(ENOMEM));
    memset(b->buf, 0xA5, b->size);
    b->iov = (struct iovec){ b->buf, b->size };
    printf("Sending %" G_GUINT64_FORMAT " %s requests, %" G_GUINT64_FORMAT " bytes each, %u in "
           "parallel (starting at offset %" G_GUINT64_FORMAT ", step size %" G_GUINT64_FORMAT ")\n",
           b->count, b->write ? "write" : "read", b->size, b->depth, b->offset, b->step);
    int64_t start = g_get_monotonic_time();
    for (unsigned i = 0; i < b->depth; i++)
        next_request(b);
    img_wait(&b->busy);
    if (b->error == 0 && b->write)
        b->error = block_flush_sync(b->user);
    double seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    free(b->buf);
    if (b->error < 0)
        return img_fail("bench: %s", g_strerror(-b->error));
    printf("Run completed in %.3f seconds.\n", seconds);
    return 0;
}

static int run_bench(int argc, char **argv)
{
    static const struct option options[] = { { "flush-interval", required_argument, NULL, 'I' },
                                             { 0 } };
    struct img_open how = { .format = NULL };
    struct bench b = { .size = 4096, .count = 75000, .depth = 64 };
    uint64_t number = 0;

    for (int c; (c = getopt_long(argc, argv, "f:t:c:d:s:S:o:nwqU", options, NULL)) != -1;) {
        if (strchr("cdsSoI", c) != NULL && !img_parse_size(optarg, &number))
            return img_fail("bench: \"%s\" is not a valid number", optarg);
        switch (c) {
        case 'f': how.format = optarg; break;
        case 't':
            if (!img_parse_cache(optarg, &how.cache))
                return IMG_EXIT_ERROR;
            break;
        case 'n': how.native = true; break;
        case 'w': b.write = how.write = true; break;
        case 'U': how.force_share = true; break;
        case 'q': break;
        case 'c': b.count = number; break;
        case 'd': b.depth = (unsigned)MIN(number, 1024); break;
        case 's': b.size = number; break;
        case 'S': b.step = number; break;
        case 'o': b.offset = number; break;
        case 'I': b.flush_interval = number; break;
        default: return IMG_EXIT_ERROR;
        }
    }
    b.step = b.step != 0 ? b.step : b.size;
    if (argc - optind != 1 || b.size == 0 || b.size > BLOCK_MAX_TRANSFER)
        return img_fail("bench: give one file name and a request size up to 64M");
    how.path = argv[optind];
    b.user = img_open(&how);
    if (b.user == NULL)
        return IMG_EXIT_ERROR;
    int ret = bench(&b);
    img_close(b.user);
    return ret;
}

const struct img_command img_bench = {
    "bench",
    "[-q] [-f FMT] [-t CACHE] [-n] [-w] [-c COUNT] [-d DEPTH] [-s SIZE] [-S STEP] [-o OFFSET] "
    "[--flush-interval=N] FILE",
    run_bench,
};
