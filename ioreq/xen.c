#include "ioreq/xen.h"

#include <errno.h>
#include <string.h>
#include <xentoolcore.h>

#include "base/error.h"
#include "ioreq/rom.h"
#include "ioreq/xen_internal.h"

#include <xen/sched.h> // SHUTDOWN_*

static struct xen_core *xen_core(struct core *core)
{
    return (struct xen_core *)core;
}

/* What the hypervisor refuses in a running machine: not for the guest to know, nor to flood with.
 */
static void refused(struct xen_core *x, const char *what)
{
    int code = errno;

    if (log_limited(&x->limit))
        log_warn("xen: %s: %s", what, g_strerror(code));
}

/* ---- What the guest's accesses reach us for ---- */

/* A range that Xen has already, or has no more, is as it should be. */
static void range_changed(void *opaque, enum bus_space space, uint64_t first, uint64_t last,
                          bool claimed)
{
    struct xen_core *x = opaque;
    int mmio = space == BUS_MMIO;

    log_trace(&x->trace, "%s %s=0x%" PRIx64 "-0x%" PRIx64, claimed ? "claim" : "drop",
              mmio ? "memory" : "ports", first, last);
    int rc = claimed ? xendevicemodel_map_io_range_to_ioreq_server(x->dmod, x->domid, x->server,
                                                                   mmio, first, last)
                     : xendevicemodel_unmap_io_range_from_ioreq_server(x->dmod, x->domid, x->server,
                                                                       mmio, first, last);
    if (rc < 0 && errno != EEXIST && errno != ENOENT)
        refused(x, claimed ? "claiming a range" : "dropping a range");
}

static void xen_region_mapped(void *core, const struct region *region)
{
    xen_ranges_add(&((struct xen_core *)core)->ranges, region);
}

static void xen_region_unmapped(void *core, const struct region *region)
{
    xen_ranges_remove(&((struct xen_core *)core)->ranges, region);
}

static void xen_pci_function(struct core *core, const struct pci_device *pci, bool present)
{
    struct xen_core *x = xen_core(core);
    uint8_t slot = PCI_SLOT(pci->devfn), function = PCI_FUNCTION(pci->devfn);
    int rc = present ? xendevicemodel_map_pcidev_to_ioreq_server(x->dmod, x->domid, x->server, 0, 0,
                                                                 slot, function)
                     : xendevicemodel_unmap_pcidev_from_ioreq_server(x->dmod, x->domid, x->server,
                                                                     0, 0, slot, function);

    if (rc < 0)
        refused(x, present ? "claiming a PCI function" : "dropping a PCI function");
}

/* ---- Interrupts ---- */

/* Xen drives its own PIT and RTC; line 2 is the cascade between its 8259s. */
#define XEN_OWN_IRQS (1u << 0 | 1u << 2 | 1u << 8)

static void xen_gsi(struct core *core, unsigned gsi, bool level)
{
    struct xen_core *x = xen_core(core);

    if (gsi < 16 && (XEN_OWN_IRQS >> gsi & 1) == 0 &&
        xendevicemodel_set_isa_irq_level(x->dmod, x->domid, (uint8_t)gsi, level) < 0)
        refused(x, "an ISA interrupt");
}

static void xen_pci_intx(struct core *core, unsigned slot, unsigned pin, bool level)
{
    struct xen_core *x = xen_core(core);

    if (xendevicemodel_set_pci_intx_level(x->dmod, x->domid, 0, 0, (uint8_t)slot, (uint8_t)pin,
                                          level) < 0)
        refused(x, "a PCI interrupt");
}

static void xen_pci_link(struct core *core, unsigned link, unsigned irq)
{
    struct xen_core *x = xen_core(core);

    if (xendevicemodel_set_pci_link_route(x->dmod, x->domid, (uint8_t)link, (uint8_t)irq) < 0)
        refused(x, "routing a PCI interrupt");
}

static void xen_msi(struct core *core, uint64_t addr, uint32_t data)
{
    struct xen_core *x = xen_core(core);

    if (xendevicemodel_inject_msi(x->dmod, x->domid, addr, data) < 0)
        refused(x, "a message-signalled interrupt");
}

static void xen_nmi(struct core *core)
{
    struct xen_core *x = xen_core(core);

    if (xendevicemodel_inject_event(x->dmod, x->domid, 0, 2, XEN_DMOP_EVENT_nmi, UINT32_MAX, 0, 0) <
        0)
        refused(x, "an NMI");
}

/* ---- Running ---- */

static void xen_resume(struct core *core)
{
    struct xen_core *x = xen_core(core);

    if (x->loading)
        xen_blocks_loaded(x);
    core->hold = x->paused = x->ending = false;
    if (x->asleep && xen_set_sleep_state(x, 0) < 0)
        refused(x, "waking the domain");
    x->asleep = false;
    xen_server_wake(x);
}

/*
 * The toolstack stops the domain's CPUs. What they wrote without waiting is taken before the state
 * is looked at. A domain that is shutting down is another matter: it ends only when each of its
 * CPUs has the answer it waits for.
 */
static void xen_pause(struct core *core)
{
    struct xen_core *x = xen_core(core);

    core->hold = true;
    if (x->ending)
        return;
    x->paused = true;
    xen_server_drain(x);
    xen_server_tell_time(x);
    xen_blocks_log(x);
}

