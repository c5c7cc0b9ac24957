/*
 * The stream, all integers little-endian:
 *
 *   "HVMDMST1"
 *   per device:  u8 length, id    u8 length, kind    u16 version    u32 payload length
 *                payload
 *                u32 CRC-32 of all of the section before it
 *   u8 0         u32 number of sections
 *
 * A payload is a row of fields: u8 length, name; u8 element size (1, 2, 4, 8); u32 bytes; data.
 * Members of structs are fields of their own, named "outer[2].inner". So a stream can be printed
 * and compared without the tables it was made by.
 */
#include "hw/core/state.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hw/core/clock.h"
#include "hw/core/device.h"
#include "hw/core/regs.h"

static const char magic[8] = "HVMDMST1";
#define MAX_SECTIONS 4096

/* ---- Walking a table: one leaf after another, whatever it is nested in ---- */

/* A row of equal elements somewhere in the device. */
struct leaf {
    const char *name; /* with its path */
    uint8_t *data;
    unsigned elem; /* bytes: 1, 2, 4 or 8 */
    uint32_t count;
    uint64_t max;
    uint16_t since;
    struct timer *timer; /* set: data is its deadline */
};

/* Returns 0 to go on. */
typedef int leaf_fn(struct leaf *leaf, void *opaque); // keeps the walkers readable

static int walk(uint8_t *base, const struct state_field *f, const char *prefix, leaf_fn *fn,
                void *opaque);

