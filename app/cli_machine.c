/*
 * Options of the machine itself: its core, memory, CPUs, firmware, kernel, devices.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/saved_state.h"
#include "base/error.h"
#include "base/log.h"
#include "base/opts.h"
#include "chardev/chardev.h"
#include "hw/machine/devices.h"

#define MIB              (UINT64_C(1) << 20)
#define DEFAULT_RAM_SIZE (128 * MIB)
#define MAX_RAM_SIZE     (UINT64_C(1) << 40)
#define MAX_CPUS         16

/* ---- Accelerator and board ---- */

static int choose_accel(struct app *app, const char *name, GError **err)
{
    static const struct {
        const char *name;
        enum app_accel accel;
    } accels[] = {
        { "kvm", ACCEL_KVM },
        { "xen", ACCEL_XEN },
        { "qtest", ACCEL_QTEST },
        { "replay", ACCEL_REPLAY },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(accels); i++) {
        if (strcmp(name, accels[i].name) == 0) {
            app->accel = accels[i].accel;
            return 0;
        }
    }
    return fail(err, EINVAL, "-accel %s: there is no such core (kvm, xen, qtest, replay)", name);
}

static int take_accel(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-accel", arg, "accel", err);

    if (opts == NULL)
        return -EINVAL;
    const char *name = opts_require(opts, "accel", err);
    const char *file = opts_get(opts, "file"); /* replay's */
    int rc = name != NULL ? opts_finish(opts, err) : -EINVAL;
    if (rc == 0 && (file != NULL) != (strcmp(name, "replay") == 0))
        rc = fail(err, EINVAL, "-accel %s: file= is what replay needs, and nobody else", name);
    if (rc == 0 && file != NULL)
        rc = app_open_recording(app, file, err);
    if (rc == 0)
        rc = choose_accel(app, name, err);
    opts_free(opts);
    return rc;
}

static int take_enable_kvm(struct app *app, const char *arg, GError **err)
{
    return choose_accel(app, "kvm", err);
}

/* "pc", "pc-i440fx-2.10", "pc-0.10": toolstacks and scripts name the version they know. */
static int choose_board(struct app *app, const char *type, GError **err)
{
    if (strcmp(type, "none") == 0)
        app->config.board = MACHINE_NONE;
    else if (strcmp(type, "xenfv") == 0 || g_str_has_prefix(type, "xenfv-"))
        app->config.board = MACHINE_XENFV;
    else if (strcmp(type, "pc") == 0 || g_str_has_prefix(type, "pc-i440fx-") ||
             g_str_has_prefix(type, "pc-0.") || g_str_has_prefix(type, "pc-1."))
        app->config.board = MACHINE_PC;
    else
        return fail(err, EINVAL, "-machine %s: there is no such machine (pc, xenfv, none)", type);
    return 0;
}

/* Asked for and ignored, since it makes no difference here: what a toolstack says of QEMU's own. */
static void ignore_keys(struct opts *opts)
{
    static const char *const keys[] = { "suppress-vmdesc", "usb",
                                        "graphics",        "dump-guest-core",
                                        "mem-merge",       "smm",
                                        "kernel-irqchip",  "allow-unassigned",
                                        "trad_compat" };

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        opts_get(opts, keys[i]);
}

/* Whether there is the absolute pointer; "auto": where it can be. */
static int take_vmport(struct app *app, struct opts *opts, GError **err)
{
    const char *text = opts_get(opts, "vmport");
    bool on = false;

    if (text == NULL)
        return 0;
    if (strcmp(text, "auto") == 0) {
        app->config.vmport = MACHINE_VMPORT_AUTO;
        return 0;
    }
    int rc = opts_get_bool(opts, "vmport", &on, err);
    app->config.vmport = on ? MACHINE_VMPORT_ON : MACHINE_VMPORT_OFF;
    return rc;
}

static int take_flash(struct app *app, struct opts *opts, unsigned n, GError **err)
{
    const char *drive = opts_get(opts, n == 0 ? "pflash0" : "pflash1");

    return drive != NULL ? app_set_flash(app, n, drive, err) : 0;
}

static int take_machine(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-machine", arg, "type", err);
    bool hpet = !app->config.no_hpet, acpi = !app->config.no_acpi;
    int rc = 0;

    if (opts == NULL)
        return -EINVAL;
    if (opts_get(opts, "type") != NULL)
        rc = choose_board(app, opts_get(opts, "type"), err);
    if (rc == 0 && opts_get(opts, "accel") != NULL)
        rc = choose_accel(app, opts_get(opts, "accel"), err);
    if (rc == 0)
        rc = opts_get_bool(opts, "hpet", &hpet, err);
    if (rc == 0)
        rc = opts_get_bool(opts, "acpi", &acpi, err);
    if (rc == 0)
        rc = take_vmport(app, opts, err);
    for (unsigned n = 0; n < MACHINE_FLASH_CHIPS && rc == 0; n++)
        rc = take_flash(app, opts, n, err);
    if (rc == 0)
        rc = opts_get_size(opts, "max-ram-below-4g", MIB, UINT32_MAX, &app->low_ram, err);
    app->config.no_hpet = !hpet;
    app->config.no_acpi = !acpi;
    ignore_keys(opts);
    if (rc == 0)
        rc = opts_finish(opts, err);
    opts_free(opts);
    return rc;
}

