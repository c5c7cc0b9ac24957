/*
 * The board's interrupt lines: global system interrupts 0 to 23.
 *
 * 0 to 15 are the ISA interrupts, which reach both the 8259 pair and the IOAPIC (IRQ0 its pin 2);
 * 16 to 23 reach the IOAPIC alone. A line may have several sources; its level is their OR.
 */
#ifndef HW_MACHINE_GSI_H
#define HW_MACHINE_GSI_H

#include <stdbool.h>
#include <glib.h>

#include "hw/core/irq.h"

#define N_GSIS 24

struct gsi_router;

/* Where a line's level goes. gsi below N_GSIS; only changes are reported. */
struct gsi_router *gsi_router_create(void (*changed)(void *opaque, unsigned gsi, bool level),
                                     void *opaque);
void gsi_router_destroy(struct gsi_router *router);

/* A new source of the line; it lives as long as the router. */
struct irq_line gsi_source(struct gsi_router *router, unsigned gsi);

/* While a source is masked it counts as low; its level is remembered. */
void gsi_mask(const struct irq_line *source, bool masked);

#endif
