/*
 * Intel 82441FX PCI and Memory Controller (PMC), datasheet 290549-001.
 *
 * Two things of it matter to a guest: configuration mechanism 1 (CONFADD and CONFDATA), and the
 * registers that decide who answers between 0xA0000 and 0xFFFFF: PAM0 to PAM6 for the shadow
 * segments, SMRAM for the window that is otherwise the VGA's. DRAM timing registers remember what
 * the BIOS writes.
 */
#include "hw/pci/i440fx.h"

#include "base/bytes.h"
#include "hw/core/pci.h"
#include "hw/core/state.h"

/* Configuration registers (datasheet 3.2). */
enum {
    PMCCFG = 0x50,
    DETURBO = 0x52,
    DBC = 0x53,
    AXC = 0x54,
    DRT = 0x55,
    DRAMC = 0x57,
    DRAMT = 0x58,
    PAM0 = 0x59,
    DRB0 = 0x60,
    FDHC = 0x68,
    MTT = 0x70,
    CLT = 0x71,
    SMRAM = 0x72,
    ERRCMD = 0x90,
    ERRSTS = 0x91,
    TRC = 0x93,
};

#define PAM_RE 1 /* reads go to DRAM; else to PCI, where the BIOS ROM is */
#define PAM_WE 2 /* writes go to DRAM; else to PCI */

#define SMRAM_D_OPEN   0x40
#define SMRAM_D_CLS    0x20
#define SMRAM_D_LCK    0x10
#define SMRAM_G_SMRAME 0x08
#define SMRAM_BASE_SEG 0x02 /* C_BASE_SEG = 010: 0xA0000, the only value */

#define CONFADD_ENABLE 0x80000000u

/* 0xC0000 to 0xEFFFF in 16 KiB segments, then one of 64 KiB (datasheet table 8). */
#define N_SEGMENTS  13
/* One for SMRAM, and at most one block per segment. */
#define SMRAM_BLOCK N_SEGMENTS

struct i440fx {
    struct pci_device pci;
    uint32_t confadd;
    /* derived from PAM and SMRAM */
    uint8_t attr[N_SEGMENTS]; /* what is mapped now: PAM_RE | PAM_WE */
    /* host */
    uint8_t *legacy_ram, *bios;
    struct region config_address, config_data;
    struct mem_block block[N_SEGMENTS + 1];
    struct region write_through[N_SEGMENTS]; /* reads from ROM, writes to RAM */
    struct write_window {
        struct i440fx *chip;
        uint32_t base;
    } window[N_SEGMENTS];
};

void i440fx_set_memory(struct device *dev, uint8_t *legacy_ram, uint8_t *bios)
{
    struct i440fx *c = (struct i440fx *)dev;

    c->legacy_ram = legacy_ram;
    c->bios = bios;
}

/* ---- Who answers in the legacy segments ---- */

static uint32_t segment_base(unsigned n)
{
    return 0xc0000 + n * 0x4000;
}

static uint32_t segment_size(unsigned n)
{
    return n == N_SEGMENTS - 1 ? 0x10000 : 0x4000;
}

/* PAM0's high nibble is the F segment; PAM1 to PAM6 hold two segments each, the lower one low. */
static uint8_t segment_attr(const struct i440fx *c, unsigned n)
{
    const uint8_t *pam = c->pci.config + PAM0;
    uint8_t nibble = n == N_SEGMENTS - 1 ? pam[0] >> 4 : pam[1 + n / 2] >> (n % 2 * 4);

    return nibble & (PAM_RE | PAM_WE);
}

static uint8_t *ram_at(const struct i440fx *c, uint32_t gpa)
{
    return c->legacy_ram + (gpa - I440FX_LEGACY_BASE);
}

/* NULL: no ROM there, reads come back all ones from PCI. */
static uint8_t *rom_at(const struct i440fx *c, uint32_t gpa)
{
    return c->bios != NULL && gpa >= I440FX_BIOS_BASE ? c->bios + (gpa - I440FX_BIOS_BASE) : NULL;
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct write_window *w = opaque;
    const uint8_t *rom = rom_at(w->chip, w->base);

    return rom != NULL ? rom[offset] : 0xff;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    const struct write_window *w = opaque;

    *(ram_at(w->chip, w->base) + offset) = (uint8_t)value;
}

static const struct region_ops window_ops = { .read = window_read, .write = window_write };

/*
 * A segment that is read from ROM and written to RAM is a read-only block, whose writes reach the
 * bus, with a window on the bus below it that takes them.
 */
