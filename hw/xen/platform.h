/*
 * Xen's platform device, 5853:0001: by it PV drivers in a guest know that they are on Xen, take the
 * emulated disks and network cards out of the guest's sight, and write to the host's log.
 *
 * Protocol: Xen's docs/misc/hvm-emulated-unplug.pandoc; constants: public headers, hvm/pvdrivers.h.
 */
#ifndef HW_XEN_PLATFORM_H
#define HW_XEN_PLATFORM_H

#include "hw/core/device.h"

extern const struct device_kind xen_platform_kind;

/* What the guest may unplug; a set. */
enum xen_unplug {
    XEN_UNPLUG_DISKS = 1 << 0, /* all IDE and SCSI disks; CD drives stay */
    XEN_UNPLUG_NICS = 1 << 1,
    XEN_UNPLUG_AUX_DISKS = 1 << 2, /* all but the primary master */
    XEN_UNPLUG_NVME = 1 << 3,
};

/* What the device needs of the board. Any function may be NULL. */
struct xen_platform_host {
    void *opaque;
    /* Exactly these are out of the guest's sight from now on; 0: all are back. */
    void (*unplug)(void *opaque, unsigned what);
    /*
     * Whether PV drivers of this product and build may take over (0 and 0: some that have not said
     * yet what they are). NULL: all may.
     */
    bool (*drivers_allowed)(void *opaque, unsigned product, unsigned build);
    /* The guest's PV drivers said what they are. */
    void (*drivers_known)(void *opaque, unsigned product, unsigned build);
    /* The guest may not write to the BIOS area, 0xC0000 to 0xFFFFF; or it may again. */
    void (*protect_bios)(void *opaque, bool on);
};

/* Before the machine runs. */
void xen_platform_set_host(struct device *dev, const struct xen_platform_host *host);

/* What the guest's PV drivers said they are. False: none did since the last reset. */
bool xen_platform_drivers(const struct device *dev, unsigned *product, unsigned *build);

#endif
