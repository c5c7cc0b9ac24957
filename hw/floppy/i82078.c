/*
 * Floppy disk controller: Intel 82078 (64 pin), in PC/AT mode, which is an 82077AA with commands to
 * save power and state (Intel, "82077AA CHMOS Single-Chip Floppy Disk Controller", "82078 CHMOS
 * Single-Chip Floppy Disk Controller").
 *
 * Mechanics take no time: heads arrive at once, the next sector is always just coming. So there is
 * no overrun: the disk waits for the host. A command to a drive whose motor is off, or that has no
 * disk, waits for index pulses, as the chip does; the host resets it when it has enough.
 */
#include "hw/floppy/i82078.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "hw/core/regs.h"
#include "hw/core/state.h"
#include "hw/dma/i8237.h"
#include "hw/floppy/i82078_internal.h"

/* ---- Interrupt ---- */

static void update_irq(struct i82078 *f)
{
    irq_set(&f->dev.line[0], f->irq && (f->dor & DOR_DMAGATE) != 0);
}

void fdc_set_irq(struct i82078 *f, bool level)
{
    f->irq = level;
    update_irq(f);
}

/* ---- Phases ---- */

void fdc_end(struct i82078 *f)
{
    f->phase = FDC_COMMAND;
    f->n_command = f->n_results = f->result_at = 0;
    f->now = NULL;
    if (f->seek_ended != 0)
        fdc_set_irq(f, true);
}

void fdc_give_results(struct i82078 *f, unsigned n)
{
    f->phase = FDC_RESULT;
    f->n_results = (uint8_t)MIN(n, RESULT_MAX);
    f->result_at = 0;
}

static uint8_t read_result(struct i82078 *f)
{
    uint8_t value = f->result[f->result_at % RESULT_MAX];

    if (f->result_at == 0)
        fdc_set_irq(f, false);
    if (++f->result_at >= f->n_results)
        fdc_end(f);
    return value;
}

static void write_command(struct i82078 *f, uint8_t value)
{
    if (f->n_command == 0)
        f->now = fdc_decode(value);
    f->command[f->n_command % COMMAND_MAX] = value;
    f->n_command++;
    if (fdc_command_complete(f))
        fdc_execute(f);
}

/* ---- Reset ---- */

/* RESET in DOR or DSR. Where the heads are and what SPECIFY said survives. */
static void software_reset(struct i82078 *f)
{
    fdc_abandon(f);
    f->config &= f->lock ? CONFIG_LOCKABLE : 0;
    if (!f->lock) {
        f->config = CONFIG_NO_FIFO;
        f->pretrk = 0;
    }
    f->perpendicular &= 0x3c;
    f->dsr &= (uint8_t)~DSR_POWER_DOWN;
    f->seek_ended = f->polled = 0;
    fdc_end(f);
    fdc_set_irq(f, false);
}

/* The polling routine finds all drives ready, which they were not before. */
static void out_of_reset(struct i82078 *f)
{
    for (unsigned unit = 0; unit < I82078_UNITS; unit++)
        f->st0[unit] = (uint8_t)(ST0_POLLED | unit);
    f->polled = (1 << I82078_UNITS) - 1;
    fdc_set_irq(f, true);
}

static bool in_reset(const struct i82078 *f)
{
    return (f->dor & DOR_NRESET) == 0;
}

/* ---- Registers ---- */

static void dor_written(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct i82078 *f = dev;

    if ((value & DOR_NRESET) == 0)
        software_reset(f);
    else if ((old & DOR_NRESET) == 0)
        out_of_reset(f);
    update_irq(f);
    fdc_continue(f);
}

static bool host_may_move(const struct i82078 *f)
{
    return f->phase == FDC_EXECUTION && f->step == FDC_HOST && !fdc_by_dma(f);
}

static uint64_t read_msr(void *dev, unsigned index, uint64_t stored)
{
    const struct i82078 *f = dev;
    uint8_t busy = f->seek_ended;

    if (in_reset(f))
        return 0;
    if (f->phase == FDC_RESULT)
        return MSR_RQM | MSR_DIO | MSR_CMD_BUSY | busy;
    if (f->phase == FDC_COMMAND)
        return MSR_RQM | (f->n_command > 0 ? MSR_CMD_BUSY : 0) | busy;
    busy |= MSR_CMD_BUSY | (fdc_by_dma(f) ? 0 : MSR_NON_DMA);
    if (host_may_move(f))
        busy |= MSR_RQM | (fdc_to_host(f) ? MSR_DIO : 0);
    return busy;
}

static void dsr_written(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct i82078 *f = dev;

    if ((value & DSR_RESET) == 0 || in_reset(f))
        return;
    software_reset(f);
    out_of_reset(f);
}

