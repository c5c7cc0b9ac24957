/*
 * The host's script of table placement.
 */
#include "loader.h"
#include <stddef.h>
#ifdef BIOS32
#include "x86.h"
#else
#include <string.h>
#endif

enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, WRITE_POINTER = 4 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static struct loader_file *find(struct loader *l, const uint8_t *name)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const char *known = l->file[i].name;
        for (unsigned n = 0; known[n] == (char)name[n]; n++) {
            if (n == LOADER_NAME - 1 || !known[n])
                return &l->file[i];
        }
    }
    return NULL;
}

static bool inside(const struct loader_file *f, uint32_t offset, uint32_t length)
{
    return f && offset <= f->size && length <= f->size - offset;
}

static bool is_width(uint8_t size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

static const char *allocate(struct loader *l, const uint8_t *c)
{
    uint32_t align = get32(c + LOADER_NAME);
    uint8_t zone = c[LOADER_NAME + 4];
    struct loader_file *f = &l->file[l->count];
    if (l->count == LOADER_MAX_FILES)
        return "too many files";
    if (find(l, c))
        return "file loaded twice";
    if (!align || align & (align - 1) || align > 0x10000 ||
        (zone != ZONE_HIGH && zone != ZONE_FSEG))
        return "bad alignment or zone";
    memcpy(f->name, c, LOADER_NAME);
    f->name[LOADER_NAME - 1] = 0;
    if (!l->load(f, align, zone == ZONE_FSEG))
        return "file is missing or does not fit";
    l->count++;
    return NULL;
}

static const char *add_pointer(struct loader *l, const uint8_t *c)
{
    struct loader_file *to = find(l, c);
    const struct loader_file *from = find(l, c + LOADER_NAME);
    uint32_t offset = get32(c + 2 * LOADER_NAME);
    uint8_t size = c[2 * LOADER_NAME + 4];
    uint64_t v = 0;
    if (!from || !is_width(size) || !inside(to, offset, size))
        return "pointer outside of its file";
    memcpy(&v, to->data + offset, size);
    v += from->address;
    memcpy(to->data + offset, &v, size);
    return NULL;
}

static const char *add_checksum(struct loader *l, const uint8_t *c)
{
    struct loader_file *f = find(l, c);
    uint32_t offset = get32(c + LOADER_NAME), start = get32(c + LOADER_NAME + 4);
    uint32_t length = get32(c + LOADER_NAME + 8);
    uint8_t sum = 0;
    if (!inside(f, offset, 1) || !inside(f, start, length))
        return "checksum outside of its file";
    for (uint32_t i = 0; i < length; i++)
        sum += f->data[start + i];
    f->data[offset] -= sum;
    return NULL;
}

static const char *write_pointer(struct loader *l, const uint8_t *c)
{
    const struct loader_file *from = find(l, c + LOADER_NAME);
    uint32_t to_offset = get32(c + 2 * LOADER_NAME), from_offset = get32(c + 2 * LOADER_NAME + 4);
    uint8_t size = c[2 * LOADER_NAME + 8];
    char name[LOADER_NAME];
    memcpy(name, c, sizeof(name));
    name[LOADER_NAME - 1] = 0;
    if (!is_width(size) || !inside(from, from_offset, 0))
        return "pointer outside of its file";
    uint64_t v = from->address + from_offset;
    return l->write_back(name, to_offset, &v, size) ? NULL : "host file cannot be written";
}

const char *loader_execute(struct loader *l, const uint8_t command[LOADER_COMMAND])
{
    const uint8_t *arguments = command + 4;
    switch (get32(command)) {
    case ALLOCATE: return allocate(l, arguments);
    case ADD_POINTER: return add_pointer(l, arguments);
    case ADD_CHECKSUM: return add_checksum(l, arguments);
    case WRITE_POINTER: return write_pointer(l, arguments);
    default: return NULL; /* for firmware newer than this one */
    }
}
