#include "ui/input.h"

#include <errno.h>

#include "base/error.h"
#include "base/journal.h"

#define MAX_SEQUENCES 64

struct input_sink {
    struct input *input;
    const struct input_sink_ops *ops;
    void *opaque;
    unsigned index; /* the order of creation, for query-mice */
    bool active;
};

struct input_source {
    struct input *input;
    bool down[KEYCODE_COUNT];
    struct pointer_event last; /* for its buttons, and its position if absolute */
};

struct listener {
    const struct input_listener_ops *ops;
    void *opaque;
};

/* A send-key on its way: pressed when it gets to the head of the queue, released by the timer. */
struct sequence {
    unsigned *codes;
    size_t n;
    unsigned hold_ms;
};

struct input {
    GPtrArray *keyboards, *pointers; /* first choice first */
    GPtrArray *listeners;
    struct journal_source journal;
    unsigned next_index;
    unsigned leds;

    GQueue sequences;
    struct input_source *sender; /* holds the keys of the sequence at the head */
    guint release_timer;
};

#define NOTIFY(input, op, ...)                                                     \
    do {                                                                           \
        for (guint i_ = 0; i_ < (input)->listeners->len; i_++) {                   \
            const struct listener *l_ = g_ptr_array_index((input)->listeners, i_); \
            if (l_->ops->op != NULL)                                               \
                l_->ops->op(l_->opaque, ##__VA_ARGS__);                            \
        }                                                                          \
    } while (0)

/* ---- Recording ---- */

static void tell_key(const struct input_sink *sink, unsigned code, bool down)
{
    const struct journal_source *journal = &sink->input->journal;

    if (!journal_begin(journal, JOURNAL_NUMBERS_OF(JOURNAL_KEY, sink->index, code, down)))
        return;
    sink->ops->key(sink->opaque, code, down);
    journal_end(journal);
}

static void tell_pointer(const struct input_sink *sink, const struct pointer_event *e)
{
    const struct journal_source *journal = &sink->input->journal;

    if (!journal_begin(journal, JOURNAL_NUMBERS_OF(JOURNAL_POINTER, sink->index, (uint32_t)e->x,
                                                   (uint32_t)e->y, (uint32_t)e->wheel,
                                                   (uint32_t)e->hwheel, e->buttons)))
        return;
    sink->ops->pointer(sink->opaque, e);
    journal_end(journal);
}

static const struct input_sink *find_sink(const GPtrArray *sinks, uint64_t index)
{
    for (guint i = 0; i < sinks->len; i++) {
        const struct input_sink *sink = sinks->pdata[i];
        if (sink->index == index)
            return sink;
    }
    return NULL;
}

static void play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    const struct input *input = opaque;
    const uint64_t *n = entry->n;
    bool is_key = entry->kind == JOURNAL_KEY;
    const struct input_sink *sink = find_sink(is_key ? input->keyboards : input->pointers, n[0]);
    const struct pointer_event event = { .x = (int32_t)n[1],
                                         .y = (int32_t)n[2],
                                         .wheel = (int32_t)n[3],
                                         .hwheel = (int32_t)n[4],
                                         .buttons = (unsigned)n[5] };

    if (sink != NULL && is_key)
        tell_key(sink, (unsigned)n[1], n[2] != 0);
    else if (sink != NULL)
        tell_pointer(sink, &event);
}

void input_journal(struct input *input)
{
    journal_join(&input->journal, "input", NULL, play, input);
}

/* ---- Life ---- */

struct input *input_create(void)
{
    struct input *input = g_new0(struct input, 1);

    input->keyboards = g_ptr_array_new();
    input->pointers = g_ptr_array_new();
    input->listeners = g_ptr_array_new_with_free_func(g_free);
    g_queue_init(&input->sequences);
    input->sender = input_source_create(input);
    return input;
}

static void sequence_free(gpointer data)
{
    struct sequence *seq = data;

    g_free(seq->codes);
    g_free(seq);
}

