/*
 * The execution phase: sector by sector between the image, the buffer and the host. Nothing here
 * waits: the image's answer comes to sector_moved() later, the host's when it likes. There is no
 * cache that a driver could flush: what was written is durable.
 *
 * An image has no data address marks, so all sectors are normal ones: WRITE DELETED DATA writes
 * them, too, and READ DELETED DATA finds none of its own.
 */
#include <string.h>

#include "hw/dma/i8237.h"
#include "hw/floppy/i82078_internal.h"

/* Parameter bytes of a command with nine. */
enum { P_UNIT = 1, P_C, P_H, P_R, P_N, P_EOT, P_GPL, P_DTL };
/* Of FORMAT TRACK. */
enum { P_FORMAT_N = 2, P_FORMAT_SC, P_FORMAT_GPL, P_FORMAT_FILL };

#define CODE_READ_DELETED     0x0c
#define CODE_FORMAT_AND_WRITE 0xad
#define VERIFY_COUNTS         0x80 /* EC, in the byte of the unit */

static enum fdc_flow flow(const struct i82078 *f)
{
    return f->now->flow;
}

static bool has_flag(const struct i82078 *f, uint8_t flag)
{
    return (f->command[0] & flag) != 0;
}

static bool writes(const struct i82078 *f)
{
    return flow(f) == FLOW_WRITE || flow(f) == FLOW_FORMAT;
}

static bool format_and_write(const struct i82078 *f)
{
    return f->now->code == CODE_FORMAT_AND_WRITE;
}

static uint8_t sector_size_code(const struct i82078 *f)
{
    return flow(f) == FLOW_FORMAT ? f->command[P_FORMAT_N] : f->command[P_N];
}

bool fdc_by_dma(const struct i82078 *f)
{
    return (f->specify[1] & SPECIFY_NON_DMA) == 0;
}

bool fdc_to_host(const struct i82078 *f)
{
    return flow(f) == FLOW_READ || flow(f) == FLOW_READ_TRACK;
}

static void set_dreq(struct i82078 *f, bool level)
{
    if (f->dma != NULL)
        i8237_set_dreq(f->dma, f->dma_channel, level);
}

/* ---- The end ---- */

static void finish(struct i82078 *f, uint8_t st0)
{
    f->step = FDC_IDLE;
    set_dreq(f, false);
    f->result[0] = (uint8_t)(st0 | f->head << 2 | (f->command[P_UNIT] & 3));
    f->result[1] = f->st1;
    f->result[2] = f->st2;
    f->result[3] = f->c;
    f->result[4] = f->h;
    f->result[5] = f->r;
    f->result[6] = flow(f) == FLOW_READ_ID ? FLOPPY_N : sector_size_code(f);
    fdc_give_results(f, 7);
    fdc_set_irq(f, true);
}

static void fail_with(struct i82078 *f, uint8_t st1, uint8_t st2)
{
    f->st1 |= st1;
    f->st2 |= st2;
    finish(f, ST0_ABNORMAL);
}

void fdc_abandon(struct i82078 *f)
{
    f->step = FDC_IDLE;
    f->stale = f->in_flight != NULL;
    f->at = f->length = 0;
    f->left = 0;
    f->tc = false;
    f->st1 = f->st2 = f->c = f->h = f->r = 0;
    timer_cancel(&f->retry);
    set_dreq(f, false);
}

/* ---- Finding a sector ---- */

/* The format under the heads: NULL where there is none, or none that is read like this. */
static const struct floppy_format *under_heads(const struct i82078 *f)
{
    const struct floppy_drive *d = fdc_drive(f);
    const struct floppy_format *format;

    if (d == NULL || !has_flag(f, COMMAND_MFM))
        return NULL;
    format = floppy_readable(d, f->dsr & DSR_RATE);
    if (format == NULL || floppy_cylinder(d) >= format->cylinders || f->head >= format->heads)
        return NULL;
    return format;
}

static uint64_t sector_offset(const struct floppy_format *format, unsigned cylinder, unsigned head,
                              unsigned sector)
{
    return (((uint64_t)cylinder * format->heads + head) * format->sectors + sector - 1) *
           FLOPPY_SECTOR;
}

/* READ TRACK takes the sectors as they come; the others look for their ID. */
static bool locate(struct i82078 *f, uint64_t *offset)
{
    const struct floppy_format *format = under_heads(f);
    bool id_matters = flow(f) != FLOW_READ_TRACK;

    if (format == NULL) {
        fail_with(f, ST1_MISSING_MARK, 0);
        return false;
    }
    unsigned cylinder = floppy_cylinder(fdc_drive(f));
    if (f->c != cylinder && id_matters) {
        fail_with(f, ST1_NO_DATA, f->c == 0xff ? ST2_BAD_CYLINDER : ST2_WRONG_CYLINDER);
        return false;
    }
    bool found = f->h == f->head && sector_size_code(f) == FLOPPY_N && f->c == cylinder;
    if (f->r == 0 || f->r > format->sectors || (!found && id_matters)) {
        fail_with(f, ST1_NO_DATA, 0);
        return false;
    }
    if (!found)
        f->st1 |= ST1_NO_DATA;
    *offset = sector_offset(format, cylinder, f->head, f->r);
    return true;
}

