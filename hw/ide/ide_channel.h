/*
 * One IDE channel: a cable with two drives, and the ports through which the host reaches them
 * (ATA-7 volume 2, clause 5 and annex on single drives).
 */
#ifndef HW_IDE_IDE_CHANNEL_H
#define HW_IDE_IDE_CHANNEL_H

#include "hw/core/bus.h"
#include "hw/ide/ata.h"
#include "hw/ide/bmdma.h"

struct ide_channel {
    uint8_t device; /* the Device register: kept here too, for a cable without drives */
    uint8_t control;
    struct bmdma bm;

    struct ata_drive *drive[2];
    bool irq;
    struct device *owner; /* the controller */
    unsigned line;        /* its output */
    struct region command_ports, control_port;
};

extern const struct state_field ide_channel_state[];

/* Outputs of pci's device: `line` is the interrupt. */
void ide_channel_init(struct ide_channel *ch, struct pci_device *pci, unsigned line);
void ide_channel_reset(struct ide_channel *ch);
/* Shows the ports at their fixed addresses, or hides them. */
void ide_channel_decode(struct ide_channel *ch, bool on, uint16_t command, uint16_t control);

/* -EBUSY: there is a drive at this place. */
int ide_channel_plug(struct ide_channel *ch, unsigned unit, struct ata_drive *drive);
void ide_channel_unplug(struct ide_channel *ch, unsigned unit);

struct ata_drive *ide_channel_selected(const struct ide_channel *ch); /* NULL: not there */

#endif
