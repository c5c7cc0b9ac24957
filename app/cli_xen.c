/*
 * Xen: which domain this is the device model of, and what the toolstack reads in xenstore.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "app/app.h"
#include "app/qmp_commands.h"
#include "base/error.h"
#include "base/log.h"
#include "base/opts.h"
#include "ioreq/xen.h"

#include <xen/hvm/pvdrivers.h>
#include <xen/io/xenbus.h>

#define MAX_DOMID 0x7fefu /* Xen public headers, xen.h: beyond are domains of another kind */

/* ---- Options ---- */

static int take_domid(struct app *app, const char *arg, GError **err)
{
    uint64_t domid;

    if (parse_uint(arg, &domid) < 0 || domid > MAX_DOMID)
        return fail(err, EINVAL, "-xen-domid %s: not a domain's number", arg);
    app->xen_domid = (int)domid;
    return 0;
}

static int take_restrict(struct app *app, const char *arg, GError **err)
{
    app->xen_restrict = true;
    return 0;
}

static int take_attach(struct app *app, const char *arg, GError **err)
{
    return fail(err, ENOTSUP, "-xen-attach: back ends for PV domains are not there");
}

static const struct cli_option options[] = {
    { "xen-domid", "N", take_domid, "the domain (started by libxl or XAPI)", .host = true },
    { "xen-domid-restrict", NULL, take_restrict, "give up all rights on other domains",
      .host = true },
    { "xen-attach", NULL, take_attach, NULL, .host = true },
    {}
};

static int prepare(struct app *app, GError **err)
{
    bool xenfv = app->config.board == MACHINE_XENFV;

    if (app->accel == ACCEL_DEFAULT && (xenfv || app->xen_domid >= 0))
        app->accel = ACCEL_XEN;
    if (xenfv && app->accel != ACCEL_XEN && app->accel != ACCEL_QTEST && app->accel != ACCEL_REPLAY)
        return fail(err, EINVAL, "-machine xenfv: needs -accel xen");
    if (app->low_ram != 0 && (app->accel == ACCEL_KVM || app->accel == ACCEL_DEFAULT))
        return fail(err, EINVAL, "-machine max-ram-below-4g: needs -accel xen");
    if (app->accel != ACCEL_XEN)
        return app->xen_domid < 0 ? 0 : fail(err, EINVAL, "-xen-domid: needs -accel xen");
    if (app->config.board != MACHINE_NONE && app->xen_domid < 0)
        return fail(err, EINVAL, "-accel xen: needs -xen-domid");
    return 0;
}

/* ---- The core ---- */

/*
 * The toolstack starts the domain's next life with this offset of its clock. It is the sum of what
 * the guest did to it.
 */
static void keep_time_offset(struct app *app, int64_t seconds)
{
    g_autofree char *link = g_strdup_printf("/local/domain/%d/vm", app->xen_domid);
    char *vm = xs_read(app->xenstore, XBT_NULL, link, NULL);
    g_autofree char *path = g_strdup_printf("%s/rtc/timeoffset", vm != NULL ? vm : "");

    if (vm != NULL) {
        char *old = xs_read(app->xenstore, XBT_NULL, path, NULL);
        int64_t before = old != NULL ? g_ascii_strtoll(old, NULL, 10) : 0;
        g_autofree char *value = g_strdup_printf("%" PRId64, before + seconds);
        xs_write(app->xenstore, XBT_NULL, path, value, (unsigned)strlen(value));
        free(old);
    }
    free(vm);
}

/* A device model that may not write to xenstore says it by QMP. */
static void time_offset(void *opaque, int64_t seconds)
{
    struct app *app = opaque;

    if (app->xen_restrict)
        qmp_machine_event(app, MACHINE_EVENT_RTC_CHANGE, true, seconds);
    else
        keep_time_offset(app, seconds);
}

/* ---- PV drivers ---- */

static char *read_key(struct app *app, const char *dir, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s", dir, name);

    return xs_read(app->xenstore, XBT_NULL, path, NULL);
}

/*
 * Whether the toolstack expects this process to be the back end of one of the guest's PV disks, as
 * it does for images that are not raw. Nothing of the kind is here: PV drivers that took such a
 * disk from the guest would leave it without. CDs do not count, as PV drivers leave their drives
 * alone.
 */