/* ---- The image ---- */

static void sector_moved(void *opaque, int ret);

static uint8_t *sector_data(struct i82078 *f)
{
    return f->buffer + (flow(f) == FLOW_FORMAT ? ID_BYTES : 0);
}

static void start_image(struct i82078 *f, enum fdc_step step)
{
    struct floppy_drive *d = fdc_drive(f);
    uint64_t offset;

    f->step = (uint8_t)step;
    if (f->in_flight != NULL) /* for a command that was reset; this one is next */
        return;
    if (d == NULL || !floppy_loaded(d)) {
        f->step = FDC_DISK;
        return;
    }
    if (!locate(f, &offset))
        return;
    d->passed = f->r;
    f->iov = (struct iovec){ sector_data(f), FLOPPY_SECTOR };
    f->in_flight = d->medium;
    if (step == FDC_STORE)
        block_write(d->medium, offset, FLOPPY_SECTOR, &f->iov, 1, BLOCK_REQ_FUA, sector_moved, f);
    else
        block_read(d->medium, offset, FLOPPY_SECTOR, &f->iov, 1, sector_moved, f);
}

/* ---- The host ---- */

static void ask_host(struct i82078 *f, unsigned bytes)
{
    f->step = FDC_HOST;
    f->at = 0;
    f->length = (uint16_t)bytes;
    if (fdc_by_dma(f))
        set_dreq(f, true);
    else
        fdc_set_irq(f, true);
}

/* ---- From sector to sector ---- */

static void next_sector(struct i82078 *f)
{
    uint64_t offset;

    if (flow(f) == FLOW_FORMAT)
        ask_host(f, format_and_write(f) ? BUFFER_SIZE : ID_BYTES);
    else if (flow(f) != FLOW_WRITE)
        start_image(f, FDC_FETCH);
    else if (locate(f, &offset))
        ask_host(f, FLOPPY_SECTOR);
}

static unsigned sector_step(const struct i82078 *f)
{
    return flow(f) == FLOW_SCAN && f->command[P_DTL] == 2 ? 2 : 1;
}

/* The ID of the next sector (82077AA, table 5-6). False: this was the last one. */
static bool advance(struct i82078 *f)
{
    bool multi_track = has_flag(f, COMMAND_MT) && flow(f) != FLOW_READ_TRACK;
    unsigned eot = f->command[P_EOT], next = f->r + sector_step(f);
    bool last = f->r == eot || (f->r < eot && next > eot) || next > UINT8_MAX;

    if (!last) {
        f->r = (uint8_t)next;
        return true;
    }
    f->r = 1;
    if (multi_track)
        f->h ^= 1;
    if (multi_track && f->head == 0) {
        f->head = 1;
        return true;
    }
    f->c++;
    return false;
}

/* Reads and writes should have been told by TC. */
static void last_sector_done(struct i82078 *f)
{
    if (flow(f) == FLOW_VERIFY || flow(f) == FLOW_SCAN)
        finish(f, ST0_NORMAL);
    else
        fail_with(f, ST1_END_OF_CYLINDER, 0);
}

static bool counts(const struct i82078 *f)
{
    return flow(f) == FLOW_READ_TRACK || flow(f) == FLOW_FORMAT ||
           (flow(f) == FLOW_VERIFY && (f->command[P_UNIT] & VERIFY_COUNTS) != 0);
}

static bool scan_hit(const struct i82078 *f)
{
    return flow(f) == FLOW_SCAN && (f->st2 & ST2_SCAN_FAILED) == 0;
}

static void sector_done(struct i82078 *f)
{
    if ((f->st2 & ST2_CONTROL_MARK) != 0 || scan_hit(f)) {
        finish(f, ST0_NORMAL);
        return;
    }
    bool counted_out = counts(f) && --f->left == 0;
    bool more = flow(f) == FLOW_FORMAT || advance(f);
    if (f->tc || counted_out)
        finish(f, ST0_NORMAL);
    else if (more)
        next_sector(f);
    else
        last_sector_done(f);
}

static void fetched(struct i82078 *f)
{
    if (f->now->code == CODE_READ_DELETED)
        f->st2 |= ST2_CONTROL_MARK;
    if (flow(f) == FLOW_SCAN)
        f->st2 = ST2_SCAN_EQUAL; /* until a byte differs */
    if (flow(f) == FLOW_VERIFY)
        sector_done(f);
    else
        ask_host(f, FLOPPY_SECTOR);
}

