#include "tests/fuzz/board.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "hw/core/clock.h"
#include "hw/core/dma.h"
#include "hw/core/pci.h"
#include "hw/core/state.h"
#include "hw/flash/cfi_flash.h"
#include "hw/input/vmmouse.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/machine/devices.h"
#include "ioreq/core.h"
#include "ioreq/qtest.h"

#define RAM_SIZE      (4u << 20)
#define PATTERN_SIZE  0x10000u /* at address 0; zeroed for each input */
#define FIRST_BAR     0xe0000000u
#define FIRST_PORT    0xc000u
#define IDETIM        0x40 /* of the IDE function: its channels' ports */
#define IDETIM_DECODE 0x80008000u
#define PMBA          0x40 /* of the power management function: its ports, the SMBus' ports */
#define PMREGMISC     0x80
#define SMBBA         0x90
#define SMBHSTCFG     0xd2
#define CLOCK_END     (INT64_MAX / 4) /* a machine that old is replaced */
#define STATE_LIMIT   0x10000u        /* video memory is not saved for each step */

/* ---- The machine ---- */

/* The absolute pointer is there where it is asked for: only its accesses need registers. */
static bool is_vmmouse(const char *kind)
{
    return kind != NULL && strcmp(kind, vmmouse_kind.name) == 0;
}

/* Other chips' machines start faster without it. */
static bool has_flash(const char *only)
{
    return only == NULL || strcmp(only, cfi_flash_kind.name) == 0;
}

/* only: the kind that the machine is for; NULL: all of them. */
static int create(const char *only, GPtrArray *devices, struct fuzz_host *host, struct machine **m,
                  GError **err)
{
    bool xen = only != NULL && g_str_has_prefix(only, "xen-");
    struct machine_config config = { .board = xen ? MACHINE_XENFV : MACHINE_PC,
                                     .ram_size = RAM_SIZE,
                                     .n_cpus = 1,
                                     .max_cpus = 1,
                                     .rtc_base = "2024-01-01T00:00:00",
                                     .no_shutdown = true,
                                     .vmport = is_vmmouse(only) ? MACHINE_VMPORT_ON
                                                                : MACHINE_VMPORT_AUTO,
                                     .flash = { has_flash(only) ? cfi_flash_kind.name : NULL },
                                     .devices = devices };

    return machine_create(&config, qtest_core_create(1, NULL, NULL),
                          &(struct machine_host){ .opaque = host, .resolve = fuzz_host_resolve }, m,
                          err);
}

/* What the host has is named after the kind that gets it. */
static struct device_config *configure(const struct device_kind *kind)
{
    struct device_config *config = device_config_new(kind->name, NULL);

    for (const struct property *p = kind->properties; p != NULL && p->name != NULL; p++) {
        if (strcmp(p->name, "vgamem_mb") == 0) /* little: a state that is quickly saved, compared */
            device_config_add(config, p->name, "1");
        else if (strcmp(p->name, "device-id") == 0 && strcmp(kind->name, "xen-pvdevice") == 0)
            device_config_add(config, p->name, "0xc000");
        else if (strcmp(p->name, "bus") == 0 && strcmp(kind->name, "ide-cd") == 0)
            device_config_add(config, p->name, "ide.1");
        else if (p->type == PROP_HOST && strcmp(p->host, "netdev") != 0)
            device_config_add(config, p->name, kind->name);
    }
    return config;
}

/* Whether the chip that the machine is for is of no use without this device. */
static bool belongs_to(const char *kind, const char *only)
{
    return strcmp(kind, only) == 0 ||
           (strcmp(only, "piix3-ide") == 0 && g_str_has_prefix(kind, "ide-")) ||
           (strcmp(only, "i82078") == 0 && strcmp(kind, "floppy") == 0);
}

