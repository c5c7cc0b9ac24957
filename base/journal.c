#include "base/journal.h"

#include <glib.h>

#include "base/bytes.h"

/* The process's, as the lock is: hence static. */
static struct {
    const struct journal_ops *ops; /* NULL: off */
    void *opaque;
    unsigned last_id, depth;
    int64_t time;
} journal;

#define EVENT(kind, text, data, ...)                                                           \
    [kind] = {                                                                                 \
        .name = (text), .class = JOURNAL_EVENT, .has_data = (data), .numbers = { __VA_ARGS__ } \
    }
#define INPUT(kind, text, data, asked, ...) \
    [kind] = { .name = (text),              \
               .class = JOURNAL_INPUT,      \
               .has_data = (data),          \
               .n_asked = (asked),          \
               .numbers = { __VA_ARGS__ } }
#define EFFECT(kind, text, data, ...)                                                           \
    [kind] = {                                                                                  \
        .name = (text), .class = JOURNAL_EFFECT, .has_data = (data), .numbers = { __VA_ARGS__ } \
    }

static const struct journal_kind_info kinds[] = {
    EVENT(JOURNAL_BRING_UP, "bring-up", false, "chips", "pins"),
    EVENT(JOURNAL_IOREQ, "access", false, "type", "flags", "addr", "size", "count", "data"),
    EVENT(JOURNAL_TIMER, "timer", false, "deadline"),
    EVENT(JOURNAL_CONTROL, "control", false, "what", "argument"),
    EVENT(JOURNAL_LOAD, "load state", true, NULL),
    EVENT(JOURNAL_SAVE, "save state", false, NULL),
    EVENT(JOURNAL_CPU_ADDED, "CPU added", false, "cpu"),
    EVENT(JOURNAL_GSI_IN, "line from outside", false, "gsi", "level"),
    EVENT(JOURNAL_CHAR_RECEIVED, "characters received", true, NULL),
    EVENT(JOURNAL_CHAR_EVENT, "character device event", false, "what"),
    EVENT(JOURNAL_CHAR_WRITABLE, "character device writable", false, NULL),
    EVENT(JOURNAL_KEY, "key", false, "device", "code", "down"),
    EVENT(JOURNAL_POINTER, "pointer", false, "device", "x", "y", "wheel", "hwheel", "buttons"),
    EVENT(JOURNAL_PACKETS, "packets received", true, "n"),
    EVENT(JOURNAL_NET_EVENT, "network event", false, "what"),
    EVENT(JOURNAL_DISK_DONE, "disk request done", true, "number", "result"),
    EVENT(JOURNAL_DISK_RESIZED, "disk resized", false, NULL),
    EVENT(JOURNAL_TRAY, "tray", true, "what", "argument"),
    EVENT(JOURNAL_SCREEN_SIZE, "screen size", false, "width", "height"),
    INPUT(JOURNAL_WALL_CLOCK, "wall clock", false, 0, "ns"),
    INPUT(JOURNAL_DMA_READ, "DMA read", true, 2, "addr", "len", "result"),
    INPUT(JOURNAL_DMA_MAP, "DMA map", true, 3, "addr", "len", "write", "got"),
    INPUT(JOURNAL_VIDEO_MEMORY, "video memory", true, 1, "offset"),
    INPUT(JOURNAL_CHAR_TAKEN, "characters taken", false, 0, "n"),
    INPUT(JOURNAL_NET_TAKEN, "packets sent", false, 0, "n"),
    INPUT(JOURNAL_NET_UP, "link", false, 0, "up"),
    INPUT(JOURNAL_DISK_FACT, "disk", false, 1, "what", "value"),
    INPUT(JOURNAL_REGISTERS, "registers", false, 0, "eax", "ebx", "ecx", "edx", "esi", "edi"),
    EFFECT(JOURNAL_ANSWER, "answer", false, "data"),
    EFFECT(JOURNAL_DMA_WRITE, "DMA write", true, "addr"),
    EFFECT(JOURNAL_LINE, "line", false, "gsi", "level"),
    EFFECT(JOURNAL_PCI_PIN, "PCI pin", false, "slot", "pin", "level"),
    EFFECT(JOURNAL_PCI_LINK, "PCI link", false, "link", "irq"),
    EFFECT(JOURNAL_MSI, "MSI", false, "addr", "data"),
    EFFECT(JOURNAL_HPET_LEGACY, "HPET legacy", false, "on"),
    EFFECT(JOURNAL_POWER, "power", false, "event"),
    EFFECT(JOURNAL_CHAR_SENT, "characters sent", true, NULL),
    EFFECT(JOURNAL_PACKETS_TAKEN, "packets taken", false, "n"),
    EFFECT(JOURNAL_PACKET_SENT, "packet", true, NULL),
    EFFECT(JOURNAL_DISK_REQUEST, "disk request", true, "number", "what", "offset", "len", "flags"),
    EFFECT(JOURNAL_FILE, "file", true, "which"),
    EFFECT(JOURNAL_REGISTERS_SET, "registers set", false, "ebx", "ecx", "edx", "esi", "edi"),
};

