/*
 * The command set: what each command's bytes are, and those that move no data.
 */
#include <string.h>

#include "hw/floppy/i82078_internal.h"

#define RECALIBRATE_STEPS 79 /* the chip gives up then */

static unsigned unit_of(const struct i82078 *f)
{
    return f->command[1] & 3;
}

static uint8_t head_and_unit(const struct i82078 *f)
{
    return f->command[1] & 7;
}

struct floppy_drive *fdc_drive(const struct i82078 *f)
{
    unsigned unit = unit_of(f);

    return unit < I82078_DRIVES ? f->drive[unit] : NULL;
}

static void give(struct i82078 *f, uint8_t value)
{
    f->result[0] = value;
    fdc_give_results(f, 1);
}

/* ---- Heads ---- */

static void move_heads(struct i82078 *f, unsigned unit, int steps)
{
    if (unit < I82078_DRIVES && f->drive[unit] != NULL)
        floppy_step(f->drive[unit], steps);
}

void fdc_seek(struct i82078 *f, unsigned unit, uint8_t cylinder)
{
    move_heads(f, unit, cylinder - f->pcn[unit]);
    f->pcn[unit] = cylinder;
}

static void seek_ended(struct i82078 *f, uint8_t st0)
{
    unsigned unit = unit_of(f);

    f->st0[unit] = st0;
    f->seek_ended |= (uint8_t)(1 << unit);
    fdc_end(f);
}

static void seek(struct i82078 *f)
{
    fdc_seek(f, unit_of(f), f->command[2]);
    seek_ended(f, ST0_SEEK_END | head_and_unit(f));
}

/* Bit 6 of the first byte is the direction: in. Cylinder numbers go round at 256. */
static void relative_seek(struct i82078 *f)
{
    unsigned unit = unit_of(f);
    bool in = (f->command[0] & 0x40) != 0;

    move_heads(f, unit, in ? f->command[2] : -f->command[2]);
    f->pcn[unit] += in ? f->command[2] : (uint8_t)-f->command[2];
    seek_ended(f, ST0_SEEK_END | head_and_unit(f));
}

/* Out until the drive says track 0, which one that is not there never does. */
static void recalibrate(struct i82078 *f)
{
    unsigned unit = unit_of(f);
    struct floppy_drive *d = fdc_drive(f);
    uint8_t st0 = (uint8_t)(ST0_SEEK_END | unit);

    if (d != NULL)
        floppy_step(d, -MIN(d->track, RECALIBRATE_STEPS));
    if (d == NULL || d->track != 0)
        st0 |= ST0_ABNORMAL | ST0_CHECK;
    f->pcn[unit] = 0;
    seek_ended(f, st0);
}

/* ---- Status ---- */

static void sense_drive_status(struct i82078 *f)
{
    const struct floppy_drive *d = fdc_drive(f);
    uint8_t st3 = 0x28 | head_and_unit(f); /* two bits are always one */

    if (d != NULL && d->track == 0)
        st3 |= 0x10;
    if (d != NULL && floppy_write_protected(d))
        st3 |= 0x40;
    give(f, st3);
}

/* Seeks that ended, then what polling found after a reset; else it is no valid command. */
static void sense_interrupt_status(struct i82078 *f)
{
    uint8_t *from = f->seek_ended != 0 ? &f->seek_ended : &f->polled;

    fdc_set_irq(f, false);
    if (*from == 0) {
        give(f, ST0_INVALID);
        return;
    }
    unsigned unit = (unsigned)__builtin_ctz(*from);
    *from &= (uint8_t)(*from - 1);
    f->result[0] = f->st0[unit];
    f->result[1] = f->pcn[unit];
    fdc_give_results(f, 2);
}

static void dump_registers(struct i82078 *f)
{
    memcpy(f->result, f->pcn, I82078_UNITS);
    memcpy(f->result + 4, f->specify, 2);
    f->result[6] = f->sc_eot;
    f->result[7] = (uint8_t)(f->lock << 7 | f->perpendicular);
    f->result[8] = f->config;
    f->result[9] = f->pretrk;
    fdc_give_results(f, 10);
}

