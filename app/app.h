/*
 * The process: from a command line to a running machine and back.
 *
 * Options are grouped by topic (machine, character devices, disks, ...). A topic's file holds its
 * table of options, keeps what they said, creates its host services before the machine and
 * connects what needs the machine after it. The order of topics is the order of bring-up;
 * teardown walks it backwards.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <sys/types.h>
#include <glib.h>

#include "hw/machine/machine.h"
#include "ui/input.h" // struct pointer_event

struct app;
struct block_drive;
struct chardev;
struct core;
struct console;
struct sdl;
struct sdl_ops;
struct qmp;
struct replay;
struct xs_handle;

/* One option. */
struct cli_option {
    const char *name; /* without its dash */
    const char *arg;  /* how its argument is called in --help; NULL: it has none */
    /* Checks and keeps the argument (NULL where there is none); nothing is started yet. */
    int (*take)(struct app *app, const char *arg, GError **err);
    const char *help; /* NULL: accepted for compatibility, not listed */
    bool host;        /* about the process and not the machine: a recording is without it */
};

struct cli_topic {
    const char *title;
    const struct cli_option *options; /* ends with an entry without a name */
    /* All options were taken: check them together, create host services, add devices. May be NULL.
     */
    int (*prepare)(struct app *app, GError **err);
    /* The machine was created and does not run yet. May be NULL. */
    int (*connect)(struct app *app, GError **err);
    /* The machine was destroyed, or never came to be. May be NULL. */
    void (*cleanup)(struct app *app);
};

extern const struct cli_topic cli_record, cli_machine, cli_char, cli_disk, cli_qmp, cli_object,
    cli_display, cli_net, cli_xen, cli_process;

/* By default: for a device model that gives up its rights on other domains. */
enum app_sandbox { SANDBOX_DEFAULT, SANDBOX_OFF, SANDBOX_ON };

enum app_accel { ACCEL_DEFAULT, ACCEL_KVM, ACCEL_XEN, ACCEL_QTEST, ACCEL_REPLAY };

struct app {
    int argc;
    char **argv;
    struct machine_config config;
    struct core *core; /* until the machine takes it over */
    struct machine *machine;
    int status; /* what the process exits with */

    /* machine topic */
    enum app_accel accel;
    bool start_paused, nodefaults, nographic;
    char *incoming;
    const char *qtest, *qtest_log;
    struct chardev *qtest_chardev; /* until the core takes it over */
    GPtrArray *owned;              /* strings that config borrows */

    const char *record;    /* the file; NULL: nothing is recorded */
    struct replay *replay; /* -accel replay; NULL: another core */

    struct input *input; /* keys and movements, from every viewer to the keyboard and mouse */
    struct input_source *qmp_source;  /* holds what QMP's input-send-event holds down, ... */
    struct pointer_event qmp_pointer; /* ... where it left the pointer, and its buttons */

    /* display */
    struct console *console;
    const char *vga; /* -device name of the card that nobody named by -device; NULL: none */
    const char *keymap;
    GPtrArray *vnc_args;           /* of each -vnc */
    GPtrArray *vnc_servers;        /* struct vnc_server */
    const struct sdl_ops *sdl_ops; /* once there is a window */
    struct sdl *sdl;
    bool vga_chosen, sdl_wanted, sdl_full_screen;

    /* objects */
    GPtrArray *tls_opts;   /* struct opts of each -object tls-creds-... */
    GHashTable *tls_creds; /* id -> struct vnc_tls_creds */

    /* monitors */
    struct qmp *qmp;
    GPtrArray *monitors; /* struct opts of each -mon and -qmp */

    /* character devices */
    GHashTable *chardevs;    /* id -> struct chardev */
    GPtrArray *chardev_opts; /* struct opts of each -chardev */
    GPtrArray *serials;      /* -serial arguments, in order */
    GPtrArray *parallels;
    GPtrArray *debugcons;

