/*
 * What the firmware learns of the machine: by fw_cfg, and by the CMOS for firmware of the old kind.
 */
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hw/floppy/i82078.h"
#include "hw/ide/ata.h"
#include "hw/ide/piix_ide.h"
#include "hw/machine/acpi.h"
#include "hw/machine/board.h"
#include "hw/machine/e820.h"
#include "hw/machine/fw_cfg.h"
#include "hw/machine/smbios.h"
#include "hw/net/e1000.h"
#include "hw/timer/mc146818.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* The firmware keeps its tables there; an initrd stays below. */
#define FIRMWARE_RESERVE (512 * KIB)

/* ---- CMOS (IBM PC/AT; the upper bytes as every PC BIOS since uses them) ---- */

enum {
    CMOS_FLOPPY = 0x10,
    CMOS_DISK_TYPES = 0x12, /* first disk in the high nibble */
    CMOS_EQUIPMENT = 0x14,
    CMOS_BASE_KIB = 0x15,
    CMOS_EXTENDED_KIB = 0x17,
    CMOS_DISK_TYPE = 0x19,     /* and 0x1a */
    CMOS_DISK_GEOMETRY = 0x1b, /* 9 bytes, and again at 0x24 */
    CMOS_EXTENDED_KIB_COPY = 0x30,
    CMOS_ABOVE_16M = 0x34, /* in units of 64 KiB */
    CMOS_BOOT_3 = 0x38,    /* third boot device in the high nibble */
    CMOS_DISK_TRANSLATION = 0x39,
    CMOS_BOOT_12 = 0x3d,  /* first in the low nibble, second in the high one */
    CMOS_ABOVE_4G = 0x5b, /* 24 bits, in units of 64 KiB */
    CMOS_CPUS = 0x5f,     /* further CPUs */
};

#define CMOS_DISK_TYPE_USER 47

#define EQUIPMENT_MATH_AND_MOUSE 0x06
#define EQUIPMENT_FLOPPIES(n)    (1 | ((n)-1) << 6)

static void cmos16(struct machine *m, uint8_t index, uint64_t value)
{
    uint16_t capped = value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;

    mc146818_set_cmos(m->rtc, index, (uint8_t)capped);
    mc146818_set_cmos(m->rtc, index + 1, (uint8_t)(capped >> 8));
}

static uint8_t boot_code(char letter)
{
    switch (letter) {
    case 'a':
    case 'b': return 1;
    case 'c': return 2;
    case 'd': return 3;
    case 'n':
    case 'p': return 4;
    default: return 0;
    }
}

/* "cda" as the BIOS keeps it: three places of four bits. */
static int boot_places(const char *option, const char *order, uint16_t *places, GError **err)
{
    *places = 0;
    for (unsigned i = 0; order[i] != '\0'; i++) {
        uint8_t c = boot_code(order[i]);
        if (c == 0)
            return fail(err, EINVAL, "-boot %s=%s: '%c' is no boot device (a, c, d, n)", option,
                        order, order[i]);
        if (i < 3)
            *places |= (uint16_t)(c << (4 * i));
    }
    return 0;
}

static void set_boot_order(struct machine *m, uint16_t places)
{
    mc146818_set_cmos(m->rtc, CMOS_BOOT_12, (uint8_t)places);
    /* The low bit: no check that a floppy is one. */
    mc146818_set_cmos(m->rtc, CMOS_BOOT_3, (uint8_t)((places >> 8) << 4 | 1));
}

static int fill_boot_order(struct machine *m, const struct machine_config *config, GError **err)
{
    const char *order = config->boot_order != NULL ? config->boot_order : "cad";
    uint16_t once;
    int rc = boot_places("order", order, &m->boot_order, err);

    if (rc == 0)
        rc = boot_places("once", config->boot_once != NULL ? config->boot_once : order, &once, err);
    if (rc == 0)
        set_boot_order(m, once);
    return rc;
}

void firmware_boot_again(struct machine *m)
{
    if (m->rtc != NULL)
        set_boot_order(m, m->boot_order);
}

