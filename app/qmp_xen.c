/*
 * QMP: what Xen's toolstacks ask besides.
 */
#include <errno.h>
#include <string.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "ioreq/xen.h"
#include "qmp/qmp.h"

/* The name that a toolstack is told and gives back when it adds a CPU; any model would do. */
#define CPU_DRIVER "qemu32-i386-cpu"

#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

COMMAND(cmd_set_global_dirty_log)
{
    const struct app *app = opaque;

    xen_core_log_dirty(machine_core(app->machine), json_object_get_boolean_member(args, "enable"));
    return NULL;
}

COMMAND(cmd_hotpluggable_cpus)
{
    const struct app *app = opaque;
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (unsigned i = 0; i < app->config.max_cpus; i++) {
        g_autofree char *path = g_strdup_printf("/machine/unattached/device[%u]", i);
        JsonObject *o = json_object_new(), *props = json_object_new();
        json_object_set_int_member(props, "core-id", 0);
        json_object_set_int_member(props, "thread-id", 0);
        json_object_set_int_member(props, "socket-id", i);
        json_object_set_object_member(o, "props", props);
        json_object_set_int_member(o, "vcpus-count", 1);
        if (machine_has_cpu(app->machine, i))
            json_object_set_string_member(o, "qom-path", path);
        json_object_set_string_member(o, "type", CPU_DRIVER);
        json_array_add_object_element(list, o);
    }
    return node;
}

static void add_cpu(struct app *app, int64_t cpu, GError **err)
{
    if (cpu < 0 || cpu >= app->config.max_cpus)
        fail(err, ERANGE, "CPU %" PRId64 ": there are at most %u", cpu, app->config.max_cpus);
    else
        machine_add_cpu(app->machine, (unsigned)cpu, err);
}

/* Of all devices, CPUs can be added to a running machine. */
COMMAND(cmd_device_add)
{
    const char *driver = json_object_get_string_member(args, "driver");

    if (strcmp(driver, CPU_DRIVER) != 0)
        fail(err, ENOTSUP, "device_add %s: it can't be added while the machine runs", driver);
    else
        add_cpu(opaque, qmp_get_int(args, "socket-id", -1), err);
    return NULL;
}

COMMAND(cmd_cpu_add)
{
    add_cpu(opaque, json_object_get_int_member(args, "id"), err);
    return NULL;
}

COMMAND(cmd_pv_driver_info)
{
    const struct app *app = opaque;
    unsigned product, build;
    JsonObject *o;

    if (!machine_pv_drivers(app->machine, &product, &build)) {
        fail(err, ENOENT, "the guest has no PV drivers, or they have not said what they are");
        return NULL;
    }
    JsonNode *node = qmp_new_object(&o);
    json_object_set_int_member(o, "product-num", product);
    json_object_set_int_member(o, "build-num", build);
    return node;
}

static const struct qmp_command commands[] = {
    { "query-xen-platform-pv-driver-info", cmd_pv_driver_info, { { 0 } } },
    { "xen-set-global-dirty-log", cmd_set_global_dirty_log, { { "enable", QMP_BOOL, false } } },
    { "query-hotpluggable-cpus", cmd_hotpluggable_cpus, { { 0 } } },
    { "device_add",
      cmd_device_add,
      { { "driver", QMP_STRING, false },
        { "id", QMP_STRING, true },
        { "socket-id", QMP_INT, true },
        { "core-id", QMP_INT, true },
        { "thread-id", QMP_INT, true } } },
    { "cpu-add", cmd_cpu_add, { { "id", QMP_INT, false } } },
    { 0 },
};

void qmp_add_xen_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
