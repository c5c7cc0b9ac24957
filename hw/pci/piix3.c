/*
 * Intel 82371SB (PIIX3), function 0, datasheet 290550-002: the PCI-to-ISA bridge.
 *
 * It routes the PCI interrupts to ISA ones (PIRQRC), and resets the machine: hard or soft by the
 * reset control register at 0xCF9, fast by port 0x92.
 */
#include "hw/pci/piix3.h"

#include "base/bytes.h"
#include "hw/core/pci.h"
#include "hw/core/state.h"

/* Configuration registers (datasheet 2.1). */
enum {
    IORT = 0x4c,
    XBCS = 0x4e,
    PIRQRCA = 0x60,
    TOM = 0x69,
    MSTAT = 0x6a,
    MBIRQ0 = 0x70,
    MBDMA0 = 0x76,
    PCSC = 0x78,
    APICBASE = 0x80,
    DLC = 0x82,
    SMICNTL = 0xa0,
    SMIEN = 0xa2,
    SEE = 0xa4,
    FTMR = 0xa8,
    SMIREQ = 0xaa,
    CTLTMR = 0xac,
    CTHTMR = 0xae,
};

#define N_LINKS          4
#define PIRQRC_DISABLE   0x80
#define RC_RCPU          0x04 /* a rising edge resets */
#define RC_SRST          0x02 /* hard, else soft */
#define PORT92_FAST_INIT 0x01
#define PORT92_A20       0x02

/* An interrupt a router may use; the others are the chip set's own (datasheet 2.1.10). */
#define ROUTABLE_IRQS 0xdef8

struct piix3 {
    struct pci_device pci;
    uint8_t rc;     /* 0xCF9 */
    uint8_t port92; /* 0x92 */
    /* inputs; the devices that drive them say again after a load */
    uint32_t intx[4]; /* by pin: a bit per slot */
    /* host */
    struct region rc_region, port92_region;
    struct piix3_link_listener listener;
};

/* ---- Interrupt routing ---- */

/* The wiring of the board: pins rotate from slot to slot, slot 1 INTA# is PIRQA#. */
static unsigned link_of(unsigned slot, unsigned pin)
{
    return (slot + pin + 3) % N_LINKS;
}

static bool link_level(const struct piix3 *p, unsigned link)
{
    for (unsigned pin = 0; pin < 4; pin++)
        for (unsigned slot = 0; slot < 32; slot++)
            if ((p->intx[pin] >> slot & 1) != 0 && link_of(slot, pin) == link)
                return true;
    return false;
}

/* 0: the link is not routed. */
static unsigned link_irq(const struct piix3 *p, unsigned link)
{
    uint8_t pirqrc = p->pci.config[PIRQRCA + link];
    unsigned irq = pirqrc & 0x0f;

    return (pirqrc & PIRQRC_DISABLE) != 0 || (ROUTABLE_IRQS >> irq & 1) == 0 ? 0 : irq;
}

static void update_irqs(struct piix3 *p)
{
    unsigned level = 0;

    for (unsigned link = 0; link < N_LINKS; link++)
        if (link_level(p, link))
            level |= 1u << link_irq(p, link);
    for (unsigned irq = 1; irq < PIIX3_N_IRQS; irq++)
        irq_set(&p->pci.dev.line[irq], (level >> irq & 1) != 0);
}

void piix3_set_intx(struct device *dev, unsigned slot, unsigned pin, bool level)
{
    struct piix3 *p = (struct piix3 *)dev;
    uint32_t bit = UINT32_C(1) << (slot & 31);

    p->intx[pin & 3] = level ? p->intx[pin & 3] | bit : p->intx[pin & 3] & ~bit;
    update_irqs(p);
}

static void tell_links(struct piix3 *p)
{
    for (unsigned link = 0; link < N_LINKS && p->listener.routed != NULL; link++)
        p->listener.routed(p->listener.opaque, link, link_irq(p, link));
}

void piix3_set_link_listener(struct device *dev, const struct piix3_link_listener *listener)
{
    struct piix3 *p = (struct piix3 *)dev;

    p->listener = *listener;
    tell_links(p);
}

static void piix3_config_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    struct piix3 *p = (struct piix3 *)pci;

    if (offset < PIRQRCA + N_LINKS && offset + size > PIRQRCA) {
        update_irqs(p);
        tell_links(p);
    }
}

/* ---- Reset ---- */

static void request_reset(struct piix3 *p)
{
    const struct services *s = p->pci.dev.services;

    s->power(s->opaque, POWER_RESET);
}

static uint64_t rc_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct piix3 *)opaque)->rc;
}

/* Software sets the kind of reset first, then RCPU: only its rising edge acts. */
static void rc_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix3 *p = opaque;
    bool rising = (value & RC_RCPU) != 0 && (p->rc & RC_RCPU) == 0;

    p->rc = value & (RC_RCPU | RC_SRST);
    if (rising)
        request_reset(p);
}

static uint64_t port92_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct piix3 *)opaque)->port92;
}

