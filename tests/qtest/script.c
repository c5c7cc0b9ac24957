/*
 * A fuzzer's finding as a qtest script (tests/fuzz/to-qtest): an input is run on the board in this
 * process, and its script by the whole program. Both machines end in the same state.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "hw/core/state.h"
#include "tests/fuzz/board.h"
#include "tests/qtest/qtest.h"

#define STEPS 120

/* Steps of every kind but the host's events, which the protocol has no words for. */
static void fill(uint8_t *steps, uint32_t seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (unsigned i = 0; i < STEPS * FUZZ_RECORD; i++)
        steps[i] = (uint8_t)g_rand_int(rand);
    for (unsigned i = 0; i < STEPS * FUZZ_RECORD; i += FUZZ_RECORD)
        if (steps[i] % FUZZ_OPS == FUZZ_CLOCK)
            steps[i] = FUZZ_CLOCK;
}

/* What the board does, and the state it is left in. */
static char *run_on_board(const char *kind, uint32_t seed, GByteArray **state)
{
    struct fuzz_board *b = fuzz_board_create_small(kind);
    uint8_t steps[STEPS * FUZZ_RECORD];
    char *text = NULL;
    size_t size;
    FILE *script = open_memstream(&text, &size);

    fill(steps, seed);
    fuzz_board_run(b, steps, sizeof(steps), script);
    fclose(script);
    machine_pause(b->machine, MACHINE_PAUSED);
    *state = machine_save(b->machine, NULL);
    fuzz_board_destroy(b);
    return text;
}

static struct qtest *start(const char *kind)
{
    g_autofree char *line = fuzz_board_command_line(kind);
    const char *args = strstr(line, "-nodefaults");

    return qtest_start(args);
}

static void run_script(struct qtest *q, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (unsigned i = 0; lines[i] != NULL && *lines[i] != '\0'; i++) {
        if (*lines[i] == '#')
            continue;
        g_autofree char *answer = qtest_ask(q, "%s", lines[i]);
        if (!g_str_has_prefix(answer, "OK"))
            g_error("%s: %s", lines[i], answer);
    }
}

static char *dump_of_program(struct qtest *q)
{
    g_autofree char *path = qtest_path(q, "state"), *errors = NULL;
    g_autofree char *args = g_strdup_printf("--dump-state %s", path);
    char *text = NULL;

    qtest_qmp_do(q, "stop");
    json_object_unref(qtest_qmp(q,
                                "\"execute\": \"xen-save-devices-state\", \"arguments\": "
                                "{\"filename\": \"%s\"}",
                                path));
    g_assert_cmpint(qtest_run(args, &text, &errors), ==, 0);
    return text;
}

/*
 * The board needs no address port for configuration space, as Xen does not; and the clock chip
 * knows in which second of the host its machine began.
 */
static bool may_differ(const char *field)
{
    return strstr(field, "confadd = ") != NULL || strstr(field, "flagged = ") != NULL ||
           strstr(field, "  offset = ") != NULL;
}

static void expect_same(const char *board, const char *program)
{
    g_auto(GStrv) left = g_strsplit(board, "\n", -1), right = g_strsplit(program, "\n", -1);

    g_assert_cmpuint(g_strv_length(left), ==, g_strv_length(right));
    for (unsigned i = 0; left[i] != NULL; i++)
        if (!may_differ(left[i]))
            g_assert_cmpstr(left[i], ==, right[i]);
}

static void test_same_effect(gconstpointer kind)
{
    for (uint32_t seed = 1; seed <= 3; seed++) {
        g_autoptr(GByteArray) state = NULL;
        g_autofree char *script = run_on_board(kind, seed, &state);
        g_autoptr(GString) board = g_string_new(NULL);
        struct qtest *q = start(kind);

        run_script(q, script);
        state_dump(state->data, state->len, board, NULL);
        g_autofree char *program = dump_of_program(q);
        expect_same(board->str, program);
        qtest_end(q);
    }
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = { "isa-i8259",    "ioapic",       "isa-pit", "mc146818rtc",
                                         "hpet",         "i8237",        "fw_cfg",  "isa-serial",
                                         "isa-parallel", "isa-debugcon", "VGA",     "cirrus-vga",
                                         "e1000",        "xen-platform" };

    g_test_init(&argc, &argv, NULL);
    loop_init();
    log_set_level(LOG_ERROR);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *path = g_strdup_printf("/script/%s", kinds[i]);
        g_test_add_data_func(path, kinds[i], test_same_effect);
    }
    return g_test_run();
}
