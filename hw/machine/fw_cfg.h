/*
 * fw_cfg: the firmware's way to ask the machine for its configuration (tables, boot order, a
 * kernel to boot). Items have 16-bit keys; files are items with names, listed in a directory.
 *
 * Ports: 0x510 selects an item (16 bits, write), 0x511 reads it byte by byte; 0x514 (high half) and
 * 0x518 (low half, starts) take the big-endian address of a DMA command. Source: the fw_cfg
 * interface specification (QEMU's docs/specs/fw_cfg), which SeaBIOS, OVMF and Linux follow.
 */
#ifndef HW_MACHINE_FW_CFG_H
#define HW_MACHINE_FW_CFG_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "hw/core/device.h"

/* Keys that have a meaning of their own; integers are little-endian. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00, /* "QEMU" */
    FW_CFG_ID = 0x01,        /* u32: which interfaces there are */
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,    /* u64 */
    FW_CFG_NOGRAPHIC = 0x04,   /* u16 */
    FW_CFG_NB_CPUS = 0x05,     /* u16 */
    FW_CFG_KERNEL_ADDR = 0x07, /* u32, as all addresses and sizes below */
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e, /* u16 */
    FW_CFG_MAX_CPUS = 0x0f,  /* u16 */
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002, /* u32 */
};

#define FW_CFG_NAME_SIZE 56 /* of a file, with its terminating zero */
#define FW_CFG_MAX_FILES 1024

extern const struct device_kind fw_cfg_kind;

/*
 * The calls below are for a realized fw_cfg, before the guest runs: a file added later changes the
 * keys of those whose names sort after it. Sizes are below 4 GiB.
 */

/* Adds an item; fw_cfg takes a reference to data. A key has one item: the last one added. */
void fw_cfg_add(struct device *dev, uint16_t key, GBytes *data);
void fw_cfg_add_u16(struct device *dev, uint16_t key, uint16_t value);
void fw_cfg_add_u32(struct device *dev, uint16_t key, uint32_t value);
void fw_cfg_add_u64(struct device *dev, uint16_t key, uint64_t value);

/* Adds a file. -EEXIST, -ENAMETOOLONG or -ENOSPC, with a sentence that has the file's name. */
int fw_cfg_add_file(struct device *dev, const char *name, GBytes *data, GError **err);

/*
 * A file that the guest may also write, by DMA: where it is kept and who is told. The owner keeps
 * and saves the bytes; they outlive the fw_cfg device.
 */
struct fw_cfg_writable {
    uint8_t *data;
    size_t size;
    void (*written)(void *opaque, uint32_t offset, uint32_t length);
    void *opaque;
};

int fw_cfg_add_writable(struct device *dev, const char *name, const struct fw_cfg_writable *file,
                        GError **err);

#endif
