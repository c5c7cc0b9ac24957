/*
 * One interrupt line: a wire from an output of one chip to an input of another.
 *
 * The one who wires the machine fills it in; a chip only drives its level. Levels are positive
 * logic whatever the polarity on the board. Driving a line to the level it has is harmless.
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

#include <stdbool.h>
#include <stddef.h>

struct irq_line {
    void (*set)(void *opaque, unsigned n, bool level); /* NULL: not connected */
    void *opaque;
    unsigned n; /* the input's number at the other end */
};

static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set != NULL)
        line->set(line->opaque, line->n, level);
}

static inline void irq_pulse(const struct irq_line *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

#endif