void input_destroy(struct input *input)
{
    if (input->release_timer != 0)
        g_source_remove(input->release_timer);
    g_queue_clear_full(&input->sequences, sequence_free);
    g_free(input->sender); /* with no sink left there is nothing to release */
    journal_leave(&input->journal);
    g_ptr_array_free(input->keyboards, TRUE);
    g_ptr_array_free(input->pointers, TRUE);
    g_ptr_array_free(input->listeners, TRUE);
    g_free(input);
}

/* ---- sinks ---- */

static GPtrArray *class_of(const struct input_sink *sink)
{
    return sink->ops->kind == INPUT_KEYBOARD ? sink->input->keyboards : sink->input->pointers;
}

static struct input_sink *first(GPtrArray *sinks)
{
    return sinks->len > 0 ? g_ptr_array_index(sinks, 0) : NULL;
}

bool input_is_absolute(const struct input *input)
{
    const struct input_sink *pointer = first(input->pointers);

    return pointer != NULL && pointer->ops->kind == INPUT_ABSOLUTE;
}

bool input_takes(const struct input *input, enum input_kind kind)
{
    const struct input_sink *sink = first(kind == INPUT_KEYBOARD ? input->keyboards
                                                                 : input->pointers);

    return sink != NULL && sink->ops->kind == kind;
}

static void tell_pointer_mode(struct input *input, bool was_absolute)
{
    bool absolute = input_is_absolute(input);

    if (absolute != was_absolute)
        NOTIFY(input, pointer_mode, absolute);
}

struct input_sink *input_sink_add(struct input *input, const struct input_sink_ops *ops,
                                  void *opaque)
{
    struct input_sink *sink = g_new0(struct input_sink, 1);
    bool was_absolute = input_is_absolute(input);

    sink->input = input;
    sink->ops = ops;
    sink->opaque = opaque;
    sink->index = input->next_index++;
    g_ptr_array_add(class_of(sink), sink);
    tell_pointer_mode(input, was_absolute);
    return sink;
}

void input_sink_remove(struct input_sink *sink)
{
    struct input *input = sink->input;
    bool was_absolute = input_is_absolute(input);

    g_ptr_array_remove(class_of(sink), sink);
    g_free(sink);
    tell_pointer_mode(input, was_absolute);
}

/* The active absolute pointers, which are in front. */
static gint n_absolute(const GPtrArray *sinks)
{
    guint n = 0;

    while (n < sinks->len && ((const struct input_sink *)sinks->pdata[n])->active &&
           ((const struct input_sink *)sinks->pdata[n])->ops->kind == INPUT_ABSOLUTE)
        n++;
    return (gint)n;
}

void input_sink_activate(struct input_sink *sink)
{
    bool was_absolute = input_is_absolute(sink->input);
    GPtrArray *sinks = class_of(sink);

    sink->active = true;
    g_ptr_array_remove(sinks, sink);
    g_ptr_array_insert(sinks, sink->ops->kind == INPUT_RELATIVE ? n_absolute(sinks) : 0, sink);
    tell_pointer_mode(sink->input, was_absolute);
}

void input_set_leds(struct input *input, unsigned leds)
{
    if (leds == input->leds)
        return;
    input->leds = leds;
    NOTIFY(input, leds, leds);
}

unsigned input_leds(const struct input *input)
{
    return input->leds;
}

void input_foreach_pointer(const struct input *input,
                           void (*fn)(void *opaque, unsigned index, const char *name, bool absolute,
                                      bool current),
                           void *opaque)
{
    for (guint i = 0; i < input->pointers->len; i++) {
        const struct input_sink *sink = g_ptr_array_index(input->pointers, i);

        fn(opaque, sink->index, sink->ops->name, sink->ops->kind == INPUT_ABSOLUTE, i == 0);
    }
}

/* ---- sources ---- */

struct input_source *input_source_create(struct input *input)
{
    struct input_source *source = g_new0(struct input_source, 1);

    source->input = input;
    return source;
}

void input_source_destroy(struct input_source *source)
{
    input_release_keys(source);
    if (source->last.buttons != 0) {
        struct pointer_event event = source->last;

        event.buttons = 0;
        if (input_is_absolute(source->input)) {
            input_pointer_absolute(source, &event);
        } else {
            event.x = event.y = 0;
            input_pointer_relative(source, &event);
        }
    }
    g_free(source);
}

