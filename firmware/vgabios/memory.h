/*
 * Where the VGA BIOS finds things. It has no memory of its own: its state is the BIOS data area and
 * the chip, its stack the caller's.
 *
 *   CS        the ROM
 *   DS ES SS  the caller's stack, so that pointers to local variables are valid
 *   FS        the ROM again, for constants: what is ROM is read through FS by the compiler
 *   GS        0: interrupt vectors and BIOS data area (bda.h)
 *
 * Other memory is reached by the functions below. Nothing needs a descriptor, so that all of it
 * also runs in virtual-8086 mode. In tests on the host (no VGABIOS defined) constants are
 * constants.
 */
#ifndef VGABIOS_MEMORY_H
#define VGABIOS_MEMORY_H

#include <stdint.h>

#ifdef VGABIOS
#define IN_ROM  const __seg_fs
#define ROM     IN_ROM __attribute__((section(".rom")))
#define ROM_SEG 0xC000 /* a PC's video BIOS is there */

#define FAR_ACCESSORS(bits, suffix)                                                \
    static inline uint##bits##_t far_get##bits(uint16_t seg, uint32_t off)         \
    {                                                                              \
        uint##bits##_t v;                                                          \
        __asm__ volatile("pushw %%es\n\tmovw %w1, %%es\n\tmov" suffix              \
                         " %%es:(%2), %0\n\tpopw %%es"                             \
                         : "=q"(v)                                                 \
                         : "r"(seg), "r"(off)                                      \
                         : "memory");                                              \
        return v;                                                                  \
    }                                                                              \
    static inline void far_put##bits(uint16_t seg, uint32_t off, uint##bits##_t v) \
    {                                                                              \
        __asm__ volatile("pushw %%es\n\tmovw %w1, %%es\n\tmov" suffix              \
                         " %0, %%es:(%2)\n\tpopw %%es" ::"q"(v),                   \
                         "r"(seg), "r"(off)                                        \
                         : "memory");                                              \
    }

FAR_ACCESSORS(8, "b")
FAR_ACCESSORS(16, "w")
FAR_ACCESSORS(32, "l")
#undef FAR_ACCESSORS

#define FAR_COPY(name, insns)                                                                     \
    static inline void name(uint16_t dseg, uint32_t doff, uint16_t sseg, uint32_t soff,           \
                            uint32_t n)                                                           \
    {                                                                                             \
        __asm__ volatile("pushw %%ds\n\tpushw %%es\n\tmovw %w3, %%es\n\tmovw %w4, %%ds\n\t" insns \
                         "popw %%es\n\tpopw %%ds"                                                 \
                         : "+D"(doff), "+S"(soff), "+c"(n)                                        \
                         : "r"(dseg), "r"(sseg)                                                   \
                         : "eax", "memory", "cc");                                                \
    }

/* Copies n bytes upwards; offsets do not wrap. */
FAR_COPY(far_copy, "movl %%ecx, %%eax\n\tshrl $2, %%ecx\n\trep movsl (%%esi), %%es:(%%edi)\n\t"
                   "movl %%eax, %%ecx\n\tandl $3, %%ecx\n\trep movsb (%%esi), %%es:(%%edi)\n\t")
/* The same byte by byte: in write mode 1 each carries all four planes through the latches. */
FAR_COPY(far_copy_latched, "rep movsb (%%esi), %%es:(%%edi)\n\t")
#undef FAR_COPY

/* n 16-bit words. */
static inline void far_fill(uint16_t seg, uint32_t off, uint16_t v, uint32_t n)
{
    __asm__ volatile(
        "pushw %%es\n\tmovw %w3, %%es\n\tshrl $1, %%ecx\n\trep stosl %%eax, %%es:(%%edi)"
        "\n\tjnc 1f\n\tstosw %%ax, %%es:(%%edi)\n1:\tpopw %%es"
        : "+D"(off), "+c"(n)
        : "a"(v * 0x10001U), "r"(seg)
        : "memory", "cc");
}

/* n bytes, one at a time: an odd number, or a VGA in planes. */
static inline void far_fill8(uint16_t seg, uint32_t off, uint8_t v, uint32_t n)
{
    __asm__ volatile("pushw %%es\n\tmovw %w3, %%es\n\trep stosb %%al, %%es:(%%edi)\n\tpopw %%es"
                     : "+D"(off), "+c"(n)
                     : "a"(v), "r"(seg)
                     : "memory");
}

/* The segment of local variables. */
static inline uint16_t stack_seg(void)
{
    uint16_t seg;
    __asm__("movw %%ss, %0" : "=r"(seg));
    return seg;
}

/* Interrupt vectors. */
#define VECTORS ((volatile uint32_t __seg_gs *)0)
#else
#define IN_ROM const
#define ROM    const
#endif

/* A far pointer to an object of the ROM: also a constant for the linker to fill in. */
#define ROM_FAR(object) ((uint32_t) & (object) + ((uint32_t)ROM_SEG << 16))
/* Its offset. */
#define ROM_OFF(object) ((uint16_t)(uint32_t) & (object))

#endif
