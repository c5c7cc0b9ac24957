#include "hw/machine/machine.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "hw/machine/board.h"

/* ---- Recording ---- */

bool machine_begin(const struct machine *m, enum machine_control what, uint64_t argument)
{
    return journal_begin(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_CONTROL, what, argument));
}

void machine_end(const struct machine *m)
{
    journal_end(&m->journal);
}

void machine_journal_file(const struct machine *m, unsigned which, const void *data, size_t size)
{
    const struct iovec iov = { (void *)(uintptr_t)data, size }; /* only read */

    journal_effect(&m->journal, &(const struct journal_entry){
                                    .kind = JOURNAL_FILE,
                                    .n = { which },
                                    .iov = &iov,
                                    .n_iov = 1,
                                });
}

static void stop(struct machine *m, enum machine_state state);

static void play_control(struct machine *m, uint64_t what, uint64_t argument)
{
    switch (what) {
    case MACHINE_CONTROL_RESUME: machine_resume(m, NULL); break;
    case MACHINE_CONTROL_PAUSE: stop(m, (enum machine_state)argument); break;
    case MACHINE_CONTROL_RESET: machine_reset(m); break;
    case MACHINE_CONTROL_WAKE: machine_wakeup(m); break;
    case MACHINE_CONTROL_BUTTON: machine_power_button(m); break;
    case MACHINE_CONTROL_NMI: machine_nmi(m); break;
    case MACHINE_CONTROL_TRIPLE_FAULT: machine_triple_fault(m); break;
    case MACHINE_CONTROL_POWER: machine_handle_power(m); break;
    default: break;
    }
}

static void play_save(struct machine *m)
{
    GByteArray *state = machine_save(m, NULL);

    g_clear_pointer(&state, g_byte_array_unref);
}

static void play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    struct machine *m = opaque;

    switch (entry->kind) {
    case JOURNAL_CONTROL: play_control(m, entry->n[0], entry->n[1]); break;
    case JOURNAL_LOAD: machine_load(m, data, len, NULL); break;
    case JOURNAL_SAVE: play_save(m); break;
    case JOURNAL_GSI_IN: machine_drive_gsi(m, (unsigned)entry->n[0], entry->n[1] != 0); break;
    case JOURNAL_CPU_ADDED: machine_add_cpu(m, (unsigned)entry->n[0], NULL); break;
    default: break;
    }
}

/* ---- Running ---- */

static const char *const state_names[] = {
    [MACHINE_PRELAUNCH] = "prelaunch",
    [MACHINE_INMIGRATE] = "inmigrate",
    [MACHINE_RUNNING] = "running",
    [MACHINE_PAUSED] = "paused",
    [MACHINE_SUSPENDED] = "suspended",
    [MACHINE_SHUTDOWN] = "shutdown",
    [MACHINE_INTERNAL_ERROR] = "internal-error",
    [MACHINE_IO_ERROR] = "io-error",
};

const char *machine_state_name(enum machine_state state)
{
    return state_names[state];
}

enum machine_state machine_get_state(const struct machine *m)
{
    return m->state;
}

void machine_set_inmigrate(struct machine *m, bool on)
{
    if (on)
        m->state = MACHINE_INMIGRATE;
    else if (m->state == MACHINE_INMIGRATE)
        m->state = MACHINE_PAUSED;
}

void machine_tell(struct machine *m, enum machine_event event, bool by_guest, int64_t detail)
{
    if (m->host.event != NULL)
        m->host.event(m->host.opaque, event, by_guest, detail);
}

#define TELL_LATER_MS 100

static gboolean tell_now(gpointer opaque)
{
    struct machine *m = opaque;
    unsigned events = m->to_tell;

    m->to_tell = m->telling = 0;
    for (unsigned event = 0; event < MACHINE_N_EVENTS; event++)
        if ((events >> event & 1) != 0)
            machine_tell(m, (enum machine_event)event, true, m->to_tell_detail[event]);
    return G_SOURCE_REMOVE;
}

void machine_tell_later(struct machine *m, enum machine_event event, int64_t detail)
{
    m->to_tell |= 1u << event;
    m->to_tell_detail[event] = detail;
    if (m->telling == 0)
        m->telling = g_timeout_add(TELL_LATER_MS, tell_now, m);
}

void machine_cpus_go(struct machine *m)
{
    clock_start(m->services.clock);
    if (m->core->ops->resume != NULL)
        m->core->ops->resume(m->core);
}

void machine_cpus_stop(struct machine *m)
{
    if (m->core->ops->pause != NULL)
        m->core->ops->pause(m->core);
    clock_stop(m->services.clock);
}

