/*
 * The 8254 interval timer of a PC, with system control port B, through which the guest reaches
 * counter 2: counter 0 is IRQ0, counter 1 refreshed memory once, counter 2 is the speaker.
 *
 * Sources: Intel 8254 datasheet (231164-005); Intel 82371SB (PIIX3) datasheet, 2.5.1 to 2.5.4 and
 * 2.5.14 (port 0x61).
 *
 * Nothing counts here: a counter remembers when its counting element was loaded and with what, and
 * its value and output follow from the clock when somebody looks. One host timer is armed for the
 * next rising edge of counter 0, if there is one.
 */
#include "hw/timer/i8254.h"

#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/state.h"

#include <errno.h>

#define PIT_HZ 1193182

/* Time 0 is this tick, so that no counter was loaded at a negative one. */
#define FIRST_TICK (1 << 17)
#define TICK_MAX   (UINT64_C(1) << 53)

/* Interrupts closer together than 10 us (for counts that no system uses) are merged. */
#define MIN_RISE_TICKS 12

#define CONTROL_BCD      0x01
#define CONTROL_MODE(c)  ((c) >> 1 & 7)
#define CONTROL_RW(c)    ((c) >> 4 & 3)
#define CONTROL_SC(c)    ((c) >> 6)
#define CONTROL_MASK     0x3f
#define SC_READ_BACK     3
#define READ_BACK_COUNT  0x20 /* low: latch the count */
#define READ_BACK_STATUS 0x10 /* low: latch the status */
#define STATUS_OUT       0x80
#define STATUS_NULL      0x40

enum { RW_LATCH, RW_LSB, RW_MSB, RW_BOTH };

#define PORT_B_GATE2   0x01
#define PORT_B_WRITE   0x0f /* gate 2, speaker data, disable SERR# and IOCHK# */
#define PORT_B_REFRESH 0x10
#define PORT_B_OUT2    0x20
#define REFRESH_NS     15085

struct counter {
    uint8_t control;      /* the control word without its counter number */
    uint8_t status_latch; /* when status_latched */
    uint16_t count_latch; /* when count_latched */
    uint16_t cr;          /* count register: the count as written */
    uint8_t cr_lsb;       /* the first half of a count, until the second comes */
    bool status_latched, count_latched, read_msb, write_msb;
    bool gate;
    bool null_count; /* cr is not in the counting element yet */
    bool written;    /* a count came since the control word */
    bool loaded;     /* the counting element was loaded since the control word */
    uint32_t period; /* what it was loaded with: 1 to 65536 */
    uint64_t start;  /* the tick at which it was loaded */
    uint64_t frozen; /* ticks it had counted when the gate stopped it */
    uint64_t change; /* modes 2 and 3, with null_count: the tick at which cr takes over */
};

struct i8254 {
    struct device dev;
    struct counter counter[3];
    uint8_t port_b;
    bool irq_on;
    struct timer rise; /* the next rising edge of counter 0 */

    struct region region, port_b_region;
};

/* ---- One counter in time ---- */

static uint64_t ticks(const struct i8254 *s)
{
    return (uint64_t)muldiv64(clock_now(s->dev.services->clock), PIT_HZ, NS_PER_S) + FIRST_TICK;
}

/* The first moment at which ticks() is tick. */
static int64_t tick_time(uint64_t tick)
{
    return muldiv64((int64_t)tick - FIRST_TICK, NS_PER_S, PIT_HZ) + 1;
}

/* Modes 6 and 7 are 2 and 3: the top bit is not decoded there. */
static unsigned mode(const struct counter *c)
{
    unsigned m = CONTROL_MODE(c->control);
    return m > 5 ? m & 3 : m;
}

static bool is_periodic(const struct counter *c)
{
    return mode(c) == 2 || mode(c) == 3;
}

/* Loaded by a rising gate, which then does not hold the counting. */
static bool is_triggered(const struct counter *c)
{
    return mode(c) == 1 || mode(c) == 5;
}

static bool is_bcd(const struct counter *c)
{
    return (c->control & CONTROL_BCD) != 0;
}

/* The ticks of a mode 3 period for which the output is high; the odd one goes to the high half. */
static uint32_t high_half(uint32_t period)
{
    return (period + 1) / 2;
}

/* The count that cr stands for; 0 is the largest there is. */
static uint32_t count_from_cr(const struct counter *c)
{
    if (!is_bcd(c))
        return c->cr != 0 ? c->cr : 0x10000;
    uint32_t high = (c->cr >> 12) * 10u + (c->cr >> 8 & 15);
    uint32_t n = high * 100 + (c->cr >> 4 & 15) * 10u + (c->cr & 15);
    return n != 0 ? n : 10000;
}

static bool is_counting(const struct counter *c)
{
    return c->loaded && (c->gate || is_triggered(c));
}

