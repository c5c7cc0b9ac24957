/*
 * Devices: one struct, one const table, one file (design rule 2).
 *
 * A chip's struct begins with a `struct device` (a PCI function's with a `struct pci_device`, which
 * begins with one). Its const `struct device_kind` names it and says what it has: properties,
 * outputs, saved state, reset. A device sees the world through `struct services` and the lines it
 * is connected to, and nothing else.
 *
 * Life: device_new() -> device_set_property() and device_connect() -> device_realize() (create and
 * reset) -> accesses -> device_destroy(). All with the machine lock held.
 */
#ifndef HW_CORE_DEVICE_H
#define HW_CORE_DEVICE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "base/log.h"
#include "hw/core/irq.h"

struct bus;
struct clock;
struct device;
struct memmap;
struct pci_bus;
struct pci_info;
struct state_field;

/* ---- What a device is given ---- */

enum power_event {
    POWER_RESET,   /* the whole machine, at the next instruction boundary */
    POWER_OFF,     /* S5 */
    POWER_SUSPEND, /* S3 */
    POWER_WAKE,    /* out of S3 */
};

/*
 * General registers of a CPU, their low halves. A guest and VMware's kind of device talk by them:
 * all carry more than the one access does.
 */
struct cpu_registers {
    uint32_t eax, ebx, ecx, edx, esi, edi;
};

/*
 * The services of the machine, shared by its devices and const to them. Any call may be made from
 * any handler. power() returns at once; the machine acts when the running access is done.
 */
struct services {
    struct bus *bus;
    struct memmap *mem; /* guest memory: hw/core/dma.h */
    struct clock *clock;
    struct pci_bus *pci; /* NULL on a machine without PCI */
    void *opaque;        /* the machine, for the calls below */
    void (*power)(void *opaque, enum power_event event);
    /* A disk failed and its user wants the machine to stop rather than the guest to see it. */
    void (*io_error)(void *opaque);
    /* A message-signalled interrupt: a write of data to addr in the LAPIC's range. */
    void (*msi)(void *opaque, uint64_t addr, uint32_t data);
    /*
     * The registers of the CPU whose access is being answered, and what they are after it; EAX is
     * not written, since a read's answer is there. Both NULL: this hypervisor doesn't show them.
     */
    void (*get_registers)(void *opaque, struct cpu_registers *regs);
    void (*set_registers)(void *opaque, const struct cpu_registers *regs);
    /*
     * The host service of this kind ("drive", "netdev", "chardev", "console") and name, for a
     * property of type PROP_HOST. NULL and an error: there is none, or it is taken.
     */
    void *(*resolve)(void *opaque, struct device *dev, const char *kind, const char *name,
                     GError **err);
};

/* ---- What a device is ---- */

enum property_type { PROP_BOOL, PROP_UINT, PROP_SIZE, PROP_STRING, PROP_HOST };

/*
 * A property, set as text before realize (`-device kind,name=value`). `type` says how the text is
 * read and what the field is: bool; an unsigned integer of `size` bytes; a size in bytes with an
 * optional suffix k, M or G; a char * owned by the device core; or a void * from resolve().
 * Tables end with an entry without a name.
 */
struct property {
    const char *name;
    enum property_type type;
    uint8_t size; /* of the field */
    uint32_t field;
    const char *initial; /* NULL: zero */
    uint64_t min, max;   /* for PROP_UINT and PROP_SIZE; max 0: what the field holds */
    const char *host;    /* for PROP_HOST: the kind of service */
    const char *help;    /* for -device KIND,help */
};

#define PROPERTY(prop_name, prop_type, chip, member, ...)                              \
    {                                                                                  \
        .name = (prop_name), .type = (prop_type), .size = sizeof(((chip *)0)->member), \
        .field = offsetof(chip, member), __VA_ARGS__                                   \
    }

/* What all kinds on one kind of bus have in common, called around the kind's own functions. */
struct device_base {
    const char *name;
    const struct property *properties;
    const struct state_field *state;
    int (*create)(struct device *dev, GError **err);
    void (*reset)(struct device *dev);
    int (*post_load)(struct device *dev, GError **err);
    void (*destroy)(struct device *dev);
};

struct device_kind {
    const char *name;               /* "e1000": the name for -device, traces and saved state */
    const char *desc;               /* one line for a person */
    size_t size;                    /* of the chip's struct */
    bool user;                      /* may be given by -device; else only the machine makes it */
    const struct device_base *base; /* NULL: none */
    const struct pci_info *pci;     /* for kinds whose base is pci_device_base */
    const struct property *properties;
    const struct state_field *state; /* hw/core/state.h; ends with an entry without a name */
    uint16_t state_version;          /* from 1; raised when the table grows */
    unsigned n_lines;                /* interrupt outputs, at most DEVICE_MAX_LINES */
    /* ISA cards: the interrupt that an output is jumpered to. NULL: the board wires the chip. */
    unsigned (*isa_irq)(const struct device *dev, unsigned output);
    /* Maps regions, attaches host services. 0 or -errno with a sentence. Reset comes after. */
    int (*create)(struct device *dev, GError **err);
    /* Back to the datasheet's reset values. Also lowers the outputs. */
    void (*reset)(struct device *dev);
    /* Brings what is in flight to its end, so that the state is complete; may block. */
    void (*drain)(struct device *dev);
    /* Brings derived state in line with what was loaded, and refuses what cannot be. */
    int (*post_load)(struct device *dev, GError **err);
    /* Undoes create, in reverse. Also called when create failed half way: check what is there. */
    void (*destroy)(struct device *dev);
};

#define DEVICE_MAX_LINES 32

struct device {
    const struct device_kind *kind;
    const struct services *services;
    char *id; /* unique in its machine: the -device id, or the kind's name with a number */
    struct irq_line line[DEVICE_MAX_LINES];
    bool realized;
    uint64_t guest_faults;
    struct log_limit fault_limit;
    struct log_topic trace;
};

/* A device with its properties' initial values. The caller owns it. services outlives it. */
struct device *device_new(const struct device_kind *kind, const char *id,
                          const struct services *services);
void device_destroy(struct device *dev); /* also of one that was not realized; NULL is fine */

/* -ENOENT: no such property; -EINVAL, -ERANGE: bad value. The sentence names kind and property. */
int device_set_property(struct device *dev, const char *name, const char *value, GError **err);

/* Connects output n (from 0); before or after realize. */
void device_connect(struct device *dev, unsigned n, struct irq_line line);

int device_realize(struct device *dev, GError **err);
void device_reset(struct device *dev);

/*
 * The guest did what the hardware forbids or leaves undefined. Counts it, and writes a line while
 * the device's limit allows. The device then does what silicon does.
 */
void guest_fault(struct device *dev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
