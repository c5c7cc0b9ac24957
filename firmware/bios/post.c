/*
 * Power-on self test: from reset (entry.S) to INT 19h. There is little to test in a virtual
 * machine; the work is to set the chips up and to describe the machine to the operating system.
 */
#include "post.h"
#include "bda.h"
#include "devices.h"
#include "fwcfg.h"
#include "pci.h"
#include "print.h"
#include "video.h"
#include "x86.h"

void post(uint32_t resume);

extern uint8_t pnp_header_linear[], pmm_header_linear[], bios32_header[], pci32_last_bus[];

static uint32_t megabytes(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < rt.e820_count; i++)
        sum += rt.e820[i].type == E820_RAM ? rt.e820[i].size : 0;
    return (uint32_t)(sum >> 20);
}

static const char *const kinds[] = { "", "disk", "CD", "floppy" };

static void show_drives(void)
{
    for (unsigned i = 0; i < rt.drive_count; i++) {
        const struct drive *d = &rt.drive[i];
        char size[16] = "";
        if (d->type == DRIVE_ATA)
            format(size, sizeof(size), ", %u MiB", (uint32_t)(d->sectors >> 11));
        if (d->type == DRIVE_FLOPPY)
            screen("Floppy %u: %s\n", d->unit, d->model);
        else
            screen("IDE %u:%u %s: %s%s%s\n", d->channel, d->unit, kinds[d->type], d->model, size,
                   d->dma ? "" : ", no DMA");
    }
}

static void show_network(void)
{
    for (unsigned i = 0; i < rt.pci_count; i++) {
        uint16_t bdf = rt.pci_function[i];
        if (pci_read8(bdf, PCI_CLASS + 1) == 0x02)
            screen("Network: PCI %02x:%02x.%u, %08x\n", bdf >> 8U, bdf >> 3 & 31U, bdf & 7U,
                   pci_read32(bdf, PCI_VENDOR));
    }
}

static void machine_setup(void)
{
    chipset_init();
    fwcfg_init();
    memory_init();
    ivt_init();
    if (rt.on_xen) {
        pci_list(); /* hvmloader has set PCI and the processors up */
    } else {
        pci_setup();
        mtrr_setup();
        smp_setup();
    }
}

/* What the operating system finds by signature. Under Xen all but ours is hvmloader's. */
static void tables_setup(void)
{
    fix_checksum(pnp_header_linear, 0x21, pnp_header_linear + 8);
    fix_checksum(pmm_header_linear, 0x10, pmm_header_linear + 6);
    fix_checksum(bios32_header, 0x10, bios32_header + 10);
    pci32_last_bus[0] = rt.pci_last_bus;
    if (rt.on_xen)
        return;
    acpi_setup();
    smbios_setup();
    mptable_setup();
    if (rt.has_pci)
        pirtable_setup();
}

/* From S3: memory is as the system left it, the chips are reset. */
static void resume_from_s3(void)
{
    print_init();
    debug("hvm-dm BIOS: resume\n");
    chipset_resume();
    if (!rt.on_xen) {
        pci_resume();
        mtrr_setup();
    }
    acpi_wake();
    debug("no waking vector, starting over\n");
}

void post(uint32_t resume)
{
    if (resume)
        resume_from_s3();
    rt.magic = RT_MAGIC;
    rt.on_xen = xen_detect();
    print_init();
    debug("hvm-dm BIOS\n");
    machine_setup();
    tables_setup();
    memory_open_pmm();
    optionrom_video();
    call16((uint32_t)video_text_mode, 0);
    screen("hvm-dm BIOS: %u MiB", megabytes());
    if (rt.cpu_count)
        screen(", %u CPU%s", rt.cpu_count, rt.cpu_count > 1 ? "s" : "");
    screen("\n");
    call16((uint32_t)devices_probe, 0);
    show_drives();
    show_network();
    bootorder_init();
    optionrom_others();
    optionrom_connect();
    bootorder_build();
    memory_finish();
    chipset_lock();
    call16((uint32_t)devices_start_boot, 0);
}
