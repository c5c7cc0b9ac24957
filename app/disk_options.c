#include "app/disks.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

#define MAX_JSON_DEPTH 8 /* no image option is nested deeper */

int disk_get_word(struct opts *opts, const char *key, const struct disk_word *words, int *value,
                  GError **err)
{
    const char *text = opts_get(opts, key);
    g_autoptr(GString) all = g_string_new(NULL);

    if (text == NULL)
        return 0;
    for (; words->text != NULL; words++) {
        if (strcmp(words->text, text) == 0) {
            *value = words->value;
            return 0;
        }
        g_string_append_printf(all, "%s%s", all->len > 0 ? ", " : "", words->text);
    }
    return fail(err, EINVAL, "%s: %s=%s: not one of %s", opts_where(opts), key, text, all->str);
}

static const struct disk_word aio_words[] = { { "threads", BLOCK_AIO_THREADS },
                                              { "native", BLOCK_AIO_NATIVE },
                                              {} };
static const struct disk_word discard_words[] = {
    { "unmap", 1 }, { "on", 1 }, { "ignore", 0 }, { "off", 0 }, {}
};
static const struct disk_word zeroes_words[] = { { "off", BLOCK_DETECT_ZEROES_OFF },
                                                 { "on", BLOCK_DETECT_ZEROES_ON },
                                                 { "unmap", BLOCK_DETECT_ZEROES_UNMAP },
                                                 {} };

/*
 * Xen's toolstack starts the device model that a guest migrates to while the old one still has the
 * images, and keeps others away by itself.
 */
int disk_get_options(const struct app *app, struct opts *opts, struct block_options *o,
                     GError **err)
{
    int aio = BLOCK_AIO_THREADS, discard = 0, zeroes = BLOCK_DETECT_ZEROES_OFF;
    bool locking = app->xen_domid < 0, ignored;

    int rc = disk_get_word(opts, "aio", aio_words, &aio, err);
    if (rc == 0)
        rc = disk_get_word(opts, "discard", discard_words, &discard, err);
    if (rc == 0)
        rc = disk_get_word(opts, "detect-zeroes", zeroes_words, &zeroes, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "readonly", &o->read_only, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "read-only", &o->read_only, err);
    if (rc == 0) /* an image is opened once, as it will be used */
        rc = opts_get_bool(opts, "auto-read-only", &ignored, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "file.locking", &locking, err);
    o->aio = (enum block_aio)aio;
    o->discard_unmap = discard != 0;
    o->detect_zeroes = (enum block_detect_zeroes)zeroes;
    o->no_lock = !locking;
    o->inactive = app->incoming != NULL && app->machine == NULL; /* another process has it yet */
    bool direct = o->cache == BLOCK_CACHE_NONE || o->cache == BLOCK_CACHE_DIRECTSYNC;
    if (rc == 0 && o->aio == BLOCK_AIO_NATIVE && !direct)
        rc = fail(err, EINVAL, "%s: aio=native needs cache=none or cache=directsync",
                  opts_where(opts));
    return rc;
}

/* ---- JSON ---- */

/* A value as it would be written behind a key; NULL: it has no such form. null is the empty text.
 */
static char *value_text(JsonNode *node)
{
    if (JSON_NODE_HOLDS_NULL(node))
        return g_strdup("");
    if (!JSON_NODE_HOLDS_VALUE(node))
        return NULL;
    switch (json_node_get_value_type(node)) {
    case G_TYPE_STRING: return g_strdup(json_node_get_string(node));
    case G_TYPE_BOOLEAN: return g_strdup(json_node_get_boolean(node) ? "on" : "off");
    case G_TYPE_INT64: return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
    default: return NULL;
    }
}

static int flatten(struct opts *opts, const char *prefix, JsonObject *object, unsigned depth,
                   GError **err)
{
    g_autoptr(GList) members = json_object_get_members(object);
    int rc = 0;

    if (depth == 0)
        return fail(err, EINVAL, "%s: %s is nested too deeply", opts_where(opts), prefix);
    for (GList *m = members; m != NULL && rc == 0; m = m->next) {
        JsonNode *node = json_object_get_member(object, m->data);
        g_autofree char *key = g_strconcat(prefix, m->data, NULL);
        if (JSON_NODE_HOLDS_OBJECT(node)) {
            g_autofree char *inside = g_strconcat(key, ".", NULL);
            rc = flatten(opts, inside, json_node_get_object(node), depth - 1, err);
            continue;
        }
        g_autofree char *text = value_text(node);
        if (text != NULL)
            opts_set(opts, key, text);
        else
            rc = fail(err, EINVAL, "%s: %s: neither a text, a number nor true or false",
                      opts_where(opts), key);
    }
    return rc;
}

struct opts *disk_json_options(const char *option, JsonObject *object, GError **err)
{
    struct opts *opts = opts_parse(option, "", NULL, err);

    if (flatten(opts, "", object, MAX_JSON_DEPTH, err) == 0)
        return opts;
    opts_free(opts);
    return NULL;
}
