#include "hw/core/pci.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hw/core/dma.h"
#include "hw/core/state.h"

#define N_SLOTS 32

struct pci_bus {
    const struct services *services;
    struct pci_bus_ops ops;
    struct pci_device *function[256];
    bool level[N_SLOTS][4]; /* what was last told to ops.intx */
};

struct pci_bus *pci_bus_create(const struct services *services)
{
    struct pci_bus *bus = g_new0(struct pci_bus, 1);

    bus->services = services;
    return bus;
}

void pci_bus_destroy(struct pci_bus *bus)
{
    g_free(bus);
}

void pci_bus_set_ops(struct pci_bus *bus, const struct pci_bus_ops *ops)
{
    bus->ops = *ops;
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (bus->function[devfn] != NULL && ops->function_changed != NULL)
            ops->function_changed(ops->opaque, bus->function[devfn], true);
}

struct pci_device *pci_bus_function(const struct pci_bus *bus, uint8_t devfn)
{
    return bus->function[devfn];
}

int pci_bus_each_block(const struct pci_bus *bus,
                       int (*fn)(void *opaque, struct mem_block *block, GError **err), void *opaque,
                       GError **err)
{
    int rc = 0;

    for (unsigned devfn = 0; devfn < 256 && rc == 0; devfn++) {
        struct pci_device *dev = pci_bus_function(bus, (uint8_t)devfn);
        for (unsigned n = 0; n < PCI_N_BARS && dev != NULL && rc == 0; n++)
            if (dev->bar[n].block != NULL)
                rc = fn(opaque, dev->bar[n].block, err);
    }
    return rc;
}

/* ---- Interrupt pins ---- */