    /* disks */
    GPtrArray *drive_opts, *blockdev_opts; /* struct opts of each -drive and the like, -blockdev */
    GPtrArray *drives;                     /* struct block_drive, owned: app/disks.h */
    GPtrArray *nodes;                      /* images that -blockdev has named: app/disks.c */
    bool snapshot_all;

    /* network */
    struct netdevs *netdevs;
    GPtrArray *netdev_opts, *nic_opts, *dump_opts; /* struct opts of each -netdev, -nic, -object */
    GPtrArray *captures;                           /* struct pcap */
    bool net_chosen;                               /* so there is none by default */

    /* Xen */
    int xen_domid;    /* -1: none */
    uint64_t low_ram; /* -machine max-ram-below-4g=; 0: not given */
    bool xen_restrict;
    struct xs_handle *xenstore; /* NULL: not under Xen */
    bool pv_disk_missing;       /* a disk of the guest has no PV back end */

    /* process */
    const char *pidfile, *chroot;
    enum app_sandbox sandbox;
    bool sandbox_spawn; /* programs may be started inside it */
    int pidfile_fd;     /* -1: not written */
    bool daemonize;
    int daemon_fd; /* tells the waiting parent that all is well */
    bool run_as;   /* run_uid and run_gid are given */
    uid_t run_uid;
    gid_t run_gid;
};

/* A copy of s that lives as long as the app. */
const char *app_keep(struct app *app, const char *s);
/* The drive that is flash chip n's content. -EEXIST and a sentence: it has one. */
int app_set_flash(struct app *app, unsigned n, const char *drive, GError **err);
/* Adds a device as if by -device; the caller may add properties to what is returned. */
struct device_config *app_add_device(struct app *app, const char *driver, const char *id);
/*
 * Takes the images of all drives over from another process, or leaves them to one, until a
 * machine's next start. As block_activate() and block_inactivate(); app: a struct app.
 */
int app_activate_drives(void *app, GError **err);
int app_inactivate_drives(void *app, GError **err);
/* Where installed data (firmware) lies, or the build tree's when run from there. Kept. */
const char *app_data_file(struct app *app, const char *name);
/* The same for modules, which are loaded when they are wanted. */
const char *app_module_file(struct app *app, const char *name);
/* The machine's state changed: the window's title says so. */
void app_show_state(struct app *app);

/*
 * -daemonize: the caller goes on in a child, before there are threads; the parent waits until the
 * machine runs, and ends with 0 then and 1 otherwise.
 */
int app_daemonize(struct app *app, GError **err);

/* The core of -accel xen; NULL and a sentence. Only where it is compiled in. */
struct core *app_create_xen(struct app *app, GError **err);
/* For struct machine_host. Only where it is compiled in. */
bool app_pv_drivers_allowed(void *app, unsigned product, unsigned build);

/*
 * Takes the whole command line. 0; -errno and a sentence; or 1: it asked for something that was
 * printed (help, version), and there is nothing to run.
 */
int cli_parse(struct app *app, int argc, char **argv, GError **err);

/* Calls fn for every option there is, in the order of --help. */
void cli_for_each_option(void (*fn)(const struct cli_option *option, void *opaque), void *opaque);

/* Adds those arguments that make the machine what it is; strings are borrowed. */
void cli_machine_options(int argc, char **argv, GPtrArray *strings);

/* ---- Recordings ---- */

/* Takes the options that the recorded machine was made of. 0, or -errno and a sentence. */
int app_open_recording(struct app *app, const char *path, GError **err);
/* Plays it on the main loop, which ends when it is over; and says how it went: the exit status. */
void app_start_replay(struct app *app);
int app_end_replay(struct app *app);

/* ---- Topics ---- */

/* Runs every topic's function in order; stops at the first failure. */
int cli_prepare(struct app *app, GError **err);
int cli_connect(struct app *app, GError **err);
void cli_cleanup(struct app *app);

#endif