static void version(struct i82078 *f)
{
    give(f, 0x90); /* an enhanced controller */
}

static void part_id(struct i82078 *f)
{
    give(f, 0x01); /* 64 pins, stepping 0 */
}

static void invalid(struct i82078 *f)
{
    guest_fault(&f->dev, "command=0x%02x: there is none", f->command[0]);
    give(f, ST0_INVALID);
}

/* ---- Settings ---- */

static void specify(struct i82078 *f)
{
    memcpy(f->specify, f->command + 1, 2);
    fdc_end(f);
}

static void configure(struct i82078 *f)
{
    f->config = f->command[2] & 0x7f;
    f->pretrk = f->command[3];
    fdc_end(f);
}

static void lock(struct i82078 *f)
{
    f->lock = (f->command[0] & 0x80) != 0;
    give(f, (uint8_t)(f->lock << 4));
}

/* D3 to D0 only with OW. */
static void set_perpendicular(struct i82078 *f)
{
    uint8_t value = f->command[1], d = (value & 0x80) != 0 ? value : f->perpendicular;

    f->perpendicular = (d & 0x3c) | (value & 0x03);
    fdc_end(f);
}

static void powerdown_mode(struct i82078 *f)
{
    f->power = f->command[1] & 0x27;
    give(f, f->power);
}

static void option(struct i82078 *f)
{
    f->option = f->command[1] & 0x01;
    fdc_end(f);
}

/* A byte for each drive, and a last one; its bit 6 says that nobody wants to see the result. */
static void drive_specification(struct i82078 *f)
{
    unsigned last = f->n_command - 1u;

    for (unsigned i = 1; i < last; i++)
        f->drive_spec[f->command[i] >> 5 & 3] = f->command[i] & 0x1f;
    if ((f->command[last] & 0x40) != 0) {
        fdc_end(f);
        return;
    }
    memcpy(f->result, f->drive_spec, I82078_UNITS);
    fdc_give_results(f, I82078_UNITS);
}

/* ---- SAVE and RESTORE: the same bytes ---- */

static void save(struct i82078 *f)
{
    memset(f->result, 0, sizeof(f->result));
    f->result[0] = f->dsr & 0x1f;
    f->result[1] = f->option;
    memcpy(f->result + 2, f->pcn, I82078_UNITS);
    memcpy(f->result + 6, f->specify, 2);
    f->result[8] = f->sc_eot;
    f->result[9] = (uint8_t)(f->lock << 7 | f->perpendicular);
    f->result[10] = f->config;
    f->result[11] = f->pretrk;
    f->result[12] = f->power;
    fdc_give_results(f, 16);
}

static void restore(struct i82078 *f)
{
    const uint8_t *p = f->command + 1;

    f->dsr = p[0] & 0x1f;
    f->option = p[1] & 0x01;
    memcpy(f->pcn, p + 2, I82078_UNITS);
    memcpy(f->specify, p + 6, 2);
    f->sc_eot = p[8];
    f->lock = (p[9] & 0x80) != 0;
    f->perpendicular = p[9] & 0x3f;
    f->config = p[10] & 0x7f;
    f->pretrk = p[11];
    f->power = p[12] & 0x27;
    fdc_end(f);
}

/* ---- The set (82077AA, table 5-1; 82078, table 5-1) ---- */

