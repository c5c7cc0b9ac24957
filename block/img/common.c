#include "block/img/img.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages ---- */

int img_fail(const char *fmt, ...)
{
    va_list ap;

    fputs("hvm-img: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return IMG_EXIT_ERROR;
}

int img_fail_error(GError **err)
{
    img_fail("%s", *err != NULL ? (*err)->message : "failed");
    g_clear_error(err);
    return IMG_EXIT_ERROR;
}

/* ---- parsing ---- */

bool img_parse_size(const char *text, uint64_t *size)
{
    static const char suffixes[] = "BKMGTPE";
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    double value = g_ascii_strtod(text, &end);
    const char *suffix = *end != '\0' ? strchr(suffixes, toupper((unsigned char)*end)) : suffixes;
    if (suffix == NULL || (*end != '\0' && end[1] != '\0'))
        return false;
    value = ldexp(value, (int)(suffix - suffixes) * 10);
    if (!(value >= 0 && value < 9e18))
        return false;
    *size = (uint64_t)value;
    return true;
}

bool img_parse_cache(const char *text, enum block_cache *cache)
{
    for (int i = BLOCK_CACHE_WRITEBACK; i <= BLOCK_CACHE_UNSAFE; i++)
        if (strcmp(text, block_cache_name((enum block_cache)i)) == 0) {
            *cache = (enum block_cache)i;
            return true;
        }
    img_fail("cache mode \"%s\" is not known", text);
    return false;
}

bool img_parse_output(const char *text, bool *json)
{
    *json = strcmp(text, "json") == 0;
    if (!*json && strcmp(text, "human") != 0)
        img_fail("--output must be human or json");
    return *json || strcmp(text, "human") == 0;
}

const char *img_format(const char *path, const char *given)
{
    static const struct {
        const char *ending, *format;
    } endings[] = {
        { ".qcow2", "qcow2" }, { ".vhd", "vpc" }, { ".vpc", "vpc" },
        { ".raw", "raw" },     { ".img", "raw" }, { ".iso", "raw" },
    };

    if (given != NULL)
        return given;
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(path, endings[i].ending))
            return endings[i].format;
    img_fail("%s: give the image's format (-f raw, qcow2 or vpc)", path);
    return NULL;
}

static bool parse_on_off(const char *key, const char *value, bool *out)
{
    *out = strcmp(value, "on") == 0 || strcmp(value, "true") == 0;
    if (*out || strcmp(value, "off") == 0 || strcmp(value, "false") == 0)
        return true;
    img_fail("-o %s must be on or off", key);
    return false;
}

static bool parse_word(const char *key, const char *value, const char *const *words, unsigned n,
                       unsigned *out)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(value, words[*out]) == 0)
            return true;
    img_fail("-o %s=%s is not known", key, value);
    return false;
}

static bool parse_number(const char *key, const char *value, uint64_t *out)
{
    if (img_parse_size(value, out) && *out <= UINT32_MAX)
        return true;
    img_fail("-o %s=%s is not a valid number", key, value);
    return false;
}

static bool set_qcow2_option(const char *key, const char *value, struct image_create_options *o)
{
    static const char *const compats[] = { "0.10", "1.1", "v2", "v3" };
    static const char *const compressions[] = { "zlib" };
    uint64_t number = 0;
    unsigned word;

    if (strcmp(key, "cluster_size") == 0) {
        bool ok = parse_number(key, value, &number);
        o->cluster_size = (uint32_t)number;
        return ok;
    }
    if (strcmp(key, "refcount_bits") == 0) {
        bool ok = parse_number(key, value, &number);
        o->refcount_bits = (unsigned)number;
        return ok;
    }
    if (strcmp(key, "lazy_refcounts") == 0)
        return parse_on_off(key, value, &o->lazy_refcounts);
    if (strcmp(key, "compression_type") == 0)
        return parse_word(key, value, compressions, G_N_ELEMENTS(compressions), &word);
    if (strcmp(key, "compat") == 0) {
        bool ok = parse_word(key, value, compats, G_N_ELEMENTS(compats), &word);
        o->version = 2 + word % 2;
        return ok;
    }
    img_fail("-o %s is not an option of this format", key);
    return false;
}

static bool set_vpc_option(const char *key, const char *value, struct image_create_options *o)
{
    static const char *const subformats[] = { "dynamic", "fixed" };
    unsigned word;

    if (strcmp(key, "force_size") == 0)
        return parse_on_off(key, value, &o->force_size);
    if (strcmp(key, "subformat") == 0) {
        bool ok = parse_word(key, value, subformats, G_N_ELEMENTS(subformats), &word);
        o->fixed = word == 1;
        return ok;
    }
    img_fail("-o %s is not an option of this format", key);
    return false;
}