/* The user-defined type of the first or second disk: cylinders, heads, sectors. */
static void fill_geometry(struct machine *m, unsigned n, const struct ata_geometry *g)
{
    uint8_t at = (uint8_t)(CMOS_DISK_GEOMETRY + 9 * n);

    mc146818_set_cmos(m->rtc, (uint8_t)(CMOS_DISK_TYPE + n), CMOS_DISK_TYPE_USER);
    cmos16(m, at, g->cylinders);
    mc146818_set_cmos(m->rtc, at + 2, (uint8_t)g->heads);
    cmos16(m, at + 3, UINT16_MAX); /* no write precompensation */
    mc146818_set_cmos(m->rtc, at + 5, g->heads > 8 ? 0xc8 : 0xc0);
    cmos16(m, at + 6, g->cylinders); /* landing zone */
    mc146818_set_cmos(m->rtc, at + 8, (uint8_t)g->sectors);
}

/* Translation, two bits a disk: none where the BIOS's own 1024 cylinders suffice, else LBA. */
static void fill_disks(struct machine *m)
{
    uint8_t types = 0, translation = 0;

    for (unsigned n = 0; n < 4; n++) {
        const struct device *disk = piix_ide_drive(m->services.pci, n / 2, n % 2);
        struct ata_geometry g;
        if (disk == NULL || !ata_get_geometry(disk, &g))
            continue;
        translation |= (uint8_t)((g.cylinders > 1024 ? 1 : 0) << (2 * n));
        if (n >= 2)
            continue;
        types |= n == 0 ? 0xf0 : 0x0f; /* see the extended type */
        fill_geometry(m, n, &g);
    }
    mc146818_set_cmos(m->rtc, CMOS_DISK_TYPES, types);
    mc146818_set_cmos(m->rtc, CMOS_DISK_TRANSLATION, translation);
}

static void fill_floppies(struct machine *m)
{
    uint8_t a = i82078_drive_type(m->fdc, 0), b = i82078_drive_type(m->fdc, 1);
    unsigned n = (a != 0) + (b != 0);

    if (n == 0)
        return;
    mc146818_set_cmos(m->rtc, CMOS_FLOPPY, (uint8_t)(a << 4 | b));
    mc146818_set_cmos(m->rtc, CMOS_EQUIPMENT,
                      (uint8_t)(EQUIPMENT_MATH_AND_MOUSE | EQUIPMENT_FLOPPIES(n)));
}

static int fill_cmos(struct machine *m, const struct machine_config *config, GError **err)
{
    uint64_t below = m->ram_below_4g, above = (m->ram_size - below) / (64 * KIB);

    if (m->rtc == NULL)
        return 0;
    cmos16(m, CMOS_BASE_KIB, 640);
    cmos16(m, CMOS_EXTENDED_KIB, (below - MIB) / KIB);
    cmos16(m, CMOS_EXTENDED_KIB_COPY, (below - MIB) / KIB);
    cmos16(m, CMOS_ABOVE_16M, below > 16 * MIB ? (below - 16 * MIB) / (64 * KIB) : 0);
    for (unsigned i = 0; i < 3; i++)
        mc146818_set_cmos(m->rtc, (uint8_t)(CMOS_ABOVE_4G + i), (uint8_t)(above >> (8 * i)));
    mc146818_set_cmos(m->rtc, CMOS_CPUS, (uint8_t)(config->n_cpus - 1));
    mc146818_set_cmos(m->rtc, CMOS_EQUIPMENT, EQUIPMENT_MATH_AND_MOUSE);
    fill_disks(m);
    if (m->fdc != NULL)
        fill_floppies(m);
    return fill_boot_order(m, config, err);
}

/* ---- fw_cfg ---- */

static int add_file(struct machine *m, const char *name, GByteArray *data, GError **err)
{
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(data);

    return fw_cfg_add_file(m->fw_cfg, name, bytes, err);
}

static int add_e820(struct machine *m, GError **err)
{
    const struct e820_range ranges[] = {
        { 0, m->ram_below_4g, E820_RAM },
        { 4 * GIB, m->ram_size - m->ram_below_4g, E820_RAM },
    };

    return add_file(m, E820_FILE, e820_build(ranges, G_N_ELEMENTS(ranges)), err);
}