/* Ticks since the counting element was loaded, without those the gate held back. */
static uint64_t elapsed(const struct counter *c, uint64_t now)
{
    if (!is_counting(c))
        return c->frozen;
    return now > c->start ? now - c->start : 0;
}

/* Loads the counting element with the next clock. */
static void load(struct counter *c, uint64_t now)
{
    c->period = count_from_cr(c);
    c->start = now + 1;
    c->frozen = 0;
    c->loaded = true;
    c->null_count = false;
}

static bool change_is_pending(const struct counter *c)
{
    return c->null_count && is_periodic(c) && is_counting(c);
}

/* A count written while mode 2 or 3 runs takes over at the end of the period or half period. */
static void take_over(struct counter *c)
{
    bool low_half = (c->change - c->start) % c->period != 0;

    c->period = count_from_cr(c);
    c->start = c->change - (low_half ? high_half(c->period) : 0);
    c->null_count = false;
}

static void advance(struct counter *c, uint64_t now)
{
    if (change_is_pending(c) && now >= c->change)
        take_over(c);
}

static void schedule_change(struct counter *c, uint64_t now)
{
    uint64_t done = elapsed(c, now), in_period = done % c->period;
    uint32_t high = high_half(c->period);

    c->change = c->start + done - in_period + c->period;
    if (mode(c) == 3 && in_period < high)
        c->change = c->start + done - in_period + high;
}

static bool output(const struct counter *c, uint64_t now)
{
    uint64_t t = elapsed(c, now);

    if (!c->loaded)
        return mode(c) != 0;
    switch (mode(c)) {
    case 0:
    case 1: return t >= c->period;
    case 2: return !c->gate || t % c->period != c->period - 1;
    case 3: return !c->gate || t % c->period < high_half(c->period);
    default: return t != c->period;
    }
}

/* The counting element; modes that count only once go on below zero. */
static int64_t element(const struct counter *c, uint64_t now)
{
    uint64_t t = elapsed(c, now), in_period = t % c->period;
    uint32_t high = high_half(c->period);

    switch (mode(c)) {
    case 2: return (int64_t)(c->period - in_period);
    case 3: /* by twos, an odd count from one less */
        if (in_period >= high)
            in_period -= high;
        return (int64_t)(c->period & ~1u) - 2 * (int64_t)in_period;
    default: return (int64_t)c->period - (int64_t)t;
    }
}

static uint16_t to_bcd(unsigned n)
{
    return (uint16_t)((n / 1000) << 12 | (n / 100 % 10) << 8 | (n / 10 % 10) << 4 | n % 10);
}

/* What the guest reads; below zero comes 0xffff or 9999. */
static uint16_t count(const struct counter *c, uint64_t now)
{
    if (!c->loaded)
        return 0;
    int64_t n = element(c, now);
    return is_bcd(c) ? to_bcd((unsigned)((n % 10000 + 10000) % 10000)) : (uint16_t)n;
}

static void set_gate(struct counter *c, bool gate, uint64_t now)
{
    bool rises = gate && !c->gate;

    advance(c, now);
    c->frozen = elapsed(c, now);
    c->gate = gate;
    if (!rises)
        return;
    if (!is_triggered(c) && !is_periodic(c))
        c->start = now - c->frozen; /* goes on */
    else if (c->written)
        load(c, now);
}

/* ---- IRQ0 ---- */

/* The next rising edge of the output after now; 0: none comes without the guest's doing. */
static uint64_t next_rise(const struct counter *c, uint64_t now)
{
    uint64_t t = elapsed(c, now);

    if (!is_counting(c))
        return 0;
    switch (mode(c)) {
    case 0:
    case 1: return t < c->period ? c->start + c->period : 0;
    case 2:
    case 3: return c->period > 1 ? c->start + t - t % c->period + c->period : 0;
    default: return t <= c->period ? c->start + c->period + 1 : 0;
    }
}

/* The same when a count waits to take over: which may be at an edge, or before the next one. */
static uint64_t next_rise_with_change(const struct counter *c, uint64_t now)
{
    struct counter after = *c;

    if (!change_is_pending(c))
        return next_rise(c, now);
    take_over(&after);
    return after.start == c->change ? c->change : next_rise(&after, c->change);
}

static void arm(struct i8254 *s, uint64_t now)
{
    const struct counter *c = &s->counter[0];
    uint64_t rise = next_rise_with_change(c, now);

    timer_cancel(&s->rise);
    if (rise == 0 || !s->irq_on || s->dev.line[0].set == NULL)
        return;
    if (is_periodic(c) && rise < now + MIN_RISE_TICKS)
        rise = now + MIN_RISE_TICKS;
    timer_set(&s->rise, tick_time(rise));
}

