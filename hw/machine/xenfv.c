/*
 * A PC under Xen: what the guest's PV drivers ask the platform device for, done to the board.
 */
#include <errno.h>

#include "base/error.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/ide/ata.h"
#include "hw/machine/board.h"
#include "hw/xen/hotplug.h"
#include "hw/xen/platform.h"

#define BIOS_AREA_BASE 0xc0000u
#define BIOS_AREA_SIZE 0x40000u
#define CLASS_NETWORK  0x02

static void hide_nic(struct device *dev, void *opaque)
{
    if (dev->kind->pci != NULL && dev->kind->pci->class_code >> 16 == CLASS_NETWORK)
        pci_hide((struct pci_device *)dev, *(const bool *)opaque);
}

static void hide_disk(struct device *dev, void *opaque)
{
    unsigned what = *(const unsigned *)opaque;
    struct ata_place place;

    if (!ata_get_place(dev, &place))
        return;
    bool first = place.bus == 0 && place.unit == 0;
    ata_hide(dev, (what & XEN_UNPLUG_DISKS) != 0 || ((what & XEN_UNPLUG_AUX_DISKS) != 0 && !first));
}

static void unplug(void *opaque, unsigned what)
{
    bool nics = (what & XEN_UNPLUG_NICS) != 0;

    machine_for_each_device(opaque, hide_nic, &nics);
    machine_for_each_device(opaque, hide_disk, &what);
}

static void protect_bios(void *opaque, bool on)
{
    struct machine *m = opaque;

    if (m->core->ops->protect != NULL)
        m->core->ops->protect(m->core, BIOS_AREA_BASE, BIOS_AREA_SIZE, on);
}

static bool drivers_allowed(void *opaque, unsigned product, unsigned build)
{
    const struct machine_host *host = &((struct machine *)opaque)->host;

    return host->pv_drivers_allowed == NULL ||
           host->pv_drivers_allowed(host->opaque, product, build);
}

static void drivers_known(void *opaque, unsigned product, unsigned build)
{
    machine_tell_later(opaque, MACHINE_EVENT_PV_DRIVERS, (int64_t)product << 32 | build);
}

bool machine_pv_drivers(const struct machine *m, unsigned *product, unsigned *build)
{
    return m->platform != NULL && xen_platform_drivers(m->platform, product, build);
}

int xenfv_plugged(struct machine *m, struct device *dev, GError **err)
{
    if (dev->kind != &xen_platform_kind)
        return 0;
    if (m->platform != NULL)
        return fail(err, EEXIST, "-device xen-platform: there is one already");
    xen_platform_set_host(dev, &(struct xen_platform_host){ m, unplug, drivers_allowed,
                                                            drivers_known, protect_bios });
    m->platform = dev;
    return 0;
}

/* Slot 2, where guests of Xen have always had it. */
static int add_platform(struct machine *m, GError **err)
{
    static const char *const slot2[] = { "addr", "2", NULL };
    struct device *dev = machine_add(m, &xen_platform_kind, xen_platform_kind.name, slot2, err);

    return dev != NULL ? xenfv_plugged(m, dev, err) : -EINVAL;
}

static int add_hotplug(struct machine *m, unsigned cpus, GError **err)
{
    g_autofree char *text = g_strdup_printf("%u", cpus);
    const char *const properties[] = { "cpus", text, NULL };

    m->hotplug = machine_add(m, &xen_hotplug_kind, xen_hotplug_kind.name, properties, err);
    return m->hotplug != NULL ? 0 : -EINVAL;
}

/* A core that comes with firmware is Xen, and its firmware hvmloader. */
int xenfv_create(struct machine *m, const struct machine_config *config, GError **err)
{
    int rc = 0;

    if ((m->core->ops->chips & CORE_HAS_FIRMWARE) != 0)
        rc = add_hotplug(m, config->n_cpus, err);
    return rc == 0 && config->board == MACHINE_XENFV ? add_platform(m, err) : rc;
}

bool machine_has_cpu(const struct machine *m, unsigned cpu)
{
    return m->hotplug != NULL ? xen_hotplug_has_cpu(m->hotplug, cpu) : cpu < m->core->n_cpus;
}

int machine_add_cpu(struct machine *m, unsigned cpu, GError **err)
{
    if (m->hotplug == NULL || m->pm == NULL)
        return fail(err, ENOTSUP, "CPUs can't be added to this machine");
    if (cpu >= m->core->n_cpus)
        return fail(err, ERANGE, "CPU %u: there are at most %u", cpu, m->core->n_cpus);
    if (machine_has_cpu(m, cpu))
        return fail(err, EEXIST, "CPU %u is there already", cpu);
    if (!journal_begin(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_CPU_ADDED, cpu)))
        return 0;
    xen_hotplug_add_cpu(m->hotplug, cpu);
    piix4_pm_gpe(m->pm, XEN_HOTPLUG_CPU_GPE);
    journal_end(&m->journal);
    return 0;
}
