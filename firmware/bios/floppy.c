/*
 * Floppy drives.
 */
#include "floppy.h"
#include "ata.h"
#include "bda.h"
#include "disk.h"
#include "geometry.h"
#include "interrupt.h"
#include "print.h"
#include "runtime.h"
#include "timer.h"
#include "x86.h"

#define FDC_DOR  0x3F2
#define FDC_MSR  0x3F4
#define FDC_DATA 0x3F5
#define FDC_CCR  0x3F7
#define DOR_RUN  0x0C /* out of reset, interrupt and DMA on */
#define MSR_RQM  0x80
#define MSR_DIO  0x40

#define CMD_SPECIFY     0x03
#define CMD_WRITE       0xC5 /* multi-track, MFM */
#define CMD_RECALIBRATE 0x07
#define CMD_SENSE       0x08
#define CMD_FORMAT      0x4D
#define CMD_READ        0xE6
#define CMD_SEEK        0x0F

#define DMA_MASK        0x0A
#define DMA_MODE        0x0B
#define DMA_FLIP_FLOP   0x0C
#define DMA_ADDRESS2    0x04
#define DMA_COUNT2      0x05
#define DMA_PAGE2       0x81
#define DMA_TO_MEMORY   0x46
#define DMA_FROM_MEMORY 0x4A
#define DMA_VERIFY      0x42

#define MOTOR_TICKS 37
#define COMMAND_MS  2000

struct floppy_kind {
    struct chs geometry;
    uint8_t rate; /* 82077AA: CCR */
    const char *name;
};

static const struct floppy_kind kinds[] = {
    [1] = { { 40, 2, 9 }, 2, "360 KiB" },  [2] = { { 80, 2, 15 }, 0, "1.2 MB" },
    [3] = { { 80, 2, 9 }, 2, "720 KiB" },  [4] = { { 80, 2, 18 }, 0, "1.44 MB" },
    [5] = { { 80, 2, 36 }, 3, "2.88 MB" },
};

static uint8_t kind_of(uint8_t unit)
{
    uint8_t types = cmos_read(0x10), kind = unit ? types & 15 : types >> 4;
    return kind < sizeof(kinds) / sizeof(kinds[0]) ? kind : 0;
}

void floppy_init(void)
{
    for (uint8_t unit = 0; unit < 2; unit++) {
        uint8_t kind = kind_of(unit);
        if (!kind || rt.drive_count == MAX_DRIVES)
            continue;
        struct drive *d = &rt.drive[rt.drive_count];
        *d = (struct drive){ .type = DRIVE_FLOPPY,
                             .unit = unit,
                             .sector_size = 512,
                             .removable = true,
                             .logical = kinds[kind].geometry };
        format(d->model, sizeof(d->model), "%s", kinds[kind].name);
        rt.floppy[rt.floppy_count++] = rt.drive_count++;
        BDA->floppy_media[unit] = 0x07;
    }
    if (rt.floppy_count)
        BDA->equipment |= 0x0001 | (uint16_t)(rt.floppy_count - 1) << 6;
}

void floppy_int0e(struct regs *r)
{
    BDA->floppy_recal |= 0x80;
    irq_end(6);
}

void floppy_tick(void)
{
    if (BDA->floppy_timeout && !--BDA->floppy_timeout) {
        outb(FDC_DOR, DOR_RUN);
        BDA->floppy_motor &= 0xF0;
    }
}

/* ---- the controller ---- */

static bool wait_msr(uint8_t value)
{
    if ((inb(FDC_MSR) & (MSR_RQM | MSR_DIO)) == value)
        return true;
    uint32_t deadline = timer_after(100);
    while ((inb(FDC_MSR) & (MSR_RQM | MSR_DIO)) != value) {
        if (timer_passed(deadline))
            return false;
    }
    return true;
}

static bool send(const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!wait_msr(MSR_RQM))
            return false;
        outb(FDC_DATA, bytes[i]);
    }
    return true;
}

static bool receive(uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!wait_msr(MSR_RQM | MSR_DIO))
            return false;
        bytes[i] = inb(FDC_DATA);
    }
    return true;
}

static bool wait_irq(void)
{
    uint32_t deadline = timer_after(COMMAND_MS);
    while (!(BDA->floppy_recal & 0x80)) {
        if (timer_passed(deadline))
            return false;
        irq_window();
    }
    BDA->floppy_recal &= 0x7F;
    return true;
}