static void map_segment(struct i440fx *c, unsigned n, uint8_t attr)
{
    const struct services *s = c->pci.dev.services;
    struct mem_block *block = &c->block[n];
    uint32_t base = segment_base(n);

    memmap_unmap(s->mem, block);
    bus_unmap(s->bus, &c->write_through[n]);
    block->host = (attr & PAM_RE) != 0 ? ram_at(c, base) : rom_at(c, base);
    block->flags = attr == (PAM_RE | PAM_WE) ? 0 : MEM_READONLY;
    if (block->host != NULL && memmap_map(s->mem, block, base) < 0)
        guest_fault(&c->pci.dev, "segment 0x%x is not free", base);
    if (attr == PAM_WE)
        bus_map(s->bus, &c->write_through[n], BUS_MMIO, base, segment_size(n));
}

static void update_pam(struct i440fx *c, bool force)
{
    if (c->legacy_ram == NULL)
        return;
    for (unsigned n = 0; n < N_SEGMENTS; n++) {
        uint8_t attr = segment_attr(c, n);
        if (attr == c->attr[n] && !force)
            continue;
        c->attr[n] = attr;
        map_segment(c, n, attr);
    }
}

/* Open SMRAM shows DRAM to everybody where the VGA would answer. No core here runs in SMM. */
static void update_smram(struct i440fx *c)
{
    const struct services *s = c->pci.dev.services;
    uint8_t smram = c->pci.config[SMRAM];
    bool open = (smram & SMRAM_D_OPEN) != 0 && (smram & SMRAM_D_CLS) == 0 && c->legacy_ram != NULL;
    struct mem_block *block = &c->block[SMRAM_BLOCK];

    if (!open)
        memmap_unmap(s->mem, block);
    else if (!block->mapped && memmap_map(s->mem, block, I440FX_LEGACY_BASE) < 0)
        guest_fault(&c->pci.dev, "SMRAM: 0x%x is not free", I440FX_LEGACY_BASE);
}

/* D_LCK closes the window and makes the register read-only until reset (datasheet 3.2.20). */
static void smram_written(struct i440fx *c)
{
    uint8_t *smram = &c->pci.config[SMRAM];

    if ((*smram & SMRAM_D_LCK) != 0) {
        *smram &= (uint8_t)~SMRAM_D_OPEN;
        c->pci.wmask[SMRAM] = SMRAM_D_CLS;
    }
    update_smram(c);
}

static void i440fx_config_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    struct i440fx *c = (struct i440fx *)pci;

    if (offset <= PAM0 + 6 && offset + size > PAM0)
        update_pam(c, false);
    if (offset <= SMRAM && offset + size > SMRAM)
        smram_written(c);
    if (offset <= TRC && offset + size > TRC && (pci->config[TRC] & 0x04) != 0)
        pci->dev.services->power(pci->dev.services->opaque, POWER_RESET);
}

/* ---- Configuration mechanism 1 ---- */

/* CONFADD answers to dwords only; narrower cycles belong to others (0xCF9 is the PIIX3's). */
static uint64_t confadd_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((struct i440fx *)opaque)->confadd;
}

static void confadd_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct i440fx *)opaque)->confadd = (uint32_t)value & 0x80fffffc;
}

/* The bus and function a data cycle goes to; false: the cycle is not a configuration cycle. */
static bool config_target(const struct i440fx *c, uint8_t *devfn)
{
    *devfn = (uint8_t)(c->confadd >> 8);
    return (c->confadd & CONFADD_ENABLE) != 0 && (c->confadd >> 16 & 0xff) == 0;
}

static uint64_t confdata_read(void *opaque, uint64_t offset, unsigned size)
{
    struct i440fx *c = opaque;
    uint8_t devfn;

    if (!config_target(c, &devfn))
        return UINT64_MAX;
    return pci_config_read(c->pci.bus, devfn, (c->confadd & 0xfc) + (unsigned)offset, size);
}

static void confdata_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct i440fx *c = opaque;
    uint8_t devfn;

    if (config_target(c, &devfn))
        pci_config_write(c->pci.bus, devfn, (c->confadd & 0xfc) + (unsigned)offset, (uint32_t)value,
                         size);
}

static const struct region_ops confadd_ops = {
    .read = confadd_read,
    .write = confadd_write,
    .valid = 4,
    .impl = 4,
};
static const struct region_ops confdata_ops = {
    .read = confdata_read,
    .write = confdata_write,
    .impl = 1 | 2 | 4,
};

/* ---- Life ---- */

