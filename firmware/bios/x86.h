/*
 * Instructions that C has no word for. For both modes; far memory is for 16-bit code only.
 */
#ifndef BIOS_X86_H
#define BIOS_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "layout.h"

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void cpuid(uint32_t leaf, uint32_t v[4])
{
    __asm__ volatile("cpuid" : "=a"(v[0]), "=b"(v[1]), "=c"(v[2]), "=d"(v[3]) : "a"(leaf), "c"(0));
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint64_t v;
    __asm__ volatile("rdmsr" : "=A"(v) : "c"(msr));
    return v;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "A"(v));
}

/* True in virtual-8086 mode: SMSW is not privileged, and real mode has PE clear. */
static inline bool in_protected_mode(void)
{
    uint32_t cr0;
    __asm__ volatile("smsw %0" : "=r"(cr0));
    return cr0 & 1;
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline uint8_t cmos_read(uint8_t reg)
{
    outb(0x70, reg | 0x80); /* bit 7: no NMI between index and data */
    return inb(0x71);
}

static inline void cmos_write(uint8_t reg, uint8_t v)
{
    outb(0x70, reg | 0x80);
    outb(0x71, v);
}

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#ifdef BIOS16
/* Memory outside our segment. The segment limit is 64 KiB: offsets must stay below it. */
#define FAR_ACCESSORS(bits, suffix)                                                          \
    static inline uint##bits##_t far_get##bits(uint16_t seg, uint32_t off)                   \
    {                                                                                        \
        uint##bits##_t v;                                                                    \
        __asm__ volatile("movw %w1, %%fs\n\tmov" suffix " %%fs:(%2), %0"                     \
                         : "=q"(v)                                                           \
                         : "r"(seg), "r"(off)                                                \
                         : "memory");                                                        \
        return v;                                                                            \
    }                                                                                        \
    static inline void far_put##bits(uint16_t seg, uint32_t off, uint##bits##_t v)           \
    {                                                                                        \
        __asm__ volatile("movw %w1, %%fs\n\tmov" suffix " %0, %%fs:(%2)" ::"q"(v), "r"(seg), \
                         "r"(off)                                                            \
                         : "memory");                                                        \
    }

FAR_ACCESSORS(8, "b")
FAR_ACCESSORS(16, "w")
FAR_ACCESSORS(32, "l")
#undef FAR_ACCESSORS

/* Copies n bytes between segments. */
static inline void far_copy(uint16_t dseg, uint32_t doff, uint16_t sseg, uint32_t soff, uint32_t n)
{
    __asm__ volatile("pushw %%ds\n\tpushw %%es\n\t"
                     "movw %w3, %%es\n\tmovw %w4, %%ds\n\t"
                     "movl %%ecx, %%eax\n\tshrl $2, %%ecx\n\trep movsl (%%esi), %%es:(%%edi)\n\t"
                     "movl %%eax, %%ecx\n\tandl $3, %%ecx\n\trep movsb (%%esi), %%es:(%%edi)\n\t"
                     "popw %%es\n\tpopw %%ds"
                     : "+D"(doff), "+S"(soff), "+c"(n)
                     : "d"(dseg), "b"(sseg)
                     : "eax", "memory", "cc");
}

/* The same, from and to our own segment. */
static inline void far_read(void *dst, uint16_t seg, uint32_t off, uint32_t n)
{
    far_copy(BIOS_SEG, (uint32_t)dst, seg, off, n);
}

static inline void far_write(uint16_t seg, uint32_t off, const void *src, uint32_t n)
{
    far_copy(seg, off, BIOS_SEG, (uint32_t)src, n);
}

/* The segment from which real mode reaches a linear address: beyond 1 MiB it is the last one. */
static inline uint16_t real_segment(uint32_t at)
{
    return at < 0x100000 ? (uint16_t)(at >> 4) : 0xFFFF;
}

/* n 16-bit words between a port and seg:off. */
static inline void far_insw(uint16_t port, uint16_t seg, uint32_t off, uint32_t n)
{
    __asm__ volatile("pushw %%es\n\tmovw %w3, %%es\n\trep insw %%dx, %%es:(%%edi)\n\tpopw %%es"
                     : "+D"(off), "+c"(n)
                     : "d"(port), "r"(seg)
                     : "memory");
}

static inline void far_outsw(uint16_t port, uint16_t seg, uint32_t off, uint32_t n)
{
    __asm__ volatile("pushw %%ds\n\tmovw %w3, %%ds\n\trep outsw (%%esi), %%dx\n\tpopw %%ds"
                     : "+S"(off), "+c"(n)
                     : "d"(port), "r"(seg)
                     : "memory");
}
#endif

#endif