static const struct fdc_command commands[] = {
    // clang-format off
    { 0x1f, 0x06, 9,  FLOW_READ,       NULL, "READ DATA" },
    { 0x1f, 0x0c, 9,  FLOW_READ,       NULL, "READ DELETED DATA" },
    { 0x3f, 0x05, 9,  FLOW_WRITE,      NULL, "WRITE DATA" },
    { 0x3f, 0x09, 9,  FLOW_WRITE,      NULL, "WRITE DELETED DATA" },
    { 0xbf, 0x02, 9,  FLOW_READ_TRACK, NULL, "READ TRACK" },
    { 0x1f, 0x16, 9,  FLOW_VERIFY,     NULL, "VERIFY" },
    { 0x1f, 0x11, 9,  FLOW_SCAN,       NULL, "SCAN EQUAL" },
    { 0x1f, 0x19, 9,  FLOW_SCAN,       NULL, "SCAN LOW OR EQUAL" },
    { 0x1f, 0x1d, 9,  FLOW_SCAN,       NULL, "SCAN HIGH OR EQUAL" },
    { 0xbf, 0x0d, 6,  FLOW_FORMAT,     NULL, "FORMAT TRACK" },
    { 0xbf, 0xad, 6,  FLOW_FORMAT,     NULL, "FORMAT AND WRITE" },
    { 0xbf, 0x0a, 2,  FLOW_READ_ID,    NULL, "READ ID" },
    { 0xff, 0x07, 2,  FLOW_NONE, recalibrate, "RECALIBRATE" },
    { 0xff, 0x0f, 3,  FLOW_NONE, seek, "SEEK" },
    { 0xbf, 0x8f, 3,  FLOW_NONE, relative_seek, "RELATIVE SEEK" },
    { 0xff, 0x08, 1,  FLOW_NONE, sense_interrupt_status, "SENSE INTERRUPT STATUS" },
    { 0xff, 0x04, 2,  FLOW_NONE, sense_drive_status, "SENSE DRIVE STATUS" },
    { 0xff, 0x03, 3,  FLOW_NONE, specify, "SPECIFY" },
    { 0xff, 0x13, 4,  FLOW_NONE, configure, "CONFIGURE" },
    { 0x7f, 0x14, 1,  FLOW_NONE, lock, "LOCK" },
    { 0xff, 0x12, 2,  FLOW_NONE, set_perpendicular, "PERPENDICULAR MODE" },
    { 0xff, 0x0e, 1,  FLOW_NONE, dump_registers, "DUMPREG" },
    { 0xff, 0x10, 1,  FLOW_NONE, version, "VERSION" },
    { 0xff, 0x18, 1,  FLOW_NONE, part_id, "PART ID" },
    { 0xff, 0x17, 2,  FLOW_NONE, powerdown_mode, "POWERDOWN MODE" },
    { 0xff, 0x33, 2,  FLOW_NONE, option, "OPTION" },
    { 0xff, 0x8e, 0,  FLOW_NONE, drive_specification, "DRIVE SPECIFICATION" },
    { 0xff, 0x2e, 1,  FLOW_NONE, save, "SAVE" },
    { 0xff, 0x4e, 17, FLOW_NONE, restore, "RESTORE" },
    { 0x00, 0x00, 1,  FLOW_NONE, invalid, "INVALID" },
    // clang-format on
};

const struct fdc_command *fdc_decode(uint8_t first)
{
    const struct fdc_command *c = commands;

    while ((first & c->mask) != c->code)
        c++; /* the last one is anything */
    return c;
}

bool fdc_command_complete(const struct i82078 *f)
{
    uint8_t n = f->n_command;

    if (n == 0)
        return false;
    if (f->now->length != 0)
        return n >= f->now->length;
    return n > 1 && ((f->command[n - 1] & 0x80) != 0 || n > I82078_UNITS + 1);
}

void fdc_execute(struct i82078 *f)
{
    log_trace(&f->dev.trace, "%s: %02x %02x %02x %02x %02x %02x %02x %02x %02x", f->now->name,
              f->command[0], f->command[1], f->command[2], f->command[3], f->command[4],
              f->command[5], f->command[6], f->command[7], f->command[8]);
    if (f->now->execute != sense_interrupt_status)
        f->polled = 0; /* nobody wants to know any more */
    if (f->now->flow == FLOW_NONE)
        f->now->execute(f);
    else
        fdc_begin(f);
}
