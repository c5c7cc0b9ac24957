/*
 * Power management: function 3 of the Intel 82371AB (PIIX4), with the general-purpose event block
 * at a place of its own, where ACPI tables for virtual i440FX machines have it.
 *
 * Sources: 82371AB datasheet (290562-001), chapter 7; ACPI specification 1.0b, 4.7.
 *
 * There is no system management mode here: no SMI, device monitors or clock throttling. Nothing
 * is attached to the SMBus.
 */
#include "hw/acpi/piix4_pm.h"

#include "base/bytes.h"
#include "hw/core/clock.h"
#include "hw/core/pci.h"
#include "hw/core/regs.h"
#include "hw/core/state.h"

#include <string.h>

/* Configuration registers. */
enum {
    PMBA = 0x40,
    DEVACTB = 0x58,
    PMREGMISC = 0x80,
    SMBBA = 0x90,
    SMBHSTCFG = 0xd2,
    SMBSLVC = 0xd3,
    SMBSHDW1 = 0xd4,
    SMBSHDW2 = 0xd5,
};

#define PMBA_MASK        0xffc0
#define PMREGMISC_PMIOSE 0x01
#define DEVACTB_APMC_EN  0x02000000
#define SMBBA_MASK       0xfff0
#define SMBHSTCFG_EN     0x01
#define SMBHSTCFG_INTR   0x0e
#define SMBHSTCFG_IRQ9   0x08

/* I/O, from PMBA. */
enum { PM1_EVENT = 0x00, PM1_CONTROL = 0x04, PMTMR = 0x08 };

#define PMSTS_TMROF  0x0001
#define PMSTS_PWRBTN 0x0100
#define PMSTS_RTC    0x0400
#define PMSTS_RSM    0x8000
#define PMSTS_W1C    0x8d31
#define PMEN_WRITE   0x0521 /* timer, global, power button, RTC */

#define PMCNTRL_SCI_EN     0x0001
#define PMCNTRL_SUS_TYP(v) ((v) >> 10 & 7)
#define PMCNTRL_SUS_EN     0x2000
#define PMCNTRL_WRITE      0x1c03

enum { SUS_TYP_SOFF = 0, SUS_TYP_STR = 1 };

#define PMTMR_HZ   3579545
#define PMTMR_BITS 24

/* What the FADT calls ACPI_ENABLE and ACPI_DISABLE. */
#define APMC_PORT         0xb2
#define APMC_ACPI_ENABLE  0xf1
#define APMC_ACPI_DISABLE 0xf0

#define SMBHSTSTS_DEV_ERR 0x04
#define SMBHSTSTS_W1C     0x1e
#define SMBHSTCNT_INTEREN 0x01
#define SMBHSTCNT_START   0x40
#define SMBHSTCNT_WRITE   0x1f
#define SMB_BLOCK         32

struct piix4_pm {
    struct pci_device pci;
    /* PM1 and the event block */
    uint16_t pmsts, pmen, pmcntrl;
    uint16_t gpe0_sts, gpe0_en;
    /* advanced power management control and status, the SMI command port */
    uint8_t apmc, apms;
    /* SMBus */
    uint8_t smbhststs, smbslvsts, smbhstcnt, smbhstcmd, smbhstadd, smbhstdat0, smbhstdat1;
    uint8_t smbslvcnt, smbshdwcmd;
    uint16_t smbslvevt, smbslvdat;
    uint8_t smbblkdat[SMB_BLOCK], smb_index;

    bool asleep;        /* in S3 */
    uint64_t timer_0;   /* ns: when the PM timer was 0 */
    uint32_t rollovers; /* of its top bit, that PMSTS has heard of */
    struct timer rollover;

    struct region event, control, pmtmr, gpe, apm, smbus;
    /* properties */
    uint16_t pm_base, gpe_base;
    uint8_t revision;
    bool pm_events;
};

/* ---- The PM timer ---- */

static uint64_t timer_ticks(const struct piix4_pm *s)
{
    uint64_t now = (uint64_t)clock_now(s->pci.dev.services->clock);

    return now > s->timer_0 ? (uint64_t)muldiv64((int64_t)(now - s->timer_0), PMTMR_HZ, NS_PER_S)
                            : 0;
}

