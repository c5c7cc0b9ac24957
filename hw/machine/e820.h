/*
 * The fw_cfg file "etc/e820": where the machine's memory lies, for the firmware.
 *
 * Packed little-endian entries {u64 address, u64 length, u32 type}, of the types of the BIOS call
 * INT 15h E820h. The firmware adds what it takes itself.
 */
#ifndef HW_MACHINE_E820_H
#define HW_MACHINE_E820_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#define E820_FILE       "etc/e820"
#define E820_ENTRY_SIZE 20

enum e820_type {
    E820_RAM = 1,
    E820_RESERVED = 2,
};

struct e820_range {
    uint64_t address;
    uint64_t length; /* bytes; a range of none is left out */
    enum e820_type type;
};

/* The file's content, owned by the caller. */
GByteArray *e820_build(const struct e820_range *ranges, size_t n);

#endif
