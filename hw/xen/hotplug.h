/*
 * The hot-plug registers that the ACPI tables of Xen's hvmloader look at, beside the PIIX4's
 * general purpose events (Xen: tools/libacpi): which CPUs there are, and which PCI slots change.
 */
#ifndef HW_XEN_HOTPLUG_H
#define HW_XEN_HOTPLUG_H

#include "hw/core/device.h"

#define XEN_HOTPLUG_MAX_CPUS 128

/* Property "cpus": how many there are at the start, 0 to cpus - 1. */
extern const struct device_kind xen_hotplug_kind;

bool xen_hotplug_has_cpu(struct device *dev, unsigned cpu);

/*
 * CPU `cpu` (below XEN_HOTPLUG_MAX_CPUS) is there from now on. The caller raises the event that
 * makes the guest look: XEN_HOTPLUG_CPU_GPE.
 */
void xen_hotplug_add_cpu(struct device *dev, unsigned cpu);

#define XEN_HOTPLUG_CPU_GPE 2

#endif
