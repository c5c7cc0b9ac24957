/*
 * A PC under Xen: what the guest's PV drivers ask the platform device for, done to the board.
 */
#include "hw/machine/board.h"
#include "hw/xen/platform.h"

#define BIOS_AREA_BASE 0xc0000u
#define BIOS_AREA_SIZE 0x40000u
#define CLASS_NETWORK  0x02

static void hide_nic(struct device *dev, void *opaque)
{
    if (dev->kind->pci != NULL && dev->kind->pci->class_code >> 16 == CLASS_NETWORK)
        pci_hide((struct pci_device *)dev, *(const bool *)opaque);
}

static void unplug(void *opaque, unsigned what)
{
    bool nics = (what & XEN_UNPLUG_NICS) != 0;

    machine_for_each_device(opaque, hide_nic, &nics);
}

static void protect_bios(void *opaque, bool on)
{
    struct machine *m = opaque;

    if (m->core->ops->protect != NULL)
        m->core->ops->protect(m->core, BIOS_AREA_BASE, BIOS_AREA_SIZE, on);
}

void xenfv_connect(struct machine *m, struct device *platform)
{
    xen_platform_set_host(platform, &(struct xen_platform_host){ m, unplug, protect_bios });
}
