/*
 * The MC146818 real-time clock of a PC/AT and its CMOS RAM.
 *
 * Source: Motorola MC146818A datasheet (ADI-1026); the century at 0x32 is the PC's convention,
 * which ACPI announces in the FADT.
 *
 * The clock is an offset to the host's: the time registers are worked out when they are read, the
 * update-in-progress bit and the interrupt flags too. A host timer runs only for an interrupt that
 * the guest has enabled and that is not pending already. While the guest holds the clock (SET, or
 * the divider in reset) the registers are plain storage.
 */
#include "hw/timer/mc146818.h"

#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/state.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum {
    RTC_SECONDS = 0x0,
    RTC_SECONDS_ALARM = 0x1,
    RTC_MINUTES = 0x2,
    RTC_MINUTES_ALARM = 0x3,
    RTC_HOURS = 0x4,
    RTC_HOURS_ALARM = 0x5,
    RTC_DAY_OF_WEEK = 0x6, /* 1 is Sunday */
    RTC_DATE = 0x7,
    RTC_MONTH = 0x8,
    RTC_YEAR = 0x9,
    RTC_A = 0xa,
    RTC_B = 0xb,
    RTC_C = 0xc,
    RTC_D = 0xd,
    RTC_CENTURY = 0x32,
};

#define RTC_SIZE 128

#define A_UIP    0x80
#define A_DV     0x70
#define A_DV_RUN 0x20 /* a 32768 Hz crystal; anything else holds or starves the divider */
#define A_RS     0x0f

#define B_SET  0x80
#define B_PIE  0x40
#define B_AIE  0x20
#define B_UIE  0x10
#define B_SQWE 0x08
#define B_DM   0x04 /* binary, not BCD */
#define B_24H  0x02

#define C_IRQF 0x80
#define C_PF   0x40
#define C_AF   0x20
#define C_UF   0x10

#define D_VRT 0x80

#define HOURS_PM        0x80
#define ALARM_DONT_CARE 0xc0
#define INDEX_MASK      0x7f
#define CRYSTAL_HZ      32768
#define UIP_NS          2228000 /* tBUC + tUC: 244 us of warning, 1984 us of update */
#define OFFSET_LIMIT    INT64_C(1000000000000)
#define EARLIEST        INT64_C(-62230000000) /* the registers reach back to the year 0 */
#define SECONDS_A_DAY   86400
#define ALARM_STEPS_MAX                                                       \
    300 /* the hours, minutes and seconds of a day, each passed at most twice \
         */
#define NO_ALARM INT64_MAX

struct mc146818 {
    struct device dev;
    uint8_t cmos[RTC_SIZE]; /* time registers: valid while the clock is held */
    uint8_t index;          /* port 0x70; bit 7 masks the NMI */
    uint8_t weekday_shift;  /* the guest's day of the week, ahead of the calendar's */
    int64_t offset;         /* seconds the clock is ahead of the divider */
    uint32_t phase;         /* ns the divider is ahead of the host's clock */
    int64_t flagged;        /* divider time up to which the flags are worked out */

    struct timer timer;
    struct region region;
    int64_t base_offset; /* seconds that `base` is ahead of the host's clock */
    void (*changed)(void *opaque, int64_t offset);
    void *changed_opaque;
    /* properties */
    char *base;
};

/* ---- The divider, and the calendar on top of it ---- */

/* Nanoseconds; a whole second is the end of an update cycle. */
static int64_t divider(const struct mc146818 *s)
{
    return clock_wall(s->dev.services->clock) + s->phase;
}

static int64_t seconds_at(const struct mc146818 *s, int64_t divider_time)
{
    return divider_time / NS_PER_S + s->offset;
}

static bool divider_runs(const struct mc146818 *s)
{
    return (s->cmos[RTC_A] & A_DV) == A_DV_RUN;
}

static bool clock_runs(const struct mc146818 *s)
{
    return divider_runs(s) && (s->cmos[RTC_B] & B_SET) == 0;
}

static uint8_t encode(const struct mc146818 *s, int n)
{
    return (uint8_t)((s->cmos[RTC_B] & B_DM) != 0 ? n : n / 10 << 4 | n % 10);
}

static int decode(const struct mc146818 *s, uint8_t reg)
{
    return (s->cmos[RTC_B] & B_DM) != 0 ? reg : (reg >> 4) * 10 + (reg & 15);
}

static uint8_t encode_hours(const struct mc146818 *s, int hour)
{
    if ((s->cmos[RTC_B] & B_24H) != 0)
        return encode(s, hour);
    uint8_t pm = hour >= 12 ? HOURS_PM : 0;
    return encode(s, hour % 12 != 0 ? hour % 12 : 12) | pm;
}

