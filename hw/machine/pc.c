/*
 * The board: which chips an i440FX/PIIX3 PC has and how they are wired. Nothing is emulated here.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/dma/i8237.h"
#include "hw/flash/cfi_flash.h"
#include "hw/floppy/i82078.h"
#include "hw/input/i8042.h"
#include "hw/input/vmmouse.h"
#include "hw/ide/piix_ide.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/machine/board.h"
#include "hw/machine/devices.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/piix3.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"

#define IOAPIC_IRQ0_PIN 2
#define SCI_IRQ         9
#define KEYBOARD_IRQ    1
#define MOUSE_IRQ       12
#define FLOPPY_IRQ      6
#define FLOPPY_DMA      2
#define RTC_IRQ         8
#define IDE_IRQ         14 /* of the first channel; the second one has the next */

/* ---- Memory ---- */

#define LOW_RAM_END  0xa0000u
#define MIDDLE_START 0x100000u
#define LOWMEM_MAX   UINT64_C(0xe0000000) /* more RAM than this below 4 GiB leaves PCI no room */
#define LOWMEM_SPLIT UINT64_C(0xc0000000) /* where memory is cut then */

static int map_ram(struct machine *m, struct mem_block *block, const char *name, uint64_t gpa,
                   uint64_t offset, uint64_t size, GError **err)
{
    *block = (struct mem_block){ .name = name, .host = m->ram + offset, .size = size };
    if (size == 0)
        return 0;
    int rc = memmap_map(m->services.mem, block, gpa);
    return rc < 0 ? fail_errno(err, -rc, "-m: %s", name) : 0;
}

static int create_ram(struct machine *m, GError **err)
{
    m->ram_below_4g = m->ram_size >= LOWMEM_MAX ? LOWMEM_SPLIT : m->ram_size;
    if ((m->core->ops->chips & CORE_HAS_RAM) != 0)
        return 0;
    m->ram = mem_alloc("ram", m->ram_size, err);
    if (m->ram == NULL)
        return -ENOMEM;
    int rc = map_ram(m, &m->low, "ram.low", 0, 0, LOW_RAM_END, err);
    if (rc == 0)
        rc = map_ram(m, &m->middle, "ram.middle", MIDDLE_START, MIDDLE_START,
                     m->ram_below_4g - MIDDLE_START, err);
    if (rc == 0)
        rc = map_ram(m, &m->high, "ram.high", 4 * GIB, m->ram_below_4g,
                     m->ram_size - m->ram_below_4g, err);
    return rc;
}

/*
 * The image ends at 4 GiB; its last 128 KiB are also seen below 1 MiB. An image smaller than that
 * is padded at its front with what an empty flash reads.
 */
static int load_bios(struct machine *m, const char *path, GError **err)
{
    g_autoptr(GError) why = NULL;
    g_autofree char *data = NULL;
    gsize length;

    if (!g_file_get_contents(path, &data, &length, &why))
        return fail(err, ENOENT, "-bios: %s", why->message);
    if (length == 0 || length % 0x10000 != 0 || length > 16u << 20)
        return fail(err, EINVAL, "-bios %s: %zu bytes, not a multiple of 64 KiB up to 16 MiB", path,
                    length);
    machine_journal_file(m, 0, data, length);
    uint64_t size = MAX(length, I440FX_BIOS_SIZE);
    m->bios = mem_alloc("bios", size, err);
    if (m->bios == NULL)
        return -ENOMEM;
    memset(m->bios, 0xff, size);
    memcpy(m->bios + (size - length), data, length);
    m->bios_block =
        (struct mem_block){ .name = "bios", .host = m->bios, .size = size, .flags = MEM_READONLY };
    int rc = memmap_map(m->services.mem, &m->bios_block, 4 * GIB - size);
    return rc < 0 ? fail_errno(err, -rc, "-bios %s", path) : 0;
}

