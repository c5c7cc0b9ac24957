#include "hw/net/e1000.h"

#include "base/bytes.h"
#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/state.h"
#include "hw/net/e1000_internal.h"

#include <errno.h>
#include <string.h>

/* ---- Registers with an effect of their own ---- */

static void software_reset(struct e1000 *d);

static void write_ctrl(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if ((value & CTRL_RST) != 0) { /* self-clearing; nothing else of the value counts */
        software_reset(d);
        return;
    }
    if ((value & ~old & CTRL_PHY_RST) != 0)
        e1000_phy_reset(d);
}

static uint64_t read_status(void *dev, unsigned index, uint64_t stored)
{
    const struct e1000 *d = dev;

    return STATUS_FD | STATUS_SPEED_1000 | STATUS_ASDV_1000 | (d->link ? STATUS_LU : 0);
}

/* SDM 13.4.5: reloads from the EEPROM what a reset would. */
static void write_ctrl_ext(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if ((value & CTRL_EXT_EE_RST) != 0)
        e1000_eeprom_load_address(d);
}

static const struct reg e1000_regs[] = {
    REG(0x0000, struct e1000, ctrl, .reset = 2u << 8 | CTRL_SLU | CTRL_FD, .on_write = write_ctrl,
        .write_mask = ~(CTRL_RST)),
    { .offset = 0x0008,
      .width = 4,
      .name = "status",
      .field = REG_NO_FIELD,
      .on_read = read_status },
    REG(0x0010, struct e1000, eecd, .reset = EECD_FWE_DIS, .write_mask = 0x77,
        .on_read = e1000_read_eecd, .on_write = e1000_write_eecd),
    REG(0x0014, struct e1000, eerd, .write_mask = 0xffff, .on_write = e1000_write_eerd),
    REG(0x0018, struct e1000, ctrl_ext, .write_mask = 0xffffdfff, .on_write = write_ctrl_ext),
    REG(0x0020, struct e1000, mdic, .reset = MDIC_READY, .on_write = e1000_write_mdic),
    REG(0x0028, struct e1000, fcal, .write_mask = 0xffffffff),
    REG(0x002c, struct e1000, fcah, .write_mask = 0xffff),
    REG(0x0030, struct e1000, fct, .write_mask = 0xffff),
    REG(0x0038, struct e1000, vet, .reset = 0x8100, .write_mask = 0xffff),
    REG(0x00c0, struct e1000, icr, .w1c = ICR_CAUSES, .on_read = e1000_read_icr,
        .on_write = e1000_write_icr),
    REG(0x00c4, struct e1000, itr, .write_mask = 0xffff, .on_write = e1000_write_itr),
    { .offset = 0x00c8,
      .width = 4,
      .name = "ics",
      .field = REG_NO_FIELD,
      .on_write = e1000_write_ics },
    REG(0x00d0, struct e1000, ims, .on_write = e1000_write_ims),
    { .offset = 0x00d8,
      .width = 4,
      .name = "imc",
      .field = REG_NO_FIELD,
      .on_write = e1000_write_imc },
    REG(0x0100, struct e1000, rctl, .write_mask = 0x06dfb3fe, .on_write = e1000_write_rctl),
    REG(0x0170, struct e1000, fcttv, .write_mask = 0xffff),
    REG(0x0178, struct e1000, txcw, .write_mask = 0xc000ffff),
    REG(0x0180, struct e1000, rxcw),
    REG(0x0400, struct e1000, tctl, .write_mask = 0x03fffffa, .on_write = e1000_write_tx),
    REG(0x0410, struct e1000, tipg, .reset = 0x00602008, .write_mask = 0x3fffffff),
    REG(0x0458, struct e1000, ait, .write_mask = 0xffff),
    REG(0x0e00, struct e1000, ledctl, .reset = 0x07068302, .write_mask = 0xcfcfcfcf),
    REG(0x1000, struct e1000, pba, .reset = 0x00100030, .write_mask = 0xffff),
    REG(0x2160, struct e1000, fcrtl, .write_mask = 0x8000fff8),
    REG(0x2168, struct e1000, fcrth, .write_mask = 0x0000fff8),
    REG(0x2410, struct e1000, rdfh, .write_mask = 0x1fff),
    REG(0x2418, struct e1000, rdft, .write_mask = 0x1fff),
    REG(0x2420, struct e1000, rdfhs, .write_mask = 0x1fff),
    REG(0x2428, struct e1000, rdfts, .write_mask = 0x1fff),
    REG(0x2430, struct e1000, rdfpc, .write_mask = 0x1fff),
    REG(0x2800, struct e1000, rdbal, .write_mask = 0xfffffff0),
    REG(0x2804, struct e1000, rdbah, .write_mask = 0xffffffff),
    REG(0x2808, struct e1000, rdlen, .write_mask = 0x000fff80),
    REG(0x2810, struct e1000, rdh, .write_mask = 0xffff),
    REG(0x2818, struct e1000, rdt, .write_mask = 0xffff, .on_write = e1000_write_rdt),
    REG(0x2820, struct e1000, rdtr, .write_mask = 0xffff, .on_write = e1000_write_rdtr),
    REG(0x2828, struct e1000, rxdctl, .reset = 0x01010000, .write_mask = 0x013f3f3f),
    REG(0x282c, struct e1000, radv, .write_mask = 0xffff),
    REG(0x2c00, struct e1000, rsrpd, .write_mask = 0x0fff),
    REG(0x3410, struct e1000, tdfh, .write_mask = 0x1fff),
    REG(0x3418, struct e1000, tdft, .write_mask = 0x1fff),
    REG(0x3420, struct e1000, tdfhs, .write_mask = 0x1fff),
    REG(0x3428, struct e1000, tdfts, .write_mask = 0x1fff),
    REG(0x3430, struct e1000, tdfpc, .write_mask = 0x1fff),
    REG(0x3800, struct e1000, tdbal, .write_mask = 0xfffffff0),
    REG(0x3804, struct e1000, tdbah, .write_mask = 0xffffffff),
    REG(0x3808, struct e1000, tdlen, .write_mask = 0x000fff80),
    REG(0x3810, struct e1000, tdh, .write_mask = 0xffff),
    REG(0x3818, struct e1000, tdt, .write_mask = 0xffff, .on_write = e1000_write_tx),
    REG(0x3820, struct e1000, tidv, .write_mask = 0xffff),
    REG(0x3828, struct e1000, txdctl, .write_mask = 0xff3f3f3f),
    REG(0x382c, struct e1000, tadv, .write_mask = 0xffff),
    REG(0x3830, struct e1000, tspmt, .reset = 0x01000400, .write_mask = 0xffffffff),
    REG_ARRAY(0x4000, struct e1000, stats, .on_read = e1000_read_stats),
    REG(0x5000, struct e1000, rxcsum, .write_mask = 0x7ff),
    REG_ARRAY(0x5200, struct e1000, mta, .write_mask = 0xffffffff, .on_write = e1000_write_filter),
    REG_ARRAY(0x5400, struct e1000, ra, .write_mask = 0xffffffff, .on_write = e1000_write_ra),
    REG_ARRAY(0x5600, struct e1000, vfta, .write_mask = 0xffffffff, .on_write = e1000_write_filter),
    REG(0x5800, struct e1000, wuc, .write_mask = 0xf),
    REG(0x5808, struct e1000, wufc, .write_mask = 0x000f80ff),
    REG(0x5810, struct e1000, wus, .w1c = 0x000f00ff),
    REG(0x5820, struct e1000, manc, .write_mask = 0xffffffff),
    REG(0x5838, struct e1000, ipav, .write_mask = 0x0001000f),
    REG_ARRAY(0x5840, struct e1000, ip4at, .write_mask = 0xffffffff),
    REG_ARRAY(0x5880, struct e1000, ip6at, .write_mask = 0xffffffff),
    REG(0x5900, struct e1000, wupl),
    REG_ARRAY(0x5a00, struct e1000, wupm),
    REG_ARRAY(0x5f00, struct e1000, fflt, .write_mask = 0x7ff),
    REG_ARRAY(0x9000, struct e1000, ffmt, .write_mask = 0xf),
    REG_ARRAY(0x9800, struct e1000, ffvt, .write_mask = 0xffffffff),
};

