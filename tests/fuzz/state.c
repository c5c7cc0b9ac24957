/*
 * libFuzzer target for saved states: the bytes are loaded into a machine. A checksum that is wrong
 * would end it at once, so the sections' checksums are made right first.
 */
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "hw/core/state.h"
#include "tests/fuzz/board.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_board *board;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    loop_init();
    log_set_level(LOG_ERROR);
    board = fuzz_board_create(NULL);
    return 0;
}

static void repair(uint8_t *data, size_t size)
{
    size_t at = 8;

    while (at < size && data[at] != 0) {
        size_t start = at;
        at += 1u + data[at];
        if (at >= size)
            return;
        at += 1u + data[at];
        if (at + 6 > size || get_le32(data + at + 2) > size)
            return;
        at += 6 + get_le32(data + at + 2);
        if (at + 4 > size)
            return;
        put_le32(data + at, (uint32_t)crc32(0, data + start, (uInt)(at - start)));
        at += 4;
    }
}

/* What could be loaded must then take accesses, time and being saved. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t guest[] = { FUZZ_CLOCK, 0, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    g_autofree uint8_t *copy = g_memdup2(data, size);
    g_autoptr(GString) text = g_string_new(NULL);

    if (size > 0)
        repair(copy, size);
    state_dump(copy, size, text, NULL);
    fuzz_board_reset(board);
    if (machine_load(board->machine, copy, size, NULL) == 0) {
        fuzz_board_run(board, guest, sizeof(guest), NULL);
        g_byte_array_unref(machine_save(board->machine, NULL));
    }
    return 0;
}
