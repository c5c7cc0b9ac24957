/*
 * libFuzzer target for saved states. An input that begins as a state does is loaded as it is; any
 * other is a row of changes to a good one: u32 where, u64 what. A checksum that is wrong would end
 * it at once, so the sections' checksums are made right first.
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

#define CHANGE 12

static struct fuzz_board *board;
static GByteArray *good;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    loop_init();
    log_set_level(LOG_ERROR);
    board = fuzz_board_create_small("piix3-ide"); /* no video memory: it would be most of a state */
    good = machine_save(board->machine, NULL);
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

static bool is_state(const uint8_t *data, size_t size)
{
    return size >= 7 && memcmp(data, good->data, 7) == 0;
}

/* The state that an input stands for. The caller owns it. */
static GByteArray *make_state(const uint8_t *data, size_t size)
{
    GByteArray *state = g_byte_array_new();

    if (is_state(data, size))
        return g_byte_array_append(state, data, (guint)size);
    g_byte_array_append(state, good->data, good->len);
    for (; size >= CHANGE; data += CHANGE, size -= CHANGE)
        memcpy(state->data + get_le32(data) % (state->len - 8), data + 4, 8);
    return state;
}

/* What could be loaded must then take accesses, time and being saved. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t guest[] = { FUZZ_CLOCK, 0, 23, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    g_autoptr(GByteArray) state = make_state(data, size);

    repair(state->data, state->len);
    if (is_state(data, size)) {
        g_autoptr(GString) text = g_string_new(NULL);
        state_dump(state->data, state->len, text, NULL);
    }
    fuzz_board_reset(board);
    if (machine_load(board->machine, state->data, state->len, NULL) == 0) {
        fuzz_board_run(board, guest, sizeof(guest), NULL);
        g_byte_array_unref(machine_save(board->machine, NULL));
    }
    return 0;
}