static void xen_protect(struct core *core, uint64_t gpa, uint64_t size, bool on)
{
    struct xen_core *x = xen_core(core);

    if (xendevicemodel_set_mem_type(x->dmod, x->domid, on ? HVMMEM_ram_ro : HVMMEM_ram_rw,
                                    gpa / XEN_PAGE, (uint32_t)(size / XEN_PAGE)) < 0)
        refused(x, "protecting memory");
}

/* Called before the access that asked for it is answered, or Xen would see a CPU that just halts.
 */
static void xen_shutdown(struct core *core, enum core_shutdown why)
{
    static const unsigned reason[] = {
        [CORE_SHUTDOWN_OFF] = SHUTDOWN_poweroff,
        [CORE_SHUTDOWN_RESET] = SHUTDOWN_reboot,
        [CORE_SHUTDOWN_CRASH] = SHUTDOWN_crash,
    };
    struct xen_core *x = xen_core(core);

    x->ending = true;
    xen_server_tell_time(x);
    if (why == CORE_SHUTDOWN_SUSPEND) {
        x->asleep = true;
        if (xen_set_sleep_state(x, 3) < 0)
            refused(x, "putting the domain to sleep");
    } else if (xendevicemodel_shutdown(x->dmod, x->domid, reason[why]) < 0) {
        refused(x, "shutting the domain down");
    }
}

/* ---- For the toolstack ---- */

void xen_core_log_dirty(struct core *core, bool on)
{
    xen_core(core)->log_dirty = on;
}

int xen_core_restrict(struct core *core, GError **err)
{
    struct xen_core *x = xen_core(core);

    if (xentoolcore_restrict_all(x->domid) < 0)
        return fail_errno(err, errno, "-xen-domid-restrict: domain %u", x->domid);
    return 0;
}

/* ---- Life ---- */

static int xen_create_cpus(struct core *core, GError **err)
{
    struct xen_core *x = xen_core(core);
    int rc = xen_blocks_adopt(x, err);

    x->paused = true;
    return rc == 0 ? xen_server_start(x, err) : rc;
}

static void xen_destroy(struct core *core)
{
    struct xen_core *x = xen_core(core);

    xen_server_stop(x);
    xen_blocks_destroy(x);
    xen_cache_destroy(x);
    xen_ranges_clear(&x->ranges);
    xencall_close(x->call);
    xenevtchn_close(x->evtchn);
    xenforeignmemory_close(x->fmem);
    xendevicemodel_close(x->dmod);
    pthread_cond_destroy(&x->resumed);
    g_free(x);
}

static const struct core_ops xen_ops = {
    .name = "xen",
    /* Of the RTC Xen has the clock's registers and hands on the accesses to the RAM behind them. */
    .chips = CORE_HAS_PIC | CORE_HAS_IOAPIC | CORE_HAS_PIT | CORE_HAS_HPET | CORE_HAS_PM_TIMER |
             CORE_HAS_CPUS | CORE_HAS_RAM | CORE_HAS_FIRMWARE,
    .mem = { .block_map = xen_block_map,
             .block_unmap = xen_block_unmap,
             .block_dirty = xen_block_dirty,
             .map = xen_memory_map,
             .unmap = xen_memory_unmap,
             .written = xen_memory_written,
             .block_written = xen_block_written },
    .bus = { .mapped = xen_region_mapped, .unmapped = xen_region_unmapped },
    .pci_function = xen_pci_function,
    .create_cpus = xen_create_cpus,
    .resume = xen_resume,
    .pause = xen_pause,
    .gsi = xen_gsi,
    .pci_intx = xen_pci_intx,
    .pci_link = xen_pci_link,
    .msi = xen_msi,
    .nmi = xen_nmi,
    .protect = xen_protect,
    .shutdown = xen_shutdown,
    .destroy = xen_destroy,
};

static int open_interfaces(struct xen_core *x, GError **err)
{
    if ((x->dmod = xendevicemodel_open(NULL, 0)) == NULL)
        return fail_errno(err, errno, "-accel xen: device model interface");
    if ((x->fmem = xenforeignmemory_open(NULL, 0)) == NULL)
        return fail_errno(err, errno, "-accel xen: foreign memory interface");
    if ((x->evtchn = xenevtchn_open(NULL, 0)) == NULL)
        return fail_errno(err, errno, "-accel xen: event channel interface");
    if ((x->call = xencall_open(NULL, 0)) == NULL)
        return fail_errno(err, errno, "-accel xen: hypercall interface");
    return 0;
}

struct core *xen_core_create(const struct xen_config *config, GError **err)
{
    struct xen_core *x = g_new0(struct xen_core, 1);

    x->core.ops = &xen_ops;
    x->config = *config;
    x->domid = (domid_t)config->domid;
    x->loading = config->incoming;
    x->wake_fd = -1;
    x->trace.name = "xen";
    log_topic_register(&x->trace);
    pthread_cond_init(&x->resumed, NULL);
    x->vram = g_array_new(FALSE, FALSE, sizeof(struct xen_vram));
    x->roms = rom_table_new();
    xen_ranges_init(&x->ranges, range_changed, x);
    int rc = open_interfaces(x, err);
    if (rc == 0)
        rc = xen_cache_create(x, err);
    if (rc == 0)
        rc = xen_server_create(x, err);
    if (rc < 0) {
        xen_destroy(&x->core);
        return NULL;
    }
    x->core.n_cpus = x->n_vcpus;
    return &x->core;
}
