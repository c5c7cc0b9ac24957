/*
 * kill -9 at any moment: what the disk said is written is in the image.
 *
 * A driver in a process of its own writes files and a journal by bus master, as a file system does,
 * and counts what was flushed; this process kills the machine under it. KILL_ROUNDS: how often.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/bytes.h"
#include "tests/qtest/qtest.h"

#define IDE  0x09 /* slot 1, function 1 */
#define BM   0xc000
#define BASE 0x1f0
#define PRDS 0x1000u
#define DATA 0x20000u

#define FILE_SIZE    0x10000u
#define FILES        512u
#define JOURNAL      ((uint64_t)FILES * FILE_SIZE) /* behind the files: a record of 1 KiB each */
#define RECORD       1024u
#define RECORDS      64u
#define IMAGE_SIZE   (JOURNAL + (uint64_t)RECORDS * RECORD)
#define LONGEST_LIFE 150000 /* us */

static char *path;
static unsigned *durable; /* shared with the driver: how many files' records were flushed */

static void wait_done(struct qtest *q)
{
    while ((qtest_inb(q, BASE + 0x206) & 0x80) != 0)
        ;
    g_assert_cmphex(qtest_inb(q, BASE + 7) & 0x21, ==, 0);
}

static void taskfile(struct qtest *q, uint8_t command, uint64_t lba, uint16_t sectors)
{
    for (unsigned half = 0; half < 2; half++) { /* the upper bytes go first */
        unsigned shift = half == 0 ? 24 : 0;
        qtest_outb(q, BASE + 2, (uint8_t)(sectors >> (half == 0 ? 8 : 0)));
        for (unsigned i = 0; i < 3; i++)
            qtest_outb(q, (uint16_t)(BASE + 3 + i), (uint8_t)(lba >> (shift + 8 * i)));
    }
    qtest_outb(q, BASE + 6, 0x40);
    qtest_outb(q, BASE + 7, command);
}

/* WRITE DMA EXT of what is at DATA. */
static void write_disk(struct qtest *q, uint64_t offset, uint32_t size)
{
    qtest_writel(q, PRDS, DATA);
    qtest_writel(q, PRDS + 4, (size & 0xffff) | 1u << 31); /* 0: 64 KiB */
    qtest_outl(q, BM + 4, PRDS);
    qtest_outb(q, BM, 0);
    qtest_outb(q, BM + 2, 6);
    taskfile(q, 0x35, offset / 512, (uint16_t)(size / 512));
    qtest_outb(q, BM, 1);
    while ((qtest_inb(q, BM + 2) & 4) == 0)
        ;
    wait_done(q);
    qtest_outb(q, BM, 0);
}

static void fill(uint8_t *data, size_t size, uint32_t number)
{
    for (size_t at = 0; at < size; at += 4)
        put_le32(data + at, number + (uint32_t)at);
}

/* The driver; it fails when the machine is gone. */
static void write_files(struct qtest *q, unsigned last)
{
    static uint8_t data[FILE_SIZE];

    for (uint32_t n = 0; n < FILES; n++) {
        fill(data, FILE_SIZE, n);
        qtest_memwrite(q, DATA, data, FILE_SIZE);
        write_disk(q, (uint64_t)n * FILE_SIZE, FILE_SIZE);
        write_disk(q, JOURNAL + (uint64_t)(n % RECORDS) * RECORD, RECORD);
        taskfile(q, 0xea, 0, 0); /* FLUSH CACHE EXT */
        wait_done(q);
        __atomic_store_n(durable, n + 1, __ATOMIC_SEQ_CST);
        if (n == last)
            kill(qtest_pid(q), SIGKILL); /* the moment after the answer */
    }
}

static void check_image(unsigned files)
{
    static uint8_t wanted[FILE_SIZE];
    g_autofree char *all = NULL;

    g_assert_true(g_file_get_contents(path, &all, NULL, NULL));
    for (uint32_t n = 0; n < files; n++) {
        fill(wanted, FILE_SIZE, n);
        g_assert_cmpmem(all + (size_t)n * FILE_SIZE, FILE_SIZE, wanted, FILE_SIZE);
        if (n + RECORDS > files) /* else a later one may have its place */
            g_assert_cmpmem(all + JOURNAL + (size_t)(n % RECORDS) * RECORD, RECORD, wanted, RECORD);
    }
}

static struct qtest *start(void)
{
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw", path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(ftruncate(fd, (off_t)IMAGE_SIZE), ==, 0);
    close(fd);
    struct qtest *q = qtest_start(args);
    qtest_pci_write(q, IDE, 0x20, BM, 4);
    qtest_pci_write(q, IDE, 0x40, 0x80008000, 4);
    qtest_pci_write(q, IDE, 0x04, 5, 2);
    return q;
}

/*
 * How many files were flushed before the machine was killed: at any moment, or as soon as the file
 * `last` was.
 */
static unsigned kill_round(unsigned last)
{
    struct qtest *q = start();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    *durable = 0;
    pid_t driver = fork();
    if (driver == 0) {
        dup2(null, STDOUT_FILENO); /* its complaints are no result */
        dup2(null, STDERR_FILENO);
        write_files(q, last);
        pause();
    }
    close(null);
    if (last >= FILES) {
        g_usleep((gulong)g_random_int_range(0, LONGEST_LIFE));
        kill(qtest_pid(q), SIGKILL);
    }
    g_assert_cmpint(qtest_wait(q), ==, 128 + SIGKILL);
    kill(driver, SIGKILL);
    waitpid(driver, NULL, 0);
    return __atomic_load_n(durable, __ATOMIC_SEQ_CST);
}

static void test_kill(void)
{
    const char *wanted = g_getenv("KILL_ROUNDS");
    unsigned rounds = wanted != NULL ? (unsigned)g_ascii_strtoull(wanted, NULL, 10) : 10, files = 0;

    for (unsigned i = 0; i < rounds; i++) {
        unsigned n = kill_round(i % 2 == 0 ? FILES : (unsigned)g_random_int_range(0, 8));
        check_image(n);
        files += n;
    }
    g_test_message("%u files in %u rounds", files, rounds);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *dir = g_dir_make_tmp("hvm-dm-killed-XXXXXX", NULL);
    path = g_build_filename(dir, "image", NULL);
    durable = mmap(NULL, sizeof(*durable), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                   0);
    g_test_add_func("/killed/ide-dma", test_kill);
    int status = g_test_run();
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    munmap(durable, sizeof(*durable));
    return status;
}
