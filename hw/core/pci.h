/*
 * PCI (PCI Local Bus Specification 2.1): one bus of type 0 functions, as on i440FX machines.
 *
 * A PCI function's struct begins with a struct pci_device, its kind's base is &pci_device_base
 * and its kind's pci is a const struct pci_info. Its create() declares BARs; where they are
 * mapped follows the guest's writes to the BARs and the command register.
 */
#ifndef HW_CORE_PCI_H
#define HW_CORE_PCI_H

#include "hw/core/bus.h"
#include "hw/core/device.h"
#include "hw/core/memmap.h"

/* Configuration registers, by the names of the specification. */
enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION_ID = 0x08,
    PCI_CLASS_CODE = 0x09,
    PCI_CACHE_LINE_SIZE = 0x0c,
    PCI_LATENCY_TIMER = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR_ID = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_ROM_ADDRESS = 0x30,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
};

#define PCI_COMMAND_IO           0x0001
#define PCI_COMMAND_MEMORY       0x0002
#define PCI_COMMAND_MASTER       0x0004
#define PCI_COMMAND_INTX_DISABLE 0x0400
#define PCI_STATUS_INTERRUPT     0x0008
#define PCI_ROM_ENABLE           0x00000001

#define PCI_CONFIG_SIZE           256
#define PCI_DEVFN(slot, function) ((uint8_t)((slot) << 3 | (function)))
#define PCI_SLOT(devfn)           ((devfn) >> 3)
#define PCI_FUNCTION(devfn)       ((devfn)&7)

#define PCI_N_BARS  7 /* six and the expansion ROM */
#define PCI_ROM_BAR 6

struct pci_device;

/* What is hard-wired in a function's header. */
struct pci_info {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    uint8_t revision;
    uint8_t interrupt_pin; /* 0 none, 1 INTA# .. 4 INTD# */
    bool multifunction;    /* other functions may follow in the slot */
    /* After the guest wrote size bytes at offset; the bytes are in config already. May be NULL. */
    void (*config_written)(struct pci_device *pci, unsigned offset, unsigned size);
};

enum pci_bar_type {
    PCI_BAR_IO,
    PCI_BAR_MEM,            /* 32 bits */
    PCI_BAR_MEM_PREFETCH,   /* 32 bits, prefetchable */
    PCI_BAR_MEM64_PREFETCH, /* takes two BARs */
};

/* A BAR shows a region of registers, or a block of memory, or both at one address. */
struct pci_bar {
    enum pci_bar_type type;
    uint64_t size; /* a power of two; 0: not there */
    struct region *region;
    struct mem_block *block;
    uint64_t at; /* where it is mapped now; PCI_UNMAPPED: nowhere */
    /* After the mapping changed: bar->at is new. For a core that must move memory. May be NULL. */
    void (*moved)(struct pci_device *pci, struct pci_bar *bar);
};

#define PCI_UNMAPPED UINT64_MAX

struct pci_device {
    struct device dev;
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t reset_config[PCI_CONFIG_SIZE];
    uint8_t wmask[PCI_CONFIG_SIZE]; /* bits the guest can change */
    uint8_t w1c[PCI_CONFIG_SIZE];   /* bits a written one clears */
    struct pci_bar bar[PCI_N_BARS];
    struct pci_bus *bus;
    uint8_t devfn;
    bool intx; /* the level the function drives */
    /* properties */
    char *addr; /* "SLOT[.FUNCTION]", hexadecimal; NULL: the first free slot */
    char *romfile;
    uint8_t rombar;
    uint32_t subsystem_vendor, subsystem; /* 0x10000: the kind's */
    struct mem_block rom;
};

extern const struct device_base pci_device_base;

/*
 * intx: slot, pin (0 = INTA#) and the level of the wired-OR of that slot's functions changed.
 * config_mapped: a function appeared or went, for a core that routes configuration cycles.
 */
struct pci_bus_ops {
    void (*intx)(void *opaque, unsigned slot, unsigned pin, bool level);
    void (*function_changed)(void *opaque, const struct pci_device *pci, bool present);
    void *opaque;
};

struct pci_bus *pci_bus_create(const struct services *services);
void pci_bus_destroy(struct pci_bus *bus);
void pci_bus_set_ops(struct pci_bus *bus, const struct pci_bus_ops *ops);
struct pci_device *pci_bus_function(const struct pci_bus *bus, uint8_t devfn); /* NULL: none */
/* Calls fn for each block that BARs show, until one call fails: that is the result, else 0. */
int pci_bus_each_block(const struct pci_bus *bus,
                       int (*fn)(void *opaque, struct mem_block *block, GError **err), void *opaque,
                       GError **err);
/*
 * Takes a function out of the guest's sight, as if it were pulled out of its slot, and puts it
 * back. The device itself goes on.
 */
void pci_hide(struct pci_device *pci, bool hidden);

/* One configuration cycle of 1, 2 or 4 bytes that does not cross a dword. No function: all ones. */
uint32_t pci_config_read(struct pci_bus *bus, uint8_t devfn, unsigned offset, unsigned size);
void pci_config_write(struct pci_bus *bus, uint8_t devfn, unsigned offset, uint32_t value,
                      unsigned size);

/*
 * For create(): BAR n (0 to 5) shows region, block or both. size is rounded up to a power of two,
 * and to what the type allows.
 */
void pci_add_bar(struct pci_device *pci, unsigned n, enum pci_bar_type type, uint64_t size,
                 struct region *region, struct mem_block *block);
/* For create(): the reset value of config bytes, and which bits the guest can change. */
void pci_set_config(struct pci_device *pci, unsigned offset, uint32_t value, unsigned size);
void pci_set_wmask(struct pci_device *pci, unsigned offset, uint32_t mask, unsigned size);

/* The interrupt pin; honours interrupt disable and keeps the status bit. */
void pci_set_irq(struct pci_device *pci, bool level);

/* DMA as a bus master: -EFAULT also while the guest has bus mastering off. As hw/core/dma.h. */
int pci_dma_read(struct pci_device *pci, uint64_t gpa, void *buf, uint64_t len);
void *pci_dma_map(struct pci_device *pci, uint64_t gpa, uint64_t *len, bool write);
void pci_dma_unmap(struct pci_device *pci, uint64_t gpa, void *host, uint64_t len, bool written);

#endif
