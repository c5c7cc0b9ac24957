/*
 * The host's script of table placement, fw_cfg file "etc/table-loader" (qemu hw/acpi/bios-linker-
 * loader): load files to memory, write the address of one into another, fix checksums. No
 * hardware, host-tested.
 */
#ifndef BIOS_LOADER_H
#define BIOS_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#define LOADER_COMMAND   128 /* bytes */
#define LOADER_NAME      56
#define LOADER_MAX_FILES 16

struct loader_file {
    char name[LOADER_NAME];
    uint8_t *data;
    uint64_t address; /* of data, as the guest sees it */
    uint32_t size;
};

struct loader {
    struct loader_file file[LOADER_MAX_FILES];
    uint32_t count;

    /* Loads the named file; fills data, address and size. in_fseg: below 1 MiB. */
    bool (*load)(struct loader_file *f, uint32_t align, bool in_fseg);
    /* Writes `size` bytes of an address back into a file of the host. */
    bool (*write_back)(const char *name, uint32_t offset, const void *value, uint8_t size);
};

/* Executes one command; NULL, or what is wrong with it. */
const char *loader_execute(struct loader *l, const uint8_t command[LOADER_COMMAND]);

#endif
