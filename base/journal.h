/*
 * The journal: all that reaches the machine from outside, and what it does to the outside, in
 * order. While it is recorded, every entry goes to a file; while it is replayed, the file takes the
 * place of the outside. With neither, each function here is a load and a branch.
 *
 * There are three classes of entries:
 *
 *   event   something starts in the machine: an access of the guest, a timer, a packet, a key.
 *           Events may nest: a reset that waits for a disk has the disk's completions within it.
 *   input   what the outside answers within an event: time, guest memory that a device reads.
 *   effect  what the machine does to the outside within an event: a line, memory it writes.
 *
 * Whoever stands at the border calls the function for each. So replaying needs no second way into
 * the machine: a source's play() does what its host would have done, on the way it meets the same
 * calls, and they compare instead of write. What the host itself wants while a replay runs (a key
 * in a viewer's window) is turned away by journal_begin().
 *
 * There is one machine in a process, hence one journal, as there is one lock (base/loop.h). All
 * with the machine lock held.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The values are the file format's. journal_kind_info() says what an entry's numbers mean. */
enum journal_kind {
    /* events */
    JOURNAL_BRING_UP = 1,
    JOURNAL_IOREQ,
    JOURNAL_TIMER,
    JOURNAL_CONTROL,
    JOURNAL_LOAD,
    JOURNAL_SAVE,
    JOURNAL_CPU_ADDED,
    JOURNAL_GSI_IN,
    JOURNAL_CHAR_RECEIVED,
    JOURNAL_CHAR_EVENT,
    JOURNAL_CHAR_WRITABLE,
    JOURNAL_KEY,
    JOURNAL_POINTER,
    JOURNAL_PACKETS,
    JOURNAL_NET_EVENT,
    JOURNAL_DISK_DONE,
    JOURNAL_DISK_RESIZED,
    JOURNAL_TRAY,
    JOURNAL_SCREEN_SIZE,
    /* inputs */
    JOURNAL_WALL_CLOCK = 0x40,
    JOURNAL_DMA_READ,
    JOURNAL_DMA_MAP,
    JOURNAL_VIDEO_MEMORY,
    JOURNAL_CHAR_TAKEN,
    JOURNAL_NET_TAKEN,
    JOURNAL_NET_UP,
    JOURNAL_DISK_FACT,
    JOURNAL_REGISTERS,
    /* effects */
    JOURNAL_ANSWER = 0x80,
    JOURNAL_DMA_WRITE,
    JOURNAL_LINE,
    JOURNAL_PCI_PIN,
    JOURNAL_PCI_LINK,
    JOURNAL_MSI,
    JOURNAL_HPET_LEGACY,
    JOURNAL_POWER,
    JOURNAL_CHAR_SENT,
    JOURNAL_PACKETS_TAKEN,
    JOURNAL_PACKET_SENT,
    JOURNAL_DISK_REQUEST,
    JOURNAL_FILE,
    JOURNAL_REGISTERS_SET,
};

#define JOURNAL_NUMBERS     6
#define JOURNAL_EFFECT_DATA 64 /* of an effect's longer data only a digest is kept */

enum journal_class { JOURNAL_EVENT, JOURNAL_INPUT, JOURNAL_EFFECT };

struct journal_kind_info {
    const char *name;
    enum journal_class class;
    uint8_t n_asked; /* inputs: the first so many numbers are the question, the others the answer */
    bool has_data;
    const char *numbers[JOURNAL_NUMBERS + 1]; /* their names, ended by NULL */
};

/* NULL: there is no such kind. */
const struct journal_kind_info *journal_kind_info(unsigned kind);

/* One entry. An input's iov is where its data is, and where a replay puts it. */
struct journal_entry {
    enum journal_kind kind;
    uint64_t n[JOURNAL_NUMBERS];
    const struct iovec *iov;
    int n_iov;
};

/*
 * Plays an event: does what its host would have done. data: the entry's, len bytes, valid during
 * the call; the entry has no iov.
 */
typedef void journal_play(void *opaque, const struct journal_entry *entry, const uint8_t *data,
                          size_t len);

/* Who is at the border: what events come from and what is asked. All zeroes: not in the journal. */
struct journal_source {
    char *name; /* unique: "netdev net0" */
    journal_play *play;
    void *opaque;
    unsigned id; /* 0: its calls do nothing */
};

/*
 * Joins the journal, if there is one; name ("netdev") and id ("net0", or NULL) are copied. play:
 * NULL where no events begin.
 */
void journal_join(struct journal_source *source, const char *name, const char *id,
                  journal_play *play, void *opaque);
void journal_leave(struct journal_source *source);

bool journal_on(void); /* recording or replaying */
bool journal_replaying(void);

/*
 * An event begins; journal_end() ends it. False: it must not happen, and there is no end; a replay
 * runs, and this is not what the journal has next.
 */
bool journal_begin(const struct journal_source *source, const struct journal_entry *entry);
void journal_end(const struct journal_source *source);

/* While replaying, the entry's answers and data become the journal's. */
void journal_input(const struct journal_source *source, struct journal_entry *entry);
void journal_effect(const struct journal_source *source, const struct journal_entry *entry);

/* An entry that is numbers only: journal_effect(source, JOURNAL_NUMBERS_OF(JOURNAL_LINE, 3, 1)) */
#define JOURNAL_NUMBERS_OF(entry_kind, ...) \
    (&(const struct journal_entry){ .kind = (entry_kind), .n = { __VA_ARGS__ } })

/* An input that is one number, without a question; the answer is what the host says. */
uint64_t journal_ask(const struct journal_source *source, enum journal_kind kind, uint64_t answer);

/*
 * Within an event time stands still: true, and the machine's clock in ns. Setting the clock sets
 * this too.
 */
bool journal_time(int64_t *now);
void journal_set_time(int64_t now);

/*
 * For whoever waits for completions within an event while replaying: plays the next entry if it is
 * an event. False: it is none; what is waited for will not come.
 */
bool journal_play_next(void);

/* ---- For the recorder and the player ---- */

/* opaque: what was given to journal_set(). Calls come from joined sources only. */
struct journal_ops {
    bool replaying;
    void (*joined)(void *opaque, struct journal_source *source);
    void (*left)(void *opaque, struct journal_source *source);
    bool (*begin)(void *opaque, const struct journal_source *source,
                  const struct journal_entry *entry);
    void (*end)(void *opaque);
    /* These only within events. */
    void (*input)(void *opaque, const struct journal_source *source, struct journal_entry *entry);
    void (*effect)(void *opaque, const struct journal_source *source,
                   const struct journal_entry *entry);
    bool (*play_next)(void *opaque); /* NULL while recording */
};

/* NULL: off. No event runs. */
void journal_set(const struct journal_ops *ops, void *opaque);
unsigned journal_depth(void); /* events within each other that are running */

/* A digest of bytes, continued from h (at first: 0). It keeps nobody out. */
uint64_t journal_digest(uint64_t h, const void *data, size_t len);

#endif