/* The functions of a slot share its pins by wired OR. */
static void update_intx(struct pci_bus *bus, unsigned slot, unsigned pin)
{
    bool level = false;

    for (unsigned f = 0; f < 8; f++) {
        const struct pci_device *pci = bus->function[PCI_DEVFN(slot, f)];
        if (pci != NULL && pci->config[PCI_INTERRUPT_PIN] == pin + 1 && pci->intx)
            level |= (get_le16(pci->config + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) == 0;
    }
    if (level == bus->level[slot][pin])
        return;
    bus->level[slot][pin] = level;
    if (bus->ops.intx != NULL)
        bus->ops.intx(bus->ops.opaque, slot, pin, level);
}

static void update_device_intx(struct pci_device *pci)
{
    unsigned pin = pci->config[PCI_INTERRUPT_PIN];

    if (pci->bus != NULL && pin >= 1 && pin <= 4)
        update_intx(pci->bus, PCI_SLOT(pci->devfn), pin - 1);
}

void pci_set_irq(struct pci_device *pci, bool level)
{
    if (pci->intx == level)
        return;
    pci->intx = level;
    pci->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
    pci->config[PCI_STATUS] |= level ? PCI_STATUS_INTERRUPT : 0;
    update_device_intx(pci);
}

/* ---- BARs ---- */

static unsigned bar_offset(unsigned n)
{
    return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BAR0 + 4 * n;
}

/* Where the guest's registers put the BAR; PCI_UNMAPPED: it is not decoded. */
static uint64_t bar_address(const struct pci_device *pci, unsigned n)
{
    const struct pci_bar *bar = &pci->bar[n];
    uint16_t command = get_le16(pci->config + PCI_COMMAND);
    uint32_t low = get_le32(pci->config + bar_offset(n));
    uint64_t address = low & ~(uint64_t)(bar->type == PCI_BAR_IO ? 3 : 15);

    if ((command & (bar->type == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) == 0)
        return PCI_UNMAPPED;
    if (n == PCI_ROM_BAR) {
        if ((low & PCI_ROM_ENABLE) == 0)
            return PCI_UNMAPPED;
        address = low & ~UINT64_C(0x7ff);
    }
    if (bar->type == PCI_BAR_MEM64_PREFETCH)
        address |= (uint64_t)get_le32(pci->config + bar_offset(n) + 4) << 32;
    /*
     * Zero is what an unassigned BAR holds, and the top of the space is what sizing leaves there;
     * no firmware means either as an address.
     */
    if (address == 0 || address + bar->size - 1 < address ||
        (bar->type == PCI_BAR_IO && address + bar->size > BUS_PIO_SIZE) ||
        (bar->type != PCI_BAR_IO && bar->type != PCI_BAR_MEM64_PREFETCH &&
         address + bar->size - 1 >= UINT32_MAX))
        return PCI_UNMAPPED;
    return address;
}

static void map_bar(struct pci_device *pci, struct pci_bar *bar, uint64_t address)
{
    const struct services *s = pci->dev.services;

    if (bar->block != NULL)
        memmap_unmap(s->mem, bar->block);
    if (bar->region != NULL)
        bus_unmap(s->bus, bar->region);
    bar->at = address;
    if (address != PCI_UNMAPPED) {
        /* Memory that would cover RAM or another BAR stays unmapped: the bus reads all ones. */
        if (bar->block != NULL && memmap_map(s->mem, bar->block, address) < 0)
            guest_fault(&pci->dev, "bar address 0x%" PRIx64 " is not free", address);
        if (bar->region != NULL)
            bus_map(s->bus, bar->region, bar->type == PCI_BAR_IO ? BUS_PIO : BUS_MMIO, address,
                    bar->size);
    }
    if (bar->moved != NULL)
        bar->moved(pci, bar);
}

static void update_bars(struct pci_device *pci)
{
    for (unsigned n = 0; n < PCI_N_BARS; n++) {
        struct pci_bar *bar = &pci->bar[n];
        if (bar->size == 0)
            continue;
        uint64_t address = bar_address(pci, n);
        if (address != bar->at)
            map_bar(pci, bar, address);
    }
}

static uint64_t round_up_pow2(uint64_t size, uint64_t least)
{
    uint64_t n = least;

    while (n < size)
        n <<= 1;
    return n;
}

void pci_add_bar(struct pci_device *pci, unsigned n, enum pci_bar_type type, uint64_t size,
                 struct region *region, struct mem_block *block)
{
    static const uint8_t low_bits[] = {
        [PCI_BAR_IO] = 1,
        [PCI_BAR_MEM] = 0,
        [PCI_BAR_MEM_PREFETCH] = 8,
        [PCI_BAR_MEM64_PREFETCH] = 12,
    };
    uint64_t least = n == PCI_ROM_BAR ? 2048 : type == PCI_BAR_IO ? 4 : block != NULL ? 4096 : 16;
    uint64_t rounded = round_up_pow2(size, least);
    unsigned at = bar_offset(n);

    pci->bar[n] = (struct pci_bar){
        .type = type, .size = rounded, .region = region, .block = block, .at = PCI_UNMAPPED
    };
    pci_set_config(pci, at, n == PCI_ROM_BAR ? 0 : low_bits[type], 4);
    pci_set_wmask(pci, at, (uint32_t) ~(rounded - 1) | (n == PCI_ROM_BAR ? PCI_ROM_ENABLE : 0), 4);
    if (type == PCI_BAR_MEM64_PREFETCH) {
        pci_set_config(pci, at + 4, 0, 4);
        pci_set_wmask(pci, at + 4, (uint32_t)(~(rounded - 1) >> 32), 4);
    }
}

/* ---- Configuration space ---- */

void pci_set_config(struct pci_device *pci, unsigned offset, uint32_t value, unsigned size)
{
    put_le(pci->reset_config + offset, value, size);
    put_le(pci->config + offset, value, size);
}

void pci_set_wmask(struct pci_device *pci, unsigned offset, uint32_t mask, unsigned size)
{
    put_le(pci->wmask + offset, mask, size);
}

static bool cycle_ok(unsigned offset, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && offset < PCI_CONFIG_SIZE &&
           (offset & 3) + size <= 4;
}

uint32_t pci_config_read(struct pci_bus *bus, uint8_t devfn, unsigned offset, unsigned size)
{
    const struct pci_device *pci = bus->function[devfn];

    if (pci == NULL || !cycle_ok(offset, size))
        return (uint32_t)size_mask(size);
    return (uint32_t)get_le(pci->config + offset, size);
}

void pci_config_write(struct pci_bus *bus, uint8_t devfn, unsigned offset, uint32_t value,
                      unsigned size)
{
    struct pci_device *pci = bus->function[devfn];

    if (pci == NULL || !cycle_ok(offset, size))
        return;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        uint8_t *c = &pci->config[offset + i], mask = pci->wmask[offset + i];
        *c = (uint8_t)((*c & ~mask) | (byte & mask));
        *c &= (uint8_t) ~(byte & pci->w1c[offset + i]);
    }
    update_bars(pci);
    update_device_intx(pci);
    const struct pci_info *info = pci->dev.kind->pci;
    if (info->config_written != NULL)
        info->config_written(pci, offset, size);
}

/* ---- The life of a function ---- */

#define SUBSYSTEM_OF_KIND 0x10000u

static uint32_t own_or(uint32_t own, uint16_t of_kind)
{
    return own == SUBSYSTEM_OF_KIND ? of_kind : own;
}

static void init_header(struct pci_device *pci, const struct pci_info *info)
{
    pci_set_config(pci, PCI_VENDOR_ID, info->vendor, 2);
    pci_set_config(pci, PCI_DEVICE_ID, info->device, 2);
    pci_set_config(pci, PCI_REVISION_ID, info->class_code << 8 | info->revision, 4);
    pci_set_config(pci, PCI_HEADER_TYPE, info->multifunction ? 0x80 : 0, 1);
    pci_set_config(pci, PCI_SUBSYSTEM_VENDOR_ID,
                   own_or(pci->subsystem_vendor, info->subsystem_vendor), 2);
    pci_set_config(pci, PCI_SUBSYSTEM_ID, own_or(pci->subsystem, info->subsystem), 2);
    pci_set_config(pci, PCI_INTERRUPT_PIN, info->interrupt_pin, 1);
    pci_set_wmask(pci, PCI_COMMAND,
                  PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | 0x0140 |
                      PCI_COMMAND_INTX_DISABLE,
                  2);
    put_le16(pci->w1c + PCI_STATUS, 0xf900); /* the error bits */
    pci_set_wmask(pci, PCI_CACHE_LINE_SIZE, 0xff, 1);
    pci_set_wmask(pci, PCI_LATENCY_TIMER, 0xff, 1);
    pci_set_wmask(pci, PCI_INTERRUPT_LINE, 0xff, 1);
}

static bool parse_addr(const char *addr, uint8_t *devfn)
{
    char *end;
    uint64_t slot = g_ascii_strtoull(addr, &end, 16), function = 0;

    if (end != addr && *end == '.') {
        const char *second = end + 1;
        function = g_ascii_strtoull(second, &end, 16);
        if (end == second)
            return false;
    }
    *devfn = PCI_DEVFN(slot & 31, function & 7);
    return end != addr && *end == '\0' && slot < N_SLOTS && function < 8;
}

static bool free_slot(const struct pci_bus *bus, uint8_t *devfn)
{
    for (unsigned slot = 0; slot < N_SLOTS; slot++) {
        unsigned f = 0;
        while (f < 8 && bus->function[PCI_DEVFN(slot, f)] == NULL)
            f++;
        *devfn = PCI_DEVFN(slot, 0);
        if (f == 8)
            return true;
    }
    return false;
}

static int choose_address(struct pci_device *pci, GError **err)
{
    const struct pci_bus *bus = pci->dev.services->pci;
    const char *name = pci->dev.kind->name;

    if (bus == NULL)
        return fail(err, ENODEV, "-device %s: this machine has no PCI bus", name);
    if (pci->addr == NULL)
        return free_slot(bus, &pci->devfn)
                   ? 0
                   : fail(err, ENOSPC, "-device %s: no free PCI slot", name);
    if (!parse_addr(pci->addr, &pci->devfn))
        return fail(err, EINVAL, "-device %s: addr=%s: not SLOT[.FUNCTION]", name, pci->addr);
    if (bus->function[pci->devfn] != NULL)
        return fail(err, EBUSY, "-device %s: addr=%s: taken by %s", name, pci->addr,
                    bus->function[pci->devfn]->dev.id);
    return 0;
}

#define ROM_MAX (16u << 20)

static int load_rom(struct pci_device *pci, GError **err)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) why = NULL;
    gsize length;

    if (pci->romfile == NULL || *pci->romfile == '\0' || pci->rombar == 0)
        return 0;
    if (!g_file_get_contents(pci->romfile, &data, &length, &why))
        return fail(err, ENOENT, "-device %s: romfile: %s", pci->dev.kind->name, why->message);
    if (length == 0 || length > ROM_MAX)
        return fail(err, EFBIG, "-device %s: romfile=%s: %zu bytes, not 1 to 16 MiB",
                    pci->dev.kind->name, pci->romfile, length);
    uint64_t size = round_up_pow2(length, MEM_PAGE);
    pci->rom = (struct mem_block){ .name = "rom", .size = size, .flags = MEM_READONLY };
    pci->rom.host = mem_alloc(pci->dev.id, size, err);
    if (pci->rom.host == NULL)
        return -ENOMEM;
    memcpy(pci->rom.host, data, length);
    pci_add_bar(pci, PCI_ROM_BAR, PCI_BAR_MEM, size, NULL, &pci->rom);
    return 0;
}

