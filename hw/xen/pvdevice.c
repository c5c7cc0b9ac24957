#include "hw/xen/pvdevice.h"

#include <errno.h>

#include "base/error.h"
#include "hw/core/pci.h"
#include "hw/core/state.h"

#define VENDOR_XEN  0x5853
#define NO_DEVICE   0xffff
#define CLASS_OTHER 0x088000 /* base system peripheral, other */

struct xen_pvdevice {
    struct pci_device pci;
    /* host */
    struct region bar1;
    /* properties */
    uint16_t vendor, device;
    uint8_t revision;
    uint32_t size;
};

static uint64_t bar1_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void bar1_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops bar1_ops = { .read = bar1_read,
                                            .write = bar1_write,
                                            .impl = 1 | 2 | 4 | 8 };

static int pvdevice_create(struct device *dev, GError **err)
{
    struct xen_pvdevice *p = (struct xen_pvdevice *)dev;

    if (p->device == NO_DEVICE)
        return fail(err, EINVAL, "-device xen-pvdevice: needs device-id=");
    pci_set_config(&p->pci, PCI_VENDOR_ID, p->vendor, 2);
    pci_set_config(&p->pci, PCI_DEVICE_ID, p->device, 2);
    pci_set_config(&p->pci, PCI_SUBSYSTEM_VENDOR_ID, p->vendor, 2);
    pci_set_config(&p->pci, PCI_SUBSYSTEM_ID, p->device, 2);
    pci_set_config(&p->pci, PCI_REVISION_ID, p->revision, 1);
    p->bar1 = (struct region){ .name = "bar1", .ops = &bar1_ops, .owner = dev, .opaque = p };
    pci_add_bar(&p->pci, 1, PCI_BAR_MEM_PREFETCH, p->size, &p->bar1, NULL);
    return 0;
}

static const struct property pvdevice_properties[] = {
    PROPERTY("vendor-id", PROP_UINT, struct xen_pvdevice, vendor, .initial = "0x5853",
             .help = "PCI vendor"),
    PROPERTY("device-id", PROP_UINT, struct xen_pvdevice, device, .initial = "0xffff",
             .help = "PCI device, as the drivers' publisher was given one by Xen"),
    PROPERTY("revision", PROP_UINT, struct xen_pvdevice, revision, .initial = "1",
             .help = "PCI revision"),
    PROPERTY("size", PROP_SIZE, struct xen_pvdevice, size, .initial = "4M", .min = 4096,
             .max = UINT32_C(1) << 30, .help = "address space in BAR 1"),
    {}
};

static const struct state_field pvdevice_state[] = { {} };

static const struct pci_info pvdevice_info = { .vendor = VENDOR_XEN,
                                               .device = NO_DEVICE,
                                               .class_code = CLASS_OTHER };

const struct device_kind xen_pvdevice_kind = {
    .name = "xen-pvdevice",
    .desc = "a PCI function for a publisher's PV drivers under Xen",
    .size = sizeof(struct xen_pvdevice),
    .user = true,
    .base = &pci_device_base,
    .pci = &pvdevice_info,
    .properties = pvdevice_properties,
    .state = pvdevice_state,
    .state_version = 1,
    .create = pvdevice_create,
};
