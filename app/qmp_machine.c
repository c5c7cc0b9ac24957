/*
 * QMP: run state, power, saved state, devices, descriptors.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/qmp_commands.h"
#include "app/saved_state.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/loop.h"
#include "block/fdset.h"
#include "chardev/chardev.h"
#include "hw/core/pci.h"
#include "hw/machine/devices.h"
#include "qmp/qmp.h"

/* What every command looks like. */
#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

static struct machine *machine_of(void *opaque)
{
    return ((struct app *)opaque)->machine;
}

/* ---- Run state and power ---- */

COMMAND(cmd_stop)
{
    struct app *app = opaque;

    app->start_paused = true;
    machine_pause(app->machine, MACHINE_PAUSED);
    return NULL;
}

/* Before a state has been loaded: it goes on as soon as that is done. */
COMMAND(cmd_cont)
{
    struct app *app = opaque;

    if (machine_get_state(app->machine) == MACHINE_INMIGRATE)
        app->start_paused = false;
    else
        machine_resume(app->machine, err);
    return NULL;
}

COMMAND(cmd_quit)
{
    loop_quit();
    return NULL;
}

COMMAND(cmd_reset)
{
    machine_reset(machine_of(opaque));
    return NULL;
}

COMMAND(cmd_powerdown)
{
    machine_power_button(machine_of(opaque));
    return NULL;
}

COMMAND(cmd_wakeup)
{
    machine_wakeup(machine_of(opaque));
    return NULL;
}

COMMAND(cmd_nmi)
{
    machine_nmi(machine_of(opaque));
    return NULL;
}

COMMAND(cmd_status)
{
    enum machine_state state = machine_get_state(machine_of(opaque));
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_boolean_member(o, "running", state == MACHINE_RUNNING);
    json_object_set_boolean_member(o, "singlestep", FALSE);
    json_object_set_string_member(o, "status", machine_state_name(state));
    return node;
}

/* ---- What it is ---- */

COMMAND(cmd_name)
{
    const struct app *app = opaque;
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    if (app->config.name != NULL)
        json_object_set_string_member(o, "name", app->config.name);
    return node;
}

COMMAND(cmd_uuid)
{
    const uint8_t *u = ((struct app *)opaque)->config.uuid;
    g_autoptr(GString) text = g_string_new(NULL);
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    for (unsigned i = 0; i < 16; i++)
        g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                               u[i]);
    json_object_set_string_member(o, "UUID", text->str);
    return node;
}

COMMAND(cmd_kvm)
{
    const struct app *app = opaque;
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_boolean_member(o, "enabled",
                                   app->accel == ACCEL_KVM || app->accel == ACCEL_DEFAULT);
    json_object_set_boolean_member(o, "present", access("/dev/kvm", F_OK) == 0);
    return node;
}

COMMAND(cmd_machines)
{
    static const struct {
        const char *name, *alias;
    } machines[] = { { "pc-i440fx", "pc" }, { "xenfv", NULL }, { "none", NULL } };
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (unsigned i = 0; i < G_N_ELEMENTS(machines); i++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", machines[i].name);
        if (machines[i].alias != NULL)
            json_object_set_string_member(o, "alias", machines[i].alias);
        json_object_set_boolean_member(o, "is-default", i == 0);
        json_object_set_int_member(o, "cpu-max", 16);
        json_object_set_boolean_member(o, "hotpluggable-cpus", FALSE);
        json_object_set_boolean_member(o, "numa-mem-supported", FALSE);
        json_object_set_boolean_member(o, "deprecated", FALSE);
        json_array_add_object_element(list, o);
    }
    return node;
}

COMMAND(cmd_cpus)
{
    const struct app *app = opaque;
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (unsigned i = 0; i < app->config.max_cpus; i++) {
        if (!machine_has_cpu(app->machine, i))
            continue;
        g_autofree char *path = g_strdup_printf("/machine/unattached/device[%u]", i);
        JsonObject *o = json_object_new(), *props = json_object_new();
        json_object_set_int_member(o, "cpu-index", i);
        json_object_set_string_member(o, "qom-path", path);
        json_object_set_int_member(o, "thread-id", 0);
        json_object_set_string_member(o, "target", "x86_64");
        json_object_set_int_member(props, "core-id", 0);
        json_object_set_int_member(props, "thread-id", 0);
        json_object_set_int_member(props, "socket-id", i);
        json_object_set_object_member(o, "props", props);
        json_array_add_object_element(list, o);
    }
    return node;
}