/* Those that can be there: nothing of the outside is needed for them. only: as for create(). */
static GPtrArray *pluggable(const char *only)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)device_config_free);

    for (const struct device_kind *const *k = device_kinds(); *k != NULL; k++) {
        struct machine *m;
        if (!(*k)->user || (only != NULL && !belongs_to((*k)->name, only)))
            continue;
        g_autoptr(GPtrArray)
            one = g_ptr_array_new_with_free_func((GDestroyNotify)device_config_free);
        struct fuzz_host *host = fuzz_host_create();
        g_ptr_array_add(one, configure(*k));
        if (create(only, one, host, &m, NULL) == 0) {
            machine_destroy(m);
            g_ptr_array_add(list, configure(*k));
        }
        fuzz_host_destroy(host);
    }
    return list;
}

static void say_device(GString *out, const struct device_config *config)
{
    const struct device_kind *kind = device_kind_find(config->driver);

    for (const struct property *p = kind->properties; p != NULL && p->name != NULL; p++) {
        g_autofree char *option = p->type == PROP_HOST ? fuzz_host_option(p->host, kind->name)
                                                       : NULL;
        if (option != NULL)
            g_string_append_printf(out, " %s", option);
    }
    g_string_append_printf(out, " -device %s", config->driver);
    for (unsigned p = 0; p < config->properties->len; p += 2)
        if (strcmp(config->properties->pdata[p], "console") != 0)
            g_string_append_printf(out, ",%s=%s", (char *)config->properties->pdata[p],
                                   (char *)config->properties->pdata[p + 1]);
}

char *fuzz_board_command_line(const char *only)
{
    GString *out = g_string_new("hvm-dm -accel qtest -qtest stdio -nodefaults -no-shutdown -m 4"
                                " -rtc base=2024-01-01T00:00:00");
    g_autoptr(GPtrArray) devices = pluggable(only);

    if (only != NULL && g_str_has_prefix(only, "xen-"))
        g_string_append(out, " -machine xenfv");
    if (is_vmmouse(only))
        g_string_append(out, " -machine vmport=on");
    if (has_flash(only)) {
        g_autofree char *drive = fuzz_host_option("drive", cfi_flash_kind.name);
        g_string_append_printf(out, " %s -machine pflash0=%s", drive, cfi_flash_kind.name);
    }
    for (unsigned i = 0; i < devices->len; i++)
        say_device(out, devices->pdata[i]);
    return g_string_free(out, FALSE);
}

/* ---- PCI, as firmware would set it up ---- */

static void say(FILE *script, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* At once: what comes next may be the crash. */
static void say(FILE *script, const char *fmt, ...)
{
    va_list ap;

    if (script == NULL)
        return;
    va_start(ap, fmt);
    vfprintf(script, fmt, ap);
    va_end(ap);
    fflush(script);
}

static void config_write(struct fuzz_board *b, uint8_t devfn, unsigned offset, uint32_t value,
                         unsigned size, FILE *script)
{
    struct ioreq req = { .addr = (uint64_t)devfn << 32 | offset,
                         .data = value,
                         .count = 1,
                         .size = size,
                         .type = IOREQ_TYPE_PCI_CONFIG };

    say(script, "outl 0xcf8 0x%x\nout%c 0x%x 0x%x\n", 0x80000000u | devfn << 8 | (offset & 0xfc),
        "?bw?l"[size], 0xcfc + (offset & 3), value);
    ioreq_dispatch(machine_dispatch(b->machine), &req);
}

/* Where the chipset's ports are is not said by BARs. */
static void map_chipset(struct fuzz_board *b, const struct pci_device *pci, FILE *script)
{
    if (strcmp(pci->dev.kind->name, "piix3-ide") == 0) {
        config_write(b, pci->devfn, IDETIM, IDETIM_DECODE, 4, script);
    } else if (strcmp(pci->dev.kind->name, "PIIX4_PM") == 0) {
        config_write(b, pci->devfn, PMBA, 0x601, 4, script);
        config_write(b, pci->devfn, PMREGMISC, 1, 1, script);
        config_write(b, pci->devfn, SMBBA, 0x701, 4, script);
        config_write(b, pci->devfn, SMBHSTCFG, 1, 1, script);
    }
}

static void map_bars(struct fuzz_board *b, FILE *script)
{
    struct pci_bus *bus = machine_services(b->machine)->pci;
    uint64_t memory = FIRST_BAR, port = FIRST_PORT;

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        struct pci_device *pci = pci_bus_function(bus, (uint8_t)devfn);
        if (pci == NULL)
            continue;
        for (unsigned n = 0; n < 6; n++) {
            uint64_t size = pci->bar[n].size;
            uint64_t *next = pci->bar[n].type == PCI_BAR_IO ? &port : &memory;
            if (size == 0)
                continue;
            *next = (*next + size - 1) & ~(size - 1);
            config_write(b, (uint8_t)devfn, PCI_BAR0 + 4 * n, (uint32_t)*next, 4, script);
            *next += size;
        }
        config_write(b, (uint8_t)devfn, PCI_COMMAND, 7, 2, script);
        map_chipset(b, pci, script);
    }
}

