/*
 * The standard VGA: a PCI function around the VGA and the Bochs VBE extension, with registers in
 * memory too (QEMU's docs/specs/standard-vga: BAR2).
 */
#include "hw/display/vga.h"

#include "base/bytes.h"
#include "hw/core/pci.h"
#include "hw/display/bochs_dispi.h"
#include "hw/display/edid.h"
#include "hw/display/vga_core.h"

#define MIB (1u << 20)

#define DISPI_PORT_INDEX 0x1ce
#define DISPI_PORT_DATA  0x1cf
#define DISPI_PORT_DATA2 0x1d0 /* the same for machines that can't read words at odd addresses */

/* BAR2 */
#define MMIO_SIZE       0x1000
#define MMIO_VGA        0x400 /* ports from 0x3C0 */
#define MMIO_DISPI      0x500 /* 16 bits each */
#define MMIO_EXT        0x600 /* 32 bits each: size of the block, byte order */
#define MMIO_EXT_ORDER  (MMIO_EXT + 4)
#define EXT_SIZE        8
#define ORDER_LITTLE    0x1e1e1e1eu
#define ORDER_BIG       0xbebebebeu
#define MMIO_VGA_SIZE   0x20
#define MMIO_VGA_PORT   0x3c0
#define MMIO_DISPI_SIZE (2 * DISPI_N_REGS)

struct vga_pci {
    struct pci_device pci;
    struct vga vga;
    struct dispi dispi;
    bool big_endian; /* of pixels */
    /* properties */
    uint32_t memory_mib, xres, yres;
    bool extended_regs;
    struct console *console;
    /* host */
    struct region mmio, dispi_index, dispi_data, dispi_data2;
    uint8_t edid[EDID_SIZE];
};

/* ---- The window at 0xA0000 ---- */

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga_pci *d = opaque;
    uint32_t address;

    vga_window_used(&d->vga);
    if (!vga_window_address(&d->vga, (uint32_t)offset, &address))
        return 0xff;
    address += dispi_bank_start(&d->dispi);
    if (dispi_linear(&d->dispi))
        return vga_mem_byte(&d->vga, address);
    return vga_mem_read(&d->vga, address);
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga_pci *d = opaque;
    uint32_t address;

    vga_window_used(&d->vga);
    if (!vga_window_address(&d->vga, (uint32_t)offset, &address))
        return;
    address += dispi_bank_start(&d->dispi);
    if (dispi_linear(&d->dispi)) {
        d->vga.memory[address & (d->vga.memory_size - 1)] = (uint8_t)value;
        vga_wrote(&d->vga, address, 1);
    } else {
        vga_mem_write(&d->vga, address, (uint8_t)value);
    }
}

static const struct region_ops window_ops = { .read = window_read, .write = window_write };

/* ---- Ports ---- */

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga_pci *d = opaque;

    return vga_port_read(&d->vga, (uint16_t)(VGA_PORTS_BASE + offset));
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga_pci *d = opaque;

    vga_port_write(&d->vga, (uint16_t)(VGA_PORTS_BASE + offset), (uint8_t)value);
}

static const struct region_ops port_ops = { .read = port_read, .write = port_write };

static uint64_t dispi_index_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct vga_pci *)opaque)->dispi.index;
}

static void dispi_index_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct vga_pci *)opaque)->dispi.index = (uint16_t)value;
}

static uint64_t dispi_data_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga_pci *d = opaque;

    return dispi_read(&d->dispi, d->dispi.index);
}

static void dispi_data_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga_pci *d = opaque;

    dispi_write(&d->dispi, d->dispi.index, (uint16_t)value);
}

static const struct region_ops dispi_index_ops = {
    .read = dispi_index_read, .write = dispi_index_write, .valid = 1 | 2, .impl = 2
};
static const struct region_ops dispi_data_ops = {
    .read = dispi_data_read, .write = dispi_data_write, .valid = 1 | 2, .impl = 2
};

