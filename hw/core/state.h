/*
 * Saved state: a table of fields per device (design rule 4), and the stream they are kept in.
 *
 * A field is listed once, by name, beside the struct it belongs to. Saving walks the table;
 * loading treats the stream as hostile: unknown, missing, doubled and wrongly sized fields and
 * values above a field's `max` are refused in one sentence that names device and field. The format
 * is described in state.c.
 */
#ifndef HW_CORE_STATE_H
#define HW_CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

struct device;
struct reg;

enum state_type {
    STATE_UINT = 1, /* unsigned integers of 1, 2, 4 or 8 bytes (bool too), `count` of them */
    STATE_TIMER,    /* struct timer: its deadline */
    STATE_BUFFER,   /* a pointer member to bytes allocated by create(): as many as `count`, or as
                       the uint32_t member at `count_at` says */
    STATE_STRUCT,   /* `count` structs of `size` bytes, described by `sub` */
    STATE_REGS,     /* the stored registers of a register table */
};

struct state_field {
    const char *name;
    enum state_type type;
    uint32_t offset, size, count, count_at;
    uint64_t max;   /* STATE_UINT: the largest valid value; 0: what fits */
    bool is_bool;   /* STATE_UINT: 0 and 1 only */
    uint16_t since; /* the state version that brought the field; older streams leave it at reset */
    const struct state_field *sub;
    const struct reg *regs;
    unsigned n_regs;
};

#define STATE_MEMBER_SIZE(type, member) sizeof(((type *)0)->member)
#define STATE_MEMBER_IS_BOOL(type, member) \
    __builtin_types_compatible_p(__typeof__(((type *)0)->member), bool)

/* One integer or bool member, an array of them, and both with a largest valid value. */
#define STATE_FIELD(chip, member, ...)                                         \
    {                                                                          \
        .name = #member, .type = STATE_UINT, .offset = offsetof(chip, member), \
        .size = STATE_MEMBER_SIZE(chip, member), .count = 1,                   \
        .is_bool = STATE_MEMBER_IS_BOOL(chip, member), __VA_ARGS__             \
    }
#define STATE_ARRAY(chip, member, ...)                                                 \
    {                                                                                  \
        .name = #member, .type = STATE_UINT, .offset = offsetof(chip, member),         \
        .size = STATE_MEMBER_SIZE(chip, member[0]),                                    \
        .count = STATE_MEMBER_SIZE(chip, member) / STATE_MEMBER_SIZE(chip, member[0]), \
        .is_bool = STATE_MEMBER_IS_BOOL(chip, member[0]), __VA_ARGS__                  \
    }
#define STATE_TIMER_FIELD(chip, member, ...)                                                \
    {                                                                                       \
        .name = #member, .type = STATE_TIMER, .offset = offsetof(chip, member), .count = 1, \
        __VA_ARGS__                                                                         \
    }
/* A member struct, or an array of structs. */
#define STATE_SUB(chip, member, table, ...)                                              \
    {                                                                                    \
        .name = #member, .type = STATE_STRUCT, .offset = offsetof(chip, member),         \
        .size = STATE_MEMBER_SIZE(chip, member), .count = 1, .sub = (table), __VA_ARGS__ \
    }
#define STATE_SUB_ARRAY(chip, member, table, ...)                                      \
    {                                                                                  \
        .name = #member, .type = STATE_STRUCT, .offset = offsetof(chip, member),       \
        .size = STATE_MEMBER_SIZE(chip, member[0]),                                    \
        .count = STATE_MEMBER_SIZE(chip, member) / STATE_MEMBER_SIZE(chip, member[0]), \
        .sub = (table), __VA_ARGS__                                                    \
    }
#define STATE_BUFFER_FIELD(chip, member, length_member, ...)                     \
    {                                                                            \
        .name = #member, .type = STATE_BUFFER, .offset = offsetof(chip, member), \
        .count_at = offsetof(chip, length_member), __VA_ARGS__                   \
    }
#define STATE_REG_TABLE(table)                                                             \
    {                                                                                      \
        .name = "regs", .type = STATE_REGS, .regs = (table), .n_regs = G_N_ELEMENTS(table) \
    }

/* Starts a stream, and ends it. The caller owns the array. */
GByteArray *state_begin(void);
void state_save_device(GByteArray *out, struct device *dev);
void state_end(GByteArray *out);

/* One section of a parsed stream. */
struct state_section {
    char *id, *kind;
    uint16_t version;
    const uint8_t *payload; /* within the stream */
    uint32_t length;
};

/*
 * Cuts a whole stream into sections and checks their frames and CRCs; nothing is applied.
 * NULL and a sentence: it is no such stream, truncated, damaged, or of a newer format. The
 * sections (struct state_section, by value) point into `data`.
 */
GArray *state_parse(const uint8_t *data, size_t size, GError **err);

/* The section of that id; NULL: there is none. */
const struct state_section *state_find_section(const GArray *sections, const char *id);

/*
 * Loads a section into a device of the same id and kind that was just reset. 0 or -EINVAL and a
 * sentence; the device must then not run.
 */
int state_load_device(struct device *dev, const struct state_section *section, GError **err);

/* Writes a stream's fields as text for a person, one per line. Works for unknown devices too. */
int state_dump(const uint8_t *data, size_t size, GString *out, GError **err);

#endif
