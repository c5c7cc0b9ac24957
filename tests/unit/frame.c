/*
 * The frame itself: routing, widths, register tables, PCI BARs, DMA, time, state, dispatch.
 */
#include <string.h>

#include "hw/core/regs.h"
#include "ioreq/dispatch.h"
#include "tests/unit/testbench.h"

/* ---- A chip for the tests: four bytes of scratch at a port, a register file, a PCI function ----
 */

struct toy {
    struct device dev;
    struct region region;
    uint8_t scratch[4];
    bool flag;
    struct timer timer;
    uint16_t base;
    unsigned expiries;
};

static uint64_t toy_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct toy *)opaque)->scratch[offset];
}

static void toy_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct toy *)opaque)->scratch[offset] = (uint8_t)value;
}

static void toy_expired(void *opaque)
{
    ((struct toy *)opaque)->expiries++;
}

static const struct region_ops toy_ops = { .read = toy_read, .write = toy_write, .valid = 1 | 2 };

static int toy_create(struct device *dev, GError **err)
{
    struct toy *t = (struct toy *)dev;

    t->region = (struct region){
        .name = "toy", .ops = &toy_ops, .owner = dev, .opaque = t, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &t->region, BUS_PIO, t->base, 4);
    timer_init(&t->timer, dev->services->clock, toy_expired, t);
    return 0;
}

static void toy_destroy(struct device *dev)
{
    timer_cancel(&((struct toy *)dev)->timer);
    bus_unmap(dev->services->bus, &((struct toy *)dev)->region);
}

static const struct property toy_properties[] = {
    PROPERTY("base", PROP_UINT, struct toy, base, .initial = "0x300", .max = 0xfffc), {}
};

static const struct state_field toy_state[] = { STATE_ARRAY(struct toy, scratch),
                                                STATE_FIELD(struct toy, flag),
                                                STATE_TIMER_FIELD(struct toy, timer),
                                                {} };

static const struct device_kind toy_kind = {
    .name = "toy",
    .desc = "a toy",
    .size = sizeof(struct toy),
    .properties = toy_properties,
    .state = toy_state,
    .state_version = 1,
    .create = toy_create,
    .destroy = toy_destroy,
};

/* ---- Routing ---- */

static void ports_are_cut_to_what_a_chip_takes(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &toy_kind, NULL);

    outw(b, 0x300, 0x1234);
    g_assert_cmphex(inb(b, 0x300), ==, 0x34);
    g_assert_cmphex(inw(b, 0x301), ==, 0x0012);
    /* Four bytes at once are not declared: refused, counted, all ones. */
    g_assert_cmphex(inl(b, 0x300), ==, 0xffffffff);
    g_assert_cmpuint(dev->guest_faults, ==, 1);
    /* Half in, half out: byte cycles. */
    outw(b, 0x303, 0x5a5a);
    g_assert_cmphex(inw(b, 0x303), ==, 0xff5a);
    /* The end of the port space does not wrap. */
    g_assert_cmphex(inl(b, 0xfffe), ==, 0xffffffff);
    bench_destroy(b);
}

static void a_fixed_port_wins_over_one_that_came_first(void)
{
    struct bench *b = bench_create();
    struct region low = { .name = "low", .ops = &toy_ops, .opaque = g_new0(struct toy, 1) };

    bus_map(b->bus, &low, BUS_PIO, 0x300, 8);
    struct device *dev = bench_plug(b, &toy_kind, NULL);
    outb(b, 0x300, 1);
    g_assert_cmphex(((struct toy *)dev)->scratch[0], ==, 1);
    bench_unplug(b, dev);
    g_assert_cmphex(inb(b, 0x300), ==, 0); /* the other one shows again */
    bus_unmap(b->bus, &low);
    g_assert_cmphex(inb(b, 0x300), ==, 0xff);
    g_free(low.opaque);
    bench_destroy(b);
}

