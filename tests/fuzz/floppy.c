/*
 * libFuzzer target: a hostile guest with a floppy drive. The input is a row of records of three
 * bytes: what is done, and two bytes for it. Whole commands go through the FIFO byte by byte, so
 * that most of them are nearly right; what the image has to do is done before the next record.
 */
#include "base/log.h"
#include "base/loop.h"
#include "hw/floppy/i82078_internal.h"
#include "tests/unit/floppy_bench.h"

#define KIB 160

enum { FIFO_BYTES, OUT, IN, DMA, IMAGE, DISK, SAVE, OPS };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct floppy_bench *bench;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    loop_init();
    log_set_level(LOG_ERROR);
    bench = floppy_bench_create(KIB, NULL);
    return 0;
}

static void program_dma(struct floppy_bench *t, uint8_t mode, uint8_t count)
{
    fdc_program_dma(t, (uint8_t)((mode & 0xfc) | 2), FDC_MEMORY, (count + 1u) * 64);
}

static void change_disk(struct floppy_bench *t, bool out)
{
    if (out)
        block_drive_open_tray(t->drive, true, NULL);
    else
        block_drive_close_tray(t->drive, NULL);
}

static void step(struct floppy_bench *t, const uint8_t *p)
{
    uint16_t port = (uint16_t)(FDC_DOR + p[1] % 6);

    switch (p[0] % OPS) {
    case FIFO_BYTES:
        outb(t->b, FDC_FIFO, p[1]);
        outb(t->b, FDC_FIFO, p[2]);
        break;
    case OUT: outb(t->b, port, p[2]); break;
    case IN:
        for (unsigned n = 0; n <= p[2]; n++)
            inb(t->b, port);
        break;
    case DMA: program_dma(t, p[1], p[2]); break;
    case IMAGE: i82078_drain((struct i82078 *)t->fdc); break;
    case DISK: change_disk(t, p[1] & 1); break;
    default:
        if (p[1] < 8) /* it takes as long as all the rest */
            floppy_bench_save_load(t);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    change_disk(bench, false);
    device_reset(bench->fdc);
    device_reset(bench->floppy);
    outb(bench->b, FDC_DOR, 0x1c);
    outb(bench->b, FDC_DIR, FLOPPY_250K);
    for (; size >= 3; data += 3, size -= 3)
        step(bench, data);
    i82078_drain((struct i82078 *)bench->fdc);
    return 0;
}
