#include "hw/ide/piix_ide.h"

#include "base/bytes.h"
#include "hw/ide/ide_channel.h"

struct piix_ide {
    struct pci_device pci;
    struct ide_channel channel[PIIX_IDE_CHANNELS];
    struct region bus_master;
};

static const struct {
    uint16_t command, control;
} ports[PIIX_IDE_CHANNELS] = { { 0x1f0, 0x3f6 }, { 0x170, 0x376 } };

/* Configuration registers. Timings have no effect here, decoding has. */
enum { IDETIM = 0x40, SIDETIM = 0x44 };
#define IDETIM_DECODE 0x8000

/* ---- Bus master registers: BAR 4 ---- */

static uint64_t bus_master_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct piix_ide *s = opaque;

    return bmdma_read(&s->channel[offset / BMDMA_PORTS].bm, offset % BMDMA_PORTS);
}

static void bus_master_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix_ide *s = opaque;
    struct ide_channel *ch = &s->channel[offset / BMDMA_PORTS];

    bmdma_write(&ch->bm, offset % BMDMA_PORTS, (uint8_t)value, ide_channel_selected(ch));
}

static const struct region_ops bus_master_ops = { .read = bus_master_read,
                                                  .write = bus_master_write };

/* ---- Where the channels are ---- */

static void decode(struct piix_ide *s)
{
    bool io = (get_le16(s->pci.config + PCI_COMMAND) & PCI_COMMAND_IO) != 0;

    for (unsigned n = 0; n < PIIX_IDE_CHANNELS; n++) {
        uint16_t idetim = get_le16(s->pci.config + IDETIM + 2 * n);
        ide_channel_decode(&s->channel[n], io && (idetim & IDETIM_DECODE) != 0, ports[n].command,
                           ports[n].control);
    }
}

/*
 * Timings and decoding outlive a reset, unlike a PIIX3's. A wake from S3 is a reset, and firmware
 * that knows QEMU's controller, which keeps them, does not set them again: the guest would lose its
 * disks.
 */
static void keep_timings(struct pci_device *pci)
{
    pci_set_config(pci, IDETIM, get_le32(pci->config + IDETIM), 4);
}

static void config_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    keep_timings(pci);
    decode((struct piix_ide *)pci);
}

static struct piix_ide *find(const struct pci_bus *bus)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        struct pci_device *pci = pci_bus_function(bus, (uint8_t)devfn);
        if (pci != NULL && pci->dev.kind == &piix3_ide_kind)
            return (struct piix_ide *)pci;
    }
    return NULL;
}

struct ide_channel *piix_ide_channel(const struct pci_bus *bus, unsigned n)
{
    struct piix_ide *s = find(bus);

    return s != NULL && n < PIIX_IDE_CHANNELS ? &s->channel[n] : NULL;
}

struct device *piix_ide_drive(const struct pci_bus *bus, unsigned channel, unsigned unit)
{
    const struct ide_channel *ch = piix_ide_channel(bus, channel);

    return ch != NULL && unit < 2 ? (struct device *)ch->drive[unit] : NULL;
}

/* ---- Life ---- */

static int piix_ide_create(struct device *dev, GError **err)
{
    struct piix_ide *s = (struct piix_ide *)dev;

    pci_set_config(&s->pci, PCI_STATUS, 0x0280, 2); /* medium DEVSEL#, fast back-to-back */
    pci_set_wmask(&s->pci, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    pci_set_wmask(&s->pci, IDETIM, 0xf3fff3ff, 4);
    pci_set_wmask(&s->pci, SIDETIM, 0xff, 1);
    for (unsigned n = 0; n < PIIX_IDE_CHANNELS; n++)
        ide_channel_init(&s->channel[n], &s->pci, n);
    s->bus_master = (struct region){
        .name = "ide-bus-master", .ops = &bus_master_ops, .owner = dev, .opaque = s
    };
    pci_add_bar(&s->pci, 4, PCI_BAR_IO, 2 * BMDMA_PORTS, &s->bus_master, NULL);
    return 0;
}

static void piix_ide_reset(struct device *dev)
{
    struct piix_ide *s = (struct piix_ide *)dev;

    for (unsigned n = 0; n < PIIX_IDE_CHANNELS; n++)
        ide_channel_reset(&s->channel[n]);
    decode(s);
}

static int piix_ide_post_load(struct device *dev, GError **err)
{
    keep_timings((struct pci_device *)dev);
    decode((struct piix_ide *)dev);
    return 0;
}

static void piix_ide_destroy(struct device *dev)
{
    struct piix_ide *s = (struct piix_ide *)dev;

    for (unsigned n = 0; n < PIIX_IDE_CHANNELS; n++)
        ide_channel_decode(&s->channel[n], false, 0, 0);
}

static const struct state_field piix_ide_state[] = {
    STATE_SUB_ARRAY(struct piix_ide, channel, ide_channel_state), {}
};

static const struct pci_info piix3_ide_pci = {
    .vendor = 0x8086,
    .device = 0x7010,
    .class_code = 0x010180, /* IDE, a bus master, both channels in compatibility mode */
    .config_written = config_written,
};

const struct device_kind piix3_ide_kind = {
    .name = "piix3-ide",
    .desc = "Intel PIIX3 IDE controller",
    .size = sizeof(struct piix_ide),
    .base = &pci_device_base,
    .pci = &piix3_ide_pci,
    .state = piix_ide_state,
    .state_version = 1,
    .n_lines = PIIX_IDE_CHANNELS,
    .create = piix_ide_create,
    .reset = piix_ide_reset,
    .post_load = piix_ide_post_load,
    .destroy = piix_ide_destroy,
};