/* Also where an earlier one has gone in between, and left its place to a later one. */
static void among_equals_the_first_one_answers(void)
{
    struct bench *b = bench_create();
    struct toy toys[3] = { { .scratch = { 0x11 } },
                           { .scratch = { 0x22 } },
                           { .scratch = { 0x33 } } };
    struct region r[3];

    for (unsigned space = BUS_PIO; space <= BUS_MMIO; space++) {
        for (unsigned n = 0; n < 3; n++)
            r[n] = (struct region){ .name = "equal", .ops = &toy_ops, .opaque = &toys[n] };
        bus_map(b->bus, &r[0], (enum bus_space)space, 0x300, 4);
        bus_map(b->bus, &r[1], (enum bus_space)space, 0x300, 4);
        g_assert_cmphex(bus_read(b->bus, (enum bus_space)space, 0x300, 1), ==, 0x11);
        bus_unmap(b->bus, &r[0]);
        bus_map(b->bus, &r[2], (enum bus_space)space, 0x300, 4);
        g_assert_cmphex(bus_read(b->bus, (enum bus_space)space, 0x300, 1), ==, 0x22);
        bus_unmap(b->bus, &r[1]);
        g_assert_cmphex(bus_read(b->bus, (enum bus_space)space, 0x300, 1), ==, 0x33);
        bus_unmap(b->bus, &r[2]);
    }
    bench_destroy(b);
}

static void mmio_overlaps_are_resolved_at_every_edge(void)
{
    struct bench *b = bench_create();
    struct toy outer = { .scratch = { 0x11, 0x11, 0x11, 0x11 } };
    struct toy inner = { .scratch = { 0x22, 0x22, 0x22, 0x22 } };
    struct region o = { .name = "outer", .ops = &toy_ops, .opaque = &outer };
    struct region i = {
        .name = "inner", .ops = &toy_ops, .opaque = &inner, .priority = REGION_FIXED
    };

    bus_map(b->bus, &o, BUS_MMIO, 0xf0000000, 4);
    bus_map(b->bus, &i, BUS_MMIO, 0xf0000001, 2);
    const uint8_t want[] = { 0xff, 0x11, 0x22, 0x22, 0x11, 0xff };
    for (unsigned n = 0; n < sizeof(want); n++)
        g_assert_cmphex(mmio_read(b, 0xefffffff + n, 1), ==, want[n]);
    /* The one that answers at the first byte takes an access that fits it. */
    g_assert_cmphex(mmio_read(b, 0xf0000000, 2), ==, 0x1111);
    bus_map(b->bus, &i, BUS_MMIO, UINT64_MAX - 1, 4); /* over the end: cut */
    g_assert_cmphex(mmio_read(b, UINT64_MAX, 1), ==, 0x22);
    g_assert_cmphex(mmio_read(b, UINT64_MAX, 2), ==, 0xff22); /* address 0 is nobody's */
    bench_destroy(b);
}

/* ---- Register tables ---- */

struct regfile {
    uint32_t ctrl, status;
    uint16_t half;
    uint32_t table[4];
    uint64_t written;
};

static void half_written(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    ((struct regfile *)dev)->written = old << 32 | value;
}

static const struct reg regfile[] = {
    REG(0x00, struct regfile, ctrl, .reset = 0x80000001, .write_mask = 0x0000ffff),
    REG(0x04, struct regfile, status, .reset = 0xff, .w1c = 0x0f),
    REG(0x08, struct regfile, half, .write_mask = 0xffff, .on_write = half_written),
    REG_ARRAY(0x10, struct regfile, table, .write_mask = UINT32_MAX),
};

