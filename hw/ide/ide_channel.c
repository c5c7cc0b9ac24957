#include "hw/ide/ide_channel.h"

#include <errno.h>

/* What a cable without drives reads as: pulled up but for DD7 (ATA-7 volume 2, 4.3). */
#define FLOATING 0x7f

static unsigned selected_unit(const struct ide_channel *ch)
{
    return (ch->device & ATA_DEVICE_DEV) != 0;
}

struct ata_drive *ide_channel_selected(const struct ide_channel *ch)
{
    return ch->drive[selected_unit(ch)];
}

static bool empty(const struct ide_channel *ch)
{
    return ch->drive[0] == NULL && ch->drive[1] == NULL;
}

/* ---- Interrupt: the selected drive's, unless nIEN ---- */

/* Whether the level has changed; the output follows it. */
static bool drive_output(struct ide_channel *ch)
{
    const struct ata_drive *d = ide_channel_selected(ch);
    bool level = d != NULL && ata_intrq(d) && (ch->control & ATA_CONTROL_NIEN) == 0;

    if (level == ch->irq)
        return false;
    ch->irq = level;
    irq_set(&ch->owner->line[ch->line], level);
    return true;
}

static void update_irq(struct ide_channel *ch)
{
    if (drive_output(ch) && ch->irq)
        ch->bm.bmisx |= BMDMA_INTERRUPT;
}

static void intrq_changed(void *opaque)
{
    update_irq(opaque);
}

/* BMISX is in the state: the guest may have cleared its bit already. */
static void intrq_loaded(void *opaque)
{
    drive_output(opaque);
}

static void dma_ready(void *opaque)
{
    struct ide_channel *ch = opaque;
    struct ata_drive *d = ide_channel_selected(ch);

    if (d != NULL)
        bmdma_run(&ch->bm, d);
}

/* After a reset it may be that drive 0 waits for drive 1 to let go of memory. */
static void dma_done(void *opaque, bool moved)
{
    struct ide_channel *ch = opaque;
    struct ata_drive *d = ide_channel_selected(ch);
    bool other = d != NULL && d != ch->bm.drive;

    bmdma_done(&ch->bm, moved);
    if (other)
        bmdma_run(&ch->bm, d);
}

static const struct ata_port_ops port_ops = {
    .intrq = intrq_changed,
    .intrq_loaded = intrq_loaded,
    .dma_ready = dma_ready,
    .dma_done = dma_done,
};

/* ---- Command block ports ---- */

/* Where the selected drive is missing the other one answers with zeroes in its place. */
static uint8_t read_register(struct ide_channel *ch, unsigned reg)
{
    struct ata_drive *d = ide_channel_selected(ch);

    if (d != NULL)
        return ata_read(d, reg);
    return empty(ch) ? FLOATING : 0;
}

static uint32_t read_data(struct ide_channel *ch, unsigned size)
{
    struct ata_drive *d = ide_channel_selected(ch);

    if (G_LIKELY(d != NULL && size > 1))
        return ata_data_read(d, size);
    return d != NULL ? ata_data_read(d, 2) & 0xff : UINT32_MAX;
}

static uint64_t command_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ide_channel *ch = opaque;
    uint64_t value = 0;

    if (G_LIKELY(offset == ATA_DATA))
        return read_data(ch, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)read_register(ch, (unsigned)offset + i) << 8 * i;
    return value;
}

static bool selected_busy(const struct ide_channel *ch)
{
    const struct ata_drive *d = ide_channel_selected(ch);

    return d != NULL && (ata_alternate_status(d) & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) != 0;
}

static void execute(struct ide_channel *ch, uint8_t command)
{
    struct ata_drive *d = ide_channel_selected(ch);

    if (command != ATA_EXECUTE_DEVICE_DIAGNOSTIC) {
        if (d != NULL)
            ata_command(d, command);
        return;
    }
    if (selected_busy(ch))
        return;
    ch->device = 0;
    for (unsigned unit = 0; unit < 2; unit++)
        if (ch->drive[unit] != NULL)
            ata_diagnostic(ch->drive[unit], unit == 0);
}

