/*
 * Placing PCI windows (PCI 2.1, 6.2.5; PCI-to-PCI bridge 1.0, 3.2.5). No hardware, host-tested.
 *
 * The caller lists what each function decodes, and one entry of each kind for each bridge: the
 * window through which it forwards to its secondary bus. Buses are numbered so that a secondary
 * bus has a higher number than the bus its bridge sits on.
 */
#ifndef BIOS_PCIALLOC_H
#define BIOS_PCIALLOC_H

#include <stdbool.h>
#include <stdint.h>

enum pci_kind { PCI_KIND_IO, PCI_KIND_MEM, PCI_KIND_HIGH }; /* HIGH: memory above 4 GiB */

struct pci_resource {
    uint16_t bdf;
    uint8_t reg; /* config offset of the base register */
    uint8_t kind;
    uint8_t bus;    /* on which it decodes */
    uint8_t behind; /* bridge window: the secondary bus, else 0 */
    bool is64;      /* may move above 4 GiB */
    uint64_t size, align;
    uint64_t addr; /* result; 0: no room */
};

struct pci_window {
    uint64_t base, end; /* end: first address after it */
};

/*
 * Sorts the list, sizes bridge windows, and places everything of `kind` in the window. False: it
 * does not fit, and all addresses of that kind are 0.
 */
bool pcialloc_place(struct pci_resource *res, unsigned count, uint8_t kind, uint8_t last_bus,
                    struct pci_window window);

/* Moves the largest 64-bit memory resource of bus 0 to PCI_KIND_HIGH; false if there is none. */
bool pcialloc_move_high(struct pci_resource *res, unsigned count);

#endif
