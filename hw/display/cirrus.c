/*
 * The CL-GD5446 on PCI (TRM, "PCI Configuration Registers").
 */
#include "hw/display/cirrus.h"

#include "hw/display/cirrus_core.h"

#define MIB        (1u << 20)
#define MEMORY_MAX (4 * MIB)

#define LINEAR_SIZE (32 * MIB)

/* BAR1 */
#define MMIO_SIZE     0x1000
#define MMIO_VGA_PORT 0x3c0 /* at offset 0 */
#define MMIO_VGA_SIZE 0x20
#define MMIO_BLT      0x100
#define MMIO_BLT_SIZE 0x100

/* ---- Ports, and BAR1 ---- */

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return cirrus_port_read(opaque, (uint16_t)(VGA_PORTS_BASE + offset));
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    cirrus_port_write(opaque, (uint16_t)(VGA_PORTS_BASE + offset), (uint8_t)value);
}

static const struct region_ops port_ops = { .read = port_read, .write = port_write };

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    if (offset < MMIO_VGA_SIZE)
        return cirrus_port_read(opaque, (uint16_t)(MMIO_VGA_PORT + offset));
    if (offset - MMIO_BLT < MMIO_BLT_SIZE)
        return cirrus_blt_mmio_read(opaque, (unsigned)(offset - MMIO_BLT));
    return 0xff;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset < MMIO_VGA_SIZE)
        cirrus_port_write(opaque, (uint16_t)(MMIO_VGA_PORT + offset), (uint8_t)value);
    else if (offset - MMIO_BLT < MMIO_BLT_SIZE)
        cirrus_blt_mmio_write(opaque, (unsigned)(offset - MMIO_BLT), (uint8_t)value);
}

static const struct region_ops mmio_ops = { .read = mmio_read, .write = mmio_write };

/* ---- Life ---- */

/* The PCI core has just mapped memory there. */
static void bar_moved(struct pci_device *pci, struct pci_bar *bar)
{
    cirrus_update_mapping((struct cirrus *)pci);
}

static void add_bars(struct cirrus *c)
{
    c->linear = (struct region){
        .name = "cirrus-linear", .ops = &cirrus_linear_ops, .owner = &c->pci.dev, .opaque = c
    };
    c->mmio = (struct region){
        .name = "cirrus-mmio", .ops = &mmio_ops, .owner = &c->pci.dev, .opaque = c
    };
    pci_add_bar(&c->pci, 0, PCI_BAR_MEM_PREFETCH, LINEAR_SIZE, &c->linear, &c->vga.vram);
    pci_add_bar(&c->pci, 1, PCI_BAR_MEM, MMIO_SIZE, &c->mmio, NULL);
    c->pci.bar[0].moved = bar_moved;
}

static int cirrus_create(struct device *dev, GError **err)
{
    struct cirrus *c = (struct cirrus *)dev;
    uint32_t size = MIB;

    while (size < c->memory_mib * MIB && size < MEMORY_MAX)
        size <<= 1;
    c->vga.con = c->console;
    int rc = vga_create(&c->vga, dev, &cirrus_chip_ops, &port_ops, &cirrus_window_ops, size, err);
    if (rc < 0)
        return rc;
    cirrus_blt_init(c);
    add_bars(c);
    return 0;
}

static void cirrus_reset(struct device *dev)
{
    struct cirrus *c = (struct cirrus *)dev;

    vga_reset(&c->vga);
    cirrus_blt_reset(c);
    cirrus_regs_reset(c);
    cirrus_update_mapping(c);
}

static int cirrus_post_load(struct device *dev, GError **err)
{
    struct cirrus *c = (struct cirrus *)dev;

    cirrus_regs_loaded(c);
    cirrus_blt_loaded(c);
    vga_loaded(&c->vga);
    cirrus_update_mapping(c);
    return 0;
}

static void cirrus_destroy(struct device *dev)
{
    struct cirrus *c = (struct cirrus *)dev;

    if (c->timer.clock != NULL)
        timer_cancel(&c->timer);
    vga_destroy(&c->vga);
}

static const struct state_field blt_state[] = { STATE_FIELD(struct cirrus_blt, busy),
                                                STATE_FIELD(struct cirrus_blt, queued),
                                                STATE_FIELD(struct cirrus_blt, mode),
                                                STATE_FIELD(struct cirrus_blt, mode_ext),
                                                STATE_FIELD(struct cirrus_blt, rop),
                                                STATE_FIELD(struct cirrus_blt, skip),
                                                STATE_FIELD(struct cirrus_blt, key),
                                                STATE_FIELD(struct cirrus_blt, width),
                                                STATE_FIELD(struct cirrus_blt, height),
                                                STATE_FIELD(struct cirrus_blt, dst_pitch),
                                                STATE_FIELD(struct cirrus_blt, src_pitch),
                                                STATE_FIELD(struct cirrus_blt, fg),
                                                STATE_FIELD(struct cirrus_blt, bg),
                                                STATE_FIELD(struct cirrus_blt, dst),
                                                STATE_FIELD(struct cirrus_blt, src),
                                                STATE_FIELD(struct cirrus_blt, y),
                                                STATE_FIELD(struct cirrus_blt, x),
                                                STATE_ARRAY(struct cirrus_blt, sent),
                                                {} };

static const struct state_field cirrus_state[] = {
    STATE_SUB(struct cirrus, vga, vga_state),
    STATE_FIELD(struct cirrus, cursor_x),
    STATE_FIELD(struct cirrus, cursor_y),
    STATE_ARRAY(struct cirrus, cursor_color),
    STATE_FIELD(struct cirrus, hidden_dac),
    STATE_FIELD(struct cirrus, hidden_dac_reads, .max = 4),
    STATE_ARRAY(struct cirrus, latch),
    STATE_SUB(struct cirrus, blt, blt_state),
    STATE_TIMER_FIELD(struct cirrus, timer),
    {}
};

static const struct property cirrus_properties[] = {
    PROPERTY("vgamem_mb", PROP_UINT, struct cirrus, memory_mib, .initial = "4", .min = 1,
             .max = 256, .help = "video memory in MiB; the chip uses 4 at most"),
    PROPERTY("console", PROP_HOST, struct cirrus, console, .host = "console",
             .help = "who sees the screen"),
    {}
};

static const struct pci_info cirrus_pci_info = {
    .vendor = 0x1013,
    .device = 0x00b8,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x030000,
};

const struct device_kind cirrus_kind = {
    .name = "cirrus-vga",
    .desc = "Cirrus Logic GD5446",
    .size = sizeof(struct cirrus),
    .user = true,
    .base = &pci_device_base,
    .pci = &cirrus_pci_info,
    .properties = cirrus_properties,
    .state = cirrus_state,
    .state_version = 1,
    .create = cirrus_create,
    .reset = cirrus_reset,
    .post_load = cirrus_post_load,
    .destroy = cirrus_destroy,
};
