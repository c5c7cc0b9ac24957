/*
 * The firmware configuration device.
 */
#include "fwcfg.h"
#include "post.h"
#include "print.h"
#include "timer.h"
#include "x86.h"

#define PORT_SELECT 0x510
#define PORT_DATA   0x511
#define PORT_DMA    0x514 /* big endian: high half here, low half at 518h starts */

#define KEY_SIGNATURE 0x00
#define KEY_FEATURES  0x01
#define KEY_DIRECTORY 0x19

#define DMA_ERROR  0x01
#define DMA_READ   0x02
#define DMA_SKIP   0x04
#define DMA_SELECT 0x08
#define DMA_WRITE  0x10

#define MAX_FILES 64

struct dma_access {
    uint32_t control, length, address_high, address_low; /* big endian */
};

static bool present, dma;
static unsigned file_count;
static struct fwcfg_file files[MAX_FILES];

static bool dma_transfer(uint32_t control, void *buf, uint32_t len)
{
    volatile struct dma_access access = { __builtin_bswap32(control), __builtin_bswap32(len), 0,
                                          __builtin_bswap32((uint32_t)buf) };
    outl(PORT_DMA, 0);
    outl(PORT_DMA + 4, __builtin_bswap32((uint32_t)&access));
    uint32_t deadline = timer_after(5000);
    while (access.control & ~__builtin_bswap32(DMA_ERROR)) {
        if (timer_passed(deadline))
            return false;
        cpu_pause();
    }
    __asm__ volatile("" ::: "memory");
    return !access.control;
}

/* Reads on from where the selected item stands. */
static void read_on(void *buf, uint32_t len)
{
    if (dma)
        dma_transfer(DMA_READ, buf, len);
    else
        __asm__ volatile("rep insb" : "+D"(buf), "+c"(len) : "d"(PORT_DATA) : "memory");
}

void fwcfg_read(uint16_t key, uint32_t offset, void *buf, uint32_t len)
{
    if (dma && offset) {
        dma_transfer((uint32_t)key << 16 | DMA_SELECT | DMA_SKIP, NULL, offset);
    } else {
        outw(PORT_SELECT, key);
        while (offset--)
            inb(PORT_DATA);
    }
    read_on(buf, len);
}

uint16_t fwcfg_u16(uint16_t key)
{
    uint16_t v = 0;
    if (present)
        fwcfg_read(key, 0, &v, sizeof(v));
    return v;
}

static void read_directory(void)
{
    struct {
        uint32_t size;
        uint16_t key, reserved;
        char name[56];
    } entry;
    uint32_t count;
    fwcfg_read(KEY_DIRECTORY, 0, &count, sizeof(count));
    count = __builtin_bswap32(count);
    if (count > MAX_FILES) {
        debug("fw_cfg: %u files, using %u\n", count, MAX_FILES);
        count = MAX_FILES;
    }
    for (uint32_t i = 0; i < count; i++) {
        read_on(&entry, sizeof(entry));
        files[i].size = __builtin_bswap32(entry.size);
        files[i].key = __builtin_bswap16(entry.key);
        memcpy(files[i].name, entry.name, sizeof(entry.name));
        files[i].name[sizeof(entry.name) - 1] = 0;
    }
    file_count = count;
}

void fwcfg_init(void)
{
    uint32_t v;
    fwcfg_read(KEY_SIGNATURE, 0, &v, sizeof(v));
    if (memcmp(&v, "QEMU", 4) != 0)
        return;
    present = true;
    fwcfg_read(KEY_FEATURES, 0, &v, sizeof(v));
    dma = v & 2;
    read_directory();
    debug("fw_cfg: %u files, %s\n", file_count, dma ? "DMA" : "port");
}

bool fwcfg_present(void)
{
    return present;
}

const struct fwcfg_file *fwcfg_file(unsigned i)
{
    return i < file_count ? &files[i] : NULL;
}

const struct fwcfg_file *fwcfg_find(const char *name)
{
    for (unsigned i = 0; i < file_count; i++) {
        if (string_equal(files[i].name, name))
            return &files[i];
    }
    return NULL;
}

uint64_t fwcfg_integer(const char *name, uint64_t missing)
{
    const struct fwcfg_file *file = fwcfg_find(name);
    uint64_t v = 0;
    if (!file || file->size > sizeof(v))
        return missing;
    fwcfg_read(file->key, 0, &v, file->size);
    return v;
}

bool fwcfg_write(const struct fwcfg_file *file, uint32_t offset, const void *buf, uint32_t len)
{
    uint8_t copy[8];
    if (!dma || len > sizeof(copy))
        return false;
    memcpy(copy, buf, len);
    return dma_transfer((uint32_t)file->key << 16 | DMA_SELECT | DMA_SKIP, NULL, offset) &&
           dma_transfer(DMA_WRITE, copy, len);
}