/* ---- Which registers ---- */

struct collecting {
    struct fuzz_board *b;
    const char *kind;
};

static void add_region(const struct region *region, void *opaque)
{
    const struct collecting *c = opaque;
    struct fuzz_region r = { region, region->space, region->base, region->size };

    if (region->owner == NULL || region->size == 0)
        return;
    if (c->kind == NULL || strcmp(region->owner->kind->name, c->kind) == 0)
        g_array_append_val(c->b->regions, r);
}

static void add_device(struct device *dev, void *opaque)
{
    const struct collecting *c = opaque;

    if (c->kind == NULL || belongs_to(dev->kind->name, c->kind))
        g_ptr_array_add(c->b->devices, dev);
}

static gint by_address(gconstpointer a, gconstpointer b)
{
    const struct fuzz_region *x = a, *y = b;

    if (x->space != y->space)
        return x->space < y->space ? -1 : 1;
    return x->base < y->base ? -1 : x->base > y->base;
}

static void collect(struct fuzz_board *b, const char *kind)
{
    struct pci_bus *bus = machine_services(b->machine)->pci;
    struct collecting c = { b, kind };

    bus_for_each(machine_services(b->machine)->bus, add_region, &c);
    g_array_sort(b->regions, by_address);
    machine_for_each_device(b->machine, add_device, &c);
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        struct pci_device *pci = pci_bus_function(bus, (uint8_t)devfn);
        if (pci != NULL && (kind == NULL || strcmp(pci->dev.kind->name, kind) == 0))
            g_ptr_array_add(b->configs, pci);
    }
}

/* ---- Life ---- */

void fuzz_board_reset(struct fuzz_board *b)
{
    static const uint8_t zeroes[PATTERN_SIZE];

    /* What the guest asked for of power is done, or not: then it is lost with the reset. */
    while (g_main_context_iteration(NULL, FALSE))
        ;
    machine_reset(b->machine);
    fuzz_host_reset(b->host);
    machine_resume(b->machine, NULL);
    dma_write(machine_services(b->machine)->mem, 0, zeroes, sizeof(zeroes));
    map_bars(b, NULL);
}

static struct fuzz_board *create_with(const char *only, const char *kind)
{
    struct fuzz_board *b = g_new0(struct fuzz_board, 1);
    g_autoptr(GPtrArray) devices = pluggable(only);
    g_autoptr(GError) err = NULL;

    b->host = fuzz_host_create();
    if (create(only, devices, b->host, &b->machine, &err) < 0)
        g_error("%s", err->message);
    machine_resume(b->machine, NULL);
    b->regions = g_array_new(FALSE, FALSE, sizeof(struct fuzz_region));
    b->configs = g_ptr_array_new();
    b->devices = g_ptr_array_new();
    map_bars(b, NULL);
    collect(b, kind);
    return b;
}

struct fuzz_board *fuzz_board_create(const char *kind)
{
    return create_with(NULL, kind);
}

struct fuzz_board *fuzz_board_create_small(const char *kind)
{
    return create_with(kind, kind);
}

