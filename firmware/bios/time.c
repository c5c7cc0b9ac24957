/*
 * Timer tick and real-time clock (PC/AT Technical Reference; MC146818 datasheet).
 */
#include "time.h"
#include "bda.h"
#include "floppy.h"
#include "interrupt.h"
#include "pcibios.h"
#include "runtime.h"
#include "timer.h"
#include "x86.h"

#define TICKS_A_DAY 0x1800B0

#define RTC_SECONDS 0x00
#define RTC_MINUTES 0x02
#define RTC_HOURS   0x04
#define RTC_DAY     0x07
#define RTC_MONTH   0x08
#define RTC_YEAR    0x09
#define RTC_A       0x0A
#define RTC_B       0x0B
#define RTC_C       0x0C
#define RTC_CENTURY 0x32
#define A_UPDATING  0x80
#define B_SET       0x80
#define B_PERIODIC  0x40
#define B_ALARM     0x20
#define B_DST       0x01

#define PERIOD_US    976 /* 1024 Hz */
#define WAIT_RUNNING 0x01

void time_int08(struct regs *r)
{
    BDA->ticks++;
    if (BDA->ticks >= TICKS_A_DAY) {
        BDA->ticks = 0;
        BDA->midnight++;
    }
    floppy_tick();
    call_hook(0x1C);
    irq_end(0);
}

static void stop_wait(void)
{
    BDA->wait_active = 0;
    cmos_write(RTC_B, cmos_read(RTC_B) & ~B_PERIODIC);
}

static void periodic_tick(void)
{
    if (!(BDA->wait_active & WAIT_RUNNING))
        return;
    if (BDA->wait_count > PERIOD_US) {
        BDA->wait_count -= PERIOD_US;
        return;
    }
    uint16_t seg = (uint16_t)(BDA->wait_flag >> 16), off = (uint16_t)BDA->wait_flag;
    stop_wait();
    far_put8(seg, off, far_get8(seg, off) | 0x80);
}

void time_int70(struct regs *r)
{
    uint8_t cause = cmos_read(RTC_C) & cmos_read(RTC_B);
    outb(0x70, 0x0D); /* NMI on again */
    inb(0x71);
    if (cause & B_PERIODIC)
        periodic_tick();
    if (cause & B_ALARM)
        call_hook(0x4A);
    irq_end(8);
}

void time_event_wait(struct regs *r)
{
    if (r->ax.l == 1) {
        stop_wait();
        set_status(r, 0);
        return;
    }
    if (r->ax.l != 0 || (BDA->wait_active & WAIT_RUNNING)) {
        set_flag(r, FLAG_CF, 1);
        return;
    }
    BDA->wait_flag = (uint32_t)r->es << 16 | r->bx.x;
    BDA->wait_count = (uint32_t)r->cx.x << 16 | r->dx.x;
    BDA->wait_active = WAIT_RUNNING;
    outb(0xA1, inb(0xA1) & ~0x01);
    cmos_write(RTC_B, cmos_read(RTC_B) | B_PERIODIC);
    set_status(r, 0);
}

void time_wait(struct regs *r)
{
    uint32_t us = (uint32_t)r->cx.x << 16 | r->dx.x;
    while (us) {
        uint32_t ms = us / 1000 > 100 ? 100 : us / 1000;
        uint32_t deadline = ms ? timer_after(ms) : timer_ticks() + us * 4;
        us = ms ? us - ms * 1000 : 0;
        while (!timer_passed(deadline))
            irq_window();
    }
    set_status(r, 0);
}

/* The clock between two updates; false if it is stopped or never finishes one. */
static bool rtc_ready(void)
{
    uint32_t deadline = timer_after(3);
    while (cmos_read(RTC_A) & A_UPDATING) {
        if (timer_passed(deadline))
            return false;
    }
    return true;
}

