/*
 * The replay core: no CPU; a recording (ioreq/trace.h) is the guest and the host.
 *
 * The same machine is built with nothing behind its devices; each event of the recording is done to
 * it again, what it asks is answered from the recording, and what it does is compared. At the first
 * difference the replay ends and says where.
 */
#ifndef IOREQ_REPLAY_H
#define IOREQ_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

struct core;
struct replay;

/* Opens the recording and joins the journal: before anything else does. NULL and a sentence. */
struct replay *replay_open(const char *path, GError **err);
void replay_close(struct replay *r); /* before the machine is taken apart; NULL is fine */
/* What the recorder was given: the version and the options, ended by NULL. */
const char *const *replay_strings(const struct replay *r);

/* The core, with the chips that the recorded one had. ram_size: bytes. NULL and a sentence. */
struct core *replay_core_create(struct replay *r, unsigned n_cpus, uint64_t ram_size, GError **err);

/*
 * Plays up to n events. True: there are more. False: it is over: replay_report() tells how it went
 * in one line, and returns whether all of it was the same.
 */
bool replay_run(struct replay *r, unsigned n);
bool replay_report(const struct replay *r, GString *line);

#endif