/* The first chip is at the top of the first 4 GiB, with the reset vector, the other one below it.
 */
static int add_flash(struct machine *m, const char *const *drives, GError **err)
{
    uint64_t end = 4 * GIB;

    for (unsigned n = 0; n < MACHINE_FLASH_CHIPS && drives[n] != NULL; n++) {
        g_autofree char *id = g_strdup_printf("flash%u", n);
        g_autofree char *text = g_strdup_printf("%" PRIu64, end);
        const char *const properties[] = { "drive", drives[n], "end", text, NULL };
        uint32_t size;
        m->flash[n] = machine_add(m, &cfi_flash_kind, id, properties, err);
        if (m->flash[n] == NULL)
            return -EINVAL;
        const uint8_t *content = cfi_flash_content(m->flash[n], &size);
        machine_journal_file(m, 0, content, size);
        end -= size;
        if (4 * GIB - end > CFI_FLASH_MAX)
            return fail(err, EINVAL, "flash drives %s and %s have more than 16 MiB together",
                        drives[0], drives[n]);
    }
    return 0;
}

static int add_firmware(struct machine *m, const struct machine_config *config, GError **err)
{
    bool flash = config->flash[0] != NULL || config->flash[1] != NULL;
    const char *bios = config->bios != NULL ? config->bios : config->default_bios;

    if ((m->core->ops->chips & CORE_HAS_FIRMWARE) != 0)
        return flash ? fail(err, ENOTSUP, "a flash drive: here the toolstack brings the firmware")
                     : 0;
    if (!flash)
        return bios != NULL ? load_bios(m, bios, err) : 0;
    if (config->bios != NULL)
        return fail(err, EINVAL, "-bios and a flash drive: there can be one firmware");
    if (config->flash[0] == NULL)
        return fail(err, EINVAL, "a second flash drive needs a first one, with the firmware");
    return add_flash(m, config->flash, err);
}

/* What is seen below 1 MiB: the last 128 KiB of the firmware; NULL: nothing. */
static uint8_t *low_firmware(const struct machine *m)
{
    uint8_t *content = m->bios;
    uint32_t size = (uint32_t)m->bios_block.size;

    if (m->flash[0] != NULL)
        content = cfi_flash_content(m->flash[0], &size);
    return content != NULL && size >= I440FX_BIOS_SIZE ? content + size - I440FX_BIOS_SIZE : NULL;
}

/* ---- Interrupts ---- */

/* A line of the board changed its level: on to the interrupt controllers, the core's or ours. */
static void gsi_changed(void *opaque, unsigned gsi, bool level)
{
    struct machine *m = opaque;

    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_LINE, gsi, level));
    if (m->gsi_watch != NULL)
        m->gsi_watch(m->gsi_watch_opaque, gsi, level);
    if (m->core->ops->gsi != NULL)
        m->core->ops->gsi(m->core, gsi, level);
    if (m->pic != NULL && gsi < 16)
        i8259_set_irq(m->pic, gsi, level);
    if (m->ioapic != NULL && gsi != IOAPIC_IRQ0_PIN)
        ioapic_set_irq(m->ioapic, gsi == 0 ? IOAPIC_IRQ0_PIN : gsi, level);
}

static void connect_gsi(struct machine *m, struct device *dev, unsigned output, unsigned gsi)
{
    device_connect(dev, output, gsi_source(m->gsis, gsi));
}

static void route_intx(void *opaque, unsigned slot, unsigned pin, bool level)
{
    struct machine *m = opaque;

    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_PCI_PIN, slot, pin, level));
    if (m->core->ops->pci_intx != NULL)
        m->core->ops->pci_intx(m->core, slot, pin, level);
    else if (m->piix3 != NULL)
        piix3_set_intx(m->piix3, slot, pin, level);
}

static void route_link(void *opaque, unsigned link, unsigned irq)
{
    struct machine *m = opaque;

    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_PCI_LINK, link, irq));
    m->core->ops->pci_link(m->core, link, irq);
}