static const struct region_ops mmio_ops = { .regs = e1000_regs,
                                            .n_regs = G_N_ELEMENTS(e1000_regs) };

/* ---- The I/O BAR: a window of one register (SDM 13.3) ---- */

enum { IOADDR = 0, IODATA = 4 };

static uint64_t io_read(void *opaque, uint64_t offset, unsigned size)
{
    struct e1000 *d = opaque;

    if (offset == IOADDR)
        return d->ioaddr;
    if (offset == IODATA && d->ioaddr < E1000_MMIO_SIZE)
        return region_read(&d->mmio, d->ioaddr, size);
    return 0;
}

static void io_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct e1000 *d = opaque;

    if (offset == IOADDR)
        d->ioaddr = (uint32_t)value;
    else if (offset == IODATA && d->ioaddr < E1000_MMIO_SIZE)
        region_write(&d->mmio, d->ioaddr, value, size);
}

static const struct region_ops io_ops = {
    .read = io_read, .write = io_write, .valid = 1 | 2 | 4, .impl = 4
};

/* ---- The cable ---- */

static void nic_writable(void *dev)
{
    e1000_transmit(dev);
}

static void nic_link_changed(void *dev)
{
    e1000_phy_cable(dev);
}

static void nic_unplugged(void *dev)
{
    struct e1000 *d = dev;

    d->net = NULL;
    e1000_phy_cable(d);
}