const struct journal_kind_info *journal_kind_info(unsigned kind)
{
    return kind < G_N_ELEMENTS(kinds) && kinds[kind].name != NULL ? &kinds[kind] : NULL;
}

void journal_set(const struct journal_ops *ops, void *opaque)
{
    journal.ops = ops;
    journal.opaque = opaque;
    journal.last_id = journal.depth = 0;
    journal.time = 0;
}

unsigned journal_depth(void)
{
    return journal.depth;
}

bool journal_on(void)
{
    return journal.ops != NULL;
}

bool journal_replaying(void)
{
    return journal.ops != NULL && journal.ops->replaying;
}

void journal_join(struct journal_source *source, const char *name, const char *id,
                  journal_play *play, void *opaque)
{
    if (!journal_on())
        return;
    *source = (struct journal_source){
        .name = id != NULL ? g_strdup_printf("%s %s", name, id) : g_strdup(name),
        .play = play,
        .opaque = opaque,
        .id = ++journal.last_id,
    };
    journal.ops->joined(journal.opaque, source);
}

void journal_leave(struct journal_source *source)
{
    if (source->id != 0 && journal_on())
        journal.ops->left(journal.opaque, source);
    g_free(source->name);
    *source = (struct journal_source){ 0 };
}

bool journal_begin(const struct journal_source *source, const struct journal_entry *entry)
{
    if (!journal_on() || source->id == 0)
        return true;
    if (!journal.ops->begin(journal.opaque, source, entry))
        return false;
    journal.depth++;
    return true;
}

void journal_end(const struct journal_source *source)
{
    if (!journal_on() || source->id == 0 || journal.depth == 0)
        return;
    journal.ops->end(journal.opaque);
    journal.depth--;
}

void journal_input(const struct journal_source *source, struct journal_entry *entry)
{
    if (journal_on() && source->id != 0 && journal.depth > 0)
        journal.ops->input(journal.opaque, source, entry);
}

void journal_effect(const struct journal_source *source, const struct journal_entry *entry)
{
    if (journal_on() && source->id != 0 && journal.depth > 0)
        journal.ops->effect(journal.opaque, source, entry);
}

uint64_t journal_ask(const struct journal_source *source, enum journal_kind kind, uint64_t answer)
{
    struct journal_entry entry = { .kind = kind, .n = { answer } };

    journal_input(source, &entry);
    return entry.n[0];
}

bool journal_time(int64_t *now)
{
    if (!journal_on() || journal.depth == 0)
        return false;
    *now = journal.time;
    return true;
}

void journal_set_time(int64_t now)
{
    journal.time = now;
}

bool journal_play_next(void)
{
    return journal_replaying() && journal.ops->play_next(journal.opaque);
}

/* Eight bytes at a time, multiplied and folded; the constant is 2^64 over the golden ratio. */
uint64_t journal_digest(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;

    h ^= len;
    for (; len > 0; p += MIN(len, 8), len -= MIN(len, 8)) {
        h = (h ^ get_le(p, (unsigned)MIN(len, 8))) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}
