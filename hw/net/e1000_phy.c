/*
 * The PHY: an 88E1000 behind MDIC (SDM 13.4.8, chapter 11), at the other end of whose cable is a
 * gigabit partner that negotiates everything but PAUSE.
 */
#include "hw/net/e1000_internal.h"

#include <string.h>

#define PHY_ADDRESS 1

/* Auto-negotiation takes about half a second on a short cable; a forced link is there sooner. */
#define NEGOTIATION_NS (500 * NS_PER_MS)
#define FORCED_LINK_NS (10 * NS_PER_MS)

#define PSTATUS_ABILITIES 0x7949 /* 10 and 100 Mb/s, extended status, no preamble, AN, extended */
#define LPA_PARTNER       0x41e1 /* acknowledged; 10 and 100 Mb/s; 802.3 */
#define GSTATUS_PARTNER   0x7c00 /* 1000 Mb/s both ways, both receivers good, we are master */

static const uint16_t reset_values[PHY_REGISTERS] = {
    [PHY_PCTRL] = 0x1140, /* 1000 Mb/s, full duplex, auto-negotiation */
    [PHY_PSTATUS] = PSTATUS_ABILITIES,
    [PHY_PID] = 0x0141,
    [PHY_EPID] = 0x0c20,
    [PHY_ANA] = 0x0de1, /* 10 and 100 Mb/s, PAUSE, 802.3 */
    [PHY_ANE] = 0x0004,
    [PHY_NPT] = 0x2001,
    [PHY_GCON] = 0x0e00,
    [PHY_ESTATUS] = 0x3000, /* 1000BASE-T, full and half duplex */
    [PHY_PSCON] = 0x0360,   /* automatic crossover, energy detect */
    [PHY_EPSCON1] = 0x0d60,
};

/* Registers that the driver can only read. */
static bool read_only(unsigned reg)
{
    return reg == PHY_PSTATUS || reg == PHY_PID || reg == PHY_EPID || reg == PHY_LPA ||
           reg == PHY_ANE || reg == PHY_LPN || reg == PHY_GSTATUS || reg == PHY_ESTATUS ||
           reg == PHY_PSSTAT || reg == PHY_PINTS || reg == PHY_PREC;
}

static void set_link(struct e1000 *d, bool up)
{
    if (d->link == up)
        return;
    d->link = up;
    if (!up)
        d->phy[PHY_PSTATUS] &= (uint16_t)~PSTATUS_LINK; /* until it is read: latched low */
    d->phy[PHY_PSSTAT] = up ? PSSTAT_LINK_UP : 0;
    e1000_raise(d, ICR_LSC);
}

static void negotiated(struct e1000 *d)
{
    d->phy[PHY_PSTATUS] |= PSTATUS_ANC;
    d->phy[PHY_LPA] = LPA_PARTNER;
    d->phy[PHY_ANE] |= ANE_LP_ANEG | ANE_PAGE;
    d->phy[PHY_GSTATUS] = GSTATUS_PARTNER;
}

static void link_timer_expired(void *opaque)
{
    struct e1000 *d = opaque;

    if ((d->phy[PHY_PCTRL] & PCTRL_ANE) != 0)
        negotiated(d);
    set_link(d, true);
    e1000_rx_refilled(d);
}

/* Takes the link down and, with a cable and power, starts to bring it up. */
static void start_link(struct e1000 *d)
{
    uint16_t control = d->phy[PHY_PCTRL];

    d->phy[PHY_PSTATUS] &= (uint16_t)~PSTATUS_ANC;
    d->phy[PHY_LPA] = d->phy[PHY_GSTATUS] = 0;
    d->phy[PHY_ANE] = reset_values[PHY_ANE];
    timer_cancel(&d->link_timer);
    set_link(d, false);
    if ((control & PCTRL_POWER_DOWN) != 0 || !net_link_up(d->net))
        return;
    timer_set(&d->link_timer, clock_now(d->pci.dev.services->clock) +
                                  ((control & PCTRL_ANE) != 0 ? NEGOTIATION_NS : FORCED_LINK_NS));
}

void e1000_phy_cable(struct e1000 *d)
{
    start_link(d);
}

void e1000_phy_reset(struct e1000 *d)
{
    memcpy(d->phy, reset_values, sizeof(d->phy));
    start_link(d);
}

/*
 * Bits that describe how the link is made take effect at a reset, a restart of auto-negotiation or
 * the end of power-down (SDM 11.1.3). A reset keeps the driver's choices: only the bit is
 * self-clearing.
 */
static void write_control(struct e1000 *d, uint16_t value)
{
    uint16_t old = d->phy[PHY_PCTRL];

    d->phy[PHY_PCTRL] = value & (uint16_t) ~(PCTRL_RESET | PCTRL_RESTART);
    if ((value & (PCTRL_RESET | PCTRL_RESTART)) != 0 || ((old ^ value) & PCTRL_POWER_DOWN) != 0)
        start_link(d);
    if (((old ^ value) & PCTRL_LOOPBACK) != 0)
        e1000_rx_refilled(d);
}

/* Link status says whether there was a link all the time since it was last read. */
static uint16_t read_register(struct e1000 *d, unsigned reg)
{
    uint16_t value = d->phy[reg];

    if (reg == PHY_PSTATUS && d->link)
        d->phy[reg] |= PSTATUS_LINK;
    if (reg == PHY_ANE)
        d->phy[reg] &= (uint16_t)~ANE_PAGE;
    return value;
}

static void write_register(struct e1000 *d, unsigned reg, uint16_t value)
{
    if (reg == PHY_PCTRL)
        write_control(d, value);
    else if (!read_only(reg))
        d->phy[reg] = value;
}

void e1000_write_mdic(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;
    unsigned reg = (value >> MDIC_REG_SHIFT) & 31, phy = (value >> MDIC_PHY_SHIFT) & 31;
    uint32_t result = (uint32_t)value & ~MDIC_ERROR;

    if (phy != PHY_ADDRESS)
        result |= MDIC_ERROR;
    else if ((value & MDIC_OP) == MDIC_OP_READ)
        result = (result & ~MDIC_DATA) | read_register(d, reg);
    else if ((value & MDIC_OP) == MDIC_OP_WRITE)
        write_register(d, reg, (uint16_t)value);
    d->mdic = result | MDIC_READY;
    if ((value & MDIC_INT) != 0)
        e1000_raise(d, ICR_MDAC);
}

void e1000_phy_init(struct e1000 *d)
{
    timer_init(&d->link_timer, d->pci.dev.services->clock, link_timer_expired, d);
}
