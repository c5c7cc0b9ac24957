/*
 * Intel 82371SB (PIIX3), function 0: the PCI-to-ISA bridge.
 *
 * Outputs 0 to 15 are the ISA interrupts that the PIRQ routers drive.
 */
#ifndef HW_PCI_PIIX3_H
#define HW_PCI_PIIX3_H

#include "hw/core/device.h"

#define PIIX3_N_IRQS 16

extern const struct device_kind piix3_kind;

/* One of the PCI interrupt pins (slot 0 to 31, pin 0 = INTA#) has this level now. */
void piix3_set_intx(struct device *dev, unsigned slot, unsigned pin, bool level);

/*
 * Told when a router's setting changed (link 0 to 3; irq 0: disabled), for a core that routes PCI
 * interrupts itself. Called once per link at once.
 */
struct piix3_link_listener {
    void (*routed)(void *opaque, unsigned link, unsigned irq);
    void *opaque;
};
void piix3_set_link_listener(struct device *dev, const struct piix3_link_listener *listener);

#endif
