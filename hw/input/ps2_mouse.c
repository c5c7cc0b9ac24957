#include "hw/input/ps2_mouse.h"

#include <string.h>

#define CMD_SCALING_1_1 0xe6
#define CMD_SCALING_2_1 0xe7
#define CMD_RESOLUTION  0xe8
#define CMD_STATUS      0xe9
#define CMD_STREAM      0xea
#define CMD_READ_DATA   0xeb
#define CMD_RESET_WRAP  0xec
#define CMD_WRAP        0xee
#define CMD_REMOTE      0xf0
#define CMD_IDENTIFY    0xf2
#define CMD_SAMPLE_RATE 0xf3
#define CMD_ENABLE      0xf4
#define CMD_DISABLE     0xf5
#define CMD_DEFAULTS    0xf6
#define CMD_RESEND      0xfe
#define CMD_RESET       0xff

#define ID_PLAIN    0
#define ID_WHEEL    3
#define ID_EXPLORER 4

#define MAX_BACKLOG 4096 /* counts, in each direction */
#define MAX_QUEUED  64   /* bytes of reports that a click may add to */

/* ---- Reports ---- */

static int clamp(int value, int min, int max)
{
    return value < min ? min : value > max ? max : value;
}

static void add(uint32_t *counts, int64_t delta)
{
    int64_t sum = (int32_t)*counts + delta;

    *counts = (uint32_t)(sum < -MAX_BACKLOG ? -MAX_BACKLOG : sum > MAX_BACKLOG ? MAX_BACKLOG : sum);
}

/* Takes up to nine bits with sign out of what has added up. */
static int take(uint32_t *counts, int min, int max)
{
    int value = clamp((int32_t)*counts, min, max);

    *counts -= (uint32_t)value;
    return value;
}

/* Scaling 2:1, in stream mode only: small movements become smaller, large ones double. */
static int scale(const struct ps2_mouse *m, int counts)
{
    static const uint8_t small[] = { 0, 1, 1, 3, 6, 9 };
    int size = counts < 0 ? -counts : counts;

    if (!m->scaling || m->remote)
        return counts;
    size = size < (int)sizeof(small) ? small[size] : clamp(2 * size, 0, 255);
    return counts < 0 ? -size : size;
}

static size_t build_report(struct ps2_mouse *m, uint8_t report[4])
{
    int x = scale(m, take(&m->dx, -255, 255)), y = scale(m, take(&m->dy, -255, 255));
    int z = take(&m->dz, -8, 7);

    report[0] = (uint8_t)(0x08 | (m->buttons & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0));
    report[1] = (uint8_t)x;
    report[2] = (uint8_t)y;
    report[3] = (uint8_t)z;
    if (m->id == ID_EXPLORER)
        report[3] = (uint8_t)((z & 0x0f) | ((m->buttons & POINTER_SIDE) != 0 ? 0x10 : 0) |
                              ((m->buttons & POINTER_EXTRA) != 0 ? 0x20 : 0));
    m->sent_buttons = m->buttons;
    return m->id == ID_PLAIN ? 3 : 4;
}

static uint8_t known_buttons(const struct ps2_mouse *m)
{
    return m->id == ID_EXPLORER ? 0x1f : 0x07;
}

static bool has_news(const struct ps2_mouse *m)
{
    if (m->id == ID_PLAIN && m->dx == 0 && m->dy == 0 && m->dz != 0)
        return ((m->buttons ^ m->sent_buttons) & known_buttons(m)) != 0;
    return m->dx != 0 || m->dy != 0 || m->dz != 0 ||
           ((m->buttons ^ m->sent_buttons) & known_buttons(m)) != 0;
}

static void queue_report(struct ps2_mouse *m)
{
    uint8_t report[4];
    size_t n = build_report(m, report);

    ps2_queue_event(&m->queue, report, n);
}

static bool streaming(const struct ps2_mouse *m)
{
    return m->enabled && !m->remote && !m->wrap;
}

void ps2_mouse_taken(struct ps2_mouse *m)
{
    if (streaming(m) && !ps2_has_byte(&m->queue) && has_news(m))
        queue_report(m);
}

