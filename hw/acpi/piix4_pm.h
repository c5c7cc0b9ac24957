#ifndef HW_ACPI_PIIX4_PM_H
#define HW_ACPI_PIIX4_PM_H

#include "hw/core/device.h"

/*
 * Function 3 of the PIIX4: ACPI power management, the SMI command port and the SMBus host.
 * Output 0: IRQ9, the SCI. Properties besides those of every PCI function: pm-base, where the
 * registers are before the guest moves them (0: nowhere); gpe-base, the four ports of
 * general-purpose event block 0; pm-events, off where the hypervisor has the PM1 event block and
 * the PM timer itself.
 */
extern const struct device_kind piix4_pm_kind;

/* The guest has put the machine to sleep (S3), and it was not woken since. */
bool piix4_pm_asleep(const struct device *dev);

/* Somebody pressed the power button: tells the guest, or wakes it. */
void piix4_pm_power_button(struct device *dev);

/* The RTC's alarm went off: wakes the guest if it allowed that. */
void piix4_pm_rtc_alarm(struct device *dev);

/* General-purpose event 0 to 15 happened. */
void piix4_pm_gpe(struct device *dev, unsigned bit);

#endif
