/*
 * Loads the kernel that the machine was given by -kernel, and starts it.
 *
 * The machine has laid out everything (addresses are fw_cfg items as well); the ROM checks that it
 * lies in memory, so that a mistake is a line on the screen and the next boot device, not a crash.
 */
#include "linuxboot.h"

#define LOW_FIRST    0x10000u /* below: BIOS data, and this ROM at work */
#define HIGH_FIRST   0x100000u
#define SEGMENT_SIZE 0x10000u
#define E820_RAM     1
#define E820_MOST    256 /* entries that are looked at */
#define HEADER_SIZE  0x268
#define HEADER_MAGIC 0x202
#define HDRS_MAGIC   0x53726448 /* "HdrS" */

/* A part of what is to be loaded: its fw_cfg keys, and what these say. */
struct part {
    const char *name;
    uint8_t address_key, size_key, data_key;
    uint32_t address, size;
};

enum { SETUP, CMDLINE, KERNEL, INITRD, PARTS };

static struct part parts[PARTS] = {
    [SETUP] = { "setup", 0x16, 0x17, 0x18, 0, 0 },
    [CMDLINE] = { "command line", 0x13, 0x14, 0x15, 0, 0 },
    [KERNEL] = { "kernel", 0x07, 0x08, 0x11, 0, 0 },
    [INITRD] = { "initrd", 0x0a, 0x0b, 0x12, 0, 0 },
};

static void print(const char *s)
{
    for (; *s; s++)
        bios_putc(*s);
}

static void print_number(uint32_t n)
{
    char digits[11];
    char *p = digits + sizeof(digits) - 1;
    *p = 0;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    print(p);
}

static void print_dot(void)
{
    bios_putc('.');
}

/* Says what is wrong, and with which part; always false, to return with. */
static bool wrong(const struct part *part, const char *what)
{
    print("Linux boot: ");
    if (part) {
        print(part->name);
        print(": ");
    }
    print(what);
    print("\r\n");
    return false;
}

/* Whether the BIOS says that all of the part lies in one range of memory. */
static bool in_high_memory(const struct part *part)
{
    static struct e820_entry entry;
    uint64_t end = (uint64_t)part->address + part->size;
    uint32_t next = 0;
    for (unsigned i = 0; i < E820_MOST; i++) {
        if (!bios_e820(&next, &entry))
            return i == 0; /* a BIOS without the call: the machine's word is all there is */
        if (entry.type == E820_RAM && part->address >= entry.base &&
            end <= entry.base + entry.length)
            return true;
        if (next == 0)
            break;
    }
    return false;
}

static bool check_part(const struct part *part)
{
    if (part->size == 0)
        return part == &parts[INITRD] || wrong(part, "none is given");
    if (part == &parts[SETUP] || part == &parts[CMDLINE]) {
        uint32_t end = bios_low_memory() * 1024;
        if (part->address < LOW_FIRST || part->address >= end || part->size > end - part->address)
            return wrong(part, "does not lie in low memory");
    } else if (part->address < HIGH_FIRST || !in_high_memory(part)) {
        return wrong(part, "does not lie in memory");
    }
    return true;
}

/* The setup must be a Linux kernel's, within a segment that has room for its stack. */
static bool check_setup(const struct part *setup)
{
    static uint8_t header[HEADER_SIZE];
    uint32_t magic;
    if (setup->address % 16 != 0 || setup->size < HEADER_SIZE || setup->size > SEGMENT_SIZE / 2)
        return wrong(setup, "bad address or size");
    if (fwcfg_read(setup->data_key, linear(header), sizeof(header), NULL) != FWCFG_OK)
        return wrong(setup, "cannot be read");
    __asm__ volatile("" : : : "memory"); /* header was written behind the compiler's back */
    __builtin_memcpy(&magic, header + HEADER_MAGIC, sizeof(magic));
    return magic == HDRS_MAGIC || wrong(setup, "not a Linux kernel: no HdrS signature");
}

static bool load_part(const struct part *part)
{
    print(part->name);
    print(" ");
    print_number((part->size + 1023) / 1024);
    print(" KiB ");
    enum fwcfg_status status = fwcfg_read(part->data_key, part->address, part->size, print_dot);
    print("\r\n");
    if (status == FWCFG_TIMEOUT)
        return wrong(part, "fw_cfg DMA does not finish");
    return status == FWCFG_OK || wrong(part, "fw_cfg DMA reports an error");
}

static bool load_all(void)
{
    if (protected_mode())
        return wrong(NULL, "the CPU is not in real mode");
    if (!fwcfg_probe())
        return wrong(NULL, "this machine has no fw_cfg");
    bios_enable_a20();
    if (!fwcfg_has_dma() && !a20_enabled())
        return wrong(NULL, "address line A20 is off");

    for (struct part *part = parts; part < parts + PARTS; part++) {
        part->address = fwcfg_number(part->address_key);
        part->size = fwcfg_number(part->size_key);
        if (!check_part(part))
            return false;
    }
    if (!check_setup(&parts[SETUP]))
        return false;
    print(fwcfg_has_dma() ? "Linux boot by DMA\r\n" : "Linux boot\r\n");
    for (struct part *part = parts; part < parts + PARTS; part++) {
        if (part->size != 0 && !load_part(part))
            return false;
    }
    return true;
}

void linuxboot(void)
{
    if (!load_all())
        return;
    /* The stack ends where the command line begins, when that is in the setup's segment. */
    uint32_t stack = SEGMENT_SIZE;
    if (parts[CMDLINE].address > parts[SETUP].address &&
        parts[CMDLINE].address - parts[SETUP].address < stack)
        stack = parts[CMDLINE].address - parts[SETUP].address;
    enter_kernel(parts[SETUP].address / 16, (stack - 16) & ~15u);
}