/* The clock stands still with the machine, so the timer expires when the machine goes on. */
static void stop_and_retry(struct i82078 *f)
{
    const struct services *s = f->dev.services;

    if (s->io_error != NULL)
        s->io_error(s->opaque);
    timer_set(&f->retry, clock_now(s->clock));
}

static void judge(struct i82078 *f, struct block_user *medium, int ret)
{
    bool read = f->step == FDC_FETCH;
    enum block_error_action action = ret == 0
                                         ? BLOCK_ERROR_IGNORE
                                         : block_error_policy(block_user_node(medium), read, ret);

    if (action == BLOCK_ERROR_STOP)
        stop_and_retry(f);
    else if (action == BLOCK_ERROR_REPORT)
        fail_with(f, ST1_DATA_ERROR, ST2_DATA_ERROR);
    else if (read)
        fetched(f);
    else
        sector_done(f);
}

static void sector_moved(void *opaque, int ret)
{
    struct i82078 *f = opaque;
    struct block_user *medium = f->in_flight;

    f->in_flight = NULL;
    if (!f->stale)
        judge(f, medium, ret);
    else if (f->step == FDC_FETCH || f->step == FDC_STORE)
        start_image(f, (enum fdc_step)f->step);
    f->stale = false;
    fdc_continue(f);
}

void fdc_retry(void *opaque)
{
    struct i82078 *f = opaque;

    if (f->step == FDC_FETCH || f->step == FDC_STORE)
        start_image(f, (enum fdc_step)f->step);
    fdc_continue(f);
}

/* ---- What the host has given ---- */

/* 0xFF from either side matches anything. Every byte must hold for the sector to. */
static void scan(struct i82078 *f, const uint8_t *host, const uint8_t *disk, unsigned n)
{
    bool low = f->now->code == 0x19, high = f->now->code == 0x1d;

    for (unsigned i = 0; i < n; i++) {
        if (host[i] == disk[i] || host[i] == 0xff || disk[i] == 0xff)
            continue;
        f->st2 &= (uint8_t)~ST2_SCAN_EQUAL;
        if (!(low && disk[i] < host[i]) && !(high && disk[i] > host[i]))
            f->st2 |= ST2_SCAN_FAILED;
    }
}

/* The image cannot hold what does not fit its format: such sectors are lost. */
static void format_sector(struct i82078 *f)
{
    const struct floppy_format *format = under_heads(f);

    f->c = f->buffer[0];
    f->h = f->buffer[1];
    f->r = f->buffer[2];
    if (!format_and_write(f))
        memset(f->buffer + ID_BYTES, f->command[P_FORMAT_FILL], FLOPPY_SECTOR);
    if (format != NULL && f->c == floppy_cylinder(fdc_drive(f)) && f->h == f->head && f->r != 0 &&
        f->r <= format->sectors && f->buffer[3] == FLOPPY_N && f->command[P_FORMAT_N] == FLOPPY_N)
        start_image(f, FDC_STORE);
    else
        sector_done(f);
}

/* The block is full, or TC came: what is missing of a sector is written as zeroes. */
static void host_done(struct i82078 *f)
{
    switch (flow(f)) {
    case FLOW_WRITE:
        memset(f->buffer + f->at, 0, BUFFER_SIZE - f->at);
        start_image(f, FDC_STORE);
        break;
    case FLOW_FORMAT:
        if (f->at >= f->length)
            format_sector(f);
        else
            finish(f, ST0_NORMAL);
        break;
    default: sector_done(f); break;
    }
}

/* ---- The host's ways in ---- */

/* SCAN compares what comes with what was fetched; the buffer keeps the latter. */
static size_t exchange(struct i82078 *f, bool *tc)
{
    uint8_t host[BUFFER_SIZE];
    size_t n, left = f->length - f->at;

    if (fdc_to_host(f))
        return i8237_transfer(f->dma, f->dma_channel, I8237_TO_MEMORY, f->buffer + f->at, left, tc);
    n = i8237_transfer(f->dma, f->dma_channel, I8237_FROM_MEMORY, host, left, tc);
    if (flow(f) == FLOW_SCAN)
        scan(f, host, f->buffer + f->at, (unsigned)n);
    else
        memcpy(f->buffer + f->at, host, n);
    return n;
}

static bool dma_can_go(const struct i82078 *f)
{
    return f->phase == FDC_EXECUTION && f->step == FDC_HOST && fdc_by_dma(f) && f->dma != NULL &&
           (f->dor & DOR_DMAGATE) != 0;
}

/* At most a track of IDs: what needs the image ends the loop. */
static void run_dma(struct i82078 *f)
{
    while (dma_can_go(f)) {
        bool tc;
        f->at += (uint16_t)exchange(f, &tc);
        f->tc |= tc;
        if (f->at < f->length && !tc)
            return;
        host_done(f);
    }
}

