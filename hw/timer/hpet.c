/*
 * The high precision event timer: a counter and three comparators.
 *
 * Source: IA-PC HPET specification 1.0a, 2.3 (registers) and 2.4.
 *
 * The counter follows from the clock. One host timer is armed for the earliest match that can
 * interrupt; matches that nobody is told of are worked out when the guest looks. Whatever the
 * guest writes, matches cost one step each however many periods have passed, and periodic
 * interrupts come no closer than MIN_PERIOD_NS.
 */
#include "hw/timer/hpet.h"

#include "base/bytes.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/state.h"

#define HPET_SIZE 0x400
#define N_TIMERS  3

/* Offsets. */
enum {
    GCAP_ID = 0x000,
    GEN_CONF = 0x010,
    GINTR_STA = 0x020,
    MAIN_CNT = 0x0f0,
    TIMER_BASE = 0x100, /* 0x20 for each timer */
    TIMER_END = TIMER_BASE + N_TIMERS * 0x20,
    TN_CONF = 0x00,
    TN_COMPARATOR = 0x08,
    TN_FSB_ROUTE = 0x10,
};

/* Revision 1, three timers, 64 bits, legacy replacement, Intel; the period is in the upper half. */
#define GCAP_LOW UINT64_C(0x8086a201)

#define ENABLE_CNF 0x1
#define LEG_RT_CNF 0x2

#define TN_INT_TYPE_CNF UINT64_C(0x0002) /* level */
#define TN_INT_ENB_CNF  UINT64_C(0x0004)
#define TN_TYPE_CNF     UINT64_C(0x0008) /* periodic */
#define TN_PER_INT_CAP  UINT64_C(0x0010)
#define TN_SIZE_CAP     UINT64_C(0x0020)
#define TN_VAL_SET_CNF  UINT64_C(0x0040)
#define TN_32MODE_CNF   UINT64_C(0x0100)
#define TN_ROUTE_MASK   UINT64_C(0x3e00)
#define TN_ROUTE(conf)  ((unsigned)((conf) >> 9 & 31))
#define TN_FSB_EN_CNF   UINT64_C(0x4000)
#define TN_FSB_CAP      UINT64_C(0x8000)
#define TN_WRITE                                                                       \
    (TN_INT_TYPE_CNF | TN_INT_ENB_CNF | TN_TYPE_CNF | TN_VAL_SET_CNF | TN_32MODE_CNF | \
     TN_ROUTE_MASK)

#define N_PINS      24
#define NO_PIN      N_PINS
#define LEGACY_PIN0 2
#define LEGACY_PIN1 8

#define FS_PER_NS     1000000
#define MIN_PERIOD_NS (50 * NS_PER_US)
/* A match further away than this many ticks (22 years at 100 MHz) is not waited for. */
#define FAR_TICKS     (INT64_C(1) << 56)

struct hpet_timer {
    uint64_t conf, comparator, fsb_route;
    uint64_t period; /* what was last written to the comparator */
};

struct hpet {
    struct device dev;
    uint64_t gen_conf, gintr_sta;
    uint64_t main_cnt; /* while it is halted */
    uint64_t ahead;    /* while it runs: of the ticks since the clock's time 0 */
    uint64_t seen;     /* the count up to which matches are worked out */
    struct hpet_timer timer[N_TIMERS];

    struct timer next;
    struct region region;
    uint32_t driven; /* pins that are high */
    /* properties */
    uint64_t base;
    uint32_t period_fs, intcap;
    bool msi;
};

/* ---- Counting ---- */

static uint64_t clock_ticks(const struct hpet *s)
{
    return (uint64_t)muldiv64(clock_now(s->dev.services->clock), FS_PER_NS, s->period_fs);
}

/* The first moment at which clock_ticks() is ticks. */
static int64_t tick_time(const struct hpet *s, uint64_t ticks)
{
    int64_t ns = muldiv64((int64_t)ticks, s->period_fs, FS_PER_NS);

    return ns + (muldiv64(ns, FS_PER_NS, s->period_fs) < (int64_t)ticks);
}

static bool is_enabled(const struct hpet *s)
{
    return (s->gen_conf & ENABLE_CNF) != 0;
}

static uint64_t main_counter(const struct hpet *s)
{
    return is_enabled(s) ? clock_ticks(s) + s->ahead : s->main_cnt;
}

static void set_main_counter(struct hpet *s, uint64_t value)
{
    s->main_cnt = s->seen = value;
    s->ahead = value - clock_ticks(s);
}

static uint64_t width(const struct hpet_timer *t)
{
    return (t->conf & TN_32MODE_CNF) != 0 ? UINT32_MAX : UINT64_MAX;
}

