/*
 * The firmware's half of the table loader, for tests: it runs a script over a piece of pretended
 * guest memory and refuses what a careful firmware would refuse.
 */
#ifndef TESTS_UNIT_TABLE_LINKER_H
#define TESTS_UNIT_TABLE_LINKER_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_LINKER_BASE 0x7ff00000u /* where the pretended memory lies */
#define TABLE_LINKER_SIZE 0x20000u

struct table_file {
    const char *name;
    const uint8_t *data;
    size_t size;
    uint32_t address; /* once allocated */
};

struct table_linker {
    struct table_file files[4];
    unsigned nfiles;
    uint32_t next; /* free memory, from the base */
    uint8_t memory[TABLE_LINKER_SIZE];
};

/* Runs the script; fails the test on a command that is wrong. */
void table_linker_run(struct table_linker *linker, const uint8_t *script, size_t size);

/* Memory at an address that the tables gave; fails the test when size bytes are not all there. */
const uint8_t *table_linker_at(const struct table_linker *linker, uint64_t address, size_t size);

/* The address where the file lies. */
uint32_t table_linker_address(const struct table_linker *linker, const char *name);

#endif
