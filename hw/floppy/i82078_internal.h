/*
 * The controller's insides, for its files only: registers and phases (i82078.c), commands
 * (i82078_command.c), the execution phase of those that move data (i82078_transfer.c).
 */
#ifndef HW_FLOPPY_I82078_INTERNAL_H
#define HW_FLOPPY_I82078_INTERNAL_H

#include <sys/uio.h>

#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/device.h"
#include "hw/floppy/floppy_drive.h"
#include "hw/floppy/i82078.h"

#define I82078_DRIVES 2 /* with a connector; the chip itself knows four */
#define I82078_UNITS  4

#define DOR_SELECT   0x03
#define DOR_NRESET   0x04
#define DOR_DMAGATE  0x08
#define DOR_MOTOR(n) (0x10 << (n))

#define DSR_RATE       0x03
#define DSR_POWER_DOWN 0x40
#define DSR_RESET      0x80

#define MSR_CMD_BUSY 0x10
#define MSR_NON_DMA  0x20
#define MSR_DIO      0x40 /* to the host */
#define MSR_RQM      0x80

#define DIR_CHANGE 0x80

#define ST0_NORMAL   0x00
#define ST0_ABNORMAL 0x40
#define ST0_INVALID  0x80
#define ST0_POLLED   0xc0 /* a drive's ready line changed: after reset */
#define ST0_SEEK_END 0x20
#define ST0_CHECK    0x10
#define ST0_HEAD     0x04

#define ST1_MISSING_MARK    0x01
#define ST1_WRITE_PROTECTED 0x02
#define ST1_NO_DATA         0x04
#define ST1_DATA_ERROR      0x20
#define ST1_END_OF_CYLINDER 0x80

#define ST2_SCAN_FAILED    0x04
#define ST2_SCAN_EQUAL     0x08
#define ST2_BAD_CYLINDER   0x02
#define ST2_WRONG_CYLINDER 0x10
#define ST2_DATA_ERROR     0x20
#define ST2_CONTROL_MARK   0x40

#define COMMAND_MT  0x80
#define COMMAND_MFM 0x40
#define COMMAND_SK  0x20

#define CONFIG_IMPLIED_SEEK 0x40
#define CONFIG_NO_FIFO      0x20
#define CONFIG_LOCKABLE     0x2f /* what LOCK keeps over a software reset, with PRETRK */

#define SPECIFY_NON_DMA 0x01 /* in its second byte */

#define COMMAND_MAX 17 /* RESTORE */
#define RESULT_MAX  16 /* SAVE */
#define ID_BYTES    4  /* C, H, R, N */
#define BUFFER_SIZE (ID_BYTES + FLOPPY_SECTOR)

enum fdc_phase { FDC_COMMAND, FDC_EXECUTION, FDC_RESULT, FDC_PHASES };

/* What the execution phase waits for. */
enum fdc_step {
    FDC_IDLE,
    FDC_DISK,  /* index pulses: a disk that turns */
    FDC_HOST,  /* bytes to or from the host */
    FDC_FETCH, /* the image */
    FDC_STORE,
    FDC_STEPS
};

/* What a command with an execution phase does with each sector. */
enum fdc_flow {
    FLOW_NONE,
    FLOW_READ_ID,
    FLOW_READ,
    FLOW_READ_TRACK,
    FLOW_VERIFY,
    FLOW_SCAN,
    FLOW_WRITE,
    FLOW_FORMAT, /* IDs come from the host */
};

struct fdc_command {
    uint8_t mask, code; /* of the first byte */
    uint8_t length;     /* bytes; 0: the last one says so by its bit 7 */
    enum fdc_flow flow;
    void (*execute)(struct i82078 *f); /* NULL: the flow says it all */
    const char *name;
};

struct i82078 {
    struct device dev;
    /* registers */
    uint8_t dor, tdr, dsr;
    /* what commands set */
    uint8_t specify[2];            /* SRT and HUT, HLT and ND */
    uint8_t config, pretrk;        /* CONFIGURE */
    uint8_t perpendicular, option; /* D3 to D0, GAP and WGATE; ISO */
    uint8_t power;                 /* POWERDOWN MODE */
    uint8_t drive_spec[I82078_UNITS];
    bool lock;
    uint8_t sc_eot; /* the last command's, for DUMPREG */
    uint8_t pcn[I82078_UNITS];
    /* SENSE INTERRUPT STATUS has not asked for these yet */
    uint8_t st0[I82078_UNITS];
    uint8_t seek_ended, polled; /* a bit for each drive */
    /* the FIFO, as the phases use it */
    uint8_t phase; /* enum fdc_phase */
    uint8_t command[COMMAND_MAX], n_command;
    uint8_t result[RESULT_MAX], n_results, result_at;
    bool irq;
    /* execution phase */
    uint8_t step; /* enum fdc_step */
    uint8_t st1, st2;
    uint8_t c, h, r, head; /* the sector at hand */
    uint16_t left;         /* sectors that VERIFY, READ TRACK and FORMAT still have to do */
    bool tc;
    uint8_t buffer[BUFFER_SIZE];
    uint16_t at, length; /* of what the host moves */
    struct timer retry;  /* of an image that failed while the machine was to stop */
    /* not saved */
    const struct fdc_command *now; /* what command[0] is; NULL: no command began */
    struct block_user *in_flight;  /* the image works on a sector; NULL: no */
    bool stale;                    /* and nobody waits for that any more */
    struct iovec iov;
    struct floppy_drive *drive[I82078_DRIVES];
    struct device *dma;
    unsigned dma_channel;
    struct region ports, rate_port;
};

/* ---- For the drives ---- */

/* The controller on this bus; NULL: none. */
struct i82078 *i82078_find(struct bus *bus);
/* 0; -EBUSY: there is a drive in that place. */
int i82078_plug(struct i82078 *f, unsigned unit, struct floppy_drive *drive);
void i82078_unplug(struct i82078 *f, unsigned unit);
/* Lets the image end what it is doing; blocks. */
void i82078_drain(struct i82078 *f);
/* A disk was put in or taken out. */
void i82078_disk_moved(struct i82078 *f);

/* ---- Phases ---- */

void fdc_set_irq(struct i82078 *f, bool level);
/* Ends a command without results. */
void fdc_end(struct i82078 *f);
/* Ends it with n of them in f->result. */
void fdc_give_results(struct i82078 *f, unsigned n);

/* ---- Commands ---- */

/* What a command's first byte begins. */
const struct fdc_command *fdc_decode(uint8_t first);
/* All bytes of the command in f->command are there. */
bool fdc_command_complete(const struct i82078 *f);
void fdc_execute(struct i82078 *f);
/* The drive that the command names; NULL: there is none. */
struct floppy_drive *fdc_drive(const struct i82078 *f);
/* Moves the heads of the command's drive to a cylinder. */
void fdc_seek(struct i82078 *f, unsigned unit, uint8_t cylinder);

/* ---- Execution phase ---- */

void fdc_begin(struct i82078 *f);
/* Goes on as far as it can: after a disk began to turn or the DMA channel was opened. */
void fdc_continue(struct i82078 *f);
/* Forgets the command. What the image does for it ends later, unseen. */
void fdc_abandon(struct i82078 *f);
bool fdc_by_dma(const struct i82078 *f);
bool fdc_to_host(const struct i82078 *f);
/* A byte through the FIFO, in FDC_HOST without DMA. */
uint8_t fdc_read_byte(struct i82078 *f);
void fdc_write_byte(struct i82078 *f, uint8_t value);
void fdc_dma_ready(void *opaque);
void fdc_retry(void *opaque);

#endif