/* Ticks from the count `seen` until just before the next match, so that a full turn fits too. */
static uint64_t ticks_before_match(const struct hpet *s, const struct hpet_timer *t)
{
    return (t->comparator - s->seen - 1) & width(t);
}

/* ---- Interrupts ---- */

static bool is_level(const struct hpet_timer *t)
{
    return (t->conf & TN_INT_TYPE_CNF) != 0;
}

/* The pin that timer n is routed to, or NO_PIN. */
static unsigned pin_of(const struct hpet *s, unsigned n)
{
    unsigned route = TN_ROUTE(s->timer[n].conf);

    if ((s->gen_conf & LEG_RT_CNF) != 0 && n < 2)
        return n == 0 ? LEGACY_PIN0 : LEGACY_PIN1;
    return route < N_PINS && (s->intcap & 1u << route) != 0 ? route : NO_PIN;
}

static bool uses_messages(const struct hpet *s, unsigned n)
{
    bool legacy = (s->gen_conf & LEG_RT_CNF) != 0 && n < 2;
    return (s->timer[n].conf & TN_FSB_EN_CNF) != 0 && !legacy;
}

/* A match of an edge-triggered timer. */
static void send_edge(struct hpet *s, unsigned n)
{
    const struct services *services = s->dev.services;
    const struct hpet_timer *t = &s->timer[n];
    unsigned pin = pin_of(s, n);

    if ((t->conf & TN_INT_ENB_CNF) == 0)
        return;
    if (uses_messages(s, n)) {
        services->msi(services->opaque, t->fsb_route >> 32, (uint32_t)t->fsb_route);
    } else if (pin != NO_PIN) {
        irq_set(&s->dev.line[pin], true);
        irq_set(&s->dev.line[pin], (s->driven & 1u << pin) != 0);
    }
}

static void match(struct hpet *s, unsigned n, uint64_t ticks_ago)
{
    struct hpet_timer *t = &s->timer[n];

    if ((t->conf & TN_TYPE_CNF) != 0 && t->period != 0)
        t->comparator = (t->comparator + (ticks_ago / t->period + 1) * t->period) & width(t);
    if (is_level(t))
        s->gintr_sta |= UINT64_C(1) << n;
    else
        send_edge(s, n);
}

/* Finds what has matched since the last time. */
static void work_out_matches(struct hpet *s)
{
    uint64_t elapsed = main_counter(s) - s->seen;

    if ((int64_t)elapsed <= 0)
        return; /* nothing, or the clock was set back */
    for (unsigned n = 0; n < N_TIMERS; n++) {
        uint64_t before = ticks_before_match(s, &s->timer[n]);
        if (before < elapsed)
            match(s, n, elapsed - before - 1);
    }
    s->seen += elapsed;
}

static uint32_t level_pins(const struct hpet *s)
{
    uint32_t pins = 0;

    for (unsigned n = 0; n < N_TIMERS; n++) {
        bool active = (s->gintr_sta >> n & 1) != 0 && (s->timer[n].conf & TN_INT_ENB_CNF) != 0;
        unsigned pin = pin_of(s, n);
        if (is_enabled(s) && active && pin != NO_PIN && !uses_messages(s, n))
            pins |= 1u << pin;
    }
    return pins;
}

static bool is_too_fast(const struct hpet *s, const struct hpet_timer *t)
{
    return (t->conf & TN_TYPE_CNF) != 0 &&
           t->period < (uint64_t)(MIN_PERIOD_NS * FS_PER_NS / s->period_fs);
}

/* When timer n interrupts next, in ns of the clock; INT64_MAX: it doesn't. */
static int64_t next_interrupt(const struct hpet *s, unsigned n)
{
    const struct hpet_timer *t = &s->timer[n];
    uint64_t before = ticks_before_match(s, t), ticks = clock_ticks(s);
    bool pending = is_level(t) && (s->gintr_sta >> n & 1) != 0;

    if ((t->conf & TN_INT_ENB_CNF) == 0 || pending || before >= (uint64_t)FAR_TICKS)
        return INT64_MAX;
    uint64_t target = s->seen + before + 1 - s->ahead;
    int64_t distance = (int64_t)(target - ticks);
    if (distance >= FAR_TICKS)
        return INT64_MAX;
    int64_t now = clock_now(s->dev.services->clock), at = distance > 0 ? tick_time(s, target) : now;
    return is_too_fast(s, t) ? MAX(at, now + MIN_PERIOD_NS) : at;
}

