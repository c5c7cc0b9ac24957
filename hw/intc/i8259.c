/*
 * The two 8259A interrupt controllers of a PC as the PIIX3 has them: master and slave in one
 * device, with the edge/level control registers in place of the chips' LTIM bit.
 *
 * Sources: Intel 8259A datasheet (231468-003); Intel 82371SB (PIIX3) datasheet, 2.5.7 to 2.5.13.
 *
 * An edge is latched until it is acknowledged. The datasheet wants an input to stay high until the
 * first INTA and else answers with the spurious vector; here a device may pulse a line in no time,
 * and no request may get lost by that.
 */
#include "hw/intc/i8259.h"

#include "hw/core/bus.h"
#include "hw/core/state.h"

#define ICW1_IC4  0x01 /* ICW4 follows */
#define ICW1_SNGL 0x02 /* no ICW3 */
#define ICW1_SEL  0x10 /* it is an ICW1 */

#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10

#define OCW2_EOI 0x20
#define OCW2_SL  0x40
#define OCW2_R   0x80

#define OCW3_RIS  0x01
#define OCW3_RR   0x02
#define OCW3_P    0x04
#define OCW3_SEL  0x08 /* it is an OCW3 */
#define OCW3_SMM  0x20
#define OCW3_ESMM 0x40

#define CASCADE 2 /* the master's input the slave is wired to */

#define NONE (-1)

struct pic {
    uint8_t icw1, icw2, icw3, icw4;
    uint8_t isr, imr, elcr;
    uint8_t edges;    /* latched requests of edge-triggered inputs */
    uint8_t levels;   /* of the inputs */
    uint8_t lowest;   /* the input that has the lowest priority: 7 unless rotated */
    uint8_t next_icw; /* 2, 3, 4: which is written next; 0: the sequence is complete */
    bool read_isr, poll, special_mask, rotate_on_aeoi;

    struct irq_line intr;
    struct region region;
    uint8_t elcr_mask; /* the other inputs are always edge-triggered */
};

struct i8259 {
    struct device dev;
    struct pic master, slave;
    struct region elcr_region;
};

/* ---- Requests and priorities ---- */

static uint8_t irr(const struct pic *p)
{
    return (uint8_t)((p->edges & ~p->elcr) | (p->levels & p->elcr));
}

/* 0 is the highest priority, 7 the lowest. */
static unsigned rank(const struct pic *p, unsigned input)
{
    return (input - p->lowest - 1u) & 7;
}

static int highest(const struct pic *p, uint8_t inputs)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned input = (p->lowest + i) & 7;
        if ((inputs & 1u << input) != 0)
            return (int)input;
    }
    return NONE;
}

/* What is in service and counts: in special mask mode a masked level holds nothing back. */
static uint8_t in_service(const struct pic *p)
{
    return p->special_mask ? p->isr & (uint8_t)~p->imr : p->isr;
}

static bool has_slave(const struct pic *p, unsigned input)
{
    return (p->icw1 & ICW1_SNGL) == 0 && (p->icw3 & 1u << input) != 0;
}

/* The input whose request would be acknowledged now, or NONE. */
static int request(const struct pic *p)
{
    int want = highest(p, irr(p) & (uint8_t)~p->imr), busy = highest(p, in_service(p));

    if (p->icw1 == 0 || p->next_icw != 0 || want == NONE)
        return NONE;
    if (busy == NONE || rank(p, (unsigned)want) < rank(p, (unsigned)busy))
        return want;
    /* Special fully nested: a slave in service may interrupt again for a level above its own. */
    bool nested = (p->icw4 & ICW4_SFNM) != 0 && want == busy && has_slave(p, (unsigned)want);
    return nested ? want : NONE;
}

static void update(struct pic *p)
{
    irq_set(&p->intr, request(p) != NONE);
}

static void set_input(void *opaque, unsigned input, bool level)
{
    struct pic *p = opaque;
    uint8_t bit = (uint8_t)(1u << input);

    if (level && (p->levels & bit) == 0 && (p->elcr & bit) == 0)
        p->edges |= bit;
    p->levels = level ? p->levels | bit : p->levels & (uint8_t)~bit;
    update(p);
}

void i8259_set_irq(struct device *dev, unsigned irq, bool level)
{
    struct i8259 *s = (struct i8259 *)dev;

    if (irq < 8 && irq != CASCADE)
        set_input(&s->master, irq, level);
    else if (irq >= 8 && irq < 16)
        set_input(&s->slave, irq - 8, level);
}

