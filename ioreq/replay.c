#include "ioreq/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hw/core/clock.h"
#include "hw/core/device.h"
#include "ioreq/core.h"
#include "ioreq/rom.h"
#include "ioreq/trace.h"

#define GIB (UINT64_C(1) << 30)

struct replay {
    struct trace_reader *file;
    struct trace_entry next; /* what the machine must do next */
    uint64_t number;         /* of `next`, from 1 */
    bool ended;              /* there is none */
    bool complete;           /* the recording says so itself */
    GPtrArray *joined;       /* struct journal_source: who is there */
    GPtrArray *names;        /* by the recording's ids */
    struct core *core;
    int64_t time;     /* of the last event, ns */
    bool playing;     /* an event of the journal's, not one of the host's */
    GString *event;   /* the outermost event that runs, for a person */
    char *difference; /* NULL: none yet */
};

/* ---- For a person ---- */

static const char *name_of(const struct replay *r, unsigned id)
{
    return id < r->names->len && r->names->pdata[id] != NULL ? r->names->pdata[id] : "?";
}

static void print_bytes(GString *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && i < 16; i++)
        g_string_append_printf(out, "%s%02x", i > 0 ? " " : "", data[i]);
    g_string_append(out, len > 16 ? "..." : "");
}

static void print_numbers(GString *out, const struct journal_kind_info *info, const uint64_t *n)
{
    for (unsigned i = 0; info->numbers[i] != NULL; i++)
        g_string_append_printf(out, " %s=0x%" PRIx64, info->numbers[i], n[i]);
}

static void print_recorded(const struct replay *r, GString *out)
{
    const struct trace_entry *e = &r->next;
    const struct journal_kind_info *info = journal_kind_info(e->kind);

    if (r->ended || info == NULL) {
        g_string_append(out, "nothing more");
        return;
    }
    g_string_append_printf(out, "%s: %s", name_of(r, e->source), info->name);
    print_numbers(out, info, e->n);
    if (!info->has_data)
        return;
    g_string_append_printf(out, " bytes=%" PRIu64 " %s(", e->len,
                           e->data_len < e->len ? "digest " : "");
    print_bytes(out, e->data, e->data_len);
    g_string_append_c(out, ')');
}

static void print_done(GString *out, const struct journal_source *source,
                       const struct journal_entry *entry)
{
    const struct journal_kind_info *info = journal_kind_info(entry->kind);
    size_t len = 0;

    g_string_append_printf(out, "%s: %s", source->name, info->name);
    print_numbers(out, info, entry->n);
    for (int i = 0; i < entry->n_iov; i++)
        len += entry->iov[i].iov_len;
    if (!info->has_data || len == 0)
        return;
    g_string_append_printf(out, " bytes=%zu (", len);
    print_bytes(out, entry->iov[0].iov_base, entry->iov[0].iov_len);
    g_string_append_c(out, ')');
}

struct looking {
    enum bus_space space;
    uint64_t addr;
    const struct region *found;
};

static void look(const struct region *region, void *opaque)
{
    struct looking *l = opaque;

    if (region->space == l->space && l->addr - region->base < region->size)
        l->found = region;
}

/* "port 0x3f8 (isa-serial.0)" */
static void describe_access(const struct replay *r, GString *out, const uint64_t *n)
{
    struct looking l = { n[0] == IOREQ_TYPE_PIO ? BUS_PIO : BUS_MMIO, n[2], NULL };
    static const char *const types[] = { "port", "address", "PCI configuration" };

    g_string_append_printf(out, "%s of %s 0x%" PRIx64, (n[1] & IOREQ_READ) != 0 ? "read" : "write",
                           n[0] < G_N_ELEMENTS(types) ? types[n[0]] : "unknown", n[2]);
    if (n[0] <= IOREQ_TYPE_COPY)
        bus_for_each(r->core->dispatch->bus, look, &l);
    if (l.found != NULL && l.found->owner != NULL)
        g_string_append_printf(out, " (%s)", l.found->owner->id);
}