static uint32_t acpi_devices(const struct machine *m)
{
    static const struct {
        uint16_t port;
        uint32_t bit;
    } parts[] = {
        { 0x064, ACPI_DEVICE_I8042 }, { 0x3f8, ACPI_DEVICE_COM1 }, { 0x2f8, ACPI_DEVICE_COM2 },
        { 0x378, ACPI_DEVICE_LPT1 },  { 0x3f2, ACPI_DEVICE_FDC },
    };
    uint32_t bits = ACPI_DEVICE_FW_CFG | (m->hpet != NULL ? ACPI_DEVICE_HPET : 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
        if (bus_claimed(m->services.bus, BUS_PIO, parts[i].port))
            bits |= parts[i].bit;
    return bits;
}

static int add_acpi(struct machine *m, const struct machine_config *config, GError **err)
{
    struct acpi_config acpi;
    struct acpi_blobs blobs;

    acpi_config_init(&acpi);
    acpi.ncpus = config->n_cpus;
    acpi.max_cpus = config->n_cpus;
    acpi.devices = acpi_devices(m);
    acpi.pci32 = (struct acpi_window){ MAX(m->ram_below_4g, UINT64_C(0x80000000)), 0xfebfffff };
    acpi_build(&acpi, &blobs);
    int rc = add_file(m, ACPI_TABLES_FILE, g_byte_array_ref(blobs.tables), err);
    if (rc == 0)
        rc = add_file(m, ACPI_RSDP_FILE, g_byte_array_ref(blobs.rsdp), err);
    if (rc == 0)
        rc = add_file(m, ACPI_LOADER_FILE, g_byte_array_ref(blobs.loader), err);
    acpi_blobs_clear(&blobs);
    return rc;
}

static int add_smbios(struct machine *m, const struct machine_config *config, GError **err)
{
    struct smbios_config smbios = {
        .manufacturer = "hvm-dm",
        .product = "i440FX PC",
        .serial = config->name,
        .cpu_name = "virtual CPU",
        .ncpus = config->n_cpus,
        .max_cpus = config->n_cpus,
        .ram_below_4g = m->ram_below_4g,
        .ram_above_4g = m->ram_size - m->ram_below_4g,
    };
    GByteArray *anchor, *tables;

    memcpy(smbios.uuid, config->uuid, sizeof(smbios.uuid));
    smbios_build(&smbios, &anchor, &tables);
    int rc = add_file(m, SMBIOS_TABLES_FILE, tables, err);
    return rc == 0 ? add_file(m, SMBIOS_ANCHOR_FILE, anchor, err)
                   : (g_byte_array_unref(anchor), rc);
}

/* ---- Boot order: bootindex= of drives and network controllers, as Open Firmware paths ---- */

struct boot_entry {
    uint32_t bootindex;
    char path[60];
};

static gint by_bootindex(gconstpointer a, gconstpointer b)
{
    const struct boot_entry *x = a, *y = b;

    return x->bootindex < y->bootindex ? -1 : x->bootindex > y->bootindex;
}

static void network_path(struct boot_entry *entry, uint8_t devfn)
{
    char place[8];

    g_snprintf(place, sizeof(place), PCI_FUNCTION(devfn) != 0 ? "%x,%x" : "%x", PCI_SLOT(devfn),
               PCI_FUNCTION(devfn));
    g_snprintf(entry->path, sizeof(entry->path), "/pci@i0cf8/ethernet@%s/ethernet-phy@0", place);
}

static void collect_place(struct device *dev, void *opaque)
{
    struct boot_entry entry = { .bootindex = UINT32_MAX };
    struct ata_place place;
    unsigned unit;

    if (ata_get_place(dev, &place)) {
        entry.bootindex = place.bootindex;
        g_snprintf(entry.path, sizeof(entry.path), "/pci@i0cf8/ide@1,1/drive@%x/disk@%x", place.bus,
                   place.unit);
    } else if (floppy_get_place(dev, &unit, &entry.bootindex)) {
        g_snprintf(entry.path, sizeof(entry.path), "/pci@i0cf8/isa@1/fdc@03f0/floppy@%x", unit);
    } else if (e1000_get_bootindex(dev, &entry.bootindex)) {
        network_path(&entry, ((const struct pci_device *)dev)->devfn);
    }
    if (entry.bootindex != UINT32_MAX)
        g_array_append_val((GArray *)opaque, entry);
}

static int add_bootorder(struct machine *m, GError **err)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct boot_entry));
    g_autoptr(GString) text = g_string_new(NULL);

    machine_for_each_device(m, collect_place, entries);
    if (entries->len == 0)
        return 0;
    g_array_sort(entries, by_bootindex);
    for (guint i = 0; i < entries->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? "\n" : "",
                               g_array_index(entries, struct boot_entry, i).path);
    g_autoptr(GBytes) bytes = g_bytes_new(text->str, text->len + 1);
    return fw_cfg_add_file(m->fw_cfg, "bootorder", bytes, err);
}