/* ---- Memory, CPUs ---- */

static int take_memory(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-m", arg, "size", err);
    uint64_t size = 0;

    if (opts == NULL)
        return -EINVAL;
    const char *text = opts_get(opts, "size");
    int rc = text != NULL && parse_size(text, 'M', &size) == 0
                 ? 0
                 : fail(err, EINVAL, "-m %s: not a size (MiB, or with a suffix)", arg);
    if (rc == 0 && (size < MIB * 2 || size > MAX_RAM_SIZE || size % MIB != 0))
        rc = fail(err, ERANGE, "-m %s: not whole MiB between 2 and 1 TiB", arg);
    if (rc == 0)
        rc = opts_finish(opts, err);
    app->config.ram_size = size;
    opts_free(opts);
    return rc;
}

/*
 * How the CPUs are spread over sockets and cores is not shown to the guest, but their number
 * follows from it where nothing else says it.
 */
static int take_smp(struct app *app, const char *arg, GError **err)
{
    static const char *const shape[] = { "sockets", "cores", "threads", "dies" };
    struct opts *opts = opts_parse("-smp", arg, "cpus", err);
    uint64_t cpus = 0, max = 0, product = 1;

    if (opts == NULL)
        return -EINVAL;
    int rc = opts_get_uint(opts, "cpus", 1, MAX_CPUS, &cpus, err);
    if (rc == 0)
        rc = opts_get_uint(opts, "maxcpus", MAX(cpus, 1), MAX_CPUS, &max, err);
    for (unsigned i = 0; i < G_N_ELEMENTS(shape) && rc == 0; i++) {
        uint64_t n = 1;
        rc = opts_get_uint(opts, shape[i], 1, MAX_CPUS, &n, err);
        product *= n;
    }
    if (cpus == 0)
        cpus = max != 0 ? max : product;
    if (rc == 0 && cpus > MAX_CPUS)
        rc = fail(err, ERANGE, "-smp %s: at most %d CPUs are there", arg, MAX_CPUS);
    if (rc == 0)
        rc = opts_finish(opts, err);
    app->config.n_cpus = (unsigned)cpus;
    app->config.max_cpus = (unsigned)MAX(cpus, max);
    opts_free(opts);
    return rc;
}

/* The guest sees the host's CPU as far as the core lets it; other models are not made up. */
static int take_cpu(struct app *app, const char *arg, GError **err)
{
    if (g_str_has_prefix(arg, "host") || g_str_has_prefix(arg, "max"))
        return 0;
    return fail(err, EINVAL, "-cpu %s: only \"host\" (the same as \"max\") is there", arg);
}

/* ---- Firmware, kernel, boot ---- */

static int take_bios(struct app *app, const char *arg, GError **err)
{
    app->config.bios = app_keep(app, arg);
    return 0;
}

static int take_kernel(struct app *app, const char *arg, GError **err)
{
    app->config.kernel = app_keep(app, arg);
    return 0;
}

static int take_initrd(struct app *app, const char *arg, GError **err)
{
    app->config.initrd = app_keep(app, arg);
    return 0;
}

static int take_append(struct app *app, const char *arg, GError **err)
{
    app->config.append = app_keep(app, arg);
    return 0;
}

static int take_boot(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-boot", arg, "order", err);

    if (opts == NULL)
        return -EINVAL;
    const char *order = opts_get(opts, "order");
    if (order != NULL)
        app->config.boot_order = app_keep(app, order);
    if (opts_get(opts, "once") != NULL)
        app->config.boot_once = app_keep(app, opts_get(opts, "once"));
    uint64_t wait = 0;
    int rc = opts_get_bool(opts, "menu", &app->config.boot_menu, err);
    if (rc == 0)
        rc = opts_get_uint(opts, "splash-time", 1, UINT16_MAX, &wait, err);
    app->config.boot_menu_wait_ms = (uint16_t)wait;
    opts_get(opts, "strict");
    if (rc == 0)
        rc = opts_finish(opts, err);
    opts_free(opts);
    return rc;
}

