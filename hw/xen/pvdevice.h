/*
 * A PCI function that does nothing: the handle by which Windows' update service finds a publisher's
 * PV drivers, and address space for them (Xen: docs/man/xen-pci-device-reservations). The toolstack
 * gives its device-id; xl does for `vendor_device`.
 */
#ifndef HW_XEN_PVDEVICE_H
#define HW_XEN_PVDEVICE_H

#include "hw/core/device.h"

extern const struct device_kind xen_pvdevice_kind;

#endif
