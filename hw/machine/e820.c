#include "hw/machine/e820.h"

#include "base/bytes.h"

GByteArray *e820_build(const struct e820_range *ranges, size_t n)
{
    GByteArray *out = g_byte_array_new();
    for (size_t i = 0; i < n; i++) {
        uint8_t entry[E820_ENTRY_SIZE];
        if (ranges[i].length == 0)
            continue;
        put_le64(entry, ranges[i].address);
        put_le64(entry + 8, ranges[i].length);
        put_le32(entry + 16, ranges[i].type);
        g_byte_array_append(out, entry, sizeof(entry));
    }
    return out;
}
