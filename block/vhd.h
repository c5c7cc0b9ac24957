/*
 * VHD images (Microsoft "Virtual Hard Disk Image Format Specification" 1.0): fixed, dynamic and
 * differencing; called "vpc" in QEMU's options. Inside the block room.
 */
#ifndef BLOCK_VHD_H
#define BLOCK_VHD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "block/format.h"
#include "block/image.h"

#define VHD_COOKIE        UINT64_C(0x636F6E6563746978) /* "conectix" */
#define VHD_HEADER_COOKIE UINT64_C(0x6378737061727365) /* "cxsparse" */
#define VHD_CREATOR_WIN   0x77696E20u                  /* "win ": Hyper-V */
#define VHD_CREATOR_VPC   0x76706320u                  /* "vpc ": Virtual PC */
#define VHD_CREATOR_QEMU  0x71656D75u                  /* "qemu" */
#define VHD_FOOTER_SIZE   512
#define VHD_HEADER_SIZE   1024
#define VHD_UNUSED        0xFFFFFFFFu /* BAT entry of a block without space */
#define VHD_MAX_ENTRIES   (8u << 20)
#define VHD_LOCATORS      8

enum vhd_type { VHD_FIXED = 2, VHD_DYNAMIC = 3, VHD_DIFFERENCING = 4 };

struct vhd_footer {
    uint64_t header_offset; /* of the dynamic header */
    uint32_t timestamp;     /* seconds since 2000 */
    uint32_t creator;       /* four letters */
    uint64_t current_size;  /* bytes */
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t type;
    uint8_t uuid[16];
};

struct vhd_locator {
    uint32_t platform;
    uint32_t space, length; /* bytes */
    uint64_t offset;
};

#define VHD_PLATFORM_W2RU 0x57327275u /* relative Windows path, UTF-16LE */
#define VHD_PLATFORM_W2KU 0x57326B75u /* absolute Windows path, UTF-16LE */
#define VHD_PLATFORM_MACX 0x4D616358u /* file URL, UTF-8 */

struct vhd_header {
    uint64_t bat_offset;
    uint32_t entries;
    uint32_t block_size; /* bytes, power of two */
    uint8_t parent_uuid[16];
    uint32_t parent_timestamp;
    char *parent_name; /* UTF-8, NULL: none */
    struct vhd_locator locator[VHD_LOCATORS];
};

/* ---- vhd_header.c ---- */

/* -EINVAL if these 512 bytes are not a footer with a right checksum. */
int vhd_footer_parse(const uint8_t *b, struct vhd_footer *footer);
void vhd_footer_build(uint8_t *b, const struct vhd_footer *footer);

/* The disk's size: by the geometry for creators that mean it so, else the size field. */
uint64_t vhd_footer_size(const struct vhd_footer *footer);

/* Fills the geometry fields for current_size (the specification's appendix). */
void vhd_footer_set_geometry(struct vhd_footer *footer);

/* header->parent_name is to be freed. */
int vhd_header_parse(const uint8_t *b, struct vhd_header *header);
void vhd_header_build(uint8_t *b, const struct vhd_header *header);

/* The footer: of a dynamic disk at the start of the file, else at the end. */
int vhd_footer_read(struct block_file *file, struct vhd_footer *footer, GError **err);

/* Windows path or file URL of a parent as a path of this system; to be freed. */
char *vhd_parent_path(struct block_file *file, const struct vhd_header *header);

#endif
