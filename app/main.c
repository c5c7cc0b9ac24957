/*
 * Bring-up in order: options, core, host services, machine, what hangs on the machine; then the
 * main loop until somebody ends it; then all of it backwards.
 */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/disks.h"
#include "app/qmp_commands.h"
#include "app/saved_state.h"
#include "app/version.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opts.h"
#include "block/drive.h"
#include "chardev/chardev.h"
#include "ioreq/kvm.h"
#include "ioreq/qtest.h"
#include "ioreq/record.h"
#include "ioreq/replay.h"
#include "qmp/qmp.h"
#include "ui/input.h"
#include "ui/vnc/vnc.h"
#include "net/netdev.h"

const char *app_keep(struct app *app, const char *s)
{
    char *copy = g_strdup(s);

    g_ptr_array_add(app->owned, copy);
    return copy;
}

int app_set_flash(struct app *app, unsigned n, const char *drive, GError **err)
{
    if (app->config.flash[n] != NULL)
        return fail(err, EEXIST, "drive %s: there is flash %u already, with drive %s", drive, n,
                    app->config.flash[n]);
    app->config.flash[n] = app_keep(app, drive);
    return 0;
}

struct device_config *app_add_device(struct app *app, const char *driver, const char *id)
{
    struct device_config *config = device_config_new(driver, id);

    g_ptr_array_add(app->config.devices, config);
    return config;
}

/* Beside the program as the build tree has it, so that it runs uninstalled; else as installed. */
static const char *find_file(struct app *app, const char *const in_build[], unsigned n,
                             const char *install_dir, const char *name)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *dir = self != NULL ? g_path_get_dirname(self) : g_strdup(".");

    for (unsigned i = 0; i < n; i++) {
        g_autofree char *path = g_build_filename(dir, in_build[i], name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return app_keep(app, path);
    }
    g_autofree char *installed = g_build_filename(install_dir, name, NULL);
    return app_keep(app, installed);
}

const char *app_data_file(struct app *app, const char *name)
{
    static const char *const in_build[] = { "firmware/bios", "firmware/vgabios",
                                            "firmware/optionrom" };

    return find_file(app, in_build, G_N_ELEMENTS(in_build), HVMDM_DATADIR, name);
}

const char *app_module_file(struct app *app, const char *name)
{
    static const char *const in_build[] = { "ui" };

    return find_file(app, in_build, G_N_ELEMENTS(in_build), HVMDM_MODULEDIR, name);
}

static void on_machine_event(void *opaque, enum machine_event event, bool by_guest, int64_t detail)
{
    struct app *app = opaque;

    qmp_machine_event(app, event, by_guest, detail);
    app_show_state(app);
}

static struct block_drive *resolve_drive(struct app *app, struct device *dev, const char *name,
                                         GError **err)
{
    struct block_drive *drive = disk_resolve(app, name, err);

    if (drive == NULL)
        g_prefix_error(err, "-device %s: drive=%s: ", dev->kind->name, name);
    return drive;
}

static void *resolve(void *opaque, struct device *dev, const char *kind, const char *name,
                     GError **err)
{
    struct app *app = opaque;
    void *service = NULL;

    if (strcmp(kind, "input") == 0)
        service = app->input;
    else if (strcmp(kind, "console") == 0)
        service = app->console;
    else if (strcmp(kind, "chardev") == 0 &&
             (service = g_hash_table_lookup(app->chardevs, name)) != NULL)
        chardev_journal(service);
    else if (strcmp(kind, "netdev") == 0)
        service = netdevs_find(app->netdevs, name);
    else if (strcmp(kind, "drive") == 0)
        return resolve_drive(app, dev, name, err);
    if (service == NULL)
        fail(err, ENOENT, "-device %s: %s=%s: there is no such %s", dev->kind->name, kind, name,
             kind);
    return service;
}

static struct core *create_qtest(struct app *app, GError **err)
{
    FILE *log = NULL;

    if (app->qtest_log != NULL && (log = fopen(app->qtest_log, "we")) == NULL) {
        fail_errno(err, errno, "-qtest-log %s", app->qtest_log);
        return NULL;
    }
    return qtest_core_create(app->config.n_cpus, g_steal_pointer(&app->qtest_chardev), log);
}

static int create_core(struct app *app, GError **err)
{
    switch (app->accel) {
    case ACCEL_DEFAULT:
    case ACCEL_KVM: app->core = kvm_core_create(app->config.n_cpus, err); break;
    case ACCEL_QTEST: app->core = create_qtest(app, err); break;
    case ACCEL_REPLAY:
        app->core = replay_core_create(app->replay, app->config.n_cpus, app->config.ram_size, err);
        break;
#if HVMDM_HAVE_XEN
    case ACCEL_XEN:
        /* A toolstack that only asks what there is has no domain yet. */
        app->core = app->config.board == MACHINE_NONE ? qtest_core_create(1, NULL, NULL)
                                                      : app_create_xen(app, err);
        break;
#endif
    default: fail(err, ENOTSUP, "-accel: this core is not compiled in"); break;
    }
    return app->core != NULL ? 0 : -ENODEV;
}

