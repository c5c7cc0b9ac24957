#include "hw/machine/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hw/machine/fw_cfg.h" // the keys

/* Where things go. The setup's segment holds the setup, then its heap and stack. */
#define SETUP_ADDR   0x10000
#define SETUP_MAX    0x8000 /* heap and stack begin here */
#define HEAP_END_PTR 0xfe00 /* end of the segment, less the 0x200 that the protocol wants */
#define CMDLINE_ADDR 0x20000
#define CMDLINE_MAX  0x10000
#define KERNEL_ADDR  0x100000
#define PAGE_SIZE    4096

/* Offsets in the setup header (boot protocol, "The real-mode kernel header"). */
enum {
    HDR_SETUP_SECTS = 0x1f1,
    HDR_SYSSIZE = 0x1f4,
    HDR_VID_MODE = 0x1fa,
    HDR_BOOT_FLAG = 0x1fe,
    HDR_JUMP = 0x200,
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_TYPE_OF_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK_IMAGE = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_HEAP_END_PTR = 0x224,
    HDR_CMD_LINE_PTR = 0x228,
    HDR_INITRD_ADDR_MAX = 0x22c,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260,
    HDR_END = 0x268,
};

#define HDRS_MAGIC      0x53726448 /* "HdrS" */
#define LOADED_HIGH     0x01
#define CAN_USE_HEAP    0x80
#define LOADER_UNLISTED 0xff

/* What is used of the header; fields newer than the kernel's protocol have their old meaning. */
struct header {
    uint16_t version;
    uint8_t loadflags;
    uint32_t setup_size; /* bytes, with the boot sector */
    uint32_t initrd_addr_max;
    uint32_t cmdline_size; /* without the terminating zero */
    uint64_t run_end;      /* the end of what the kernel unpacks itself to; 0: not known */
};

static int open_file(const char *option, const char *name, GMappedFile **file, GError **err)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, errno, "%s %s", option, name);

    struct stat st;
    int ret = 0;
    if (fstat(fd, &st) < 0)
        ret = fail_errno(err, errno, "%s %s", option, name);
    else if (!S_ISREG(st.st_mode))
        ret = fail(err, EINVAL, "%s %s: not a regular file", option, name);
    else if (st.st_size == 0)
        ret = fail(err, EINVAL, "%s %s: the file is empty", option, name);
    else if (!(*file = g_mapped_file_new_from_fd(fd, FALSE, NULL)))
        ret = fail(err, ENOMEM, "%s %s: cannot be mapped", option, name);
    close(fd);
    return ret;
}

/* Reads the fields, each only where the kernel's protocol has it. */
static void read_header(struct header *h, const uint8_t *p)
{
    *h = (struct header){
        .version = get_le16(p + HDR_VERSION),
        .loadflags = p[HDR_LOADFLAGS],
        /* 0 means 4, for kernels older than the field */
        .setup_size = 512u * (1 + (p[HDR_SETUP_SECTS] ? p[HDR_SETUP_SECTS] : 4u)),
        .initrd_addr_max = 0x37ffffff,
        .cmdline_size = 255,
    };
    if (h->version >= 0x203)
        h->initrd_addr_max = get_le32(p + HDR_INITRD_ADDR_MAX);
    if (h->version >= 0x206)
        h->cmdline_size = get_le32(p + HDR_CMDLINE_SIZE);
    if (h->version >= 0x20a) {
        uint64_t pref = get_le64(p + HDR_PREF_ADDRESS);
        if (pref <= UINT32_MAX)
            h->run_end = pref + get_le32(p + HDR_INIT_SIZE);
    }
}

