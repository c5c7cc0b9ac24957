/*
 * Time that passes whatever the interrupts do, for time-outs. Ticks of 3.579545 MHz, from the ACPI
 * timer (ACPI 4.8.2.1, 24 bits) or, without one, three for each of the 8254's. For both modes.
 */
#ifndef BIOS_TIMER_H
#define BIOS_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_HZ 3579545

/* Free-running; must be read every 18 ms (8254) or 4 s (ACPI) while an interval is measured. */
uint32_t timer_ticks(void);

/* A moment `ms` (up to 300,000) from now, for timer_passed. */
uint32_t timer_after(uint32_t ms);
bool timer_passed(uint32_t deadline);

/* Spins. */
void timer_delay(uint32_t us);

#endif
