/*
 * Firmware in flash (-drive if=pflash): its chip by Intel's command set and CFI, as EDK II and
 * Linux' cfi_cmdset_0001 use it; what outlives the machine, and what is refused.
 */
#include <string.h>
#include <glib/gstdio.h>

#include "tests/qtest/qtest.h"

#define KIB       1024u
#define CODE_SIZE (256 * KIB)
#define VARS_SIZE (64 * KIB)
#define CODE      (UINT64_C(0x100000000) - CODE_SIZE)
#define VARS      (CODE - VARS_SIZE)

static char *dir, *code, *vars;

/* Each byte of an image is of its offset and a seed; never a flash's command. */
static uint8_t content(size_t i, uint8_t seed)
{
    return (uint8_t)((i * 3 + i / 256 + seed) % 15 + 1);
}

static char *make_image(const char *name, size_t size, uint8_t seed)
{
    char *path = g_build_filename(dir, name, NULL);
    g_autofree char *data = g_malloc(size);

    for (size_t i = 0; i < size; i++)
        data[i] = (char)content(i, seed);
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
    return path;
}

static uint8_t byte_of(const char *path, size_t offset)
{
    g_autofree char *data = NULL;

    g_assert_true(g_file_get_contents(path, &data, NULL, NULL));
    return (uint8_t)data[offset];
}

static char *arguments(const char *more)
{
    g_free(code);
    g_free(vars);
    code = make_image("code", CODE_SIZE, 0);
    vars = make_image("vars", VARS_SIZE, 7);
    return g_strdup_printf("-drive if=pflash,unit=0,file=%s,format=raw,readonly=on "
                           "-drive if=pflash,unit=1,file=%s,format=raw %s",
                           code, vars, more);
}

static struct qtest *start(void)
{
    g_autofree char *args = arguments("");

    return qtest_start(args);
}

static void command(struct qtest *q, uint64_t at, uint8_t first, uint8_t second)
{
    qtest_writeb(q, at, first);
    qtest_writeb(q, at, second);
}

/* ---- Reading ---- */

/* The reset vector, the segment below 1 MiB, and the variables below the code. */
static void test_content(void)
{
    struct qtest *q = start();

    g_assert_cmphex(qtest_readb(q, 0xfffffff0), ==, content(CODE_SIZE - 16, 0));
    g_assert_cmphex(qtest_readb(q, 0xffff0), ==, content(CODE_SIZE - 16, 0));
    g_assert_cmphex(qtest_readb(q, CODE), ==, content(0, 0));
    g_assert_cmphex(qtest_readb(q, VARS), ==, content(0, 7));
    g_assert_cmphex(qtest_readb(q, VARS + VARS_SIZE - 1), ==, content(VARS_SIZE - 1, 7));
    g_assert_cmphex(qtest_readl(q, VARS + 4), ==,
                    content(4, 7) | content(5, 7) << 8 | content(6, 7) << 16 | content(7, 7) << 24);
    g_assert_cmphex(qtest_readb(q, VARS - 1), ==, 0xff);
    qtest_end(q);
}

static void test_query(void)
{
    struct qtest *q = start();

    qtest_writeb(q, VARS + 0x55, 0x98);
    g_assert_cmphex(qtest_readl(q, VARS + 0x10), ==, 0x01595251); /* "QRY", Intel's set */
    g_assert_cmphex(1u << qtest_readb(q, VARS + 0x27), ==, VARS_SIZE);
    g_assert_cmphex(1u << qtest_readb(q, VARS + 0x2a), ==, 32);
    g_assert_cmpuint(qtest_readb(q, VARS + 0x2c), ==, 1);
    g_assert_cmphex(qtest_readl(q, VARS + 0x2d), ==, 0x0010000f); /* 16 blocks of 16 * 256 */
    g_assert_cmphex(qtest_readl(q, VARS + 0x31) & 0xffffff, ==, 0x495250); /* "PRI" */
    qtest_writeb(q, VARS, 0x90);
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0x89);
    g_assert_cmphex(qtest_readb(q, VARS + 1), ==, 0x18);
    g_assert_cmphex(qtest_readb(q, VARS + 2), ==, 0);
    qtest_writeb(q, CODE, 0x90);
    g_assert_cmphex(qtest_readb(q, CODE + 2), ==, 1); /* locked */
    qtest_writeb(q, VARS, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS), ==, content(0, 7));
    qtest_end(q);
}

/* How EDK II tells flash from ROM and RAM before it keeps variables there. */
static void test_edk2_probe(void)
{
    struct qtest *q = start();
    uint8_t original = qtest_readb(q, VARS);

    qtest_writeb(q, VARS, 0x50);
    g_assert_cmphex(qtest_readb(q, VARS), ==, original); /* no RAM */
    qtest_writeb(q, VARS, 0x70);
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0x00); /* no ROM either */
    qtest_writeb(q, VARS, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS), ==, original);
    qtest_end(q);
}

/* ---- Programming ---- */