/* A20 is remembered and not acted upon: every core runs with it open, as firmware leaves it. */
static void port92_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix3 *p = opaque;
    bool rising = (value & PORT92_FAST_INIT) != 0 && (p->port92 & PORT92_FAST_INIT) == 0;

    p->port92 = value & (PORT92_FAST_INIT | PORT92_A20);
    if (rising)
        request_reset(p);
}

static const struct region_ops rc_ops = { .read = rc_read, .write = rc_write, .valid = 1 };
static const struct region_ops port92_ops = { .read = port92_read, .write = port92_write };

/* ---- Life ---- */

static void init_config(struct pci_device *pci)
{
    /* I/O, memory and master are always on; special cycles can be switched. */
    pci_set_config(pci, PCI_COMMAND, 0x0007, 2);
    pci_set_wmask(pci, PCI_COMMAND, 0x0108, 2);
    pci_set_config(pci, PCI_STATUS, 0x0200, 2);
    pci_set_wmask(pci, PCI_INTERRUPT_LINE, 0, 1);
    pci_set_config(pci, IORT, 0x4d, 1);
    pci_set_wmask(pci, IORT, 0x7f, 1);
    pci_set_config(pci, XBCS, 0x0003, 2);
    pci_set_wmask(pci, XBCS, 0x01ff, 2);
    for (unsigned link = 0; link < N_LINKS; link++) {
        pci_set_config(pci, PIRQRCA + link, PIRQRC_DISABLE, 1);
        pci_set_wmask(pci, PIRQRCA + link, PIRQRC_DISABLE | 0x0f, 1);
    }
    pci_set_config(pci, TOM, 0x02, 1);
    pci_set_wmask(pci, TOM, 0xff, 1);
    pci_set_wmask(pci, MSTAT, 0xc0ff, 2);
    pci_set_config(pci, MBIRQ0, PIRQRC_DISABLE, 1);
    pci_set_wmask(pci, MBIRQ0, 0xef, 1);
    pci_set_config(pci, MBDMA0, 0x0c0c, 2);
    pci_set_wmask(pci, MBDMA0, 0x8f8f, 2);
    pci_set_config(pci, PCSC, 0x0002, 2);
    pci_set_wmask(pci, PCSC, 0xffff, 2);
    pci_set_wmask(pci, APICBASE, 0x7f, 1);
    pci_set_wmask(pci, DLC, 0x0f, 1);
    pci_set_config(pci, SMICNTL, 0x08, 1);
    pci_set_wmask(pci, SMICNTL, 0x1f, 1);
    pci_set_wmask(pci, SMIEN, 0x01ff, 2);
    pci_set_wmask(pci, SEE, 0xffffffff, 4);
    pci_set_config(pci, FTMR, 0x0f, 1);
    pci_set_wmask(pci, FTMR, 0xff, 1);
    pci_set_wmask(pci, SMIREQ, 0x01ff, 2);
    pci_set_wmask(pci, CTLTMR, 0xff, 1);
    pci_set_wmask(pci, CTHTMR, 0xff, 1);
}

static int piix3_create(struct device *dev, GError **err)
{
    struct piix3 *p = (struct piix3 *)dev;

    init_config(&p->pci);
    p->rc_region = (struct region){
        .name = "RC", .ops = &rc_ops, .owner = dev, .opaque = p, .priority = REGION_FIXED
    };
    p->port92_region = (struct region){
        .name = "port 92", .ops = &port92_ops, .owner = dev, .opaque = p, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &p->rc_region, BUS_PIO, 0xcf9, 1);
    bus_map(dev->services->bus, &p->port92_region, BUS_PIO, 0x92, 1);
    return 0;
}

static void piix3_reset(struct device *dev)
{
    struct piix3 *p = (struct piix3 *)dev;

    p->rc = 0;
    p->port92 = PORT92_A20;
    update_irqs(p);
    tell_links(p);
}

static int piix3_post_load(struct device *dev, GError **err)
{
    update_irqs((struct piix3 *)dev);
    tell_links((struct piix3 *)dev);
    return 0;
}

static void piix3_destroy(struct device *dev)
{
    struct piix3 *p = (struct piix3 *)dev;

    bus_unmap(dev->services->bus, &p->rc_region);
    bus_unmap(dev->services->bus, &p->port92_region);
}

static const struct state_field piix3_state[] = {
    STATE_FIELD(struct piix3, rc, .max = RC_RCPU | RC_SRST),
    STATE_FIELD(struct piix3, port92, .max = PORT92_FAST_INIT | PORT92_A20),
    {}
};

static const struct pci_info piix3_info = {
    .vendor = 0x8086,
    .device = 0x7000,
    .class_code = 0x060100,
    .multifunction = true,
    .config_written = piix3_config_written,
};

const struct device_kind piix3_kind = {
    .name = "PIIX3",
    .desc = "Intel 82371SB PCI-to-ISA bridge",
    .size = sizeof(struct piix3),
    .base = &pci_device_base,
    .pci = &piix3_info,
    .state = piix3_state,
    .state_version = 1,
    .n_lines = PIIX3_N_IRQS,
    .create = piix3_create,
    .reset = piix3_reset,
    .post_load = piix3_post_load,
    .destroy = piix3_destroy,
};
