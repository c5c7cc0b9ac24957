#include "hw/core/regs.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

static unsigned count_of(const struct reg *reg)
{
    return reg->count != 0 ? reg->count : 1;
}

/* Stored values are in host order, as the chip's own code reads them. */
static uint64_t load(const struct reg *reg, const void *dev, unsigned index)
{
    if (reg->field == REG_NO_FIELD)
        return 0;
    const uint8_t *p = (const uint8_t *)dev + reg->field + (size_t)index * reg->width;
    switch (reg->width) {
    case 1: return *p;
    case 2: {
        uint16_t v;
        memcpy(&v, p, sizeof(v));
        return v;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, p, sizeof(v));
        return v;
    }
    default: {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        return v;
    }
    }
}

static void store(const struct reg *reg, void *dev, unsigned index, uint64_t value)
{
    if (reg->field == REG_NO_FIELD)
        return;
    uint8_t *p = (uint8_t *)dev + reg->field + (size_t)index * reg->width;
    uint8_t v8 = (uint8_t)value;
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;
    switch (reg->width) {
    case 1: memcpy(p, &v8, sizeof(v8)); break;
    case 2: memcpy(p, &v16, sizeof(v16)); break;
    case 4: memcpy(p, &v32, sizeof(v32)); break;
    default: memcpy(p, &value, sizeof(value)); break;
    }
}

void regs_reset(const struct reg *regs, unsigned n, void *dev)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned count = count_of(&regs[i]);
        if (regs[i].reset == 0 && regs[i].field != REG_NO_FIELD)
            memset((uint8_t *)dev + regs[i].field, 0, (size_t)count * regs[i].width);
        else
            for (unsigned k = 0; k < count; k++)
                store(&regs[i], dev, k, regs[i].reset);
    }
}

/* The position of the first register that ends after offset. */
static unsigned first_at(const struct reg *regs, unsigned n, uint64_t offset)
{
    unsigned lo = 0, hi = n;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        if (regs[mid].offset + (uint64_t)count_of(&regs[mid]) * regs[mid].width <= offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct reg *regs_find(const struct reg *regs, unsigned n, uint64_t offset)
{
    unsigned i = first_at(regs, n, offset);
    return i < n && regs[i].offset <= offset ? &regs[i] : NULL;
}

/* The part of one access that falls on one register. */
struct part {
    const struct reg *reg;
    unsigned index;     /* in a register array */
    unsigned in_reg;    /* first byte within the register */
    unsigned in_access; /* first byte within the access */
    unsigned bytes;
};

/* Cuts the next register's part off an access, from byte *done on; false: nothing is left. */
static bool next_part(const struct reg *regs, unsigned n, uint64_t offset, unsigned size,
                      unsigned *done, struct part *part)
{
    if (*done >= size)
        return false;
    unsigned i = first_at(regs, n, offset + *done);
    if (i >= n || regs[i].offset >= offset + size)
        return false;
    uint64_t at = offset + *done;
    if (regs[i].offset > at)
        at = regs[i].offset;
    part->reg = &regs[i];
    part->index = (unsigned)((at - regs[i].offset) / regs[i].width);
    part->in_reg = (unsigned)((at - regs[i].offset) % regs[i].width);
    part->in_access = (unsigned)(at - offset);
    part->bytes = regs[i].width - part->in_reg;
    if (part->bytes > size - part->in_access)
        part->bytes = size - part->in_access;
    *done = part->in_access + part->bytes;
    return true;
}

uint64_t regs_read(const struct reg *regs, unsigned n, void *dev, uint64_t offset, unsigned size)
{
    uint64_t result = 0;
    struct part p;

    for (unsigned done = 0; next_part(regs, n, offset, size, &done, &p);) {
        uint64_t value = load(p.reg, dev, p.index);
        if (p.reg->on_read != NULL)
            value = p.reg->on_read(dev, p.index, value);
        result |= (value >> (8 * p.in_reg) & size_mask(p.bytes)) << (8 * p.in_access);
    }
    return result;
}

static void write_part(const struct part *p, void *dev, uint64_t bits)
{
    const struct reg *reg = p->reg;
    uint64_t lanes = size_mask(p->bytes) << (8 * p->in_reg);
    uint64_t old = load(reg, dev, p->index);
    uint64_t value = (old & ~lanes & ~reg->w1c) | (bits << (8 * p->in_reg) & lanes);

    uint64_t kept = old & ~(value & reg->w1c);
    store(reg, dev, p->index, (kept & ~reg->write_mask) | (value & reg->write_mask));
    if (reg->on_write != NULL)
        reg->on_write(dev, p->index, old, value);
}

void regs_write(const struct reg *regs, unsigned n, void *dev, uint64_t offset, uint64_t value,
                unsigned size)
{
    struct part p;

    for (unsigned done = 0; next_part(regs, n, offset, size, &done, &p);)
        write_part(&p, dev, value >> (8 * p.in_access) & size_mask(p.bytes));
}