static void get_time(struct regs *r)
{
    if (!rtc_ready()) {
        set_flag(r, FLAG_CF, 1);
        return;
    }
    r->dx.h = cmos_read(RTC_SECONDS);
    r->cx.l = cmos_read(RTC_MINUTES);
    r->cx.h = cmos_read(RTC_HOURS);
    r->dx.l = cmos_read(RTC_B) & B_DST;
    r->ax.x = r->cx.h;
    set_flag(r, FLAG_CF, 0);
}

static void set_time(struct regs *r)
{
    uint8_t b = (cmos_read(RTC_B) & ~(B_DST | B_SET)) | (r->dx.l & B_DST);
    cmos_write(RTC_B, b | B_SET);
    cmos_write(RTC_SECONDS, r->dx.h);
    cmos_write(RTC_MINUTES, r->cx.l);
    cmos_write(RTC_HOURS, r->cx.h);
    cmos_write(RTC_B, b);
    r->ax.x = b;
    set_flag(r, FLAG_CF, 0);
}

static void get_date(struct regs *r)
{
    if (!rtc_ready()) {
        set_flag(r, FLAG_CF, 1);
        return;
    }
    r->dx.l = cmos_read(RTC_DAY);
    r->dx.h = cmos_read(RTC_MONTH);
    r->cx.l = cmos_read(RTC_YEAR);
    r->cx.h = cmos_read(RTC_CENTURY);
    r->ax.x = r->cx.h;
    set_flag(r, FLAG_CF, 0);
}

static void set_date(struct regs *r)
{
    uint8_t b = cmos_read(RTC_B) & ~B_SET;
    cmos_write(RTC_B, b | B_SET);
    cmos_write(RTC_DAY, r->dx.l);
    cmos_write(RTC_MONTH, r->dx.h);
    cmos_write(RTC_YEAR, r->cx.l);
    cmos_write(RTC_CENTURY, r->cx.h);
    cmos_write(RTC_B, b);
    r->ax.x = b;
    set_flag(r, FLAG_CF, 0);
}

static void set_alarm(struct regs *r)
{
    uint8_t b = cmos_read(RTC_B);
    if (b & B_ALARM) {
        r->ax.x = 0;
        set_flag(r, FLAG_CF, 1);
        return;
    }
    cmos_write(RTC_SECONDS + 1, r->dx.h);
    cmos_write(RTC_MINUTES + 1, r->cx.l);
    cmos_write(RTC_HOURS + 1, r->cx.h);
    outb(0xA1, inb(0xA1) & ~0x01);
    cmos_write(RTC_B, (b & ~B_SET) | B_ALARM);
    set_flag(r, FLAG_CF, 0);
}

static void get_ticks(struct regs *r)
{
    uint32_t ticks = BDA->ticks;
    r->cx.x = (uint16_t)(ticks >> 16);
    r->dx.x = (uint16_t)ticks;
    r->ax.l = BDA->midnight;
    BDA->midnight = 0;
    r->ax.h = 0;
    set_flag(r, FLAG_CF, 0);
}

void time_int1a(struct regs *r)
{
    switch (r->ax.h) {
    case 0x00: get_ticks(r); break;
    case 0x01:
        BDA->ticks = (uint32_t)r->cx.x << 16 | r->dx.x;
        BDA->midnight = 0;
        set_status(r, 0);
        break;
    case 0x02: get_time(r); break;
    case 0x03: set_time(r); break;
    case 0x04: get_date(r); break;
    case 0x05: set_date(r); break;
    case 0x06: set_alarm(r); break;
    case 0x07:
        cmos_write(RTC_B, cmos_read(RTC_B) & ~(B_ALARM | B_SET));
        set_status(r, 0);
        break;
    case 0xB1:
        if (rt.has_pci)
            pcibios_call(r, rt.pci_last_bus);
        else
            set_status(r, 0x81);
        break;
    default: set_flag(r, FLAG_CF, 1); break;
    }
}
