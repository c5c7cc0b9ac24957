/*
 * libFuzzer target for devices. By environment:
 *   FUZZ_DEVICE=KIND    whose registers are accessed; not given: the whole machine's
 *   FUZZ_SCRIPT=FILE    each input is also written there as a qtest script (tests/fuzz/to-qtest)
 * and for tests/fuzz/run, which ask and end:
 *   FUZZ_LIST=1         the kinds that have something to access
 *   FUZZ_DICTIONARY=1   the registers of the kind, as a dictionary
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/loop.h"
#include "hw/core/regs.h"
#include "hw/machine/devices.h"
#include "tests/fuzz/board.h"
#include "tests/fuzz/coverage.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_board *board;
static FILE *script;

static void list_kinds(void)
{
    for (const struct device_kind *const *k = device_kinds(); *k != NULL; k++) {
        struct fuzz_board *b = fuzz_board_create_small((*k)->name);
        if (b->regions->len > 0 || b->configs->len > 0)
            puts((*k)->name);
        fuzz_board_destroy(b);
    }
}

/* The bytes of a record between its operation and its value. */
static void print_word(unsigned region, uint64_t offset)
{
    printf("\"\\x%02x\\x%02x\\x%02x\"\n", region & 0xff, (unsigned)(offset & 0xff),
           (unsigned)(offset >> 8 & 0xff));
}

static void print_dictionary(const struct fuzz_board *b)
{
    for (unsigned i = 0; i < b->regions->len; i++) {
        const struct fuzz_region *r = &g_array_index(b->regions, struct fuzz_region, i);
        const struct region_ops *ops = r->region->ops;
        for (unsigned n = 0; n < ops->n_regs; n++)
            print_word(i, ops->regs[n].offset);
        for (unsigned n = 0; ops->n_regs == 0 && n < r->size && n < 32; n++)
            print_word(i, n);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    loop_init();
    log_set_level(LOG_ERROR);
    if (getenv("FUZZ_LIST") != NULL) {
        list_kinds();
        exit(0);
    }
    board = fuzz_board_create_small(getenv("FUZZ_DEVICE"));
    if (getenv("FUZZ_DICTIONARY") != NULL) {
        print_dictionary(board);
        exit(0);
    }
    if (getenv("FUZZ_SCRIPT") != NULL && (script = fopen(getenv("FUZZ_SCRIPT"), "w")) != NULL) {
        g_autofree char *line = fuzz_board_command_line(getenv("FUZZ_DEVICE"));
        fprintf(script, "# %s\n", line);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_board_reset(board);
    coverage_forget(); /* it is the same each time */
    fuzz_board_run(board, data, size, script);
    return 0;
}