static void a_register_table_keeps_masks_at_any_width(void)
{
    struct regfile f = { 0 };
    unsigned n = G_N_ELEMENTS(regfile);

    regs_reset(regfile, n, &f);
    g_assert_cmphex(f.ctrl, ==, 0x80000001);
    regs_write(regfile, n, &f, 0, UINT32_MAX, 4);
    g_assert_cmphex(f.ctrl, ==, 0x8000ffff);
    regs_write(regfile, n, &f, 1, 0, 1);
    g_assert_cmphex(f.ctrl, ==, 0x800000ff);
    /* Ones clear, only in the byte that is written. */
    regs_write(regfile, n, &f, 5, 0xff, 1);
    g_assert_cmphex(f.status, ==, 0xff);
    regs_write(regfile, n, &f, 4, 0x03, 1);
    g_assert_cmphex(f.status, ==, 0xfc);
    /* Eight bytes over two registers. */
    regs_write(regfile, n, &f, 0x10, UINT64_C(0x1122334455667788), 8);
    g_assert_cmphex(f.table[1], ==, 0x11223344);
    g_assert_cmphex(regs_read(regfile, n, &f, 0x13, 2), ==, 0x4455);
    /* Between registers: zero. */
    g_assert_cmphex(regs_read(regfile, n, &f, 0x0a, 4), ==, 0);
    regs_write(regfile, n, &f, 9, 0x7f, 1);
    regs_write(regfile, n, &f, 8, 0x01, 1);
    g_assert_cmphex(f.written, ==, UINT64_C(0x7f00) << 32 | 0x7f01);
    g_assert_true(regs_find(regfile, n, 0x1f) == &regfile[3]);
    g_assert_null(regs_find(regfile, n, 0x20));
}

/* ---- PCI ---- */

struct card {
    struct pci_device pci;
    struct region io;
    struct mem_block ram;
};

static int card_create(struct device *dev, GError **err)
{
    struct card *c = (struct card *)dev;

    c->io = (struct region){
        .name = "card", .ops = &toy_ops, .owner = dev, .opaque = g_new0(struct toy, 1)
    };
    c->ram = (struct mem_block){ .name = "vram", .size = 0x10000, .flags = MEM_LOG_DIRTY };
    c->ram.host = mem_alloc("vram", c->ram.size, err);
    pci_add_bar(&c->pci, 0, PCI_BAR_IO, 4, &c->io, NULL);
    pci_add_bar(&c->pci, 1, PCI_BAR_MEM64_PREFETCH, 0x10000, NULL, &c->ram);
    return 0;
}

static void card_destroy(struct device *dev)
{
    struct card *c = (struct card *)dev;

    bus_unmap(dev->services->bus, &c->io);
    memmap_unmap(dev->services->mem, &c->ram);
    g_free(c->ram.dirty);
    mem_free(c->ram.host, c->ram.size);
    g_free(c->io.opaque);
}

static const struct pci_info card_info = {
    .vendor = 0x1234,
    .device = 0x5678,
    .class_code = 0x030000,
    .revision = 2,
    .interrupt_pin = 1,
};
static const struct device_kind card_kind = {
    .name = "card",
    .desc = "a PCI card",
    .size = sizeof(struct card),
    .base = &pci_device_base,
    .pci = &card_info,
    .state_version = 1,
    .create = card_create,
    .destroy = card_destroy,
};