/* Common options first, then those of the format. */
static bool set_option(const char *key, const char *value, struct image_create_options *o)
{
    static const char *const modes[] = { "off", "metadata", "falloc", "full" };
    unsigned word;

    if (strcmp(key, "backing_file") == 0) {
        o->backing = value;
        return true;
    }
    if (strcmp(key, "backing_fmt") == 0) {
        o->backing_format = value;
        return true;
    }
    if (strcmp(key, "size") == 0) {
        if (img_parse_size(value, &o->size))
            return true;
        img_fail("-o size=%s is not a valid size", value);
        return false;
    }
    if (strcmp(key, "preallocation") == 0) {
        bool ok = parse_word(key, value, modes, G_N_ELEMENTS(modes), &word);
        o->preallocation = (enum image_preallocation)word;
        return ok;
    }
    if (strcmp(o->format, "qcow2") == 0)
        return set_qcow2_option(key, value, o);
    if (strcmp(o->format, "vpc") == 0)
        return set_vpc_option(key, value, o);
    img_fail("-o %s is not an option of format %s", key, o->format);
    return false;
}

void img_add_create_options(char **list, const char *more)
{
    char *all = *list != NULL ? g_strconcat(*list, ",", more, NULL) : g_strdup(more);

    g_free(*list);
    *list = all;
}

bool img_parse_create_options(char *list, struct image_create_options *o)
{
    char *rest = list, *item;

    while ((item = strsep(&rest, ",")) != NULL) {
        char *value = strchr(item, '=');

        if (item[0] == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        if (!set_option(item, value != NULL ? value : "on", o))
            return false;
    }
    return true;
}

/* ---- images ---- */

struct block_user *img_open(const struct img_open *how)
{
    const char *format = img_format(how->path, how->format);
    struct block_options o = {
        .path = how->path,
        .format = format,
        .cache = how->cache,
        .aio = how->native ? BLOCK_AIO_NATIVE : BLOCK_AIO_THREADS,
        .read_only = !how->write,
        .discard_unmap = true,
        .force_share = how->force_share,
        .repair = how->repair,
        .backing = how->no_backing ? "" : NULL,
    };
    struct block_node *node;
    GError *err = NULL;

    if (format == NULL)
        return NULL;
    if (block_open(&o, &node, &err) < 0) {
        img_fail_error(&err);
        return NULL;
    }
    struct block_user *user = block_attach(node, "hvm-img", NULL, NULL);
    block_unref(node); /* the user holds it */
    return user;
}

void img_close(struct block_user *user)
{
    block_detach(user);
}

void img_wait(const unsigned *pending)
{
    while (*pending > 0)
        if (!file_run_completions())
            file_wait();
}

/* ---- progress ---- */

void img_progress_start(struct img_progress *p, bool on, uint64_t total)
{
    *p = (struct img_progress){ .on = on, .total = total, .shown = -1 };
    img_progress_show(p, 0);
}

void img_progress_show(struct img_progress *p, uint64_t done)
{
    int now = p->total > 0 ? (int)(10000.0 * (double)done / (double)p->total) : 10000;

    if (!p->on || now == p->shown)
        return;
    p->shown = now;
    printf("    (%d.%02d/100%%)\r", now / 100, now % 100);
    fflush(stdout);
}

void img_progress_end(struct img_progress *p)
{
    img_progress_show(p, p->total);
    if (p->on)
        putchar('\n');
}

/* ---- JSON ---- */

static void put_string(const char *s)
{
    putchar('"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

/* The comma and the line end before a value, so that the last one has none. */
static void begin_value(struct img_json *j, const char *name)
{
    if (j->depth > 0)
        printf("%s\n%*s", j->first ? "" : ",", j->depth * 4, "");
    j->first = false;
    if (name != NULL) {
        put_string(name);
        fputs(": ", stdout);
    }
}

void img_json_begin(struct img_json *j, const char *name, char bracket)
{
    begin_value(j, name);
    putchar(bracket);
    j->depth++;
    j->first = true;
}

void img_json_end(struct img_json *j, char bracket)
{
    j->depth--;
    if (!j->first)
        printf("\n%*s", j->depth * 4, "");
    putchar(bracket);
    j->first = false;
    if (j->depth == 0)
        putchar('\n');
}

void img_json_string(struct img_json *j, const char *name, const char *value)
{
    begin_value(j, name);
    put_string(value);
}

void img_json_number(struct img_json *j, const char *name, uint64_t value)
{
    begin_value(j, name);
    printf("%" G_GUINT64_FORMAT, value);
}

void img_json_bool(struct img_json *j, const char *name, bool value)
{
    begin_value(j, name);
    fputs(value ? "true" : "false", stdout);
}
