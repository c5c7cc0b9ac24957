#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "hw/core/device.h"

/*
 * Outputs: 0 to 23 are the pins of the I/O APIC, of which timers 0 and 1 use 2 (the board's IRQ0)
 * and 8 in legacy replacement mode; HPET_LEGACY is high in that mode, while PIT and RTC have to be
 * cut off from these.
 */
#define HPET_LEGACY  24
#define HPET_N_LINES 25

/*
 * The high precision event timer with three timers. Properties: base, where its registers are
 * (0xfed00000); period, of its counter in femtoseconds (10000000: 100 MHz); intcap, the pins that
 * a timer may be routed to, a bit each; msi, whether timers can send messages (off).
 */
extern const struct device_kind hpet_kind;

#endif
