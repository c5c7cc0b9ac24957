/*
 * Xen's platform device, from the side of a guest's PV drivers, and the hot-plug registers.
 */
#include "hw/xen/hotplug.h"
#include "hw/xen/platform.h"
#include "hw/xen/pvdevice.h"
#include "tests/unit/testbench.h"

struct board {
    unsigned unplugged;
    bool bios_protected;
    unsigned product, build, refused_build;
};

static void unplug(void *opaque, unsigned what)
{
    ((struct board *)opaque)->unplugged = what;
}

static bool allowed(void *opaque, unsigned product, unsigned build)
{
    const struct board *board = opaque;

    return board->refused_build == 0 || build != board->refused_build;
}

static void known(void *opaque, unsigned product, unsigned build)
{
    ((struct board *)opaque)->product = product;
    ((struct board *)opaque)->build = build;
}

static void protect_bios(void *opaque, bool on)
{
    ((struct board *)opaque)->bios_protected = on;
}

static struct device *plug(struct bench *b, struct board *board)
{
    struct device *dev = bench_plug(b, &xen_platform_kind, "addr=2");

    xen_platform_set_host(
        dev, &(struct xen_platform_host){ board, unplug, allowed, known, protect_bios });
    return dev;
}

/* Linux: xen_unplug_emulated_devices() in the order of its accesses. */
static void drivers_take_over_disks_and_network(void)
{
    struct bench *b = bench_create();
    struct board board = { 0 };
    struct device *dev = plug(b, &board);

    g_assert_cmphex(cfg_read(b, 2, 0, 0, 4), ==, 0x00015853);
    g_assert_cmphex(cfg_read(b, 2, 0, 8, 4), ==, 0xff800001);
    g_assert_cmphex(inw(b, 0x10), ==, 0x49d2);
    g_assert_cmphex(inb(b, 0x12), ==, 1);
    outw(b, 0x12, 3);
    outl(b, 0x10, 0xff);
    g_assert_cmphex(inw(b, 0x10), ==, 0x49d2); /* not blacklisted */
    g_assert_cmphex(board.unplugged, ==, 0);
    outw(b, 0x10, XEN_UNPLUG_DISKS);
    outw(b, 0x10, XEN_UNPLUG_NICS);
    g_assert_cmphex(board.unplugged, ==, XEN_UNPLUG_DISKS | XEN_UNPLUG_NICS);
    dev = bench_save_load(b, dev, "addr=2");
    xen_platform_set_host(
        dev, &(struct xen_platform_host){ &board, unplug, allowed, known, protect_bios });
    device_reset(dev); /* the next system finds its disks again */
    g_assert_cmphex(board.unplugged, ==, 0);
    bench_destroy(b);
}

/* A driver says what it is and looks at the magic number again: it must go on without unplugging.
 */
static void some_drivers_are_blacklisted(void)
{
    struct bench *b = bench_create();
    struct board board = { .refused_build = 7 };
    unsigned product, build;
    struct device *dev = plug(b, &board);

    g_assert_cmphex(inw(b, 0x10), ==, 0x49d2);
    g_assert_false(xen_platform_drivers(dev, &product, &build));
    outw(b, 0x12, 2);
    outl(b, 0x10, 7);
    g_assert_cmphex(inw(b, 0x10), ==, 0xd249);
    g_assert_cmphex(board.product, ==, 2);
    g_assert_cmphex(board.build, ==, 7);
    outl(b, 0x10, 8); /* a later build */
    g_assert_cmphex(inw(b, 0x10), ==, 0x49d2);
    g_assert_true(xen_platform_drivers(dev, &product, &build));
    g_assert_cmphex(product, ==, 2);
    g_assert_cmphex(build, ==, 8);
    device_reset(dev);
    g_assert_false(xen_platform_drivers(dev, &product, &build));
    bench_destroy(b);
}

/* What Windows finds its PV drivers by: xl's vendor_device, and a publisher's own. */
static void a_publishers_device_has_its_ids(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &xen_pvdevice_kind, "addr=6,device-id=0xc000");
    g_assert_cmphex(cfg_read(b, 6, 0, PCI_VENDOR_ID, 4), ==, 0xc0005853);
    g_assert_cmphex(cfg_read(b, 6, 0, PCI_REVISION_ID, 4), ==, 0x08800001);
    g_assert_cmphex(cfg_read(b, 6, 0, PCI_SUBSYSTEM_VENDOR_ID, 4), ==, 0xc0005853);
    cfg_write(b, 6, 0, PCI_BAR0 + 4, 0xffffffff, 4);
    g_assert_cmphex(cfg_read(b, 6, 0, PCI_BAR0 + 4, 4), ==, 0xffc00008);
    cfg_write(b, 6, 0, PCI_BAR0 + 4, 0xf3000000, 4);
    cfg_write(b, 6, 0, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(mmio_read(b, 0xf3000000, 4), ==, 0xffffffff);
    mmio_write(b, 0xf3000000, 1, 4);
    bench_plug(b, &xen_pvdevice_kind, "addr=7,vendor-id=0x1af4,device-id=5,revision=9,size=65536");
    g_assert_cmphex(cfg_read(b, 7, 0, PCI_VENDOR_ID, 4), ==, 0x00051af4);
    g_assert_cmphex(cfg_read(b, 7, 0, PCI_REVISION_ID, 1), ==, 9);
    bench_destroy(b);
}

