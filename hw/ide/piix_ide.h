/*
 * Intel 82371SB (PIIX3), function 1: the bus-master IDE controller (datasheet 290550, 2.3 and 2.4).
 *
 * Two channels in compatibility mode: ports 1F0h/3F6h, output 0 (wired to IRQ 14), and 170h/376h,
 * output 1 (IRQ 15). Kind "piix3-ide"; drives are plugged in by "ide-hd" and "ide-cd".
 */
#ifndef HW_IDE_PIIX_IDE_H
#define HW_IDE_PIIX_IDE_H

#include "hw/core/pci.h"

struct ide_channel;

#define PIIX_IDE_CHANNELS 2

extern const struct device_kind piix3_ide_kind;

/* Channel n (0 or 1) of the PCI bus's controller; NULL: there is no controller. */
struct ide_channel *piix_ide_channel(const struct pci_bus *bus, unsigned n);

/* The "ide-hd" or "ide-cd" at this place; NULL: none. */
struct device *piix_ide_drive(const struct pci_bus *bus, unsigned channel, unsigned unit);

#endif