static int decode_hours(const struct mc146818 *s, uint8_t reg)
{
    if ((s->cmos[RTC_B] & B_24H) != 0)
        return decode(s, reg);
    int hour = decode(s, reg & (uint8_t)~HOURS_PM);
    return hour % 12 + ((reg & HOURS_PM) != 0 ? 12 : 0);
}

/* Puts the time into the registers. */
static void show_time(struct mc146818 *s)
{
    time_t now = seconds_at(s, divider(s));
    struct tm tm = { 0 };

    gmtime_r(&now, &tm);
    int year = tm.tm_year + 1900;
    s->cmos[RTC_SECONDS] = encode(s, tm.tm_sec);
    s->cmos[RTC_MINUTES] = encode(s, tm.tm_min);
    s->cmos[RTC_HOURS] = encode_hours(s, tm.tm_hour);
    s->cmos[RTC_DAY_OF_WEEK] = encode(s, (tm.tm_wday + s->weekday_shift) % 7 + 1);
    s->cmos[RTC_DATE] = encode(s, tm.tm_mday);
    s->cmos[RTC_MONTH] = encode(s, tm.tm_mon + 1);
    s->cmos[RTC_YEAR] = encode(s, (year % 100 + 100) % 100);
    s->cmos[RTC_CENTURY] = encode(s, (year / 100 % 100 + 100) % 100);
}

/* Takes the time from the registers; what is no date counts on from the nearest one. */
static void take_time(struct mc146818 *s)
{
    struct tm tm = {
        .tm_sec = decode(s, s->cmos[RTC_SECONDS]),
        .tm_min = decode(s, s->cmos[RTC_MINUTES]),
        .tm_hour = decode_hours(s, s->cmos[RTC_HOURS]),
        .tm_mday = decode(s, s->cmos[RTC_DATE]),
        .tm_mon = decode(s, s->cmos[RTC_MONTH]) - 1,
        .tm_year = decode(s, s->cmos[RTC_CENTURY]) * 100 + decode(s, s->cmos[RTC_YEAR]) - 1900,
    };
    int weekday = decode(s, s->cmos[RTC_DAY_OF_WEEK]) - 1;
    int64_t old = s->offset;

    s->offset = timegm(&tm) - divider(s) / NS_PER_S;
    s->weekday_shift = (uint8_t)((weekday - tm.tm_wday + 14) % 7);
    if (s->offset != old && s->changed != NULL)
        s->changed(s->changed_opaque, s->offset - s->base_offset);
}

static bool update_in_progress(const struct mc146818 *s)
{
    return clock_runs(s) && divider(s) % NS_PER_S >= NS_PER_S - UIP_NS;
}

/* ---- Interrupts ---- */

/* Crystal ticks between two periodic interrupts; 0: there are none. */
static unsigned periodic_ticks(const struct mc146818 *s)
{
    unsigned rs = s->cmos[RTC_A] & A_RS;

    if (rs == 0 || !divider_runs(s))
        return 0;
    return rs <= 2 ? 128u << (rs - 1) : 1u << (rs - 1);
}

static int64_t crystal_at(int64_t divider_time)
{
    return muldiv64(divider_time, CRYSTAL_HZ, NS_PER_S);
}

static bool alarm_matches(int alarm, int64_t value)
{
    return alarm < 0 || alarm == value;
}

/* An alarm register as a number; -1: don't care. */
static int alarm_field(const struct mc146818 *s, uint8_t index)
{
    uint8_t reg = s->cmos[index];

    if ((reg & ALARM_DONT_CARE) == ALARM_DONT_CARE)
        return -1;
    return index == RTC_HOURS_ALARM ? decode_hours(s, reg) : decode(s, reg);
}

/* The first second after `after` at which the alarm goes off. */
static int64_t next_alarm(const struct mc146818 *s, int64_t after)
{
    int hour = alarm_field(s, RTC_HOURS_ALARM), minute = alarm_field(s, RTC_MINUTES_ALARM);
    int second = alarm_field(s, RTC_SECONDS_ALARM);
    int64_t t = after + 1;

    for (unsigned steps = 0; steps < ALARM_STEPS_MAX; steps++) {
        int64_t day = (t % SECONDS_A_DAY + SECONDS_A_DAY) % SECONDS_A_DAY;
        if (!alarm_matches(hour, day / 3600))
            t += 3600 - day % 3600;
        else if (!alarm_matches(minute, day / 60 % 60))
            t += 60 - day % 60;
        else if (!alarm_matches(second, day % 60))
            t++;
        else
            return t;
    }
    return NO_ALARM; /* set to no time of day */
}