static void add_parameter(JsonArray *list, const char *name)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "type", "string");
    json_array_add_object_element(list, o);
}

struct option_query {
    const char *name; /* NULL: all */
    JsonArray *list;
};

/* Parameters are told where toolstacks look for them: how rights are given up. */
static void describe_option(const struct cli_option *option, void *opaque)
{
    const struct option_query *query = opaque;
    JsonArray *parameters;

    if (query->name != NULL && strcmp(query->name, option->name) != 0)
        return;
    JsonObject *o = json_object_new();
    parameters = json_array_new();
    if (strcmp(option->name, "run-with") == 0) {
        add_parameter(parameters, "chroot");
        add_parameter(parameters, "user");
    }
    json_object_set_string_member(o, "option", option->name);
    json_object_set_array_member(o, "parameters", parameters);
    json_array_add_object_element(query->list, o);
}

COMMAND(cmd_options)
{
    struct option_query query = { .name = qmp_get_string(args, "option", NULL) };
    JsonNode *node = qmp_new_array(&query.list);

    cli_for_each_option(describe_option, &query);
    if (query.name == NULL || json_array_get_length(query.list) > 0)
        return node;
    fail(err, EINVAL, "invalid option name \"%s\"", query.name);
    json_node_unref(node);
    return NULL;
}

COMMAND(cmd_qom_list_types)
{
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    for (const struct device_kind *const *kind = device_kinds(); *kind != NULL; kind++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", (*kind)->name);
        json_object_set_string_member(o, "parent", (*kind)->pci ? "pci-device" : "device");
        json_array_add_object_element(list, o);
    }
    return node;
}

/* The QMP name of a property's type. */
static const char *property_type(const struct property *p)
{
    static const char *const uints[] = {
        [1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64"
    };

    switch (p->type) {
    case PROP_BOOL: return "bool";
    case PROP_UINT: return uints[p->size];
    case PROP_SIZE: return "size";
    case PROP_STRING:
    case PROP_HOST: break;
    }
    return "str";
}

static void list_properties(JsonArray *list, const struct property *p)
{
    for (; p != NULL && p->name != NULL; p++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", p->name);
        json_object_set_string_member(o, "type", property_type(p));
        if (p->help != NULL)
            json_object_set_string_member(o, "description", p->help);
        json_array_add_object_element(list, o);
    }
}

COMMAND(cmd_list_properties)
{
    const char *name = json_object_get_string_member(args, "typename");
    const struct device_kind *kind = device_kind_find(name);
    JsonArray *list;

    if (kind == NULL) {
        fail(err, QMP_DEVICE_NOT_FOUND, "Class '%s' not found", name);
        return NULL;
    }
    JsonNode *node = qmp_new_array(&list);
    list_properties(list, kind->properties);
    if (kind->base != NULL)
        list_properties(list, kind->base->properties);
    return node;
}

/* ---- Devices ---- */

static void add_fault_count(struct device *dev, void *opaque)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "device", dev->id);
    json_object_set_string_member(o, "kind", dev->kind->name);
    json_object_set_int_member(o, "faults", (gint64)dev->guest_faults);
    json_array_add_object_element(opaque, o);
}

COMMAND(cmd_guest_faults)
{
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);

    machine_for_each_device(machine_of(opaque), add_fault_count, list);
    return node;
}

static void add_bars(JsonArray *regions, const struct pci_device *pci)
{
    for (unsigned n = 0; n < PCI_N_BARS; n++) {
        const struct pci_bar *bar = &pci->bar[n];
        if (bar->size == 0)
            continue;
        JsonObject *o = json_object_new();
        json_object_set_int_member(o, "bar", n);
        json_object_set_string_member(o, "type", bar->type == PCI_BAR_IO ? "io" : "memory");
        json_object_set_int_member(o, "size", (gint64)bar->size);
        json_object_set_int_member(o, "address", bar->at == PCI_UNMAPPED ? -1 : (gint64)bar->at);
        if (bar->type != PCI_BAR_IO) {
            json_object_set_boolean_member(o, "prefetch", bar->type != PCI_BAR_MEM);
            json_object_set_boolean_member(o, "mem_type_64", bar->type == PCI_BAR_MEM64_PREFETCH);
        }
        json_array_add_object_element(regions, o);
    }
}

