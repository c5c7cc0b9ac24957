/*
 * SMBIOS 2.8 structures and the 32-bit entry point, as the two fw_cfg files that firmware copies
 * into the guest. Pure functions of the configuration. Source: DMTF DSP0134, version 2.8.
 */
#ifndef HW_MACHINE_SMBIOS_H
#define HW_MACHINE_SMBIOS_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#define SMBIOS_ANCHOR_FILE "etc/smbios/smbios-anchor"
#define SMBIOS_TABLES_FILE "etc/smbios/smbios-tables"

/* Strings are UTF-8 or ASCII, cut after 64 bytes; NULL or "" is "not specified". */
struct smbios_config {
    const char *bios_vendor; /* NULL: no type 0; the firmware adds one of its own */
    const char *bios_version;
    const char *bios_date; /* mm/dd/yyyy */
    const char *manufacturer;
    const char *product;
    const char *version;
    const char *serial;
    const char *family;
    uint8_t uuid[16]; /* in the order in which a UUID is written; all zeroes: not set */
    const char *cpu_name;
    unsigned ncpus;        /* 1 to max_cpus: populated sockets of one core */
    unsigned max_cpus;     /* up to 255 */
    uint64_t ram_below_4g; /* bytes, from address 0 */
    uint64_t ram_above_4g; /* bytes, from 4 GiB */
};

/* Builds the files SMBIOS_ANCHOR_FILE and SMBIOS_TABLES_FILE; the caller owns both arrays. */
void smbios_build(const struct smbios_config *config, GByteArray **anchor, GByteArray **tables);

#endif