/* A block erased, bytes programmed as EDK II does it, and found in the image. */
static void test_program(void)
{
    struct qtest *q = start();
    const uint64_t at = VARS + 0x3000;

    command(q, at + 5, 0x20, 0xd0);
    g_assert_cmphex(qtest_readb(q, at), ==, 0x80); /* the status, ready */
    qtest_writeb(q, at, 0xff);
    g_assert_cmphex(qtest_readb(q, at), ==, 0xff);
    g_assert_cmphex(qtest_readb(q, at + 0xfff), ==, 0xff);
    g_assert_cmphex(qtest_readb(q, at - 1), ==, content(0x2fff, 7));
    g_assert_cmphex(qtest_readb(q, at + 0x1000), ==, content(0x4000, 7));

    for (unsigned i = 0; i < 16; i++)
        command(q, at + i, 0x10, (uint8_t)(0xa0 + i));
    g_assert_cmphex(qtest_readb(q, at), ==, 0x80);
    command(q, at, 0x40, 0xf6); /* ones stay zeroes: 0xa0 & 0xf6 */
    qtest_writeb(q, at, 0xff);
    g_assert_cmphex(qtest_readb(q, at), ==, 0xa0);
    g_assert_cmphex(qtest_readb(q, at + 15), ==, 0xaf);
    qtest_end(q);
    g_assert_cmphex(byte_of(vars, 0x3000), ==, 0xa0);
    g_assert_cmphex(byte_of(vars, 0x300f), ==, 0xaf);
    g_assert_cmphex(byte_of(vars, 0x3010), ==, 0xff);
    g_assert_cmphex(byte_of(vars, 0x2fff), ==, content(0x2fff, 7));
    g_assert_cmphex(byte_of(vars, 0x4000), ==, content(0x4000, 7));
}

/* The write buffer: as many bytes as said, in any order, within its 32. */
static void test_buffer(void)
{
    struct qtest *q = start();
    const uint64_t at = VARS + 0x5020;

    command(q, at, 0x20, 0xd0);
    qtest_writeb(q, at, 0xe8);
    g_assert_cmphex(qtest_readb(q, at) & 0x80, ==, 0x80); /* a buffer is free */
    qtest_writeb(q, at, 3 - 1);
    qtest_writeb(q, at + 31, 0x11);
    qtest_writeb(q, at, 0x22);
    qtest_writeb(q, at + 7, 0x33);
    qtest_writeb(q, at, 0xd0);
    g_assert_cmphex(qtest_readb(q, at), ==, 0x80);
    qtest_writeb(q, at, 0xff);
    g_assert_cmphex(qtest_readb(q, at), ==, 0x22);
    g_assert_cmphex(qtest_readb(q, at + 7), ==, 0x33);
    g_assert_cmphex(qtest_readb(q, at + 31), ==, 0x11);
    g_assert_cmphex(qtest_readb(q, at + 1), ==, 0xff);
    g_assert_cmphex(qtest_readb(q, at + 32), ==, 0xff);

    qtest_writeb(q, at, 0xe8); /* too many */
    qtest_writeb(q, at, 32);
    g_assert_cmphex(qtest_readb(q, at), ==, 0xb0);
    qtest_writeb(q, at, 0x50);
    qtest_writeb(q, at, 0xe8); /* beyond the buffer's end */
    qtest_writeb(q, at, 1);
    qtest_writeb(q, at + 30, 0);
    qtest_writeb(q, at + 32, 0);
    g_assert_cmphex(qtest_readb(q, at), ==, 0xb0);
    qtest_writeb(q, at, 0x50);
    qtest_writeb(q, at, 0xe8); /* not confirmed */
    qtest_writeb(q, at, 0);
    qtest_writeb(q, at + 1, 0);
    qtest_writeb(q, at, 0xff);
    g_assert_cmphex(qtest_readb(q, at), ==, 0xb0);
    qtest_writeb(q, at, 0xff);
    g_assert_cmphex(qtest_readb(q, at + 1), ==, 0xff);
    g_assert_cmphex(qtest_readb(q, at + 30), ==, 0xff);
    qtest_end(q);
}

/* What the datasheet calls an invalid sequence, a locked chip, and commands that do nothing. */
static void test_refused(void)
{
    struct qtest *q = start();

    command(q, VARS, 0x20, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0xb0);
    qtest_writeb(q, VARS, 0x50);
    command(q, VARS, 0x60, 0xd0); /* no lock bits to be cleared */
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0x80);
    command(q, VARS, 0x60, 0x01); /* nor set */
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0xb0);
    qtest_writeb(q, VARS, 0x50);
    qtest_writeb(q, VARS, 0xb0); /* suspend: nothing is under way */
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0x00);
    qtest_writeb(q, VARS, 0x33); /* no command */
    g_assert_cmphex(qtest_readb(q, VARS), ==, content(0, 7));

    command(q, CODE, 0x40, 0x00);
    g_assert_cmphex(qtest_readb(q, CODE), ==, 0x92);
    qtest_writeb(q, CODE, 0x50);
    command(q, CODE, 0x20, 0xd0);
    g_assert_cmphex(qtest_readb(q, CODE), ==, 0xa2);
    qtest_qmp_do(q, "system_reset");
    qtest_qmp_wait_event(q, "RESET");
    g_assert_cmphex(qtest_readb(q, CODE), ==, content(0, 0)); /* in read array mode again */
    qtest_end(q);
    g_assert_cmphex(byte_of(code, 0), ==, content(0, 0));
}

