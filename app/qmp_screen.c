/*
 * QMP: the screen as a picture or as text, keys and pointers.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "block/fdset.h"
#include "qmp/qmp.h"
#include "ui/console.h"
#include "ui/screenshot.h"

#define MAX_KEYS        16
#define MAX_HOLD_MS     10000
#define DEFAULT_HOLD_MS 100

/* What every command looks like. */
#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

/* ---- The screen ---- */

static int picture_format(const char *name, enum screenshot_format *format, GError **err)
{
    static const char *const names[] = {
        [SCREENSHOT_PNG] = "png", [SCREENSHOT_PPM] = "ppm", [SCREENSHOT_TEXT] = "text"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *format = (enum screenshot_format)i;
            return 0;
        }
    }
    return fail(err, EINVAL, "screendump: format %s: not png, ppm or text", name);
}

COMMAND(cmd_screendump)
{
    struct app *app = opaque;
    const char *path = json_object_get_string_member(args, "filename");
    enum screenshot_format format = SCREENSHOT_PPM;

    if (picture_format(qmp_get_string(args, "format", "ppm"), &format, err) < 0)
        return NULL;
    int fd = fdset_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, err);
    if (fd < 0)
        return NULL;
    screenshot_write(app->console, format, fd, err);
    close(fd);
    return NULL;
}

/* ---- Keys and pointers ---- */

/* {"type": "qcode", "data": "ret"} or {"type": "number", "data": 28} */
static unsigned key_code(JsonNode *node)
{
    JsonObject *key = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    JsonNode *data = key != NULL ? json_object_get_member(key, "data") : NULL;

    if (data == NULL || !JSON_NODE_HOLDS_VALUE(data))
        return 0;
    if (json_node_get_value_type(data) == G_TYPE_STRING)
        return keycode_from_name(json_node_get_string(data));
    gint64 number = json_node_get_int(data);
    return number > 0 && number <= UINT8_MAX ? keycode_from_xt((unsigned)number) : 0;
}

COMMAND(cmd_send_key)
{
    struct app *app = opaque;
    JsonNode *node = json_object_get_member(args, "keys");
    JsonArray *keys = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint n = keys != NULL ? json_array_get_length(keys) : 0;
    gint64 hold = qmp_get_int(args, "hold-time", DEFAULT_HOLD_MS);
    unsigned codes[MAX_KEYS];

    if (n == 0 || n > MAX_KEYS || hold < 0 || hold > MAX_HOLD_MS) {
        fail(err, EINVAL, "send-key: not 1 to %u keys, held for up to %u ms", MAX_KEYS,
             MAX_HOLD_MS);
        return NULL;
    }
    for (guint i = 0; i < n; i++)
        codes[i] = key_code(json_array_get_element(keys, i));
    input_send_keys(app->input, codes, n, (unsigned)hold, err);
    return NULL;
}

static void add_mouse(void *opaque, unsigned index, const char *name, bool absolute, bool current)
{
    JsonObject *mouse = json_object_new();

    json_object_set_string_member(mouse, "name", name);
    json_object_set_int_member(mouse, "index", index);
    json_object_set_boolean_member(mouse, "current", current);
    json_object_set_boolean_member(mouse, "absolute", absolute);
    json_array_add_object_element(opaque, mouse);
}

COMMAND(cmd_query_mice)
{
    struct app *app = opaque;
    JsonArray *mice;
    JsonNode *answer = qmp_new_array(&mice);

    input_foreach_pointer(app->input, add_mouse, mice);
    return answer;
}

static const struct qmp_command commands[] = {
    { "screendump",
      cmd_screendump,
      { { "filename", QMP_STRING, false },
        { "device", QMP_STRING, true },
        { "head", QMP_INT, true },
        { "format", QMP_STRING, true } } },
    { "send-key", cmd_send_key, { { "keys", QMP_ANY, false }, { "hold-time", QMP_INT, true } } },
    { "query-mice", cmd_query_mice },
    {}
};

void qmp_add_screen_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
