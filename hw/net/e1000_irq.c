/*
 * Interrupts: cause and mask (SDM 13.4.17 to 13.4.22), the pause that ITR puts between two of them,
 * and the timers that delay RXT0 (RDTR, RADV) and TXDW (TIDV, TADV).
 */
#include "hw/net/e1000_internal.h"

#define ITR_UNIT_NS   256
#define DELAY_UNIT_NS 1024

/* The one place that decides the level of the interrupt pin. */
void e1000_update_irq(struct e1000 *d)
{
    bool level = (d->icr & d->ims) != 0;

    if (level && !d->pci.intx) {
        if (timer_armed(&d->itr_timer))
            return; /* too early after the last one: its expiry comes back here */
        if (d->itr != 0)
            timer_set(&d->itr_timer,
                      clock_now(d->pci.dev.services->clock) + (int64_t)d->itr * ITR_UNIT_NS);
    }
    pci_set_irq(&d->pci, level);
}

void e1000_raise(struct e1000 *d, uint32_t causes)
{
    d->icr |= causes;
    e1000_update_irq(d);
}

/* SDM 13.4.17: reading ICR clears it. */
uint64_t e1000_read_icr(void *dev, unsigned index, uint64_t stored)
{
    struct e1000 *d = dev;

    d->icr = 0;
    e1000_update_irq(d);
    return stored;
}

void e1000_write_icr(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    e1000_update_irq(dev);
}

void e1000_write_ics(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    e1000_raise(dev, (uint32_t)value & ICR_CAUSES);
}

void e1000_write_ims(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    d->ims = (uint32_t)(old | value) & ICR_CAUSES;
    e1000_update_irq(d);
}

void e1000_write_imc(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    d->ims &= ~(uint32_t)value;
    e1000_update_irq(d);
}

void e1000_write_itr(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if (d->itr == 0)
        timer_cancel(&d->itr_timer);
    e1000_update_irq(d);
}

static void itr_expired(void *opaque)
{
    e1000_update_irq(opaque);
}

/* ---- Delays ---- */

/*
 * The packet timer starts again at every event, the absolute one at the first only. A packet timer
 * of 0 means no delay at all (SDM 3.2.7.1, 13.4.30).
 */
static bool start_delay(struct e1000 *d, uint32_t delay, uint32_t absolute, struct timer *timer,
                        struct timer *absolute_timer)
{
    int64_t now = clock_now(d->pci.dev.services->clock);

    if (delay == 0)
        return false;
    timer_set(timer, now + (int64_t)delay * DELAY_UNIT_NS);
    if (absolute != 0 && !timer_armed(absolute_timer))
        timer_set(absolute_timer, now + (int64_t)absolute * DELAY_UNIT_NS);
    return true;
}

static void receive_interrupt(void *opaque)
{
    struct e1000 *d = opaque;

    timer_cancel(&d->rx_timer);
    timer_cancel(&d->rx_absolute_timer);
    e1000_raise(d, ICR_RXT0);
}

void e1000_received(struct e1000 *d)
{
    if (!start_delay(d, d->rdtr, d->radv, &d->rx_timer, &d->rx_absolute_timer))
        receive_interrupt(d);
}

/* FPD: what RDTR delays is due now. */
void e1000_write_rdtr(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;

    if ((value & RDTR_FPD) != 0 && timer_armed(&d->rx_timer))
        receive_interrupt(d);
}

static void transmit_interrupt(void *opaque)
{
    struct e1000 *d = opaque;

    timer_cancel(&d->tx_timer);
    timer_cancel(&d->tx_absolute_timer);
    e1000_raise(d, ICR_TXDW);
}

void e1000_transmitted(struct e1000 *d, bool delay)
{
    if (!delay || !start_delay(d, d->tidv, d->tadv, &d->tx_timer, &d->tx_absolute_timer))
        transmit_interrupt(d);
}

/* ---- Life ---- */

void e1000_irq_init(struct e1000 *d)
{
    struct clock *clock = d->pci.dev.services->clock;

    timer_init(&d->itr_timer, clock, itr_expired, d);
    timer_init(&d->rx_timer, clock, receive_interrupt, d);
    timer_init(&d->rx_absolute_timer, clock, receive_interrupt, d);
    timer_init(&d->tx_timer, clock, transmit_interrupt, d);
    timer_init(&d->tx_absolute_timer, clock, transmit_interrupt, d);
}

void e1000_irq_reset(struct e1000 *d)
{
    timer_cancel(&d->itr_timer);
    timer_cancel(&d->rx_timer);
    timer_cancel(&d->rx_absolute_timer);
    timer_cancel(&d->tx_timer);
    timer_cancel(&d->tx_absolute_timer);
    pci_set_irq(&d->pci, false);
}
