/*
 * What an access costs from the ioreq to the chip and back, and a reset of the whole machine.
 * Prints "name value unit" lines.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/log.h"
#include "base/loop.h"
#include "hw/core/clock.h"
#include "ioreq/core.h"
#include "ioreq/record.h"
#include "tests/fuzz/board.h"

static double measure(struct fuzz_board *b, uint8_t type, uint64_t addr, uint32_t size,
                      unsigned rounds)
{
    gint64 start = g_get_monotonic_time();

    for (unsigned i = 0; i < rounds; i++) {
        struct ioreq req = {
            .type = type, .addr = addr, .size = size, .count = 1, .flags = IOREQ_READ
        };
        ioreq_dispatch(machine_dispatch(b->machine), &req);
    }
    return (double)(g_get_monotonic_time() - start) * 1000 / rounds;
}

/* Inputs of 32 accesses with the reset before each: what a fuzzer does, without its own work. */
static double inputs(struct fuzz_board *b, unsigned rounds)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    uint8_t steps[32 * FUZZ_RECORD];
    gint64 start = g_get_monotonic_time();

    for (unsigned n = 0; n < rounds; n++) {
        for (unsigned i = 0; i < sizeof(steps); i++)
            steps[i] = (uint8_t)g_rand_int(rand);
        for (unsigned i = 0; i < sizeof(steps); i += FUZZ_RECORD)
            steps[i] = (uint8_t)((steps[i] & 0xf8) | (steps[i] & 1)); /* reads and writes */
        fuzz_board_reset(b);
        fuzz_board_run(b, steps, sizeof(steps), NULL);
    }
    return rounds * 1e6 / (double)(g_get_monotonic_time() - start);
}

static double resets(struct fuzz_board *b, unsigned rounds)
{
    gint64 start = g_get_monotonic_time();

    for (unsigned n = 0; n < rounds; n++)
        fuzz_board_reset(b);
    return (double)(g_get_monotonic_time() - start) / rounds;
}

/* The same, written to a file. */
static void measure_recorded(void)
{
    g_autofree char *path = g_strdup_printf("%s/hvm-dm-bench-%d.rec", g_get_tmp_dir(),
                                            (int)getpid());
    static const char *const strings[] = { "bench", NULL };
    const unsigned rounds = 1000000;
    GStatBuf st;

    if (record_start(path, strings, NULL) < 0)
        return;
    struct fuzz_board *b = fuzz_board_create(NULL);
    record_set_clock(machine_services(b->machine)->clock);
    printf("dispatch-port-recorded %.1f ns\n", measure(b, IOREQ_TYPE_PIO, 0x80, 1, rounds));
    record_stop();
    fuzz_board_destroy(b);
    if (g_stat(path, &st) == 0)
        printf("recorded-access %.1f bytes\n", (double)st.st_size / rounds);
    g_unlink(path);
}

int main(void)
{
    loop_init();
    log_set_level(LOG_ERROR);
    struct fuzz_board *b = fuzz_board_create(NULL);
    printf("dispatch-port %.1f ns\n", measure(b, IOREQ_TYPE_PIO, 0x80, 1, 5000000));
    printf("dispatch-mmio %.1f ns\n", measure(b, IOREQ_TYPE_COPY, 0xfed00000, 4, 5000000));
    printf("dispatch-nobody %.1f ns\n", measure(b, IOREQ_TYPE_PIO, 0x1234, 1, 5000000));
    printf("machine-reset %.1f us\n", resets(b, 2000));
    printf("inputs-of-32-accesses %.0f /s\n", inputs(b, 5000));
    fuzz_board_destroy(b);
    measure_recorded();
    return 0;
}
