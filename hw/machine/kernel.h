/*
 * Direct kernel boot, the host's half: -kernel, -initrd and -append become fw_cfg items, which the
 * option ROM (firmware/optionrom) loads to the addresses given here.
 *
 * Takes bzImages of boot protocol 2.02 and later (Linux since 2.4): the kernel proper at 1 MiB, its
 * real-mode setup at 64 KiB, the command line at 128 KiB and the initrd as high as kernel and
 * memory allow. Source: the Linux/x86 boot protocol (Documentation/x86/boot.rst).
 */
#ifndef HW_MACHINE_KERNEL_H
#define HW_MACHINE_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

struct kernel_config {
    const char *kernel; /* file name */
    const char *initrd; /* file name, or NULL */
    const char *append; /* command line, or NULL: empty */
    uint64_t ram_below_4g;
    uint64_t reserve; /* bytes at the end of that, left to the firmware's tables */
};

/* One fw_cfg item; data is owned by the kernel_image. */
struct kernel_item {
    uint16_t key;
    const void *data;
    size_t size;
};

#define KERNEL_ITEMS 12

/* What was loaded. The files stay mapped, so that nothing is copied until the guest asks for it. */
struct kernel_image {
    struct kernel_item items[KERNEL_ITEMS];
    GMappedFile *kernel, *initrd;
    uint8_t *setup; /* the real-mode part, with the boot loader's fields filled in */
    char *append;
    uint8_t numbers[KERNEL_ITEMS][4]; /* addresses and sizes, as fw_cfg has them: little-endian */
};

/*
 * Loads the files and fills *image, to be given back by kernel_unload(). On error nothing is held;
 * err names option, file and reason.
 */
int kernel_load(const struct kernel_config *config, struct kernel_image *image, GError **err);
void kernel_unload(struct kernel_image *image);

#endif
