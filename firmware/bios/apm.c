/*
 * Advanced power management.
 */
#include "apm.h"
#include "interrupt.h"
#include "runtime.h"
#include "x86.h"

#define APM_BAD_DEVICE 0x09
#define APM_BAD_VALUE  0x0A
#define APM_NO_EVENT   0x80
#define ALL_DEVICES    0x0001
#define STATE_OFF      0x0003

#define PM1_CONTROL  4 /* from the PIIX4's power management base */
#define SLEEP_ENABLE 0x2000

/* Soft off: SLP_TYP 0 is S5 on the PIIX4 (datasheet 7.2.2). */
static void power_off(void)
{
    if (rt.pm_base)
        outw(rt.pm_base + PM1_CONTROL, SLEEP_ENABLE);
    for (;;)
        irq_sleep();
}

static void set_power_state(struct regs *r)
{
    if (r->bx.x != ALL_DEVICES)
        set_status(r, APM_BAD_DEVICE);
    else if (r->cx.x == STATE_OFF)
        power_off();
    else
        set_status(r, APM_BAD_VALUE);
}

static void power_status(struct regs *r)
{
    r->bx.x = 0x01FF; /* on line; no battery */
    r->cx.x = 0x80FF;
    r->dx.x = 0xFFFF;
    set_status(r, 0);
}

void apm_int15(struct regs *r)
{
    switch (r->ax.l) {
    case 0x00: /* installation check */
        set_status(r, 0);
        r->bx.x = 0x504D; /* "PM" */
        r->ax.x = 0x0102;
        r->cx.x = 0x0000; /* real mode only */
        break;
    case 0x01: /* connect, disconnect, idle, busy, enable, engage, driver version */
    case 0x04:
    case 0x06:
    case 0x08:
    case 0x0D:
    case 0x0F: set_status(r, 0); break;
    case 0x05:
        irq_sleep();
        set_status(r, 0);
        break;
    case 0x07: set_power_state(r); break;
    case 0x0A: power_status(r); break;
    case 0x0B: set_status(r, APM_NO_EVENT); break;
    case 0x0E:
        r->ax.x = 0x0102;
        set_flag(r, FLAG_CF, 0);
        break;
    default: set_unsupported(r); break;
    }
}