static uint8_t controller_reset(void)
{
    static const uint8_t specify[] = { CMD_SPECIFY, 0xAF, 0x02 };
    uint8_t sense = CMD_SENSE, result[2];
    BDA->floppy_recal = 0;
    outb(FDC_DOR, 0x00);
    timer_delay(5);
    outb(FDC_DOR, DOR_RUN);
    if (!wait_irq())
        return DISK_TIMEOUT;
    for (unsigned i = 0; i < 4; i++) { /* one for each drive, after a reset */
        if (!send(&sense, 1) || !receive(result, 2))
            return DISK_TIMEOUT;
    }
    return send(specify, sizeof(specify)) ? DISK_OK : DISK_TIMEOUT;
}

static uint8_t head_command(const uint8_t *bytes, unsigned n, uint8_t cylinder)
{
    uint8_t sense = CMD_SENSE, result[2];
    if (!send(bytes, n) || !wait_irq() || !send(&sense, 1) || !receive(result, 2))
        return DISK_TIMEOUT;
    return (result[0] & 0xC0) || result[1] != cylinder ? 0x40 : DISK_OK;
}

/* Motor on, controller awake, head on the cylinder. */
static uint8_t prepare(uint8_t unit, uint8_t cylinder, uint8_t head)
{
    const uint8_t recalibrate[] = { CMD_RECALIBRATE, unit };
    const uint8_t seek[] = { CMD_SEEK, (uint8_t)(head << 2 | unit), cylinder };
    uint8_t status = DISK_OK;
    BDA->floppy_timeout = 255; /* not while we work */
    if (!(inb(FDC_DOR) & 0x04) || !(BDA->floppy_recal & 0x03))
        status = controller_reset();
    outb(FDC_DOR, (uint8_t)(DOR_RUN | unit | 0x10 << unit));
    BDA->floppy_motor = (uint8_t)(1 << unit);
    outb(FDC_CCR, kinds[kind_of(unit)].rate);
    if (!status && !(BDA->floppy_recal & 1 << unit))
        status = head_command(recalibrate, sizeof(recalibrate), 0);
    if (!status)
        status = head_command(seek, sizeof(seek), cylinder);
    if (!status)
        BDA->floppy_recal |= (uint8_t)(1 << unit);
    return status;
}

/* 8237A channel 2. The controller cannot count over a 64 KiB boundary. */
static uint8_t dma_setup(uint32_t memory, uint32_t bytes, uint8_t mode)
{
    uint16_t count = (uint16_t)(bytes - 1);
    if ((memory & 0xFFFF) + bytes > 0x10000 || memory >> 24)
        return DISK_DMA_BOUNDARY;
    outb(DMA_MASK, 0x06);
    outb(DMA_FLIP_FLOP, 0);
    outb(DMA_MODE, mode);
    outb(DMA_ADDRESS2, (uint8_t)memory);
    outb(DMA_ADDRESS2, (uint8_t)(memory >> 8));
    outb(DMA_PAGE2, (uint8_t)(memory >> 16));
    outb(DMA_COUNT2, (uint8_t)count);
    outb(DMA_COUNT2, (uint8_t)(count >> 8));
    outb(DMA_MASK, 0x02);
    return DISK_OK;
}

static uint8_t result_status(const uint8_t result[7])
{
    if (!(result[0] & 0xC0))
        return DISK_OK;
    if (result[1] & 0x02)
        return DISK_WRITE_PROTECTED;
    if (result[1] & 0x20)
        return DISK_ECC;
    if (result[1] & 0x85)
        return DISK_NOT_FOUND;
    return result[0] & 0x08 ? DISK_TIMEOUT : DISK_CONTROLLER;
}

static uint8_t run(const uint8_t *command, unsigned n)
{
    uint8_t result[7];
    if (!send(command, n) || !wait_irq() || !receive(result, sizeof(result))) {
        BDA->floppy_recal = 0; /* start over next time */
        return DISK_TIMEOUT;
    }
    for (unsigned i = 0; i < sizeof(result); i++)
        BDA->floppy_result[i] = result[i];
    return result_status(result);
}

/* ---- INT 13h ---- */

static uint8_t transfer(struct regs *r, uint8_t mode)
{
    uint8_t unit = r->dx.l, head = r->dx.h, cylinder = r->cx.h, sector = r->cx.l, count = r->ax.l;
    const struct chs *g = &rt.drive[rt.floppy[unit]].logical;
    uint32_t lba, memory = ((uint32_t)r->es << 4) + r->bx.x;
    if (!count || !geometry_lba(g, r->cx.x, head, &lba) ||
        sector + count - 1U > (head ? 1U : 2U) * g->sectors)
        return DISK_BAD_COMMAND;
    const uint8_t command[9] = { mode == DMA_FROM_MEMORY ? CMD_WRITE : CMD_READ,
                                 (uint8_t)(head << 2 | unit),
                                 cylinder,
                                 head,
                                 sector,
                                 2,
                                 (uint8_t)g->sectors,
                                 0x1B,
                                 0xFF };
    uint8_t status = dma_setup(memory, count * 512U, mode);
    if (!status)
        status = prepare(unit, cylinder, head);
    return status ? status : run(command, sizeof(command));
}