static void pci_function_changed(void *opaque, const struct pci_device *pci, bool present)
{
    struct machine *m = opaque;

    if (m->core->ops->pci_function != NULL)
        m->core->ops->pci_function(m->core, pci, present);
}

/* The HPET in legacy mode takes the place of the PIT on IRQ0 and of the RTC on IRQ8. */
static void hpet_legacy_changed(void *opaque, unsigned n, bool on)
{
    struct machine *m = opaque;

    journal_effect(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_HPET_LEGACY, on));
    if (m->pit != NULL)
        i8254_enable_irq(m->pit, !on);
    gsi_mask(&m->rtc_irq, on);
    if (m->core->ops->hpet_legacy != NULL)
        m->core->ops->hpet_legacy(m->core, on);
}

/* ---- Chips ---- */

/* One of the board's own chips, for which properties are known to be right. */
static int add(struct machine *m, struct device **out, const struct device_kind *kind,
               const char *const *properties, GError **err)
{
    *out = machine_add(m, kind, kind->name, properties, err);
    return *out != NULL ? 0 : -EINVAL;
}

static int add_host_bridge(struct machine *m, GError **err)
{
    static const char *const slot0[] = { "addr", "0", NULL };
    struct device *dev = device_new(&i440fx_kind, i440fx_kind.name, &m->services);

    if (m->ram != NULL)
        i440fx_set_memory(dev, m->ram + I440FX_LEGACY_BASE, low_firmware(m));
    m->i440fx = machine_adopt(m, dev, slot0, err);
    return m->i440fx != NULL ? 0 : -EINVAL;
}

static int add_isa_bridge(struct machine *m, GError **err)
{
    static const char *const slot1[] = { "addr", "1", NULL };
    int rc = add(m, &m->piix3, &piix3_kind, slot1, err);

    if (rc < 0)
        return rc;
    for (unsigned irq = 1; irq < PIIX3_N_IRQS; irq++)
        connect_gsi(m, m->piix3, irq, irq);
    if (m->core->ops->pci_link != NULL)
        piix3_set_link_listener(m->piix3, &(struct piix3_link_listener){ route_link, m });
    return 0;
}

/* Those of the interrupt controllers and the PIT that the core leaves to us. */
static int add_core_chips(struct machine *m, GError **err)
{
    unsigned has = m->core->ops->chips;
    int rc = 0;

    if ((has & CORE_HAS_PIC) == 0)
        rc = add(m, &m->pic, &i8259_kind, NULL, err);
    if (rc == 0 && (has & CORE_HAS_IOAPIC) == 0)
        rc = add(m, &m->ioapic, &ioapic_kind, NULL, err);
    if (rc == 0 && (has & CORE_HAS_PIT) == 0)
        rc = add(m, &m->pit, &i8254_kind, NULL, err);
    if (rc == 0 && m->pit != NULL)
        connect_gsi(m, m->pit, 0, 0);
    return rc;
}

/* An alarm wakes a sleeping machine, if the guest let it. */
static void rtc_alarm(void *opaque, unsigned n, bool level)
{
    struct machine *m = opaque;

    if (level && m->pm != NULL)
        piix4_pm_rtc_alarm(m->pm);
}

static void rtc_changed(void *opaque, int64_t offset)
{
    machine_tell_later(opaque, MACHINE_EVENT_RTC_CHANGE, offset);
}

static int add_rtc(struct machine *m, const struct machine_config *config, GError **err)
{
    const char *base[] = { "base", config->rtc_base != NULL ? config->rtc_base : "utc", NULL };

    m->rtc_irq = gsi_source(m->gsis, RTC_IRQ);
    if ((m->core->ops->chips & CORE_HAS_RTC) != 0)
        return 0;
    int rc = add(m, &m->rtc, &mc146818_kind, base, err);
    if (rc < 0)
        return rc;
    device_connect(m->rtc, 0, m->rtc_irq);
    device_connect(m->rtc, 1, (struct irq_line){ rtc_alarm, m, 0 });
    mc146818_on_change(m->rtc, rtc_changed, m);
    return 0;
}