/* ---- Acknowledge ---- */

/*
 * One chip's part of an INTA cycle; returns the input, NONE if it asked for nothing. INT falls with
 * the first INTA in any case: what is still pending makes a new edge at the master.
 */
static int acknowledge(struct pic *p)
{
    int input = request(p);

    if (input == NONE)
        return NONE;
    uint8_t bit = (uint8_t)(1u << input);
    p->edges &= (uint8_t)~bit;
    if ((p->icw4 & ICW4_AEOI) == 0)
        p->isr |= bit;
    else if (p->rotate_on_aeoi)
        p->lowest = (uint8_t)input;
    irq_set(&p->intr, false);
    return input;
}

static uint8_t vector(const struct pic *p, int input)
{
    return (uint8_t)((p->icw2 & 0xf8) | (input == NONE ? 7 : input));
}

uint8_t i8259_acknowledge(struct device *dev)
{
    struct i8259 *s = (struct i8259 *)dev;
    int input = acknowledge(&s->master);
    uint8_t v = vector(&s->master, input);

    if (input == CASCADE && has_slave(&s->master, CASCADE)) {
        /* A slave that was given another number than its input's leaves the bus floating. */
        v = 0xff;
        if ((s->slave.icw3 & 7) == CASCADE)
            v = vector(&s->slave, acknowledge(&s->slave));
        update(&s->slave);
    }
    update(&s->master);
    return v;
}

/* A poll command makes the next read an acknowledge of this chip alone. */
static uint8_t poll(struct pic *p)
{
    int input = acknowledge(p);

    p->poll = false;
    update(p);
    return input == NONE ? 0 : (uint8_t)(0x80 | input);
}

/* ---- Command words ---- */

static void write_icw1(struct pic *p, uint8_t value)
{
    p->icw1 = value;
    p->icw3 = p->icw4 = 0;
    p->next_icw = 2;
    p->edges = p->isr = p->imr = 0;
    p->lowest = 7;
    p->read_isr = p->poll = p->special_mask = p->rotate_on_aeoi = false;
}

static void end_of_interrupt(struct pic *p, uint8_t value)
{
    bool specific = (value & OCW2_SL) != 0;
    int input = specific ? value & 7 : highest(p, in_service(p));

    if (input == NONE)
        return;
    p->isr &= (uint8_t) ~(1u << input);
    if ((value & OCW2_R) != 0)
        p->lowest = (uint8_t)input;
}

static void write_ocw2(struct pic *p, uint8_t value)
{
    switch (value & (OCW2_R | OCW2_SL | OCW2_EOI)) {
    case 0: p->rotate_on_aeoi = false; break;
    case OCW2_R: p->rotate_on_aeoi = true; break;
    case OCW2_SL: break; /* no operation */
    case OCW2_R | OCW2_SL: p->lowest = value & 7; break;
    default: end_of_interrupt(p, value); break;
    }
}

static void write_ocw3(struct pic *p, uint8_t value)
{
    p->poll = (value & OCW3_P) != 0;
    if ((value & OCW3_RR) != 0)
        p->read_isr = (value & OCW3_RIS) != 0;
    if ((value & OCW3_ESMM) != 0)
        p->special_mask = (value & OCW3_SMM) != 0;
}

static void write_even(struct pic *p, uint8_t value)
{
    if ((value & ICW1_SEL) != 0)
        write_icw1(p, value);
    else if ((value & OCW3_SEL) != 0)
        write_ocw3(p, value);
    else
        write_ocw2(p, value);
}

static void write_odd(struct pic *p, uint8_t value)
{
    uint8_t after_icw3 = (p->icw1 & ICW1_IC4) != 0 ? 4 : 0;

    switch (p->next_icw) {
    case 2:
        p->icw2 = value;
        p->next_icw = (p->icw1 & ICW1_SNGL) != 0 ? after_icw3 : 3;
        break;
    case 3:
        p->icw3 = value;
        p->next_icw = after_icw3;
        break;
    case 4:
        p->icw4 = value;
        p->next_icw = 0;
        break;
    default: p->imr = value; break; /* OCW1 */
    }
}

static uint64_t pic_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pic *p = opaque;

    if (p->poll)
        return poll(p);
    if (offset == 1)
        return p->imr;
    return p->read_isr ? p->isr : irr(p);
}

