#include "hw/xen/platform.h"

#include <string.h>

#include "hw/core/pci.h"
#include "hw/core/state.h"

/* The fixed ports; what one does depends on the width of the access as well. */
#define FIXED_BASE  0x10
#define FIXED_SIZE  16
#define PORT_MAGIC  0 /* 16 bits read: MAGIC; 16 written: unplug; 32 written: the driver's build */
#define PORT_FLAGS  0 /* 8 bits */
#define PORT_LOG    2 /* 8 bits written: a character; 8 read: the version; 16 written: product */
#define MAGIC       0x49d2
#define BLACKLISTED 0xd249 /* in place of MAGIC: the drivers must leave all as it is */
#define VERSION     1
#define BAR0_SIZE   0x100
#define BAR0_FLAGS  0
#define BAR0_UNPLUG 4 /* drivers of before the protocol: 1 unplugs all */
#define BAR0_LOG    8 /* a character; from those drivers 1 unplugs disks and 2 network cards */
#define BAR1_SIZE   (16u << 20)

#define FLAG_BIOS_READ_ONLY 0x01

struct xen_platform {
    struct pci_device pci;
    uint8_t flags;
    uint8_t unplugged; /* enum xen_unplug */
    uint16_t product;  /* of the guest's drivers */
    uint32_t build;
    /* properties */
    uint16_t device_id, class_id;
    uint8_t revision;
    /* host */
    struct region fixed, bar0, bar1;
    struct xen_platform_host host;
    char line[128]; /* of the guest's log, not complete yet */
    unsigned line_length;
    struct log_limit log_limit;
};

/* ---- The guest's log ---- */

static void flush_line(struct xen_platform *p)
{
    if (p->line_length > 0 && log_limited(&p->log_limit))
        log_warn("guest: %.*s", (int)p->line_length, p->line);
    p->line_length = 0;
}

static void log_character(struct xen_platform *p, uint8_t c)
{
    if (c == '\n' || p->line_length == sizeof(p->line))
        flush_line(p);
    if (c != '\n')
        p->line[p->line_length++] = g_ascii_isprint(c) ? (char)c : '?';
}

/* ---- What the guest switches ---- */

static void protect_bios(struct xen_platform *p)
{
    if (p->host.protect_bios != NULL)
        p->host.protect_bios(p->host.opaque, (p->flags & FLAG_BIOS_READ_ONLY) != 0);
}

static void set_flags(struct xen_platform *p, uint8_t flags)
{
    uint8_t changed = (p->flags ^ flags) & FLAG_BIOS_READ_ONLY;

    p->flags = flags & FLAG_BIOS_READ_ONLY;
    if (changed != 0)
        protect_bios(p);
}

static void hide_unplugged(struct xen_platform *p)
{
    if (p->host.unplug != NULL)
        p->host.unplug(p->host.opaque, p->unplugged);
}

/* There is no way back but a reset. */
static void unplug(struct xen_platform *p, unsigned what)
{
    if (log_limited(&p->log_limit))
        log_info("the guest's PV drivers (product %u, build %u) unplug 0x%x", p->product, p->build,
                 what);
    p->unplugged |= what &
                    (XEN_UNPLUG_DISKS | XEN_UNPLUG_NICS | XEN_UNPLUG_AUX_DISKS | XEN_UNPLUG_NVME);
    hide_unplugged(p);
}

/* ---- Who the drivers are ---- */

static bool drivers_allowed(const struct xen_platform *p)
{
    return p->host.drivers_allowed == NULL ||
           p->host.drivers_allowed(p->host.opaque, p->product, p->build);
}

static void set_build(struct xen_platform *p, uint32_t build)
{
    p->build = build;
    if (p->host.drivers_known != NULL)
        p->host.drivers_known(p->host.opaque, p->product, build);
}

bool xen_platform_drivers(const struct device *dev, unsigned *product, unsigned *build)
{
    const struct xen_platform *p = (const struct xen_platform *)dev;

    *product = p->product;
    *build = p->build;
    return p->product != 0;
}

/* ---- The fixed ports ---- */

static uint64_t fixed_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct xen_platform *p = opaque;

    if (size == 2 && offset == PORT_MAGIC)
        return drivers_allowed(p) ? MAGIC : BLACKLISTED;
    if (size == 1 && offset == PORT_FLAGS)
        return p->flags;
    if (size == 1 && offset == PORT_LOG)
        return VERSION;
    return UINT64_MAX;
}

static void fixed_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct xen_platform *p = opaque;

    if (offset == PORT_MAGIC && size == 4)
        set_build(p, (uint32_t)value);
    else if (offset == PORT_MAGIC && size == 2)
        unplug(p, (unsigned)value);
    else if (offset == PORT_FLAGS && size == 1)
        set_flags(p, (uint8_t)value);
    else if (offset == PORT_LOG && size == 2)
        p->product = (uint16_t)value;
    else if (offset == PORT_LOG && size == 1)
        log_character(p, (uint8_t)value);
}

static const struct region_ops fixed_ops = { .read = fixed_read,
                                             .write = fixed_write,
                                             .impl = 1 | 2 | 4 };