int machine_resume(struct machine *m, GError **err)
{
    switch (m->state) {
    case MACHINE_RUNNING: return 0;
    case MACHINE_INMIGRATE: return fail(err, EBUSY, "the saved state has not been loaded yet");
    case MACHINE_SHUTDOWN:
    case MACHINE_INTERNAL_ERROR:
        return fail(err, EBUSY, "the machine needs a reset before it can go on");
    default: break;
    }
    int rc = m->host.take_over != NULL ? m->host.take_over(m->host.opaque, err) : 0;
    if (rc < 0)
        return rc;
    if (m->state == MACHINE_SUSPENDED) {
        machine_wakeup(m);
        return 0;
    }
    if (!machine_begin(m, MACHINE_CONTROL_RESUME, 0))
        return 0;
    m->state = MACHINE_RUNNING;
    machine_tell(m, MACHINE_EVENT_RESUME, false, 0);
    if ((m->power_pending & 1u << POWER_SUSPEND) != 0)
        machine_suspend(m);
    else
        machine_cpus_go(m);
    machine_end(m);
    return 0;
}

static void stop(struct machine *m, enum machine_state state)
{
    if (m->state != MACHINE_RUNNING || !machine_begin(m, MACHINE_CONTROL_PAUSE, state))
        return;
    machine_cpus_stop(m);
    m->state = state;
    machine_tell(m, MACHINE_EVENT_STOP, false, 0);
    machine_end(m);
}

/* What the guest's last accesses asked for is done before anybody saves the machine. */
void machine_pause(struct machine *m, enum machine_state state)
{
    stop(m, state);
    machine_handle_power(m);
}

/* ---- What the core says ---- */

static void drive_gsi(void *opaque, unsigned gsi, bool level)
{
    machine_drive_gsi(opaque, gsi, level);
}

struct failure {
    struct machine *m;
    char *why;
};

static void stop_failed(void *opaque)
{
    struct failure *f = opaque;

    log_error("%s", f->why);
    machine_pause(f->m, MACHINE_INTERNAL_ERROR);
    g_free(f->why);
    g_free(f);
}

static void core_failed(void *opaque, const char *why)
{
    struct failure *f = g_new0(struct failure, 1);

    f->m = opaque;
    f->why = g_strdup(why);
    loop_call(stop_failed, f);
}

/* ---- Services of the board ---- */

static void *resolve(void *opaque, struct device *dev, const char *kind, const char *name,
                     GError **err)
{
    struct machine *m = opaque;

    if (m->host.resolve != NULL)
        return m->host.resolve(m->host.opaque, dev, kind, name, err);
    fail(err, ENOENT, "-device %s: there is no %s \"%s\"", dev->kind->name, kind, name);
    return NULL;
}

static void send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    struct machine *m = opaque;

    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_MSI, addr, data));
    if (m->core->ops->msi != NULL)
        m->core->ops->msi(m->core, addr, data);
}

static void get_registers(void *opaque, struct cpu_registers *r)
{
    struct machine *m = opaque;

    *r = (struct cpu_registers){ 0 };
    if (m->core->ops->get_registers != NULL)
        m->core->ops->get_registers(m->core, r);
    struct journal_entry entry = { .kind = JOURNAL_REGISTERS,
                                   .n = { r->eax, r->ebx, r->ecx, r->edx, r->esi, r->edi } };
    journal_input(&m->journal, &entry);
    *r = (struct cpu_registers){ (uint32_t)entry.n[0], (uint32_t)entry.n[1], (uint32_t)entry.n[2],
                                 (uint32_t)entry.n[3], (uint32_t)entry.n[4], (uint32_t)entry.n[5] };
}

static void set_registers(void *opaque, const struct cpu_registers *r)
{
    struct machine *m = opaque;

    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_REGISTERS_SET, r->ebx, r->ecx, r->edx,
                                                   r->esi, r->edi));
    if (m->core->ops->set_registers != NULL)
        m->core->ops->set_registers(m->core, r);
}

static void stop_for_io_error(void *opaque)
{
    stop(opaque, MACHINE_IO_ERROR); /* within an access or a completion: no time for a reset */
}

/* ---- Life ---- */

static int attach_core(struct machine *m, GError **err)
{
    struct core *core = m->core;
    struct bus_listener listener = core->ops->bus;

    m->dispatch =
        (struct dispatch){ .bus = m->services.bus, .mem = m->services.mem, .pci = m->services.pci };
    dispatch_join(&m->dispatch);
    core->dispatch = &m->dispatch;
    core->clock = m->services.clock;
    core->events = (struct core_events){ m, machine_triple_fault, core_failed, drive_gsi };
    if (listener.mapped != NULL) {
        listener.opaque = core;
        bus_set_listener(m->services.bus, &listener);
    }
    int rc = memmap_set_core(m->services.mem, &core->ops->mem, core);
    if (rc < 0)
        return fail_errno(err, -rc, "-accel %s: guest memory", core->ops->name);
    return core->ops->create_cpus != NULL ? core->ops->create_cpus(core, err) : 0;
}

