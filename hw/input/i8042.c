/*
 * The keyboard controller: Intel 8042 with the program of the IBM PS/2 (IBM, "PS/2 Hardware
 * Interface Technical Reference", keyboard and auxiliary device controller).
 *
 * One output buffer (DBB) holds a byte for the guest, from the controller, the keyboard or the
 * mouse. A device's byte takes its time on the wire: after a read the next one comes 0.2 ms later,
 * so that a handler that is chained to another one reads the same byte again, as DOS programs do.
 */
#include "hw/input/i8042.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/state.h"
#include "hw/input/ps2_kbd.h"
#include "hw/input/ps2_mouse.h"

#define BYTE_TIME (200 * NS_PER_US)

#define STATUS_OBF 0x01 /* the output buffer is full */
#define STATUS_SYS 0x04 /* the self-test was passed */
#define STATUS_A2  0x08 /* the last write was a command */
#define STATUS_INH 0x10 /* the keyboard is not locked */
#define STATUS_AUX 0x20 /* what is in the output buffer is the mouse's */

#define STATUS_KEPT (STATUS_SYS | STATUS_A2 | STATUS_INH) /* the others follow from the buffer */

/* The command byte, byte 0 of the controller's RAM. */
#define CTR_KIE  0x01 /* IRQ1 */
#define CTR_MIE  0x02 /* IRQ12 */
#define CTR_SYS  0x04
#define CTR_KCD  0x10 /* keyboard clock off */
#define CTR_MCD  0x20 /* mouse clock off */
#define CTR_XLAT 0x40 /* scan codes of set 2 become those of set 1 */

#define OUTPORT_RESET 0x01 /* 0: the CPU is held in reset */
#define OUTPORT_A20   0x02
#define OUTPORT_KBD   0x10 /* IRQ1 */
#define OUTPORT_MOUSE 0x20 /* IRQ12 */
#define OUTPORT_LINES 0xcc /* clocks and data lines, idle */

#define RAM_SIZE 32

/* Commands, at port 0x64. */
enum {
    CMD_READ_RAM = 0x20,
    CMD_WRITE_RAM = 0x60,
    CMD_TEST_PASSWORD = 0xa4,
    CMD_DISABLE_MOUSE = 0xa7,
    CMD_ENABLE_MOUSE = 0xa8,
    CMD_TEST_MOUSE = 0xa9,
    CMD_SELF_TEST = 0xaa,
    CMD_TEST_KBD = 0xab,
    CMD_DISABLE_KBD = 0xad,
    CMD_ENABLE_KBD = 0xae,
    CMD_READ_INPUT_PORT = 0xc0,
    CMD_READ_OUTPUT_PORT = 0xd0,
    CMD_WRITE_OUTPUT_PORT = 0xd1,
    CMD_WRITE_KBD_OBUF = 0xd2,
    CMD_WRITE_MOUSE_OBUF = 0xd3,
    CMD_WRITE_MOUSE = 0xd4,
    CMD_DISABLE_A20 = 0xdd,
    CMD_ENABLE_A20 = 0xdf,
    CMD_READ_TEST_INPUTS = 0xe0,
    CMD_PULSE = 0xf0, /* to 0xff: the low four bits of the output port that are 0 */
};

struct i8042 {
    struct device dev;
    uint8_t status; /* STATUS_KEPT */
    uint8_t ram[RAM_SIZE];
    uint8_t command; /* that waits for its byte at port 0x60; 0: none */
    bool a20;
    /* the output buffer */
    uint8_t dbb;
    bool obf, aux;
    bool from_device; /* not the controller's own */
    /* A device's byte that had to make way for a response. */
    uint8_t held;
    bool held_valid, held_aux;
    bool key_up;       /* 0xF0 was translated away: the next code is a break */
    struct timer wire; /* armed while a device can't send yet */
    struct ps2_kbd kbd;
    struct ps2_mouse mouse;
    /* host */
    struct region data, control;
    struct input *input; /* property */
};

