#include "hw/machine/table_loader.h"

#include "base/bytes.h"

/* Appends an empty command and returns it; the pointer is good until the next command. */
static uint8_t *new_command(GByteArray *script, enum table_loader_command command)
{
    static const uint8_t empty[TABLE_LOADER_COMMAND_SIZE];
    g_byte_array_append(script, empty, sizeof(empty));
    uint8_t *p = script->data + script->len - sizeof(empty);
    put_le32(p, command);
    return p + 4;
}

static uint8_t *put_name(uint8_t *p, const char *file)
{
    g_strlcpy((char *)p, file, TABLE_LOADER_NAME_SIZE);
    return p + TABLE_LOADER_NAME_SIZE;
}

void table_loader_allocate(GByteArray *script, const char *file, uint32_t align,
                           enum table_loader_zone zone)
{
    uint8_t *p = put_name(new_command(script, TABLE_LOADER_ALLOCATE), file);
    put_le32(p, align);
    p[4] = (uint8_t)zone;
}

void table_loader_add_pointer(GByteArray *script, const char *file, uint32_t offset, uint8_t size,
                              const char *src)
{
    uint8_t *p = put_name(put_name(new_command(script, TABLE_LOADER_ADD_POINTER), file), src);
    put_le32(p, offset);
    p[4] = size;
}

void table_loader_add_checksum(GByteArray *script, const char *file, uint32_t offset,
                               uint32_t start, uint32_t length)
{
    uint8_t *p = put_name(new_command(script, TABLE_LOADER_ADD_CHECKSUM), file);
    put_le32(p, offset);
    put_le32(p + 4, start);
    put_le32(p + 8, length);
}
