/*
 * A parallel NOR flash: what UEFI firmware lives in, and where it keeps its variables.
 *
 * Sources: JEDEC's Common Flash Interface (JESD68, JEP137), Intel's StrataFlash memory (28F128J3)
 * datasheet for the command set. It is eight bits wide, has blocks of 4 KiB and is ready at once.
 *
 * While the chip is in its read array mode, which is nearly always, its content is mapped into the
 * guest read-only: reads and instructions cost nothing, only writes come here. In the other modes
 * every access comes here.
 */
#include "hw/flash/cfi_flash.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "block/drive.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/memmap.h"
#include "hw/core/state.h"

#define BLOCK_SIZE  4096u
#define BUFFER_SIZE 32u

#define MANUFACTURER 0x89 /* Intel */
#define DEVICE       0x18 /* 28F128J3 */

/* Commands: the first write cycle. */
#define CMD_PROGRAM_ALT  0x10
#define CMD_ERASE        0x20
#define CMD_PROGRAM      0x40
#define CMD_CLEAR_STATUS 0x50
#define CMD_LOCK_SETUP   0x60
#define CMD_READ_STATUS  0x70
#define CMD_READ_ID      0x90
#define CMD_QUERY        0x98
#define CMD_SUSPEND      0xb0
#define CMD_CONFIRM      0xd0 /* also: resume, and clear lock bits */
#define CMD_WRITE_BUFFER 0xe8
#define CMD_READ_ARRAY   0xff

/* Status register */
#define SR_READY         0x80
#define SR_ERASE_ERROR   0x20
#define SR_PROGRAM_ERROR 0x10
#define SR_LOCKED        0x02
#define SR_SEQUENCE      (SR_ERASE_ERROR | SR_PROGRAM_ERROR)

enum mode { MODE_ARRAY, MODE_STATUS, MODE_ID, MODE_QUERY, MODES };

/* What the next write cycle is. */
enum cycle {
    CYCLE_COMMAND,
    CYCLE_PROGRAM,
    CYCLE_ERASE_CONFIRM,
    CYCLE_LOCK,
    CYCLE_BUFFER_COUNT,
    CYCLE_BUFFER_DATA,
    CYCLE_BUFFER_CONFIRM,
    CYCLES
};

struct cfi_flash {
    struct device dev;
    uint8_t mode, cycle, status;
    uint8_t left;    /* bytes that the write buffer still gets */
    uint32_t window; /* which BUFFER_SIZE bytes of the array they are for */
    uint32_t filled; /* a bit for each byte of the buffer that was written */
    uint8_t buffer[BUFFER_SIZE];
    uint8_t *array; /* the content: size bytes */
    uint32_t size;
    uint32_t dirty, dirty_end; /* what the image does not have yet; equal: nothing */
    /* host */
    struct block_user *image;
    bool writing;
    struct iovec iov;
    uint32_t sent, sent_end; /* what is being written */
    struct timer retry;
    struct mem_block block;
    struct region region;
    /* properties */
    struct block_drive *drive;
    uint64_t end;
};

/* ---- The image ---- */

static void write_image(struct cfi_flash *f);

static void set_dirty(struct cfi_flash *f, uint32_t from, uint32_t end)
{
    bool clean = f->dirty == f->dirty_end;

    f->dirty = clean ? from : MIN(f->dirty, from);
    f->dirty_end = clean ? end : MAX(f->dirty_end, end);
}

/*
 * The chip does not wait for the image: its content is what counts, and what could not be written
 * stays dirty. The clock stands still with a stopped machine, so the timer expires when it goes on.
 */
static void image_written(void *opaque, int ret)
{
    struct cfi_flash *f = opaque;
    const struct services *s = f->dev.services;

    f->writing = false;
    if (ret == 0) {
        write_image(f);
        return;
    }
    set_dirty(f, f->sent, f->sent_end);
    switch (block_error_policy(block_user_node(f->image), false, ret)) {
    case BLOCK_ERROR_IGNORE: break;
    case BLOCK_ERROR_REPORT: f->status |= SR_PROGRAM_ERROR; break;
    case BLOCK_ERROR_STOP:
        if (s->io_error != NULL)
            s->io_error(s->opaque);
        timer_set(&f->retry, clock_now(s->clock));
        break;
    }
}

/* One request at a time, straight from the content; what changes meanwhile is written again. */
static void write_image(struct cfi_flash *f)
{
    if (f->writing || f->dirty == f->dirty_end)
        return;
    f->sent = f->dirty & ~(BLOCK_SECTOR_SIZE - 1u);
    f->sent_end = (f->dirty_end + BLOCK_SECTOR_SIZE - 1) & ~(BLOCK_SECTOR_SIZE - 1u);
    f->dirty = f->dirty_end = 0;
    f->writing = true;
    f->iov = (struct iovec){ f->array + f->sent, f->sent_end - f->sent };
    block_write(f->image, f->sent, f->iov.iov_len, &f->iov, 1, BLOCK_REQ_FUA, image_written, f);
}

