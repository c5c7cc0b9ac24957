/*
 * The recorder: writes the journal of this process' machine to a file (ioreq/trace.h).
 */
#ifndef IOREQ_RECORD_H
#define IOREQ_RECORD_H

#include <glib.h>

struct clock;

/*
 * Begins; before anything that joins the journal is made. strings: the program's version and the
 * options of the machine, ended by NULL. 0, or -errno and a sentence.
 */
int record_start(const char *path, const char *const *strings, GError **err);
/* The machine's clock, as soon as there is one. */
void record_set_clock(const struct clock *clock);
/* Ends; before the machine is taken apart. Also when nothing is recorded. */
void record_stop(void);

#endif