/* ---- Direct kernel boot ---- */

#define DIRECT_BOOT_ROM  "genroms/linuxboot.bin"
#define DIRECT_BOOT_PATH "/rom@" DIRECT_BOOT_ROM

static int add_kernel(struct machine *m, const struct machine_config *config, GError **err)
{
    struct kernel_config kernel = { config->kernel, config->initrd, config->append, m->ram_below_4g,
                                    FIRMWARE_RESERVE };
    g_autoptr(GError) why = NULL;
    char *rom;
    gsize length;

    int rc = kernel_load(&kernel, &m->kernel, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < KERNEL_ITEMS; i++) {
        const struct kernel_item *item = &m->kernel.items[i];
        g_autoptr(GBytes) data = g_bytes_new_static(item->data, item->size);
        fw_cfg_add(m->fw_cfg, item->key, data);
        machine_journal_file(m, item->key, item->data, item->size);
    }
    if (!g_file_get_contents(config->optionrom, &rom, &length, &why))
        return fail(err, ENOENT, "-kernel: the option ROM that boots it: %s", why->message);
    g_autoptr(GBytes) rom_bytes = g_bytes_new_take(rom, length);
    rc = fw_cfg_add_file(m->fw_cfg, DIRECT_BOOT_ROM, rom_bytes, err);
    if (rc < 0)
        return rc;
    g_autoptr(GBytes) path = g_bytes_new_static(DIRECT_BOOT_PATH, sizeof(DIRECT_BOOT_PATH));
    return fw_cfg_add_file(m->fw_cfg, "bootorder", path, err);
}

static void add_numbers(struct machine *m, const struct machine_config *config)
{
    g_autoptr(GBytes) uuid = g_bytes_new(config->uuid, sizeof(config->uuid));

    fw_cfg_add(m->fw_cfg, FW_CFG_UUID, uuid);
    fw_cfg_add_u64(m->fw_cfg, FW_CFG_RAM_SIZE, m->ram_size);
    fw_cfg_add_u16(m->fw_cfg, FW_CFG_NB_CPUS, (uint16_t)config->n_cpus);
    fw_cfg_add_u16(m->fw_cfg, FW_CFG_MAX_CPUS, (uint16_t)config->n_cpus);
    fw_cfg_add_u16(m->fw_cfg, FW_CFG_BOOT_MENU, config->boot_menu);
    fw_cfg_add_u32(m->fw_cfg, FW_CFG_IRQ0_OVERRIDE, 1);
}

/* How long the boot menu's key is waited for, where the user says. */
static int add_menu_wait(struct machine *m, const struct machine_config *config, GError **err)
{
    uint8_t wait[2];

    put_le(wait, config->boot_menu_wait_ms, sizeof(wait));
    g_autoptr(GBytes) bytes = g_bytes_new(wait, sizeof(wait));
    return fw_cfg_add_file(m->fw_cfg, "etc/boot-menu-wait", bytes, err);
}

int firmware_tell(struct machine *m, const struct machine_config *config, GError **err)
{
    /* Under Xen hvmloader tells the firmware all but the kernel, and reads by port. */
    bool core_tells = (m->core->ops->chips & CORE_HAS_FIRMWARE) != 0;
    const char *const properties[] = { "dma", core_tells ? "off" : "on", NULL };
    int rc = fill_cmos(m, config, err);

    if (rc < 0 || (core_tells && config->kernel == NULL))
        return rc;
    m->fw_cfg = machine_add(m, &fw_cfg_kind, fw_cfg_kind.name, properties, err);
    if (m->fw_cfg == NULL)
        return -EINVAL;
    add_numbers(m, config);
    if (!core_tells)
        rc = add_e820(m, err);
    if (rc == 0 && !core_tells && !config->no_acpi)
        rc = add_acpi(m, config, err);
    if (rc == 0 && !core_tells)
        rc = add_smbios(m, config, err);
    if (rc == 0 && config->boot_menu_wait_ms != 0)
        rc = add_menu_wait(m, config, err);
    if (rc == 0 && config->kernel != NULL)
        rc = add_kernel(m, config, err);
    else if (rc == 0)
        rc = add_bootorder(m, err);
    return rc;
}
