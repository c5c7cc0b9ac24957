/*
 * What every hypervisor core offers: the narrow contract between the machine and whatever runs
 * the guest's CPUs.
 *
 * A core turns the guest's accesses into ioreqs and hands them to ioreq_dispatch(); the machine
 * tells it of memory, interrupts and shutdown through this table. The machine creates only the
 * chips that the core does not emulate itself (`chips`). The cores: kvm.c, xen.c, qtest.c and
 * replay.c.
 */
#ifndef IOREQ_CORE_H
#define IOREQ_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "hw/core/bus.h"
#include "hw/core/memmap.h"
#include "hw/core/pci.h"
#include "ioreq/dispatch.h"

/* Chips that a core may emulate itself. */
enum core_chips {
    CORE_HAS_PIC = 1 << 0, /* the 8259 pair and ELCR */
    CORE_HAS_IOAPIC = 1 << 1,
    CORE_HAS_PIT = 1 << 2, /* the 8254 and port 0x61 */
    CORE_HAS_RTC = 1 << 3, /* MC146818 and CMOS RAM */
    CORE_HAS_HPET = 1 << 4,
    CORE_HAS_PM_TIMER = 1 << 5,  /* the ACPI PM1a event block and timer */
    CORE_HAS_CPUS = 1 << 6,      /* it runs guest code: without it there is nothing to boot */
    CORE_HAS_RAM = 1 << 7,       /* guest RAM is the core's; the machine allocates none */
    CORE_HAS_FIRMWARE = 1 << 8,  /* the toolstack loads the BIOS */
    CORE_HAS_REGISTERS = 1 << 9, /* no chip: get_registers() and set_registers() are there */
};

enum core_shutdown {
    CORE_SHUTDOWN_OFF,
    CORE_SHUTDOWN_RESET,
    CORE_SHUTDOWN_SUSPEND,
    CORE_SHUTDOWN_CRASH
};

/* What the core tells the machine, called with the machine lock held. */
struct core_events {
    void *opaque;
    /* The guest's CPUs can't go on: a triple fault resets the machine; else it is an error. */
    void (*triple_fault)(void *opaque);
    void (*failed)(void *opaque, const char *why);
    /* A line of the board is driven from outside, as one more source of it (GSI 0 to 23). */
    void (*drive_gsi)(void *opaque, unsigned gsi, bool level);
};

struct clock;
struct core;

/*
 * NULL is "nothing to do" for every function that has no comment of its own. All are called with
 * the machine lock held, on any thread, unless said otherwise.
 */
struct core_ops {
    const char *name;
    unsigned chips;     /* enum core_chips */
    bool virtual_time;  /* time moves only when the core steps the clock */
    struct mem_ops mem; /* opaque: the core */
    /* For a core that must claim what the bus maps (Xen's ioreq ranges). */
    struct bus_listener bus; /* opaque is filled in by the machine */
    void (*pci_function)(struct core *core, const struct pci_device *pci, bool present);

    /* CPUs are created and start at their reset state, paused. Main thread. */
    int (*create_cpus)(struct core *core, GError **err);
    /* Lets the CPUs run, and stops them: after pause() no access arrives until resume(). Main
     * thread. */
    void (*resume)(struct core *core);
    void (*pause)(struct core *core);
    /* CPUs and own chips to their reset state. They are paused. Main thread. */
    void (*reset)(struct core *core);

    /* Levels of the lines into the core's own PIC (0 to 15) and IOAPIC (0 to 23; 0 is pin 2). */
    void (*gsi)(struct core *core, unsigned gsi, bool level);
    /*
     * Xen routes PCI pins itself: by slot and pin, and by the PIIX3's link registers. Cores that
     * leave pci_intx NULL get the routed line by gsi().
     */
    void (*pci_intx)(struct core *core, unsigned slot, unsigned pin, bool level);
    void (*pci_link)(struct core *core, unsigned link, unsigned irq); /* irq 0: disabled */
    void (*msi)(struct core *core, uint64_t addr, uint32_t data);
    void (*nmi)(struct core *core);
    /* The HPET took over the PIT's interrupt, or gave it back. */
    void (*hpet_legacy)(struct core *core, bool on);

    /*
     * General registers of the CPU whose request is being dispatched; only within a dispatch. Of
     * what is set, EAX is left out, and the upper halves of registers that stay as they were.
     */
    void (*get_registers)(struct core *core, struct cpu_registers *regs);
    void (*set_registers)(struct core *core, const struct cpu_registers *regs);

    /* The guest may not write to these pages of its memory, or may again. */
    void (*protect)(struct core *core, uint64_t gpa, uint64_t size, bool on);
    /* Told before the ioreq that caused it is answered. */
    void (*shutdown)(struct core *core, enum core_shutdown why);
    /*
     * State of the core's own chips and CPUs, in the stream of hw/core/state.h: sections whose ids
     * begin with "core.". Paused. 0 or -errno and a sentence. NULL: it has none, or keeps it
     * itself.
     */
    int (*save)(struct core *core, GByteArray *out, GError **err);
    int (*load)(struct core *core, const GArray *sections, GError **err);
    void (*destroy)(struct core *core);
};

/* The head of every core's struct. */
struct core {
    const struct core_ops *ops;
    struct dispatch *dispatch; /* set by the machine before create_cpus(), like what follows */
    struct clock *clock;
    struct core_events events;
    unsigned n_cpus;
    /* The machine has something to do before the CPUs go on: none enters guest code until resume().
     */
    bool hold;
};

#endif