static int create_board(struct machine *m, const struct machine_config *config, GError **err)
{
    const struct core_ops *ops = m->core->ops;

    if (!journal_begin(&m->journal,
                       JOURNAL_NUMBERS_OF(JOURNAL_BRING_UP, ops->chips, ops->pci_intx != NULL)))
        return fail(err, EINVAL, "-accel %s: the recording is of another machine", ops->name);
    int rc = config->board == MACHINE_NONE ? 0 : pc_create(m, config, err);
    if (rc == 0)
        rc = attach_core(m, err);
    journal_end(&m->journal);
    return rc;
}

/* From a whole second on, so that the clock chip's registers do not depend on when a test began. */
static struct clock *create_virtual_clock(void)
{
    return clock_create_virtual(g_get_real_time() / G_USEC_PER_SEC * NS_PER_S);
}

int machine_create(const struct machine_config *config, struct core *core,
                   const struct machine_host *host, struct machine **out, GError **err)
{
    struct machine *m = g_new0(struct machine, 1);

    journal_join(&m->journal, "machine", NULL, play, m);
    m->core = core;
    m->host = *host;
    m->no_reboot = config->no_reboot;
    m->no_shutdown = config->no_shutdown;
    m->devices = g_ptr_array_new();
    m->defaults = config->defaults;
    m->services = (struct services){
        .bus = bus_create(),
        .mem = memmap_create(),
        .clock = core->ops->virtual_time ? create_virtual_clock() : clock_create_host(),
        .opaque = m,
        .power = machine_request_power,
        .io_error = stop_for_io_error,
        .msi = send_msi,
        .resolve = resolve,
    };
    if ((core->ops->chips & CORE_HAS_REGISTERS) != 0) {
        m->services.get_registers = get_registers;
        m->services.set_registers = set_registers;
    }
    int rc = create_board(m, config, err);
    m->defaults = NULL;
    if (rc < 0) {
        machine_destroy(m);
        return rc;
    }
    *out = m;
    return 0;
}

/* Backwards: CPUs stop, devices go, and at last the memory that both used. */
void machine_destroy(struct machine *m)
{
    if (m->state == MACHINE_RUNNING)
        machine_cpus_stop(m);
    if (m->telling != 0)
        g_source_remove(m->telling);
    while (m->devices->len > 0)
        device_destroy(g_ptr_array_steal_index(m->devices, m->devices->len - 1));
    memmap_destroy(m->services.mem);
    if (m->core->ops->destroy != NULL)
        m->core->ops->destroy(m->core);
    if (m->services.pci != NULL)
        pci_bus_destroy(m->services.pci);
    bus_destroy(m->services.bus);
    clock_destroy(m->services.clock);
    dispatch_leave(&m->dispatch);
    journal_leave(&m->journal);
    if (m->gsis != NULL)
        gsi_router_destroy(m->gsis);
    kernel_unload(&m->kernel);
    mem_free(m->ram, m->ram_size);
    mem_free(m->bios, m->bios_block.size);
    g_ptr_array_unref(m->devices);
    g_free(m);
}

/* ---- Looking at it ---- */

struct core *machine_core(const struct machine *m)
{
    return m->core;
}

struct dispatch *machine_dispatch(const struct machine *m)
{
    return m->core->dispatch;
}

const struct services *machine_services(const struct machine *m)
{
    return &m->services;
}

struct device *machine_pic(const struct machine *m)
{
    return m->pic;
}

struct device *machine_find_device(const struct machine *m, const char *id)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = m->devices->pdata[i];
        if (strcmp(dev->id, id) == 0)
            return dev;
    }
    return NULL;
}

void machine_for_each_device(const struct machine *m, void (*fn)(struct device *dev, void *opaque),
                             void *opaque)
{
    for (unsigned i = 0; i < m->devices->len; i++)
        fn(m->devices->pdata[i], opaque);
}

void machine_watch_gsi(struct machine *m, void (*fn)(void *opaque, unsigned gsi, bool level),
                       void *opaque)
{
    m->gsi_watch = fn;
    m->gsi_watch_opaque = opaque;
}

void machine_drive_gsi(struct machine *m, unsigned gsi, bool level)
{
    if (gsi >= N_GSIS ||
        !journal_begin(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_GSI_IN, gsi, level)))
        return;
    irq_set(&m->outside[gsi], level);
    journal_end(&m->journal);
}