static int take_rtc(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-rtc", arg, "base", err);

    if (opts == NULL)
        return -EINVAL;
    const char *base = opts_get(opts, "base");
    if (base != NULL)
        app->config.rtc_base = app_keep(app, base);
    opts_get(opts, "clock"); /* host: the only one there is */
    opts_get(opts, "driftfix");
    int rc = opts_finish(opts, err);
    opts_free(opts);
    return rc;
}

/* ---- Names ---- */

static int take_name(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-name", arg, "guest", err);

    if (opts == NULL)
        return -EINVAL;
    if (opts_get(opts, "guest") != NULL)
        app->config.name = app_keep(app, opts_get(opts, "guest"));
    opts_get(opts, "process");
    opts_get(opts, "debug-threads");
    int rc = opts_finish(opts, err);
    opts_free(opts);
    return rc;
}

static int take_uuid(struct app *app, const char *arg, GError **err)
{
    unsigned at = 0;

    if (!g_uuid_string_is_valid(arg))
        return fail(err, EINVAL, "-uuid %s: not a UUID", arg);
    for (const char *p = arg; *p != '\0'; p += *p == '-' ? 1 : 2)
        if (*p != '-')
            app->config.uuid[at++] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 |
                                               g_ascii_xdigit_value(p[1]));
    return 0;
}

/* ---- Devices ---- */

static int print_device_help(const char *driver, GError **err)
{
    const struct device_kind *kind = device_kind_find(driver);

    if (kind == NULL)
        return fail(err, ENOENT, "-device %s: there is no such device (-device help lists them)",
                    driver);
    g_autofree char *text = device_kind_help(kind);
    fputs(text, stdout);
    return 1;
}

static int take_device(struct app *app, const char *arg, GError **err)
{
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        g_autofree char *text = device_kinds_help();
        fputs(text, stdout);
        return 1;
    }
    struct opts *opts = opts_parse("-device", arg, "driver", err);
    const char *driver = opts != NULL ? opts_require(opts, "driver", err) : NULL;
    int rc = driver != NULL ? 0 : -EINVAL;
    if (rc == 0 && opts_get(opts, "help") != NULL)
        rc = print_device_help(driver, err);
    if (rc == 0) {
        struct device_config *config = app_add_device(app, driver, opts_get(opts, "id"));
        const char *key, *value;
        while (opts_next(opts, &key, &value))
            device_config_add(config, key, value);
    }
    opts_free(opts);
    return rc;
}

/* QEMU's names of chips that we call otherwise, where toolstacks use them. */
static const char *our_name(const char *driver)
{
    return strcmp(driver, "piix3-ide-xen") == 0 ? "piix3-ide" : driver;
}

/*
 * DRIVER.PROPERTY=VALUE: an initial value for all devices of a kind, the board's own too. Those of
 * a kind that is not there concern nobody: XAPI sends them along for every machine.
 */
static int take_global(struct app *app, const char *arg, GError **err)
{
    const char *dot = strchr(arg, '.'), *equals = strchr(arg, '=');

    if (dot == NULL || equals == NULL || equals < dot)
        return fail(err, EINVAL, "-global %s: DRIVER.PROPERTY=VALUE is expected", arg);
    g_autofree char *driver = g_strndup(arg, (size_t)(dot - arg));
    g_autofree char *property = g_strndup(dot + 1, (size_t)(equals - dot - 1));
    struct device_config *config = device_config_new(our_name(driver), NULL);
    device_config_add(config, property, equals + 1);
    g_ptr_array_add(app->config.defaults, config);
    return 0;
}

/* ---- How it starts and stops ---- */

static int take_paused(struct app *app, const char *arg, GError **err)
{
    app->start_paused = true;
    return 0;
}

static int take_no_reboot(struct app *app, const char *arg, GError **err)
{
    app->config.no_reboot = true;
    return 0;
}

static int take_no_shutdown(struct app *app, const char *arg, GError **err)
{
    app->config.no_shutdown = true;
    return 0;
}

static int take_no_acpi(struct app *app, const char *arg, GError **err)
{
    app->config.no_acpi = true;
    return 0;
}

static int take_no_hpet(struct app *app, const char *arg, GError **err)
{
    app->config.no_hpet = true;
    return 0;
}

static int take_incoming(struct app *app, const char *arg, GError **err)
{
    app->incoming = g_strdup(arg);
    return 0;
}

static int take_dump_state(struct app *app, const char *arg, GError **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int rc = saved_state_print(arg, text, err);

    fputs(text->str, stdout);
    return rc < 0 ? rc : 1;
}

static int take_nodefaults(struct app *app, const char *arg, GError **err)
{
    app->nodefaults = true;
    return 0;
}

static int take_qtest(struct app *app, const char *arg, GError **err)
{
    app->qtest = app_keep(app, arg);
    app->accel = app->accel == ACCEL_DEFAULT ? ACCEL_QTEST : app->accel;
    return 0;
}

