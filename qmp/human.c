/*
 * human-monitor-command: a line for people, as `xl qemu-monitor-command` sends it. It has no
 * commands of its own: "info X" is QMP's query-X, and its answer is laid out as text.
 */
#include <errno.h>
#include <string.h>

#include "qmp/internal.h"

/* What people may say besides "info", and the command that does it. */
static const struct {
    const char *word, *command;
} words[] = {
    { "stop", "stop" },
    { "cont", "cont" },
    { "nmi", "inject-nmi" },
    { "system_reset", "system_reset" },
    { "system_powerdown", "system_powerdown" },
    { "system_wakeup", "system_wakeup" },
};

/* Queries whose name for people is another one. */
static const struct {
    const char *topic, *command;
} topics[] = {
    { "cpus", "query-cpus-fast" },
    { "faults", "x-guest-faults" },
};

/* ---- An answer as text ---- */

static void print_value(GString *out, JsonNode *value)
{
    g_autofree char *text = JSON_NODE_HOLDS_VALUE(value) &&
                                    json_node_get_value_type(value) == G_TYPE_STRING
                                ? json_node_dup_string(value)
                                : json_to_string(value, FALSE);

    g_string_append(out, text);
}

static bool is_leaf(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) || JSON_NODE_HOLDS_NULL(node);
}

static void print_node(GString *out, JsonNode *node, unsigned indent);

static void print_object(GString *out, JsonObject *object, unsigned indent)
{
    g_autoptr(GList) names = json_object_get_members(object);

    for (GList *name = names; name != NULL; name = name->next) {
        JsonNode *value = json_object_get_member(object, name->data);
        g_string_append_printf(out, "%*s%s:", (int)indent, "", (const char *)name->data);
        g_string_append_c(out, is_leaf(value) ? ' ' : '\n');
        print_node(out, value, indent + 2);
    }
}

/* The depth is that of our own answers. */
static void print_node(GString *out, JsonNode *node, unsigned indent)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        print_object(out, json_node_get_object(node), indent);
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *list = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(list); i++) {
            if (i > 0 && !is_leaf(json_array_get_element(list, i)))
                g_string_append_c(out, '\n');
            print_node(out, json_array_get_element(list, i), indent);
        }
    } else {
        print_value(out, node);
        g_string_append_c(out, '\n');
    }
}

/* ---- Lines ---- */

static void run_command(struct qmp_monitor *mon, const char *command, GString *out)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(JsonNode) answer = qmp_run(mon, command, NULL, &err);

    if (err != NULL)
        g_string_append_printf(out, "Error: %s\n", err->message);
    else if (answer != NULL)
        print_node(out, answer, 0);
}

static void print_help(struct qmp_monitor *mon, GString *out)
{
    g_autoptr(JsonNode) answer = qmp_run(mon, "query-commands", NULL, NULL);
    JsonArray *list = json_node_get_array(answer);

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        g_string_append_printf(out, "%s\n", words[i].word);
    for (unsigned i = 0; i < G_N_ELEMENTS(topics); i++)
        g_string_append_printf(out, "info %s\n", topics[i].topic);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        const char *name = json_object_get_string_member(o, "name");
        if (g_str_has_prefix(name, "query-"))
            g_string_append_printf(out, "info %s\n", name + strlen("query-"));
    }
}

static void run_info(struct qmp_monitor *mon, const char *topic, GString *out)
{
    g_autofree char *command = g_strconcat("query-", topic, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(topics); i++) {
        if (strcmp(topics[i].topic, topic) == 0) {
            run_command(mon, topics[i].command, out);
            return;
        }
    }
    if (qmp_has_command(mon, command))
        run_command(mon, command, out);
    else
        g_string_append_printf(out, "unknown command: 'info %s' (help lists them)\n", topic);
}

static void run_line(struct qmp_monitor *mon, const char *line, GString *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(words[i].word, line) == 0) {
            run_command(mon, words[i].command, out);
            return;
        }
    }
    if (strcmp(line, "help") == 0 || strcmp(line, "?") == 0 || strcmp(line, "info") == 0)
        print_help(mon, out);
    else if (g_str_has_prefix(line, "info "))
        run_info(mon, line + strlen("info "), out);
    else
        g_string_append_printf(out, "unknown command: '%s' (help lists them)\n", line);
}

/* What is wrong with the line is told in the text as well: there is nothing wrong with the QMP. */
static JsonNode *cmd_human(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)
{
    g_autofree char *line = g_strdup(json_object_get_string_member(args, "command-line"));
    g_autoptr(GString) out = g_string_new(NULL);
    JsonNode *node = json_node_new(JSON_NODE_VALUE);

    run_line(mon, g_strstrip(line), out);
    json_node_set_string(node, out->str);
    return node;
}

const struct qmp_command qmp_human_commands[] = {
    { "human-monitor-command",
      cmd_human,
      { { "command-line", QMP_STRING, false }, { "cpu-index", QMP_INT, true } } },
    { 0 },
};