/* ---- The BARs ---- */

static uint64_t bar0_read(void *opaque, uint64_t offset, unsigned size)
{
    return offset == BAR0_FLAGS ? ((struct xen_platform *)opaque)->flags : UINT64_MAX;
}

static void bar0_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct xen_platform *p = opaque;

    if (offset == BAR0_FLAGS)
        set_flags(p, (uint8_t)value);
    else if (offset == BAR0_UNPLUG && value == 1)
        unplug(p, XEN_UNPLUG_DISKS | XEN_UNPLUG_NICS);
    else if (offset == BAR0_LOG && value == 1)
        unplug(p, XEN_UNPLUG_DISKS);
    else if (offset == BAR0_LOG && value == 2)
        unplug(p, XEN_UNPLUG_NICS);
    else if (offset == BAR0_LOG)
        log_character(p, (uint8_t)value);
}

/* Address space alone: the guest's drivers have Xen put shared and granted pages there. */
static uint64_t bar1_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0;
}

static void bar1_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
}

static const struct region_ops bar0_ops = { .read = bar0_read, .write = bar0_write };
static const struct region_ops bar1_ops = { .read = bar1_read,
                                            .write = bar1_write,
                                            .impl = 1 | 2 | 4 | 8 };

/* ---- Life ---- */

void xen_platform_set_host(struct device *dev, const struct xen_platform_host *host)
{
    ((struct xen_platform *)dev)->host = *host;
}

static struct region make_region(struct xen_platform *p, const char *name,
                                 const struct region_ops *ops)
{
    return (struct region){ .name = name, .ops = ops, .owner = &p->pci.dev, .opaque = p };
}

static int platform_create(struct device *dev, GError **err)
{
    struct xen_platform *p = (struct xen_platform *)dev;

    pci_set_config(&p->pci, PCI_DEVICE_ID, p->device_id, 2);
    pci_set_config(&p->pci, PCI_REVISION_ID, p->revision, 1);
    pci_set_config(&p->pci, PCI_CLASS_CODE + 1, p->class_id, 2);
    p->fixed = make_region(p, "fixed", &fixed_ops);
    p->fixed.priority = REGION_FIXED;
    p->bar0 = make_region(p, "bar0", &bar0_ops);
    p->bar1 = make_region(p, "bar1", &bar1_ops);
    pci_add_bar(&p->pci, 0, PCI_BAR_IO, BAR0_SIZE, &p->bar0, NULL);
    pci_add_bar(&p->pci, 1, PCI_BAR_MEM_PREFETCH, BAR1_SIZE, &p->bar1, NULL);
    bus_map(dev->services->bus, &p->fixed, BUS_PIO, FIXED_BASE, FIXED_SIZE);
    return 0;
}

static void platform_reset(struct device *dev)
{
    struct xen_platform *p = (struct xen_platform *)dev;

    flush_line(p);
    set_flags(p, 0);
    if (p->unplugged != 0) {
        p->unplugged = 0;
        hide_unplugged(p);
    }
    p->product = 0;
    p->build = 0;
}

static int platform_post_load(struct device *dev, GError **err)
{
    struct xen_platform *p = (struct xen_platform *)dev;

    protect_bios(p);
    hide_unplugged(p);
    return 0;
}

static void platform_destroy(struct device *dev)
{
    bus_unmap(dev->services->bus, &((struct xen_platform *)dev)->fixed);
}

/* XAPI knows several generations of this device, and tells their guests' drivers apart by these. */
static const struct property platform_properties[] = {
    PROPERTY("device-id", PROP_UINT, struct xen_platform, device_id, .initial = "0x0001",
             .help = "PCI device"),
    PROPERTY("revision", PROP_UINT, struct xen_platform, revision, .initial = "1",
             .help = "PCI revision"),
    PROPERTY("class-id", PROP_UINT, struct xen_platform, class_id, .initial = "0xff80",
             .help = "PCI base class and sub-class"),
    {}
};

static const struct state_field platform_state[] = {
    STATE_FIELD(struct xen_platform, flags, .max = FLAG_BIOS_READ_ONLY),
    STATE_FIELD(struct xen_platform, unplugged, .max = 0x0f),
    STATE_FIELD(struct xen_platform, product),
    STATE_FIELD(struct xen_platform, build),
    {}
};

static const struct pci_info platform_info = {
    .vendor = 0x5853,
    .device = 0x0001,
    .subsystem_vendor = 0x5853,
    .subsystem = 0x0001,
    .class_code = 0xff8000,
    .revision = 1,
    .interrupt_pin = 1, /* driven by Xen itself: event channels for drivers that know no better */
};

const struct device_kind xen_platform_kind = {
    .name = "xen-platform",
    .desc = "Xen's platform device",
    .size = sizeof(struct xen_platform),
    .user = true,
    .base = &pci_device_base,
    .pci = &platform_info,
    .properties = platform_properties,
    .state = platform_state,
    .state_version = 1,
    .create = platform_create,
    .reset = platform_reset,
    .post_load = platform_post_load,
    .destroy = platform_destroy,
};