static const struct net_nic_ops nic_ops = {
    .can_receive = e1000_can_receive,
    .receive = e1000_receive,
    .writable = nic_writable,
    .link_changed = nic_link_changed,
    .unplugged = nic_unplugged,
    .rx_filter = e1000_fill_rx_filter,
};

/* ---- Life ---- */

/* SDM 14.5: CTRL.RST leaves PCI configuration, EEPROM and PHY as they are. */
static void software_reset(struct e1000 *d)
{
    regs_reset(e1000_regs, G_N_ELEMENTS(e1000_regs), d);
    d->microwire = (struct e1000_microwire){ .level = true };
    d->ioaddr = 0;
    d->rx_stalled = false;
    e1000_irq_reset(d);
    e1000_tx_reset(d);
    e1000_loopback_clear(d);
    e1000_eeprom_load_address(d);
}

static void e1000_reset(struct device *dev)
{
    struct e1000 *d = (struct e1000 *)dev;

    software_reset(d);
    e1000_phy_reset(d);
}

static int parse_mac(struct e1000 *d, uint8_t *mac, GError **err)
{
    static const uint8_t prefix[] = { 0x52, 0x54, 0x00, 0x12, 0x34 };
    if (d->mac == NULL) { /* one for each slot */
        memcpy(mac, prefix, sizeof(prefix));
        mac[5] = (uint8_t)(0x56 + PCI_SLOT(d->pci.devfn));
        return 0;
    }
    for (unsigned i = 0; i < 6; i++) {
        const char *byte = d->mac + 3 * (size_t)i;

        if (!g_ascii_isxdigit(byte[0]) || !g_ascii_isxdigit(byte[1]) ||
            byte[2] != (i < 5 ? ':' : '\0'))
            return fail(err, EINVAL, "-device %s: mac=%s: not six bytes", d->pci.dev.kind->name,
                        d->mac);
        mac[i] = (uint8_t)(g_ascii_xdigit_value(byte[0]) << 4 | g_ascii_xdigit_value(byte[1]));
    }
    return 0;
}

static void add_bars(struct e1000 *d)
{
    d->mmio =
        (struct region){ .name = "e1000", .ops = &mmio_ops, .owner = &d->pci.dev, .opaque = d };
    d->io =
        (struct region){ .name = "e1000-io", .ops = &io_ops, .owner = &d->pci.dev, .opaque = d };
    pci_add_bar(&d->pci, 0, PCI_BAR_MEM, E1000_MMIO_SIZE, &d->mmio, NULL);
    pci_add_bar(&d->pci, 1, PCI_BAR_IO, E1000_IO_SIZE, &d->io, NULL);
}

static int e1000_create(struct device *dev, GError **err)
{
    struct e1000 *d = (struct e1000 *)dev;
    struct net_backend *net = d->net;
    uint8_t mac[6];

    e1000_irq_init(d);
    e1000_tx_init(d);
    e1000_phy_init(d);
    e1000_loopback_init(d);
    d->net = NULL;
    int r = parse_mac(d, mac, err);
    if (r == 0)
        r = net_attach(net, &nic_ops, d, dev->id, err);
    if (r < 0)
        return r;
    d->net = net;
    e1000_eeprom_init(d, mac);
    add_bars(d);
    return 0;
}

static void e1000_destroy(struct device *dev)
{
    struct e1000 *d = (struct e1000 *)dev;

    e1000_irq_reset(d);
    timer_cancel(&d->tx_resume);
    timer_cancel(&d->link_timer);
    e1000_loopback_clear(d);
    net_detach(d->net);
}

/* Every index is checked where it is used; only the host's side has to be told. */
static int e1000_post_load(struct device *dev, GError **err)
{
    struct e1000 *d = (struct e1000 *)dev;

    e1000_update_irq(d);
    if (d->link != net_link_up(d->net) && !timer_armed(&d->link_timer))
        e1000_phy_cable(d);
    e1000_rx_refilled(d);
    timer_set(&d->tx_resume, clock_now(dev->services->clock));
    return 0;
}

