#include "tests/unit/testbench.h"

#include <string.h>

static void bench_power(void *opaque, enum power_event event)
{
    ((struct bench *)opaque)->power[event]++;
}

static void bench_msi(void *opaque, uint64_t addr, uint32_t data)
{
    struct bench *b = opaque;

    b->msi_addr = addr;
    b->msi_data = data;
    b->n_msi++;
}

static void *bench_resolve(void *opaque, struct device *dev, const char *kind, const char *name,
                           GError **err)
{
    struct bench *b = opaque;

    if (b->host_service == NULL)
        g_set_error(err, 1, 1, "no %s %s for %s", kind, name, dev->id);
    return b->host_service;
}

static void bench_get_registers(void *opaque, struct cpu_registers *regs)
{
    *regs = ((const struct bench *)opaque)->registers;
}

static void bench_set_registers(void *opaque, const struct cpu_registers *regs)
{
    ((struct bench *)opaque)->registers = *regs;
}

static void set_level(struct bench_line *line, bool level)
{
    line->rises += level && !line->level;
    line->level = level;
}

static void set_line(void *opaque, unsigned n, bool level)
{
    set_level(&((struct bench *)opaque)->line[n], level);
}

static void set_intx(void *opaque, unsigned slot, unsigned pin, bool level)
{
    set_level(&((struct bench *)opaque)->intx[pin], level);
}

struct bench *bench_create(void)
{
    struct bench *b = g_new0(struct bench, 1);

    b->bus = bus_create();
    b->mem = memmap_create();
    b->clock = clock_create_virtual(INT64_C(1000000000) * NS_PER_S); /* 2001-09-09 01:46:40 UTC */
    b->services = (struct services){ .bus = b->bus,
                                     .mem = b->mem,
                                     .clock = b->clock,
                                     .opaque = b,
                                     .power = bench_power,
                                     .msi = bench_msi,
                                     .get_registers = bench_get_registers,
                                     .set_registers = bench_set_registers,
                                     .resolve = bench_resolve };
    b->pci = pci_bus_create(&b->services);
    b->services.pci = b->pci;
    pci_bus_set_ops(b->pci, &(struct pci_bus_ops){ .intx = set_intx, .opaque = b });
    b->ram = (struct mem_block){ .name = "ram", .size = BENCH_RAM_SIZE };
    b->ram.host = mem_alloc("ram", BENCH_RAM_SIZE, NULL);
    g_assert_nonnull(b->ram.host);
    g_assert_cmpint(memmap_map(b->mem, &b->ram, 0), ==, 0);
    b->devices = g_ptr_array_new();
    return b;
}

void bench_destroy(struct bench *b)
{
    while (b->devices->len > 0)
        bench_unplug(b, b->devices->pdata[b->devices->len - 1]);
    g_ptr_array_unref(b->devices);
    pci_bus_destroy(b->pci);
    memmap_destroy(b->mem);
    mem_free(b->ram.host, BENCH_RAM_SIZE);
    bus_destroy(b->bus);
    clock_destroy(b->clock);
    g_free(b);
}

static void set_properties(struct device *dev, const char *properties)
{
    g_auto(GStrv) list = g_strsplit(properties, ",", 0);

    for (char **p = list; *p != NULL; p++) {
        g_autoptr(GError) err = NULL;
        g_auto(GStrv) pair = g_strsplit(*p, "=", 2);
        device_set_property(dev, pair[0], pair[1], &err);
        g_assert_no_error(err);
    }
}

void bench_adopt(struct bench *b, struct device *dev)
{
    g_autoptr(GError) err = NULL;

    for (unsigned n = 0; n < dev->kind->n_lines; n++)
        device_connect(dev, n, (struct irq_line){ set_line, b, n });
    device_realize(dev, &err);
    g_assert_no_error(err);
    g_ptr_array_add(b->devices, dev);
}

struct device *bench_plug(struct bench *b, const struct device_kind *kind, const char *properties)
{
    g_autofree char *id = g_strdup_printf("%s-0", kind->name);
    struct device *dev = device_new(kind, id, &b->services);

    if (properties != NULL)
        set_properties(dev, properties);
    bench_adopt(b, dev);
    return dev;
}

void bench_unplug(struct bench *b, struct device *dev)
{
    g_ptr_array_remove(b->devices, dev);
    device_destroy(dev);
}

uint8_t inb(struct bench *b, uint16_t port)
{
    return (uint8_t)bus_read(b->bus, BUS_PIO, port, 1);
}

uint16_t inw(struct bench *b, uint16_t port)
{
    return (uint16_t)bus_read(b->bus, BUS_PIO, port, 2);
}

uint32_t inl(struct bench *b, uint16_t port)
{
    return (uint32_t)bus_read(b->bus, BUS_PIO, port, 4);
}

void outb(struct bench *b, uint16_t port, uint8_t value)
{
    bus_write(b->bus, BUS_PIO, port, value, 1);
}

void outw(struct bench *b, uint16_t port, uint16_t value)
{
    bus_write(b->bus, BUS_PIO, port, value, 2);
}

void outl(struct bench *b, uint16_t port, uint32_t value)
{
    bus_write(b->bus, BUS_PIO, port, value, 4);
}

uint64_t mmio_read(struct bench *b, uint64_t addr, unsigned size)
{
    return bus_read(b->bus, BUS_MMIO, addr, size);
}

void mmio_write(struct bench *b, uint64_t addr, uint64_t value, unsigned size)
{
    bus_write(b->bus, BUS_MMIO, addr, value, size);
}

uint32_t cfg_read(struct bench *b, unsigned slot, unsigned function, unsigned offset, unsigned size)
{
    return pci_config_read(b->pci, PCI_DEVFN(slot, function), offset, size);
}

void cfg_write(struct bench *b, unsigned slot, unsigned function, unsigned offset, uint32_t value,
               unsigned size)
{
    pci_config_write(b->pci, PCI_DEVFN(slot, function), offset, value, size);
}

void bench_step(struct bench *b, int64_t ns)
{
    clock_step_to(b->clock, clock_now(b->clock) + ns);
}

static GByteArray *save(struct device *dev)
{
    GByteArray *out = state_begin();

    state_save_device(out, dev);
    state_end(out);
    return out;
}

struct device *bench_save_load(struct bench *b, struct device *dev, const char *properties)
{
    const struct device_kind *kind = dev->kind;
    g_autoptr(GByteArray) first = save(dev);
    g_autoptr(GError) err = NULL;

    bench_unplug(b, dev);
    dev = bench_plug(b, kind, properties);
    g_autoptr(GArray) sections = state_parse(first->data, first->len, &err);
    g_assert_no_error(err);
    g_assert_cmpuint(sections->len, ==, 1);
    state_load_device(dev, &g_array_index(sections, struct state_section, 0), &err);
    g_assert_no_error(err);
    g_autoptr(GByteArray) second = save(dev);
    g_assert_cmpmem(first->data, first->len, second->data, second->len);
    return dev;
}