static int take_qtest_log(struct app *app, const char *arg, GError **err)
{
    app->qtest_log = app_keep(app, arg);
    return 0;
}

static int take_nothing(struct app *app, const char *arg, GError **err)
{
    return 0;
}

static int take_trace(struct app *app, const char *arg, GError **err)
{
    log_trace_enable(arg);
    log_set_level(LOG_INFO);
    return 0;
}

static const struct cli_option options[] = {
    { "accel", "kvm|xen|qtest|replay,file=FILE", take_accel,
      "what runs the guest's CPUs (default: kvm)", .host = true },
    { "machine", "TYPE[,KEY=VALUE...]", take_machine,
      "pc (default), xenfv or none; accel=, hpet=on|off, acpi=on|off, vmport=on|off|auto,\n"
      "pflash0= and pflash1=DRIVE: firmware in flash, and its variables" },
    { "M", "TYPE", take_machine, NULL },
    { "enable-kvm", NULL, take_enable_kvm, NULL, .host = true },
    { "cpu", "host", take_cpu, "the CPU the guest sees" },
    { "m", "SIZE", take_memory, "memory in MiB, or with a suffix (default: 128)" },
    { "smp", "N[,maxcpus=M]", take_smp, "CPUs, up to 16 (default: 1)" },
    { "bios", "FILE", take_bios, "firmware image, e.g. /usr/share/seabios/bios-256k.bin" },
    { "kernel", "FILE", take_kernel, "boot this Linux kernel directly" },
    { "initrd", "FILE", take_initrd, "its initial RAM disk" },
    { "append", "TEXT", take_append, "its command line" },
    { "boot", "[order=]LETTERS[,once=LETTERS][,menu=on[,splash-time=MS]]", take_boot,
      "boot order: a floppy, c disk, d CD-ROM, n network;\n"
      "once: the first time; menu: F12 asks within that time" },
    { "rtc", "base=utc|localtime|DATE", take_rtc, "what the guest's clock shows" },
    { "device", "DRIVER[,KEY=VALUE...]", take_device, "add a device; \"help\" lists them" },
    { "global", "DRIVER.PROPERTY=VALUE", take_global, "a property of all devices of a kind" },
    { "name", "NAME", take_name, "the guest's name, for people" },
    { "uuid", "UUID", take_uuid, "the guest's UUID" },
    { "S", NULL, take_paused, "do not start the CPUs until QMP \"cont\"", .host = true },
    { "incoming", "fd:N|file:PATH", take_incoming, "start from a saved state", .host = true },
    { "dump-state", "FILE", take_dump_state, "print a saved state for a person, and end",
      .host = true },
    { "no-reboot", NULL, take_no_reboot, "end when the guest reboots" },
    { "no-shutdown", NULL, take_no_shutdown, "do not end when the guest powers off" },
    { "no-acpi", NULL, take_no_acpi, "no ACPI tables and power management" },
    { "no-hpet", NULL, take_no_hpet, "no HPET" },
    { "qtest", "unix:PATH|stdio", take_qtest, "where the test for -accel qtest is", .host = true },
    { "qtest-log", "FILE", take_qtest_log, "write its lines there", .host = true },
    { "nodefaults", NULL, take_nodefaults, "no serial port, display or network unless asked for" },
    { "no-user-config", NULL, take_nothing, NULL },
    { "trace", "NAME", take_nothing, NULL, .host = true }, /* names of QEMU's own; ours: -d */
    { "d", "NAME[,NAME...]", take_trace, "trace these devices to stderr (\"all\": every one)",
      .host = true },
    {}
};

/* Ahead of all character devices: a test expects this connection before that of its monitor. */
static int connect_test(struct app *app, GError **err)
{
    if (app->qtest == NULL || app->accel != ACCEL_QTEST)
        return 0;
    app->qtest_chardev = chardev_create_short("-qtest", app->qtest, "qtest", err);
    return app->qtest_chardev != NULL ? 0 : -EINVAL;
}

static int prepare(struct app *app, GError **err)
{
    struct machine_config *c = &app->config;

    if (c->ram_size == 0)
        c->ram_size = DEFAULT_RAM_SIZE;
    if (c->kernel == NULL && (c->initrd != NULL || c->append != NULL))
        return fail(err, EINVAL, "-%s: makes no sense without -kernel",
                    c->initrd != NULL ? "initrd" : "append");
    c->optionrom = app_data_file(app, "linuxboot.bin");
    c->default_bios = app_data_file(app, "bios.bin");
    return connect_test(app, err);
}

static void cleanup(struct app *app)
{
    chardev_destroy(app->qtest_chardev);
}

const struct cli_topic cli_machine = {
    .title = "Machine",
    .options = options,
    .prepare = prepare,
    .cleanup = cleanup,
};