void fuzz_board_destroy(struct fuzz_board *b)
{
    while (g_main_context_iteration(NULL, FALSE)) /* what points to the machine */
        ;
    machine_destroy(b->machine);
    fuzz_host_destroy(b->host);
    g_array_unref(b->regions);
    g_ptr_array_unref(b->configs);
    g_ptr_array_unref(b->devices);
    g_free(b);
}

/* ---- Steps ---- */

/* size: 1, 2, 4 or 8. */
static void say_access(FILE *script, enum bus_space space, uint64_t addr, uint64_t value,
                       unsigned size, bool read)
{
    const char *verb = space == BUS_PIO ? (read ? "in" : "out") : (read ? "read" : "write");

    if (read)
        say(script, "%s%c 0x%" PRIx64 "\n", verb, "?bw?l???q"[size], addr);
    else
        say(script, "%s%c 0x%" PRIx64 " 0x%" PRIx64 "\n", verb, "?bw?l???q"[size], addr,
            value & size_mask(size));
}

static void access_space(struct fuzz_board *b, enum bus_space space, uint64_t addr, uint64_t value,
                         unsigned size, bool read, FILE *script)
{
    struct ioreq req = { .addr = addr,
                         .data = value,
                         .count = 1,
                         .size = size,
                         .flags = read ? IOREQ_READ : 0,
                         .type = space == BUS_PIO ? IOREQ_TYPE_PIO : IOREQ_TYPE_COPY };

    say_access(script, space, addr, value, size, read);
    ioreq_dispatch(machine_dispatch(b->machine), &req);
}

/* A few, so that no input costs a thousand others; or more than a request may have. */
static uint32_t repetitions(uint8_t few, uint8_t many)
{
    return many == UINT8_MAX ? IOREQ_MAX_COUNT + 1 + few : few & 15;
}

static uint64_t stride(const struct ioreq *req)
{
    return (req->flags & IOREQ_DF) != 0 ? -(uint64_t)req->size : req->size;
}

static uint64_t memory_at(struct fuzz_board *b, uint64_t addr, unsigned size)
{
    uint8_t bytes[8];

    dma_read(machine_services(b->machine)->mem, addr, bytes, size);
    return get_le(bytes, size);
}

/* The qtest protocol has no repetitions nor values in memory: each access for itself. */
static void say_request(struct fuzz_board *b, const struct ioreq *req, FILE *script)
{
    enum bus_space space = req->type == IOREQ_TYPE_PIO ? BUS_PIO : BUS_MMIO;
    bool read = (req->flags & IOREQ_READ) != 0, pointer = (req->flags & IOREQ_DATA_IS_PTR) != 0;
    bool refused = req->size > (space == BUS_PIO ? 4 : 8) || req->count > IOREQ_MAX_COUNT ||
                   (space == BUS_PIO && req->addr >= BUS_PIO_SIZE);

    if (refused)
        say(script, "# refused: addr=0x%" PRIx64 " size=%u count=%u\n", req->addr, req->size,
            req->count);
    for (uint32_t i = 0; script != NULL && !refused && i < req->count; i++) {
        uint64_t addr = space == BUS_PIO ? req->addr : req->addr + i * stride(req);
        uint64_t value = pointer ? memory_at(b, req->data + i * stride(req), req->size) : req->data;
        say_access(script, space, addr, value, req->size, read);
    }
}

/* What a read left in memory. */
static void say_memory(struct fuzz_board *b, const struct ioreq *req, FILE *script)
{
    if (script == NULL || (req->flags & IOREQ_READ) == 0 || (req->flags & IOREQ_DATA_IS_PTR) == 0 ||
        req->size > 8 || req->count > IOREQ_MAX_COUNT)
        return;
    for (uint32_t i = 0; i < req->count; i++) {
        uint64_t at = req->data + i * stride(req);
        if (at < RAM_SIZE)
            say_access(script, BUS_MMIO, at, memory_at(b, at, req->size), req->size, false);
    }
}

