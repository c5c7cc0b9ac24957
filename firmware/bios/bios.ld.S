/* Linker script of the image; see layout.h for the map. *bios16.o is 16-bit code, *bios32.o 32-bit. */
#include "layout.h"

OUTPUT_FORMAT(elf32-i386)
OUTPUT_ARCH(i386)
ENTRY(reset_vector)

SECTIONS
{
    .init32 IMAGE_BASE : AT(IMAGE_BASE) {
        *(.trampoline)
        *bios32.o(.text .text.*)
        *bios32.o(.rodata .rodata.*)
        *bios32.o(.data .data.*)
        *bios32.o(.bss .bss.* COMMON)
        init32_end = .;
        . = BIOS_SEG_LIN - IMAGE_BASE;
    } =0

    .data16 0 : AT(BIOS_SEG_LIN) {
        KEEP(*bios16.o(.runtime))
        *bios16.o(.data .data.*)
        *bios16.o(.bss .bss.* COMMON)
        data16_end = .;
        . = STACK_TOP;
    } =0

    .text16 TEXT16 : AT(BIOS_SEG_LIN + TEXT16) {
        *bios16.o(.text .text.*)
        *bios16.o(.rodata .rodata.*)
        text16_end = .;
        . = TABLES_BASE - BIOS_SEG_LIN - TEXT16;
    } =0

    .tables TABLES_BASE : AT(TABLES_BASE) {
        KEEP(*(.tables))
        tables_free = .;
        . = TABLES_END - TABLES_BASE;
    } =0

    .fixed FIXED_OFFSET : AT(FIXED_BASE) {
        KEEP(*(.fixed))
        . = IMAGE_BASE + IMAGE_SIZE - FIXED_BASE;
    } =0

    /* Names of 16-bit data for 32-bit code. */
    rt_linear = rt + BIOS_SEG_LIN;
    pnp_header_linear = pnp_header + 0xF0000;
    pmm_header_linear = pmm_header + 0xF0000;

    ASSERT(data16_end + 0x1C00 <= STACK_TOP, "less than 7 KiB of stack left")

    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}
