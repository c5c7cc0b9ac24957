#include "tests/unit/table_linker.h"

#include <string.h>
#include <glib.h>

#include "base/bytes.h"
#include "hw/machine/table_loader.h"

static struct table_file *find(struct table_linker *l, const uint8_t *name)
{
    g_assert_nonnull(memchr(name, 0, TABLE_LOADER_NAME_SIZE));
    for (unsigned i = 0; i < l->nfiles; i++) {
        if (strcmp(l->files[i].name, (const char *)name) == 0)
            return &l->files[i];
    }
    g_error("the script names an unknown file '%s'", (const char *)name);
}

static void run_allocate(struct table_linker *l, const uint8_t *p)
{
    struct table_file *file = find(l, p);
    uint32_t align = get_le32(p + 56);
    g_assert_cmpuint(file->address, ==, 0);
    g_assert_cmpuint(align & (align - 1), ==, 0);
    g_assert_cmpuint(p[60], >=, TABLE_LOADER_HIGH);
    g_assert_cmpuint(p[60], <=, TABLE_LOADER_FSEG);

    l->next = (l->next + align - 1) & -align;
    g_assert_cmpuint(l->next + file->size, <=, sizeof(l->memory));
    memcpy(l->memory + l->next, file->data, file->size);
    file->address = TABLE_LINKER_BASE + l->next;
    l->next += (uint32_t)file->size + 1; /* so that an aligned end shows a wrong alignment */
}

static void run_add_pointer(struct table_linker *l, const uint8_t *p)
{
    struct table_file *file = find(l, p), *src = find(l, p + 56);
    uint32_t offset = get_le32(p + 112);
    uint8_t size = p[116];
    g_assert_cmpuint(file->address, !=, 0);
    g_assert_cmpuint(src->address, !=, 0);
    g_assert_cmpuint(offset + size, <=, file->size);

    uint8_t *field = l->memory + (file->address - TABLE_LINKER_BASE) + offset;
    uint64_t pointed = get_le(field, size);
    g_assert_cmpuint(pointed, <, src->size);
    put_le(field, src->address + pointed, size);
}

static void run_add_checksum(struct table_linker *l, const uint8_t *p)
{
    struct table_file *file = find(l, p);
    uint32_t offset = get_le32(p + 56), start = get_le32(p + 60), length = get_le32(p + 64);
    g_assert_cmpuint(file->address, !=, 0);
    g_assert_cmpuint(start + length, <=, file->size);
    g_assert_cmpuint(offset, >=, start);
    g_assert_cmpuint(offset, <, start + length);

    uint8_t *data = l->memory + (file->address - TABLE_LINKER_BASE);
    g_assert_cmpuint(data[offset], ==, 0);
    for (uint32_t i = 0; i < length; i++)
        data[offset] -= i + start == offset ? 0 : data[start + i];
}

void table_linker_run(struct table_linker *l, const uint8_t *script, size_t size)
{
    g_assert_cmpuint(size % TABLE_LOADER_COMMAND_SIZE, ==, 0);
    for (size_t at = 0; at < size; at += TABLE_LOADER_COMMAND_SIZE) {
        switch (get_le32(script + at)) {
        case TABLE_LOADER_ALLOCATE: run_allocate(l, script + at + 4); break;
        case TABLE_LOADER_ADD_POINTER: run_add_pointer(l, script + at + 4); break;
        case TABLE_LOADER_ADD_CHECKSUM: run_add_checksum(l, script + at + 4); break;
        default: g_error("unknown command %u", get_le32(script + at));
        }
    }
}

const uint8_t *table_linker_at(const struct table_linker *l, uint64_t address, size_t size)
{
    g_assert_cmpuint(address, >=, TABLE_LINKER_BASE);
    g_assert_cmpuint(size, <=, sizeof(l->memory));
    g_assert_cmpuint(address - TABLE_LINKER_BASE, <=, sizeof(l->memory) - size);
    return l->memory + (address - TABLE_LINKER_BASE);
}

uint32_t table_linker_address(const struct table_linker *l, const char *name)
{
    for (unsigned i = 0; i < l->nfiles; i++) {
        if (strcmp(l->files[i].name, name) == 0)
            return l->files[i].address;
    }
    g_error("no file '%s'", name);
}
