/*
 * Option ROMs: from the ROM base registers of PCI functions (PCI Firmware 3.0, 5) and from the
 * host's files vgaroms/ and genroms/. Copied to C0000-DFFFF, checked, called; their PnP headers
 * (PnP BIOS 1.0a, 3.2) name what they can boot.
 */
#include "bda.h"
#include "devices.h"
#include "fwcfg.h"
#include "pci.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define ROM_FIRST 0xC0000
#define ROM_END   0xE0000
#define ROM_ALIGN 0x800
#define ROM_STACK 0x7C00
#define CLASS_VGA 0x0300

#define PNP_NAME 0x10 /* product name, offset */
#define PNP_TYPE 0x12 /* device type: 12h-14h, indicators 15h */
#define PNP_BCV  0x16
#define PNP_BEV  0x1A

struct rom {
    uint8_t *at;
    int16_t priority;
};

extern uint8_t pnp_header[];

static uint8_t *next_free = (uint8_t *)ROM_FIRST;
static struct rom roms[16];
static unsigned rom_count;

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static bool rom_is_valid(const uint8_t *rom, uint32_t limit, const char *from)
{
    if (get16(rom) != 0xAA55) {
        debug("option ROM %s: no signature\n", from);
        return false;
    }
    uint32_t size = rom[2] * 512U;
    if (!size || size > limit || byte_sum(rom, size)) {
        screen("Option ROM %s: bad length or checksum, not used\n", from);
        return false;
    }
    return true;
}

/*
 * PCI Firmware 3.0, 5.2.1.25: ROMs start in "big real mode". SeaVGABIOS and QEMU's own ROMs also
 * count on a stack in segment 0.
 */
void call_rom(struct regs *r)
{
    r->ss = 0;
    r->sp = ROM_STACK;
    call16((uint32_t)devices_call_rom, (uint32_t)r - BIOS_SEG_LIN);
}

static void call_vector(const uint8_t *rom, uint16_t offset, uint16_t bdf)
{
    struct regs r = { .cs = (uint16_t)((uint32_t)rom >> 4), .ip = offset, .flags = FLAG_IF };
    r.ax.x = bdf;
    r.bx.x = r.dx.x = 0xFFFF; /* no ISA PnP card */
    r.es = 0xF000;
    r.di.x = (uint16_t)(uint32_t)pnp_header;
    call_rom(&r);
}

/* Runs the ROM that was copied to next_free, and keeps what it leaves of itself. */
static void start_rom(uint16_t bdf, const char *from, int16_t priority)
{
    uint8_t *rom = next_free;
    if (!rom_is_valid(rom, (uint32_t)((uint8_t *)ROM_END - rom), from))
        return;
    debug("option ROM %s at %05x, %u bytes\n", from, (uint32_t)rom, rom[2] * 512);
    call_vector(rom, 3, bdf);
    uint32_t kept = rom[2] * 512U; /* a ROM may shrink itself, even to nothing */
    if (kept > (uint32_t)((uint8_t *)ROM_END - rom))
        kept = (uint32_t)((uint8_t *)ROM_END - rom);
    next_free = (uint8_t *)(((uint32_t)rom + kept + ROM_ALIGN - 1) & ~(ROM_ALIGN - 1U));
    if (kept && rom_count < sizeof(roms) / sizeof(roms[0]))
        roms[rom_count++] = (struct rom){ rom, priority };
}

/*
 * The image for a PC in a ROM that may hold several (PCI Firmware 3.0, 5.1), copied to next_free.
 */
static bool copy_pci_image(uint16_t bdf, const uint8_t *rom, uint32_t size)
{
    uint32_t free = (uint32_t)((uint8_t *)ROM_END - next_free);
    for (uint32_t at = 0; size - at >= 0x20;) {
        uint32_t pcir = at + get16(rom + at + 0x18);
        if (get16(rom + at) != 0xAA55 || pcir > size - 0x18 || memcmp(rom + pcir, "PCIR", 4) != 0)
            return false;
        uint32_t length = get16(rom + pcir + 0x10) * 512U;
        if (!length || length > size - at)
            return false;
        if (rom[pcir + 0x14] == 0) {
            length = rom[at + 2] * 512U > length ? rom[at + 2] * 512U : length;
            if (length > size - at || length > free) {
                screen("Option ROM of PCI %04x: %u KiB are more than the %u free\n", bdf,
                       length >> 10, free >> 10);
                return false;
            }
            memcpy(next_free, rom + at, length);
            return true;
        }
        if (rom[pcir + 0x15] & 0x80)
            return false;
        at += length;
    }
    return false;
}