static void raw_request(struct fuzz_board *b, const struct fuzz_region *r, const uint8_t *p,
                        FILE *script)
{
    struct ioreq req = { .addr = r->base + get_le16(p + 2) % r->size,
                         .data = get_le64(p + 4) & 0xffffffffffff,
                         .count = repetitions(p[10], p[11]),
                         .size = 1u << (p[0] >> 3 & 7),
                         .flags = p[1] & 0xf0,
                         .type = p[0] & 0x40 ? p[0] >> 7 : (uint8_t)r->space };

    say_request(b, &req, script);
    ioreq_dispatch(machine_dispatch(b->machine), &req);
    say_memory(b, &req, script);
}

static void write_pattern(struct fuzz_board *b, unsigned at, const uint8_t *bytes, FILE *script)
{
    say(script, "writeq 0x%x 0x%" PRIx64 "\n", at, get_le64(bytes));
    dma_write(machine_services(b->machine)->mem, at, bytes, 8);
}

static void step_clock(struct fuzz_board *b, unsigned exponent, FILE *script)
{
    struct clock *clock = machine_services(b->machine)->clock;
    int64_t ns = INT64_C(1) << exponent;

    say(script, "clock_step %" PRId64 "\n", ns);
    clock_step_to(clock, clock_now(clock) + ns);
    fuzz_host_settle(b->host); /* disks are done when time passes */
}

static void press(struct machine *m, unsigned button)
{
    if (button == 0)
        machine_power_button(m);
    else if (button == 1)
        machine_wakeup(m);
    else
        machine_nmi(m);
}

static void eoi(struct device *dev, void *vector)
{
    if (dev->kind == &ioapic_kind)
        ioapic_eoi(dev, *(uint8_t *)vector);
}

/* Field n, one of its elements. The format of a payload is in hw/core/state.c. */
static void change_field(uint8_t *payload, uint32_t length, unsigned n, uint64_t value)
{
    for (uint32_t at = 0; at < length; n--) {
        at += 1u + payload[at];
        unsigned element = payload[at];
        uint32_t bytes = get_le32(payload + at + 1);
        at += 5;
        if (n == 0 && bytes > 0)
            put_le(payload + at + (value >> 48) % (bytes / element) * element, value, element);
        at += bytes;
    }
}

/* What somebody wrote by hand is refused, and the machine starts anew, or is lived with. */
static void load_changed(struct fuzz_board *b, unsigned n, uint64_t value)
{
    g_autoptr(GByteArray) saved = state_begin();

    if (b->devices->len == 0)
        return;
    struct device *dev = b->devices->pdata[(n >> 8) % b->devices->len];
    fuzz_host_settle(b->host);
    state_save_device(saved, dev);
    state_end(saved);
    if (saved->len > STATE_LIMIT)
        return;
    g_autoptr(GArray) sections = state_parse(saved->data, saved->len, NULL);
    struct state_section *section = &g_array_index(sections, struct state_section, 0);
    change_field(saved->data + (section->payload - saved->data), section->length, n & 0xff, value);
    device_reset(dev);
    if (state_load_device(dev, section, NULL) < 0)
        fuzz_board_reset(b);
}

/* The protocol has a word for lines only. n: which field of a state. */
static void step_event(struct fuzz_board *b, unsigned event, unsigned n, uint64_t value,
                       FILE *script)
{
    uint8_t vector = (uint8_t)value;

    if (event == FUZZ_LINE)
        say(script, "set_irq_in board gsi %u %u\n", (unsigned)value & 31, (unsigned)value >> 8 & 1);
    else
        say(script, "# event %u, 0x%" PRIx64 "\n", event, value);
    switch (event) {
    case FUZZ_ACKNOWLEDGE: i8259_acknowledge(machine_pic(b->machine)); break;
    case FUZZ_EOI: machine_for_each_device(b->machine, eoi, &vector); break;
    case FUZZ_LINE: machine_drive_gsi(b->machine, value & 31, (value & 0x100) != 0); break;
    case FUZZ_POWER: press(b->machine, value & 3); break;
    case FUZZ_STATE: load_changed(b, n, value); break;
    default: fuzz_host_event(b->host, event, value); break;
    }
}