static JsonObject *pci_function(const struct pci_device *pci)
{
    JsonObject *o = json_object_new(), *id = json_object_new(), *class = json_object_new();
    JsonArray *regions = json_array_new();

    json_object_set_int_member(o, "bus", 0);
    json_object_set_int_member(o, "slot", PCI_SLOT(pci->devfn));
    json_object_set_int_member(o, "function", PCI_FUNCTION(pci->devfn));
    json_object_set_int_member(class, "class", get_le16(pci->config + PCI_CLASS_CODE + 1));
    json_object_set_string_member(class, "desc", pci->dev.kind->desc);
    json_object_set_object_member(o, "class_info", class);
    json_object_set_int_member(id, "vendor", get_le16(pci->config + PCI_VENDOR_ID));
    json_object_set_int_member(id, "device", get_le16(pci->config + PCI_DEVICE_ID));
    json_object_set_object_member(o, "id", id);
    json_object_set_string_member(o, "qdev_id", pci->dev.id);
    if (pci->config[PCI_INTERRUPT_PIN] != 0)
        json_object_set_int_member(o, "irq", pci->config[PCI_INTERRUPT_LINE]);
    json_object_set_int_member(o, "irq_pin", pci->config[PCI_INTERRUPT_PIN]);
    add_bars(regions, pci);
    json_object_set_array_member(o, "regions", regions);
    return o;
}

COMMAND(cmd_pci)
{
    const struct pci_bus *bus = machine_services(machine_of(opaque))->pci;
    JsonArray *list, *devices = json_array_new();
    JsonNode *node = qmp_new_array(&list);
    JsonObject *o = json_object_new();

    for (unsigned devfn = 0; devfn < 256 && bus != NULL; devfn++)
        if (pci_bus_function(bus, (uint8_t)devfn) != NULL)
            json_array_add_object_element(devices,
                                          pci_function(pci_bus_function(bus, (uint8_t)devfn)));
    json_object_set_int_member(o, "bus", 0);
    json_object_set_array_member(o, "devices", devices);
    json_array_add_object_element(list, o);
    return node;
}

COMMAND(cmd_chardev)
{
    const struct app *app = opaque;
    JsonArray *list;
    JsonNode *node = qmp_new_array(&list);
    GHashTableIter it;
    gpointer chr;

    g_hash_table_iter_init(&it, app->chardevs);
    while (g_hash_table_iter_next(&it, NULL, &chr)) {
        JsonObject *o = json_object_new();
        json_object_set_boolean_member(o, "frontend-open", TRUE);
        json_object_set_string_member(o, "filename", chardev_filename(chr));
        json_object_set_string_member(o, "label", chardev_label(chr));
        json_array_add_object_element(list, o);
    }
    return node;
}

/* ---- Descriptors and saved state ---- */

