#include "tests/unit/cirrus_model.h"

const struct cirrus_rop cirrus_rops[CIRRUS_N_ROPS] = {
    { 0x00, "0" },    { 0x05, "s&d" }, { 0x06, "d" },      { 0x09, "s&~d" },
    { 0x0b, "~d" },   { 0x0d, "s" },   { 0x0e, "1" },      { 0x50, "~s&d" },
    { 0x59, "s^d" },  { 0x6d, "s|d" }, { 0x90, "~(s|d)" }, { 0x95, "~(s^d)" },
    { 0xad, "s|~d" }, { 0xd0, "~s" },  { 0xd6, "~s|d" },   { 0xda, "~(s&d)" },
};

static uint8_t model_rop(uint8_t code, uint8_t s, uint8_t d)
{
    switch (code) {
    case 0x00: return 0;
    case 0x05: return s & d;
    case 0x09: return (uint8_t)(s & ~d);
    case 0x0b: return (uint8_t)~d;
    case 0x0d: return s;
    case 0x0e: return 0xff;
    case 0x50: return (uint8_t)(~s & d);
    case 0x59: return s ^ d;
    case 0x6d: return s | d;
    case 0x90: return (uint8_t) ~(s | d);
    case 0x95: return (uint8_t) ~(s ^ d);
    case 0xad: return (uint8_t)(s | ~d);
    case 0xd0: return (uint8_t)~s;
    case 0xd6: return (uint8_t)(~s | d);
    case 0xda: return (uint8_t) ~(s & d);
    default: return d;
    }
}

unsigned cirrus_model_pixel_bytes(const struct blt *b)
{
    return (b->mode >> 4 & 3) + 1;
}

uint32_t cirrus_model_bit_line(const struct blt *b)
{
    uint32_t bits = (b->width + cirrus_model_pixel_bytes(b) - 1) / cirrus_model_pixel_bytes(b);

    return (b->mode_ext & DWORD_LINES) != 0 ? (bits + 31) / 32 * 4 : (bits + 7) / 8;
}

/* What the source says of byte x of line y: false, it leaves the destination alone. */
static bool model_source(const struct blt *b, const uint8_t *src, uint32_t mask, uint32_t x,
                         uint32_t y, uint8_t *value)
{
    unsigned size = cirrus_model_pixel_bytes(b), pixel = x / size;
    bool expand = (b->mode & EXPAND) != 0, pattern = (b->mode & PATTERN) != 0;
    uint32_t skip = size == 3 ? b->skip & 31u : (b->skip & 7u) * size;

    if (expand && pattern && (b->mode_ext & SOLID) != 0) {
        *value = (uint8_t)(b->fg >> (x % size * 8));
        return true;
    }
    if ((expand || pattern) && x < skip)
        return false;
    if (expand) {
        uint32_t at = pattern ? (b->src & ~7u) + ((b->src + y) & 7)
                              : b->src + y * cirrus_model_bit_line(b) + pixel / 8;
        bool bit = (src[at & mask] >> (7 - pixel % 8) & 1) != 0;
        *value = (uint8_t)((bit ? b->fg : b->bg) >> (x % size * 8));
        return (b->mode & TRANSPARENT) == 0 || bit == ((b->mode_ext & INVERT) == 0);
    }
    uint32_t line = size == 3 ? 32 : 8 * size;
    uint32_t at = pattern ? (b->src & ~7u) + ((b->src + y) & 7) * line + pixel % 8 * size
                          : b->src + y * b->src_pitch + pixel * size;
    *value = src[(at + x % size) & mask];
    bool is_key = src[at & mask] == (b->key & 0xff) &&
                  (size == 1 || src[(at + 1) & mask] == b->key >> 8);
    return (b->mode & TRANSPARENT) == 0 || size > 2 || !is_key;
}

void cirrus_model(const struct blt *b, uint8_t *memory, const uint8_t *src, uint32_t mask)
{
    g_autofree uint8_t *before = g_memdup2(memory, CIRRUS_MEMORY);

    if (src == memory)
        src = before;
    for (uint32_t y = 0; y < b->height; y++)
        for (uint32_t x = 0; x < b->width; x++) {
            uint32_t at = (b->dst + y * b->dst_pitch + x) & (CIRRUS_MEMORY - 1);
            uint8_t value;
            if (model_source(b, src, mask, x, y, &value))
                memory[at] = model_rop(b->rop, value, memory[at]);
        }
}