/* As `rep outs` does it: all of value to one address. */
static void write_string(struct fuzz_board *b, const struct fuzz_region *r, uint64_t addr,
                         uint64_t value, unsigned width, FILE *script)
{
    for (unsigned done = 0; done < 8; done += width)
        access_space(b, r->space, addr, value >> (8 * done), width, false, script);
}

static void read_string(struct fuzz_board *b, const struct fuzz_region *r, uint64_t addr,
                        unsigned n, unsigned width, FILE *script)
{
    for (unsigned i = 0; i < n; i++)
        access_space(b, r->space, addr, 0, width, true, script);
}

/* A read of the absolute pointer has its command and argument in registers: the record's value. */
static void set_registers(struct fuzz_board *b, uint64_t value, FILE *script)
{
    const struct cpu_registers regs = { .eax = 0x564d5868, /* else nobody is there */
                                        .ebx = (uint32_t)value,
                                        .ecx = (uint32_t)(value >> 32) };

    say(script, "registers 0x%x 0x%x 0x%x 0 0 0\n", regs.eax, regs.ebx, regs.ecx);
    qtest_core_set_registers(machine_core(b->machine), &regs);
}

static void step_access(struct fuzz_board *b, const struct fuzz_region *r, const uint8_t *p,
                        FILE *script)
{
    unsigned op = p[0] % FUZZ_OPS, width = 1u << (p[0] >> 3) % (r->space == BUS_PIO ? 3 : 4);
    uint64_t addr = r->base + get_le16(p + 2) % r->size, value = get_le64(p + 4);

    if (op == FUZZ_POINTER)
        value &= PATTERN_SIZE - 16;
    if (op == FUZZ_READ && is_vmmouse(r->region->owner->kind->name))
        set_registers(b, value, script);
    if ((p[0] & 0xe0) != FUZZ_STRING)
        access_space(b, r->space, addr, value, width, op == FUZZ_READ, script);
    else if (op == FUZZ_READ)
        read_string(b, r, addr, 1u << value % 8, width, script);
    else
        write_string(b, r, addr, value, width, script);
}

static void step_config(struct fuzz_board *b, const uint8_t *p, FILE *script)
{
    if (b->configs->len == 0)
        return;
    const struct pci_device *pci = b->configs->pdata[p[1] % b->configs->len];
    unsigned size = 1u << (p[0] >> 3) % 3;
    config_write(b, pci->devfn, p[2] & ~(size - 1), (uint32_t)get_le64(p + 4), size, script);
}

static void step(struct fuzz_board *b, const uint8_t *p, FILE *script)
{
    const struct fuzz_region *r = b->regions->len == 0
                                      ? NULL
                                      : &g_array_index(b->regions, struct fuzz_region,
                                                       p[1] % b->regions->len);
    unsigned op = p[0] % FUZZ_OPS, offset = get_le16(p + 2);
    uint64_t value = get_le64(p + 4);

    if (op == FUZZ_CONFIG)
        step_config(b, p, script);
    else if (op == FUZZ_MEMORY)
        write_pattern(b, offset & ~7u, p + 4, script);
    else if (op == FUZZ_CLOCK && (p[0] & FUZZ_HOST) != 0)
        step_event(b, p[1] % FUZZ_EVENTS, offset, value, script);
    else if (op == FUZZ_CLOCK)
        step_clock(b, offset % 24, script);
    else if (op == FUZZ_ABSOLUTE)
        access_space(b, BUS_MMIO, value, offset, 1u << (p[0] >> 3 & 3), false, script);
    else if (r == NULL)
        return;
    else if (op == FUZZ_REQUEST)
        raw_request(b, r, p, script);
    else
        step_access(b, r, p, script);
}

void fuzz_board_run(struct fuzz_board *b, const uint8_t *data, size_t size, FILE *script)
{
    if (script != NULL)
        map_bars(b, script);
    for (; size >= FUZZ_RECORD; data += FUZZ_RECORD, size -= FUZZ_RECORD)
        step(b, data, script);
    struct clock *clock = machine_services(b->machine)->clock;
    if (clock_now(clock) > CLOCK_END)
        clock_set(clock, 0);
}
