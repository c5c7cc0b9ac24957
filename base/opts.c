#include "base/opts.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"

struct item {
    char *key;
    char *value; /* NULL: a flag, whose key is as written, with its "no" */
    bool asked;
};

struct opts {
    char *where;
    GArray *items; /* struct item, in order */
};

/* ---- Texts ---- */

int parse_bool(const char *text, bool *value)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true" };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i % 2 != 0;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_number(const char *text, uint64_t *value, const char **end)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    char *stop;

    /* strtoull would skip blanks and take a sign. */
    if (hex ? !g_ascii_isxdigit(*digits) : !g_ascii_isdigit(*digits))
        return -EINVAL;
    errno = 0;
    *value = g_ascii_strtoull(digits, &stop, hex ? 16 : 10);
    *end = stop;
    return -errno;
}

int parse_uint(const char *text, uint64_t *value)
{
    const char *end;
    int rc = parse_number(text, value, &end);

    return rc < 0 ? rc : *end == '\0' ? 0 : -EINVAL;
}

int parse_size(const char *text, char unit, uint64_t *value)
{
    static const char suffixes[] = "bkmgtpe";
    const char *end;
    int rc = parse_number(text, value, &end);

    if (rc < 0)
        return rc;
    if (*end != '\0')
        unit = *end++;
    const char *found = unit != '\0' ? strchr(suffixes, g_ascii_tolower(unit)) : NULL;
    if (found == NULL || *end != '\0')
        return -EINVAL;
    return __builtin_mul_overflow(*value, UINT64_C(1) << 10 * (found - suffixes), value) ? -ERANGE
                                                                                         : 0;
}

/* ---- Parsing ---- */

static void clear_item(void *data)
{
    struct item *item = data;

    g_free(item->key);
    g_free(item->value);
}

/* Up to a comma that is not doubled. *text is left behind it. */
static char *take_value(const char **text)
{
    GString *value = g_string_new(NULL);
    const char *p = *text;

    for (; *p != '\0'; p++) {
        if (*p == ',' && *++p != ',')
            break;
        g_string_append_c(value, *p);
    }
    *text = p;
    return g_string_free(value, FALSE);
}

static int take_item(struct opts *opts, const char **text, const char *first, GError **err)
{
    size_t len = strcspn(*text, "=,");
    struct item item = { 0 };

    if ((*text)[len] == '=') {
        item.key = g_strndup(*text, len);
        *text += len + 1;
        item.value = take_value(text);
    } else if (first != NULL) {
        item.key = g_strdup(first);
        item.value = take_value(text);
    } else {
        item.key = g_strndup(*text, len);
        *text += len + ((*text)[len] == ',');
    }
    g_array_append_val(opts->items, item);
    // cppcheck-suppress memleak // the array owns what is in it
    return *item.key != '\0' ? 0 : fail(err, EINVAL, "%s: a key is empty", opts->where);
}

struct opts *opts_parse(const char *option, const char *text, const char *first, GError **err)
{
    struct opts *opts = g_new0(struct opts, 1);
    const char *p = text;
    int rc = 0;

    opts->where = g_strdup(option);
    opts->items = g_array_new(FALSE, FALSE, sizeof(struct item));
    g_array_set_clear_func(opts->items, clear_item);
    while (*p != '\0' && rc == 0)
        rc = take_item(opts, &p, p == text ? first : NULL, err);
    if (rc < 0) {
        opts_free(opts);
        return NULL;
    }
    const struct item *head = opts->items->len > 0 ? &g_array_index(opts->items, struct item, 0)
                                                   : NULL;
    if (head != NULL && first != NULL && strcmp(head->key, first) == 0) {
        g_free(opts->where);
        opts->where = g_strdup_printf("%s %s", option, head->value);
    }
    return opts;
}

void opts_free(struct opts *opts)
{
    if (opts == NULL)
        return;
    g_array_unref(opts->items);
    g_free(opts->where);
    g_free(opts);
}

const char *opts_where(const struct opts *opts)
{
    return opts->where;
}

