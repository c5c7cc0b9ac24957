/*
 * The qtest core: no CPU at all. A test sends the accesses as text, in the protocol of QEMU's
 * qtest, so that programs written against its libqtest drive this machine unchanged. Time moves
 * only by the clock commands.
 */
#ifndef IOREQ_QTEST_H
#define IOREQ_QTEST_H

#include <stdio.h>

#include "ioreq/core.h"

struct chardev;

/*
 * n_cpus: how many there are said to be. chr: the test's connection, taken over; NULL: none, and
 * the creator dispatches the accesses itself (fuzzers). log: every line is written there too; NULL:
 * nowhere. Taken over.
 */
struct core *qtest_core_create(unsigned n_cpus, struct chardev *chr, FILE *log);
/* What devices find in the CPU's registers from now on: the command `registers`. */
void qtest_core_set_registers(struct core *core, const struct cpu_registers *regs);

#endif