#define CTR(c) ((c)->ram[0])

/* ---- The output buffer ---- */

static void update_irqs(struct i8042 *c)
{
    irq_set(&c->dev.line[0], c->obf && !c->aux && (CTR(c) & CTR_KIE) != 0);
    irq_set(&c->dev.line[1], c->obf && c->aux && (CTR(c) & CTR_MIE) != 0);
}

static void fill(struct i8042 *c, uint8_t byte, bool aux, bool from_device)
{
    c->dbb = byte;
    c->obf = true;
    c->aux = aux;
    c->from_device = from_device;
    update_irqs(c);
}

/* The controller's own bytes come at once: a driver that asked reads nothing else. */
static void respond(struct i8042 *c, uint8_t byte, bool aux)
{
    if (c->obf && c->from_device) {
        c->held = c->dbb;
        c->held_aux = c->aux;
        c->held_valid = true;
        c->obf = false;
        update_irqs(c); /* an edge for the new byte */
    }
    fill(c, byte, aux, false);
}

/* The keyboard's next byte in the set that the guest wants. false: only half a code is there. */
static bool take_key_byte(struct i8042 *c, uint8_t *byte)
{
    while (ps2_has_byte(&c->kbd.queue)) {
        *byte = ps2_take_byte(&c->kbd.queue);
        if ((CTR(c) & CTR_XLAT) == 0)
            return true;
        if (*byte == 0xf0) {
            c->key_up = true;
            continue;
        }
        *byte = ps2_set2_to_set1(*byte) | (c->key_up ? 0x80 : 0);
        c->key_up = false;
        return true;
    }
    return false;
}

/* Lets a device send, if the buffer is free and its clock is on. */
static void pull(struct i8042 *c)
{
    uint8_t byte;

    if (c->obf || timer_armed(&c->wire))
        return;
    if (c->held_valid) {
        c->held_valid = false;
        fill(c, c->held, c->held_aux, true);
    } else if ((CTR(c) & CTR_KCD) == 0 && take_key_byte(c, &byte)) {
        fill(c, byte, false, true);
    } else if ((CTR(c) & CTR_MCD) == 0 && ps2_has_byte(&c->mouse.queue)) {
        fill(c, ps2_take_byte(&c->mouse.queue), true, true);
        ps2_mouse_taken(&c->mouse);
    }
}

static void device_ready(void *opaque)
{
    pull(opaque);
}

static uint64_t read_data(void *opaque, uint64_t offset, unsigned size)
{
    struct i8042 *c = opaque;
    uint8_t byte = c->dbb;

    if (c->obf) {
        c->obf = false;
        if (c->from_device)
            timer_set(&c->wire, clock_now(c->dev.services->clock) + BYTE_TIME);
        update_irqs(c);
        pull(c);
    }
    return byte;
}

static uint64_t read_status(void *opaque, uint64_t offset, unsigned size)
{
    const struct i8042 *c = opaque;

    return c->status | (c->obf ? STATUS_OBF : 0) | (c->obf && c->aux ? STATUS_AUX : 0);
}

/* ---- Commands ---- */

static uint8_t output_port(const struct i8042 *c)
{
    return OUTPORT_RESET | OUTPORT_LINES | (c->a20 ? OUTPORT_A20 : 0) |
           (c->obf && !c->aux ? OUTPORT_KBD : 0) | (c->obf && c->aux ? OUTPORT_MOUSE : 0);
}

static void reset_cpu(struct i8042 *c)
{
    c->dev.services->power(c->dev.services->opaque, POWER_RESET);
}

/* A20 is remembered and not acted upon, as at port 0x92: every core runs with it open. */
static void write_output_port(struct i8042 *c, uint8_t value)
{
    c->a20 = (value & OUTPORT_A20) != 0;
    if ((value & OUTPORT_RESET) == 0)
        reset_cpu(c);
}

