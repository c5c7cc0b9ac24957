/*
 * What the conformance programs share.
 */
#include "sector.h"

static uint32_t failures, checks;

void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

/* Segment in FS, offset below 16. */
#define ACCESS(bits, suffix)                                                                     \
    uint##bits##_t peek##bits(uint32_t at)                                                       \
    {                                                                                            \
        uint##bits##_t v;                                                                        \
        __asm__ volatile("movw %w1, %%fs\n\tmov" suffix " %%fs:(%2), %0"                         \
                         : "=q"(v)                                                               \
                         : "r"(at >> 4), "r"(at & 15)                                            \
                         : "memory");                                                            \
        return v;                                                                                \
    }                                                                                            \
    void poke##bits(uint32_t at, uint##bits##_t v)                                               \
    {                                                                                            \
        __asm__ volatile("movw %w1, %%fs\n\tmov" suffix " %0, %%fs:(%2)" ::"q"(v), "r"(at >> 4), \
                         "r"(at & 15)                                                            \
                         : "memory");                                                            \
    }

ACCESS(8, "b")
ACCESS(16, "w")
ACCESS(32, "l")

bool equal(const char *a, uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (peek8(at + i) != (uint8_t)a[i])
            return false;
    }
    return true;
}

struct registers call(uint8_t number, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    struct registers r = { .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx };
    interrupt(number, &r);
    return r;
}

static void print(const char *s)
{
    for (; *s; s++)
        outb(0xE9, (uint8_t)*s);
}

static void print_hex(uint32_t v)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        outb(0xE9, (uint8_t) "0123456789abcdef"[v >> shift & 15]);
}

void check(bool good, const char *name, uint32_t value)
{
    checks++;
    failures += !good;
    print(good ? "ok " : "FAIL ");
    print(name);
    if (!good) {
        print(": ");
        print_hex(value);
    }
    print("\n");
}

void wait_ticks(uint32_t n)
{
    uint32_t start = peek32(0x46C);
    while (peek32(0x46C) - start < n)
        __asm__ volatile("sti\n\thlt" ::: "memory");
}

void sector_main(void)
{
    test();
    print(failures ? "failed\n" : "passed\n");
    outb(0x501, failures ? 1 : 0);
    for (;;)
        __asm__ volatile("hlt");
}
