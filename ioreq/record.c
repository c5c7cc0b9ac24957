#include "ioreq/record.h"

#include <signal.h>
#include <stdlib.h>

#include "base/journal.h"
#include "hw/core/clock.h"
#include "ioreq/trace.h"

/* The process', as the journal is. */
static struct recorder {
    struct trace_writer *file; /* NULL: nothing is recorded */
    const struct clock *clock;
    int64_t time; /* of the last event */
} recorder;

static void joined(void *opaque, struct journal_source *source)
{
    trace_put_source(((struct recorder *)opaque)->file, source->id, source->name);
}

static void left(void *opaque, struct journal_source *source)
{
}

static bool begin(void *opaque, const struct journal_source *source,
                  const struct journal_entry *entry)
{
    struct recorder *r = opaque;
    int64_t now = r->clock != NULL ? clock_now(r->clock) : 0;

    if (journal_depth() == 0)
        journal_set_time(now);
    trace_put(r->file, source->id, now - r->time, entry);
    r->time = now;
    return true;
}

static void end(void *opaque)
{
    trace_put_end(((struct recorder *)opaque)->file);
}

static void input(void *opaque, const struct journal_source *source, struct journal_entry *entry)
{
    trace_put(((struct recorder *)opaque)->file, source->id, 0, entry);
}

static void effect(void *opaque, const struct journal_source *source,
                   const struct journal_entry *entry)
{
    trace_put(((struct recorder *)opaque)->file, source->id, 0, entry);
}

static const struct journal_ops recorder_ops = {
    .joined = joined,
    .left = left,
    .begin = begin,
    .end = end,
    .input = input,
    .effect = effect,
};

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

/* The entries before a crash are those that are wanted most. Then it goes its way. */
static void crashed(int sig)
{
    signal(sig, SIG_DFL);
    if (recorder.file != NULL)
        trace_flush(recorder.file); // NOLINT: best effort, there is nothing to lose
    raise(sig);
}

int record_start(const char *path, const char *const *strings, GError **err)
{
    recorder = (struct recorder){ .file = trace_create(path, strings, err) };
    if (recorder.file == NULL)
        return -EIO;
    journal_set(&recorder_ops, &recorder);
    for (unsigned i = 0; i < G_N_ELEMENTS(deadly); i++)
        signal(deadly[i], crashed);
    return 0;
}

void record_set_clock(const struct clock *clock)
{
    recorder.clock = clock;
}

void record_stop(void)
{
    if (recorder.file == NULL)
        return;
    journal_set(NULL, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(deadly); i++)
        signal(deadly[i], SIG_DFL);
    trace_close(recorder.file);
    recorder = (struct recorder){ 0 };
}