static void write_ram(struct i8042 *c, unsigned index, uint8_t value)
{
    c->ram[index] = value;
    if (index == 0)
        c->status = (uint8_t)((c->status & ~STATUS_SYS) | (value & CTR_SYS));
}

static void self_test(struct i8042 *c)
{
    c->status |= STATUS_SYS;
    CTR(c) |= CTR_SYS;
    respond(c, 0x55, false);
}

static void write_command(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8042 *c = opaque;
    uint8_t command = (uint8_t)value;

    c->status |= STATUS_A2;
    c->command = 0;
    switch (command) {
    case CMD_READ_RAM ... CMD_READ_RAM + RAM_SIZE - 1:
        respond(c, c->ram[command - CMD_READ_RAM], false);
        break;
    case CMD_WRITE_RAM ... CMD_WRITE_RAM + RAM_SIZE - 1:
    case CMD_WRITE_OUTPUT_PORT:
    case CMD_WRITE_KBD_OBUF:
    case CMD_WRITE_MOUSE_OBUF:
    case CMD_WRITE_MOUSE: c->command = command; break;
    case CMD_TEST_PASSWORD: respond(c, 0xf1, false); break; /* there is none */
    case CMD_DISABLE_MOUSE: CTR(c) |= CTR_MCD; break;
    case CMD_ENABLE_MOUSE: CTR(c) &= (uint8_t)~CTR_MCD; break;
    case CMD_TEST_MOUSE:
    case CMD_TEST_KBD: respond(c, 0x00, false); break; /* the lines are fine */
    case CMD_SELF_TEST: self_test(c); break;
    case CMD_DISABLE_KBD: CTR(c) |= CTR_KCD; break;
    case CMD_ENABLE_KBD: CTR(c) &= (uint8_t)~CTR_KCD; break;
    case CMD_READ_INPUT_PORT: respond(c, 0x80, false); break; /* not locked */
    case CMD_READ_OUTPUT_PORT: respond(c, output_port(c), false); break;
    case CMD_DISABLE_A20: c->a20 = false; break;
    case CMD_ENABLE_A20: c->a20 = true; break;
    case CMD_READ_TEST_INPUTS: respond(c, 0x00, false); break;
    case CMD_PULSE ... 0xff:
        if ((command & OUTPORT_RESET) == 0)
            reset_cpu(c);
        break;
    default: guest_fault(&c->dev, "command=0x%02x: there is none", command); break;
    }
    pull(c);
}

/* A byte for a device turns its clock on. */
static void write_keyboard(struct i8042 *c, uint8_t byte)
{
    CTR(c) &= (uint8_t)~CTR_KCD;
    c->key_up = false;
    ps2_kbd_write(&c->kbd, byte);
}

static void write_mouse(struct i8042 *c, uint8_t byte)
{
    CTR(c) &= (uint8_t)~CTR_MCD;
    ps2_mouse_write(&c->mouse, byte);
}

static void write_data(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8042 *c = opaque;
    uint8_t command = c->command, byte = (uint8_t)value;

    c->status &= (uint8_t)~STATUS_A2;
    c->command = 0;
    switch (command) {
    case 0: write_keyboard(c, byte); break;
    case CMD_WRITE_OUTPUT_PORT: write_output_port(c, byte); break;
    case CMD_WRITE_KBD_OBUF: respond(c, byte, false); break;
    case CMD_WRITE_MOUSE_OBUF: respond(c, byte, true); break;
    case CMD_WRITE_MOUSE: write_mouse(c, byte); break;
    default: write_ram(c, command & (RAM_SIZE - 1), byte); break;
    }
    update_irqs(c);
    pull(c);
}

void i8042_nudge_mouse(struct device *dev)
{
    ps2_mouse_nudge(&((struct i8042 *)dev)->mouse);
}

static const struct region_ops data_ops = { .read = read_data, .write = write_data };
static const struct region_ops control_ops = { .read = read_status, .write = write_command };

/* ---- Life ---- */