void input_key(struct input_source *source, unsigned code, bool down)
{
    const struct input_sink *sink = first(source->input->keyboards);

    if (keycode_to_xt(code) == 0 || (!down && !source->down[code]))
        return;
    source->down[code] = down;
    NOTIFY(source->input, activity);
    if (sink != NULL)
        tell_key(sink, code, down);
}

bool input_is_down(const struct input_source *source, unsigned code)
{
    return code < KEYCODE_COUNT && source->down[code];
}

void input_release_keys(struct input_source *source)
{
    for (unsigned code = 0; code < KEYCODE_COUNT; code++) {
        if (source->down[code])
            input_key(source, code, false);
    }
}

static void pointer(struct input_source *source, const struct pointer_event *event,
                    enum input_kind kind)
{
    const struct input_sink *sink = first(source->input->pointers);

    source->last = *event;
    source->last.wheel = source->last.hwheel = 0;
    if (sink == NULL || sink->ops->kind != kind)
        return;
    NOTIFY(source->input, activity);
    tell_pointer(sink, event);
}

void input_pointer_relative(struct input_source *source, const struct pointer_event *event)
{
    struct pointer_event clamped = *event;

    clamped.x = CLAMP(event->x, -POINTER_MAX, POINTER_MAX);
    clamped.y = CLAMP(event->y, -POINTER_MAX, POINTER_MAX);
    pointer(source, &clamped, INPUT_RELATIVE);
}

void input_pointer_absolute(struct input_source *source, const struct pointer_event *event)
{
    struct pointer_event clamped = *event;

    clamped.x = CLAMP(event->x, 0, POINTER_MAX);
    clamped.y = CLAMP(event->y, 0, POINTER_MAX);
    pointer(source, &clamped, INPUT_ABSOLUTE);
}

/* ---- send-key ---- */

static void press_next(struct input *input);

static gboolean release(gpointer opaque)
{
    struct input *input = opaque;
    struct sequence *seq = g_queue_pop_head(&input->sequences);

    input->release_timer = 0;
    for (size_t i = seq->n; i > 0; i--)
        input_key(input->sender, seq->codes[i - 1], false);
    sequence_free(seq);
    press_next(input);
    return G_SOURCE_REMOVE;
}

static void press_next(struct input *input)
{
    const struct sequence *seq = g_queue_peek_head(&input->sequences);

    if (seq == NULL)
        return;
    for (size_t i = 0; i < seq->n; i++)
        input_key(input->sender, seq->codes[i], true);
    input->release_timer = g_timeout_add(seq->hold_ms, release, input);
}

int input_send_keys(struct input *input, const unsigned *codes, size_t n, unsigned hold_ms,
                    GError **err)
{
    for (size_t i = 0; i < n; i++) {
        if (keycode_to_xt(codes[i]) == 0)
            return fail(err, EINVAL, "send-key: %u is not a key", codes[i]);
    }
    if (g_queue_get_length(&input->sequences) >= MAX_SEQUENCES)
        return fail(err, EBUSY, "send-key: too many keys wait to be sent");

    struct sequence *seq = g_new(struct sequence, 1);
    *seq = (struct sequence){ g_memdup2(codes, n * sizeof(*codes)), n, hold_ms };
    g_queue_push_tail(&input->sequences, seq);
    if (g_queue_get_length(&input->sequences) == 1)
        press_next(input);
    return 0;
}

/* ---- listeners ---- */

void input_listen(struct input *input, const struct input_listener_ops *ops, void *opaque)
{
    struct listener *listener = g_new(struct listener, 1);

    *listener = (struct listener){ ops, opaque };
    g_ptr_array_add(input->listeners, listener);
}

void input_unlisten(struct input *input, const struct input_listener_ops *ops, void *opaque)
{
    for (guint i = 0; i < input->listeners->len; i++) {
        const struct listener *listener = g_ptr_array_index(input->listeners, i);

        if (listener->ops == ops && listener->opaque == opaque) {
            g_ptr_array_remove_index(input->listeners, i);
            return;
        }
    }
}