static int pci_device_create(struct device *dev, GError **err)
{
    struct pci_device *pci = (struct pci_device *)dev;
    struct pci_bus *bus = dev->services->pci;

    int rc = choose_address(pci, err);
    if (rc < 0)
        return rc;
    init_header(pci, dev->kind->pci);
    rc = load_rom(pci, err);
    if (rc < 0)
        return rc;
    pci->bus = bus;
    bus->function[pci->devfn] = pci;
    if (bus->ops.function_changed != NULL)
        bus->ops.function_changed(bus->ops.opaque, pci, true);
    return 0;
}

void pci_hide(struct pci_device *pci, bool hidden)
{
    struct pci_bus *bus = pci->bus;

    if ((bus->function[pci->devfn] == NULL) == hidden)
        return;
    if (hidden) {
        pci_set_irq(pci, false);
        put_le16(pci->config + PCI_COMMAND, 0);
        update_bars(pci);
    }
    bus->function[pci->devfn] = hidden ? NULL : pci;
    if (bus->ops.function_changed != NULL)
        bus->ops.function_changed(bus->ops.opaque, pci, !hidden);
}

static void pci_device_reset(struct device *dev)
{
    struct pci_device *pci = (struct pci_device *)dev;

    pci_set_irq(pci, false);
    memcpy(pci->config, pci->reset_config, sizeof(pci->config));
    update_bars(pci);
}