static uint64_t read_timer(void *opaque, unsigned index, uint64_t stored)
{
    return timer_ticks(opaque) & ((1u << PMTMR_BITS) - 1);
}

/* TMROF_STS tells of each change of the top bit. It is looked up when it matters. */
static void note_rollover(struct piix4_pm *s)
{
    uint32_t now = (uint32_t)(timer_ticks(s) >> (PMTMR_BITS - 1));

    if (now != s->rollovers)
        s->pmsts |= PMSTS_TMROF;
    s->rollovers = now;
}

static void arm_rollover(struct piix4_pm *s)
{
    timer_cancel(&s->rollover);
    if ((s->pmcntrl & PMCNTRL_SCI_EN) == 0 || (s->pmen & PMSTS_TMROF) == 0 ||
        (s->pmsts & PMSTS_TMROF) != 0)
        return;
    int64_t ticks = ((int64_t)s->rollovers + 1) << (PMTMR_BITS - 1);
    timer_set(&s->rollover, (int64_t)s->timer_0 + muldiv64(ticks, NS_PER_S, PMTMR_HZ) + 1);
}

/* ---- IRQ9 ---- */

static bool smbus_interrupt(const struct piix4_pm *s)
{
    return (s->pci.config[SMBHSTCFG] & SMBHSTCFG_INTR) == SMBHSTCFG_IRQ9 &&
           (s->smbhstcnt & SMBHSTCNT_INTEREN) != 0 && (s->smbhststs & SMBHSTSTS_W1C) != 0;
}

/* The output and the timer follow from status and enable bits. */
static void drive(struct piix4_pm *s)
{
    bool event = (s->pmsts & s->pmen) != 0 || (s->gpe0_sts & s->gpe0_en) != 0;
    bool sci = event && (s->pmcntrl & PMCNTRL_SCI_EN) != 0;
    irq_set(&s->pci.dev.line[0], sci || smbus_interrupt(s));
    arm_rollover(s);
}

static void update(struct piix4_pm *s)
{
    note_rollover(s);
    drive(s);
}

static void rollover_expired(void *opaque)
{
    update(opaque);
}

/* Sets a status bit of PM1; wakes the machine if it sleeps and this may wake it. */
static void pm1_event(struct piix4_pm *s, uint16_t status, bool wakes)
{
    const struct services *services = s->pci.dev.services;

    s->pmsts |= status;
    update(s);
    if (s->asleep && wakes)
        services->power(services->opaque, POWER_WAKE);
}

bool piix4_pm_asleep(const struct device *dev)
{
    return ((const struct piix4_pm *)dev)->asleep;
}

void piix4_pm_power_button(struct device *dev)
{
    pm1_event((struct piix4_pm *)dev, PMSTS_PWRBTN, true);
}

void piix4_pm_rtc_alarm(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    pm1_event(s, PMSTS_RTC, (s->pmen & PMSTS_RTC) != 0);
}

void piix4_pm_gpe(struct device *dev, unsigned bit)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    if (bit < 16)
        s->gpe0_sts |= (uint16_t)(1u << bit);
    update(s);
}

/* ---- Registers ---- */

static uint64_t read_pmsts(void *opaque, unsigned index, uint64_t stored)
{
    struct piix4_pm *s = opaque;

    note_rollover(s);
    return s->pmsts;
}

/* A rollover from before the write is cleared by it too. */
static void pmsts_written(void *opaque, unsigned index, uint64_t old, uint64_t value)
{
    struct piix4_pm *s = opaque;

    note_rollover(s);
    s->pmsts &= (uint16_t) ~(value & PMSTS_W1C);
    update(s);
}

static void status_or_enable_written(void *opaque, unsigned index, uint64_t old, uint64_t value)
{
    update(opaque);
}

static void enter_sleep(struct piix4_pm *s, unsigned type)
{
    const struct services *services = s->pci.dev.services;

    switch (type) {
    case SUS_TYP_SOFF: services->power(services->opaque, POWER_OFF); break;
    case SUS_TYP_STR:
        s->asleep = true;
        services->power(services->opaque, POWER_SUSPEND);
        break;
    default: guest_fault(&s->pci.dev, "suspend type %u is not in our tables", type); break;
    }
}