static int add_hpet(struct machine *m, GError **err)
{
    int rc = add(m, &m->hpet, &hpet_kind, NULL, err);

    if (rc < 0)
        return rc;
    for (unsigned pin = 0; pin < N_GSIS; pin++)
        connect_gsi(m, m->hpet, pin, pin == IOAPIC_IRQ0_PIN ? 0 : pin);
    device_connect(m->hpet, HPET_LEGACY, (struct irq_line){ hpet_legacy_changed, m, 0 });
    return 0;
}

static const char *const input[] = { "input", "input", NULL };

static void pointer_has_news(void *opaque, unsigned n, bool level)
{
    if (level)
        i8042_nudge_mouse(opaque);
}

static int add_absolute_pointer(struct machine *m, struct device *keyboard, GError **err)
{
    struct device *pointer;
    int rc = add(m, &pointer, &vmmouse_kind, input, err);

    if (rc == 0)
        device_connect(pointer, 0, (struct irq_line){ pointer_has_news, keyboard, 0 });
    return rc;
}

static bool wants_absolute_pointer(const struct machine *m, enum machine_vmport vmport)
{
    const unsigned needed = CORE_HAS_CPUS | CORE_HAS_REGISTERS;

    return vmport == MACHINE_VMPORT_ON ||
           (vmport == MACHINE_VMPORT_AUTO && (m->core->ops->chips & needed) == needed);
}

static int add_isa_chips(struct machine *m, const struct machine_config *config, GError **err)
{
    struct device *keyboard;
    int rc = add(m, &m->dma, &i8237_kind, NULL, err);

    if (rc == 0)
        rc = add(m, &keyboard, &i8042_kind, input, err);
    if (rc < 0)
        return rc;
    connect_gsi(m, keyboard, 0, KEYBOARD_IRQ);
    connect_gsi(m, keyboard, 1, MOUSE_IRQ);
    return wants_absolute_pointer(m, config->vmport) ? add_absolute_pointer(m, keyboard, err) : 0;
}

static int add_pm(struct machine *m, GError **err)
{
    /* A core that has the event block and the timer has them at Xen's place, from the start. */
    bool core_has = (m->core->ops->chips & CORE_HAS_PM_TIMER) != 0;
    const char *const properties[] = { "addr",      "1.3",
                                       "pm-base",   core_has ? "0xb000" : "0",
                                       "pm-events", core_has ? "off" : "on",
                                       NULL };

    int rc = add(m, &m->pm, &piix4_pm_kind, properties, err);
    if (rc == 0)
        connect_gsi(m, m->pm, 0, SCI_IRQ);
    return rc;
}

static int add_ide(struct machine *m, GError **err)
{
    static const char *const slot1_1[] = { "addr", "1.1", NULL };
    struct device *ide;
    int rc = add(m, &ide, &piix3_ide_kind, slot1_1, err);

    for (unsigned n = 0; rc == 0 && n < PIIX_IDE_CHANNELS; n++)
        connect_gsi(m, ide, n, IDE_IRQ + n);
    return rc;
}

/* Only where the user has a drive for it. */
static bool wants_floppy(const GPtrArray *devices)
{
    for (unsigned i = 0; devices != NULL && i < devices->len; i++)
        if (strcmp(((const struct device_config *)devices->pdata[i])->driver, floppy_kind.name) ==
            0)
            return true;
    return false;
}

static int add_floppy_controller(struct machine *m, GError **err)
{
    struct device *dev = device_new(&i82078_kind, i82078_kind.name, &m->services);

    i82078_set_dma(dev, m->dma, FLOPPY_DMA);
    m->fdc = machine_adopt(m, dev, NULL, err);
    if (m->fdc == NULL)
        return -EINVAL;
    connect_gsi(m, m->fdc, 0, FLOPPY_IRQ);
    return 0;
}

