#include "net/opts.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

struct pair {
    char *key, *value;
    bool taken;
};

struct net_opts {
    char *what;
    GArray *pairs; /* struct pair */
    char *problem; /* the first value that did not parse */
};

static void clear_pair(gpointer opaque)
{
    struct pair *pair = opaque;

    g_free(pair->key);
    g_free(pair->value);
}

struct net_opts *net_opts_new(const char *what)
{
    struct net_opts *opts = g_new0(struct net_opts, 1);

    opts->what = g_strdup(what);
    opts->pairs = g_array_new(FALSE, TRUE, sizeof(struct pair));
    g_array_set_clear_func(opts->pairs, clear_pair);
    return opts;
}

void net_opts_free(struct net_opts *opts)
{
    g_array_unref(opts->pairs);
    g_free(opts->what);
    g_free(opts->problem);
    g_free(opts);
}

/* The messages name the option by its kind and id, once these are known. */
void net_opts_add(struct net_opts *opts, const char *key, const char *value)
{
    struct pair pair = { g_strdup(key), g_strdup(value), false };

    g_array_append_val(opts->pairs, pair);
    if (strcmp(key, "type") == 0 || strcmp(key, "id") == 0) {
        const char *before = strcmp(key, "id") == 0 ? ",id=" : " ";
        char *what = g_strconcat(opts->what, before, value, NULL);

        g_free(opts->what);
        opts->what = what;
    }
}

/* Cuts the next word off *text, undoubling its commas; NULL at the end. The caller frees it. */
static char *next_word(const char **text)
{
    const char *p = *text;

    if (*p == '\0')
        return NULL;
    GString *word = g_string_new(NULL);
    for (; *p != '\0'; p++) {
        if (*p == ',' && p[1] != ',')
            break;
        if (*p == ',')
            p++;
        g_string_append_c(word, *p);
    }
    *text = *p == ',' ? p + 1 : p;
    return g_string_free(word, FALSE);
}

struct net_opts *net_opts_parse(const char *what, const char *text, const char *first_key)
{
    struct net_opts *opts = net_opts_new(what);
    char *word;

    for (bool first = true; (word = next_word(&text)) != NULL; first = false) {
        char *equals = strchr(word, '=');

        if (equals != NULL) {
            *equals = '\0';
            net_opts_add(opts, word, equals + 1);
        } else if (first && first_key != NULL) {
            net_opts_add(opts, first_key, word);
        } else {
            net_opts_add(opts, word, "on");
        }
        g_free(word);
    }
    return opts;
}

const char *net_opts_what(const struct net_opts *opts)
{
    return opts->what;
}

static struct pair *take(struct net_opts *opts, const char *key)
{
    for (guint i = 0; i < opts->pairs->len; i++) {
        struct pair *pair = &g_array_index(opts->pairs, struct pair, i);

        if (!pair->taken && strcmp(pair->key, key) == 0) {
            pair->taken = true;
            return pair;
        }
    }
    return NULL;
}

static void bad_value(struct net_opts *opts, const struct pair *pair, const char *wanted)
{
    if (opts->problem == NULL)
        opts->problem = g_strdup_printf("%s=%s: %s", pair->key, pair->value, wanted);
}

const char *net_opts_string(struct net_opts *opts, const char *key, const char *otherwise)
{
    struct pair *pair = take(opts, key);

    return pair != NULL ? pair->value : otherwise;
}

bool net_opts_bool(struct net_opts *opts, const char *key, bool otherwise)
{
    struct pair *pair = take(opts, key);

    if (pair == NULL)
        return otherwise;
    if (strcmp(pair->value, "on") == 0 || strcmp(pair->value, "yes") == 0 ||
        strcmp(pair->value, "true") == 0 || strcmp(pair->value, "y") == 0)
        return true;
    if (strcmp(pair->value, "off") != 0 && strcmp(pair->value, "no") != 0 &&
        strcmp(pair->value, "false") != 0 && strcmp(pair->value, "n") != 0)
        bad_value(opts, pair, "'on' or 'off' is wanted");
    return false;
}

uint64_t net_opts_number(struct net_opts *opts, const char *key, uint64_t min, uint64_t max,
                         uint64_t otherwise)
{
    struct pair *pair = take(opts, key);
    guint64 value;

    if (pair == NULL)
        return otherwise;
    if (g_ascii_string_to_unsigned(pair->value, 10, min, max, &value, NULL))
        return value;
    g_autofree char *wanted = g_strdup_printf(
        "a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " is wanted", min, max);
    bad_value(opts, pair, wanted);
    return otherwise;
}

void net_opts_refuse(struct net_opts *opts, const char *key, const char *reason)
{
    struct pair *pair;

    while ((pair = take(opts, key)) != NULL)
        bad_value(opts, pair, reason);
}

int net_opts_finish(struct net_opts *opts, GError **err)
{
    if (opts->problem != NULL)
        return fail(err, EINVAL, "%s: %s", opts->what, opts->problem);
    for (guint i = 0; i < opts->pairs->len; i++) {
        const struct pair *pair = &g_array_index(opts->pairs, struct pair, i);

        if (!pair->taken)
            return fail(err, EINVAL, "%s: unknown option '%s'", opts->what, pair->key);
    }
    return 0;
}