/* Sets the flags of what has come to pass since the last time. */
static void work_out_flags(struct mc146818 *s)
{
    int64_t now = divider(s), last = s->flagged;
    unsigned period = periodic_ticks(s);

    s->flagged = now;
    if (now <= last)
        return; /* the host's clock went back */
    if (period != 0 && crystal_at(now) / period != crystal_at(last) / period)
        s->cmos[RTC_C] |= C_PF;
    if (!clock_runs(s) || now / NS_PER_S == last / NS_PER_S)
        return;
    s->cmos[RTC_C] |= C_UF;
    if (next_alarm(s, seconds_at(s, last)) <= seconds_at(s, now))
        s->cmos[RTC_C] |= C_AF;
}

/* The divider time of the next interrupt that is enabled and not pending; INT64_MAX: none. */
static int64_t next_interrupt(const struct mc146818 *s)
{
    uint8_t wanted = s->cmos[RTC_B] & (uint8_t)~s->cmos[RTC_C];
    int64_t now = s->flagged, next = INT64_MAX;
    unsigned period = periodic_ticks(s);

    if ((wanted & B_PIE) != 0 && period != 0) {
        int64_t tick = (crystal_at(now) / period + 1) * period;
        next = muldiv64(tick, NS_PER_S, CRYSTAL_HZ);
        next += crystal_at(next) < tick; /* rounded up */
    }
    if (!clock_runs(s))
        return next;
    if ((wanted & B_UIE) != 0)
        next = MIN(next, (now / NS_PER_S + 1) * NS_PER_S);
    if ((wanted & B_AIE) != 0) {
        int64_t alarm = next_alarm(s, seconds_at(s, now));
        if (alarm != NO_ALARM)
            next = MIN(next, (alarm - s->offset) * NS_PER_S);
    }
    return next;
}

/* Outputs and timer follow from the flags. */
static void drive(struct mc146818 *s)
{
    uint8_t pending = s->cmos[RTC_C] & s->cmos[RTC_B] & (C_PF | C_AF | C_UF);
    s->cmos[RTC_C] &= (uint8_t)~C_IRQF;
    s->cmos[RTC_C] |= pending != 0 ? C_IRQF : 0;
    irq_set(&s->dev.line[0], pending != 0);
    irq_set(&s->dev.line[1], (pending & C_AF) != 0);
    timer_cancel(&s->timer);
    int64_t next = next_interrupt(s);
    if (next != INT64_MAX)
        timer_set(&s->timer, clock_now(s->dev.services->clock) + next - divider(s));
}

static void update(struct mc146818 *s)
{
    work_out_flags(s);
    drive(s);
}

static void timer_expired(void *opaque)
{
    update(opaque);
}

/* ---- Registers ---- */

static bool is_time(uint8_t index)
{
    bool alarm = index == RTC_SECONDS_ALARM || index == RTC_MINUTES_ALARM ||
                 index == RTC_HOURS_ALARM;
    return index == RTC_CENTURY || (index <= RTC_YEAR && !alarm);
}

static uint8_t read_c(struct mc146818 *s)
{
    update(s);
    uint8_t flags = s->cmos[RTC_C];
    s->cmos[RTC_C] = 0;
    drive(s);
    return flags;
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size)
{
    struct mc146818 *s = opaque;
    uint8_t index = s->index & INDEX_MASK;

    if (offset == 0)
        return 0xff; /* write-only */
    if (index == RTC_C)
        return read_c(s);
    if (index == RTC_A)
        return s->cmos[RTC_A] | (update_in_progress(s) ? A_UIP : 0u);
    if (is_time(index) && clock_runs(s))
        show_time(s);
    return s->cmos[index];
}

/* Out of reset the divider has its first update after half a second. */
static void release_divider(struct mc146818 *s)
{
    int64_t wall = clock_wall(s->dev.services->clock);

    s->phase = (uint32_t)((NS_PER_S + NS_PER_S / 2 - wall % NS_PER_S) % NS_PER_S);
    s->flagged = divider(s);
}

/* Registers A and B hold the clock and let it go. */
static void write_control(struct mc146818 *s, uint8_t index, uint8_t value)
{
    bool ran = clock_runs(s), divided = divider_runs(s);

    if (ran)
        show_time(s);
    s->cmos[index] = value;
    if ((s->cmos[RTC_B] & B_SET) != 0)
        s->cmos[RTC_B] &= (uint8_t)~B_UIE;
    if (divider_runs(s) && !divided)
        release_divider(s);
    if (clock_runs(s) && !ran)
        take_time(s);
}

static void write_register(struct mc146818 *s, uint8_t index, uint8_t value)
{
    switch (index) {
    case RTC_A: write_control(s, RTC_A, value & (uint8_t)~A_UIP); return;
    case RTC_B: write_control(s, RTC_B, value); return;
    case RTC_C:
    case RTC_D: return; /* read-only */
    default: break;
    }
    if (!is_time(index) || !clock_runs(s)) {
        s->cmos[index] = value;
        return;
    }
    show_time(s);
    s->cmos[index] = value;
    take_time(s);
}

