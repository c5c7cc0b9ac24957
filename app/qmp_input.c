/*
 * QMP: keys, buttons and pointer movements.
 */
#include <errno.h>
#include <string.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "qmp/qmp.h"
#include "ui/input.h"

#define MAX_KEYS        16
#define MAX_HOLD_MS     10000
#define DEFAULT_HOLD_MS 100
#define MAX_EVENTS      1024 /* of one command */

/* What every command looks like. */
#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

/* ---- Members of what was said ---- */

static JsonObject *as_object(JsonNode *node)
{
    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* The member when it has this type; NULL: it has not, or is not there. o may be NULL. */
static JsonNode *typed_member(JsonObject *o, const char *name, GType type)
{
    JsonNode *node = o != NULL ? json_object_get_member(o, name) : NULL;

    return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type
               ? node
               : NULL;
}

/* NULL: it is no string, or not there. */
static const char *text_member(JsonObject *o, const char *name)
{
    JsonNode *node = typed_member(o, name, G_TYPE_STRING);

    return node != NULL ? json_node_get_string(node) : NULL;
}

/* ---- Keys ---- */

static int key_by_name(const char *name, unsigned *code, GError **err)
{
    *code = name != NULL ? keycode_from_name(name) : 0;
    return *code != 0 ? 0
                      : fail(err, EINVAL, "key '%s': there is no such key", name ? name : "(none)");
}

static int key_by_number(JsonNode *node, unsigned *code, GError **err)
{
    gint64 number = node != NULL ? json_node_get_int(node) : 0;

    *code = number > 0 && number <= UINT8_MAX ? keycode_from_xt((unsigned)number) : 0;
    return *code != 0 ? 0
                      : fail(err, EINVAL, "key %" G_GINT64_FORMAT ": there is no such key", number);
}

/* {"type": "qcode", "data": "ret"} or {"type": "number", "data": 28} */
static int parse_key(JsonNode *node, unsigned *code, GError **err)
{
    JsonObject *key = as_object(node);
    const char *type = text_member(key, "type");

    if (g_strcmp0(type, "qcode") == 0)
        return key_by_name(text_member(key, "data"), code, err);
    if (g_strcmp0(type, "number") == 0)
        return key_by_number(typed_member(key, "data", G_TYPE_INT64), code, err);
    return fail(err, EINVAL, "a key is {\"type\": \"qcode\" or \"number\", \"data\": ...}");
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
        if (parse_key(json_array_get_element(keys, i), &codes[i], err) < 0)
            return NULL;
    input_send_keys(app->input, codes, n, (unsigned)hold, err);
    return NULL;
}

/* ---- Events ---- */

enum event_kind { EVENT_KEY, EVENT_BUTTON, EVENT_RELATIVE, EVENT_ABSOLUTE };

struct event {
    enum event_kind kind;
    unsigned code;           /* a key's; the bit of a button */
    int x, y, wheel, hwheel; /* how far; of an absolute movement only the axis that is set */
    bool on;                 /* down; of an absolute movement: x is set, not y */
};

/* {"key": KEY, "down": BOOL} */
static int parse_key_event(JsonObject *data, struct event *e, GError **err)
{
    JsonNode *down = typed_member(data, "down", G_TYPE_BOOLEAN);

    if (down == NULL)
        return fail(err, EINVAL, "input-send-event: a key that is neither down nor up");
    e->kind = EVENT_KEY;
    e->on = json_node_get_boolean(down);
    return parse_key(json_object_get_member(data, "key"), &e->code, err);
}

/* {"button": NAME, "down": BOOL}. A wheel has notches: one where its "button" goes down. */
static int parse_button_event(JsonObject *data, struct event *e, GError **err)
{
    static const struct {
        const char *name;
        struct event event;
    } buttons[] = {
        { "left", { .code = POINTER_LEFT } },   { "middle", { .code = POINTER_MIDDLE } },
        { "right", { .code = POINTER_RIGHT } }, { "side", { .code = POINTER_SIDE } },
        { "extra", { .code = POINTER_EXTRA } }, { "wheel-up", { .wheel = 1 } },
        { "wheel-down", { .wheel = -1 } },      { "wheel-left", { .hwheel = -1 } },
        { "wheel-right", { .hwheel = 1 } },
    };
    const char *name = text_member(data, "button");
    JsonNode *down = typed_member(data, "down", G_TYPE_BOOLEAN);

    if (down == NULL)
        return fail(err, EINVAL, "input-send-event: a button that is neither down nor up");
    for (unsigned i = 0; i < G_N_ELEMENTS(buttons); i++) {
        if (g_strcmp0(name, buttons[i].name) == 0) {
            *e = buttons[i].event;
            e->kind = EVENT_BUTTON;
            e->on = json_node_get_boolean(down);
            return 0;
        }
    }
    return fail(err, EINVAL, "input-send-event: button '%s': there is no such button",
                name ? name : "(none)");
}

/* {"axis": "x" or "y", "value": INT} */
static int parse_move_event(JsonObject *data, struct event *e, GError **err)
{
    const char *axis = text_member(data, "axis");
    JsonNode *value = typed_member(data, "value", G_TYPE_INT64);
    bool is_x = g_strcmp0(axis, "x") == 0;

    if (value == NULL || (!is_x && g_strcmp0(axis, "y") != 0))
        return fail(err, EINVAL, "input-send-event: a movement has an axis, x or y, and a value");
    e->on = is_x;
    *(is_x ? &e->x : &e->y) = (int)CLAMP(json_node_get_int(value), -POINTER_MAX, POINTER_MAX);
    return 0;
}

/* {"type": TYPE, "data": OBJECT} */
static int parse_event(JsonNode *node, struct event *e, GError **err)
{
    JsonObject *event = as_object(node);
    const char *type = text_member(event, "type");
    JsonObject *data = event != NULL ? as_object(json_object_get_member(event, "data")) : NULL;

    *e = (struct event){ 0 };
    if (type == NULL || data == NULL)
        return fail(err, EINVAL, "input-send-event: an event has a type and data");
    if (strcmp(type, "key") == 0)
        return parse_key_event(data, e, err);
    if (strcmp(type, "btn") == 0)
        return parse_button_event(data, e, err);
    e->kind = strcmp(type, "rel") == 0 ? EVENT_RELATIVE : EVENT_ABSOLUTE;
    if (strcmp(type, "rel") == 0 || strcmp(type, "abs") == 0)
        return parse_move_event(data, e, err);
    return fail(err, EINVAL, "input-send-event: type '%s': not key, btn, rel or abs", type);
}

/* Whether the guest has what hears of such an event. */
static int check_receiver(const struct app *app, enum event_kind kind, GError **err)
{
    static const char *const names[] = { "key", "btn", "rel", "abs" };
    bool relative = input_takes(app->input, INPUT_RELATIVE);
    bool absolute = input_takes(app->input, INPUT_ABSOLUTE);
    bool heard = false;

    switch (kind) {
    case EVENT_KEY: heard = input_takes(app->input, INPUT_KEYBOARD); break;
    case EVENT_BUTTON: heard = relative || absolute; break;
    case EVENT_RELATIVE: heard = relative; break;
    case EVENT_ABSOLUTE: heard = absolute; break;
    }
    return heard ? 0 : fail(err, ENODEV, "Input handler not found for event type %s", names[kind]);
}

/* ---- From events to what a pointer device hears ---- */

/* One step of the pointer that is being put together. */
struct step {
    struct pointer_event event;
    bool pending, has_button;
};

static void send_step(struct app *app, struct step *step)
{
    if (!step->pending)
        return;
    step->event.buttons = app->qmp_pointer.buttons;
    if (input_is_absolute(app->input)) {
        step->event.x = app->qmp_pointer.x;
        step->event.y = app->qmp_pointer.y;
        input_pointer_absolute(app->qmp_source, &step->event);
    } else {
        input_pointer_relative(app->qmp_source, &step->event);
    }
    *step = (struct step){ 0 };
}

/* Events of one command are one step, but a click in it stays a click. */
static void add_button(struct app *app, struct step *step, const struct event *e)
{
    if (step->has_button)
        send_step(app, step);
    step->pending = step->has_button = true;
    if (e->on) {
        app->qmp_pointer.buttons |= e->code;
        step->event.wheel += e->wheel;
        step->event.hwheel += e->hwheel;
    } else {
        app->qmp_pointer.buttons &= ~e->code;
    }
}

static void send_event(struct app *app, struct step *step, const struct event *e)
{
    switch (e->kind) {
    case EVENT_KEY:
        send_step(app, step);
        input_key(app->qmp_source, e->code, e->on);
        return;
    case EVENT_BUTTON: add_button(app, step, e); return;
    case EVENT_RELATIVE:
        step->event.x += e->x; /* at most MAX_EVENTS * POINTER_MAX */
        step->event.y += e->y;
        break;
    case EVENT_ABSOLUTE:
        *(e->on ? &app->qmp_pointer.x : &app->qmp_pointer.y) = e->on ? e->x : e->y;
        break;
    }
    step->pending = true;
}

/* All are checked before the first is sent. There is one seat: device and head say nothing new. */
COMMAND(cmd_input_send_event)
{
    struct app *app = opaque;
    JsonNode *node = json_object_get_member(args, "events");
    JsonArray *list = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint n = list != NULL ? json_array_get_length(list) : G_MAXUINT;
    struct step step = { 0 };

    if (n > MAX_EVENTS) {
        fail(err, EINVAL, "input-send-event: events is not a list of up to %u", MAX_EVENTS);
        return NULL;
    }
    g_autofree struct event *events = g_new(struct event, n);
    for (guint i = 0; i < n; i++) {
        if (parse_event(json_array_get_element(list, i), &events[i], err) < 0 ||
            check_receiver(app, events[i].kind, err) < 0)
            return NULL;
    }
    for (guint i = 0; i < n; i++)
        send_event(app, &step, &events[i]);
    send_step(app, &step);
    return NULL;
}

/* ---- Questions ---- */

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
    { "send-key", cmd_send_key, { { "keys", QMP_ANY, false }, { "hold-time", QMP_INT, true } } },
    { "input-send-event",
      cmd_input_send_event,
      { { "device", QMP_STRING, true }, { "head", QMP_INT, true }, { "events", QMP_ANY, false } } },
    { "query-mice", cmd_query_mice },
    {}
};

void qmp_add_input_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