static bool find_missing_disk(struct app *app)
{
    g_autofree char *root = g_strdup_printf("backend/qdisk/%d", app->xen_domid);
    unsigned n = 0;
    char **devices = xs_directory(app->xenstore, XBT_NULL, root, &n);
    bool found = false;

    for (unsigned i = 0; devices != NULL && i < n; i++) {
        g_autofree char *dir = g_strdup_printf("%s/%s", root, devices[i]);
        char *type = read_key(app, dir, "device-type"), *name = read_key(app, dir, "dev");
        if (type != NULL && strcmp(type, "disk") == 0) {
            log_warn("xen: disk %s has no PV back end: the guest's PV drivers are kept away",
                     name != NULL ? name : devices[i]);
            found = true;
        }
        free(type);
        free(name);
    }
    free(devices);
    return found;
}

/*
 * A keyboard for PV drivers is given to each HVM guest, with this process as its back end, which is
 * not here. Nobody would ever answer: Linux waits 30 s for it in each boot. One that is closed (Xen
 * public headers, io/xenbus.h) is not waited for.
 */
static void close_pv_keyboard(struct app *app)
{
    g_autofree char *root = g_strdup_printf("backend/vkbd/%d", app->xen_domid);
    g_autofree char *closed = g_strdup_printf("%d", XenbusStateClosed);
    unsigned n = 0;
    char **devices = xs_directory(app->xenstore, XBT_NULL, root, &n);

    for (unsigned i = 0; devices != NULL && i < n; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s/state", root, devices[i]);
        xs_write(app->xenstore, XBT_NULL, path, closed, (unsigned)strlen(closed));
    }
    free(devices);
}

static const char *product_name(unsigned product)
{
#define PRODUCT(text, number) { number, text },
    static const struct {
        unsigned number;
        const char *name;
    } products[] = { PVDRIVERS_PRODUCT_LIST(PRODUCT) };
#undef PRODUCT

    for (unsigned i = 0; i < G_N_ELEMENTS(products); i++)
        if (products[i].number == product)
            return products[i].name;
    return NULL;
}

/* An administrator's list, where xenstore has it. */
bool app_pv_drivers_allowed(void *opaque, unsigned product, unsigned build)
{
    struct app *app = opaque;
    const char *name = product_name(product);

    if (app->pv_disk_missing)
        return false;
    if (app->xenstore == NULL || name == NULL)
        return true;
    g_autofree char *path = g_strdup_printf("/mh/driver-blacklist/%s/%u", name, build);
    char *entry = xs_read(app->xenstore, XBT_NULL, path, NULL);
    bool listed = entry != NULL;
    free(entry);
    return !listed;
}

/* ---- Starting ---- */

struct core *app_create_xen(struct app *app, GError **err)
{
    const struct xen_config config = {
        .domid = (unsigned)app->xen_domid,
        .max_cpus = app->config.max_cpus,
        .ram_size = app->config.ram_size,
        .low_ram = app->low_ram,
        .incoming = app->incoming != NULL,
        .time_offset = time_offset,
        .opaque = app,
    };

    app->xenstore = xs_open(0);
    if (app->xenstore == NULL) {
        fail_errno(err, errno, "-accel xen: xenstore");
        return NULL;
    }
    app->pv_disk_missing = find_missing_disk(app);
    close_pv_keyboard(app);
    return xen_core_create(&config, err);
}

/* ---- Telling the toolstack ---- */

static int write_state(struct app *app, const char *state, GError **err)
{
    g_autofree char *path = g_strdup_printf("device-model/%d/state", app->xen_domid);

    if (!xs_write(app->xenstore, XBT_NULL, path, state, (unsigned)strlen(state)))
        return fail_errno(err, errno, "-xen-domid %d: xenstore %s", app->xen_domid, path);
    return 0;
}

/* A restricted device model is asked for its state by QMP, as xenstore is out of its reach. */
static int connect_toolstack(struct app *app, GError **err)
{
    if (app->xenstore == NULL)
        return 0;
    qmp_add_xen_commands(app);
    return app->xen_restrict ? xen_core_restrict(machine_core(app->machine), err)
                             : write_state(app, "running", err);
}

static void cleanup(struct app *app)
{
    xs_close(app->xenstore);
}

const struct cli_topic cli_xen = {
    .title = "Xen",
    .options = options,
    .prepare = prepare,
    .connect = connect_toolstack,
    .cleanup = cleanup,
};
