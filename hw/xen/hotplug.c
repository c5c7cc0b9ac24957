#include "hw/xen/hotplug.h"

#include "hw/core/bus.h"
#include "hw/core/state.h"

#define PCI_BASE                                                                    \
    0xae00 /* slots that came, slots to go, eject, removable: 32 bits each, by slot \
            */
#define PCI_SIZE 16
#define CPU_BASE 0xaf00 /* a bit per CPU */
#define CPU_SIZE 32

struct xen_hotplug {
    struct device dev;
    uint8_t online[XEN_HOTPLUG_MAX_CPUS / 8];
    /* host */
    struct region pci, cpu;
    /* properties */
    unsigned cpus;
};

bool xen_hotplug_has_cpu(struct device *dev, unsigned cpu)
{
    const struct xen_hotplug *h = (struct xen_hotplug *)dev;

    return cpu < XEN_HOTPLUG_MAX_CPUS && (h->online[cpu / 8] >> (cpu % 8) & 1) != 0;
}

void xen_hotplug_add_cpu(struct device *dev, unsigned cpu)
{
    struct xen_hotplug *h = (struct xen_hotplug *)dev;

    h->online[cpu / 8] |= (uint8_t)(1u << (cpu % 8));
}

/* No slot ever changes, none is to be emptied, and nothing in them is removable. */
static uint64_t pci_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0;
}

static uint64_t cpu_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct xen_hotplug *h = opaque;

    return offset < sizeof(h->online) ? h->online[offset] : 0;
}

static void ignore_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops pci_ops = { .read = pci_read,
                                           .write = ignore_write,
                                           .impl = 1 | 2 | 4 };
static const struct region_ops cpu_ops = { .read = cpu_read, .write = ignore_write };

static int hotplug_create(struct device *dev, GError **err)
{
    struct xen_hotplug *h = (struct xen_hotplug *)dev;

    for (unsigned cpu = 0; cpu < h->cpus; cpu++)
        xen_hotplug_add_cpu(dev, cpu);
    h->pci = (struct region){
        .name = "pci", .ops = &pci_ops, .owner = dev, .opaque = h, .priority = REGION_FIXED
    };
    h->cpu = (struct region){
        .name = "cpu", .ops = &cpu_ops, .owner = dev, .opaque = h, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &h->pci, BUS_PIO, PCI_BASE, PCI_SIZE);
    bus_map(dev->services->bus, &h->cpu, BUS_PIO, CPU_BASE, CPU_SIZE);
    return 0;
}

static void hotplug_destroy(struct device *dev)
{
    struct xen_hotplug *h = (struct xen_hotplug *)dev;

    bus_unmap(dev->services->bus, &h->pci);
    bus_unmap(dev->services->bus, &h->cpu);
}

static const struct property hotplug_properties[] = {
    PROPERTY("cpus", PROP_UINT, struct xen_hotplug, cpus, .initial = "1",
             .max = XEN_HOTPLUG_MAX_CPUS, .help = "CPUs at the start"),
    {}
};

static const struct state_field hotplug_state[] = { STATE_ARRAY(struct xen_hotplug, online), {} };

const struct device_kind xen_hotplug_kind = {
    .name = "xen-hotplug",
    .desc = "hot-plug registers of Xen's ACPI tables",
    .size = sizeof(struct xen_hotplug),
    .properties = hotplug_properties,
    .state = hotplug_state,
    .state_version = 1,
    .create = hotplug_create,
    .destroy = hotplug_destroy,
};
