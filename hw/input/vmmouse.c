#include "hw/input/vmmouse.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/state.h"
#include "ui/input.h"

#define PORT  0x5658
#define MAGIC 0x564d5868

enum {
    CMD_GET_VERSION = 10,
    CMD_DATA = 39,    /* EBX: how many words; they come in EAX, EBX, ... EDI */
    CMD_STATUS = 40,  /* high half: STATUS_OFF or 0; low half: how many words wait */
    CMD_COMMAND = 41, /* EBX: one of REQUEST_* */
};

enum {
    REQUEST_DISABLE = 0xf5,
    REQUEST_ENABLE = 0x45414552, /* the first word is the protocol's version then */
    REQUEST_RELATIVE = 0x4c455252,
    REQUEST_ABSOLUTE = 0x53424152,
};

#define UNKNOWN          UINT32_MAX /* the answer to what is no command */
#define BACKDOOR_VERSION 6
#define PRODUCT          4 /* in ECX: a workstation */
#define PROTOCOL_VERSION 0x3442554a
#define STATUS_OFF       UINT32_C(0xffff0000)

/* A packet: buttons and flags, x, y, wheel. Positions run to 0xFFFF, whatever the screen's size. */
#define PACKET_WORDS    4
#define PACKET_RELATIVE 0x10000
#define PACKET_LEFT     0x20
#define PACKET_RIGHT    0x10
#define PACKET_MIDDLE   0x08

#define MAX_WORDS 256
#define MAX_TAKEN 6 /* registers */

enum mode { MODE_OFF, MODE_ENABLED, MODE_RELATIVE, MODE_ABSOLUTE };

struct vmmouse {
    struct device dev;
    uint8_t mode; /* enum mode */
    uint16_t n_words;
    uint32_t words[MAX_WORDS]; /* oldest first */
    /* host */
    struct region region;
    struct input *input;     /* property */
    struct input_sink *sink; /* while the guest takes events */
};

/* ---- Events ---- */

/* The place of the next packet; NULL: the guest has not taken the others. */
static uint32_t *next_packet(struct vmmouse *m, uint32_t buttons, const struct pointer_event *e)
{
    uint32_t *next = m->words + m->n_words;

    if (m->mode == MODE_ABSOLUTE && e->wheel == 0 && m->n_words >= PACKET_WORDS) {
        uint32_t *last = next - PACKET_WORDS;
        if (last[0] == buttons && last[3] == 0)
            return last; /* nobody looked at that place: the pointer is never late */
    }
    if (m->n_words > MAX_WORDS - PACKET_WORDS)
        return NULL;
    m->n_words += PACKET_WORDS;
    return next;
}

static void vmmouse_pointer(void *opaque, const struct pointer_event *e)
{
    struct vmmouse *m = opaque;
    bool relative = m->mode == MODE_RELATIVE;
    uint32_t buttons = (relative ? PACKET_RELATIVE : 0) |
                       ((e->buttons & POINTER_LEFT) != 0 ? PACKET_LEFT : 0) |
                       ((e->buttons & POINTER_RIGHT) != 0 ? PACKET_RIGHT : 0) |
                       ((e->buttons & POINTER_MIDDLE) != 0 ? PACKET_MIDDLE : 0);
    uint32_t *p = next_packet(m, buttons, e);

    if (p != NULL) {
        p[0] = buttons;
        p[1] = relative ? (uint32_t)e->x : (uint32_t)e->x * 0xffff / POINTER_MAX;
        p[2] = relative ? -(uint32_t)e->y : (uint32_t)e->y * 0xffff / POINTER_MAX;
        p[3] = -(uint32_t)e->wheel; /* towards the user is positive */
    }
    irq_pulse(&m->dev.line[0]);
}

static const struct input_sink_ops absolute_sink = { .name = "vmmouse",
                                                     .kind = INPUT_ABSOLUTE,
                                                     .pointer = vmmouse_pointer };
static const struct input_sink_ops relative_sink = { .name = "vmmouse",
                                                     .kind = INPUT_RELATIVE,
                                                     .pointer = vmmouse_pointer };

/* Events come as long as the guest wants them: else the PS/2 mouse gets them. */
static void follow_mode(struct vmmouse *m)
{
    if (m->sink != NULL)
        input_sink_remove(m->sink);
    m->sink = NULL;
    if (m->input == NULL || m->mode <= MODE_ENABLED)
        return;
    m->sink = input_sink_add(m->input, m->mode == MODE_ABSOLUTE ? &absolute_sink : &relative_sink,
                             m);
    input_sink_activate(m->sink);
}

/* ---- Commands ---- */

static void set_mode(struct vmmouse *m, enum mode mode)
{
    if (m->mode == mode)
        return;
    m->mode = (uint8_t)mode;
    follow_mode(m);
}

