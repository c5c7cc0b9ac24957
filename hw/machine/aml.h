/*
 * The few pieces of AML that the tables need at run time (ACPI specification 3.0, chapter 19, and
 * 6.4 for the resource descriptors). Everything else is ASL, compiled when hvm-dm is built.
 *
 * Each function appends one encoded object to out. Names are AML paths: "NAME" (exactly four
 * characters) or "\NAM1.NAM2" of two segments.
 */
#ifndef HW_MACHINE_AML_H
#define HW_MACHINE_AML_H

#include <stdint.h>
#include <glib.h>

/* Name (name, value) */
void aml_name_dword(GByteArray *out, const char *name, uint32_t value);

/* Name (name, Buffer {data}), for a resource template. */
void aml_name_buffer(GByteArray *out, const char *name, const GByteArray *data);

/* Scope (path) { body } */
void aml_scope(GByteArray *out, const char *path, const GByteArray *body);

/* Processor (name, id, 0, 0) { Name (_STA, status) }; name has four characters. */
void aml_processor(GByteArray *out, const char *name, uint8_t id, uint8_t status);

/* What an address space descriptor hands from the bus to its children. */
enum aml_space {
    AML_SPACE_MEMORY = 0,
    AML_SPACE_IO = 1,
    AML_SPACE_BUS = 2,
};

/*
 * An address range that a bridge produces: first to last, inclusive. flags: the type-specific byte
 * of the descriptor. size: 2, 4 or 8, the descriptor's width.
 */
void aml_window(GByteArray *out, enum aml_space space, uint8_t flags, unsigned size, uint64_t first,
                uint64_t last);

/* IO (Decode16, port, port, 1, length) */
void aml_io(GByteArray *out, uint16_t port, uint8_t length);

/* The end tag that closes a resource template. */
void aml_resource_end(GByteArray *out);

#endif