static void bars_are_sized_moved_and_switched_off(void)
{
    struct bench *b = bench_create();
    struct card *c = (struct card *)bench_plug(b, &card_kind, "addr=5");

    g_assert_cmphex(cfg_read(b, 5, 0, PCI_VENDOR_ID, 4), ==, 0x56781234);
    g_assert_cmphex(cfg_read(b, 6, 0, PCI_VENDOR_ID, 4), ==, 0xffffffff);
    g_assert_cmphex(cfg_read(b, 5, 0, PCI_REVISION_ID, 4), ==, 0x03000002);
    cfg_write(b, 5, 0, PCI_BAR0, UINT32_MAX, 4);
    g_assert_cmphex(cfg_read(b, 5, 0, PCI_BAR0, 4), ==, 0xfffffffd);
    cfg_write(b, 5, 0, PCI_BAR0 + 4, UINT32_MAX, 4);
    cfg_write(b, 5, 0, PCI_BAR0 + 8, UINT32_MAX, 4);
    g_assert_cmphex(cfg_read(b, 5, 0, PCI_BAR0 + 4, 4), ==, 0xffff000c);
    g_assert_cmphex(cfg_read(b, 5, 0, PCI_BAR0 + 8, 4), ==, 0xffffffff);

    cfg_write(b, 5, 0, PCI_BAR0, 0xc000, 4);
    g_assert_cmphex(inb(b, 0xc000), ==, 0xff); /* not decoded yet */
    cfg_write(b, 5, 0, PCI_COMMAND, PCI_COMMAND_IO, 2);
    g_assert_cmphex(inb(b, 0xc000), ==, 0);
    cfg_write(b, 5, 0, PCI_BAR0, 0xc100, 4);
    g_assert_cmphex(inb(b, 0xc000), ==, 0xff);
    g_assert_cmphex(inb(b, 0xc100), ==, 0);

    /* Memory above 4 GiB, over RAM, and nowhere. */
    cfg_write(b, 5, 0, PCI_BAR0 + 4, 0, 4);
    cfg_write(b, 5, 0, PCI_BAR0 + 8, 0x10, 4);
    cfg_write(b, 5, 0, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(c->ram.gpa, ==, UINT64_C(0x1000000000));
    g_assert_true(c->ram.mapped);
    cfg_write(b, 5, 0, PCI_BAR0 + 4, 0x10000, 4);
    cfg_write(b, 5, 0, PCI_BAR0 + 8, 0, 4);
    g_assert_false(c->ram.mapped);
    g_assert_cmpuint(c->pci.dev.guest_faults, ==, 1);
    g_assert_true(memmap_find(b->mem, 0x10000) == &b->ram);
    bench_destroy(b);
}

static void an_intx_line_follows_device_and_command_register(void)
{
    struct bench *b = bench_create();
    struct card *c = (struct card *)bench_plug(b, &card_kind, "addr=3");

    pci_set_irq(&c->pci, true);
    g_assert_true(b->intx[0].level);
    g_assert_cmphex(cfg_read(b, 3, 0, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    cfg_write(b, 3, 0, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_false(b->intx[0].level);
    cfg_write(b, 3, 0, PCI_COMMAND, 0, 2);
    g_assert_true(b->intx[0].level);
    device_reset(&c->pci.dev);
    g_assert_false(b->intx[0].level);
    bench_destroy(b);
}

/* ---- DMA ---- */

static void dma_reaches_memory_and_nothing_else(void)
{
    struct bench *b = bench_create();
    uint8_t buf[16], ones[16];

    memset(ones, 0xff, sizeof(ones));
    struct device *dev = bench_plug(b, &toy_kind, NULL);
    bus_map(b->bus, &((struct toy *)dev)->region, BUS_MMIO, 0xf0000000, 4);
    g_assert_cmpint(dma_write(b->mem, 0xf0000000, "abcd", 4), ==, -EFAULT);
    g_assert_cmphex(mmio_read(b, 0xf0000000, 1), ==, 0);
    g_assert_cmpint(dma_write(b->mem, BENCH_RAM_SIZE - 2, "abcd", 4), ==, -EFAULT);
    g_assert_cmpint(dma_read(b->mem, BENCH_RAM_SIZE - 2, buf, 4), ==, -EFAULT);
    g_assert_cmpmem(buf, 4, "ab\xff\xff", 4);
    g_assert_cmpint(dma_read(b->mem, UINT64_MAX - 3, buf, sizeof(buf)), ==, -EFAULT);
    g_assert_cmpmem(buf, sizeof(buf), ones, sizeof(ones));
    bench_destroy(b);
}

/* ---- Time ---- */

static void timers_expire_in_order_at_their_own_time(void)
{
    struct bench *b = bench_create();
    struct toy *t = (struct toy *)bench_plug(b, &toy_kind, NULL);

    timer_set(&t->timer, 1000);
    bench_step(b, 999);
    g_assert_cmpuint(t->expiries, ==, 0);
    g_assert_cmpint(clock_next_deadline(b->clock), ==, 1000);
    bench_step(b, 1);
    g_assert_cmpuint(t->expiries, ==, 1);
    timer_set(&t->timer, 5);
    timer_cancel(&t->timer);
    bench_step(b, 10);
    g_assert_cmpuint(t->expiries, ==, 1);
    clock_step_to(b->clock, INT64_MAX); /* and no timer waits for that */
    g_assert_cmpint(clock_now(b->clock), ==, INT64_MAX);
    bench_destroy(b);
}

/* ---- State ---- */

static GByteArray *saved_toy(struct bench *b)
{
    struct toy *t = (struct toy *)bench_plug(b, &toy_kind, NULL);

    outw(b, 0x300, 0xbeef);
    t->flag = true;
    timer_set(&t->timer, 77);
    GByteArray *out = state_begin();
    state_save_device(out, &t->dev);
    state_end(out);
    return out;
}

static void state_comes_back_into_a_fresh_chip(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &toy_kind, "base=0x400");

    outw(b, 0x400, 0xbeef);
    timer_set(&((struct toy *)dev)->timer, 500);
    dev = bench_save_load(b, dev, "base=0x400");
    g_assert_cmphex(inw(b, 0x400), ==, 0xbeef);
    bench_step(b, 500);
    g_assert_cmpuint(((struct toy *)dev)->expiries, ==, 1);
    bench_destroy(b);
}

/* Every prefix and every flipped bit of a stream is refused in a sentence, or changes nothing. */
static void damaged_state_is_refused(void)
{
    struct bench *b = bench_create();
    g_autoptr(GByteArray) good = saved_toy(b);

    for (guint len = 0; len < good->len; len++) {
        g_autoptr(GError) err = NULL;
        g_assert_null(state_parse(good->data, len, &err));
        g_assert_nonnull(err);
    }
    for (guint bit = 0; bit < good->len * 8; bit++) {
        g_autoptr(GError) err = NULL;
        good->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        g_assert_null(state_parse(good->data, good->len, &err));
        good->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bench_destroy(b);
}

static void state_names_device_and_field(void)
{
    struct bench *b = bench_create();
    g_autoptr(GByteArray) good = saved_toy(b);
    g_autoptr(GError) err = NULL;
    g_autoptr(GArray) sections = state_parse(good->data, good->len, &err);
    struct state_section *s = &g_array_index(sections, struct state_section, 0);
    struct device *dev = b->devices->pdata[0];
    g_autofree uint8_t *payload = g_memdup2(s->payload, s->length);

    g_assert_no_error(err);
    s->payload = payload;
    uint8_t *flag = memmem(payload, s->length, "flag", 4);
    flag[4 + 1 + 4] = 2; /* a bool that is neither */
    g_assert_cmpint(state_load_device(dev, s, &err), ==, -EINVAL);
    g_assert_cmpstr(err->message, ==, "saved state: device toy-0: field flag is 2, above 1");
    g_clear_error(&err);
    flag[2] = 'o'; /* "flog" */
    g_assert_cmpint(state_load_device(dev, s, &err), ==, -EINVAL);
    g_assert_cmpstr(err->message, ==, "saved state: device toy-0: field flag is missing");
    g_clear_error(&err);
    s->version = 2;
    g_assert_cmpint(state_load_device(dev, s, &err), ==, -EINVAL);
    g_assert_nonnull(strstr(err->message, "newer"));
    g_autoptr(GString) text = g_string_new(NULL);
    g_assert_cmpint(state_dump(good->data, good->len, text, NULL), ==, 0);
    g_assert_nonnull(strstr(text->str, "scratch = 0xef 0xbe 0x0 0x0"));
    bench_destroy(b);
}

/* ---- Dispatch ---- */

static void repetitions_are_unrolled_up_and_down(void)
{
    struct bench *b = bench_create();
    struct dispatch d = { .bus = b->bus, .mem = b->mem, .pci = b->pci };
    struct toy *t = (struct toy *)bench_plug(b, &toy_kind, NULL);

    /* rep outsb from memory: the port stays, the last byte wins. */
    dma_write(b->mem, 0x1000, "wxyz", 4);
    struct ioreq req = { .addr = 0x300,
                         .data = 0x1000,
                         .count = 4,
                         .size = 1,
                         .flags = IOREQ_DATA_IS_PTR,
                         .type = IOREQ_TYPE_PIO };
    ioreq_dispatch(&d, &req);
    g_assert_cmphex(t->scratch[0], ==, 'z');
    /* backwards: 'w' comes last */
    req.data = 0x1003;
    req.flags |= IOREQ_DF;
    ioreq_dispatch(&d, &req);
    g_assert_cmphex(t->scratch[0], ==, 'w');
    /* rep stosb to registers: the address goes along. */
    bus_map(b->bus, &t->region, BUS_MMIO, 0xf0000000, 4);
    req = (struct ioreq){
        .addr = 0xf0000000, .data = 0x55, .count = 4, .size = 1, .type = IOREQ_TYPE_COPY
    };
    ioreq_dispatch(&d, &req);
    g_assert_cmphex(t->scratch[3], ==, 0x55);
    /* insb into memory that is not there: read, dropped. */
    req = (struct ioreq){ .addr = 0x300,
                          .data = 0xe0000000,
                          .count = 4,
                          .size = 1,
                          .flags = IOREQ_DATA_IS_PTR | IOREQ_READ,
                          .type = IOREQ_TYPE_PIO };
    ioreq_dispatch(&d, &req);
    bench_destroy(b);
}

static void absurd_requests_are_refused(void)
{
    struct bench *b = bench_create();
    struct dispatch d = { .bus = b->bus, .mem = b->mem, .pci = b->pci };
    const struct ioreq bad[] = {
        { .addr = 0x10000, .count = 1, .size = 1, .type = IOREQ_TYPE_PIO },
        { .addr = UINT64_MAX, .count = 1, .size = 4, .type = IOREQ_TYPE_PIO },
        { .count = 1, .size = 0, .type = IOREQ_TYPE_PIO },
        { .count = 1, .size = 3, .type = IOREQ_TYPE_COPY },
        { .count = 1, .size = 8, .type = IOREQ_TYPE_PIO },
        { .count = 1, .size = UINT32_MAX, .type = IOREQ_TYPE_COPY },
        { .count = UINT32_MAX, .size = 4, .type = IOREQ_TYPE_COPY },
        { .count = 2, .size = 4, .type = IOREQ_TYPE_PCI_CONFIG },
        { .count = 1, .size = 4, .type = 99 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct ioreq req = bad[i];
        req.flags = IOREQ_READ;
        ioreq_dispatch(&d, &req);
        g_assert_cmphex(req.data, ==, UINT64_MAX);
        req.flags = 0;
        ioreq_dispatch(&d, &req);
    }
    g_assert_cmpuint(d.refused, ==, 2 * G_N_ELEMENTS(bad));
    /* Another bus or segment: no function is there. */
    struct ioreq req = { .addr = UINT64_C(1) << 40,
                         .count = 1,
                         .size = 4,
                         .flags = IOREQ_READ,
                         .type = IOREQ_TYPE_PCI_CONFIG };
    ioreq_dispatch(&d, &req);
    g_assert_cmphex(req.data, ==, 0xffffffff);
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bus/ports", ports_are_cut_to_what_a_chip_takes);
    g_test_add_func("/bus/priority", a_fixed_port_wins_over_one_that_came_first);
    g_test_add_func("/bus/equals", among_equals_the_first_one_answers);
    g_test_add_func("/bus/mmio", mmio_overlaps_are_resolved_at_every_edge);
    g_test_add_func("/regs/masks", a_register_table_keeps_masks_at_any_width);
    g_test_add_func("/pci/bars", bars_are_sized_moved_and_switched_off);
    g_test_add_func("/pci/intx", an_intx_line_follows_device_and_command_register);
    g_test_add_func("/dma/bounds", dma_reaches_memory_and_nothing_else);
    g_test_add_func("/clock/timers", timers_expire_in_order_at_their_own_time);
    g_test_add_func("/state/round-trip", state_comes_back_into_a_fresh_chip);
    g_test_add_func("/state/damage", damaged_state_is_refused);
    g_test_add_func("/state/names", state_names_device_and_field);
    g_test_add_func("/dispatch/repeat", repetitions_are_unrolled_up_and_down);
    g_test_add_func("/dispatch/absurd", absurd_requests_are_refused);
    return g_test_run();
}