static void unknown_kinds_are_not_unplugged(void)
{
    struct bench *b = bench_create();
    struct board board = { 0 };

    plug(b, &board);
    outw(b, 0x10, 0xfff0 | XEN_UNPLUG_AUX_DISKS);
    g_assert_cmphex(board.unplugged, ==, XEN_UNPLUG_AUX_DISKS);
    bench_destroy(b);
}

static void the_bios_area_can_be_locked(void)
{
    struct bench *b = bench_create();
    struct board board = { 0 };
    struct device *dev = plug(b, &board);

    outb(b, 0x10, 0xff);
    g_assert_true(board.bios_protected);
    g_assert_cmphex(inb(b, 0x10), ==, 0x01);
    outb(b, 0x10, 0);
    g_assert_false(board.bios_protected);
    outb(b, 0x10, 1);
    device_reset(dev);
    g_assert_false(board.bios_protected);
    bench_destroy(b);
}

static void the_first_drivers_used_the_bars(void)
{
    struct bench *b = bench_create();
    struct board board = { 0 };

    plug(b, &board);
    cfg_write(b, 2, 0, PCI_BAR0, 0xc000, 4);
    cfg_write(b, 2, 0, PCI_BAR0 + 4, 0xf2000000, 4);
    cfg_write(b, 2, 0, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    outl(b, 0xc008, 2);
    g_assert_cmphex(board.unplugged, ==, XEN_UNPLUG_NICS);
    outb(b, 0xc004, 1);
    g_assert_cmphex(board.unplugged, ==, XEN_UNPLUG_NICS | XEN_UNPLUG_DISKS);
    g_assert_cmphex(mmio_read(b, 0xf2fffff8, 8), ==, 0);
    mmio_write(b, 0xf2000000, 1, 4);
    bench_destroy(b);
}

/* The limit on the log is the host's; here it is only fed with whatever a guest may write. */
static void any_text_can_be_logged(void)
{
    struct bench *b = bench_create();
    struct board board = { 0 };

    plug(b, &board);
    for (unsigned i = 0; i < 5000; i++)
        outb(b, 0x12, (uint8_t)i | 0x80);
    outb(b, 0x12, '\n');
    outl(b, 0x12, 0);
    outb(b, 0x1f, 1);
    g_assert_cmphex(inl(b, 0x10), ==, 0xffffffff);
    bench_destroy(b);
}

static void cpus_are_a_bitmap_that_grows(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &xen_hotplug_kind, "cpus=9");

    g_assert_cmphex(inb(b, 0xaf00), ==, 0xff);
    g_assert_cmphex(inb(b, 0xaf01), ==, 0x01);
    g_assert_cmphex(inb(b, 0xaf1f), ==, 0x00);
    xen_hotplug_add_cpu(dev, 127);
    outb(b, 0xaf00, 0); /* not the guest's to change */
    dev = bench_save_load(b, dev, "cpus=9");
    g_assert_cmphex(inb(b, 0xaf00), ==, 0xff);
    g_assert_cmphex(inb(b, 0xaf0f), ==, 0x80);
    g_assert_true(xen_hotplug_has_cpu(dev, 127));
    g_assert_false(xen_hotplug_has_cpu(dev, 9));
    g_assert_false(xen_hotplug_has_cpu(dev, 128));
    bench_destroy(b);
}

static void no_slot_changes(void)
{
    struct bench *b = bench_create();

    bench_plug(b, &xen_hotplug_kind, NULL);
    outl(b, 0xae08, 0xffffffff);
    for (uint16_t port = 0xae00; port < 0xae10; port += 4)
        g_assert_cmphex(inl(b, port), ==, 0);
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xen-platform/unplug", drivers_take_over_disks_and_network);
    g_test_add_func("/xen-platform/blacklist", some_drivers_are_blacklisted);
    g_test_add_func("/xen-pvdevice/ids", a_publishers_device_has_its_ids);
    g_test_add_func("/xen-platform/unplug-unknown", unknown_kinds_are_not_unplugged);
    g_test_add_func("/xen-platform/bios-lock", the_bios_area_can_be_locked);
    g_test_add_func("/xen-platform/bars", the_first_drivers_used_the_bars);
    g_test_add_func("/xen-platform/log", any_text_can_be_logged);
    g_test_add_func("/xen-hotplug/cpus", cpus_are_a_bitmap_that_grows);
    g_test_add_func("/xen-hotplug/slots", no_slot_changes);
    return g_test_run();
}