static void request(struct vmmouse *m, uint32_t what)
{
    switch (what) {
    case REQUEST_DISABLE:
        m->n_words = 0;
        set_mode(m, MODE_OFF);
        break;
    case REQUEST_ENABLE:
        m->words[0] = PROTOCOL_VERSION;
        m->n_words = 1;
        set_mode(m, MODE_ENABLED);
        break;
    case REQUEST_RELATIVE:
    case REQUEST_ABSOLUTE:
        if (m->mode != MODE_OFF)
            set_mode(m, what == REQUEST_ABSOLUTE ? MODE_ABSOLUTE : MODE_RELATIVE);
        break;
    default: guest_fault(&m->dev, "request=0x%08x: there is none", what); break;
    }
}

/* A driver that asks for more than there is has lost count: it is told so by the status. */
static uint32_t take_words(struct vmmouse *m, struct cpu_registers *r)
{
    uint32_t *const to[MAX_TAKEN] = { &r->eax, &r->ebx, &r->ecx, &r->edx, &r->esi, &r->edi };
    unsigned n = r->ebx;

    if (n < 1 || n > MAX_TAKEN || n > m->n_words) {
        guest_fault(&m->dev, "data: asked for %u words of %u", n, m->n_words);
        request(m, REQUEST_DISABLE);
        return UNKNOWN;
    }
    for (unsigned i = 0; i < n; i++)
        *to[i] = m->words[i];
    m->n_words -= (uint16_t)n;
    memmove(m->words, m->words + n, m->n_words * sizeof(m->words[0]));
    return r->eax;
}

static uint32_t run_command(struct vmmouse *m, struct cpu_registers *r)
{
    switch (r->ecx & 0xffff) {
    case CMD_GET_VERSION:
        r->ebx = MAGIC;
        r->ecx = PRODUCT;
        return BACKDOOR_VERSION;
    case CMD_DATA: return take_words(m, r);
    case CMD_STATUS: return (m->mode == MODE_OFF ? STATUS_OFF : 0) | m->n_words;
    case CMD_COMMAND: request(m, r->ebx); return 0;
    default: return UNKNOWN;
    }
}

/* An IN without the magic number is a probe for another card, and finds none. */
static uint64_t vmmouse_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vmmouse *m = opaque;
    const struct services *s = m->dev.services;
    struct cpu_registers r;

    s->get_registers(s->opaque, &r);
    if (r.eax != MAGIC)
        return UNKNOWN;
    uint32_t answer = run_command(m, &r);
    s->set_registers(s->opaque, &r);
    return answer;
}

static void vmmouse_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops vmmouse_ops = {
    .read = vmmouse_read, .write = vmmouse_write, .valid = 4, .impl = 4
};

/* ---- Life ---- */

static int vmmouse_create(struct device *dev, GError **err)
{
    struct vmmouse *m = (struct vmmouse *)dev;

    if (dev->services->get_registers == NULL)
        return fail(err, ENOTSUP,
                    "-machine vmport=on: this hypervisor does not show CPU registers to devices");
    m->region = (struct region){
        .name = "vmmouse", .ops = &vmmouse_ops, .owner = dev, .opaque = m, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &m->region, BUS_PIO, PORT, 4);
    return 0;
}

static void vmmouse_destroy(struct device *dev)
{
    struct vmmouse *m = (struct vmmouse *)dev;

    set_mode(m, MODE_OFF);
    bus_unmap(dev->services->bus, &m->region);
}

static void vmmouse_reset(struct device *dev)
{
    request((struct vmmouse *)dev, REQUEST_DISABLE);
}

static int vmmouse_post_load(struct device *dev, GError **err)
{
    follow_mode((struct vmmouse *)dev);
    return 0;
}

static const struct state_field vmmouse_state[] = {
    STATE_FIELD(struct vmmouse, mode, .max = MODE_ABSOLUTE),
    STATE_FIELD(struct vmmouse, n_words, .max = MAX_WORDS),
    STATE_ARRAY(struct vmmouse, words),
    {}
};

static const struct property vmmouse_properties[] = { PROPERTY("input", PROP_HOST, struct vmmouse,
                                                               input, .host = "input",
                                                               .help = "where movements come from"),
                                                      {} };

const struct device_kind vmmouse_kind = {
    .name = "vmmouse",
    .desc = "VMware's absolute pointer",
    .size = sizeof(struct vmmouse),
    .properties = vmmouse_properties,
    .state = vmmouse_state,
    .state_version = 1,
    .n_lines = 1,
    .create = vmmouse_create,
    .reset = vmmouse_reset,
    .post_load = vmmouse_post_load,
    .destroy = vmmouse_destroy,
};
