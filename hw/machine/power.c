/*
 * Reset, power, sleep: what the guest asks for, and the buttons on the front of the machine.
 */
#include "base/log.h"
#include "base/loop.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/machine/board.h"
#include "hw/timer/mc146818.h"

/* What the CMOS' shutdown status byte says while the machine sleeps: firmware then resumes. */
#define CMOS_SHUTDOWN_STATUS 0x0f
#define CMOS_RESUME_S3       0xfe

/*
 * Waking from S3 resets everything but the host bridge: memory stays, and so do the registers that
 * say where it is shown, or the firmware would not find its way back.
 */
static void reset_chips(struct machine *m, bool waking)
{
    for (unsigned i = 0; i < m->devices->len; i++)
        if (!waking || m->devices->pdata[i] != m->i440fx)
            device_reset(m->devices->pdata[i]);
    if (m->core->ops->reset != NULL)
        m->core->ops->reset(m->core);
}

static void do_reset(struct machine *m, bool by_guest)
{
    bool go = m->state == MACHINE_RUNNING || m->state == MACHINE_SUSPENDED;

    machine_cpus_stop(m);
    m->power_pending &= ~(1u << POWER_SUSPEND);
    reset_chips(m, false);
    firmware_boot_again(m);
    if (m->state == MACHINE_SHUTDOWN || m->state == MACHINE_INTERNAL_ERROR)
        m->state = MACHINE_PAUSED;
    machine_tell(m, MACHINE_EVENT_RESET, by_guest, 0);
    if (go) {
        m->state = MACHINE_RUNNING;
        machine_cpus_go(m);
    }
}

static void do_power_off(struct machine *m)
{
    machine_cpus_stop(m);
    m->state = MACHINE_SHUTDOWN;
    machine_tell(m, MACHINE_EVENT_SHUTDOWN, true, 0);
    if (!m->no_shutdown && !journal_replaying())
        loop_quit();
}

void machine_suspend(struct machine *m)
{
    machine_cpus_stop(m);
    m->power_pending &= ~(1u << POWER_SUSPEND);
    clock_start(m->services.clock); /* the wake-up timers run on */
    m->state = MACHINE_SUSPENDED;
    if (m->rtc != NULL)
        mc146818_set_cmos(m->rtc, CMOS_SHUTDOWN_STATUS, CMOS_RESUME_S3);
    machine_tell(m, MACHINE_EVENT_SUSPEND, true, 0);
}

void machine_wakeup(struct machine *m)
{
    if (m->state != MACHINE_SUSPENDED || !machine_begin(m, MACHINE_CONTROL_WAKE, 0))
        return;
    reset_chips(m, true);
    m->state = MACHINE_RUNNING;
    machine_cpus_go(m);
    machine_tell(m, MACHINE_EVENT_WAKEUP, false, 0);
    machine_end(m);
}

/* There is no guest to hear while a state is awaited, after its end, or when its core has failed.
 */
static bool hears_guest(const struct machine *m)
{
    return m->state != MACHINE_INMIGRATE && m->state != MACHINE_SHUTDOWN &&
           m->state != MACHINE_INTERNAL_ERROR;
}

/*
 * The strongest request counts. A machine that was stopped meanwhile is reset and switched off all
 * the same, but it falls asleep when it goes on: going on would wake it.
 */
static void do_power(struct machine *m, unsigned pending)
{
    bool off = (pending & 1u << POWER_OFF) != 0;
    bool reset = (pending & 1u << POWER_RESET) != 0;
    bool asleep = (pending & 1u << POWER_SUSPEND) != 0;

    if (!hears_guest(m))
        return;
    if (off || (reset && m->no_reboot))
        do_power_off(m);
    else if (reset)
        do_reset(m, true);
    else if (m->state == MACHINE_SUSPENDED && (pending & 1u << POWER_WAKE) != 0)
        machine_wakeup(m);
    else if (m->state == MACHINE_RUNNING && asleep)
        machine_suspend(m);
    else if (m->state != MACHINE_SUSPENDED && asleep)
        m->power_pending = 1u << POWER_SUSPEND;
}

void machine_handle_power(void *opaque)
{
    struct machine *m = opaque;
    unsigned pending = m->power_pending;

    if (pending == 0 || !machine_begin(m, MACHINE_CONTROL_POWER, pending))
        return;
    m->power_pending = 0;
    m->power_scheduled = false;
    do_power(m, pending);
    machine_end(m);
}

static enum core_shutdown shutdown_reason(enum power_event event)
{
    switch (event) {
    case POWER_RESET: return CORE_SHUTDOWN_RESET;
    case POWER_SUSPEND: return CORE_SHUTDOWN_SUSPEND;
    default: return CORE_SHUTDOWN_OFF;
    }
}

void machine_request_power(void *opaque, enum power_event event)
{
    struct machine *m = opaque;

    if (event == POWER_WAKE && m->state != MACHINE_SUSPENDED)
        return;
    if (event != POWER_WAKE) {
        m->core->hold = true; /* not an instruction more */
        if (m->core->ops->shutdown != NULL)
            m->core->ops->shutdown(m->core, shutdown_reason(event));
    }
    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_POWER, event));
    m->power_pending |= 1u << event;
    if (!m->power_scheduled && !journal_replaying())
        loop_call(machine_handle_power, m);
    m->power_scheduled = true;
}

void machine_reset(struct machine *m)
{
    if (!machine_begin(m, MACHINE_CONTROL_RESET, 0))
        return;
    do_reset(m, false);
    machine_end(m);
}

void machine_power_button(struct machine *m)
{
    if (!machine_begin(m, MACHINE_CONTROL_BUTTON, 0))
        return;
    if (m->pm != NULL)
        piix4_pm_power_button(m->pm);
    machine_tell(m, MACHINE_EVENT_POWERDOWN, false, 0);
    machine_end(m);
}

void machine_nmi(struct machine *m)
{
    if (!machine_begin(m, MACHINE_CONTROL_NMI, 0))
        return;
    if (m->core->ops->nmi != NULL)
        m->core->ops->nmi(m->core);
    machine_end(m);
}

void machine_triple_fault(void *opaque)
{
    const struct machine *m = opaque;

    if (!machine_begin(m, MACHINE_CONTROL_TRIPLE_FAULT, 0))
        return;
    log_info("the guest's CPU shut down (triple fault): reset");
    machine_request_power(opaque, POWER_RESET);
    machine_end(m);
}