/* Outputs and timer follow from the registers. */
static void drive(struct hpet *s)
{
    uint32_t pins = level_pins(s), changed = pins ^ s->driven;
    int64_t next = INT64_MAX;

    s->driven = pins;
    for (unsigned pin = 0; pin < N_PINS; pin++)
        if ((changed & 1u << pin) != 0)
            irq_set(&s->dev.line[pin], (pins & 1u << pin) != 0);
    irq_set(&s->dev.line[HPET_LEGACY], (s->gen_conf & LEG_RT_CNF) != 0);
    for (unsigned n = 0; is_enabled(s) && n < N_TIMERS; n++)
        next = MIN(next, next_interrupt(s, n));
    timer_cancel(&s->next);
    if (next != INT64_MAX)
        timer_set(&s->next, next);
}

static void update(struct hpet *s)
{
    work_out_matches(s);
    drive(s);
}

static void next_expired(void *opaque)
{
    update(opaque);
}

/* ---- Registers ---- */

static uint64_t merge(uint64_t old, uint64_t value, uint64_t lanes)
{
    return (old & ~lanes) | (value & lanes);
}

static void write_gen_conf(struct hpet *s, uint64_t value)
{
    uint64_t count = main_counter(s);

    s->gen_conf = value & (ENABLE_CNF | LEG_RT_CNF);
    set_main_counter(s, count);
}

static void write_timer_conf(struct hpet *s, unsigned n, uint64_t value)
{
    struct hpet_timer *t = &s->timer[n];
    uint64_t writable = TN_WRITE | (s->msi ? TN_FSB_EN_CNF : 0), old = t->conf;

    t->conf = merge(old, value, writable);
    if ((t->conf & TN_TYPE_CNF) == 0)
        t->conf &= ~TN_VAL_SET_CNF;
    /* A route that there is not is not taken: so the guest finds out. */
    if ((s->intcap >> TN_ROUTE(t->conf) & 1) == 0)
        t->conf = merge(t->conf, old, TN_ROUTE_MASK);
    if (!is_level(t))
        s->gintr_sta &= ~(UINT64_C(1) << n);
    t->comparator &= width(t);
    t->period &= width(t);
}

/* In periodic mode this sets the period, and the next match only with VAL_SET. */
static void write_comparator(struct hpet_timer *t, uint64_t value, uint64_t lanes)
{
    lanes &= width(t);
    if (lanes == 0)
        return;
    if ((t->conf & TN_TYPE_CNF) == 0 || (t->conf & TN_VAL_SET_CNF) != 0)
        t->comparator = merge(t->comparator, value, lanes);
    t->period = merge(t->period, value, lanes);
    t->conf &= ~TN_VAL_SET_CNF;
}

static void write_timer(struct hpet *s, uint64_t offset, uint64_t value, uint64_t lanes)
{
    unsigned n = (unsigned)(offset - TIMER_BASE) / 0x20;
    struct hpet_timer *t = &s->timer[n];

    switch (offset % 0x20) {
    case TN_CONF: write_timer_conf(s, n, merge(t->conf, value, lanes)); break;
    case TN_COMPARATOR: write_comparator(t, value, lanes); break;
    case TN_FSB_ROUTE: t->fsb_route = merge(t->fsb_route, value, lanes); break;
    default: break;
    }
}

static void write_register(struct hpet *s, uint64_t offset, uint64_t value, uint64_t lanes)
{
    switch (offset) {
    case GEN_CONF: write_gen_conf(s, merge(s->gen_conf, value, lanes)); break;
    case GINTR_STA: s->gintr_sta &= ~(value & lanes); break;
    case MAIN_CNT: set_main_counter(s, merge(main_counter(s), value, lanes)); break;
    default:
        if (offset >= TIMER_BASE && offset < TIMER_END)
            write_timer(s, offset, value, lanes);
        break;
    }
}

static uint64_t read_timer(const struct hpet *s, uint64_t offset)
{
    const struct hpet_timer *t = &s->timer[(offset - TIMER_BASE) / 0x20];

    switch (offset % 0x20) {
    case TN_CONF: return t->conf;
    case TN_COMPARATOR: return t->comparator;
    case TN_FSB_ROUTE: return t->fsb_route;
    default: return 0;
    }
}

static uint64_t read_register(const struct hpet *s, uint64_t offset)
{
    switch (offset) {
    case GCAP_ID: return (uint64_t)s->period_fs << 32 | GCAP_LOW;
    case GEN_CONF: return s->gen_conf;
    case GINTR_STA: return s->gintr_sta;
    case MAIN_CNT: return main_counter(s);
    default: break;
    }
    return offset >= TIMER_BASE && offset < TIMER_END ? read_timer(s, offset) : 0;
}

