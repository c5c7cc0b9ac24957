/* The machine's insides, for the files of this room only. */
#ifndef HW_MACHINE_BOARD_H
#define HW_MACHINE_BOARD_H

#include "base/journal.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/memmap.h"
#include "hw/core/pci.h"
#include "hw/machine/gsi.h"
#include "hw/machine/kernel.h"
#include "hw/machine/machine.h"
#include "ioreq/core.h"

#define GIB (UINT64_C(1) << 30)

struct machine {
    struct services services;
    struct dispatch dispatch;
    struct core *core;
    struct machine_host host;
    struct journal_source journal;
    enum machine_state state;
    unsigned power_pending; /* a bit per enum power_event */
    bool power_scheduled;
    bool no_reboot, no_shutdown;
    uint16_t boot_order; /* from the second boot on; the CMOS' codes, the first one lowest */

    GPtrArray *devices;        /* struct device *, in order of creation, owned */
    const GPtrArray *defaults; /* struct machine_config's, borrowed while the board is made */
    struct gsi_router *gsis;
    struct irq_line outside[N_GSIS]; /* what machine_drive_gsi() drives */
    void (*gsi_watch)(void *opaque, unsigned gsi, bool level);
    void *gsi_watch_opaque;

    /* See machine_tell_later(). */
    unsigned to_tell; /* a bit per enum machine_event */
    int64_t to_tell_detail[MACHINE_N_EVENTS];
    guint telling; /* GLib source; 0: none */

    /* the chips that the wiring and the buttons need; NULL: the core's, or not there */
    struct device *i440fx, *piix3, *pic, *ioapic, *pit, *rtc, *pm, *hpet, *dma, *fdc, *fw_cfg,
        *hotplug, *platform, *flash[MACHINE_FLASH_CHIPS];
    struct irq_line rtc_irq; /* masked while the HPET stands in for it */

    uint8_t *ram; /* all of it; the core's own: NULL */
    uint64_t ram_size, ram_below_4g;
    struct mem_block low, middle, high; /* 0 to 640 KiB, 1 MiB to the hole, from 4 GiB */
    struct kernel_image kernel;         /* direct boot; fw_cfg shows it */
    uint8_t *bios;
    struct mem_block bios_block; /* at the top of the first 4 GiB */
};

/*
 * A file is part of the machine: a replay with another one says so at once. which: 0 the firmware,
 * else the item of fw_cfg.
 */
void machine_journal_file(const struct machine *m, unsigned which, const void *data, size_t size);

/* ---- machine.c: running it ---- */

/* What is done to the machine as a whole; the values are the recording's. */
enum machine_control {
    MACHINE_CONTROL_RESUME = 1,
    MACHINE_CONTROL_PAUSE,
    MACHINE_CONTROL_RESET,
    MACHINE_CONTROL_WAKE,
    MACHINE_CONTROL_BUTTON,
    MACHINE_CONTROL_NMI,
    MACHINE_CONTROL_TRIPLE_FAULT,
    MACHINE_CONTROL_POWER, /* what the guest asked for is done */
};

/* As journal_begin() and journal_end(). */
bool machine_begin(const struct machine *m, enum machine_control what, uint64_t argument);
void machine_end(const struct machine *m);

/* The CPUs and the clock they live by; what the machine's state says is the caller's. */
void machine_cpus_go(struct machine *m);
void machine_cpus_stop(struct machine *m);

/* Tells the host, if it listens; arguments as of struct machine_host's event. */
void machine_tell(struct machine *m, enum machine_event event, bool by_guest, int64_t detail);
/*
 * Tells the host of what the guest may do in small steps, or without an end: only what came of it,
 * ten times a second at most.
 */
void machine_tell_later(struct machine *m, enum machine_event event, int64_t detail);

/* ---- power.c: reset, power, sleep ---- */

/* The service for devices; also from a CPU's thread. opaque: the machine, here and below. */
void machine_request_power(void *opaque, enum power_event event);
/* Does what was asked for; on the main loop, after the access that asked for it. */
void machine_handle_power(void *opaque);
/* S3, at once. */
void machine_suspend(struct machine *m);
/* For struct core_events: a CPU shut down. */
void machine_triple_fault(void *opaque);

/* ---- pc.c and its parts: wiring it ---- */

/* Creates and wires the chips; machine_destroy() undoes what was done so far. */
int pc_create(struct machine *m, const struct machine_config *config, GError **err);

/*
 * Makes, configures and realizes one device; NULL and a sentence when it can't be. properties:
 * names and values in turn, ended by NULL; or NULL.
 */
struct device *machine_add(struct machine *m, const struct device_kind *kind, const char *id,
                           const char *const *properties, GError **err);
/* The same for one that device_new() made; it is the machine's from now on, also on failure. */
struct device *machine_adopt(struct machine *m, struct device *dev, const char *const *properties,
                             GError **err);
/* One of the user's devices, of any kind that -device may name, wired as the board has it. */
struct device *machine_plug(struct machine *m, const struct device_config *config, GError **err);

/*
 * xenfv.c: what a PC has under Xen: the hot-plug registers of hvmloader's ACPI tables; on the board
 * of -machine xenfv the platform device too.
 */
int xenfv_create(struct machine *m, const struct machine_config *config, GError **err);
/* A device that the user plugged in: the board serves one platform device, as XAPI asks for it. */
int xenfv_plugged(struct machine *m, struct device *dev, GError **err);

/* firmware.c: what fw_cfg and the CMOS tell the firmware of the finished machine. */
int firmware_tell(struct machine *m, const struct machine_config *config, GError **err);
/* After a reset: the order of -boot once= was for the first boot only. */
void firmware_boot_again(struct machine *m);

#endif