static void describe_event(struct replay *r)
{
    const struct trace_entry *e = &r->next;

    g_string_truncate(r->event, 0);
    if (e->kind == JOURNAL_IOREQ && r->core != NULL && r->core->dispatch != NULL)
        describe_access(r, r->event, e->n);
    else
        print_recorded(r, r->event);
}

/* The first one counts. did: what the machine did; NULL: nothing. */
static void differ(struct replay *r, const char *did)
{
    g_autoptr(GString) recorded = g_string_new(NULL);

    if (r->difference != NULL)
        return;
    print_recorded(r, recorded);
    r->difference = g_strdup_printf(
        "entry %" PRIu64 " at %" PRId64 ".%09" PRId64 " s, in %s: recorded \"%s\", replayed \"%s\"",
        r->number, r->time / NS_PER_S, r->time % NS_PER_S, r->event->len > 0 ? r->event->str : "?",
        recorded->str, did != NULL ? did : "nothing");
}

static void differ_by(struct replay *r, const struct journal_source *source,
                      const struct journal_entry *entry)
{
    g_autoptr(GString) did = g_string_new(NULL);

    print_done(did, source, entry);
    differ(r, did->str);
}

/* ---- The recording ---- */

static void learn_name(struct replay *r)
{
    if (r->next.source >= r->names->len)
        g_ptr_array_set_size(r->names, (int)r->next.source + 1);
    g_free(r->names->pdata[r->next.source]);
    r->names->pdata[r->next.source] = g_strndup((const char *)r->next.data, r->next.data_len);
}

/* To the next entry that is something to do or to compare. */
static void advance(struct replay *r)
{
    g_autoptr(GError) err = NULL;

    do {
        int rc = trace_next(r->file, &r->next, &err);
        r->number++;
        r->ended = rc <= 0 || r->next.kind == TRACE_STOP;
        r->complete = rc > 0 && r->ended;
        if (rc < 0 && r->difference == NULL)
            r->difference = g_strdup(err->message);
        if (!r->ended && r->next.kind == TRACE_SOURCE)
            learn_name(r);
    } while (!r->ended && r->next.kind == TRACE_SOURCE);
}