static uint8_t format_track(struct regs *r)
{
    uint8_t unit = r->dx.l;
    const struct chs *g = &rt.drive[rt.floppy[unit]].logical;
    uint32_t lba;
    if (!geometry_lba(g, (r->cx.x & ~0x3F) | 1, r->dx.h, &lba))
        return DISK_BAD_COMMAND;
    const uint8_t command[6] = { CMD_FORMAT, (uint8_t)(r->dx.h << 2 | unit),
                                 2,          (uint8_t)g->sectors,
                                 0x6C,       0xF6 };
    uint8_t status = dma_setup(((uint32_t)r->es << 4) + r->bx.x, g->sectors * 4U, DMA_FROM_MEMORY);
    if (!status)
        status = prepare(unit, r->cx.h, r->dx.h);
    return status ? status : run(command, sizeof(command));
}

static void finish(struct regs *r, uint8_t status)
{
    BDA->floppy_timeout = MOTOR_TICKS;
    BDA->floppy_status = status;
    set_status(r, status);
}

static void finish_transfer(struct regs *r, uint8_t mode)
{
    uint8_t status = transfer(r, mode);
    if (status)
        r->ax.l = 0;
    finish(r, status);
}

static void get_parameters(struct regs *r)
{
    const struct chs *g = &rt.drive[rt.floppy[r->dx.l]].logical;
    r->bx.x = kind_of(r->dx.l);
    r->cx.h = (uint8_t)(g->cylinders - 1);
    r->cx.l = (uint8_t)g->sectors;
    r->dx.h = (uint8_t)(g->heads - 1);
    r->dx.l = rt.floppy_count;
    r->es = 0xF000;
    r->di.x = 0xEFC7;
    r->ax.x = 0;
    finish(r, DISK_OK);
}

static void get_type(struct regs *r)
{
    finish(r, DISK_OK);
    r->ax.h = 1; /* no change line */
}

/* AH=18h: what is to be formatted, the drive's own cylinders and sectors only. */
static void set_media(struct regs *r)
{
    const struct chs *g = &rt.drive[rt.floppy[r->dx.l]].logical;
    if (r->cx.h != g->cylinders - 1 || r->cx.l != g->sectors) {
        finish(r, DISK_BAD_MEDIA);
        return;
    }
    r->es = 0xF000;
    r->di.x = 0xEFC7;
    finish(r, DISK_OK);
}

static void with_drive(struct regs *r)
{
    switch (r->ax.h) {
    case 0x02: finish_transfer(r, DMA_TO_MEMORY); break;
    case 0x03: finish_transfer(r, DMA_FROM_MEMORY); break;
    case 0x04: finish_transfer(r, DMA_VERIFY); break;
    case 0x05: finish(r, format_track(r)); break;
    case 0x08: get_parameters(r); break;
    case 0x15: get_type(r); break;
    case 0x16:
    case 0x17: finish(r, DISK_OK); break; /* not changed; any type is the drive's own */
    case 0x18: set_media(r); break;
    default: finish(r, DISK_BAD_COMMAND); break;
    }
}

void floppy_int13(struct regs *r)
{
    bool exists = r->dx.l < rt.floppy_count;
    switch (r->ax.h) {
    case 0x00:
        BDA->floppy_recal = 0;
        finish(r, rt.floppy_count ? controller_reset() : DISK_OK);
        break;
    case 0x01:
        r->ax.l = 0;
        set_status(r, BDA->floppy_status);
        break;
    case 0x08:
        if (exists) {
            get_parameters(r);
        } else { /* how many there are is asked this way */
            r->ax.x = r->bx.x = r->cx.x = r->es = r->di.x = 0;
            r->dx.x = rt.floppy_count;
            finish(r, DISK_OK);
        }
        break;
    case 0x15:
        if (exists) {
            get_type(r);
        } else {
            r->ax.h = 0;
            set_flag(r, FLAG_CF, 0);
        }
        break;
    default:
        if (exists)
            with_drive(r);
        else
            finish(r, DISK_BAD_COMMAND);
        break;
    }
}
