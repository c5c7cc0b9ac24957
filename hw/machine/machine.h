/*
 * The machine: an i440FX/PIIX3 PC put together from its chips, on whatever core runs its CPUs.
 *
 * machine_create() makes the chips and wires them (pc.c); this room's machine.c runs it: start,
 * pause, reset, power, saved state. Everything here is called with the machine lock held, on the
 * main thread unless said otherwise.
 */
#ifndef HW_MACHINE_MACHINE_H
#define HW_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "hw/core/device.h"

struct core;
struct dispatch;
struct machine;

/* ---- What it is made of ---- */

/* One device of the user's: `-device DRIVER,id=ID,NAME=VALUE,...` */
struct device_config {
    char *driver;
    char *id;              /* NULL: made from the driver's name */
    GPtrArray *properties; /* char *, name and value in turn */
};

struct device_config *device_config_new(const char *driver, const char *id);
void device_config_add(struct device_config *config, const char *name, const char *value);
void device_config_free(struct device_config *config);

enum machine_board {
    MACHINE_NONE, /* no chips at all: for a toolstack that only asks questions */
    MACHINE_PC,
    MACHINE_XENFV, /* a PC with Xen's platform device in slot 2 */
};

/* The absolute pointer (hw/input/vmmouse.h). AUTO: where CPUs run whose registers are shown. */
enum machine_vmport { MACHINE_VMPORT_AUTO, MACHINE_VMPORT_ON, MACHINE_VMPORT_OFF };

/* All strings are borrowed for the time of machine_create(). */
#define MACHINE_FLASH_CHIPS 2

struct machine_config {
    enum machine_board board;
    uint64_t ram_size; /* bytes, a multiple of 1 MiB */
    unsigned n_cpus, max_cpus;
    const char *name; /* for people; NULL: none */
    uint8_t uuid[16]; /* all zeroes: none */
    const char *bios; /* path of the firmware image; NULL: the flash chips, or default_bios */
    const char *default_bios; /* NULL: no firmware is mapped */
    const char
        *flash[MACHINE_FLASH_CHIPS]; /* names of drives; the first ends at 4 GiB; NULL: none */
    const char *boot_order;          /* letters of a, c, d, n; NULL: "cad" */
    const char *boot_once;           /* the same for the first boot; NULL: as boot_order */
    bool boot_menu;
    uint16_t boot_menu_wait_ms;           /* 0: as long as the firmware likes */
    const char *kernel, *initrd, *append; /* direct kernel boot; NULL: none */
    const char *optionrom;                /* path of the direct-boot option ROM */
    const char *rtc_base;                 /* "utc", "localtime" or a date; NULL: "utc" */
    bool no_reboot, no_shutdown;
    bool no_hpet, no_acpi;
    enum machine_vmport vmport;
    GPtrArray *devices; /* struct device_config *, in the order of the command line */
    /* Initial values for all devices of a kind, its name in place of a driver's; or NULL. */
    GPtrArray *defaults; /* struct device_config * */
};

/* ---- What it tells ---- */

enum machine_state {
    MACHINE_PRELAUNCH, /* created, never started */
    MACHINE_INMIGRATE, /* waiting for a state to be loaded */
    MACHINE_RUNNING,
    MACHINE_PAUSED,
    MACHINE_SUSPENDED,      /* S3 */
    MACHINE_SHUTDOWN,       /* the guest switched itself off */
    MACHINE_INTERNAL_ERROR, /* the core can't go on */
    MACHINE_IO_ERROR,       /* stopped by werror=stop or enospc */
};

/* QMP's word: "prelaunch", "running", ... */
const char *machine_state_name(enum machine_state state);

enum machine_event {
    MACHINE_EVENT_STOP,
    MACHINE_EVENT_RESUME,
    MACHINE_EVENT_RESET,     /* by the guest or by machine_reset() */
    MACHINE_EVENT_SHUTDOWN,  /* the guest switched itself off; the process may go on */
    MACHINE_EVENT_POWERDOWN, /* the power button was pressed */
    MACHINE_EVENT_SUSPEND,
    MACHINE_EVENT_WAKEUP,
    MACHINE_EVENT_RTC_CHANGE, /* detail: seconds that the guest's clock is ahead of -rtc base= */
    MACHINE_EVENT_PV_DRIVERS, /* detail: product << 32 | build of the guest's Xen drivers */
    MACHINE_N_EVENTS,
};