static void retry(void *opaque)
{
    write_image(opaque);
}

/* ---- Programming and erasing ---- */

static void set_mode(struct cfi_flash *f, enum mode mode)
{
    struct memmap *map = f->dev.services->mem;

    f->mode = (uint8_t)mode;
    if (mode != MODE_ARRAY)
        memmap_unmap(map, &f->block);
    else if (!f->block.mapped)
        (void)memmap_map(map, &f->block, f->region.base); /* else array reads come here, slowly */
}

/* The operation has ended, with these error bits; the chip shows its status until told otherwise.
 */
static void finish(struct cfi_flash *f, uint8_t errors)
{
    f->cycle = CYCLE_COMMAND;
    f->status |= (uint8_t)(SR_READY | errors);
    set_mode(f, MODE_STATUS);
}

static void finish_sequence_error(struct cfi_flash *f, uint8_t value)
{
    guest_fault(&f->dev, "0x%02x in the middle of a command", value);
    finish(f, SR_SEQUENCE);
}

static bool is_locked(const struct cfi_flash *f)
{
    return block_read_only(block_user_node(f->image));
}

/* Programming can only make zeroes of ones. */
static void program(struct cfi_flash *f, uint32_t from, const uint8_t *data, unsigned n,
                    uint32_t which)
{
    if (is_locked(f)) {
        finish(f, SR_PROGRAM_ERROR | SR_LOCKED);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if ((which >> i & 1) != 0)
            f->array[from + i] &= data[i];
    set_dirty(f, from, from + n);
    write_image(f);
    finish(f, 0);
}

static void erase(struct cfi_flash *f, uint32_t offset)
{
    uint32_t from = offset & ~(BLOCK_SIZE - 1);

    if (is_locked(f)) {
        finish(f, SR_ERASE_ERROR | SR_LOCKED);
        return;
    }
    memset(f->array + from, 0xff, BLOCK_SIZE);
    set_dirty(f, from, from + BLOCK_SIZE);
    write_image(f);
    finish(f, 0);
}

static void fill_buffer(struct cfi_flash *f, uint32_t offset, uint8_t value)
{
    uint32_t window = offset & ~(BUFFER_SIZE - 1);

    if (f->filled == 0)
        f->window = window;
    if (window != f->window) {
        finish_sequence_error(f, value);
        return;
    }
    f->buffer[offset % BUFFER_SIZE] = value;
    f->filled |= 1u << offset % BUFFER_SIZE;
    if (--f->left == 0)
        f->cycle = CYCLE_BUFFER_CONFIRM;
}

/* ---- Commands ---- */

static void start(struct cfi_flash *f, enum cycle next)
{
    f->cycle = (uint8_t)next;
    set_mode(f, MODE_STATUS);
}

static void command(struct cfi_flash *f, uint8_t value)
{
    switch (value) {
    case CMD_READ_ARRAY: set_mode(f, MODE_ARRAY); break;
    case CMD_READ_STATUS:
    case CMD_SUSPEND: /* nothing is ever under way */
    case CMD_CONFIRM: set_mode(f, MODE_STATUS); break;
    case CMD_READ_ID: set_mode(f, MODE_ID); break;
    case CMD_QUERY: set_mode(f, MODE_QUERY); break;
    /*
     * On silicon the ready bit stays. UEFI firmware (EDK II and others) tells a flash from a ROM by
     * a cleared status of zero, since the machines that it was written for have that.
     */
    case CMD_CLEAR_STATUS: f->status = 0; break;
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT: start(f, CYCLE_PROGRAM); break;
    case CMD_ERASE: start(f, CYCLE_ERASE_CONFIRM); break;
    case CMD_LOCK_SETUP: start(f, CYCLE_LOCK); break;
    case CMD_WRITE_BUFFER:
        f->status |= SR_READY; /* of the extended status: a buffer is free */
        start(f, CYCLE_BUFFER_COUNT);
        break;
    default:
        guest_fault(&f->dev, "unknown command 0x%02x", value);
        set_mode(f, MODE_ARRAY);
        break;
    }
}

static void set_buffer_count(struct cfi_flash *f, uint8_t value)
{
    if (value >= BUFFER_SIZE) {
        finish_sequence_error(f, value);
        return;
    }
    f->left = value + 1;
    f->filled = 0;
    memset(f->buffer, 0xff, sizeof(f->buffer));
    f->cycle = CYCLE_BUFFER_DATA;
}

static void flash_write(void *opaque, uint64_t where, uint64_t data, unsigned size)
{
    struct cfi_flash *f = opaque;
    uint32_t offset = (uint32_t)where;
    uint8_t value = (uint8_t)data;
    bool confirmed = value == CMD_CONFIRM;

    switch ((enum cycle)f->cycle) {
    case CYCLE_COMMAND: command(f, value); break;
    case CYCLE_PROGRAM: program(f, offset, &value, 1, 1); break;
    case CYCLE_BUFFER_COUNT: set_buffer_count(f, value); break;
    case CYCLE_BUFFER_DATA: fill_buffer(f, offset, value); break;
    case CYCLE_BUFFER_CONFIRM:
        if (confirmed)
            program(f, f->window, f->buffer, BUFFER_SIZE, f->filled);
        else
            finish_sequence_error(f, value);
        break;
    case CYCLE_ERASE_CONFIRM:
        if (confirmed)
            erase(f, offset);
        else
            finish_sequence_error(f, value);
        break;
    case CYCLE_LOCK: /* this chip has no lock bits: clearing them all is no work */
        if (confirmed)
            finish(f, 0);
        else
            finish_sequence_error(f, value);
        break;
    case CYCLES: break;
    }
}

/* ---- Reading ---- */

/* The query structure from 0x10 on: JEP137 names the command set, JESD68 the rest. */
static uint8_t query(const struct cfi_flash *f, uint32_t offset)
{
    uint32_t blocks = f->size / BLOCK_SIZE - 1;

    switch (offset) {
    case 0x10: return 'Q';
    case 0x11: return 'R';
    case 0x12: return 'Y';
    case 0x13: return 1;    /* command set: Intel's extended one */
    case 0x15: return 0x31; /* where its own table is */
    case 0x1b: return 0x27; /* Vcc from 2.7 V */
    case 0x1c: return 0x36; /* to 3.6 V */
    case 0x1f: return 7;    /* to program a byte: typically 2^7 us */
    case 0x20: return 7;    /* a buffer */
    case 0x21: return 10;   /* to erase a block: 2^10 ms */
    case 0x23:              /* at most 2^4 times that */
    case 0x24:
    case 0x25: return 4;
    case 0x27: return (uint8_t)(32 - __builtin_clz(f->size - 1)); /* log2 of the size */
    case 0x2a: return 5;                                          /* log2 of BUFFER_SIZE */
    case 0x2c: return 1;                                          /* one kind of blocks: */
    case 0x2d: return (uint8_t)blocks;                            /* so many and one */
    case 0x2e: return (uint8_t)(blocks >> 8);
    case 0x2f: return (uint8_t)(BLOCK_SIZE / 256); /* of so many times 256 bytes */
    case 0x30: return BLOCK_SIZE / 256 >> 8;
    case 0x31: return 'P';
    case 0x32: return 'R';
    case 0x33: return 'I';
    case 0x34: return '1';
    case 0x35: return '1';
    case 0x3d: return 0x33; /* Vcc: 3.3 V */
    default: return 0;      /* no optional feature */
    }
}

static uint8_t identity(const struct cfi_flash *f, uint32_t offset)
{
    switch (offset) {
    case 0: return MANUFACTURER;
    case 1: return DEVICE;
    case 2: return is_locked(f);
    default: return 0;
    }
}

static uint64_t flash_read(void *opaque, uint64_t where, unsigned size)
{
    const struct cfi_flash *f = opaque;
    uint32_t offset = (uint32_t)where;

    switch ((enum mode)f->mode) {
    case MODE_STATUS: return f->status;
    case MODE_ID: return identity(f, offset & 0xff);
    case MODE_QUERY: return query(f, offset & 0xff);
    default: return f->array[offset];
    }
}

static const struct region_ops flash_ops = { .read = flash_read, .write = flash_write };

/* ---- Life ---- */

uint8_t *cfi_flash_content(const struct device *dev, uint32_t *size)
{
    const struct cfi_flash *f = (const struct cfi_flash *)dev;

    *size = f->size;
    return f->array;
}

/* An image that another process still has can't be read: its content then comes with the state. */
static int read_image(struct cfi_flash *f, GError **err)
{
    const struct block_node *node = block_user_node(f->image);
    uint64_t size = block_size(node);

    if (size == 0 || size % BLOCK_SIZE != 0 || size > CFI_FLASH_MAX || size > f->end)
        return fail(err, EINVAL,
                    "flash drive %s: %s has %" PRIu64
                    " bytes, not a multiple of 4 KiB up to 16 MiB",
                    f->drive->id, block_path(node), size);
    f->size = (uint32_t)size;
    f->array = mem_alloc("flash", f->size, err);
    if (f->array == NULL)
        return -ENOMEM;
    int rc = block_read_sync(f->image, 0, f->array, f->size);
    if (rc == -EBUSY)
        memset(f->array, 0xff, f->size);
    else if (rc < 0)
        return fail_errno(err, -rc, "flash drive %s: %s", f->drive->id, block_path(node));
    return 0;
}

static int map_flash(struct cfi_flash *f, GError **err)
{
    uint64_t base = f->end - f->size;

    f->region = (struct region){
        .name = "flash", .ops = &flash_ops, .owner = &f->dev, .opaque = f, .priority = REGION_FIXED
    };
    f->block = (struct mem_block){
        .name = "flash", .host = f->array, .size = f->size, .flags = MEM_READONLY
    };
    bus_map(f->dev.services->bus, &f->region, BUS_MMIO, base, f->size);
    int rc = memmap_map(f->dev.services->mem, &f->block, base);
    return rc < 0 ? fail_errno(err, -rc, "flash drive %s at 0x%" PRIx64, f->drive->id, base) : 0;
}

static int cfi_flash_create(struct device *dev, GError **err)
{
    struct cfi_flash *f = (struct cfi_flash *)dev;

    if (f->drive == NULL || f->drive->node == NULL)
        return fail(err, EINVAL, "a flash needs a drive with an image");
    int rc = block_drive_take(f->drive, dev->id, NULL, f, err);
    if (rc < 0)
        return rc;
    timer_init(&f->retry, dev->services->clock, retry, f);
    f->image = block_attach(f->drive->node, dev->id, NULL, f);
    rc = read_image(f, err);
    return rc < 0 ? rc : map_flash(f, err);
}

static void cfi_flash_destroy(struct device *dev)
{
    struct cfi_flash *f = (struct cfi_flash *)dev;

    if (f->image != NULL) {
        block_detach(f->image);
        timer_cancel(&f->retry);
        memmap_unmap(dev->services->mem, &f->block);
        bus_unmap(dev->services->bus, &f->region);
    }
    mem_free(f->array, f->size);
    if (f->drive != NULL && f->drive->opaque == f)
        block_drive_release(f->drive);
}

static void cfi_flash_reset(struct device *dev)
{
    struct cfi_flash *f = (struct cfi_flash *)dev;

    f->cycle = CYCLE_COMMAND;
    f->status = SR_READY;
    f->left = 0;
    f->window = f->filled = 0;
    memset(f->buffer, 0xff, sizeof(f->buffer));
    set_mode(f, MODE_ARRAY);
}

static void cfi_flash_drain(struct device *dev)
{
    block_drain(block_user_node(((struct cfi_flash *)dev)->image));
}

static int cfi_flash_post_load(struct device *dev, GError **err)
{
    struct cfi_flash *f = (struct cfi_flash *)dev;

    if (f->dirty > f->dirty_end || f->dirty_end > f->size || f->window % BUFFER_SIZE != 0 ||
        f->window >= f->size || (f->cycle == CYCLE_BUFFER_DATA && f->left == 0))
        return fail(err, EINVAL, "saved state: device %s: a position beyond its end", dev->id);
    set_mode(f, (enum mode)f->mode);
    if (f->dirty != f->dirty_end)
        timer_set(&f->retry, clock_now(dev->services->clock)); /* the image may not be ours yet */
    return 0;
}

static const struct state_field cfi_flash_state[] = {
    STATE_FIELD(struct cfi_flash, mode, .max = MODES - 1),
    STATE_FIELD(struct cfi_flash, cycle, .max = CYCLES - 1),
    STATE_FIELD(struct cfi_flash, status),
    STATE_FIELD(struct cfi_flash, left, .max = BUFFER_SIZE),
    STATE_FIELD(struct cfi_flash, window),
    STATE_FIELD(struct cfi_flash, filled),
    STATE_ARRAY(struct cfi_flash, buffer),
    STATE_FIELD(struct cfi_flash, dirty),
    STATE_FIELD(struct cfi_flash, dirty_end),
    STATE_BUFFER_FIELD(struct cfi_flash, array, size),
    {}
};

static const struct property cfi_flash_properties[] = {
    PROPERTY("drive", PROP_HOST, struct cfi_flash, drive, .host = "drive",
             .help = "the -drive's id"),
    PROPERTY("end", PROP_UINT, struct cfi_flash, end, .initial = "0x100000000",
             .max = UINT64_C(1) << 32, .help = "the address after its last byte"),
    {}
};

const struct device_kind cfi_flash_kind = {
    .name = "cfi.pflash01",
    .desc = "parallel flash with Intel's command set, for -drive if=pflash",
    .size = sizeof(struct cfi_flash),
    .properties = cfi_flash_properties,
    .state = cfi_flash_state,
    .state_version = 1,
    .create = cfi_flash_create,
    .reset = cfi_flash_reset,
    .drain = cfi_flash_drain,
    .post_load = cfi_flash_post_load,
    .destroy = cfi_flash_destroy,
};