static void pmcntrl_written(void *opaque, unsigned index, uint64_t old, uint64_t value)
{
    struct piix4_pm *s = opaque;

    if ((value & PMCNTRL_SUS_EN) != 0)
        enter_sleep(s, PMCNTRL_SUS_TYP(value));
    update(s);
}

/* Where a BIOS would take a system management interrupt and do this. */
static void apmc_written(void *opaque, unsigned index, uint64_t old, uint64_t value)
{
    struct piix4_pm *s = opaque;

    if (value == APMC_ACPI_ENABLE)
        s->pmcntrl |= PMCNTRL_SCI_EN;
    else if (value == APMC_ACPI_DISABLE)
        s->pmcntrl &= (uint16_t)~PMCNTRL_SCI_EN;
    update(s);
}

static const struct reg event_regs[] = {
    REG(0x0, struct piix4_pm, pmsts, .w1c = PMSTS_W1C, .on_read = read_pmsts,
        .on_write = pmsts_written),
    REG(0x2, struct piix4_pm, pmen, .write_mask = PMEN_WRITE, .on_write = status_or_enable_written),
};
static const struct reg control_regs[] = {
    REG(0x0, struct piix4_pm, pmcntrl, .write_mask = PMCNTRL_WRITE, .on_write = pmcntrl_written),
};
static const struct reg timer_regs[] = {
    { .name = "pmtmr", .width = 4, .field = REG_NO_FIELD, .on_read = read_timer },
};
static const struct reg gpe_regs[] = {
    REG(0x0, struct piix4_pm, gpe0_sts, .w1c = 0xffff, .on_write = status_or_enable_written),
    REG(0x2, struct piix4_pm, gpe0_en, .write_mask = 0xffff, .on_write = status_or_enable_written),
};
static const struct reg apm_regs[] = {
    REG(0x0, struct piix4_pm, apmc, .write_mask = 0xff, .on_write = apmc_written),
    REG(0x1, struct piix4_pm, apms, .write_mask = 0xff),
};

/* ---- SMBus ---- */

/* Also sets the block data pointer back. */
static uint64_t read_smbhstcnt(void *opaque, unsigned index, uint64_t stored)
{
    ((struct piix4_pm *)opaque)->smb_index = 0;
    return stored;
}

/* Every address is answered by nobody. */
static void smbhstcnt_written(void *opaque, unsigned index, uint64_t old, uint64_t value)
{
    struct piix4_pm *s = opaque;

    if ((value & SMBHSTCNT_START) != 0)
        s->smbhststs |= SMBHSTSTS_DEV_ERR;
    update(s);
}

static uint8_t *next_block_byte(struct piix4_pm *s)
{
    uint8_t *byte = &s->smbblkdat[s->smb_index];

    s->smb_index = (uint8_t)((s->smb_index + 1) % SMB_BLOCK);
    return byte;
}

static uint64_t read_smbblkdat(void *opaque, unsigned index, uint64_t stored)
{
    return *next_block_byte(opaque);
}

static void smbblkdat_written(void *opaque, unsigned index, uint64_t old, uint64_t value)
{
    *next_block_byte(opaque) = (uint8_t)value;
}

static const struct reg smbus_regs[] = {
    REG(0x0, struct piix4_pm, smbhststs, .w1c = SMBHSTSTS_W1C,
        .on_write = status_or_enable_written),
    REG(0x1, struct piix4_pm, smbslvsts, .w1c = 0x3c),
    REG(0x2, struct piix4_pm, smbhstcnt, .write_mask = SMBHSTCNT_WRITE, .on_read = read_smbhstcnt,
        .on_write = smbhstcnt_written),
    REG(0x3, struct piix4_pm, smbhstcmd, .write_mask = 0xff),
    REG(0x4, struct piix4_pm, smbhstadd, .write_mask = 0xff),
    REG(0x5, struct piix4_pm, smbhstdat0, .write_mask = 0xff),
    REG(0x6, struct piix4_pm, smbhstdat1, .write_mask = 0xff),
    { .offset = 0x7,
      .name = "smbblkdat",
      .width = 1,
      .field = REG_NO_FIELD,
      .on_read = read_smbblkdat,
      .on_write = smbblkdat_written },
    REG(0x8, struct piix4_pm, smbslvcnt, .write_mask = 0x0f),
    REG(0x9, struct piix4_pm, smbshdwcmd),
    REG(0xa, struct piix4_pm, smbslvevt, .write_mask = 0xffff),
    REG(0xc, struct piix4_pm, smbslvdat),
};