static void write_register(struct ide_channel *ch, unsigned reg, uint8_t value)
{
    if (reg == ATA_COMMAND) {
        execute(ch, value);
        return;
    }
    if (selected_busy(ch))
        return;
    for (unsigned unit = 0; unit < 2; unit++)
        if (ch->drive[unit] != NULL)
            ata_write(ch->drive[unit], reg, value);
    if (reg == ATA_DEVICE) {
        ch->device = value;
        update_irq(ch);
    }
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide_channel *ch = opaque;
    struct ata_drive *d = ide_channel_selected(ch);

    if (offset == ATA_DATA) {
        if (d != NULL)
            ata_data_write(d, (uint32_t)value, MAX(size, 2));
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_register(ch, (unsigned)offset + i, (uint8_t)(value >> 8 * i));
}

/* ---- Control block port: Alternate Status and Device Control ---- */

static uint64_t control_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct ide_channel *ch = opaque;
    const struct ata_drive *d = ide_channel_selected(ch);

    if (d != NULL)
        return ata_alternate_status(d);
    return empty(ch) ? FLOATING : 0;
}

static void control_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide_channel *ch = opaque;

    ch->control = (uint8_t)value;
    if ((value & ATA_CONTROL_SRST) != 0)
        ch->device = 0;
    for (unsigned unit = 0; unit < 2; unit++)
        if (ch->drive[unit] != NULL)
            ata_control(ch->drive[unit], (uint8_t)value);
    update_irq(ch);
}

static const struct region_ops command_ops = { .read = command_read,
                                               .write = command_write,
                                               .impl = 1 | 2 | 4 };
static const struct region_ops control_ops = { .read = control_read, .write = control_write };

/* ---- Life ---- */

void ide_channel_init(struct ide_channel *ch, struct pci_device *pci, unsigned line)
{
    ch->owner = &pci->dev;
    ch->line = line;
    ch->bm.pci = pci;
    ch->command_ports = (struct region){ .name = "ide-command",
                                         .ops = &command_ops,
                                         .owner = &pci->dev,
                                         .opaque = ch,
                                         .priority = REGION_FIXED };
    ch->control_port = (struct region){ .name = "ide-control",
                                        .ops = &control_ops,
                                        .owner = &pci->dev,
                                        .opaque = ch,
                                        .priority = REGION_FIXED };
}

void ide_channel_reset(struct ide_channel *ch)
{
    ch->device = 0;
    ch->control = 0;
    bmdma_reset(&ch->bm);
    update_irq(ch);
}

void ide_channel_decode(struct ide_channel *ch, bool on, uint16_t command, uint16_t control)
{
    struct bus *bus = ch->owner->services->bus;

    if (on == ch->command_ports.mapped)
        return;
    if (on) {
        bus_map(bus, &ch->command_ports, BUS_PIO, command, 8);
        bus_map(bus, &ch->control_port, BUS_PIO, control, 1);
    } else {
        bus_unmap(bus, &ch->command_ports);
        bus_unmap(bus, &ch->control_port);
    }
}

int ide_channel_plug(struct ide_channel *ch, unsigned unit, struct ata_drive *drive)
{
    if (ch->drive[unit] != NULL)
        return -EBUSY;
    ch->drive[unit] = drive;
    ata_set_port(drive, &port_ops, ch);
    return 0;
}

void ide_channel_unplug(struct ide_channel *ch, unsigned unit)
{
    ata_set_port(ch->drive[unit], NULL, NULL);
    ch->drive[unit] = NULL;
    update_irq(ch);
}

const struct state_field ide_channel_state[] = { STATE_FIELD(struct ide_channel, device),
                                                 STATE_FIELD(struct ide_channel, control),
                                                 STATE_SUB(struct ide_channel, bm, bmdma_state),
                                                 {} };