COMMAND(cmd_add_fd)
{
    int64_t id = qmp_get_int(args, "fdset-id", -1);
    int fd = qmp_take_fd(mon);
    JsonObject *o;

    if (fd < 0 || (json_object_has_member(args, "fdset-id") && id < 0)) {
        fail(err, EINVAL,
             fd < 0 ? "No file descriptor supplied via SCM_RIGHTS"
                    : "Parameter 'fdset-id' expects a non-negative value");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (fdset_add(&id, fd, qmp_get_string(args, "opaque", NULL), err) < 0)
        return NULL;
    JsonNode *node = qmp_new_object(&o);
    json_object_set_int_member(o, "fdset-id", id);
    json_object_set_int_member(o, "fd", fd);
    return node;
}

COMMAND(cmd_remove_fd)
{
    fdset_remove(json_object_get_int_member(args, "fdset-id"), (int)qmp_get_int(args, "fd", -1),
                 err);
    return NULL;
}

/*
 * The device model's part of a saved guest: what libxl and XAPI put into their stream. It is small,
 * and the file is the toolstack's own: writing it in one go does not hold anybody up. Without Xen
 * the guest's memory is a part of it. The images are left to whoever loads the state; "cont" takes
 * them back.
 */
COMMAND(cmd_save_devices_state)
{
    const char *path = json_object_get_string_member(args, "filename");
    struct machine *m = machine_of(opaque);

    if (machine_get_state(m) == MACHINE_RUNNING || machine_get_state(m) == MACHINE_INMIGRATE) {
        fail(err, EBUSY, "the machine is %s: it must be stopped to be saved",
             machine_state_name(machine_get_state(m)));
        return NULL;
    }
    if (saved_state_write(m, path, err) == 0)
        app_inactivate_drives(opaque, err);
    return NULL;
}

COMMAND(cmd_migratable)
{
    return NULL;
}

static const struct qmp_command commands[] = {
    { "stop", cmd_stop, { { 0 } } },
    { "cont", cmd_cont, { { 0 } } },
    { "quit", cmd_quit, { { 0 } } },
    { "system_reset", cmd_reset, { { 0 } } },
    { "system_powerdown", cmd_powerdown, { { 0 } } },
    { "system_wakeup", cmd_wakeup, { { 0 } } },
    { "inject-nmi", cmd_nmi, { { 0 } } },
    { "query-status", cmd_status, { { 0 } } },
    { "query-name", cmd_name, { { 0 } } },
    { "query-uuid", cmd_uuid, { { 0 } } },
    { "query-kvm", cmd_kvm, { { 0 } } },
    { "query-machines", cmd_machines, { { 0 } } },
    { "query-cpus-fast", cmd_cpus, { { 0 } } },
    { "query-command-line-options", cmd_options, { { "option", QMP_STRING, true } } },
    { "query-migratable", cmd_migratable, { { 0 } } },
    { "qom-list-types",
      cmd_qom_list_types,
      { { "implements", QMP_STRING, true }, { "abstract", QMP_BOOL, true } } },
    { "device-list-properties", cmd_list_properties, { { "typename", QMP_STRING, false } } },
    { "query-pci", cmd_pci, { { 0 } } },
    { "query-chardev", cmd_chardev, { { 0 } } },
    { "x-guest-faults", cmd_guest_faults, { { 0 } } },
    { "add-fd", cmd_add_fd, { { "fdset-id", QMP_INT, true }, { "opaque", QMP_STRING, true } } },
    { "remove-fd", cmd_remove_fd, { { "fdset-id", QMP_INT, false }, { "fd", QMP_INT, true } } },
    { "xen-save-devices-state",
      cmd_save_devices_state,
      { { "filename", QMP_STRING, false }, { "live", QMP_BOOL, true } } },
    { 0 },
};

void qmp_add_machine_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}

/* ---- Events ---- */

static JsonNode *shutdown_data(bool by_guest, const char *reason)
{
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_boolean_member(o, "guest", by_guest);
    json_object_set_string_member(o, "reason", reason);
    return node;
}

static JsonNode *drivers_data(int64_t detail)
{
    JsonObject *o;
    JsonNode *node = qmp_new_object(&o);

    json_object_set_int_member(o, "product-num", detail >> 32);
    json_object_set_int_member(o, "build-num", detail & UINT32_MAX);
    return node;
}

static JsonNode *event_data(enum machine_event event, bool by_guest, int64_t detail)
{
    JsonObject *o;
    JsonNode *node;

    switch (event) {
    case MACHINE_EVENT_RESET:
        return shutdown_data(by_guest, by_guest ? "guest-reset" : "host-qmp-system-reset");
    case MACHINE_EVENT_PV_DRIVERS: return drivers_data(detail);
    case MACHINE_EVENT_SHUTDOWN: return shutdown_data(by_guest, "guest-shutdown");
    case MACHINE_EVENT_RTC_CHANGE:
        node = qmp_new_object(&o);
        json_object_set_int_member(o, "offset", detail);
        return node;
    default: return NULL;
    }
}

void qmp_machine_event(void *opaque, enum machine_event event, bool by_guest, int64_t detail)
{
    static const char *const names[] = {
        [MACHINE_EVENT_STOP] = "STOP",
        [MACHINE_EVENT_RESUME] = "RESUME",
        [MACHINE_EVENT_RESET] = "RESET",
        [MACHINE_EVENT_SHUTDOWN] = "SHUTDOWN",
        [MACHINE_EVENT_POWERDOWN] = "POWERDOWN",
        [MACHINE_EVENT_SUSPEND] = "SUSPEND",
        [MACHINE_EVENT_WAKEUP] = "WAKEUP",
        [MACHINE_EVENT_RTC_CHANGE] = "RTC_CHANGE",
        [MACHINE_EVENT_PV_DRIVERS] = "XEN_PLATFORM_PV_DRIVER_INFO",
    };
    struct app *app = opaque;

    for (guint i = 0; event == MACHINE_EVENT_RESUME && i < app->drives->len; i++)
        ((struct block_drive *)app->drives->pdata[i])->stopped_by = 0; /* retried from here */
    qmp_event(app->qmp, names[event], event_data(event, by_guest, detail));
}