static void rtc_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct mc146818 *s = opaque;

    if (offset == 0) {
        s->index = (uint8_t)value;
        return;
    }
    work_out_flags(s); /* by what the registers were */
    write_register(s, s->index & INDEX_MASK, (uint8_t)value);
    update(s);
}

static const struct region_ops rtc_ops = { .read = rtc_read, .write = rtc_write };

void mc146818_set_cmos(struct device *dev, uint8_t index, uint8_t value)
{
    if (index > RTC_D && index < RTC_SIZE && index != RTC_CENTURY)
        ((struct mc146818 *)dev)->cmos[index] = value;
}

void mc146818_on_change(struct device *dev, void (*fn)(void *opaque, int64_t offset), void *opaque)
{
    struct mc146818 *s = (struct mc146818 *)dev;

    s->changed = fn;
    s->changed_opaque = opaque;
}

/* ---- Life ---- */

static bool parse_date(const char *text, time_t *out)
{
    static const char *const formats[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };

    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        struct tm tm = { 0 };
        const char *end = strptime(text, formats[i], &tm);
        if (end != NULL && *end == '\0') {
            *out = timegm(&tm);
            return true;
        }
    }
    return false;
}

static int set_base(struct mc146818 *s, GError **err)
{
    time_t now = clock_wall(s->dev.services->clock) / NS_PER_S, then;
    struct tm tm = { 0 };

    if (strcmp(s->base, "utc") == 0)
        then = now;
    else if (strcmp(s->base, "localtime") == 0)
        then = timegm(localtime_r(&now, &tm));
    else if (!parse_date(s->base, &then))
        return fail(err, EINVAL, "-rtc base=%s: not utc, localtime or a date like %s", s->base,
                    "2006-06-17T16:01:21");
    s->offset = s->base_offset = then - now;
    return 0;
}

static int mc146818_create(struct device *dev, GError **err)
{
    struct mc146818 *s = (struct mc146818 *)dev;

    timer_init(&s->timer, dev->services->clock, timer_expired, s);
    int rc = set_base(s, err);
    if (rc < 0)
        return rc;
    /* What a battery kept: the clock runs, 24 hours, BCD, 1024 Hz. */
    s->cmos[RTC_A] = A_DV_RUN | 6;
    s->cmos[RTC_B] = B_24H;
    s->cmos[RTC_D] = D_VRT;
    s->flagged = divider(s);
    s->region = (struct region){
        .name = "mc146818", .ops = &rtc_ops, .owner = dev, .opaque = s, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &s->region, BUS_PIO, 0x70, 2);
    return 0;
}

/* The RESET# pin disables interrupts; time and RAM are on the battery. */
static void mc146818_reset(struct device *dev)
{
    struct mc146818 *s = (struct mc146818 *)dev;

    s->index = 0;
    s->cmos[RTC_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    work_out_flags(s);
    s->cmos[RTC_C] = 0;
    drive(s);
}

static int mc146818_post_load(struct device *dev, GError **err)
{
    struct mc146818 *s = (struct mc146818 *)dev;

    if (s->offset < -OFFSET_LIMIT || s->offset > OFFSET_LIMIT ||
        seconds_at(s, divider(s)) < EARLIEST)
        return fail(err, EINVAL, "saved state: device %s: field offset is no date", dev->id);
    s->cmos[RTC_A] &= (uint8_t)~A_UIP;
    s->cmos[RTC_D] = D_VRT;
    drive(s);
    return 0;
}

static void mc146818_destroy(struct device *dev)
{
    struct mc146818 *s = (struct mc146818 *)dev;

    timer_cancel(&s->timer);
    bus_unmap(dev->services->bus, &s->region);
}

static const struct property mc146818_properties[] = {
    PROPERTY("base", PROP_STRING, struct mc146818, base, .initial = "utc",
             .help = "utc, localtime or a date like 2006-06-17T16:01:21"),
    {},
};

static const struct state_field mc146818_state[] = {
    STATE_ARRAY(struct mc146818, cmos),
    STATE_FIELD(struct mc146818, index),
    STATE_FIELD(struct mc146818, weekday_shift, .max = 6),
    STATE_FIELD(struct mc146818, offset),
    STATE_FIELD(struct mc146818, phase, .max = NS_PER_S - 1),
    STATE_FIELD(struct mc146818, flagged, .max = INT64_MAX / 2),
    {},
};

const struct device_kind mc146818_kind = {
    .name = "mc146818rtc",
    .desc = "MC146818 real-time clock and CMOS RAM",
    .size = sizeof(struct mc146818),
    .properties = mc146818_properties,
    .state = mc146818_state,
    .state_version = 1,
    .n_lines = 2,
    .create = mc146818_create,
    .reset = mc146818_reset,
    .post_load = mc146818_post_load,
    .destroy = mc146818_destroy,
};