void fdc_dma_ready(void *opaque)
{
    run_dma(opaque);
}

static void byte_moved(struct i82078 *f)
{
    f->at++;
    fdc_set_irq(f, false);
    if (f->at >= f->length)
        host_done(f);
}

uint8_t fdc_read_byte(struct i82078 *f)
{
    uint8_t value = f->buffer[f->at % BUFFER_SIZE];

    byte_moved(f);
    return value;
}

void fdc_write_byte(struct i82078 *f, uint8_t value)
{
    uint8_t *at = &f->buffer[f->at % BUFFER_SIZE];

    if (flow(f) == FLOW_SCAN)
        scan(f, &value, at, 1);
    else
        *at = value;
    byte_moved(f);
}

/* ---- The beginning ---- */

/* The first ID that comes by; it is that of the next sector on the track. */
static void read_id(struct i82078 *f)
{
    const struct floppy_format *format = under_heads(f);
    struct floppy_drive *d = fdc_drive(f);

    if (format == NULL) {
        fail_with(f, ST1_MISSING_MARK, 0);
        return;
    }
    d->passed = (uint8_t)(d->passed % format->sectors + 1);
    f->c = (uint8_t)floppy_cylinder(d);
    f->h = f->head;
    f->r = d->passed;
    finish(f, ST0_NORMAL);
}

static void start_format(struct i82078 *f)
{
    if (f->left == 0)
        finish(f, ST0_NORMAL);
    else if (format_and_write(f) && f->command[P_FORMAT_N] != FLOPPY_N)
        fail_with(f, ST1_NO_DATA, 0); /* sectors of another size have no place in an image */
    else
        next_sector(f);
}

/* READ DELETED DATA that skips normal sectors skips them all. */
static bool skips_all(const struct i82078 *f)
{
    return f->now->code == CODE_READ_DELETED && has_flag(f, COMMAND_SK);
}

static void skip_all(struct i82078 *f)
{
    f->st2 |= ST2_CONTROL_MARK;
    while (advance(f)) /* 510 sectors at most */
        ;
    last_sector_done(f);
}

/* The disk turns. */
static void start(struct i82078 *f)
{
    if (writes(f) && floppy_write_protected(fdc_drive(f)))
        fail_with(f, ST1_WRITE_PROTECTED, 0);
    else if (flow(f) == FLOW_READ_ID)
        read_id(f);
    else if (flow(f) == FLOW_FORMAT)
        start_format(f);
    else if (f->left == 0 && counts(f))
        finish(f, ST0_NORMAL);
    else if (skips_all(f))
        skip_all(f);
    else
        next_sector(f);
}

static bool disk_turns(const struct i82078 *f)
{
    const struct floppy_drive *d = fdc_drive(f);

    return d != NULL && floppy_loaded(d) && (f->dor & DOR_MOTOR(d->place)) != 0;
}

void fdc_continue(struct i82078 *f)
{
    if (f->phase == FDC_EXECUTION && f->step == FDC_DISK && disk_turns(f))
        start(f);
    run_dma(f);
}

/* VERIFY with EC: the byte of DTL is a count, 0 means 256. READ TRACK reads EOT sectors from the
 * first one on. */
static uint16_t sectors_to_do(const struct i82078 *f)
{
    switch (flow(f)) {
    case FLOW_FORMAT: return f->command[P_FORMAT_SC];
    case FLOW_READ_TRACK: return f->command[P_EOT];
    default: return f->command[P_DTL] != 0 ? f->command[P_DTL] : 256;
    }
}

static void take_parameters(struct i82078 *f)
{
    f->st1 = f->st2 = f->c = f->h = f->r = 0;
    f->head = f->command[P_UNIT] >> 2 & 1;
    f->tc = false;
    f->at = f->length = 0;
    f->left = sectors_to_do(f);
    if (flow(f) == FLOW_READ_ID)
        return;
    f->sc_eot = flow(f) == FLOW_FORMAT ? f->command[P_FORMAT_SC] : f->command[P_EOT];
    if (flow(f) == FLOW_FORMAT)
        return;
    f->c = f->command[P_C];
    f->h = f->command[P_H];
    f->r = flow(f) == FLOW_READ_TRACK ? 1 : f->command[P_R];
}

void fdc_begin(struct i82078 *f)
{
    take_parameters(f);
    f->phase = FDC_EXECUTION;
    f->step = FDC_DISK;
    if ((f->config & CONFIG_IMPLIED_SEEK) != 0 && flow(f) != FLOW_FORMAT &&
        flow(f) != FLOW_READ_ID && flow(f) != FLOW_READ_TRACK)
        fdc_seek(f, f->command[P_UNIT] & 3, f->c);
    fdc_continue(f);
}
