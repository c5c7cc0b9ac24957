/*
 * The options of a command line argument in QEMU's spelling: `first,key=value,flag,noflag`.
 *
 * A comma inside a value is written twice. A key without a value is a flag: `flag` is on, and
 * `noflag` means flag=off. Where a key comes more than once the last one counts. Whoever parses
 * an argument asks for the keys it knows and then calls opts_finish(), which complains about the
 * ones that nobody asked for.
 *
 *     struct opts *opts = opts_parse("-drive", "disk.img,if=ide,readonly", "file", err);
 */
#ifndef BASE_OPTS_H
#define BASE_OPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

struct opts;

/*
 * option: "-drive", for the sentences. first: the key of a first item that has none; NULL: there
 * is no such item. The caller owns the result. NULL and a sentence: an empty key.
 */
struct opts *opts_parse(const char *option, const char *text, const char *first, GError **err);
void opts_free(struct opts *opts); /* NULL is fine */

/* "-drive disk.img" or "-drive": how a sentence about these options begins. */
const char *opts_where(const struct opts *opts);

/* Adds a key as if it had been written at the end. */
void opts_set(struct opts *opts, const char *key, const char *value);

/* The value, owned by opts, "on" and "off" for flags; NULL: not given. */
const char *opts_get(struct opts *opts, const char *key);
/* The n-th (from 0) value of a key that may be repeated; NULL: there are not so many. */
const char *opts_get_nth(struct opts *opts, const char *key, unsigned n);
/* The same, and a sentence where it is missing. */
const char *opts_require(struct opts *opts, const char *key, GError **err);

/*
 * These leave *value alone where the key is not given: set it to the default before. 0; -EINVAL
 * and a sentence: the text is not on/off, yes/no or true/false, or no number; -ERANGE: it is not
 * between min and max. A size may have a suffix (b, k, M, G, T) and is in bytes.
 */
int opts_get_bool(struct opts *opts, const char *key, bool *value, GError **err);
int opts_get_uint(struct opts *opts, const char *key, uint64_t min, uint64_t max, uint64_t *value,
                  GError **err);
int opts_get_size(struct opts *opts, const char *key, uint64_t min, uint64_t max, uint64_t *value,
                  GError **err);

/* The next key that nobody asked for, which is then asked for; false: there is none. */
bool opts_next(struct opts *opts, const char **key, const char **value);

/* 0; -EINVAL and a sentence: a key that nobody asked for. */
int opts_finish(const struct opts *opts, GError **err);

/* The same readings of a text alone. unit: the suffix where there is none. 0, -EINVAL, -ERANGE. */
int parse_bool(const char *text, bool *value);
int parse_uint(const char *text, uint64_t *value); /* decimal, or hexadecimal with 0x */
int parse_size(const char *text, char unit, uint64_t *value);

#endif