static void init_config(struct pci_device *pci)
{
    /* Memory and master are always on for the host bridge (datasheet 3.2.3). */
    pci_set_config(pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    pci_set_wmask(pci, PCI_COMMAND, 0x0140, 2);
    pci_set_config(pci, PCI_STATUS, 0x0280, 2);
    pci_set_wmask(pci, PCI_INTERRUPT_LINE, 0, 1);
    pci_set_config(pci, DBC, 0x83, 1);
    pci_set_config(pci, DRAMC, 0x01, 1);
    pci_set_config(pci, DRAMT, 0x10, 1);
    pci_set_config(pci, CLT, 0x10, 1);
    pci_set_config(pci, SMRAM, SMRAM_BASE_SEG, 1);
    pci_set_wmask(pci, PMCCFG, 0xffffffff, 4); /* to DBC */
    pci_set_wmask(pci, AXC, 0xffffffff, 4);    /* to DRAMC */
    pci_set_wmask(pci, DRAMT, 0xff, 1);
    for (unsigned i = 0; i < 7; i++)
        pci_set_wmask(pci, PAM0 + i, i == 0 ? 0x30 : 0x33, 1);
    for (unsigned i = 0; i < 8; i++) {
        pci_set_config(pci, DRB0 + i, 0x01, 1);
        pci_set_wmask(pci, DRB0 + i, 0xff, 1);
    }
    pci_set_wmask(pci, FDHC, 0xff, 1);
    pci_set_wmask(pci, MTT, 0xf8, 1);
    pci_set_wmask(pci, CLT, 0xf8, 1);
    pci_set_wmask(pci, ERRCMD, 0x1f, 1);
    pci->w1c[ERRSTS] = 0x11;
    pci_set_wmask(pci, TRC, 0x0e, 1);
}

static void init_blocks(struct i440fx *c)
{
    for (unsigned n = 0; n < N_SEGMENTS; n++) {
        c->block[n] = (struct mem_block){ .name = "pam", .size = segment_size(n) };
        c->window[n] = (struct write_window){ c, segment_base(n) };
        c->write_through[n] = (struct region){ .name = "pam",
                                               .ops = &window_ops,
                                               .owner = &c->pci.dev,
                                               .opaque = &c->window[n],
                                               .priority = REGION_FIXED };
    }
    c->block[SMRAM_BLOCK] = (struct mem_block){ .name = "smram", .size = 0x20000 };
    if (c->legacy_ram != NULL)
        c->block[SMRAM_BLOCK].host = ram_at(c, I440FX_LEGACY_BASE);
}

static int i440fx_create(struct device *dev, GError **err)
{
    struct i440fx *c = (struct i440fx *)dev;

    init_config(&c->pci);
    init_blocks(c);
    /* Below the PIIX3's reset control at 0xCF9, whichever chip is made first. */
    c->config_address = (struct region){ .name = "CONFADD",
                                         .ops = &confadd_ops,
                                         .owner = dev,
                                         .opaque = c,
                                         .priority = REGION_PCI_BAR };
    c->config_data = (struct region){ .name = "CONFDATA",
                                      .ops = &confdata_ops,
                                      .owner = dev,
                                      .opaque = c,
                                      .priority = REGION_FIXED };
    bus_map(dev->services->bus, &c->config_address, BUS_PIO, 0xcf8, 4);
    bus_map(dev->services->bus, &c->config_data, BUS_PIO, 0xcfc, 4);
    update_pam(c, true);
    return 0;
}

static void i440fx_reset(struct device *dev)
{
    struct i440fx *c = (struct i440fx *)dev;

    c->confadd = 0;
    c->pci.wmask[SMRAM] = SMRAM_D_OPEN | SMRAM_D_CLS | SMRAM_D_LCK | SMRAM_G_SMRAME;
    update_pam(c, false);
    update_smram(c);
}

static int i440fx_post_load(struct device *dev, GError **err)
{
    struct i440fx *c = (struct i440fx *)dev;

    update_pam(c, false);
    smram_written(c);
    return 0;
}

static void i440fx_destroy(struct device *dev)
{
    struct i440fx *c = (struct i440fx *)dev;

    for (unsigned n = 0; n < N_SEGMENTS; n++)
        bus_unmap(dev->services->bus, &c->write_through[n]);
    for (unsigned n = 0; n <= SMRAM_BLOCK; n++)
        memmap_unmap(dev->services->mem, &c->block[n]);
    bus_unmap(dev->services->bus, &c->config_address);
    bus_unmap(dev->services->bus, &c->config_data);
}

static const struct state_field i440fx_state[] = { STATE_FIELD(struct i440fx, confadd), {} };

static const struct pci_info i440fx_info = {
    .vendor = 0x8086,
    .device = 0x1237,
    /* Not the chip's: by these, firmware knows that there may be fw_cfg. */
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x060000,
    .revision = 2,
    .config_written = i440fx_config_written,
};

const struct device_kind i440fx_kind = {
    .name = "i440FX",
    .desc = "Intel 82441FX host bridge",
    .size = sizeof(struct i440fx),
    .base = &pci_device_base,
    .pci = &i440fx_info,
    .state = i440fx_state,
    .state_version = 1,
    .create = i440fx_create,
    .reset = i440fx_reset,
    .post_load = i440fx_post_load,
    .destroy = i440fx_destroy,
};
