#include "hw/machine/devices.h"

#include <string.h>

#include "hw/acpi/piix4_pm.h"
#include "hw/char/debugcon.h"
#include "hw/char/parallel.h"
#include "hw/char/uart16550.h"
#include "hw/display/cirrus.h"
#include "hw/display/vga.h"
#include "hw/dma/i8237.h"
#include "hw/flash/cfi_flash.h"
#include "hw/floppy/i82078.h"
#include "hw/ide/ata.h"
#include "hw/ide/piix_ide.h"
#include "hw/input/i8042.h"
#include "hw/input/vmmouse.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/machine/fw_cfg.h"
#include "hw/net/e1000.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/piix3.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "hw/xen/hotplug.h"
#include "hw/xen/platform.h"
#include "hw/xen/pvdevice.h"

/* In the order in which a machine has them; new kinds go where they belong. */
static const struct device_kind *const kinds[] = {
    // clang-format off
    &cfi_flash_kind,
    &i440fx_kind,
    &i8259_kind,
    &ioapic_kind,
    &i8254_kind,
    &piix3_kind,
    &mc146818_kind,
    &hpet_kind,
    &i8237_kind,
    &i8042_kind,
    &vmmouse_kind,
    &piix3_ide_kind,
    &ide_hd_kind,
    &ide_cd_kind,
    &i82078_kind,
    &floppy_kind,
    &piix4_pm_kind,
    &xen_hotplug_kind,
    &xen_platform_kind,
    &xen_pvdevice_kind,
    &fw_cfg_kind,
    &vga_kind,
    &cirrus_kind,
    &uart16550_kind,
    &parallel_kind,
    &debugcon_kind,
    &e1000_kind,
    &e1000_82545em_kind,
    NULL,
    // clang-format on
};

const struct device_kind *const *device_kinds(void)
{
    return kinds;
}

const struct device_kind *device_kind_find(const char *name)
{
    for (unsigned i = 0; kinds[i] != NULL; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

char *device_kinds_help(void)
{
    GString *out = g_string_new("Devices for -device (\"-device NAME,help\" lists properties):\n");

    for (unsigned i = 0; kinds[i] != NULL; i++)
        if (kinds[i]->user)
            g_string_append_printf(out, "  %-16s %s\n", kinds[i]->name, kinds[i]->desc);
    return g_string_free(out, FALSE);
}

static const char *type_name(const struct property *p)
{
    switch (p->type) {
    case PROP_BOOL: return "on|off";
    case PROP_UINT: return "number";
    case PROP_SIZE: return "size";
    case PROP_STRING: return "text";
    case PROP_HOST: break;
    }
    return p->host;
}

static void list_properties(GString *out, const struct property *p)
{
    for (; p != NULL && p->name != NULL; p++) {
        g_autofree char *left = g_strdup_printf("%s=<%s>", p->name, type_name(p));
        g_string_append_printf(out, "  %-24s %s", left, p->help != NULL ? p->help : "");
        if (p->initial != NULL)
            g_string_append_printf(out, " (default: %s)", p->initial);
        g_string_append_c(out, '\n');
    }
}

char *device_kind_help(const struct device_kind *kind)
{
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "%s: %s\n", kind->name, kind->desc);
    list_properties(out, kind->properties);
    if (kind->base != NULL)
        list_properties(out, kind->base->properties);
    return g_string_free(out, FALSE);
}