/* ---- Where the registers are ---- */

#define REGS(table)                                    \
    {                                                  \
        .regs = (table), .n_regs = G_N_ELEMENTS(table) \
    }

static const struct region_ops event_ops = REGS(event_regs);
static const struct region_ops control_ops = REGS(control_regs);
static const struct region_ops timer_ops = REGS(timer_regs);
static const struct region_ops gpe_ops = REGS(gpe_regs);
static const struct region_ops apm_ops = REGS(apm_regs);
static const struct region_ops smbus_ops = REGS(smbus_regs);

/* Port 0: the region is not decoded. */
static void place(struct piix4_pm *s, struct region *region, uint16_t port, unsigned size)
{
    struct bus *bus = s->pci.dev.services->bus;

    if (port == 0)
        bus_unmap(bus, region);
    else if (!region->mapped || region->base != port)
        bus_map(bus, region, BUS_PIO, port, size);
}

static void place_all(struct piix4_pm *s)
{
    const uint8_t *config = s->pci.config;
    uint16_t pm = get_le16(config + PMBA) & PMBA_MASK, smb = get_le16(config + SMBBA) & SMBBA_MASK;

    if ((config[PMREGMISC] & PMREGMISC_PMIOSE) == 0)
        pm = 0;
    if ((config[SMBHSTCFG] & SMBHSTCFG_EN) == 0 || (config[PCI_COMMAND] & PCI_COMMAND_IO) == 0)
        smb = 0;
    place(s, &s->event, pm != 0 && s->pm_events ? pm + PM1_EVENT : 0, 4);
    place(s, &s->control, pm != 0 ? pm + PM1_CONTROL : 0, 4);
    place(s, &s->pmtmr, pm != 0 && s->pm_events ? pm + PMTMR : 0, 4);
    place(s, &s->smbus, smb, 16);
}

static void config_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    struct piix4_pm *s = (struct piix4_pm *)pci;

    place_all(s);
    update(s);
}

/* ---- Life ---- */

static void init_region(struct piix4_pm *s, struct region *region, const char *name,
                        const struct region_ops *ops)
{
    *region = (struct region){
        .name = name, .ops = ops, .owner = &s->pci.dev, .opaque = s, .priority = REGION_FIXED
    };
}

static void init_config(struct pci_device *pci, uint16_t pm_base)
{
    pci_set_config(pci, PCI_STATUS, 0x0280, 2);
    pci_set_config(pci, PCI_REVISION_ID, ((struct piix4_pm *)pci)->revision, 1);
    pci_set_config(pci, PMBA, (pm_base & PMBA_MASK) | 1, 4);
    pci_set_wmask(pci, PMBA, PMBA_MASK, 4);
    /* To a BIOS this says that SMM is set up already; else it would wait for an SMI for ever. */
    pci_set_config(pci, DEVACTB, DEVACTB_APMC_EN, 4);
    pci_set_config(pci, PMREGMISC, pm_base != 0 ? PMREGMISC_PMIOSE : 0, 1);
    pci_set_wmask(pci, PMREGMISC, PMREGMISC_PMIOSE, 1);
    pci_set_config(pci, SMBBA, 1, 4);
    pci_set_wmask(pci, SMBBA, SMBBA_MASK, 4);
    pci_set_wmask(pci, SMBHSTCFG, SMBHSTCFG_EN | SMBHSTCFG_INTR, 1);
    pci_set_wmask(pci, SMBSLVC, 0xff, 1);
    pci_set_wmask(pci, SMBSHDW1, 0xff, 1);
    pci_set_wmask(pci, SMBSHDW2, 0xff, 1);
}