static void pic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pic *p = opaque;

    if (offset == 0)
        write_even(p, (uint8_t)value);
    else
        write_odd(p, (uint8_t)value);
    update(p);
}

static const struct region_ops pic_ops = { .read = pic_read, .write = pic_write };

static uint64_t elcr_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct i8259 *s = opaque;

    return offset == 0 ? s->master.elcr : s->slave.elcr;
}

static void elcr_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8259 *s = opaque;
    struct pic *p = offset == 0 ? &s->master : &s->slave;

    p->elcr = (uint8_t)value & p->elcr_mask;
    p->edges &= (uint8_t)~p->elcr;
    update(p);
}

static const struct region_ops elcr_ops = { .read = elcr_read, .write = elcr_write };

/* ---- Life ---- */

static void drive_intr(void *opaque, unsigned n, bool level)
{
    irq_set(&((struct i8259 *)opaque)->dev.line[n], level);
}

static void create_pic(struct i8259 *s, struct pic *p, const char *name, uint16_t port)
{
    p->region = (struct region){
        .name = name, .ops = &pic_ops, .owner = &s->dev, .opaque = p, .priority = REGION_FIXED
    };
    bus_map(s->dev.services->bus, &p->region, BUS_PIO, port, 2);
}

static int i8259_create(struct device *dev, GError **err)
{
    struct i8259 *s = (struct i8259 *)dev;

    s->master.intr = (struct irq_line){ drive_intr, s, 0 };
    s->slave.intr = (struct irq_line){ set_input, &s->master, CASCADE };
    /* IRQ0, 1, 2, 8 and 13 are the board's own and edge-triggered. */
    s->master.elcr_mask = 0xf8;
    s->slave.elcr_mask = 0xde;
    create_pic(s, &s->master, "i8259-master", 0x20);
    create_pic(s, &s->slave, "i8259-slave", 0xa0);
    s->elcr_region = (struct region){
        .name = "elcr", .ops = &elcr_ops, .owner = dev, .opaque = s, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &s->elcr_region, BUS_PIO, 0x4d0, 2);
    return 0;
}

/* The 8259A has no reset pin and knows nothing until ICW1: it asks for nothing before. */
static void reset_pic(struct pic *p)
{
    write_icw1(p, 0);
    p->icw2 = p->next_icw = p->elcr = 0;
    update(p);
}

static void i8259_reset(struct device *dev)
{
    struct i8259 *s = (struct i8259 *)dev;

    reset_pic(&s->slave);
    reset_pic(&s->master);
}

static int i8259_post_load(struct device *dev, GError **err)
{
    struct i8259 *s = (struct i8259 *)dev;

    s->master.elcr &= s->master.elcr_mask;
    s->slave.elcr &= s->slave.elcr_mask;
    update(&s->slave);
    update(&s->master);
    return 0;
}

static void i8259_destroy(struct device *dev)
{
    struct i8259 *s = (struct i8259 *)dev;

    bus_unmap(dev->services->bus, &s->elcr_region);
    bus_unmap(dev->services->bus, &s->slave.region);
    bus_unmap(dev->services->bus, &s->master.region);
}

static const struct state_field pic_state[] = {
    STATE_FIELD(struct pic, icw1),
    STATE_FIELD(struct pic, icw2),
    STATE_FIELD(struct pic, icw3),
    STATE_FIELD(struct pic, icw4),
    STATE_FIELD(struct pic, isr),
    STATE_FIELD(struct pic, imr),
    STATE_FIELD(struct pic, elcr),
    STATE_FIELD(struct pic, edges),
    STATE_FIELD(struct pic, levels),
    STATE_FIELD(struct pic, lowest, .max = 7),
    STATE_FIELD(struct pic, next_icw, .max = 4),
    STATE_FIELD(struct pic, read_isr),
    STATE_FIELD(struct pic, poll),
    STATE_FIELD(struct pic, special_mask),
    STATE_FIELD(struct pic, rotate_on_aeoi),
    {},
};

static const struct state_field i8259_state[] = {
    STATE_SUB(struct i8259, master, pic_state),
    STATE_SUB(struct i8259, slave, pic_state),
    {},
};

const struct device_kind i8259_kind = {
    .name = "isa-i8259",
    .desc = "8259A interrupt controller pair",
    .size = sizeof(struct i8259),
    .state = i8259_state,
    .state_version = 1,
    .n_lines = 1,
    .create = i8259_create,
    .reset = i8259_reset,
    .post_load = i8259_post_load,
    .destroy = i8259_destroy,
};