/* ---- Registers in memory ---- */

static bool within(uint64_t offset, unsigned size, uint64_t start, uint64_t length)
{
    return offset >= start && offset + size <= start + length;
}

static uint64_t read_ports(struct vga_pci *d, unsigned port, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)vga_port_read(&d->vga, (uint16_t)(port + i)) << (8 * i);
    return value;
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga_pci *d = opaque;

    if (within(offset, size, 0, EDID_SIZE))
        return get_le(d->edid + offset, size);
    if (within(offset, size, MMIO_VGA, MMIO_VGA_SIZE))
        return read_ports(d, MMIO_VGA_PORT + (unsigned)(offset - MMIO_VGA), size);
    if (within(offset, size, MMIO_DISPI, MMIO_DISPI_SIZE) && size == 2)
        return dispi_read(&d->dispi, (unsigned)(offset - MMIO_DISPI) / 2);
    if (!d->extended_regs)
        return UINT64_MAX;
    if (offset == MMIO_EXT)
        return EXT_SIZE;
    if (offset == MMIO_EXT_ORDER)
        return d->big_endian ? ORDER_BIG : ORDER_LITTLE;
    return UINT64_MAX;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga_pci *d = opaque;

    if (within(offset, size, MMIO_VGA, MMIO_VGA_SIZE)) {
        unsigned port = MMIO_VGA_PORT + (unsigned)(offset - MMIO_VGA);
        for (unsigned i = 0; i < size; i++)
            vga_port_write(&d->vga, (uint16_t)(port + i), (uint8_t)(value >> (8 * i)));
    } else if (within(offset, size, MMIO_DISPI, MMIO_DISPI_SIZE) && size == 2) {
        dispi_write(&d->dispi, (unsigned)(offset - MMIO_DISPI) / 2, (uint16_t)value);
    } else if (d->extended_regs && offset == MMIO_EXT_ORDER &&
               (value == ORDER_BIG || value == ORDER_LITTLE)) {
        d->big_endian = value == ORDER_BIG;
        vga_touch(&d->vga);
    }
}

static const struct region_ops mmio_ops = { .read = mmio_read,
                                            .write = mmio_write,
                                            .impl = 1 | 2 | 4 };

/* ---- What the VGA asks ---- */

static void svga_mode(void *chip, struct vga_mode *m)
{
    const struct vga_pci *d = chip;

    if (!dispi_enabled(&d->dispi))
        return;
    dispi_mode(&d->dispi, m);
    m->big_endian = d->big_endian;
}

static void new_size(void *chip, unsigned width, unsigned height)
{
    edid_build(((struct vga_pci *)chip)->edid, width, height);
}

static bool plain_window(const void *chip, uint32_t *start)
{
    const struct vga_pci *d = chip;

    *start = dispi_bank_start(&d->dispi);
    return dispi_linear(&d->dispi) || vga_chain4_is_plain(&d->vga);
}

static const struct vga_chip_ops chip_ops = {
    .mode = svga_mode,
    .plain_window = plain_window,
    .ui_info = new_size,
};

/* ---- Life ---- */

static void init_region(struct vga_pci *d, struct region *r, const char *name,
                        const struct region_ops *ops, enum region_priority priority)
{
    *r = (struct region){
        .name = name, .ops = ops, .owner = &d->pci.dev, .opaque = d, .priority = priority
    };
}

/* Index and data are words at adjacent addresses: each answers where its word begins. */
static void map_dispi(struct vga_pci *d)
{
    struct bus *bus = d->pci.dev.services->bus;

    init_region(d, &d->dispi_index, "dispi-index", &dispi_index_ops, REGION_PCI_BAR);
    init_region(d, &d->dispi_data2, "dispi-data", &dispi_data_ops, REGION_FIXED);
    init_region(d, &d->dispi_data, "dispi-data", &dispi_data_ops, REGION_FIXED);
    bus_map(bus, &d->dispi_index, BUS_PIO, DISPI_PORT_INDEX, 2);
    bus_map(bus, &d->dispi_data2, BUS_PIO, DISPI_PORT_DATA2, 2); /* first, so that it wins there */
    bus_map(bus, &d->dispi_data, BUS_PIO, DISPI_PORT_DATA, 2);
}