static int bring_up(struct app *app, GError **err)
{
    const struct machine_host host = {
        .opaque = app,
        .resolve = resolve,
        .take_over = app_activate_drives,
#if HVMDM_HAVE_XEN
        .pv_drivers_allowed = app_pv_drivers_allowed,
#endif
        .event = on_machine_event,
    };
    int rc = cli_prepare(app, err);

    if (rc == 0)
        rc = create_core(app, err);
    if (rc == 0)
        rc = machine_create(&app->config, app->core, &host, &app->machine, err);
    if (rc == 0)
        rc = cli_connect(app, err);
    if (rc == 0 && app->replay != NULL) {
        app_start_replay(app);
        return 0;
    }
    if (rc == 0 && app->incoming != NULL)
        return saved_state_load(app, app->incoming, err);
    if (rc == 0 && !app->start_paused)
        rc = machine_resume(app->machine, err);
    return rc;
}

static gboolean end_signal(gpointer opaque)
{
    loop_quit();
    return G_SOURCE_CONTINUE;
}

static void init(struct app *app, int argc, char **argv)
{
    *app = (struct app){ .argc = argc, .argv = argv };
    app->xen_domid = app->pidfile_fd = -1;
    app->config.board = MACHINE_PC;
    app->config.n_cpus = app->config.max_cpus = 1;
    app->config.devices = g_ptr_array_new_with_free_func((GDestroyNotify)device_config_free);
    app->config.defaults = g_ptr_array_new_with_free_func((GDestroyNotify)device_config_free);
    app->input = input_create();
    app->qmp_source = input_source_create(app->input);
    app->vnc_args = g_ptr_array_new_with_free_func(g_free);
    app->vnc_servers = g_ptr_array_new();
    app->tls_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->tls_creds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify)vnc_tls_creds_free);
    app->qmp = qmp_create();
    app->monitors = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->owned = g_ptr_array_new_with_free_func(g_free);
    app->chardevs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    app->chardev_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->serials = g_ptr_array_new_with_free_func(g_free);
    app->parallels = g_ptr_array_new_with_free_func(g_free);
    app->debugcons = g_ptr_array_new_with_free_func(g_free);
    app->drive_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->blockdev_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->drives = g_ptr_array_new_with_free_func((GDestroyNotify)block_drive_free);
    app->nodes = g_ptr_array_new();
    app->netdevs = netdevs_new();
    app->netdev_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->nic_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
    app->dump_opts = g_ptr_array_new_with_free_func((GDestroyNotify)opts_free);
}

static void tear_down(struct app *app)
{
    record_stop();
    replay_close(app->replay);
    if (app->machine != NULL)
        machine_destroy(app->machine);
    qmp_destroy(app->qmp);
    cli_cleanup(app);
    input_source_destroy(app->qmp_source);
    input_destroy(app->input);
    g_ptr_array_unref(app->vnc_args);
    g_ptr_array_unref(app->vnc_servers);
    g_ptr_array_unref(app->tls_opts);
    g_hash_table_unref(app->tls_creds);
    g_ptr_array_unref(app->monitors);
    g_ptr_array_unref(app->config.devices);
    g_ptr_array_unref(app->config.defaults);
    g_ptr_array_unref(app->chardev_opts);
    g_ptr_array_unref(app->serials);
    g_ptr_array_unref(app->parallels);
    g_ptr_array_unref(app->debugcons);
    g_ptr_array_unref(app->drive_opts);
    g_ptr_array_unref(app->blockdev_opts);
    g_ptr_array_unref(app->drives);
    disk_free_nodes(app);
    g_ptr_array_unref(app->netdev_opts);
    g_ptr_array_unref(app->nic_opts);
    g_ptr_array_unref(app->dump_opts);
    g_hash_table_unref(app->chardevs);
    g_ptr_array_unref(app->owned);
    g_free(app->incoming);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;
    struct app app;

    signal(SIGPIPE, SIG_IGN); /* a log or a capture that nobody reads is not the machine's end */
    init(&app, argc, argv);
    loop_init();
    int rc = cli_parse(&app, argc, argv, &err);
    if (rc == 0)
        rc = app_daemonize(&app, &err);
    if (rc == 0) {
        g_unix_signal_add(SIGTERM, end_signal, NULL);
        g_unix_signal_add(SIGINT, end_signal, NULL);
        g_unix_signal_add(SIGHUP, end_signal, NULL);
        signal(SIGXFSZ, SIG_IGN); /* libxl limits the size of files: then EFBIG, not the end */
        rc = bring_up(&app, &err);
        if (rc == 0)
            loop_run();
        if (rc == 0 && app.replay != NULL)
            app.status = app_end_replay(&app);
    }
    if (rc < 0)
        log_error("%s", err->message);
    tear_down(&app);
    return rc < 0 ? 1 : app.status;
}
