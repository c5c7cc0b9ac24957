/*
 * Where the parts of the image live. Shared by C, assembly and the linker script.
 *
 *   E0000 - EBFFF   32-bit code and data: POST, and the secondary processors' entry at E0000
 *   EC000 - EFFFF   run-time data and stack, writable for ever (one 16 KiB PAM block)
 *   F0000 - FBFFF   16-bit code and constants
 *   FC000 - FDFFF   tables that the operating system finds by signature
 *   FE000 - FFFFF   entry points at the addresses of the IBM PC/AT, reset vector
 *
 * The 16-bit code is of the "tiny" kind: CS = DS = ES = SS = BIOS_SEG, which covers the run-time
 * data, the stack, the constants and the code in one 64 KiB segment, so that every C pointer is
 * valid. It needs no descriptor and thus also works when a DOS memory manager runs it in
 * virtual-8086 mode.
 */
#ifndef BIOS_LAYOUT_H
#define BIOS_LAYOUT_H

#define IMAGE_BASE 0xE0000
#define IMAGE_SIZE 0x20000
#define ROM_ALIAS  0xFFF00000 /* added to an image address: its copy below 4 GiB */

#define BIOS_SEG     0xEC00
#define BIOS_SEG_LIN 0xEC000
#define STACK_TOP    0x4000 /* offset in BIOS_SEG; also the end of the writable part */
#define TEXT16       0x4000 /* offset in BIOS_SEG of F0000 */
#define STACK_MARGIN 0x300  /* left below our stack pointer for foreign interrupt handlers */

#define TABLES_BASE  0xFC000
#define TABLES_END   0xFE000
#define FIXED_BASE   0xFE000
#define FIXED_OFFSET 0xE000 /* of the same in segment F000 */

#define EBDA_SEG 0x9F80 /* 2 KiB: no more, some loaders count on 638 KiB */
#define EBDA_LIN 0x9F800
#define EBDA_KIB 2

#define SIPI_VECTOR 0xE0 /* secondary processors start at E000:0000 */

/* Selectors of the flat and the 16-bit segments (mode.S). */
#define SEL_CODE32 0x08
#define SEL_DATA32 0x10
#define SEL_CODE16 0x18
#define SEL_DATA16 0x20
#define SEL_BIG16  0x28 /* the same with a limit of 4 GiB */
#define GDT_LIMIT  0x2F

/* Offsets in struct regs (regs.h checks them). */
#define REGS_GS      0
#define REGS_FS      2
#define REGS_ES      4
#define REGS_DS      6
#define REGS_EDI     8
#define REGS_ESI     12
#define REGS_EBP     16
#define REGS_EBX     20
#define REGS_EDX     24
#define REGS_ECX     28
#define REGS_EAX     32
#define REGS_HANDLER 36
#define REGS_IP      40
#define REGS_CS      42
#define REGS_FLAGS   44
#define REGS_SS      46
#define REGS_ESP     48
#define REGS_WAIT    52
#define REGS_SIZE    56

#endif
