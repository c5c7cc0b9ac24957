/*
 * Monitors: -qmp, -mon, -monitor; and the commands that look at the machine and control it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/qmp_commands.h"
#include "base/error.h"
#include "base/opts.h"
#include "block/fdset.h"
#include "chardev/chardev.h"
#include "qmp/qmp.h"

static int take_mon(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-mon", arg, "chardev", err);

    if (opts == NULL)
        return -EINVAL;
    g_ptr_array_add(app->monitors, opts);
    const char *mode = opts_get(opts, "mode");
    if (opts_require(opts, "chardev", err) == NULL)
        return -EINVAL;
    if (mode == NULL || strcmp(mode, "control") != 0)
        return fail(err, EINVAL, "-mon %s: only mode=control (QMP) is there", arg);
    return 0;
}

/* -qmp BACKEND is a chardev with a monitor on it. */
static int add_qmp(struct app *app, const char *spec, bool pretty, GError **err)
{
    g_autofree char *label = g_strdup_printf("compat_monitor%u", app->monitors->len);
    struct chardev *chr = chardev_create_short("-qmp", spec, label, err);

    if (chr == NULL)
        return -EINVAL;
    g_hash_table_insert(app->chardevs, g_strdup(label), chr);
    struct opts *opts = opts_parse("-qmp", label, "chardev", err);
    opts_set(opts, "pretty", pretty ? "on" : "off");
    g_ptr_array_add(app->monitors, opts);
    return 0;
}

static int take_qmp(struct app *app, const char *arg, GError **err)
{
    return strcmp(arg, "none") == 0 ? 0 : add_qmp(app, arg, false, err);
}

static int take_qmp_pretty(struct app *app, const char *arg, GError **err)
{
    return strcmp(arg, "none") == 0 ? 0 : add_qmp(app, arg, true, err);
}

/* The monitor for people is not there; switching it off is what scripts do. */
static int take_monitor(struct app *app, const char *arg, GError **err)
{
    if (strcmp(arg, "none") == 0 || strcmp(arg, "null") == 0 || strcmp(arg, "/dev/null") == 0)
        return 0;
    return fail(err, EINVAL, "-monitor %s: only \"none\"; use -qmp", arg);
}

static const struct cli_option options[] = {
    { "qmp", "BACKEND", take_qmp, "QMP on unix:PATH,server=on,wait=off, tcp:..., stdio",
      .host = true },
    { "qmp-pretty", "BACKEND", take_qmp_pretty, "the same, indented for a person", .host = true },
    { "mon", "chardev=ID,mode=control", take_mon, "QMP on a -chardev", .host = true },
    { "monitor", "none", take_monitor, NULL, .host = true },
    {}
};

/* libxl hands in an image and never takes it back: its last connection's end says that it is done.
 */
static void forget_descriptors(void *opaque)
{
    fdset_clear();
}

static int connect_monitors(struct app *app, GError **err)
{
    int rc = 0;

    qmp_add_machine_commands(app);
    qmp_add_screen_commands(app);
    qmp_add_input_commands(app);
    qmp_add_net_commands(app);
    qmp_add_block_commands(app);
    qmp_when_deserted(app->qmp, forget_descriptors, NULL);
    for (unsigned i = 0; i < app->monitors->len && rc == 0; i++) {
        struct opts *opts = app->monitors->pdata[i];
        const char *id = opts_get(opts, "chardev");
        struct chardev *chr = g_hash_table_lookup(app->chardevs, id);
        bool pretty = false;
        if (chr == NULL)
            rc = fail(err, ENOENT, "-mon chardev=%s: there is no such -chardev", id);
        if (rc == 0)
            rc = opts_get_bool(opts, "pretty", &pretty, err);
        if (rc == 0)
            rc = opts_finish(opts, err);
        if (rc == 0)
            qmp_add_monitor(app->qmp, chr, pretty);
    }
    return rc;
}

const struct cli_topic cli_qmp = {
    .title = "Monitors",
    .options = options,
    .connect = connect_monitors,
};