void ps2_mouse_nudge(struct ps2_mouse *m)
{
    if (!streaming(m) || m->queue.n_events > 0)
        return; /* the report that waits will do */
    add(&m->dx, 1);
    queue_report(m);
    m->queue.ready(m->queue.opaque);
}

/* A click gets a report of its own, so that no down and up cancel each other out. */
static void mouse_pointer(void *opaque, const struct pointer_event *event)
{
    struct ps2_mouse *m = opaque;
    bool click;

    add(&m->dx, event->x);
    add(&m->dy, -(int64_t)event->y); /* up is positive */
    add(&m->dz, -(int64_t)event->wheel);
    m->buttons = event->buttons & 0x1f;
    click = ((m->buttons ^ m->sent_buttons) & known_buttons(m)) != 0;
    if (streaming(m) && click && m->queue.n_events < MAX_QUEUED)
        queue_report(m);
    ps2_mouse_taken(m);
    if (streaming(m))
        m->queue.ready(m->queue.opaque);
}

/* ---- Commands ---- */

static void forget_movement(struct ps2_mouse *m)
{
    m->dx = m->dy = m->dz = 0;
    m->queue.n_events = 0;
}

static void set_defaults(struct ps2_mouse *m)
{
    m->sample_rate = 100;
    m->resolution = 2; /* 4 counts a millimetre */
    m->scaling = m->remote = m->wrap = m->enabled = false;
    memset(m->last_rates, 0, sizeof(m->last_rates));
    forget_movement(m);
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
    set_defaults(m);
    m->queue.n_responses = 0;
    m->command = 0;
    m->id = ID_PLAIN;
    m->buttons = m->sent_buttons = 0;
}

static bool set_sample_rate(struct ps2_mouse *m, uint8_t rate)
{
    static const uint8_t rates[] = { 10, 20, 40, 60, 80, 100, 200 };
    static const uint8_t wheel[] = { 80, 100, 200 }, explorer[] = { 80, 200, 200 };

    if (memchr(rates, rate, sizeof(rates)) == NULL)
        return false;
    m->sample_rate = rate;
    m->last_rates[2] = m->last_rates[1];
    m->last_rates[1] = m->last_rates[0];
    m->last_rates[0] = rate;
    if (memcmp(m->last_rates, wheel, sizeof(wheel)) == 0)
        m->id = ID_WHEEL;
    else if (memcmp(m->last_rates, explorer, sizeof(explorer)) == 0)
        m->id = ID_EXPLORER;
    return true;
}

static bool set_resolution(struct ps2_mouse *m, uint8_t resolution)
{
    if (resolution > 3)
        return false;
    m->resolution = resolution;
    return true;
}

static void take_argument(struct ps2_mouse *m, uint8_t byte)
{
    bool valid = m->command == CMD_SAMPLE_RATE ? set_sample_rate(m, byte) : set_resolution(m, byte);

    m->command = 0;
    ps2_respond(&m->queue, valid ? PS2_ACK : PS2_RESEND);
}

static void respond_status(struct ps2_mouse *m)
{
    ps2_respond(&m->queue,
                (uint8_t)((m->remote ? 0x40 : 0) | (m->enabled ? 0x20 : 0) |
                          (m->scaling ? 0x10 : 0) | ((m->buttons & POINTER_LEFT) != 0 ? 0x04 : 0) |
                          ((m->buttons & POINTER_MIDDLE) != 0 ? 0x02 : 0) |
                          ((m->buttons & POINTER_RIGHT) != 0 ? 0x01 : 0)));
    ps2_respond(&m->queue, m->resolution);
    ps2_respond(&m->queue, m->sample_rate);
}

static void respond_report(struct ps2_mouse *m)
{
    uint8_t report[4];
    size_t n = build_report(m, report);

    for (size_t i = 0; i < n; i++)
        ps2_respond(&m->queue, report[i]);
}

static void enable(struct ps2_mouse *m)
{
    m->enabled = true;
    forget_movement(m);
    m->sent_buttons = m->buttons;
    if (m->sink != NULL)
        input_sink_activate(m->sink);
}

