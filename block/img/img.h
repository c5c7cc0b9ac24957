/*
 * hvm-img, the image tool: what its commands share. Options and output follow qemu-img's words.
 */
#ifndef BLOCK_IMG_IMG_H
#define BLOCK_IMG_IMG_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "block/format.h"
#include "block/image.h"
#include "block/node.h"

/* Exit codes beyond success and failure. */
#define IMG_EXIT_DIFFERENT     1
#define IMG_EXIT_ERROR         1
#define IMG_EXIT_COMPARE_ERROR 2

struct img_command {
    const char *name;
    const char *usage;                 /* behind the name */
    int (*run)(int argc, char **argv); /* argv[0] is the command; returns the exit code */
};

extern const struct img_command img_bench, img_check, img_commit, img_compare, img_convert,
    img_create, img_info, img_map, img_rebase, img_resize, img_snapshot;

/* ---- messages ---- */

/* Prints "hvm-img: text" on stderr and returns IMG_EXIT_ERROR. */
int img_fail(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* Prints and frees *err; returns IMG_EXIT_ERROR. */
int img_fail_error(GError **err);

/* ---- parsing ---- */

/* "10G", "1.5M", "512"; a suffix b, k, M, G, T, P, E counts in powers of 1024. */
bool img_parse_size(const char *text, uint64_t *size);
bool img_parse_cache(const char *text, enum block_cache *cache);

/* For --output: false and a message for a word that is neither "human" nor "json". */
bool img_parse_output(const char *text, bool *json);

/*
 * The format of an image: as given by -f, else by the end of its name (.qcow2, .vhd, .vpc, .raw,
 * .img, .iso). The content is never looked at. NULL and a message if that does not tell.
 */
const char *img_format(const char *path, const char *given);

/* What one -o says behind what those before it said; the list is allocated (NULL: none yet). */
void img_add_create_options(char **list, const char *more);

/* The comma-separated list of -o, on top of what the options have; strings point into `list`. */
bool img_parse_create_options(char *list, struct image_create_options *o);

/* ---- images ---- */

struct img_open {
    const char *path, *format;
    enum block_cache cache;
    bool write, force_share, repair, no_backing, native;
};

/* Opens and attaches a user; prints what went wrong. NULL on error. */
struct block_user *img_open(const struct img_open *how);
void img_close(struct block_user *user); /* NULL is ignored */

/* Runs completions until *pending is 0. */
void img_wait(const unsigned *pending);

/* ---- progress ---- */

/* A line "(12.34/100%)" that is rewritten in place, on a terminal or where asked for by -p. */
struct img_progress {
    bool on;
    uint64_t total;
    int shown; /* hundredths of a percent */
};

void img_progress_start(struct img_progress *p, bool on, uint64_t total);
void img_progress_show(struct img_progress *p, uint64_t done);
void img_progress_end(struct img_progress *p);

/* ---- JSON output ---- */

/* Writes one value; name is NULL inside arrays. Nested values are indented by four spaces. */
struct img_json {
    int depth;
    bool first; /* in the current object or array */
};

void img_json_begin(struct img_json *j, const char *name, char bracket);
void img_json_end(struct img_json *j, char bracket);
void img_json_string(struct img_json *j, const char *name, const char *value);
void img_json_number(struct img_json *j, const char *name, uint64_t value);
void img_json_bool(struct img_json *j, const char *name, bool value);

#endif
