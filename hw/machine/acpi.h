/*
 * ACPI tables of the machine, as files for the firmware's table loader (hw/machine/table_loader.h).
 *
 * The DSDT is ASL (firmware/acpi/dsdt.asl); the tables with numbers in them (FADT, MADT, HPET, WAET
 * and an SSDT with PCI windows and processors) are written here. Pure functions of the
 * configuration. Under Xen nothing of this is used: hvmloader brings its own tables.
 *
 * Sources: ACPI specification 3.0b; IA-PC HPET specification 1.0a, 3.2.4; Windows ACPI Emulated
 * Devices Table specification (WAET) 1.0.
 */
#ifndef HW_MACHINE_ACPI_H
#define HW_MACHINE_ACPI_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#define ACPI_TABLES_FILE "etc/acpi/tables"
#define ACPI_RSDP_FILE   "etc/acpi/rsdp"
#define ACPI_LOADER_FILE "etc/table-loader"

#define ACPI_MAX_CPUS 255 /* local APIC IDs 0 to 254; 255 is the broadcast address */

/* Optional devices, as bits of acpi_config.devices; firmware/acpi/dsdt.asl tests them. */
enum acpi_device {
    ACPI_DEVICE_HPET = 0x01,
    ACPI_DEVICE_I8042 = 0x02, /* keyboard and mouse */
    ACPI_DEVICE_COM1 = 0x04,
    ACPI_DEVICE_COM2 = 0x08,
    ACPI_DEVICE_LPT1 = 0x10,
    ACPI_DEVICE_FDC = 0x20,
    ACPI_DEVICE_FW_CFG = 0x40,
};

/* A range of guest-physical addresses, both ends inclusive; last 0: there is none. */
struct acpi_window {
    uint64_t first, last;
};

struct acpi_config {
    unsigned ncpus;           /* 1 to max_cpus: present at start, local APIC IDs from 0 */
    unsigned max_cpus;        /* up to ACPI_MAX_CPUS */
    uint32_t devices;         /* bits of enum acpi_device */
    uint16_t pm_base;         /* PIIX4 PMBASE: PM1a event +0, PM1a control +4, PM timer +8 */
    uint16_t gpe_base;        /* general-purpose event block 0, 4 ports */
    struct acpi_window pci32; /* where the firmware may place memory BARs, below 4 GiB */
    struct acpi_window pci64; /* and above */
};

/* The machine's usual values: one CPU, PM at 0x600, GPE at 0xafe0, every device but FDC. */
void acpi_config_init(struct acpi_config *config);

/* The content of the three files. */
struct acpi_blobs {
    GByteArray *tables;
    GByteArray *rsdp;
    GByteArray *loader;
};

/* Builds the files; *out is owned by the caller, who calls acpi_blobs_clear(). */
void acpi_build(const struct acpi_config *config, struct acpi_blobs *out);

/* Gives back what is there: an array that was taken over is set to NULL by who took it. */
void acpi_blobs_clear(struct acpi_blobs *blobs);

#endif
