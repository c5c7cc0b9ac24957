/*
 * The qtest protocol, a command after the other, and what is said to those that make no sense.
 */
#include <stdio.h>
#include <string.h>

#include "tests/qtest/qtest.h"

struct exchange {
    const char *line, *answer;
};

static void converse(const struct exchange *e, unsigned n)
{
    struct qtest *q = qtest_start("");

    for (unsigned i = 0; i < n; i++)
        qtest_expect(q, e[i].line, e[i].answer);
    qtest_end(q);
}

/* Port 0x80 is the POST code latch; 0x1000 is nobody's; CONFADD at 0xCF8 takes 4 bytes only. */
static void test_ports(void)
{
    static const struct exchange e[] = {
        { "outb 0x80 0xa5", "OK" },        { "inb 0x80", "OK 0x00a5" },
        { "outb 128 90", "OK" },           { "inb 128", "OK 0x005a" },
        { "inb 0x1000", "OK 0x00ff" },     { "inw 0x1000", "OK 0xffff" },
        { "outl 0xcf8 0x80000000", "OK" }, { "inl 0xcf8", "OK 0x80000000" },
        { "inl 0xcfc", "OK 0x12378086" },  { "inw 0xcfe", "OK 0x1237" },
    };

    converse(e, G_N_ELEMENTS(e));
}

static void test_memory(void)
{
    static const struct exchange e[] = {
        { "writeq 0x1000 0x1122334455667788", "OK" },
        { "readq 0x1000", "OK 0x1122334455667788" },
        { "readl 0x1000", "OK 0x0000000055667788" },
        { "readw 0x1006", "OK 0x0000000000001122" },
        { "readb 0x1007", "OK 0x0000000000000011" },
        { "writeb 0x1000 0xff", "OK" },
        { "writew 0x1002 0xbeef", "OK" },
        { "writel 0x1004 0xdeadcafe", "OK" },
        { "readq 0x1000", "OK 0xdeadcafebeef77ff" },
        { "read 0x1000 0x8", "OK 0xff77efbefecaadde" },
        { "write 0x2000 0x3 0x010203", "OK" },
        { "read 0x2000 4", "OK 0x01020300" },
        { "write 0x2000 0x4 0xff", "OK" }, /* what is missing is zero */
        { "read 0x2000 4", "OK 0xff000000" },
        { "memset 0x2001 2 0x77", "OK" },
        { "read 0x2000 4", "OK 0xff777700" },
        { "b64write 0x3000 3 Zm9v", "OK" },
        { "b64read 0x3000 3", "OK Zm9v" },
        { "read 0x3000 3", "OK 0x666f6f" },
    };

    converse(e, G_N_ELEMENTS(e));
}

/* Memory that is not there reads as the bus floats; a range may begin in it and end elsewhere. */
static void test_memory_edges(void)
{
    static const struct exchange e[] = {
        { "readl 0x8000000", "OK 0x00000000ffffffff" }, /* 128 MiB */
        { "write 0x7fffffe 0x4 0x01020304", "OK" },
        { "read 0x7fffffe 4", "OK 0x0102ffff" },
        { "readq 0xfffffffffffffffc", "OK 0xffffffffffffffff" },
        { "writeq 0xffffffffffffffff 0", "OK" },
        { "read 0xfffffffffffffff0 0x20", NULL },
        { "read 0 0", "OK 0x" },
        { "write 0 0 0x", "OK" },
    };

    struct qtest *q = qtest_start("");
    for (unsigned i = 0; i < G_N_ELEMENTS(e); i++) {
        g_autofree char *got = qtest_ask(q, "%s", e[i].line);
        if (e[i].answer != NULL)
            g_assert_cmpstr(got, ==, e[i].answer);
        else
            g_assert_true(g_str_has_prefix(got, "OK 0xffff"));
    }
    qtest_end(q);
}

static void test_large_transfers(void)
{
    struct qtest *q = qtest_start("");
    gsize size = 1u << 20;
    g_autofree uint8_t *out = g_malloc(size), *in = g_malloc(size);

    for (gsize i = 0; i < size; i++)
        out[i] = (uint8_t)(i * 7 + (i >> 8));
    qtest_memwrite(q, 0x200000, out, size);
    qtest_memread(q, 0x200000, in, size);
    g_assert_cmpmem(in, size, out, size);
    qtest_end(q);
}