/* 64-bit registers, of which halves can be accessed. */
static uint64_t hpet_read(void *opaque, uint64_t offset, unsigned size)
{
    struct hpet *s = opaque;
    uint64_t reg = offset & ~UINT64_C(7);

    if (reg != MAIN_CNT)
        update(s);
    return read_register(s, reg) >> (8 * (offset & 7));
}

static void hpet_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct hpet *s = opaque;
    unsigned shift = 8 * (offset & 7);

    work_out_matches(s); /* by what the registers were */
    write_register(s, offset & ~UINT64_C(7), value << shift, size_mask(size) << shift);
    drive(s);
}

static const struct region_ops hpet_ops = { .read = hpet_read, .write = hpet_write, .impl = 4 | 8 };

/* ---- Life ---- */

static int hpet_create(struct device *dev, GError **err)
{
    struct hpet *s = (struct hpet *)dev;

    timer_init(&s->next, dev->services->clock, next_expired, s);
    s->region = (struct region){
        .name = "hpet", .ops = &hpet_ops, .owner = dev, .opaque = s, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &s->region, BUS_MMIO, s->base, HPET_SIZE);
    return 0;
}

/* What the guest can't write of a timer's configuration. */
static uint64_t capabilities(const struct hpet *s)
{
    return (uint64_t)s->intcap << 32 | TN_PER_INT_CAP | TN_SIZE_CAP | (s->msi ? TN_FSB_CAP : 0);
}

static void hpet_reset(struct device *dev)
{
    struct hpet *s = (struct hpet *)dev;

    s->gen_conf = s->gintr_sta = 0;
    set_main_counter(s, 0);
    for (unsigned n = 0; n < N_TIMERS; n++)
        s->timer[n] = (struct hpet_timer){ .conf = capabilities(s), .comparator = UINT64_MAX };
    drive(s);
}

static int hpet_post_load(struct device *dev, GError **err)
{
    struct hpet *s = (struct hpet *)dev;

    for (unsigned n = 0; n < N_TIMERS; n++) {
        struct hpet_timer *t = &s->timer[n];
        t->conf &= TN_WRITE | (s->msi ? TN_FSB_EN_CNF : 0);
        t->conf |= capabilities(s);
        t->comparator &= width(t);
        t->period &= width(t);
    }
    /* Matches of the future can't be worked out: they would be due for ever. */
    if ((int64_t)(main_counter(s) - s->seen) < 0)
        s->seen = main_counter(s);
    drive(s);
    return 0;
}

static void hpet_destroy(struct device *dev)
{
    struct hpet *s = (struct hpet *)dev;

    timer_cancel(&s->next);
    bus_unmap(dev->services->bus, &s->region);
}

static const struct property hpet_properties[] = {
    PROPERTY("base", PROP_UINT, struct hpet, base, .initial = "0xfed00000",
             .help = "address of the registers"),
    PROPERTY("period", PROP_UINT, struct hpet, period_fs, .initial = "10000000", .min = 1000000,
             .max = 100000000, .help = "of the counter, in femtoseconds"),
    PROPERTY("intcap", PROP_UINT, struct hpet, intcap, .initial = "0xf00004", .max = 0xffffff,
             .help = "IOAPIC pins that a timer may be routed to, a bit each"),
    PROPERTY("msi", PROP_BOOL, struct hpet, msi, .help = "timers can send messages"),
    {},
};

static const struct state_field timer_state[] = {
    STATE_FIELD(struct hpet_timer, conf),
    STATE_FIELD(struct hpet_timer, comparator),
    STATE_FIELD(struct hpet_timer, fsb_route),
    STATE_FIELD(struct hpet_timer, period),
    {},
};

static const struct state_field hpet_state[] = {
    STATE_FIELD(struct hpet, gen_conf, .max = ENABLE_CNF | LEG_RT_CNF),
    STATE_FIELD(struct hpet, gintr_sta, .max = (1 << N_TIMERS) - 1),
    STATE_FIELD(struct hpet, main_cnt),
    STATE_FIELD(struct hpet, ahead),
    STATE_FIELD(struct hpet, seen),
    STATE_SUB_ARRAY(struct hpet, timer, timer_state),
    {},
};

const struct device_kind hpet_kind = {
    .name = "hpet",
    .desc = "high precision event timer",
    .size = sizeof(struct hpet),
    .properties = hpet_properties,
    .state = hpet_state,
    .state_version = 1,
    .n_lines = HPET_N_LINES,
    .create = hpet_create,
    .reset = hpet_reset,
    .post_load = hpet_post_load,
    .destroy = hpet_destroy,
};
