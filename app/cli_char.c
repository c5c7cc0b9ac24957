/*
 * Options of character devices: -chardev, and what hangs on one by default.
 */
#include <errno.h>
#include <string.h>

#include "app/app.h"
#include "base/error.h"
#include "base/opts.h"
#include "chardev/chardev.h"

static int keep_chardev(struct app *app, struct chardev *chr, GError **err)
{
    if (chr == NULL)
        return -EINVAL;
    const char *id = chardev_label(chr);
    if (g_hash_table_contains(app->chardevs, id)) {
        fail(err, EEXIST, "-chardev id=%s: there are two of this name", id);
        chardev_destroy(chr);
        return -EEXIST;
    }
    g_hash_table_insert(app->chardevs, g_strdup(id), chr);
    return 0;
}

static int take_chardev(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-chardev", arg, "backend", err);

    if (opts == NULL)
        return -EINVAL;
    g_ptr_array_add(app->chardev_opts, opts);
    return opts_require(opts, "id", err) != NULL ? 0 : -EINVAL;
}

static int take_serial(struct app *app, const char *arg, GError **err)
{
    g_ptr_array_add(app->serials, g_strdup(arg));
    return 0;
}

static int take_parallel(struct app *app, const char *arg, GError **err)
{
    g_ptr_array_add(app->parallels, g_strdup(arg));
    return 0;
}

static int take_debugcon(struct app *app, const char *arg, GError **err)
{
    g_ptr_array_add(app->debugcons, g_strdup(arg));
    return 0;
}

static int take_nographic(struct app *app, const char *arg, GError **err)
{
    app->nographic = true;
    return 0;
}

static const struct cli_option options[] = {
    { "chardev", "BACKEND,id=ID[,...]", take_chardev,
      "null, stdio, file, pipe, pty or socket, for a device or -mon" },
    { "serial", "BACKEND", take_serial,
      "the next serial port: stdio, pty, file:PATH, unix:PATH,\n"
      "tcp:HOST:PORT, chardev:ID, null, none" },
    { "parallel", "BACKEND", take_parallel, "the next parallel port" },
    { "debugcon", "BACKEND", take_debugcon, "firmware's debug console (port 0xe9)" },
    { "nographic", NULL, take_nographic, "no display; the serial port is on stdio" },
    {}
};

/*
 * One port of a card: makes its back end (or takes the one that chardev:ID names) and plugs the
 * card in. "none" leaves the place empty.
 */
static int add_port(struct app *app, const char *driver, const char *option, const char *label,
                    const char *spec, const char *iobase, GError **err)
{
    const char *id = label;

    if (strcmp(spec, "none") == 0)
        return 0;
    if (g_str_has_prefix(spec, "chardev:")) {
        id = spec + strlen("chardev:");
        if (!g_hash_table_contains(app->chardevs, id))
            return fail(err, ENOENT, "-%s %s: there is no -chardev with this id", option, spec);
    } else {
        g_autofree char *dashed = g_strdup_printf("-%s", option);
        int rc = keep_chardev(app, chardev_create_short(dashed, spec, label, err), err);
        if (rc < 0)
            return rc;
    }
    struct device_config *port = app_add_device(app, driver, NULL);
    device_config_add(port, "chardev", id);
    device_config_add(port, "iobase", iobase);
    return 0;
}

struct port_group {
    const char *driver, *option;
    const char *iobase[4];
};

static int add_ports(struct app *app, const GPtrArray *specs, const struct port_group *g,
                     GError **err)
{
    int rc = 0;

    for (unsigned i = 0; i < specs->len && rc == 0; i++) {
        g_autofree char *label = g_strdup_printf("%s%u", g->option, i);
        if (i >= G_N_ELEMENTS(g->iobase) || g->iobase[i] == NULL)
            return fail(err, ENOSPC, "-%s %s: there are only %u of them", g->option,
                        (const char *)specs->pdata[i], i);
        rc = add_port(app, g->driver, g->option, label, specs->pdata[i], g->iobase[i], err);
    }
    return rc;
}

static int prepare(struct app *app, GError **err)
{
    static const struct port_group serial = { "isa-serial",
                                              "serial",
                                              { "0x3f8", "0x2f8", "0x3e8", "0x2e8" } };
    static const struct port_group parallel = { "isa-parallel",
                                                "parallel",
                                                { "0x378", "0x278", "0x3bc" } };
    static const struct port_group debugcon = { "isa-debugcon", "debugcon", { "0xe9", "0x402" } };

    int rc = 0;

    for (unsigned i = 0; i < app->chardev_opts->len && rc == 0; i++)
        rc = keep_chardev(app, chardev_create(app->chardev_opts->pdata[i], NULL, err), err);
    bool defaults = !app->nodefaults && app->config.board != MACHINE_NONE;
    if (app->nographic && defaults && app->serials->len == 0)
        g_ptr_array_add(app->serials, g_strdup("mon:stdio"));
    if (rc == 0)
        rc = add_ports(app, app->serials, &serial, err);
    if (rc == 0)
        rc = add_ports(app, app->parallels, &parallel, err);
    if (rc == 0)
        rc = add_ports(app, app->debugcons, &debugcon, err);
    return rc;
}

static void cleanup(struct app *app)
{
    GHashTableIter it;
    gpointer chr;

    g_hash_table_iter_init(&it, app->chardevs);
    while (g_hash_table_iter_next(&it, NULL, &chr))
        chardev_destroy(chr);
    g_hash_table_remove_all(app->chardevs);
}

const struct cli_topic cli_char = {
    .title = "Character devices",
    .options = options,
    .prepare = prepare,
    .cleanup = cleanup,
};