static bool copy_from_bar(uint16_t bdf)
{
    uint32_t bar = pci_read32(bdf, PCI_ROM);
    pci_write32(bdf, PCI_ROM, 0xFFFFF800);
    uint32_t size = -(pci_read32(bdf, PCI_ROM) & 0xFFFFF800);
    pci_write32(bdf, PCI_ROM, bar);
    if (!(bar & 0xFFFFF800) || !size)
        return false;
    pci_write32(bdf, PCI_ROM, bar | 1);
    bool found = copy_pci_image(bdf, (const uint8_t *)(bar & 0xFFFFF800), size);
    pci_write32(bdf, PCI_ROM, bar & ~1U);
    return found;
}

static void pci_rom(uint16_t bdf)
{
    char from[24], path[32];
    unsigned device = bdf >> 3 & 31, function = bdf & 7;
    if ((pci_read8(bdf, PCI_HEADER) & 0x7F) != 0 || !copy_from_bar(bdf))
        return;
    format(from, sizeof(from), "of PCI %04x", bdf);
    format(path, sizeof(path), function ? "/pci@i0cf8/*@%x,%x" : "/pci@i0cf8/*@%x", device,
           function);
    start_rom(bdf, from, bootorder_find(path));
}

/* Files of the host whose names start with prefix. */
static void file_roms(const char *prefix)
{
    uint32_t n = 0;
    while (prefix[n])
        n++;
    const struct fwcfg_file *file;
    for (unsigned i = 0; (file = fwcfg_file(i)); i++) {
        if (memcmp(file->name, prefix, n) != 0)
            continue;
        char path[72];
        if (file->size < 0x20 || file->size > (uint32_t)((uint8_t *)ROM_END - next_free)) {
            screen("Option ROM %s: no room for %u bytes\n", file->name, file->size);
            continue;
        }
        fwcfg_read(file->key, 0, next_free, file->size);
        format(path, sizeof(path), "/rom@%s", file->name);
        start_rom(0, file->name, bootorder_find(path));
    }
}

static void pci_roms(bool video)
{
    for (unsigned i = 0; i < rt.pci_count; i++) {
        if ((pci_read16(rt.pci_function[i], PCI_CLASS) == CLASS_VGA) == video)
            pci_rom(rt.pci_function[i]);
    }
}

void optionrom_video(void)
{
    pci_roms(true);
    file_roms("vgaroms/");
}

void optionrom_others(void)
{
    pci_roms(false);
    file_roms("genroms/");
}

static void connect_rom(const struct rom *rom)
{
    uint32_t size = rom->at[2] * 512U;
    uint16_t at = get16(rom->at + 0x1A);
    for (unsigned n = 0; at && at + 0x20U <= size && n < 8; n++) {
        const uint8_t *pnp = rom->at + at;
        if (memcmp(pnp, "$PnP", 4) != 0)
            return;
        uint16_t name = get16(pnp + PNP_NAME), bcv = get16(pnp + PNP_BCV),
                 bev = get16(pnp + PNP_BEV);
        const char *text = name && name + 44U < size ? (const char *)rom->at + name : "Option ROM";
        uint16_t seg = (uint16_t)((uint32_t)rom->at >> 4);
        if (bcv)
            call_vector(rom->at, bcv, 0);
        if (bev)
            bootorder_add_rom(seg, bev, text, rom->priority);
        at = get16(pnp + 6);
    }
}

void optionrom_connect(void)
{
    for (unsigned i = 0; i < rom_count; i++)
        connect_rom(&roms[i]);
}