/* Reads the header of the file and checks that it is a kernel which can be loaded. */
static int parse_kernel(const char *name, const uint8_t *data, size_t size, struct header *h,
                        GError **err)
{
    if (size < HDR_END || get_le32(data + HDR_MAGIC) != HDRS_MAGIC ||
        get_le16(data + HDR_BOOT_FLAG) != 0xaa55)
        return fail(err, EINVAL, "-kernel %s: not a Linux kernel: no HdrS signature", name);
    read_header(h, data);
    if (h->version < 0x202 || !(h->loadflags & LOADED_HIGH))
        return fail(err, EINVAL, "-kernel %s: boot protocol %u.%02u of a zImage is too old", name,
                    h->version >> 8, h->version & 0xff);
    if (h->setup_size > SETUP_MAX)
        return fail(err, EINVAL, "-kernel %s: a setup of %u bytes; at most %u fit", name,
                    h->setup_size, SETUP_MAX);
    if (size <= h->setup_size)
        return fail(err, EINVAL, "-kernel %s: cut short: %zu bytes, and the setup alone has %u",
                    name, size, h->setup_size);
    /* 4 bytes since protocol 2.04 */
    uint64_t wanted = h->version >= 0x204 ? UINT64_C(16) * get_le32(data + HDR_SYSSIZE) : 0;
    if (size - h->setup_size + 15 < wanted)
        return fail(err, EINVAL, "-kernel %s: cut short: %zu of %" PRIu64 " bytes", name, size,
                    h->setup_size + wanted);
    return 0;
}

/* Checks that kernel and command line fit where they go. */
static int check_room(const struct kernel_config *c, const struct header *h, uint64_t ram,
                      uint64_t kernel_end, GError **err)
{
    if (kernel_end > ram)
        return fail(err, ENOMEM,
                    "-kernel %s: needs memory up to 0x%" PRIx64 "; the guest's ends at 0x%" PRIx64,
                    c->kernel, kernel_end, ram);
    size_t length = c->append ? strlen(c->append) : 0, most = MIN(h->cmdline_size, CMDLINE_MAX - 1);
    if (length > most)
        return fail(err, E2BIG, "-append: %zu characters; the kernel %s takes at most %zu", length,
                    c->kernel, most);
    return 0;
}

/*
 * The initrd goes to the highest page that the kernel allows and memory has, above all that the
 * kernel uses before it has looked at the initrd.
 */
static int place_initrd(const struct kernel_config *c, const struct header *h, uint64_t ram,
                        uint64_t kernel_end, uint64_t size, uint32_t *address, GError **err)
{
    uint64_t top = MIN(ram, (uint64_t)h->initrd_addr_max + 1);
    if (size > top || ((top - size) & -(uint64_t)PAGE_SIZE) < kernel_end)
        return fail(err, ENOMEM,
                    "-initrd %s: %" PRIu64 " bytes do not fit between the kernel, which ends at "
                    "0x%" PRIx64 ", and 0x%" PRIx64,
                    c->initrd, size, kernel_end, top);
    *address = (uint32_t)((top - size) & -(uint64_t)PAGE_SIZE);
    return 0;
}

/* False: it is no video mode. */
static bool parse_video_mode(const char *value, uint16_t *mode)
{
    static const struct {
        const char *name;
        uint16_t mode;
    } names[] = { { "normal", 0xffff }, { "ext", 0xfffe }, { "ask", 0xfffd } };
    bool hex = g_ascii_strncasecmp(value, "0x", 2) == 0;
    guint64 number;

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(value, names[i].name) == 0) {
            *mode = names[i].mode;
            return true;
        }
    if (!g_ascii_string_to_unsigned(hex ? value + 2 : value, hex ? 16 : 10, 0, UINT16_MAX, &number,
                                    NULL))
        return false;
    *mode = (uint16_t)number;
    return true;
}

/* vga= is the boot loader's to obey (boot protocol, "Special command line options"). */
static void fill_video_mode(uint8_t *p, const char *append)
{
    g_auto(GStrv) words = g_strsplit(append, " ", -1);
    uint16_t mode;

    for (char **w = words; *w != NULL; w++)
        if (g_str_has_prefix(*w, "vga=") && parse_video_mode(*w + strlen("vga="), &mode))
            put_le16(p + HDR_VID_MODE, mode);
}