static int walk_regs(uint8_t *base, const struct state_field *f, leaf_fn *fn, void *opaque)
{
    for (unsigned i = 0; i < f->n_regs; i++) {
        const struct reg *r = &f->regs[i];
        if (r->field == REG_NO_FIELD)
            continue;
        struct leaf leaf = { .name = r->name,
                             .data = base + r->field,
                             .elem = r->width,
                             .count = r->count != 0 ? r->count : 1,
                             .since = f->since };
        int rc = fn(&leaf, opaque);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int walk_structs(uint8_t *base, const struct state_field *f, const char *name, leaf_fn *fn,
                        void *opaque)
{
    for (uint32_t i = 0; i < f->count; i++) {
        g_autofree char *prefix = f->count > 1 ? g_strdup_printf("%s[%u].", name, i)
                                               : g_strdup_printf("%s.", name);
        int rc = walk(base + f->offset + (size_t)i * f->size, f->sub, prefix, fn, opaque);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int walk_one(uint8_t *base, const struct state_field *f, const char *name, leaf_fn *fn,
                    void *opaque)
{
    struct leaf leaf = { .name = name,
                         .data = base + f->offset,
                         .count = f->count,
                         .max = f->is_bool ? 1 : f->max,
                         .since = f->since };

    switch (f->type) {
    case STATE_REGS: return walk_regs(base, f, fn, opaque);
    case STATE_STRUCT: return walk_structs(base, f, name, fn, opaque);
    case STATE_UINT: leaf.elem = f->size; break;
    case STATE_TIMER:
        leaf.timer = (struct timer *)(void *)leaf.data;
        leaf.data = (uint8_t *)&leaf.timer->deadline;
        leaf.elem = sizeof(leaf.timer->deadline);
        break;
    case STATE_BUFFER:
        memcpy(&leaf.data, base + f->offset, sizeof(leaf.data));
        memcpy(&leaf.count, base + f->count_at, sizeof(leaf.count));
        leaf.elem = 1;
        break;
    }
    return fn(&leaf, opaque);
}

/* Nesting is as deep as the tables are: nothing in a stream decides it. */
static int walk(uint8_t *base, const struct state_field *f, const char *prefix, leaf_fn *fn,
                void *opaque)
{
    for (; f != NULL && f->name != NULL; f++) {
        g_autofree char *name = g_strconcat(prefix, f->name, NULL);
        int rc = walk_one(base, f, name, fn, opaque);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int walk_device(struct device *dev, leaf_fn *fn, void *opaque)
{
    int rc = 0;

    if (dev->kind->base != NULL)
        rc = walk((uint8_t *)dev, dev->kind->base->state, "", fn, opaque);
    return rc != 0 ? rc : walk((uint8_t *)dev, dev->kind->state, "", fn, opaque);
}

/* ---- Saving ---- */

static void put_int(GByteArray *out, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    put_le(bytes, value, size);
    g_byte_array_append(out, bytes, size);
}

static void put_name(GByteArray *out, const char *name)
{
    size_t len = strlen(name);

    put_int(out, len, 1);
    g_byte_array_append(out, (const uint8_t *)name, (guint)len);
}

static uint64_t host_uint(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1: return *p;
    case 2: return *(const uint16_t *)(const void *)p;
    case 4: return *(const uint32_t *)(const void *)p;
    default: return *(const uint64_t *)(const void *)p;
    }
}

static void set_host_uint(uint8_t *p, uint64_t value, unsigned size)
{
    switch (size) {
    case 1: *p = (uint8_t)value; break;
    case 2: *(uint16_t *)(void *)p = (uint16_t)value; break;
    case 4: *(uint32_t *)(void *)p = (uint32_t)value; break;
    default: *(uint64_t *)(void *)p = value; break;
    }
}

static int save_leaf(struct leaf *leaf, void *opaque)
{
    GByteArray *out = opaque;

    put_name(out, leaf->name);
    put_int(out, leaf->elem, 1);
    put_int(out, (uint64_t)leaf->elem * leaf->count, 4);
    if (leaf->elem == 1) {
        g_byte_array_append(out, leaf->data, leaf->count);
        return 0;
    }
    for (uint32_t i = 0; i < leaf->count; i++)
        put_int(out, host_uint(leaf->data + (size_t)i * leaf->elem, leaf->elem), leaf->elem);
    return 0;
}

GByteArray *state_begin(void)
{
    GByteArray *out = g_byte_array_new();

    g_byte_array_append(out, (const uint8_t *)magic, sizeof(magic));
    return out;
}

void state_save_device(GByteArray *out, struct device *dev)
{
    guint start = out->len;

    put_name(out, dev->id);
    put_name(out, dev->kind->name);
    put_int(out, dev->kind->state_version, 2);
    guint length_at = out->len;
    put_int(out, 0, 4);
    walk_device(dev, save_leaf, out);
    put_le32(out->data + length_at, out->len - length_at - 4);
    put_int(out, crc32(0, out->data + start, out->len - start), 4);
}

/* The number of sections is counted again from the frames: callers can't get it wrong. */
void state_end(GByteArray *out)
{
    uint32_t sections = 0;

    for (guint at = sizeof(magic); at < out->len; sections++) {
        at += 1 + out->data[at];
        at += 1 + out->data[at];
        at += 2 + 4 + get_le32(out->data + at + 2) + 4;
    }
    put_int(out, 0, 1);
    put_int(out, sections, 4);
}

/* ---- Parsing ---- */

/* A bounded reader; after the first short read `bad` stays set and zeroes come. */
struct reader {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static const uint8_t *take(struct reader *r, size_t n)
{
    if (n > r->left) {
        r->bad = true;
        r->left = 0;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

static uint64_t take_int(struct reader *r, unsigned size)
{
    const uint8_t *p = take(r, size);
    return p != NULL ? get_le(p, size) : 0;
}

/* A name as a new string of printable ASCII; NULL when it is not one. */
static char *take_name(struct reader *r)
{
    size_t len = take_int(r, 1);
    const uint8_t *p = take(r, len);

    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (!g_ascii_isgraph(p[i]))
            return NULL;
    return g_strndup((const char *)p, len);
}

static void clear_section(gpointer data)
{
    struct state_section *s = data;

    g_free(s->id);
    g_free(s->kind);
}

static bool parse_section(struct reader *r, GArray *out, GError **err)
{
    const uint8_t *start = r->p;
    struct state_section s = { 0 };

    s.id = take_name(r);
    s.kind = take_name(r);
    s.version = (uint16_t)take_int(r, 2);
    s.length = (uint32_t)take_int(r, 4);
    s.payload = take(r, s.length);
    size_t framed = (size_t)(r->p - start);
    uint32_t crc = (uint32_t)take_int(r, 4);
    bool ok = !r->bad && s.id != NULL && s.kind != NULL;
    if (!ok)
        fail(err, EINVAL, "saved state: truncated or damaged in the section of device %s",
             s.id != NULL ? s.id : "?");
    else if (!(ok = crc == crc32(0, start, (uInt)framed)))
        fail(err, EINVAL, "saved state: checksum error in the section of device %s", s.id);
    if (ok)
        g_array_append_val(out, s);
    else
        clear_section(&s);
    return ok;
}

GArray *state_parse(const uint8_t *data, size_t size, GError **err)
{
    struct reader r = { data, size, false };
    const uint8_t *head = take(&r, sizeof(magic));

    if (head == NULL || memcmp(head, magic, sizeof(magic) - 1) != 0) {
        fail(err, EINVAL, "saved state: not a saved state of hvm-dm");
        return NULL;
    }
    if (head[7] != (uint8_t)magic[7]) {
        fail(err, EINVAL, "saved state: format %c is newer than this hvm-dm (%c)", head[7],
             magic[7]);
        return NULL;
    }
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(struct state_section));
    g_array_set_clear_func(out, clear_section);
    while (r.left > 0 && *r.p != 0 && out->len < MAX_SECTIONS)
        if (!parse_section(&r, out, err))
            return NULL;
    take(&r, 1);
    uint32_t sections = (uint32_t)take_int(&r, 4);
    if (r.bad || sections != out->len || r.left > 0) {
        fail(err, EINVAL, "saved state: truncated after %u devices", out->len);
        return NULL;
    }
    return g_steal_pointer(&out);
}

const struct state_section *state_find_section(const GArray *sections, const char *id)
{
    for (unsigned i = 0; i < sections->len; i++) {
        const struct state_section *s = &g_array_index(sections, struct state_section, i);
        if (strcmp(s->id, id) == 0)
            return s;
    }
    return NULL;
}

/* ---- Loading ---- */

struct field_data {
    unsigned elem;
    uint32_t bytes;
    const uint8_t *data;
    bool used;
};

struct loading {
    struct device *dev;
    const struct state_section *section;
    GHashTable *fields; /* name -> struct field_data */
    GError **err;
};

static bool take_field(struct reader *r, char **name, struct field_data *f)
{
    *name = take_name(r);
    f->elem = (unsigned)take_int(r, 1);
    f->bytes = (uint32_t)take_int(r, 4);
    f->data = take(r, f->bytes);
    bool elem_ok = f->elem == 1 || f->elem == 2 || f->elem == 4 || f->elem == 8;
    return !r->bad && *name != NULL && elem_ok && f->bytes % f->elem == 0;
}

static GHashTable *parse_fields(const struct state_section *s, GError **err)
{
    g_autoptr(GHashTable) fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    struct reader r = { s->payload, s->length, false };

    while (r.left > 0) {
        char *name = NULL;
        struct field_data *f = g_new0(struct field_data, 1);
        bool ok = take_field(&r, &name, f);
        if (!ok || g_hash_table_contains(fields, name)) {
            fail(err, EINVAL, "saved state: device %s: field %s is %s", s->id, name ? name : "?",
                 ok ? "there twice" : "damaged");
            g_free(name);
            g_free(f);
            return NULL;
        }
        g_hash_table_insert(fields, name, f);
    }
    return g_steal_pointer(&fields);
}

static int load_values(struct leaf *leaf, const struct field_data *f, struct loading *l)
{
    for (uint32_t i = 0; i < leaf->count; i++) {
        uint64_t v = get_le(f->data + (size_t)i * leaf->elem, leaf->elem);
        if (leaf->max != 0 && v > leaf->max)
            return fail(l->err, EINVAL,
                        "saved state: device %s: field %s is %" PRIu64 ", above %" PRIu64,
                        l->dev->id, leaf->name, v, leaf->max);
        set_host_uint(leaf->data + (size_t)i * leaf->elem, v, leaf->elem);
    }
    return 0;
}

static int load_leaf(struct leaf *leaf, void *opaque)
{
    struct loading *l = opaque;
    struct field_data *f = g_hash_table_lookup(l->fields, leaf->name);

    if (f == NULL) {
        if (leaf->since > l->section->version)
            return 0;
        return fail(l->err, EINVAL, "saved state: device %s: field %s is missing", l->dev->id,
                    leaf->name);
    }
    if (f->elem != leaf->elem || f->bytes != (uint64_t)leaf->elem * leaf->count)
        return fail(l->err, EINVAL, "saved state: device %s: field %s has %u bytes, not %" PRIu64,
                    l->dev->id, leaf->name, f->bytes, (uint64_t)leaf->elem * leaf->count);
    f->used = true;
    if (leaf->timer != NULL) {
        int64_t deadline = (int64_t)get_le64(f->data);
        timer_cancel(leaf->timer);
        if (deadline != TIMER_OFF)
            timer_set(leaf->timer, deadline);
        return 0;
    }
    return load_values(leaf, f, l);
}

static int all_used(const struct loading *l)
{
    GHashTableIter it;
    gpointer name, value;

    g_hash_table_iter_init(&it, l->fields);
    while (g_hash_table_iter_next(&it, &name, &value))
        if (!((struct field_data *)value)->used)
            return fail(l->err, EINVAL,
                        "saved state: device %s: field %s is unknown to this hvm-dm", l->dev->id,
                        (const char *)name);
    return 0;
}

int state_load_device(struct device *dev, const struct state_section *section, GError **err)
{
    const struct device_kind *kind = dev->kind;

    if (strcmp(section->kind, kind->name) != 0)
        return fail(err, EINVAL, "saved state: device %s is a %s, here it is a %s", dev->id,
                    section->kind, kind->name);
    if (section->version > kind->state_version)
        return fail(err, EINVAL,
                    "saved state: device %s: version %u is newer than this hvm-dm (%u)", dev->id,
                    section->version, kind->state_version);
    g_autoptr(GHashTable) fields = parse_fields(section, err);
    if (fields == NULL)
        return -EINVAL;
    struct loading l = { dev, section, fields, err };
    int rc = walk_device(dev, load_leaf, &l);
    if (rc == 0)
        rc = all_used(&l);
    if (rc == 0 && kind->base != NULL && kind->base->post_load != NULL)
        rc = kind->base->post_load(dev, err);
    if (rc == 0 && kind->post_load != NULL)
        rc = kind->post_load(dev, err);
    return rc;
}

/* ---- Printing ---- */

#define DUMP_MAX_ELEMENTS 32

static void dump_field(const char *name, const struct field_data *f, GString *out)
{
    uint32_t count = f->bytes / f->elem;

    g_string_append_printf(out, "  %s =", name);
    for (uint32_t i = 0; i < count && i < DUMP_MAX_ELEMENTS; i++)
        g_string_append_printf(out, " 0x%" PRIx64, get_le(f->data + (size_t)i * f->elem, f->elem));
    if (count > DUMP_MAX_ELEMENTS)
        g_string_append_printf(out, " ... (%u in all, crc 0x%08lx)", count,
                               crc32(0, f->data, f->bytes));
    g_string_append_c(out, '\n');
}

int state_dump(const uint8_t *data, size_t size, GString *out, GError **err)
{
    g_autoptr(GArray) sections = state_parse(data, size, err);

    if (sections == NULL)
        return -EINVAL;
    for (guint i = 0; i < sections->len; i++) {
        const struct state_section *s = &g_array_index(sections, struct state_section, i);
        struct reader r = { s->payload, s->length, false };
        g_string_append_printf(out, "%s (%s, version %u)\n", s->id, s->kind, s->version);
        while (r.left > 0) {
            g_autofree char *name = NULL;
            struct field_data f;
            if (!take_field(&r, &name, &f))
                return fail(err, EINVAL, "saved state: device %s: damaged field", s->id);
            dump_field(name, &f, out);
        }
    }
    return 0;
}