static uint64_t read_fifo(void *dev, unsigned index, uint64_t stored)
{
    struct i82078 *f = dev;

    if (f->phase == FDC_RESULT && !in_reset(f))
        return read_result(f);
    if (host_may_move(f) && fdc_to_host(f))
        return fdc_read_byte(f);
    guest_fault(&f->dev, "read of the FIFO in phase=%u", f->phase);
    return 0;
}

static void write_fifo(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct i82078 *f = dev;

    if (f->phase == FDC_COMMAND && !in_reset(f))
        write_command(f, (uint8_t)value);
    else if (host_may_move(f) && !fdc_to_host(f))
        fdc_write_byte(f, (uint8_t)value);
    else
        guest_fault(&f->dev, "write of the FIFO in phase=%u", f->phase);
}

/* The selected drive's change line; the other bits float. */
static uint64_t read_dir(void *dev, unsigned index, uint64_t stored)
{
    const struct i82078 *f = dev;
    unsigned unit = f->dor & DOR_SELECT;
    const struct floppy_drive *d = unit < I82078_DRIVES ? f->drive[unit] : NULL;
    bool changed = d != NULL && (d->changed || !floppy_loaded(d));

    return changed ? 0xff : 0xff & ~DIR_CHANGE;
}

static void write_ccr(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct i82078 *f = dev;

    f->dsr = (uint8_t)((f->dsr & ~DSR_RATE) | (value & DSR_RATE));
}

/* Status registers A and B, at 0x3F0, are not driven in PC/AT mode. */
static const struct reg port_regs[] = {
    REG(0, struct i82078, dor, .write_mask = 0xff, .on_write = dor_written),
    REG(1, struct i82078, tdr, .write_mask = 0x03),
    REG(2, struct i82078, dsr, .reset = FLOPPY_250K, .write_mask = 0x7f, .on_read = read_msr,
        .on_write = dsr_written),
    { .offset = 3,
      .width = 1,
      .name = "fifo",
      .field = REG_NO_FIELD,
      .on_read = read_fifo,
      .on_write = write_fifo },
};

static const struct reg rate_regs[] = {
    { .offset = 0,
      .width = 1,
      .name = "dir_ccr",
      .field = REG_NO_FIELD,
      .on_read = read_dir,
      .on_write = write_ccr },
};

static const struct region_ops port_ops = { .regs = port_regs, .n_regs = G_N_ELEMENTS(port_regs) };
static const struct region_ops rate_ops = { .regs = rate_regs, .n_regs = G_N_ELEMENTS(rate_regs) };

/* ---- Drives ---- */

static void find_controller(const struct region *region, void *opaque)
{
    if (region->owner != NULL && region->owner->kind == &i82078_kind)
        *(struct device **)opaque = region->owner;
}

struct i82078 *i82078_find(struct bus *bus)
{
    struct device *found = NULL;

    bus_for_each(bus, find_controller, &found);
    return (struct i82078 *)found;
}

int i82078_plug(struct i82078 *f, unsigned unit, struct floppy_drive *drive)
{
    if (f->drive[unit] != NULL)
        return -EBUSY;
    f->drive[unit] = drive;
    return 0;
}

void i82078_unplug(struct i82078 *f, unsigned unit)
{
    i82078_drain(f);
    f->drive[unit] = NULL;
}

void i82078_disk_moved(struct i82078 *f)
{
    fdc_continue(f);
}

/* One completion can start the next sector of the same command: which is bounded. */
void i82078_drain(struct i82078 *f)
{
    while (f->in_flight != NULL)
        block_drain(block_user_node(f->in_flight));
}

uint8_t i82078_drive_type(const struct device *dev, unsigned unit)
{
    const struct i82078 *f = (const struct i82078 *)dev;

    return unit < I82078_DRIVES && f->drive[unit] != NULL ? f->drive[unit]->type : 0;
}

void i82078_set_dma(struct device *dev, struct device *i8237, unsigned channel)
{
    struct i82078 *f = (struct i82078 *)dev;

    f->dma = i8237;
    f->dma_channel = channel;
}

/* ---- Life ---- */

static void map(struct i82078 *f, struct region *region, const char *name,
                const struct region_ops *ops, uint64_t base, uint64_t size)
{
    *region = (struct region){
        .name = name, .ops = ops, .owner = &f->dev, .opaque = f, .priority = REGION_FIXED
    };
    bus_map(f->dev.services->bus, region, BUS_PIO, base, size);
}

static int i82078_create(struct device *dev, GError **err)
{
    struct i82078 *f = (struct i82078 *)dev;

    timer_init(&f->retry, dev->services->clock, fdc_retry, f);
    map(f, &f->ports, "i82078", &port_ops, 0x3f2, 4);
    map(f, &f->rate_port, "i82078-rate", &rate_ops, 0x3f7, 1);
    if (f->dma != NULL)
        i8237_attach(f->dma, f->dma_channel, fdc_dma_ready, f);
    return 0;
}