/* Brings the line up to date. rose: a rising edge came since the last time, however short. */
static void update_irq(struct i8254 *s, bool rose)
{
    uint64_t now = ticks(s);

    advance(&s->counter[0], now);
    if (rose) {
        irq_set(&s->dev.line[0], false);
        irq_set(&s->dev.line[0], true);
    }
    irq_set(&s->dev.line[0], s->irq_on && output(&s->counter[0], now));
    arm(s, now);
}

static void rise_expired(void *opaque)
{
    update_irq(opaque, true);
}

/* Before the guest changes something: an edge whose timer is only late is not lost by it. */
static void settle(struct i8254 *s)
{
    bool due = timer_armed(&s->rise) && s->rise.deadline <= clock_now(s->dev.services->clock);

    update_irq(s, due);
}

void i8254_enable_irq(struct device *dev, bool on)
{
    struct i8254 *s = (struct i8254 *)dev;

    settle(s);
    s->irq_on = on;
    update_irq(s, false);
}

/* ---- Ports 0x40 to 0x43 ---- */

static void latch_count(struct counter *c, uint64_t now)
{
    if (c->count_latched)
        return;
    c->count_latch = count(c, now);
    c->count_latched = true;
}

static void latch_status(struct counter *c, uint64_t now)
{
    if (c->status_latched)
        return;
    c->status_latch = c->control | (output(c, now) ? STATUS_OUT : 0) |
                      (c->null_count ? STATUS_NULL : 0);
    c->status_latched = true;
}

static void read_back(struct i8254 *s, uint8_t command, uint64_t now)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(s->counter); i++) {
        if ((command & 2u << i) == 0)
            continue;
        if ((command & READ_BACK_COUNT) == 0)
            latch_count(&s->counter[i], now);
        if ((command & READ_BACK_STATUS) == 0)
            latch_status(&s->counter[i], now);
    }
}

static void write_control(struct i8254 *s, uint8_t value, uint64_t now)
{
    if (CONTROL_SC(value) == SC_READ_BACK) {
        read_back(s, value, now);
        return;
    }
    struct counter *c = &s->counter[CONTROL_SC(value)];
    if (CONTROL_RW(value) == RW_LATCH) {
        latch_count(c, now);
        return;
    }
    c->control = value & CONTROL_MASK;
    c->null_count = true;
    c->written = c->loaded = false;
    c->count_latched = c->status_latched = c->read_msb = c->write_msb = false;
}

/* A whole count was written. */
static void write_count(struct counter *c, uint16_t value, uint64_t now)
{
    bool pending = change_is_pending(c);

    c->cr = value;
    c->written = true;
    c->null_count = true;
    if (is_triggered(c))
        return; /* waits for the gate */
    if (!is_periodic(c) || (!c->loaded && c->gate))
        load(c, now);
    else if (c->gate && !pending)
        schedule_change(c, now);
}

static void write_counter(struct counter *c, uint8_t value, uint64_t now)
{
    switch (CONTROL_RW(c->control)) {
    case RW_LSB: write_count(c, value, now); return;
    case RW_MSB: write_count(c, (uint16_t)(value << 8), now); return;
    default: break;
    }
    if (c->write_msb) {
        write_count(c, (uint16_t)(value << 8 | c->cr_lsb), now);
    } else {
        c->cr_lsb = value;
        if (mode(c) == 0) /* the first byte stops the counting and lowers the output */
            c->loaded = false;
    }
    c->write_msb = !c->write_msb;
}

static uint8_t read_counter(struct counter *c, uint64_t now)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status_latch;
    }
    uint16_t value = c->count_latched ? c->count_latch : count(c, now);
    bool both = CONTROL_RW(c->control) == RW_BOTH;
    bool msb = both ? c->read_msb : CONTROL_RW(c->control) == RW_MSB;
    if (both)
        c->read_msb = !msb;
    if (!both || msb)
        c->count_latched = false;
    return (uint8_t)(msb ? value >> 8 : value);
}

static uint64_t pit_read(void *opaque, uint64_t offset, unsigned size)
{
    struct i8254 *s = opaque;
    uint64_t now = ticks(s);

    if (offset >= G_N_ELEMENTS(s->counter))
        return 0xff; /* there is no reading back the control word: the bus floats */
    advance(&s->counter[offset], now);
    return read_counter(&s->counter[offset], now);
}

static void pit_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8254 *s = opaque;
    uint64_t now = ticks(s);

    settle(s);
    for (unsigned i = 0; i < G_N_ELEMENTS(s->counter); i++)
        advance(&s->counter[i], now);
    if (offset < G_N_ELEMENTS(s->counter))
        write_counter(&s->counter[offset], (uint8_t)value, now);
    else
        write_control(s, (uint8_t)value, now);
    update_irq(s, false);
}

static const struct region_ops pit_ops = { .read = pit_read, .write = pit_write };