static int i8042_create(struct device *dev, GError **err)
{
    struct i8042 *c = (struct i8042 *)dev;

    c->data = (struct region){
        .name = "i8042-data", .ops = &data_ops, .owner = dev, .opaque = c, .priority = REGION_FIXED
    };
    c->control = c->data;
    c->control.name = "i8042-control";
    c->control.ops = &control_ops;
    bus_map(dev->services->bus, &c->data, BUS_PIO, 0x60, 1);
    bus_map(dev->services->bus, &c->control, BUS_PIO, 0x64, 1);
    timer_init(&c->wire, dev->services->clock, device_ready, c);
    c->kbd.queue.ready = c->mouse.queue.ready = device_ready;
    c->kbd.queue.opaque = c->mouse.queue.opaque = c;
    ps2_kbd_create(&c->kbd, c->input);
    ps2_mouse_create(&c->mouse, c->input);
    return 0;
}

static void i8042_destroy(struct device *dev)
{
    struct i8042 *c = (struct i8042 *)dev;

    ps2_mouse_destroy(&c->mouse);
    ps2_kbd_destroy(&c->kbd);
    timer_cancel(&c->wire);
    bus_unmap(dev->services->bus, &c->control);
    bus_unmap(dev->services->bus, &c->data);
}

/* Both devices are held off until firmware has set the controller up. */
static void i8042_reset(struct device *dev)
{
    struct i8042 *c = (struct i8042 *)dev;

    c->status = STATUS_INH;
    memset(c->ram, 0, sizeof(c->ram));
    CTR(c) = CTR_KCD | CTR_MCD | CTR_XLAT;
    c->command = c->dbb = 0;
    c->a20 = true;
    c->obf = c->aux = c->from_device = c->held_valid = c->key_up = false;
    timer_cancel(&c->wire);
    ps2_kbd_reset(&c->kbd);
    ps2_mouse_reset(&c->mouse);
    update_irqs(c);
}

static int i8042_post_load(struct device *dev, GError **err)
{
    struct i8042 *c = (struct i8042 *)dev;

    if (!ps2_kbd_post_load(&c->kbd) || !ps2_mouse_post_load(&c->mouse))
        return fail(err, EINVAL, "saved state: device %s: no such keyboard or mouse", dev->id);
    c->status &= STATUS_KEPT;
    update_irqs(c);
    return 0;
}

static const struct state_field i8042_state[] = { STATE_FIELD(struct i8042, status),
                                                  STATE_ARRAY(struct i8042, ram),
                                                  STATE_FIELD(struct i8042, command),
                                                  STATE_FIELD(struct i8042, a20),
                                                  STATE_FIELD(struct i8042, dbb),
                                                  STATE_FIELD(struct i8042, obf),
                                                  STATE_FIELD(struct i8042, aux),
                                                  STATE_FIELD(struct i8042, from_device),
                                                  STATE_FIELD(struct i8042, held),
                                                  STATE_FIELD(struct i8042, held_valid),
                                                  STATE_FIELD(struct i8042, held_aux),
                                                  STATE_FIELD(struct i8042, key_up),
                                                  STATE_TIMER_FIELD(struct i8042, wire),
                                                  STATE_SUB(struct i8042, kbd, ps2_kbd_state),
                                                  STATE_SUB(struct i8042, mouse, ps2_mouse_state),
                                                  {} };

static const struct property i8042_properties[] = {
    PROPERTY("input", PROP_HOST, struct i8042, input, .host = "input",
             .help = "where keys and movements come from"),
    {}
};

const struct device_kind i8042_kind = {
    .name = "i8042",
    .desc = "keyboard controller with keyboard and mouse",
    .size = sizeof(struct i8042),
    .properties = i8042_properties,
    .state = i8042_state,
    .state_version = 1,
    .n_lines = 2,
    .create = i8042_create,
    .reset = i8042_reset,
    .post_load = i8042_post_load,
    .destroy = i8042_destroy,
};