static int piix4_pm_create(struct device *dev, GError **err)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    timer_init(&s->rollover, dev->services->clock, rollover_expired, s);
    init_config(&s->pci, s->pm_base);
    init_region(s, &s->event, "pm1-event", &event_ops);
    init_region(s, &s->control, "pm1-control", &control_ops);
    init_region(s, &s->pmtmr, "pm-timer", &timer_ops);
    init_region(s, &s->gpe, "gpe0", &gpe_ops);
    init_region(s, &s->apm, "apm", &apm_ops);
    init_region(s, &s->smbus, "smbus", &smbus_ops);
    place(s, &s->gpe, s->gpe_base, 4);
    place(s, &s->apm, APMC_PORT, 2);
    return 0;
}

/* What wakes from S3 is a reset that the status bits survive: they are in the resume well. */
static void piix4_pm_reset(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;
    uint16_t pmsts = s->asleep ? s->pmsts | PMSTS_RSM : 0;

    regs_reset(event_regs, G_N_ELEMENTS(event_regs), s);
    regs_reset(control_regs, G_N_ELEMENTS(control_regs), s);
    regs_reset(gpe_regs, G_N_ELEMENTS(gpe_regs), s);
    regs_reset(apm_regs, G_N_ELEMENTS(apm_regs), s);
    regs_reset(smbus_regs, G_N_ELEMENTS(smbus_regs), s);
    memset(s->smbblkdat, 0, sizeof(s->smbblkdat));
    s->smb_index = 0;
    s->asleep = false;
    s->timer_0 = (uint64_t)clock_now(dev->services->clock);
    s->rollovers = 0;
    s->pmsts = pmsts;
    place_all(s);
    update(s);
}

static int piix4_pm_post_load(struct device *dev, GError **err)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    place_all(s);
    drive(s);
    return 0;
}

static void piix4_pm_destroy(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;
    struct region *regions[] = { &s->event, &s->control, &s->pmtmr, &s->gpe, &s->apm, &s->smbus };

    timer_cancel(&s->rollover);
    for (unsigned i = 0; i < G_N_ELEMENTS(regions); i++)
        bus_unmap(dev->services->bus, regions[i]);
}

static const struct pci_info piix4_pm_info = {
    .vendor = 0x8086,
    .device = 0x7113,
    .class_code = 0x068000,
    .revision = 3,
    .interrupt_pin = 1,
    .config_written = config_written,
};

static const struct property piix4_pm_properties[] = {
    PROPERTY("pm-base", PROP_UINT, struct piix4_pm, pm_base, .max = PMBA_MASK,
             .help = "I/O base of the PM registers after reset; 0: the firmware sets it"),
    PROPERTY("gpe-base", PROP_UINT, struct piix4_pm, gpe_base, .initial = "0xafe0", .max = 0xfffc,
             .help = "I/O base of general-purpose event block 0"),
    PROPERTY("pm-events", PROP_BOOL, struct piix4_pm, pm_events, .initial = "on",
             .help = "off: the hypervisor has the PM1 event block and the PM timer"),
    PROPERTY("revision_id", PROP_UINT, struct piix4_pm, revision, .initial = "3",
             .help = "PCI revision"),
    {},
};

static const struct state_field piix4_pm_state[] = {
    STATE_REG_TABLE(event_regs),
    STATE_REG_TABLE(control_regs),
    STATE_REG_TABLE(gpe_regs),
    STATE_REG_TABLE(apm_regs),
    STATE_REG_TABLE(smbus_regs),
    STATE_ARRAY(struct piix4_pm, smbblkdat),
    STATE_FIELD(struct piix4_pm, smb_index, .max = SMB_BLOCK - 1),
    STATE_FIELD(struct piix4_pm, asleep),
    STATE_FIELD(struct piix4_pm, timer_0, .max = UINT64_C(1) << 61),
    STATE_FIELD(struct piix4_pm, rollovers, .max = INT32_MAX),
    {},
};

const struct device_kind piix4_pm_kind = {
    .name = "PIIX4_PM",
    .desc = "PIIX4 power management",
    .size = sizeof(struct piix4_pm),
    .base = &pci_device_base,
    .pci = &piix4_pm_info,
    .properties = piix4_pm_properties,
    .state = piix4_pm_state,
    .state_version = 1,
    .n_lines = 1,
    .create = piix4_pm_create,
    .reset = piix4_pm_reset,
    .post_load = piix4_pm_post_load,
    .destroy = piix4_pm_destroy,
};
