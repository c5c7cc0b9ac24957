/*
 * QMP: what Xen's toolstacks ask besides.
 */
#include "app/qmp_commands.h"
#include "ioreq/xen.h"
#include "qmp/qmp.h"

static JsonNode *cmd_set_global_dirty_log(void *opaque, struct qmp_monitor *mon, JsonObject *args,
                                          GError **err)
{
    const struct app *app = opaque;

    xen_core_log_dirty(machine_core(app->machine), json_object_get_boolean_member(args, "enable"));
    return NULL;
}

static const struct qmp_command commands[] = {
    { "xen-set-global-dirty-log", cmd_set_global_dirty_log, { { "enable", QMP_BOOL, false } } },
    { 0 },
};

void qmp_add_xen_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