static void run_command(struct ps2_mouse *m, uint8_t byte)
{
    ps2_respond(&m->queue, PS2_ACK);
    switch (byte) {
    case CMD_SCALING_1_1: m->scaling = false; break;
    case CMD_SCALING_2_1: m->scaling = true; break;
    case CMD_RESOLUTION:
    case CMD_SAMPLE_RATE: m->command = byte; break;
    case CMD_STATUS: respond_status(m); break;
    case CMD_STREAM: m->remote = false; break;
    case CMD_READ_DATA: respond_report(m); break;
    case CMD_WRAP: m->wrap = true; break;
    case CMD_REMOTE: m->remote = true; break;
    case CMD_IDENTIFY: ps2_respond(&m->queue, m->id); break;
    case CMD_ENABLE: enable(m); break;
    case CMD_DISABLE: m->enabled = false; break;
    case CMD_DEFAULTS: set_defaults(m); break;
    case CMD_RESET:
        ps2_mouse_reset(m);
        ps2_respond(&m->queue, PS2_ACK); /* again: the reset has emptied the queue */
        ps2_respond(&m->queue, PS2_BAT_DONE);
        ps2_respond(&m->queue, ID_PLAIN);
        break;
    default: break; /* CMD_RESET_WRAP, when it is not in that mode */
    }
}

static bool is_command(uint8_t byte)
{
    return byte >= CMD_SCALING_1_1 && byte != 0xed && byte != 0xef && byte != 0xf1 &&
           (byte <= CMD_DEFAULTS || byte == CMD_RESET);
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
    uint8_t last = m->queue.last;

    m->queue.n_responses = 0; /* a command ends what was being said, and the report with it */
    m->queue.n_events = 0;
    if (m->wrap && byte != CMD_RESET && byte != CMD_RESET_WRAP) {
        ps2_respond(&m->queue, byte);
        return;
    }
    m->wrap = false;
    if (m->command != 0 && byte < CMD_SCALING_1_1) {
        take_argument(m, byte);
        return;
    }
    m->command = 0;
    if (byte == CMD_RESEND)
        ps2_respond(&m->queue, last);
    else if (is_command(byte))
        run_command(m, byte);
    else
        ps2_respond(&m->queue, PS2_RESEND);
}

/* ---- Life ---- */

static const struct input_sink_ops mouse_sink = { .name = "PS/2 Mouse",
                                                  .kind = INPUT_RELATIVE,
                                                  .pointer = mouse_pointer };

void ps2_mouse_create(struct ps2_mouse *m, struct input *input)
{
    if (input != NULL)
        m->sink = input_sink_add(input, &mouse_sink, m);
}

void ps2_mouse_destroy(struct ps2_mouse *m)
{
    if (m->sink != NULL)
        input_sink_remove(m->sink);
}

bool ps2_mouse_post_load(const struct ps2_mouse *m)
{
    return m->id == ID_PLAIN || m->id == ID_WHEEL || m->id == ID_EXPLORER;
}

const struct state_field ps2_mouse_state[] = {
    STATE_SUB(struct ps2_mouse, queue, ps2_queue_state),
    STATE_FIELD(struct ps2_mouse, command),
    STATE_FIELD(struct ps2_mouse, id, .max = ID_EXPLORER),
    STATE_FIELD(struct ps2_mouse, sample_rate),
    STATE_FIELD(struct ps2_mouse, resolution, .max = 3),
    STATE_ARRAY(struct ps2_mouse, last_rates),
    STATE_FIELD(struct ps2_mouse, enabled),
    STATE_FIELD(struct ps2_mouse, remote),
    STATE_FIELD(struct ps2_mouse, wrap),
    STATE_FIELD(struct ps2_mouse, scaling),
    STATE_FIELD(struct ps2_mouse, buttons, .max = 0x1f),
    STATE_FIELD(struct ps2_mouse, sent_buttons, .max = 0x1f),
    STATE_FIELD(struct ps2_mouse, dx),
    STATE_FIELD(struct ps2_mouse, dy),
    STATE_FIELD(struct ps2_mouse, dz),
    {}
};