/* ---- The machine around it ---- */

/* Saved between two cycles of a command, with what was programmed before. */
static void test_saved(void)
{
    g_autofree char *state = g_build_filename(dir, "state", NULL);
    g_autofree char *more = g_strdup_printf("-incoming file:%s", state);
    struct qtest *q = start();

    command(q, VARS + 1, 0x10, 0x00);
    qtest_writeb(q, VARS + 2, 0x10);
    qtest_qmp_do(q, "stop");
    g_autoptr(JsonObject) reply = qtest_qmp(
        q, "\"execute\": \"xen-save-devices-state\", \"arguments\": {\"filename\": \"%s\"}", state);
    g_assert_true(json_object_has_member(reply, "return"));
    qtest_end(q);

    g_autofree char *args = g_strdup_printf(
        "-drive if=pflash,file=%s,format=raw,readonly=on "
        "-blockdev driver=raw,node-name=vars,file.driver=file,file.filename=%s "
        "-machine pc,pflash1=vars %s",
        code, vars, more);
    q = qtest_start(args);
    g_autofree char *status = NULL;
    while (strcmp(status = qtest_qmp_status(q), "running") != 0)
        g_clear_pointer(&status, g_free);
    qtest_writeb(q, VARS + 2, 0x00);
    g_assert_cmphex(qtest_readb(q, VARS), ==, 0x80);
    qtest_writeb(q, VARS, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS + 1), ==, 0);
    g_assert_cmphex(qtest_readb(q, VARS + 2), ==, 0);
    g_assert_cmphex(qtest_readb(q, VARS + 3), ==, content(3, 7));
    qtest_end(q);
    g_assert_cmphex(byte_of(vars, 2), ==, 0);
    g_unlink(state);
}

static void test_replayed(void)
{
    g_autofree char *recording = g_build_filename(dir, "recording", NULL);
    g_autofree char *record = g_strdup_printf("-record %s", recording);
    g_autofree char *args = arguments(record);
    g_autofree char *replay = g_strdup_printf("-accel replay,file=%s", recording);
    g_autofree char *output = NULL, *errors = NULL;
    struct qtest *q = qtest_start(args);

    command(q, VARS + 0x1000, 0x20, 0xd0);
    command(q, VARS + 0x1000, 0x40, 0x5a);
    qtest_writeb(q, VARS, 0xff);
    g_assert_cmphex(qtest_readb(q, VARS + 0x1000), ==, 0x5a);
    qtest_end(q);
    g_unlink(vars); /* it needs none */
    int status = qtest_run(replay, &output, &errors);
    g_test_message("%s%s", output, errors);
    g_assert_cmpint(status, ==, 0);
    g_unlink(recording);
}

static void expect_refused(const char *args, const char *why)
{
    g_autofree char *output = NULL, *errors = NULL;

    g_assert_cmpint(qtest_run(args, &output, &errors), ==, 1);
    g_test_message("%s", errors);
    g_assert_nonnull(strstr(errors, why));
}

static void test_command_line(void)
{
    g_autofree char *odd = make_image("odd", 5 * 512, 0);
    g_autofree char *one = g_strdup_printf("-accel qtest -drive if=pflash,file=%s,format=raw", odd);
    g_autofree char *twice = arguments("-accel qtest -machine pflash0=pflash1");
    g_autofree char *both = arguments("-accel qtest -bios nothing");
    g_autofree char *second = g_strdup_printf(
        "-accel qtest -drive if=pflash,unit=1,file=%s,format=raw", vars);
    g_autofree char *nothing = g_strdup("-accel qtest -machine pflash0=nothing");

    expect_refused(one, "has 2560 bytes, not a multiple of 4 KiB");
    expect_refused(twice, "there is flash 0 already, with drive pflash");
    expect_refused(both, "-bios and a flash drive: there can be one firmware");
    expect_refused(second, "a second flash drive needs a first one");
    expect_refused(nothing, "nothing");
    g_unlink(odd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("hvm-dm-flash-XXXXXX", NULL);
    g_test_add_func("/flash/content", test_content);
    g_test_add_func("/flash/query", test_query);
    g_test_add_func("/flash/edk2-probe", test_edk2_probe);
    g_test_add_func("/flash/program", test_program);
    g_test_add_func("/flash/buffer", test_buffer);
    g_test_add_func("/flash/refused", test_refused);
    g_test_add_func("/flash/saved", test_saved);
    g_test_add_func("/flash/replayed", test_replayed);
    g_test_add_func("/flash/command-line", test_command_line);
    int rc = g_test_run();
    g_unlink(code);
    g_unlink(vars);
    g_rmdir(dir);
    g_free(dir);
    g_free(code);
    g_free(vars);
    return rc;
}