static void i82078_destroy(struct device *dev)
{
    struct i82078 *f = (struct i82078 *)dev;

    i82078_drain(f);
    timer_cancel(&f->retry);
    if (f->dma != NULL)
        i8237_attach(f->dma, f->dma_channel, NULL, NULL);
    bus_unmap(dev->services->bus, &f->rate_port);
    bus_unmap(dev->services->bus, &f->ports);
}

static void i82078_reset(struct device *dev)
{
    struct i82078 *f = (struct i82078 *)dev;

    f->lock = false;
    software_reset(f);
    i82078_drain(f);
    regs_reset(port_regs, G_N_ELEMENTS(port_regs), f);
    f->perpendicular = f->option = f->power = f->sc_eot = f->head = 0;
    memset(f->specify, 0, sizeof(f->specify));
    memset(f->drive_spec, 0, sizeof(f->drive_spec));
    memset(f->pcn, 0, sizeof(f->pcn));
    memset(f->st0, 0, sizeof(f->st0));
    memset(f->command, 0, sizeof(f->command));
    memset(f->result, 0, sizeof(f->result));
    memset(f->buffer, 0, sizeof(f->buffer));
    update_irq(f);
}

static bool state_is_consistent(const struct i82078 *f)
{
    if (f->at > f->length || (f->phase != FDC_EXECUTION && f->step != FDC_IDLE))
        return false;
    switch (f->phase) {
    case FDC_COMMAND: return f->n_command == 0 || !fdc_command_complete(f);
    case FDC_EXECUTION:
        return f->now != NULL && fdc_command_complete(f) && f->now->flow != FLOW_NONE &&
               f->step != FDC_IDLE;
    default: return f->result_at < f->n_results;
    }
}

static int i82078_post_load(struct device *dev, GError **err)
{
    struct i82078 *f = (struct i82078 *)dev;

    f->now = f->n_command > 0 ? fdc_decode(f->command[0]) : NULL;
    if (!state_is_consistent(f))
        return fail(err, EINVAL, "saved state: device %s: a command in an impossible state",
                    dev->id);
    /* What waited for the image when the machine was stopped by an error goes on with it. */
    if (f->step == FDC_FETCH || f->step == FDC_STORE)
        timer_set(&f->retry, clock_now(dev->services->clock));
    update_irq(f);
    return 0;
}

static void i82078_drain_device(struct device *dev)
{
    i82078_drain((struct i82078 *)dev);
}

static const struct state_field i82078_state[] = {
    STATE_REG_TABLE(port_regs),
    STATE_ARRAY(struct i82078, specify),
    STATE_FIELD(struct i82078, config),
    STATE_FIELD(struct i82078, pretrk),
    STATE_FIELD(struct i82078, perpendicular),
    STATE_FIELD(struct i82078, option),
    STATE_FIELD(struct i82078, power),
    STATE_ARRAY(struct i82078, drive_spec),
    STATE_FIELD(struct i82078, lock),
    STATE_FIELD(struct i82078, sc_eot),
    STATE_ARRAY(struct i82078, pcn),
    STATE_ARRAY(struct i82078, st0),
    STATE_FIELD(struct i82078, seek_ended, .max = 0x0f),
    STATE_FIELD(struct i82078, polled, .max = 0x0f),
    STATE_FIELD(struct i82078, phase, .max = FDC_PHASES - 1),
    STATE_ARRAY(struct i82078, command),
    STATE_FIELD(struct i82078, n_command, .max = COMMAND_MAX),
    STATE_ARRAY(struct i82078, result),
    STATE_FIELD(struct i82078, n_results, .max = RESULT_MAX),
    STATE_FIELD(struct i82078, result_at, .max = RESULT_MAX),
    STATE_FIELD(struct i82078, irq),
    STATE_FIELD(struct i82078, step, .max = FDC_STEPS - 1),
    STATE_FIELD(struct i82078, st1),
    STATE_FIELD(struct i82078, st2),
    STATE_FIELD(struct i82078, c),
    STATE_FIELD(struct i82078, h),
    STATE_FIELD(struct i82078, r),
    STATE_FIELD(struct i82078, head, .max = 1),
    STATE_FIELD(struct i82078, left),
    STATE_FIELD(struct i82078, tc),
    STATE_ARRAY(struct i82078, buffer),
    STATE_FIELD(struct i82078, at, .max = BUFFER_SIZE),
    STATE_FIELD(struct i82078, length, .max = BUFFER_SIZE),
    STATE_TIMER_FIELD(struct i82078, retry),
    {}
};

const struct device_kind i82078_kind = {
    .name = "i82078",
    .desc = "floppy disk controller",
    .size = sizeof(struct i82078),
    .state = i82078_state,
    .state_version = 1,
    .n_lines = 1,
    .create = i82078_create,
    .reset = i82078_reset,
    .drain = i82078_drain_device,
    .post_load = i82078_post_load,
    .destroy = i82078_destroy,
};