void opts_set(struct opts *opts, const char *key, const char *value)
{
    struct item item = { .key = g_strdup(key), .value = g_strdup(value) };

    g_array_append_val(opts->items, item);
}

/* ---- Asking ---- */

/* The item's value if it is about this key, else NULL. */
static const char *match(const struct item *item, const char *key)
{
    if (strcmp(item->key, key) == 0)
        return item->value != NULL ? item->value : "on";
    if (item->value == NULL && g_str_has_prefix(item->key, "no") && strcmp(item->key + 2, key) == 0)
        return "off";
    return NULL;
}

const char *opts_get(struct opts *opts, const char *key)
{
    const char *last = NULL;

    for (guint i = 0; i < opts->items->len; i++) {
        struct item *item = &g_array_index(opts->items, struct item, i);
        const char *value = match(item, key);
        if (value != NULL) {
            item->asked = true;
            last = value;
        }
    }
    return last;
}

const char *opts_get_nth(struct opts *opts, const char *key, unsigned n)
{
    for (guint i = 0; i < opts->items->len; i++) {
        struct item *item = &g_array_index(opts->items, struct item, i);
        const char *value = match(item, key);
        if (value != NULL && n-- == 0) {
            item->asked = true;
            return value;
        }
    }
    return NULL;
}

const char *opts_require(struct opts *opts, const char *key, GError **err)
{
    const char *value = opts_get(opts, key);

    if (value == NULL)
        fail(err, EINVAL, "%s: %s= is missing", opts->where, key);
    return value;
}

int opts_get_bool(struct opts *opts, const char *key, bool *value, GError **err)
{
    const char *text = opts_get(opts, key);

    if (text == NULL || parse_bool(text, value) == 0)
        return 0;
    return fail(err, EINVAL, "%s: %s=%s: not on or off", opts->where, key, text);
}

static int check_number(const struct opts *opts, const char *key, const char *text, int rc,
                        uint64_t number, uint64_t min, uint64_t max, GError **err)
{
    if (rc == -EINVAL)
        return fail(err, EINVAL, "%s: %s=%s: not a number", opts->where, key, text);
    if (rc < 0 || number < min || number > max)
        return fail(err, ERANGE, "%s: %s=%s: not between %" PRIu64 " and %" PRIu64, opts->where,
                    key, text, min, max);
    return 0;
}

int opts_get_uint(struct opts *opts, const char *key, uint64_t min, uint64_t max, uint64_t *value,
                  GError **err)
{
    const char *text = opts_get(opts, key);
    uint64_t number = 0;

    if (text == NULL)
        return 0;
    int rc = parse_uint(text, &number);
    rc = check_number(opts, key, text, rc, number, min, max, err);
    if (rc == 0)
        *value = number;
    return rc;
}

int opts_get_size(struct opts *opts, const char *key, uint64_t min, uint64_t max, uint64_t *value,
                  GError **err)
{
    const char *text = opts_get(opts, key);
    uint64_t number = 0;

    if (text == NULL)
        return 0;
    int rc = parse_size(text, 'b', &number);
    rc = check_number(opts, key, text, rc, number, min, max, err);
    if (rc == 0)
        *value = number;
    return rc;
}

bool opts_next(struct opts *opts, const char **key, const char **value)
{
    for (guint i = 0; i < opts->items->len; i++) {
        struct item *item = &g_array_index(opts->items, struct item, i);
        if (item->asked)
            continue;
        item->asked = true;
        *key = item->key;
        *value = item->value != NULL ? item->value : "on";
        return true;
    }
    return false;
}

int opts_finish(const struct opts *opts, GError **err)
{
    for (guint i = 0; i < opts->items->len; i++) {
        const struct item *item = &g_array_index(opts->items, struct item, i);
        if (!item->asked)
            return fail(err, EINVAL, "%s: %s%s%s: there is no such key", opts->where, item->key,
                        item->value != NULL ? "=" : "", item->value != NULL ? item->value : "");
    }
    return 0;
}
