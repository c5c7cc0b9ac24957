/*
 * The file of a journal (base/journal.h): how entries are written and read back.
 *
 *   "HVMDMREC", u32 version, then chunks: u32 length, u32 CRC-32, that many bytes.
 *
 * The first chunk is strings, each ended by a zero: the program's version, the options the machine
 * was made of. The others hold entries, none of which is cut:
 *
 *   TRACE_SOURCE   id, length and bytes of its name
 *   TRACE_END      the innermost event is over
 *   TRACE_STOP     the recording is over: without it the process died
 *   a kind (enum journal_kind): the source's id; for an event what was added to the time, in ns;
 *   the kind's numbers; if it has data its length and bytes, or (an effect's, longer than
 *   JOURNAL_EFFECT_DATA) eight bytes of digest
 *
 * These are a byte each, integers in 7-bit groups, low ones first, with bit 7 on all but the last.
 * Fixed integers are little-endian. A file that is read is hostile.
 */
#ifndef IOREQ_TRACE_H
#define IOREQ_TRACE_H

#include <stdbool.h>
#include <glib.h>

#include "base/journal.h"

#define TRACE_STOP   0xfd
#define TRACE_END    0xfe
#define TRACE_SOURCE 0xff

/* One entry as it is in the file. */
struct trace_entry {
    unsigned kind; /* enum journal_kind, or one of TRACE_* */
    unsigned source;
    int64_t time_added;
    uint64_t n[JOURNAL_NUMBERS];
    const uint8_t *data; /* valid until trace_forget(); for TRACE_SOURCE the name */
    size_t data_len;     /* bytes at data */
    uint64_t len;        /* what it was; longer than data_len: data is a digest */
};

/* ---- Writing ---- */

struct trace_writer;

/* strings: ended by NULL. NULL and a sentence: the file can't be made. */
struct trace_writer *trace_create(const char *path, const char *const *strings, GError **err);
/*
 * Adds to the buffer, which is written out when it is full. A write that fails ends the recording:
 * one line says so, and what comes is dropped.
 */
void trace_put(struct trace_writer *w, unsigned source, int64_t time_added,
               const struct journal_entry *entry);
/* An entry as it was read (TRACE_STOP is left to trace_close()). */
void trace_copy(struct trace_writer *w, const struct trace_entry *entry);
void trace_put_source(struct trace_writer *w, unsigned id, const char *name);
void trace_put_end(struct trace_writer *w);
/* Writes out what there is; from a signal handler, too. */
void trace_flush(struct trace_writer *w);
/* The end: the recording is complete. */
void trace_close(struct trace_writer *w);

/* ---- Reading ---- */

struct trace_reader;

struct trace_reader *trace_open(const char *path, GError **err);
void trace_reader_free(struct trace_reader *r); /* NULL is fine */
/* Ended by NULL. */
const char *const *trace_strings(const struct trace_reader *r);
/* 1 and an entry; 0: the file ended; -errno and a sentence: it is damaged. */
int trace_next(struct trace_reader *r, struct trace_entry *entry, GError **err);
/* Data of all entries but the one read last is no longer needed. */
void trace_forget(struct trace_reader *r);

#endif
