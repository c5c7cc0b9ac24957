/*
 * The table loader script: how firmware places tables that were built outside the guest.
 *
 * The script is the fw_cfg file "etc/table-loader": commands of 128 bytes that the firmware carries
 * out in order. It allocates memory for a file of fw_cfg and copies the file there, adds the
 * address of one file to a field of another, and writes checksums. So tables can point to each
 * other although only the guest knows where they will lie.
 *
 * Format: the fw_cfg linker/loader interface that SeaBIOS and OVMF read.
 */
#ifndef HW_MACHINE_TABLE_LOADER_H
#define HW_MACHINE_TABLE_LOADER_H

#include <stdint.h>
#include <glib.h>

#define TABLE_LOADER_COMMAND_SIZE 128
#define TABLE_LOADER_NAME_SIZE    56 /* of a file, with its terminating zero */

enum table_loader_command {
    TABLE_LOADER_ALLOCATE = 1,
    TABLE_LOADER_ADD_POINTER = 2,
    TABLE_LOADER_ADD_CHECKSUM = 3,
};

enum table_loader_zone {
    TABLE_LOADER_HIGH = 1, /* anywhere below 4 GiB */
    TABLE_LOADER_FSEG = 2, /* in the BIOS segment, where the OS searches for signatures */
};

/* Appends: allocate memory for file, aligned to align (a power of two), and copy the file there. */
void table_loader_allocate(GByteArray *script, const char *file, uint32_t align,
                           enum table_loader_zone zone);

/*
 * Appends: add src's address to the little-endian field of size (1, 2, 4 or 8) bytes at offset of
 * file, which holds the offset in src that is meant. Both files have been allocated.
 */
void table_loader_add_pointer(GByteArray *script, const char *file, uint32_t offset, uint8_t size,
                              const char *src);

/*
 * Appends: set the byte at offset, which is 0, so that the length bytes from start, all of the same
 * file, sum to 0 modulo 256.
 */
void table_loader_add_checksum(GByteArray *script, const char *file, uint32_t offset,
                               uint32_t start, uint32_t length);

#endif