/* ---- Port 0x61 ---- */

static uint64_t port_b_read(void *opaque, uint64_t offset, unsigned size)
{
    struct i8254 *s = opaque;
    bool refresh = clock_now(s->dev.services->clock) / REFRESH_NS % 2 != 0;
    uint64_t now = ticks(s);

    advance(&s->counter[2], now);
    bool out2 = output(&s->counter[2], now);
    return s->port_b | (refresh ? PORT_B_REFRESH : 0u) | (out2 ? PORT_B_OUT2 : 0u);
}

static void port_b_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8254 *s = opaque;

    s->port_b = value & PORT_B_WRITE;
    set_gate(&s->counter[2], (value & PORT_B_GATE2) != 0, ticks(s));
}

static const struct region_ops port_b_ops = { .read = port_b_read, .write = port_b_write };

/* ---- Life ---- */

static int i8254_create(struct device *dev, GError **err)
{
    struct i8254 *s = (struct i8254 *)dev;

    timer_init(&s->rise, dev->services->clock, rise_expired, s);
    s->region = (struct region){
        .name = "i8254", .ops = &pit_ops, .owner = dev, .opaque = s, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &s->region, BUS_PIO, 0x40, 4);
    s->port_b_region = (struct region){
        .name = "port-b", .ops = &port_b_ops, .owner = dev, .opaque = s, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &s->port_b_region, BUS_PIO, 0x61, 1);
    return 0;
}

/* Undefined in the datasheet: here mode 0 without a count, which counts and interrupts nothing. */
static void i8254_reset(struct device *dev)
{
    struct i8254 *s = (struct i8254 *)dev;

    for (unsigned i = 0; i < G_N_ELEMENTS(s->counter); i++)
        s->counter[i] = (struct counter){
            .control = RW_BOTH << 4, .null_count = true, .gate = i != 2, .period = 1
        };
    s->port_b = 0;
    s->irq_on = true;
    update_irq(s, false);
}

/* Times that could not have come about would make arithmetic wrap. */
static bool counter_is_sane(const struct counter *c)
{
    if (c->period == 0)
        return false;
    if (c->loaded && c->start < FIRST_TICK / 2)
        return false;
    return !change_is_pending(c) || c->change >= c->start;
}

static int i8254_post_load(struct device *dev, GError **err)
{
    struct i8254 *s = (struct i8254 *)dev;

    for (unsigned i = 0; i < G_N_ELEMENTS(s->counter); i++)
        if (!counter_is_sane(&s->counter[i]))
            return fail(err, EINVAL, "saved state: device %s: counter %u can't have come there",
                        dev->id, i);
    irq_set(&dev->line[0], s->irq_on && output(&s->counter[0], ticks(s)));
    return 0;
}

static void i8254_destroy(struct device *dev)
{
    struct i8254 *s = (struct i8254 *)dev;

    timer_cancel(&s->rise);
    bus_unmap(dev->services->bus, &s->port_b_region);
    bus_unmap(dev->services->bus, &s->region);
}

static const struct state_field counter_state[] = {
    STATE_FIELD(struct counter, control, .max = CONTROL_MASK),
    STATE_FIELD(struct counter, status_latch),
    STATE_FIELD(struct counter, count_latch),
    STATE_FIELD(struct counter, cr),
    STATE_FIELD(struct counter, cr_lsb),
    STATE_FIELD(struct counter, status_latched),
    STATE_FIELD(struct counter, count_latched),
    STATE_FIELD(struct counter, read_msb),
    STATE_FIELD(struct counter, write_msb),
    STATE_FIELD(struct counter, gate),
    STATE_FIELD(struct counter, null_count),
    STATE_FIELD(struct counter, written),
    STATE_FIELD(struct counter, loaded),
    STATE_FIELD(struct counter, period, .max = 0x10000),
    STATE_FIELD(struct counter, start, .max = TICK_MAX),
    STATE_FIELD(struct counter, frozen, .max = TICK_MAX),
    STATE_FIELD(struct counter, change, .max = TICK_MAX),
    {},
};

static const struct state_field i8254_state[] = {
    STATE_SUB_ARRAY(struct i8254, counter, counter_state),
    STATE_FIELD(struct i8254, port_b, .max = PORT_B_WRITE),
    STATE_FIELD(struct i8254, irq_on),
    STATE_TIMER_FIELD(struct i8254, rise),
    {},
};

const struct device_kind i8254_kind = {
    .name = "isa-pit",
    .desc = "8254 interval timer and system control port B",
    .size = sizeof(struct i8254),
    .state = i8254_state,
    .state_version = 1,
    .n_lines = 1,
    .create = i8254_create,
    .reset = i8254_reset,
    .post_load = i8254_post_load,
    .destroy = i8254_destroy,
};