static void test_clock(void)
{
    struct qtest *q = qtest_start("");

    g_assert_cmpint(qtest_step(q, 0), ==, 0);
    g_assert_cmpint(qtest_step(q, 1000), ==, 1000);
    qtest_expect(q, "clock_set 5000", "OK 5000");
    qtest_expect(q, "clock_set 10", "OK 5000"); /* not backwards */
    qtest_outb(q, 0x43, 0x34);                  /* counter 0, rate generator, ten ticks */
    qtest_outb(q, 0x40, 10);
    qtest_outb(q, 0x40, 0);
    int64_t next = qtest_step_next(q);
    g_assert_cmpint(next, >, 5000);
    g_assert_cmpint(next, <=, 5000 + 12 * 839);
    qtest_end(q);
}

static void test_interrupts(void)
{
    struct qtest *q = qtest_start("");

    qtest_expect(q, "set_irq_in ioapic anonymous 5 1", "OK");
    g_assert_false(qtest_irq(q, 5)); /* nobody asked to be told */
    qtest_expect(q, "set_irq_in ioapic anonymous 5 0", "OK");
    qtest_expect(q, "irq_intercept_in ioapic", "OK");
    qtest_expect(q, "irq_intercept_out ioapic", "OK");
    qtest_expect(q, "set_irq_in ioapic anonymous 5 1", "OK");
    g_assert_true(qtest_irq(q, 5));
    qtest_expect(q, "set_irq_in ioapic anonymous 5 0", "OK");
    g_assert_false(qtest_irq(q, 5));
    g_assert_cmpuint(qtest_irq_rises(q, 5), ==, 1);
    qtest_expect(q, "set_irq_in ioapic anonymous 4000000000 1", "OK"); /* no such line */
    qtest_end(q);
}

static void test_errors(void)
{
    static const char *const lines[] = {
        "frobnicate",
        "inb",
        "inb x",
        "inb 0x80x",
        "outb 0x80",
        "outb 0x80 y",
        "outb y 1",
        "readq",
        "readq nowhere",
        "writeq 0x1000",
        "read 0x1000",
        "read 0x1000 x",
        "read 0x1000 0x100000000",
        "write 0x1000 4",
        "write 0x1000 4 01020304",
        "write 0x1000 0xffffffffffffffff 0x00",
        "memset 0x1000 4",
        "memset 0x1000 4 z",
        "memset 0x1000 0x7fffffffffffffff 0",
        "b64read 0x1000",
        "b64read 0x1000 0xffffffff",
        "b64write 0x1000 4",
        "b64write 0x1000 4 Zm9v", /* three bytes */
        "clock_step soon",
        "clock_set",
        "clock_set soon",
        "irq_intercept_in",
        "set_irq_in ioapic anonymous 1",
        "set_irq_in ioapic anonymous x 1",
        "set_irq_in ioapic anonymous 1 x",
    };
    struct qtest *q = qtest_start("");

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *got = qtest_ask(q, "%s", lines[i]);
        g_test_message("%s: %s", lines[i], got);
        g_assert_true(g_str_has_prefix(got, "FAIL "));
        qtest_expect(q, "endianness", "OK little"); /* and it goes on */
    }
    qtest_end(q);
}

/* Blank lines are nothing; blanks around words, and lines in one piece or many, make no difference.
 */
static void test_form(void)
{
    struct qtest *q = qtest_start("");

    qtest_expect(q, "\n\r\n  outb   0x80\t7  \r", "OK");
    qtest_expect(q, "inb 0x80", "OK 0x0007");
    g_autofree char *first = qtest_ask(q, "inb 0x80\nendianness");
    g_assert_cmpstr(first, ==, "OK 0x0007");
    qtest_expect(q, "inw 0x1000", "OK little"); /* the answer of the line before */
    qtest_end(q);
}

static void test_log(void)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-log-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *args = g_strdup_printf("-qtest-log %s", path);
    g_autofree char *text = NULL;

    struct qtest *q = qtest_start(args);
    qtest_outb(q, 0x80, 1);
    qtest_end(q);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "outb 0x80 0x1\n"));
    g_assert_nonnull(strstr(text, "OK\n"));
    remove(path);
    remove(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/protocol/ports", test_ports);
    g_test_add_func("/protocol/memory", test_memory);
    g_test_add_func("/protocol/memory-edges", test_memory_edges);
    g_test_add_func("/protocol/large-transfers", test_large_transfers);
    g_test_add_func("/protocol/clock", test_clock);
    g_test_add_func("/protocol/interrupts", test_interrupts);
    g_test_add_func("/protocol/errors", test_errors);
    g_test_add_func("/protocol/form", test_form);
    g_test_add_func("/protocol/log", test_log);
    return g_test_run();
}