static const struct state_field context_state[] = { STATE_FIELD(struct e1000_context, ipcss),
                                                    STATE_FIELD(struct e1000_context, ipcso),
                                                    STATE_FIELD(struct e1000_context, ipcse),
                                                    STATE_FIELD(struct e1000_context, tucss),
                                                    STATE_FIELD(struct e1000_context, tucso),
                                                    STATE_FIELD(struct e1000_context, tucse),
                                                    STATE_FIELD(struct e1000_context, hdrlen),
                                                    STATE_FIELD(struct e1000_context, mss),
                                                    STATE_FIELD(struct e1000_context, ip4),
                                                    STATE_FIELD(struct e1000_context, tcp),
                                                    {} };

static const struct state_field microwire_state[] = {
    STATE_FIELD(struct e1000_microwire, in),
    STATE_FIELD(struct e1000_microwire, in_count),
    STATE_FIELD(struct e1000_microwire, out),
    STATE_FIELD(struct e1000_microwire, out_count),
    STATE_FIELD(struct e1000_microwire, address, .max = E1000_EEPROM_WORDS - 1),
    STATE_FIELD(struct e1000_microwire, reading),
    STATE_FIELD(struct e1000_microwire, level),
    STATE_FIELD(struct e1000_microwire, write_enabled),
    {}
};

static const struct state_field e1000_state[] = {
    STATE_REG_TABLE(e1000_regs),
    STATE_FIELD(struct e1000, ioaddr),
    STATE_ARRAY(struct e1000, phy),
    STATE_ARRAY(struct e1000, eeprom),
    STATE_SUB(struct e1000, microwire, microwire_state),
    STATE_SUB_ARRAY(struct e1000, context, context_state),
    STATE_FIELD(struct e1000, link),
    STATE_TIMER_FIELD(struct e1000, link_timer),
    STATE_TIMER_FIELD(struct e1000, itr_timer),
    STATE_TIMER_FIELD(struct e1000, rx_timer),
    STATE_TIMER_FIELD(struct e1000, rx_absolute_timer),
    STATE_TIMER_FIELD(struct e1000, tx_timer),
    STATE_TIMER_FIELD(struct e1000, tx_absolute_timer),
    {}
};

bool e1000_get_bootindex(const struct device *dev, uint32_t *bootindex)
{
    if (dev->kind != &e1000_kind && dev->kind != &e1000_82545em_kind)
        return false;
    *bootindex = ((const struct e1000 *)dev)->bootindex;
    return true;
}

static const struct property e1000_properties[] = {
    PROPERTY("netdev", PROP_HOST, struct e1000, net, .host = "netdev", .help = "the -netdev's id"),
    PROPERTY("mac", PROP_STRING, struct e1000, mac, .help = "address, 52:54:00:12:34:56"),
    PROPERTY("bootindex", PROP_UINT, struct e1000, bootindex, .initial = "0xffffffff",
             .help = "place in the boot order"),
    {}
};

static const struct pci_info e1000_pci = {
    .vendor = 0x8086,
    .device = 0x100e,
    .subsystem_vendor = 0x8086,
    .subsystem = 0x001e, /* PRO/1000 MT Desktop Adapter */
    .class_code = 0x020000,
    .revision = 2,
    .interrupt_pin = 1,
};

static const struct pci_info e1000_82545em_pci = {
    .vendor = 0x8086,
    .device = 0x100f,
    .subsystem_vendor = 0x8086,
    .subsystem = 0x1001, /* PRO/1000 MT Server Adapter */
    .class_code = 0x020000,
    .revision = 1,
    .interrupt_pin = 1,
};

#define E1000_KIND(kind_name, kind_desc, info)                                                  \
    {                                                                                           \
        .name = (kind_name), .desc = (kind_desc), .size = sizeof(struct e1000), .user = true,   \
        .base = &pci_device_base, .pci = (info), .properties = e1000_properties,                \
        .state = e1000_state, .state_version = 1, .create = e1000_create, .reset = e1000_reset, \
        .post_load = e1000_post_load, .destroy = e1000_destroy                                  \
    }

const struct device_kind e1000_kind = E1000_KIND("e1000", "Intel 82540EM gigabit Ethernet",
                                                 &e1000_pci);
const struct device_kind e1000_82545em_kind = E1000_KIND(
    "e1000-82545em", "Intel 82545EM gigabit Ethernet", &e1000_82545em_pci);