static struct journal_source *find_joined(const struct replay *r, const char *name)
{
    for (unsigned i = 0; i < r->joined->len; i++) {
        struct journal_source *s = r->joined->pdata[i];
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

/* The first n numbers. */
static bool is_next(const struct replay *r, const struct journal_source *source,
                    const struct journal_entry *entry, unsigned n)
{
    return !r->ended && r->next.kind == entry->kind &&
           strcmp(name_of(r, r->next.source), source->name) == 0 &&
           memcmp(r->next.n, entry->n, n * sizeof(entry->n[0])) == 0;
}

static unsigned n_numbers(const struct journal_kind_info *info)
{
    unsigned n = 0;

    while (info->numbers[n] != NULL)
        n++;
    return n;
}

/* ---- What the machine calls ---- */

static void joined(void *opaque, struct journal_source *source)
{
    g_ptr_array_add(((struct replay *)opaque)->joined, source);
}

static void left(void *opaque, struct journal_source *source)
{
    g_ptr_array_remove(((struct replay *)opaque)->joined, source);
}

static bool begin(void *opaque, const struct journal_source *source,
                  const struct journal_entry *entry)
{
    struct replay *r = opaque;
    bool outermost = journal_depth() == 0;

    if (r->difference != NULL || (outermost && !r->playing && entry->kind != JOURNAL_BRING_UP))
        return false;
    if (!is_next(r, source, entry, n_numbers(journal_kind_info(entry->kind)))) {
        differ_by(r, source, entry);
        return false;
    }
    r->time += r->next.time_added;
    if (outermost) {
        describe_event(r);
        journal_set_time(r->time);
        if (r->core != NULL && r->core->clock != NULL)
            clock_set(r->core->clock, r->time);
    }
    advance(r);
    return true;
}

static void end(void *opaque)
{
    struct replay *r = opaque;

    if (r->difference != NULL)
        return;
    if (r->ended || r->next.kind != TRACE_END)
        differ(r, NULL);
    else
        advance(r);
}

static void fill(const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    for (int i = 0; i < entry->n_iov && len > 0; i++) {
        size_t n = MIN(len, entry->iov[i].iov_len);
        memcpy(entry->iov[i].iov_base, data, n);
        data += n;
        len -= n;
    }
}

static void input(void *opaque, const struct journal_source *source, struct journal_entry *entry)
{
    struct replay *r = opaque;

    if (r->difference != NULL)
        return;
    if (!is_next(r, source, entry, journal_kind_info(entry->kind)->n_asked)) {
        differ_by(r, source, entry);
        return;
    }
    memcpy(entry->n, r->next.n, sizeof(entry->n));
    fill(entry, r->next.data, r->next.data_len);
    advance(r);
}

static bool same_data(const struct trace_entry *next, const struct journal_entry *entry)
{
    const uint8_t *p = next->data;
    uint64_t h = 0, len = 0;
    bool digest = next->data_len < next->len, same = true;

    for (int i = 0; i < entry->n_iov; i++) {
        const struct iovec *v = &entry->iov[i];
        if (v->iov_len > next->len - len)
            return false;
        if (digest)
            h = journal_digest(h, v->iov_base, v->iov_len);
        else
            same = same && (v->iov_len == 0 || memcmp(p + len, v->iov_base, v->iov_len) == 0);
        len += v->iov_len;
    }
    return same && len == next->len && (!digest || get_le64(p) == h);
}

static void effect(void *opaque, const struct journal_source *source,
                   const struct journal_entry *entry)
{
    struct replay *r = opaque;

    if (r->difference != NULL)
        return;
    if (is_next(r, source, entry, n_numbers(journal_kind_info(entry->kind))) &&
        same_data(&r->next, entry))
        advance(r);
    else
        differ_by(r, source, entry);
}

/* ---- Playing ---- */

/* Only what belongs to a joined source and to an event can be played. */
static struct journal_source *player_of_next(const struct replay *r)
{
    const struct journal_kind_info *info = journal_kind_info(r->next.kind);
    struct journal_source *source = info != NULL && info->class == JOURNAL_EVENT
                                        ? find_joined(r, name_of(r, r->next.source))
                                        : NULL;

    return source != NULL && source->play != NULL ? source : NULL;
}

static bool play_next(void *opaque)
{
    struct replay *r = opaque;
    uint64_t before = r->number;

    if (r->difference != NULL || r->ended)
        return false;
    struct journal_source *source = player_of_next(r);
    if (source == NULL)
        return false;
    struct journal_entry entry = { .kind = (enum journal_kind)r->next.kind };
    memcpy(entry.n, r->next.n, sizeof(entry.n));
    source->play(source->opaque, &entry, r->next.data, r->next.data_len);
    if (r->number == before)
        differ(r, NULL);
    return r->difference == NULL;
}

static const struct journal_ops replay_ops = {
    .replaying = true,
    .joined = joined,
    .left = left,
    .begin = begin,
    .end = end,
    .input = input,
    .effect = effect,
    .play_next = play_next,
};

bool replay_run(struct replay *r, unsigned n)
{
    for (; n > 0 && r->difference == NULL && !r->ended; n--) {
        trace_forget(r->file);
        r->playing = true;
        g_string_assign(r->event, "no event");
        if (!play_next(r))
            differ(r, NULL);
        r->playing = false;
    }
    return r->difference == NULL && !r->ended;
}

bool replay_report(const struct replay *r, GString *line)
{
    if (r->difference != NULL)
        g_string_append_printf(line, "replay differs: %s", r->difference);
    else if (!r->ended)
        g_string_append_printf(line, "replay: stopped before entry %" PRIu64, r->number);
    else
        g_string_append_printf(line, "replay: %" PRIu64 " entries, %.3f s, no difference%s",
                               r->number - 1, (double)r->time / NS_PER_S,
                               r->complete ? "" : "; the recording has no end");
    return r->difference == NULL && r->complete;
}

struct replay *replay_open(const char *path, GError **err)
{
    struct trace_reader *file = trace_open(path, err);

    if (file == NULL)
        return NULL;
    struct replay *r = g_new0(struct replay, 1);
    r->file = file;
    r->joined = g_ptr_array_new();
    r->names = g_ptr_array_new_with_free_func(g_free);
    r->event = g_string_new(NULL);
    advance(r);
    journal_set(&replay_ops, r);
    return r;
}

void replay_close(struct replay *r)
{
    if (r == NULL)
        return;
    journal_set(NULL, NULL);
    trace_reader_free(r->file);
    g_ptr_array_unref(r->joined);
    g_ptr_array_unref(r->names);
    g_string_free(r->event, TRUE);
    g_free(r->difference);
    g_free(r);
}

const char *const *replay_strings(const struct replay *r)
{
    return trace_strings(r->file);
}

/* ---- The core ---- */

struct replay_core {
    struct core core;
    struct core_ops ops; /* what the recorded core had */
    uint8_t *memory;     /* where that one had the guest's: all that devices wrote and read */
    uint64_t memory_size;
    GHashTable *roms; /* see ioreq/rom.h */
};

static void *map_memory(void *core, uint64_t gpa, uint64_t *len, bool write)
{
    struct replay_core *c = core;

    if (c->memory == NULL || gpa >= c->memory_size)
        return NULL;
    *len = MIN(*len, c->memory_size - gpa);
    return c->memory + gpa;
}

/*
 * A core that has the guest's memory (Xen's) answers for ROMs by requests, shows no block that
 * comes while the guest runs, as VGA's window does, and saves frame buffers with that memory.
 */
static int map_block(void *core, struct mem_block *block)
{
    struct replay_core *c = core;

    if ((block->flags & MEM_READONLY) != 0)
        rom_map(c->roms, c->core.dispatch->bus, block);
    return (block->flags & MEM_YIELDS) != 0 ? -ENOTSUP : 0;
}

static int block_of_guest(void *opaque, struct mem_block *block, GError **err)
{
    block->saved = 0;
    return 0;
}

static int adopt_blocks(struct core *core, GError **err)
{
    const struct pci_bus *pci = core->dispatch->pci;

    return pci != NULL ? pci_bus_each_block(pci, block_of_guest, NULL, err) : 0;
}

static void unmap_block(void *core, struct mem_block *block)
{
    struct replay_core *c = core;

    rom_unmap(c->roms, c->core.dispatch->bus, block);
}

/* The machine goes another way where a core takes these; the journal has them already. */
static void take_pin(struct core *core, unsigned slot, unsigned pin, bool level)
{
}

static void take_link(struct core *core, unsigned link, unsigned irq)
{
}

static void destroy(struct core *core)
{
    struct replay_core *c = (struct replay_core *)core;

    if (c->memory != NULL)
        munmap(c->memory, c->memory_size);
    g_hash_table_unref(c->roms);
    g_free(c);
}

/* Pages that no device touches cost nothing. */
static int reserve_memory(struct replay_core *c, uint64_t size, GError **err)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return fail_errno(err, errno, "-accel replay: guest memory");
    c->memory = memory;
    c->memory_size = size;
    return 0;
}

struct core *replay_core_create(struct replay *r, unsigned n_cpus, uint64_t ram_size, GError **err)
{
    if (r->ended || r->next.kind != JOURNAL_BRING_UP) {
        fail(err, EINVAL, "%s",
             r->difference != NULL ? r->difference : "-accel replay: the recording is empty");
        return NULL;
    }
    struct replay_core *c = g_new0(struct replay_core, 1);
    c->ops = (struct core_ops){
        .name = "replay",
        .chips = (unsigned)r->next.n[0],
        .virtual_time = true,
        .mem.map = map_memory,
        .pci_intx = r->next.n[1] != 0 ? take_pin : NULL,
        .pci_link = r->next.n[1] != 0 ? take_link : NULL,
        .destroy = destroy,
    };
    c->core.ops = &c->ops;
    c->core.n_cpus = n_cpus;
    r->core = &c->core;
    c->roms = rom_table_new();
    if ((c->ops.chips & CORE_HAS_RAM) == 0)
        return &c->core;
    c->ops.mem.block_map = map_block;
    c->ops.mem.block_unmap = unmap_block;
    c->ops.create_cpus = adopt_blocks;
    if (reserve_memory(c, ram_size + 4 * GIB, err) < 0) {
        destroy(&c->core);
        return NULL;
    }
    return &c->core;
}
