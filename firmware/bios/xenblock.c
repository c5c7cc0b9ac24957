/*
 * hvmloader's block.
 */
#include "xenblock.h"
#ifdef BIOS32
#include "x86.h"
#else
#include <string.h>
#endif

#define SIGNATURE  "XenHVMSeaBIOS" /* with its zero */
#define LENGTH     14
#define TABLES     16
#define MIN_LENGTH 32

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool xen_block_parse(const uint8_t *bytes, struct xen_block *block)
{
    uint8_t length = bytes[LENGTH], sum = 0;
    if (memcmp(bytes, SIGNATURE, sizeof(SIGNATURE)) != 0 || length < MIN_LENGTH)
        return false;
    for (unsigned i = 0; i < length; i++)
        sum += bytes[i];
    block->tables = get32(bytes + TABLES);
    block->table_count = get32(bytes + TABLES + 4);
    block->e820 = get32(bytes + TABLES + 8);
    block->e820_count = get32(bytes + TABLES + 12);
    return sum == 0;
}

uint32_t xen_table_length(const uint8_t *p)
{
    if (memcmp(p, "_SM_", 4) == 0)
        return p[5];
    if (memcmp(p, "_MP_", 4) == 0)
        return p[8] * 16U;
    if (memcmp(p, "$PIR", 4) == 0)
        return p[6] | (uint32_t)p[7] << 8;
    if (memcmp(p, "RSD PTR ", 8) == 0)
        return p[15] < 2 ? 20 : get32(p + 20);
    return 0;
}