/* The boot loader's part of the header. */
static void fill_setup(uint8_t *p, const char *append, uint32_t initrd_addr, uint32_t initrd_size)
{
    fill_video_mode(p, append);
    p[HDR_TYPE_OF_LOADER] = LOADER_UNLISTED;
    p[HDR_LOADFLAGS] |= CAN_USE_HEAP;
    put_le16(p + HDR_HEAP_END_PTR, HEAP_END_PTR);
    put_le32(p + HDR_CMD_LINE_PTR, CMDLINE_ADDR);
    put_le32(p + HDR_RAMDISK_IMAGE, initrd_addr);
    put_le32(p + HDR_RAMDISK_SIZE, initrd_size);
}

/* One thing to load: three items of fw_cfg. */
static void put_items(struct kernel_image *image, unsigned at, const uint16_t keys[3],
                      uint32_t address, const void *data, uint64_t size)
{
    put_le32(image->numbers[at], address);
    put_le32(image->numbers[at + 1], (uint32_t)size);
    image->items[at] = (struct kernel_item){ keys[0], image->numbers[at], 4 };
    image->items[at + 1] = (struct kernel_item){ keys[1], image->numbers[at + 1], 4 };
    image->items[at + 2] = (struct kernel_item){ keys[2], data, (size_t)size };
}

/* The files are open: checks and places everything. */
static int lay_out(const struct kernel_config *c, struct kernel_image *image, GError **err)
{
    static const uint16_t setup_keys[] = { FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE,
                                           FW_CFG_SETUP_DATA };
    static const uint16_t kernel_keys[] = { FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE,
                                            FW_CFG_KERNEL_DATA };
    static const uint16_t cmdline_keys[] = { FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE,
                                             FW_CFG_CMDLINE_DATA };
    static const uint16_t initrd_keys[] = { FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE,
                                            FW_CFG_INITRD_DATA };

    const uint8_t *data = (const uint8_t *)g_mapped_file_get_contents(image->kernel);
    size_t size = g_mapped_file_get_length(image->kernel);
    uint64_t initrd_size = image->initrd ? g_mapped_file_get_length(image->initrd) : 0;
    uint64_t ram = c->ram_below_4g > c->reserve ? c->ram_below_4g - c->reserve : 0;
    uint32_t initrd_addr = 0;
    struct header h = { 0 };

    int ret = parse_kernel(c->kernel, data, size, &h, err);
    if (ret < 0)
        return ret;
    uint64_t kernel_size = size - h.setup_size;
    uint64_t kernel_end = MAX(KERNEL_ADDR + kernel_size, h.run_end);
    ret = check_room(c, &h, ram, kernel_end, err);
    if (ret == 0 && initrd_size > 0)
        ret = place_initrd(c, &h, ram, kernel_end, initrd_size, &initrd_addr, err);
    if (ret < 0)
        return ret;

    image->setup = g_memdup2(data, h.setup_size);
    image->append = g_strdup(c->append ? c->append : "");
    fill_setup(image->setup, image->append, initrd_addr, (uint32_t)initrd_size);
    put_items(image, 0, setup_keys, SETUP_ADDR, image->setup, h.setup_size);
    put_items(image, 3, kernel_keys, KERNEL_ADDR, data + h.setup_size, kernel_size);
    put_items(image, 6, cmdline_keys, CMDLINE_ADDR, image->append, strlen(image->append) + 1);
    put_items(image, 9, initrd_keys, initrd_addr,
              image->initrd ? g_mapped_file_get_contents(image->initrd) : NULL, initrd_size);
    return 0;
}

int kernel_load(const struct kernel_config *config, struct kernel_image *image, GError **err)
{
    *image = (struct kernel_image){ 0 };
    int ret = open_file("-kernel", config->kernel, &image->kernel, err);
    if (ret == 0 && config->initrd)
        ret = open_file("-initrd", config->initrd, &image->initrd, err);
    if (ret == 0)
        ret = lay_out(config, image, err);
    if (ret < 0)
        kernel_unload(image);
    return ret;
}

void kernel_unload(struct kernel_image *image)
{
    if (image->kernel)
        g_mapped_file_unref(image->kernel);
    if (image->initrd)
        g_mapped_file_unref(image->initrd);
    g_free(image->setup);
    g_free(image->append);
    *image = (struct kernel_image){ 0 };
}