static int add_board_chips(struct machine *m, const struct machine_config *config, GError **err)
{
    int rc = add_host_bridge(m, err);

    if (rc == 0)
        rc = add_core_chips(m, err);
    if (rc == 0)
        rc = add_isa_bridge(m, err);
    if (rc == 0)
        rc = add_rtc(m, config, err);
    if (rc == 0 && (m->core->ops->chips & CORE_HAS_HPET) == 0 && !config->no_hpet)
        rc = add_hpet(m, err);
    if (rc == 0)
        rc = add_isa_chips(m, config, err);
    if (rc == 0)
        rc = add_ide(m, err);
    if (rc == 0 && wants_floppy(config->devices))
        rc = add_floppy_controller(m, err);
    if (rc == 0 && !config->no_acpi)
        rc = add_pm(m, err);
    if (rc == 0)
        rc = xenfv_create(m, config, err);
    return rc;
}

/* ---- The user's devices ---- */

static char *unique_id(const struct machine *m, const char *name)
{
    for (unsigned n = 0;; n++) {
        char *id = g_strdup_printf("%s.%u", name, n);
        if (machine_find_device(m, id) == NULL)
            return id;
        g_free(id);
    }
}

struct device *machine_plug(struct machine *m, const struct device_config *config, GError **err)
{
    const struct device_kind *kind = device_kind_find(config->driver);

    if (kind == NULL || !kind->user) {
        fail(err, ENOENT, "-device %s: there is no such device (-device help lists them)",
             config->driver);
        return NULL;
    }
    g_autofree char *id = config->id != NULL ? g_strdup(config->id) : unique_id(m, kind->name);
    if (machine_find_device(m, id) != NULL) {
        fail(err, EEXIST, "-device %s: id=%s is taken", config->driver, id);
        return NULL;
    }
    g_autoptr(GPtrArray) list = g_ptr_array_new(); /* borrows the strings */
    g_ptr_array_extend(list, config->properties, NULL, NULL);
    g_ptr_array_add(list, NULL);
    struct device *dev = machine_add(m, kind, id, (const char *const *)list->pdata, err);
    if (dev != NULL && xenfv_plugged(m, dev, err) < 0)
        return NULL; /* it goes with the machine */
    for (unsigned n = 0; dev != NULL && kind->isa_irq != NULL && n < kind->n_lines; n++)
        connect_gsi(m, dev, n, kind->isa_irq(dev, n));
    return dev;
}

static int plug_all(struct machine *m, const GPtrArray *devices, GError **err)
{
    for (unsigned i = 0; devices != NULL && i < devices->len; i++)
        if (machine_plug(m, devices->pdata[i], err) == NULL)
            return -EINVAL;
    return 0;
}

/* ---- All of it ---- */

static void wire_outside(struct machine *m)
{
    m->gsis = gsi_router_create(gsi_changed, m);
    for (unsigned gsi = 0; gsi < N_GSIS; gsi++)
        m->outside[gsi] = gsi_source(m->gsis, gsi);
    m->services.pci = pci_bus_create(&m->services);
    pci_bus_set_ops(m->services.pci,
                    &(struct pci_bus_ops){ .intx = route_intx,
                                           .function_changed = pci_function_changed,
                                           .opaque = m });
}

int pc_create(struct machine *m, const struct machine_config *config, GError **err)
{
    m->ram_size = config->ram_size;
    wire_outside(m);
    int rc = create_ram(m, err);
    if (rc == 0)
        rc = add_firmware(m, config, err);
    if (rc == 0)
        rc = add_board_chips(m, config, err);
    if (rc == 0)
        rc = plug_all(m, config->devices, err);
    if (rc == 0)
        rc = firmware_tell(m, config, err);
    return rc;
}