static int vga_pci_create(struct device *dev, GError **err)
{
    struct vga_pci *d = (struct vga_pci *)dev;
    uint32_t size = MIB;

    while (size < d->memory_mib * MIB)
        size <<= 1;
    d->vga.con = d->console;
    int rc = vga_create(&d->vga, dev, &chip_ops, &port_ops, &window_ops, size, err);
    if (rc < 0)
        return rc;
    dispi_init(&d->dispi, &d->vga);
    map_dispi(d);
    edid_build(d->edid, d->xres, d->yres);
    init_region(d, &d->mmio, "vga-mmio", &mmio_ops, REGION_PCI_BAR);
    pci_add_bar(&d->pci, 0, PCI_BAR_MEM_PREFETCH, size, NULL, &d->vga.vram);
    pci_add_bar(&d->pci, 2, PCI_BAR_MEM, MMIO_SIZE, &d->mmio, NULL);
    return 0;
}

static void vga_pci_reset(struct device *dev)
{
    struct vga_pci *d = (struct vga_pci *)dev;

    dispi_reset(&d->dispi);
    vga_reset(&d->vga);
    d->big_endian = false;
}

static int vga_pci_post_load(struct device *dev, GError **err)
{
    struct vga_pci *d = (struct vga_pci *)dev;

    dispi_loaded(&d->dispi);
    vga_loaded(&d->vga);
    return 0;
}

static void vga_pci_destroy(struct device *dev)
{
    struct vga_pci *d = (struct vga_pci *)dev;
    struct bus *bus = dev->services->bus;

    bus_unmap(bus, &d->dispi_data);
    bus_unmap(bus, &d->dispi_data2);
    bus_unmap(bus, &d->dispi_index);
    vga_destroy(&d->vga);
}

static const struct state_field vga_pci_state[] = { STATE_SUB(struct vga_pci, vga, vga_state),
                                                    STATE_SUB(struct vga_pci, dispi, dispi_state),
                                                    STATE_FIELD(struct vga_pci, big_endian),
                                                    {} };

static const struct property vga_pci_properties[] = {
    PROPERTY("vgamem_mb", PROP_UINT, struct vga_pci, memory_mib, .initial = "16", .min = 1,
             .max = 256, .help = "video memory in MiB"),
    PROPERTY("xres", PROP_UINT, struct vga_pci, xres, .initial = "1024", .min = 320, .max = 4088,
             .help = "width that the monitor prefers"),
    PROPERTY("yres", PROP_UINT, struct vga_pci, yres, .initial = "768", .min = 200, .max = 4088,
             .help = "height that the monitor prefers"),
    PROPERTY("qemu-extended-regs", PROP_BOOL, struct vga_pci, extended_regs, .initial = "on",
             .help = "registers for the byte order, in BAR 2"),
    PROPERTY("console", PROP_HOST, struct vga_pci, console, .host = "console",
             .help = "who sees the screen"),
    {}
};

static const struct pci_info vga_pci_info = {
    .vendor = 0x1234,
    .device = 0x1111,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x030000,
    .revision = 2,
};

const struct device_kind vga_kind = {
    .name = "VGA",
    .desc = "standard VGA with Bochs VBE extension",
    .size = sizeof(struct vga_pci),
    .user = true,
    .base = &pci_device_base,
    .pci = &vga_pci_info,
    .properties = vga_pci_properties,
    .state = vga_pci_state,
    .state_version = 1,
    .create = vga_pci_create,
    .reset = vga_pci_reset,
    .post_load = vga_pci_post_load,
    .destroy = vga_pci_destroy,
};