/* What the machine needs of its surroundings. */
struct machine_host {
    void *opaque;
    /* As struct services.resolve, for drives, netdevs, chardevs and consoles. */
    void *(*resolve)(void *opaque, struct device *dev, const char *kind, const char *name,
                     GError **err);
    /*
     * The machine is about to run: what another process may have had of it (images, while a machine
     * migrates) is its own from now on. 0, or -errno and a sentence: then it does not run. May be
     * NULL.
     */
    int (*take_over)(void *opaque, GError **err);
    /* Whether a guest's Xen drivers may take over, as struct xen_platform_host. NULL: they may. */
    bool (*pv_drivers_allowed)(void *opaque, unsigned product, unsigned build);
    /* by_guest: for RESET and SHUTDOWN. May be NULL. */
    void (*event)(void *opaque, enum machine_event event, bool by_guest, int64_t detail);
};

/* ---- Life ---- */

/*
 * core is taken over, also on failure. 0 and a machine in MACHINE_PRELAUNCH, or -errno and a
 * sentence; nothing has started then.
 */
int machine_create(const struct machine_config *config, struct core *core,
                   const struct machine_host *host, struct machine **out, GError **err);
void machine_destroy(struct machine *m);

/* Lets the CPUs run. -EBUSY and a sentence: it was switched off, has failed or waits for a state.
 */
int machine_resume(struct machine *m, GError **err);
/*
 * Stops the CPUs and the clock; state is what query-status shows then. No-op unless running. A
 * guest that has just switched itself off is off after it.
 */
void machine_pause(struct machine *m, enum machine_state state);
enum machine_state machine_get_state(const struct machine *m);
/*
 * Until a state was loaded machine_resume() is refused. It ends in MACHINE_PAUSED, or in
 * MACHINE_SUSPENDED if the machine was saved so, from which machine_resume() wakes it.
 */
void machine_set_inmigrate(struct machine *m, bool on);

void machine_reset(struct machine *m);        /* the reset button */
void machine_power_button(struct machine *m); /* asks the guest's ACPI to shut down */
void machine_wakeup(struct machine *m);       /* out of S3; no-op otherwise */
void machine_nmi(struct machine *m);

/* The whole machine's state but for its memory; paused. The caller owns the array. NULL and a
 * sentence: the core's can't be had. */
GByteArray *machine_save(struct machine *m, GError **err);
/* Into a machine just created like the saved one. On error it must not be started. */
int machine_load(struct machine *m, const uint8_t *data, size_t size, GError **err);

/* A stretch of memory that belongs to a saved state. */
struct machine_memory {
    char *name; /* "ram", "vga.bar0" */
    uint8_t *host;
    uint64_t size; /* whole pages */
};

/* All of them, in an order that like machines share; none where the core keeps the memory. */
GArray *machine_get_memory(const struct machine *m);

/* Whether a CPU is plugged in, and plugging it in. The sentence says why not. */
bool machine_has_cpu(const struct machine *m, unsigned cpu);
int machine_add_cpu(struct machine *m, unsigned cpu, GError **err);

/* What the guest's Xen drivers said they are. False: there are none. */
bool machine_pv_drivers(const struct machine *m, unsigned *product, unsigned *build);

/* ---- Looking at it ---- */

struct core *machine_core(const struct machine *m);
struct dispatch *machine_dispatch(const struct machine *m);
const struct services *machine_services(const struct machine *m);
/* For a core's own interrupt acknowledge and for tests; NULL: the core has it. */
struct device *machine_pic(const struct machine *m);
struct device *machine_find_device(const struct machine *m, const char *id); /* NULL: none */
/* Calls fn for every device in the order of creation. */
void machine_for_each_device(const struct machine *m, void (*fn)(struct device *dev, void *opaque),
                             void *opaque);
/*
 * A level of one of the board's interrupt lines (GSI 0 to 23) changed; for irq_intercept.
 * NULL: nobody watches.
 */
void machine_watch_gsi(struct machine *m, void (*fn)(void *opaque, unsigned gsi, bool level),
                       void *opaque);
/* Drives a GSI from outside, as one more source of it. */
void machine_drive_gsi(struct machine *m, unsigned gsi, bool level);

#endif
