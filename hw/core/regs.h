/*
 * Register files as tables (design rule 3).
 *
 * A chip with a register file lists it once: offset, name, width, masks, handlers. Routing, reset,
 * trace names, save and restore, the fuzzers' dictionaries and documentation come from the list.
 * Accesses may have any width and alignment: bytes that fall between registers read as zero and
 * writes to them vanish; a partial write changes only its own bytes.
 */
#ifndef HW_CORE_REGS_H
#define HW_CORE_REGS_H

#include <stddef.h>
#include <stdint.h>

/*
 * One register, or `count` (0 means 1) registers of the same kind at distance `width`.
 *
 * `field` is where the value is stored in the device's struct, `width` bytes each, host order.
 * On a write, bits of w1c are cleared where a one is written; bits of write_mask take the value;
 * the rest keeps theirs. Then on_write is called, for the effect. A register without storage
 * (REG_NO_FIELD) has only its handlers; its old value is 0 and its masks do not matter.
 */
struct reg {
    uint32_t offset; /* bytes from the start of the region */
    uint8_t width;   /* bytes: 1, 2, 4 or 8 */
    uint16_t count;
    const char *name; /* the datasheet's */
    uint32_t field;
    uint64_t reset, write_mask, w1c;
    /* The value to return; stored: what the field holds. NULL: stored. May have side effects. */
    uint64_t (*on_read)(void *dev, unsigned index, uint64_t stored);
    /* value: what the guest wrote, its missing bytes taken from old (and zero in w1c bits). */
    void (*on_write)(void *dev, unsigned index, uint64_t old, uint64_t value);
};

#define REG_NO_FIELD UINT32_MAX

/* A register stored in a member; REG(0x00, struct chip, ctrl, .write_mask = 0xff) */
#define REG(off, type, member, ...)                                             \
    {                                                                           \
        .offset = (off), .width = sizeof(((type *)0)->member), .name = #member, \
        .field = offsetof(type, member), __VA_ARGS__                            \
    }
/* An array of registers stored in an array member. */
#define REG_ARRAY(off, type, member, ...)                                                       \
    {                                                                                           \
        .offset = (off), .width = sizeof(((type *)0)->member[0]),                               \
        .count = sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), .name = #member, \
        .field = offsetof(type, member), __VA_ARGS__                                            \
    }

/* Sets every stored register to its reset value. */
void regs_reset(const struct reg *regs, unsigned n, void *dev);

/* One access of 1 to 8 bytes. The table is sorted by offset. */
uint64_t regs_read(const struct reg *regs, unsigned n, void *dev, uint64_t offset, unsigned size);
void regs_write(const struct reg *regs, unsigned n, void *dev, uint64_t offset, uint64_t value,
                unsigned size);

/* The register that holds this byte; NULL: none. For traces and dictionaries. */
const struct reg *regs_find(const struct reg *regs, unsigned n, uint64_t offset);

#endif