static void pci_device_destroy(struct device *dev)
{
    struct pci_device *pci = (struct pci_device *)dev;

    for (unsigned n = 0; n < PCI_N_BARS; n++)
        if (pci->bar[n].size != 0 && pci->bar[n].at != PCI_UNMAPPED)
            map_bar(pci, &pci->bar[n], PCI_UNMAPPED);
    pci_set_irq(pci, false);
    pci_hide(pci, true);
    mem_free(pci->rom.host, pci->rom.size);
}

/* What the guest can't change must be as it is here: else the state is another machine's. */
static int pci_device_post_load(struct device *dev, GError **err)
{
    struct pci_device *pci = (struct pci_device *)dev;

    for (unsigned i = 0; i < PCI_BAR0; i++) {
        uint8_t fixed = (uint8_t) ~(pci->wmask[i] | pci->w1c[i]);
        if (i == PCI_STATUS)
            fixed &= (uint8_t)~PCI_STATUS_INTERRUPT;
        if (((pci->config[i] ^ pci->reset_config[i]) & fixed) != 0)
            return fail(err, EINVAL,
                        "saved state: device %s: field config: byte 0x%x is 0x%02x, "
                        "here 0x%02x: another kind of hardware",
                        dev->id, i, pci->config[i], pci->reset_config[i]);
    }
    for (unsigned i = PCI_BAR0; i < PCI_INTERRUPT_LINE; i++)
        pci->config[i] = (uint8_t)((pci->config[i] & pci->wmask[i]) |
                                   (pci->reset_config[i] & ~pci->wmask[i]));
    pci->config[PCI_INTERRUPT_PIN] = pci->reset_config[PCI_INTERRUPT_PIN];
    update_bars(pci);
    update_device_intx(pci);
    return 0;
}

static const struct property pci_properties[] = {
    PROPERTY("addr", PROP_STRING, struct pci_device, addr, .help = "slot[.function], hexadecimal"),
    PROPERTY("romfile", PROP_STRING, struct pci_device, romfile, .help = "option ROM image"),
    PROPERTY("rombar", PROP_UINT, struct pci_device, rombar, .initial = "1", .max = 1,
             .help = "1: show the option ROM in a BAR; 0: do not"),
    PROPERTY("subvendor_id", PROP_UINT, struct pci_device, subsystem_vendor, .initial = "0x10000",
             .max = SUBSYSTEM_OF_KIND, .help = "subsystem's vendor; 0x10000: the usual one"),
    PROPERTY("subsystem_id", PROP_UINT, struct pci_device, subsystem, .initial = "0x10000",
             .max = SUBSYSTEM_OF_KIND, .help = "subsystem; 0x10000: the usual one"),
    {}
};

static const struct state_field pci_state[] = { STATE_ARRAY(struct pci_device, config),
                                                STATE_FIELD(struct pci_device, intx),
                                                {} };

const struct device_base pci_device_base = {
    .name = "pci",
    .properties = pci_properties,
    .state = pci_state,
    .create = pci_device_create,
    .reset = pci_device_reset,
    .post_load = pci_device_post_load,
    .destroy = pci_device_destroy,
};

/* ---- Bus mastering ---- */

static bool master(const struct pci_device *pci)
{
    return (pci->config[PCI_COMMAND] & PCI_COMMAND_MASTER) != 0;
}

int pci_dma_read(struct pci_device *pci, uint64_t gpa, void *buf, uint64_t len)
{
    if (master(pci))
        return dma_read(pci->dev.services->mem, gpa, buf, len);
    memset(buf, 0xff, len);
    return -EFAULT;
}

void *pci_dma_map(struct pci_device *pci, uint64_t gpa, uint64_t *len, bool write)
{
    return master(pci) ? dma_map(pci->dev.services->mem, gpa, len, write) : NULL;
}

void pci_dma_unmap(struct pci_device *pci, uint64_t gpa, void *host, uint64_t len, bool written)
{
    dma_unmap(pci->dev.services->mem, gpa, host, len, written);
}
